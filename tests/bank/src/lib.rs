//! The reference bank. Must not be used with real money: its keys are files, and its TLS authority is its own.
//!
//! What the bank decides is decided without I/O: [`creation`] over a request for an order, [`decision`] over a token's answer. `Bank::start`
//! runs it in process over HTTPS and a database, the program `ushield-bank` runs that from a terminal (both need the feature `server`), and
//! [`model`] runs it in memory.

pub mod admin;
mod bank_keys;
pub mod certificate;
pub mod creation;
pub mod decision;
pub mod error;
pub mod keys;
pub mod ledger;
pub mod model;
mod number;
mod replies;
pub mod request;
pub mod session;

#[cfg(feature = "server")]
pub mod clock;
#[cfg(feature = "server")]
mod core;
#[cfg(feature = "server")]
pub mod entropy;
#[cfg(feature = "server")]
mod http;
#[cfg(feature = "server")]
mod records;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod store;
#[cfg(feature = "server")]
mod tls;

#[cfg(feature = "server")]
pub use server::{Bank, Config};

/// `docs/integrate-bank.md`: its code is compiled and run by the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/integrate-bank.md")]
pub struct IntegrateBank;
