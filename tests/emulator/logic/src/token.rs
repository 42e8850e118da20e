//! The token: what comes in is dispatched here, and what a failure of the board does is decided here.

mod advertise;
mod asks;
mod commands;
mod face;
mod link;
mod menu;
mod orders;
mod pairing;
mod review;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

pub use advertise::Advertising;
use advertise::Window;
use face::Face;
use link::Link;
use pairing::Way;
use ushield_protocol::cbor::DecodeError;
use ushield_protocol::code::Code;
use ushield_protocol::message::Kind;
use ushield_protocol::refusal::Refusal;
use ushield_protocol::secret::Secret;

use crate::Fault;
use crate::hal::{Board, Key, Millis, Output};
use crate::screens::Screens;
use crate::store::StoreFault;
use crate::vault::Vault;

/// A U-Shield on a board.
pub struct Token<B> {
    vault: Vault<B>,
    screens: Screens,
    link: Link,
    face: Face,
    window: Window,
    /// Which page pairing mode shows.
    way: Way,
    /// The secret of the code that stands on the screen, and of no other.
    code: Option<Secret<16>>,
    out: VecDeque<Output>,
    /// A phone is there that has not been told that the connection ends. Apart from `link`, which a step takes in hand.
    connected: bool,
    failed: bool,
}

/// Why a command is not done: a refusal that the phone is told, or a failure after which nothing is done any more.
enum Stop {
    Refused(Refusal),
    Failed(Fault),
}

impl From<StoreFault> for Stop {
    fn from(fault: StoreFault) -> Self {
        Self::Failed(fault.into())
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Code> for Stop {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

impl From<DecodeError> for Stop {
    fn from(error: DecodeError) -> Self {
        Self::Refused(error.into())
    }
}

/// A step's outcome. An error is the board's: the token fails.
type Step = Result<(), Fault>;

impl<B: Board> Token<B> {
    /// Switches a personalised token on. What a power cut interrupted is finished first: a stored intent is signed, exactly it.
    pub fn boot(board: B, now: Millis) -> Result<Self, Fault> {
        let vault = Vault::open(board)?;
        let screens = Screens::new(vault.me.profile.locale());
        let (link, face) = (Link::Down, Face::Idle);
        let (window, way, code) = (Window::open(now), Way::Digits, None);
        let out = VecDeque::new();
        let mut token =
            Self { vault, screens, link, face, window, way, code, out, connected: false, failed: false };
        token.show_idle()?;
        Ok(token)
    }

    /// A phone is connected.
    pub fn connected(&mut self, now: Millis) {
        self.connected = true;
        if self.failed {
            self.say_failed();
        } else {
            self.run(|token| token.on_connected(now));
        }
    }

    /// The phone is gone. A review goes on; everything else that the phone asked for ends.
    pub fn disconnected(&mut self, now: Millis) {
        self.connected = false;
        self.run(|token| token.on_disconnected(now));
    }

    /// A message has arrived.
    pub fn receive(&mut self, kind: u8, body: &[u8], now: Millis) {
        self.run(|token| token.on_message(kind, body, now));
    }

    /// A key was pressed, after the screen's last change.
    pub fn key(&mut self, key: Key, now: Millis) {
        self.window.reopen(now);
        self.run(|token| token.on_key(key, now));
    }

    /// Time has passed; call it at [`Token::next_deadline`] at the latest.
    pub fn tick(&mut self, now: Millis) {
        self.run(|token| token.on_tick(now));
    }

    /// When [`Token::tick`] is needed next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        if self.failed {
            return None;
        }
        [self.link.deadline(), self.face.deadline()].into_iter().flatten().min()
    }

    /// What is to be done on the link; call it until there is nothing, after every other call.
    pub fn poll(&mut self) -> Option<Output> {
        let output = self.out.pop_front();
        if output == Some(Output::Disconnect) {
            self.connected = false;
        }
        output
    }

    /// What is to be advertised over Bluetooth LE, for a board that has a radio: asked after every other call, and again when
    /// what it says is over. A board that never asks draws nothing for it.
    pub fn advertising(&mut self, now: Millis) -> Advertising {
        let mut advertising = Advertising::default();
        self.run(|token| {
            advertising = token.decide_advertising(now)?;
            Ok(())
        });
        advertising
    }

    /// The board.
    #[must_use]
    pub fn board(&self) -> &B {
        &self.vault.board
    }

    /// Switches the token off.
    #[must_use]
    pub fn into_board(self) -> B {
        self.vault.board
    }

    fn run(&mut self, step: impl FnOnce(&mut Self) -> Step) {
        if !self.failed && step(self).is_err() {
            self.fail();
        }
    }

    /// Nothing may be released that is not stored: what was not fetched yet is dropped with everything else.
    fn fail(&mut self) {
        self.failed = true;
        self.face = Face::Idle;
        self.code = None;
        self.out.clear();
        self.link = Link::Down;
        if self.connected {
            self.say_failed();
        }
        // Nothing is left to do when that does not show either.
        let _ = self.vault.board.draw(&self.screens.failure());
    }

    fn say_failed(&mut self) {
        self.out.push_back(Output::Send { kind: Kind::Refusal, body: status(Code::TokenFailure) });
        self.out.push_back(Output::Disconnect);
    }
}

impl<B> core::fmt::Debug for Token<B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Token").field("failed", &self.failed).finish_non_exhaustive()
    }
}

/// A status byte by itself.
fn status(code: Code) -> Vec<u8> {
    alloc::vec![code.wire().unwrap_or(0x60)]
}
