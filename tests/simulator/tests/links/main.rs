//! The same flow over fragments (Bluetooth LE) and over commands to a card (NFC, USB): what can go wrong with each of them, once and twice.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

mod change;
mod commands;
mod fragments;
mod reading;
