//! Commands and answers over NFC and USB (section 2.2).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use ushield_protocol::code::Code;
use ushield_protocol::framing::apdu::{Answer, Command, SHORT_ANSWER, Status};
use ushield_protocol::message::{Hello, Kind, MAX_BODY};

use crate::hal::{Board, Millis, Output};
use crate::token::Token;

/// Messages of the token that wait for a reader, at most.
const WAITING: usize = 8;

/// The card that a token is to a reader.
///
/// Beside the token: [`Self::command`] takes what the reader sends and says what the token has to be told; whatever the token
/// then says goes into [`Self::output`], at any time; [`Self::answer`] is what the reader gets. [`Self::serve`] does all of it
/// for a token that is at hand.
///
/// Holds eight messages of the token at most, the rest of one answer, and one message of the phone.
#[derive(Debug)]
pub struct Card {
    /// Whether APDUs of extended length are taken.
    extended: bool,
    /// There is a connection, and the token has not ended it.
    connected: bool,
    /// What has come of a message so far.
    chain: Option<(Kind, Vec<u8>)>,
    waiting: VecDeque<(Kind, Vec<u8>)>,
    /// What was not fetched yet of an answer.
    rest: Vec<u8>,
    reply: Reply,
}

/// What the token has to be told before there is an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Task {
    /// Nothing.
    Nothing,
    /// A phone is connected; an older connection is over. Where the token serves another phone on another link, the refusal
    /// `busy` and an [`Output::Disconnect`] go into [`Card::output`] in its place.
    Connect,
    /// The phone is gone.
    Disconnect,
    /// This message has arrived.
    Receive {
        /// What it is: one that a phone may send.
        kind: Kind,
        /// Its body.
        body: Vec<u8>,
    },
}

/// More waits for the reader than a card holds: the connection is over, and the token is to be told that the phone is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch;

/// What the command in hand is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Status(Status),
    /// The hello.
    Hello,
    /// The next message.
    Message {
        extended: bool,
    },
    /// At most so many further bytes.
    More(usize),
}

impl Card {
    /// A card in no field. `extended`: whether its hardware takes APDUs of extended length.
    #[must_use]
    pub fn new(extended: bool) -> Self {
        Self {
            extended,
            connected: false,
            chain: None,
            waiting: VecDeque::new(),
            rest: Vec::new(),
            reply: Reply::Status(Status::NoConnection),
        }
    }

    /// Whether the token serves this card's reader.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Takes a command of any bytes.
    pub fn command(&mut self, bytes: &[u8]) -> Task {
        let command = Command::decode(bytes);
        if !matches!(command, Ok(Command::GetResponse { .. })) {
            self.rest.clear();
        }
        let chain = self.chain.take();
        match self.take(command, chain) {
            Ok((reply, task)) => {
                self.reply = reply;
                task
            }
            Err(status) => {
                self.reply = Reply::Status(status);
                Task::Nothing
            }
        }
    }

    /// What the token says while this card's reader is connected to it.
    pub fn output(&mut self, output: Output) -> Result<(), TooMuch> {
        match output {
            _ if !self.connected => Ok(()),
            Output::Disconnect => {
                self.connected = false;
                Ok(())
            }
            Output::Send { kind: Kind::KeepAlive, .. } => Ok(()),
            Output::Send { .. } if self.waiting.len() == WAITING => {
                self.connected = false;
                self.waiting.clear();
                Err(TooMuch)
            }
            Output::Send { kind, body } => {
                self.waiting.push_back((kind, body));
                Ok(())
            }
        }
    }

    /// The answer to the command that was taken last.
    #[must_use]
    pub fn answer(&mut self) -> Vec<u8> {
        match core::mem::replace(&mut self.reply, Reply::Status(Status::NoConnection)) {
            Reply::Status(status) => Answer { data: &[], status }.encode(),
            Reply::Hello => self.hello(),
            Reply::Message { extended } => self.message(extended),
            Reply::More(most) => self.more(most),
        }
    }

    /// The card left the field, lost its power or was reset.
    pub fn removed(&mut self) -> Task {
        let was = self.connected;
        *self = Self::new(self.extended);
        if was { Task::Disconnect } else { Task::Nothing }
    }

