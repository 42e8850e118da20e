//! X.509: a token maker, and a bank's CA for the certificates of customers.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm, date_time_ymd,
};
use ushield_protocol::key::{DeviceId, PublicKey};

/// A CA with a root of its own: of a maker or of a bank.
#[derive(Debug)]
pub struct Maker {
    issuer: Issuer<'static, KeyPair>,
    root: Vec<u8>,
}

impl Maker {
    /// A new one, with a new key. The name alone is not what makes it trusted.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().der().to_vec();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// The root's certificate, DER.
    #[must_use]
    pub fn root(&self) -> &[u8] {
        &self.root
    }

    /// A certificate that names the device, over a key that is elsewhere.
    #[must_use]
    pub fn certify(&self, device: DeviceId, key: &PublicKey) -> Vec<u8> {
        self.issue(device, key, params("Scripted token"))
    }

    /// The same, at its end since 2021.
    #[must_use]
    pub fn certify_in_the_past(&self, device: DeviceId, key: &PublicKey) -> Vec<u8> {
        let mut params = params("Scripted token");
        params.not_after = date_time_ymd(2021, 1, 1);
        self.issue(device, key, params)
    }

    fn issue(&self, device: DeviceId, key: &PublicKey, mut params: CertificateParams) -> Vec<u8> {
        let serial = DnValue::PrintableString(device.to_string().try_into().unwrap());
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), serial);
        params.is_ca = IsCa::ExplicitNoCa;
        let point = Point(key.to_uncompressed().unwrap());
        params.signed_by(&point, &self.issuer).unwrap().der().to_vec()
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "U-Shield test");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2046, 1, 1);
    params
}

struct Point(Vec<u8>);

impl PublicKeyData for Point {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}
