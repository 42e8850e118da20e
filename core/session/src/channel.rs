//! Reconnect: Noise KK, and the sealed channel behind it (protocol.md, sections 3 and 5).
//!
//! [`connect`] -> [`NeedSs`] -> [`ExpectK2`] -> [`NeedSe`] -> [`Channel`].

use alloc::vec::Vec;

use ushield_protocol::code::Code;
use ushield_protocol::key::PublicKey;
use ushield_protocol::message::{Hello, Reply, Request, State, Versions, connect_hint};
use ushield_protocol::noise::{Handshake, Pattern, Seed, SharedSecret, StaticKey, Transport};
use ushield_protocol::planted::{self, Bug};

use crate::error::Error;
use crate::record::PairingRecord;

/// Begins a connection to a paired token that said `hello`.
pub fn connect(record: &PairingRecord, hello: &Hello, seed: Seed) -> Result<NeedSs, Error> {
    Versions::OURS.agree(hello.versions)?;
    Ok(NeedSs { record: record.clone(), nonce: hello.nonce, seed })
}

fn handshake(
    record: &PairingRecord,
    seed: &Seed,
    agreements: Vec<(PublicKey, SharedSecret)>,
) -> Result<Handshake, Code> {
    let key = StaticKey::Elsewhere { public: record.phone, agreements };
    Handshake::initiator(Pattern::Kk { peer: record.dh }, &key, seed)
}

/// The key store has to agree with the token's static key. The secret is the same in every connection.
#[derive(Debug)]
pub struct NeedSs {
    record: PairingRecord,
    nonce: [u8; 8],
    seed: Seed,
}

impl NeedSs {
    /// The token's static key.
    #[must_use]
    pub fn point(&self) -> PublicKey {
        self.record.dh
    }

    /// Goes on with the agreement; the result's bytes are K1.
    pub fn provide(self, shared: SharedSecret) -> Result<(ExpectK2, Vec<u8>), Error> {
        let mut handshake =
            handshake(&self.record, &self.seed, Vec::from([(self.record.dh, shared.clone())]))?;
        let message = handshake.write(&Versions::OURS.encode())?;
        let ephemeral = message.get(..33).ok_or(Code::ChannelBroken)?;
        let mut k1 = Vec::from(connect_hint(&self.record.k_hint, &self.nonce, ephemeral));
        k1.extend_from_slice(&message);
        Ok((ExpectK2 { record: self.record, seed: self.seed, ss: shared }, k1))
    }
}

/// K1 was sent.
#[derive(Debug)]
pub struct ExpectK2 {
    record: PairingRecord,
    seed: Seed,
    ss: SharedSecret,
}

impl ExpectK2 {
    /// Takes K2.
    pub fn handle(self, k2: &[u8]) -> Result<NeedSe, Error> {
        let point = k2.get(..33).and_then(PublicKey::from_slice).ok_or(Code::TokenMisbehaved)?;
        Ok(NeedSe { record: self.record, seed: self.seed, ss: self.ss, point, k2: Vec::from(k2) })
    }
}

/// The key store has to agree with the token's ephemeral key.
#[derive(Debug)]
pub struct NeedSe {
    record: PairingRecord,
    seed: Seed,
    ss: SharedSecret,
    point: PublicKey,
    k2: Vec<u8>,
}

impl NeedSe {
    /// The token's ephemeral point.
    #[must_use]
    pub fn point(&self) -> PublicKey {
        self.point
    }

    /// Goes on with the agreement: the channel stands, and the token has said how it is.
    pub fn provide(self, shared: SharedSecret) -> Result<(Channel, State), Error> {
        let agreements = Vec::from([(self.record.dh, self.ss), (self.point, shared)]);
        let mut handshake = handshake(&self.record, &self.seed, agreements)?;
        handshake.write(&Versions::OURS.encode())?;
        let state = State::decode(&handshake.read(&self.k2)?).map_err(Error::misbehaved)?;
        Versions::OURS.agree(state.versions)?;
        Ok((Channel(Some(handshake.into_transport()?)), state))
    }
}

/// The sealed channel, until a message does not open: then it is over.
#[derive(Debug)]
pub struct Channel(Option<Transport>);

impl Channel {
    /// Seals a command.
    pub fn seal(&mut self, request: &Request) -> Result<Vec<u8>, Error> {
        let transport = self.0.as_mut().ok_or(Code::ChannelBroken)?;
        Ok(transport.seal(&request.encode())?)
    }

    /// Opens a reply. One that does not open ends the channel.
    pub fn open(&mut self, body: &[u8]) -> Result<Reply, Error> {
        let transport = self.0.as_mut().ok_or(Code::ChannelBroken)?;
        let opened = transport.open(body);
        if opened.is_err() && !planted::on(Bug::BrokenChannelGoesOn) {
            self.0 = None;
        }
        Reply::decode(&opened?).map_err(Error::misbehaved)
    }
}
