//! What every run begins with: a bank, a customer with an account, a token by a maker whom the phone trusts.

use std::cell::OnceCell;
use std::sync::OnceLock;

use ushield_bank::admin::{Founding, NewCustomer};
use ushield_bank::keys::Keys;
use ushield_bank::model::Model;
use ushield_bank_api::{Password, Trust};
use ushield_client::SetupRequest;
use ushield_protocol::device::{DeviceIdentity, MakerRoot};
use ushield_protocol::key::{BankId, DeviceId, RingVerifier, Sign as _, SigningKey, unhex};
use ushield_protocol::noise::DhSecret;
use ushield_protocol::render::Profile;
use ushield_protocol::stand_in;
use ushield_token::Personalisation;
use zeroize::Zeroizing;

use crate::goal::{ACCOUNT, BALANCE};
use crate::world::START;

/// The customer's password.
pub const PASSWORD: &str = "correct horse battery";
/// The customer.
pub const CUSTOMER: &str = "张三";
const BANK: &str = "USHDCNBJ";
const BANK_NAME: &str = "U-Shield Demo Bank";

/// The identity of the token: made by the independent implementation, and the same in every run.
struct Fixture {
    device: DeviceId,
    device_key: [u8; 32],
    dh_key: [u8; 32],
    root: Vec<u8>,
    chain: Vec<Vec<u8>>,
}

fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let vectors = include_str!("../../vectors/vectors-2026-11-22.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).expect("vectors are JSON");
        let hex = |value: &serde_json::Value| unhex(value.as_str().expect("hex")).expect("hex");
        let key = |name: &str| hex(&vectors["keys"][name]["private"]).try_into().expect("32 bytes");
        Fixture {
            device: DeviceId::from_slice(&hex(&vectors["device_id"])).expect("a device id"),
            device_key: key("device"),
            dh_key: key("dh"),
            root: hex(&vectors["maker"]["root"]),
            chain: vectors["maker"]["chain"].as_array().expect("a chain").iter().map(hex).collect(),
        }
    })
}

fn bank_key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[0x40 + number; 32]).expect("a scalar")
}

fn keys() -> Keys {
    Keys {
        root: bank_key(1),
        receipt: bank_key(2),
        transfer: bank_key(3),
        certificate: bank_key(4),
        ca: bank_key(5),
    }
}

/// The bank, with the customer, whom it has handed the token. Founded once for each kind of cryptography.
#[must_use]
pub fn bank() -> Model {
    thread_local! {
        static FOUNDED: [OnceCell<Model>; 2] = const { [OnceCell::new(), OnceCell::new()] };
    }
    FOUNDED.with(|founded| founded[usize::from(stand_in::on())].get_or_init(found).clone())
}

fn found() -> Model {
    let fixture = fixture();
    let founding =
        Founding { bank_id: BankId::new(BANK).expect("a BIC"), name: BANK_NAME.to_owned(), iban_charge: 0 };
    let mut model = Model::new(&founding, keys(), START - 86_400).expect("a bank");
    let password = Password::new(Zeroizing::new(PASSWORD.as_bytes().to_vec())).expect("a password");
    let customer = NewCustomer {
        name: CUSTOMER.to_owned(),
        account: ACCOUNT.to_owned(),
        balance: BALANCE,
        currency: "CNY".to_owned(),
        password,
    };
    model.add_customer(&customer).expect("a customer");
    let root = MakerRoot::from_der(&fixture.root).expect("a root");
    let identity =
        DeviceIdentity::verify(&fixture.chain, &[root], Some(START), &RingVerifier).expect("a maker's token");
    model.hand_out(CUSTOMER, identity.device, identity.key, Profile::En1, START - 86_400).expect("a token");
    model
}

/// The token as it leaves the maker and the bank.
#[must_use]
pub fn token() -> Personalisation {
    let fixture = fixture();
    Personalisation {
        device: fixture.device,
        name: "U-Shield 7731".to_owned(),
        brand: "Reference".to_owned(),
        device_key: SigningKey::from_bytes(&fixture.device_key).expect("a scalar"),
        dh_key: DhSecret::from_bytes(&fixture.dh_key).expect("a scalar"),
        chain: fixture.chain.clone(),
        bank: BankId::new(BANK).expect("a BIC"),
        bank_root: bank_key(1).public_key(),
        profile: Profile::En1,
        firmware: 0x0100,
    }
}

/// What a phone is set up with.
#[must_use]
pub fn setup(phone: usize) -> SetupRequest {
    SetupRequest {
        trust: Trust::new(&BankId::new(BANK).expect("a BIC"), BANK_NAME, &bank_key(1).public_key()),
        makers: vec![fixture().root.clone()],
        customer: CUSTOMER.to_owned(),
        phone: format!("Phone {phone}"),
    }
}
