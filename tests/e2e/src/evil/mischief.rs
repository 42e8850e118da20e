//! A token that answers with whatever its dice say: right replies, those of other commands, damaged ones in valid seals, random bytes, events in
//! the wrong order, authorizations of other orders and by other keys, and the end of the link anywhere.

use std::sync::{Arc, Mutex};

use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::Uv;
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::key::{Hash, OrderId, PhoneId, SigningKey};
use ushield_protocol::message::{Kind, P4, P6, Reply, ReplyClass, State, Versions};
use ushield_protocol::order::{Order, Verified};
use ushield_protocol::refusal::Refusal;
use ushield_protocol::secret::Secret;

use super::dice::Dice;
use super::token::{Conduct, Hand, Out, ScriptedToken, Step};
use super::witness::Witness;

/// What is remembered of each kind, to be said at the wrong moment.
const REMEMBERED: usize = 24;
/// The longest plaintext that a token can seal.
const LONGEST: usize = 4_000;
/// The longest of a handshake.
const LONGEST_HANDSHAKE: usize = 3_500;

/// What a token has said before, here and in other orders.
#[derive(Default)]
struct Pool {
    plain: Vec<Vec<u8>>,
    sealed: Vec<Vec<u8>>,
    answers: Vec<Vec<u8>>,
}

/// Makes a token misbehave.
#[derive(Clone)]
pub struct Mischief {
    dice: Arc<Dice>,
    pool: Arc<Mutex<Pool>>,
    witness: Arc<Witness>,
}

impl std::fmt::Debug for Mischief {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mischief")
    }
}

impl Mischief {
    /// Mischief by these dice. The witness is told when the phone cannot know better.
    #[must_use]
    pub fn new(dice: Arc<Dice>, witness: Arc<Witness>) -> Self {
        Self { dice, pool: Arc::default(), witness }
    }

    /// From now on the token lies, until it repents. How often, the dice say. One without keys has only the outside of its messages.
    pub fn seize(&self, token: &ScriptedToken, has_keys: bool) {
        let often = *self.dice.one(&[2, 8, 25, 60]);
        for step in [Step::Hello, Step::P2, Step::P4, Step::P6, Step::K2] {
            let me = self.clone();
            token.lie(step, move |honest| match me.dice.percent(often) {
                true => me.instead(step, honest),
                false => me.remember(honest),
            });
        }
        let me = self.clone();
        token.tells(move |_, honest| match me.dice.percent(often) {
            true => me.tale(honest),
            false => vec![me.remember(honest)],
        });
        // Outside of the seal less often: most of it ends the connection.
        let seldom = if has_keys { often / 3 } else { 70 };
        for step in
            [Step::Hello, Step::P2, Step::P4, Step::P6, Step::K2, Step::Event, Step::Answer, Step::Result]
        {
            let me = self.clone();
            token.replace(step, move |kind, body| match me.dice.percent(seldom) {
                true => me.frames(kind, body),
                false => vec![Out::Frame(kind, body)],
            });
        }
        token.conduct(self.conduct());
    }

    /// What it does with the next orders.
    pub fn conduct(&self) -> Conduct {
        match self.dice.below(12) {
            0..=2 => Conduct::Approve,
            3 => Conduct::Reject,
            4 => Conduct::Wait,
            5 => Conduct::ApproveThenCut,
            6 => Conduct::Cut,
            7 => Conduct::Say((0..self.dice.below(6)).map(|_| self.reply()).collect()),
            _ => {
                let me = self.clone();
                Conduct::Answer(Box::new(move |hand, order| me.answer(hand, order)))
            }
        }
    }

    fn remember(&self, plain: Vec<u8>) -> Vec<u8> {
        let mut pool = self.pool.lock().unwrap();
        keep(&mut pool.plain, &plain, &self.dice);
        plain
    }

    fn remembered(&self, of: impl Fn(&Pool) -> &Vec<Vec<u8>>) -> Vec<u8> {
        let pool = self.pool.lock().unwrap();
        match of(&pool).is_empty() {
            true => self.dice.bytes(64),
            false => self.dice.one(of(&pool)).clone(),
        }
    }

    /// Another plaintext of the handshakes.
    fn instead(&self, step: Step, honest: Vec<u8>) -> Vec<u8> {
        if step == Step::K2 {
            // It may claim another key than the certificate's: then the phone cannot judge approvals any more.
            self.witness.judges(false);
        }
        let made = match (step, self.dice.below(5)) {
            (Step::K2, 0..=3) => self.state(&honest),
            (Step::P4, 0..=3) => self.p4(&honest),
            (Step::P6, 0..=3) => self.p6(),
            (_, 4) => match self.dice.percent(50) {
                true => self.dice.bytes(400),
                false => self.remembered(|pool| &pool.plain),
            },
            _ => self.dice.damaged(honest),
        };
        // Longer ones do not fit into a handshake's message.
        made.get(..LONGEST_HANDSHAKE).map(<[u8]>::to_vec).unwrap_or(made)
    }

