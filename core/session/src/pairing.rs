//! Pairing: Noise XX with numeric comparison (protocol.md, section 4), or XXpsk3 with a scanned code (section 4.1).
//!
//! [`start`] -> [`ExpectP2`] -> [`NeedDh`] -> [`ExpectP4`] -> [`Compare`] -> [`ExpectP6`] -> [`PairingRecord`]. By code
//! [`start_with_code`] stands at the beginning and [`Verified`] in the place of [`Compare`].
//! From [`NeedDh::provide`] on, every abort is a try that the caller counts.

mod method;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use ushield_protocol::code::Code;
use ushield_protocol::device::{DeviceIdentity, MakerRoot, verify_statement};
use ushield_protocol::key::{Hash, PublicKey, VerifySignature};
use ushield_protocol::mac;
use ushield_protocol::message::{self, Hello, P3, P4, P5, P6, Versions};
use ushield_protocol::noise::{Handshake, Seed, SharedSecret, StaticKey, Transport};
use ushield_protocol::pairing_code::PairingCode;
use ushield_protocol::pin::PinBlock;
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::refusal::Refusal;

pub use self::method::{ByCode, ByDigits, Method};
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

/// Begins by digits; the result's bytes are P1.
pub fn start(phone: Phone, hello: &Hello, seed: Seed) -> Result<(ExpectP2, Vec<u8>), Error> {
    begin(phone, hello, seed, ByDigits::new())
}

/// Begins by the code that was read from the token's screen; the result's bytes are P1.
pub fn start_with_code(
    phone: Phone,
    hello: &Hello,
    seed: Seed,
    code: PairingCode,
) -> Result<(ExpectP2<ByCode>, Vec<u8>), Error> {
    begin(phone, hello, seed, ByCode::new(code))
}

fn begin<M: Method>(
    phone: Phone,
    hello: &Hello,
    seed: Seed,
    method: M,
) -> Result<(ExpectP2<M>, Vec<u8>), Error> {
    message::check_name(&phone.name)?;
    Versions::OURS.agree(hello.versions)?;
    if !hello.pairing {
        return Err(Code::NotPairing.into());
    }
    let mut handshake = handshake(&method, &phone, &seed, Vec::new())?;
    let p1 = method.p1(handshake.write(&Versions::OURS.encode())?);
    Ok((ExpectP2 { method, phone, seed, handshake }, p1))
}

fn handshake(
    method: &impl Method,
    phone: &Phone,
    seed: &Seed,
    agreements: Vec<(PublicKey, SharedSecret)>,
) -> Result<Handshake, Code> {
    let key = StaticKey::Elsewhere { public: phone.key, agreements };
    Handshake::initiator(method.pattern(), &key, seed)
}

/// P1 was sent.
#[derive(Debug)]
pub struct ExpectP2<M = ByDigits> {
    method: M,
    phone: Phone,
    seed: Seed,
    handshake: Handshake,
}

impl<M: Method> ExpectP2<M> {
    /// Takes P2. `nonce` is nP: drawn after P2 has arrived, never before. A token that the code is not of is `wrong-token`:
    /// nothing was spent.
    pub fn handle(mut self, p2: &[u8], nonce: [u8; 16]) -> Result<NeedDh<M>, Error> {
        let commitment = self.handshake.read(p2)?;
        let commitment = Hash::from_slice(&commitment).ok_or(Code::TokenMisbehaved)?;
        let point = p2.get(..33).and_then(PublicKey::from_slice).ok_or(Code::TokenMisbehaved)?;
        let dh = self.handshake.peer().ok_or(Code::TokenMisbehaved)?;
        self.method.check(&dh)?;
        let Self { method, phone, seed, .. } = self;
        Ok(NeedDh { method, phone, seed, p2: Vec::from(p2), point, dh, commitment, nonce })
    }
}

/// The key store has to agree with [`NeedDh::point`].
pub struct NeedDh<M = ByDigits> {
    method: M,
    phone: Phone,
    seed: Seed,
    p2: Vec<u8>,
    point: PublicKey,
    dh: PublicKey,
    commitment: Hash,
    nonce: [u8; 16],
}

impl<M: Method> NeedDh<M> {
    /// The token's ephemeral point.
    #[must_use]
    pub fn point(&self) -> PublicKey {
        self.point
    }

