//! The token logic in this thread, on a clock that jumps to the next deadline: its link, its keys, its power.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use ushield_client::Error;
use ushield_client::ports::{Connector, Entropy as Random, Link, Wanted};
use ushield_conform::bank::TestBank;
use ushield_conform::face::{dismiss, open_pairing, read_code, show_code};
use ushield_conform::{Hand, Key, Report, Setup, Stop, Stream, Streams, Unable, run};
use ushield_emulator::maker::Maker;
use ushield_links::framed::{End, Framed};
use ushield_protocol::code::Code;
use ushield_protocol::device::MakerRoot;
use ushield_protocol::key::{BankId, DeviceId, Sign, SigningKey};
use ushield_protocol::message::{Kind, MAX_BODY};
use ushield_protocol::noise::DhSecret;
use ushield_protocol::render::Profile;
use ushield_token::flash::{Cut, Flash, FlashFault, Model};
use ushield_token::{
    Entropy, EntropyFault, Key as TokenKey, MIN_PAGES, Millis, Output, Personalisation, Screen, ScreenFault,
    Symbol, Token, personalise,
};

/// splitmix64: a run is the same every time.
#[derive(Clone)]
struct Seeded(u64);

impl Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z >> 56) as u8;
        }
    }
}

struct PhoneRandom(Mutex<Seeded>);

impl Random for PhoneRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        self.0.lock().unwrap().fill(out);
        Ok(())
    }
}

#[derive(Clone)]
struct Board {
    flash: Arc<Mutex<Model>>,
    screen: Arc<Mutex<String>>,
    code: Arc<Mutex<Option<Symbol>>>,
    random: Seeded,
}

impl Screen for Board {
    fn draw(&mut self, page: &str) -> Result<(), ScreenFault> {
        *self.screen.lock().unwrap() = page.to_owned();
        *self.code.lock().unwrap() = None;
        Ok(())
    }

    fn draw_code(&mut self, page: &str, code: &Symbol) -> Result<(), ScreenFault> {
        self.draw(page)?;
        *self.code.lock().unwrap() = Some(code.clone());
        Ok(())
    }
}

impl Entropy for Board {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFault> {
        self.random.fill(out);
        Ok(())
    }
}

impl Flash for Board {
    fn pages(&self) -> usize {
        self.flash.lock().unwrap().pages()
    }
    fn read(&self, at: usize, out: &mut [u8]) {
        self.flash.lock().unwrap().read(at, out);
    }
    fn program(&mut self, at: usize, word: u32) -> Result<(), FlashFault> {
        self.flash.lock().unwrap().program(at, word)
    }
    fn erase(&mut self, page: usize) -> Result<(), FlashFault> {
        self.flash.lock().unwrap().erase(page)
    }
}

/// What happens at the token but messages.
enum Event {
    Key(TokenKey, oneshot::Sender<()>),
    PowerCut(oneshot::Sender<()>),
    CutAt(u64),
}

/// A token that is switched on, and the connection that it serves.
struct Body {
    token: Token<Board>,
    board: Board,
    start: Instant,
    connection: Option<(DuplexStream, Vec<u8>)>,
}

impl Body {
    fn now(&self) -> Millis {
        Millis(u64::try_from(self.start.elapsed().as_millis()).unwrap())
    }

