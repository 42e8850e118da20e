//! Which of the tokens that are heard is connected to, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use ushield_client::ports::Fit;

/// One that advertises to everybody is taken when nothing better is heard for so long: there may be several.
const OPEN: Duration = Duration::from_secs(1);
/// And one that may be another one.
const PERHAPS: Duration = Duration::from_secs(3);

/// Tokens that may be the one, by where they are.
pub(super) struct Candidates<K, T>(BTreeMap<K, Candidate<T>>);

struct Candidate<T> {
    token: T,
    fit: Fit,
    signal: Option<i16>,
    ripe: Instant,
}

impl<K: Ord, T: Clone> Candidates<K, T> {
    pub(super) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// One was heard that is `open`: it advertises to everybody.
    pub(super) fn hear(&mut self, place: K, token: T, fit: Fit, open: bool, signal: Option<i16>) {
        let wait = match fit {
            Fit::No => return,
            Fit::Perhaps => PERHAPS,
            Fit::Yes if open => OPEN,
            Fit::Yes => Duration::ZERO,
        };
        match self.0.get_mut(&place) {
            // What it advertises to another phone does not take back what it said before.
            Some(known) if known.fit >= fit => known.signal = signal,
            _ => {
                let ripe = Instant::now() + wait;
                self.0.insert(place, Candidate { token, fit, signal, ripe });
            }
        }
    }

    /// When one is taken.
    pub(super) fn ripe(&self) -> Option<Instant> {
        self.0.values().map(|candidate| candidate.ripe).min()
    }

    /// The one that fits best, of several the nearest; and how many more fit as well.
    pub(super) fn best(&self) -> Option<(T, usize)> {
        let best = self.0.values().max_by_key(|candidate| (candidate.fit, candidate.signal))?;
        let alike = self.0.values().filter(|other| other.fit == best.fit).count();
        Some((best.token.clone(), alike.saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(candidates: &Candidates<u8, u8>) -> Option<Duration> {
        candidates.ripe().map(|ripe| ripe - Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn the_paired_one_is_taken_at_once() {
        let mut candidates = Candidates::new();
        candidates.hear(1, 1, Fit::No, false, None);
        assert_eq!((after(&candidates), candidates.best()), (None, None));
        candidates.hear(2, 2, Fit::Perhaps, true, Some(-30));
        assert_eq!((after(&candidates), candidates.best()), (Some(PERHAPS), Some((2, 0))));
        candidates.hear(3, 3, Fit::Yes, false, Some(-90));
        assert_eq!((after(&candidates), candidates.best()), (Some(Duration::ZERO), Some((3, 0))));
    }

    #[tokio::test(start_paused = true)]
    async fn of_several_that_are_open_the_nearest_is_taken_after_a_while() {
        let mut candidates = Candidates::new();
        candidates.hear(1, 1, Fit::Yes, true, Some(-70));
        tokio::time::advance(OPEN / 2).await;
        candidates.hear(2, 2, Fit::Yes, true, Some(-40));
        candidates.hear(1, 1, Fit::Yes, true, Some(-60));
        assert_eq!((after(&candidates), candidates.best()), (Some(OPEN / 2), Some((2, 1))));
    }

    #[tokio::test(start_paused = true)]
    async fn another_phones_turn_takes_nothing_back() {
        let mut candidates = Candidates::new();
        candidates.hear(1, 1, Fit::Perhaps, true, None);
        candidates.hear(1, 1, Fit::Yes, true, None);
        candidates.hear(1, 1, Fit::No, false, None);
        candidates.hear(1, 1, Fit::Perhaps, true, Some(-40));
        assert_eq!((after(&candidates), candidates.best()), (Some(OPEN), Some((1, 0))));
    }
}
