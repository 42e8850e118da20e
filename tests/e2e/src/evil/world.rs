//! A phone between a scripted token and a scripted bank.

use std::sync::Arc;

use ushield_bank_api::{AccountScheme, Password, Role, Transfer};
use ushield_client::ports::{BankHttp, Store};
use ushield_client::store::MemoryStore;
use ushield_client::{Client, Error, Ports, Report, SetupRequest};
use ushield_protocol::key::{OrderId, Sign as _};
use ushield_protocol::receipt::Outcome;
use zeroize::Zeroizing;

use super::bank::{PASSWORD, ScriptedBank};
use super::maker::Maker;
use super::phone::{FaultyStore, MemoryKeystore, Person};
use super::time::{ManualClock, SeededEntropy};
use super::token::{Conduct, ScriptedToken};

/// Everything that a client meets.
#[derive(Debug)]
pub struct World {
    /// Time.
    pub clock: Arc<ManualClock>,
    /// The maker whom the phone trusts.
    pub maker: Maker,
    /// The token.
    pub token: ScriptedToken,
    /// The bank.
    pub bank: Arc<ScriptedBank>,
    /// What the client remembers.
    pub store: Arc<FaultyStore>,
    /// The phone's keys.
    pub keystore: Arc<MemoryKeystore>,
    /// The customer.
    pub person: Person,
    /// The client.
    pub client: Client,
    between: Option<Between>,
    seed: u64,
}

/// What the client has in the place of its store and the bank.
#[derive(Clone)]
struct Between(Arc<dyn Store>, Arc<dyn BankHttp>);

impl std::fmt::Debug for Between {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Between")
    }
}

