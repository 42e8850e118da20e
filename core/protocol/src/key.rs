//! Keys, signatures and identifiers (section 1).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use p256::ecdsa::signature::{Signer, Verifier};
use p256::elliptic_curve::sec1::ToSec1Point;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

mod identifier;

pub use identifier::{BankId, DeviceId, Hash, KeyId, OrderId, PhoneId, ShortKeyId};

/// Length of a compressed P-256 point (SEC 1, 2.3.3).
pub const PUBLIC_KEY_LEN: usize = 33;
/// Length of an ES256 signature, `r || s`.
pub const SIGNATURE_LEN: usize = 64;

/// Half of the order of P-256 (FIPS 186-5), rounded down: the highest `s` of a low-S signature.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde,
    0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// SHA-256.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut state = Sha256::new();
    for part in parts {
        state.update(part);
    }
    Hash::from(<[u8; 32]>::from(state.finalize()))
}

/// A validated point of P-256, compressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; PUBLIC_KEY_LEN]);

impl PublicKey {
    /// Takes 33 bytes that are a point of the curve.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; PUBLIC_KEY_LEN] = bytes.try_into().ok()?;
        decode(&bytes)?;
        Some(Self(bytes))
    }

    /// Takes a point in any encoding of SEC 1, as certificates carry it.
    #[must_use]
    pub fn from_sec1(bytes: &[u8]) -> Option<Self> {
        Some(Self::from(&decode(bytes)?))
    }

    /// The compressed point.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.0
    }

    /// The uncompressed point (SEC 1), 65 bytes, for certificates.
    #[must_use]
    pub fn to_uncompressed(&self) -> Option<Vec<u8>> {
        Some(Vec::from(decode(&self.0)?.to_sec1_point(false).as_bytes()))
    }

    /// Key id: the first 16 bytes of the hash of the point.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        KeyId::prefix_of(&sha256(&[&self.0]))
    }

    /// Short key id: the first 8 bytes of the key id.
    #[must_use]
    pub fn short_key_id(&self) -> ShortKeyId {
        ShortKeyId::prefix_of(&sha256(&[&self.0]))
    }

    /// Phone id of a phone whose static key this is.
    #[must_use]
    pub fn phone_id(&self) -> PhoneId {
        PhoneId::prefix_of(&sha256(&[&self.0]))
    }
}

/// A point in any encoding of SEC 1.
fn decode(bytes: &[u8]) -> Option<p256::PublicKey> {
    #[cfg(feature = "stand-in")]
    return crate::stand_in::point(bytes);
    #[cfg(not(feature = "stand-in"))]
    p256::PublicKey::from_sec1_bytes(bytes).ok()
}

/// Whether a signature holds; `real` is the library's answer.
fn verified(key: &PublicKey, message: &[u8], signature: &Signature, real: impl FnOnce() -> bool) -> bool {
    #[cfg(feature = "stand-in")]
    return crate::stand_in::verified(&key.0, message, &signature.0, real);
    #[cfg(not(feature = "stand-in"))]
    {
        let _ = (key, message, signature);
        real()
    }
}

impl From<&p256::PublicKey> for PublicKey {
    fn from(key: &p256::PublicKey) -> Self {
        let mut bytes = [0; PUBLIC_KEY_LEN];
        for (to, from) in bytes.iter_mut().zip(key.to_sec1_point(true).as_bytes()) {
            *to = *from;
        }
        Self(bytes)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.key_id())
    }
}

/// An ES256 signature whose `s` is low.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; SIGNATURE_LEN]);

impl Signature {
    /// Takes 64 bytes with a low `s`.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; SIGNATURE_LEN] = bytes.try_into().ok()?;
        let (_, s) = bytes.split_at(32);
        if s > HALF_ORDER.as_slice() { None } else { Some(Self(bytes)) }
    }

    /// Normalises a signature that may have a high `s`, as hardware modules make them.
    #[must_use]
    pub fn normalised(bytes: &[u8]) -> Option<Self> {
        let signature = p256::ecdsa::Signature::from_slice(bytes).ok()?.normalize_s();
        Self::from_slice(&signature.to_bytes())
    }

    /// `r || s`.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; SIGNATURE_LEN] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature")
    }
}

/// Checks ES256 signatures. A trait, so that a bank can use its own module or library.
pub trait VerifySignature {
    /// Whether `signature` over `message` is by `key`. The signature is low-S by its type.
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool;
}

/// Verification by the `p256` crate; needs no `std`.
#[derive(Clone, Copy, Debug, Default)]
pub struct P256Verifier;

impl VerifySignature for P256Verifier {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        verified(key, message, signature, || {
            let Ok(key) = p256::ecdsa::VerifyingKey::from_sec1_bytes(&key.0) else { return false };
            let Ok(signature) = p256::ecdsa::Signature::from_slice(&signature.0) else { return false };
            key.verify(message, &signature).is_ok()
        })
    }
}

/// Verification by `ring`, about four times as fast.
#[cfg(feature = "ring")]
#[derive(Clone, Copy, Debug, Default)]
pub struct RingVerifier;

#[cfg(feature = "ring")]
impl VerifySignature for RingVerifier {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        verified(key, message, signature, || {
            let Some(point) = key.to_uncompressed() else { return false };
            ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_FIXED, point)
                .verify(message, &signature.0)
                .is_ok()
        })
    }
}

/// Makes ES256 signatures: a software key, a secure element, a bank's module.
pub trait Sign {
    /// The key that verifies what `sign` makes.
    fn public_key(&self) -> PublicKey;
    /// A low-S signature over `message`.
    fn sign(&self, message: &[u8]) -> Signature;
}

/// A P-256 private key in memory. Zeroized when dropped; never shown.
#[derive(Clone)]
pub struct SigningKey {
    key: p256::ecdsa::SigningKey,
    public: PublicKey,
}

impl SigningKey {
    /// Takes a scalar in 1..n-1.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        #[cfg(feature = "stand-in")]
        let key = crate::stand_in::signing_key(bytes)?;
        #[cfg(not(feature = "stand-in"))]
        let key = p256::ecdsa::SigningKey::from_slice(bytes).ok()?;
        let multiply = || PublicKey::from(&p256::PublicKey::from(key.verifying_key()));
        #[cfg(feature = "stand-in")]
        let multiply = || PublicKey(crate::stand_in::public(bytes, || multiply().0));
        let public = multiply();
        Some(Self { key, public })
    }

    /// The scalar, to be stored where only its owner reads it.
    #[must_use]
    pub fn expose_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes().into())
    }
}

impl Sign for SigningKey {
    fn public_key(&self) -> PublicKey {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Signature {
        #[cfg(feature = "stand-in")]
        if let Some(bytes) = crate::stand_in::signature(&self.public.0, message) {
            return Signature(bytes);
        }
        // RFC 6979: the same message has the same signature, so that signing again after a power cut changes nothing.
        let signature: p256::ecdsa::Signature = self.key.sign(message);
        let mut bytes = [0; SIGNATURE_LEN];
        for (to, from) in bytes.iter_mut().zip(signature.normalize_s().to_bytes()) {
            *to = from;
        }
        Signature(bytes)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(public {})", self.public.key_id())
    }
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0x0f] {
            text.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    text
}

/// Bytes of a hex text; either case, nothing between the digits.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
