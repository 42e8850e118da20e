//! The QR code in a photo of the token's screen. The file comes from anywhere: its size is bounded before it is decoded.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use ushield_protocol::code::Code;
use ushield_protocol::pairing_code::PairingCode;
use zeroize::Zeroizing;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::failure::Failure;
use crate::words::Words;

/// The largest file.
const MOST_BYTES: u64 = 32 << 20;
/// The most pixels: more than a phone's camera has.
const MOST_PIXELS: usize = 64 << 20;
/// Longest side of what the code is looked for in, one after the other: a photo is larger than its code, and its noise goes away
/// with its size.
const SIDES: [usize; 4] = [2400, 1200, 600, 300];

const PNG: [u8; 4] = *b"\x89PNG";
const JPEG: [u8; 3] = [0xff, 0xd8, 0xff];

/// Why there is no code of a token's in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    TooLarge,
    NoPicture,
    Damaged,
    NoCode,
    SeveralCodes,
    /// The code is none of section 4.1.
    Other(Code),
}

impl Unread {
    fn say(self, words: &Words) -> String {
        match self {
            Self::TooLarge => words.say("picture-too-large"),
            Self::NoPicture => words.say("picture-none"),
            Self::Damaged => words.say("picture-damaged"),
            Self::NoCode => words.say("picture-no-code"),
            Self::SeveralCodes => words.say("picture-several-codes"),
            Self::Other(Code::UnknownVersion) => words.say("picture-other-version"),
            Self::Other(_) => words.say("picture-other-code"),
        }
    }

    fn code(self) -> Code {
        match self {
            Self::Other(code) => code,
            _ => Code::BadInput,
        }
    }
}

/// The code in the picture of an option.
pub(crate) async fn code_of(flag: &'static str, path: &Path, words: &Words) -> Result<PairingCode, Failure> {
    let bad = |code, reason: String| Failure::Usage { flag: flag.to_owned(), code, reason };
    let named = |reason: &str| format!("{}: {reason}", path.display());
    let unread = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::InvalidInput => named(&words.say("picture-no-file")),
        _ => named(&error.to_string()),
    };
    let bytes = read(path).map_err(|error| bad(Code::BadInput, unread(error)))?;
    // On a thread of its own: it takes its time, and a decoder that panics has found no code.
    let read = tokio::task::spawn_blocking(move || code_in(&bytes)).await.unwrap_or(Err(Unread::NoCode));
    read.map_err(|unread| bad(unread.code(), named(&unread.say(words))))
}

/// At most one byte more than may be. A pipe would have no end to wait for.
fn read(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let about = std::fs::metadata(path)?;
    if !about.is_file() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    // In one piece: growing would leave copies behind.
    let capacity = usize::try_from(about.len().min(MOST_BYTES)).unwrap_or_default().saturating_add(2);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn code_in(bytes: &[u8]) -> Result<PairingCode, Unread> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MOST_BYTES) {
        return Err(Unread::TooLarge);
    }
    let grey = if bytes.starts_with(&PNG) {
        Grey::of_png(bytes)?
    } else if bytes.starts_with(&JPEG) {
        Grey::of_jpeg(bytes)?
    } else {
        return Err(Unread::NoPicture);
    };
    search(&grey)
}

fn search(grey: &Grey) -> Result<PairingCode, Unread> {
    let (mut before, mut other) = (None, Err(Unread::NoCode));
    for side in SIDES {
        let factor = grey.width.max(grey.height).div_ceil(side).max(1);
        if before.replace(factor) == Some(factor) {
            continue;
        }
        let mut texts = grey.shrunk(factor).texts();
        texts.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        texts.dedup();
        // A poster behind the token, a sticker on it: whatever is not a token's does not count where a token's is.
        let (ours, others): (Vec<_>, Vec<_>) = texts.iter().partition(|text| text.starts_with("USHIELD:"));
        match (ours.as_slice(), others.as_slice()) {
            ([text], _) => return PairingCode::parse(text).map_err(Unread::Other),
            ([_, _, ..], _) => return Err(Unread::SeveralCodes),
            ([], [text, ..]) => other = PairingCode::parse(text).map_err(Unread::Other),
            ([], []) => {}
        }
    }
    other
}

/// A picture in grey, row by row.
struct Grey {
    width: usize,
    height: usize,
    pixels: Zeroizing<Vec<u8>>,
}

impl Grey {
    fn new(width: usize, height: usize, pixels: Zeroizing<Vec<u8>>) -> Result<Self, Unread> {
        let fits = width > 0 && height > 0 && width.checked_mul(height) == Some(pixels.len());
        fits.then_some(Self { width, height, pixels }).ok_or(Unread::Damaged)
    }

