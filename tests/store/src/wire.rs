//! A phone in a process of its own: its token and its bank stay in the process that kills it, at the other end of two pipes.
//!
//! The phone says when it begins a commit and when that was acknowledged. What it wrote into the pipe before it was killed is read to the end.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ushield_bank_api::SessionToken;
use ushield_client::Error;
use ushield_client::ports::{
    BankHttp, Change, Connector, Health, HttpRequest, HttpResponse, Link, Method, Records, Store, Table,
    Wanted,
};
use ushield_client::store::SqliteStore;
use ushield_protocol::code::Code;
use ushield_protocol::message::Kind;
use zeroize::Zeroizing;

/// What a phone says. Of these some have an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Tag {
    /// It opened its store; what it found, and what that holds.
    Started = 1,
    /// It begins a commit of these changes.
    Begin,
    /// The commit returned.
    Acknowledged,
    /// A request to the bank; answered.
    Call,
    /// A new connection to the token; answered.
    Connect,
    /// A message to the token; answered.
    Send,
    /// The next message of the token; answered.
    Receive,
    /// The end of the connection; answered.
    Close,
    /// Everything is done.
    Done,
    /// Something failed.
    Failed,
}

impl Tag {
    const ALL: [Self; 10] = [
        Tag::Started,
        Tag::Begin,
        Tag::Acknowledged,
        Tag::Call,
        Tag::Connect,
        Tag::Send,
        Tag::Receive,
        Tag::Close,
        Tag::Done,
        Tag::Failed,
    ];

    /// Whether the phone waits for an answer.
    #[must_use]
    pub fn is_answered(self) -> bool {
        matches!(self, Tag::Call | Tag::Connect | Tag::Send | Tag::Receive | Tag::Close)
    }
}

/// Parts of a message.
pub type Parts = Vec<Vec<u8>>;

/// Writes a message.
///
/// # Errors
/// Of the pipe.
pub fn write(out: &mut impl Write, tag: u8, parts: &Parts) -> std::io::Result<()> {
    let mut bytes = vec![tag];
    bytes.extend((parts.len() as u32).to_be_bytes());
    for part in parts {
        bytes.extend((part.len() as u32).to_be_bytes());
        bytes.extend(part);
    }
    out.write_all(&bytes)?;
    out.flush()
}

/// Reads a message; nothing at the end of the pipe, also in the middle of a message.
pub fn read(from: &mut impl Read) -> Option<(u8, Parts)> {
    let [tag] = exactly(from)?;
    let count = u32::from_be_bytes(exactly(from)?);
    let mut parts = Parts::new();
    for _ in 0..count {
        let mut part = vec![0; u32::from_be_bytes(exactly(from)?) as usize];
        from.read_exact(&mut part).ok()?;
        parts.push(part);
    }
    Some((tag, parts))
}

fn exactly<const N: usize>(from: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).ok().map(|()| bytes)
}

/// Changes as parts.
#[must_use]
pub fn encode(changes: &[Change]) -> Parts {
    let mut parts = Parts::new();
    for change in changes {
        match change {
            Change::Put { table, key, value } => {
                parts.extend([vec![table.number()], key.clone(), vec![1], value.to_vec()]);
            }
            Change::Delete { table, key } => {
                parts.extend([vec![table.number()], key.clone(), vec![0], Vec::new()]);
            }
        }
    }
    parts
}

/// Changes from parts.
///
/// # Panics
/// When they are none.
#[must_use]
pub fn decode(parts: &[Vec<u8>]) -> Vec<Change> {
    let change = |four: &[Vec<u8>]| {
        let table = Table::from_number(four[0][0]).unwrap();
        if four[2] == [1] { Change::put(table, &four[1], &four[3]) } else { Change::delete(table, &four[1]) }
    };
    parts.chunks_exact(4).map(change).collect()
}

/// The phone's end of the pipes: stdin and stdout.
#[derive(Clone, Debug, Default)]
pub struct Pipe(Arc<Mutex<()>>);

impl Pipe {
    /// Says something that has no answer.
    ///
    /// # Panics
    /// When the other end is gone.
    pub fn tell(&self, tag: Tag, parts: &Parts) {
        let _one = self.0.lock().unwrap();
        write(&mut std::io::stdout().lock(), tag as u8, parts).unwrap();
    }

    fn ask(&self, tag: Tag, parts: &Parts) -> (u8, Parts) {
        let _one = self.0.lock().unwrap();
        write(&mut std::io::stdout().lock(), tag as u8, parts).unwrap();
        read(&mut std::io::stdin().lock()).expect("the other end is gone")
    }
}

/// A store that tells of its commits.
pub struct Telling {
    /// The real one.
    pub store: SqliteStore,
    /// Whom.
    pub pipe: Pipe,
}

impl Store for Telling {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        self.store.get(table, key)
    }

    fn list(&self, table: Table) -> Result<Records, Error> {
        self.store.list(table)
    }

    fn commit(&self, changes: &[Change]) -> Result<(), Error> {
        self.pipe.tell(Tag::Begin, &encode(changes));
        self.store.commit(changes)?;
        self.pipe.tell(Tag::Acknowledged, &Parts::new());
        Ok(())
    }

    fn health(&self) -> Result<Health, Error> {
        self.store.health()
    }
}

