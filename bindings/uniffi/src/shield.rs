//! The client as an object: what is known, and the bank.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use ushield_bank_api::Password;
use ushield_client::catalogue::{Catalogue, Language};
use ushield_client::ports::{self, Connector, Entropy, SealingKey, Store};
use ushield_client::radio::{AnyOf, RadioConnector};
use ushield_client::store::MemoryStore;
use ushield_client::{Client, Error, Ports};
use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;
use zeroize::Zeroizing;

use crate::alive::Alive;
use crate::failure::{Failure, Problem};
use crate::host::bank::{BankHttp, BankPort};
use crate::host::clock::{Clock, ClockPort};
use crate::host::keystore::{Keystore, KeystorePort};
use crate::host::radio::Radio;
use crate::host::radio_port::RadioPort;
use crate::runtime;
use crate::value::{
    Account, Adopted, CertificateRole, Config, HistoryEntry, InReach, StorePlace, Token, device_id, order_id,
};

/// How long a store that another client of this process is closing is waited for, and how often it is tried.
const CLOSING: Duration = Duration::from_secs(2);
const GLANCE: Duration = Duration::from_millis(20);

/// A phone that drives tokens for one customer of one bank.
///
/// Made, opened, used, shut down; and freed. Everything that it promised is durable before it returns; the process may be killed at any
/// moment, and a new one goes on.
#[derive(uniffi::Object)]
pub struct UShield {
    config: Config,
    bank: Arc<dyn BankHttp>,
    keystore: Arc<dyn Keystore>,
    clock: Option<Arc<dyn Clock>>,
    pub(crate) texts: Arc<Catalogue>,
    life: Mutex<Life>,
    /// Held while the store is being opened: who closes waits for it.
    opening: tokio::sync::Mutex<()>,
    _alive: Alive,
}

enum Life {
    /// Not opened yet, or being opened.
    Made,
    Open {
        core: Arc<Core>,
        /// What the customer should be told about the store.
        notice: Option<Error>,
    },
    Closed {
        /// Ends when the store is closed, where there was one.
        gone: Option<watch::Receiver<()>>,
    },
}

/// The client with its texts.
pub(crate) struct Core {
    pub(crate) client: Client,
    pub(crate) texts: Arc<Catalogue>,
    clock: Arc<ClockPort>,
    /// Turns true when it is being closed: whatever runs with it ends.
    closing: watch::Sender<bool>,
    /// Dropped last, behind the store: whoever waits for the end is told by it.
    gone: watch::Sender<()>,
}

impl Core {
    /// The ways to a token, as one.
    pub(crate) fn connector(&self, radios: Vec<Arc<dyn Radio>>) -> Arc<dyn Connector> {
        let clock: Arc<dyn ports::Clock> = self.clock.clone();
        let way = |radio| -> Arc<dyn Connector> {
            Arc::new(RadioConnector::new(Arc::new(RadioPort(radio)), Arc::clone(&clock)))
        };
        Arc::new(AnyOf::new(radios.into_iter().map(way).collect(), Arc::clone(&clock)))
    }

    /// Random numbers of the system's.
    fn open(
        config: &Config,
        bank: Arc<dyn BankHttp>,
        keystore: Arc<KeystorePort>,
        clock: Arc<ClockPort>,
        texts: Arc<Catalogue>,
        key: Option<SealingKey>,
    ) -> Result<(Self, Option<Error>), Error> {
        let (store, notice) = open_store(&config.store, key)?;
        let ports = Ports {
            bank: Arc::new(BankPort(bank)),
            store,
            keystore,
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
        };
        let client = Client::new(ports);
        client.set_up(&config.request())?;
        let (closing, gone) = (watch::Sender::new(false), watch::Sender::new(()));
        Ok((Self { client, texts, clock, closing, gone }, notice))
    }

    /// Work with the client, until it is done or the client is closed.
    pub(crate) async fn until_closed<T>(
        self: Arc<Self>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut closing = self.closing.subscribe();
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => Err(Error::new(Code::Interrupted)),
            done = work => done,
        }
    }
}

/// The operating system's random numbers.
struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(out).map_err(|error| Error::new(Code::KeystoreFailure).caused_by(error))
    }
}

#[cfg(feature = "sqlite")]
fn open_store(place: &StorePlace, key: Option<SealingKey>) -> Result<(Arc<dyn Store>, Option<Error>), Error> {
    use ushield_client::store::{OpenOptions, Opened, SqliteStore};
    match (place, key) {
        (StorePlace::Folder { path }, Some(key)) => {
            let (store, opened) =
                SqliteStore::open(&OpenOptions::new(path, "ushield"), &key, Arc::new(SystemEntropy))?;
            let notice = match opened {
                Opened::SetAside { notice, .. } => Some(notice),
                Opened::Fresh | Opened::Existing => None,
            };
            Ok((Arc::new(store), notice))
        }
        (StorePlace::Folder { .. }, None) => Err(Error::new(Code::KeystoreFailure)),
        (StorePlace::Memory, _) => Ok((Arc::new(MemoryStore::new()), None)),
    }
}

