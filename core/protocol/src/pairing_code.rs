//! The code on a token's screen, by which a phone pairs (section 4.1): its text, and what follows from it.

use alloc::string::String;
use core::fmt;

use data_encoding::{BASE32_NOPAD, DecodePartial};
use zeroize::Zeroizing;

use crate::code::Code;
use crate::key::{PublicKey, sha256};
use crate::secret::Secret;

/// What every code begins with, whatever its version.
const SCHEME: &str = "USHIELD:";
/// The version of the codes that this crate speaks.
const VERSION: char = '1';
/// Characters behind the version: base32 of 32 bytes.
const BODY: usize = 52;

/// A token's code: which token it is, and a secret that serves one handshake. Copies are for handshakes that end before P3,
/// where it is spent.
#[derive(Clone)]
pub struct PairingCode {
    fingerprint: [u8; 16],
    secret: Secret<16>,
}

impl PairingCode {
    /// Characters of a code.
    pub const LENGTH: usize = SCHEME.len() + 1 + BODY;

    /// The code of a token with this static key. `secret` is drawn for it, and for no other.
    #[must_use]
    pub fn new(dh: &PublicKey, secret: Secret<16>) -> Self {
        Self { fingerprint: fingerprint(dh), secret }
    }

    /// From the text of a QR code, taken as it was read.
    ///
    /// # Errors
    /// `unknown-version` for a code of another version, `bad-pairing-code` for anything else.
    pub fn parse(text: &str) -> Result<Self, Code> {
        let rest = text.strip_prefix(SCHEME).ok_or(Code::BadPairingCode)?;
        let body = match rest.chars().next() {
            Some(VERSION) => rest.get(1..).ok_or(Code::BadPairingCode)?,
            Some('0'..='9' | 'A'..='Z') => return Err(Code::UnknownVersion),
            _ => return Err(Code::BadPairingCode),
        };
        if body.len() != BODY {
            return Err(Code::BadPairingCode);
        }
        let mut bytes = Zeroizing::new([0; 32]);
        BASE32_NOPAD
            .decode_mut(body.as_bytes(), bytes.as_mut_slice())
            .map_err(|DecodePartial { .. }| Code::BadPairingCode)?;
        let (fingerprint, secret) = bytes.split_first_chunk::<16>().ok_or(Code::BadPairingCode)?;
        let secret = Secret::from_slice(secret).ok_or(Code::BadPairingCode)?;
        Ok(Self { fingerprint: *fingerprint, secret })
    }

    /// The text of the QR code: [`PairingCode::LENGTH`] characters, all of QR's alphanumeric mode. It is the secret.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; 32]);
        for (to, from) in bytes.iter_mut().zip(self.fingerprint.iter().chain(self.secret.expose())) {
            *to = *from;
        }
        // Long enough from the beginning: growing would leave a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(Self::LENGTH));
        text.push_str(SCHEME);
        text.push(VERSION);
        BASE32_NOPAD.encode_append(bytes.as_slice(), &mut text);
        text
    }

    /// Whether it is the code of the token with this static key.
    #[must_use]
    pub fn is_of(&self, dh: &PublicKey) -> bool {
        self.fingerprint == fingerprint(dh)
    }

    /// The key that both sides mix into the handshake.
    #[must_use]
    pub fn psk(&self) -> Secret<32> {
        psk(&self.secret)
    }
}

/// The key that follows from a code's secret.
#[must_use]
pub fn psk(secret: &Secret<16>) -> Secret<32> {
    Secret::new(*sha256(&[b"USHIELD-PAIR-CODE-v1", secret.expose()]).as_bytes())
}

fn fingerprint(dh: &PublicKey) -> [u8; 16] {
    let hash = sha256(&[dh.as_bytes()]);
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Neither the secret nor which token it is of.
impl fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingCode")
    }
}
