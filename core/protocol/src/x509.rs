//! X.509 (RFC 5280) and PKCS #10 in the narrow form of section 8.6: P-256, ecdsa-with-SHA256, nothing critical that is not known here.

use alloc::string::String;
use alloc::vec::Vec;

use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::spki::{AlgorithmIdentifier, SubjectPublicKeyInfoOwned};

use crate::key::{PublicKey, Signature, VerifySignature};

/// ecdsa-with-SHA256 (RFC 5758, 3.2).
pub(crate) const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
/// id-ecPublicKey and secp256r1 (RFC 5480, 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");

/// commonName.
pub(crate) const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
/// serialNumber of a subject.
pub(crate) const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.5");
/// organizationName.
pub(crate) const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// A certificate whose form is right and whose signature has not been checked.
#[derive(Clone, Debug)]
pub(crate) struct Parsed {
    certificate: Certificate,
    /// Its key.
    pub(crate) key: PublicKey,
    /// Whether it may issue, and how many issuers may stand below it.
    pub(crate) ca: Option<Option<u8>>,
    usage: Option<KeyUsage>,
}

impl Parsed {
    /// Takes one certificate, DER, nothing behind it.
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let tbs = certificate.tbs_certificate();
        let algorithm = certificate.signature_algorithm();
        if tbs.version() != Version::V3 || !is_ecdsa(algorithm) || tbs.signature() != algorithm {
            return None;
        }
        let key = key_of(tbs.subject_public_key_info())?;
        let (mut ca, mut usage) = (None, None);
        for extension in tbs.extensions().into_iter().flatten() {
            let value = extension.extn_value.as_bytes();
            match extension.extn_id {
                BASIC_CONSTRAINTS => {
                    let basic = BasicConstraints::from_der(value).ok()?;
                    ca = basic.ca.then_some(basic.path_len_constraint);
                }
                KEY_USAGE => usage = Some(KeyUsage::from_der(value).ok()?),
                _ if extension.critical => return None,
                _ => {}
            }
        }
        Some(Self { key, ca, usage, certificate })
    }

    /// Whether it may issue a certificate under which `below` further issuers stand.
    pub(crate) fn may_issue(&self, below: usize) -> bool {
        let depth = self.ca.is_some_and(|limit| limit.is_none_or(|limit| below <= usize::from(limit)));
        depth && self.allows(KeyUsages::KeyCertSign)
    }

    /// Whether it is an end's, for signatures.
    pub(crate) fn is_end(&self) -> bool {
        self.ca.is_none() && self.allows(KeyUsages::DigitalSignature)
    }

    /// Whether `issuer` signed it, and the names say so.
    pub(crate) fn is_issued_by(&self, issuer: &Self, verifier: &impl VerifySignature) -> bool {
        self.issuer_names(issuer) && self.is_signed_by(&issuer.key, verifier) == Some(true)
    }

    /// Whether a time, in Unix seconds, lies within its validity.
    pub(crate) fn is_valid_at(&self, now: u64) -> bool {
        let validity = self.certificate.tbs_certificate().validity();
        let from = validity.not_before.to_unix_duration().as_secs();
        let to = validity.not_after.to_unix_duration().as_secs();
        (from..=to).contains(&now)
    }

    /// An attribute of the subject that stands there exactly once.
    pub(crate) fn subject_text(&self, oid: ObjectIdentifier) -> Option<String> {
        only_text(self.certificate.tbs_certificate().subject(), oid)
    }

    fn allows(&self, usage: KeyUsages) -> bool {
        self.usage.as_ref().is_none_or(|allowed| allowed.0.contains(usage))
    }

    fn issuer_names(&self, issuer: &Self) -> bool {
        self.certificate.tbs_certificate().issuer() == issuer.certificate.tbs_certificate().subject()
    }

    fn is_signed_by(&self, key: &PublicKey, verifier: &impl VerifySignature) -> Option<bool> {
        let signature = der_signature(self.certificate.signature())?;
        Some(verifier.verify(key, &self.certificate.tbs_certificate().to_der().ok()?, &signature))
    }
}

/// Whether an algorithm is ecdsa-with-SHA256, without parameters as RFC 5758 asks.
pub(crate) fn is_ecdsa(algorithm: &AlgorithmIdentifier<Any>) -> bool {
    algorithm.oid == ECDSA_SHA256 && algorithm.parameters.is_none()
}

/// The key, if it says to be one of P-256 and is.
pub(crate) fn key_of(info: &SubjectPublicKeyInfoOwned) -> Option<PublicKey> {
    let curve = info.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok()?;
    if info.algorithm.oid != EC_PUBLIC_KEY || curve != SECP256R1 {
        return None;
    }
    PublicKey::from_sec1(info.subject_public_key.as_bytes()?)
}

/// A DER signature, made low-S: X.509 and PKCS #10 do not ask for that.
pub(crate) fn der_signature(bits: &BitString) -> Option<Signature> {
    let signature = p256::ecdsa::Signature::from_der(bits.as_bytes()?).ok()?;
    Signature::normalised(&signature.to_bytes())
}

/// An attribute that a name has exactly once, as text of at most 64 bytes that can be shown.
pub(crate) fn only_text(name: &Name, oid: ObjectIdentifier) -> Option<String> {
    let mut values: Vec<_> = name.iter().filter(|attribute| attribute.oid == oid).collect();
    let only = values.pop().filter(|_| values.is_empty())?;
    let text = core::str::from_utf8(only.value.value()).ok()?;
    crate::text::check(text).ok()?;
    (1..=64).contains(&text.len()).then(|| String::from(text))
}
