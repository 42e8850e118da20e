//! The token as a card: commands that arrive, answers, and a card that is taken away.

use futures::channel::oneshot;
use ushield_protocol::code::Code;
use ushield_protocol::message::Kind;
use ushield_token::Output;
use ushield_token::framing::{Card, Task};

use crate::exhaustive::mishap::Mishap;
use crate::fault::Fault;
use crate::link::{Exchanged, Framing};
use crate::world::{Event, World};

/// Who waits for an answer; nothing where the card is gone.
pub type ReplyTo = oneshot::Sender<Option<Vec<u8>>>;

impl World {
    fn card(&mut self, connection: u64) -> Option<&mut Card> {
        match &mut self.links.get_mut(connection)?.framing {
            Framing::Card(card) => Some(card),
            _ => None,
        }
    }

    /// The phone's reader transmits a command.
    pub fn transmit(&mut self, connection: u64, command: Vec<u8>, reply: ReplyTo) {
        let length = command.len();
        let kind = command.get(..3).and_then(|head| <[u8; 3]>::try_from(head).ok()).unwrap_or_default();
        self.links.exchanged.push(Exchanged { at: self.now, connection, kind, length, answer: None });
        let number = u64::try_from(self.links.exchanged.len()).unwrap_or(u64::MAX);
        let delay = self.rng.within(5, 15);
        self.mishap_by_chance(connection, number);
        let mishap = self.links.mishaps.get(&number).copied();
        if let Some(mishap) = mishap {
            self.say(&format!("FAULT command {number}: {}", mishap.class()));
        }
        let command = mishap.map_or(command.clone(), |mishap| mishap.of_command(command));
        if mishap == Some(Mishap::Before) {
            self.after(delay, Event::CardLost { connection });
            self.after(delay + 1, Event::Answer { answer: None, reply });
        } else {
            self.after(delay, Event::Command { connection, number, command, reply });
        }
    }

    fn mishap_by_chance(&mut self, connection: u64, number: u64) {
        let Some(phone) = self.links.phone_of(connection) else { return };
        let Some(fault) = self.plan.first(&[Fault::CutBefore, Fault::CutAfter, Fault::FrameLost]) else {
            return;
        };
        self.struck(fault, phone);
        let mishap = match fault {
            Fault::CutBefore => Mishap::Before,
            Fault::CutAfter => Mishap::After,
            _ => Mishap::During,
        };
        self.links.mishaps.insert(number, mishap);
    }

    /// A command arrives at the card.
    pub fn command(&mut self, connection: u64, number: u64, command: &[u8], reply: ReplyTo) {
        self.say_of(&format!("{connection}: command {number}"), command);
        if let Some(phone) = self.links.phone_of(connection)
            && self.token.serving == Some(connection)
            && self.strikes(Fault::TokenOff, phone)
        {
            self.power_lost();
        }
        let mishap = self.links.mishaps.get(&number).copied();
        let Some(answer) = self.answers(connection, command) else {
            self.after(1, Event::Answer { answer: None, reply });
            return;
        };
        self.say_of(&format!("{connection}: answer {number}"), &answer);
        let at = usize::try_from(number).unwrap_or(usize::MAX) - 1;
        self.links.exchanged[at].answer = Some(answer.len());
        let delay = self.rng.within(5, 15);
        let answer = match mishap {
            Some(Mishap::During) => {
                self.after(delay, Event::CardLost { connection });
                None
            }
            Some(Mishap::After) => {
                self.after(delay + 1, Event::CardLost { connection });
                Some(answer)
            }
            Some(Mishap::Silent) => {
                self.links.silent.push(reply);
                return;
            }
            mishap => Some(mishap.map_or(answer.clone(), |mishap| mishap.of_answer(answer))),
        };
        self.after(delay, Event::Answer { answer, reply });
    }

    fn answers(&mut self, connection: u64, command: &[u8]) -> Option<Vec<u8>> {
        match self.card(connection)?.command(command) {
            Task::Nothing => {}
            Task::Connect if self.token.serving.is_some_and(|other| other != connection) => {
                let body = vec![Code::Busy.wire().unwrap_or(0)];
                self.tell_card(connection, Output::Send { kind: Kind::Refusal, body });
                self.tell_card(connection, Output::Disconnect);
            }
            Task::Connect => {
                self.token.serving = Some(connection);
                self.drive(|token, now| token.connected(now));
            }
            Task::Disconnect => self.card_leaves(connection),
            Task::Receive { kind, body } => {
                self.drive(|token, now| token.receive(kind.number(), &body, now));
            }
        }
        Some(self.card(connection)?.answer())
    }

    /// What the token says to a phone at its card.
    pub fn tell_card(&mut self, connection: u64, output: Output) {
        let ends = output == Output::Disconnect;
        let Some(card) = self.card(connection) else { return };
        let too_much = card.output(output).is_err();
        if ends && self.token.serving == Some(connection) {
            self.token.serving = None;
        }
        if too_much {
            self.card_leaves(connection);
        }
    }

    fn card_leaves(&mut self, connection: u64) {
        if self.token.serving == Some(connection) {
            self.token.serving = None;
            self.drive(|token, now| token.disconnected(now));
        }
    }

    /// The card is taken out of the field.
    pub fn card_lost(&mut self, connection: u64) {
        if self.card(connection).is_some() {
            self.links.lost = Some(self.now);
            self.release_card(connection);
        }
    }

    /// The phone needs the card no more, or has lost it.
    pub fn release_card(&mut self, connection: u64) {
        let Some(card) = self.card(connection) else { return };
        if card.removed() == Task::Disconnect {
            self.card_leaves(connection);
        }
        self.links.remove(connection);
        self.say(&format!("{connection}: the card is gone"));
    }
}