    fn state(&self, honest: &[u8]) -> Vec<u8> {
        let Ok(mut state) = State::decode(honest) else { return self.dice.damaged(honest.to_vec()) };
        match self.dice.below(7) {
            0 => state.flags.pin_initial = true,
            1 => state.flags.pin_locked = true,
            2 => state.tries = self.dice.number() as u8,
            3 => state.profile = self.dice.number() as u16,
            4 => state.versions = Versions { lowest: 2, highest: 9, suites: 0xffff },
            5 => state.pay = [0; 8],
            _ => state.max_order = self.dice.number() as u16,
        }
        state.encode()
    }

    fn p4(&self, honest: &[u8]) -> Vec<u8> {
        let Ok(mut p4) = P4::decode(honest) else { return self.dice.damaged(honest.to_vec()) };
        match self.dice.below(7) {
            0 => p4.nonce[0] ^= 1,
            1 => p4.pin_needed = !p4.pin_needed,
            2 => p4.statement = self.dice.damaged(p4.statement),
            3 => p4.chain[0] = self.dice.damaged(p4.chain[0].clone()),
            4 => p4.chain.push(p4.chain[0].clone()),
            5 => p4.name = "\u{202e}dleihS-U".to_owned(),
            _ => p4.statement = self.remembered(|pool| &pool.answers),
        }
        p4.encode()
    }

    fn p6(&self) -> Vec<u8> {
        let secret = || Secret::new([self.dice.number() as u8; 32]);
        let p6 = match self.dice.percent(40) {
            true => P6::Paired { k_hint: secret(), k_adv: secret(), tries: self.dice.number() as u8 },
            false => P6::Refused { refusal: Refusal::from(self.code()), tries: self.dice.number() as u8 },
        };
        p6.encode().to_vec()
    }

    /// Any code that has a status byte.
    fn code(&self) -> Code {
        loop {
            if let Some(code) = Code::from_wire(self.dice.below(0x80) as u8) {
                return code;
            }
        }
    }

    /// Any reply, those that mean something to an order more often than others.
    fn reply(&self) -> Reply {
        let event = |code, body| Reply { class: ReplyClass::Event, code, body };
        match self.dice.below(14) {
            0 => event(Code::Shown, Vec::new()),
            1 => event(Code::PinNeeded, Vec::new()),
            2 => event(Code::PinWrong, vec![self.dice.number() as u8]),
            3 => event(Code::LastTry, Vec::new()),
            4 => Reply::status(Code::Waiting),
            5 => Reply::status(Code::Cancelled),
            6 => Reply::status(Code::OrderExpired),
            7 => Reply::status(Code::UnknownOrderKey),
            8 => Reply::status(Code::Busy),
            9 => Reply::ok(self.remembered(|pool| &pool.answers)),
            10 => Reply::ok(self.dice.bytes(300)),
            11 => event(self.code(), self.dice.bytes(3)),
            _ => Reply { class: ReplyClass::Result, code: self.code(), body: self.dice.bytes(4) },
        }
    }

    /// What is said in place of a reply, in valid seals.
    fn tale(&self, honest: Vec<u8>) -> Vec<Vec<u8>> {
        match self.dice.below(10) {
            0 => vec![self.dice.damaged(honest)],
            1 => vec![self.remembered(|pool| &pool.plain)],
            2 => vec![self.reply().encode()],
            3 => vec![honest.clone(), honest],
            4 => vec![honest, self.reply().encode()],
            5 => vec![self.reply().encode(), honest],
            6 => (0..self.dice.below(40)).map(|_| self.reply().encode()).collect(),
            7 => vec![Reply::event(Code::Shown, Vec::new()).encode(); self.dice.below(60)],
            8 => vec![self.dice.bytes(LONGEST)],
            _ => Vec::new(),
        }
    }

