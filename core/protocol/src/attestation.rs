//! Attestation of a new key by `device` (section 8.5).

use alloc::vec::Vec;

use crate::authorization::About;
use crate::cbor::{DecodeError, Reader, Reason, Writer};
use crate::code::Code;
use crate::cose::{Sign1, Tag};
use crate::csr;
use crate::key::{Hash, PhoneId, PublicKey, VerifySignature, sha256};
use crate::message::Role;
use crate::planted::{self, Bug};
use crate::refusal::Refusal;

/// Longest certificate request.
pub const MAX_REQUEST: usize = 512;
/// Certificate download and renewal: the operations that make a key (section 8.3).
const OPERATIONS: [u8; 2] = [5, 6];

/// What an attestation says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// The order and how it was shown.
    pub about: About,
    /// What the new key is for.
    pub role: Role,
    /// The new key, made inside the token.
    pub key: PublicKey,
    /// PKCS #10, DER, self-signed by that key.
    pub request: Vec<u8>,
    /// Firmware: major, minor.
    pub firmware: u16,
    /// The phone that delivered the order.
    pub via: PhoneId,
}

impl Attestation {
    /// The payload's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.about
            .write(Writer::new().map(14))
            .key(10)
            .uint(u64::from(self.role.number()))
            .key(11)
            .bytes(self.key.as_bytes())
            .key(12)
            .bytes(&self.request)
            .key(13)
            .uint(u64::from(self.firmware))
            .key(14)
            .bytes(self.via.as_bytes())
            .into_bytes()
    }

    /// Verifies an attestation by `device`, and that its certificate request is for the attested key and signed by it.
    pub fn verify(
        bytes: &[u8],
        device: &PublicKey,
        verifier: &impl VerifySignature,
    ) -> Result<(Self, Hash), Refusal> {
        let message = Sign1::parse_as(Tag::Attest, bytes)?;
        if !message.verify(Tag::Attest, device, verifier) && !planted::on(Bug::AttestationUnverified) {
            return Err(Code::BadSignature.into());
        }
        let attestation = Self::decode(message.payload())?;
        if csr::verify(&attestation.request, verifier) != Some(attestation.key) {
            return Err(Code::BadSignature.into());
        }
        Ok((attestation, sha256(&[message.payload()])))
    }

    /// The content of an attestation, without a signature check.
    pub fn decode(payload: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(payload);
        let mut map = reader.map(14)?;
        let about = About::read(&mut reader, &mut map)?;
        if !OPERATIONS.contains(&about.operation) {
            return Err(DecodeError::at(Reason::BadValue, 3).into());
        }
        map.required(&mut reader, 10)?;
        let role = Role::from_number(reader.uint()?).ok_or(reader.error(Reason::BadValue))?;
        map.required(&mut reader, 11)?;
        let key = crate::bank_key::read_key(&mut reader)?;
        map.required(&mut reader, 12)?;
        let request = Vec::from(reader.bytes(1, MAX_REQUEST)?);
        map.required(&mut reader, 13)?;
        let firmware = u16::try_from(reader.uint()?).map_err(|_| reader.error(Reason::BadValue))?;
        map.required(&mut reader, 14)?;
        let via = PhoneId::from(reader.array_of()?);
        map.finish(&mut reader)?;
        reader.end()?;
        Ok(Self { about, role, key, request, firmware, via })
    }
}
