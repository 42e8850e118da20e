//! Stands on the link between a phone and a token: sees every message, and can hold it back or cut the line.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use ushield_protocol::message::Kind;

/// `length u16 || kind u8`.
const HEADER: usize = 3;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Phone to token.
    ToToken,
    /// Token to phone.
    ToPhone,
}

/// A message that came by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Connections are counted from 1.
    pub connection: u64,
    /// Which way it goes.
    pub way: Way,
    /// What it is; nothing for a kind that the protocol does not have.
    pub kind: Option<Kind>,
    /// Its body.
    pub body: Vec<u8>,
    /// Whether it was passed on.
    pub passed: bool,
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Pass,
    /// It disappears; the line stands.
    Swallow,
    /// It disappears, and the line is cut.
    Cut,
    /// It goes on, and then the line is cut.
    PassAndCut,
    /// So many of its bytes go on, then the line is cut.
    Tear(usize),
    /// Another body goes on in its place.
    Replace(Vec<u8>),
}

/// Decides over each message before it goes on.
pub type Rule = Box<dyn FnMut(&Seen) -> Fate + Send>;

/// How many messages of a kind passed, and their bytes, framing not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Messages.
    pub messages: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
}

/// A proxy on a free port of this machine. Dropping it closes all.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    inner: Mutex<Inner>,
    /// Raised to end all connections.
    cuts: watch::Sender<u64>,
    /// Counts what was seen.
    seen: watch::Sender<usize>,
}

struct Inner {
    target: SocketAddr,
    rule: Option<Rule>,
    closed: bool,
    connections: u64,
    messages: Vec<Seen>,
}

impl Proxy {
    /// Leads to `target`; everything passes.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let inner = Inner { target, rule: None, closed: false, connections: 0, messages: Vec::new() };
        let (cuts, seen) = (watch::Sender::new(0), watch::Sender::new(0));
        let shared = Arc::new(Shared { inner: Mutex::new(inner), cuts, seen });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// Where phones connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads elsewhere from the next connection on.
    pub fn lead_to(&self, target: SocketAddr) {
        self.shared.inner().target = target;
    }

    /// Decides over messages from now on, in place of an earlier rule.
    pub fn rule(&self, rule: impl FnMut(&Seen) -> Fate + Send + 'static) {
        self.shared.inner().rule = Some(Box::new(rule));
    }

    /// Everything passes again, and connections are taken again.
    pub fn heal(&self) {
        let mut inner = self.shared.inner();
        inner.rule = None;
        inner.closed = false;
    }

    /// Cuts all connections that stand.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts = cuts.wrapping_add(1));
    }

    /// Cuts all connections, and takes no more: whoever connects finds the line dead.
    pub fn close(&self) {
        self.shared.inner().closed = true;
        self.cut();
    }

    /// Swallows what goes this way from now on; the line stands.
    pub fn swallow(&self, way: Way) {
        self.rule(move |message| if message.way == way { Fate::Swallow } else { Fate::Pass });
    }

    /// Lets `count` messages pass this way and then meets the next one with `fate`, once; after that all pass.
    pub fn after(&self, way: Way, count: usize, fate: Fate) {
        let mut left = Some(count);
        self.rule(move |message| match left {
            Some(0) if message.way == way => {
                left = None;
                fate.clone()
            }
            Some(count) if message.way == way => {
                left = Some(count.saturating_sub(1));
                Fate::Pass
            }
            _ => Fate::Pass,
        });
    }

    /// Every message that came by, in the order of time.
    #[must_use]
    pub fn messages(&self) -> Vec<Seen> {
        self.shared.inner().messages.clone()
    }

    /// Forgets what came by.
    pub fn forget(&self) {
        self.shared.inner().messages.clear();
    }

    /// Connections that were made so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.inner().connections
    }

    /// What passed, by way and kind.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(Way, Kind), Count> {
        let mut counts: BTreeMap<(Way, Kind), Count> = BTreeMap::new();
        for message in self.shared.inner().messages.iter().filter(|message| message.passed) {
            if let Some(kind) = message.kind {
                let count = counts.entry((message.way, kind)).or_default();
                count.messages = count.messages.saturating_add(1);
                let bytes = u64::try_from(message.body.len()).unwrap_or(u64::MAX);
                count.bytes = count.bytes.saturating_add(bytes);
            }
        }
        counts
    }

    /// Counts what is passed on.
    #[must_use]
    pub fn passing(&self) -> Passing {
        Passing(Arc::clone(&self.shared))
    }

    /// Returns when what came by so far satisfies `enough`.
    pub async fn until(&self, enough: impl Fn(&[Seen]) -> bool) {
        let mut seen = self.shared.seen.subscribe();
        // The sender lives as long as this proxy.
        let _ = seen.wait_for(|_| enough(&self.shared.inner().messages)).await;
    }
}

