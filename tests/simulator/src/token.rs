//! The token: its logic on a modelled board, whose power can go at any word that it writes.

use std::sync::{Arc, Mutex, PoisonError};

use ushield_client::ports::{Store as _, Table};
use ushield_client::records::OrderRecord;
use ushield_protocol::framing::advertisement::Advertised;
use ushield_token::flash::{Cut, Flash, FlashFault, Model};
use ushield_token::{
    Entropy, EntropyFault, Key, MIN_PAGES, Millis, Output, Personalisation, Screen, ScreenFault, Symbol,
    Token, personalise,
};

use crate::fault::Fault;
use crate::link::{End, Framing, Parcel};
use crate::phone::PhoneSide;
use crate::rng::Rng;
use crate::screen::{Seen, read};
use crate::world::{Event, World};

/// A phone keeps a PIN that was lost for a minute, and so does a token that waits for OK.
const PIN_KEPT: u64 = 150_000;

/// The parts of the board that the world keeps hold of.
#[derive(Clone, Debug)]
pub struct Board {
    flash: Arc<Mutex<Model>>,
    drawn: Arc<Mutex<Vec<String>>>,
    rng: Arc<Mutex<Rng>>,
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Screen for Board {
    fn draw(&mut self, page: &str) -> Result<(), ScreenFault> {
        held(&self.drawn).push(page.to_owned());
        Ok(())
    }

    fn draw_code(&mut self, page: &str, _: &Symbol) -> Result<(), ScreenFault> {
        self.draw(page)
    }
}

impl Flash for Board {
    fn pages(&self) -> usize {
        held(&self.flash).pages()
    }

    fn read(&self, at: usize, out: &mut [u8]) {
        held(&self.flash).read(at, out);
    }

    fn program(&mut self, at: usize, word: u32) -> Result<(), FlashFault> {
        held(&self.flash).program(at, word)
    }

    fn erase(&mut self, page: usize) -> Result<(), FlashFault> {
        held(&self.flash).erase(page)
    }
}

impl Entropy for Board {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFault> {
        held(&self.rng).fill(out);
        Ok(())
    }
}

/// The token and its power.
pub struct TokenSide {
    board: Board,
    token: Option<Token<Board>>,
    booted: u64,
    life: u64,
    /// The connection that it serves.
    pub serving: Option<u64>,
    /// What the screen shows; empty without power.
    pub screen: String,
    /// Counts changes of the screen.
    pub serial: u64,
    /// The phone that it served when its power was cut.
    served_last: usize,
    /// How often its power was cut.
    pub cuts: u64,
}

impl std::fmt::Debug for TokenSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenSide(life {})", self.life)
    }
}

impl TokenSide {
    /// A new token, switched off.
    #[must_use]
    pub fn new(seed: u64, what: &Personalisation) -> Self {
        let mut board = Board {
            flash: Arc::new(Mutex::new(Model::erased(MIN_PAGES))),
            drawn: Arc::default(),
            rng: Arc::new(Mutex::new(Rng::new(seed, 3))),
        };
        personalise(&mut board, what).expect("a personalisation that holds");
        let token = None;
        Self {
            board,
            token,
            booted: 0,
            life: 0,
            serving: None,
            screen: String::new(),
            serial: 0,
            served_last: 0,
            cuts: 0,
        }
    }

    /// Whether it has power.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.token.is_some()
    }
}

impl World {
    /// Does something to the token. Its power may go while it writes; then nothing of it gets out any more.
    pub fn drive(&mut self, act: impl FnOnce(&mut Token<Board>, Millis)) {
        let now = Millis(self.now - self.token.booted);
        if self.token.token.is_none() {
            return;
        }
        let phone = self.token.serving.and_then(|number| self.links.phone_of(number)).unwrap_or(0);
        let cut = self.plan.strikes(Fault::FlashCut).then(|| self.a_cut(30));
        if let Some(cut) = cut {
            held(&self.token.board.flash).cut(cut);
        }
        if let Some(token) = &mut self.token.token {
            act(token, now);
        }
        if !held(&self.token.board.flash).is_powered() {
            self.struck(Fault::FlashCut, phone);
            self.power_lost();
            return;
        }
        held(&self.token.board.flash).reboot();
        self.pump();
        self.redrawn();
        let deadline = self.token.token.as_ref().and_then(Token::next_deadline);
        if let Some(at) = deadline {
            let delay = (self.token.booted + at.0).saturating_sub(self.now);
            self.after(delay, Event::Tick { life: self.token.life });
        }
    }

