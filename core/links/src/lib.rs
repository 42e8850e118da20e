//! The client's ports on a desktop. Must not decide anything about orders, tokens or the bank: it moves bytes, keeps keys and tells the time.
//!
//! Links: [`tcp`] to the software token, [`queue`] within one process, `pcsc` to cards in readers, `ble` over Bluetooth LE; [`http`] to the bank; [`keystore`] in a file;

#[cfg(feature = "ble")]
pub mod ble;
pub mod framed;
pub mod http;
pub mod keystore;
#[cfg(feature = "pcsc")]
pub mod pcsc;
pub mod queue;
pub mod system;
pub mod tcp;
