//! What a store holds, all of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use ushield_client::Error;
use ushield_client::ports::{Change, SealingKey, Store, Table};
use ushield_client::store::{OpenOptions, Opened, SqliteStore};
use ushield_e2e::evil::SeededEntropy;
use zeroize::Zeroizing;

/// Records by table and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content(BTreeMap<(Table, Vec<u8>), Vec<u8>>);

impl Content {
    /// Reads everything, by list and by get.
    ///
    /// # Errors
    /// The store's.
    ///
    /// # Panics
    /// When list, get and health do not agree.
    pub fn of(store: &dyn Store) -> Result<Self, Error> {
        let mut all = BTreeMap::new();
        for table in Table::ALL {
            for (key, value) in store.list(*table)? {
                assert_eq!(store.get(*table, &key)?.as_deref(), Some(&*value), "list and get differ");
                all.insert((*table, key), value.to_vec());
            }
        }
        assert_eq!(store.health()?.records, all.len() as u64, "health counts otherwise");
        Ok(Self(all))
    }

    /// One value.
    #[must_use]
    pub fn get(&self, table: Table, key: &[u8]) -> Option<&[u8]> {
        self.0.get(&(table, key.to_vec())).map(Vec::as_slice)
    }

    /// The values of a table.
    pub fn table(&self, table: Table) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |((of, _), _)| *of == table).map(|(_, value)| value.as_slice())
    }

    /// With these changes made.
    #[must_use]
    pub fn after(&self, changes: &[Change]) -> Self {
        let mut all = self.0.clone();
        for change in changes {
            match change {
                Change::Put { table, key, value } => all.insert((*table, key.clone()), value.to_vec()),
                Change::Delete { table, key } => all.remove(&(*table, key.clone())),
            };
        }
        Self(all)
    }

    /// How many records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The changes that make it out of nothing.
    #[must_use]
    pub fn as_changes(&self) -> Vec<Change> {
        self.0.iter().map(|((table, key), value)| Change::put(*table, key, value)).collect()
    }
}

/// The key of every store here: the one that the scripted key store has.
#[must_use]
pub fn key() -> SealingKey {
    SealingKey::new(Zeroizing::new([0x5e; 32]))
}

/// Opens the real store. Each opening has a seed of its own: nonces are never used twice.
///
/// # Errors
/// The store's.
pub fn open(folder: &Path, seed: u64) -> Result<(SqliteStore, Opened), Error> {
    SqliteStore::open(&OpenOptions::new(folder, "phone"), &key(), Arc::new(SeededEntropy::new(seed)))
}

/// A folder in memory where there is one: the faults are simulated, the disk need not be real.
#[must_use]
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}
