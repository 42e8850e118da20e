//! The token's side, with every message open to change.

use std::sync::OnceLock;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm, date_time_ymd,
};
use ushield_protocol::device::{MakerRoot, sign_statement};
use ushield_protocol::key::{DeviceId, PublicKey, Sign as _, SigningKey};
use ushield_protocol::message::{
    Hello, P3, P4, State, StateFlags, Versions, connect_hint, p1_by_code, pairing_commitment, pairing_digits,
};
use ushield_protocol::noise::{DhSecret, Handshake, Pattern, Seed, StaticKey, Transport};
use ushield_protocol::secret::Secret;
use ushield_session::pairing::Phone;
use ushield_session::record::PairingRecord;

/// 2026-12-01T12:00:00Z.
pub(crate) const NOW: u64 = 1_796_126_400;
pub(crate) const OTHER: Versions = Versions { lowest: 2, highest: 9, suites: 1 };

pub(crate) fn id() -> DeviceId {
    DeviceId::from([0xd1; 16])
}

pub(crate) fn signing(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32]).unwrap()
}

pub(crate) fn dh(n: u8) -> DhSecret {
    DhSecret::from_bytes(&[n; 32]).unwrap()
}

pub(crate) fn seed(n: u8) -> Seed {
    Secret::new([n; 32])
}

/// The phone's static key, in a key store of its own.
pub(crate) fn phone_dh() -> DhSecret {
    dh(0x11)
}

pub(crate) fn phone() -> Phone {
    Phone { name: "李雷的手机".to_owned(), key: phone_dh().public_key() }
}

pub(crate) fn hello() -> Hello {
    Hello { versions: Versions::OURS, pairing: true, extended: false, nonce: [0x4e; 8] }
}

/// What a phone has after pairing.
pub(crate) fn record() -> PairingRecord {
    PairingRecord {
        device: id(),
        dh: Token::new().dh.public_key(),
        device_key: Token::new().device.public_key(),
        name: "U-Shield 66".to_owned(),
        brand: "U-Shield test".to_owned(),
        model: "Token".to_owned(),
        phone: phone_dh().public_key(),
        k_hint: Secret::new([0xca; 32]),
        k_adv: Secret::new([0xcb; 32]),
    }
}

struct Point(Vec<u8>);

impl PublicKeyData for Point {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "U-Shield test");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2046, 1, 1);
    params
}

/// A maker: its root, and the certificate of the one device.
pub(crate) fn maker() -> (Vec<u8>, Vec<u8>) {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut root = params("Maker");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let der = root.self_signed(&key).unwrap().der().to_vec();
    let issuer = Issuer::new(root, key);
    let mut leaf = params("Token");
    let serial = DnValue::PrintableString(id().to_string().try_into().unwrap());
    leaf.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), serial);
    leaf.is_ca = IsCa::ExplicitNoCa;
    let point = Point(Token::key().public_key().to_uncompressed().unwrap());
    (der, leaf.signed_by(&point, &issuer).unwrap().der().to_vec())
}

fn trusted() -> &'static (Vec<u8>, Vec<u8>) {
    static MAKER: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    MAKER.get_or_init(maker)
}

pub(crate) fn roots() -> Vec<MakerRoot> {
    vec![MakerRoot::from_der(&trusted().0).unwrap()]
}

/// The token.
pub(crate) struct Token {
    pub(crate) dh: DhSecret,
    pub(crate) device: SigningKey,
}

/// The token after P2.
pub(crate) struct AfterP2 {
    handshake: Handshake,
    pub(crate) nonce: [u8; 32],
}

/// The token after P3.
pub(crate) struct AfterP3 {
    pub(crate) transport: Transport,
    pub(crate) digits: u32,
    pub(crate) phone: PublicKey,
    pub(crate) p3: P3,
    nonce: [u8; 32],
}

impl Token {
    pub(crate) fn key() -> SigningKey {
        signing(0x77)
    }

    pub(crate) fn new() -> Self {
        Self { dh: dh(0x22), device: Self::key() }
    }

    fn responder(&self, pattern: Pattern, n: u8) -> Handshake {
        Handshake::responder(pattern, &StaticKey::Here(self.dh.clone()), &seed(n)).unwrap()
    }

    /// P1 in, P2 out, over any commitment.
    pub(crate) fn p2(&self, p1: &[u8], n: u8, commitment: Option<[u8; 32]>) -> (AfterP2, Vec<u8>) {
        self.take_p1(p1, n, commitment).unwrap()
    }

