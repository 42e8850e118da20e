//! A look at a store that another client may have open, without its lock and without a change to the store itself.
//!
//! The one client of a store keeps its database to itself, without shared memory, so SQLite lets nobody else in. But the store's files can
//! be copied, and the sealed sum over all rows says whether a copy is whole: one that met a commit half-way is not, and is made again.
//! The copy lies beside the store while it is read. One that a killed program left goes when the store is opened the next time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use fs4::FileExt;
use ushield_protocol::code::Code;
use ushield_protocol::key::{Hash, sha256};
use zeroize::Zeroizing;

use super::folder::{Folder, io_error};
use super::seal::Sealer;
use super::sqlite::{OpenOptions, SCHEMA, open_existing, read_all};
use crate::error::Error;
use crate::ports::{Change, Entropy, Health, Records, SealingKey, Store, Table};

/// Copies that may meet a commit before the store counts as too busy to be looked at.
const TRIES: usize = 32;
/// How the names of copies begin, beside the store.
const COPY: &str = "store.look-";

/// What a store held at one moment: a committed state, whole. Nothing can be written through it; there is no file behind it.
///
/// Do not look at a store that this same process has open: on POSIX, closing the files gives SQLite's own lock on them back.
pub struct StoreLook {
    records: BTreeMap<(Table, Vec<u8>), Zeroizing<Vec<u8>>>,
    health: Health,
}

impl StoreLook {
    /// Looks. Empty where there is no store yet.
    ///
    /// # Errors
    /// `store-corrupt`, and nothing is moved: that is for the client that opens it. `store-locked` while another client writes without a
    /// pause: no copy was whole, and no two were alike. `disk-full`, `store-failure`.
    pub fn open(options: &OpenOptions, key: &SealingKey, entropy: &dyn Entropy) -> Result<Self, Error> {
        let folder = Folder::at(options.folder());
        let sealer = Sealer::new(key, SCHEMA)?;
        let mut before = None;
        for _ in 0..TRIES {
            let copied = match Copy::of(&folder, entropy) {
                // Something was moved, or this copy was taken for one that is left over.
                Err(error) if error.code() == Code::StoreCorrupt => Err(error),
                copied => Ok(copied?),
            };
            let (error, content) = match copied {
                Err(error) => (error, None),
                Ok(None) => {
                    return Ok(Self { records: BTreeMap::new(), health: Health { records: 0, bytes: 0 } });
                }
                Ok(Some(copy)) => match Self::at(&copy, &sealer, options) {
                    Err(error) if error.code() == Code::StoreCorrupt => (error, Some(copy.content)),
                    looked => return looked,
                },
            };
            // Nobody wrote between two copies that are alike: the second one is the store.
            if before.replace(content) == Some(content) {
                return Err(error);
            }
        }
        Err(Error::new(Code::StoreLocked))
    }

    fn at(copy: &Copy, sealer: &Sealer, options: &OpenOptions) -> Result<Self, Error> {
        let connection =
            open_existing(&copy.folder.store(), sealer, options)?.ok_or(Error::new(Code::StoreCorrupt))?;
        let mut records = BTreeMap::new();
        let health = read_all(&connection, sealer, |table, record| {
            records.insert((table, record.key), record.value);
        })?;
        Ok(Self { records, health })
    }
}

impl Store for StoreLook {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        Ok(self.records.get(&(table, key.to_vec())).cloned())
    }

    fn list(&self, table: Table) -> Result<Records, Error> {
        let of_table = |((of, key), value): (&(Table, Vec<u8>), &Zeroizing<Vec<u8>>)| {
            (*of == table).then(|| (key.clone(), value.clone()))
        };
        Ok(self.records.iter().filter_map(of_table).collect())
    }

    /// Always refused.
    fn commit(&self, _: &[Change]) -> Result<(), Error> {
        Err(Error::new(Code::StoreLocked))
    }

    fn health(&self) -> Result<Health, Error> {
        Ok(self.health)
    }
}

impl std::fmt::Debug for StoreLook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreLook")
    }
}

/// Removes copies that nobody reads any more.
pub(super) fn remove_left_over(folder: &Folder) {
    for left in folder.named(COPY) {
        // Who reads one holds its lock. What cannot be asked, or removed, stays and harms nobody.
        let unread = match File::open(left.lock()) {
            Ok(lock) => FileExt::try_lock(&lock).is_ok(),
            Err(error) => error.kind() == ErrorKind::NotFound,
        };
        if unread {
            left.remove();
        }
    }
}

/// A copy of a store in a folder of its own, removed when it is dropped. Sealed as the store is.
struct Copy {
    folder: Folder,
    /// Held while the copy is read.
    lock: Option<File>,
    /// What was copied.
    content: Hash,
}

impl Copy {
    /// None where there is no store.
    fn of(folder: &Folder, entropy: &dyn Entropy) -> Result<Option<Self>, Error> {
        let store = folder.store();
        match fs::symlink_metadata(&store) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            found => found.map_err(|error| io_error(error, &store))?,
        };
        let mut name = [0; 8];
        entropy.fill(&mut name)?;
        let folder = folder.beside(&format!("{COPY}{:016x}", u64::from_be_bytes(name)))?;
        let mut copy = Self { folder, lock: None, content: sha256(&[]) };
        let lock = copy.folder.lock();
        let held = create_private(&lock).map_err(|error| moved(error, &lock))?;
        FileExt::try_lock(&held).map_err(|error| moved(error.into(), &lock))?;
        copy.lock = Some(held);
        // The database first: what a checkpoint moves into it afterwards is still in the log.
        let (from, to) = (Folder::database(&store), Folder::database(&copy.folder.store()));
        let database = copy_file(&from, &to)?;
        let (from, to) = (Folder::log(&from), Folder::log(&to));
        let log = match fs::symlink_metadata(&from) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            _ => Some(copy_file(&from, &to)?),
        };
        let parts = [Some(database), log].map(|part| part.map(|part| part.to_vec()).unwrap_or_default());
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        copy.content = sha256(&parts);
        Ok(Some(copy))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Some systems remove no file that is open.
        self.lock = None;
        self.folder.remove();
    }
}

/// Copies a file for its owner alone; what was in it, as a hash.
fn copy_file(from: &Path, to: &Path) -> Result<[u8; 32], Error> {
    let content = fs::read(from).map_err(|error| moved(error, from))?;
    let written = create_private(to).and_then(|mut file| file.write_all(&content));
    written.map_err(|error| moved(error, to))?;
    Ok(*sha256(&[&content]).as_bytes())
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A file that is not where it was a moment ago makes no whole copy.
fn moved(error: io::Error, path: &Path) -> Error {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::WouldBlock => Error::new(Code::StoreCorrupt).caused_by(error),
        _ => io_error(error, path),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
            out.fill(0);
            Ok(())
        }
    }

    #[test]
    fn a_copy_is_its_owners_alone_whatever_the_store_is_and_goes_when_it_was_read() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(root.path());
        let database = Folder::database(&folder.store());
        fs::create_dir(folder.store()).unwrap();
        for path in [&database, &Folder::log(&database)] {
            fs::write(path, "sealed").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        let copy = Copy::of(&folder, &Zeros).unwrap().unwrap();
        let copied = Folder::database(&copy.folder.store());
        for path in [&copied, &Folder::log(&copied), &copy.folder.lock()] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        }
        remove_left_over(&folder);
        assert!(copied.exists(), "it is being read");
        drop(copy);
        assert!(folder.named(COPY).is_empty());
    }
}
