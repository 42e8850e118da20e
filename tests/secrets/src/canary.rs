//! Secrets that are known by their mask alone, so that whoever searches for them does not hold them.

use zeroize::Zeroizing;

/// A secret to search for, masked.
#[derive(Clone, Debug)]
pub struct Canary {
    /// What it is.
    pub name: String,
    masked: Vec<u8>,
}

const fn mask(at: usize) -> u8 {
    // Any sequence that is no secret's.
    (at as u8).wrapping_mul(167) ^ 0xc3
}

impl Canary {
    /// Masks a secret that lies elsewhere, byte by byte.
    #[must_use]
    pub fn of(name: &str, secret: &[u8]) -> Self {
        assert!(secret.len() >= 8, "too short to be told from chance");
        let masked = secret.iter().enumerate().map(|(at, byte)| byte ^ mask(at)).collect();
        Self { name: name.to_owned(), masked }
    }

    /// Its line for a child process.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.name, ushield_protocol::key::hex(&self.masked))
    }

    /// From that line.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (name, masked) = line.split_once(' ')?;
        Some(Self { name: name.to_owned(), masked: ushield_protocol::key::unhex(masked)? })
    }

    /// The secret, in memory that forgets it. Made in place: it never lies anywhere else.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<Vec<u8>> {
        let mut secret = Zeroizing::new(vec![0; self.masked.len()]);
        for (at, (to, from)) in secret.iter_mut().zip(&self.masked).enumerate() {
            *to = from ^ mask(at);
        }
        secret
    }

    /// Length in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.masked.len()
    }

    /// Its first two bytes, by which a search begins.
    pub(crate) fn head(&self) -> [u8; 2] {
        [self.masked[0] ^ mask(0), self.masked[1] ^ mask(1)]
    }

    /// Whether `bytes` begins with the secret.
    pub(crate) fn begins(&self, bytes: &[u8]) -> bool {
        bytes.len() >= self.masked.len()
            && self
                .masked
                .iter()
                .zip(bytes)
                .enumerate()
                .all(|(at, (masked, byte))| masked ^ mask(at) == *byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_revealed_is_what_was_masked() {
        let canary = Canary::of("a", b"0123456789");
        let again = Canary::parse(&canary.line()).unwrap();
        assert_eq!(again.reveal().as_slice(), b"0123456789");
        assert!(again.begins(b"0123456789.") && !again.begins(b"012345678") && !again.begins(b"0123456780"));
        assert!(!canary.line().contains("303132"));
    }
}