    /// What leaves in place of a message.
    fn frames(&self, kind: Kind, body: Vec<u8>) -> Vec<Out> {
        keep(&mut self.pool.lock().unwrap().sealed, &body, &self.dice);
        let kinds = [Kind::Hello, Kind::Pairing, Kind::Connect, Kind::Sealed, Kind::KeepAlive, Kind::Refusal];
        let right = Out::Frame(kind, body.clone());
        match self.dice.below(12) {
            0 => vec![Out::Frame(kind, self.dice.damaged(body))],
            1 => vec![Out::Frame(*self.dice.one(&kinds), body)],
            2 => vec![Out::Frame(
                *self.dice.one(&[kind, Kind::Connect, Kind::Pairing]),
                self.remembered(|pool| &pool.sealed),
            )],
            3 => vec![Out::Frame(kind, self.dice.bytes(LONGEST))],
            4 => vec![right.clone(), right],
            5 => vec![Out::Frame(Kind::Refusal, vec![self.dice.number() as u8]), right],
            6 => vec![Out::Frame(Kind::Refusal, self.dice.bytes(3))],
            7 => {
                let mut flood = vec![Out::Frame(Kind::KeepAlive, Vec::new()); self.dice.below(300)];
                flood.push(right);
                flood
            }
            8 => vec![right, Out::Cut],
            9 => Vec::new(),
            _ => vec![Out::Cut],
        }
    }

    /// An answer to an order: seldom the right one.
    fn answer(&self, hand: &mut Hand, order: &Order<Verified>) -> Vec<u8> {
        let made = match self.dice.below(12) {
            0..=5 => self.authorization(hand, order),
            6 | 7 => self.attestation(hand, order),
            8 => self.remembered(|pool| &pool.answers),
            9 => [hand.approve(order), self.remembered(|pool| &pool.answers)].concat(),
            10 => self.dice.bytes(LONGEST),
            _ => hand.approve(order),
        };
        keep(&mut self.pool.lock().unwrap().answers, &made, &self.dice);
        match self.dice.percent(15) {
            true => self.dice.damaged(made),
            false => made,
        }
    }

    fn key<'a>(&self, hand: &'a Hand, stranger: &'a SigningKey) -> &'a SigningKey {
        match self.dice.below(3) {
            0 => &hand.pay,
            1 => &hand.device,
            _ => stranger,
        }
    }

    fn authorization(&self, hand: &Hand, order: &Order<Verified>) -> Vec<u8> {
        let stranger = SigningKey::from_bytes(&[0x21; 32]).unwrap();
        let hash = || Hash::from([self.dice.number() as u8; 32]);
        let mut payload = hand.payload(order, *self.dice.one(&[Uv::None, Uv::Phone, Uv::Token]));
        match self.dice.below(12) {
            0 => payload.about.order_hash = hash(),
            1 => payload.about.order = OrderId::from_random([self.dice.number() as u8; 16]),
            2 => payload.about.operation = 1 + self.dice.below(12) as u8,
            3 => payload.about.pages = hash(),
            4 => payload.about.profile = self.dice.number() as u16,
            5 => payload.about.page_count = self.dice.number() as u8,
            6 => payload.counter = *self.dice.one(&[1, 2, 77, u32::MAX]),
            7 => payload.previous = hash(),
            8 => payload.via = PhoneId::from([1; 8]),
            _ => {}
        }
        // A rejection as an approval and the other way round, a login, a receipt.
        let tag = match self.dice.percent(50) {
            true => *self.dice.one(&[Tag::Approve, Tag::Reject]),
            false => *self.dice.one(&Tag::ALL),
        };
        sign1(tag, &payload.encode(), self.key(hand, &stranger))
    }

    fn attestation(&self, hand: &Hand, order: &Order<Verified>) -> Vec<u8> {
        let stranger = SigningKey::from_bytes(&[0x21; 32]).unwrap();
        let bytes = hand.attest(order, self.key(hand, &stranger));
        let message = ushield_protocol::cose::Sign1::parse(&bytes).unwrap();
        // One about a transfer is none; it is told as it is.
        let Ok(mut attestation) = Attestation::decode(message.payload()) else { return bytes };
        match self.dice.below(5) {
            0 => attestation.about.order_hash = Hash::from([1; 32]),
            1 => attestation.role = ushield_protocol::message::Role::Login,
            2 => attestation.about.order = OrderId::from_random([3; 16]),
            _ => return bytes,
        }
        let tag = *self.dice.one(&[Tag::Attest, Tag::Attest, Tag::Approve, Tag::Device]);
        sign1(tag, &attestation.encode(), self.key(hand, &stranger))
    }
}

/// Puts it with the others, in the place of one of them when there are enough.
fn keep(pool: &mut Vec<Vec<u8>>, what: &[u8], dice: &Dice) {
    if pool.len() < REMEMBERED {
        pool.push(what.to_vec());
    } else {
        pool[dice.below(REMEMBERED)] = what.to_vec();
    }
}
