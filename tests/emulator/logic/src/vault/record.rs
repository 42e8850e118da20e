//! Values of fixed layout, read from the front.

use crate::store::StoreFault;

/// What is left of a value.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], StoreFault> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(StoreFault::Corrupt)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(super) fn number(&mut self) -> Result<u64, StoreFault> {
        self.take().map(u64::from_be_bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, StoreFault> {
        let [byte] = self.take()?;
        Ok(byte)
    }

    pub(super) fn split(&mut self, length: usize) -> Result<&'a [u8], StoreFault> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(StoreFault::Corrupt)?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.0)
    }
}
