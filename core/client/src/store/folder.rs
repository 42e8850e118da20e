//! Where a store lies: made elsewhere and moved in, moved out when it is corrupt, never overwritten.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ushield_protocol::code::Code;

use crate::error::{Detail, Error};

/// The folder of a client's data, and what is in it.
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes the folder where it is missing.
    pub(super) fn prepare(root: &Path) -> Result<Self, Error> {
        make_private(root, true).map_err(|error| io_error(error, root))?;
        Ok(Self { root: root.to_owned() })
    }

    /// The folder as it is.
    pub(super) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// A new folder inside, with an empty place for a store in it.
    pub(super) fn beside(&self, name: &str) -> Result<Self, Error> {
        let beside = Self { root: self.root.join(name) };
        make_private(&beside.root, false).map_err(|error| io_error(error, &beside.root))?;
        make_private(&beside.store(), false).map_err(|error| io_error(error, &beside.root))?;
        Ok(beside)
    }

    /// Folders inside whose names begin so, as far as they can be listed.
    pub(super) fn named(&self, start: &str) -> Vec<Self> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| {
            let name = entry.file_name();
            name.to_string_lossy().starts_with(start) && entry.file_type().is_ok_and(|found| found.is_dir())
        });
        folders.map(|entry| Self { root: entry.path() }).collect()
    }

    /// Removes the folder, as far as it can be removed.
    pub(super) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.root);
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.root.join("store.lock")
    }

    /// The store: a folder, so that database and log move together.
    pub(super) fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// The database inside a store.
    pub(super) fn database(store: &Path) -> PathBuf {
        store.join("data.db")
    }

    /// SQLite's log beside a database.
    pub(super) fn log(database: &Path) -> PathBuf {
        database.with_extension("db-wal")
    }

    /// An empty folder for a new store. What an interrupted creation left holds nothing that anyone was promised.
    pub(super) fn nursery(&self) -> Result<PathBuf, Error> {
        let path = self.root.join("store.new");
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(error, &path)),
            _ => {}
        }
        make_private(&path, false).map_err(|error| io_error(error, &path))?;
        Ok(path)
    }

    /// Moves a finished, closed store in.
    pub(super) fn move_in(&self, nursery: &Path) -> Result<(), Error> {
        let store = self.store();
        let moved = File::open(Self::database(nursery))
            .and_then(|file| file.sync_all())
            .and_then(|()| sync_folder(nursery))
            .and_then(|()| fs::rename(nursery, &store))
            .and_then(|()| sync_folder(&self.root));
        moved.map_err(|error| io_error(error, &store))
    }

    /// The note of a store that was moved out and of which nobody was told yet.
    fn untold(&self) -> PathBuf {
        self.root.join("store.untold")
    }

    /// A store that an earlier start moved out before it failed.
    pub(super) fn untold_set_aside(&self) -> Option<PathBuf> {
        let number: u32 = fs::read_to_string(self.untold()).ok()?.parse().ok()?;
        Some(self.corrupt(number)).filter(|path| fs::symlink_metadata(path).is_ok())
    }

    /// A new store stands, and its opener is told.
    pub(super) fn told(&self) -> Result<(), Error> {
        let note = self.untold();
        match fs::remove_file(&note) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(error, &note)),
            _ => Ok(()),
        }
    }

    fn corrupt(&self, n: u32) -> PathBuf {
        self.root.join(format!("store.corrupt-{n}"))
    }

    /// Stores that were moved out, the last one first.
    pub(super) fn all_set_aside(&self) -> Vec<PathBuf> {
        let start = "store.corrupt-";
        let names = fs::read_dir(&self.root).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let number = |name: std::ffi::OsString| name.to_str()?.strip_prefix(start)?.parse::<u32>().ok();
        let mut numbers: Vec<u32> = names.filter_map(number).collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.into_iter().map(|number| self.corrupt(number)).collect()
    }

    /// Moves a store that was moved out in again, where none is.
    pub(super) fn take_back(&self, set_aside: &Path) -> Result<(), Error> {
        let store = self.store();
        let moved = fs::rename(set_aside, &store).and_then(|()| sync_folder(&self.root));
        moved.map_err(|error| io_error(error, &store))
    }

    /// Moves the store out, to a name that nothing has, and says which.
    pub(super) fn set_aside(&self) -> Result<PathBuf, Error> {
        let store = self.store();
        for n in 1..=u32::MAX {
            let to = self.corrupt(n);
            match fs::symlink_metadata(&to) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // The note first: a store that is gone without one would be gone in silence.
                    let moved = File::create(self.untold())
                        .and_then(|mut note| note.write_all(n.to_string().as_bytes()).map(|()| note))
                        .and_then(|note| note.sync_all())
                        .and_then(|()| sync_folder(&self.root))
                        .and_then(|()| fs::rename(&store, &to))
                        .and_then(|()| sync_folder(&self.root));
                    return moved.map(|()| to).map_err(|error| io_error(error, &store));
                }
                Err(error) => return Err(io_error(error, &to)),
            }
        }
        Err(Error::new(Code::StoreFailure).with_detail(Detail::Path(store)))
    }
}

/// The code of a file operation's failure.
pub(super) fn io_error(error: io::Error, path: &Path) -> Error {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::StoreFailure,
    };
    Error::new(code).with_detail(Detail::Path(path.to_owned())).caused_by(error)
}

/// A folder for its owner alone.
fn make_private(path: &Path, parents: bool) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(parents);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A name is durable when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
