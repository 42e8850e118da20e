//! All of them together.

use std::sync::Arc;

use ushield_bank_api::{AccountScheme, Password, Role, Transfer};
use ushield_client::ports::Store;
use ushield_client::{Client, Error, Ports, Report, SetupRequest};
use ushield_e2e::evil::{FaultyStore, Maker, ManualClock, ScriptedBank, SeededEntropy};
use ushield_protocol::key::{BankId, DeviceId, Sign as _, SigningKey, sha256};
use ushield_protocol::noise::DhSecret;
use ushield_protocol::pin::INITIAL_PIN;
use ushield_protocol::render::Profile;
use ushield_token::flash::Model;
use ushield_token::{MIN_PAGES, Personalisation, personalise};

use super::{Board, Conduct, Gate, Person, Phone, TokenBox};
use crate::canary::Canary;

/// The secrets of a scene.
#[derive(Clone, Debug)]
pub struct Secrets(Vec<Canary>);

/// PINs of twelve characters, as text.
const PINS: [&str; 4] = ["pin", "next-pin", "wrong-pin", "worse-pin"];
const WORDS: [&str; 3] = ["password", "wrong-password", "session"];
const KEYS: [&str; 4] = ["sealing-key", "phone-dh", "token-dh", "token-device"];

impl Secrets {
    /// New ones of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let bytes = |name: &str| *sha256(&[b"secret", name.as_bytes(), &seed.to_be_bytes()]).as_bytes();
        let letters = |name: &str, count: usize| -> Vec<u8> {
            let alphabet = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
            bytes(name).iter().take(count).map(|byte| alphabet[usize::from(*byte) % alphabet.len()]).collect()
        };
        let pins = PINS.iter().map(|name| Canary::of(name, &letters(name, 12)));
        let words = WORDS.iter().map(|name| Canary::of(name, &letters(name, 28)));
        let keys = KEYS.iter().map(|name| {
            let mut key = bytes(name);
            key[0] &= 0x7f;
            Canary::of(name, &key)
        });
        Self(pins.chain(words).chain(keys).collect())
    }

    /// As their lines say.
    #[must_use]
    pub fn parse(lines: &str) -> Self {
        Self(lines.lines().filter_map(Canary::parse).collect())
    }

    /// Their lines.
    #[must_use]
    pub fn lines(&self) -> String {
        self.0.iter().map(|canary| canary.line() + "\n").collect()
    }

    /// One of them.
    ///
    /// # Panics
    /// When there is none of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> &Canary {
        self.0.iter().find(|canary| canary.name == name).expect(name)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Canary] {
        &self.0
    }

    /// Adds one that was learned from where it lies, in the place of another of this name.
    pub fn learn(&mut self, name: &str, secret: &[u8]) {
        self.0.retain(|canary| canary.name != name);
        self.0.push(Canary::of(name, secret));
    }
}

/// Whose scene it is.
#[derive(Clone, Debug)]
pub struct Options {
    /// The customer's name at the bank.
    pub customer: String,
    /// The phone's name.
    pub phone: String,
    /// For everything random.
    pub seed: u64,
}

/// Phone, token, bank and person.
#[derive(Debug)]
pub struct World {
    /// Time.
    pub clock: Arc<ManualClock>,
    /// The token.
    pub token: TokenBox,
    /// The bank.
    pub gate: Arc<Gate>,
    /// The store, whose disk can fail.
    pub store: Arc<FaultyStore>,
    /// The person.
    pub person: Person,
    /// The client.
    pub client: Client,
    setup: SetupRequest,
}

