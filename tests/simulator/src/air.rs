//! The token's GATT server: its fragments, its timers, and the two seconds that a last answer has.

use std::collections::VecDeque;

use ushield_protocol::framing::fragment::WriteSize;
use ushield_protocol::message::Kind;
use ushield_token::framing::Fragments;
use ushield_token::{Millis, Output};

use crate::link::{End, Framing, Parcel};
use crate::world::{Event, World};

/// A refusal or a last answer has so long to be acknowledged.
const LAST: u64 = 2_000;
/// Messages that wait for room, at most.
const WAITING: usize = 8;

/// One connection's.
#[derive(Debug)]
pub struct Air {
    fragments: Fragments,
    /// What `info` is read as; nothing before the token was told of the connection.
    hello: Option<Vec<u8>>,
    waiting: VecDeque<(Kind, Vec<u8>)>,
    /// The token has ended the connection: until then what it said is brought to the phone.
    leaves: Option<u64>,
    /// When something is due that an event was made for.
    due: Option<u64>,
}

impl Air {
    /// Of a connection that has just come to stand.
    #[must_use]
    pub fn new(size: WriteSize) -> Self {
        let (hello, waiting) = (None, VecDeque::new());
        Self { fragments: Fragments::new(size), hello, waiting, leaves: None, due: None }
    }

    /// The next value to be notified.
    fn next_write(&mut self, now: Millis) -> Option<Vec<u8>> {
        while self.fragments.has_room()
            && let Some((kind, body)) = self.waiting.pop_front()
        {
            self.fragments.send(kind, body).expect("a message of the token's, and room");
        }
        self.fragments.next_write(now)
    }

    fn is_over(&self, now: u64) -> bool {
        let settled = self.waiting.is_empty() && self.fragments.is_settled();
        self.leaves.is_some_and(|until| settled || until <= now)
    }
}

impl World {
    fn air(&mut self, connection: u64) -> Option<&mut Air> {
        match &mut self.links.get_mut(connection)?.framing {
            Framing::Packets(air) => Some(air),
            _ => None,
        }
    }

    /// The phone reads `info`: the first time the token hears that somebody is there.
    pub fn info(&mut self, connection: u64) -> Option<Vec<u8>> {
        if self.air(connection)?.hello.is_none() && self.token.serving == Some(connection) {
            self.drive(|token, now| token.connected(now));
        }
        self.air(connection)?.hello.clone()
    }

    /// What the token says to a phone on this connection.
    pub fn notify(&mut self, connection: u64, output: Output) {
        let now = self.now;
        let Some(air) = self.air(connection) else { return };
        match output {
            Output::Send { kind: Kind::Hello, body } => air.hello = Some(body),
            Output::Send { kind: Kind::KeepAlive, body } => {
                air.fragments.send(Kind::KeepAlive, body).expect("a keep-alive needs no room");
            }
            Output::Send { .. } if air.waiting.len() == WAITING => self.breaks(connection),
            Output::Send { kind, body } => air.waiting.push_back((kind, body)),
            Output::Disconnect => air.leaves = Some(now + LAST),
        }
    }

    /// Notifies what there is to be notified, and sees to the next time.
    pub fn flush(&mut self, connection: u64) {
        let now = Millis(self.now);
        while let Some(value) = self.air(connection).and_then(|air| air.next_write(now)) {
            self.send(connection, End::Phone, Parcel::Value(value));
        }
        let Some(air) = self.air(connection) else { return };
        if air.is_over(now.0) {
            self.hang_up(connection);
            return;
        }
        let due = [air.fragments.deadline().map(|at| at.0), air.leaves].into_iter().flatten().min();
        if due != air.due {
            air.due = due;
            if let Some(due) = due {
                self.after(due.saturating_sub(now.0), Event::AirTick { connection });
            }
        }
    }

    /// The token's end disconnects.
    fn hang_up(&mut self, connection: u64) {
        if self.token.serving == Some(connection) {
            self.token.serving = None;
        }
        self.close(connection, End::Phone);
    }

    /// Something of the token's fragments is due.
    pub fn air_tick(&mut self, connection: u64) {
        let now = Millis(self.now);
        let served = self.token.serving == Some(connection);
        let Some(air) = self.air(connection).filter(|air| served && air.due.is_some_and(|due| due <= now.0))
        else {
            return;
        };
        air.due = None;
        if air.fragments.tick(now).is_err() {
            self.breaks(connection);
        } else {
            self.flush(connection);
        }
    }

    /// The phone wrote a value.
    pub fn written(&mut self, connection: u64, value: &[u8]) {
        let now = Millis(self.now);
        let Some(air) = self.air(connection) else { return };
        if air.fragments.receive(value, now).is_err() {
            self.breaks(connection);
            return;
        }
        while let Some((kind, body)) = self.air(connection).and_then(|air| air.fragments.next_message()) {
            // Who has hung up hears nothing more.
            if self.air(connection).is_some_and(|air| air.leaves.is_none()) {
                self.drive(|token, now| token.receive(kind.number(), &body, now));
            }
        }
        self.flush(connection);
    }

    /// The phone does not keep to the protocol, or is not heard any more.
    fn breaks(&mut self, connection: u64) {
        self.say(&format!("{connection} is broken"));
        self.hang_up(connection);
        self.drive(|token, now| token.disconnected(now));
    }
}