    async fn serve(
        mut self,
        mut phones: mpsc::UnboundedReceiver<DuplexStream>,
        mut events: mpsc::Receiver<Event>,
    ) {
        loop {
            self.say().await;
            let deadline = self.token.next_deadline().map(|at| self.start + Duration::from_millis(at.0));
            let wake = async {
                match deadline {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let heard = async {
                match &mut self.connection {
                    Some((stream, buffer)) => stream.read_buf(buffer).await.unwrap_or(0),
                    None => std::future::pending().await,
                }
            };
            // What the phone wrote before a key was pressed comes before it.
            tokio::select! {
                biased;
                count = heard => if count == 0 { self.hang_up() } else { self.hear() },
                phone = phones.recv() => match phone {
                    Some(phone) => self.attend(phone).await,
                    None => return,
                },
                event = events.recv() => match event {
                    Some(Event::Key(key, done)) => {
                        let now = self.now();
                        self.token.key(key, now);
                        self.say().await;
                        let _ = done.send(());
                    }
                    Some(Event::CutAt(at)) => {
                        self.board.flash.lock().unwrap().cut(Cut { at, bits: 0x0000_ffff });
                    }
                    Some(Event::PowerCut(done)) => {
                        self.connection = None;
                        self.board.flash.lock().unwrap().reboot();
                        self.board.random.0 += 1;
                        self.token = Token::boot(self.board.clone(), self.now()).unwrap();
                        let _ = done.send(());
                    }
                    None => return,
                },
                () = wake => {
                    let now = self.now();
                    self.token.tick(now);
                }
            }
        }
    }

    async fn attend(&mut self, mut phone: DuplexStream) {
        if self.connection.is_some() {
            phone.write_all(&[0, 1, Kind::Refusal.number(), Code::Busy.wire().unwrap()]).await.unwrap();
            return;
        }
        self.connection = Some((phone, Vec::new()));
        let now = self.now();
        self.token.connected(now);
    }

    fn hang_up(&mut self) {
        self.connection = None;
        let now = self.now();
        self.token.disconnected(now);
    }

    /// Whole messages, whatever their kind.
    fn hear(&mut self) {
        let now = self.now();
        let Some((_, buffer)) = &mut self.connection else { return };
        while let [high, low, kind, rest @ ..] = buffer.as_slice() {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let Some(body) = rest.get(..length) else { return };
            let (kind, body) = (*kind, body.to_vec());
            buffer.drain(..3 + length);
            self.token.receive(kind, &body, now);
        }
    }

    /// What was on its way when the power went is lost, and who connects meanwhile finds nobody.
    async fn say(&mut self) {
        if !self.board.flash.lock().unwrap().is_powered() {
            self.connection = None;
        }
        while let Some(output) = self.token.poll() {
            match output {
                Output::Send { kind, body } => {
                    assert!(body.len() <= MAX_BODY);
                    let mut frame = Vec::from(u16::try_from(body.len()).unwrap().to_be_bytes());
                    frame.push(kind.number());
                    frame.extend(body);
                    if let Some((stream, _)) = &mut self.connection {
                        // A phone that has gone is heard of when it is read.
                        let _ = stream.write_all(&frame).await;
                    }
                }
                Output::Disconnect => self.connection = None,
            }
        }
    }
}

#[derive(Clone)]
struct Wire {
    token: mpsc::UnboundedSender<DuplexStream>,
    opened: Arc<AtomicUsize>,
    mishap: Mishap,
}

impl Wire {
    fn open(&self) -> Result<DuplexStream, Error> {
        let (phone, token) = duplex(1 << 16);
        let opened = self.opened.fetch_add(1, Ordering::Relaxed);
        if let Mishap::Away { after, tries } = self.mishap
            && (after..after + tries).contains(&opened)
        {
            return Err(Error::new(Code::TokenNotFound));
        }
        self.token.send(token).map_err(|_| Error::new(Code::TokenNotFound))?;
        Ok(phone)
    }
}

#[async_trait]
impl Connector for Wire {
    async fn connect(&self, _: &Wanted) -> Result<Box<dyn Link>, Error> {
        Ok(Box::new(Framed::new(self.open()?, End::Phone)))
    }
}

#[async_trait]
impl Streams for Wire {
    async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        Ok(Box::new(self.open()?))
    }
}

struct Fingers {
    events: mpsc::Sender<Event>,
    screen: Arc<Mutex<String>>,
    code: Arc<Mutex<Option<Symbol>>>,
    device: Option<DeviceId>,
}

#[async_trait]
impl Hand for Fingers {
    async fn press(&mut self, key: Key) -> Result<(), Unable> {
        let key = match key {
            Key::Ok => TokenKey::Ok,
            Key::Cancel => TokenKey::Cancel,
            Key::Up => TokenKey::Up,
            Key::Down => TokenKey::Down,
        };
        let (done, pressed) = oneshot::channel();
        assert!(self.events.send(Event::Key(key, done)).await.is_ok());
        pressed.await.map_err(|_| Unable::because("the token is off"))
    }
    async fn open_pairing(&mut self) -> Result<(), Unable> {
        open_pairing(self).await
    }
    async fn show_code(&mut self) -> Result<Option<String>, Unable> {
        show_code(self).await
    }
    async fn code(&mut self) -> Result<Option<String>, Unable> {
        let code = self.code.lock().unwrap().clone();
        code.map(|code| read_code(Symbol::SIDE, |x, y| code.is_dark(x, y))).transpose()
    }
    async fn cut_power_at(&mut self, operation: u32) -> Result<bool, Unable> {
        assert!(self.events.send(Event::CutAt(u64::from(operation) - 1)).await.is_ok());
        Ok(true)
    }
    async fn device(&mut self) -> Result<Option<DeviceId>, Unable> {
        Ok(self.device)
    }
    async fn restart(&mut self) -> Result<(), Unable> {
        let (done, restarted) = oneshot::channel();
        assert!(self.events.send(Event::PowerCut(done)).await.is_ok());
        restarted.await.map_err(|_| Unable::because("the token is off"))
    }
    async fn dismiss(&mut self) -> Result<(), Unable> {
        dismiss(self).await
    }
    async fn screen(&mut self) -> Result<Option<String>, Unable> {
        Ok(Some(self.screen.lock().unwrap().clone()))
    }
}

/// What of everything a run tries.
#[derive(Clone, Copy, Default)]
pub(crate) struct Asked {
    pub(crate) slow: bool,
    pub(crate) destructive: bool,
    pub(crate) power: bool,
}

/// What of a run's inputs is another token's, or what becomes of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    Nothing,
    OtherKeys,
    OtherMaker,
    /// The hand says that it has another device.
    OtherDevice,
    /// The keys that are pressed and the screen that is read are of a second token.
    OtherFace,
    /// After so many connections nobody is there any more, for so many tries.
    Away {
        after: usize,
        tries: usize,
    },
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).unwrap()
}

