//! P-256, AES-256-GCM and SHA-256 behind snow's traits.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use p256::ecdh::diffie_hellman;
use sha2::{Digest, Sha256};
use snow::Error;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use zeroize::{Zeroize, Zeroizing};

use super::{Seed, StaticKey};
use crate::key::PublicKey;
use crate::secret::Secret;

/// snow wants bytes for a private key; these stand for "the static key of this resolver".
pub(super) const STATIC: &[u8] = b"static";
const POINT: usize = 33;
const TAG: usize = 16;

/// The x-coordinate that two keys agree on.
pub type SharedSecret = Secret<32>;

/// A Noise private key in memory. Zeroized when dropped; never shown.
#[derive(Clone)]
pub struct DhSecret(p256::SecretKey);

impl DhSecret {
    /// Takes a scalar in 1..n-1.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        p256::SecretKey::from_slice(bytes).ok().map(Self)
    }

    /// The scalar, to be stored where only its owner reads it.
    #[must_use]
    pub fn expose_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().into())
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let multiply = || PublicKey::from(&self.0.public_key());
        #[cfg(feature = "stand-in")]
        let multiply = || {
            let bytes = crate::stand_in::public(&self.expose_bytes(), || *multiply().as_bytes());
            PublicKey::from_slice(&bytes).unwrap_or_else(multiply)
        };
        multiply()
    }

    /// Agrees with a point (SEC 1, 3.3.1).
    #[must_use]
    pub fn agree(&self, peer: &PublicKey) -> Option<SharedSecret> {
        let agree = || {
            let peer = p256::PublicKey::from_sec1_bytes(peer.as_bytes()).ok()?;
            let shared = diffie_hellman(self.0.to_nonzero_scalar(), peer.as_affine());
            Some((*shared.raw_secret_bytes()).into())
        };
        #[cfg(feature = "stand-in")]
        let agree = || crate::stand_in::agreed(|| *self.public_key().as_bytes(), peer.as_bytes(), agree);
        agree().map(Secret::new)
    }
}

impl fmt::Debug for DhSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DhSecret(public {})", self.public_key().key_id())
    }
}

pub(super) struct Resolver {
    key: Option<StaticKey>,
    seed: Seed,
}

impl Resolver {
    pub(super) fn new(key: Option<StaticKey>, seed: Seed) -> Self {
        Self { key, seed }
    }
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Drbg { seed: self.seed.clone(), block: 0 }))
    }

    fn resolve_dh(&self, _: &DHChoice) -> Option<Box<dyn Dh>> {
        Some(Box::new(P256 { own: self.key.clone(), key: None, public: [0; POINT] }))
    }

    fn resolve_hash(&self, _: &HashChoice) -> Option<Box<dyn Hash>> {
        Some(Box::<HashSha256>::default())
    }

    fn resolve_cipher(&self, _: &CipherChoice) -> Option<Box<dyn Cipher>> {
        Some(Box::<AesGcm>::default())
    }
}

/// SHA-256 in counter mode over the seed: the ephemeral key is the seed's, so that a step can be done again.
struct Drbg {
    seed: Seed,
    block: u64,
}

impl Random for Drbg {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for chunk in out.chunks_mut(32) {
            self.block += 1;
            let mut state = Sha256::new();
            state.update(b"USHIELD-DRBG");
            state.update(self.seed.expose());
            state.update(self.block.to_be_bytes());
            for (to, from) in chunk.iter_mut().zip(state.finalize()) {
                *to = from;
            }
        }
        Ok(())
    }
}

/// One key pair: the resolver's static one after `set`, an ephemeral one after `generate`.
struct P256 {
    own: Option<StaticKey>,
    key: Option<StaticKey>,
    public: [u8; POINT],
}

impl P256 {
    fn hold(&mut self, key: StaticKey) {
        let public = match &key {
            StaticKey::Here(secret) => secret.public_key(),
            StaticKey::Elsewhere { public, .. } => *public,
        };
        self.public = *public.as_bytes();
        self.key = Some(key);
    }
}

impl Dh for P256 {
    fn name(&self) -> &'static str {
        "P256"
    }

    fn pub_len(&self) -> usize {
        POINT
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, _: &[u8]) {
        if let Some(own) = self.own.clone() {
            self.hold(own);
        }
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        loop {
            rng.try_fill_bytes(bytes.as_mut_slice())?;
            #[cfg(feature = "stand-in")]
            if let Some(chosen) = crate::stand_in::ephemeral(&bytes) {
                *bytes = chosen;
            }
            if let Some(secret) = DhSecret::from_bytes(&bytes) {
                self.hold(StaticKey::Here(secret));
                return Ok(());
            }
        }
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &[]
    }

    fn dh(&self, peer: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let peer = peer.get(..POINT).and_then(PublicKey::from_slice).ok_or(Error::Dh)?;
        let shared = match self.key.as_ref().ok_or(Error::Dh)? {
            StaticKey::Here(secret) => secret.agree(&peer),
            StaticKey::Elsewhere { agreements, .. } => {
                agreements.iter().find(|(point, _)| *point == peer).map(|(_, shared)| shared.clone())
            }
        };
        let shared = shared.ok_or(Error::Dh)?;
        for (to, from) in out.iter_mut().zip(shared.expose()) {
            *to = *from;
        }
        Ok(())
    }

    fn dh_len(&self) -> usize {
        32
    }
}

#[derive(Default)]
struct HashSha256(Sha256);

impl Hash for HashSha256 {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Sha256::new();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        for (to, from) in out.iter_mut().zip(core::mem::take(&mut self.0).finalize()) {
            *to = from;
        }
    }
}

#[derive(Default)]
struct AesGcm(Option<Aes256Gcm>);

impl AesGcm {
    /// `0000 0000 || n` (Noise, section 12.4).
    fn nonce(number: u64) -> [u8; 12] {
        let mut nonce = [0; 12];
        for (to, from) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *to = from;
        }
        nonce
    }
}

impl Cipher for AesGcm {
    fn name(&self) -> &'static str {
        "AESGCM"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = Some(Aes256Gcm::new(&(*key).into()));
    }

    /// snow gives no way to fail here. Without a key, which snow never does, nothing is written.
    fn encrypt(&self, number: u64, ad: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        let mut buffer = Vec::with_capacity(plaintext.len() + TAG);
        buffer.extend_from_slice(plaintext);
        let nonce = Self::nonce(number).into();
        let done = self.0.as_ref().is_some_and(|c| c.encrypt_in_place(&nonce, ad, &mut buffer).is_ok());
        if !done {
            buffer.zeroize();
            return 0;
        }
        match out.get_mut(..buffer.len()) {
            Some(out) => {
                out.copy_from_slice(&buffer);
                buffer.len()
            }
            None => 0,
        }
    }

    fn decrypt(&self, number: u64, ad: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let mut buffer = Zeroizing::new(Vec::from(sealed));
        let cipher = self.0.as_ref().ok_or(Error::Decrypt)?;
        cipher.decrypt_in_place(&Self::nonce(number).into(), ad, &mut *buffer).map_err(|_| Error::Decrypt)?;
        out.get_mut(..buffer.len()).ok_or(Error::Decrypt)?.copy_from_slice(&buffer);
        Ok(buffer.len())
    }
}
