//! COSE_Sign1 (RFC 9052, 4.2) in the one form that the protocol uses (section 7).

use alloc::vec::Vec;

use crate::cbor::{DecodeError, Reader, Reason, Writer};
use crate::key::{Hash, PublicKey, ShortKeyId, Sign, Signature, VerifySignature, sha256};

/// `{1: -7}`: ES256.
const PROTECTED: &[u8] = &[0xa1, 0x01, 0x26];
/// `{1: -7, 4: kid}` up to the kid.
const PROTECTED_KID: &[u8] = &[0xa2, 0x01, 0x26, 0x04, 0x48];
/// No statement of this protocol is longer.
const MAX_PAYLOAD: usize = 2048;

/// Domain tags: COSE's `external_aad` (section 1). A verifier takes exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tag {
    /// `BANKKEY`, by the bank root.
    BankKey,
    /// Order, by a bank order key.
    Order,
    /// Approval, by `pay`.
    Approve,
    /// Approval of a login, by `login`.
    Login,
    /// Rejection, by `device`.
    Reject,
    /// Attestation of a new key, by `device`.
    Attest,
    /// Statement over `dh`, by `device`.
    Device,
    /// Receipt, by the bank receipt key.
    Receipt,
}

impl Tag {
    /// Every tag.
    pub const ALL: [Tag; 8] = [
        Tag::BankKey,
        Tag::Order,
        Tag::Approve,
        Tag::Login,
        Tag::Reject,
        Tag::Attest,
        Tag::Device,
        Tag::Receipt,
    ];

    /// The bytes that are signed.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        match self {
            Tag::BankKey => b"USHIELD-BANKKEY-v1",
            Tag::Order => b"USHIELD-ORDER-v1",
            Tag::Approve => b"USHIELD-APPROVE-v1",
            Tag::Login => b"USHIELD-LOGIN-v1",
            Tag::Reject => b"USHIELD-REJECT-v1",
            Tag::Attest => b"USHIELD-ATTEST-v1",
            Tag::Device => b"USHIELD-DEVICE-v1",
            Tag::Receipt => b"USHIELD-RECEIPT-v1",
        }
    }

    /// Whether the header names the key: what a bank key signs does.
    const fn has_kid(self) -> bool {
        matches!(self, Tag::Order | Tag::Receipt)
    }
}

/// Signs `payload` under `tag`. The header names the key where the tag asks for it.
#[must_use]
pub fn sign1(tag: Tag, payload: &[u8], key: &impl Sign) -> Vec<u8> {
    let mut protected = Vec::from(if tag.has_kid() { PROTECTED_KID } else { PROTECTED });
    if tag.has_kid() {
        protected.extend_from_slice(key.public_key().short_key_id().as_bytes());
    }
    let signature = key.sign(&to_be_signed(&protected, tag, payload));
    assemble(&protected, payload, &signature)
}

/// Puts a message of a token together from a payload and its signature, as stored apart from each other.
#[must_use]
pub fn assemble_token(payload: &[u8], signature: &Signature) -> Vec<u8> {
    assemble(PROTECTED, payload, signature)
}

/// What a token signs for `payload` under `tag`.
#[must_use]
pub fn token_to_be_signed(tag: Tag, payload: &[u8]) -> Vec<u8> {
    to_be_signed(PROTECTED, tag, payload)
}

fn assemble(protected: &[u8], payload: &[u8], signature: &Signature) -> Vec<u8> {
    Writer::new().array(4).bytes(protected).map(0).bytes(payload).bytes(signature.as_bytes()).into_bytes()
}

fn to_be_signed(protected: &[u8], tag: Tag, payload: &[u8]) -> Vec<u8> {
    Writer::new()
        .array(4)
        .text("Signature1")
        .bytes(protected)
        .bytes(tag.as_bytes())
        .bytes(payload)
        .into_bytes()
}

/// A COSE_Sign1 whose form is right and whose signature has not been checked.
#[derive(Clone, Copy, Debug)]
pub struct Sign1<'a> {
    protected: &'a [u8],
    kid: Option<ShortKeyId>,
    payload: &'a [u8],
    signature: Signature,
}

impl<'a> Sign1<'a> {
    /// Parses one message; nothing may follow.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let message = Self::read(&mut reader)?;
        reader.end()?;
        Ok(message)
    }

    /// Parses one message whose header is the one that `tag` asks for: with a key's id or without.
    pub fn parse_as(tag: Tag, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let message = Self::parse(bytes)?;
        match message.kid.is_some() == tag.has_kid() {
            true => Ok(message),
            false => Err(DecodeError::at(Reason::BadValue, 0)),
        }
    }

    /// Splits a CBOR sequence (RFC 8742) of at most `max` messages.
    pub fn parse_sequence(bytes: &'a [u8], max: usize) -> Result<Vec<&'a [u8]>, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut messages = Vec::new();
        while !reader.is_empty() {
            let start = reader.position();
            Self::read(&mut reader)?;
            if messages.len() >= max {
                return Err(reader.error(Reason::Trailing));
            }
            messages.push(bytes.get(start..reader.position()).ok_or(DecodeError::framing())?);
        }
        if messages.is_empty() { Err(DecodeError::framing()) } else { Ok(messages) }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.array(4, 4)?;
        let protected = reader.bytes(1, PROTECTED_KID.len() + ShortKeyId::LEN)?;
        let kid = match protected.strip_prefix(PROTECTED_KID) {
            Some(kid) => Some(ShortKeyId::from_slice(kid).ok_or(reader.error(Reason::BadValue))?),
            None if protected == PROTECTED => None,
            None => return Err(reader.error(Reason::BadValue)),
        };
        let empty = reader.map(0)?;
        // A key here is none of a statement's fields.
        empty.finish(reader).map_err(|error| reader.error(error.reason))?;
        let payload = reader.bytes(1, MAX_PAYLOAD)?;
        let signature = reader.bytes(64, 64)?;
        let signature = Signature::from_slice(signature).ok_or(reader.error(Reason::BadValue))?;
        Ok(Self { protected, kid, payload, signature })
    }

    /// The signing bank key's id; `None` in what a token or the root signs.
    #[must_use]
    pub fn kid(&self) -> Option<ShortKeyId> {
        self.kid
    }

    /// The payload, not to be believed before `verify`.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The identity of an order: the hash of the payload.
    #[must_use]
    pub fn payload_hash(&self) -> Hash {
        sha256(&[self.payload])
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Whether the signature is by `key` under `tag`, and the header is the tag's.
    #[must_use]
    pub fn verify(&self, tag: Tag, key: &PublicKey, verifier: &impl VerifySignature) -> bool {
        let header = match self.kid {
            Some(kid) => tag.has_kid() && kid == key.short_key_id(),
            None => !tag.has_kid(),
        };
        header && verifier.verify(key, &to_be_signed(self.protected, tag, self.payload), &self.signature)
    }
}
