//! One connection to the scripted token.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ushield_client::Error;
use ushield_client::ports::Link;
use ushield_protocol::code::Code;
use ushield_protocol::device::{certified_key, sign_statement};
use ushield_protocol::key::{BankId, PublicKey, ShortKeyId, Sign as _};
use ushield_protocol::message::{
    Hello, Info, Kind, P3, P4, P5, P6, PhoneEntry, Reply, ReplyClass, Request, State, Versions, connect_hint,
    decode_certificates, encode_phones, pairing_commitment, pairing_digits,
};
use ushield_protocol::noise::{Handshake, Pattern, Seed, StaticKey, Transport};
use ushield_protocol::order::Order;
use ushield_protocol::refusal::Refusal;
use ushield_protocol::secret::Secret;

use super::hand::FIRMWARE;
use super::{Conduct, Out, PairedPhone, Step, Token};

enum Stage {
    Fresh { nonce: [u8; 8] },
    ExpectP3 { handshake: Handshake, nonce: [u8; 32] },
    ExpectP5 { transport: Transport, phone: PublicKey },
    Open { transport: Transport },
    Over,
}

pub(super) struct TokenLink {
    token: Arc<Mutex<Token>>,
    out: VecDeque<Out>,
    state: Stage,
    closed: bool,
}

impl TokenLink {
    pub(super) fn open(shared: Arc<Mutex<Token>>) -> Self {
        let mut token = shared.lock().unwrap();
        let mut nonce = [0; 8];
        nonce.copy_from_slice(&token.entropy.draw()[..8]);
        let hello =
            Hello { versions: Versions::OURS, pairing: token.pairing, extended: false, nonce }.encode();
        let hello = token.say(Step::Hello, hello);
        let mut out = VecDeque::new();
        token.leave(&mut out, Step::Hello, Kind::Hello, hello);
        drop(token);
        Self { token: shared, out, state: Stage::Fresh { nonce }, closed: false }
    }
}

impl Token {
    /// What is said at this step, if the script has nothing else to say.
    fn say(&mut self, step: Step, honest: Vec<u8>) -> Vec<u8> {
        match self.lies.get_mut(&step) {
            Some(lie) => lie(honest),
            None => honest,
        }
    }

    fn leave(&mut self, out: &mut VecDeque<Out>, step: Step, kind: Kind, body: Vec<u8>) {
        let messages = match self.frames.get_mut(&step) {
            Some(lie) => lie(kind, body),
            None => vec![Out::Frame(kind, body)],
        };
        for message in messages {
            if let Out::Frame(kind, body) = &message {
                self.sent.push((*kind, body.clone()));
            }
            out.push_back(message);
        }
    }

    fn refuse(&mut self, out: &mut VecDeque<Out>, code: Code) -> Stage {
        self.leave(out, Step::Result, Kind::Refusal, vec![code.wire().unwrap()]);
        out.push_back(Out::Cut);
        Stage::Over
    }

    fn seed(&self) -> Seed {
        Seed::new(self.entropy.draw())
    }

    fn step(&mut self, out: &mut VecDeque<Out>, state: Stage, kind: Kind, body: &[u8]) -> Stage {
        match (state, kind) {
            (Stage::Fresh { .. }, Kind::Pairing) => self.p1(out, body),
            (Stage::ExpectP3 { handshake, nonce }, Kind::Pairing) => self.p3(out, handshake, nonce, body),
            (Stage::ExpectP5 { transport, phone }, Kind::Pairing) => self.p5(out, transport, phone, body),
            (Stage::Fresh { nonce }, Kind::Connect) => self.k1(out, nonce, body),
            (Stage::Open { transport }, Kind::Sealed) => self.sealed(out, transport, body),
            (_, _) => {
                out.push_back(Out::Cut);
                Stage::Over
            }
        }
    }

    fn p1(&mut self, out: &mut VecDeque<Out>, body: &[u8]) -> Stage {
        if !self.pairing {
            return self.refuse(out, Code::NotPairing);
        }
        let key = StaticKey::Here(self.dh.clone());
        let mut handshake = Handshake::responder(Pattern::Xx, &key, &self.seed()).unwrap();
        handshake.read(body).unwrap();
        let nonce = self.entropy.draw();
        let commitment = self.say(Step::P2, pairing_commitment(&nonce).as_bytes().to_vec());
        let p2 = handshake.write(&commitment).unwrap();
        self.leave(out, Step::P2, Kind::Pairing, p2);
        Stage::ExpectP3 { handshake, nonce }
    }

    fn p3(
        &mut self,
        out: &mut VecDeque<Out>,
        mut handshake: Handshake,
        nonce: [u8; 32],
        body: &[u8],
    ) -> Stage {
        let p3 = P3::decode(&handshake.read(body).unwrap()).unwrap();
        let phone = handshake.peer().unwrap();
        self.digits = Some(pairing_digits(&handshake.hash(), &p3.nonce, &nonce));
        let mut transport = handshake.into_transport().unwrap();
        let p4 = P4 {
            nonce,
            versions: Versions::OURS,
            pin_needed: !self.phones.is_empty(),
            statement: sign_statement(self.device, &self.dh.public_key(), &self.hand.device),
            chain: self.chain.clone(),
            name: "U-Shield 66".to_owned(),
        };
        let p4 = self.say(Step::P4, p4.encode());
        let p4 = transport.seal(&p4).unwrap();
        self.leave(out, Step::P4, Kind::Pairing, p4);
        Stage::ExpectP5 { transport, phone }
    }

