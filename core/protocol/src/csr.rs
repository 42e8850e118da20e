//! Certificate requests (PKCS #10, RFC 2986) as tokens make them: one key, one name, self-signed.

use alloc::vec::Vec;
use core::str::FromStr;

use x509_cert::der::asn1::BitString;
use x509_cert::der::{Decode, Encode};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::key::{DeviceId, PublicKey, Sign, VerifySignature};
use crate::message::Role;
use crate::x509::{self, ECDSA_SHA256};

/// Makes a request for `key`, named after device and role. `None` if DER cannot say it.
#[must_use]
pub fn make(device: &DeviceId, role: Role, key: &impl Sign) -> Option<Vec<u8>> {
    let role = name(role);
    let subject = Name::from_str(&alloc::format!("CN={role},serialNumber={device}")).ok()?;
    let public = p256::PublicKey::from_sec1_bytes(key.public_key().as_bytes()).ok()?;
    let public_key = SubjectPublicKeyInfoOwned::from_key(&public).ok()?;
    let info = CertReqInfo { version: Version::V1, subject, public_key, attributes: Default::default() };
    let signature = key.sign(&info.to_der().ok()?);
    let signature = p256::ecdsa::Signature::from_slice(signature.as_bytes()).ok()?.to_der();
    let algorithm = AlgorithmIdentifierOwned { oid: ECDSA_SHA256, parameters: None };
    let signature = BitString::from_bytes(signature.as_bytes()).ok()?;
    CertReq { info, algorithm, signature }.to_der().ok()
}

/// Checks a request's self-signature; the key that it is for.
#[must_use]
pub fn verify(request: &[u8], verifier: &impl VerifySignature) -> Option<PublicKey> {
    let request = CertReq::from_der(request).ok()?;
    let key = x509::key_of(&request.info.public_key)?;
    let signature = x509::der_signature(&request.signature)?;
    let signed = request.info.to_der().ok()?;
    (x509::is_ecdsa(&request.algorithm) && verifier.verify(&key, &signed, &signature)).then_some(key)
}

/// Whether a request asks for what section 8.5 says and nothing else: this device, this role, no attributes.
#[must_use]
pub fn is_for(request: &[u8], device: &DeviceId, role: Role) -> bool {
    let Ok(request) = CertReq::from_der(request) else { return false };
    let subject = &request.info.subject;
    subject.iter().count() == 2
        && x509::only_text(subject, x509::COMMON_NAME).as_deref() == Some(name(role))
        && x509::only_text(subject, x509::SERIAL_NUMBER) == Some(alloc::format!("{device}"))
        && request.info.attributes.is_empty()
}

fn name(role: Role) -> &'static str {
    match role {
        Role::Pay => "pay",
        Role::Login => "login",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{P256Verifier, SigningKey};

    #[test]
    fn a_request_is_for_its_key_and_by_it() {
        let key = SigningKey::from_bytes(&[7; 32]).unwrap();
        let request = make(&DeviceId::from([1; 16]), Role::Pay, &key).unwrap();
        assert_eq!(verify(&request, &P256Verifier), Some(key.public_key()));
        for at in 0..request.len() {
            let mut altered = request.clone();
            altered[at] ^= 1;
            assert_ne!(verify(&altered, &P256Verifier), Some(key.public_key()), "byte {at}");
        }
    }
}