#[async_trait]
impl BankHttp for Pipe {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        let bearer = request.bearer.as_ref().map(|token| token.expose().to_owned()).unwrap_or_default();
        let parts = vec![
            vec![u8::from(request.method == Method::Post)],
            request.path.clone().into_bytes(),
            bearer.into_bytes(),
            request.idempotency_key.clone().unwrap_or_default().into_bytes(),
            request.body.to_vec(),
        ];
        match self.ask(Tag::Call, &parts) {
            (1, parts) => Ok(HttpResponse {
                status: u16::from_be_bytes([parts[0][0], parts[0][1]]),
                content_type: Some(String::from_utf8(parts[1].clone()).unwrap()),
                body: Zeroizing::new(parts[2].clone()),
            }),
            _ => Err(Error::new(Code::BankUnreachable)),
        }
    }
}

#[async_trait]
impl Connector for Pipe {
    async fn connect(&self, _: &Wanted) -> Result<Box<dyn Link>, Error> {
        match self.ask(Tag::Connect, &Parts::new()) {
            (1, _) => Ok(Box::new(self.clone())),
            _ => Err(Error::new(Code::TokenNotFound)),
        }
    }
}

#[async_trait]
impl Link for Pipe {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        match self.ask(Tag::Send, &vec![vec![kind.number()], body.to_vec()]) {
            (1, _) => Ok(()),
            _ => Err(Error::new(Code::LinkLost)),
        }
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        match self.ask(Tag::Receive, &Parts::new()) {
            (1, parts) => Ok((Kind::from_number(parts[0][0]).unwrap(), parts[1].clone())),
            // Nothing is on the way: the client's own limits decide.
            (2, _) => std::future::pending().await,
            _ => Err(Error::new(Code::LinkLost)),
        }
    }

    async fn close(&mut self) {
        let _ = self.ask(Tag::Close, &Parts::new());
    }
}

/// A phone's process, seen from outside.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts one.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(program: &str, arguments: &[String]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        Self { child: command.spawn().unwrap() }
    }

    /// What it says next; nothing when it has ended.
    ///
    /// # Panics
    /// When it says something that nobody understands.
    pub fn heard(&mut self) -> Option<(Tag, Parts)> {
        let (tag, parts) = read(self.child.stdout.as_mut().unwrap())?;
        Some((Tag::ALL[usize::from(tag) - 1], parts))
    }

    /// Answers; it may be dead.
    pub fn answer(&mut self, tag: u8, parts: &Parts) {
        let _ = write(self.child.stdin.as_mut().unwrap(), tag, parts);
    }

    /// SIGKILL. What it said before can still be heard.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Waits for its end; whether it ended by itself and well.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn ended(mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

/// The token and the bank, for a phone's process.
pub struct Counterparts {
    /// The bank.
    pub bank: Arc<ushield_e2e::evil::ScriptedBank>,
    /// The token.
    pub token: ushield_e2e::evil::ScriptedToken,
    link: Option<Box<dyn Link>>,
}

impl std::fmt::Debug for Counterparts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counterparts")
    }
}

impl Counterparts {
    /// These two.
    #[must_use]
    pub fn new(bank: Arc<ushield_e2e::evil::ScriptedBank>, token: ushield_e2e::evil::ScriptedToken) -> Self {
        Self { bank, token, link: None }
    }

    /// The phone is gone: its connection breaks.
    pub fn hang_up(&mut self) {
        self.link = None;
    }

    /// Does what was asked and says the answer.
    ///
    /// # Panics
    /// When it is not something that is answered.
    pub fn serve(&mut self, tag: Tag, parts: &Parts) -> (u8, Parts) {
        use futures::FutureExt as _;
        let done = |done: bool| (u8::from(done), Parts::new());
        match (tag, &mut self.link) {
            (Tag::Call, _) => match self.bank.call(request(parts)).now_or_never().unwrap() {
                Ok(response) => {
                    let content_type = response.content_type.unwrap_or_default().into_bytes();
                    let status = response.status.to_be_bytes().to_vec();
                    (1, vec![status, content_type, response.body.to_vec()])
                }
                Err(_) => done(false),
            },
            (Tag::Connect, _) => {
                self.link = self.token.connect(&Wanted::any()).now_or_never().unwrap().ok();
                done(self.link.is_some())
            }
            (Tag::Send, Some(link)) => {
                let kind = Kind::from_number(parts[0][0]).unwrap();
                done(link.send(kind, &parts[1]).now_or_never().unwrap().is_ok())
            }
            (Tag::Receive, Some(link)) => match link.receive().now_or_never() {
                Some(Ok((kind, body))) => (1, vec![vec![kind.number()], body]),
                Some(Err(_)) => done(false),
                None => (2, Parts::new()),
            },
            (Tag::Close, _) => {
                self.link = None;
                done(true)
            }
            (Tag::Send | Tag::Receive, None) => done(false),
            _ => panic!("{tag:?} has no answer"),
        }
    }
}

fn request(parts: &Parts) -> HttpRequest {
    let text =
        |part: &Vec<u8>| Some(String::from_utf8(part.clone()).unwrap()).filter(|text| !text.is_empty());
    let body = Zeroizing::new(parts[4].clone());
    HttpRequest {
        method: if parts[0] == [1] { Method::Post } else { Method::Get },
        path: text(&parts[1]).unwrap(),
        bearer: text(&parts[2]).map(|token| SessionToken::new(Zeroizing::new(token.into_bytes())).unwrap()),
        idempotency_key: text(&parts[3]),
        content_type: None,
        body,
    }
}
