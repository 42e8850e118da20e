//! A software token in this process: switched on, with a line through a proxy, and its keys and screen at hand.

use std::net::SocketAddr;
use std::time::Duration;

use ushield_emulator::device::Device;
use ushield_emulator::emulator::{Config, Emulator};
use ushield_emulator::flash::{Image, Memory};
use ushield_emulator::picture::{ROWS, WIDTH};
use ushield_emulator::runner::{Handle, Key};
use ushield_emulator::screen::Screen;
use ushield_protocol::pairing_code::PairingCode;

use crate::pages::{Ask, Page};
use crate::proxy::{Passing, Proxy};
use crate::wait::bounded;

/// The token's end of the line reads a header, then a body, then hands the message over: each at most one turn.
const YIELDS: usize = 8;

/// Where it is beside its line: at a radio, in a reader.
#[derive(Clone, Default)]
struct Plugs {
    gatt: Option<String>,
    vpcd: Option<String>,
}

/// A token that is switched on.
pub struct Token {
    emulator: Option<Emulator>,
    flash: Image,
    device: Device,
    seed: u64,
    plugs: Plugs,
    /// The line to it.
    pub line: Proxy,
}

impl Token {
    /// Switches a personalised token on.
    pub async fn start(flash: Image, device: Device, seed: u64) -> Self {
        let plugs = Plugs::default();
        let emulator = switch_on(&flash, &device, seed, &plugs).await;
        let line = Proxy::start(emulator.addr()).await.unwrap();
        Self { emulator: Some(emulator), flash, device, seed, plugs, line }
    }

    /// Switches it off and on: then it is at this radio and in this reader as well.
    pub async fn plug_into(&mut self, radio: SocketAddr, reader: SocketAddr) {
        self.plugs = Plugs { gatt: Some(radio.to_string()), vpcd: Some(reader.to_string()) };
        self.restart().await;
    }

    fn emulator(&self) -> &Emulator {
        self.emulator.as_ref().expect("switched on")
    }

    /// What its maker wrote down.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Its HTTP face.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.emulator().http()
    }

    /// Keys and screen.
    #[must_use]
    pub fn hand(&self) -> Hand {
        let emulator = self.emulator();
        Hand { keys: emulator.handle(), screen: emulator.display(), line: self.line.passing() }
    }

    /// Lets time pass for the token.
    pub async fn pass(&self, time: Duration) {
        self.emulator().advance(time).await.unwrap();
    }

    /// Switches it off. Whoever connects finds nothing.
    pub async fn switch_off(&mut self) {
        self.line.close();
        self.emulator.take().expect("switched on").stop().await.unwrap();
    }

    /// Switches it on again: the same flash, other random numbers.
    pub async fn switch_on(&mut self) {
        self.seed += 1;
        let emulator = switch_on(&self.flash, &self.device, self.seed, &self.plugs).await;
        self.line.lead_to(emulator.addr());
        self.line.heal();
        self.emulator = Some(emulator);
    }

    /// Takes the power away between two events, and gives it back.
    pub async fn restart(&mut self) {
        self.switch_off().await;
        self.switch_on().await;
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token({})", self.device.device_id)
    }
}

async fn switch_on(flash: &Image, device: &Device, seed: u64, plugs: &Plugs) -> Emulator {
    let config = Config::for_test(Memory::in_memory(flash.clone()), device.clone(), seed);
    let Plugs { gatt, vpcd } = plugs.clone();
    Emulator::start(Config { gatt, vpcd, ..config }).await.unwrap()
}

/// A person's hand on the keys, and their eyes on the screen.
#[derive(Clone, Debug)]
pub struct Hand {
    keys: Handle,
    screen: Screen,
    line: Passing,
}

impl Hand {
    /// What the screen shows.
    #[must_use]
    pub fn page(&self) -> Page {
        Page::new(self.screen.now().text.clone())
    }

