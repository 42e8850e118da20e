//! The cases, in the order in which a run tries them: each begins where the ones before left the token.

mod bank_keys;
mod certificate;
mod channel;
mod commands;
pub(crate) mod forget;
mod keeping;
mod link;
mod pairing;
mod pairing_code;
mod pin;
mod power;
mod refusals;
mod review;
mod taking_back;

use std::pin::Pin;

use crate::bench::Bench;
use crate::miss::Step;

/// What a case costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Seconds.
    Little,
    /// Minutes.
    Slow,
    /// PIN tries down to the last one, or the PIN itself.
    Destructive,
    /// The token's power.
    Power,
}

type Run = for<'a> fn(&'a mut Bench) -> Pin<Box<dyn Future<Output = Step> + Send + 'a>>;

/// A case.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name.
    pub id: &'static str,
    /// The rule of `docs/token.md` that it checks.
    pub rule: &'static str,
    /// What is done, and what is right.
    pub text: &'static str,
    /// What it costs.
    pub cost: Cost,
    pub(crate) run: Run,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Case({})", self.id)
    }
}

macro_rules! cases {
    ($($id:literal $rule:ident $cost:ident $run:path: $text:literal)*) => {
        /// All of them.
        #[must_use]
        pub fn all() -> &'static [Case] {
            &[$(Case {
                id: $id,
                rule: stringify!($rule),
                text: $text,
                cost: Cost::$cost,
                run: |bench| Box::pin($run(bench)),
            },)*]
        }
    };
}

