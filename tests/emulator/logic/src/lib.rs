//! The token's decisions over hardware traits. Must not know a chip, a clock, a thread, a socket or `ushield-session`: this is
//! the other reading of `docs/protocol.md`, and section numbers in these docs are that document's.
//!
//! [`Token`] is driven by calls: a phone connects, a message or a key press comes in, time passes; messages come out of
//! [`Token::poll`]. What must survive a power cut is in flash before anything is released, and nothing of the flash is
//! mirrored in RAM.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod compare;
pub mod flash;
pub mod framing;
mod hal;
mod screens;
mod store;
mod symbol;
mod token;
mod vault;

pub use hal::{Board, Entropy, EntropyFault, Key, Millis, Output, Screen, ScreenFault};
pub use store::StoreFault;
pub use symbol::Symbol;
pub use token::{Advertising, Token};
pub use vault::{Personalisation, personalise};

/// Pages of flash that a token needs: each half holds everything that is kept, at its longest.
pub const MIN_PAGES: usize = 64;

/// Why there is no token, or none any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The store cannot be used.
    Store(StoreFault),
    /// The display does not show what it is given.
    Screen,
    /// There is no randomness.
    Entropy,
    /// Names or certificates that the protocol does not allow.
    Personalisation,
}

impl From<StoreFault> for Fault {
    fn from(fault: StoreFault) -> Self {
        Self::Store(fault)
    }
}

impl From<ScreenFault> for Fault {
    fn from(_: ScreenFault) -> Self {
        Self::Screen
    }
}

impl From<EntropyFault> for Fault {
    fn from(_: EntropyFault) -> Self {
        Self::Entropy
    }
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Store(fault) => fault.fmt(f),
            Self::Screen => f.write_str("the display does not show what it is given"),
            Self::Entropy => f.write_str("the random number generator has failed"),
            Self::Personalisation => f.write_str("names or certificates that the protocol does not allow"),
        }
    }
}

impl core::error::Error for Fault {}
