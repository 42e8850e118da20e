//! What was decided, and what is kept of it (section 11).

use alloc::vec::Vec;

use ushield_protocol::key::{Hash, KeyId, OrderId, sha256};
use ushield_protocol::message::Role;
use ushield_protocol::order::{FLOOR_GRACE, Operation, OrderPayload};
use ushield_protocol::render::PaidBefore;

use super::record::Fields;
use super::{Kind, Vault};
use crate::hal::Board;
use crate::store::{Entry, StoreFault, value};

/// Approvals kept with their answers: four times what the protocol asks for, so that a payroll fits.
pub(crate) const APPROVALS: usize = 64;
/// Rejections kept, apart from the approvals.
pub(crate) const REJECTIONS: usize = 64;
/// Pairs of order id and order hash, with what the second-payment warning needs.
pub(crate) const TOMBSTONES: usize = 256;

/// Which allowance an answer counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerClass {
    Approval,
    Rejection,
}

impl AnswerClass {
    const fn number(self) -> u8 {
        match self {
            Self::Approval => 1,
            Self::Rejection => 2,
        }
    }

    const fn limit(self) -> usize {
        match self {
            Self::Approval => APPROVALS,
            Self::Rejection => REJECTIONS,
        }
    }
}

/// Whether an answer would find room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Free,
    Full,
}

/// What is kept of an order beside its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) hash: Hash,
    pub(super) issued: u64,
    pub(super) expires: u64,
    /// The key that signed the answer.
    pub(super) key: KeyId,
    /// Of creditor account, scheme, currency and amount; zeros where there is no money.
    pub(super) payment: [u8; 16],
}

impl Summary {
    pub(super) const LEN: usize = 32 + 8 + 8 + 16 + 16;

    pub(super) fn of(order: &OrderPayload, hash: Hash, key: KeyId) -> Self {
        Self { hash, issued: order.issued, expires: order.expires, key, payment: payment(order) }
    }

    pub(super) fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let parts = [
            self.hash.as_bytes().as_slice(),
            &self.issued.to_be_bytes(),
            &self.expires.to_be_bytes(),
            self.key.as_bytes(),
            &self.payment,
        ];
        for (to, from) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        bytes
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, StoreFault> {
        Ok(Self {
            hash: Hash::from(fields.take::<32>()?),
            issued: fields.number()?,
            expires: fields.number()?,
            key: KeyId::from(fields.take::<16>()?),
            payment: fields.take()?,
        })
    }
}

/// The four values of the second-payment warning, as a fingerprint.
fn payment(order: &OrderPayload) -> [u8; 16] {
    let Operation::Transfer(transfer) = &order.operation else { return [0; 16] };
    let hash = sha256(&[
        &[transfer.scheme.number()],
        transfer.amount.currency().code().as_bytes(),
        &transfer.amount.minor().to_be_bytes(),
        transfer.creditor_account.as_bytes(),
    ]);
    *hash.as_bytes().first_chunk().unwrap_or(&[0; 16])
}

impl<B: Board> Vault<B> {
    /// The answer to an order, if it was decided and is still kept.
    pub(crate) fn answer(&self, order: &OrderId) -> Result<Option<Vec<u8>>, StoreFault> {
        self.find(Kind::Answer, order.as_bytes()).map(|entry| self.answer_bytes(&entry)).transpose()
    }

    /// The answer to the order whose payload has this hash.
    pub(crate) fn answer_to(&self, order: &Hash) -> Result<Option<Vec<u8>>, StoreFault> {
        for entry in self.all(Kind::Answer) {
            if self.summary(&entry)?.hash == *order {
                return self.answer_bytes(&entry).map(Some);
            }
        }
        Ok(None)
    }

    /// The CBOR sequence that the phone gets.
    fn answer_bytes(&self, entry: &Entry) -> Result<Vec<u8>, StoreFault> {
        let value = value(&self.board, entry);
        value.get(1 + Summary::LEN..).map(Vec::from).ok_or(StoreFault::Corrupt)
    }

    /// The hash under which an order id was decided.
    pub(crate) fn decided_hash(&self, order: &OrderId) -> Result<Option<Hash>, StoreFault> {
        for kind in [Kind::Tombstone, Kind::Answer] {
            if let Some(entry) = self.find(kind, order.as_bytes()) {
                return self.summary(&entry).map(|summary| Some(summary.hash));
            }
        }
        Ok(None)
    }

    /// Whether an order's pair is stored, which is the last step of deciding it.
    pub(super) fn is_finished(&self, order: &OrderId) -> bool {
        self.find(Kind::Tombstone, order.as_bytes()).is_some()
    }

    pub(crate) fn approval_count(&self) -> Result<usize, StoreFault> {
        self.count_class(AnswerClass::Approval)
    }

    fn is_class(&self, entry: &Entry, class: AnswerClass) -> Result<bool, StoreFault> {
        Ok(self.part(entry, 0)? == [class.number()])
    }

    fn count_class(&self, class: AnswerClass) -> Result<usize, StoreFault> {
        let mut count = 0;
        for entry in self.all(Kind::Answer) {
            count += usize::from(self.is_class(&entry, class)?);
        }
        Ok(count)
    }

