//! A mistake that no test on Linux can notice: phones have a `std` without Linux's own, a chip has none. Must not be shipped.
#![no_std]

#[cfg(feature = "planted")]
extern crate std;

#[cfg(feature = "planted")]
pub use std::os::linux::fs::MetadataExt;
