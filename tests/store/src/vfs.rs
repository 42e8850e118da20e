//! A VFS of SQLite that writes down what happens to files, in order, and lets the system's own do it. Only syncs are not passed on:
//! what would have been lost is computed ([`crate::disk`]), not waited for.
//!
//! The only module with unsafe code: SQLite calls it through C. Each thread has its own record.
#![allow(unsafe_code, reason = "an interface of C")]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::path::Path;
use std::ptr;
use std::sync::Once;

use rusqlite::ffi::{
    self, SQLITE_OK, SQLITE_OPEN_MAIN_JOURNAL, SQLITE_OPEN_WAL, sqlite3_file, sqlite3_filename,
    sqlite3_int64, sqlite3_io_methods, sqlite3_vfs,
};

/// What happened to a file. Paths are relative to the folder that is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A name was opened; it was made if it was not there.
    Open {
        /// The name.
        path: String,
        /// The handle, different for each opening.
        handle: u64,
        /// Whether it was not there.
        created: bool,
    },
    /// Bytes were written.
    Write {
        /// The handle.
        handle: u64,
        /// Where.
        offset: usize,
        /// What.
        data: Vec<u8>,
    },
    /// The file was cut or grown.
    Truncate {
        /// The handle.
        handle: u64,
        /// To this length.
        length: usize,
    },
    /// The file is on the disk when this returns.
    Sync {
        /// The handle.
        handle: u64,
        /// Whether past the disk's own cache too (`F_FULLFSYNC`).
        full: bool,
        /// Whether its folder is on the disk as well: the system's VFS does that at the first sync of a new log or journal.
        folder: bool,
    },
    /// A name was removed.
    Delete {
        /// The name.
        path: String,
        /// Whether the folder was synced after it.
        synced: bool,
    },
    /// A note of the test.
    Note(Note),
}

/// What the user of the store knows at this place of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The store stands: [`SqliteStore::open`](ushield_client::store::SqliteStore::open) returned.
    Opened,
    /// The commit of this number is asked for.
    Begin(usize),
    /// It was acknowledged.
    Acknowledged(usize),
}

struct Record {
    root: String,
    ops: Vec<Op>,
    handles: u64,
}

thread_local! {
    static RECORD: RefCell<Option<Record>> = const { RefCell::new(None) };
}

/// Makes this VFS the one that every connection of the process uses from now on.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(register);
}

/// Records what this thread does below `root`, until [`stop`].
///
/// # Panics
/// When something is being recorded already.
pub fn start(root: &Path) {
    let record = Record { root: format!("{}/", root.to_str().unwrap()), ops: Vec::new(), handles: 0 };
    let before = RECORD.replace(Some(record));
    assert!(before.is_none(), "two records at once");
}

/// Ends the record.
///
/// # Panics
/// When nothing is being recorded.
#[must_use]
pub fn stop() -> Vec<Op> {
    RECORD.take().expect("something is recorded").ops
}

/// Writes a note into the record, if there is one.
pub fn note(note: Note) {
    push(Op::Note(note));
}

fn push(op: Op) {
    RECORD.with_borrow_mut(|record| {
        if let Some(record) = record {
            record.ops.push(op);
        }
    });
}

fn relative(path: &str) -> Option<String> {
    RECORD.with_borrow(|record| path.strip_prefix(&record.as_ref()?.root).map(str::to_owned))
}

fn next_handle() -> u64 {
    RECORD.with_borrow_mut(|record| {
        record.as_mut().map_or(0, |record| {
            record.handles += 1;
            record.handles
        })
    })
}

/// An open file: ours in front, the system's right behind it in the same allocation of SQLite.
#[repr(C)]
struct File {
    base: sqlite3_file,
    /// Zero: not recorded.
    handle: u64,
    /// Whether the next sync takes the folder along.
    syncs_folder: bool,
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    // No shared memory, no mapping: the store must not need them, and nothing can go past the record.
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

fn register() {
    // SAFETY: a null name asks for the default VFS, which lives as long as the process.
    let system = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    assert!(!system.is_null(), "SQLite has no VFS");
    // SAFETY: not null, and SQLite's VFS objects are valid, initialised structures.
    let mut ours = unsafe { *system };
    let in_front = c_int::try_from(size_of::<File>()).unwrap();
    // What is not replaced is called with our object and does not look at the system's own data in it.
    ours.szOsFile += in_front;
    ours.pNext = ptr::null_mut();
    ours.zName = c"recording".as_ptr();
    ours.pAppData = system.cast();
    ours.xOpen = Some(open);
    ours.xDelete = Some(delete);
    let ours = Box::leak(Box::new(ours));
    // SAFETY: the object is complete and never freed.
    let registered = unsafe { ffi::sqlite3_vfs_register(ours, 1) };
    assert_eq!(registered, SQLITE_OK);
}

/// The system's VFS behind ours.
///
/// # Safety
/// `vfs` is the object that `register` made.
unsafe fn system(vfs: *mut sqlite3_vfs) -> *mut sqlite3_vfs {
    // SAFETY: the caller's promise; `register` put the system's VFS there.
    unsafe { (*vfs).pAppData.cast() }
}

/// The system's file behind ours.
///
/// # Safety
/// `file` is memory of `szOsFile` bytes of our VFS.
unsafe fn behind(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: `szOsFile` has room for `File` and the system's file after it; `File`'s size is a multiple of its alignment, 8.
    unsafe { file.cast::<u8>().add(size_of::<File>()).cast() }
}

/// The methods of the system's file behind ours.
///
/// # Safety
/// `file` was opened by `open`.
unsafe fn methods(file: *mut sqlite3_file) -> &'static sqlite3_io_methods {
    // SAFETY: after a successful opening the methods are set, and they are static in SQLite.
    unsafe { &*(*behind(file)).pMethods }
}

