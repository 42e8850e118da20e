//! An input, read from its beginning; behind its end are zeros.

/// What is left of an input.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    pub(crate) fn word(&mut self) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()]))
    }

    /// At most so many.
    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// A message: 1 to 4,096 bytes, each pair of its own.
    pub(crate) fn body(&mut self) -> Vec<u8> {
        let (length, first) = (self.word() % 4_096 + 1, self.byte());
        (0..length).map(|at| u8::try_from((at * 7 + at / 256) % 256).unwrap_or(0) ^ first).collect()
    }
}
