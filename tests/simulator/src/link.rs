//! Connections between phones and the token, and what becomes of the messages on them.

use std::collections::BTreeMap;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use ushield_protocol::code::Code;
use ushield_protocol::framing::fragment::WriteSize;
use ushield_protocol::message::Kind;
use ushield_token::framing::Card;

use crate::air::Air;
use crate::exhaustive::damage::Damage;
use crate::exhaustive::mishap::Mishap;
use crate::fault::{Doing, Fault};
use crate::field::ReplyTo;
use crate::rng::Rng;
use crate::world::{Event, World};

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The phone's.
    Phone,
    /// The token's.
    Token,
}

/// Longer than anybody waits for a machine.
const LATE: u64 = 20_000;
/// So long a message is held back for the next one to overtake it: several keep-alives, and no silence that ends a connection.
const HELD: u64 = 8_000;

/// What a connection is made over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Messages, as over TCP.
    #[default]
    Stream,
    /// Fragments, as over Bluetooth LE with this MTU (protocol.md, section 2.1).
    Packets(u16),
    /// Commands, as over NFC and USB, and whether both ends take extended length (section 2.2).
    Card(bool),
}

impl Way {
    /// All there are.
    const ALL: [Self; 6] = [
        Self::Stream,
        Self::Packets(23),
        Self::Packets(185),
        Self::Packets(517),
        Self::Card(false),
        Self::Card(true),
    ];

    /// Those of a seed: one for all its connections, or another one each time.
    #[must_use]
    pub fn of_seed(seed: u64) -> Vec<Self> {
        let mut rng = Rng::new(seed, 9);
        let count = *rng.pick(&[1, 1, 64]);
        (0..count).map(|_| *rng.pick(&Self::ALL)).collect()
    }
}

/// What travels at once and can be lost at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parcel {
    /// A message.
    Message(u8, Vec<u8>),
    /// A value that is written or notified.
    Value(Vec<u8>),
}

impl Parcel {
    /// What of it can be damaged.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Message(_, bytes) | Self::Value(bytes) => bytes,
        }
    }

    fn damaged(self, damage: Damage) -> Self {
        match self {
            Self::Message(kind, body) => Self::Message(kind, damage.of(body)),
            Self::Value(value) => Self::Value(damage.of(value)),
        }
    }

    /// The kind of a message, the first byte of a fragment.
    fn kind(&self) -> u8 {
        match self {
            Self::Message(kind, _) => *kind,
            Self::Value(value) => value.first().copied().unwrap_or(0),
        }
    }
}

/// A message as a phone receives it.
pub type Received = Parcel;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// Whose.
    pub phone: usize,
    to_phone: Option<UnboundedSender<Received>>,
    /// What the token makes messages of what arrives with.
    pub framing: Framing,
    /// When the last message arrives at each end: order is kept.
    last: BTreeMap<End, u64>,
    held: BTreeMap<End, Held>,
}

/// The token's framing of a connection.
#[derive(Debug)]
pub enum Framing {
    /// None is needed.
    Stream,
    /// A GATT server.
    Packets(Box<Air>),
    /// A card.
    Card(Box<Card>),
}

/// Nothing arrives for a while, and nobody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// So long, in milliseconds.
    pub length: u64,
    /// At this end, or at both.
    pub to: Option<End>,
    /// Fragments with this first byte alone: their kind and their message's number.
    pub only: Option<u8>,
}

/// A message that is held back.
#[derive(Debug)]
struct Held {
    number: u64,
    parcel: Parcel,
    doing: Doing,
}

/// A message or a fragment that went into a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When, in virtual milliseconds.
    pub at: u64,
    /// The number of the connection.
    pub connection: u64,
    /// To which end.
    pub to: End,
    /// Its kind; of a fragment the first byte.
    pub kind: u8,
    /// Bytes of its body, or of the fragment.
    pub length: usize,
    /// What the phone was doing.
    pub doing: Doing,
}

