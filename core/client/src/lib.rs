//! Drives a token and a bank through six ports. Must not know a platform: no sockets, no clock, no entropy, no async runtime of its own.

pub mod error;
pub mod ports;

pub use error::Error;
