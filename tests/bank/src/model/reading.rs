//! What an oracle reads: orders, answers, money and keys as they stand.

use ushield_bank_api::OrderState;
use ushield_protocol::key::{Hash, KeyId, OrderId};
use ushield_protocol::order::OrderPayload;

use super::Model;
use crate::decision::Record;
use crate::ledger::Posting;

/// An order and what became of it.
pub struct OrderView<'a> {
    /// Id.
    pub id: OrderId,
    /// The key of the request that made it.
    pub creation: &'a str,
    /// Hash of its payload.
    pub hash: Hash,
    /// Where it stands.
    pub state: OrderState,
    /// As it was issued.
    pub bytes: &'a [u8],
    /// What it says.
    pub payload: &'a OrderPayload,
    /// Every answer that was recorded for it, in the order of their arrival, anomalies included.
    pub answers: Vec<&'a Record>,
    /// The receipt of its end; of the last one, should it have ended more than once.
    pub receipt: Option<&'a [u8]>,
    /// What it moved: the postings of each entry. One execution is one entry.
    pub entries: Vec<&'a [Posting]>,
    /// How often it was ended.
    pub ends: usize,
}

impl Model {
    /// Every order, oldest first.
    pub fn orders(&self) -> impl Iterator<Item = OrderView<'_>> {
        self.orders.iter().map(|row| {
            let id = row.new.id;
            let answers = self.answers.iter().filter(|answer| answer.record.order == id);
            let entries = self.entries.iter().filter(|entry| entry.order == Some(id));
            OrderView {
                id,
                creation: &row.creation,
                hash: row.new.hash,
                state: row.state,
                bytes: &row.new.bytes,
                payload: &row.new.payload,
                answers: answers.map(|answer| &answer.record).collect(),
                receipt: row.receipt.as_deref(),
                entries: entries.map(|entry| entry.postings.as_slice()).collect(),
                ends: row.ends,
            }
        })
    }

    /// One order.
    #[must_use]
    pub fn order(&self, id: &OrderId) -> Option<OrderView<'_>> {
        self.orders().find(|order| order.id == *id)
    }

    /// Every account, the bank's own too, with its balance in minor units.
    pub fn balances(&self) -> impl Iterator<Item = (&str, i64)> {
        self.accounts.iter().map(|(number, account)| (number.as_str(), account.balance))
    }

    /// Balance of an account, when it is one.
    #[must_use]
    pub fn balance(&self, number: &str) -> Option<i64> {
        self.accounts.get(number).map(|account| account.balance)
    }

    /// Keys whose signatures the bank does not take any more.
    pub fn frozen_keys(&self) -> impl Iterator<Item = KeyId> {
        self.keys.iter().filter(|row| !row.active).map(|row| row.key.key_id())
    }
}
