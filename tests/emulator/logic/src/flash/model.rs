//! NOR flash in memory, word by word, whose power can be cut at any word with any subset of that word's bits written.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroize;

use super::{ERASED, Flash, FlashFault, PAGE, WORD, is_erased};

/// When the power goes, and what becomes of the operation in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The operation that is torn, counted from 0 since the cut was set. Programming a word and erasing a page are one operation each.
    pub at: u64,
    /// Bits that still change: of the word in flight, and, spread by a generator, of every word of a page being erased.
    pub bits: u32,
}

/// The memory. After a cut it refuses every change until [`Model::reboot`].
#[derive(Clone)]
pub struct Model {
    bytes: Vec<u8>,
    operations: u64,
    cut: Option<Cut>,
    powered: bool,
}

impl Model {
    /// Erased flash of so many pages.
    #[must_use]
    pub fn erased(pages: usize) -> Self {
        Self { bytes: vec![ERASED; pages.saturating_mul(PAGE)], operations: 0, cut: None, powered: true }
    }

    /// Operations since the beginning, a torn one included.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Cuts the power at an operation to come.
    pub fn cut(&mut self, cut: Cut) {
        self.cut = Some(Cut { at: self.operations.saturating_add(cut.at), bits: cut.bits });
    }

    /// Whether the power is on.
    #[must_use]
    pub fn is_powered(&self) -> bool {
        self.powered
    }

    /// Switches the power on again; a cut that has not come is forgotten.
    pub fn reboot(&mut self) {
        self.powered = true;
        self.cut = None;
    }

    /// The whole memory.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bits that get through, or all of them; `PowerLost` when there is no power any more.
    fn begin(&mut self) -> Result<Option<u32>, FlashFault> {
        if !self.powered {
            return Err(FlashFault::PowerLost);
        }
        let torn = self.cut.filter(|cut| cut.at <= self.operations).map(|cut| cut.bits);
        self.operations = self.operations.saturating_add(1);
        self.powered = torn.is_none();
        Ok(torn)
    }

    fn word(&mut self, at: usize) -> Result<&mut [u8; WORD], FlashFault> {
        if !at.is_multiple_of(WORD) {
            return Err(FlashFault::Address);
        }
        self.bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut).ok_or(FlashFault::Address)
    }
}

impl Flash for Model {
    fn pages(&self) -> usize {
        self.bytes.len() / PAGE
    }

    fn read(&self, at: usize, out: &mut [u8]) {
        let stored = self.bytes.get(at..).unwrap_or(&[]);
        if let Some(whole) = stored.get(..out.len()) {
            out.copy_from_slice(whole);
            return;
        }
        for (index, byte) in out.iter_mut().enumerate() {
            *byte = stored.get(index).copied().unwrap_or(ERASED);
        }
    }

    fn program(&mut self, at: usize, word: u32) -> Result<(), FlashFault> {
        let old = u32::from_le_bytes(*self.word(at)?);
        if word & !old != 0 {
            return Err(FlashFault::Programmed);
        }
        let torn = self.begin()?;
        let clears = old & !word & torn.unwrap_or(u32::MAX);
        *self.word(at)? = (old & !clears).to_le_bytes();
        if torn.is_some() { Err(FlashFault::PowerLost) } else { Ok(()) }
    }

    fn erase(&mut self, page: usize) -> Result<(), FlashFault> {
        let start = page.checked_mul(PAGE).filter(|at| *at < self.bytes.len()).ok_or(FlashFault::Address)?;
        let torn = self.begin()?;
        let mut bits = torn.unwrap_or(u32::MAX);
        for at in (start..start.saturating_add(PAGE)).step_by(WORD) {
            let word = self.word(at)?;
            *word = (u32::from_le_bytes(*word) | bits).to_le_bytes();
            if torn.is_some_and(|bits| bits != 0 && bits != u32::MAX) {
                // xorshift: other bits in every word, the same ones in every run.
                bits ^= bits << 13;
                bits ^= bits >> 17;
                bits ^= bits << 5;
            }
        }
        if torn.is_some() { Err(FlashFault::PowerLost) } else { Ok(()) }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // What is erased tells nothing, and is most of it.
        for chunk in self.bytes.chunks_mut(64) {
            if !is_erased(chunk) {
                chunk.zeroize();
            }
        }
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("operations", &self.operations).field("powered", &self.powered).finish()
    }
}

#[cfg(test)]
mod tests;
