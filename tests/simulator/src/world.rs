//! Everything that the futures of the phones share: time, what is going to happen, and who takes part.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use ushield_client::ports::{Fit, Wanted};

use crate::bank::BankSide;
use crate::fault::{Fault, Plan, Table};
use crate::field::ReplyTo;
use crate::link::{End, Links, Parcel, Way};
use crate::person::Person;
use crate::phone::PhoneSide;
use crate::rng::Rng;
use crate::token::TokenSide;
use crate::trace::Trace;

/// When every run begins, Unix seconds: 2026-12-01T12:00:00Z.
pub const START: u64 = 1_796_126_400;

/// What is going to happen.
#[derive(Debug)]
#[allow(missing_docs, reason = "the fields are what each variant says")]
pub enum Event {
    /// A future goes on.
    Wake(Waker),
    /// A message arrives at one end of a connection.
    Arrive { connection: u64, at: End, parcel: Parcel },
    /// The token's fragments of a connection are due.
    AirTick { connection: u64 },
    /// A command arrives at a card.
    Command { connection: u64, number: u64, command: Vec<u8>, reply: ReplyTo },
    /// The answer to a command arrives at the phone; none where the card is gone.
    Answer { answer: Option<Vec<u8>>, reply: ReplyTo },
    /// A card leaves the field.
    CardLost { connection: u64 },
    /// A message that was held back to be overtaken goes on its way after all.
    Release { connection: u64, at: End, held: u64 },
    /// An end of a connection learns that it is over.
    Ended { connection: u64, at: End },
    /// The token's deadline, in one of its lives.
    Tick { life: u64 },
    /// The token is switched on.
    SwitchOn,
    /// The person looks at the token's screen, unless it has changed since.
    Look { serial: u64 },
    /// A request reaches the bank.
    Request { number: u64 },
    /// The bank runs again.
    BankUp,
    /// The bank ends what has expired.
    Sweep,
    /// A phone's app is started.
    PhoneUp { phone: usize, life: u64 },
    /// The customer wants the order back that the phone runs.
    WantBack { phone: usize },
    /// Something on this phone's disk is due.
    Due { phone: usize },
    /// No faults from here on.
    FaultsOver,
}

/// The world.
#[derive(Debug)]
pub struct World {
    /// Milliseconds since the beginning.
    pub now: u64,
    events: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
    /// Latencies and the like.
    pub rng: Rng,
    /// Faults to come.
    pub plan: Plan,
    /// Faults that came.
    pub table: Table,
    /// What happened.
    pub trace: Trace,
    /// The token.
    pub token: TokenSide,
    /// Connections.
    pub links: Links,
    /// The bank.
    pub bank: BankSide,
    /// The phones.
    pub phones: Vec<PhoneSide>,
    /// Who holds the token and the phones.
    pub person: Person,
    /// Since when no faults come, once they do not.
    pub quiet: Option<u64>,
    /// Tasks to be dropped, and phones to be started, outside of any lock.
    pub to_kill: Vec<u64>,
    /// As above.
    pub to_start: Vec<usize>,
    /// What the oracle saw on the way.
    pub violations: Vec<String>,
}

/// The world, as ports hold it.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<World>>);

impl Shared {
    /// Shares a world.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    /// Takes the world in hand. Never while something is awaited.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// A world in which nothing has happened.
    #[must_use]
    pub fn new(seed: u64, plan: Plan, text: bool, token: TokenSide, bank: BankSide, person: Person) -> Self {
        Self {
            now: 0,
            events: BTreeMap::new(),
            scheduled: 0,
            rng: Rng::new(seed, 2),
            plan,
            table: Table::default(),
            trace: Trace::new(text),
            token,
            links: Links::default(),
            bank,
            phones: Vec::new(),
            person,
            quiet: None,
            to_kill: Vec::new(),
            to_start: Vec::new(),
            violations: Vec::new(),
        }
    }

    /// The wall clock of the bank, Unix seconds.
    #[must_use]
    pub fn unix(&self) -> u64 {
        START + self.now / 1000
    }

    /// Something happens so many milliseconds from now. What is due at the same time happens in the order of scheduling.
    pub fn after(&mut self, delay: u64, event: Event) {
        self.scheduled += 1;
        self.events.insert((self.now + delay, self.scheduled), event);
    }

    /// Whether a phone can begin a connection that is no stream: the token advertises what fits, or is held to the phone again.
    pub fn is_reachable(&mut self, wanted: &Wanted) -> bool {
        if !self.token.is_on() || self.token.serving.is_some() {
            return false;
        }
        match self.links.way() {
            Way::Stream => true,
            Way::Packets(_) => {
                self.advertised().is_some_and(|advertised| wanted.fits(&advertised.encode()) != Fit::No)
            }
            Way::Card(_) => {
                self.links.lost.is_none_or(|lost| lost + self.links.away.unwrap_or(0) <= self.now)
            }
        }
    }

    /// A line of the trace.
    pub fn say(&mut self, line: &str) {
        self.trace.line(self.now, line);
    }

    /// A line of the trace about these bytes.
    pub fn say_of(&mut self, line: &str, bytes: &[u8]) {
        self.trace.line_of(self.now, line, bytes);
    }

    /// The oracle saw what must not be.
    pub fn violation(&mut self, text: String) {
        self.say(&format!("VIOLATION {text}"));
        self.violations.push(text);
    }

    /// Whether this fault comes now, to this phone.
    pub fn strikes(&mut self, fault: Fault, phone: usize) -> bool {
        let strikes = self.plan.strikes(fault);
        if strikes {
            self.struck(fault, phone);
        }
        strikes
    }

    /// It came.
    pub fn struck(&mut self, fault: Fault, phone: usize) {
        let doing = self.doing(phone);
        self.table.count(fault, doing);
        self.say(&format!("FAULT {} ({}, phone {phone})", fault.name(), doing.name()));
    }

    /// The next thing happens; false when there is none before `until`.
    pub fn happen(&mut self, until: u64) -> bool {
        let Some(entry) = self.events.first_entry() else { return false };
        if entry.key().0 > until {
            return false;
        }
        let ((at, _), event) = entry.remove_entry();
        self.now = at;
        match event {
            Event::Wake(waker) => waker.wake(),
            Event::Arrive { connection, at, parcel } => self.arrive(connection, at, parcel),
            Event::AirTick { connection } => self.air_tick(connection),
            Event::Command { connection, number, command, reply } => {
                self.command(connection, number, &command, reply);
            }
            // A phone that has gone does not hear it.
            Event::Answer { answer, reply } => drop(reply.send(answer)),
            Event::CardLost { connection } => self.card_lost(connection),
            Event::Release { connection, at, held } => self.give_up(connection, at, held),
            Event::Ended { connection, at } => self.ended(connection, at),
            Event::Tick { life } => self.token_tick(life),
            Event::SwitchOn => self.switch_on(),
            Event::Look { serial } => self.look(serial),
            Event::Request { number } => self.serve(number),
            Event::BankUp => self.bank_up(),
            Event::Sweep => self.sweep(),
            Event::PhoneUp { phone, life } => self.phone_up(phone, life),
            Event::WantBack { phone } => self.wants_back(phone),
            Event::Due { phone } => self.hold_to_time(phone),
            Event::FaultsOver => self.faults_over(),
        }
        true
    }

    fn faults_over(&mut self) {
        self.plan.over = true;
        self.quiet = Some(self.now);
        self.say("no more faults");
        self.person.begin_quiet();
        for phone in 0..self.phones.len() {
            self.watch(phone);
        }
        self.look_again();
    }
}
