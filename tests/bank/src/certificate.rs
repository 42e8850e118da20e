//! The bank's CA: certificates of tokens' `pay` and `login` keys (X.509 v3, RFC 5280).
//!
//! Deterministic: the same order and key give the same certificate, so that the decision stays a pure function.

use std::str::FromStr as _;
use std::time::Duration;

use p256::ecdsa::DerSignature;
use ushield_bank_api::Role;
use ushield_protocol::key::{DeviceId, Hash, PublicKey, Sign as _, SigningKey, sha256};
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder as _, CertificateBuilder};
use x509_cert::der::asn1::OctetString;
use x509_cert::der::{DateTime, Encode as _};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension as _};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

use crate::error::BankError;

/// A token's certificate is valid for five years.
const LIFE: u64 = 5 * 365 * 86_400;
/// The CA's own certificate is valid for twenty years.
const CA_LIFE: u64 = 20 * 365 * 86_400;

/// The CA: its key and its own certificate.
#[derive(Debug)]
pub struct Ca {
    key: SigningKey,
    name: Name,
    certificate: Vec<u8>,
}

impl Ca {
    /// The CA of a bank, with a certificate that it signed itself.
    pub fn new(key: SigningKey, bank_id: &str, founded: u64) -> Result<Self, BankError> {
        let name = name(&format!("CN={bank_id} U-Shield CA"))?;
        let profile = CertificateProfile { issuer: name.clone(), subject: name.clone(), usage: None };
        let serial = serial(&[key.public_key().as_bytes()])?;
        let public_key = key.public_key();
        let certificate = build(profile, &serial, founded, CA_LIFE, &public_key, &key)?;
        Ok(Self { key, name, certificate })
    }

    /// The CA's own certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Certifies `key` of `device` for `role`; own certificate first.
    pub fn issue(
        &self,
        device: &DeviceId,
        role: Role,
        key: &PublicKey,
        order: &Hash,
        now: u64,
    ) -> Result<Vec<Vec<u8>>, BankError> {
        let (unit, usage) = match role {
            Role::Pay => ("pay", KeyUsages::DigitalSignature | KeyUsages::NonRepudiation),
            Role::Login => ("login", KeyUsages::DigitalSignature.into()),
        };
        let subject = name(&format!("CN={unit},serialNumber={device}"))?;
        let profile = CertificateProfile { issuer: self.name.clone(), subject, usage: Some(KeyUsage(usage)) };
        let serial = serial(&[order.as_bytes(), key.as_bytes()])?;
        Ok(vec![build(profile, &serial, now, LIFE, key, &self.key)?, self.certificate.clone()])
    }
}

struct CertificateProfile {
    issuer: Name,
    subject: Name,
    /// None for the CA itself.
    usage: Option<KeyUsage>,
}

impl BuilderProfile for CertificateProfile {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let subject = tbs.subject();
        let mut extensions = Vec::new();
        let basic = BasicConstraints { ca: self.usage.is_none(), path_len_constraint: None };
        extensions.push(basic.to_extension(subject, &extensions)?);
        let ca = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
        extensions.push(self.usage.unwrap_or(ca).to_extension(subject, &extensions)?);
        extensions.push(key_identifier(key)?.to_extension(subject, &extensions)?);
        let issuer = key_identifier(issuer_key)?;
        let authority = AuthorityKeyIdentifier { key_identifier: Some(issuer.0), ..Default::default() };
        extensions.push(authority.to_extension(subject, &extensions)?);
        Ok(extensions)
    }
}

/// RFC 7093, method 1: the first 20 bytes of SHA-256 over the key.
fn key_identifier(key: SubjectPublicKeyInfoRef<'_>) -> x509_cert::builder::Result<SubjectKeyIdentifier> {
    let hash = sha256(&[key.subject_public_key.raw_bytes()]);
    Ok(SubjectKeyIdentifier(OctetString::new(hash.as_bytes().get(..20).unwrap_or_default())?))
}

fn build(
    profile: CertificateProfile,
    serial: &SerialNumber,
    from: u64,
    life: u64,
    key: &PublicKey,
    issuer: &SigningKey,
) -> Result<Vec<u8>, BankError> {
    let point = p256::PublicKey::from_sec1_bytes(key.as_bytes()).map_err(failed)?;
    let info = SubjectPublicKeyInfo::from_key(&point).map_err(failed)?;
    let validity = Validity::new(time(from)?, time(from.saturating_add(life))?);
    let builder = CertificateBuilder::new(profile, serial.clone(), validity, info).map_err(failed)?;
    let signer = p256::ecdsa::SigningKey::from_slice(issuer.expose_bytes().as_slice()).map_err(failed)?;
    builder.build::<_, DerSignature>(&signer).map_err(failed)?.to_der().map_err(failed)
}

fn name(text: &str) -> Result<Name, BankError> {
    Name::from_str(text).map_err(failed)
}

/// Sixteen bytes, positive: unique because an order's hash is.
fn serial(parts: &[&[u8]]) -> Result<SerialNumber, BankError> {
    let hash = sha256(parts);
    let mut bytes = [0x40; 16];
    for (to, from) in bytes.iter_mut().skip(1).zip(hash.as_bytes()) {
        *to = *from;
    }
    SerialNumber::new(&bytes).map_err(failed)
}

fn time(seconds: u64) -> Result<Time, BankError> {
    DateTime::from_unix_duration(Duration::from_secs(seconds)).map(Time::from).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> BankError {
    BankError::Certificate(error.to_string())
}

#[cfg(test)]
mod tests {
    use ushield_protocol::device::certified_key;

    use super::*;

    #[test]
    fn a_certificate_names_the_device_and_is_the_same_every_time() {
        let ca = Ca::new(SigningKey::from_bytes(&[3; 32]).unwrap(), "DEMOCNBJ", 1_800_000_000).unwrap();
        let key = SigningKey::from_bytes(&[5; 32]).unwrap().public_key();
        let device = DeviceId::from([0xab; 16]);
        let issue = || ca.issue(&device, Role::Pay, &key, &Hash::from([1; 32]), 1_800_000_100).unwrap();
        let chain = issue();
        assert_eq!(chain, issue());
        assert_eq!(chain.len(), 2);
        assert_eq!(certified_key(&chain[0]), Some(key));
        assert_eq!(chain[1], ca.certificate());
        assert_ne!(
            chain[0],
            ca.issue(&device, Role::Pay, &key, &Hash::from([2; 32]), 1_800_000_100).unwrap()[0]
        );
    }
}
