//! What a run found.

use serde::Serialize;

use crate::fit::Unfit;

/// Why a case was not tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "why", content = "detail")]
pub enum Skipped {
    /// It takes minutes and was not asked for.
    Slow,
    /// It spends PIN tries down to the last one, or locks the token for good, and was not asked for.
    Destructive,
    /// It takes the power away and was not asked for.
    Power,
    /// An earlier case that this one builds on did not pass.
    Needs(&'static str),
    /// It can only be tried on a token that is as its maker made it.
    NotFresh,
    /// Nobody can read the screen out.
    NoScreen,
    /// The token shows no code, or nobody can read it out.
    NoCode,
    /// The link hides what it would have to send.
    NoStream,
    /// The power cannot be cut in the middle of a write.
    NoSwitch,
    /// The hand could not.
    Hand(String),
    /// The run had stopped before.
    Stopped,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum Outcome {
    /// As the protocol says.
    Pass,
    /// Otherwise.
    Fail {
        /// What the protocol asks for, at the point where it differed.
        expected: String,
        /// What came.
        came: String,
    },
    /// Not tried.
    Skipped(Skipped),
}

/// One case of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The case.
    pub case: &'static str,
    /// The rule of `docs/token.md` that it checks.
    pub rule: &'static str,
    /// What was done and what is right.
    pub text: &'static str,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Why a run stopped before its last case. The token has not failed by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "stopped")]
pub enum Stop {
    /// What the run was given is not this token's.
    Unfit(Unfit),
    /// The token could not be reached any more.
    Away {
        /// The case in which it was heard for the last time; none when it never was.
        case: Option<&'static str>,
        /// How often it had gone away and come back before.
        returns: u32,
    },
}

/// All cases of a run, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Them.
    pub cases: Vec<Entry>,
    /// Why it ended early, if it did.
    pub stop: Option<Stop>,
}

impl Report {
    /// How many passed, failed, were skipped.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        self.cases.iter().fold((0, 0, 0), |(passed, failed, skipped), entry| match entry.outcome {
            Outcome::Pass => (passed + 1, failed, skipped),
            Outcome::Fail { .. } => (passed, failed + 1, skipped),
            Outcome::Skipped(_) => (passed, failed, skipped + 1),
        })
    }

    /// Whether nothing failed, and nothing that was asked for was left out.
    #[must_use]
    pub fn passes(&self) -> bool {
        let stands = |entry: &Entry| {
            !matches!(
                entry.outcome,
                Outcome::Fail { .. }
                    | Outcome::Skipped(Skipped::Needs(_) | Skipped::Hand(_) | Skipped::Stopped)
            )
        };
        self.stop.is_none() && !self.cases.is_empty() && self.cases.iter().all(stands)
    }

    /// The cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Entry> {
        self.cases.iter().filter(|entry| matches!(entry.outcome, Outcome::Fail { .. }))
    }
}