    fn p5(
        &mut self,
        out: &mut VecDeque<Out>,
        mut transport: Transport,
        phone: PublicKey,
        body: &[u8],
    ) -> Stage {
        let p5 = P5::decode(&transport.open(body).unwrap()).unwrap();
        if !p5.confirmed {
            out.push_back(Out::Cut);
            return Stage::Over;
        }
        let p6 = if self.agrees {
            let k_hint = Secret::new(self.entropy.draw());
            let k_adv = Secret::new(self.entropy.draw());
            self.phones.retain(|known| known.key != phone);
            self.phones.push(PairedPhone { key: phone, k_hint: k_hint.clone() });
            self.pairing = false;
            P6::Paired { k_hint, k_adv, tries: 5 }
        } else {
            P6::Refused { refusal: Refusal::from(Code::Declined), tries: 5 }
        };
        let p6 = self.say(Step::P6, p6.encode().to_vec());
        let p6 = transport.seal(&p6).unwrap();
        self.leave(out, Step::P6, Kind::Pairing, p6);
        Stage::Over
    }

    fn k1(&mut self, out: &mut VecDeque<Out>, nonce: [u8; 8], body: &[u8]) -> Stage {
        let (hint, message) = body.split_at(4);
        let known =
            self.phones.iter().find(|phone| connect_hint(&phone.k_hint, &nonce, &message[..33]) == hint);
        let Some(peer) = known.map(|phone| phone.key) else { return self.refuse(out, Code::UnknownPhone) };
        let key = StaticKey::Here(self.dh.clone());
        let mut handshake = Handshake::responder(Pattern::Kk { peer }, &key, &self.seed()).unwrap();
        handshake.read(message).unwrap();
        let state = State {
            versions: Versions::OURS,
            flags: self.flags,
            tries: 5,
            firmware: FIRMWARE,
            profile: 1,
            max_order: 1024,
            pay: *self.hand.pay.public_key().short_key_id().as_bytes(),
            phones: u8::try_from(self.phones.len()).unwrap(),
        };
        let state = self.say(Step::K2, state.encode());
        let k2 = handshake.write(&state).unwrap();
        let transport = handshake.into_transport().unwrap();
        self.leave(out, Step::K2, Kind::Connect, k2);
        Stage::Open { transport }
    }

    fn reply(&mut self, out: &mut VecDeque<Out>, transport: &mut Transport, step: Step, reply: &Reply) {
        let step = if reply.class == ReplyClass::Event { Step::Event } else { step };
        let plain = self.say(step, reply.encode());
        let plains = match &mut self.tale {
            Some(tale) => tale(step, plain),
            None => vec![plain],
        };
        for mut plain in plains {
            plain.truncate(ushield_protocol::message::MAX_BODY - 16);
            let sealed = transport.seal(&plain).unwrap();
            self.leave(out, step, Kind::Sealed, sealed);
        }
    }

    fn sealed(&mut self, out: &mut VecDeque<Out>, mut transport: Transport, body: &[u8]) -> Stage {
        // With few ephemeral keys to choose from, as in stand-in cryptography, a recorded K2 may lead the phone into an older channel.
        let Ok(plain) = transport.open(body) else {
            out.push_back(Out::Cut);
            return Stage::Over;
        };
        self.seen.push(plain[0]);
        let request = Request::decode(&plain).unwrap();
        if matches!(request, Request::Order { pin: Some(_), .. } | Request::Pin { .. }) {
            self.pins.push(plain[0]);
        }
        match request {
            Request::Order { order, .. } => self.order(out, &mut transport, order),
            Request::Collect { order } => {
                let reply = match (self.answers.get(&order), self.shown) {
                    (Some(answer), _) => Reply::ok(answer.clone()),
                    (None, Some(shown)) if shown == order => Reply::status(Code::Waiting),
                    _ => Reply::status(Code::NotFound),
                };
                self.reply(out, &mut transport, Step::Answer, &reply);
            }
            Request::Cancel { order } if self.shown == Some(order) => {
                self.shown = None;
                let mut replies =
                    [(Step::Answer, Reply::status(Code::Cancelled)), (Step::Result, Reply::ok(Vec::new()))];
                if self.cancel_backwards {
                    replies.reverse();
                }
                for (step, reply) in replies {
                    self.reply(out, &mut transport, step, &reply);
                }
            }
            other => {
                let reply = self.manage(&other);
                self.reply(out, &mut transport, Step::Result, &reply);
            }
        }
        Stage::Open { transport }
    }

