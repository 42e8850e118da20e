//! Keys in a file that only its owner can read.
//!
//! It protects the store from whoever gets the store's folder alone: a backup, a lost disk image, another user. Not from
//! a program that runs as the same user, and not from whoever gets both folders. A phone has hardware for this.

mod file;

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use file::{Keys, MAX_NAME};
use fs4::FileExt;
use ushield_client::Error;
use ushield_client::error::Detail;
use ushield_client::ports::{Entropy, Keystore, SealingKey};
use ushield_protocol::code::Code;
use ushield_protocol::key::PublicKey;
use ushield_protocol::noise::{DhSecret, SharedSecret};
use zeroize::Zeroizing;

/// Keys in a file of mode 0600. Read anew for each use: nothing stays in memory, and two processes see the same keys.
#[derive(Clone)]
pub struct FileKeystore {
    folder: PathBuf,
    entropy: Arc<dyn Entropy>,
}

impl FileKeystore {
    /// Keys in `folder`, which must lie outside `store`: who copies the store must not copy its key.
    ///
    /// # Errors
    /// `bad-input` at `keystore` when one folder lies in the other; `keystore-failure`.
    pub fn open(folder: impl Into<PathBuf>, store: &Path, entropy: Arc<dyn Entropy>) -> Result<Self, Error> {
        let folder = folder.into();
        make_private(&folder).map_err(|error| io_failure(&folder, error))?;
        let ours = fs::canonicalize(&folder).map_err(|error| io_failure(&folder, error))?;
        let theirs = resolve(store).map_err(|error| failure(store).caused_by(error))?;
        if ours.starts_with(&theirs) || theirs.starts_with(&ours) {
            return Err(Error::new(Code::BadInput).at("keystore").with_detail(Detail::Path(folder)));
        }
        let keystore = Self { folder: ours, entropy };
        keystore.locked(|_| Ok(()))?;
        Ok(keystore)
    }

    /// Reads the keys, and writes them if `act` changed them, while no other process does.
    fn locked<T>(&self, act: impl FnOnce(&mut Keys) -> Result<T, Error>) -> Result<T, Error> {
        let path = self.folder.join("keys.lock");
        let lock = File::options().create(true).write(true).truncate(false).open(&path);
        let lock = lock.and_then(|file| FileExt::lock(&file).map(|()| file));
        // Held to the end; every holder is quick.
        let _lock = lock.map_err(|error| io_failure(&path, error))?;
        let path = self.folder.join("keys");
        let mut keys = Keys::read(&path)?;
        let before = keys.len();
        let result = act(&mut keys)?;
        // A step adds or removes; nothing is ever replaced.
        if keys.len() != before {
            keys.write(&self.folder, &path)?;
        }
        Ok(result)
    }

    /// Draws until `accept` takes the bytes: a scalar may have to be drawn again, once in 2^32 draws.
    fn draw<T>(&self, accept: impl Fn(&[u8; 32]) -> Option<T>) -> Result<(Zeroizing<[u8; 32]>, T), Error> {
        for _ in 0..8 {
            let mut bytes = Zeroizing::new([0; 32]);
            self.entropy.fill(&mut *bytes)?;
            if let Some(taken) = accept(&bytes) {
                return Ok((bytes, taken));
            }
        }
        // No random source does this.
        Err(failure(&self.folder))
    }
}

#[async_trait]
impl Keystore for FileKeystore {
    async fn create_dh(&self, name: &str) -> Result<PublicKey, Error> {
        check_name(name)?;
        self.locked(|keys| {
            if let Some(secret) = keys.get(name) {
                return Ok(parse(&secret, &self.folder)?.public_key());
            }
            let (bytes, secret) = self.draw(DhSecret::from_bytes)?;
            keys.insert(name, bytes);
            Ok(secret.public_key())
        })
    }

    async fn dh(&self, name: &str, point: &PublicKey) -> Result<SharedSecret, Error> {
        check_name(name)?;
        let secret = self.locked(|keys| keys.get(name).ok_or_else(|| failure(&self.folder)))?;
        parse(&secret, &self.folder)?.agree(point).ok_or_else(|| failure(&self.folder))
    }

    async fn sealing_key(&self) -> Result<SealingKey, Error> {
        self.locked(|keys| {
            if let Some(bytes) = keys.get("") {
                return Ok(SealingKey::new(bytes));
            }
            let (bytes, ()) = self.draw(|_| Some(()))?;
            keys.insert("", bytes.clone());
            Ok(SealingKey::new(bytes))
        })
    }
}

impl std::fmt::Debug for FileKeystore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKeystore")
    }
}

/// The empty name is the sealing key's.
fn check_name(name: &str) -> Result<(), Error> {
    let fits = !name.is_empty() && name.len() <= MAX_NAME;
    if fits { Ok(()) } else { Err(Error::new(Code::BadInput).at("name")) }
}

fn parse(secret: &[u8; 32], folder: &Path) -> Result<DhSecret, Error> {
    DhSecret::from_bytes(secret).ok_or_else(|| failure(folder))
}

fn failure(path: &Path) -> Error {
    Error::new(Code::KeystoreFailure).with_detail(Detail::Path(path.to_owned()))
}

/// A full disk is no fault of the keys.
fn io_failure(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Error::new(Code::DiskFull).with_detail(Detail::Path(path.to_owned())).caused_by(error)
        }
        _ => failure(path).caused_by(error),
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The path without links, as far as it exists.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    match (fs::canonicalize(&path), path.parent(), path.file_name()) {
        (Ok(real), ..) => Ok(real),
        (Err(_), Some(parent), Some(name)) => Ok(resolve(parent)?.join(name)),
        (Err(error), ..) => Err(error),
    }
}

#[cfg(test)]
mod tests;
