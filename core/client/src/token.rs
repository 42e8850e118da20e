//! A connection to a paired token: handshake, commands, replies, and what they cost.

use futures::future::{Either, select};
use ushield_protocol::code::Code;
use ushield_protocol::key::PublicKey;
use ushield_protocol::message::{Hello, Kind, Reply, ReplyClass, Request, State};
use ushield_session::channel::{self, Channel};

use crate::client::Client;
use crate::customer::{Customer, Moment};
use crate::error::Error;
use crate::ports::{Clock, Connector, Link, Millis, Spot, Wanted};
use crate::records::TokenRecord;
use crate::search::Search;

/// Name of the phone's static key in the key store.
pub(crate) const DH_KEY: &str = "dh";
/// How long a reply may take, and how long nothing at all may be heard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// Until the reply. Keep-alives do not prolong it.
    pub(crate) whole: Millis,
    /// Until anything, a keep-alive too.
    pub(crate) silence: Millis,
}

/// A token says every two seconds that it is still there: what was lost on the link is noticed by its silence.
const SILENCE: Millis = Millis(15_000);
/// A token that computes.
pub(crate) const MACHINE: Limit = Limit { whole: Millis(60_000), silence: SILENCE };
/// A token that waits for its customer gives up by itself after ten minutes, whatever it says meanwhile.
pub(crate) const HUMAN: Limit = Limit { whole: Millis(11 * 60_000), silence: SILENCE };

/// Events before the result of a command other than an order: there are two.
const MOST_EVENTS: u32 = 4;

/// A message stands on the token's screen for 5 s at most.
pub(crate) const BUSY_TRIES: u32 = 8;
pub(crate) const BUSY_WAIT: Millis = Millis(1_000);

/// A message as it went over the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Whether the phone sent it.
    pub sent: bool,
    /// What it was.
    pub kind: Kind,
    /// Bytes of its body, framing not among them.
    pub bytes: usize,
    /// When it was handed to the link, or came from it: since the search for the token began.
    pub at: Millis,
}

/// What a connection cost, message by message. The hello and keep-alives are not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// In the order of time.
    pub messages: Vec<Counted>,
    /// When the connection stood and its hello was here, since the search for the token began.
    pub connected: Millis,
}

impl Cost {
    /// Exchanges: how often the phone sent something.
    #[must_use]
    pub fn exchanges(&self) -> usize {
        self.messages.iter().filter(|message| message.sent).count()
    }

    /// Bytes of all bodies.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.messages.iter().map(|message| message.bytes).sum()
    }

    /// How long each phase took.
    #[must_use]
    pub fn phases(&self) -> Phases {
        let heard = |kind| self.messages.iter().filter(move |message| !message.sent && message.kind == kind);
        let end = self.messages.last().map_or(self.connected, |message| message.at);
        let authenticated = heard(Kind::Connect).next_back().map_or(end, |message| message.at);
        // What the token said first to the message that went before it.
        let answered = self.messages.windows(2).find_map(|pair| match pair {
            [asked, said] if asked.sent && !said.sent && said.kind == Kind::Sealed => {
                Some((asked.at, said.at))
            }
            _ => None,
        });
        let delivery = answered.map_or(Millis(0), |(asked, said)| said.since(asked));
        let handshake = authenticated.since(self.connected);
        let customer = end.since(authenticated).since(delivery);
        Phases { connecting: self.connected, handshake, delivery, customer }
    }
}

/// What the time of an exchange was spent on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// The search for the token, the connection, its hello.
    pub connecting: Millis,
    /// K1 and K2.
    pub handshake: Millis,
    /// From the order, or what was sent in its place, to the token's first word.
    pub delivery: Millis,
    /// The rest: the customer types the PIN, reads, presses a key; the answer travels.
    pub customer: Millis,
}

/// Messages over a link, with a limit to each wait.
pub(crate) struct Wire<'a> {
    link: Box<dyn Link>,
    clock: &'a dyn Clock,
    /// Messages that came before the channel stood: each one comes once, unless the link repeats it.
    opening: Vec<(Kind, Vec<u8>)>,
    /// When the search began.
    begun: Millis,
    pub(crate) cost: Cost,
}

impl<'a> Wire<'a> {
    /// Over a link that was searched for since `begun`.
    pub(crate) fn new(client: &'a Client, link: Box<dyn Link>, begun: Millis) -> Self {
        Self { link, clock: client.clock(), opening: Vec::new(), begun, cost: Cost::default() }
    }

    /// The first message of a link.
    pub(crate) async fn hello(&mut self) -> Result<Hello, Error> {
        let hello = self.expect(Kind::Hello, MACHINE).await?;
        // It is the link's, not the exchange's.
        self.cost = Cost { connected: self.since_begun(), ..Cost::default() };
        Hello::decode(&hello).map_err(misbehaved)
    }

