//! A page as pixels: 192 x 96, one bit each, as the display's driver would get it.

use ushield_token::Symbol;

use crate::font::{Font, Glyph, HEIGHT};

/// Cells in a line.
pub const COLUMNS: usize = 24;
/// Lines on a page.
pub const LINES: usize = 6;
/// Pixels across.
pub const WIDTH: usize = COLUMNS * 8;
/// Pixels down.
pub const ROWS: usize = LINES * HEIGHT;
/// The largest magnification of [`Picture::png`].
pub const MAX_SCALE: u8 = 16;

/// Pixels of a symbol's module, across and down.
const MODULE: usize = 3;
/// Where a symbol begins, from the left and from above.
const CORNER: usize = 4;

/// 96 rows of 24 bytes; the leftmost pixel is the highest bit, set means dark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture(Box<[[u8; COLUMNS]; ROWS]>);

/// A page that cannot be drawn as it is. Nothing is cut off or replaced to make it fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageFault {
    /// The page does not have six lines.
    #[error("the page has {0} lines, not 6")]
    Lines(usize),
    /// A line, counted from 1, is wider than 24 cells.
    #[error("line {0} is wider than 24 cells")]
    TooWide(usize),
    /// A character has no glyph.
    #[error("U+{:04X} has no glyph", u32::from(*.0))]
    NoGlyph(char),
}

impl Picture {
    /// Nothing drawn.
    #[must_use]
    pub fn blank() -> Self {
        Self(Box::new([[0; COLUMNS]; ROWS]))
    }

    /// Draws a page: six lines joined by U+000A.
    ///
    /// # Errors
    /// [`PageFault`] when the page does not fit the geometry or the font.
    pub fn of_page(page: &str, font: &Font) -> Result<Self, PageFault> {
        let lines = page.split('\n').count();
        if lines != LINES {
            return Err(PageFault::Lines(lines));
        }
        let mut picture = Self::blank();
        for ((line, text), rows) in (1..).zip(page.split('\n')).zip(picture.0.chunks_exact_mut(HEIGHT)) {
            let mut cell = 0;
            for character in text.chars() {
                let glyph = font.glyph(character).ok_or(PageFault::NoGlyph(character))?;
                cell = put(rows, cell, &glyph).ok_or(PageFault::TooWide(line))?;
            }
        }
        Ok(picture)
    }

    /// The picture with a pairing code over its left half (protocol.md, section 4.1).
    #[must_use]
    pub fn with_code(mut self, code: &Symbol) -> Self {
        for (y, row) in self.0.iter_mut().enumerate() {
            for (cell, byte) in row.iter_mut().take(COLUMNS / 2).enumerate() {
                let dark = |bit: usize| {
                    let module = |at: usize| at.checked_sub(CORNER).map(|at| at / MODULE);
                    let (x, y) = (module(cell.saturating_mul(8).saturating_add(bit)), module(y));
                    x.zip(y).is_some_and(|(x, y)| code.is_dark(x, y))
                };
                *byte = pack(std::array::from_fn(dark));
            }
        }
        self
    }

    /// The picture with light and dark exchanged.
    #[must_use]
    pub fn inverted(mut self) -> Self {
        for byte in self.0.iter_mut().flatten() {
            *byte = !*byte;
        }
        self
    }

    /// Whether the pixel is dark. Outside the picture nothing is.
    #[must_use]
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        let byte = self.0.get(y).and_then(|row| row.get(x / 8));
        byte.is_some_and(|byte| byte & (0x80 >> (x % 8)) != 0)
    }

    /// A black and white PNG, one bit a pixel, each pixel drawn as a square of `scale` (1 to [`MAX_SCALE`]).
    ///
    /// # Errors
    /// What the encoder says; with memory as its target that is a defect of the program.
    pub fn png(&self, scale: u8) -> Result<Vec<u8>, png::EncodingError> {
        let scale = usize::from(scale.clamp(1, MAX_SCALE));
        let mut pixels = Vec::new();
        for y in 0..ROWS {
            let mut row = Vec::new();
            for x in 0..WIDTH {
                row.extend(std::iter::repeat_n(!self.is_dark(x, y), scale));
            }
            let (bytes, _) = row.as_chunks::<8>();
            let packed: Vec<u8> = bytes.iter().map(|bits| pack(*bits)).collect();
            for _ in 0..scale {
                pixels.extend_from_slice(&packed);
            }
        }
        let side = |pixels: usize| {
            u32::try_from(pixels.saturating_mul(scale)).map_err(|_| png::EncodingError::LimitsExceeded)
        };
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, side(WIDTH)?, side(ROWS)?);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&pixels)?;
        writer.finish()?;
        Ok(out)
    }
}

/// Puts a glyph into a line's rows and returns the cell after it; `None` when the line is full.
fn put(rows: &mut [[u8; COLUMNS]], cell: usize, glyph: &Glyph) -> Option<usize> {
    let halves: &[&[u8; HEIGHT]] = match glyph {
        Glyph::Narrow(half) => &[half],
        Glyph::Wide(left, right) => &[left, right],
    };
    let mut next = cell;
    for half in halves {
        for (row, bits) in rows.iter_mut().zip(half.iter()) {
            *row.get_mut(next)? = *bits;
        }
        next = next.checked_add(1)?;
    }
    Some(next)
}

fn pack(bits: [bool; 8]) -> u8 {
    bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))
}

#[cfg(test)]
mod tests;
