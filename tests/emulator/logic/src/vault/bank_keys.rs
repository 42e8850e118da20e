//! The cache of `BANKKEY` statements, and the epochs seen (sections 8.1 and 11).

use alloc::vec::Vec;

use ushield_protocol::bank_key::{BankKey, Purpose};
use ushield_protocol::code::Code;
use ushield_protocol::key::{Hash, P256Verifier, ShortKeyId, sha256};
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::refusal::Refusal;

use super::epochs::Epoch;
use super::{Kind, Vault};
use crate::hal::Board;
use crate::store::{Entry, StoreFault, value};

/// Statements kept. Those with a current purpose are at most 13, one for each purpose, and are never dropped.
const CACHE: usize = 24;

/// Purposes whose operation this token implements: only with these does a statement say from when orders may be.
const IMPLEMENTED: [Purpose; 2] = [Purpose::TRANSFER, Purpose::CERTIFICATE_DOWNLOAD];

impl<B: Board> Vault<B> {
    /// Takes a statement for the purposes whose epoch does not fall.
    pub(crate) fn take_bank_key(&mut self, statement: &[u8]) -> Result<Result<(), Refusal>, StoreFault> {
        let key = match BankKey::verify(statement, &self.me.bank, &self.me.root, &P256Verifier) {
            Ok(key) => key,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let payload = key.encode();
        let epoch = Epoch { number: key.epoch, statement: sha256(&[&payload]) };
        let seen = self.epochs()?;
        let (mut raised, mut taken, mut fallen) = (Vec::new(), false, false);
        for purpose in &key.purposes {
            match seen.of(*purpose) {
                Some(seen) if seen == epoch => taken = true,
                Some(seen) if seen.number >= epoch.number && !planted::on(Bug::EpochFalls) => fallen = true,
                _ => raised.push(*purpose),
            }
        }
        if !taken && raised.is_empty() {
            return Ok(Err(Code::EpochFallen.into()));
        }
        if !raised.is_empty() {
            // One of its purposes has moved on: the statement is old, and so is its not-before.
            let moves = !fallen && raised.iter().any(|purpose| IMPLEMENTED.contains(purpose));
            self.raise_epochs(&raised, epoch, moves.then_some(key.not_before), &payload)?;
        }
        self.cache(&key, &payload)?;
        Ok(Ok(()))
    }

    fn cache(&mut self, key: &BankKey, payload: &[u8]) -> Result<(), StoreFault> {
        let at = cache_key(&key.key_id(), &sha256(&[payload]));
        if self.find(Kind::BankKey, &at).is_none() {
            self.make_room_for_bank_key()?;
            self.put(Kind::BankKey, &at, &[payload])?;
        }
        Ok(())
    }

    /// Puts the statement whose epochs were taken last into the cache, if a power cut came between.
    pub(super) fn finish_caching(&mut self) -> Result<(), StoreFault> {
        let payload = self.epochs()?.last;
        if payload.is_empty() {
            return Ok(());
        }
        let key = BankKey::decode(&payload).map_err(|_| StoreFault::Corrupt)?;
        self.cache(&key, &payload)
    }

    fn make_room_for_bank_key(&mut self) -> Result<(), StoreFault> {
        if self.count(Kind::BankKey) < CACHE {
            return Ok(());
        }
        let mut oldest = None;
        for entry in self.all(Kind::BankKey) {
            if self.read_bank_key(&entry)?.purposes.is_empty() {
                oldest = Some(entry.key(&self.board));
                break;
            }
        }
        match oldest {
            Some(key) => self.delete(Kind::BankKey, &key),
            None => Ok(()),
        }
    }

    /// A cached statement, with those of its purposes for which no higher epoch was seen.
    fn read_bank_key(&self, entry: &Entry) -> Result<BankKey, StoreFault> {
        let payload = value(&self.board, entry);
        let mut key = BankKey::decode(&payload).map_err(|_| StoreFault::Corrupt)?;
        let epoch = Epoch { number: key.epoch, statement: sha256(&[&payload]) };
        let seen = self.epochs()?;
        key.purposes.retain(|purpose| seen.of(*purpose) == Some(epoch));
        Ok(key)
    }

    /// The statements over a key, the one taken last first.
    pub(crate) fn bank_keys(&self, id: &ShortKeyId) -> Result<Vec<BankKey>, StoreFault> {
        let mut keys = Vec::new();
        for entry in self.all(Kind::BankKey) {
            if entry.key(&self.board).starts_with(id.as_bytes()) {
                keys.push(self.read_bank_key(&entry)?);
            }
        }
        keys.reverse();
        Ok(keys)
    }
}

/// Key id and statement: the same key may be stated more than once.
fn cache_key(id: &ShortKeyId, statement: &Hash) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(id.as_bytes().iter().chain(statement.as_bytes())) {
        *to = *from;
    }
    bytes
}
