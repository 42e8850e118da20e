//! The cache of `BANKKEY` statements, and the epochs seen (sections 8.1 and 11).

use alloc::vec::Vec;

use ushield_protocol::bank_key::{BankKey, Purpose};
use ushield_protocol::code::Code;
use ushield_protocol::key::{Hash, P256Verifier, ShortKeyId, sha256};
use ushield_protocol::refusal::Refusal;

use super::{Kind, Vault, small};
use crate::hal::Board;
use crate::store::{Entry, StoreFault, value};

/// Statements kept. Those with a current purpose are at most 13, one for each purpose, and are never dropped.
const CACHE: usize = 24;

/// An epoch as seen: its number, and the statement's hash.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Epoch {
    number: u32,
    statement: Hash,
}

impl<B: Board> Vault<B> {
    fn epoch(&self, purpose: Purpose) -> Result<Option<Epoch>, StoreFault> {
        let Some(entry) = self.find(Kind::Epoch, &small(purpose.number())) else { return Ok(None) };
        let number = u32::from_be_bytes(self.part(&entry, 0)?);
        Ok(Some(Epoch { number, statement: Hash::from(self.part::<32>(&entry, 4)?) }))
    }

    /// Takes a statement for the purposes whose epoch does not fall.
    pub(crate) fn take_bank_key(&mut self, statement: &[u8]) -> Result<Result<(), Refusal>, StoreFault> {
        let key = match BankKey::verify(statement, &self.me.bank, &self.me.root, &P256Verifier) {
            Ok(key) => key,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let payload = key.encode();
        let epoch = Epoch { number: key.epoch, statement: sha256(&[&payload]) };
        let (mut raised, mut taken) = (Vec::new(), false);
        for purpose in &key.purposes {
            match self.epoch(*purpose)? {
                Some(seen) if seen == epoch => taken = true,
                Some(seen) if seen.number >= epoch.number => {}
                _ => raised.push(*purpose),
            }
        }
        if !taken && raised.is_empty() {
            return Ok(Err(Code::EpochFallen.into()));
        }
        // The cache last: until it is there the key is unknown, and the phone delivers the statement again.
        if raised.iter().any(|purpose| *purpose != Purpose::RECEIPT) && self.floor()? != key.not_before {
            self.set_floor(key.not_before)?;
        }
        for purpose in raised {
            let value: [&[u8]; 2] = [&epoch.number.to_be_bytes(), epoch.statement.as_bytes()];
            self.put(Kind::Epoch, &small(purpose.number()), &value)?;
        }
        let at = cache_key(&key.key_id(), &epoch.statement);
        if self.find(Kind::BankKey, &at).is_none() {
            self.make_room_for_bank_key()?;
            self.put(Kind::BankKey, &at, &[&payload])?;
        }
        Ok(Ok(()))
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
        let mut current = Vec::new();
        for purpose in &key.purposes {
            if self.epoch(*purpose)? == Some(epoch) {
                current.push(*purpose);
            }
        }
        key.purposes = current;
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
