//! Rows of the database, and the sum over them.

use rusqlite::{Connection, ErrorCode as Sqlite, OptionalExtension, ffi};
use ushield_protocol::code::Code;

use super::seal::{Name, Sealer};
use crate::error::Error;
use crate::ports::Entropy;

/// The place of the sum; tables begin at 1.
pub(super) const SUM_PLACE: u8 = 0;

/// The sum over all rows: their number, and the XOR of their shares. Sealed, so that nobody else can make one.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) rows: u64,
    shares: [u8; 32],
}

impl Sum {
    pub(super) fn add(&mut self, share: &[u8; 32]) {
        self.rows = self.rows.wrapping_add(1);
        self.mix(share);
    }

    pub(super) fn remove(&mut self, share: &[u8; 32]) {
        self.rows = self.rows.wrapping_sub(1);
        self.mix(share);
    }

    fn mix(&mut self, share: &[u8; 32]) {
        for (to, from) in self.shares.iter_mut().zip(share) {
            *to ^= from;
        }
    }

    pub(super) fn read(connection: &Connection, sealer: &Sealer) -> Result<Self, Error> {
        let corrupt = || Error::new(Code::StoreCorrupt);
        let name = sealer.name(SUM_PLACE, &[]);
        let sealed = find(connection, SUM_PLACE, &name)?.ok_or_else(corrupt)?;
        let record = sealer.open(SUM_PLACE, &name, &sealed)?;
        let (rows, shares) = record.value.split_first_chunk::<8>().ok_or_else(corrupt)?;
        let shares = <[u8; 32]>::try_from(shares).map_err(|_| corrupt())?;
        Ok(Self { rows: u64::from_be_bytes(*rows), shares })
    }

    pub(super) fn write(
        &self,
        connection: &Connection,
        sealer: &Sealer,
        entropy: &dyn Entropy,
    ) -> Result<(), Error> {
        let value = [self.rows.to_be_bytes().as_slice(), &self.shares].concat();
        let (name, sealed) = sealer.seal(SUM_PLACE, &[], &value, entropy)?;
        delete(connection, SUM_PLACE, &name)?;
        insert(connection, SUM_PLACE, &name, &sealed)
    }
}

pub(super) fn find(connection: &Connection, place: u8, name: &Name) -> Result<Option<Vec<u8>>, Error> {
    connection
        .prepare_cached("SELECT sealed FROM record WHERE place = ?1 AND name = ?2")
        .and_then(|mut statement| statement.query_row((place, name), |row| row.get(0)).optional())
        .map_err(failure)
}

pub(super) fn insert(connection: &Connection, place: u8, name: &Name, sealed: &[u8]) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT INTO record (place, name, sealed) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| statement.execute((place, name, sealed)))
        .map(drop)
        .map_err(failure)
}

pub(super) fn delete(connection: &Connection, place: u8, name: &Name) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM record WHERE place = ?1 AND name = ?2")
        .and_then(|mut statement| statement.execute((place, name)))
        .map(drop)
        .map_err(failure)
}

/// The code of SQLite's error.
pub(super) fn failure(error: rusqlite::Error) -> Error {
    use rusqlite::Error as E;
    let code = match &error {
        E::SqliteFailure(cause, _) if cause.extended_code == ffi::SQLITE_IOERR_SHORT_READ => {
            Code::StoreCorrupt
        }
        E::SqliteFailure(cause, _) => match cause.code {
            Sqlite::DiskFull => Code::DiskFull,
            Sqlite::DatabaseCorrupt | Sqlite::NotADatabase => Code::StoreCorrupt,
            Sqlite::DatabaseBusy | Sqlite::DatabaseLocked => Code::StoreLocked,
            _ => Code::StoreFailure,
        },
        // Values of another type or range than we wrote.
        E::InvalidColumnType(..)
        | E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::Utf8Error(..) => Code::StoreCorrupt,
        _ => Code::StoreFailure,
    };
    Error::new(code).caused_by(error)
}
