//! Bugs on purpose, for the tests that must catch them. Without the feature `planted` the question is a constant `false`, and nothing
//! of a bug is left in the program.
//!
//! `if planted::on(Bug::X)` stands where the bug would be made. A thread turns one on for itself ([`plant`]); the variable
//! `USHIELD_PLANTED` turns one on by its name for a whole process: so `tests/planted` runs the tests that have to fail.

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("planted bugs are for tests: this is a release build");

macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident = $name:literal, caught by [$($test:expr),+ $(,)?],)*) => {
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

            /// The tests that must fail with it, each as `file: test`.
            #[must_use]
            pub const fn caught_by(self) -> &'static [&'static str] {
                match self { $(Bug::$bug => &[$($test),+],)* }
            }
        }
    };
}

// Tests that catch many.
const SEEDS: &str = "tests/simulator/tests/seeds.rs: everything_that_was_confirmed_is_executed_once_in_every_state_under_every_fault";
const CHAOS: &str = "tests/emulator/logic/tests/token/chaos.rs: only_what_was_decided_is_signed";
const CUTS_1: &str = "tests/emulator/logic/tests/token/cuts.rs: every_operation_of_every_command_first_half";
const CUTS_2: &str = "tests/emulator/logic/tests/token/cuts.rs: every_operation_of_every_command_second_half";
const FRONT_END: &str = "tests/e2e/tests/evil_random/front_end.rs: a_hostile_front_end_gets_nothing";
const LIAR: &str = "tests/e2e/tests/evil_random/token.rs: a_lying_token_gets_nowhere";
const FRAGMENTS: &str = "tests/simulator/tests/links/fragments.rs: every_fault_at_every_fragment";
const CRASHES: &str = "tests/store/tests/crash_points.rs: the_phone_dies_at_every_step_and_again";

