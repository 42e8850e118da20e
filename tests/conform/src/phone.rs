//! A phone on the protocol's own handshakes: honest or not, as a case needs it.

use ushield_protocol::code::Code;
use ushield_protocol::key::{PhoneId, PublicKey};
use ushield_protocol::message::{
    Hello, Kind, P1_BY_CODE, P3, P4, P5, P6, Reply, ReplyClass, Request, State, Versions, connect_hint,
    pairing_commitment, pairing_digits,
};
use ushield_protocol::noise::{DhSecret, Handshake, Pattern, Seed, StaticKey, Transport};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::secret::Secret;

use crate::fit::Unfit;
use crate::line::{Came, Line, PATIENCE, QUIET};
use crate::miss::{Miss, Step, want};

/// A phone, and the pairing that it has.
#[derive(Clone)]
pub(crate) struct Phone {
    pub(crate) key: DhSecret,
    pub(crate) pairing: Option<(PublicKey, Secret<32>)>,
}

impl Phone {
    pub(crate) fn id(&self) -> PhoneId {
        self.key.public_key().phone_id()
    }

    fn start(&self, pattern: Pattern, seed: &Seed) -> Step<Handshake> {
        let key = StaticKey::Here(self.key.clone());
        Handshake::initiator(pattern, &key, seed).map_err(ours)
    }

    /// K1, and the handshake that waits for K2.
    pub(crate) fn k1(&self, hello: &Hello, seed: &Seed, versions: Versions) -> Step<(Handshake, Vec<u8>)> {
        let (token, k_hint) = self.pairing.as_ref().ok_or_else(|| Miss::wrong("a paired phone", "none"))?;
        let mut handshake = self.start(Pattern::Kk { peer: *token }, seed)?;
        let noise = handshake.write(&versions.encode()).map_err(ours)?;
        let mut k1 = Vec::from(connect_hint(k_hint, &hello.nonce, noise.get(..33).unwrap_or_default()));
        k1.extend_from_slice(&noise);
        Ok((handshake, k1))
    }

    /// P1 to P3: the token's next message is P4, or a refusal.
    pub(crate) async fn open_pairing(
        &self,
        mut line: Line,
        seed: &Seed,
        p3: impl FnOnce(P3) -> Vec<u8>,
        nonce: [u8; 16],
    ) -> Step<Opening> {
        let mut handshake = self.start(Pattern::Xx, seed)?;
        let p1 = handshake.write(&Versions::OURS.encode()).map_err(ours)?;
        line.send(Kind::Pairing, &p1).await;
        self.go_on(line, handshake, p3, nonce).await
    }

    /// The same by code, under this key.
    pub(crate) async fn open_pairing_by_code(
        &self,
        mut line: Line,
        seed: &Seed,
        psk: &Secret<32>,
        nonce: [u8; 16],
    ) -> Step<Opening> {
        let mut handshake = self.start(Pattern::XxPsk3, seed)?;
        handshake.set_psk(psk).map_err(ours)?;
        let mut p1 = vec![P1_BY_CODE];
        p1.extend(handshake.write(&Versions::OURS.encode()).map_err(ours)?);
        line.send(Kind::Pairing, &p1).await;
        self.go_on(line, handshake, |p3| p3.encode(), nonce).await
    }

    async fn go_on(
        &self,
        mut line: Line,
        mut handshake: Handshake,
        p3: impl FnOnce(P3) -> Vec<u8>,
        nonce: [u8; 16],
    ) -> Step<Opening> {
        let p2 = line.take(Kind::Pairing).await?;
        let commitment =
            handshake.read(&p2).map_err(|_| Miss::wrong("P2 of the handshake", "bytes that do not open"))?;
        want(commitment.len() == 32, "a commitment of 32 bytes", || format!("{} bytes", commitment.len()))?;
        let plain = P3 { versions: Versions::OURS, nonce, name: "Conformance".to_owned() };
        let message = handshake.write(&p3(plain)).map_err(ours)?;
        line.send(Kind::Pairing, &message).await;
        let token = handshake.peer().ok_or_else(|| Miss::wrong("the token's static key in P2", "none"))?;
        let hash = handshake.hash();
        let transport = handshake.into_transport().map_err(ours)?;
        Ok(Opening { line, transport, commitment, token, hash, nonce })
    }
}

/// Our own side could not: no answer of the token's.
fn ours(code: Code) -> Miss {
    Miss::wrong("a handshake that this side can begin", code.name())
}

/// A pairing after P3.
pub(crate) struct Opening {
    pub(crate) line: Line,
    transport: Transport,
    commitment: Vec<u8>,
    pub(crate) token: PublicKey,
    hash: [u8; 32],
    nonce: [u8; 16],
}

impl Opening {
    /// P4: the digits are compared now.
    pub(crate) async fn compare(mut self) -> Step<Comparing> {
        let body = match self.line.next(PATIENCE).await? {
            Came::Message(Kind::Pairing, body) => body,
            Came::Message(Kind::Refusal, body) => {
                let code = body.first().copied().and_then(Code::from_wire);
                let used = [Code::PinInitial, Code::PinLocked, Code::PhonesFull];
                if let Some(code) = code.filter(|code| used.contains(code)) {
                    return Err(Unfit::Used { code: code.to_string() }.into());
                }
                return Err(Miss::wrong("P4", Came::Message(Kind::Refusal, body).say()));
            }
            came => return Err(Miss::wrong("P4", came.say())),
        };
        let plain = self.transport.open(&body).map_err(|_| Miss::wrong("P4", "bytes that do not open"))?;
        let p4 =
            P4::decode(&plain).map_err(|error| Miss::wrong("P4 as section 4 has it", error.to_string()))?;
        let digits = pairing_digits(&self.hash, &self.nonce, &p4.nonce);
        let opens = pairing_commitment(&p4.nonce).as_bytes().as_slice() == self.commitment;
        let Self { line, transport, token, .. } = self;
        Ok(Comparing { line, transport, p4, token, digits: format!("{digits:06}"), opens })
    }
}

