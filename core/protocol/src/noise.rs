//! Noise over P-256 on `snow`, with our own resolver (section 3).
//!
//! snow's own P-256 needs `std` and panics on some keys; here a key is validated before it is used. A static key
//! may live elsewhere (Secure Enclave, StrongBox): then the agreements that it takes part in are handed in.

mod resolver;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use snow::params::{BaseChoice, CipherChoice, DHChoice, HandshakeChoice, HashChoice, NoiseParams};
use snow::resolvers::BoxedCryptoResolver;
use snow::{Builder, HandshakeState, TransportState};
use zeroize::Zeroizing;

pub use resolver::{DhSecret, SharedSecret};
use resolver::{Resolver, STATIC};

use crate::code::Code;
use crate::key::PublicKey;
use crate::message::{MAX_BODY, SUITE, VERSION};
use crate::planted::{self, Bug};
use crate::secret::Secret;

/// 32 random bytes from which a handshake draws its ephemeral key.
pub type Seed = Secret<32>;

/// A static key, and where it lives.
#[derive(Clone)]
pub enum StaticKey {
    /// In this memory.
    Here(DhSecret),
    /// In a key store, with the agreements that have been made so far.
    Elsewhere {
        /// Its public key.
        public: PublicKey,
        /// The other side's points, and the agreed secrets.
        agreements: Vec<(PublicKey, SharedSecret)>,
    },
}

/// Which handshake, and what is known of the peer.
#[derive(Clone, Copy, Debug)]
pub enum Pattern {
    /// Pairing by digits.
    Xx,
    /// Pairing by code. The code's key has to be set before the third message: [`Handshake::set_psk`].
    XxPsk3,
    /// Reconnect.
    Kk {
        /// The peer's static key.
        peer: PublicKey,
    },
}

/// A handshake in progress. Its memory is overwritten when it ends: snow does not wipe the chaining key, from which the
/// channel's keys follow.
pub struct Handshake(Box<HandshakeState>);

impl Handshake {
    /// Begins as the phone.
    pub fn initiator(pattern: Pattern, key: &StaticKey, seed: &Seed) -> Result<Self, Code> {
        Self::new(pattern, key, seed, true)
    }

    /// Begins as the token.
    pub fn responder(pattern: Pattern, key: &StaticKey, seed: &Seed) -> Result<Self, Code> {
        Self::new(pattern, key, seed, false)
    }

    fn new(pattern: Pattern, key: &StaticKey, seed: &Seed, initiator: bool) -> Result<Self, Code> {
        Self::with(pattern, Box::new(Resolver::new(Some(key.clone()), seed.clone())), initiator)
    }

    /// The resolver is an argument, so that a transcript with a given ephemeral key can be tested.
    fn with(pattern: Pattern, resolver: BoxedCryptoResolver, initiator: bool) -> Result<Self, Code> {
        let mut prologue = Vec::from(*b"USHIELD-CHANNEL");
        prologue.extend_from_slice(&[VERSION, SUITE]);
        let (name, choice) = match pattern {
            Pattern::Xx => ("Noise_XX_P256_AESGCM_SHA256", "XX"),
            Pattern::XxPsk3 => ("Noise_XXpsk3_P256_AESGCM_SHA256", "XXpsk3"),
            Pattern::Kk { .. } => ("Noise_KK_P256_AESGCM_SHA256", "KK"),
        };
        let choice: HandshakeChoice = choice.parse().map_err(|_| Code::ChannelBroken)?;
        // The slot of Curve448 is ours: the resolver answers with P-256, and the name says so.
        let params = NoiseParams::new(
            String::from(name),
            BaseChoice::Noise,
            choice,
            DHChoice::Curve448,
            CipherChoice::AESGCM,
            HashChoice::SHA256,
        );
        let build = || -> Result<HandshakeState, snow::Error> {
            let builder = Builder::with_resolver(params, resolver);
            let builder = builder.prologue(&prologue)?.local_private_key(STATIC)?;
            let builder = match &pattern {
                Pattern::Xx | Pattern::XxPsk3 => builder,
                Pattern::Kk { peer } => builder.remote_public_key(peer.as_bytes())?,
            };
            if initiator { builder.build_initiator() } else { builder.build_responder() }
        };
        build().map(|state| Self(Box::new(state))).map_err(|_| Code::ChannelBroken)
    }

