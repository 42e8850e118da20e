//! Everything durable: who the token is, its keys, phones, PIN, bank keys, and what it has decided.
//!
//! Every method leaves the flash so that a power cut at any word within it loses nothing that was released, and brings
//! nothing back.

mod answers;
mod bank_keys;
mod decision;
mod epochs;
mod identity;
mod keys;
mod phones;
mod pin;
mod record;

use alloc::vec::Vec;

pub(crate) use answers::{AnswerClass, Room, is_past};
pub(crate) use decision::Subject;
pub(crate) use identity::Identity;
pub use identity::{Personalisation, personalise};
pub(crate) use phones::{MAX_PHONES, PAIRING_TRIES, Phone};
pub(crate) use pin::{Comparison, PinState};
use ushield_protocol::secret::Secret;
use zeroize::{Zeroize, Zeroizing};

use crate::hal::{Board, EntropyFault};
use crate::store::{Entry, Log, StoreFault};

/// What a record is. Numbers never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Identity,
    Secrets,
    MakerChain,
    Pin,
    Tries,
    PairingTries,
    Phone,
    BankKey,
    Epochs,
    Floor,
    Certificate,
    PendingKey,
    Intent,
    Answer,
    Tombstone,
}

impl Kind {
    const fn number(self) -> u8 {
        match self {
            Self::Identity => 1,
            Self::Secrets => 2,
            Self::MakerChain => 3,
            Self::Pin => 4,
            Self::Tries => 5,
            Self::PairingTries => 6,
            Self::Phone => 7,
            Self::BankKey => 8,
            Self::Epochs => 9,
            Self::Floor => 10,
            Self::Certificate => 11,
            Self::PendingKey => 12,
            Self::Intent => 13,
            Self::Answer => 14,
            Self::Tombstone => 15,
        }
    }
}

/// The board and what is stored on it.
pub(crate) struct Vault<B> {
    pub(crate) board: B,
    log: Log,
    pub(crate) me: Identity,
}

impl<B: Board> Vault<B> {
    /// Opens what [`personalise`] wrote, and finishes what a power cut interrupted.
    pub(crate) fn open(mut board: B) -> Result<Self, StoreFault> {
        let log = Log::open(&mut board)?;
        let me = Identity::load(&log, &board)?;
        let mut vault = Self { board, log, me };
        vault.finish_interrupted()?;
        vault.finish_caching()?;
        Ok(vault)
    }

    /// Random bytes.
    pub(crate) fn random<const N: usize>(&mut self) -> Result<[u8; N], EntropyFault> {
        let mut bytes = [0; N];
        self.board.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Random bytes that nobody shall read: the seed of a handshake, the secret of a code.
    pub(crate) fn random_secret<const N: usize>(&mut self) -> Result<Secret<N>, EntropyFault> {
        let mut bytes = self.random()?;
        let secret = Secret::new(bytes);
        bytes.zeroize();
        Ok(secret)
    }

    fn get(&self, kind: Kind, key: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.log.get(&self.board, kind.number(), key)
    }

    fn find(&self, kind: Kind, key: &[u8]) -> Option<Entry> {
        self.log.find(&self.board, kind.number(), key)
    }

    fn all(&self, kind: Kind) -> impl Iterator<Item = Entry> {
        self.log.all(&self.board, kind.number())
    }

    fn count(&self, kind: Kind) -> usize {
        self.all(kind).count()
    }

    /// A part of a value that must be that long.
    fn part<const N: usize>(&self, entry: &Entry, from: usize) -> Result<[u8; N], StoreFault> {
        let mut bytes = [0; N];
        if entry.len().saturating_sub(from) < N {
            return Err(StoreFault::Corrupt);
        }
        entry.read(&self.board, from, &mut bytes);
        Ok(bytes)
    }

    fn put(&mut self, kind: Kind, key: &[u8], value: &[&[u8]]) -> Result<(), StoreFault> {
        self.log.put(&mut self.board, kind.number(), key, value)
    }

    fn delete(&mut self, kind: Kind, key: &[u8]) -> Result<(), StoreFault> {
        self.log.delete(&mut self.board, kind.number(), key)
    }
}

/// A small number as a key of whole words.
const fn small(number: u8) -> [u8; 4] {
    [number, 0, 0, 0]
}
