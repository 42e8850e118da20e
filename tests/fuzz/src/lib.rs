//! Bodies of the fuzz targets: what takes bytes off a link, the phone's side and the token's. Each takes any input and panics where a rule
//! is broken. `fuzz/` hands them to libFuzzer; the tests here play a corpus and inputs of a seed through them.

#![allow(clippy::expect_used, clippy::panic, reason = "a target's report is where it stopped")]

mod commands;
mod fragments;
mod input;

pub use commands::commands;
pub use fragments::fragments;