    fn of_png(bytes: &[u8]) -> Result<Self, Unread> {
        let limits = png::Limits { bytes: MOST_PIXELS };
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(|error| match error {
            png::DecodingError::LimitsExceeded => Unread::TooLarge,
            _ => Unread::Damaged,
        })?;
        let (width, height) = measured(reader.info().width, reader.info().height)?;
        let size =
            reader.output_buffer_size().filter(|size| *size <= 4 * MOST_PIXELS).ok_or(Unread::TooLarge)?;
        let mut pixels = Zeroizing::new(vec![0; size]);
        let info = reader.next_frame(&mut pixels).map_err(|_| Unread::Damaged)?;
        let grey = match info.color_type {
            png::ColorType::Grayscale => pixels,
            png::ColorType::GrayscaleAlpha => {
                pixels.as_chunks().0.iter().map(|[l, a]| over(*l, *a)).collect::<Vec<_>>().into()
            }
            png::ColorType::Rgb => {
                pixels.as_chunks().0.iter().map(|[r, g, b]| luma(*r, *g, *b)).collect::<Vec<_>>().into()
            }
            png::ColorType::Rgba => {
                let pixel = |[r, g, b, a]: &[u8; 4]| over(luma(*r, *g, *b), *a);
                pixels.as_chunks().0.iter().map(pixel).collect::<Vec<_>>().into()
            }
            // Expanded above.
            png::ColorType::Indexed => return Err(Unread::Damaged),
        };
        Self::new(width, height, grey)
    }

    fn of_jpeg(bytes: &[u8]) -> Result<Self, Unread> {
        let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        decoder.decode_headers().map_err(|_| Unread::Damaged)?;
        let (width, height) = decoder.dimensions().ok_or(Unread::Damaged)?;
        if width.checked_mul(height).is_none_or(|pixels| pixels > MOST_PIXELS) {
            return Err(Unread::TooLarge);
        }
        let pixels = decoder.decode().map_err(|_| Unread::Damaged)?;
        Self::new(width, height, Zeroizing::new(pixels))
    }

    /// Each pixel the mean of a square of them; what is left over at two edges is cut off.
    fn shrunk(&self, factor: usize) -> Self {
        let (width, height) = (self.width / factor, self.height / factor);
        let mut sums = vec![0_u32; width];
        let mut pixels = Zeroizing::new(Vec::with_capacity(width.saturating_mul(height)));
        let area = u32::try_from(factor.saturating_mul(factor)).unwrap_or(u32::MAX).max(1);
        for rows in self.pixels.chunks_exact(self.width.saturating_mul(factor)).take(height) {
            sums.fill(0);
            for row in rows.chunks_exact(self.width) {
                for (sum, square) in sums.iter_mut().zip(row.chunks_exact(factor)) {
                    *sum += square.iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
                }
            }
            pixels.extend(sums.iter().map(|sum| u8::try_from(sum / area).unwrap_or(u8::MAX)));
        }
        Self { width, height, pixels }
    }

    /// Dark on bright, as a code should be; where there is none, bright on dark, as some screens have it.
    fn texts(&self) -> Vec<Zeroizing<String>> {
        let texts = self.texts_in(0);
        if texts.is_empty() { self.texts_in(u8::MAX) } else { texts }
    }

    /// Pixels as they are, or each the other way round.
    fn texts_in(&self, turned: u8) -> Vec<Zeroizing<String>> {
        let pixel = |x: usize, y: usize| {
            let at = y.checked_mul(self.width).and_then(|row| row.checked_add(x));
            at.and_then(|at| self.pixels.get(at)).copied().unwrap_or(u8::MAX) ^ turned
        };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(self.width, self.height, pixel);
        image.detect_grids().iter().filter_map(|grid| Some(Zeroizing::new(grid.decode().ok()?.1))).collect()
    }
}

fn measured(width: u32, height: u32) -> Result<(usize, usize), Unread> {
    let side = |side| usize::try_from(side).map_err(|_| Unread::TooLarge);
    let (width, height) = (side(width)?, side(height)?);
    match width.checked_mul(height) {
        Some(pixels) if pixels <= MOST_PIXELS => Ok((width, height)),
        _ => Err(Unread::TooLarge),
    }
}

/// ITU-R BT.601.
fn luma(red: u8, green: u8, blue: u8) -> u8 {
    let sum = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    u8::try_from(sum / 1000).unwrap_or(u8::MAX)
}

/// On a white ground.
fn over(luma: u8, alpha: u8) -> u8 {
    let (luma, alpha) = (u32::from(luma), u32::from(alpha));
    u8::try_from((luma * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;
