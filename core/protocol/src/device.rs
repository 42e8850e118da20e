//! Who a token is: the maker's chain and the statement over `dh` (section 8.6).

use alloc::string::String;
use alloc::vec::Vec;

use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::BasicConstraints;

use crate::bank_key::{read_key, read_version};
use crate::cbor::{Reader, Writer};
use crate::code::Code;
use crate::cose::{Sign1, Tag, sign1};
use crate::csr::ECDSA_SHA256;
use crate::key::{DeviceId, PublicKey, Sign, Signature, VerifySignature, unhex};
use crate::refusal::Refusal;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.5");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
/// Certificates in a chain, the root not among them.
const MAX_CHAIN: usize = 3;

/// A maker's root, as the phone or the bank trusts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MakerRoot {
    key: PublicKey,
    subject: Vec<u8>,
}

impl MakerRoot {
    /// From the root's certificate, DER.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        is_ca(&certificate).then_some(())?;
        Some(Self {
            key: key_of(&certificate)?,
            subject: certificate.tbs_certificate().subject().to_der().ok()?,
        })
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
        let certificates: Option<Vec<Certificate>> =
            chain.iter().map(|der| Certificate::from_der(der).ok()).collect();
        let certificates = certificates?;
        for (at, certificate) in certificates.iter().enumerate() {
            let issuer = certificates.get(at + 1);
            let issued = match issuer {
                Some(issuer) => is_ca(issuer) && is_issued_by(certificate, issuer, verifier)?,
                None => roots.iter().any(|root| is_issued_by_root(certificate, root, verifier) == Some(true)),
            };
            if !issued || now.is_some_and(|now| !is_valid_at(certificate, now)) {
                return None;
            }
        }
        let leaf = certificates.first()?;
        if is_ca(leaf) {
            return None;
        }
        let device = subject_text(leaf, SERIAL_NUMBER)?;
        let id = DeviceId::from_slice(&unhex(&device)?)?;
        Some(Self {
            device: id,
            brand: subject_text(leaf, ORGANIZATION)?,
            model: subject_text(leaf, COMMON_NAME)?,
            key: key_of(leaf)?,
        })
        .filter(|_| device.bytes().all(|byte| !byte.is_ascii_uppercase()))
    }
}

/// The statement over `dh`, signed by `device`.
#[must_use]
pub fn sign_statement(device: DeviceId, dh: &PublicKey, key: &impl Sign) -> Vec<u8> {
    let payload = Writer::new()
        .map(4)
        .key(1)
        .uint(1)
        .key(2)
        .uint(1)
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
    key_of(&Certificate::from_der(der).ok()?)
}

fn key_of(certificate: &Certificate) -> Option<PublicKey> {
    let info = certificate.tbs_certificate().subject_public_key_info();
    PublicKey::from_sec1(info.subject_public_key.as_bytes()?)
}

fn is_issued_by(
    certificate: &Certificate,
    issuer: &Certificate,
    verifier: &impl VerifySignature,
) -> Option<bool> {
    let names = certificate.tbs_certificate().issuer() == issuer.tbs_certificate().subject();
    Some(names && is_signed_by(certificate, &key_of(issuer)?, verifier)?)
}

fn is_issued_by_root(
    certificate: &Certificate,
    root: &MakerRoot,
    verifier: &impl VerifySignature,
) -> Option<bool> {
    let names = certificate.tbs_certificate().issuer().to_der().ok()? == root.subject;
    Some(names && is_signed_by(certificate, &root.key, verifier)?)
}

fn is_signed_by(certificate: &Certificate, key: &PublicKey, verifier: &impl VerifySignature) -> Option<bool> {
    if certificate.signature_algorithm().oid != ECDSA_SHA256 {
        return Some(false);
    }
    let signature = p256::ecdsa::Signature::from_der(certificate.signature().as_bytes()?).ok()?;
    // X.509 does not ask for low-S.
    let signature = Signature::normalised(&signature.to_bytes())?;
    Some(verifier.verify(key, &certificate.tbs_certificate().to_der().ok()?, &signature))
}

fn is_ca(certificate: &Certificate) -> bool {
    certificate.tbs_certificate().extensions().is_some_and(|extensions| {
        extensions.iter().any(|extension| {
            extension.extn_id == BASIC_CONSTRAINTS
                && BasicConstraints::from_der(extension.extn_value.as_bytes()).is_ok_and(|basic| basic.ca)
        })
    })
}

fn is_valid_at(certificate: &Certificate, now: u64) -> bool {
    let validity = certificate.tbs_certificate().validity();
    let from = validity.not_before.to_unix_duration().as_secs();
    let to = validity.not_after.to_unix_duration().as_secs();
    (from..=to).contains(&now)
}

fn subject_text(certificate: &Certificate, oid: ObjectIdentifier) -> Option<String> {
    let subject = certificate.tbs_certificate().subject();
    let attribute = subject.iter().find(|attribute| attribute.oid == oid)?;
    let text = core::str::from_utf8(attribute.value.value()).ok()?;
    crate::text::check(text).ok()?;
    Some(String::from(text)).filter(|text| !text.is_empty() && text.len() <= 64)
}
