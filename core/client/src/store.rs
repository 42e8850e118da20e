//! Two stores: [`SqliteStore`] on a disk, sealed; [`MemoryStore`] for tests and simulations.

mod folder;
mod lock;
mod memory;
mod rows;
mod seal;
mod sqlite;

pub use memory::MemoryStore;
pub use sqlite::{OpenOptions, Opened, SqliteStore};