    /// Takes a command, and has the token answer it at once.
    #[must_use]
    pub fn serve<B: Board>(&mut self, token: &mut Token<B>, command: &[u8], now: Millis) -> Vec<u8> {
        self.hear(token, now);
        let task = self.command(command);
        Self::tell(task, token, now);
        self.hear(token, now);
        self.answer()
    }

    /// Takes over what the token says; call it after every other call of a token that this card's reader is connected to.
    pub fn hear<B: Board>(&mut self, token: &mut Token<B>, now: Millis) {
        while let Some(output) = token.poll() {
            if self.output(output).is_err() {
                token.disconnected(now);
            }
        }
    }

    /// The card left the field, lost its power or was reset, and the token hears of it.
    pub fn leave<B: Board>(&mut self, token: &mut Token<B>, now: Millis) {
        Self::tell(self.removed(), token, now);
        self.hear(token, now);
    }

    fn tell<B: Board>(task: Task, token: &mut Token<B>, now: Millis) {
        match task {
            Task::Nothing => {}
            Task::Connect => token.connected(now),
            Task::Disconnect => token.disconnected(now),
            Task::Receive { kind, body } => token.receive(kind.number(), &body, now),
        }
    }

    fn take(
        &mut self,
        command: Result<Command<'_>, Status>,
        chain: Option<(Kind, Vec<u8>)>,
    ) -> Result<(Reply, Task), Status> {
        match command? {
            Command::Select => {
                self.waiting.clear();
                self.connected = true;
                Ok((Reply::Hello, Task::Connect))
            }
            Command::SelectAnother => Ok((Reply::Status(Status::NotFound), self.removed())),
            Command::GetResponse { .. } if self.rest.is_empty() => Err(Status::NoConnection),
            Command::GetResponse { most } => Ok((Reply::More(usize::from(most)), Task::Nothing)),
            Command::Message { extended: true, .. } | Command::Poll { extended: true } if !self.extended => {
                Err(Status::WrongLength)
            }
            // What the token said before it ended the connection is still fetched.
            _ if !self.connected && self.waiting.is_empty() => Err(Status::NoConnection),
            Command::Poll { extended } => Ok((Reply::Message { extended }, Task::Nothing)),
            Command::Message { kind, part, more, extended } => {
                let mut body =
                    chain.filter(|(before, _)| *before == kind).map_or_else(Vec::new, |(_, body)| body);
                if body.len().saturating_add(part.len()) > MAX_BODY {
                    return Err(Status::WrongLength);
                }
                body.extend_from_slice(part);
                if more {
                    self.chain = Some((kind, body));
                    return Ok((Reply::Status(Status::Ok), Task::Nothing));
                }
                let task = if self.connected { Task::Receive { kind, body } } else { Task::Nothing };
                Ok((Reply::Message { extended }, task))
            }
        }
    }

    fn hello(&mut self) -> Vec<u8> {
        let (data, status) = match self.waiting.pop_front() {
            Some((Kind::Hello, body)) => (self.announce(body), Status::Ok),
            // A token that cannot greet has failed, unless it says that it is something else.
            Some((Kind::Refusal, body)) if body.first() != Code::TokenFailure.wire().as_ref() => {
                (body, Status::Ok)
            }
            _ => (Vec::new(), Status::Failure),
        };
        Answer { data: &data, status }.encode()
    }

    /// The token knows of no links: its hello says nothing of APDUs.
    fn announce(&self, hello: Vec<u8>) -> Vec<u8> {
        match Hello::decode(&hello) {
            Ok(decoded) => Hello { extended: self.extended, ..decoded }.encode(),
            Err(_) => hello,
        }
    }

    fn message(&mut self, extended: bool) -> Vec<u8> {
        match self.waiting.pop_front() {
            Some((_, body)) if extended => Answer { data: &body, status: Status::Ok }.encode(),
            Some((_, body)) => {
                self.rest = body;
                self.more(SHORT_ANSWER)
            }
            None => {
                let status = if self.connected { Status::Ok } else { Status::NoConnection };
                Answer { data: &[], status }.encode()
            }
        }
    }

    fn more(&mut self, most: usize) -> Vec<u8> {
        let data: Vec<u8> = self.rest.drain(..most.min(self.rest.len())).collect();
        let status = match self.rest.len() {
            0 => Status::Ok,
            left => Status::More(u8::try_from(left).unwrap_or(0)),
        };
        Answer { data: &data, status }.encode()
    }
}

#[cfg(test)]
mod tests;
