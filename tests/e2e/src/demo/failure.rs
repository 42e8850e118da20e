//! Why a demonstration ends early.

use std::io;

use ushield_emulator::runner::Key;

use crate::pages::Page;

/// What went wrong, in words for the person who runs it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The system did not do something.
    #[error("{doing}: {cause}")]
    System {
        /// What was tried.
        doing: String,
        /// What it said.
        cause: io::Error,
    },
    /// A program ended otherwise than it should.
    #[error("`{command}` ended with {status}: {said}")]
    Program {
        /// Its command line, without secrets: they are never in one.
        command: String,
        /// How.
        status: String,
        /// What it said last.
        said: String,
    },
    /// A program said something that makes no sense.
    #[error("{who} said {what:?}, which is not what it should say")]
    Nonsense {
        /// Who.
        who: &'static str,
        /// What.
        what: String,
    },
    /// Nothing happened for too long.
    #[error("waited in vain for {0}")]
    Silence(String),
    /// The token shows something else than it should; no key was pressed there.
    #[error("the token's screen is not what it should be: {why}\n{}", .page.text())]
    Screen {
        /// What differs.
        why: String,
        /// What it shows.
        page: Page,
    },
    /// The token did not take a key.
    #[error("the token did not take the key {0:?}")]
    Key(Key),
    /// What happened differs from what was meant.
    #[error("what happened differs from what was meant:\n  {}", .0.join("\n  "))]
    Deviations(Vec<String>),
    /// The person left.
    #[error("you left")]
    Left,
}

impl Failure {
    /// A failure of the system while doing something.
    pub fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |cause| Self::System { doing, cause }
    }
}
