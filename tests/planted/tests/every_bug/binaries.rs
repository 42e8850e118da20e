//! The test programs of the workspace, as cargo built them, and one test of them in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use ushield_planted::{Named, root};
use ushield_protocol::planted::{Bug, PLANTED};

/// A test program.
pub(crate) struct Binary {
    program: PathBuf,
    /// The file that it begins with.
    source: PathBuf,
    /// Its package.
    folder: PathBuf,
}

/// What became of a test with a bug.
pub(crate) enum Verdict {
    /// It failed, and what it said.
    Caught(String),
    /// It did not fail as a test does.
    Missed(String),
}

/// Builds what `cargo test --workspace` runs: within one, all of it is there.
pub(crate) fn build() -> Vec<Binary> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--workspace", "--no-run", "--locked", "--offline", "--message-format=json"]);
    // What cargo tells a test of its package is no business of another cargo: build scripts would run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST") || text == "CARGO" {
            cargo.env_remove(&name);
        }
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let output = cargo.current_dir(root()).env("CARGO_TARGET_DIR", target).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8(output.stdout).unwrap();
    messages.lines().filter_map(|line| Binary::of(&serde_json::from_str(line).ok()?)).collect()
}

impl Binary {
    fn of(message: &Value) -> Option<Self> {
        let path = |value: &Value| value.as_str().map(PathBuf::from);
        Some(Self {
            program: path(message.get("executable")?)?,
            source: path(&message["target"]["src_path"])?,
            folder: path(&message["manifest_path"])?.parent()?.to_owned(),
        })
        .filter(|_| message["profile"]["test"] == true)
    }

    /// The module of a file in this program; none if it is not part of it.
    fn module(&self, file: &Path) -> Option<String> {
        if file == self.source {
            return Some(String::new());
        }
        let is_root = matches!(self.source.file_name()?.to_str()?, "lib.rs" | "main.rs");
        let within = file.strip_prefix(self.source.parent()?).ok().filter(|_| is_root)?.with_extension("");
        Some(within.iter().map(|part| part.to_string_lossy().into_owned() + "::").collect())
    }

    /// A test's name as the program itself has it.
    fn find(&self, named: &Named<'_>) -> Option<String> {
        let module = self.module(&root().join(named.file))?;
        let output = Command::new(&self.program).args(["--list", "--format", "terse"]).output().ok()?;
        let listed = String::from_utf8(output.stdout).ok()?;
        let mut tests = listed.lines().filter_map(|line| line.strip_suffix(": test"));
        let own = |name: &&str| name.starts_with(&module) && name.rsplit("::").next() == Some(named.test);
        tests.find(own).map(str::to_owned)
    }
}

/// Runs a test with a bug in the whole of its process.
pub(crate) fn run(binaries: &[Binary], named: &Named<'_>, bug: Bug) -> Verdict {
    let found = binaries.iter().find_map(|binary| Some((binary, binary.find(named)?)));
    let Some((binary, test)) = found else { return Verdict::Missed("no such test".to_owned()) };
    let output = Command::new(&binary.program)
        .args(["--exact", &test, "--test-threads", "1"])
        .current_dir(&binary.folder)
        .env(PLANTED, bug.name())
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("a test runs");
    let said = String::from_utf8_lossy(&output.stdout);
    // A process that dies otherwise has not caught anything.
    let failed = said.contains(&format!("test {test} ... FAILED")) && output.status.code() == Some(101);
    match failed {
        true => Verdict::Caught(panic_of(&said)),
        false => Verdict::Missed(said.lines().last().unwrap_or_default().to_owned()),
    }
}

/// What the last panic says, in one line.
fn panic_of(said: &str) -> String {
    let panic = said.rsplit(" panicked at ").next().unwrap_or_default();
    let text = panic.split_once(":\n").map_or(panic, |(_, text)| text);
    let text = text.split("\nnote: run with").next().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
