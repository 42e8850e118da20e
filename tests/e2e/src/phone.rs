//! A phone in this process: a client on real ports, whose power may go and come back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ushield_bank_api::{Password, Role};
use ushield_client::ports::Connector;
use ushield_client::store::{OpenOptions, Opened, SqliteStore};
use ushield_client::{Client, Error, Ports, Report, SetupRequest, TokenRecord};
use ushield_links::http::{HttpsBank, Limits};
use ushield_links::keystore::FileKeystore;
use ushield_links::system::OsEntropy;
use ushield_links::tcp::TcpConnector;
use ushield_protocol::key::OrderId;
use ushield_protocol::pairing_code::PairingCode;
use zeroize::Zeroizing;

use crate::customer::Customer;
use crate::ports::{Gate, Power, Powered, TestClock};
use crate::token::Token;
use crate::wait::bounded;

/// The password of every customer of a test.
pub const PASSWORD: &str = "correct horse battery";

/// What a phone needs of the world around it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) bank_url: String,
    pub(crate) bank_ca: Vec<u8>,
    pub(crate) setup: SetupRequest,
    pub(crate) clock: TestClock,
}

/// A phone. Its store and its keys are in folders that outlive a client.
pub struct Phone {
    /// The client that runs on it.
    pub client: Client,
    /// The way to the bank.
    pub bank: Arc<Gate>,
    /// The way to the token.
    pub link: Box<dyn Connector>,
    /// Its power.
    pub power: Power,
    /// Its keys.
    pub keystore: Arc<FileKeystore>,
    /// Its clock.
    pub clock: TestClock,
    /// What opening its store found.
    pub opened: Opened,
    world: World,
    folder: PathBuf,
    token: String,
}

impl Phone {
    /// A phone in `folder`, set up and signed in.
    pub(crate) async fn new(world: World, folder: &Path, token: &Token) -> Self {
        let phone = Self::switch_on(world, folder.to_owned(), token.line.address().to_string()).await;
        phone.client.set_up(&phone.world.setup).unwrap();
        phone.sign_in().await;
        phone
    }

    async fn switch_on(world: World, folder: PathBuf, token: String) -> Self {
        let power = Power::on();
        let entropy = Arc::new(OsEntropy);
        let store = store_folder(&folder);
        let keystore = Arc::new(FileKeystore::open(folder.join("keys"), &store, entropy.clone()).unwrap());
        let key = ushield_client::ports::Keystore::sealing_key(&*keystore).await.unwrap();
        let (store, opened) =
            SqliteStore::open(&OpenOptions::new(store, "test"), &key, entropy.clone()).unwrap();
        let bank = HttpsBank::new(&world.bank_url, &world.bank_ca, Limits::default()).unwrap();
        let bank = Arc::new(Gate::new(Arc::new(bank)));
        let link = Powered::new(TcpConnector::new(token.clone()), power.clone());
        let client = Client::new(Ports {
            bank: Arc::new(Powered::new(Arc::clone(&bank), power.clone())),
            store: Arc::new(Powered::new(store, power.clone())),
            keystore: keystore.clone(),
            clock: Arc::new(world.clock.clone()),
            entropy,
        });
        let clock = world.clock.clone();
        Self { client, bank, link: Box::new(link), power, keystore, clock, opened, world, folder, token }
    }

    /// A new client on the same folders: the phone after its power came back, or the app after it was killed.
    pub async fn restart(self) -> Self {
        let Self { client, world, folder, token, .. } = self;
        drop(client);
        Self::switch_on(world, folder, token).await
    }

    /// Another token is near it from now on.
    pub fn turn_to(&mut self, token: &Token) {
        self.token = token.line.address().to_string();
        self.link = Box::new(Powered::new(TcpConnector::new(self.token.clone()), self.power.clone()));
    }

