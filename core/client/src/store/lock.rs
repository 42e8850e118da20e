//! One client on a store at a time.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

use fs4::{FileExt, TryLockError};
use ushield_protocol::code::Code;

use super::folder::io_error;
use crate::error::{Detail, Error, Holder};

/// Longest name of a program that is written and believed.
const MAX_PROGRAM: usize = 64;

/// The lock of a store: the operating system takes it back when this process ends, however it ends.
pub(super) struct Lock(#[expect(dead_code, reason = "held, not used")] File);

impl Lock {
    /// Takes the lock and leaves a note saying who has it.
    pub(super) fn take(path: &Path, program: &str) -> Result<Self, Error> {
        let failed = |error| io_error(error, path);
        // Never deleted: a deleted lock file lets two clients lock two files of one name.
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        match FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let error = Error::new(Code::StoreLocked);
                return Err(match holder(&mut file) {
                    Some(holder) => error.with_detail(Detail::Holder(holder)),
                    None => error,
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let program: String = program.chars().filter(|c| !c.is_control()).take(MAX_PROGRAM).collect();
        file.set_len(0).map_err(failed)?;
        file.write_all(format!("{} {program}\n", std::process::id()).as_bytes()).map_err(failed)?;
        Ok(Self(file))
    }
}

/// Who wrote the note. Another program may have written anything there.
fn holder(file: &mut File) -> Option<Holder> {
    let mut note = String::new();
    file.rewind().ok()?;
    file.take(256).read_to_string(&mut note).ok()?;
    let (pid, program) = note.strip_suffix('\n')?.split_once(' ')?;
    let plain = !program.is_empty() && !program.chars().any(char::is_control);
    let fits = plain && program.chars().count() <= MAX_PROGRAM;
    fits.then_some(Holder { pid: pid.parse().ok()?, program: program.to_owned() })
}
