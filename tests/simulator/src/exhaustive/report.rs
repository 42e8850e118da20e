//! Many cases, judged and counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::exhaustive::verdict::{began_again, complaints, more_deeds};
use crate::exhaustive::{Case, Flow, Played};

/// The run without a fault: one payment, and nothing wrong.
///
/// # Panics
/// It is not so.
#[must_use]
pub fn free(flow: &Flow) -> Played {
    let free = flow.play(&Case::default());
    assert_eq!(free.violations, [""; 0]);
    assert_eq!(free.end.orders.iter().map(|order| order.2).sum::<usize>(), 1, "one payment: {:?}", free.end);
    free
}

/// Plays all, prints what was done, and fails with the first few complaints: those of every run, and those of `more`.
///
/// # Panics
/// There are complaints.
pub fn all(
    what: &str,
    flow: &Flow,
    free: &Played,
    cases: &[Case],
    more: impl Fn(&Case, &Played) -> Vec<String> + Sync,
) {
    let (again, deeds) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let bad = flow.play_all(cases, |case, played| {
        again.fetch_add(usize::from(began_again(&played.deeds)), Ordering::Relaxed);
        deeds.fetch_add(usize::from(!more_deeds(free, played).is_empty()), Ordering::Relaxed);
        [complaints(free, case, played), more(case, played)].concat()
    });
    let mut classes: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases {
        *classes.entry(case.class()).or_default() += 1;
    }
    let classes: Vec<_> = classes.iter().map(|(class, count)| format!("{class} {count}")).collect();
    println!(
        "{what}: {} cases ({}); {} in which the customer paired again, {} in which more was asked of them, {} bad",
        cases.len(),
        classes.join(", "),
        again.into_inner(),
        deeds.into_inner(),
        bad.len()
    );
    let worst: Vec<_> =
        bad.iter().take(12).map(|(at, why)| format!("{}: {}", cases[*at], why.join("; "))).collect();
    assert!(bad.is_empty(), "after {} cases: {} are bad\n{}", cases.len(), bad.len(), worst.join("\n"));
}
