//! Two stores: [`SqliteStore`] on a disk, sealed; [`MemoryStore`] for tests and simulations. And [`StoreLook`], which only reads the first.

mod folder;
mod lock;
mod look;
mod memory;
mod rows;
mod seal;
mod sqlite;

pub use look::StoreLook;
pub use memory::MemoryStore;
pub use sqlite::{OpenOptions, Opened, SqliteStore};
