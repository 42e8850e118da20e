//! The file of keys: `"USHIELD-KEYS-v1" || entries || SHA-256 of all before`; entry = `length u8 || name || key 32`, by ascending name.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use ushield_client::Error;
use ushield_protocol::key::sha256;
use zeroize::Zeroizing;

use super::{failure, io_failure};

const MAGIC: &[u8] = b"USHIELD-KEYS-v1";
/// Longest name of a key.
pub(super) const MAX_NAME: usize = 255;
/// Nobody has that many keys.
const MAX_FILE: u64 = 1 << 20;

/// The keys, in memory for a moment.
#[derive(Default)]
pub(super) struct Keys(BTreeMap<String, Zeroizing<[u8; 32]>>);

impl Keys {
    /// Reads the file; no file is no keys. A file that is not whole, or that others can read, is an error, and stays as it is.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let failed = |error: io::Error| failure(path).caused_by(error);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed(error)),
        };
        check_private(&file).map_err(failed)?;
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(MAX_FILE).read_to_end(&mut bytes).map_err(failed)?;
        Self::decode(&bytes).ok_or_else(|| failed(io::Error::from(io::ErrorKind::InvalidData)))
    }

    /// Replaces the file: durable, or as it was.
    pub(super) fn write(&self, folder: &Path, path: &Path) -> Result<(), Error> {
        let failed = |error: io::Error| io_failure(path, error);
        let new = folder.join("keys.new");
        let bytes = self.encode().ok_or_else(|| failed(io::Error::from(io::ErrorKind::InvalidInput)))?;
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&new).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        });
        written
            .and_then(|()| fs::rename(&new, path))
            .and_then(|()| if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) })
            .map_err(failed)
    }

    pub(super) fn get(&self, name: &str) -> Option<Zeroizing<[u8; 32]>> {
        self.0.get(name).cloned()
    }

    pub(super) fn insert(&mut self, name: &str, key: Zeroizing<[u8; 32]>) {
        self.0.insert(name.to_owned(), key);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn encode(&self) -> Option<Zeroizing<Vec<u8>>> {
        // Room for all, so that no copy is left behind by growing.
        let entries: usize = self.0.keys().map(|name| name.len().saturating_add(33)).sum();
        let mut bytes =
            Zeroizing::new(Vec::with_capacity(entries.saturating_add(MAGIC.len()).saturating_add(32)));
        bytes.extend(MAGIC);
        for (name, key) in &self.0 {
            bytes.push(u8::try_from(name.len()).ok()?);
            bytes.extend(name.as_bytes());
            bytes.extend(key.iter());
        }
        let sum = sha256(&[&bytes]);
        bytes.extend(sum.as_bytes());
        Some(bytes)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, sum) = bytes.split_last_chunk::<32>()?;
        if sha256(&[content]).as_bytes() != sum {
            return None;
        }
        let mut rest = content.strip_prefix(MAGIC)?;
        let mut keys = Self::default();
        while let Some((length, after)) = rest.split_first() {
            let (name, after) = after.split_at_checked(usize::from(*length))?;
            let (key, after) = after.split_first_chunk::<32>()?;
            let name = std::str::from_utf8(name).ok()?.to_owned();
            if keys.0.last_key_value().is_some_and(|(last, _)| *last >= name) {
                return None;
            }
            keys.0.insert(name, Zeroizing::new(*key));
            rest = after;
        }
        Some(keys)
    }
}

/// Refuses a file that its group or the world can read or write: whoever could has the keys.
fn check_private(file: &File) -> io::Result<()> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others can read the keys"));
    }
    Ok(())
}
