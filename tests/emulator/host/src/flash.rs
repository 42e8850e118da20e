//! Where the token's flash memory lives: a file that is written through, or the memory of a test.

use std::{
    fs::File,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use zeroize::Zeroizing;

use crate::state::StateFolder;

/// Bytes in an erasable page.
pub const PAGE: usize = 4096;
/// Pages of the software token's flash.
pub const PAGES: usize = 64;
/// Bytes of the whole flash.
pub const SIZE: usize = PAGE * PAGES;
/// What an erased byte reads as.
pub const ERASED: u8 = 0xff;

/// Why the flash did not do as told.
#[derive(Debug, thiserror::Error)]
pub enum FlashError {
    /// The address is outside, or not that of a word.
    #[error("flash address {0:#x} is outside or not aligned to a word")]
    Address(usize),
    /// A word that is not erased cannot take that value: bits only go from 1 to 0.
    #[error("the word at {0:#x} is programmed already")]
    Programmed(usize),
    /// The file did not take the write.
    #[error("flash file: {0}")]
    File(#[from] io::Error),
}

/// NOR flash, word by word. The image in memory is what the token reads; a file, if there is one, gets every change
/// before the call returns, so that a killed process or a power cut loses no change that the token went on from.
#[derive(Debug)]
pub struct Memory {
    image: Image,
    file: Option<File>,
    /// Held for as long as the flash can be written.
    _folder: Option<StateFolder>,
}

/// A flash image that outlives the token: a test can stop a token and start another one on the same flash.
#[derive(Clone)]
pub struct Image(Arc<Mutex<Zeroizing<Vec<u8>>>>);

impl Image {
    /// An erased flash.
    #[must_use]
    pub fn erased() -> Self {
        Self::from_bytes(Zeroizing::new(vec![ERASED; SIZE]))
    }

    fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(Arc::new(Mutex::new(bytes)))
    }

    /// A copy of the bytes as they are now, as a power cut would leave them.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        Self::from_bytes(self.to_bytes())
    }

    /// The bytes, keys included.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.with(|bytes| bytes.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Zeroizing<Vec<u8>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Image(..)")
    }
}

impl Memory {
    /// Flash in memory alone.
    #[must_use]
    pub fn in_memory(image: Image) -> Self {
        Self { image, file: None, _folder: None }
    }

    /// Flash in a file of exactly [`SIZE`] bytes, opened for reading and writing, and the folder that keeps others from it.
    ///
    /// # Errors
    /// The file's; `InvalidData` when its size is another.
    pub fn in_file(file: File, folder: Option<StateFolder>) -> io::Result<Self> {
        if file.metadata()?.len() != u64::try_from(SIZE).unwrap_or(u64::MAX) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = Zeroizing::new(vec![0; SIZE]);
        read_at(&file, &mut bytes)?;
        Ok(Self { image: Image::from_bytes(bytes), file: Some(file), _folder: folder })
    }

    /// Copies bytes out.
    ///
    /// # Errors
    /// [`FlashError::Address`] outside the flash.
    pub fn read(&self, at: usize, into: &mut [u8]) -> Result<(), FlashError> {
        self.image.with(|bytes| {
            let source = at.checked_add(into.len()).and_then(|end| bytes.get(at..end));
            into.copy_from_slice(source.ok_or(FlashError::Address(at))?);
            Ok(())
        })
    }

    /// Programs a word; bits only go from 1 to 0.
    ///
    /// # Errors
    /// [`FlashError`]; then the word is as it was, or the file's state is unknown and the token must stop using it.
    pub fn program(&mut self, at: usize, word: [u8; 4]) -> Result<(), FlashError> {
        if !at.is_multiple_of(4) {
            return Err(FlashError::Address(at));
        }
        let mut old = [0; 4];
        self.read(at, &mut old)?;
        if old.iter().zip(word).any(|(old, new)| new & !old != 0) {
            return Err(FlashError::Programmed(at));
        }
        self.change(at, &word)
    }

    /// Sets a page's bytes to [`ERASED`].
    ///
    /// # Errors
    /// [`FlashError`], as for [`Memory::program`].
    pub fn erase(&mut self, page: usize) -> Result<(), FlashError> {
        let at = page.checked_mul(PAGE).filter(|at| *at < SIZE).ok_or(FlashError::Address(page))?;
        self.change(at, &[ERASED; PAGE])
    }

