//! The client's ports with something in between: a clock that the test moves, a bank that can be away, and a phone whose power
//! goes at the moment that a test names.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;
use ushield_bank::clock::Clock as _;
use ushield_bank::clock::FakeClock;
use ushield_client::Error;
use ushield_client::ports::{
    BankHttp, Change, Clock, Connector, Health, HttpRequest, HttpResponse, Link, Millis, Records, Store,
    Table, UnixSeconds, Wanted,
};
use ushield_protocol::cbor::Reader;
use ushield_protocol::code::Code;
use ushield_protocol::message::Kind;
use ushield_session::order_life::{OrderLife, Stage};
use zeroize::Zeroizing;

/// Waits up to this are pauses between attempts; longer ones are limits.
const PAUSE: Millis = Millis(10_000);

/// A clock that shows the bank's time. Pauses pass at once; limits are reached only when a test moves the time there.
#[derive(Clone)]
pub struct TestClock {
    wall: Arc<FakeClock>,
    elapsed: watch::Sender<u64>,
}

impl TestClock {
    /// Shows the time of `wall`.
    #[must_use]
    pub fn new(wall: Arc<FakeClock>) -> Self {
        Self { wall, elapsed: watch::Sender::new(0) }
    }

    /// Lets time pass for whoever waits on this clock; the wall clock is the bank's.
    pub fn pass(&self, length: Millis) {
        self.elapsed.send_modify(|elapsed| *elapsed = elapsed.saturating_add(length.0));
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> UnixSeconds {
        UnixSeconds(self.wall.now())
    }

    fn monotonic(&self) -> Millis {
        Millis(*self.elapsed.borrow())
    }

    async fn sleep(&self, length: Millis) {
        let end = self.monotonic() + length;
        if length <= PAUSE {
            self.pass(length);
        }
        // The sender lives as long as this clock.
        let _ = self.elapsed.subscribe().wait_for(|elapsed| *elapsed >= end.0).await;
    }
}

/// What happens to a request to the bank.
pub enum Way {
    /// It goes through.
    Through,
    /// It fails before it leaves.
    Fails(Error),
    /// It goes through, the bank acts, and its reply is lost.
    ReplyLost,
    /// The same, and this happens in between.
    LostAfter(Box<dyn FnOnce() + Send>),
    /// It goes through, and the reply is changed.
    Changed(Box<dyn FnOnce(HttpResponse) -> HttpResponse + Send>),
}

type Gatekeeper = Box<dyn FnMut(&HttpRequest) -> Way + Send>;

/// The way to the bank, with a gatekeeper.
pub struct Gate {
    bank: Arc<dyn BankHttp>,
    keeper: Mutex<Option<Gatekeeper>>,
    passed: Mutex<Vec<String>>,
}

impl Gate {
    /// Leads to `bank`; everything goes through.
    #[must_use]
    pub fn new(bank: Arc<dyn BankHttp>) -> Self {
        Self { bank, keeper: Mutex::new(None), passed: Mutex::default() }
    }

    /// Decides over requests from now on.
    pub fn keep(&self, keeper: impl FnMut(&HttpRequest) -> Way + Send + 'static) {
        *lock(&self.keeper) = Some(Box::new(keeper));
    }

    /// Everything goes through again.
    pub fn open(&self) {
        *lock(&self.keeper) = None;
    }

    /// No request gets through: the bank is away.
    pub fn close(&self) {
        self.keep(|_| Way::Fails(Error::new(Code::BankUnreachable)));
    }

    /// Requests whose path ends so meet `fate`, `times` times; others go through.
    pub fn meet(&self, end: &'static str, times: usize, mut fate: impl FnMut() -> Way + Send + 'static) {
        let mut left = times;
        self.keep(move |request| {
            if left > 0 && request.path.ends_with(end) {
                left -= 1;
                return fate();
            }
            Way::Through
        });
    }

    /// Method and path of every request that was tried, in the order of time.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.passed).clone()
    }
}

#[async_trait]
impl BankHttp for Gate {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        lock(&self.passed).push(format!("{:?} {}", request.method, request.path));
        let way = match &mut *lock(&self.keeper) {
            Some(keeper) => keeper(&request),
            None => Way::Through,
        };
        match way {
            Way::Through => self.bank.call(request).await,
            Way::Fails(error) => Err(error),
            Way::ReplyLost => {
                self.bank.call(request).await?;
                Err(Error::new(Code::BankUnreachable))
            }
            Way::LostAfter(act) => {
                self.bank.call(request).await?;
                act();
                Err(Error::new(Code::BankUnreachable))
            }
            Way::Changed(change) => self.bank.call(request).await.map(change),
        }
    }
}

