//! NOR flash as microcontrollers have it: words are programmed from 1 to 0, pages are erased to 1.

#[cfg(feature = "model")]
mod model;

#[cfg(feature = "model")]
pub use model::{Cut, Model};

/// Bytes in an erasable page.
pub const PAGE: usize = 4096;
/// Bytes in a word, the unit of programming.
pub const WORD: usize = 4;
/// What an erased byte reads as.
pub const ERASED: u8 = 0xff;

/// Whether nothing is written there. All bytes are looked at: it is faster than stopping at the first, and most of a flash is erased.
pub(crate) fn is_erased(bytes: &[u8]) -> bool {
    bytes.iter().fold(ERASED, |all, byte| all & byte) == ERASED
}

/// Flash memory that belongs to the token alone.
pub trait Flash {
    /// Number of pages of [`PAGE`] bytes, starting at address 0.
    fn pages(&self) -> usize;
    /// Copies bytes out. Outside the memory everything reads as erased.
    fn read(&self, at: usize, out: &mut [u8]);
    /// Clears the bits that are 0 in `word`, at an address that is a multiple of 4; the word's bytes are stored little-endian.
    /// On return the word is durable.
    fn program(&mut self, at: usize, word: u32) -> Result<(), FlashFault>;
    /// Sets every byte of a page to [`ERASED`].
    fn erase(&mut self, page: usize) -> Result<(), FlashFault>;
}

/// Why the flash did not do as told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashFault {
    /// The address is outside, or not that of a word.
    Address,
    /// A bit would have to rise.
    Programmed,
    /// The hardware failed; the state of what was written is unknown.
    Failed,
    /// The power is gone.
    PowerLost,
}

impl core::fmt::Display for FlashFault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Address => "flash address outside or unaligned",
            Self::Programmed => "flash word programmed already",
            Self::Failed => "flash failed",
            Self::PowerLost => "power lost",
        })
    }
}

impl core::error::Error for FlashFault {}