/// A command to a card and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// When the command left, in virtual milliseconds.
    pub at: u64,
    /// The number of the connection.
    pub connection: u64,
    /// CLA, INS and P1 of the command.
    pub kind: [u8; 3],
    /// Bytes of the command.
    pub length: usize,
    /// Bytes of the answer, with its status word; nothing where the card did not answer.
    pub answer: Option<usize>,
}

/// All connections that are not over.
#[derive(Debug, Default)]
pub struct Links {
    connections: BTreeMap<u64, Connection>,
    made: u64,
    /// Messages that went into a connection.
    pub messages: u64,
    /// The fault for a message by its number, where somebody has chosen one.
    pub chosen: BTreeMap<u64, Fault>,
    /// What becomes of a message's bytes, by its number, where somebody has chosen that.
    pub damaged: BTreeMap<u64, Damage>,
    /// All messages, in the order of their numbers.
    pub sent: Vec<Sent>,
    /// What each connection is made over, by its number from 1; the last stands for all that follow.
    pub ways: Vec<Way>,
    /// Where the link goes deaf: with which message or fragment, by its number, and how.
    pub holes: BTreeMap<u64, Hole>,
    deaf: Option<(u64, Hole)>,
    /// The number of the fragment that a phone's system never takes.
    pub stuck: Option<u64>,
    /// Answers that never come.
    pub silent: Vec<ReplyTo>,
    /// So long a call waits for a message before it is dropped and made again, where it is not patient.
    pub patience: Option<u64>,
    /// Messages that a phone handed to its link, with the lengths of their bodies.
    pub handed: Vec<(Kind, usize)>,
    /// What happens to a command to a card, by its number from 1.
    pub mishaps: BTreeMap<u64, Mishap>,
    /// All commands to cards, in the order of their numbers.
    pub exchanged: Vec<Exchanged>,
    /// So long the card is away after it was lost; some moments where it is not said.
    pub away: Option<u64>,
    /// When the card was lost last.
    pub lost: Option<u64>,
}

impl Links {
    /// Whose connection this is.
    #[must_use]
    pub fn phone_of(&self, connection: u64) -> Option<usize> {
        self.connections.get(&connection).map(|connection| connection.phone)
    }

    /// What the next connection is made over.
    #[must_use]
    pub fn way(&self) -> Way {
        let next = usize::try_from(self.made).unwrap_or(usize::MAX);
        self.ways.get(next).or(self.ways.last()).copied().unwrap_or_default()
    }

    /// A connection that is not over.
    pub fn get_mut(&mut self, connection: u64) -> Option<&mut Connection> {
        self.connections.get_mut(&connection)
    }

    /// A connection that ends at once, at both ends.
    pub fn remove(&mut self, connection: u64) -> Option<Connection> {
        self.connections.remove(&connection)
    }

    fn is_deaf(&self, now: u64, to: End, parcel: &Parcel) -> bool {
        self.deaf.is_some_and(|(until, hole)| {
            let meant = hole.only.is_none_or(|first| first == parcel.kind());
            now < until && hole.to.is_none_or(|end| end == to) && meant
        })
    }

    /// How many were made.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.made
    }

    /// How many are not over.
    #[must_use]
    pub fn open(&self) -> usize {
        self.connections.len()
    }
}

