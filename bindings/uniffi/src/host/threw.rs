//! An exception of the host's.

use std::fmt;

use ushield_client::Error;
use ushield_protocol::planted::{self, Bug};

/// Its type alone: what it says may hold anything that the host was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Threw(String);

/// Longest name of a type that is kept.
const MAX_NAME: usize = 80;

impl Threw {
    /// From what the binding tells of it, which begins with the type: `java.io.IOException: text`, `TypeError('text')`.
    pub(crate) fn new(reason: &str) -> Self {
        if planted::on(Bug::HostsWordsKept) {
            return Self(reason.to_owned());
        }
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '$');
        let name: String = reason.chars().take_while(plain).take(MAX_NAME).collect();
        Self(if name.is_empty() { "exception".to_owned() } else { name })
    }

    /// An error with that behind it, where there is anything.
    pub(crate) fn behind(error: Error, because: Option<String>) -> Error {
        match because {
            Some(because) => error.caused_by(Self::new(&because)),
            None => error,
        }
    }
}

impl fmt::Display for Threw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host threw {}", self.0)
    }
}

impl std::error::Error for Threw {}

#[cfg(test)]
mod tests {
    use super::Threw;

    #[test]
    fn the_type_is_kept_and_what_it_says_is_not() {
        assert_eq!(
            Threw::new("java.io.IOException: PIN 87654321").to_string(),
            "the host threw java.io.IOException"
        );
        assert_eq!(Threw::new("ValueError('87654321')").to_string(), "the host threw ValueError");
        assert_eq!(Threw::new("").to_string(), "the host threw exception");
        assert_eq!(Threw::new(&"a".repeat(1_000)).to_string().len(), 80 + "the host threw ".len());
    }
}