fn in_virtual_time<T>(act: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, act)
}

/// A token that is switched on, and the ways to it.
struct Running {
    phones: mpsc::UnboundedSender<DuplexStream>,
    events: mpsc::Sender<Event>,
    screen: Arc<Mutex<String>>,
    code: Arc<Mutex<Option<Symbol>>>,
    maker: MakerRoot,
}

/// A token as it leaves its maker.
fn switch_on(seed: u64, profile: Profile) -> Running {
    let maker = Maker::generate().unwrap();
    let (device, device_key) = (DeviceId::from([0xd1; 16]), key(0x31));
    let flash = Arc::new(Mutex::new(Model::erased(MIN_PAGES)));
    let mut board = Board { flash, screen: Arc::default(), code: Arc::default(), random: Seeded(seed) };
    let what = Personalisation {
        device,
        name: "U-Shield d1d1".to_owned(),
        brand: "USD".to_owned(),
        dh_key: DhSecret::from_bytes(&[0x32; 32]).unwrap(),
        chain: maker.certify(&device, &device_key.public_key()).unwrap(),
        device_key,
        bank: BankId::new("USHDCNBJXXX").unwrap(),
        bank_root: key(0x21).public_key(),
        profile,
        firmware: 0x0100,
    };
    personalise(&mut board, &what).unwrap();
    let (phones, heard) = mpsc::unbounded_channel();
    let (events, felt) = mpsc::channel(1);
    let (screen, code) = (Arc::clone(&board.screen), Arc::clone(&board.code));
    let token = Token::boot(board.clone(), Millis(0)).unwrap();
    let body = Body { token, board, start: Instant::now(), connection: None };
    tokio::task::spawn_local(body.serve(heard, felt));
    Running { phones, events, screen, code, maker: MakerRoot::from_der(maker.root_der()).unwrap() }
}