impl World {
    /// A phone connects. A token that serves another one says so and hangs up.
    ///
    /// # Errors
    /// There is no token, or the connection is not made.
    pub fn connect(&mut self, phone: usize) -> Result<(u64, UnboundedReceiver<Received>), Code> {
        if !self.token.is_on() {
            return Err(Code::TokenNotFound);
        }
        if self.strikes(Fault::ConnectFails, phone) {
            return Err(Code::LinkLost);
        }
        let (sender, receiver) = unbounded();
        let way = self.links.way();
        if self.token.serving.is_some() && way == Way::Stream {
            // Nobody listens only when the phone has just gone.
            let busy = vec![Code::Busy.wire().unwrap_or(0)];
            let _ = sender.unbounded_send(Parcel::Message(Kind::Refusal.number(), busy));
            self.say(&format!("phone {phone} finds the token busy"));
            return Ok((0, receiver));
        }
        self.links.made += 1;
        let number = self.links.made;
        let framing = match way {
            Way::Stream => Framing::Stream,
            Way::Packets(mtu) => {
                Framing::Packets(Box::new(Air::new(WriteSize::of_mtu(mtu).ok_or(Code::LinkLost)?)))
            }
            Way::Card(extended) => Framing::Card(Box::new(Card::new(extended))),
        };
        let (last, held) = (BTreeMap::new(), BTreeMap::new());
        let connection = Connection { phone, to_phone: Some(sender), framing, last, held };
        self.links.connections.insert(number, connection);
        self.say(&format!("phone {phone} connects ({number})"));
        match way {
            Way::Stream => {
                self.token.serving = Some(number);
                self.drive(|token, now| token.connected(now));
            }
            // The token hears of it with the first read.
            Way::Packets(_) => self.token.serving = Some(number),
            // The token hears of it by SELECT.
            Way::Card(_) => {}
        }
        Ok((number, receiver))
    }

    /// One end sends a message or a fragment.
    pub fn send(&mut self, number: u64, to: End, parcel: Parcel) {
        let Some(phone) = self.links.phone_of(number) else { return };
        self.links.messages += 1;
        let doing = self.phones[phone].doing;
        let (at, kind, length) = (self.now, parcel.kind(), parcel.bytes().len());
        self.links.sent.push(Sent { at, connection: number, to, kind, length, doing });
        if let Some(hole) = self.links.holes.get(&self.links.messages) {
            self.links.deaf = Some((self.now + hole.length, *hole));
        }
        if self.links.is_deaf(self.now, to, &parcel) {
            self.say(&format!("FAULT lost: {kind} to {to:?}"));
            return;
        }
        let parcel = match self.links.damaged.get(&self.links.messages) {
            Some(damage) => parcel.damaged(*damage),
            None => parcel,
        };
        let chosen = self.links.chosen.get(&self.links.messages).copied();
        let by_chance = || {
            let faults = [Fault::CutBefore, Fault::CutAfter, Fault::FrameLost];
            let more = [Fault::FrameDuplicated, Fault::FrameSwapped, Fault::FrameLate];
            [faults, more].concat()
        };
        let fault = chosen.or_else(|| self.plan.first(&by_chance()));
        // Whether it is swapped is seen when the next one comes, or does not.
        let swaps = |connection: &Connection| !connection.held.contains_key(&to);
        let swaps =
            fault == Some(Fault::FrameSwapped) && self.links.connections.get(&number).is_some_and(swaps);
        let fault = fault.filter(|fault| *fault != Fault::FrameSwapped);
        if let Some(fault) = fault {
            self.struck(fault, phone);
        }
        if swaps {
            let held = self.links.messages;
            if let Some(connection) = self.links.connections.get_mut(&number) {
                connection.held.insert(to, Held { number: held, parcel, doing });
            }
            self.after(HELD, Event::Release { connection: number, at: to, held });
            return;
        }
        match fault {
            Some(Fault::CutBefore) => self.cut(number),
            Some(Fault::FrameLost) => {}
            Some(Fault::FrameLate) => {
                self.after(LATE, Event::Arrive { connection: number, at: to, parcel });
            }
            other => {
                if other == Some(Fault::FrameDuplicated) {
                    self.carry(number, to, parcel.clone());
                }
                self.carry(number, to, parcel);
                self.release(number, to, Fault::FrameSwapped);
                if other == Some(Fault::CutAfter) {
                    // Behind the message, which still arrives.
                    let delay = self.arrival(number, to).saturating_sub(self.now);
                    for at in [End::Phone, End::Token] {
                        self.after(delay + 1, Event::Ended { connection: number, at });
                    }
                }
            }
        }
    }

