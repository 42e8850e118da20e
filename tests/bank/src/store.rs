//! The database: opening it, transactions, and the values of its columns.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

use crate::error::BankError;
use crate::keys::write_secret;
pub(crate) use crate::number::{signed as column, unsigned as value};

/// The database's file in the data folder.
const FILE: &str = "bank.sqlite";
/// How long a transaction waits for another process's.
const BUSY: Duration = Duration::from_secs(10);

/// One transaction at a time writes, others read beside it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Store {
    /// Makes the database's file; refuses to replace one.
    pub(crate) fn create(data: &Path) -> Result<(), BankError> {
        write_secret(&data.join(FILE), &[])
    }

    /// Opens the database and brings its schema up to date.
    pub(crate) async fn open(data: &Path) -> Result<Self, BankError> {
        let options = SqliteConnectOptions::new()
            .filename(data.join(FILE))
            .create_if_missing(false)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        sqlx::migrate!("./migrations").run(&writer).await?;
        let readers = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        Ok(Self { writer, readers })
    }

    /// A serializable transaction that may write: `BEGIN IMMEDIATE` takes the lock before anything is read.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>, BankError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// A transaction that only reads, one state of everything.
    pub(crate) async fn read(&self) -> Result<Transaction<'static, Sqlite>, BankError> {
        Ok(self.readers.begin().await?)
    }

    /// Closes every connection.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// What a query inside a transaction takes.
pub(crate) type Connection = sqlx::SqliteConnection;

/// A counter.
pub(crate) fn counter(column: i64) -> Result<u32, BankError> {
    u32::try_from(column).map_err(|_| BankError::Damaged("counter"))
}

/// An identifier of fixed length.
pub(crate) fn id<T>(bytes: &[u8], from: impl Fn(&[u8]) -> Option<T>) -> Result<T, BankError> {
    from(bytes).ok_or(BankError::Damaged("identifier"))
}

/// Certificates as one column: each behind its length, u16.
pub(crate) fn chain_column(chain: &[Vec<u8>]) -> Result<Vec<u8>, BankError> {
    let mut column = Vec::new();
    for der in chain {
        let len = u16::try_from(der.len()).map_err(|_| BankError::Damaged("certificate"))?;
        column.extend_from_slice(&len.to_be_bytes());
        column.extend_from_slice(der);
    }
    Ok(column)
}

/// The certificates of a column.
pub(crate) fn chain(mut column: &[u8]) -> Result<Vec<Vec<u8>>, BankError> {
    let damaged = || BankError::Damaged("certificate");
    let mut chain = Vec::new();
    while let Some((len, rest)) = column.split_first_chunk::<2>() {
        let (der, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len))).ok_or_else(damaged)?;
        chain.push(der.to_vec());
        column = rest;
    }
    if column.is_empty() { Ok(chain) } else { Err(damaged()) }
}
