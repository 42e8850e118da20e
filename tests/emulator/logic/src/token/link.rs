//! One connection at a time (sections 2 and 3): hello, the three seconds, reconnect, sealed messages.

use alloc::boxed::Box;
use alloc::vec::Vec;

use ushield_protocol::code::Code;
use ushield_protocol::key::PhoneId;
use ushield_protocol::message::{
    Hello, Kind, MAX_BODY, Reply, ReplyClass, Role, State, StateFlags, Versions,
};
use ushield_protocol::noise::{Handshake, Pattern, Transport};
use ushield_protocol::order::MAX_ORDER;
use ushield_protocol::planted::{self, Bug};

use super::face::Face;
use super::pairing::Pairing;
use super::{Step, Token, status};
use crate::Fault;
use crate::hal::{Board, Millis, Output};
use crate::screens::Notice;
use crate::store::StoreFault;
use crate::vault::Phone;

/// A stranger has so long for a first message that counts.
const FIRST_MESSAGE: u64 = 3_000;
/// Between two keep-alives.
const KEEP_ALIVE: u64 = 2_000;
/// Hint, and the ephemeral key behind it.
const HINT: usize = 4;
const EPHEMERAL: usize = 33;

/// What the connection is.
pub(super) enum Link {
    Down,
    Fresh(Fresh),
    Pairing(Box<Pairing>),
    Channel(Box<Channel>),
}

/// Connected, and nobody knows by whom.
#[derive(Clone, Copy)]
pub(super) struct Fresh {
    pub(super) nonce: [u8; 8],
    pub(super) until: Millis,
}

/// What command waits for its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    Order,
    Ask,
}

/// Connected by a paired phone.
pub(super) struct Channel {
    transport: Transport,
    pub(super) phone: PhoneId,
    /// A sealed message has been opened.
    proven: bool,
    pub(super) awaited: Option<Awaited>,
    keep_alive: Millis,
}

impl Link {
    pub(super) fn deadline(&self) -> Option<Millis> {
        match self {
            Self::Down => None,
            Self::Fresh(fresh) => Some(fresh.until),
            Self::Pairing(pairing) => Some(pairing.deadline()),
            Self::Channel(channel) => channel.awaited.map(|_| channel.keep_alive),
        }
    }

    pub(super) fn channel(&mut self) -> Option<&mut Channel> {
        match self {
            Self::Channel(channel) => Some(channel),
            _ => None,
        }
    }
}

impl<B: Board> Token<B> {
    pub(super) fn on_connected(&mut self, now: Millis) -> Step {
        self.on_disconnected(now)?;
        let nonce = self.vault.random()?;
        let pairing = self.face.is_pairing_mode();
        self.link = Link::Fresh(Fresh { nonce, until: now.plus(FIRST_MESSAGE) });
        self.send(Kind::Hello, Hello { versions: Versions::OURS, pairing, extended: false, nonce }.encode());
        Ok(())
    }

