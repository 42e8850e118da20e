//! Orders from the customer's request to the bank's receipt: each state durable before the step after it.

mod advance;
mod cancel;
mod certificates;
mod converse;
mod create;
mod deliver;
pub(crate) mod lanes;
mod pins;
mod submit;

pub use advance::Ended;
pub use create::Adopted;

use ushield_protocol::code::Code;
use ushield_protocol::key::{DeviceId, OrderId};
use ushield_protocol::order::{Order, Verified};
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::receipt::{Outcome, Receipt};
use ushield_protocol::render::{Notices, Pages, Profile, pages};
use ushield_session::order_life::Stage;

use crate::client::Client;
use crate::error::Error;
use crate::ports::Table;
use crate::records::OrderRecord;
use crate::token::Cost;

/// What became of an order, as this phone knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Asked for; the bank's order is not here yet.
    Requested,
    /// Here; not decided on the token.
    Open,
    /// Decided on the token; on its way to the bank.
    Decided,
    /// The answer may have reached the bank and no receipt is here. Not a failure.
    Unknown,
    /// Ended, by the bank's signed receipt.
    Ended(Outcome),
    /// The bank refused to make it; there is no order.
    NotCreated(Code),
}

impl Status {
    /// The stable name, in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::Requested => "requested",
            Status::Open => "open",
            Status::Decided => "decided",
            Status::Unknown => "unknown",
            Status::Ended(outcome) => outcome.name(),
            Status::NotCreated(_) => "not-created",
        }
    }
}

/// An order, as the customer's history shows it.
#[derive(Clone)]
pub struct HistoryEntry {
    /// The key of the request, for [`Client::cancel_request`].
    pub creation: [u8; 16],
    /// The order's id, once there is one.
    pub id: Option<OrderId>,
    /// When it was asked for, Unix seconds; zero where the record cannot be read.
    pub asked: u64,
    /// The token that it is for, where that is known.
    pub device: Option<DeviceId>,
    /// What became of it.
    pub status: Status,
    /// The bank has issued a certificate for it that the token is not known to have stored.
    pub certificate_due: bool,
    /// Whether the customer cancelled it.
    pub cancelled: bool,
    /// The order, verified.
    pub order: Option<Order<Verified>>,
    /// The receipt, verified.
    pub receipt: Option<Receipt>,
    /// Why order or receipt are missing here although the store holds them. It is about this entry alone.
    pub problem: Option<Error>,
}

impl HistoryEntry {
    /// A record that cannot be read: what became of its order the bank knows.
    fn unreadable(key: &[u8], problem: Error) -> Self {
        Self {
            creation: key.try_into().unwrap_or_default(),
            id: None,
            asked: 0,
            device: None,
            status: Status::Unknown,
            certificate_due: false,
            cancelled: false,
            order: None,
            receipt: None,
            problem: Some(problem),
        }
    }
}

/// Ids and states alone: the order holds names and accounts.
impl std::fmt::Debug for HistoryEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HistoryEntry({:?}, {:?}, {:?})", self.id, self.status, self.problem)
    }
}

/// A record by its key, or why it cannot be read.
type JudgedRecord = (Vec<u8>, Result<OrderRecord, Error>);

/// How a run through an order's life ended, and what it cost on the link.
#[derive(Clone, Debug)]
pub struct Report {
    /// The order.
    pub order: OrderId,
    /// The bank's receipt.
    pub receipt: Receipt,
    /// Cost of the connection on which the answer came; none where no token was needed.
    pub cost: Cost,
}