    /// Sets the key that [`Pattern::XxPsk3`] mixes into its third message; without it that message is not to be had.
    pub fn set_psk(&mut self, psk: &Secret<32>) -> Result<(), Code> {
        self.0.set_psk(3, psk.expose()).map_err(|_| Code::ChannelBroken)
    }

    /// Writes the next message.
    pub fn write(&mut self, payload: &[u8]) -> Result<Vec<u8>, Code> {
        let mut message = vec![0; payload.len().saturating_add(160)];
        let length = self.0.write_message(payload, &mut message).map_err(|_| Code::ChannelBroken)?;
        message.truncate(length);
        Ok(message)
    }

    /// Reads the next message; its payload.
    pub fn read(&mut self, message: &[u8]) -> Result<Vec<u8>, Code> {
        let mut payload = vec![0; message.len()];
        let length = self.0.read_message(message, &mut payload).map_err(|_| Code::ChannelBroken)?;
        payload.truncate(length);
        Ok(payload)
    }

    /// The handshake hash.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.0.get_handshake_hash().try_into().unwrap_or([0; 32])
    }

    /// The peer's static key, once it is known.
    #[must_use]
    pub fn peer(&self) -> Option<PublicKey> {
        PublicKey::from_slice(self.0.get_remote_static()?)
    }

    /// Goes over to transport, after the last message.
    pub fn into_transport(mut self) -> Result<Transport, Code> {
        let state = core::mem::replace(&mut *self.0, blank().map_err(|_| Code::ChannelBroken)?);
        state.into_transport_mode().map(|state| Transport(Box::new(state))).map_err(|_| Code::ChannelBroken)
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        if let Ok(blank) = blank() {
            *self.0 = blank;
            // Else nobody would read it again, and it need not be written.
            core::hint::black_box(&mut *self.0);
        }
    }
}

/// A state that knows no key.
fn blank() -> Result<HandshakeState, snow::Error> {
    let params = NoiseParams::new(
        String::new(),
        BaseChoice::Noise,
        "NN".parse()?,
        DHChoice::Curve448,
        CipherChoice::AESGCM,
        HashChoice::SHA256,
    );
    Builder::with_resolver(params, Box::new(Resolver::new(None, Seed::new([0; 32])))).build_initiator()
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handshake")
    }
}

/// Two transport ciphers.
pub struct Transport(Box<TransportState>);

impl Transport {
    /// Seals one message.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, Code> {
        if plaintext.len() > MAX_BODY - 16 {
            return Err(Code::TooLarge);
        }
        let mut message = vec![0; plaintext.len() + 16];
        let length = self.0.write_message(plaintext, &mut message).map_err(|_| Code::ChannelBroken)?;
        message.truncate(length);
        Ok(message)
    }

    /// Opens one message. After a failure the connection is over.
    pub fn open(&mut self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
        let mut plaintext = Zeroizing::new(vec![0; message.len()]);
        let mut read = self.0.read_message(message, &mut plaintext);
        if planted::on(Bug::RepeatTolerated) && read.is_err() {
            let nonce = self.0.receiving_nonce();
            self.0.set_receiving_nonce(nonce.saturating_sub(1));
            read = self.0.read_message(message, &mut plaintext);
            self.0.set_receiving_nonce(nonce);
        }
        let length = read.map_err(|_| Code::ChannelBroken)?;
        plaintext.truncate(length);
        Ok(plaintext)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
