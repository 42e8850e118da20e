//! The token under test, and everything around it: its hand, its phones, its bank.

mod orders;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use ushield_client::ports::{self, Connector, Entropy};
use ushield_protocol::code::Code;
use ushield_protocol::device::{DeviceIdentity, MakerRoot};
use ushield_protocol::key::{BankId, DeviceId, Hash, PublicKey, SigningKey};
use ushield_protocol::message::{Hello, Info, Kind, Request, State, Versions};
use ushield_protocol::noise::{DhSecret, Seed};
use ushield_protocol::pin::{INITIAL_PIN, PinBlock};
use ushield_protocol::render::{Pages, Profile};

pub(crate) use orders::sign_with;

use crate::bank::{Authority, TestBank};
use crate::hand::{Hand, Key, Wanted};
use crate::line::{Came, Line, Streams};
use crate::miss::{Miss, Step, want};
use crate::phone::{Channel, Comparing, Phone, block};
use crate::report::Skipped;

/// How long before the run its bank keys begin to be valid.
pub(crate) const BEFORE: u64 = 7_200;
/// How often a token that is away is looked for, and how long after each time.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(1);

/// What a run needs.
pub struct Setup {
    /// The link to the token.
    pub connector: Arc<dyn Connector>,
    /// The same below its framing, where there is such a thing.
    pub streams: Option<Arc<dyn Streams>>,
    /// Someone at the token.
    pub hand: Box<dyn Hand>,
    /// The bank that the token serves.
    pub bank: TestBank,
    /// The roots of the token's maker.
    pub makers: Vec<MakerRoot>,
    /// Random numbers.
    pub entropy: Arc<dyn Entropy>,
    /// Seconds since 1970.
    pub now: u64,
    /// Also what takes minutes.
    pub slow: bool,
    /// Also what spends PIN tries down to the last one, and locks the token in the end.
    pub destructive: bool,
    /// Also what takes the token's power away.
    pub power: bool,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Setup({})", self.connector.describe().unwrap_or_default())
    }
}

/// What a key of the token signed last: counter and hash.
#[derive(Clone, Copy, Default)]
pub(crate) struct Chain(pub(crate) Option<(u32, Hash)>);

/// The token as the cases find it.
pub(crate) struct Bench {
    pub(crate) setup: Setup,
    pub(crate) authority: Authority,
    pub(crate) phone: Option<Phone>,
    pub(crate) second: Option<Phone>,
    pub(crate) identity: Option<DeviceIdentity>,
    /// Whether the token came without an earlier run's traces.
    pub(crate) pin_was_initial: Option<bool>,
    pub(crate) pin: &'static str,
    pub(crate) epoch: u32,
    pub(crate) bank_keys: bool,
    /// Requests over the keys that the token made for certificates, the newest last.
    pub(crate) requests: Vec<Vec<u8>>,
    pub(crate) pay: Option<PublicKey>,
    pub(crate) pay_chain: Chain,
    pub(crate) device_chain: Chain,
    /// Whether the token was heard since this was cleared.
    pub(crate) heard: bool,
    time: u64,
    info: Option<Info>,
}

impl Bench {
    pub(crate) fn new(setup: Setup) -> Option<Self> {
        // Higher than any earlier run's.
        let (epoch, time) = (u32::try_from(setup.now).ok()?, setup.now);
        Some(Self {
            setup,
            authority: Authority::new()?,
            phone: None,
            second: None,
            identity: None,
            pin_was_initial: None,
            pin: INITIAL_PIN,
            epoch,
            bank_keys: false,
            requests: Vec::new(),
            pay: None,
            pay_chain: Chain::default(),
            device_chain: Chain::default(),
            heard: false,
            time,
            info: None,
        })
    }

    // Randomness.

    pub(crate) fn random<const N: usize>(&self) -> Step<[u8; N]> {
        let mut bytes = [0; N];
        self.setup
            .entropy
            .fill(&mut bytes)
            .map_err(|error| Miss::wrong("random numbers", error.code().name()))?;
        Ok(bytes)
    }

