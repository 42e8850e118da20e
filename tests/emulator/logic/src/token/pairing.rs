//! Pairing (section 4): XX with commitment, digits on both sides, OK on both sides. By code (section 4.1): XXpsk3, OK here.

use alloc::boxed::Box;
use alloc::string::String;

use ushield_protocol::code::Code;
use ushield_protocol::key::PublicKey;
use ushield_protocol::message::{
    Kind, P3, P4, P5, P6, Versions, p1_by_code, pairing_commitment, pairing_digits,
};
use ushield_protocol::noise::{Handshake, Pattern, Transport};
use ushield_protocol::pairing_code::{PairingCode, psk};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::secret::Secret;

use super::face::Face;
use super::link::{Fresh, Link};
use super::{Step, Token};
use crate::Fault;
use crate::hal::{Board, Key, Millis};
use crate::screens::Notice;
use crate::symbol::Symbol;
use crate::vault::{Comparison, MAX_PHONES, PAIRING_TRIES, Phone};

/// From P2 to P3, and from P6 to a first K1 on the same connection.
const NEXT_MESSAGE: u64 = 10_000;
/// From P4 to the end.
const COMPARE: u64 = 60_000;

/// What pairing mode offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Digits,
    Code,
}

impl Way {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Digits => Self::Code,
            Self::Code => Self::Digits,
        }
    }
}

/// A pairing session.
pub(super) enum Pairing {
    Committed(Committed),
    Comparing(Comparing),
}

/// P2 is sent.
pub(super) struct Committed {
    handshake: Handshake,
    nonce: [u8; 32],
    way: Way,
    fresh: Fresh,
    until: Millis,
}

/// The digits are shown, or by code that the phone will say when to press OK.
pub(super) struct Comparing {
    transport: Transport,
    key: PublicKey,
    name: String,
    /// By digits.
    digits: Option<u32>,
    pin_needed: bool,
    answer: Answer,
    fresh: Fresh,
    until: Millis,
}

/// What the phone's customer said.
enum Answer {
    /// Nothing yet.
    Awaited,
    /// The digits are equal; by code, that this token has proved itself.
    Yes(Option<PinBlock>),
    /// And the last try's screen was shown.
    YesWithLastTry(PinBlock),
}

impl Pairing {
    pub(super) fn deadline(&self) -> Millis {
        match self {
            Self::Committed(session) => session.until,
            Self::Comparing(session) => session.until,
        }
    }
}

impl<B: Board> Token<B> {
    pub(super) fn on_p1(&mut self, fresh: Fresh, body: &[u8], now: Millis) -> Step {
        if !self.face.is_pairing_mode() {
            let spent = self.vault.pairing_tries()? >= PAIRING_TRIES;
            return self.refuse(if spent { Code::PairingTriesSpent } else { Code::NotPairing }, now);
        }
        let (way, pattern, noise) = match p1_by_code(body) {
            // Who was told to wait and press OK compares nothing: the other side does not choose the weaker way.
            None if self.code.is_some() => return self.refuse(Code::NotPairing, now),
            None => (Way::Digits, Pattern::Xx, body),
            Some(_) if self.code.is_none() => return self.refuse(Code::PairingCodeSpent, now),
            Some(noise) => (Way::Code, Pattern::XxPsk3, noise),
        };
        let (key, seed) = (self.vault.dh_key()?, self.vault.random_secret()?);
        let Ok(mut handshake) = Handshake::responder(pattern, &key, &seed) else {
            return self.hang_up(now);
        };
        let Ok(payload) = handshake.read(noise) else { return self.refuse(Code::Malformed, now) };
        let Ok(versions) = <[u8; 4]>::try_from(payload.as_slice()) else {
            return self.refuse(Code::Malformed, now);
        };
        if let Err(code) = Versions::OURS.agree(Versions::decode(versions)) {
            return self.refuse(code, now);
        }
        let nonce = self.vault.random()?;
        let Ok(p2) = handshake.write(pairing_commitment(&nonce).as_bytes()) else { return self.hang_up(now) };
        let session = Committed { handshake, nonce, way, fresh, until: now.plus(NEXT_MESSAGE) };
        self.link = Link::Pairing(Box::new(Pairing::Committed(session)));
        self.send(Kind::Pairing, p2);
        Ok(())
    }

    pub(super) fn on_pairing(&mut self, pairing: Pairing, body: &[u8], now: Millis) -> Step {
        match pairing {
            Pairing::Committed(session) => self.on_p3(session, body, now),
            Pairing::Comparing(session) => self.on_p5(session, body, now),
        }
    }

