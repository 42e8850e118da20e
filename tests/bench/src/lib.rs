//! What a transfer costs on Bluetooth LE and on NFC. Bytes, fragments and commands are counted while the shipped client and the token's
//! logic talk to each other ([`flow`]); the time that they take is predicted by a model of the link ([`ble`], [`nfc`]) and measured
//! nowhere. `docs/link-cost.md` has floors that were computed by hand, and what the models leave out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "support for a test and a table: stopping at the first surprise is its report"
)]

pub mod ble;
pub mod floors;
pub mod flow;
pub mod nfc;

/// Milliseconds with two places, of microseconds.
#[must_use]
pub fn ms(micros: u64) -> String {
    let hundredths = (micros + 5) / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
