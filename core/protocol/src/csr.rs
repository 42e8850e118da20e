//! Certificate requests (PKCS #10, RFC 2986) as tokens make them: one key, one name, self-signed.

use alloc::vec::Vec;
use core::str::FromStr;

use x509_cert::der::asn1::{BitString, ObjectIdentifier};
use x509_cert::der::{Decode, Encode};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::key::{DeviceId, PublicKey, Sign, Signature, VerifySignature};
use crate::message::Role;

/// ecdsa-with-SHA256 (RFC 5758).
pub(crate) const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// Makes a request for `key`, named after device and role. `None` if DER cannot say it.
#[must_use]
pub fn make(device: &DeviceId, role: Role, key: &impl Sign) -> Option<Vec<u8>> {
    let role = match role {
        Role::Pay => "pay",
        Role::Login => "login",
    };
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
    if request.algorithm.oid != ECDSA_SHA256 {
        return None;
    }
    let key = PublicKey::from_sec1(request.info.public_key.subject_public_key.as_bytes()?)?;
    let signature = p256::ecdsa::Signature::from_der(request.signature.as_bytes()?).ok()?;
    let signature = Signature::normalised(&signature.to_bytes())?;
    verifier.verify(&key, &request.info.to_der().ok()?, &signature).then_some(key)
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
