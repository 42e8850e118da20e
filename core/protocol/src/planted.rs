//! Bugs on purpose, for the tests that must catch them. Without the feature `planted` the question is a constant `false`, and nothing
//! of a bug is left in the program.
//!
//! `if planted::on(Bug::X)` stands where the bug would be made. A thread turns one on for itself ([`plant`]), a test of programs
//! with several threads turns one on for the process ([`plant_everywhere`]).

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("planted bugs are for tests: this is a release build");

macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident = $name:literal,)*) => {
        /// A bug that somebody could really write.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug {
            $($(#[$doc])* $bug,)*
        }

        impl Bug {
            /// All of them.
            pub const ALL: &'static [Bug] = &[$(Bug::$bug,)*];

            /// Its name on a command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Bug::$bug => $name,)* }
            }
        }
    };
}

bugs! {
    /// Bank: an answer that was recorded is decided again.
    NoDeduplication = "no-deduplication",
    /// Bank: the watermark of an order is read again whenever the order is handed out again.
    WatermarkReadAgain = "watermark-read-again",
    /// Bank: a rejection counts as an approval.
    RejectionAccepted = "rejection-accepted",
    /// Bank: the reply leaves before the transaction is durable.
    ReplyBeforeCommit = "reply-before-commit",

    /// Token: the counter is stored after the signature has left.
    CounterAfterSignature = "counter-after-signature",
    /// Token: the PIN is compared when it arrives, not at OK.
    PinBeforeOk = "pin-before-ok",
    /// Token: a second block is compared without a second OK.
    TwoComparisons = "two-comparisons",
    /// Token: the floor is raised by an order that nobody decided.
    FloorByUndecided = "floor-by-undecided",
    /// Token: a try is written as spent after the comparison.
    TriesAfterCompare = "tries-after-compare",
    /// Token: an answer is released before it is stored.
    ReleasedBeforeStored = "released-before-stored",
    /// Token: an OK pressed on an earlier page counts on the last one.
    BufferedOk = "buffered-ok",
    /// Token: OK counts on every page.
    OkBeforeLastPage = "ok-before-last-page",
    /// Token: an order that was approved is signed again, with a new counter, when it is delivered again.
    SignsAgain = "signs-again",
    /// Token: a second order replaces the one that is shown.
    ReviewReplaced = "review-replaced",
    /// Token: whom an order is addressed to is not looked at.
    AddresseeIgnored = "addressee-ignored",
    /// Token: any paired phone cancels any review.
    CancelByAnyPhone = "cancel-by-any-phone",
    /// Token: the bank's signature over an order is not verified.
    OrderUnverified = "order-unverified",
    /// Token: a K1 whose hint matches nobody is answered with the handshake.
    StrangerAnswered = "stranger-answered",
    /// Token: pairing tries are counted at their end and not at P3.
    PairingTriesAtEnd = "pairing-tries-at-end",

    /// Channel: a message that does not open is tried as the one before it, since links repeat.
    RepeatTolerated = "repeat-tolerated",
    /// Channel: the phone goes on after a message that did not open.
    BrokenChannelGoesOn = "broken-channel-goes-on",

    /// Pages: the creditor's account is left out, at the token and at the bank.
    FieldNotRendered = "field-not-rendered",
    /// Pages: a space stays at a line's end, where nobody sees it.
    TrailingSpace = "trailing-space",

    /// Client: that an order is asked for is stored after the request was sent.
    IntentAfterSending = "intent-after-sending",
    /// Client: a creation whose reply was lost is asked for again under a new key.
    RetryUnderNewId = "retry-under-new-id",
    /// Client: an order is shown as failed without a receipt.
    FailedWithoutReceipt = "failed-without-receipt",
    /// Client: an answer is sent to the bank before it is stored.
    SubmittedBeforeStored = "submitted-before-stored",
    /// Client: an order that was taken back is submitted all the same.
    SubmittedAfterCancel = "submitted-after-cancel",
    /// Client: a receipt's signature is not verified.
    ReceiptUnverified = "receipt-unverified",
    /// Client's store: a commit is acknowledged before the disk has it.
    AcknowledgedBeforeCommit = "acknowledged-before-commit",
}

impl Bug {
    /// The bug of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name)
    }
}

/// Whether this bug is planted.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn on(_: Bug) -> bool {
    false
}

#[cfg(feature = "planted")]
pub use self::chosen::{on, plant, plant_everywhere};

#[cfg(feature = "planted")]
mod chosen {
    use core::cell::Cell;
    use std::sync::Mutex;
    use std::thread_local;

    use super::Bug;

    thread_local! {
        static HERE: Cell<Option<Bug>> = const { Cell::new(None) };
    }
    static EVERYWHERE: Mutex<Option<Bug>> = Mutex::new(None);

    /// Whether this bug is planted, in this thread or everywhere.
    #[must_use]
    pub fn on(bug: Bug) -> bool {
        HERE.get() == Some(bug) || EVERYWHERE.lock().is_ok_and(|planted| *planted == Some(bug))
    }

    /// Plants a bug in this thread, instead of the one before.
    pub fn plant(bug: Option<Bug>) {
        HERE.set(bug);
    }

    /// Plants a bug in every thread of the process, instead of the one before.
    pub fn plant_everywhere(bug: Option<Bug>) {
        if let Ok(mut planted) = EVERYWHERE.lock() {
            *planted = bug;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again_and_no_bug_is_planted_by_itself() {
        for bug in Bug::ALL {
            assert_eq!(Bug::from_name(bug.name()), Some(*bug));
            assert!(!on(*bug));
        }
    }

    #[cfg(feature = "planted")]
    #[test]
    fn a_bug_is_planted_in_one_thread_alone() {
        plant(Some(Bug::BufferedOk));
        assert!(on(Bug::BufferedOk) && !on(Bug::PinBeforeOk));
        assert!(std::thread::spawn(|| !on(Bug::BufferedOk)).join().unwrap());
        plant(None);
        assert!(!on(Bug::BufferedOk));
    }
}
