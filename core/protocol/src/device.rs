//! Who a token is: the maker's chain and the statement over `dh` (section 8.6).

use alloc::string::String;
use alloc::vec::Vec;

use crate::bank_key::{read_key, read_version, write_version};
use crate::cbor::{Reader, Writer};
use crate::code::Code;
use crate::cose::{Sign1, Tag, sign1};
use crate::key::{DeviceId, PublicKey, Sign, VerifySignature, unhex};
use crate::planted::{self, Bug};
use crate::refusal::Refusal;
use crate::x509::{COMMON_NAME, ORGANIZATION, Parsed, SERIAL_NUMBER};

/// Certificates in a chain, the root not among them.
const MAX_CHAIN: usize = 3;

/// A maker's root, as the phone or the bank trusts it.
#[derive(Clone, Debug)]
pub struct MakerRoot(Parsed);

impl MakerRoot {
    /// From the root's certificate, DER.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        Parsed::from_der(der).filter(|root| root.may_issue(0)).map(Self)
    }
}

/// A device as its maker certified it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceIdentity {
    /// The token.
    pub device: DeviceId,
    /// The maker's brand; selects the driver.
    pub brand: String,
    /// The model.
    pub model: String,
    /// Key `device`.
    pub key: PublicKey,
}

impl DeviceIdentity {
    /// Verifies a chain up to one of `roots`. `now` is Unix seconds where the verifier has a clock.
    pub fn verify(
        chain: &[Vec<u8>],
        roots: &[MakerRoot],
        now: Option<u64>,
        verifier: &impl VerifySignature,
    ) -> Result<Self, Refusal> {
        Self::chain(chain, roots, now, verifier).ok_or(Code::UntrustedMaker.into())
    }

    fn chain(
        chain: &[Vec<u8>],
        roots: &[MakerRoot],
        now: Option<u64>,
        verifier: &impl VerifySignature,
    ) -> Option<Self> {
        if chain.is_empty() || chain.len() > MAX_CHAIN {
            return None;
        }
        let certificates: Option<Vec<Parsed>> = chain.iter().map(|der| Parsed::from_der(der)).collect();
        let certificates = certificates?;
        for (at, certificate) in certificates.iter().enumerate() {
            // `at` issuers stand between the device and the issuer of this one.
            let issued_by =
                |issuer: &Parsed| issuer.may_issue(at) && certificate.is_issued_by(issuer, verifier);
            let issued = match certificates.get(at + 1) {
                Some(issuer) => issued_by(issuer),
                None => roots.iter().any(|root| issued_by(&root.0)) || planted::on(Bug::MakerUnverified),
            };
            if !issued || now.is_some_and(|now| !certificate.is_valid_at(now)) {
                return None;
            }
        }
        let leaf = certificates.first().filter(|leaf| leaf.is_end())?;
        let device = leaf.subject_text(SERIAL_NUMBER)?;
        let id = DeviceId::from_slice(&unhex(&device)?)?;
        Some(Self {
            device: id,
            brand: leaf.subject_text(ORGANIZATION)?,
            model: leaf.subject_text(COMMON_NAME)?,
            key: leaf.key,
        })
        .filter(|_| device.bytes().all(|byte| !byte.is_ascii_uppercase()))
    }
}

/// The statement over `dh`, signed by `device`.
#[must_use]
pub fn sign_statement(device: DeviceId, dh: &PublicKey, key: &impl Sign) -> Vec<u8> {
    let payload = write_version(Writer::new().map(4))
        .key(3)
        .bytes(device.as_bytes())
        .key(4)
        .bytes(dh.as_bytes())
        .into_bytes();
    sign1(Tag::Device, &payload, key)
}

/// Verifies that `identity` states `dh` to be its channel key.
pub fn verify_statement(
    statement: &[u8],
    identity: &DeviceIdentity,
    dh: &PublicKey,
    verifier: &impl VerifySignature,
) -> Result<(), Refusal> {
    let message = Sign1::parse_as(Tag::Device, statement)?;
    if !message.verify(Tag::Device, &identity.key, verifier) {
        return Err(Code::UntrustedMaker.into());
    }
    let mut reader = Reader::new(message.payload());
    let mut map = reader.map(4)?;
    read_version(&mut reader, &mut map)?;
    map.required(&mut reader, 3)?;
    let device = DeviceId::from(reader.array_of()?);
    map.required(&mut reader, 4)?;
    let stated = read_key(&mut reader)?;
    map.finish(&mut reader)?;
    reader.end()?;
    if device == identity.device && stated == *dh { Ok(()) } else { Err(Code::BadDeviceStatement.into()) }
}

/// The key of an X.509 certificate, if it is P-256.
#[must_use]
pub fn certified_key(der: &[u8]) -> Option<PublicKey> {
    Parsed::from_der(der).map(|certificate| certificate.key)
}
