//! A durable map from (kind, key) to bytes in NOR flash: an append-only log in two halves.
//!
//! Every call is atomic: after a power cut at any word it has happened, or it has not.

mod checksum;
mod log;
mod scan;

pub(crate) use log::{Draft, Log, value};
pub(crate) use scan::Entry;

use crate::flash::FlashFault;

/// Why the store cannot go on. The token then refuses everything until it is switched on again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// Neither half was ever completed: the token has not been personalised.
    Blank,
    /// What is stored is not what was written.
    Corrupt,
    /// Nothing more fits.
    Full,
    /// The flash is smaller than [`crate::MIN_PAGES`], or has an odd number of pages.
    Size,
    /// The flash did not do as told.
    Flash(FlashFault),
}

impl From<FlashFault> for StoreFault {
    fn from(fault: FlashFault) -> Self {
        Self::Flash(fault)
    }
}

impl core::fmt::Display for StoreFault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Blank => f.write_str("the token has not been personalised"),
            Self::Corrupt => f.write_str("the token's store is corrupt"),
            Self::Full => f.write_str("the token's store is full"),
            Self::Size => f.write_str("the flash is too small"),
            Self::Flash(fault) => fault.fmt(f),
        }
    }
}

impl core::error::Error for StoreFault {}
