//! Pairing, channel and delivery against a token's side that is written here on Noise alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    clippy::unwrap_in_result,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod channel;
mod delivery;
mod flips;
mod pairing;
mod pairing_code;
mod replays;
mod token;
