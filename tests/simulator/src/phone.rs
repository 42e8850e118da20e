//! A phone: what survives its death, and what its app is doing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ushield_client::ports::{Change, Store as _, Table};
use ushield_client::records::OrderRecord;
use ushield_client::store::MemoryStore;
use ushield_protocol::noise::DhSecret;
use ushield_session::order_life::Stage;

use crate::fault::{Doing, Fault};
use crate::rng::Rng;
use crate::world::{Event, World};

/// A phone.
#[derive(Debug)]
pub struct PhoneSide {
    /// What is on its disk.
    pub disk: Arc<MemoryStore>,
    /// What is in its key store.
    pub keys: BTreeMap<String, DhSecret>,
    /// Its random numbers.
    pub rng: Rng,
    /// How far its clock is ahead of the bank's, in seconds.
    pub skew: i64,
    /// Counts its app's lives: what an earlier one still does has no effect.
    pub life: u64,
    /// The app's task, while it runs.
    pub task: Option<u64>,
    /// What it is doing.
    pub doing: Doing,
    /// Its app is awake.
    pub busy: bool,
    /// The payment that its app pursues.
    pub pursued: Option<usize>,
    /// Its app has seen the certificate through.
    pub has_certificate: bool,
    /// The digits that it shows.
    pub digits: Option<String>,
    /// The customer wants the order back that it runs.
    pub wants_back: bool,
    /// What waits for that.
    pub waiting: Vec<std::task::Waker>,
    /// How often the customer wanted something back, and no record says so yet.
    pub wishes: u64,
    /// When PINs that the token may have were typed on it, and it has not been seen to approve anything since.
    pub right_pins: Vec<u64>,
    /// It looked for its token in vain, while the token advertised to other phones.
    pub stranger: bool,
    /// When its session began.
    pub signed_in: u64,
    /// Since when each record is in its state.
    pub since: BTreeMap<Vec<u8>, (Doing, u64)>,
    /// When it showed that an order is on the token.
    pub shown: Vec<u64>,
    /// Records that were found late.
    pub late: BTreeSet<[u8; 16]>,
    cancelled: BTreeSet<Vec<u8>>,
}

impl PhoneSide {
    /// A new phone.
    #[must_use]
    pub fn new(seed: u64, number: u64, skew: i64) -> Self {
        Self {
            disk: Arc::default(),
            keys: BTreeMap::new(),
            rng: Rng::new(seed, 10 + number),
            skew,
            life: 0,
            task: None,
            doing: Doing::Idle,
            busy: false,
            pursued: None,
            has_certificate: false,
            digits: None,
            wants_back: false,
            waiting: Vec::new(),
            wishes: 0,
            right_pins: Vec::new(),
            stranger: false,
            signed_in: 0,
            since: BTreeMap::new(),
            shown: Vec::new(),
            late: BTreeSet::new(),
            cancelled: BTreeSet::new(),
        }
    }
}

impl World {
    /// Whether a life of an app is the present one.
    #[must_use]
    pub fn lives(&self, phone: usize, life: u64) -> bool {
        self.phones[phone].life == life
    }

    /// The app dies wherever it is; it is started again later.
    pub fn kill_phone(&mut self, phone: usize) {
        self.say(&format!("phone {phone} dies"));
        let side = &mut self.phones[phone];
        side.life += 1;
        side.digits = None;
        side.busy = false;
        side.pursued = None;
        side.doing = Doing::Idle;
        side.wants_back = false;
        side.wishes = 0;
        side.waiting.clear();
        let task = side.task.take();
        self.to_kill.extend(task);
        let delay = self.rng.within(1_000, 20_000);
        let life = self.phones[phone].life;
        self.after(delay, Event::PhoneUp { phone, life });
    }

    /// The app is started, unless it died once more before it was.
    pub fn phone_up(&mut self, phone: usize, life: u64) {
        if self.lives(phone, life) {
            self.to_start.push(phone);
        }
    }

    /// Whether the app is killed now, or the token loses its power, as it may at any time.
    pub fn may_die(&mut self, phone: usize) -> bool {
        if self.token.is_on() && self.strikes(Fault::TokenOff, phone) {
            self.power_lost();
        }
        let dies = self.strikes(Fault::PhoneKilled, phone);
        if dies {
            self.kill_phone(phone);
        }
        dies
    }

