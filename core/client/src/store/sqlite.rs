//! The store on a disk: SQLite, every value sealed.
//!
//! A row is (table, name, sealed record); one more row sums up all others, so that a row that is missing, old or
//! from elsewhere is noticed when the store is opened. An older image of the whole store is not: orders come from the bank
//! again, and nothing is executed twice because of it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, ErrorCode as Sqlite, OpenFlags, TransactionBehavior};
use ushield_protocol::code::Code;
use ushield_protocol::planted::{self, Bug};
use zeroize::Zeroizing;

use super::folder::{Folder, io_error};
use super::lock::Lock;
use super::look::remove_left_over;
use super::rows::{SUM_PLACE, Sum, delete, failure, find, insert};
use super::seal::{Name, Record, Sealer};
use crate::error::{Detail, Error};
use crate::ports::{Change, Entropy, Health, Records, SealingKey, Store, Table};

/// `USHD`: what `file` and `sqlite3` show of a store.
const APPLICATION_ID: i32 = 0x5553_4844;
pub(super) const SCHEMA: u8 = 1;
const CREATE: &str = "CREATE TABLE record (place INTEGER NOT NULL, name BLOB NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (place, name)) \
     STRICT, WITHOUT ROWID";

/// Where a store is, and who opens it.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    folder: PathBuf,
    program: String,
    max_pages: Option<u32>,
}

impl OpenOptions {
    /// The store in `folder`, opened by `program`: the name that a second client is told.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, program: impl Into<String>) -> Self {
        Self { folder: folder.into(), program: program.into(), max_pages: None }
    }

    /// At most so many pages of 4,096 bytes; beyond them the disk counts as full.
    #[must_use]
    pub fn with_max_pages(mut self, pages: u32) -> Self {
        self.max_pages = Some(pages);
        self
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// What opening found.
#[derive(Clone, Debug)]
pub enum Opened {
    /// Nothing; the store is new.
    Fresh,
    /// The store as it was left.
    Existing,
    /// A store that is not whole, or not ours. It was moved, and the store is new: orders come from the bank again,
    /// pairing has to be done again. Tell the customer.
    SetAside {
        /// Where it is now.
        to: PathBuf,
        /// `store-corrupt`, and why.
        notice: Error,
    },
}

impl Opened {
    /// What an earlier start found; its cause is not known any more.
    fn set_aside(to: PathBuf) -> Self {
        let notice = Error::new(Code::StoreCorrupt).with_detail(Detail::SetAside(to.clone()));
        Opened::SetAside { to, notice }
    }
}

/// The store on a disk. Holds the lock while it lives.
pub struct SqliteStore {
    // Dropped in this order: the database is closed before the lock is given back.
    connection: Mutex<Connection>,
    sealer: Sealer,
    entropy: Arc<dyn Entropy>,
    _lock: Lock,
}

impl SqliteStore {
    /// Opens the store, or makes it.
    ///
    /// # Errors
    /// `store-locked`, with the holder where it is known; `disk-full`; `store-failure`.
    pub fn open(
        options: &OpenOptions,
        key: &SealingKey,
        entropy: Arc<dyn Entropy>,
    ) -> Result<(Self, Opened), Error> {
        let folder = Folder::prepare(&options.folder)?;
        let lock = Lock::take(&folder.lock(), &options.program)?;
        remove_left_over(&folder);
        let sealer = Sealer::new(key, SCHEMA)?;
        let (found, set_aside) = match open_existing(&folder.store(), &sealer, options) {
            // What a start set aside that ended before it could say so is told now.
            Ok(found) => (found, folder.untold_set_aside().map(Opened::set_aside)),
            Err(error) if error.code() == Code::StoreCorrupt => {
                let to = folder.set_aside()?;
                tracing::warn!(code = %error.code(), "the store was set aside");
                let notice = error.with_detail(Detail::SetAside(to.clone()));
                (None, Some(Opened::SetAside { to, notice }))
            }
            Err(error) => return Err(error),
        };
        let (connection, opened) = match found {
            Some(connection) => (connection, set_aside.unwrap_or(Opened::Existing)),
            None => match open_set_aside(&folder, &sealer, options)? {
                Some(connection) => (connection, Opened::Existing),
                None => (create(&folder, &sealer, options, &*entropy)?, set_aside.unwrap_or(Opened::Fresh)),
            },
        };
        folder.told()?;
        Ok((Self { connection: Mutex::new(connection), sealer, entropy, _lock: lock }, opened))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A transaction that was dropped by a panic was rolled back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for SqliteStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let name = self.sealer.name(table.number(), key);
        let sealed = find(&self.connection(), table.number(), &name)?;
        sealed
            .map(|sealed| self.sealer.open(table.number(), &name, &sealed).map(|record| record.value))
            .transpose()
    }

    fn list(&self, table: Table) -> Result<Records, Error> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT name, sealed FROM record WHERE place = ?1").map_err(failure)?;
        let mut rows = statement.query([table.number()]).map_err(failure)?;
        let mut records = Vec::new();
        while let Some(row) = rows.next().map_err(failure)? {
            let (name, sealed): (Name, Vec<u8>) =
                (row.get(0).map_err(failure)?, row.get(1).map_err(failure)?);
            let record = self.sealer.open(table.number(), &name, &sealed)?;
            records.push((record.key, record.value));
        }
        records.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(records)
    }

    fn commit(&self, changes: &[Change]) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut connection = self.connection();
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failure)?;
        let mut sum = Sum::read(&step, &self.sealer)?;
        for change in changes {
            let (table, key) = match change {
                Change::Put { table, key, .. } | Change::Delete { table, key } => (table.number(), key),
            };
            let name = self.sealer.name(table, key);
            if let Some(sealed) = find(&step, table, &name)? {
                sum.remove(&self.sealer.share(table, &name, &sealed));
                delete(&step, table, &name)?;
            }
            if let Change::Put { value, .. } = change {
                let (name, sealed) = self.sealer.seal(table, key, value, &*self.entropy)?;
                sum.add(&self.sealer.share(table, &name, &sealed));
                insert(&step, table, &name, &sealed)?;
            }
        }
        sum.write(&step, &self.sealer, &*self.entropy)?;
        step.commit().map_err(failure)
    }

    fn health(&self) -> Result<Health, Error> {
        check_contents(&self.connection(), &self.sealer)
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqliteStore")
    }
}