impl World {
    /// A phone that was not set up, over a store in memory.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::over(seed, Arc::new(MemoryStore::new()))
    }

    /// The same over any store.
    #[must_use]
    pub fn over(seed: u64, store: Arc<dyn Store>) -> Self {
        Self::build(seed, store, |_, _| None)
    }

    /// The same with something between the client and its store, and between the client and the bank.
    pub fn between(
        seed: u64,
        store: Arc<dyn Store>,
        between: impl FnOnce(Arc<FaultyStore>, Arc<ScriptedBank>) -> (Arc<dyn Store>, Arc<dyn BankHttp>),
    ) -> Self {
        Self::build(seed, store, |store, bank| {
            let (store, bank) = between(store, bank);
            Some(Between(store, bank))
        })
    }

    fn build(
        seed: u64,
        store: Arc<dyn Store>,
        between: impl FnOnce(Arc<FaultyStore>, Arc<ScriptedBank>) -> Option<Between>,
    ) -> Self {
        let clock = Arc::new(ManualClock::default());
        let maker = Maker::new("Scripted maker");
        let token = ScriptedToken::new(&maker, seed);
        let bank = Arc::new(ScriptedBank::new(Arc::clone(&clock), seed));
        bank.hands_out(token.device(), token.device_key().public_key());
        let store = Arc::new(FaultyStore::new(store));
        let keystore = Arc::new(MemoryKeystore::new(seed));
        let between = between(Arc::clone(&store), Arc::clone(&bank));
        let entropy = Arc::new(SeededEntropy::new(seed));
        let Between(kept, http) = between.clone().unwrap_or(Between(store.clone(), bank.clone()));
        let client = Client::new(Ports {
            bank: http,
            store: kept,
            keystore: keystore.clone(),
            clock: clock.clone(),
            entropy,
        });
        Self { clock, maker, token, bank, store, keystore, person: Person::new(), client, between, seed }
    }

    /// Set up and signed in.
    pub async fn signed_in(seed: u64) -> Self {
        let world = Self::new(seed);
        world.set_up();
        world.sign_in().await;
        world
    }

    /// Set up, signed in and paired.
    pub async fn paired(seed: u64) -> Self {
        let world = Self::signed_in(seed).await;
        world.pair().await.unwrap();
        world
    }

    /// Ready for transfers: the token has its certificate, and the next orders are approved.
    pub async fn ready(seed: u64) -> Self {
        let world = Self::paired(seed).await;
        world.certificate().await;
        world
    }

    /// Sets the client up, with the one maker.
    pub fn set_up(&self) {
        self.client.set_up(&self.setup()).unwrap();
    }

    /// With what it is set up.
    #[must_use]
    pub fn setup(&self) -> SetupRequest {
        SetupRequest {
            trust: self.bank.trust(),
            makers: vec![self.maker.root().to_vec()],
            customer: "zhang".to_owned(),
            phone: "phone".to_owned(),
        }
    }

    /// Signs in with the right password.
    pub async fn sign_in(&self) {
        let password = Password::new(Zeroizing::new(PASSWORD.as_bytes().to_vec())).unwrap();
        self.client.sign_in(password).await.unwrap();
    }

    /// Opens the token's pairing mode and pairs, digits equal.
    ///
    /// # Errors
    /// As the client says.
    pub async fn pair(&self) -> Result<(), Error> {
        self.token.open_pairing();
        let pending = self.client.pair(&self.token, &self.person, false).await?;
        assert_eq!(Some(pending.digits().to_string()), self.token.digits());
        pending.confirm(&self.person).await.map(|_| ())
    }

    /// Gets the certificate of `pay`.
    pub async fn certificate(&self) {
        self.token.conduct(Conduct::Approve);
        let report = self.client.download_certificate(&self.token, &self.person, None, Role::Pay).await;
        assert_eq!(report.unwrap().unwrap().receipt.outcome, Outcome::Executed);
        self.person.forget();
    }

    /// A transfer from the request to the receipt.
    ///
    /// # Errors
    /// As the client says.
    pub async fn transfer(&self) -> Result<Report, Error> {
        let id = self.create().await?;
        self.run(id).await
    }

    /// A transfer order, not delivered yet.
    ///
    /// # Errors
    /// As the client says.
    pub async fn create(&self) -> Result<OrderId, Error> {
        self.client.create_transfer(&self.person, None, &transfer()).await
    }

    /// Takes an order to its end.
    ///
    /// # Errors
    /// As the client says.
    pub async fn run(&self, id: OrderId) -> Result<Report, Error> {
        self.client.run_order(&self.token, &self.person, id).await
    }

    /// The phone is killed and started again over the same store.
    pub fn restart(&mut self) {
        self.seed += 1;
        let entropy = Arc::new(SeededEntropy::new(self.seed));
        let straight = Between(self.store.clone(), self.bank.clone());
        let Between(store, bank) = self.between.clone().unwrap_or(straight);
        let (keystore, clock) = (self.keystore.clone(), self.clock.clone());
        self.client = Client::new(Ports { bank, store, keystore, clock, entropy });
    }

    /// Names of what the client's history says of its orders, newest first, certificates not among them.
    pub async fn statuses(&self) -> Vec<&'static str> {
        let is_transfer = |order: &ushield_protocol::order::Order<ushield_protocol::order::Verified>| {
            matches!(order.payload().operation, ushield_protocol::order::Operation::Transfer(_))
        };
        let history = self.client.history().await.unwrap();
        let transfers = history.iter().filter(|entry| entry.order.as_ref().is_none_or(is_transfer));
        transfers.map(|entry| entry.status.name()).collect()
    }
}

/// A transfer as a customer asks for it: a Chinese payee, 12,345.67 CNY.
#[must_use]
pub fn transfer() -> Transfer {
    Transfer {
        debtor_account: "6222021001116245702".to_owned(),
        creditor_name: "杭州西湖龙井茶业有限公司".to_owned(),
        creditor_account: "6217001210024455220".to_owned(),
        account_scheme: AccountScheme::Domestic,
        creditor_agent: "中国建设银行杭州分行".to_owned(),
        amount: 1_234_567,
        currency: "CNY".to_owned(),
        execution_date: None,
        remittance_text: "货款 合同2026-1107号".to_owned(),
        beside: None,
        device_id: None,
    }
}
