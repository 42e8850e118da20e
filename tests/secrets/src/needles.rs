//! Texts and files, searched for secrets in every form that somebody could have written them in.

use std::fs;
use std::path::Path;

use ushield_protocol::key::hex;

/// A secret in one of its forms.
#[derive(Clone, Debug)]
pub struct Needle {
    /// Whose and how written.
    pub name: String,
    bytes: Vec<u8>,
}

/// All needles, and how much was searched.
#[derive(Clone, Debug, Default)]
pub struct Needles {
    needles: Vec<Needle>,
    /// Bytes that were searched.
    pub bytes: usize,
}

const BASE64: [&[u8; 64]; 2] = [
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
];

/// The part of a base64 text that does not depend on what stands before and behind the bytes, for each of the three places.
fn base64(bytes: &[u8], alphabet: &[u8; 64], shift: usize) -> Vec<u8> {
    let bit = |at: usize| match at.checked_sub(shift * 8) {
        Some(at) if at / 8 < bytes.len() => Some(bytes[at / 8] >> (7 - at % 8) & 1),
        _ => None,
    };
    let digits = (0..(shift + bytes.len()) * 8 / 6).map(|digit| {
        let bits = (0..6).map(|b| bit(digit * 6 + b));
        bits.into_iter().try_fold(0usize, |value, bit| Some(value << 1 | usize::from(bit?)))
    });
    digits.flatten().map(|digit| alphabet[digit]).collect()
}

impl Needles {
    /// A text: as it is, as JSON and Debug write it, in hex and base64.
    pub fn text(&mut self, name: &str, text: &str) {
        self.bytes(name, text.as_bytes());
        let escaped: String = text.chars().flat_map(char::escape_unicode).collect();
        self.add(name, "escaped", escaped.into_bytes());
        let json: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        self.add(name, "json", json.into_bytes());
    }

    /// Bytes: raw, hex of either case, base64 of either alphabet at each of three offsets, and as Debug writes a list.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) {
        assert!(bytes.len() >= 6, "{name} is too short to be told from chance");
        self.add(name, "raw", bytes.to_vec());
        self.add(name, "hex", hex(bytes).into_bytes());
        self.add(name, "HEX", hex(bytes).to_uppercase().into_bytes());
        for alphabet in BASE64 {
            for shift in 0..3 {
                self.add(name, "base64", base64(bytes, alphabet, shift));
            }
        }
        let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
        self.add(name, "list", list.join(", ").into_bytes());
    }

    fn add(&mut self, name: &str, form: &str, bytes: Vec<u8>) {
        if !self.needles.iter().any(|needle| needle.bytes == bytes) {
            self.needles.push(Needle { name: format!("{name} ({form})"), bytes });
        }
    }

    /// How many forms are searched for.
    #[must_use]
    pub fn forms(&self) -> usize {
        self.needles.len()
    }

    /// Names of what is in there.
    pub fn found_in(&mut self, hay: &[u8]) -> Vec<String> {
        self.bytes += hay.len();
        let mut heads: Vec<Vec<&Needle>> = vec![Vec::new(); 1 << 16];
        let head = |bytes: &[u8]| usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
        for needle in &self.needles {
            heads[head(&needle.bytes)].push(needle);
        }
        let mut found: Vec<String> = Vec::new();
        for (at, two) in hay.windows(2).enumerate() {
            for needle in &heads[head(two)] {
                if hay[at..].starts_with(&needle.bytes) && !found.contains(&needle.name) {
                    found.push(needle.name.clone());
                }
            }
        }
        found
    }

    /// Names of what is in a folder's files, or in their names. And how many files there are.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn found_below(&mut self, folder: &Path) -> (Vec<String>, usize) {
        let (mut found, mut files) = (Vec::new(), 0);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            found.extend(self.found_in(path.to_string_lossy().as_bytes()));
            if path.is_dir() {
                let (more, count) = self.found_below(&path);
                found.extend(more);
                files += count;
            } else {
                files += 1;
                found.extend(self.found_in(&fs::read(&path).unwrap()));
            }
        }
        (found, files)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn every_form_is_found_wherever_it_stands() {
        let secret = [0xfb, 0xff, 0x00, 0x3e, 0x41, 0x99, 0xd0];
        let mut needles = Needles::default();
        needles.bytes("key", &secret);
        for before in 0..7usize {
            let hay: Vec<u8> = std::iter::repeat_n(7, before).chain(secret).chain([9; 3]).collect();
            for hay in [
                hay.clone(),
                STANDARD.encode(&hay).into_bytes(),
                URL_SAFE_NO_PAD.encode(&hay).into_bytes(),
                hex(&hay).into_bytes(),
                format!("{hay:?}").into_bytes(),
            ] {
                assert_eq!(needles.found_in(&hay).len(), 1, "{before}: {}", String::from_utf8_lossy(&hay));
            }
        }
        assert!(needles.found_in(&[7; 1000]).is_empty());
    }

    #[test]
    fn a_name_is_found_as_json_and_debug_write_it() {
        let mut needles = Needles::default();
        needles.text("name", "王小明明");
        for hay in ["x王小明明y", "\\u738b\\u5c0f\\u660e\\u660e", "\\u{738b}\\u{5c0f}\\u{660e}\\u{660e}"]
        {
            assert_eq!(needles.found_in(hay.as_bytes()).len(), 1, "{hay}");
        }
    }
}
