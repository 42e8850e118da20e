//! The reference bank. Must not be used with real money: its keys are files, and its TLS authority is its own.
//!
//! [`Bank::start`] runs it in process; the program `ushield-bank` runs it from a terminal. What happens to an
//! authorization is decided by [`decision`], a function without I/O.

pub mod admin;
mod bank_keys;
pub mod certificate;
pub mod clock;
mod core;
pub mod decision;
pub mod error;
mod http;
mod issue;
pub mod keys;
pub mod ledger;
mod records;
mod server;
mod session;
mod store;
mod tls;

pub use server::{Bank, Config};

/// `docs/integrate-bank.md`: its code is compiled and run by the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/integrate-bank.md")]
pub struct IntegrateBank;