/// Built without a store on a disk.
#[cfg(not(feature = "sqlite"))]
fn open_store(
    place: &StorePlace,
    _key: Option<SealingKey>,
) -> Result<(Arc<dyn Store>, Option<Error>), Error> {
    match place {
        StorePlace::Folder { .. } => Err(Error::new(Code::BadInput).at("store")),
        StorePlace::Memory => Ok((Arc::new(MemoryStore::new()), None)),
    }
}

impl UShield {
    fn life(&self) -> MutexGuard<'_, Life> {
        // Nothing that is done under the lock can stop half-way.
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client, where it is open.
    pub(crate) fn core(&self) -> Result<Arc<Core>, Error> {
        match &*self.life() {
            Life::Open { core, .. } => Ok(Arc::clone(core)),
            Life::Made => Err(Error::new(Code::NotSetUp)),
            Life::Closed { .. } => Err(Error::new(Code::Interrupted)),
        }
    }

    /// Does work with the client on the core's threads.
    async fn with<T, F>(&self, work: impl FnOnce(Arc<Core>) -> F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let done = match self.core() {
            Ok(core) => runtime::done(Arc::clone(&core).until_closed(work(core))).await,
            Err(error) => Err(error),
        };
        done.map_err(|error| Failure::new(&error, &self.texts))
    }

    /// Keeps what was opened, unless somebody else opened or closed it meanwhile.
    fn keep(&self, opened: Arc<Core>, notice: Option<Error>) -> Result<(), Error> {
        let mut life = self.life();
        match &*life {
            Life::Made => {
                *life = Life::Open { core: opened, notice };
                Ok(())
            }
            Life::Open { .. } => Ok(()),
            Life::Closed { .. } => Err(Error::new(Code::Interrupted)),
        }
    }

    /// Ends whatever runs, closes the store on a thread that may wait for the disk, and says when that is done. Also for whoever comes second.
    fn close(&self) -> Option<watch::Receiver<()>> {
        let mut life = self.life();
        let gone = match &*life {
            Life::Made => None,
            Life::Open { core, .. } => Some(core.gone.subscribe()),
            Life::Closed { gone } => gone.clone(),
        };
        let was = std::mem::replace(&mut *life, Life::Closed { gone: gone.clone() });
        drop(life);
        if let Life::Open { core, .. } = was {
            core.closing.send_replace(true);
            runtime::elsewhere(move || drop(core));
        }
        gone
    }
}

/// Closing a store is work for the core's threads: it waits for the disk.
impl Drop for UShield {
    fn drop(&mut self) {
        drop(self.close());
    }
}

#[uniffi::export]
impl UShield {
    /// A client that is not open yet. Without a clock the system's is taken.
    #[uniffi::constructor]
    pub fn new(
        config: Config,
        bank: Arc<dyn BankHttp>,
        keystore: Arc<dyn Keystore>,
        clock: Option<Arc<dyn Clock>>,
    ) -> Arc<Self> {
        let texts = Arc::new(Catalogue::new(Language::from_tag(&config.language)));
        let life = Mutex::new(Life::Made);
        Arc::new(Self {
            config,
            bank,
            keystore,
            clock,
            texts,
            life,
            opening: tokio::sync::Mutex::default(),
            _alive: Alive::new(),
        })
    }