/// Counts the messages that were passed on to the token.
#[derive(Clone)]
pub struct Passing(Arc<Shared>);

impl Passing {
    /// How many so far.
    #[must_use]
    pub fn to_token(&self) -> usize {
        let inner = self.0.inner();
        inner.messages.iter().filter(|message| message.passed && message.way == Way::ToToken).count()
    }

    /// Returns when there are more than `count`, written to the token.
    pub async fn more_than(&self, count: usize) {
        let mut seen = self.0.seen.subscribe();
        // The sender lives as long as this.
        let _ = seen.wait_for(|_| self.to_token() > count).await;
    }
}

impl std::fmt::Debug for Passing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passing")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proxy({})", self.address)
    }
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a message and decides over it.
    fn judge(&self, mut message: Seen) -> (Fate, Vec<u8>) {
        let mut inner = self.inner();
        let fate = match &mut inner.rule {
            Some(rule) => rule(&message),
            None => Fate::Pass,
        };
        message.passed = matches!(fate, Fate::Pass | Fate::PassAndCut | Fate::Replace(_));
        let body = match &fate {
            Fate::Replace(body) => body.clone(),
            _ => message.body.clone(),
        };
        inner.messages.push(message);
        (fate, body)
    }

    fn announce(&self) {
        self.seen.send_modify(|seen| *seen = seen.wrapping_add(1));
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Ends with the task, and all its connections with it.
    let mut lines = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((phone, _)) = accepted else { continue };
                let (target, closed, connection) = {
                    let mut inner = shared.inner();
                    inner.connections = inner.connections.saturating_add(1);
                    (inner.target, inner.closed, inner.connections)
                };
                if !closed {
                    let shared = Arc::clone(&shared);
                    lines.spawn(async move {
                        let mut cuts = shared.cuts.subscribe();
                        tokio::select! {
                            _ = cuts.changed() => {}
                            // A token that is not there is an ordinary event here.
                            _ = line(phone, target, connection, &shared) => {}
                        }
                    });
                }
            }
            Some(_) = lines.join_next() => {}
        }
    }
}

/// The line was cut on purpose.
struct Severed;

/// One connection, until both sides have ended it or a message's fate does.
async fn line(phone: TcpStream, target: SocketAddr, connection: u64, shared: &Shared) -> io::Result<()> {
    let token = TcpStream::connect(target).await?;
    phone.set_nodelay(true)?;
    token.set_nodelay(true)?;
    let ((from_phone, to_phone), (from_token, to_token)) = (phone.into_split(), token.into_split());
    // One side's end is handed on, so that what it said last arrives before it.
    let _ = tokio::try_join!(
        pump(from_phone, to_token, Way::ToToken, connection, shared),
        pump(from_token, to_phone, Way::ToPhone, connection, shared),
    );
    Ok(())
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    connection: u64,
    shared: &Shared,
) -> Result<(), Severed> {
    while let Ok((kind, body)) = read(&mut from).await {
        let seen = Seen { connection, way, kind: Kind::from_number(kind), body, passed: false };
        let (fate, body) = shared.judge(seen);
        let mut frame = Vec::from(u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
        frame.push(kind);
        frame.extend(body);
        let (send, goes_on) = match fate {
            Fate::Pass | Fate::Replace(_) => (frame.len(), true),
            Fate::Swallow => (0, true),
            Fate::Cut => (0, false),
            Fate::PassAndCut => (frame.len(), false),
            Fate::Tear(bytes) => (bytes, false),
        };
        // A receiver that is gone shows at its own end.
        let _ = to.write_all(frame.get(..send).unwrap_or(&frame)).await;
        shared.announce();
        if !goes_on {
            // Gone already, then.
            let _ = to.shutdown().await;
            return Err(Severed);
        }
    }
    let _ = to.shutdown().await;
    Ok(())
}

async fn read(from: &mut OwnedReadHalf) -> io::Result<(u8, Vec<u8>)> {
    let mut header = [0; HEADER];
    from.read_exact(&mut header).await?;
    let [high, low, kind] = header;
    let mut body = vec![0; usize::from(u16::from_be_bytes([high, low]))];
    from.read_exact(&mut body).await?;
    Ok((kind, body))
}
