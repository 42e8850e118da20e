//! A look at a store that another client may have open, without its lock and without writing to it.
//!
//! The one client of a store keeps its database to itself, without shared memory, so SQLite lets nobody else in. But the store's files can
//! be copied, and the sealed sum over all rows says whether a copy is whole: one that met a commit half-way is not, and is made again.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use ushield_protocol::code::Code;
use zeroize::Zeroizing;

use super::folder::{Folder, io_error};
use super::seal::Sealer;
use super::sqlite::{OpenOptions, SCHEMA, open_existing, read_all};
use crate::error::Error;
use crate::ports::{Change, Entropy, Health, Records, SealingKey, Store, Table};

/// Copies that may meet a commit before the store counts as corrupt.
const TRIES: usize = 32;

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
    /// `store-corrupt`, and nothing is moved: that is for the client that opens it. `disk-full`, `store-failure`.
    pub fn open(options: &OpenOptions, key: &SealingKey, entropy: &dyn Entropy) -> Result<Self, Error> {
        let folder = Folder::at(options.folder());
        let sealer = Sealer::new(key, SCHEMA)?;
        let mut looked = Self::once(&folder, &sealer, options, entropy);
        for _ in 1..TRIES {
            match looked {
                Err(error) if error.code() == Code::StoreCorrupt => {
                    looked = Self::once(&folder, &sealer, options, entropy);
                }
                looked => return looked,
            }
        }
        looked
    }

    fn once(
        folder: &Folder,
        sealer: &Sealer,
        options: &OpenOptions,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        let Some(copy) = Copy::of(folder, entropy)? else {
            return Ok(Self { records: BTreeMap::new(), health: Health { records: 0, bytes: 0 } });
        };
        let connection = open_existing(&copy.0, sealer, options)?.ok_or(Error::new(Code::StoreCorrupt))?;
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

/// A copy of a store in a folder of its own, removed when it is dropped. Sealed as the store is.
struct Copy(Folder);

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
        let copy = Self(folder.beside(&format!("store.look-{:016x}", u64::from_be_bytes(name)))?);
        let (from, to) = (Folder::database(&store), Folder::database(&copy.0.store()));
        // The database first: what a checkpoint moves into it afterwards is still in the log.
        fs::copy(&from, &to).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::new(Code::StoreCorrupt).caused_by(error),
            _ => io_error(error, &from),
        })?;
        let (from, to) = (Folder::log(&from), Folder::log(&to));
        match fs::copy(&from, &to) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error(error, &from)),
            _ => Ok(Some(copy)),
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.0.remove();
    }
}
