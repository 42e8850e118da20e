//! Answers of tokens: the rows of the decision, and what it writes.

use ushield_bank_api::{OrderState, Role};
use ushield_protocol::authorization::Decision as Said;
use ushield_protocol::key::{Hash, KeyId, OrderId};
use ushield_protocol::message;
use ushield_protocol::order::Operation;
use ushield_protocol::receipt::Outcome;
use ushield_protocol::render::PaidBefore;

use super::Model;
use super::tables::{Attempted, IssuedOrder, TokenKeyRow};
use crate::decision::{self, End, KeyRow, OrderRow, Question, Recorded, Reply, Rows, Write};
use crate::error::BankError;

impl Model {
    pub(super) fn authorize(
        &mut self,
        order: &OrderId,
        received: &[u8],
        now: u64,
    ) -> Result<Reply, BankError> {
        let rows = Question::of(received).map(|question| self.rows(&question)).unwrap_or_default();
        let decision = decision::decide(received, order, now, &rows, &self.fixed.authority())?;
        for write in decision.writes {
            self.write(write);
        }
        Ok(decision.reply)
    }

    fn rows(&self, question: &Question) -> Rows {
        let mut rows = Rows { reply: self.replies.get(&question.payload_hash).cloned(), ..Rows::default() };
        let Some(order) = self.orders.iter().find(|order| order.new.hash == question.order_hash) else {
            return rows;
        };
        let new = &order.new;
        rows.keys = self.decision_keys(order);
        if let Some((counter, previous)) = question.link {
            for key in &rows.keys {
                rows.recorded.extend(self.recorded(key.key.key_id(), counter, &previous));
            }
        }
        rows.alike = self.paid_alike(order);
        if let Operation::Transfer(transfer) = &new.payload.operation {
            let debtor = self.accounts.get(&transfer.debtor_account);
            rows.debtor_balance = debtor.map_or(0, |account| account.balance);
            let currency = transfer.amount.currency();
            rows.creditor_is_here = self
                .accounts
                .get(&transfer.creditor_account)
                .is_some_and(|account| account.currency == currency.code() && account.customer.is_some());
        }
        if let Some(key) = &question.new_key {
            let role = role_of(&new.payload.operation);
            let taken = |row: &TokenKeyRow| row.device == new.device && row.role == role;
            rows.role_taken = role.is_some() && self.keys.iter().any(taken);
            rows.key_known = self.keys.iter().any(|row| row.key == *key);
        }
        rows.order = Some(OrderRow {
            id: new.id,
            hash: new.hash,
            bytes: new.bytes.clone(),
            device: new.device,
            profile: new.profile,
            expires: new.payload.expires,
            state: order.state,
            receipt: order.receipt.clone(),
            answered: self.answers.iter().any(|answer| answer.record.order == new.id),
        });
        rows
    }

    fn decision_keys(&self, order: &IssuedOrder) -> Vec<KeyRow> {
        let new = &order.new;
        let of_order = |row: &&TokenKeyRow| {
            row.device == new.device && (row.role.is_none() || Some(row.key.key_id()) == new.key)
        };
        let rows = self.keys.iter().filter(of_order);
        rows.map(|row| {
            let (decision, watermark) = match row.role {
                Some(Role::Pay) => (Said::Approved, new.key_watermark),
                Some(Role::Login) => (Said::LoginApproved, new.key_watermark),
                None => (Said::Rejected, new.device_watermark),
            };
            KeyRow { key: row.key, decision, active: row.active, watermark }
        })
        .collect()
    }

    /// Neighbours of a counter and predecessor; first those that are no anomalies.
    fn recorded(&self, key: KeyId, around: u32, previous: &Hash) -> Vec<Recorded> {
        let mut found = Vec::new();
        for anomaly in [false, true] {
            let rows = self.answers.iter().filter(|row| row.anomaly == anomaly && row.record.key == key);
            found.extend(rows.filter_map(|row| {
                let (counter, of) = row.record.link?;
                let payload_hash = row.record.payload_hash;
                let near = counter.abs_diff(around) <= 1 || of == *previous;
                near.then_some(Recorded { key, payload_hash, counter, previous: of })
            }));
        }
        found
    }

    /// Orders that the token may have approved and may therefore name in its warning.
    fn paid_alike(&self, order: &IssuedOrder) -> Vec<PaidBefore> {
        let (Some(key), Operation::Transfer(own)) = (order.new.key, &order.new.payload.operation) else {
            return Vec::new();
        };
        let issued = order.new.payload.issued;
        let alike = |other: &&IssuedOrder| match &other.new.payload.operation {
            Operation::Transfer(transfer) => {
                other.new.key == Some(key)
                    && transfer.creditor_account == own.creditor_account
                    && transfer.scheme == own.scheme
                    && transfer.amount == own.amount
                    && other.new.id != order.new.id
                    && other.new.payload.issued.abs_diff(issued) <= PaidBefore::WINDOW
                    && other.state != OrderState::Rejected
            }
            Operation::CertificateDownload(_) => false,
        };
        let named = |row: &IssuedOrder| PaidBefore { order: row.new.id, issued: row.new.payload.issued };
        self.orders.iter().filter(alike).map(named).collect()
    }

    fn write(&mut self, write: Write) {
        match write {
            Write::Record(record) => self.answers.push(Attempted { record, anomaly: false }),
            Write::RecordAnomaly(record, _) => self.answers.push(Attempted { record, anomaly: true }),
            Write::Freeze(key) => {
                for row in self.keys.iter_mut().filter(|row| row.key.key_id() == key) {
                    row.active = false;
                }
            }
            Write::Post(order, _, postings) => self.post(Some(order), postings),
            Write::AddKey(new) => self.keys.push(TokenKeyRow {
                key: new.key,
                device: new.device,
                role: Some(new.role),
                active: true,
                since: new.since,
                certified: Some((new.order, new.chain)),
            }),
            Write::End(end) => self.end(end),
            Write::Reply(payload, reply) => {
                self.replies.insert(payload, reply);
            }
        }
    }

    /// State and receipt of an order's end.
    pub(super) fn end(&mut self, end: End) {
        if let Some(order) = self.orders.iter_mut().find(|order| order.new.id == end.order) {
            order.state = match end.outcome {
                Outcome::Executed => OrderState::Executed,
                Outcome::Rejected => OrderState::Rejected,
                Outcome::Expired => OrderState::Expired,
                Outcome::Cancelled => OrderState::Cancelled,
                Outcome::Refused => OrderState::Refused,
            };
            order.receipt = Some(end.receipt);
            order.ends = order.ends.saturating_add(1);
        }
    }
}

fn role_of(operation: &Operation) -> Option<Role> {
    match operation {
        Operation::CertificateDownload(download) => Some(match download.role {
            message::Role::Pay => Role::Pay,
            message::Role::Login => Role::Login,
        }),
        Operation::Transfer(_) => None,
    }
}
