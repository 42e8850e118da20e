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

pub mod flash;
mod hal;
mod store;

pub use hal::{Board, Entropy, Key, Millis, Output, Screen};
pub use store::StoreFault;
