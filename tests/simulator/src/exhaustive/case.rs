//! A case: which faults meet which messages.

use std::fmt;

use crate::exhaustive::damage::Damage;
use crate::exhaustive::mishap::Mishap;
use crate::fault::Fault;
use crate::link::Hole;

/// Faults of the link that lose nothing for good.
pub const LINK: [Fault; 6] = [
    Fault::FrameLost,
    Fault::FrameDuplicated,
    Fault::FrameSwapped,
    Fault::FrameLate,
    Fault::CutBefore,
    Fault::CutAfter,
];
/// Those of which two are tried together.
pub const LINK_IN_PAIRS: [Fault; 4] =
    [Fault::FrameLost, Fault::FrameDuplicated, Fault::FrameSwapped, Fault::CutBefore];
/// Faults of the way to the bank.
pub const BANK: [Fault; 7] = [
    Fault::RequestLost,
    Fault::RequestDoubled,
    Fault::RequestLate,
    Fault::FrontEndFails,
    Fault::ReplyLost,
    Fault::BankBefore,
    Fault::BankAfter,
];
/// Those of which two are tried together.
pub const BANK_IN_PAIRS: [Fault; 3] = [Fault::RequestLost, Fault::ReplyLost, Fault::RequestDoubled];

/// Something that goes wrong once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// To a message of the link.
    Link(u64, Fault),
    /// To a request or its reply.
    Bank(u64, Fault),
    /// To a message's bytes.
    Bytes(u64, Damage),
    /// To a command to a card or its answer.
    Command(u64, Mishap),
    /// From this fragment on nothing arrives for a while.
    Hole(u64, Hole),
    /// The phone's system never takes this fragment, and none after it on the connection.
    Stuck(u64),
}

impl Blow {
    /// Which kind it is, for counts.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Link(_, fault) | Self::Bank(_, fault) => fault.name(),
            Self::Bytes(_, Damage::Byte(_)) => "byte corrupted",
            Self::Bytes(_, Damage::End(_)) => "truncated",
            Self::Command(_, mishap) => mishap.class(),
            Self::Hole(..) => "hole",
            Self::Stuck(_) => "system stuck",
        }
    }
}

/// What goes wrong in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case(pub Vec<Blow>);

impl Case {
    /// With one blow.
    #[must_use]
    pub fn one(blow: Blow) -> Self {
        Self(vec![blow])
    }

    /// Whether bytes are other ones, which may end in an error.
    #[must_use]
    pub fn alters(&self) -> bool {
        self.0.iter().any(|blow| match blow {
            Blow::Bytes(..) => true,
            Blow::Command(_, mishap) => mishap.alters(),
            Blow::Link(..) | Blow::Bank(..) | Blow::Hole(..) | Blow::Stuck(_) => false,
        })
    }

    /// Which kind it is, for counts.
    #[must_use]
    pub fn class(&self) -> String {
        let classes: Vec<_> = self.0.iter().map(|blow| blow.class()).collect();
        classes.join(" + ")
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