    pub(crate) fn seed(&self) -> Step<Seed> {
        Ok(Seed::new(self.random()?))
    }

    pub(crate) fn new_phone(&self) -> Step<Phone> {
        let key = DhSecret::from_bytes(&self.random()?).ok_or_else(|| Miss::wrong("a key", "none"))?;
        Ok(Phone { key, pairing: None })
    }

    pub(crate) fn new_key(&self) -> Step<SigningKey> {
        SigningKey::from_bytes(&self.random()?).ok_or_else(|| Miss::wrong("a key", "none"))
    }

    // Connections.

    /// A connection whose hello has come. The one before may still be ending.
    pub(crate) async fn connect(&mut self) -> Step<(Line, Hello)> {
        for _ in 0..25 {
            let mut line = Line::new(self.setup.connector.connect(&ports::Wanted::any()).await?);
            self.heard = true;
            match line.first().await? {
                Came::Message(Kind::Refusal, body) if body.first().copied() == Code::Busy.wire() => {
                    sleep(Duration::from_millis(200)).await;
                }
                Came::Message(Kind::Hello, body) => {
                    let hello = Hello::decode(&body)
                        .map_err(|_| Miss::wrong("hello of 13 bytes", format!("{} bytes", body.len())))?;
                    return Ok((line, hello));
                }
                came => return Err(Miss::wrong("hello", came.say())),
            }
        }
        Err(Miss::wrong("hello within 5 s of the end of the connection before", "refusal busy"))
    }

    /// Whether the token is there, at the latest after so many tries.
    pub(crate) async fn returns(&mut self) -> bool {
        for attempt in 0..TRIES {
            if attempt > 0 {
                sleep(PAUSE).await;
            }
            let Ok(link) = self.setup.connector.connect(&ports::Wanted::any()).await else { continue };
            let mut line = Line::new(link);
            let came = line.next(PAUSE).await;
            line.close().await;
            if matches!(came, Ok(Came::Message(..))) {
                return true;
            }
        }
        false
    }

    pub(crate) fn phone(&self) -> Step<Phone> {
        self.phone.clone().ok_or(Miss::Skip(Skipped::Needs("pairing-good")))
    }

    pub(crate) fn second(&self) -> Step<Phone> {
        self.second.clone().ok_or(Miss::Skip(Skipped::Needs("pairing-second-phone")))
    }

    /// A channel of the first phone.
    pub(crate) async fn channel(&mut self) -> Step<Channel> {
        let phone = self.phone()?;
        self.channel_of(&phone).await
    }

    pub(crate) async fn channel_of(&mut self, phone: &Phone) -> Step<Channel> {
        let (mut line, hello) = self.connect().await?;
        let (mut handshake, k1) = phone.k1(&hello, &self.seed()?, Versions::OURS)?;
        line.send(Kind::Connect, &k1).await;
        let k2 = line.take(Kind::Connect).await?;
        want(k2.len() == 73, "K2 of 73 bytes", || format!("{} bytes", k2.len()))?;
        let state =
            handshake.read(&k2).map_err(|_| Miss::wrong("K2 of the handshake", "bytes that do not open"))?;
        let state = State::decode(&state).map_err(|_| Miss::wrong("24 bytes of state", "others"))?;
        let transport = handshake.into_transport().map_err(|code| Miss::wrong("a channel", code.name()))?;
        Ok(Channel { line, transport, state })
    }

    /// Pairing until the digits stand on both sides.
    pub(crate) async fn compare(&mut self, phone: &Phone) -> Step<Comparing> {
        let line = self.pairing_line().await?;
        let opening = phone.open_pairing(line, &self.seed()?, |p3| p3.encode(), self.random()?).await?;
        opening.compare().await
    }

