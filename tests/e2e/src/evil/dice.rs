//! Choices and damaged bytes from a seed.

use std::sync::Mutex;

/// Dice whose throws follow from a seed. Shared by everything that takes part in one sequence, so that the seed alone replays it.
#[derive(Debug)]
pub struct Dice(Mutex<u64>);

impl Dice {
    /// New dice.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// From here on as new ones.
    pub fn reseed(&self, seed: u64) {
        *self.0.lock().unwrap() = seed;
    }

    /// Any number (SplitMix64).
    pub fn number(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    /// True so often out of a hundred.
    pub fn percent(&self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub fn one<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Up to `max` random bytes.
    pub fn bytes(&self, max: usize) -> Vec<u8> {
        (0..self.below(max + 1)).map(|_| self.number() as u8).collect()
    }

    /// These bytes, damaged in one place.
    pub fn damaged(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let at = self.below(bytes.len());
        match self.below(6) {
            0 | 1 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            2 if !bytes.is_empty() => bytes[at] = self.number() as u8,
            3 => bytes.truncate(at),
            4 => bytes.insert(at, self.number() as u8),
            _ => bytes.extend(self.bytes(8)),
        }
        bytes
    }
}