    fn on_p3(&mut self, session: Committed, body: &[u8], now: Millis) -> Step {
        let Committed { mut handshake, nonce, way, fresh, .. } = session;
        if !self.face.is_pairing_mode() || (way == Way::Digits && self.code.is_some()) {
            return self.refuse(Code::NotPairing, now);
        }
        // The secret is spent and the try written before P3 is opened: what does not open was a guess.
        if way == Way::Code {
            let secret = self.spend_code();
            self.count_try()?;
            if secret.is_none_or(|secret| handshake.set_psk(&psk(&secret)).is_err()) {
                return self.refuse_pairing(Code::PairingCodeSpent, now);
            }
        }
        let (payload, hash) = (handshake.read(body), handshake.hash());
        let payload = match (payload, way) {
            (Ok(payload), _) => payload,
            (Err(_), Way::Digits) => return self.hang_up(now),
            (Err(_), Way::Code) => return self.refuse_pairing(Code::PairingCodeSpent, now),
        };
        // Written before anything depends on what the phone says.
        if way == Way::Digits {
            self.count_try()?;
        }
        match self.check_p3(&handshake, &payload)? {
            Ok((key, p3, pin_needed)) => {
                let digits = (way == Way::Digits).then(|| pairing_digits(&hash, &p3.nonce, &nonce));
                let Ok(mut transport) = handshake.into_transport() else { return self.hang_up(now) };
                let (statement, chain) = self.vault.device_statement()?;
                let name = self.vault.me.name.clone();
                let p4 = P4 { nonce, versions: Versions::OURS, pin_needed, statement, chain, name };
                let Ok(p4) = transport.seal(&p4.encode()) else { return self.hang_up(now) };
                let (answer, until) = (Answer::Awaited, now.plus(COMPARE));
                let name = p3.name;
                self.send(Kind::Pairing, p4);
                self.show_digits(Comparing {
                    transport,
                    key,
                    name,
                    digits,
                    pin_needed,
                    answer,
                    fresh,
                    until,
                })?;
                Ok(())
            }
            // At once, and not in P6: nobody shall compare digits for nothing.
            Err(code) => self.refuse_pairing(code, now),
        }
    }

    fn count_try(&mut self) -> Step {
        if !planted::on(Bug::PairingTriesAtEnd) {
            self.vault.count_pairing_try()?;
        }
        Ok(())
    }

    /// The secret of the code on the screen: it serves one handshake, failed ones included.
    fn spend_code(&mut self) -> Option<Secret<16>> {
        if planted::on(Bug::CodeServedTwice) { self.code.clone() } else { self.code.take() }
    }

    /// Shows a new code, with the tries that have failed.
    pub(super) fn draw_code(&mut self, tries: u8) -> Step {
        let secret = match self.code.take() {
            Some(secret) if planted::on(Bug::CodeServedTwice) => secret,
            _ => self.vault.random_secret()?,
        };
        let text = PairingCode::new(&self.vault.dh_public()?, secret.clone()).to_text();
        let symbol = Symbol::of(&text).ok_or(Fault::Screen)?;
        self.vault.board.draw_code(&self.screens.code(tries), &symbol)?;
        self.code = Some(secret);
        Ok(())
    }