cases! {
    "hello-form" T1 Little link::hello_form: "a phone connects: hello of 13 bytes comes first, version 1 and suite 1 in it, reserved flags zero"
    "hello-nonce" T2 Little link::hello_nonce: "three connections: three nonces"
    "wrong-kind" T5 Little link::wrong_kind: "a sealed message before any handshake: the connection ends"
    "foreign-kind" T5 Little link::foreign_kind: "kinds that a phone may not send or that do not exist: the connection ends"
    "oversize" T6 Little link::oversize: "a body of 4,097 bytes: the connection ends"
    "second-connection" T7 Little link::second_connection: "a second connection: refusal busy, no hello; the first goes on"
    "stranger-garbage" T8 Little link::stranger_garbage: "garbage as K1 and P1: refused, nothing drawn"
    "stranger-silent" T4 Slow link::stranger_silent: "a phone that says nothing: disconnected after 3 s"

    "pairing-outside-mode" T17 Little pairing::outside_mode: "P1 while pairing mode is closed: refusal not-pairing, nothing drawn"
    "hello-pairing-flag" T3 Little pairing::flag: "the mode is opened by key: from then on hello says so"
    "pairing-commitment" T18 Little pairing::commitment: "P4's nonce opens P2's commitment, and is another one each time"
    "pairing-declined" T22 Little pairing::declined: "the phone's customer says no: P6 declined, no record"
    "pairing-identity" T19 Little pairing::identity: "P4's chain ends in the maker's root, and its statement is over the key of this handshake; then C: P6 declined"
    "pairing-digits" T20 Little pairing::digits: "six digits on the token's screen, the same as the phone's, and nothing that the phone wrote"
    "pairing-ok-before-answer" T21 Little pairing::ok_before_answer: "OK before the phone has answered: nothing, also when the answer comes"
    "pairing-bad-name" T24 Little pairing::bad_name: "a phone's name that cannot be shown or is too long: refusal malformed, no digits"
    "pairing-tries" T23 Little pairing::tries: "three pairings that the phone drops after P4: the mode is closed, refusal pairing-tries-spent"
    "pairing-tries-restart" T23 Power pairing::tries_over_restart: "the third try ends by a power cut after P4: it counts"
    "pairing-code-form" T85 Little pairing_code::form: "the code on the screen, again and again: 61 characters, half the hash of P2's static key, another secret each time; it opens P3"
    "pairing-code-spent" T86 Little pairing_code::spent: "a guess at the secret: refusal pairing-code-spent, and another code stands there; the code before it, and one that opened P3 once: refused, and the third closes the mode"
    "pairing-code-not-shown" T86 Little pairing_code::not_shown: "P1 by code while the screen shows none: refusal pairing-code-spent"
    "pairing-code-answered" T87 Little pairing_code::answered: "OK before P5: nothing, also when the answer comes; nothing that the phone wrote on the screen; C: declined"
    "pairing-good" T29 Little pairing::good: "yes on both sides: P6 ok, and the phone reconnects with what it was given"

    "state" T14 Little channel::state: "K2 of 73 bytes: versions, reserved bytes zero, tries, profile, largest order as they must be"
    "hint-wrong" T10 Little channel::hint_wrong: "K1 of a paired phone under another hint: refusal unknown-phone, nothing drawn"
    "k1-recorded" T11 Little channel::recorded: "a recorded K1 on a new connection: refusal unknown-phone"
    "k1-other-key" T12 Little channel::other_key: "K1 by another key under the right hint: no K2"
    "versions-refused" T13 Little channel::versions: "a phone that speaks only version 2: refusal unknown-version"
    "sealed-once" T15 Little channel::sealed_once: "a sealed message a second time: the connection ends, nothing is done"
    "sealed-altered" T15 Little channel::sealed_altered: "a sealed message with one bit changed: the connection ends"

    "info-and-phones" T31 Little commands::info_and_phones: "info and phones: in their form, and as K2 says"
    "asking-changes-nothing" T83 Little commands::asking: "info, phones and get-certificate, of a role without a certificate too: answered at once, nothing drawn"
    "unknown-command" T30 Little commands::unknown: "commands 00, 0c and ff: unknown-command, and the channel goes on"
    "malformed-commands" T30 Little commands::malformed: "each command too short, too long, or with values that are none: malformed"
    "pin-without-review" T33 Little commands::pin_without_review: "pin, cancel and collect of nothing: not-found"

    "bank-key-wrong-root" T72 Little bank_keys::wrong_root: "a statement by another root, one altered, one that is none: bad-signature or malformed"
    "bank-key-wrong-bank" T72 Little bank_keys::wrong_bank: "a statement of another bank by the right root: wrong-bank"
    "bank-key-taken" T73 Little bank_keys::taken: "statements of a higher epoch: ok, and ok again"
    "bank-key-epochs" T73 Little bank_keys::epochs: "a lower epoch, or the same with other bytes: epoch-fallen"
    "pin-initial-refuses" T38 Little pin::initial_refuses: "an order under the initial PIN: pin-initial, nothing drawn"
    "pairing-pin-initial" T26 Little pairing::pin_initial: "a second phone under the initial PIN: refusal pin-initial in place of P4"
    "pin-change-refused" T39 Little pin::change_refused: "a new PIN that is too simple, or the old one: refused, nothing drawn"
    "question-ends" T35 Little pin::question_ends: "the phone goes while the token asks whether to change the PIN: OK changes nothing any more"
    "pin-change" T39 Little pin::change: "C at the token's question: declined; OK: changed"
    "pairing-second-phone" T25 Little pairing::second_phone: "a second phone: P4 asks for the PIN; without it refused, with it paired"
    "provisional-record" T16 Little pairing::provisional: "a phone that never came back is forgotten by the next pairing; one that pairs again is not"

    "order-without-certificate" T56 Little certificate::missing: "a transfer to a token without a certificate: no-certificate"
    "certificate-rejected" T63 Little certificate::rejected: "C at a certificate order: a rejection by device"
    "certificate-attested" T75 Little certificate::attested: "OK at a certificate order: pages as rendered, an attestation by device over a new key with its request"
    "certificate-redelivered" T75 Little certificate::redelivered: "the same order again: the same attestation"
    "put-certificate-foreign" T36 Little certificate::foreign: "certificates over keys that the token did not make: wrong-certificate"
    "certificate-stored" T36 Little certificate::stored: "the certificate: ok, ok again, and handed out as it came"

    "certificate-replaced" T37 Little certificate::replaced: "before the key has signed, a certificate over another key that the token made for the role: ok, and it takes the place"

    "order-malformed" T47 Little refusals::malformed: "orders whose envelope is not as section 7 says: refused"
    "order-unknown-key" T49 Little refusals::unknown_key: "an order by a key without a statement: unknown-order-key"
    "order-bad-signature" T50 Little refusals::bad_signature: "an order altered after it was signed: bad-signature"
    "order-bad-payload" T51 Little refusals::bad_payload: "signed orders whose content the format forbids: malformed with reason and field"
    "order-wrong-bank" T52 Little refusals::wrong_bank: "an order that names another bank: wrong-bank"
    "order-wrong-addressee" T52 Little refusals::wrong_addressee: "an order for another key: wrong-addressee"
    "order-outside-validity" T52 Little refusals::outside_validity: "an order issued before its key was valid: issued-outside-validity"
    "order-not-allowed" T52 Little refusals::not_allowed: "a transfer by the key of certificates: operation-not-allowed"
    "order-unshowable" T57 Little refusals::unshowable: "a word of 25 letters: unshowable, with the field"
    "order-checks-in-sequence" T56 Little refusals::in_sequence: "orders with two faults: the one that comes first in section 11 is the result"
    "order-refused-unseen" T58 Little refusals::unseen: "a refused order draws nothing"

    "review-pages" T59 Little review::pages: "every page of an order, forth and back, is the renderer's"
    "review-fields" T60 Little review::fields: "every field of the order stands on the screen, whole"
    "ok-before-last-page" T61 Little review::ok_before_last_page: "OK on every page but the last: nothing"
    "ok-buffered" T62 Little review::ok_buffered: "OK on an earlier page, then down to the last: nothing"
    "review-approved" T64 Little review::approved: "OK on the last page: an approval by pay, every field as it must be"
    "approvals-chain" T65 Little review::chain: "another approval: counter one higher, chained to the one before"
    "order-redelivered" T48 Little review::redelivered: "the order again, by order and by collect: the identical answer"
    "order-redelivered-restart" T48 Power review::redelivered_after_restart: "the same after a power cut"
    "collect-by-other-phone" T69 Little review::collected_by_other: "another paired phone asks for the answer: the identical one"
    "review-rejected" T63 Little review::rejected: "C on the first page: a rejection by device, chained, uv 0; again: identical"
    "order-id-reused" T53 Little review::id_reused: "another order under the id of one that is shown, or decided: order-id-reused"
    "order-expired" T54 Little review::expired: "an order long before the newest decided one: order-expired"
    "floor-by-decision" T54 Little review::floor_by_decision: "an order from the future that nobody decided makes nothing expire"
    "paid-before" T71 Little review::paid_before: "the same payee and amount again: the first page says so"
    "certificate-final" T37 Little certificate::is_final: "after the key has signed: other certificates and orders for one are certificate-exists"

    "order-second-busy" T55 Little taking_back::second_busy: "another order while one is shown: busy, and the first goes on"
    "order-delivered-again" T55 Little taking_back::delivered_again: "the order that is shown, again: shown"
    "busy-while-reviewing" T32 Little taking_back::busy: "info and the like while an order is shown: busy"
    "bank-key-while-reviewing" T74 Little taking_back::bank_key: "bank-key of another phone while an order is shown: busy"
    "disconnect-keeps-review" T68 Little taking_back::disconnect: "the phone goes and comes back: the order is still shown, collect says waiting"
    "cancel-own" T67 Little taking_back::own: "cancel of the order that is shown: result cancelled, then ok"
    "cancel-by-other-phone" T67 Little taking_back::by_other_phone: "another phone's cancel: not-found, and the order stays"
    "cancel-decided" T67 Little taking_back::decided: "cancel of a decided order: already-decided"
    "message-held" T70 Little taking_back::message_held: "an order while the screen says that one was taken back: busy, for 5 s at most"
    "order-after-own-act" T70 Little taking_back::after_own_act: "an order right after the customer rejected one: shown; a question then: busy"

    "pin-needed" T41 Little pin::needed: "OK without a PIN: pin-needed; the PIN alone signs nothing; OK does"
    "reject-on-pin-missing" T63 Little pin::reject_on_missing: "C on the screen that asks for the PIN: a rejection"
    "pin-not-kept" T46 Little pin::not_kept: "a PIN of an order that was taken back, or approved, is not there for the next one: pin-needed"
    "pin-only-at-ok" T40 Little pin::only_at_ok: "wrong PINs, again and again, without OK: no try spent"

    "power-cut-approval" T77 Power power::approval: "the power goes at one write after the other of an approval: afterwards there is one answer or none, the counter and the chain have no gap"
    "power-cut-pin-tries" T43 Power power::tries: "the power goes at one write after the other of a comparison with a wrong PIN: a try that was told is spent, and none comes back"

    "keep-alive" T9 Slow review::keep_alive: "an order waits for 9 s: keep-alives at least 2 s apart"
    "review-times-out" T66 Slow review::times_out: "nobody presses a key: timed-out after 120 s, unsigned"
    "pin-forgotten" T46 Slow pin::forgotten: "OK 62 s after the PIN came and the last key: pin-needed"
    "review-lasts-ten-minutes" T66 Slow review::ten_minutes: "a key every now and then: timed-out after 10 min all the same, unsigned"
    "pin-forgotten-in-use" T46 Slow pin::forgotten_in_use: "OK 5 min after the PIN came, keys pressed meanwhile: pin-needed"
    "question-times-out" T35 Slow pin::question_times_out: "nobody answers the token's question: timed-out after 60 s"
    "pairing-times-out" T27 Slow pairing::times_out: "nobody presses OK at the digits: P6 timed-out 60 s after P4"

    "phones-full" T28 Slow pairing::full: "eight phones: pairing mode does not open, or a ninth gets refusal phones-full in place of P4"
    "order-evicted" T82 Slow keeping::evicted: "an order whose answer has gone, after a new epoch has lowered the floor: order-expired, or still the identical answer"

    "pin-one-comparison" T42 Little pin::one_comparison: "wrong PINs: one try for one OK, the block used up; the next one waits for the next OK, whatever the screen shows; the right one gives all tries back"
    "pin-last-try" T44 Destructive pin::last_try: "four wrong PINs: the fifth comparison asks for a further OK"
    "forget-declined" T34 Little forget::declined: "forget, C: declined, the phone stays"
    "forget-phone" T34 Little forget::other: "forget, OK: the other phone is unknown"
    "pin-locked" T45 Destructive pin::locked: "five wrong PINs: locked, nothing that needs the PIN is drawn any more"
    "forget-self" T34 Little forget::this: "a phone forgets itself: ok, the connection ends, it is unknown"
}