/// Makes an empty store next door and moves it in, so that no half-made store ever has its name.
fn create(
    folder: &Folder,
    sealer: &Sealer,
    options: &OpenOptions,
    entropy: &dyn Entropy,
) -> Result<Connection, Error> {
    let nursery = folder.nursery()?;
    let connection = connect(&Folder::database(&nursery), OpenFlags::SQLITE_OPEN_CREATE, options)?;
    connection.execute_batch(CREATE).map_err(failure)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(failure)?;
    connection.pragma_update(None, "user_version", SCHEMA).map_err(failure)?;
    Sum::default().write(&connection, sealer, entropy)?;
    connection.close().map_err(|(_, error)| failure(error))?;
    folder.move_in(&nursery)?;
    connect(&Folder::database(&folder.store()), OpenFlags::empty(), options)
}

/// Opens a store that was set aside and is whole under this key: another key was given meanwhile, whose store stood in its place.
fn open_set_aside(
    folder: &Folder,
    sealer: &Sealer,
    options: &OpenOptions,
) -> Result<Option<Connection>, Error> {
    for set_aside in folder.all_set_aside() {
        if let Ok(Some(connection)) = open_existing(&set_aside, sealer, options) {
            connection.close().map_err(|(_, error)| failure(error))?;
            folder.take_back(&set_aside)?;
            return open_existing(&folder.store(), sealer, options);
        }
    }
    Ok(None)
}

/// Opens the store that is there and checks all of it. `store-corrupt` is about the store and nothing else.
pub(super) fn open_existing(
    store: &Path,
    sealer: &Sealer,
    options: &OpenOptions,
) -> Result<Option<Connection>, Error> {
    match fs::symlink_metadata(store) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(error, store)),
    }
    let path = Folder::database(store);
    match fs::metadata(&path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(Error::new(Code::StoreCorrupt)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(Error::new(Code::StoreCorrupt).caused_by(error));
        }
        Err(error) => return Err(io_error(error, &path)),
    }
    check_file(&path)?;
    let connection = connect(&path, OpenFlags::empty(), options).map_err(suspect)?;
    check_header(&connection, sealer).map_err(suspect)?;
    check_contents(&connection, sealer).map_err(suspect)?;
    Ok(Some(connection))
}