    /// The file first: what the token reads is never ahead of what survives.
    fn change(&mut self, at: usize, bytes: &[u8]) -> Result<(), FlashError> {
        if let Some(file) = &self.file {
            write_at(file, bytes, at)?;
            file.sync_data()?;
        }
        self.image.with(|image| {
            let target = at.checked_add(bytes.len()).and_then(|end| image.get_mut(at..end));
            target.ok_or(FlashError::Address(at))?.copy_from_slice(bytes);
            Ok(())
        })
    }
}

/// An aligned word lies within one sector, so that it is written whole or not at all.
#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: usize) -> io::Result<()> {
    let at = u64::try_from(at).map_err(|_| io::ErrorKind::InvalidInput)?;
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, 0)
}

#[cfg(not(unix))]
fn write_at(mut file: &File, bytes: &[u8], at: usize) -> io::Result<()> {
    use io::{Seek, Write};
    let at = u64::try_from(at).map_err(|_| io::ErrorKind::InvalidInput)?;
    file.seek(io::SeekFrom::Start(at))?;
    file.write_all(bytes)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, into: &mut [u8]) -> io::Result<()> {
    use io::{Read, Seek};
    file.seek(io::SeekFrom::Start(0))?;
    file.read_exact(into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_of(size: u64) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("flash");
        std::fs::write(&path, vec![ERASED; usize::try_from(size).unwrap()]).unwrap();
        (dir, path)
    }

    fn open(path: &std::path::Path) -> io::Result<Memory> {
        Memory::in_file(File::options().read(true).write(true).open(path)?, None)
    }

    #[test]
    fn bits_only_fall_until_the_page_is_erased() {
        let mut flash = Memory::in_memory(Image::erased());
        flash.program(8, [1, 2, 3, 4]).unwrap();
        flash.program(8, [1, 0, 3, 4]).unwrap();
        assert!(matches!(flash.program(8, [1, 2, 3, 4]), Err(FlashError::Programmed(8))));
        let mut word = [0; 4];
        flash.read(8, &mut word).unwrap();
        assert_eq!(word, [1, 0, 3, 4]);
        flash.erase(0).unwrap();
        flash.program(8, [1, 2, 3, 4]).unwrap();
    }

    #[test]
    fn addresses_are_checked() {
        let mut flash = Memory::in_memory(Image::erased());
        assert!(matches!(flash.program(2, [0; 4]), Err(FlashError::Address(2))));
        assert!(matches!(flash.program(SIZE, [0; 4]), Err(FlashError::Address(SIZE))));
        assert!(flash.program(usize::MAX - 3, [0; 4]).is_err());
        assert!(matches!(flash.erase(PAGES), Err(FlashError::Address(PAGES))));
        assert!(flash.erase(usize::MAX).is_err());
        assert!(flash.read(SIZE - 1, &mut [0; 2]).is_err());
    }

    #[test]
    fn a_file_has_every_change_at_once() {
        let (_dir, path) = file_of(SIZE.try_into().unwrap());
        let mut flash = open(&path).unwrap();
        flash.program(PAGE, [0, 1, 2, 3]).unwrap();
        flash.program(0, [9; 4]).unwrap();
        flash.erase(0).unwrap();
        let mut expected = vec![ERASED; SIZE];
        expected[PAGE..PAGE + 4].copy_from_slice(&[0, 1, 2, 3]);
        assert!(std::fs::read(&path).unwrap() == expected, "before the flash is dropped");
        let mut word = [0; 4];
        open(&path).unwrap().read(PAGE, &mut word).unwrap();
        assert_eq!(word, [0, 1, 2, 3]);
    }

    #[test]
    fn a_file_of_another_size_is_refused() {
        for size in [0, 1, SIZE.try_into().unwrap_or(0) - 1, SIZE.try_into().unwrap_or(0) + 1] {
            let (_dir, path) = file_of(size);
            assert_eq!(open(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn a_write_that_fails_leaves_what_the_token_reads() {
        let (_dir, path) = file_of(SIZE.try_into().unwrap());
        let mut flash = Memory::in_file(File::open(&path).unwrap(), None).unwrap();
        assert!(matches!(flash.program(0, [0; 4]), Err(FlashError::File(_))));
        let mut word = [0; 4];
        flash.read(0, &mut word).unwrap();
        assert_eq!(word, [ERASED; 4]);
    }

    #[test]
    fn a_snapshot_stays_as_it_was() {
        let image = Image::erased();
        let before = image.snapshot();
        Memory::in_memory(image.clone()).program(0, [0; 4]).unwrap();
        let mut word = [0; 4];
        Memory::in_memory(before).read(0, &mut word).unwrap();
        assert_eq!(word, [ERASED; 4]);
        Memory::in_memory(image).read(0, &mut word).unwrap();
        assert_eq!(word, [0; 4]);
    }
}