    /// Opens the store, or makes it, and sets the client up. Nothing happens where it is open.
    ///
    /// Returns what the customer should be told about the store: one that was not whole was set aside.
    pub async fn open(self: Arc<Self>) -> Result<Option<Problem>, Failure> {
        let me = Arc::clone(&self);
        let open = async move {
            let _opening = me.opening.lock().await;
            match me.core() {
                Ok(_) => return Ok(()),
                Err(error) if error.code() != Code::NotSetUp => return Err(error),
                Err(_) => {}
            }
            let (keystore, bank) = (Arc::new(KeystorePort(Arc::clone(&me.keystore))), Arc::clone(&me.bank));
            let key = match &me.config.store {
                StorePlace::Folder { path } if path.is_empty() => {
                    return Err(Error::new(Code::BadInput).at("store"));
                }
                StorePlace::Folder { .. } => Some(ports::Keystore::sealing_key(&*keystore).await?),
                StorePlace::Memory => None,
            };
            let clock = Arc::new(ClockPort::new(me.clock.clone()));
            let began = Instant::now();
            loop {
                let (bank, keystore) = (Arc::clone(&bank), Arc::clone(&keystore));
                let (clock, texts, key) = (Arc::clone(&clock), Arc::clone(&me.texts), key.clone());
                match Core::open(&me.config, bank, keystore, clock, texts, key) {
                    Ok((core, notice)) => return me.keep(Arc::new(core), notice),
                    // One that was freed a moment ago is still being closed.
                    Err(error) if error.code() == Code::StoreLocked && began.elapsed() < CLOSING => {
                        tokio::time::sleep(GLANCE).await;
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        runtime::done(open).await.map_err(|error| Failure::new(&error, &self.texts))?;
        let notice = match &*self.life() {
            Life::Open { notice, .. } => notice.clone(),
            Life::Made | Life::Closed { .. } => None,
        };
        Ok(notice.map(|notice| Problem::new(&notice, &self.texts)))
    }

    /// Ends whatever runs, with `interrupted`, and returns when the store is closed and its folder free. Nothing works after it.
    pub async fn shut_down(&self) {
        let gone = self.close();
        // What is being opened now is closed by whoever opens it.
        drop(self.opening.lock().await);
        // Nothing is ever sent: it ends with the last one that holds the client.
        if let Some(mut gone) = gone {
            while gone.changed().await.is_ok() {}
        }
    }

    /// Signs the customer in with the password, UTF-8; the session is kept until it ends.
    pub async fn sign_in(&self, password: Vec<u8>) -> Result<(), Failure> {
        // None is not worth one of the customer's tries.
        let password = Some(password).filter(|password| !password.is_empty());
        let password = password.and_then(|password| Password::new(Zeroizing::new(password)));
        self.with(|core| async move {
            core.client.sign_in(password.ok_or(Error::new(Code::BadInput).at("password"))?).await
        })
        .await
    }

    /// Whether a session is there that has not ended by this phone's clock. The bank decides.
    pub async fn is_signed_in(&self) -> Result<bool, Failure> {
        self.with(|core| async move { core.client.is_signed_in() }).await
    }

    /// The customer's accounts.
    pub async fn accounts(&self) -> Result<Vec<Account>, Failure> {
        self.with(|core| async move {
            Ok(core.client.accounts().await?.accounts.iter().map(Account::from).collect())
        })
        .await
    }

    /// The paired tokens.
    pub async fn tokens(&self) -> Result<Vec<Token>, Failure> {
        self.with(|core| async move { Ok(core.client.tokens()?.iter().map(Token::from).collect()) }).await
    }

    /// Looks around with these radios, for some seconds: what is in reach, and whose it is.
    pub async fn in_reach(&self, radios: Vec<Arc<dyn Radio>>) -> Result<Vec<InReach>, Failure> {
        self.with(|core| async move {
            if radios.is_empty() {
                return Ok(Vec::new());
            }
            let connector = core.connector(radios);
            Ok(core.client.in_reach(&*connector).await?.iter().map(InReach::from).collect())
        })
        .await
    }

    /// All orders that this phone knows, newest first. Needs neither bank nor token.
    pub async fn history(&self) -> Result<Vec<HistoryEntry>, Failure> {
        self.with(|core| async move {
            let entries = core.client.history().await?;
            Ok(entries.iter().map(|entry| HistoryEntry::new(entry, &core.texts)).collect())
        })
        .await
    }

    /// The pages that the token will show for an order, before it is sent there: six lines each, joined by a newline.
    pub async fn preview(&self, order: String) -> Result<Vec<String>, Failure> {
        self.with(|core| async move {
            let id: OrderId = order_id(&order)?;
            Ok(core.client.preview(id).await?.iter().map(str::to_owned).collect())
        })
        .await
    }

    /// A certificate that this phone keeps for a token: DER, own certificate first. Without a token, the only one.
    pub async fn certificate(
        &self,
        token: Option<String>,
        role: CertificateRole,
    ) -> Result<Option<Vec<Vec<u8>>>, Failure> {
        self.with(|core| async move {
            let token = core.client.token(device_id(token.as_deref())?)?;
            core.client.certificate(&token, role.into())
        })
        .await
    }

    /// Takes over orders that are open at the bank and not known here, as after a store was set aside.
    pub async fn adopt(&self) -> Result<Adopted, Failure> {
        self.with(|core| async move { Ok(Adopted::new(&core.client.adopt().await?, &core.texts)) }).await
    }

    /// Forgets a token on this phone alone, for one that is lost or was reset.
    pub async fn forget_here(&self, token: Option<String>) -> Result<(), Failure> {
        self.with(|core| async move { core.client.forget_here(device_id(token.as_deref())?) }).await
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