    fn manage(&mut self, request: &Request) -> Reply {
        match request {
            Request::Info => Reply::ok(
                Info {
                    device: self.device,
                    firmware: FIRMWARE,
                    profile: 1,
                    name: "U-Shield 66".to_owned(),
                    bank: BankId::new(super::super::bank::BANK).unwrap(),
                    flags: self.flags,
                    tries: 5,
                    pay: None,
                    login: None,
                    phones: u8::try_from(self.phones.len()).unwrap(),
                    approvals: 0,
                }
                .encode(),
            ),
            Request::Phones => {
                let entry = |phone: &PairedPhone| PhoneEntry {
                    id: phone.key.phone_id(),
                    name: "phone".to_owned(),
                    this: true,
                };
                Reply::ok(encode_phones(&self.phones.iter().map(entry).collect::<Vec<_>>()))
            }
            Request::BankKey { statement } => {
                // It believes whatever it is given: that is not what is tested with it.
                let message = ushield_protocol::cose::Sign1::parse(statement).unwrap();
                let key = ushield_protocol::bank_key::BankKey::decode(message.payload()).unwrap();
                if let Some(known) = &mut self.bank_keys {
                    known.push(key.key_id());
                }
                Reply::ok(Vec::new())
            }
            Request::Cancel { order } => match self.answers.contains_key(order) {
                true => Reply::status(Code::AlreadyDecided),
                false => Reply::status(Code::NotFound),
            },
            Request::PutCertificate { chain, .. } => {
                let chain = decode_certificates(chain).unwrap();
                match certified_key(&chain[0]) == Some(self.hand.pay.public_key()) {
                    true => Reply::ok(Vec::new()),
                    false => Reply::status(Code::WrongCertificate),
                }
            }
            Request::PinChange { .. } | Request::Forget { .. } => Reply::ok(Vec::new()),
            Request::GetCertificate { .. } => Reply::status(Code::NoCertificate),
            Request::Pin { .. } | Request::Order { .. } | Request::Collect { .. } => {
                Reply::status(Code::UnknownCommand)
            }
        }
    }

    fn knows(&self, kid: ShortKeyId) -> bool {
        self.bank_keys.as_ref().is_none_or(|known| known.contains(&kid))
    }

    fn order(&mut self, out: &mut VecDeque<Out>, transport: &mut Transport, bytes: Vec<u8>) {
        self.orders.push(bytes.clone());
        let order = Order::receive(&bytes).unwrap();
        if !self.knows(order.kid()) {
            return self.reply(out, transport, Step::Answer, &Reply::status(Code::UnknownOrderKey));
        }
        let order = order.trust_own().unwrap();
        let id = order.id();
        if let Some(answer) = self.answers.get(&id).cloned() {
            return self.reply(out, transport, Step::Answer, &Reply::ok(answer));
        }
        let shown = Reply::event(Code::Shown, Vec::new());
        if !matches!(self.conduct, Conduct::Say(_) | Conduct::Cut) {
            self.reply(out, transport, Step::Event, &shown);
            self.shown = Some(id);
        }
        let conduct = std::mem::replace(&mut self.conduct, Conduct::Wait);
        match &conduct {
            Conduct::Approve => {
                let answer = self.hand.approve(&order);
                self.decide(out, transport, id, answer);
            }
            Conduct::Reject => {
                let answer = self.hand.reject(&order);
                self.decide(out, transport, id, answer);
            }
            Conduct::Answer(answerer) => {
                let answer = answerer(&mut self.hand, &order);
                self.reply(out, transport, Step::Answer, &Reply::ok(answer));
            }
            Conduct::Say(replies) => {
                for reply in replies {
                    self.reply(out, transport, Step::Answer, reply);
                }
            }
            Conduct::Wait => {}
            Conduct::ApproveThenCut => {
                let answer = self.hand.approve(&order);
                self.answers.insert(id, answer);
                self.shown = None;
                out.push_back(Out::Cut);
            }
            Conduct::Cut => out.push_back(Out::Cut),
        }
        self.conduct = conduct;
    }

    fn decide(
        &mut self,
        out: &mut VecDeque<Out>,
        transport: &mut Transport,
        id: ushield_protocol::key::OrderId,
        answer: Vec<u8>,
    ) {
        self.answers.insert(id, answer.clone());
        self.shown = None;
        self.reply(out, transport, Step::Answer, &Reply::ok(answer));
    }
}

#[async_trait]
impl Link for TokenLink {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        if self.closed {
            return Err(Error::new(Code::LinkLost));
        }
        let state = std::mem::replace(&mut self.state, Stage::Over);
        self.state = self.token.lock().unwrap().step(&mut self.out, state, kind, body);
        Ok(())
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        match self.out.pop_front() {
            Some(Out::Frame(kind, body)) => Ok((kind, body)),
            Some(Out::Cut) => {
                self.closed = true;
                Err(Error::new(Code::LinkLost))
            }
            None if self.closed => Err(Error::new(Code::LinkLost)),
            None => std::future::pending().await,
        }
    }

    async fn close(&mut self) {
        self.closed = true;
    }
}
