//! How messages travel over Bluetooth LE, NFC and USB (sections 2.1 and 2.2): the bytes alone. What is sent when, and again, is each side's own.

pub mod advertisement;
pub mod apdu;
pub mod fragment;
