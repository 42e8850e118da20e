//! Messages over Bluetooth LE ([`fragments`]) and over NFC and USB ([`card`]): the phone's side (protocol.md, sections 2.1 and 2.2).

pub mod card;
pub mod fragments;

/// Monotonic milliseconds, from any beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    const fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}
