//! The token's bitmap font: glyph set 1 of protocol.md, section 9, 8x16 for ASCII and 16x16 for everything else.

use std::fmt;

static TABLE: &[u8] = include_bytes!("../assets/font.png");
static RANGES: &str = include_str!("../assets/font.ranges");

/// Pixel rows of a glyph.
pub const HEIGHT: usize = 16;

/// One half of a glyph: 16 rows of 8 pixels, the leftmost pixel in the highest bit.
pub type Half = [u8; HEIGHT];

/// What a character looks like, and with it how many cells it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Glyph {
    /// One cell: U+0020 to U+007E.
    Narrow(Half),
    /// Two cells: every other character.
    Wide(Half, Half),
}

impl Glyph {
    /// Whether no pixel is set.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Narrow(half) => half.iter().all(|row| *row == 0),
            Self::Wide(left, right) => left.iter().chain(right).all(|row| *row == 0),
        }
    }
}

/// All glyphs of the set, decoded.
pub struct Font {
    ranges: Vec<Range>,
    halves: Vec<(Half, Half)>,
}

struct Range {
    first: u32,
    last: u32,
    /// Index of `first`'s glyph.
    base: usize,
}

/// The font that is built into the program does not read: the build is broken.
#[derive(Debug, thiserror::Error)]
#[error("the built-in font is damaged ({0}); rebuild the program from a clean checkout")]
pub struct FontError(&'static str);

impl Font {
    /// Decodes the font that is built into the program.
    ///
    /// # Errors
    /// [`FontError`] when the program was built with a damaged asset.
    pub fn load() -> Result<Self, FontError> {
        let halves = decode(TABLE)?;
        let ranges = parse_ranges(RANGES)?;
        let count = ranges.last().map_or(Some(0), |range| range.index(range.last)?.checked_add(1));
        if count != Some(halves.len()) {
            return Err(FontError("ranges and glyphs differ in number"));
        }
        Ok(Self { ranges, halves })
    }

    /// The picture of a character, if the set has it.
    #[must_use]
    pub fn glyph(&self, character: char) -> Option<Glyph> {
        let code = u32::from(character);
        let at = self.ranges.partition_point(|range| range.last < code);
        let index = self.ranges.get(at)?.index(code)?;
        let (left, right) = *self.halves.get(index)?;
        Some(if matches!(character, ' '..='~') { Glyph::Narrow(left) } else { Glyph::Wide(left, right) })
    }

    /// Every character that has a glyph, in ascending order.
    pub fn characters(&self) -> impl Iterator<Item = char> {
        self.ranges.iter().flat_map(|range| range.first..=range.last).filter_map(char::from_u32)
    }
}

impl fmt::Debug for Font {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Font").field("glyphs", &self.halves.len()).finish_non_exhaustive()
    }
}

impl Range {
    fn index(&self, code: u32) -> Option<usize> {
        if code > self.last {
            return None;
        }
        self.base.checked_add(usize::try_from(code.checked_sub(self.first)?).ok()?)
    }
}

/// A PNG of one glyph a row: 16 bytes left half, 16 bytes right half.
fn decode(table: &[u8]) -> Result<Vec<(Half, Half)>, FontError> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(table))
        .read_info()
        .map_err(|_| FontError("font.png has no readable header"))?;
    let info = reader.info();
    if info.width != 256
        || info.bit_depth != png::BitDepth::One
        || info.color_type != png::ColorType::Grayscale
    {
        return Err(FontError("font.png is not a table of one-bit rows of 256"));
    }
    let size = reader.output_buffer_size().ok_or(FontError("font.png is too large"))?;
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels).map_err(|_| FontError("font.png does not decode"))?;
    let (rows, []) = pixels.as_chunks::<{ 2 * HEIGHT }>() else {
        return Err(FontError("font.png ends within a glyph"));
    };
    rows.iter()
        .map(|row| {
            let (left, right) = row.split_first_chunk::<HEIGHT>()?;
            Some((*left, *right.first_chunk::<HEIGHT>()?))
        })
        .collect::<Option<_>>()
        .ok_or(FontError("font.png has rows of another length"))
}

fn parse_ranges(text: &str) -> Result<Vec<Range>, FontError> {
    const BAD: FontError = FontError("font.ranges is not a list of ranges");
    let hex = |digits| u32::from_str_radix(digits, 16).map_err(|_| BAD);
    let mut ranges: Vec<Range> = Vec::new();
    for line in text.lines() {
        let (first, last) = line.split_once("..").ok_or(BAD)?;
        let (first, last) = (hex(first)?, hex(last)?);
        let base = match ranges.last() {
            None => 0,
            Some(before) if before.last < first => {
                before.index(before.last).and_then(|index| index.checked_add(1)).ok_or(BAD)?
            }
            Some(_) => return Err(FontError("font.ranges is not in ascending order")),
        };
        if last < first {
            return Err(BAD);
        }
        ranges.push(Range { first, last, base });
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests;