    /// Presses a key; returns what the screen shows then.
    pub async fn press(&self, key: Key) -> Page {
        self.keys.press(key).await.unwrap();
        self.page()
    }

    /// Presses OK where it has a PIN compared. When that was wrong, waits until the phone's next one has reached the token: OK would
    /// otherwise ask for it, and a later one take its place.
    pub async fn confirm(&self) -> Page {
        let before = self.line.to_token();
        let page = self.press(Key::Ok).await;
        if page.ask() != Ask::PinWrong {
            return page;
        }
        let arrival = async {
            self.line.more_than(before).await;
            // Written to the token's socket. A task that yields goes on after every socket that is ready has been read from, and the
            // token takes messages and keys in the order in which they come.
            for _ in 0..YIELDS {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = arrival => self.page(),
            page = self.see("another screen than the wrong PIN's", |page| page.ask() != Ask::PinWrong) => page,
        }
    }

    /// Waits until the screen shows what is wanted.
    pub async fn see(&self, what: &str, wanted: impl Fn(&Page) -> bool) -> Page {
        let mut screen = self.screen.clone();
        let seeing = async {
            loop {
                let page = self.page();
                if wanted(&page) {
                    return page;
                }
                screen.next().await.expect("the token is on");
            }
        };
        match tokio::time::timeout(crate::wait::BOUND, seeing).await {
            Ok(page) => page,
            Err(_) => panic!("waited in vain for {what}; the screen shows {:?}", self.page()),
        }
    }

    /// Takes note of a message: while it stands, the token asks nothing.
    pub async fn acknowledge(&self) {
        if self.page().ask() == Ask::Acknowledge {
            self.press(Key::Ok).await;
        }
    }

    /// Goes to the idle screen by keys that approve nothing.
    pub async fn go_home(&self) {
        for _ in 0..3 {
            if self.page().number().is_none() {
                self.press(Key::Cancel).await;
            }
        }
    }

    /// Opens pairing mode: the first entry of the menu.
    pub async fn open_pairing(&self) {
        self.go_home().await;
        self.press(Key::Ok).await;
        let page = self.press(Key::Ok).await;
        assert!(page.says("配对手机") || page.says("PAIR A PHONE"), "{page:?}");
    }

    /// Opens pairing mode and has the code shown; the code, as a camera reads it.
    ///
    /// # Panics
    /// When there is none.
    pub async fn show_code(&self) -> PairingCode {
        self.open_pairing().await;
        self.press(Key::Down).await;
        self.scan().expect("a code")
    }

    /// The code on the screen, read from its pixels. Its words are on no face.
    ///
    /// # Panics
    /// When it is a code of something else.
    #[must_use]
    pub fn scan(&self) -> Option<PairingCode> {
        let picture = self.screen.now().picture.clone();
        let grey = |x, y| if picture.is_dark(x, y) { 0 } else { 255 };
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(WIDTH, ROWS, grey);
        let (_, text) = image.detect_grids().first()?.decode().ok()?;
        Some(PairingCode::parse(&text).unwrap())
    }

    /// Turns all pages of the order on the screen, from the first; returns them, the last one being shown.
    pub async fn read(&self) -> Vec<Page> {
        let mut page = self.page();
        while page.number().is_some_and(|(at, _)| at > 1) {
            page = self.press(Key::Up).await;
        }
        let mut pages = vec![page];
        while pages.last().map(Page::ask) == Some(Ask::TurnPage) {
            pages.push(self.press(Key::Down).await);
        }
        pages
    }

    /// Waits for an order and reads it.
    pub async fn read_order(&self) -> Vec<Page> {
        self.see("an order", |page| page.number().is_some()).await;
        self.read().await
    }

    /// Waits for a question of the token's own and answers it.
    pub async fn answer(&self, what: &str, key: Key) -> Page {
        let asked = self.see(what, |page| page.says(what) && page.ask() == Ask::Confirm).await;
        bounded(what, self.press(key)).await;
        asked
    }
}