impl World {
    /// A scene at its beginning.
    ///
    /// # Panics
    /// When it cannot be set.
    #[must_use]
    pub fn new(secrets: &Secrets, phone: Arc<Phone>, store: Arc<dyn Store>, options: &Options) -> Self {
        let clock = Arc::new(ManualClock::default());
        let maker = Maker::new("Maker");
        let bank = Arc::new(ScriptedBank::new(clock.clone(), options.seed));
        let trust = bank.trust();
        let device = DeviceId::from([0xd7; 16]);
        let mut board = Board::new(Model::erased(MIN_PAGES), options.seed);
        {
            let (key, dh) = (secrets.get("token-device").reveal(), secrets.get("token-dh").reveal());
            let device_key = SigningKey::from_bytes(key.as_slice().try_into().unwrap()).unwrap();
            bank.hands_out(device, device_key.public_key());
            let what = Personalisation {
                device,
                name: "U-Shield".to_owned(),
                brand: "Maker".to_owned(),
                chain: vec![maker.certify(device, &device_key.public_key())],
                device_key,
                dh_key: DhSecret::from_bytes(dh.as_slice().try_into().unwrap()).unwrap(),
                bank: BankId::new(&trust.bank_id).unwrap(),
                bank_root: trust.root_key().unwrap(),
                profile: Profile::En1,
                firmware: 0x0100,
            };
            personalise(&mut board, &what).unwrap();
        }
        let token = TokenBox::new(board, clock.clone());
        let gate = Arc::new(Gate::new(bank, secrets.get("password").clone(), secrets.get("session").clone()));
        let store = Arc::new(FaultyStore::new(store));
        let client = Client::new(Ports {
            bank: gate.clone(),
            store: store.clone(),
            keystore: phone,
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(options.seed)),
        });
        let setup = SetupRequest {
            trust,
            makers: vec![maker.root().to_vec()],
            customer: options.customer.clone(),
            phone: options.phone.clone(),
        };
        Self { clock, token, gate, store, person: Person::default(), client, setup }
    }

    /// Sets the client up.
    ///
    /// # Errors
    /// As the client says.
    pub fn set_up(&self) -> Result<(), Error> {
        self.client.set_up(&self.setup).map(drop)
    }

    /// Signs in with the password of this name.
    ///
    /// # Errors
    /// As the client says.
    ///
    /// # Panics
    /// When it is no text.
    pub async fn sign_in(&self, password: &Canary) -> Result<(), Error> {
        self.client.sign_in(Password::new(password.reveal()).unwrap()).await
    }

    /// Pairs.
    ///
    /// # Errors
    /// As the client says.
    pub async fn pair(&self) -> Result<(), Error> {
        self.token.open_pairing();
        let pending = self.client.pair(&self.token, &self.person, true).await?;
        pending.confirm(&self.person).await.map(drop)
    }

    /// Changes the PIN that the token came with.
    ///
    /// # Errors
    /// As the client says.
    pub async fn first_pin(&self, pin: &Canary) -> Result<(), Error> {
        self.person.types(&[&Canary::of("initial", INITIAL_PIN.as_bytes()), pin]);
        self.client.change_pin(&self.token, &self.person, None).await
    }

    /// Gets the certificate.
    ///
    /// # Errors
    /// As the client says.
    pub async fn certificate(&self, pin: &Canary) -> Result<(), Error> {
        self.token.conduct(Conduct::Approve);
        self.person.types(&[pin]);
        self.client.download_certificate(&self.token, &self.person, None, Role::Pay).await.map(drop)
    }

    /// From nothing to a token that can approve transfers.
    ///
    /// # Errors
    /// As the client says.
    pub async fn make_ready(&self, secrets: &Secrets) -> Result<(), Error> {
        self.set_up()?;
        self.sign_in(secrets.get("password")).await?;
        self.pair().await?;
        self.first_pin(secrets.get("pin")).await?;
        self.certificate(secrets.get("pin")).await
    }

    /// A transfer from request to receipt.
    ///
    /// # Errors
    /// As the client says.
    pub async fn transfer(&self, transfer: &Transfer) -> Result<Report, Error> {
        let id = self.client.create_transfer(&self.person, None, transfer).await?;
        self.client.run_order(&self.token, &self.person, id).await
    }

    /// A transfer with texts that are of no importance.
    #[must_use]
    pub fn a_transfer(amount: u64) -> Transfer {
        Transfer {
            debtor_account: "6222021001116245702".to_owned(),
            creditor_name: "李雷".to_owned(),
            creditor_account: "6217001210024455220".to_owned(),
            account_scheme: AccountScheme::Domestic,
            creditor_agent: "示例银行".to_owned(),
            amount,
            currency: "CNY".to_owned(),
            execution_date: None,
            remittance_text: "货款".to_owned(),
            beside: None,
            device_id: None,
        }
    }
}
