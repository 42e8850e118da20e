//! Counterparts that lie at random, from seeds: a token, and everything between the phone and the bank. And bugs on purpose, which the same
//! sequences have to find.
//!
//! A failure names its seed, and the phone (world) that it was played on: the same range from its start meets it again. Only the X.509
//! certificates of maker and CA are new in each run.
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

mod front_end;
mod play;
mod token;
