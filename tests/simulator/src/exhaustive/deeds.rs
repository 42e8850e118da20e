//! What the person does with their hands, counted: nobody shall be asked for the same twice.

use std::collections::BTreeMap;

use ushield_token::Key;

use crate::screen::Seen;

/// Something that the person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// Begins to pair, on the phone.
    Pairs,
    /// Asks for a payment, on the phone.
    Pays,
    /// Types a PIN, on the phone.
    TypesPin,
    /// Presses a key so that a phone finds the token.
    Wakes,
    /// Presses a key on the way to the pairing mode or out of it.
    Menu,
    /// Answers to the six digits.
    Digits,
    /// Answers whether the PIN shall be changed.
    PinChange,
    /// Turns a page of an order.
    Page,
    /// Presses OK or C on an order.
    Decides,
    /// Goes back to the order after a PIN was missing or wrong, or uses the last try.
    PinAgain,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Pairs,
        Self::Pays,
        Self::TypesPin,
        Self::Wakes,
        Self::Menu,
        Self::Digits,
        Self::PinChange,
        Self::Page,
        Self::Decides,
        Self::PinAgain,
    ];
}

/// How often they did it. A message that is taken away is not among them: it goes by itself, and nothing hangs on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deeds(BTreeMap<Deed, u64>);

impl Deeds {
    /// Once more.
    pub fn count(&mut self, deed: Deed) {
        *self.0.entry(deed).or_default() += 1;
    }

    /// A key, on what is seen.
    pub fn key(&mut self, seen: &Seen, key: Key) {
        let deed = match (seen, key) {
            (Seen::Page(..), Key::Up | Key::Down) => Deed::Page,
            (Seen::Page(..), Key::Ok | Key::Cancel) => Deed::Decides,
            (Seen::Idle, Key::Cancel) => Deed::Wakes,
            (Seen::Idle | Seen::Menu(_) | Seen::PairingMode, _) => Deed::Menu,
            (Seen::Digits(..), _) => Deed::Digits,
            (Seen::PinChange, _) => Deed::PinChange,
            (Seen::PinMissing | Seen::PinWrong | Seen::LastTry, _) => Deed::PinAgain,
            (Seen::Off | Seen::Approved | Seen::Notice | Seen::Failure, _) => return,
        };
        self.count(deed);
    }

    /// How often they did this.
    #[must_use]
    pub fn of(&self, deed: Deed) -> u64 {
        self.0.get(&deed).copied().unwrap_or(0)
    }
}