/// Looks at the file before SQLite does: it would write into an empty one, or into another program's.
fn check_file(path: &Path) -> Result<(), Error> {
    let failed = |error| io_error(error, path);
    let mut header = [0; 100];
    // For writing, too: whether we may is told here, not in the middle of an order.
    let mut file = File::options().read(true).write(true).open(path).map_err(failed)?;
    match file.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Err(Error::new(Code::StoreCorrupt).caused_by(error));
        }
        Err(error) => return Err(failed(error)),
    }
    let ours = header.starts_with(b"SQLite format 3\0")
        && header.get(68..72).is_some_and(|id| *id == APPLICATION_ID.to_be_bytes());
    if ours { Ok(()) } else { Err(Error::new(Code::StoreCorrupt)) }
}

fn connect(path: &Path, more: OpenFlags, options: &OpenOptions) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags).map_err(failure)?;
    let set = || -> rusqlite::Result<String> {
        // The lock file keeps other clients out; anyone else's lock is an error at once.
        connection.busy_timeout(std::time::Duration::ZERO)?;
        // Exclusive: no shared memory beside the log.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        // Durable when it returns, on Apple's disks too; before the first page is written.
        let synchronous = if planted::on(Bug::AcknowledgedBeforeCommit) { "OFF" } else { "FULL" };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        let mode = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if let Some(pages) = options.max_pages {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(mode)
    };
    match set().map_err(failure)?.as_str() {
        "wal" => Ok(connection),
        // SQLite keeps another mode without an error where it cannot write.
        _ => Err(Error::new(Code::StoreFailure).with_detail(Detail::Path(path.to_owned()))),
    }
}

/// Of which schema the store is.
fn check_header(connection: &Connection, sealer: &Sealer) -> Result<(), Error> {
    let corrupt = || Error::new(Code::StoreCorrupt);
    let number =
        |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0)).map_err(failure);
    if number("user_version")? != i32::from(SCHEMA) {
        // A store of a newer client is not corrupt, it is not for us. A damaged number on a store of ours is.
        return Err(match Sum::read(connection, sealer) {
            Ok(_) => corrupt(),
            Err(error) => Error::new(Code::StoreFailure).at("schema").caused_by(error),
        });
    }
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema").map_err(failure)?;
    let tables: Vec<Option<String>> =
        statement.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(failure)?;
    if tables != [Some(CREATE.to_owned())] { Err(corrupt()) } else { Ok(()) }
}

/// Every page, every record, and the sum over them.
fn check_contents(connection: &Connection, sealer: &Sealer) -> Result<Health, Error> {
    read_all(connection, sealer, |_, _| ())
}

/// As [`check_contents`], with each record on the way; they hold when it returns `Ok`.
pub(super) fn read_all(
    connection: &Connection,
    sealer: &Sealer,
    mut take: impl FnMut(Table, Record),
) -> Result<Health, Error> {
    let corrupt = || Error::new(Code::StoreCorrupt);
    let verdict: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failure)?;
    if verdict != "ok" || connection.is_readonly("main").map_err(failure)? {
        return Err(corrupt());
    }
    let sum = Sum::read(connection, sealer)?;
    let (mut found, mut bytes) = (Sum::default(), 0_u64);
    let mut statement =
        connection.prepare("SELECT place, name, sealed FROM record WHERE place <> ?1").map_err(failure)?;
    let mut rows = statement.query([SUM_PLACE]).map_err(failure)?;
    while let Some(row) = rows.next().map_err(failure)? {
        let (place, name, sealed): (u8, Name, Vec<u8>) = row.try_into().map_err(failure)?;
        let table = Table::from_number(place).ok_or_else(corrupt)?;
        let record = sealer.open(place, &name, &sealed)?;
        if sealer.name(place, &record.key) != name {
            return Err(corrupt());
        }
        found.add(&sealer.share(place, &name, &sealed));
        bytes = bytes.saturating_add(u64::try_from(sealed.len()).unwrap_or(u64::MAX));
        take(table, record);
    }
    if found == sum || planted::on(Bug::StoreSumUnchecked) {
        Ok(Health { records: found.rows, bytes })
    } else {
        Err(corrupt())
    }
}

/// While a store is examined our own statements are right: where SQLite cannot run them, the file is wrong.
fn suspect(error: Error) -> Error {
    let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<rusqlite::Error>());
    let code = cause.and_then(rusqlite::Error::sqlite_error_code);
    match code {
        Some(Sqlite::Unknown | Sqlite::TooBig | Sqlite::TypeMismatch) => {
            Error::new(Code::StoreCorrupt).caused_by(error)
        }
        _ => error,
    }
}
