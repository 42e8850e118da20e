//! Two stores: [`SqliteStore`] on a disk, sealed; [`MemoryStore`] for tests and simulations. And [`StoreLook`], which only reads the first.

#[cfg(feature = "sqlite")]
mod folder;
#[cfg(feature = "sqlite")]
mod lock;
#[cfg(feature = "sqlite")]
mod look;
mod memory;
#[cfg(feature = "sqlite")]
mod rows;
#[cfg(feature = "sqlite")]
mod seal;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "sqlite")]
pub use look::StoreLook;
pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use sqlite::{OpenOptions, Opened, SqliteStore};