    /// The phone's key, its message, and whether it needs the PIN.
    #[allow(
        clippy::type_complexity,
        reason = "an outcome in an outcome: the flash may fail, the phone may be refused"
    )]
    fn check_p3(
        &self,
        handshake: &Handshake,
        payload: &[u8],
    ) -> Result<Result<(PublicKey, P3, bool), Code>, crate::StoreFault> {
        let (Some(key), Ok(p3)) = (handshake.peer(), P3::decode(payload)) else {
            return Ok(Err(Code::Malformed));
        };
        if let Err(code) = Versions::OURS.agree(p3.versions) {
            return Ok(Err(code));
        }
        let others = self.vault.others_than(Some(&key))?;
        if others >= MAX_PHONES {
            return Ok(Err(Code::PhonesFull));
        }
        let pin = self.vault.pin_state()?;
        Ok(match others {
            // With no phone left a locked PIN asks for nothing, so that a reset can be delivered.
            0 => Ok((key, p3, !pin.initial && !pin.is_locked())),
            _ if pin.initial => Err(Code::PinInitial),
            _ if pin.is_locked() => Err(Code::PinLocked),
            _ => Ok((key, p3, true)),
        })
    }

    fn on_p5(&mut self, mut session: Comparing, body: &[u8], now: Millis) -> Step {
        let Ok(plaintext) = session.transport.open(body) else { return self.end_pairing(now) };
        match (P5::decode(&plaintext), &session.answer) {
            (Ok(p5), Answer::Awaited) if p5.confirmed && (p5.pin.is_some() || !session.pin_needed) => {
                session.answer = Answer::Yes(p5.pin);
                self.show_digits(session)?;
                Ok(())
            }
            (Ok(p5), Answer::Awaited) if !p5.confirmed => self.decline_pairing(session, Code::Declined, now),
            _ => self.refuse_pairing(Code::Malformed, now),
        }
    }

    /// Ends the session with a reason that P6 has no place for.
    fn refuse_pairing(&mut self, code: Code, now: Millis) -> Step {
        self.send(Kind::Refusal, super::status(code));
        self.end_pairing(now)
    }

    fn show_digits(&mut self, session: Comparing) -> Step {
        let answered = !matches!(session.answer, Answer::Awaited);
        let page = match session.answer {
            Answer::YesWithLastTry(_) => self.screens.last_try(false),
            _ => match session.digits {
                Some(digits) => self.screens.digits(digits, answered),
                None => self.screens.by_code(answered),
            },
        };
        self.draw(&page)?;
        self.face = Face::Digits;
        self.link = Link::Pairing(Box::new(Pairing::Comparing(session)));
        Ok(())
    }

    /// A key on the digits page, on the one by code, or on the last try's.
    pub(super) fn digits_key(&mut self, key: Key, now: Millis) -> Step {
        let mut session = match core::mem::replace(&mut self.link, Link::Down) {
            Link::Pairing(pairing) => match *pairing {
                Pairing::Comparing(session) => session,
                Pairing::Committed(_) => return self.end_pairing(now),
            },
            _ => return self.end_pairing(now),
        };
        if now >= session.until {
            return self.decline_pairing(session, Code::TimedOut, now);
        }
        let answer = core::mem::replace(&mut session.answer, Answer::Awaited);
        match (key, answer) {
            (Key::Cancel, _) => self.decline_pairing(session, Code::Declined, now),
            (Key::Ok, Answer::Yes(_)) if !session.pin_needed => self.pair(session, now),
            (Key::Ok, Answer::Yes(None)) => self.refuse_pairing(Code::Malformed, now),
            (Key::Ok, Answer::Yes(Some(block))) if self.vault.pin_state()?.tries == 1 => {
                session.answer = Answer::YesWithLastTry(block);
                self.show_digits(session)?;
                Ok(())
            }
            (Key::Ok, Answer::Yes(Some(block)) | Answer::YesWithLastTry(block)) => {
                match self.vault.compare_pin(block)? {
                    Comparison::Right => self.pair(session, now),
                    Comparison::Wrong { tries: 0 } => self.decline_pairing(session, Code::PinLocked, now),
                    Comparison::Wrong { .. } => self.decline_pairing(session, Code::PinWrong, now),
                }
            }
            (Key::Ok | Key::Up | Key::Down, answer) => {
                session.answer = answer;
                self.face = Face::Digits;
                self.link = Link::Pairing(Box::new(Pairing::Comparing(session)));
                Ok(())
            }
        }
    }

    /// Both sides said yes. The record is stored before the phone hears of it.
    fn pair(&mut self, mut session: Comparing, now: Millis) -> Step {
        let (k_hint, k_adv) = (Secret::new(self.vault.random()?), Secret::new(self.vault.random()?));
        let phone = Phone { key: session.key, name: session.name, k_hint, k_adv, provisional: true };
        let phone = self.vault.pair_phone(phone)?;
        self.vault.clear_pairing_tries()?;
        let tries = self.vault.pin_state()?.tries;
        let p6 = P6::Paired { k_hint: phone.k_hint, k_adv: phone.k_adv, tries };
        self.show_notice(Notice::Paired(phone.name), now)?;
        let Ok(p6) = session.transport.seal(&p6.encode()) else { return self.hang_up(now) };
        self.send(Kind::Pairing, p6);
        // The phone may go on with K1 at once.
        self.link = Link::Fresh(Fresh { until: now.plus(NEXT_MESSAGE), ..session.fresh });
        Ok(())
    }

    fn decline_pairing(&mut self, mut session: Comparing, code: Code, now: Millis) -> Step {
        let p6 = P6::Refused { refusal: code.into(), tries: self.vault.pin_state()?.tries };
        if let Ok(p6) = session.transport.seal(&p6.encode()) {
            self.send(Kind::Pairing, p6);
        }
        self.end_pairing(now)
    }

    fn end_pairing(&mut self, now: Millis) -> Step {
        self.face = Face::Digits;
        self.hang_up(now)
    }

    /// The session is over without a record: the mode goes on, or closes.
    pub(super) fn show_pairing_failed(&mut self, now: Millis) -> Step {
        if planted::on(Bug::PairingTriesAtEnd) {
            self.vault.count_pairing_try()?;
        }
        match self.vault.pairing_tries()? {
            tries if tries < PAIRING_TRIES => self.show_pairing_mode(tries, now)?,
            _ => self.show_notice(Notice::PairingTriesSpent, now)?,
        }
        Ok(())
    }

    pub(super) fn pairing_tick(&mut self, now: Millis) -> Step {
        match core::mem::replace(&mut self.link, Link::Down) {
            Link::Pairing(pairing) => match *pairing {
                Pairing::Comparing(session) => self.decline_pairing(session, Code::TimedOut, now),
                Pairing::Committed(_) => self.hang_up(now),
            },
            _ => Ok(()),
        }
    }
}
