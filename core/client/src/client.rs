//! The client: six ports and what it remembers.

use std::sync::Arc;

use ushield_bank_api::{Accounts, Password, SessionToken, Trust};
use ushield_protocol::cbor::{Reader, Writer};
use ushield_protocol::code::Code;
use ushield_protocol::device::MakerRoot;
use ushield_protocol::key::DeviceId;
use ushield_protocol::message;
use ushield_protocol::noise::Seed;
use ushield_protocol::text;
use zeroize::Zeroizing;

use crate::bank::BankClient;
use crate::bank_keys::VerifiedKeys;
use crate::error::{Detail, Error};
use crate::orders::lanes::Lanes;
use crate::ports::{BankHttp, Change, Clock, Entropy, Keystore, Store, Table};
use crate::records::{Setup, TokenRecord};

/// Key of the one record of a table that has one.
pub(crate) const ONLY: &[u8] = b"only";

/// Longest name of a bank or a customer, in bytes.
pub(crate) const MAX_NAME: usize = 140;
/// Longest token of a session, in bytes.
const MAX_SESSION: usize = 1024;

/// The ports that live as long as the client. The sixth, the link, comes with each call.
#[derive(Clone)]
pub struct Ports {
    /// The way to the bank.
    pub bank: Arc<dyn BankHttp>,
    /// What is remembered.
    pub store: Arc<dyn Store>,
    /// The phone's keys.
    pub keystore: Arc<dyn Keystore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Random numbers.
    pub entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}

/// A phone that drives tokens for one customer of one bank.
///
/// Everything that it promised is durable before it returns; it may be dropped or killed at any moment, and a new one
/// over the same store goes on ([`Client::resume`]).
pub struct Client {
    ports: Ports,
    bank: BankClient,
    lanes: Lanes,
    verified_keys: VerifiedKeys,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

/// What a phone is set up with. Its Debug form names the bank alone.
#[derive(Clone)]
pub struct SetupRequest {
    /// The bank's id, name and root key, as it hands them out.
    pub trust: Trust,
    /// Certificates of the makers' roots that the app trusts, DER.
    pub makers: Vec<Vec<u8>>,
    /// The customer's name at the bank.
    pub customer: String,
    /// The phone's name, as tokens list it.
    pub phone: String,
}

impl std::fmt::Debug for SetupRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SetupRequest({})", self.trust.bank_id)
    }
}