bugs! {
    /// Binding: a connection that nobody waits for any more is left to the host.
    HostLeftConnected = "host-left-connected", caught by [
        "bindings/uniffi/src/host/tests.rs: a_connection_that_nobody_waits_for_any_more_is_ended",
        "bindings/uniffi/src/host/tests.rs: a_card_that_is_dropped_is_released",
        "bindings/uniffi/src/host/tests.rs: an_end_that_nobody_waits_for_any_more_goes_on",
    ],
    /// Binding: a host that does not answer is waited for.
    HostWaitedForEver = "host-waited-for-ever", caught by [
        "bindings/uniffi/src/host/tests.rs: a_radio_that_does_not_connect_is_an_error_in_time",
        "bindings/uniffi/src/host/tests.rs: a_bank_that_does_not_answer_is_unreachable",
        "bindings/uniffi/src/host/tests.rs: a_key_store_that_fails_is_a_failure_of_the_key_store",
    ],
    /// Binding: what a host's exception says is kept with the error.
    HostsWordsKept = "hosts-words-kept", caught by [
        "bindings/uniffi/src/host/threw.rs: the_type_is_kept_and_what_it_says_is_not",
        "bindings/uniffi/src/host/tests.rs: a_radio_that_does_not_connect_is_an_error_in_time",
    ],
    /// Binding: a PIN answers whichever question is open.
    PinForAnyQuestion = "pin-for-any-question", caught by [
        "bindings/uniffi/src/operation/tests.rs: a_pin_answers_its_own_question_and_no_other",
    ],
    /// Bank: an answer that was recorded is decided again.
    NoDeduplication = "no-deduplication", caught by [
        SEEDS,
        "tests/bank/tests/suite/authorizations.rs: sixty_four_at_once_execute_once_and_are_told_the_same",
        "tests/bank/tests/suite/decisions.rs: a_recorded_payload_has_its_stored_reply_whatever_else_is_so",
    ],
    /// Bank: the watermark of an order is read again whenever the order is handed out again.
    WatermarkReadAgain = "watermark-read-again", caught by [
        SEEDS,
    ],
    /// Bank: a rejection counts as an approval.
    RejectionAccepted = "rejection-accepted", caught by [
        SEEDS,
    ],
    /// Bank: the reply leaves before the transaction is durable.
    ReplyBeforeCommit = "reply-before-commit", caught by [
        SEEDS,
    ],
    /// Bank: a key that is in two states is not frozen.
    TwoStatesBorne = "two-states-borne", caught by [
        "tests/bank/tests/suite/decisions.rs: each_sign_of_two_states_freezes_the_key_and_refuses_the_order",
    ],
    /// Bank: an order is found by its id, whatever its bytes say by now.
    AnyBytesOfAnOrder = "any-bytes-of-an-order", caught by [
        "tests/bank/tests/suite/decisions.rs: an_amount_changed_between_order_and_execution_is_no_order",
    ],
    /// Bank: a payment to another bank is taken from the debtor and booked nowhere.
    OneSidedBooking = "one-sided-booking", caught by [
        SEEDS,
    ],
    /// Bank: that the token's device key signed an attestation is not verified.
    AttestationUnverified = "attestation-unverified", caught by [
        "tests/bank/tests/suite/certificates.rs: an_attestation_that_lies_about_its_request_is_refused",
    ],

    /// Token: the counter is stored after the signature has left.
    CounterAfterSignature = "counter-after-signature", caught by [
        CUTS_1,
        "tests/emulator/logic/tests/token/power.rs: an_approval",
    ],
    /// Token: the PIN is compared when it arrives, not at OK.
    PinBeforeOk = "pin-before-ok", caught by [
        CHAOS,
        "tests/emulator/logic/tests/token/pin.rs: malware_alone_spends_no_try",
    ],
    /// Token: a second block is compared without a second OK.
    TwoComparisons = "two-comparisons", caught by [
        CHAOS,
        "tests/emulator/logic/tests/token/pin.rs: one_comparison_for_one_ok",
    ],
    /// Token: the floor is raised by an order that nobody decided.
    FloorByUndecided = "floor-by-undecided", caught by [
        CHAOS,
        "tests/emulator/logic/tests/token/approval.rs: what_no_key_decided_raises_no_floor",
    ],
    /// Token: a try is written as spent after the comparison.
    TriesAfterCompare = "tries-after-compare", caught by [
        "tests/emulator/logic/tests/token/guesses.rs: five_guesses_in_all_whenever_the_power_goes",
    ],
    /// Token: an answer is released before it is stored.
    ReleasedBeforeStored = "released-before-stored", caught by [
        CHAOS,
        "tests/emulator/logic/tests/token/power.rs: an_approval",
    ],
    /// Token: a compaction's half counts before it is full.
    CompactionCountsEarly = "compaction-counts-early", caught by [
        "tests/emulator/logic/src/store/log/tests.rs: every_word_of_a_compaction",
        CUTS_2,
    ],
    /// Token: an OK pressed on an earlier page counts on the last one.
    BufferedOk = "buffered-ok", caught by [
        CHAOS,
        SEEDS,
    ],
    /// Token: OK counts on every page.
    OkBeforeLastPage = "ok-before-last-page", caught by [
        CHAOS,
        SEEDS,
    ],
    /// Token: an order that was approved is signed again, with a new counter, when it is delivered again.
    SignsAgain = "signs-again", caught by [
        CHAOS,
        SEEDS,
    ],
    /// Token: a second payment looks like the first.
    SecondPaymentUnsaid = "second-payment-unsaid", caught by [
        "tests/emulator/logic/tests/token/second_payment.rs: the_first_page_names_the_order_that_was_approved",
        "tests/e2e/tests/second_payment.rs: the_first_page_says_that_it_was_paid_before",
    ],
    /// Token: a phone is forgotten as soon as a phone asks.
    ForgottenWithoutOk = "forgotten-without-ok", caught by [
        "tests/emulator/logic/tests/token/forget.rs: one_phone_is_forgotten_after_ok_and_the_others_stay",
    ],
    /// Token: the PIN is changed as soon as a phone asks.
    PinChangedWithoutOk = "pin-changed-without-ok", caught by [
        "tests/emulator/logic/tests/token/pin_change.rs: a_change_needs_ok_and_lasts",
    ],
    /// Token: a second order replaces the one that is shown.
    ReviewReplaced = "review-replaced", caught by [
        CHAOS,
    ],
    /// Token: whom an order is addressed to is not looked at.
    AddresseeIgnored = "addressee-ignored", caught by [
        CHAOS,
    ],
    /// Token: any paired phone cancels any review.
    CancelByAnyPhone = "cancel-by-any-phone", caught by [
        CHAOS,
        "tests/emulator/logic/tests/token/cancel.rs: only_what_the_phone_delivered",
    ],
    /// Token: the bank's signature over an order is not verified.
    OrderUnverified = "order-unverified", caught by [
        CHAOS,
    ],
    /// Token: a statement of an older epoch counts.
    EpochFalls = "epoch-falls", caught by [
        "tests/emulator/logic/tests/token/bank_keys.rs: epochs_never_fall_for_their_purpose",
    ],
    /// Token: a K1 whose hint matches nobody is answered with the handshake.
    StrangerAnswered = "stranger-answered", caught by [
        CHAOS,
        "tests/emulator/logic/tests/token/connection.rs: a_recorded_k1_is_a_strangers",
    ],
    /// Token: pairing tries are counted at their end and not at P3.
    PairingTriesAtEnd = "pairing-tries-at-end", caught by [
        "tests/emulator/logic/tests/token/pairing.rs: a_try_is_durable_before_p4",
    ],

    /// Token: the code that a handshake has used stands on the screen again.
    CodeServedTwice = "code-served-twice", caught by [
        "tests/emulator/logic/tests/token/pairing_code.rs: a_code_serves_one_handshake",
        "tests/e2e/tests/pairing_code.rs: a_code_serves_once",
    ],

    /// Channel: a message that does not open is tried as the one before it, since links repeat.
    RepeatTolerated = "repeat-tolerated", caught by [
        "core/session/tests/session/replays.rs: no_message_of_a_thousand_opens_anywhere_but_in_its_place",
    ],
    /// Channel: the phone goes on after a message that did not open.
    BrokenChannelGoesOn = "broken-channel-goes-on", caught by [
        "core/session/tests/session/replays.rs: nothing_that_was_said_is_taken_in_any_state_of_a_session",
    ],
    /// Links: a last fragment that is not acknowledged is not sent again.
    LastFragmentOnce = "last-fragment-once", caught by [
        FRAGMENTS,
        "core/session/src/framing/fragments/tests.rs: every_fault_and_pairs_of_faults_are_mended",
    ],
    /// Links: a message that comes again is delivered again.
    RepeatDelivered = "repeat-delivered", caught by [
        FRAGMENTS,
        "core/session/src/framing/fragments/tests.rs: every_fault_and_pairs_of_faults_are_mended",
    ],
    /// Links: other bytes for a fragment that is there are passed over.
    OtherBytesIgnored = "other-bytes-ignored", caught by [
        "core/session/src/framing/fragments/tests.rs: what_contradicts_is_malformed",
    ],
    /// Links: the number that a keep-alive names is not looked at.
    KeepAliveUnread = "keep-alive-unread", caught by [
        "tests/simulator/tests/links/reading.rs: a_keep_alive_tells_of_what_was_lost",
        "core/session/src/framing/fragments/tests.rs: a_keep_alive_tells_of_a_lost_message",
    ],
    /// Links: every keep-alive is acknowledged.
    KeepAliveAnswered = "keep-alive-answered", caught by [
        "tests/simulator/tests/links/reading.rs: nothing_is_asked_while_the_customer_reads",
    ],
    /// Links: a write is waited for, however long, and nothing is heard meanwhile.
    DeafWhileWriting = "deaf-while-writing", caught by [
        "tests/simulator/tests/links/fragments.rs: a_link_that_goes_deaf_or_takes_nothing_recovers",
    ],
    /// Links: the answer to a command is lost with the call that waited for it.
    ExchangeDropped = "exchange-dropped", caught by [
        "tests/simulator/tests/links/fragments.rs: a_call_that_is_dropped_loses_nothing",
    ],
    /// Token: a review ends with the connection that it came by.
    ReviewEndsWithLink = "review-ends-with-link", caught by [
        "tests/simulator/tests/links/commands.rs: two_taps_are_enough",
    ],

    /// Pairing: the token's number need not be the one that it committed itself to.
    CommitmentUnchecked = "commitment-unchecked", caught by [
        "tests/e2e/tests/evil_scripted/pairing.rs: bad_commitment",
    ],
    /// Pairing by code: which token the code is of is not compared.
    CodeOfAnyToken = "code-of-any-token", caught by [
        "core/session/tests/session/pairing_code.rs: a_token_that_the_code_is_not_of_gets_no_p3",
        "tests/e2e/tests/pairing_code.rs: a_code_of_another_token_costs_nothing",
    ],
    /// Pairing: a chain's last certificate may be by anybody.
    MakerUnverified = "maker-unverified", caught by [
        "tests/bank/tests/suite/certificates.rs: only_a_makers_token_is_handed_out_and_only_once",
        "tests/e2e/tests/evil_scripted/pairing.rs: untrusted_maker",
    ],
    /// Pairing: that the device stated its channel key is not verified.
    StatementUnverified = "statement-unverified", caught by [
        "tests/e2e/tests/evil_scripted/pairing.rs: bad_device_statement",
    ],

    /// Pages: the creditor's account is left out, at the token and at the bank.
    FieldNotRendered = "field-not-rendered", caught by [
        "core/protocol/tests/suite/shown.rs: every_order_is_read_back_from_its_pages_and_no_other_has_them",
        SEEDS,
    ],
    /// Pages: a space stays at a line's end, where nobody sees it.
    TrailingSpace = "trailing-space", caught by [
        "core/protocol/tests/suite/shown.rs: every_order_is_read_back_from_its_pages_and_no_other_has_them",
    ],
    /// Orders: what an order key is for is not looked at.
    AnyOperation = "any-operation", caught by [
        "core/protocol/tests/suite/statements.rs: an_order_is_refused_beyond_what_its_key_may_do",
    ],

    /// Client: that an order is asked for is stored after the request was sent.
    IntentAfterSending = "intent-after-sending", caught by [
        CRASHES,
        SEEDS,
    ],
    /// Client: a creation whose reply was lost is asked for again under a new key.
    RetryUnderNewId = "retry-under-new-id", caught by [
        SEEDS,
    ],
    /// Client: an order is shown as failed without a receipt.
    FailedWithoutReceipt = "failed-without-receipt", caught by [
        FRONT_END,
        SEEDS,
    ],
    /// Client: an answer is sent to the bank before it is stored.
    SubmittedBeforeStored = "submitted-before-stored", caught by [
        LIAR,
        CRASHES,
        SEEDS,
    ],
    /// Client: an order that was taken back is submitted all the same.
    SubmittedAfterCancel = "submitted-after-cancel", caught by [
        LIAR,
        SEEDS,
    ],
    /// Client: a receipt's signature is not verified.
    ReceiptUnverified = "receipt-unverified", caught by [
        FRONT_END,
        "tests/e2e/tests/evil_scripted/receipts.rs: receipt_by_an_order_key",
    ],
    /// Client's store: a commit is acknowledged before the disk has it.
    AcknowledgedBeforeCommit = "acknowledged-before-commit", caught by [
        "tests/store/tests/power.rs: a_power_cut_leaves_what_was_acknowledged",
    ],
    /// Client's store: a record's name is the beginning of its key.
    StoreNamesInClear = "store-names-in-clear", caught by [
        "core/client/tests/store.rs: neither_keys_nor_values_are_on_the_disk",
    ],
    /// Client's store: a sealed value is not bound to its key.
    StorePlaceUnbound = "store-place-unbound", caught by [
        "core/client/src/store/seal.rs: a_record_opens_in_its_own_place_alone",
    ],
    /// Client's store: the sum over the rows is not compared.
    StoreSumUnchecked = "store-sum-unchecked", caught by [
        "core/client/tests/store.rs: rows_that_are_swapped_moved_removed_or_old_are_noticed",
    ],
    /// Link to the bank: any certificate will do, as for a test bank.
    AnyCertificate = "any-certificate", caught by [
        "core/links/src/http/tests.rs: another_ca_is_not_the_bank_and_hears_no_request",
        "core/links/src/http/tests.rs: another_name_or_an_old_certificate_is_not_the_bank",
    ],
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

/// Why a program that is no test must not start: built together with the tests it has the feature, and the environment plants a bug.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn refusal() -> Option<&'static str> {
    None
}

