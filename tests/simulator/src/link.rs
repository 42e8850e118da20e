//! Connections between phones and the token, and what becomes of the messages on them.

use std::collections::BTreeMap;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use ushield_protocol::code::Code;
use ushield_protocol::message::Kind;

use crate::exhaustive::damage::Damage;
use crate::fault::{Doing, Fault};
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

/// A message as a phone receives it.
pub type Received = (Kind, Vec<u8>);

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// Whose.
    pub phone: usize,
    to_phone: Option<UnboundedSender<Received>>,
    /// When the last message arrives at each end: order is kept.
    last: BTreeMap<End, u64>,
    held: BTreeMap<End, Held>,
}

/// A message that is held back.
#[derive(Debug)]
struct Held {
    number: u64,
    kind: u8,
    body: Vec<u8>,
    doing: Doing,
}

/// A message that went into a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// To which end.
    pub to: End,
    /// Its kind.
    pub kind: u8,
    /// Bytes of its body.
    pub length: usize,
    /// What the phone was doing.
    pub doing: Doing,
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
}

impl Links {
    /// Whose connection this is.
    #[must_use]
    pub fn phone_of(&self, connection: u64) -> Option<usize> {
        self.connections.get(&connection).map(|connection| connection.phone)
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
        if self.token.serving.is_some() {
            // Nobody listens only when the phone has just gone.
            let _ = sender.unbounded_send((Kind::Refusal, vec![Code::Busy.wire().unwrap_or(0)]));
            self.say(&format!("phone {phone} finds the token busy"));
            return Ok((0, receiver));
        }
        self.links.made += 1;
        let number = self.links.made;
        let connection =
            Connection { phone, to_phone: Some(sender), last: BTreeMap::new(), held: BTreeMap::new() };
        self.links.connections.insert(number, connection);
        self.token.serving = Some(number);
        self.say(&format!("phone {phone} connects ({number})"));
        self.drive(|token, now| token.connected(now));
        Ok((number, receiver))
    }

    /// One end sends a message.
    pub fn send(&mut self, number: u64, to: End, kind: u8, body: Vec<u8>) {
        let Some(phone) = self.links.phone_of(number) else { return };
        self.links.messages += 1;
        let doing = self.phones[phone].doing;
        self.links.sent.push(Sent { to, kind, length: body.len(), doing });
        let body = match self.links.damaged.get(&self.links.messages) {
            Some(damage) => damage.of(body),
            None => body,
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
                connection.held.insert(to, Held { number: held, kind, body, doing });
            }
            self.after(HELD, Event::Release { connection: number, at: to, held });
            return;
        }
        match fault {
            Some(Fault::CutBefore) => self.cut(number),
            Some(Fault::FrameLost) => {}
            Some(Fault::FrameLate) => {
                self.after(LATE, Event::Arrive { connection: number, at: to, kind, body });
            }
            other => {
                if other == Some(Fault::FrameDuplicated) {
                    self.carry(number, to, kind, body.clone());
                }
                self.carry(number, to, kind, body);
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
        if let Some(Held { kind, body, doing, .. }) = held {
            self.table.count(met, doing);
            self.say(&format!("FAULT {} ({})", met.name(), doing.name()));
            self.carry(number, at, kind, body);
        }
    }

    fn arrival(&self, number: u64, to: End) -> u64 {
        let connection = self.links.connections.get(&number);
        connection.and_then(|connection| connection.last.get(&to).copied()).unwrap_or(self.now)
    }

    /// Takes a message to the other end, behind those that are under way.
    fn carry(&mut self, number: u64, to: End, kind: u8, body: Vec<u8>) {
        let arrives = (self.now + self.rng.within(5, 20)).max(self.arrival(number, to) + 1);
        if let Some(connection) = self.links.connections.get_mut(&number) {
            connection.last.insert(to, arrives);
        }
        self.after(arrives - self.now, Event::Arrive { connection: number, at: to, kind, body });
    }

    /// A message arrives.
    pub fn arrive(&mut self, number: u64, at: End, kind: u8, body: Vec<u8>) {
        let Some(phone) = self.links.phone_of(number) else { return };
        self.say_of(&format!("{number}: {kind} to {at:?}"), &body);
        let Some(connection) = self.links.connections.get(&number) else { return };
        match at {
            End::Phone => {
                if let (Some(to_phone), Some(kind)) = (&connection.to_phone, Kind::from_number(kind)) {
                    // A phone that is gone does not hear it.
                    let _ = to_phone.unbounded_send((kind, body));
                }
            }
            End::Token if self.token.serving == Some(number) => {
                if self.strikes(Fault::TokenOff, phone) {
                    self.power_lost();
                } else {
                    self.drive(|token, now| token.receive(kind, &body, now));
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