impl Client {
    /// A client over its ports. Does nothing yet.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        let bank = BankClient::new(Arc::clone(&ports.bank));
        Self { ports, bank, lanes: Lanes::default(), verified_keys: VerifiedKeys::default() }
    }

    /// Writes down which bank, which makers and who the customer is. Another time the names of bank and phone and the makers may be others.
    ///
    /// # Errors
    /// `bad-input` names the member; `other-setup` for another bank or customer than the first time; `store-*`.
    pub fn set_up(&self, request: &SetupRequest) -> Result<Setup, Error> {
        let bad = |member| move || Error::new(Code::BadInput).at(member);
        let bank = request.trust.bank().ok_or_else(bad("trust.bank_id"))?;
        let root = request.trust.root_key().ok_or_else(bad("trust.root"))?;
        if request.makers.is_empty() || request.makers.iter().any(|der| MakerRoot::from_der(der).is_none()) {
            return Err(bad("makers")());
        }
        if request.customer.is_empty() || request.customer.len() > MAX_NAME {
            return Err(bad("customer")());
        }
        if request.trust.name.len() > MAX_NAME {
            return Err(bad("trust.name")());
        }
        text::check(&request.trust.name).map_err(|_| Error::new(Code::BadText).at("trust.name"))?;
        message::check_name(&request.phone).map_err(|code| Error::new(code).at("phone"))?;
        let setup = Setup {
            bank,
            bank_name: request.trust.name.clone(),
            root,
            makers: request.makers.clone(),
            customer: request.customer.clone(),
            phone: request.phone.clone(),
        };
        if let Some(known) = self.store().get(Table::Setup, ONLY)? {
            let known = Setup::decode(&known)?;
            if known.bank != setup.bank || known.root != setup.root || known.customer != setup.customer {
                return Err(Error::new(Code::OtherSetup));
            }
            if known == setup {
                return Ok(setup);
            }
        }
        // Names of bank and phone and the makers are the app's word of today.
        self.store().put(Table::Setup, ONLY, &setup.encode())?;
        Ok(setup)
    }

    /// What the client was set up with.
    ///
    /// # Errors
    /// `not-set-up`; `store-*`.
    pub fn setup(&self) -> Result<Setup, Error> {
        let setup = self.store().get(Table::Setup, ONLY)?;
        Setup::decode(&setup.ok_or(Error::new(Code::NotSetUp))?)
    }

    /// Signs the customer in; the session is kept until it ends.
    ///
    /// # Errors
    /// `wrong-password`, `too-many-attempts`, `bank-*`.
    pub async fn sign_in(&self, password: Password) -> Result<(), Error> {
        let session = self.bank.sign_in(&self.setup()?.customer, password).await?;
        if session.token.expose().len() > MAX_SESSION {
            return Err(Error::new(Code::BankLied).at("token"));
        }
        let ends = self.ports.clock.now().0.saturating_add(session.expires_in);
        let token = session.token.expose();
        let record = Writer::with_capacity(token.len() + 16).array(2).text(token).uint(ends).into_bytes();
        let record = Zeroizing::new(record);
        self.store().put(Table::Session, ONLY, &record)
    }

    /// Whether a session is there that has not ended by this phone's clock. The bank decides.
    ///
    /// # Errors
    /// `store-*`.
    pub fn is_signed_in(&self) -> Result<bool, Error> {
        match self.session() {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Code::NotSignedIn => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The customer's accounts.
    ///
    /// # Errors
    /// `not-signed-in`, `bank-*`.
    pub async fn accounts(&self) -> Result<Accounts, Error> {
        self.heeding(self.bank.accounts(&self.session()?).await)
    }

    /// The paired tokens.
    ///
    /// # Errors
    /// `store-*`.
    pub fn tokens(&self) -> Result<Vec<TokenRecord>, Error> {
        self.store().list(Table::Token)?.iter().map(|(_, record)| TokenRecord::decode(record)).collect()
    }

    /// One paired token; without an id, the only one.
    ///
    /// # Errors
    /// `not-paired`; `wrong-token` when several are paired and none is named; `store-*`.
    pub fn token(&self, device: Option<DeviceId>) -> Result<TokenRecord, Error> {
        let mut tokens = self.tokens()?;
        if let Some(device) = device {
            tokens.retain(|token| token.pairing.device == device);
        }
        match tokens.len() {
            0 => Err(match device {
                Some(device) => Error::new(Code::NotPaired).with_detail(Detail::Device(device)),
                None => Error::new(Code::NotPaired),
            }),
            1 => tokens.pop().ok_or(Error::new(Code::NotPaired)),
            _ => Err(Error::new(Code::WrongToken)),
        }
    }

    pub(crate) fn put_token(&self, token: &TokenRecord) -> Result<(), Error> {
        self.store().put(Table::Token, token.pairing.device.as_bytes(), &token.encode())
    }

    pub(crate) fn session(&self) -> Result<SessionToken, Error> {
        let record = self.store().get(Table::Session, ONLY)?.ok_or(Error::new(Code::NotSignedIn))?;
        let mut reader = Reader::new(&record);
        let mut read = || {
            reader.array(2, 2)?;
            let token = reader.text(1, MAX_SESSION)?;
            let ends = reader.uint()?;
            reader.end().map(|()| (token, ends))
        };
        // Signing in again mends whatever is wrong with it.
        let (token, ends) = read().map_err(|error| Error::new(Code::NotSignedIn).caused_by(error))?;
        if ends <= self.ports.clock.now().0 {
            return Err(Error::new(Code::NotSignedIn));
        }
        let token = SessionToken::new(Zeroizing::new(token.as_bytes().to_vec()));
        token.ok_or(Error::new(Code::NotSignedIn))
    }

    /// A reply of the bank to a request that named the session. One that the bank does not know any more is forgotten.
    pub(crate) fn heeding<T>(&self, reply: Result<T, Error>) -> Result<T, Error> {
        if matches!(&reply, Err(error) if error.code() == Code::NotSignedIn) {
            self.drop_session()?;
        }
        reply
    }

    pub(crate) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    pub(crate) fn verified_keys(&self) -> &VerifiedKeys {
        &self.verified_keys
    }

    /// Forgets the session: the bank said that it has ended.
    fn drop_session(&self) -> Result<(), Error> {
        self.store().commit(&[Change::delete(Table::Session, ONLY)])
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.ports.store.as_ref()
    }

    pub(crate) fn keystore(&self) -> &dyn Keystore {
        self.ports.keystore.as_ref()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.ports.clock.as_ref()
    }

    pub(crate) fn bank(&self) -> &BankClient {
        &self.bank
    }

    pub(crate) fn seed(&self) -> Result<Seed, Error> {
        self.random().map(Seed::new)
    }

    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.ports.entropy.fill(&mut bytes)?;
        Ok(bytes)
    }
}
