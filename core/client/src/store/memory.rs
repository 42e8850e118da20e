//! A store that forgets when it is dropped.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use crate::error::Error;
use crate::ports::{Change, Health, Records, Store, Table};

type Kept = BTreeMap<(Table, Vec<u8>), Zeroizing<Vec<u8>>>;

/// A store in memory, for tests and simulations. Share it between two clients to restart one.
#[derive(Default)]
pub struct MemoryStore(Mutex<Kept>);

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn records(&self) -> MutexGuard<'_, Kept> {
        // Changes cannot panic half-way, so a poisoned map is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        Ok(self.records().get(&(table, key.to_vec())).cloned())
    }

    fn list(&self, table: Table) -> Result<Records, Error> {
        let of_table = |((of, key), value): (&(Table, Vec<u8>), &Zeroizing<Vec<u8>>)| {
            (*of == table).then(|| (key.clone(), value.clone()))
        };
        Ok(self.records().iter().filter_map(of_table).collect())
    }

    fn commit(&self, changes: &[Change]) -> Result<(), Error> {
        let mut records = self.records();
        for change in changes {
            match change.clone() {
                Change::Put { table, key, value } => records.insert((table, key), value),
                Change::Delete { table, key } => records.remove(&(table, key)),
            };
        }
        Ok(())
    }

    fn health(&self) -> Result<Health, Error> {
        let records = self.records();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Ok(Health {
            records: count(records.len()),
            bytes: records.values().map(|value| count(value.len())).sum(),
        })
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryStore")
    }
}