    fn a_cut(&mut self, operations: u64) -> Cut {
        let bits = match self.rng.within(0, 3) {
            0 => 0,
            1 => u32::MAX,
            _ => u32::try_from(self.rng.draw() >> 32).unwrap_or(0),
        };
        Cut { at: self.rng.within(0, operations), bits }
    }

    fn pump(&mut self) {
        while let Some(output) = self.token.token.as_mut().and_then(Token::poll) {
            let Some(number) = self.token.serving else { continue };
            match (self.links.get_mut(number).map(|connection| &connection.framing), output) {
                (Some(Framing::Packets(_)), output) => self.notify(number, output),
                (Some(Framing::Card(_)), output) => self.tell_card(number, output),
                (_, Output::Send { kind, body }) => {
                    self.send(number, End::Phone, Parcel::Message(kind.number(), body));
                }
                (_, Output::Disconnect) => {
                    self.token.serving = None;
                    self.close(number, End::Phone);
                }
            }
        }
        if let Some(number) = self.token.serving {
            self.flush(number);
        }
    }

    fn redrawn(&mut self) {
        let drawn = std::mem::take(&mut *held(&self.token.board.drawn));
        let Some(last) = drawn.into_iter().next_back() else { return };
        self.show(last);
    }

    /// The screen shows something else.
    pub fn show(&mut self, page: String) {
        if read(&page) == Seen::Approved {
            self.is_by_the_right_pin();
        }
        self.say(&format!("screen |{}|", page.replace('\n', "|")));
        self.token.screen = page;
        self.token.serial += 1;
        self.look_again();
    }

    /// Nothing is approved with a PIN that the token never had: one that it may have was typed for it lately, on a phone that has the order.
    fn is_by_the_right_pin(&mut self) {
        let (shown, now) = (self.person.order_read(), self.now);
        let has = |phone: &PhoneSide| {
            let records = phone.disk.list(Table::Order).unwrap_or_default().into_iter();
            let mut records =
                records.map(|(_, value)| OrderRecord::decode(&value).expect("the client's record"));
            records.any(|record| record.id.map(|id| id.to_string()) == shown)
        };
        for phone in &mut self.phones {
            phone.right_pins.retain(|typed| now - typed <= PIN_KEPT);
        }
        match self.phones.iter_mut().find(|phone| !phone.right_pins.is_empty() && has(phone)) {
            Some(phone) => drop(phone.right_pins.remove(0)),
            None => self.violation("an order was approved with a wrong PIN, or without one".to_owned()),
        }
    }

    /// The token's deadline.
    pub fn token_tick(&mut self, life: u64) {
        let due = |token: &Token<Board>| token.next_deadline().map(|at| self.token.booted + at.0);
        let due = self.token.token.as_ref().and_then(due).is_some_and(|at| at <= self.now);
        if life == self.token.life && due {
            self.drive(|token, now| token.tick(now));
        }
    }

    /// What the token advertises.
    pub fn advertised(&mut self) -> Option<Advertised> {
        let now = Millis(self.now - self.token.booted);
        self.token.token.as_mut().and_then(|token| token.advertising(now).what)
    }

    /// A key is pressed on what is shown now.
    pub fn press(&mut self, key: Key) {
        self.say(&format!("key {key:?}"));
        self.drive(|token, now| token.key(key, now));
    }

    /// The power is gone. Somebody switches it on again.
    pub fn power_lost(&mut self) {
        self.token.cuts += 1;
        self.token.life += 1;
        self.token.token = None;
        held(&self.token.board.drawn).clear();
        self.token.screen.clear();
        self.token.serial += 1;
        self.say("the token is off");
        if let Some(number) = self.token.serving.take() {
            self.token.served_last = self.links.phone_of(number).unwrap_or(0);
            self.cut(number);
        }
        let delay = self.rng.within(500, 8_000);
        self.after(delay, Event::SwitchOn);
    }

    /// The token is switched on, and finishes what was interrupted.
    pub fn switch_on(&mut self) {
        held(&self.token.board.flash).reboot();
        if self.plan.strikes_often(Fault::FlashCutAgain) {
            let cut = self.a_cut(6);
            held(&self.token.board.flash).cut(cut);
        }
        self.token.booted = self.now;
        match Token::boot(self.token.board.clone(), Millis(0)) {
            Ok(token) => {
                held(&self.token.board.flash).reboot();
                self.say("the token is on");
                self.token.token = Some(token);
                self.drive(|_, _| {});
            }
            Err(fault) if held(&self.token.board.flash).is_powered() => {
                self.violation(format!("the token does not start: {fault}"));
            }
            Err(_) => {
                self.struck(Fault::FlashCutAgain, self.token.served_last);
                self.power_lost();
            }
        }
    }
}
