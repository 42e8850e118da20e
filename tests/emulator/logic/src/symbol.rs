//! The QR symbol of a pairing code (section 4.1).

use core::fmt;

use qrcodegen_no_heap::{QrCode, QrCodeEcc, Version};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const VERSION: Version = Version::new(3);
const BUFFER: usize = VERSION.buffer_len();

/// A QR symbol of version 3, level M: what a board draws of a pairing code. It is a secret until it is on the glass.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Symbol([u32; Symbol::SIDE]);

impl Symbol {
    /// Modules on a side, without the light around it.
    pub const SIDE: usize = 29;

    /// The symbol of a code's text; `None` for what does not fill it, which no code of section 4.1 is.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let (mut temporary, mut out) = (Zeroizing::new([0; BUFFER]), Zeroizing::new([0; BUFFER]));
        let level = QrCodeEcc::Medium;
        let code =
            QrCode::encode_text(text, &mut *temporary, &mut *out, level, VERSION, VERSION, None, false)
                .ok()?;
        let mut symbol = Self([0; Self::SIDE]);
        for (y, row) in (0..).zip(symbol.0.iter_mut()) {
            for x in (0..).take(Self::SIDE) {
                *row = *row << 1 | u32::from(code.get_module(x, y));
            }
        }
        Some(symbol)
    }

    /// Whether the module in column `x` of row `y` is dark. Outside the symbol none is.
    #[must_use]
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        let row = self.0.get(y).filter(|_| x < Self::SIDE);
        row.is_some_and(|row| row >> (Self::SIDE - 1 - x) & 1 == 1)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Symbol")
    }
}
