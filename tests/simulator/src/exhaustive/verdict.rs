//! Whether a run with faults ended as the one without. Must not excuse what it cannot justify.

use std::collections::BTreeSet;

use ushield_protocol::message::Kind;

use crate::exhaustive::case::Case;
use crate::exhaustive::deeds::{Deed, Deeds};
use crate::exhaustive::flow::Played;

/// Bytes of P3 with the name that a phone has here. No other message of a pairing to the token is as long.
const P3: usize = 92;

/// What is wrong with a run, held against the one without faults.
#[must_use]
pub fn complaints(free: &Played, case: &Case, played: &Played) -> Vec<String> {
    let mut bad = played.violations.clone();
    if played.end != free.end {
        bad.push(format!("it ended otherwise: {:?}", played.end));
    }
    let most = u64::try_from(case.0.len()).unwrap_or(0) + 1;
    if played.deeds.of(Deed::Pairs) > most {
        bad.push(format!("the customer paired {} times", played.deeds.of(Deed::Pairs)));
    }
    let more = more_deeds(free, played);
    if !case.alters() && !more.is_empty() {
        bad.push(format!("more was asked of the person: {more:?}, {:?}", played.deeds));
    }
    // Whatever was altered: one payment is asked for once, and nobody confirms what is signed already.
    if played.deeds.of(Deed::Pays) != 1 {
        bad.push(format!("the payment was asked for {} times", played.deeds.of(Deed::Pays)));
    }
    bad
}

/// Whether fragments that were lost, doubled, swapped or late were mended on their connection: none was made anew.
#[must_use]
pub fn unmended(free: &Played, played: &Played) -> Vec<String> {
    let more = played.made.saturating_sub(free.made);
    let bad = (more > 0).then(|| format!("{more} connections more were made than without the fault"));
    bad.into_iter().collect()
}

/// What the person did more than without faults, and without a reason in the protocol.
///
/// The one reason: the phone never repeats a pairing by itself after it has sent P3 (section 4), so that the customer begins again, with the
/// token's keys and the new digits.
#[must_use]
pub fn more_deeds(free: &Played, played: &Played) -> BTreeSet<Deed> {
    let (was, is) = (&free.deeds, &played.deeds);
    let excused = is.of(Deed::Pairs) == count_p3(&played.handed);
    let more = |deed: &Deed| match deed {
        Deed::Pairs => is.of(*deed) > was.of(*deed) && !excused,
        Deed::Menu => is.of(*deed) > was.of(*deed) && !(excused && began_again(is)),
        Deed::Digits => is.of(*deed) > was.of(*deed) && !(excused && is.of(*deed) <= is.of(Deed::Pairs)),
        deed => is.of(*deed) > was.of(*deed),
    };
    Deed::ALL.iter().copied().filter(more).collect()
}

/// Whether the customer paired more than once.
#[must_use]
pub fn began_again(deeds: &Deeds) -> bool {
    deeds.of(Deed::Pairs) > 1
}

fn count_p3(handed: &[(Kind, usize)]) -> u64 {
    u64::try_from(handed.iter().filter(|message| **message == (Kind::Pairing, P3)).count()).unwrap_or(0)
}
