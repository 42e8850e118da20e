//! What the bytes mean. Must not do I/O, keep state, tell the time or draw random numbers: bytes, times and randomness are arguments.
//!
//! The normative text is `docs/protocol.md`; section numbers in these docs are its sections.
#![no_std]
#![cfg_attr(test, allow(clippy::as_conversions))]

extern crate alloc;
#[cfg(any(test, feature = "planted", feature = "stand-in"))]
extern crate std;

pub mod account;
pub mod attestation;
pub mod authorization;
pub mod bank_key;
pub mod cbor;
pub mod code;
pub mod cose;
pub mod csr;
pub mod currency;
pub mod device;
pub mod framing;
pub mod key;
pub mod mac;
pub mod message;
pub mod noise;
pub mod order;
pub mod pairing_code;
pub mod pin;
pub mod planted;
pub mod receipt;
pub mod refusal;
pub mod render;
pub mod secret;
#[cfg(feature = "stand-in")]
pub mod stand_in;
pub mod text;
pub mod verify;
mod x509;
