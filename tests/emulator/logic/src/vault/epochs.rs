//! The epochs seen, and the floor that they and the decisions set (section 11).
//!
//! One record holds every epoch and the floor at the time: a statement changes them together, whatever the power does.
//! Decisions raise the floor in a record of its own, which counts as long as no statement has come since.

use alloc::vec::Vec;

use ushield_protocol::bank_key::Purpose;
use ushield_protocol::key::Hash;

use super::record::Fields;
use super::{Kind, Vault};
use crate::hal::Board;
use crate::store::{StoreFault, value};

/// An epoch as seen: its number, and the statement's hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch {
    pub(super) number: u32,
    pub(super) statement: Hash,
}

/// Every epoch seen.
#[derive(Default)]
pub(super) struct Epochs {
    /// Counts statements.
    serial: u32,
    /// As the last statement left it.
    floor: u64,
    /// The last statement's payload, which the cache may still lack after a power cut.
    pub(super) last: Vec<u8>,
    seen: Vec<(u8, Epoch)>,
}

impl Epochs {
    fn parse(value: &[u8]) -> Result<Self, StoreFault> {
        let mut fields = Fields(value);
        let (serial, floor) = (u32::from_be_bytes(fields.take()?), fields.number()?);
        let length = u16::from_be_bytes(fields.take()?);
        let last = Vec::from(fields.split(usize::from(length))?);
        let mut seen = Vec::new();
        while !fields.0.is_empty() {
            let purpose = fields.byte()?;
            let (number, statement) = (u32::from_be_bytes(fields.take()?), Hash::from(fields.take::<32>()?));
            seen.push((purpose, Epoch { number, statement }));
        }
        Ok(Self { serial, floor, last, seen })
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&self.serial.to_be_bytes());
        bytes.extend_from_slice(&self.floor.to_be_bytes());
        bytes.extend_from_slice(&u16::try_from(self.last.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(&self.last);
        for (purpose, epoch) in &self.seen {
            bytes.push(*purpose);
            bytes.extend_from_slice(&epoch.number.to_be_bytes());
            bytes.extend_from_slice(epoch.statement.as_bytes());
        }
        Some(bytes)
    }

    /// What was seen for a purpose.
    pub(super) fn of(&self, purpose: Purpose) -> Option<Epoch> {
        let seen = self.seen.iter().find(|(number, _)| *number == purpose.number());
        seen.map(|(_, epoch)| *epoch)
    }
}

impl<B: Board> Vault<B> {
    pub(super) fn epochs(&self) -> Result<Epochs, StoreFault> {
        match self.find(Kind::Epochs, &[]) {
            Some(entry) => Epochs::parse(&value(&self.board, &entry)),
            None => Ok(Epochs::default()),
        }
    }

    /// Takes a statement's epoch for these purposes, and the floor that comes with it if it moves.
    pub(super) fn raise_epochs(
        &mut self,
        purposes: &[Purpose],
        epoch: Epoch,
        floor: Option<u64>,
        payload: &[u8],
    ) -> Result<(), StoreFault> {
        let mut epochs = self.epochs()?;
        epochs.floor = match floor {
            Some(floor) => floor,
            None => self.floor()?,
        };
        epochs.serial = epochs.serial.checked_add(1).ok_or(StoreFault::Full)?;
        epochs.seen.retain(|(seen, _)| purposes.iter().all(|purpose| purpose.number() != *seen));
        epochs.seen.extend(purposes.iter().map(|purpose| (purpose.number(), epoch)));
        epochs.last = Vec::from(payload);
        self.put(Kind::Epochs, &[], &[&epochs.encode().ok_or(StoreFault::Full)?])
    }

    /// The newest `issued` among decided orders, unless a statement has set it since.
    pub(crate) fn floor(&self) -> Result<u64, StoreFault> {
        let epochs = self.epochs()?;
        if let Some(entry) = self.find(Kind::Floor, &[]) {
            let serial = u32::from_be_bytes(self.part(&entry, 8)?);
            if serial == epochs.serial {
                return Ok(u64::from_be_bytes(self.part(&entry, 0)?));
            }
        }
        Ok(epochs.floor)
    }

    pub(crate) fn raise_floor(&mut self, issued: u64) -> Result<(), StoreFault> {
        if issued <= self.floor()? {
            return Ok(());
        }
        let serial = self.epochs()?.serial;
        self.put(Kind::Floor, &[], &[&issued.to_be_bytes(), &serial.to_be_bytes()])
    }
}