    /// Where its store is.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        store_folder(&self.folder)
    }

    /// Signs the customer in.
    pub async fn sign_in(&self) {
        self.client.sign_in(password()).await.unwrap();
    }

    /// Runs until it is done or the power goes; nothing is the latter.
    pub async fn run<T>(&self, flow: impl Future<Output = T>) -> Option<T> {
        let flow = async {
            tokio::select! {
                biased;
                () = self.power.gone() => None,
                done = flow => self.power.is_on().then_some(done),
            }
        };
        bounded("the end of a flow", flow).await
    }

    /// Pairs: opens the token's mode, compares the digits, confirms on both.
    ///
    /// # Errors
    /// The client's.
    pub async fn pair(&self, customer: &Customer) -> Result<TokenRecord, Error> {
        customer.hand().open_pairing().await;
        let pending = self.client.pair(&*self.link, customer, true).await?;
        let digits = pending.digits().to_string();
        let shown = customer.hand().see("digits", |page| page.digits().is_some()).await;
        assert_eq!(shown.digits(), Some(digits.as_str()));
        bounded("the end of pairing", pending.confirm(customer)).await
    }

    /// Pairs by this code.
    ///
    /// # Errors
    /// The client's.
    pub async fn pair_by_code(&self, customer: &Customer, code: PairingCode) -> Result<TokenRecord, Error> {
        let pairing = self.client.pair_by_code(&*self.link, customer, code, false);
        bounded("the end of pairing by code", pairing).await
    }

    /// Changes the PIN.
    ///
    /// # Errors
    /// The client's.
    pub async fn change_pin(&self, customer: &Customer) -> Result<(), Error> {
        customer.hand().acknowledge().await;
        bounded("the end of the PIN's change", self.client.change_pin(&*self.link, customer, None)).await
    }

    /// Downloads the certificate for payments.
    ///
    /// # Errors
    /// The client's.
    pub async fn download_certificate(&self, customer: &Customer) -> Result<Option<Report>, Error> {
        customer.hand().acknowledge().await;
        let download = self.client.download_certificate(&*self.link, customer, None, Role::Pay);
        bounded("the end of the download", download).await
    }

    /// Asks the bank for a transfer.
    ///
    /// # Errors
    /// The client's.
    pub async fn order(
        &self,
        customer: &Customer,
        transfer: &ushield_bank_api::Transfer,
    ) -> Result<OrderId, Error> {
        bounded("the bank's order", self.client.create_transfer(customer, None, transfer)).await
    }

    /// Takes an order to its end.
    ///
    /// # Errors
    /// The client's.
    pub async fn finish(&self, customer: &Customer, order: OrderId) -> Result<Report, Error> {
        customer.hand().acknowledge().await;
        bounded("the end of an order", self.client.run_order(&*self.link, customer, order)).await
    }

    /// Orders a transfer and takes it to its end.
    ///
    /// # Errors
    /// The client's.
    pub async fn transfer(
        &self,
        customer: &Customer,
        transfer: &ushield_bank_api::Transfer,
    ) -> Result<Report, Error> {
        let order = self.order(customer, transfer).await?;
        self.finish(customer, order).await
    }

    /// Goes on with all that is not over; the one order that there is.
    ///
    /// # Errors
    /// The client's, of that order.
    ///
    /// # Panics
    /// When there is not exactly one.
    pub async fn resume(&self, customer: &Customer) -> Result<Report, Error> {
        customer.hand().acknowledge().await;
        let resumed = bounded("the end of resuming", self.client.resume(&*self.link, customer)).await?;
        let mut resumed = resumed.into_iter();
        let (_, result) = resumed.next().expect("something to go on with");
        assert!(resumed.next().is_none(), "one order only");
        result
    }
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Phone({})", self.folder.display())
    }
}

fn store_folder(folder: &Path) -> PathBuf {
    folder.join("store")
}

/// The password, as it is handed over.
#[must_use]
pub fn password() -> Password {
    Password::new(Zeroizing::new(PASSWORD.as_bytes().to_vec())).unwrap()
}
