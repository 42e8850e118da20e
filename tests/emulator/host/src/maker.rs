//! The token maker's development CA. Its root key lies in a file: whoever reads it can make tokens that the bank and
//! the phone of this development set-up trust.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm,
};
use ushield_protocol::key::{DeviceId, PublicKey, hex};
use zeroize::Zeroizing;

use crate::{
    failure::Failure,
    state::{Lock, create_private_folder, write_whole},
};

/// `O` of every certificate: the brand, by which a client selects its driver.
pub const BRAND: &str = "U-Shield";
/// `CN` of a device certificate.
pub const MODEL: &str = "Software Token";

const ROOT_KEY: &str = "root.key";
const ROOT_CERTIFICATE: &str = "root.pem";
const DAY: Duration = Duration::from_secs(86_400);
const ROOT_DAYS: u32 = 30 * 365;
const DEVICE_DAYS: u32 = 20 * 365;

/// A maker that can certify devices.
pub struct Maker {
    issuer: Issuer<'static, KeyPair>,
    root_der: Vec<u8>,
    root_pem: String,
}

impl std::fmt::Debug for Maker {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Maker(..)")
    }
}

impl Maker {
    /// A new maker with a new root.
    ///
    /// # Errors
    /// [`Failure::Certificate`].
    pub fn generate() -> Result<Self, Failure> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = params(ROOT_DAYS);
        params.distinguished_name.push(DnType::CommonName, "U-Shield development maker root");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = params.self_signed(&key)?;
        let (root_der, root_pem) = (root.der().to_vec(), root.pem());
        Ok(Self { issuer: Issuer::new(params, key), root_der, root_pem })
    }

    /// The maker of a folder; a new one, put there, when the folder has none.
    ///
    /// # Errors
    /// [`Failure::File`], [`Failure::Content`], [`Failure::Locked`].
    pub fn open_or_create(folder: &Path) -> Result<Self, Failure> {
        create_private_folder(folder)?;
        let _lock = Lock::take(folder)?;
        let (key_file, root_file) = (folder.join(ROOT_KEY), folder.join(ROOT_CERTIFICATE));
        if !root_file.exists() {
            if key_file.exists() {
                return Err(Failure::Content {
                    file: key_file,
                    problem:
                        "there is a root key without root.pem; bring root.pem back, or choose another --maker"
                            .into(),
                });
            }
            let maker = Self::generate()?;
            let key = Zeroizing::new(maker.issuer.key().serialize_pem());
            write_whole(&key_file, key.as_bytes(), true)?;
            write_whole(&root_file, maker.root_pem.as_bytes(), false)?;
            return Ok(maker);
        }
        let read = |file: &Path| {
            fs::read_to_string(file).map_err(|cause| Failure::File {
                file: file.to_owned(),
                action: "read",
                cause,
            })
        };
        let broken = |file: &Path| {
            let file = file.to_owned();
            move |error: rcgen::Error| Failure::Content {
                file,
                problem: format!(
                    "not what `personalise` wrote ({error}); bring it back, or choose another --maker"
                ),
            }
        };
        let key = KeyPair::from_pem(&Zeroizing::new(read(&key_file)?)).map_err(broken(&key_file))?;
        let root_pem = read(&root_file)?;
        let issuer = Issuer::from_ca_cert_pem(&root_pem, key).map_err(broken(&root_file))?;
        let root_der = pem_to_der(&root_pem)
            .ok_or_else(|| broken(&root_file)(rcgen::Error::CouldNotParseCertificate))?;
        Ok(Self { issuer, root_der, root_pem })
    }

    /// The root's certificate, DER.
    #[must_use]
    pub fn root_der(&self) -> &[u8] {
        &self.root_der
    }

    /// The root's certificate, PEM.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The maker's chain for a device (protocol.md, 8.6): here the device certificate alone, DER.
    ///
    /// # Errors
    /// [`Failure::Certificate`].
    pub fn certify(&self, device: &DeviceId, key: &PublicKey) -> Result<Vec<Vec<u8>>, Failure> {
        let mut params = params(DEVICE_DAYS);
        let serial = hex(device.as_bytes());
        let serial = DnValue::PrintableString(serial.try_into()?);
        params.distinguished_name.push(DnType::CommonName, MODEL);
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), serial);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let point = key.to_uncompressed().ok_or(rcgen::Error::UnsupportedSignatureAlgorithm)?;
        Ok(vec![params.signed_by(&P256Point(point), &self.issuer)?.der().to_vec()])
    }
}

