//! What happened, line by line, and every byte that went over a link, to the bank or to a disk. Two runs of one seed have the same trace.

use std::fmt::Write as _;

use ushield_protocol::key::{Hash, sha256};

/// So much is hashed at a time.
const CHUNK: usize = 8_192;

/// The trace of a run: its hash always, its text where somebody wants to read it.
#[derive(Debug)]
pub struct Trace {
    text: Option<String>,
    hash: Hash,
    fresh: Vec<u8>,
}

impl Trace {
    /// An empty one. Without `text` only the hash is kept.
    #[must_use]
    pub fn new(text: bool) -> Self {
        Self { text: text.then(String::new), hash: Hash::from([0; 32]), fresh: Vec::new() }
    }

    /// One line more.
    pub fn line(&mut self, now: u64, line: &str) {
        self.take(&[&now.to_be_bytes(), line.as_bytes()]);
        if let Some(text) = &mut self.text {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "{:>9}.{:03}  {line}", now / 1000, now % 1000);
        }
    }

    /// One line more, about these bytes: the hash takes them all, the text has their length and the beginning of their own hash.
    pub fn line_of(&mut self, now: u64, line: &str, bytes: &[u8]) {
        self.take(&[&now.to_be_bytes(), line.as_bytes(), bytes]);
        if let Some(text) = &mut self.text {
            let own = sha256(&[bytes])
                .as_bytes()
                .iter()
                .take(4)
                .fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
            let _ =
                writeln!(text, "{:>9}.{:03}  {line}, {} B {own:08x}", now / 1000, now % 1000, bytes.len());
        }
    }

    /// Each part with its length: where one ends and the next begins belongs to it.
    fn take(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.fresh.extend_from_slice(&part.len().to_be_bytes());
            self.fresh.extend_from_slice(part);
        }
        if self.fresh.len() >= CHUNK {
            self.hash = sha256(&[self.hash.as_bytes(), &self.fresh]);
            self.fresh.clear();
        }
    }

    /// The hash over everything.
    #[must_use]
    pub fn hash(&self) -> Hash {
        sha256(&[self.hash.as_bytes(), &self.fresh])
    }

    /// The text, if it was kept.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: bool, bytes: &[u8]) -> Hash {
        let mut trace = Trace::new(text);
        trace.line(1, "something");
        trace.line_of(2, "a message", bytes);
        trace.hash()
    }

    #[test]
    fn one_bit_of_a_message_is_another_trace() {
        assert_eq!(hash(true, b"abc"), hash(false, b"abc"));
        assert_ne!(hash(false, b"abc"), hash(false, b"abb"));
        assert_ne!(hash(false, b"abc"), hash(false, b"ab"));
    }

    #[test]
    fn a_long_trace_is_hashed_to_its_end() {
        let of = |last: &str| {
            let mut trace = Trace::new(false);
            (0..1_000).for_each(|now| trace.line(now, "something that is said again and again"));
            trace.line(1_000, last);
            trace.hash()
        };
        assert_ne!(of("a"), of("b"));
    }
}