    /// The same with a P1 that may be refused.
    pub(crate) fn take_p1(
        &self,
        p1: &[u8],
        n: u8,
        commitment: Option<[u8; 32]>,
    ) -> Option<(AfterP2, Vec<u8>)> {
        let mut handshake = self.responder(Pattern::Xx, n);
        agreed(&handshake.read(p1).ok()?)?;
        let nonce = [n ^ 0x5a; 32];
        let honest = pairing_commitment(&nonce);
        let p2 = handshake.write(&commitment.unwrap_or(*honest.as_bytes())).ok()?;
        Some((AfterP2 { handshake, nonce }, p2))
    }

    /// A P1 by code in, P2 out. The code's key is wanted before P3.
    pub(crate) fn p2_by_code(&self, p1: &[u8], n: u8) -> (AfterP2, Vec<u8>) {
        let mut handshake = self.responder(Pattern::XxPsk3, n);
        agreed(&handshake.read(p1_by_code(p1).unwrap()).unwrap()).unwrap();
        let nonce = [n ^ 0x5a; 32];
        let p2 = handshake.write(pairing_commitment(&nonce).as_bytes()).unwrap();
        (AfterP2 { handshake, nonce }, p2)
    }

    pub(crate) fn p4(&self, after: &AfterP3) -> P4 {
        P4 {
            nonce: after.nonce,
            versions: Versions::OURS,
            pin_needed: false,
            statement: sign_statement(id(), &self.dh.public_key(), &self.device),
            chain: vec![trusted().1.clone()],
            name: "U-Shield 66".to_owned(),
        }
    }

    /// K1 in, K2 out, as a token does it that said this in its hello: hint first, then versions.
    pub(crate) fn take_k1(&self, k1: &[u8], hello: &Hello, n: u8) -> Option<(Transport, Vec<u8>)> {
        let (hint, message) = k1.split_at_checked(4)?;
        let ours = connect_hint(&record().k_hint, &hello.nonce, message.get(..33)?);
        let mut handshake = self.responder(Pattern::Kk { peer: phone_dh().public_key() }, n);
        if hint != ours || agreed(&handshake.read(message).ok()?).is_none() {
            return None;
        }
        let k2 = handshake.write(&state().encode()).ok()?;
        Some((handshake.into_transport().unwrap(), k2))
    }

    /// K1 in, K2 out.
    pub(crate) fn k2(&self, k1: &[u8], n: u8, state: &[u8]) -> Option<(Transport, Vec<u8>)> {
        let mut handshake = self.responder(Pattern::Kk { peer: phone_dh().public_key() }, n);
        handshake.read(&k1[4..]).ok()?;
        let k2 = handshake.write(state).unwrap();
        Some((handshake.into_transport().unwrap(), k2))
    }
}

impl AfterP2 {
    /// The key of the code that stands on the screen.
    pub(crate) fn with_code(mut self, psk: &Secret<32>) -> Self {
        self.handshake.set_psk(psk).unwrap();
        self
    }

    /// P3 in.
    pub(crate) fn p3(self, p3: &[u8]) -> AfterP3 {
        self.take_p3(p3).unwrap()
    }

    /// The same with a P3 that may be refused.
    pub(crate) fn take_p3(mut self, p3: &[u8]) -> Option<AfterP3> {
        let p3 = P3::decode(&self.handshake.read(p3).ok()?).ok()?;
        Versions::OURS.agree(p3.versions).ok()?;
        let digits = pairing_digits(&self.handshake.hash(), &p3.nonce, &self.nonce);
        let phone = self.handshake.peer().unwrap();
        let transport = self.handshake.into_transport().unwrap();
        Some(AfterP3 { transport, digits, phone, p3, nonce: self.nonce })
    }
}

/// What the phone said of its versions, if version 1 and suite 1 are the best in common.
fn agreed(stated: &[u8]) -> Option<Versions> {
    let versions = Versions::decode(stated.try_into().ok()?);
    Versions::OURS.agree(versions).ok().map(|()| versions)
}

pub(crate) fn state() -> State {
    State {
        versions: Versions::OURS,
        flags: StateFlags { pay: true, ..StateFlags::default() },
        tries: 5,
        firmware: 0x0100,
        profile: 1,
        max_order: 1024,
        pay: [8; 8],
        phones: 1,
    }
}

/// Whether a Debug form shows one of these: as text, as hex, or as a list of numbers.
#[track_caller]
pub(crate) fn shows_none(what: &impl std::fmt::Debug, secrets: &[&[u8]]) {
    let shown = format!("{what:?} {what:#?}");
    let dense: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
    for secret in secrets {
        let piece = &secret[..secret.len().min(4)];
        let list: Vec<String> = piece.iter().map(u8::to_string).collect();
        assert!(!dense.contains(&list.join(",")), "{shown}");
        assert!(!dense.to_lowercase().contains(&ushield_protocol::key::hex(piece)), "{shown}");
        if let Ok(text) = std::str::from_utf8(secret) {
            assert!(!shown.contains(text), "{shown}");
        }
    }
}
