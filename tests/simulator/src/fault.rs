//! What can go wrong, how often in a run, and what of it went wrong in which state of the protocol.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::rng::Rng;

macro_rules! closed {
    ($(#[$doc:meta])* $name:ident { $($(#[$d:meta])* $v:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$d])* $v,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$v,)*];

            /// For the table.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$v => $text,)* }
            }
        }
    };
}

closed! {
    /// A kind of fault.
    Fault {
        /// The connection is not made.
        ConnectFails = "connect fails",
        /// A message on the link is lost, and nobody is told.
        FrameLost = "frame lost",
        /// It arrives twice.
        FrameDuplicated = "frame duplicated",
        /// The next one overtakes it.
        FrameSwapped = "frame swapped",
        /// It is held back for the next one, which does not come.
        FrameHeld = "frame held",
        /// It arrives after everybody has given up.
        FrameLate = "frame late",
        /// The link is cut before it.
        CutBefore = "cut before",
        /// The link is cut after it.
        CutAfter = "cut after",
        /// The app is killed.
        PhoneKilled = "phone killed",
        /// The phone's power goes before a commit.
        DiskBefore = "disk cut before",
        /// The phone's power goes after a commit, which nobody hears of.
        DiskAfter = "disk cut after",
        /// The disk is full: the commit fails.
        DiskFull = "disk full",
        /// The token's power goes while it does nothing to its flash.
        TokenOff = "token off",
        /// The token's power goes while it writes.
        FlashCut = "flash cut",
        /// And again while it recovers.
        FlashCutAgain = "flash cut again",
        /// A request does not reach the bank.
        RequestLost = "request lost",
        /// A request reaches the bank twice.
        RequestDoubled = "request doubled",
        /// A request reaches the bank after everybody has given up.
        RequestLate = "request late",
        /// The bank's reply is lost.
        ReplyLost = "reply lost",
        /// Something before the bank answers in its place.
        FrontEndFails = "front end 503",
        /// The bank's power goes before its commit.
        BankBefore = "bank cut before",
        /// The bank's power goes after its commit.
        BankAfter = "bank cut after",
    }
}

closed! {
    /// What a phone is doing.
    Doing {
        /// Nothing.
        Idle = "idle",
        /// Signs in.
        SigningIn = "sign-in",
        /// Pairs.
        Pairing = "pairing",
        /// Changes the PIN.
        PinChange = "pin",
        /// Stores a certificate.
        Installing = "install",
        /// Its order is in this state.
        Requested = "requested",
        /// As above.
        Prepared = "prepared",
        /// As above.
        Sent = "sent",
        /// As above.
        Shown = "shown",
        /// As above.
        Decided = "decided",
        /// As above.
        Submitted = "submitted",
        /// Its order is being taken back.
        Cancelling = "cancelling",
    }
}

impl Fault {
    /// Whether this can happen while a phone does that. A cell that can is one that has to be reached.
    #[must_use]
    pub fn can_meet(self, doing: Doing) -> bool {
        use Doing as D;
        let link = matches!(
            doing,
            D::Pairing | D::PinChange | D::Installing | D::Prepared | D::Sent | D::Shown | D::Cancelling
        );
        let bank = matches!(
            doing,
            D::SigningIn | D::Requested | D::Prepared | D::Sent | D::Shown | D::Submitted | D::Cancelling
        );
        match self {
            // The phone says that it installs when the connection stands.
            Self::ConnectFails => link && doing != D::Installing,
            Self::FrameLost | Self::FrameDuplicated | Self::FrameHeld => link,
            // Two messages in one direction while nobody answers: a token that waits for its customer says so.
            Self::FrameSwapped => matches!(doing, D::Sent | D::Shown),
            Self::FrameLate | Self::CutBefore | Self::CutAfter => link,
            Self::PhoneKilled => doing != D::Decided,
            // One commit leads out of each of these; none is made while nothing is done.
            Self::DiskBefore | Self::DiskAfter | Self::DiskFull => !matches!(doing, D::Idle | D::PinChange),
            Self::TokenOff => doing != D::Decided,
            Self::FlashCut => matches!(doing, D::Pairing | D::PinChange | D::Installing | D::Sent | D::Shown),
            // An interrupted decision is what a start has to finish.
            Self::FlashCutAgain => matches!(doing, D::Idle | D::Pairing | D::Shown),
            Self::RequestLost | Self::RequestDoubled | Self::RequestLate | Self::ReplyLost => bank,
            Self::FrontEndFails | Self::BankBefore | Self::BankAfter => bank,
        }
    }
}

/// How often each fault comes, in 1,000 chances.
#[derive(Clone, Debug)]
pub struct Plan {
    rates: BTreeMap<Fault, u64>,
    rng: Rng,
    /// Faults come no more.
    pub over: bool,
}

impl Plan {
    /// Each seed has some of the faults, some of them often: a mixture of everything finds less.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 1);
        let mut rates = BTreeMap::new();
        let share = *rng.pick(&[0, 100, 250, 500]);
        for fault in Fault::ALL {
            if rng.permille(share) {
                rates.insert(*fault, *rng.pick(&[5, 20, 60, 150]));
            }
        }
        Self { rates, rng, over: false }
    }

    /// No faults at all.
    #[must_use]
    pub fn none() -> Self {
        Self { rates: BTreeMap::new(), rng: Rng::new(0, 1), over: true }
    }

    /// Whether this fault comes at this chance.
    pub fn strikes(&mut self, fault: Fault) -> bool {
        let rate = self.rates.get(&fault).copied().unwrap_or(0);
        !self.over && rate > 0 && self.rng.permille(rate)
    }

    /// Whether a rare chance is taken, where a run has this fault at all.
    pub fn strikes_often(&mut self, fault: Fault) -> bool {
        !self.over && self.rates.contains_key(&fault) && self.rng.permille(500)
    }

    /// The first of these that comes.
    pub fn first(&mut self, of: &[Fault]) -> Option<Fault> {
        of.iter().copied().find(|fault| self.strikes(*fault))
    }
}

/// What happened in which state, over any number of runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table(BTreeMap<(Fault, Doing), u64>);

impl Table {
    /// One more.
    pub fn count(&mut self, fault: Fault, doing: Doing) {
        *self.0.entry((fault, doing)).or_default() += 1;
    }

    /// All of another table.
    pub fn add(&mut self, other: &Self) {
        for (cell, times) in &other.0 {
            *self.0.entry(*cell).or_default() += times;
        }
    }

    /// How often anything went wrong.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Cells that should have been reached and were not.
    #[must_use]
    pub fn missing(&self) -> Vec<(Fault, Doing)> {
        let cells = Fault::ALL.iter().flat_map(|fault| Doing::ALL.iter().map(|doing| (*fault, *doing)));
        cells
            .filter(|(fault, doing)| fault.can_meet(*doing) && !self.0.contains_key(&(*fault, *doing)))
            .collect()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:17}", "")?;
        for doing in Doing::ALL {
            write!(f, "{:>11}", doing.name())?;
        }
        for fault in Fault::ALL {
            write!(f, "\n{:17}", fault.name())?;
            for doing in Doing::ALL {
                let mut cell = String::new();
                match self.0.get(&(*fault, *doing)) {
                    Some(times) => write!(cell, "{times}")?,
                    None if fault.can_meet(*doing) => cell.push_str("MISSING"),
                    None => cell.push('·'),
                }
                write!(f, "{cell:>11}")?;
            }
        }
        Ok(())
    }
}
