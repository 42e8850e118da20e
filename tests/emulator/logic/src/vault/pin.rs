//! PIN and tries (section 6): a try is spent durably before the comparison.

use ushield_protocol::pin::{INITIAL_PIN, PinBlock};
use ushield_protocol::planted::{self, Bug};
use zeroize::Zeroizing;

use super::record::Fields;
use super::{Kind, Vault};
use crate::Fault;
use crate::compare;
use crate::hal::{Board, Entropy, EntropyFault};
use crate::store::StoreFault;

/// Tries at first and after every success.
pub(super) const TRIES: u8 = 5;

/// What the PIN allows now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PinState {
    pub(crate) initial: bool,
    pub(crate) tries: u8,
}

impl PinState {
    pub(crate) fn is_locked(self) -> bool {
        self.tries == 0
    }
}

/// Outcome of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Right,
    Wrong { tries: u8 },
}

/// The PIN as stored: salted, and whether it is still the one that the token came with.
pub(super) struct Record {
    salt: [u8; 32],
    code: Zeroizing<[u8; 32]>,
    initial: [u8; 1],
}

impl Record {
    /// The initial PIN.
    pub(super) fn initial(entropy: &mut impl Entropy) -> Result<Self, EntropyFault> {
        let mut block = Zeroizing::new([0; 32]);
        for (to, from) in block.iter_mut().zip([8].into_iter().chain(INITIAL_PIN.bytes())) {
            *to = from;
        }
        Self::new(&block, true, entropy)
    }

    fn new(block: &[u8; 32], initial: bool, entropy: &mut impl Entropy) -> Result<Self, EntropyFault> {
        let mut salt = [0; 32];
        entropy.fill(&mut salt)?;
        Ok(Self { salt, code: compare::pin_code(&salt, block), initial: [u8::from(initial)] })
    }

    pub(super) fn parts(&self) -> [&[u8]; 3] {
        [&self.salt, self.code.as_slice(), &self.initial]
    }

    fn parse(value: &[u8]) -> Result<Self, StoreFault> {
        let mut fields = Fields(value);
        Ok(Self { salt: fields.take()?, code: Zeroizing::new(fields.take()?), initial: fields.take()? })
    }
}

impl<B: Board> Vault<B> {
    fn pin_record(&self) -> Result<Record, StoreFault> {
        Record::parse(&self.get(Kind::Pin, &[]).ok_or(StoreFault::Corrupt)?)
    }

    fn tries(&self) -> Result<u8, StoreFault> {
        let entry = self.find(Kind::Tries, &[]).ok_or(StoreFault::Corrupt)?;
        let [tries] = self.part(&entry, 0)?;
        if tries <= TRIES { Ok(tries) } else { Err(StoreFault::Corrupt) }
    }

    fn set_tries(&mut self, tries: u8) -> Result<(), StoreFault> {
        self.put(Kind::Tries, &[], &[&[tries]])
    }

    pub(crate) fn pin_state(&self) -> Result<PinState, StoreFault> {
        Ok(PinState { initial: self.pin_record()?.initial != [0], tries: self.tries()? })
    }

    /// Spends a try, compares, and gives all tries back if the PIN was right. The block is used up.
    pub(crate) fn compare_pin(&mut self, block: PinBlock) -> Result<Comparison, StoreFault> {
        let Some(tries) = self.tries()?.checked_sub(1) else { return Ok(Comparison::Wrong { tries: 0 }) };
        let spent_late = planted::on(Bug::TriesAfterCompare);
        if !spent_late {
            self.set_tries(tries)?;
        }
        let record = self.pin_record()?;
        if !compare::pin(&block, &record.salt, &record.code) {
            if spent_late {
                self.set_tries(tries)?;
            }
            return Ok(Comparison::Wrong { tries });
        }
        self.set_tries(TRIES)?;
        Ok(Comparison::Right)
    }

    /// Replaces the PIN.
    pub(crate) fn set_pin(&mut self, block: &PinBlock) -> Result<(), Fault> {
        let record = Record::new(block.expose(), false, &mut self.board)?;
        Ok(self.put(Kind::Pin, &[], &record.parts())?)
    }
}