    /// The connection is over. A review goes on.
    pub(super) fn on_disconnected(&mut self, now: Millis) -> Step {
        self.link = Link::Down;
        self.window.connection(now);
        match self.face {
            Face::Digits => self.show_pairing_failed(now),
            Face::Asked(_) => {
                self.show_notice(Notice::LinkLost, now)?;
                Ok(())
            }
            Face::Review(_) if planted::on(Bug::ReviewEndsWithLink) => {
                self.show_notice(Notice::LinkLost, now)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn hang_up(&mut self, now: Millis) -> Step {
        self.out.push_back(Output::Disconnect);
        self.on_disconnected(now)
    }

    /// Ends the connection with a reason that nobody has to believe.
    pub(super) fn refuse(&mut self, code: Code, now: Millis) -> Step {
        self.send(Kind::Refusal, status(code));
        self.hang_up(now)
    }

    /// Ends the connection of a phone that was forgotten.
    pub(super) fn hang_up_on(&mut self, phone: &PhoneId, now: Millis) -> Step {
        match &self.link {
            Link::Channel(channel) if channel.phone == *phone => self.hang_up(now),
            _ => Ok(()),
        }
    }

    pub(super) fn on_message(&mut self, kind: u8, body: &[u8], now: Millis) -> Step {
        let Some(kind) = Kind::from_number(kind).filter(|kind| kind.from_phone()) else {
            return self.drop_unless_down(now);
        };
        if body.len() > MAX_BODY {
            return self.refuse(Code::TooLarge, now);
        }
        match (core::mem::replace(&mut self.link, Link::Down), kind) {
            (Link::Down, _) => Ok(()),
            (Link::Fresh(fresh), Kind::Pairing) => self.on_p1(fresh, body, now),
            (Link::Fresh(fresh), Kind::Connect) => self.on_k1(fresh, body, now),
            (Link::Pairing(pairing), Kind::Pairing) => self.on_pairing(*pairing, body, now),
            (Link::Channel(channel), Kind::Sealed) => self.on_sealed(channel, body, now),
            _ => self.hang_up(now),
        }
    }

    fn drop_unless_down(&mut self, now: Millis) -> Step {
        if matches!(self.link, Link::Down) { Ok(()) } else { self.hang_up(now) }
    }

    /// K1. Nothing but the hints is computed for a stranger.
    fn on_k1(&mut self, fresh: Fresh, body: &[u8], now: Millis) -> Step {
        let split = body.split_first_chunk::<HINT>();
        let Some((hint, noise, ephemeral)) =
            split.and_then(|(hint, noise)| Some((hint, noise, noise.get(..EPHEMERAL)?)))
        else {
            return self.refuse(Code::Malformed, now);
        };
        let mut phones = self.vault.phones_of_hint(*hint, &fresh.nonce, ephemeral)?;
        if planted::on(Bug::StrangerAnswered) && phones.is_empty() {
            for (id, _) in self.vault.phones()? {
                phones.extend(self.vault.phone(&id)?);
            }
        }
        if phones.is_empty() {
            return self.refuse(Code::UnknownPhone, now);
        }
        for phone in phones {
            let Some((mut handshake, payload)) = self.open_k1(&phone, noise)? else { continue };
            let agreed = <[u8; 4]>::try_from(payload.as_slice())
                .map_err(|_| Code::Malformed)
                .and_then(|versions| Versions::OURS.agree(Versions::decode(versions)));
            if let Err(code) = agreed {
                return self.refuse(code, now);
            }
            let state = self.state(&phone.id())?;
            let Ok(k2) = handshake.write(&state.encode()) else { break };
            let Ok(transport) = handshake.into_transport() else { break };
            let (phone, keep_alive) = (phone.id(), now);
            let channel = Channel { transport, phone, proven: false, awaited: None, keep_alive };
            self.link = Link::Channel(Box::new(channel));
            self.window.is_known();
            self.send(Kind::Connect, k2);
            return Ok(());
        }
        self.hang_up(now)
    }

    fn open_k1(&mut self, phone: &Phone, noise: &[u8]) -> Result<Option<(Handshake, Vec<u8>)>, Fault> {
        let pattern = Pattern::Kk { peer: phone.key };
        let (key, seed) = (self.vault.dh_key()?, self.vault.random_secret()?);
        let Ok(mut handshake) = Handshake::responder(pattern, &key, &seed) else { return Ok(None) };
        Ok(handshake.read(noise).ok().map(|payload| (handshake, payload)))
    }

    pub(super) fn flags(&self, phone: &PhoneId) -> Result<StateFlags, StoreFault> {
        let pin = self.vault.pin_state()?;
        let review = match &self.face {
            Face::Review(review) => Some(review.via == *phone),
            _ => None,
        };
        Ok(StateFlags {
            pin_initial: pin.initial,
            pin_locked: pin.is_locked(),
            pay: self.vault.role_key_id(Role::Pay)?.is_some(),
            login: self.vault.role_key_id(Role::Login)?.is_some(),
            reviewing: review.is_some(),
            reviewing_ours: review == Some(true),
        })
    }

    fn state(&self, phone: &PhoneId) -> Result<State, StoreFault> {
        let pay = self.vault.role_key_id(Role::Pay)?;
        Ok(State {
            versions: Versions::OURS,
            flags: self.flags(phone)?,
            tries: self.vault.pin_state()?.tries,
            firmware: self.vault.me.firmware,
            profile: self.vault.me.profile.number(),
            max_order: u16::try_from(MAX_ORDER).unwrap_or(u16::MAX),
            pay: pay.and_then(|id| id.as_bytes().first_chunk().copied()).unwrap_or_default(),
            phones: u8::try_from(self.vault.phone_count()).unwrap_or(u8::MAX),
        })
    }

    /// A sealed message; the first one proves the phone.
    fn on_sealed(&mut self, mut channel: Box<Channel>, body: &[u8], now: Millis) -> Step {
        let Ok(plaintext) = channel.transport.open(body) else { return self.hang_up(now) };
        let (phone, proven) = (channel.phone, core::mem::replace(&mut channel.proven, true));
        self.link = Link::Channel(channel);
        if !proven {
            self.vault.confirm_phone(&phone)?;
        }
        self.on_command(phone, &plaintext, now)
    }

    pub(super) fn send(&mut self, kind: Kind, body: Vec<u8>) {
        self.out.push_back(Output::Send { kind, body });
    }

    /// Seals a reply to the connected phone, if it still is.
    pub(super) fn reply(&mut self, reply: &Reply) {
        let Some(channel) = self.link.channel() else { return };
        if let Ok(body) = channel.transport.seal(&reply.encode()) {
            self.send(Kind::Sealed, body);
        }
    }

    /// Begins to wait for the customer; the phone is told at times that the token is still there.
    pub(super) fn await_customer(&mut self, awaited: Awaited, now: Millis) {
        if let Some(channel) = self.link.channel() {
            channel.awaited = Some(awaited);
            channel.keep_alive = now.plus(KEEP_ALIVE);
        }
    }

    /// An event or the result of the command that waits. Nothing is sent to a phone that does not wait for it; whether one did.
    pub(super) fn reply_to(&mut self, awaited: Awaited, reply: &Reply) -> bool {
        let Some(channel) = self.link.channel().filter(|channel| channel.awaited == Some(awaited)) else {
            return false;
        };
        if reply.class == ReplyClass::Result {
            channel.awaited = None;
        }
        self.reply(reply);
        true
    }

    pub(super) fn link_tick(&mut self, now: Millis) -> Step {
        if self.link.deadline().is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        match &mut self.link {
            Link::Down => Ok(()),
            Link::Fresh(_) => self.hang_up(now),
            Link::Pairing(_) => self.pairing_tick(now),
            Link::Channel(channel) => {
                channel.keep_alive = now.plus(KEEP_ALIVE);
                self.send(Kind::KeepAlive, Vec::new());
                Ok(())
            }
        }
    }
}
