//! The software token through its public faces: HTTP, TCP, and the program itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking"
)]

#[path = "emulator/code.rs"]
mod code;
#[path = "emulator/gatt.rs"]
mod gatt;
#[path = "emulator/http.rs"]
mod http;
#[path = "emulator/link.rs"]
mod link;
#[path = "emulator/pairing.rs"]
mod pairing;
#[path = "emulator/program.rs"]
mod program;
#[path = "emulator/support.rs"]
mod support;
#[path = "emulator/vpcd.rs"]
mod vpcd;
