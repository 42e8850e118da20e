//! The bank of a run: keys that the token's bank would have, and what they sign.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair,
    PublicKeyData, SignatureAlgorithm,
};
use ushield_protocol::bank_key::{BankKey, Purpose};
use ushield_protocol::key::{BankId, PublicKey, Sign as _, SigningKey, unhex};
use zeroize::Zeroizing;

/// Why a folder holds no bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoBank {
    /// The file at fault.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

/// Keys of a bank, as far as a token meets them.
#[derive(Clone, Debug)]
pub struct TestBank {
    pub(crate) root: SigningKey,
    pub(crate) transfer: SigningKey,
    pub(crate) certificate: SigningKey,
}

impl TestBank {
    /// From the data folder of `ushield-bank`, or one with the same `keys/root.key`, `keys/transfer.key` and `keys/certificate.key`:
    /// 64 hex digits each.
    ///
    /// # Errors
    /// The file that is not there or not that.
    pub fn open(folder: &Path) -> Result<Self, NoBank> {
        let key = |name: &str| {
            let file = folder.join("keys").join(format!("{name}.key"));
            let bad = |problem: String| NoBank { file: file.clone(), problem };
            let text =
                fs::read_to_string(&file).map(Zeroizing::new).map_err(|error| bad(error.to_string()))?;
            let bytes = unhex(text.trim_end()).map(Zeroizing::new);
            let bytes = bytes.as_ref().and_then(|bytes| <&[u8; 32]>::try_from(bytes.as_slice()).ok());
            bytes.and_then(SigningKey::from_bytes).ok_or_else(|| bad("not a key of 64 hex digits".to_owned()))
        };
        Ok(Self { root: key("root")?, transfer: key("transfer")?, certificate: key("certificate")? })
    }

    /// From keys in memory.
    #[must_use]
    pub fn new(root: SigningKey, transfer: SigningKey, certificate: SigningKey) -> Self {
        Self { root, transfer, certificate }
    }

    /// The two statements of an epoch: over the key of transfers, and over that of certificates.
    pub(crate) fn statements(&self, bank: &BankId, epoch: u32, from: u64) -> [BankKey; 2] {
        let over = |key: &SigningKey, purpose| BankKey {
            bank: bank.clone(),
            epoch,
            key: key.public_key(),
            purposes: vec![purpose],
            not_before: from,
            not_after: from.saturating_add(80 * 86_400),
        };
        [over(&self.transfer, Purpose::TRANSFER), over(&self.certificate, Purpose::CERTIFICATE_DOWNLOAD)]
    }
}

/// Certificates that a bank's authority could have made; a token cannot judge them.
pub(crate) struct Authority(Issuer<'static, KeyPair>);

struct Point(Vec<u8>);

impl PublicKeyData for Point {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl Authority {
    pub(crate) fn new() -> Option<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Some(Self(Issuer::new(params, KeyPair::generate().ok()?)))
    }

    /// A certificate over a request.
    pub(crate) fn issue(&self, request: &[u8]) -> Option<Vec<u8>> {
        let request = CertificateSigningRequestParams::from_der(&request.to_vec().into()).ok()?;
        Some(request.signed_by(&self.0).ok()?.der().to_vec())
    }

    /// A certificate over a key that no token made.
    pub(crate) fn issue_over(&self, key: &PublicKey) -> Option<Vec<u8>> {
        let point = Point(key.to_uncompressed()?);
        Some(CertificateParams::default().signed_by(&point, &self.0).ok()?.der().to_vec())
    }
}
