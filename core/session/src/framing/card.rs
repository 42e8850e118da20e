//! Commands to a card and its answers: SELECT, messages, polls (protocol.md, section 2.2).
//!
//! The driver transmits what [`Card::next_command`] gives, one command at a time, and hands each answer to [`Card::answered`].

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use ushield_protocol::code::Code;
use ushield_protocol::framing::apdu::{self, Answer, Status};
use ushield_protocol::message::{Hello, Kind, MAX_BODY};

/// Polls at the quick pace, and both paces in milliseconds.
const QUICK_POLLS: u32 = 10;
const QUICK: u64 = 250;
const SLOW: u64 = 1_000;

/// What a command that was transmitted is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Nothing,
    /// The answer to SELECT.
    Hello,
    /// The answer to a part of a message: nothing.
    Part,
    /// The answer to a message or GET RESPONSE.
    Message,
    /// The answer to a poll.
    Poll,
}

/// What an answer was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought {
    /// The card was asked, and had nothing to say.
    Nothing,
    /// Everything else.
    Something,
}

/// The phone's side of a connection to a card.
#[derive(Debug)]
pub struct Card {
    /// Whether the reader sends extended length.
    reader_extended: bool,
    /// Whether both do.
    extended: bool,
    commands: VecDeque<(Vec<u8>, Awaited)>,
    awaited: Awaited,
    /// Kind of the last message that was sent; answers are of the same.
    kind: Kind,
    answer: Vec<u8>,
    received: VecDeque<(Kind, Vec<u8>)>,
    polls: u32,
}

impl Card {
    /// A card that has just come into the field; the first command is SELECT.
    #[must_use]
    pub fn new(reader_extended: bool) -> Self {
        Self {
            reader_extended,
            extended: false,
            commands: VecDeque::from([(apdu::select(), Awaited::Hello)]),
            awaited: Awaited::Nothing,
            kind: Kind::Connect,
            answer: Vec::new(),
            received: VecDeque::new(),
            polls: 0,
        }
    }

    /// Takes a message to be sent.
    ///
    /// # Errors
    /// `bad-input` for an empty body, one above the limit, or a kind that a phone does not send.
    pub fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Code> {
        if !kind.from_phone() || body.is_empty() || body.len() > MAX_BODY {
            return Err(Code::BadInput);
        }
        self.kind = kind;
        self.polls = 0;
        let commands = apdu::message(kind, body, self.extended);
        let last = commands.len().saturating_sub(1);
        let awaited = |index| if index == last { Awaited::Message } else { Awaited::Part };
        self.commands
            .extend(commands.into_iter().enumerate().map(|(index, command)| (command, awaited(index))));
        Ok(())
    }

    /// Asks the card whether it has something to say.
    pub fn poll(&mut self) {
        if self.commands.is_empty() && self.awaited == Awaited::Nothing {
            self.polls = self.polls.saturating_add(1);
            self.commands.push_back((apdu::poll(self.extended), Awaited::Poll));
        }
    }

    /// Milliseconds to wait before the next poll.
    #[must_use]
    pub fn pace(&self) -> u64 {
        if self.polls < QUICK_POLLS { QUICK } else { SLOW }
    }

    /// The next command to be transmitted; nothing while an answer is awaited.
    pub fn next_command(&mut self) -> Option<Vec<u8>> {
        if self.awaited != Awaited::Nothing {
            return None;
        }
        let (command, awaited) = self.commands.pop_front()?;
        self.awaited = awaited;
        Some(command)
    }

    /// Takes the answer to the last command, status word at its end.
    ///
    /// # Errors
    /// The connection is over: `token-not-found` for a card that is no U-Shield, `link-lost` when the token ended it, `token-failure`,
    /// `token-misbehaved`.
    pub fn answered(&mut self, answer: &[u8]) -> Result<Brought, Code> {
        let Answer { data, status } = Answer::decode(answer).ok_or(Code::TokenMisbehaved)?;
        let awaited = core::mem::replace(&mut self.awaited, Awaited::Nothing);
        match (awaited, status) {
            (_, Status::NoConnection) => Err(Code::LinkLost),
            (_, Status::Failure) => Err(Code::TokenFailure),
            (Awaited::Hello, Status::Ok) => self.hello(data),
            // Cards of other kinds have many words for no.
            (Awaited::Hello, _) => Err(Code::TokenNotFound),
            (Awaited::Part, Status::Ok) if data.is_empty() => Ok(()),
            (Awaited::Message | Awaited::Poll, Status::Ok | Status::More(_)) => self.message(data, status),
            _ => Err(Code::TokenMisbehaved),
        }?;
        let nothing = awaited == Awaited::Poll && data.is_empty();
        Ok(if nothing { Brought::Nothing } else { Brought::Something })
    }

    fn hello(&mut self, data: &[u8]) -> Result<(), Code> {
        // It serves another phone.
        if data.len() == 1 {
            self.received.push_back((Kind::Refusal, Vec::from(data)));
            return Ok(());
        }
        let hello = Hello::decode(data).map_err(|_| Code::TokenNotFound)?;
        self.extended = self.reader_extended && hello.extended;
        self.received.push_back((Kind::Hello, Vec::from(data)));
        Ok(())
    }

    fn message(&mut self, data: &[u8], status: Status) -> Result<(), Code> {
        if self.answer.len().saturating_add(data.len()) > MAX_BODY {
            return Err(Code::TokenMisbehaved);
        }
        self.answer.extend_from_slice(data);
        if let Status::More(left) = status {
            // A card that announces bytes and never gives any is not asked for ever.
            if data.is_empty() {
                return Err(Code::TokenMisbehaved);
            }
            self.commands.push_front((apdu::get_response(left), Awaited::Message));
            return Ok(());
        }
        let body = core::mem::take(&mut self.answer);
        if body.is_empty() {
            // The card is there, and that is what a keep-alive says.
            self.received.push_back((Kind::KeepAlive, body));
        } else {
            self.polls = 0;
            let kind = if body.len() == 1 { Kind::Refusal } else { self.kind };
            self.received.push_back((kind, body));
        }
        Ok(())
    }

    /// The next message that is there; a keep-alive for every answer without one.
    pub fn next_message(&mut self) -> Option<(Kind, Vec<u8>)> {
        self.received.pop_front()
    }
}

#[cfg(test)]
mod tests;
