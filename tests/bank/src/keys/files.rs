//! The keys as files of mode 0600, made once.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ushield_protocol::key::{SigningKey, hex, unhex};
use zeroize::Zeroizing;

use super::Keys;
use crate::error::BankError;

impl Keys {
    /// Makes all keys; refuses to replace one.
    pub fn create(data: &Path) -> Result<Self, BankError> {
        Self::each(data, |path| {
            let (key, bytes) = new_key()?;
            write_secret(path, hex(bytes.as_slice()).as_bytes())?;
            Ok(key)
        })
    }

    /// Reads all keys.
    pub fn open(data: &Path) -> Result<Self, BankError> {
        Self::each(data, read_key)
    }

    fn each(data: &Path, get: impl Fn(&Path) -> Result<SigningKey, BankError>) -> Result<Self, BankError> {
        let get = |name: &str| get(&key_path(data, name));
        Ok(Self {
            root: get("root")?,
            receipt: get("receipt")?,
            transfer: get("transfer")?,
            certificate: get("certificate")?,
            ca: get("ca")?,
        })
    }
}

/// Random bytes of the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], BankError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file that only its owner reads; refuses to replace one.
pub(crate) fn write_secret(path: &Path, content: &[u8]) -> Result<(), BankError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(BankError::file(path))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(BankError::file(path))
}

/// Reads a secret file; refuses one that others can read.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, BankError> {
    let mut file = OpenOptions::new().read(true).open(path).map_err(BankError::file(path))?;
    let mode = file.metadata().map_err(BankError::file(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        let text = format!("{} can be read by others: chmod 600 it", path.display());
        return Err(BankError::Argument(text));
    }
    let mut content = Zeroizing::new(Vec::with_capacity(4096));
    file.read_to_end(&mut content).map_err(BankError::file(path))?;
    Ok(content)
}

fn key_path(data: &Path, name: &str) -> PathBuf {
    data.join("keys").join(format!("{name}.key"))
}

fn new_key() -> Result<(SigningKey, Zeroizing<[u8; 32]>), BankError> {
    loop {
        let bytes = Zeroizing::new(random::<32>()?);
        if let Some(key) = SigningKey::from_bytes(&bytes) {
            return Ok((key, bytes));
        }
    }
}

fn read_key(path: &Path) -> Result<SigningKey, BankError> {
    let content = read_secret(path)?;
    let text = std::str::from_utf8(&content).map_err(|_| BankError::Damaged("key"))?;
    let bytes = Zeroizing::new(unhex(text.trim_end()).ok_or(BankError::Damaged("key"))?);
    let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| BankError::Damaged("key"))?;
    SigningKey::from_bytes(bytes).ok_or(BankError::Damaged("key"))
}

#[cfg(test)]
mod tests {
    use ushield_protocol::key::Sign as _;

    use super::*;

    #[test]
    fn keys_come_back_private_and_are_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("keys")).unwrap();
        let made = Keys::create(dir.path()).unwrap();
        let read = Keys::open(dir.path()).unwrap();
        assert_eq!(made.root.public_key(), read.root.public_key());
        assert_ne!(made.root.public_key(), read.receipt.public_key());
        assert!(Keys::create(dir.path()).is_err());
        let path = key_path(dir.path(), "ca");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Keys::open(dir.path()), Err(BankError::Argument(_))));
    }
}