impl Running {
    fn hand(&self, device: Option<DeviceId>) -> Box<dyn Hand> {
        let (screen, code) = (Arc::clone(&self.screen), Arc::clone(&self.code));
        Box::new(Fingers { events: self.events.clone(), screen, code, device })
    }

    fn setup(&self, seed: u64, asked: Asked, mishap: Mishap) -> Setup {
        let wire = Wire { token: self.phones.clone(), opened: Arc::default(), mishap };
        Setup {
            connector: Arc::new(wire.clone()),
            streams: Some(Arc::new(wire)),
            hand: self.hand(None),
            bank: TestBank::new(key(0x21), key(0x22), key(0x23)),
            makers: vec![self.maker.clone()],
            entropy: Arc::new(PhoneRandom(Mutex::new(Seeded(seed)))),
            now: 1_800_000_000,
            slow: asked.slow,
            destructive: asked.destructive,
            power: asked.power,
        }
    }
}

/// A token as it leaves its maker, and so many runs with it, one after the other.
pub(crate) fn try_token(seed: u64, profile: Profile, runs: &[Asked]) -> Vec<Report> {
    in_virtual_time(async {
        let token = switch_on(seed, profile);
        let mut reports = Vec::new();
        for (at, asked) in runs.iter().enumerate() {
            let at = u64::try_from(at).unwrap();
            let mut setup = token.setup(seed + 1000 + at, *asked, Mishap::Nothing);
            setup.now += at * 100_000;
            reports.push(run(setup, |_| {}, |_| {}).await);
        }
        reports
    })
}

/// A run to which something happens that is no fault of the token's.
pub(crate) fn try_with(mishap: Mishap) -> Report {
    in_virtual_time(async {
        let (token, second) = (switch_on(4, Profile::En1), switch_on(5, Profile::En1));
        let mut setup = token.setup(9, Asked::default(), mishap);
        let device = |byte| Some(DeviceId::from([byte; 16]));
        match mishap {
            Mishap::OtherKeys => setup.bank = TestBank::new(key(0x24), key(0x22), key(0x23)),
            Mishap::OtherMaker => setup.makers = vec![second.maker.clone()],
            Mishap::OtherDevice => setup.hand = token.hand(device(0xd2)),
            Mishap::OtherFace => setup.hand = second.hand(device(0xd1)),
            Mishap::Nothing => setup.hand = token.hand(device(0xd1)),
            Mishap::Away { .. } => {}
        }
        let report = run(setup, |_| {}, |_| {}).await;
        if report.stop.as_ref().is_some_and(|stop| matches!(stop, Stop::Unfit(_))) {
            // Who names the right ones afterwards finds the token as it was.
            let mut again = token.setup(10, Asked::default(), Mishap::Nothing);
            again.now += 100_000;
            let again = run(again, |_| {}, |_| {}).await;
            assert!(
                again.passes(),
                "{mishap:?}, then the right ones: {:?} {:?}",
                again.stop,
                again.failures().collect::<Vec<_>>()
            );
        }
        report
    })
}

/// A run on a token that has a phone and its initial PIN: one that broke off left it so.
pub(crate) fn try_used() -> Report {
    in_virtual_time(async {
        let token = switch_on(6, Profile::En1);
        // Nobody is there any more after the first phone has paired.
        let off = Mishap::Away { after: 75, tries: usize::MAX / 2 };
        let first = run(token.setup(11, Asked::default(), off), |_| {}, |_| {}).await;
        assert!(matches!(first.stop, Some(Stop::Away { .. })), "{:?}", first.stop);
        run(token.setup(12, Asked::default(), Mishap::Nothing), |_| {}, |_| {}).await
    })
}
