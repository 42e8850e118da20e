//! Pairing: Noise XX with numeric comparison (protocol.md, section 4).
//!
//! [`start`] -> [`ExpectP2`] -> [`NeedDh`] -> [`ExpectP4`] -> [`Compare`] -> [`ExpectP6`] -> [`PairingRecord`].
//! From [`NeedDh::provide`] on, every abort is a try that the caller counts.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use ushield_protocol::code::Code;
use ushield_protocol::device::{DeviceIdentity, MakerRoot, verify_statement};
use ushield_protocol::key::{Hash, PublicKey, VerifySignature};
use ushield_protocol::mac;
use ushield_protocol::message::{self, Hello, P3, P4, P5, P6, Versions};
use ushield_protocol::noise::{Handshake, Pattern, Seed, SharedSecret, StaticKey, Transport};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::refusal::Refusal;

use crate::error::Error;
use crate::record::PairingRecord;

/// Most tries before the customer has to open the token's pairing mode again.
pub const MAX_TRIES: u8 = 3;

/// Who the phone is to the token. People name phones after themselves: its Debug form shows the key alone.
#[derive(Clone)]
pub struct Phone {
    /// Name, as the token lists it.
    pub name: String,
    /// Static key, whose private half stays in the key store.
    pub key: PublicKey,
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.key.phone_id())
    }
}

/// Begins; the result's bytes are P1.
pub fn start(phone: Phone, hello: &Hello, seed: Seed) -> Result<(ExpectP2, Vec<u8>), Error> {
    message::check_name(&phone.name)?;
    Versions::OURS.agree(hello.versions)?;
    if !hello.pairing {
        return Err(Code::NotPairing.into());
    }
    let mut handshake = handshake(&phone, &seed, Vec::new())?;
    let p1 = handshake.write(&Versions::OURS.encode())?;
    Ok((ExpectP2 { phone, seed, handshake }, p1))
}

fn handshake(
    phone: &Phone,
    seed: &Seed,
    agreements: Vec<(PublicKey, SharedSecret)>,
) -> Result<Handshake, Code> {
    Handshake::initiator(Pattern::Xx, &StaticKey::Elsewhere { public: phone.key, agreements }, seed)
}

/// P1 was sent.
#[derive(Debug)]
pub struct ExpectP2 {
    phone: Phone,
    seed: Seed,
    handshake: Handshake,
}

impl ExpectP2 {
    /// Takes P2. `nonce` is nP: drawn after P2 has arrived, never before.
    pub fn handle(mut self, p2: &[u8], nonce: [u8; 16]) -> Result<NeedDh, Error> {
        let commitment = self.handshake.read(p2)?;
        let commitment = Hash::from_slice(&commitment).ok_or(Code::TokenMisbehaved)?;
        let point = p2.get(..33).and_then(PublicKey::from_slice).ok_or(Code::TokenMisbehaved)?;
        let dh = self.handshake.peer().ok_or(Code::TokenMisbehaved)?;
        Ok(NeedDh { phone: self.phone, seed: self.seed, p2: Vec::from(p2), point, dh, commitment, nonce })
    }
}

/// The key store has to agree with [`NeedDh::point`].
pub struct NeedDh {
    phone: Phone,
    seed: Seed,
    p2: Vec<u8>,
    point: PublicKey,
    dh: PublicKey,
    commitment: Hash,
    nonce: [u8; 16],
}

impl NeedDh {
    /// The token's ephemeral point.
    #[must_use]
    pub fn point(&self) -> PublicKey {
        self.point
    }

    /// Goes on with the agreement; the result's bytes are P3. From here on an abort is a try.
    pub fn provide(self, shared: SharedSecret) -> Result<(ExpectP4, Vec<u8>), Error> {
        // The same seed gives the same P1, so the handshake is done again with the agreement in hand.
        let mut handshake = handshake(&self.phone, &self.seed, Vec::from([(self.point, shared)]))?;
        handshake.write(&Versions::OURS.encode())?;
        handshake.read(&self.p2)?;
        let Self { phone: Phone { name, key: phone }, dh, commitment, nonce, .. } = self;
        let p3 = handshake.write(&P3 { versions: Versions::OURS, nonce, name }.encode())?;
        let hash = handshake.hash();
        let transport = handshake.into_transport()?;
        Ok((ExpectP4 { phone, dh, commitment, nonce, hash, transport }, p3))
    }
}

/// P3 was sent.
pub struct ExpectP4 {
    phone: PublicKey,
    dh: PublicKey,
    commitment: Hash,
    nonce: [u8; 16],
    hash: [u8; 32],
    transport: Transport,
}

