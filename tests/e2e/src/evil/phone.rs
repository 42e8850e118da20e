//! What belongs to the phone: keys in memory, a person in front of it, and a store whose disk fails on demand.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ushield_client::ports::{Change, Health, Keystore, Records, SealingKey, Store, Table};
use ushield_client::{Customer, Error, Moment, PinReason};
use ushield_protocol::code::Code;
use ushield_protocol::key::PublicKey;
use ushield_protocol::noise::{DhSecret, SharedSecret};
use ushield_protocol::pin::PinBlock;
use zeroize::Zeroizing;

use super::time::SeededEntropy;

/// A key store in memory. Share it to restart a client.
#[derive(Debug)]
pub struct MemoryKeystore {
    keys: Mutex<BTreeMap<String, DhSecret>>,
    entropy: SeededEntropy,
    broken: AtomicBool,
}

impl MemoryKeystore {
    /// An empty one; its keys come from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            keys: Mutex::default(),
            entropy: SeededEntropy::new(seed ^ 0x6b65_7973),
            broken: AtomicBool::new(false),
        }
    }

    /// From now on everything fails, or works again.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), Error> {
        match self.broken.load(Ordering::SeqCst) {
            true => Err(Error::new(Code::KeystoreFailure)),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Keystore for MemoryKeystore {
    async fn create_dh(&self, name: &str) -> Result<PublicKey, Error> {
        self.check()?;
        let mut keys = self.keys.lock().unwrap();
        let draw = || DhSecret::from_bytes(&self.entropy.draw()).unwrap();
        Ok(keys.entry(name.to_owned()).or_insert_with(draw).public_key())
    }

    async fn dh(&self, name: &str, point: &PublicKey) -> Result<SharedSecret, Error> {
        self.check()?;
        let keys = self.keys.lock().unwrap();
        let shared = keys.get(name).and_then(|key| key.agree(point));
        shared.ok_or(Error::new(Code::KeystoreFailure))
    }

    async fn sealing_key(&self) -> Result<SealingKey, Error> {
        self.check()?;
        Ok(SealingKey::new(Zeroizing::new([0x5e; 32])))
    }
}

/// A person: knows PINs, remembers what they were told, may change their mind.
#[derive(Debug)]
pub struct Person {
    pins: Mutex<VecDeque<String>>,
    asked: Mutex<Vec<PinReason>>,
    told: Mutex<Vec<Moment>>,
    cancels_when: Mutex<Option<&'static str>>,
    patience: AtomicUsize,
}

impl Person {
    /// One who types this PIN whenever asked.
    #[must_use]
    pub fn new() -> Self {
        Self {
            pins: Mutex::default(),
            asked: Mutex::default(),
            told: Mutex::default(),
            cancels_when: Mutex::default(),
            patience: AtomicUsize::new(usize::MAX),
        }
    }

    /// What they type next, one after the other, before they come back to the right PIN.
    pub fn types(&self, pins: &[&str]) {
        self.pins.lock().unwrap().extend(pins.iter().map(|pin| (*pin).to_owned()));
    }

    /// They take an order back as soon as this moment (by name) has come.
    pub fn cancels_when(&self, moment: &'static str) {
        *self.cancels_when.lock().unwrap() = Some(moment);
    }

    /// They take nothing back any more.
    pub fn cancels_nothing(&self) {
        *self.cancels_when.lock().unwrap() = None;
    }

    /// They type so many PINs until they have had enough.
    pub fn gives_up_after(&self, pins: usize) {
        self.patience.store(pins, Ordering::SeqCst);
    }

    /// What they were told, in order.
    #[must_use]
    pub fn moments(&self) -> Vec<Moment> {
        self.told.lock().unwrap().clone()
    }

    /// Names of what they were told, in order.
    #[must_use]
    pub fn told(&self) -> Vec<&'static str> {
        self.told.lock().unwrap().iter().map(Moment::name).collect()
    }

    /// Whether they were told of it.
    #[must_use]
    pub fn was_told(&self, moment: &str) -> bool {
        self.told().contains(&moment)
    }

    /// Why they were asked for a PIN, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<PinReason> {
        self.asked.lock().unwrap().clone()
    }

    /// Forgets what was told and asked.
    pub fn forget(&self) {
        self.told.lock().unwrap().clear();
        self.asked.lock().unwrap().clear();
    }
}

impl Default for Person {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Customer for Person {
    fn tell(&self, moment: &Moment) {
        self.told.lock().unwrap().push(moment.clone());
    }

    async fn pin(&self, reason: PinReason) -> Result<PinBlock, Error> {
        self.asked.lock().unwrap().push(reason);
        let left = self.patience.load(Ordering::SeqCst);
        self.patience.store(left.saturating_sub(1), Ordering::SeqCst);
        if left == 0 {
            return Err(Error::new(Code::Interrupted));
        }
        let pin = self.pins.lock().unwrap().pop_front().unwrap_or_else(|| "204619".to_owned());
        Ok(PinBlock::new(&pin)?)
    }

    async fn cancel_wanted(&self) {
        let wanted = *self.cancels_when.lock().unwrap();
        match wanted {
            Some(moment) if self.was_told(moment) => {}
            _ => std::future::pending().await,
        }
    }
}

/// A store over another one, whose disk fails at a chosen commit and every one after it.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    left: AtomicUsize,
    code: Mutex<Code>,
}

impl std::fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FaultyStore")
    }
}

impl FaultyStore {
    /// Over `inner`, healthy at first.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, left: AtomicUsize::new(usize::MAX), code: Mutex::new(Code::DiskFull) }
    }

    /// Takes `commits` more commits, then fails with `code`.
    pub fn fail_after(&self, commits: usize, code: Code) {
        *self.code.lock().unwrap() = code;
        self.left.store(commits, Ordering::SeqCst);
    }

    /// There is room again.
    pub fn heal(&self) {
        self.left.store(usize::MAX, Ordering::SeqCst);
    }
}

impl Store for FaultyStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        self.inner.get(table, key)
    }

    fn list(&self, table: Table) -> Result<Records, Error> {
        self.inner.list(table)
    }

    fn commit(&self, changes: &[Change]) -> Result<(), Error> {
        match self.left.load(Ordering::SeqCst) {
            0 => Err(Error::new(*self.code.lock().unwrap())),
            usize::MAX => self.inner.commit(changes),
            left => {
                self.left.store(left - 1, Ordering::SeqCst);
                self.inner.commit(changes)
            }
        }
    }

    fn health(&self) -> Result<Health, Error> {
        self.inner.health()
    }
}
