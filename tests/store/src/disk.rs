//! What is on a disk when the power goes: everything that was synced, and of the rest whatever it likes.
//!
//! The model: a sector of 512 bytes is written whole or not at all; unsynced sectors, lengths and names reach the disk in any order or never;
//! where a file has grown, a sector that never came may hold zeros or garbage.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::rng::Rng;
use crate::vfs::Op;

const SECTOR: usize = 512;

/// Files by name, as the next start finds them.
pub type Image = BTreeMap<String, Vec<u8>>;

/// What happens to what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// None of it is there.
    All,
    /// All of it is there.
    Nothing,
    /// What came first is there, the rest is not; the one in between is torn.
    Tail,
    /// So many of a hundred sectors are there.
    Some(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Lost,
    Garbage,
}

/// A disk with a cache that forgets.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: Vec<File>,
    handles: BTreeMap<u64, usize>,
    now: BTreeMap<String, usize>,
    synced: BTreeMap<String, usize>,
    names: Vec<(usize, Naming)>,
    clock: usize,
}

#[derive(Clone, Debug, Default)]
struct File {
    synced: Vec<u8>,
    pending: Vec<(usize, Change)>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    Truncate { length: usize },
}

#[derive(Clone, Debug)]
enum Naming {
    Made { path: String, file: usize },
    Removed { path: String },
    Moved { from: String, to: String },
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Naming::Made { path, file } => drop(names.insert(path.clone(), *file)),
            Naming::Removed { path } => drop(names.remove(path)),
            Naming::Moved { from, to } => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}

impl Disk {
    /// A disk that holds these files, all synced.
    #[must_use]
    pub fn holding(image: &Image) -> Self {
        let mut disk = Self::default();
        for (path, bytes) in image {
            disk.synced.insert(path.clone(), disk.files.len());
            disk.files.push(File { synced: bytes.clone(), pending: Vec::new() });
        }
        disk.now = disk.synced.clone();
        disk
    }

    /// Goes on by one operation.
    ///
    /// # Panics
    /// When the record is not whole.
    pub fn apply(&mut self, op: &Op) {
        self.clock += 1;
        match op {
            Op::Open { path, handle, created } => {
                if !created && !self.now.contains_key(path) {
                    self.moved_in(path);
                }
                let known = self.now.get(path).copied().filter(|_| !created);
                let file = known.unwrap_or_else(|| {
                    assert!(*created, "{path} comes from nowhere");
                    self.files.push(File::default());
                    self.rename(Naming::Made { path: path.clone(), file: self.files.len() - 1 });
                    self.files.len() - 1
                });
                self.handles.insert(*handle, file);
            }
            Op::Write { handle, offset, data } => {
                self.change(*handle, Change::Write { offset: *offset, data: data.clone() });
            }
            Op::Truncate { handle, length } => self.change(*handle, Change::Truncate { length: *length }),
            Op::Sync { handle, folder, .. } => {
                let file = &mut self.files[self.handles[handle]];
                for (_, change) in std::mem::take(&mut file.pending) {
                    change.apply(&mut file.synced, &mut |_, _| Fate::Kept);
                }
                if *folder {
                    self.sync_folders();
                }
            }
            Op::Delete { path, synced } => {
                self.rename(Naming::Removed { path: path.clone() });
                if *synced {
                    self.sync_folders();
                }
            }
            Op::Note(_) => {}
        }
    }

    fn change(&mut self, handle: u64, change: Change) {
        let file = &mut self.files[self.handles[&handle]];
        file.pending.push((self.clock, change));
    }

    fn rename(&mut self, naming: Naming) {
        naming.apply(&mut self.now);
        self.names.push((self.clock, naming));
    }

    fn sync_folders(&mut self) {
        for (_, naming) in self.names.drain(..) {
            naming.apply(&mut self.synced);
        }
    }

    /// A new store is moved in by the folder's code, past SQLite: nursery synced, renamed, root synced. Its sync of the file
    /// itself is left out on purpose: SQLite has to have done it.
    fn moved_in(&mut self, path: &str) {
        let from = path.replacen("store/", "store.new/", 1);
        assert!(self.now.contains_key(&from), "{path} comes from nowhere");
        self.sync_folders();
        self.rename(Naming::Moved { from, to: path.to_owned() });
        self.sync_folders();
    }

    /// Whether nothing would be lost.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.names.is_empty() && self.files.iter().all(|file| file.pending.is_empty())
    }

    /// What the next start finds.
    #[must_use]
    pub fn crash(&self, loss: Loss, rng: &mut Rng) -> Image {
        let first = self.files.iter().flat_map(|file| &file.pending).map(|(at, _)| *at).min();
        let first = first.unwrap_or(self.clock);
        let torn = first + rng.below(self.clock - first + 1);
        let mut fate = |at: usize, grown: bool| {
            let kept = match loss {
                Loss::All => false,
                Loss::Nothing => true,
                Loss::Tail => at < torn || (at == torn && rng.percent(50)),
                Loss::Some(percent) => rng.percent(percent),
            };
            match (kept, loss) {
                (true, _) => Fate::Kept,
                (false, Loss::Some(_)) if grown && rng.percent(20) => Fate::Garbage,
                _ => Fate::Lost,
            }
        };
        let mut names = self.synced.clone();
        for (at, naming) in &self.names {
            if fate(*at, false) == Fate::Kept {
                naming.apply(&mut names);
            }
        }
        let mut image = Image::new();
        for (path, file) in names {
            let file = &self.files[file];
            let (mut bytes, before) = (file.synced.clone(), file.synced.len());
            for (at, change) in &file.pending {
                change.apply(&mut bytes, &mut |offset, _| fate(*at, offset >= before));
            }
            image.insert(path, bytes);
        }
        image
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, fate: &mut dyn FnMut(usize, usize) -> Fate) {
        match self {
            Change::Truncate { length } => {
                if fate(0, *length) == Fate::Kept {
                    bytes.resize(*length, 0);
                }
            }
            Change::Write { offset, data } => {
                let (mut at, end) = (*offset, offset + data.len());
                while at < end {
                    let next = ((at / SECTOR + 1) * SECTOR).min(end);
                    let piece = &data[at - offset..next - offset];
                    let fate = fate(at, next - at);
                    if fate != Fate::Lost {
                        if bytes.len() < next {
                            bytes.resize(next, 0);
                        }
                        match fate {
                            Fate::Kept => bytes[at..next].copy_from_slice(piece),
                            _ => bytes[at..next].fill(0xa5),
                        }
                    }
                    at = next;
                }
            }
        }
    }
}

/// Lays an image out below a folder that has nothing of it yet.
pub fn lay_out(image: &Image, root: &Path) {
    for (path, bytes) in image {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