    fn since_begun(&self) -> Millis {
        self.clock.monotonic().since(self.begun)
    }

    fn count(&mut self, sent: bool, kind: Kind, bytes: usize) {
        let at = self.since_begun();
        self.cost.messages.push(Counted { sent, kind, bytes, at });
    }

    /// Where the token is.
    pub(crate) fn at(&self) -> Option<Spot> {
        self.link.at()
    }

    pub(crate) async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        self.count(true, kind, body.len());
        match select(self.link.send(kind, body), self.clock.sleep(MACHINE.whole)).await {
            Either::Left((sent, _)) => sent,
            Either::Right(((), _)) => Err(Error::new(Code::LinkLost)),
        }
    }

    /// The next message, which must be of this kind. A keep-alive only ends a silence. Safe to drop: no message is lost by that.
    pub(crate) async fn expect(&mut self, kind: Kind, limit: Limit) -> Result<Vec<u8>, Error> {
        let begun = self.clock.monotonic();
        loop {
            let left = limit.whole.since(self.clock.monotonic().since(begun));
            if left == Millis(0) {
                return Err(Error::new(Code::TokenTimeout));
            }
            let received = {
                let message = self.link.receive();
                let alarm = self.clock.sleep(limit.silence.min(left));
                match select(message, alarm).await {
                    Either::Left((message, _)) => message?,
                    Either::Right(((), _)) => return Err(Error::new(Code::TokenTimeout)),
                }
            };
            match received {
                (Kind::KeepAlive, _) => {}
                // It says nothing new, and whoever repeated it changed nothing.
                again if self.opening.contains(&again) => {}
                (Kind::Refusal, body) => return Err(refusal(&body, kind)),
                (other, body) if other == kind => {
                    self.count(false, kind, body.len());
                    if kind != Kind::Sealed {
                        self.opening.push((kind, body.clone()));
                    }
                    return Ok(body);
                }
                _ => return Err(Error::new(Code::TokenMisbehaved)),
            }
        }
    }

    /// Listens to a token that was asked nothing, until the connection breaks or it says something all the same.
    pub(crate) async fn lost(&mut self) -> Error {
        loop {
            match self.link.receive().await {
                Ok((Kind::KeepAlive, _)) => {}
                Ok(again) if self.opening.contains(&again) => {}
                Ok((Kind::Refusal, body)) => return refusal(&body, Kind::Sealed),
                Ok(_) => return Error::new(Code::TokenMisbehaved),
                Err(error) => return error,
            }
        }
    }

    pub(crate) async fn close(mut self) {
        self.link.close().await;
    }
}

/// A refusal is not authenticated: before the channel stands it may name one of a few causes, inside it only that it broke.
fn refusal(body: &[u8], awaited: Kind) -> Error {
    if awaited == Kind::Sealed {
        return Error::new(Code::ChannelBroken);
    }
    let code = match body {
        [status] => Code::from_wire(*status),
        _ => None,
    };
    let named = code.filter(|code| {
        matches!(
            code,
            Code::Busy
                | Code::UnknownPhone
                | Code::UnknownVersion
                | Code::NotPairing
                | Code::PairingTriesSpent
                | Code::PairingCodeSpent
                | Code::PhonesFull
                | Code::PinInitial
                | Code::PinLocked
                | Code::TokenFailure
        )
    });
    Error::new(named.unwrap_or(Code::TokenMisbehaved))
}

impl From<ushield_session::Error> for Error {
    fn from(error: ushield_session::Error) -> Self {
        let tries = error.tries_left;
        let error = Error::from(error.refusal);
        match tries {
            Some(tries) => error.with_tries_left(tries),
            None => error,
        }
    }
}

pub(crate) fn misbehaved(error: ushield_protocol::cbor::DecodeError) -> Error {
    Error::from(ushield_session::Error::misbehaved(error))
}

/// A connected, paired token.
pub(crate) struct TokenSession<'a> {
    wire: Wire<'a>,
    channel: Channel,
    state: State,
}

impl<'a> TokenSession<'a> {
    /// Connects to the token of a pairing and authenticates both ways. Notes what the token said of itself.
    pub(crate) async fn open(
        client: &'a Client,
        connector: &dyn Connector,
        customer: &dyn Customer,
        token: &TokenRecord,
    ) -> Result<Self, Error> {
        Self::open_wanted(client, connector, customer, token, Wanted::paired(&token.pairing)).await
    }

