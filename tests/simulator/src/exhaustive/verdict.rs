//! Whether a run with faults ended as the one without.

use crate::exhaustive::flow::Played;

/// What is wrong with a run, held against the one without faults.
#[must_use]
pub fn differs(free: &Played, played: &Played) -> Vec<String> {
    let mut bad = played.violations.clone();
    if played.end != free.end {
        bad.push(format!("it ended otherwise: {:?}", played.end));
    }
    if played.deeds != free.deeds {
        bad.push(format!("other deeds: {:?}", played.deeds));
    }
    bad
}
