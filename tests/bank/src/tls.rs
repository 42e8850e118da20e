//! The development CA for TLS and the server's certificate. Must not be used for anything but a development bank.

use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::BankError;
use crate::keys::{read_secret, write_secret};

/// Certificate of the development CA, for clients.
pub(crate) const CA_FILE: &str = "tls-ca.pem";
const CA_KEY_FILE: &str = "keys/tls-ca.key.pem";
const CERTIFICATE_FILE: &str = "tls.pem";
const KEY_FILE: &str = "keys/tls.key.pem";

/// Makes the CA and a certificate for `localhost` and `127.0.0.1`.
pub(crate) fn create(data: &Path) -> Result<(), BankError> {
    let ca_key = KeyPair::generate().map_err(failed)?;
    let mut ca = CertificateParams::new(Vec::new()).map_err(failed)?;
    ca.distinguished_name.push(DnType::CommonName, "U-Shield development CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_certificate = ca.self_signed(&ca_key).map_err(failed)?;

    let key = KeyPair::generate().map_err(failed)?;
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut server = CertificateParams::new(names).map_err(failed)?;
    server.distinguished_name.push(DnType::CommonName, "localhost");
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let certificate = server.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).map_err(failed)?;

    write_secret(&data.join(CA_KEY_FILE), ca_key.serialize_pem().as_bytes())?;
    write_secret(&data.join(KEY_FILE), key.serialize_pem().as_bytes())?;
    write(&data.join(CA_FILE), ca_certificate.pem().as_bytes())?;
    write(&data.join(CERTIFICATE_FILE), certificate.pem().as_bytes())
}

/// The server's TLS settings, on ring.
pub(crate) fn server_config(data: &Path) -> Result<Arc<ServerConfig>, BankError> {
    let path = data.join(CERTIFICATE_FILE);
    let pem = std::fs::read(&path).map_err(BankError::file(&path))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|_| BankError::Damaged("TLS certificate"))?;
    let key = read_secret(&data.join(KEY_FILE))?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| BankError::Damaged("TLS key"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The development CA's certificate, PEM.
pub(crate) fn ca_pem(data: &Path) -> Result<String, BankError> {
    let path = data.join(CA_FILE);
    std::fs::read_to_string(&path).map_err(BankError::file(&path))
}

pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), BankError> {
    std::fs::write(path, content).map_err(BankError::file(path))
}

fn failed(error: rcgen::Error) -> BankError {
    BankError::Certificate(error.to_string())
}
