//! Types that hold secrets: made, used, dropped.

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ushield_bank_api::{Password, Session, SessionRequest, SessionToken};
use ushield_client::TokenRecord;
use ushield_client::ports::{HttpRequest, HttpResponse, SealingKey};
use ushield_client::store::{OpenOptions, SqliteStore};
use ushield_e2e::evil::SeededEntropy;
use ushield_protocol::key::{DeviceId, Sign as _, SigningKey};
use ushield_protocol::message::{P5, P6, Request};
use ushield_protocol::noise::{DhSecret, Seed};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::secret::Secret;
use ushield_secrets::scene::Secrets;
use ushield_session::record::PairingRecord;
use zeroize::Zeroizing;

use super::Look;

/// What nobody wipes is found: in freed memory, in what is still held, and after a panic.
pub(crate) fn control(look: &mut Look) {
    let leak = |secrets: &Secrets| {
        // Behind a small one, so that the allocator's own words, which it writes over the beginning of what is free, miss it.
        let mut plain = vec![0u8; 64];
        plain.extend_from_slice(&secrets.get("pin").reveal());
        plain.extend_from_slice(&secrets.get("token-dh").reveal());
        black_box(&plain);
        drop(plain);
    };
    look.at("before");
    leak(&look.secrets);
    look.at("control");
    let kept: Vec<u8> = look.secrets.get("session").reveal().to_vec();
    look.at("control-kept");
    black_box(kept);
    let secrets = look.secrets.clone();
    let fell = catch_unwind(AssertUnwindSafe(|| {
        let plain: Vec<u8> = [vec![0u8; 64], secrets.get("password").reveal().to_vec()].concat();
        black_box(&plain);
        panic!("while it was held");
    }));
    assert!(fell.is_err());
    look.at("control-panic");
}

/// One of each.
struct Everything {
    secret: Box<Secret<32>>,
    seed: Box<Seed>,
    pin: Box<PinBlock>,
    dh: Box<DhSecret>,
    signing: Box<SigningKey>,
    sealing: Box<SealingKey>,
    password: Password,
    session: SessionToken,
    record: Box<TokenRecord>,
    request: Box<HttpRequest>,
    response: Box<HttpResponse>,
}

impl Everything {
    fn new(secrets: &Secrets) -> Self {
        let key = |name: &str| secrets.get(name).reveal();
        let sealing = {
            let mut bytes = Zeroizing::new([0; 32]);
            bytes.copy_from_slice(&key("sealing-key"));
            Box::new(SealingKey::new(bytes))
        };
        let password = Password::new(key("password")).unwrap();
        let session = SessionToken::new(key("session")).unwrap();
        let signing = SigningKey::from_bytes(key("token-device").as_slice().try_into().unwrap()).unwrap();
        let dh = DhSecret::from_bytes(key("token-dh").as_slice().try_into().unwrap()).unwrap();
        let pairing = PairingRecord {
            device: DeviceId::from([1; 16]),
            dh: dh.public_key(),
            device_key: signing.public_key(),
            name: "token".to_owned(),
            brand: "brand".to_owned(),
            model: "model".to_owned(),
            phone: dh.public_key(),
            k_hint: Secret::from_slice(&key("k-hint")).unwrap(),
            k_adv: Secret::from_slice(&key("k-adv")).unwrap(),
        };
        let body =
            serde_json::to_vec(&SessionRequest { customer: "li".to_owned(), password: password.clone() });
        Self {
            secret: Box::new(Secret::from_slice(&key("k-hint")).unwrap()),
            seed: Box::new(Seed::from_slice(&key("seed-phone")).unwrap()),
            pin: Box::new(PinBlock::new(std::str::from_utf8(&key("pin")).unwrap()).unwrap()),
            dh: Box::new(dh),
            signing: Box::new(signing),
            sealing,
            password,
            session: session.clone(),
            record: Box::new(TokenRecord { pairing, profile: Some(1) }),
            request: Box::new(
                HttpRequest::post("/", "application/json", Zeroizing::new(sized(body.unwrap())))
                    .with_bearer(session),
            ),
            response: Box::new(HttpResponse { status: 200, content_type: None, body: key("session") }),
        }
    }

    /// Everything that the types offer to do with them.
    fn use_all(&self) {
        black_box(*self.secret == (*self.secret).clone());
        black_box((*self.seed).clone());
        black_box(self.pin.is_too_simple());
        black_box(self.dh.agree(&self.signing.public_key()));
        black_box((*self.dh).clone().expose_bytes());
        black_box(self.signing.sign(b"message"));
        black_box((*self.signing).clone().expose_bytes());
        black_box((*self.sealing).clone());
        black_box(self.password.clone());
        black_box(self.session.expose().len());
        let pin = || (*self.pin).clone();
        black_box(
            Request::decode(&Request::Order { pin: Some(pin()), order: vec![7; 300] }.encode()).is_ok(),
        );
        black_box(Request::decode(&Request::PinChange { old: pin(), new: pin() }.encode()).is_ok());
        black_box(Request::decode(&Request::Pin { pin: pin() }.encode()).is_ok());
        black_box(P5::decode(&P5 { confirmed: true, pin: Some(pin()) }.encode()).is_ok());
        let pairing = &self.record.pairing;
        let (k_hint, k_adv) = (pairing.k_hint.clone(), pairing.k_adv.clone());
        black_box(P6::decode(&P6::Paired { k_hint, k_adv, tries: 5 }.encode()).is_ok());
        assert!(PairingRecord::decode(&pairing.encode()).unwrap() == *pairing);
        black_box((self.request.clone(), self.response.clone()));
        black_box(serde_json::from_slice::<SessionRequest>(&self.request.body).unwrap());
    }
}

