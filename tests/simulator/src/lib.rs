//! Phones, a token, a person and the bank in one process and one thread. Must not read a clock, draw entropy or do I/O: a run is its seed.
//!
//! The shipped client, the token's logic and the bank's decisions run here; only the ports are simulated. A [`run::Run`] plays one seed:
//! what the person wants and does, the order of events, and what breaks. [`oracle`] then holds the bank's ledger against what the person saw
//! and confirmed.
// A simulation may stop at the first surprise of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions
)]

pub mod air;
pub mod app;
pub mod bank;
pub mod executor;
pub mod exhaustive;
pub mod fault;
pub mod field;
pub mod goal;
pub mod lateness;
pub mod link;
pub mod many;
pub mod oracle;
pub mod person;
pub mod phone;
pub mod ports;
pub mod radio;
pub mod rng;
pub mod run;
pub mod scene;
pub mod screen;
pub mod token;
pub mod trace;
pub mod world;

pub use run::{Crypto, Outcome, Run};
