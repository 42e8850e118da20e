//! The bank over real HTTPS and a real database, and its decision as a function.
// Tests stop at the first surprise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs
)]

mod authorizations;
mod certificates;
mod client;
mod conformance;
mod database;
mod decisions;
mod homes;
mod interface;
mod orders;
mod planted;
mod sessions;
mod token;