    /// A message was held back long enough.
    pub fn give_up(&mut self, number: u64, at: End, held: u64) {
        let connection = self.links.connections.get(&number);
        if connection
            .and_then(|connection| connection.held.get(&at))
            .is_some_and(|known| known.number == held)
        {
            self.release(number, at, Fault::FrameHeld);
        }
    }

    /// What was held back goes on its way, and what it met is known.
    fn release(&mut self, number: u64, at: End, met: Fault) {
        let held = self.links.connections.get_mut(&number).and_then(|connection| connection.held.remove(&at));
        if let Some(Held { parcel, doing, .. }) = held {
            self.table.count(met, doing);
            self.say(&format!("FAULT {} ({})", met.name(), doing.name()));
            self.carry(number, at, parcel);
        }
    }

    fn arrival(&self, number: u64, to: End) -> u64 {
        let connection = self.links.connections.get(&number);
        connection.and_then(|connection| connection.last.get(&to).copied()).unwrap_or(self.now)
    }

    /// Takes a message to the other end, behind those that are under way.
    fn carry(&mut self, number: u64, to: End, parcel: Parcel) {
        let arrives = (self.now + self.rng.within(5, 20)).max(self.arrival(number, to) + 1);
        if let Some(connection) = self.links.connections.get_mut(&number) {
            connection.last.insert(to, arrives);
        }
        self.after(arrives - self.now, Event::Arrive { connection: number, at: to, parcel });
    }

    /// A message or a fragment arrives.
    pub fn arrive(&mut self, number: u64, at: End, parcel: Parcel) {
        let Some(phone) = self.links.phone_of(number) else { return };
        self.say_of(&format!("{number}: {} to {at:?}", parcel.kind()), parcel.bytes());
        let Some(connection) = self.links.connections.get(&number) else { return };
        match at {
            End::Phone => {
                if let Some(to_phone) = &connection.to_phone {
                    // A phone that is gone does not hear it.
                    let _ = to_phone.unbounded_send(parcel);
                }
            }
            End::Token if self.token.serving == Some(number) => {
                if self.strikes(Fault::TokenOff, phone) {
                    self.power_lost();
                } else {
                    match parcel {
                        Parcel::Message(kind, body) => {
                            self.drive(|token, now| token.receive(kind, &body, now));
                        }
                        Parcel::Value(value) => self.written(number, &value),
                    }
                }
            }
            End::Token => {}
        }
    }

    /// The link breaks: both ends learn of it a little later, each for itself.
    pub fn cut(&mut self, number: u64) {
        for at in [End::Phone, End::Token] {
            let delay = self.rng.within(1, 50);
            self.after(delay, Event::Ended { connection: number, at });
        }
    }

    /// An end closes the connection; what it sent before still arrives.
    pub fn close(&mut self, number: u64, other: End) {
        let delay = self.arrival(number, other).saturating_sub(self.now) + 1;
        self.after(delay, Event::Ended { connection: number, at: other });
    }

    /// The phone closes the connection; what it sent before still arrives.
    pub fn close_by_phone(&mut self, number: u64) {
        if let Some(connection) = self.links.connections.get_mut(&number) {
            connection.to_phone = None;
            self.close(number, End::Token);
        }
    }

    /// An end learns that the connection is over.
    pub fn ended(&mut self, number: u64, at: End) {
        match at {
            End::Phone => {
                if let Some(connection) = self.links.connections.get_mut(&number) {
                    connection.to_phone = None;
                }
            }
            End::Token if self.token.serving == Some(number) => {
                self.token.serving = None;
                self.say(&format!("{number} is over"));
                self.drive(|token, now| token.disconnected(now));
            }
            End::Token => {}
        }
        let dead = |connection: &Connection| connection.to_phone.is_none();
        if self.token.serving != Some(number) && self.links.connections.get(&number).is_some_and(dead) {
            self.links.connections.remove(&number);
        }
    }
}
