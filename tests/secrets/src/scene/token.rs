//! The shipped token logic on a modelled board, and the customer's finger on its keys.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ushield_client::Error;
use ushield_client::ports::{Clock as _, Connector, Link, Wanted};
use ushield_e2e::evil::ManualClock;
use ushield_protocol::code::Code;
use ushield_protocol::message::Kind;
use ushield_token::flash::{Flash, FlashFault, Model};
use ushield_token::{Entropy, EntropyFault, Key, Millis, Output, Screen, ScreenFault, Symbol, Token};
use zeroize::Zeroizing;

/// Flash, a generator with a seed, and the last page.
#[derive(Debug)]
pub struct Board {
    /// The flash.
    pub flash: Model,
    random: u64,
    page: String,
    code: Option<Symbol>,
}

impl Board {
    /// A board.
    #[must_use]
    pub fn new(flash: Model, random: u64) -> Self {
        Self { flash, random, page: String::new(), code: None }
    }
}

impl Screen for Board {
    fn draw(&mut self, page: &str) -> Result<(), ScreenFault> {
        page.clone_into(&mut self.page);
        self.code = None;
        Ok(())
    }

    fn draw_code(&mut self, page: &str, code: &Symbol) -> Result<(), ScreenFault> {
        self.draw(page)?;
        self.code = Some(code.clone());
        Ok(())
    }
}

impl Flash for Board {
    fn pages(&self) -> usize {
        self.flash.pages()
    }
    fn read(&self, at: usize, out: &mut [u8]) {
        self.flash.read(at, out);
    }
    fn program(&mut self, at: usize, word: u32) -> Result<(), FlashFault> {
        self.flash.program(at, word)
    }
    fn erase(&mut self, page: usize) -> Result<(), FlashFault> {
        self.flash.erase(page)
    }
}

impl Entropy for Board {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFault> {
        for byte in out {
            // splitmix64, a byte at a time: what is drawn lies in `out` alone.
            self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z >> 56) as u8;
        }
        Ok(())
    }
}

/// What the person does with an order on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Reads and presses OK.
    Approve,
    /// Presses C.
    Reject,
    /// Reads, and presses nothing.
    Wait,
    /// The link breaks before a key is pressed.
    Leave,
}

/// What becomes of the token's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tamper {
    Nothing,
    /// The sealed message with this number, counted from 0, has a byte changed.
    Change(usize),
}

struct Inside {
    token: Token<Board>,
    out: VecDeque<(Kind, Vec<u8>)>,
    up: bool,
    conduct: Conduct,
    tamper: Tamper,
    sealed: usize,
    seen: String,
    /// The phone has sent something since OK was pressed on a last page.
    phone_spoke: bool,
}

/// The token; a clone is the same.
#[derive(Clone)]
pub struct TokenBox {
    inside: Arc<Mutex<Inside>>,
    clock: Arc<ManualClock>,
}

impl std::fmt::Debug for TokenBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inside().token.fmt(f)
    }
}

impl TokenBox {
    /// Switches a personalised token on.
    ///
    /// # Panics
    /// When the board is not one.
    #[must_use]
    pub fn new(board: Board, clock: Arc<ManualClock>) -> Self {
        let token = Token::boot(board, Millis(clock.monotonic().0)).unwrap();
        let inside = Inside {
            token,
            out: VecDeque::new(),
            up: false,
            conduct: Conduct::Approve,
            tamper: Tamper::Nothing,
            sealed: 0,
            seen: String::new(),
            phone_spoke: false,
        };
        Self { inside: Arc::new(Mutex::new(inside)), clock }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // A panic of the customer's does not hurt the token.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Millis {
        Millis(self.clock.monotonic().0)
    }

    /// What the person does from now on.
    pub fn conduct(&self, conduct: Conduct) {
        self.inside().conduct = conduct;
    }

    /// From now on: the `number`th sealed message of the token is changed on its way, and no other.
    pub fn change_message(&self, number: usize) {
        let mut inside = self.inside();
        inside.sealed = 0;
        inside.tamper = Tamper::Change(number);
    }

    /// Messages arrive as they were sent again.
    pub fn leave_messages_alone(&self) {
        self.inside().tamper = Tamper::Nothing;
    }

    /// The text on the screen.
    #[must_use]
    pub fn screen(&self) -> String {
        self.inside().token.board().page.clone()
    }

    /// Presses a key.
    pub fn press(&self, key: Key) {
        let now = self.now();
        let mut inside = self.inside();
        inside.token.key(key, now);
        inside.pump();
    }

    /// Opens pairing mode by key.
    pub fn open_pairing(&self) {
        for key in [Key::Cancel, Key::Cancel, Key::Cancel, Key::Ok, Key::Ok] {
            self.press(key);
        }
    }

