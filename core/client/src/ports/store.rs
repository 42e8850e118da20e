//! What the client must remember.

use zeroize::Zeroizing;

use crate::error::Error;

/// Keys and values, by ascending key.
pub type Records = Vec<(Vec<u8>, Zeroizing<Vec<u8>>)>;

/// Records by table and key. Several changes are one step or none.
///
/// Keys and values are sealed at rest. Calls return quickly; run them where blocking for a disk is allowed.
pub trait Store: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// `store-corrupt` when the record is not as it was written; `store-failure`.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error>;

    /// All records of a table, by ascending key.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn list(&self, table: Table) -> Result<Records, Error>;

    /// Makes all changes, in order, or none. They are durable when it returns `Ok`. After an error none is visible
    /// until the store is opened again; a disk that failed may have kept them all.
    ///
    /// # Errors
    /// `disk-full`, `store-locked`, `store-corrupt`, `store-failure`.
    fn commit(&self, changes: &[Change]) -> Result<(), Error>;

    /// Reads and checks everything.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn health(&self) -> Result<Health, Error>;

    /// Makes one change.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn put(&self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.commit(&[Change::put(table, key, value)])
    }

    /// Makes one change.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn delete(&self, table: Table, key: &[u8]) -> Result<(), Error> {
        self.commit(&[Change::delete(table, key)])
    }
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// The tables. A number never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Table {
            $($(#[$doc])* $name,)*
        }

        impl Table {
            /// Every table.
            pub const ALL: &'static [Table] = &[$(Table::$name,)*];

            /// The number in the store.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self { $(Table::$name => $number,)* }
            }

            /// The table of a number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Table::$name),)* _ => None }
            }
        }
    };
}

tables! {
    /// What this client was set up with: the bank, its root, the makers' roots.
    Setup = 1,
    /// Paired tokens, by device id.
    Token = 2,
    /// The tries of a pairing that has not succeeded yet.
    Pairing = 3,
    /// The life of each order.
    Order = 4,
    /// The bank's key statements.
    BankKey = 5,
    /// The customer's session at the bank.
    Session = 6,
    /// Certificates of tokens.
    Certificate = 7,
}

/// One change of a commit.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// Writes a record, over the one that is there.
    Put {
        /// In which table.
        table: Table,
        /// Under which key.
        key: Vec<u8>,
        /// What.
        value: Zeroizing<Vec<u8>>,
    },
    /// Removes a record, if it is there.
    Delete {
        /// In which table.
        table: Table,
        /// Under which key.
        key: Vec<u8>,
    },
}

impl Change {
    /// Writes a record.
    #[must_use]
    pub fn put(table: Table, key: &[u8], value: &[u8]) -> Self {
        Self::Put { table, key: key.to_vec(), value: Zeroizing::new(value.to_vec()) }
    }

    /// Removes a record.
    #[must_use]
    pub fn delete(table: Table, key: &[u8]) -> Self {
        Self::Delete { table, key: key.to_vec() }
    }
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Change::Put { table, value, .. } => write!(f, "Put({table:?}, {} B)", value.len()),
            Change::Delete { table, .. } => write!(f, "Delete({table:?})"),
        }
    }
}

/// What a check of the store found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Records in all tables.
    pub records: u64,
    /// Bytes of all sealed records.
    pub bytes: u64,
}