/// A pairing after P4.
pub(crate) struct Comparing {
    pub(crate) line: Line,
    transport: Transport,
    pub(crate) p4: P4,
    pub(crate) token: PublicKey,
    pub(crate) digits: String,
    /// Whether nT opens the commitment.
    pub(crate) opens: bool,
}

impl Comparing {
    pub(crate) async fn answer(&mut self, confirmed: bool, pin: Option<PinBlock>) -> Step {
        let p5 = self.transport.seal(&P5 { confirmed, pin }.encode()).map_err(ours)?;
        self.line.send(Kind::Pairing, &p5).await;
        Ok(())
    }

    pub(crate) async fn p6(&mut self) -> Step<P6> {
        let body = self.line.take(Kind::Pairing).await?;
        let plain = self.transport.open(&body).map_err(|_| Miss::wrong("P6", "bytes that do not open"))?;
        P6::decode(&plain).map_err(|error| Miss::wrong("P6 as section 4 has it", error.to_string()))
    }

    /// P6 that refuses with this code.
    pub(crate) async fn refused(&mut self, code: Code) -> Step<u8> {
        match self.p6().await? {
            P6::Refused { refusal, tries } if refusal.code == code => Ok(tries),
            P6::Refused { refusal, .. } => {
                Err(Miss::wrong(format!("P6 {code}"), format!("P6 {}", refusal.code)))
            }
            P6::Paired { .. } => Err(Miss::wrong(format!("P6 {code}"), "P6 ok")),
        }
    }
}

/// A sealed channel.
pub(crate) struct Channel {
    pub(crate) line: Line,
    pub(crate) transport: Transport,
    pub(crate) state: State,
}

impl Channel {
    pub(crate) async fn send(&mut self, request: &Request) -> Step {
        self.send_bytes(&request.encode()).await
    }

    pub(crate) async fn send_bytes(&mut self, plaintext: &[u8]) -> Step {
        let sealed = self.transport.seal(plaintext).map_err(ours)?;
        self.line.send(Kind::Sealed, &sealed).await;
        Ok(())
    }

    async fn reply(&mut self, expected: &str) -> Step<Reply> {
        match self.line.next(PATIENCE).await? {
            Came::Message(Kind::Sealed, body) => self.open(&body),
            came => Err(Miss::wrong(expected, came.say())),
        }
    }

    pub(crate) fn open(&mut self, body: &[u8]) -> Step<Reply> {
        let plain = self
            .transport
            .open(body)
            .map_err(|_| Miss::wrong("a sealed message", "one that does not open"))?;
        Reply::decode(&plain).map_err(|_| Miss::wrong("a reply of section 5", "bytes that are none"))
    }

    /// An event with this code; its body.
    pub(crate) async fn event(&mut self, code: Code) -> Step<Vec<u8>> {
        let expected = format!("event {code}");
        let reply = self.reply(&expected).await?;
        want((reply.class, reply.code) == (ReplyClass::Event, code), &expected, || say(&reply))?;
        Ok(reply.body)
    }

    /// A result, whatever it says.
    pub(crate) async fn result(&mut self) -> Step<Reply> {
        let reply = self.reply("a result").await?;
        want(reply.class == ReplyClass::Result, "a result", || say(&reply))?;
        Ok(reply)
    }

    /// A result with this code; its body.
    pub(crate) async fn result_is(&mut self, code: Code) -> Step<Vec<u8>> {
        let expected = format!("result {code}");
        let reply = self.reply(&expected).await?;
        want((reply.class, reply.code) == (ReplyClass::Result, code), &expected, || say(&reply))?;
        Ok(reply.body)
    }

    /// A command, and its result with this code.
    pub(crate) async fn ask(&mut self, request: &Request, code: Code) -> Step<Vec<u8>> {
        self.send(request).await?;
        self.result_is(code).await
    }

    /// Nothing comes.
    pub(crate) async fn quiet(&mut self, expected: &str) -> Step {
        match self.line.next(QUIET).await? {
            Came::Nothing => Ok(()),
            Came::Message(Kind::Sealed, body) => Err(Miss::wrong(expected, say(&self.open(&body)?))),
            came => Err(Miss::wrong(expected, came.say())),
        }
    }
}

/// A reply for a person.
pub(crate) fn say(reply: &Reply) -> String {
    let class = if reply.class == ReplyClass::Event { "event" } else { "result" };
    match reply.code {
        Code::Malformed | Code::Unshowable => format!("{class} {}", reply.to_refusal()),
        code => format!("{class} {code}"),
    }
}

/// A block of a PIN that this crate chose.
pub(crate) fn block(pin: &str) -> Step<PinBlock> {
    PinBlock::new(pin).map_err(|code| Miss::wrong("a PIN", code.name()))
}