    /// The text of the code on the screen.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn code(&self) -> Option<Zeroizing<String>> {
        let code = self.inside().token.board().code.clone()?;
        let grid = rqrr::SimpleGrid::from_func(Symbol::SIDE, |x, y| code.is_dark(x, y));
        Some(Zeroizing::new(rqrr::Grid::new(grid).decode().unwrap().1))
    }

    /// Time passes for the token up to the clock's.
    pub fn catch_up(&self) {
        let now = self.now();
        let mut inside = self.inside();
        inside.token.tick(now);
        inside.pump();
    }

    /// The token, for a test in hand.
    pub fn with<T>(&self, act: impl FnOnce(&mut Token<Board>) -> T) -> T {
        act(&mut self.inside().token)
    }

    /// All texts that the screen has shown since the last time.
    #[must_use]
    pub fn take_seen(&self) -> String {
        std::mem::take(&mut self.inside().seen)
    }
}

impl TokenBox {
    fn next_message(&self) -> Option<Result<(Kind, Vec<u8>), Error>> {
        let now = self.now();
        let mut inside = self.inside();
        inside.token.tick(now);
        inside.pump();
        loop {
            if let Some(message) = inside.out.pop_front() {
                return Some(Ok(message));
            }
            if !inside.up {
                return Some(Err(Error::new(Code::LinkLost)));
            }
            if !inside.act(now) {
                return None;
            }
        }
    }
}

impl Inside {
    fn pump(&mut self) {
        while let Some(output) = self.token.poll() {
            match output {
                Output::Send { kind, mut body } => {
                    if kind == Kind::Sealed {
                        if let (Tamper::Change(number), Some(byte)) = (self.tamper, body.last_mut())
                            && number == self.sealed
                        {
                            *byte ^= 1;
                        }
                        self.sealed += 1;
                    }
                    self.out.push_back((kind, body));
                }
                Output::Disconnect => self.up = false,
            }
        }
    }

    /// The person looks at the screen and presses a key, if there is one to press. False when there is none.
    fn act(&mut self, now: Millis) -> bool {
        let page = self.token.board().page.clone();
        self.seen.push_str(&page);
        self.seen.push('\n');
        let (first, last) =
            (page.lines().next().unwrap_or_default(), page.lines().last().unwrap_or_default());
        let mark = first.rsplit(' ').next().and_then(|mark| mark.split_once('/'));
        let review = mark.and_then(|(at, of)| Some((at.parse::<u8>().ok()?, of.parse::<u8>().ok()?)));
        let key = match (review, self.conduct) {
            (Some(_), Conduct::Reject) => Key::Cancel,
            (Some((at, of)), _) if at < of => Key::Down,
            (Some(_), Conduct::Wait) => return false,
            (Some(_), Conduct::Leave) => {
                self.token.disconnected(now);
                self.up = false;
                self.out.clear();
                return true;
            }
            (Some(_), Conduct::Approve) => {
                self.phone_spoke = false;
                Key::Ok
            }
            // Without a PIN that is on its way there is nothing to press OK for.
            (None, _) if first.trim() == "PIN" && !self.phone_spoke => return false,
            // Questions, messages, and the way back to the order.
            (None, _) if last.contains("OK") && !last.contains("menu") => Key::Ok,
            (None, _) => return false,
        };
        self.token.key(key, now);
        self.pump();
        true
    }
}

#[async_trait]
impl Connector for TokenBox {
    async fn connect(&self, _: &Wanted) -> Result<Box<dyn Link>, Error> {
        let now = self.now();
        let mut inside = self.inside();
        inside.out.clear();
        inside.up = true;
        inside.token.connected(now);
        inside.pump();
        drop(inside);
        Ok(Box::new(TokenLink(self.clone())))
    }
}

struct TokenLink(TokenBox);

#[async_trait]
impl Link for TokenLink {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        let now = self.0.now();
        let mut inside = self.0.inside();
        if !inside.up {
            return Err(Error::new(Code::LinkLost));
        }
        inside.phone_spoke = true;
        inside.token.receive(kind.number(), body, now);
        inside.pump();
        Ok(())
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        match self.0.next_message() {
            Some(message) => message,
            // Nobody has anything to do: time may pass, and the client's alarm rings.
            None => pending().await,
        }
    }

    async fn close(&mut self) {
        let now = self.0.now();
        let mut inside = self.0.inside();
        if std::mem::replace(&mut inside.up, false) {
            inside.token.disconnected(now);
            inside.pump();
        }
    }
}

impl Drop for TokenLink {
    fn drop(&mut self) {
        let now = self.0.now();
        let mut inside = self.0.inside();
        if std::mem::replace(&mut inside.up, false) {
            inside.token.disconnected(now);
            inside.pump();
        }
    }
}
