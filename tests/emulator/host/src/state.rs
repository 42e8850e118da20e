//! The token's folder: flash image, public description, and a lock that keeps a second process out.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use crate::{
    device::Device,
    failure::Failure,
    flash::{Image, Memory, SIZE},
};

const FLASH: &str = "token.flash";
const DEVICE: &str = "device.json";
const LOCK: &str = "lock";

/// A folder that this process alone uses until the value is dropped.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    _lock: Lock,
}

impl StateFolder {
    /// Takes the folder, creating it if it is missing.
    ///
    /// # Errors
    /// [`Failure::Locked`] when another process has it.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        create_private_folder(path)?;
        Ok(Self { path: path.to_owned(), _lock: Lock::take(path)? })
    }

    /// Takes the folder of a personalised token.
    ///
    /// # Errors
    /// [`Failure::NotPersonalised`], [`Failure::Locked`].
    pub fn open(path: &Path) -> Result<Self, Failure> {
        if !path.join(FLASH).exists() {
            return Err(Failure::NotPersonalised(path.to_owned()));
        }
        Ok(Self { path: path.to_owned(), _lock: Lock::take(path)? })
    }

    /// Whether there is a token in it.
    #[must_use]
    pub fn is_personalised(&self) -> bool {
        self.path.join(FLASH).exists()
    }

    /// Puts a personalised token into the folder: all of it or nothing, the flash last.
    ///
    /// # Errors
    /// [`Failure::AlreadyPersonalised`]: keys are never overwritten. [`Failure::File`].
    pub fn store(&self, flash: &Image, device: &Device) -> Result<(), Failure> {
        if self.is_personalised() {
            return Err(Failure::AlreadyPersonalised(self.path.clone()));
        }
        write_whole(&self.path.join(DEVICE), &device.to_json()?, false)?;
        write_whole(&self.path.join(FLASH), &flash.to_bytes(), true)
    }

    /// The token's flash, written through to its file. The folder stays taken until the flash is dropped.
    ///
    /// # Errors
    /// [`Failure::Content`] for a file of another size, [`Failure::File`].
    pub fn into_flash(self) -> Result<Memory, Failure> {
        let file = self.path.join(FLASH);
        let opened = OpenOptions::new().read(true).write(true).open(&file);
        opened.and_then(|file| Memory::in_file(file, Some(self))).map_err(|cause| match cause.kind() {
            io::ErrorKind::InvalidData => Failure::Content {
                file,
                problem: format!(
                    "a flash image has {SIZE} bytes; bring the file back from a copy, or personalise a new token"
                ),
            },
            _ => Failure::File { file, action: "open the flash image", cause },
        })
    }

    /// What the maker wrote down about the token.
    ///
    /// # Errors
    /// [`Failure::Content`], [`Failure::File`].
    pub fn device(&self) -> Result<Device, Failure> {
        let file = self.path.join(DEVICE);
        let text =
            fs::read(&file).map_err(|cause| Failure::File { file: file.clone(), action: "read", cause })?;
        serde_json::from_slice(&text).map_err(|error| Failure::Content {
            file,
            problem: format!("not what `personalise` wrote ({error}); bring it back from a copy"),
        })
    }
}

/// An advisory lock on a file beside what it protects. It ends with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "holding it open is what it is for")] File);

impl Lock {
    pub(crate) fn take(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(LOCK);
        let failed = |action| {
            let file = path.clone();
            move |cause| Failure::File { file, action, cause }
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = private(&mut options).open(&path).map_err(failed("open the lock"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder is only told to the person; a lock without a readable name is a lock all the same.
                let _ = (&mut file).take(64).read_to_string(&mut holder);
                let holder = holder.trim();
                let holder = if holder.is_empty() { "another process".to_owned() } else { holder.to_owned() };
                return Err(Failure::Locked { folder: folder.to_owned(), holder });
            }
            Err(TryLockError::Error(cause)) => return Err(failed("lock")(cause)),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "process {}", std::process::id()))
            .map_err(failed("write the lock"))?;
        Ok(Self(file))
    }
}

/// Creates a folder that only its owner can enter.
pub(crate) fn create_private_folder(path: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|cause| Failure::File {
        file: path.to_owned(),
        action: "create the folder",
        cause,
    })
}

/// Writes a file so that it is there whole or not at all, also after a power cut. A secret one is its owner's alone.
///
/// # Errors
/// [`Failure::File`].
pub fn write_whole(path: &Path, bytes: &[u8], secret: bool) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let mut file = if secret { private(&mut options) } else { &mut options }.open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        sync_folder(path)
    };
    write().map_err(|cause| Failure::File { file: path.to_owned(), action: "write", cause })
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// A rename survives a power cut once the folder has been written.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
