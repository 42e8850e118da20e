//! Faults of the phone's store: crash points, kills, power cuts, flipped bytes, older images. Must not decide what is right: it makes
//! the fault happen and says what the store holds then; the tests judge.
//!
//! [`life`] has a customer whose phone dies at a chosen commit; [`disk`] what is left of files when the power goes, from a record that
//! [`vfs`] made; [`wire`] a phone in a process of its own, to be killed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "support for tests: stopping at the first surprise is its report"
)]

pub mod content;
pub mod disk;
pub mod life;
pub mod points;
pub mod rng;
pub mod scenario;
pub mod vfs;
pub mod wire;