    /// The customer wants back what the phone runs.
    pub fn wants_back(&mut self, phone: usize) {
        self.say(&format!("the customer of phone {phone} wants it back"));
        let side = &mut self.phones[phone];
        side.wishes += 1;
        side.wants_back = true;
        for waker in side.waiting.drain(..) {
            waker.wake();
        }
    }

    /// A commit of a living app. False: the disk did not take it, or nobody will hear that it did.
    pub fn commit(&mut self, phone: usize, changes: &[Change]) -> Committed {
        let fault = self.plan.first(&[Fault::DiskBefore, Fault::DiskAfter, Fault::DiskFull]);
        if let Some(fault) = fault {
            self.struck(fault, phone);
        }
        match fault {
            Some(Fault::DiskFull) => return Committed::Full,
            Some(Fault::DiskBefore) => {
                self.kill_phone(phone);
                return Committed::Dead;
            }
            _ => {}
        }
        let disk = Arc::clone(&self.phones[phone].disk);
        disk.commit(changes).expect("a store in memory");
        for change in changes {
            self.note(phone, change);
        }
        self.watch(phone);
        if fault == Some(Fault::DiskAfter) {
            self.kill_phone(phone);
            return Committed::Dead;
        }
        Committed::Done
    }

    /// What a phone is doing; a running app that has not written anything yet goes on with an order that is not over.
    #[must_use]
    pub fn doing(&self, phone: usize) -> Doing {
        let Some(side) = self.phones.get(phone) else { return Doing::Idle };
        if side.doing != Doing::Idle || !side.busy {
            return side.doing;
        }
        let records = side.disk.list(Table::Order).unwrap_or_default();
        let decode =
            |value| OrderRecord::decode(value).expect("an order's record is as the client writes it");
        let doings = records.iter().map(|(_, value)| doing_of(&decode(value)));
        doings.filter(|doing| *doing != Doing::Idle).max().unwrap_or(Doing::Idle)
    }

    /// What a change says of what the phone is doing.
    fn note(&mut self, phone: usize, change: &Change) {
        if let Change::Put { table, value, .. } = change {
            self.say_of(&format!("phone {phone} writes a record of {table:?}"), value);
            if *table == Table::Session {
                self.phones[phone].signed_in = self.now;
            }
        }
        let (key, value) = match change {
            Change::Put { table: Table::Order, key, value } => (key, value),
            Change::Delete { table: Table::Order, key } => {
                // A request that ended in another order takes its cancel along.
                let side = &mut self.phones[phone];
                side.since.remove(key);
                side.wishes += u64::from(side.cancelled.remove(key));
                return;
            }
            _ => return,
        };
        let record = OrderRecord::decode(value).expect("an order's record is as the client writes it");
        let (doing, now) = (doing_of(&record), self.now);
        let side = &mut self.phones[phone];
        side.doing = doing;
        if side.since.get(key).is_none_or(|(before, _)| *before != doing) {
            side.since.insert(key.clone(), (doing, now));
        }
        self.say(&format!("phone {phone}: order {:?} {}", record.id, doing.name()));
        self.is_wanted(phone, key, &record);
        self.is_not_created(phone, &record);
    }

    /// What is taken back, somebody wanted back.
    fn is_wanted(&mut self, phone: usize, key: &[u8], record: &OrderRecord) {
        let side = &mut self.phones[phone];
        if !record.life.cancelled() || !side.cancelled.insert(key.to_vec()) {
            return;
        }
        if side.wishes == 0 {
            self.violation(format!("phone {phone} takes {:?} back, and nobody wanted that", record.id));
        } else {
            side.wishes -= 1;
        }
    }
}

fn doing_of(record: &OrderRecord) -> Doing {
    match record.life.stage() {
        Stage::Settled { .. } | Stage::NotCreated { .. } => Doing::Idle,
        _ if record.life.cancelled() => Doing::Cancelling,
        Stage::Requested => Doing::Requested,
        Stage::Prepared { .. } => Doing::Prepared,
        Stage::Sent { .. } => Doing::Sent,
        Stage::Shown { .. } => Doing::Shown,
        Stage::Decided { .. } => Doing::Decided,
        Stage::Submitted { .. } => Doing::Submitted,
    }
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is durable.
    Done,
    /// Nothing of it is.
    Full,
    /// The phone died.
    Dead,
}
