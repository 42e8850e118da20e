//! PIN and the fixed block it travels in (section 6).

use alloc::boxed::Box;
use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::code::Code;

/// The PIN that a token starts with; it allows nothing but its change.
pub const INITIAL_PIN: &str = "12345678";
/// Length of a block.
pub const BLOCK_LEN: usize = 32;

/// Length, characters, zeros. Zeroized when dropped; never shown, never compared by `==`. In a box, as every secret that is moved.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PinBlock(Box<[u8; BLOCK_LEN]>);

impl PinBlock {
    /// The block of a PIN of 6..12 characters of `0-9A-Za-z`.
    pub fn new(pin: &str) -> Result<Self, Code> {
        let mut block = Self(Box::new([0; BLOCK_LEN]));
        let (length, rest) = block.0.split_first_mut().ok_or(Code::BadPinFormat)?;
        *length = u8::try_from(pin.len()).map_err(|_| Code::BadPinFormat)?;
        for (to, from) in rest.iter_mut().zip(pin.bytes()) {
            *to = from;
        }
        if pin.len() < BLOCK_LEN && block.is_pin() { Ok(block) } else { Err(Code::BadPinFormat) }
    }

    /// Takes a block as received: one that holds a PIN, or zeros.
    #[must_use]
    pub fn from_bytes(mut bytes: [u8; BLOCK_LEN]) -> Option<Self> {
        let mut block = Self(Box::new([0; BLOCK_LEN]));
        block.0.copy_from_slice(&bytes);
        bytes.zeroize();
        (block.is_pin() || block.is_zero()).then_some(block)
    }

    /// Whether it holds a PIN.
    #[must_use]
    pub fn is_pin(&self) -> bool {
        let [length, rest @ ..] = &*self.0;
        let length = usize::from(*length);
        (6..=12).contains(&length)
            && rest.iter().enumerate().all(|(at, byte)| match at < length {
                true => byte.is_ascii_alphanumeric(),
                false => *byte == 0,
            })
    }

    /// Whether it is the block that stands for none.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }

    /// The bytes, to be sealed or compared.
    #[must_use]
    pub fn expose(&self) -> &[u8; BLOCK_LEN] {
        &self.0
    }

    /// Whether a new PIN is too simple: all equal, or consecutive up or down.
    #[must_use]
    pub fn is_too_simple(&self) -> bool {
        let [length, rest @ ..] = &*self.0;
        let characters = rest.get(..usize::from(*length)).unwrap_or(rest);
        let all = |step: i16| {
            characters
                .iter()
                .zip(characters.iter().skip(1))
                .all(|(a, b)| i16::from(*b) - i16::from(*a) == step)
        };
        all(0) || all(1) || all(-1)
    }
}

impl fmt::Debug for PinBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinBlock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_and_simplicity() {
        for bad in ["", "12345", "1234567890123", "12345 ", "12345é", "123456789012345678901234567890123"] {
            assert_eq!(PinBlock::new(bad).map(|_| ()), Err(Code::BadPinFormat), "{bad}");
        }
        for (pin, simple) in
            [("111111", true), ("123456", true), ("fedcba", true), ("135790", false), ("Ab12cd", false)]
        {
            assert_eq!(PinBlock::new(pin).unwrap().is_too_simple(), simple, "{pin}");
        }
        let mut bytes = *PinBlock::new(INITIAL_PIN).unwrap().expose();
        bytes[31] = 1;
        assert!(PinBlock::from_bytes(bytes).is_none());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(alloc::format!("{:?}", PinBlock::new("Secret99").unwrap()), "PinBlock");
    }
}