    /// As [`TokenSession::open`], and as long as this is wanted.
    pub(crate) async fn open_wanted(
        client: &'a Client,
        connector: &dyn Connector,
        customer: &dyn Customer,
        token: &TokenRecord,
        wanted: Wanted,
    ) -> Result<Self, Error> {
        let mut search = Search::new(client, connector, customer, wanted);
        let session = loop {
            let (wire, hello) = search.next().await?;
            let spot = wire.at();
            match Self::authenticate(client, wire, &hello, token).await {
                Err(error) if error.code() == Code::UnknownPhone => {
                    search.pass_stranger(spot, error, token).await?;
                }
                authenticated => break authenticated?,
            }
        };
        customer.tell(&Moment::Connected);
        if token.profile != Some(session.state.profile) {
            let profile = Some(session.state.profile);
            client.put_token(&TokenRecord { pairing: token.pairing.clone(), profile })?;
        }
        Ok(session)
    }

    /// Both ways, on a connection whose hello is here.
    pub(crate) async fn authenticate(
        client: &'a Client,
        mut wire: Wire<'a>,
        hello: &Hello,
        token: &TokenRecord,
    ) -> Result<Self, Error> {
        let need = channel::connect(&token.pairing, hello, client.seed()?)?;
        let (expect, k1) = need.provide(agree(client, &token.pairing.dh).await?)?;
        wire.send(Kind::Connect, &k1).await?;
        let k2 = wire.expect(Kind::Connect, MACHINE).await?;
        let need = expect.handle(&k2)?;
        let shared = agree(client, &need.point()).await?;
        let (channel, state) = need.provide(shared)?;
        Ok(Self { wire, channel, state })
    }

    /// What the token said of itself in K2.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// A command that no human has to decide.
    pub(crate) async fn exchange(&mut self, request: &Request) -> Result<Vec<u8>, Error> {
        self.send(request).await?;
        let reply = self.reply(MACHINE).await?;
        result(&reply)
    }

    /// A command that the customer decides on a screen of the token. A message that still stands there makes it
    /// `busy` for a few seconds: that is waited for.
    pub(crate) async fn exchange_with_human(
        &mut self,
        customer: &dyn Customer,
        request: &Request,
    ) -> Result<Vec<u8>, Error> {
        for _ in 0..BUSY_TRIES {
            self.send(request).await?;
            match self.decided(customer).await {
                Err(error) if error.code() == Code::Busy => self.wire.clock.sleep(BUSY_WAIT).await,
                decided => return decided,
            }
        }
        Err(Error::new(Code::Busy))
    }

    /// The result of a command that the customer decides on. On the way there the token may warn of the last try, and say that it was wrong.
    async fn decided(&mut self, customer: &dyn Customer) -> Result<Vec<u8>, Error> {
        for _ in 0..MOST_EVENTS {
            let reply = self.reply(HUMAN).await?;
            match (reply.class, reply.code, reply.body.as_slice()) {
                (ReplyClass::Event, Code::LastTry, []) => customer.tell(&Moment::LastTry),
                (ReplyClass::Event, Code::PinWrong, [tries]) => {
                    customer.tell(&Moment::PinWrong { tries: *tries })
                }
                _ => return result(&reply),
            }
        }
        Err(Error::new(Code::TokenMisbehaved))
    }

    pub(crate) async fn send(&mut self, request: &Request) -> Result<(), Error> {
        let sealed = self.channel.seal(request)?;
        self.wire.send(Kind::Sealed, &sealed).await
    }

    pub(crate) async fn reply(&mut self, limit: Limit) -> Result<Reply, Error> {
        let sealed = self.wire.expect(Kind::Sealed, limit).await?;
        Ok(self.channel.open(&sealed)?)
    }

    /// Returns when the connection breaks, or the token says what nobody asked for. Safe to drop.
    pub(crate) async fn lost(&mut self) -> Error {
        self.wire.lost().await
    }

    /// What the connection has cost so far.
    pub(crate) fn cost(&self) -> Cost {
        self.wire.cost.clone()
    }

    pub(crate) async fn close(self) {
        self.wire.close().await;
    }
}

/// The body of a result `ok`; another status is the error, with tries left where it has them.
pub(crate) fn result(reply: &Reply) -> Result<Vec<u8>, Error> {
    match (reply.class, reply.code, reply.body.as_slice()) {
        (ReplyClass::Result, Code::Ok, body) => Ok(body.to_vec()),
        (ReplyClass::Result, Code::PinWrong, [tries]) => {
            Err(Error::new(Code::PinWrong).with_tries_left(*tries))
        }
        (ReplyClass::Result, code, _) if code.is_refusal() => Err(Error::from(reply.to_refusal())),
        (ReplyClass::Result | ReplyClass::Event, ..) => Err(Error::new(Code::TokenMisbehaved)),
    }
}

/// The key store agrees; the private key stays there.
pub(crate) async fn agree(
    client: &Client,
    point: &PublicKey,
) -> Result<ushield_protocol::noise::SharedSecret, Error> {
    client.keystore().dh(DH_KEY, point).await
}
