//! Tests by the names that `docs/threat-model.md` and [`Bug::caught_by`] give them: `file: test`.
//!
//! [`Bug::caught_by`]: ushield_protocol::planted::Bug::caught_by

use std::fmt;
use std::path::{Path, PathBuf};

/// A test of this workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named<'a> {
    /// Its file, from the workspace's root.
    pub file: &'a str,
    /// Its function.
    pub test: &'a str,
}

impl<'a> Named<'a> {
    /// The test of a name; none if the name is that of something else.
    #[must_use]
    pub fn parse(name: &'a str) -> Option<Self> {
        let (file, test) = name.split_once(": ")?;
        let is_test = test.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !test.is_empty();
        (file.ends_with(".rs") && is_test).then_some(Self { file, test })
    }

    /// Whether its file has such a function.
    #[must_use]
    pub fn exists(&self) -> bool {
        let source = std::fs::read_to_string(root().join(self.file)).unwrap_or_default();
        source.contains(&format!("fn {}(", self.test))
    }
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.test)
    }
}

/// The workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap_or_default()
}
