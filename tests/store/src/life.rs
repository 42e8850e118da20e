//! A customer with a token and a phone that dies at a chosen commit: real client, real store, scripted token and bank.
//!
//! Death is at once: nothing more is written, nothing more leaves, what ran is dropped.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::executor::block_on;
use ushield_client::ports::{
    BankHttp, Change, Connector, Health, HttpRequest, HttpResponse, Link, Records, Store, Table, Wanted,
};
use ushield_client::store::{Opened, SqliteStore};
use ushield_client::{Client, Error, Ports};
use ushield_e2e::evil::{ScriptedBank, SeededEntropy, World};
use ushield_protocol::code::Code;
use ushield_protocol::message::Kind;
use zeroize::Zeroizing;

use crate::content::{self, Content};
use crate::points::Point;

/// On which side of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// It is asked for and not made.
    Before,
    /// It is made and nobody was told.
    After,
}

/// At which commit of a life the phone dies, counted from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Death {
    /// The commit.
    pub at: usize,
    /// Its side.
    pub side: Side,
}

/// A life of a phone: what it wrote, and whether it has ended.
#[derive(Clone, Default)]
pub struct Life(Arc<Shared>);

#[derive(Default)]
struct Shared {
    dead: AtomicBool,
    death: Option<Death>,
    /// Where the folder is copied to, and after which commit.
    copy: Option<(usize, PathBuf, PathBuf)>,
    written: Mutex<Written>,
}

/// What a phone wrote.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// What the store must hold.
    pub content: Content,
    /// The steps, by name.
    pub points: Vec<Point>,
}

impl Life {
    fn is_dead(&self) -> bool {
        self.0.dead.load(Ordering::SeqCst)
    }

    fn die(&self) -> Error {
        self.0.dead.store(true, Ordering::SeqCst);
        Error::new(Code::StoreFailure)
    }

    fn dies(&self, at: usize, side: Side) -> bool {
        self.0.death == Some(Death { at, side })
    }

    async fn needed(&self) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    /// What was written.
    #[must_use]
    pub fn written(&self) -> Written {
        self.0.written.lock().unwrap().clone()
    }

    /// Runs until it is done or the phone dies; nothing is the latter.
    pub fn run<T>(&self, flow: impl Future<Output = T>) -> Option<T> {
        let mut flow = Box::pin(flow);
        block_on(poll_fn(|context| {
            let polled = flow.poll_unpin(context);
            if self.is_dead() { Poll::Ready(None) } else { polled.map(Some) }
        }))
    }
}

/// A store, link or bank of a phone that may die.
struct Mortal<P> {
    port: P,
    life: Life,
}

impl Store for Mortal<SqliteStore> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        self.port.get(table, key)
    }

    fn list(&self, table: Table) -> Result<Records, Error> {
        self.port.list(table)
    }

    fn commit(&self, changes: &[Change]) -> Result<(), Error> {
        if self.life.is_dead() || changes.is_empty() {
            return if changes.is_empty() { Ok(()) } else { Err(self.life.die()) };
        }
        let mut written = self.life.0.written.lock().unwrap();
        let at = written.points.len();
        if self.life.dies(at, Side::Before) {
            // It was reached, which is what counts for the list of points.
            return Err(self.life.die());
        }
        self.port.commit(changes)?;
        let point = Point::of(changes, &written.content);
        written.points.push(point);
        written.content = written.content.after(changes);
        if let Some((_, from, to)) = self.life.0.copy.as_ref().filter(|(after, ..)| *after == at) {
            copy(from, to);
        }
        if self.life.dies(at, Side::After) { Err(self.life.die()) } else { Ok(()) }
    }

    fn health(&self) -> Result<Health, Error> {
        self.port.health()
    }
}

#[async_trait]
impl BankHttp for Mortal<Arc<ScriptedBank>> {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        self.life.needed().await;
        self.port.call(request).await
    }
}

#[async_trait]
impl<C: Connector> Connector for Mortal<C> {
    async fn connect(&self, wanted: &Wanted) -> Result<Box<dyn Link>, Error> {
        self.life.needed().await;
        let port = self.port.connect(wanted).await?;
        Ok(Box::new(Mortal { port, life: self.life.clone() }))
    }

    fn describe(&self) -> Option<String> {
        self.port.describe()
    }
}

#[async_trait]
impl Link for Mortal<Box<dyn Link>> {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        self.life.needed().await;
        self.port.send(kind, body).await
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        self.life.needed().await;
        self.port.receive().await
    }

    async fn close(&mut self) {
        self.life.needed().await;
        self.port.close().await;
    }
}

/// A phone that was switched on.
pub struct Phone {
    /// The client.
    pub client: Client,
    /// The way to the token.
    pub link: Box<dyn Connector>,
    /// Its life.
    pub life: Life,
    /// What opening its store found.
    pub opened: Opened,
    /// What the store held then.
    pub found: Content,
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phone")
    }
}

impl Phone {
    /// Switches a phone on over the store in `folder`. `seed` is different for each start.
    ///
    /// # Errors
    /// The store's.
    pub fn start(world: &World, folder: &Path, seed: u64, death: Option<Death>) -> Result<Self, Error> {
        Self::start_copying(world, folder, seed, death, None)
    }

    /// The same; after a commit the store is copied to another folder.
    ///
    /// # Errors
    /// The store's.
    pub fn start_copying(
        world: &World,
        folder: &Path,
        seed: u64,
        death: Option<Death>,
        copy: Option<(usize, &Path)>,
    ) -> Result<Self, Error> {
        let (store, opened) = content::open(folder, seed)?;
        let found = Content::of(&store)?;
        let written = Mutex::new(Written { content: found.clone(), points: Vec::new() });
        let copy = copy.map(|(after, to)| (after, folder.to_owned(), to.to_owned()));
        let life = Life(Arc::new(Shared { dead: AtomicBool::new(false), death, copy, written }));
        let client = Client::new(Ports {
            bank: Arc::new(Mortal { port: Arc::clone(&world.bank), life: life.clone() }),
            store: Arc::new(Mortal { port: store, life: life.clone() }),
            keystore: world.keystore.clone(),
            clock: world.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(seed)),
        });
        let link = Box::new(Mortal { port: world.token.clone(), life: life.clone() });
        Ok(Self { client, link, life, opened, found })
    }
}

/// Copies a store's folder as it lies, open or not.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("store")).unwrap();
    for entry in std::fs::read_dir(from.join("store")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join("store").join(path.file_name().unwrap())).unwrap();
    }
}