/// States of an order's life, to name the moment at which the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// The request is durable.
    Requested,
    /// The order is durable.
    Prepared,
    /// Delivery is about to begin.
    Sent,
    /// The token shows it.
    Shown,
    /// The answer is durable.
    Decided,
    /// Submission is about to begin.
    Submitted,
    /// The receipt is durable.
    Settled,
    /// The bank refused to make it.
    NotCreated,
}

/// A phone's power. When it goes, nothing more leaves the phone and nothing more is written: what runs is to be dropped.
#[derive(Clone)]
pub struct Power {
    on: watch::Sender<bool>,
    goes: Arc<Mutex<Option<At>>>,
}

impl Power {
    /// On.
    #[must_use]
    pub fn on() -> Self {
        Self { on: watch::Sender::new(true), goes: Arc::default() }
    }

    /// It goes as soon as an order has been written in this state.
    pub fn goes(&self, at: At) {
        *lock(&self.goes) = Some(at);
    }

    /// It goes now.
    pub fn cut(&self) {
        self.on.send_replace(false);
    }

    /// Returns when it has gone.
    pub async fn gone(&self) {
        // The sender lives as long as this.
        let _ = self.on.subscribe().wait_for(|on| !on).await;
    }

    pub(crate) fn is_on(&self) -> bool {
        *self.on.borrow()
    }

    /// Never returns without power.
    async fn needed(&self) {
        if !self.is_on() {
            std::future::pending::<()>().await;
        }
    }

    fn written(&self, changes: &[Change]) {
        let written = changes.iter().filter_map(stage).next_back();
        let mut goes = lock(&self.goes);
        if written.is_some() && written == *goes {
            *goes = None;
            self.cut();
        }
    }
}

/// The state in which an order is written.
fn stage(change: &Change) -> Option<At> {
    let Change::Put { table: Table::Order, value, .. } = change else { return None };
    let life = life(value).expect("an order's record is as `records` writes it");
    Some(match life.stage() {
        Stage::Requested => At::Requested,
        Stage::Prepared { .. } => At::Prepared,
        Stage::Sent { .. } => At::Sent,
        Stage::Shown { .. } => At::Shown,
        Stage::Decided { .. } => At::Decided,
        Stage::Submitted { .. } => At::Submitted,
        Stage::Settled { .. } => At::Settled,
        Stage::NotCreated { .. } => At::NotCreated,
    })
}

/// Field 6 of the record.
fn life(record: &[u8]) -> Result<OrderLife, ushield_protocol::cbor::DecodeError> {
    let mut reader = Reader::new(record);
    let mut map = reader.map(6)?;
    map.required(&mut reader, 1)?;
    reader.bytes(16, 16)?;
    map.required(&mut reader, 2)?;
    reader.bytes(0, 8192)?;
    map.required(&mut reader, 3)?;
    reader.uint()?;
    for key in [4, 5] {
        if map.optional(&mut reader, key)? {
            reader.bytes(16, 16)?;
        }
    }
    map.required(&mut reader, 6)?;
    OrderLife::decode(reader.bytes(1, 16_384)?)
}

/// A port of a phone whose power may go.
pub struct Powered<P> {
    port: P,
    power: Power,
}

impl<P> Powered<P> {
    /// Runs `port` on `power`.
    #[must_use]
    pub fn new(port: P, power: Power) -> Self {
        Self { port, power }
    }
}

impl<S: Store> Store for Powered<S> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        self.port.get(table, key)
    }

    fn list(&self, table: Table) -> Result<Records, Error> {
        self.port.list(table)
    }

    fn commit(&self, changes: &[Change]) -> Result<(), Error> {
        if !self.power.is_on() {
            return Err(Error::new(Code::StoreFailure));
        }
        self.port.commit(changes)?;
        self.power.written(changes);
        Ok(())
    }

    fn health(&self) -> Result<Health, Error> {
        self.port.health()
    }
}

#[async_trait]
impl BankHttp for Powered<Arc<Gate>> {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        self.power.needed().await;
        let response = self.port.call(request).await;
        self.power.needed().await;
        response
    }
}

#[async_trait]
impl<C: Connector> Connector for Powered<C> {
    async fn connect(&self, wanted: &Wanted) -> Result<Box<dyn Link>, Error> {
        self.power.needed().await;
        let link = self.port.connect(wanted).await?;
        Ok(Box::new(Powered::new(link, self.power.clone())))
    }

    fn describe(&self) -> Option<String> {
        self.port.describe()
    }
}

#[async_trait]
impl Link for Powered<Box<dyn Link>> {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        self.power.needed().await;
        self.port.send(kind, body).await
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        let message = self.port.receive().await;
        self.power.needed().await;
        message
    }

    async fn close(&mut self) {
        self.power.needed().await;
        self.port.close().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
