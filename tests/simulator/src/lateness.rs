//! When an order is late: with the faults stopped it ends at once where nothing stands in the way, and a minute after its expiry at the latest.

use ushield_client::ports::{Store as _, Table};
use ushield_client::records::OrderRecord;
use ushield_protocol::cbor::Reader;
use ushield_protocol::order::{MAX_MONEY_LIFE, Order};
use ushield_session::order_life::Stage;

use crate::world::{Event, START, World};

/// What needs nobody has to be over after this.
pub const AT_ONCE: u64 = 120_000;
/// An order has to be over so long after its expiry.
pub const AFTER_EXPIRY: u64 = 60_000;
/// A request without an order has to be over so long after it was made: no order of it lives longer, and the phone may have been at the
/// token with another one until then.
const REQUEST: u64 = MAX_MONEY_LIFE * 1_000 + AFTER_EXPIRY;
/// A phone that is at the token does one thing at a time: until the token gives up another order waits, and a session that has ended
/// keeps it from asking the bank.
const REVIEW: u64 = 130_000;

impl World {
    /// Looks at a phone's records when they are due. After each of its commits, and when the faults have stopped.
    pub fn watch(&mut self, phone: usize) {
        let Some(quiet) = self.quiet else { return };
        let dues: Vec<u64> = self.open_records(phone, quiet).into_iter().map(|(_, due)| due).collect();
        for due in dues {
            for due in [due, due + REVIEW] {
                self.after(due.saturating_sub(self.now) + 1, Event::Due { phone });
            }
        }
    }

    /// What is late is wrong; it is said once of each record.
    pub fn hold_to_time(&mut self, phone: usize) {
        let Some(quiet) = self.quiet else { return };
        for (record, due) in self.open_records(phone, quiet) {
            if self.now > due && self.phones[phone].late.insert(record.creation) {
                let (id, stage, late) = (record.id, record.life.stage(), self.now - due);
                self.violation(format!(
                    "phone {phone}: {id:?} is still {stage:?}, {} s after its time (cancelled: {})",
                    late / 1_000,
                    record.life.cancelled()
                ));
            }
        }
    }

    /// When the run is over nothing is open on any phone.
    pub fn nothing_is_left(&self) -> Vec<String> {
        let phones = 0..self.phones.len();
        let left = phones.flat_map(|phone| {
            let open = self.open_records(phone, self.now).into_iter();
            open.map(move |(record, _)| {
                format!("phone {phone}: {:?} is {:?} for ever", record.id, record.life.stage())
            })
        });
        left.collect()
    }

    /// Records that are not over, and when each has to be.
    fn open_records(&self, phone: usize, quiet: u64) -> Vec<(OrderRecord, u64)> {
        let side = &self.phones[phone];
        let signed_in = self.is_signed_in(phone);
        let at_token = self.token.serving.and_then(|link| self.links.phone_of(link)) == Some(phone);
        let records = side.disk.list(Table::Order).unwrap_or_default();
        let records = records.into_iter().filter_map(|(key, value)| {
            let record = OrderRecord::decode(&value).expect("an order's record is as the client writes it");
            let since = side.since.get(&key).map_or(0, |(_, since)| *since);
            let due = due(&record, quiet, since, side.skew)?;
            let due = if signed_in { due.max(side.signed_in + AFTER_EXPIRY) } else { due + REVIEW };
            let waits = signed_in && at_token && needs_nobody(&record);
            Some((record, if waits { due + REVIEW } else { due }))
        });
        records.collect()
    }

    /// Whether the phone's session has not ended, by the phone's clock.
    fn is_signed_in(&self, phone: usize) -> bool {
        let side = &self.phones[phone];
        let Ok(Some(session)) = side.disk.get(Table::Session, b"only") else { return false };
        let mut reader = Reader::new(&session);
        let mut ends = || {
            reader.array(2, 2)?;
            reader.text(1, 1_024)?;
            reader.uint()
        };
        let now = self.unix().saturating_add_signed(side.skew);
        ends().expect("a session as the client writes it") > now
    }
}

/// Whether only the bank has to say something.
fn needs_nobody(record: &OrderRecord) -> bool {
    record.life.cancelled() || matches!(record.life.stage(), Stage::Decided { .. } | Stage::Submitted { .. })
}

fn due(record: &OrderRecord, quiet: u64, since: u64, skew: i64) -> Option<u64> {
    let from = quiet.max(since);
    match record.life.stage() {
        Stage::Settled { .. } | Stage::NotCreated { .. } => None,
        Stage::Requested => Some(from + REQUEST),
        _ if record.life.cancelled() => Some(from + AT_ONCE),
        Stage::Decided { .. } | Stage::Submitted { .. } => Some(from + AT_ONCE),
        Stage::Prepared { order } | Stage::Sent { order } | Stage::Shown { order } => {
            let order = Order::receive(order).expect("the bank's order");
            let own = order.trust_own().expect("the bank's order");
            let life = own.payload().expires.saturating_sub(own.payload().issued);
            // A phone that took the order over and whose clock is behind knows no more than that it does not live longer from then on.
            let known = record.asked.saturating_add_signed(-skew) + life;
            let ends = own.payload().expires.max(known).saturating_sub(START) * 1_000;
            Some(quiet.max(ends) + AFTER_EXPIRY)
        }
    }
}
