//! A token as a phone and a customer meet it: messages in and out, keys, pages, power cuts.
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

mod world;

mod advertise;
mod approval;
mod bank_keys;
mod board;
mod board_faults;
mod cancel;
mod card;
mod certificate;
mod chaos;
mod connection;
mod cuts;
mod dice;
mod forget;
mod guesses;
mod keeping;
mod menu;
mod messages;
mod pages;
mod pairing;
mod pairing_code;
mod pin;
mod pin_change;
mod power;
mod refusals;
mod second_payment;
mod time;
