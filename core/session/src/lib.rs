//! The phone's side of the protocol as state machines. Must not do I/O, tell the time, draw random numbers or await: bytes, time, randomness and key agreements are arguments.
//!
//! Each state is a struct that the step consumes, so that a step out of turn does not compile. Where the phone's
//! static key is needed, a state says at which point ([`pairing::NeedDh`], [`channel::NeedSs`], [`channel::NeedSe`]) and goes on when
//! the key store has answered.
#![no_std]
#![cfg_attr(test, allow(clippy::as_conversions))]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod channel;
pub mod delivery;
pub mod error;
pub mod framing;
pub mod order_life;
pub mod pairing;
pub mod record;
mod time;

pub use error::Error;
pub use time::Millis;