    fn summary(&self, entry: &Entry) -> Result<Summary, StoreFault> {
        Summary::read(&mut Fields(&self.part::<{ Summary::LEN }>(entry, 1)?))
    }

    /// An approved order with the same payee and amount (section 10).
    pub(crate) fn paid_before(&self, order: &OrderPayload) -> Result<Option<PaidBefore>, StoreFault> {
        let (payment, pay) = (payment(order), self.role_key_id(Role::Pay)?);
        let mut newest: Option<PaidBefore> = None;
        if payment == [0; 16] {
            return Ok(None);
        }
        // Every decided order has its pair, which outlives the answer.
        for entry in self.all(Kind::Tombstone) {
            let summary = self.summary(&entry)?;
            let matches = self.is_class(&entry, AnswerClass::Approval)?
                && summary.payment == payment
                && Some(summary.key) == pay
                && summary.issued.abs_diff(order.issued) <= PaidBefore::WINDOW;
            // In the order of approval: of equal ones the last stays.
            if matches && newest.is_none_or(|newest| summary.issued >= newest.issued) {
                let order = OrderId::from_slice(&entry.key(&self.board)).ok_or(StoreFault::Corrupt)?;
                newest = Some(PaidBefore { order, issued: summary.issued });
            }
        }
        Ok(newest)
    }

    /// Whether either answer to one more order, issued then, would find room. The floor counts as deciding it would leave
    /// it: else a token full of recent answers would stay full for ever, since only decisions raise the floor.
    pub(crate) fn room(&self, issued: u64) -> Result<Room, StoreFault> {
        let floor = self.floor()?.max(issued);
        let free = self.count(Kind::Tombstone) < TOMBSTONES || self.oldest_tombstone(floor)?.is_some();
        let room = free
            && self.has_room(AnswerClass::Approval, floor)?
            && self.has_room(AnswerClass::Rejection, floor)?;
        Ok(if room { Room::Free } else { Room::Full })
    }

    fn has_room(&self, class: AnswerClass, floor: u64) -> Result<bool, StoreFault> {
        Ok(self.count_class(class)? < class.limit() || self.oldest(class, floor)?.is_some())
    }

    /// Drops what has expired, as far as the answer to an order issued then needs it. The floor rises before anything
    /// goes, so that what went is refused from then on.
    pub(super) fn make_room(&mut self, class: AnswerClass, issued: u64) -> Result<(), StoreFault> {
        let full = self.count_class(class)? >= class.limit() || self.count(Kind::Tombstone) >= TOMBSTONES;
        if full {
            self.raise_floor(issued)?;
        }
        let floor = self.floor()?;
        while self.count_class(class)? >= class.limit() {
            let Some(order) = self.oldest(class, floor)? else { break };
            self.forget_pending_key(&order)?;
            self.delete(Kind::Answer, &order)?;
        }
        while self.count(Kind::Tombstone) >= TOMBSTONES {
            let Some(order) = self.oldest_tombstone(floor)? else { break };
            self.delete(Kind::Tombstone, &order)?;
        }
        Ok(())
    }

    /// The oldest answer of a class that may go.
    fn oldest(&self, class: AnswerClass, floor: u64) -> Result<Option<[u8; 16]>, StoreFault> {
        for entry in self.all(Kind::Answer) {
            if self.is_class(&entry, class)? && is_past(self.summary(&entry)?.expires, floor) {
                return Ok(Some(entry.key(&self.board)));
            }
        }
        Ok(None)
    }

    /// The oldest pair that may go. Those of the intents stay: they say that these are finished. So do those of answers:
    /// an id whose answer is kept must not be decided again.
    fn oldest_tombstone(&self, floor: u64) -> Result<Option<[u8; 16]>, StoreFault> {
        let mut kept = self.intended_orders()?;
        kept.extend(self.all(Kind::Answer).map(|entry| entry.key(&self.board)));
        for entry in self.all(Kind::Tombstone) {
            let order = entry.key(&self.board);
            if is_past(self.summary(&entry)?.expires, floor) && !kept.contains(&order) {
                return Ok(Some(order));
            }
        }
        Ok(None)
    }

    pub(super) fn put_answer(
        &mut self,
        order: &OrderId,
        class: AnswerClass,
        summary: &Summary,
        bytes: &[u8],
    ) -> Result<(), StoreFault> {
        self.put(Kind::Answer, order.as_bytes(), &[&[class.number()], &summary.encode(), bytes])
    }

    pub(super) fn put_tombstone(
        &mut self,
        order: &OrderId,
        class: AnswerClass,
        summary: &Summary,
    ) -> Result<(), StoreFault> {
        self.put(Kind::Tombstone, order.as_bytes(), &[&[class.number()], &summary.encode()])
    }
}

/// Whether an order lies so far behind the floor that it is refused and forgotten.
pub(crate) fn is_past(expires: u64, floor: u64) -> bool {
    expires.saturating_add(FLOOR_GRACE) < floor
}