impl Client {
    /// All orders that this phone knows, newest first. Needs neither bank nor token.
    ///
    /// # Errors
    /// `store-*`. What does not hold about one entry is its [`HistoryEntry::problem`].
    // Shells await it; a history may come from a slower store one day.
    #[allow(clippy::unused_async)]
    pub async fn history(&self) -> Result<Vec<HistoryEntry>, Error> {
        let entry = |(key, record): JudgedRecord| match record {
            Ok(record) => self.history_entry(&record),
            Err(problem) => HistoryEntry::unreadable(&key, problem),
        };
        let mut entries: Vec<HistoryEntry> = self.judged_records()?.into_iter().map(entry).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.asked));
        Ok(entries)
    }

    /// One order, as the history shows it.
    ///
    /// # Errors
    /// `unknown-order`; `store-*`.
    pub fn order_entry(&self, id: OrderId) -> Result<HistoryEntry, Error> {
        Ok(self.history_entry(&self.order_record(id)?))
    }

    fn history_entry(&self, record: &OrderRecord) -> HistoryEntry {
        let (order, unreadable) = apart(record.life.order().map(|bytes| self.stored_order(bytes)));
        let (receipt, unread) = apart(match (record.life.stage(), &order) {
            (Stage::Settled { receipt, .. }, Some(order)) => {
                Some(self.stored_receipt(receipt, order.id(), order.hash()))
            }
            _ => None,
        });
        let status = match (record.life.stage(), &receipt) {
            (_, Some(receipt)) => Status::Ended(receipt.outcome),
            (Stage::Requested, _) => Status::Requested,
            (Stage::NotCreated { code }, _) => Status::NotCreated(*code),
            (Stage::Submitted { .. }, _) if planted::on(Bug::FailedWithoutReceipt) => {
                Status::Ended(Outcome::Refused)
            }
            (Stage::Submitted { .. } | Stage::Settled { .. }, _) => Status::Unknown,
            (Stage::Decided { .. }, _) => Status::Decided,
            (Stage::Prepared { .. } | Stage::Sent { .. } | Stage::Shown { .. }, _) => Status::Open,
        };
        HistoryEntry {
            creation: record.creation,
            id: record.id,
            asked: record.asked,
            device: record.device,
            status,
            certificate_due: record.certificate_due,
            cancelled: record.life.cancelled(),
            order,
            receipt,
            problem: unreadable.or(unread),
        }
    }

    /// The pages that the token will show for an order, before it is sent there.
    ///
    /// The token alone knows whether it has to warn of a second payment; that page is not among these.
    ///
    /// # Errors
    /// `unknown-order`, `not-paired`, `unshowable`; `profile-unknown` while this phone has not been connected to the token since they were paired.
    // As above.
    #[allow(clippy::unused_async)]
    pub async fn preview(&self, id: OrderId) -> Result<Pages, Error> {
        let record = self.order_record(id)?;
        let bytes = record.life.order().ok_or(Error::new(Code::UnknownOrder))?;
        let order = self.stored_order(bytes)?;
        let profile = self.token(record.device)?.profile.and_then(Profile::from_number);
        let profile = profile.ok_or(Error::new(Code::ProfileUnknown))?;
        pages(&order, profile, &Notices::default())
            .map_err(|unshowable| Error::from(ushield_protocol::refusal::Refusal::from(unshowable)))
    }

    /// The records that can be read.
    pub(crate) fn order_records(&self) -> Result<Vec<OrderRecord>, Error> {
        Ok(self.judged_records()?.into_iter().filter_map(|(_, record)| record.ok()).collect())
    }

    /// All records by their keys: one that cannot be read does not keep the others away.
    fn judged_records(&self) -> Result<Vec<JudgedRecord>, Error> {
        let records = self.store().list(Table::Order)?.into_iter();
        Ok(records.map(|(key, record)| (key, OrderRecord::decode(&record))).collect())
    }

    /// What is wrong with the records that cannot be read.
    fn unreadable_records(&self) -> Result<Vec<Error>, Error> {
        Ok(self.judged_records()?.into_iter().filter_map(|(_, record)| record.err()).collect())
    }

    pub(crate) fn order_record(&self, id: OrderId) -> Result<OrderRecord, Error> {
        self.known_order(id)?.ok_or(Error::new(Code::UnknownOrder))
    }

    pub(crate) fn known_order(&self, id: OrderId) -> Result<Option<OrderRecord>, Error> {
        Ok(self.order_records()?.into_iter().find(|record| record.id == Some(id)))
    }

    pub(crate) fn put_order(&self, record: &OrderRecord) -> Result<(), Error> {
        self.store().put(Table::Order, &record.creation, &record.encode())
    }
}

/// What holds, and what kept it from doing so.
fn apart<T>(judged: Option<Result<T, Error>>) -> (Option<T>, Option<Error>) {
    match judged {
        Some(Ok(holds)) => (Some(holds), None),
        Some(Err(problem)) => (None, Some(problem)),
        None => (None, None),
    }
}
