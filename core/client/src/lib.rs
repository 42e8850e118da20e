//! Drives a token and a bank through six ports. Must not know a platform: no sockets, no clock, no entropy, no async runtime of its own.

mod bank;
mod bank_keys;
pub mod catalogue;
pub mod client;
pub mod customer;
pub mod error;
mod manage;
pub mod orders;
pub mod pairing;
pub mod ports;
pub mod radio;
mod reach;
pub mod records;
mod retry;
mod search;
pub mod store;
mod token;

pub use client::{Client, Ports, SetupRequest};
pub use customer::{Customer, LinkEvent, Moment, PinReason, TokenScreen};
pub use error::Error;
pub use orders::{Adopted, HistoryEntry, Report, Status};
pub use pairing::PendingPairing;
pub use reach::{InReach, Whose};
pub use records::{Setup, TokenRecord};
pub use token::{Cost, Counted, Phases};