/// What we keep of a file.
///
/// # Safety
/// `file` was opened by `open`, and nobody else uses it during the call.
unsafe fn ours<'a>(file: *mut sqlite3_file) -> &'a mut File {
    // SAFETY: `open` wrote a `File` there; SQLite uses a file of a connection from one thread at a time.
    unsafe { &mut *file.cast::<File>() }
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let path = if name.is_null() {
        None
    } else {
        // SAFETY: SQLite's names end with a zero and outlive the file.
        unsafe { CStr::from_ptr(name) }.to_str().ok()
    };
    let created = path.is_some_and(|path| !Path::new(path).exists());
    // SAFETY: `vfs` is ours, so there is the system's; `file` has room for both.
    let opened = unsafe {
        let system = system(vfs);
        (*system).xOpen.unwrap()(system, name, behind(file), flags, out)
    };
    let recorded = path.filter(|_| opened == SQLITE_OK).and_then(relative);
    let handle = recorded.as_ref().map_or(0, |_| next_handle());
    let is_log = flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL) != 0;
    // Null methods tell SQLite that there is nothing to close.
    let methods = if opened == SQLITE_OK { &raw const METHODS } else { ptr::null() };
    let base = sqlite3_file { pMethods: methods };
    // SAFETY: `file` has room for a `File`, and is aligned for it as SQLite's allocations are.
    unsafe { file.cast::<File>().write(File { base, handle, syncs_folder: created && is_log }) };
    if let Some(path) = recorded {
        push(Op::Open { path, handle, created });
    }
    opened
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: `vfs` is ours. The folder is not synced in earnest.
    let deleted = unsafe {
        let system = system(vfs);
        (*system).xDelete.unwrap()(system, name, 0)
    };
    // SAFETY: SQLite's names end with a zero.
    let path = unsafe { CStr::from_ptr(name) }.to_str().ok().and_then(relative);
    if let (SQLITE_OK, Some(path)) = (deleted, path) {
        push(Op::Delete { path, synced: sync_folder != 0 });
    }
    deleted
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite calls methods with files that `open` opened.
    unsafe { methods(file).xClose.unwrap()(behind(file)) }
}

unsafe extern "C" fn read(file: *mut sqlite3_file, to: *mut c_void, n: c_int, at: sqlite3_int64) -> c_int {
    // SAFETY: as `close`; SQLite's buffer has `n` bytes.
    unsafe { methods(file).xRead.unwrap()(behind(file), to, n, at) }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    n: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: as `close`; SQLite's buffer has `n` bytes.
    let (written, handle, data) = unsafe {
        let written = methods(file).xWrite.unwrap()(behind(file), from, n, at);
        let data = std::slice::from_raw_parts(from.cast::<u8>(), usize::try_from(n).unwrap());
        (written, ours(file).handle, data)
    };
    if written == SQLITE_OK && handle != 0 {
        push(Op::Write { handle, offset: usize::try_from(at).unwrap(), data: data.to_vec() });
    }
    written
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, length: sqlite3_int64) -> c_int {
    // SAFETY: as `close`.
    let (cut, handle) =
        unsafe { (methods(file).xTruncate.unwrap()(behind(file), length), ours(file).handle) };
    if cut == SQLITE_OK && handle != 0 {
        push(Op::Truncate { handle, length: usize::try_from(length).unwrap() });
    }
    cut
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: as `close`.
    let ours = unsafe { ours(file) };
    if ours.handle != 0 {
        let full = flags & ffi::SQLITE_SYNC_FULL == ffi::SQLITE_SYNC_FULL;
        push(Op::Sync { handle: ours.handle, full, folder: ours.syncs_folder });
    }
    ours.syncs_folder = false;
    SQLITE_OK
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, out: *mut sqlite3_int64) -> c_int {
    // SAFETY: as `close`; `out` is SQLite's.
    unsafe { methods(file).xFileSize.unwrap()(behind(file), out) }
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: as `close`.
    unsafe { methods(file).xLock.unwrap()(behind(file), level) }
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: as `close`.
    unsafe { methods(file).xUnlock.unwrap()(behind(file), level) }
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: as `close`; `out` is SQLite's.
    unsafe { methods(file).xCheckReservedLock.unwrap()(behind(file), out) }
}

unsafe extern "C" fn file_control(file: *mut sqlite3_file, op: c_int, argument: *mut c_void) -> c_int {
    // SAFETY: as `close`; what the argument is, `op` says, and the system's file knows.
    unsafe { methods(file).xFileControl.unwrap()(behind(file), op, argument) }
}

unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    // SAFETY: as `close`.
    unsafe { methods(file).xSectorSize.unwrap()(behind(file)) }
}

unsafe extern "C" fn device_characteristics(file: *mut sqlite3_file) -> c_int {
    // SAFETY: as `close`.
    unsafe { methods(file).xDeviceCharacteristics.unwrap()(behind(file)) }
}