/// nP is not shown: until P4 is here, it is what a man in the middle would have to guess.
impl fmt::Debug for NeedDh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NeedDh")
    }
}

/// Neither are the hash and the nonce that the digits are made of.
impl fmt::Debug for ExpectP4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExpectP4")
    }
}

impl ExpectP4 {
    /// Takes P4 and checks, before any digit is shown: opening, versions, maker's chain, statement. `now` is Unix seconds.
    pub fn handle(
        mut self,
        p4: &[u8],
        roots: &[MakerRoot],
        now: u64,
        verifier: &impl VerifySignature,
    ) -> Result<Compare, Error> {
        let p4 = P4::decode(&self.transport.open(p4)?).map_err(Error::misbehaved)?;
        let commitment = message::pairing_commitment(&p4.nonce);
        if !mac::equal(commitment.as_bytes(), self.commitment.as_bytes())
            && !planted::on(Bug::CommitmentUnchecked)
        {
            return Err(Code::BadCommitment.into());
        }
        Versions::OURS.agree(p4.versions)?;
        let identity = DeviceIdentity::verify(&p4.chain, roots, Some(now), verifier)?;
        if !planted::on(Bug::StatementUnverified) {
            verify_statement(&p4.statement, &identity, &self.dh, verifier).map_err(unreadable)?;
        }
        let digits = Digits(message::pairing_digits(&self.hash, &self.nonce, &p4.nonce));
        let Self { phone, dh, transport, .. } = self;
        Ok(Compare { phone, dh, transport, identity, digits, name: p4.name, pin_needed: p4.pin_needed })
    }
}

/// A statement that cannot be read is the token's fault, not the caller's.
fn unreadable(refusal: Refusal) -> Error {
    match refusal.code {
        Code::Malformed => Refusal { code: Code::TokenMisbehaved, ..refusal }.into(),
        _ => refusal.into(),
    }
}

/// Six digits that the customer compares with the token's screen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digits(u32);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digits")
    }
}

/// The customer compares.
#[derive(Debug)]
pub struct Compare {
    phone: PublicKey,
    dh: PublicKey,
    transport: Transport,
    identity: DeviceIdentity,
    digits: Digits,
    name: String,
    pin_needed: bool,
}

impl Compare {
    /// What the phone shows.
    #[must_use]
    pub fn digits(&self) -> Digits {
        self.digits
    }

    /// Who the token is, by its maker.
    #[must_use]
    pub fn identity(&self) -> &DeviceIdentity {
        &self.identity
    }

    /// The token's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the token wants its PIN, since it is paired with another phone.
    #[must_use]
    pub fn pin_needed(&self) -> bool {
        self.pin_needed
    }

    /// The customer found the digits equal; the result's bytes are P5. The token waits for its own OK.
    pub fn confirm(mut self, pin: Option<PinBlock>) -> Result<(ExpectP6, Vec<u8>), Error> {
        if self.pin_needed != pin.is_some() {
            return Err(Code::SecretMissing.into());
        }
        let p5 = self.transport.seal(&P5 { confirmed: true, pin }.encode())?;
        let Self { phone, dh, transport, identity, name, .. } = self;
        Ok((ExpectP6 { phone, dh, transport, identity, name }, p5))
    }

    /// The customer found them different; the bytes are the P5 that says so.
    pub fn differ(mut self) -> Result<Vec<u8>, Error> {
        Ok(self.transport.seal(&P5 { confirmed: false, pin: None }.encode())?)
    }
}

/// P5 was sent; the customer presses OK on the token.
#[derive(Debug)]
pub struct ExpectP6 {
    phone: PublicKey,
    dh: PublicKey,
    transport: Transport,
    identity: DeviceIdentity,
    name: String,
}

impl ExpectP6 {
    /// Takes P6.
    pub fn handle(mut self, p6: &[u8]) -> Result<PairingRecord, Error> {
        match P6::decode(&self.transport.open(p6)?).map_err(Error::misbehaved)? {
            P6::Paired { k_hint, k_adv, .. } => Ok(PairingRecord {
                device: self.identity.device,
                dh: self.dh,
                device_key: self.identity.key,
                name: self.name,
                brand: self.identity.brand,
                model: self.identity.model,
                phone: self.phone,
                k_hint,
                k_adv,
            }),
            P6::Refused { refusal, tries } if refusal.code.is_refusal() => {
                Err(Error { refusal, tries_left: Some(tries) })
            }
            P6::Refused { .. } => Err(Code::TokenMisbehaved.into()),
        }
    }
}
