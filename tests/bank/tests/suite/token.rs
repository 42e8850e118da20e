//! A token as far as a bank sees it: keys, counters, chains and signatures. Lies on request.

use std::cell::Cell;

use p256::pkcs8::DecodePrivateKey as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, DnValue, IsCa, Issuer, KeyPair};
use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::{About, AuthorizationPayload, Uv};
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::csr;
use ushield_protocol::key::{DeviceId, Hash, PhoneId, Sign as _, SigningKey, hex, sha256};
use ushield_protocol::message::Role;
use ushield_protocol::order::{Operation, Order, Verified};
use ushield_protocol::render::{Notices, Profile, pages};

/// Where a key stands: its counter and the hash of its last payload.
#[derive(Clone, Copy)]
pub(crate) struct Chain {
    pub(crate) counter: u32,
    pub(crate) previous: Hash,
}

impl Chain {
    pub(crate) const START: Self = Self { counter: 0, previous: Hash::ZERO };
}

pub(crate) struct Maker {
    key: KeyPair,
    params: CertificateParams,
    pub(crate) root: Vec<u8>,
}

impl Maker {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Test maker root");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().der().to_vec();
        Self { key, params, root }
    }

    pub(crate) fn token(&self, number: u8) -> Token {
        let id = DeviceId::from([number; 16]);
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Model T");
        params.distinguished_name.push(DnType::OrganizationName, "Test maker");
        let serial = DnType::CustomDnType(vec![2, 5, 4, 5]);
        params.distinguished_name.push(serial, DnValue::Utf8String(id.to_string()));
        params.is_ca = IsCa::ExplicitNoCa;
        let leaf = params.signed_by(&pair, &Issuer::from_params(&self.params, &self.key)).unwrap();
        let secret = p256::SecretKey::from_pkcs8_der(&pair.serialize_der()).unwrap();
        let device = SigningKey::from_bytes(&secret.to_bytes().into()).unwrap();
        Token {
            id,
            device,
            chain: vec![leaf.der().to_vec()],
            pay: SigningKey::from_bytes(&[number | 0x40; 32]).unwrap(),
            profile: Profile::Zh1,
            pay_chain: Cell::new(Chain::START),
            device_chain: Cell::new(Chain::START),
            nonce: Cell::new(0),
        }
    }
}

pub(crate) struct Token {
    pub(crate) id: DeviceId,
    pub(crate) device: SigningKey,
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) pay: SigningKey,
    pub(crate) profile: Profile,
    pub(crate) pay_chain: Cell<Chain>,
    pub(crate) device_chain: Cell<Chain>,
    nonce: Cell<u8>,
}

impl Token {
    /// What its maker tells the bank.
    pub(crate) fn device_json(&self) -> Vec<u8> {
        use base64::Engine as _;
        let chain: Vec<String> =
            self.chain.iter().map(|der| base64::engine::general_purpose::STANDARD.encode(der)).collect();
        serde_json::to_vec(&serde_json::json!({
            "device_id": self.id.to_string(),
            "brand": "Test maker",
            "model": "Model T",
            "firmware": 256,
            "profile": self.profile.number(),
            "name": "Test token",
            "chain": chain,
            "device_public_key": hex(self.device.public_key().as_bytes()),
        }))
        .unwrap()
    }

    pub(crate) fn about(&self, order: &[u8], notices: &Notices, uv: Uv) -> About {
        let order = read(order);
        let pages = pages(&order, self.profile, notices).unwrap();
        About {
            operation: order.payload().operation.number(),
            order: order.id(),
            order_hash: order.hash(),
            pages: pages.digest(),
            profile: self.profile.number(),
            page_count: pages.count(),
            uv,
        }
    }

    /// The next authorization payload on a chain; the chain moves on.
    pub(crate) fn payload(&self, about: About, chain: &Cell<Chain>) -> AuthorizationPayload {
        let Chain { counter, previous } = chain.get();
        self.nonce.set(self.nonce.get() + 1);
        let payload = AuthorizationPayload {
            about,
            counter: counter + 1,
            previous,
            firmware: 256,
            via: PhoneId::from([9; 8]),
            nonce: [self.nonce.get(); 8],
        };
        chain.set(Chain { counter: counter + 1, previous: sha256(&[&payload.encode()]) });
        payload
    }

    pub(crate) fn approve(&self, order: &[u8]) -> Vec<u8> {
        self.approve_with(order, &Notices::default())
    }

    pub(crate) fn approve_with(&self, order: &[u8], notices: &Notices) -> Vec<u8> {
        let payload = self.payload(self.about(order, notices, Uv::Phone), &self.pay_chain);
        sign1(Tag::Approve, &payload.encode(), &self.pay)
    }

    pub(crate) fn reject(&self, order: &[u8]) -> Vec<u8> {
        let payload = self.payload(self.about(order, &Notices::default(), Uv::None), &self.device_chain);
        sign1(Tag::Reject, &payload.encode(), &self.device)
    }

    pub(crate) fn attestation(&self, order: &[u8]) -> Attestation {
        Attestation {
            about: self.about(order, &Notices::default(), Uv::Phone),
            role: Role::Pay,
            key: self.pay.public_key(),
            request: csr::make(&self.id, Role::Pay, &self.pay).unwrap(),
            firmware: 256,
            via: PhoneId::from([9; 8]),
        }
    }

    pub(crate) fn attest(&self, order: &[u8]) -> Vec<u8> {
        sign1(Tag::Attest, &self.attestation(order).encode(), &self.device)
    }
}

pub(crate) fn read(order: &[u8]) -> Order<Verified> {
    Order::receive(order).unwrap().trust_own().unwrap()
}

/// The amount that an order's payload says.
pub(crate) fn amount_of(order: &[u8]) -> u64 {
    match &read(order).payload().operation {
        Operation::Transfer(transfer) => transfer.amount.minor(),
        Operation::CertificateDownload(_) => panic!("a transfer"),
    }
}