    /// A connection in pairing mode, which is opened if it is not.
    pub(crate) async fn pairing_line(&mut self) -> Step<Line> {
        let (line, hello) = self.connect().await?;
        if hello.pairing {
            return Ok(line);
        }
        line.close().await;
        self.setup.hand.open_pairing().await?;
        let (line, hello) = self.connect().await?;
        want(hello.pairing, "hello with the flag of pairing mode", || "hello without it".to_owned())?;
        Ok(line)
    }

    // The token.

    /// What the token says of itself.
    pub(crate) async fn info(&mut self) -> Step<Info> {
        if let Some(info) = &self.info {
            return Ok(info.clone());
        }
        let mut channel = self.channel().await?;
        let body = channel.ask(&Request::Info, Code::Ok).await?;
        let info = Info::decode(&body)
            .map_err(|error| Miss::wrong("info as section 5 has it", error.to_string()))?;
        self.info = Some(info.clone());
        channel.line.close().await;
        Ok(info)
    }

    pub(crate) async fn bank(&mut self) -> Step<BankId> {
        Ok(self.info().await?.bank)
    }

    pub(crate) async fn device(&mut self) -> Step<DeviceId> {
        Ok(self.info().await?.device)
    }

    pub(crate) async fn profile(&mut self) -> Step<Profile> {
        let number = self.info().await?.profile;
        Profile::from_number(number).ok_or_else(|| Miss::wrong("render profile 1 or 2", number.to_string()))
    }

    pub(crate) fn device_key(&self) -> Step<PublicKey> {
        Ok(self.identity.as_ref().ok_or(Skipped::Needs("pairing-identity"))?.key)
    }

    pub(crate) fn pay(&self) -> Step<PublicKey> {
        self.pay.ok_or(Miss::Skip(Skipped::Needs("certificate-stored")))
    }

    pub(crate) fn pin_block(&self) -> Step<PinBlock> {
        block(self.pin)
    }

    // The hand.

    pub(crate) async fn press(&mut self, key: Key) -> Step {
        Ok(self.setup.hand.press(key).await?)
    }

    /// The screen after any message has gone, if it can be read.
    pub(crate) async fn still(&mut self) -> Step<Option<String>> {
        self.setup.hand.dismiss().await?;
        Ok(self.setup.hand.screen().await?)
    }

    /// The screen is what it was, where that can be read.
    pub(crate) async fn unchanged(&mut self, before: Option<String>, what: &str) -> Step {
        let now = self.setup.hand.screen().await?;
        let came = || format!("a new screen: {}", now.clone().unwrap_or_default().replace('\n', " | "));
        want(before.is_none() || before == now, &format!("nothing drawn for {what}"), came)
    }

    /// The screen must show this, where it can be read.
    pub(crate) async fn must_show(&mut self, wanted: Wanted<'_>) -> Step {
        let shown = self.setup.hand.shows(wanted).await?;
        let (what, page) = match wanted {
            Wanted::Page(page) => ("the page ", page),
            Wanted::Digits(digits) => ("the digits ", digits),
        };
        let screen = self.setup.hand.screen().await?.unwrap_or_default().replace('\n', " | ");
        want(shown != Some(false), &format!("{what}{}", page.replace('\n', " | ")), || {
            format!("the screen {screen}")
        })
    }

    /// From the first page to the last.
    pub(crate) async fn turn_pages(&mut self, pages: &Pages) -> Step {
        for _ in 1..pages.count() {
            self.press(Key::Down).await?;
        }
        Ok(())
    }

    /// After a case that broke off: nothing is left running.
    pub(crate) async fn tidy(&mut self) -> Step {
        if self.phone.is_none() {
            return Ok(());
        }
        let mut channel = self.channel().await?;
        if channel.state.flags.reviewing {
            self.press(Key::Cancel).await?;
            // Whatever it says: only the next connection counts.
            let _ = channel.line.next(crate::line::QUIET).await?;
        }
        channel.line.close().await;
        Ok(self.setup.hand.dismiss().await?)
    }
}