fn params(days: u32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, BRAND);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // A day back, because clocks differ.
    let start = now.saturating_sub(DAY);
    params.not_before = epoch.checked_add(start.try_into().unwrap_or_default()).unwrap_or(epoch);
    let end = start.saturating_add(DAY.saturating_mul(days));
    params.not_after = epoch.checked_add(end.try_into().unwrap_or_default()).unwrap_or(epoch);
    params
}

fn pem_to_der(pem: &str) -> Option<Vec<u8>> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::Engine::decode(&base64::prelude::BASE64_STANDARD, body.trim()).ok()
}

/// The token's key inside a certificate: the maker never has the private one.
struct P256Point(Vec<u8>);

impl PublicKeyData for P256Point {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

#[cfg(test)]
mod tests {
    use ushield_protocol::{
        device::{DeviceIdentity, MakerRoot},
        key::{P256Verifier, Sign, SigningKey},
    };

    use super::*;

    fn verify(chain: &[Vec<u8>], root: &[u8], now: u64) -> Option<DeviceIdentity> {
        let roots = [MakerRoot::from_der(root)?];
        DeviceIdentity::verify(chain, &roots, Some(now), &P256Verifier).ok()
    }

    fn now() -> u64 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
    }

    #[test]
    fn a_chain_names_the_device_and_ends_in_this_root_alone() {
        let device = DeviceId::from_slice(&[0xab; 16]).unwrap();
        let key = SigningKey::from_bytes(&[7; 32]).unwrap().public_key();
        let maker = Maker::generate().unwrap();
        let chain = maker.certify(&device, &key).unwrap();
        let identity = verify(&chain, maker.root_der(), now()).unwrap();
        assert_eq!((identity.device, identity.key), (device, key));
        assert_eq!((identity.brand.as_str(), identity.model.as_str()), (BRAND, MODEL));
        assert!(verify(&chain, Maker::generate().unwrap().root_der(), now()).is_none());
        assert!(verify(&chain, maker.root_der(), now() + 21 * 365 * 86_400).is_none(), "ends after 20 years");
        assert!(verify(&chain, maker.root_der(), now() - 2 * 86_400).is_none());
    }

    #[test]
    fn a_folder_keeps_its_maker() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("maker");
        let first = Maker::open_or_create(&folder).unwrap();
        let again = Maker::open_or_create(&folder).unwrap();
        assert_eq!(first.root_der(), again.root_der());
        let key = SigningKey::from_bytes(&[7; 32]).unwrap().public_key();
        let chain = again.certify(&DeviceId::from_slice(&[1; 16]).unwrap(), &key).unwrap();
        assert!(verify(&chain, first.root_der(), now()).is_some());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(ROOT_KEY), 0o600);
        }
    }

    #[test]
    fn a_broken_folder_is_named_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        Maker::open_or_create(dir.path()).unwrap();
        let root = dir.path().join(ROOT_CERTIFICATE);
        let pem = fs::read_to_string(&root).unwrap();
        fs::write(&root, "nothing").unwrap();
        assert!(
            matches!(Maker::open_or_create(dir.path()), Err(Failure::Content { file, .. }) if file == root)
        );
        fs::remove_file(&root).unwrap();
        assert!(matches!(Maker::open_or_create(dir.path()), Err(Failure::Content { .. })));
        fs::write(&root, pem).unwrap();
        Maker::open_or_create(dir.path()).unwrap();
    }
}