/// The same bytes, in memory that was wiped before: what serde wrote first is the case's own doing, not the product's.
fn sized(mut bytes: Vec<u8>) -> Vec<u8> {
    let copy = bytes.clone();
    zeroize::Zeroize::zeroize(&mut bytes);
    copy
}

pub(crate) fn success(look: &mut Look) {
    look.at("before");
    let everything = Everything::new(&look.secrets);
    look.at("alive");
    everything.use_all();
    drop(everything);
    look.at("after");
    in_a_store(look);
}

/// Records through a store on a disk, under a key that is a canary.
fn in_a_store(look: &mut Look) {
    use ushield_client::ports::{Store as _, Table};
    let folder = tempfile::tempdir().unwrap();
    let everything = Everything::new(&look.secrets);
    let options = OpenOptions::new(folder.path().join("store"), "case");
    for _ in 0..2 {
        let entropy = std::sync::Arc::new(SeededEntropy::new(1));
        let (store, _) = SqliteStore::open(&options, &everything.sealing, entropy).unwrap();
        store.put(Table::Token, b"1", &everything.record.pairing.encode()).unwrap();
        store.put(Table::Session, b"1", everything.session.expose().as_bytes()).unwrap();
        assert!(store.get(Table::Token, b"1").unwrap().is_some());
        assert_eq!(store.list(Table::Session).unwrap().len(), 1);
        store.health().unwrap();
    }
    drop(everything);
    look.at("after-store");
}

/// Bytes that are refused, each holding a secret.
pub(crate) fn error(look: &mut Look) {
    let everything = Everything::new(&look.secrets);
    look.at("alive");
    let pin = || (*everything.pin).clone();
    // Each encoded form cut and lengthened at every place.
    let forms = [
        Request::Order { pin: Some(pin()), order: vec![7; 30] }.encode(),
        Request::PinChange { old: pin(), new: pin() }.encode(),
        Request::Pin { pin: pin() }.encode(),
        everything.record.pairing.encode(),
        everything.request.body.clone(),
    ];
    let mut refused = 0;
    for form in &forms {
        for length in 0..form.len() {
            let cut = Zeroizing::new(form[..length].to_vec());
            refused += usize::from(Request::decode(&cut).is_err());
            refused += usize::from(P5::decode(&cut).is_err());
            refused += usize::from(P6::decode(&cut).is_err());
            refused += usize::from(PairingRecord::decode(&cut).is_err());
            refused += usize::from(serde_json::from_slice::<SessionRequest>(&cut).is_err());
            refused += usize::from(serde_json::from_slice::<Session>(&cut).is_err());
        }
        let mut longer = Zeroizing::new(Vec::with_capacity(form.len() + 1));
        longer.extend_from_slice(form);
        longer.push(b'x');
        refused += usize::from(Request::decode(&longer).is_err());
        refused += usize::from(PairingRecord::decode(&longer).is_err());
        refused += usize::from(serde_json::from_slice::<SessionRequest>(&longer).is_err());
    }
    // PINs that are none, with a PIN inside.
    let mut block = Box::new([0; 32]);
    block.copy_from_slice(everything.pin.expose());
    block[20] = 1;
    let pin = look.secrets.get("pin").reveal();
    let long = Zeroizing::new([pin.as_slice(), b"x"].concat());
    refused += usize::from(PinBlock::from_bytes(*block).is_none());
    refused += usize::from(PinBlock::new(std::str::from_utf8(&long).unwrap()).is_err());
    refused += usize::from(Secret::<31>::from_slice(everything.secret.expose()).is_none());
    let not_text = Zeroizing::new([look.secrets.get("password").reveal().as_slice(), &[0xff]].concat());
    refused += usize::from(Password::new(not_text).is_none());
    zeroize::Zeroize::zeroize(&mut *block);
    drop((everything, forms, pin, long));
    println!("# {refused} refused");
    look.at("after");
}

pub(crate) fn panic(look: &mut Look) {
    let secrets = look.secrets.clone();
    let fell = catch_unwind(AssertUnwindSafe(|| {
        let everything = Everything::new(&secrets);
        everything.use_all();
        assert!(secrets.all().is_empty(), "while all of it was held: {:?}", everything.pin);
    }));
    assert!(fell.is_err());
    drop(fell);
    look.at("after");
}
