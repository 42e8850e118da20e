//! How a case ends when it does not pass.

use ushield_client::Error;

use crate::hand::Unable;
use crate::report::{Skipped, Stop};

/// Why a case did not pass.
#[derive(Debug)]
pub(crate) enum Miss {
    /// The token did something else.
    Wrong { expected: String, came: String },
    /// It could not be tried.
    Skip(Skipped),
    /// The token cannot be reached.
    Away,
    /// No case can be tried any more.
    Stop(Stop),
}

impl Miss {
    pub(crate) fn wrong(expected: impl Into<String>, came: impl Into<String>) -> Self {
        Self::Wrong { expected: expected.into(), came: came.into() }
    }
}

impl From<Skipped> for Miss {
    fn from(skipped: Skipped) -> Self {
        Self::Skip(skipped)
    }
}

impl From<Unable> for Miss {
    fn from(Unable(reason): Unable) -> Self {
        Self::Skip(Skipped::Hand(reason))
    }
}

/// Only for what is no answer to a case: no link.
impl From<Error> for Miss {
    fn from(_: Error) -> Self {
        Self::Away
    }
}

/// How a step of a case ends.
pub(crate) type Step<T = ()> = Result<T, Miss>;

/// What must hold.
pub(crate) fn want(holds: bool, expected: &str, came: impl FnOnce() -> String) -> Step {
    if holds { Ok(()) } else { Err(Miss::wrong(expected, came())) }
}
