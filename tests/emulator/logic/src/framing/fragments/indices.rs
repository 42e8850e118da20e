//! A set of fragments of one message.

/// Indices 0 to 255.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Indices([u128; 2]);

const HALF: u8 = 128;

impl Indices {
    /// 0 to `last`.
    pub(super) fn through(last: u8) -> Self {
        let mut all = Self::default();
        (0..=last).for_each(|index| all.insert(index));
        all
    }

    pub(super) fn insert(&mut self, index: u8) {
        if let Some(half) = self.0.get_mut(usize::from(index / HALF)) {
            *half |= 1 << (index % HALF);
        }
    }

    pub(super) fn remove(&mut self, index: u8) {
        if let Some(half) = self.0.get_mut(usize::from(index / HALF)) {
            *half &= !(1 << (index % HALF));
        }
    }

    pub(super) fn contains(&self, index: u8) -> bool {
        self.0.get(usize::from(index / HALF)).is_some_and(|half| half >> (index % HALF) & 1 == 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0 == [0; 2]
    }

    pub(super) fn first(&self) -> Option<u8> {
        (0..=u8::MAX).find(|index| self.contains(*index))
    }

    pub(super) fn last(&self) -> Option<u8> {
        (0..=u8::MAX).rev().find(|index| self.contains(*index))
    }

    pub(super) fn first_missing(&self) -> Option<u8> {
        (0..=u8::MAX).find(|index| !self.contains(*index))
    }
}