#[cfg(feature = "planted")]
pub use self::chosen::{PLANTED, on, plant, refusal};

#[cfg(feature = "planted")]
mod chosen {
    use core::cell::Cell;
    use std::sync::LazyLock;
    use std::thread_local;

    use super::Bug;

    /// The variable of the environment that names a bug for the whole process.
    pub const PLANTED: &str = "USHIELD_PLANTED";

    thread_local! {
        static HERE: Cell<Option<Bug>> = const { Cell::new(None) };
    }
    static EVERYWHERE: LazyLock<Option<Bug>> = LazyLock::new(|| {
        let name = std::env::var(PLANTED).ok()?;
        let bug = Bug::from_name(&name);
        assert!(bug.is_some(), "{PLANTED} names {name}, and there is no such bug");
        bug
    });

    /// Why a program that is no test must not start.
    #[must_use]
    pub fn refusal() -> Option<&'static str> {
        let why = "built together with tests, and USHIELD_PLANTED plants a bug in it; `make build` builds it without";
        std::env::var_os(PLANTED).map(|_| why)
    }

    /// Whether this bug is planted, in this thread or everywhere.
    #[must_use]
    pub fn on(bug: Bug) -> bool {
        HERE.get() == Some(bug) || *EVERYWHERE == Some(bug)
    }

    /// Plants a bug in this thread, instead of the one before.
    pub fn plant(bug: Option<Bug>) {
        HERE.set(bug);
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