    /// Goes on with the agreement; the result's bytes are P3. From here on an abort is a try, and a code is used up.
    pub fn provide(self, shared: SharedSecret) -> Result<(ExpectP4<M>, Vec<u8>), Error> {
        // The same seed gives the same P1, so the handshake is done again with the agreement in hand.
        let agreements = Vec::from([(self.point, shared)]);
        let mut handshake = handshake(&self.method, &self.phone, &self.seed, agreements)?;
        handshake.write(&Versions::OURS.encode())?;
        handshake.read(&self.p2)?;
        self.method.prepare_p3(&mut handshake)?;
        let Self { phone: Phone { name, key: phone }, dh, commitment, nonce, .. } = self;
        let p3 = handshake.write(&P3 { versions: Versions::OURS, nonce, name }.encode())?;
        let hash = handshake.hash();
        let transport = handshake.into_transport()?;
        Ok((ExpectP4 { phone, dh, commitment, nonce, hash, transport, method: PhantomData }, p3))
    }
}

/// P3 was sent.
pub struct ExpectP4<M = ByDigits> {
    phone: PublicKey,
    dh: PublicKey,
    commitment: Hash,
    nonce: [u8; 16],
    hash: [u8; 32],
    transport: Transport,
    method: PhantomData<M>,
}

/// nP is not shown: until P4 is here, it is what a man in the middle would have to guess.
impl<M> fmt::Debug for NeedDh<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NeedDh")
    }
}

/// Neither are the hash and the nonce that the digits are made of.
impl<M> fmt::Debug for ExpectP4<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExpectP4")
    }
}

impl ExpectP4<ByDigits> {
    /// Takes P4 and checks, before any digit is shown: opening, versions, maker's chain, statement. `now` is Unix seconds.
    pub fn handle(
        self,
        p4: &[u8],
        roots: &[MakerRoot],
        now: u64,
        verifier: &impl VerifySignature,
    ) -> Result<Compare, Error> {
        let (hash, nonce) = (self.hash, self.nonce);
        let (verified, token_nonce) = self.verify(p4, roots, now, verifier)?;
        Ok(Compare { verified, digits: Digits(message::pairing_digits(&hash, &nonce, &token_nonce)) })
    }
}

impl ExpectP4<ByCode> {
    /// Takes P4 and checks opening, versions, maker's chain, statement. Only then the customer is told to press OK. `now` is Unix
    /// seconds.
    pub fn handle(
        self,
        p4: &[u8],
        roots: &[MakerRoot],
        now: u64,
        verifier: &impl VerifySignature,
    ) -> Result<Verified, Error> {
        Ok(self.verify(p4, roots, now, verifier)?.0)
    }
}

impl<M> ExpectP4<M> {
    /// What both ways demand of P4, and the token's nonce.
    fn verify(
        mut self,
        p4: &[u8],
        roots: &[MakerRoot],
        now: u64,
        verifier: &impl VerifySignature,
    ) -> Result<(Verified, [u8; 32]), Error> {
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
        let Self { phone, dh, transport, .. } = self;
        let verified = Verified { phone, dh, transport, identity, name: p4.name, pin_needed: p4.pin_needed };
        Ok((verified, p4.nonce))
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
    verified: Verified,
    digits: Digits,
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
        self.verified.identity()
    }

    /// The token's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.verified.name()
    }

    /// Whether the token wants its PIN, since it is paired with another phone.
    #[must_use]
    pub fn pin_needed(&self) -> bool {
        self.verified.pin_needed()
    }

    /// The customer found the digits equal; the result's bytes are P5. The token waits for its own OK.
    pub fn confirm(self, pin: Option<PinBlock>) -> Result<(ExpectP6, Vec<u8>), Error> {
        self.verified.answer(pin)
    }

    /// The customer found them different; the bytes are the P5 that says so.
    pub fn differ(self) -> Result<Vec<u8>, Error> {
        self.verified.refuse()
    }
}

/// The token has proved itself. By code this is where the phone says "press OK on the token", and not before; by digits
/// [`Compare`] stands in between.
#[derive(Debug)]
pub struct Verified {
    phone: PublicKey,
    dh: PublicKey,
    transport: Transport,
    identity: DeviceIdentity,
    name: String,
    pin_needed: bool,
}

impl Verified {
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

    /// Yes; the result's bytes are P5. The token waits for its own OK.
    pub fn answer(mut self, pin: Option<PinBlock>) -> Result<(ExpectP6, Vec<u8>), Error> {
        if self.pin_needed != pin.is_some() {
            return Err(Code::SecretMissing.into());
        }
        let p5 = self.transport.seal(&P5 { confirmed: true, pin }.encode())?;
        let Self { phone, dh, transport, identity, name, .. } = self;
        Ok((ExpectP6 { phone, dh, transport, identity, name }, p5))
    }

    /// No; the bytes are the P5 that says so.
    pub fn refuse(mut self) -> Result<Vec<u8>, Error> {
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
