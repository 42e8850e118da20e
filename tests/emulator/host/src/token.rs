//! The token logic on this machine: display, flash and entropy as one board, and the logic as the thread drives it.

use std::cell::RefCell;

use ushield_protocol::{
    key::{PublicKey, Sign, SigningKey},
    noise::DhSecret,
};
use ushield_token::{
    Advertising, Entropy, EntropyFault, Key, Millis, Output, Personalisation, ScreenFault, Symbol, Token,
    flash,
};
use zeroize::Zeroizing;

use crate::{
    entropy::Source,
    failure::Failure,
    flash::{FlashError, Memory, PAGES},
    frame::Message,
    maker::BRAND,
    personalise::{Personality, profile},
    power::{Operation, Power},
    runner::Machine,
    screen::{self, Panel},
};

/// 1.0: what this program's token says about itself.
pub(crate) const FIRMWARE: u16 = 0x0100;

/// A token that is switched on.
pub(crate) struct SoftToken(Option<Token<SoftBoard>>);

impl SoftToken {
    /// Switches it on; it draws its first screen.
    pub(crate) fn boot(flash: Memory, panel: Panel, entropy: Source, now: Millis) -> Result<Self, Failure> {
        let board = SoftBoard { flash, panel, entropy, power: RefCell::default() };
        Ok(Self(Some(Token::boot(board, now)?)))
    }
}

impl Machine for SoftToken {
    fn connected(&mut self, now: Millis) {
        self.with(|token| token.connected(now));
    }

    fn disconnected(&mut self, now: Millis) {
        self.with(|token| token.disconnected(now));
    }

    fn receive(&mut self, message: Message, now: Millis) {
        self.with(|token| token.receive(message.kind.number(), &message.body, now));
    }

    fn key(&mut self, key: Key, now: Millis) {
        self.with(|token| token.key(key, now));
    }

    fn tick(&mut self, now: Millis) {
        self.with(|token| token.tick(now));
    }

    fn next_deadline(&self) -> Option<Millis> {
        self.0.as_ref().filter(|_| self.is_on())?.next_deadline()
    }

    fn advertising(&mut self, now: Millis) -> Advertising {
        self.with(|token| token.advertising(now)).unwrap_or_default()
    }

    fn poll(&mut self) -> Option<Output> {
        self.with(Token::poll)?
    }

    fn is_on(&self) -> bool {
        self.0.as_ref().is_some_and(|token| token.board().power.borrow().is_on())
    }

    fn cut_power(&mut self, at: Option<u32>) {
        if let Some(token) = &self.0 {
            token.board().power.borrow_mut().cut(at);
        }
    }

    fn switch_on(&mut self, now: Millis) -> Result<(), Failure> {
        let Some(token) = self.0.take() else { return Err(Failure::Stopped) };
        let board = token.into_board();
        board.power.borrow_mut().switch_on();
        self.0 = Some(Token::boot(board, now)?);
        Ok(())
    }
}

impl SoftToken {
    /// Whoever has no power does nothing.
    fn with<T>(&mut self, act: impl FnOnce(&mut Token<SoftBoard>) -> T) -> Option<T> {
        let on = self.is_on();
        self.0.as_mut().filter(|_| on).map(act)
    }
}

/// The keys that a token is made with.
pub(crate) struct Keys {
    device: SigningKey,
    dh: DhSecret,
}

impl Keys {
    pub(crate) fn generate(entropy: &mut Source) -> Result<Self, Failure> {
        Ok(Self { device: draw(entropy, SigningKey::from_bytes)?, dh: draw(entropy, DhSecret::from_bytes)? })
    }

    pub(crate) fn device_public_key(&self) -> PublicKey {
        self.device.public_key()
    }
}

/// Draws until the bytes are a scalar in 1..n-1.
fn draw<T>(entropy: &mut Source, parse: impl Fn(&[u8; 32]) -> Option<T>) -> Result<T, Failure> {
    loop {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(&mut *bytes).map_err(Failure::System)?;
        if let Some(key) = parse(&bytes) {
            return Ok(key);
        }
    }
}

/// Writes a new token into an erased flash.
pub(crate) fn personalise(
    flash: Memory,
    personality: &Personality,
    keys: Keys,
    chain: &[Vec<u8>],
    entropy: Source,
) -> Result<(), Failure> {
    let what = Personalisation {
        device: personality.device_id,
        name: personality.name.as_str().to_owned(),
        brand: BRAND.to_owned(),
        device_key: keys.device,
        dh_key: keys.dh,
        chain: chain.to_vec(),
        bank: personality.bank.bank_id.clone(),
        bank_root: personality.bank.root,
        profile: profile(personality.locale),
        firmware: FIRMWARE,
    };
    // Nobody looks yet.
    let (panel, _) = screen::display(std::sync::Arc::new(crate::font::Font::load()?));
    let mut board = SoftBoard { flash, panel, entropy, power: RefCell::default() };
    Ok(ushield_token::personalise(&mut board, &what)?)
}

struct SoftBoard {
    flash: Memory,
    panel: Panel,
    entropy: Source,
    power: RefCell<Power>,
}

impl ushield_token::Screen for SoftBoard {
    fn draw(&mut self, page: &str) -> Result<(), ScreenFault> {
        if !self.power.borrow().is_on() {
            return Err(ScreenFault);
        }
        self.panel.show(page).map_err(|_| ScreenFault)
    }

    fn draw_code(&mut self, page: &str, code: &Symbol) -> Result<(), ScreenFault> {
        if !self.power.borrow().is_on() {
            return Err(ScreenFault);
        }
        self.panel.show_code(page, code).map_err(|_| ScreenFault)
    }
}

impl Entropy for SoftBoard {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFault> {
        self.entropy.fill(out).map_err(|_| EntropyFault)
    }
}

impl flash::Flash for SoftBoard {
    fn pages(&self) -> usize {
        PAGES
    }

    fn read(&self, at: usize, out: &mut [u8]) {
        if self.flash.read(at, out).is_err() {
            out.fill(flash::ERASED);
        }
    }

    fn program(&mut self, at: usize, word: u32) -> Result<(), flash::FlashFault> {
        let whole = word.to_le_bytes();
        match self.power.get_mut().operation() {
            Operation::Whole => self.flash.program(at, whole).map_err(fault),
            Operation::Torn => {
                let mut half = [flash::ERASED; 4];
                flash::Flash::read(self, at, &mut half);
                for (half, whole) in half.iter_mut().zip(whole).take(2) {
                    *half = whole;
                }
                self.flash.program(at, half).map_err(fault)?;
                Err(flash::FlashFault::PowerLost)
            }
            Operation::None => Err(flash::FlashFault::PowerLost),
        }
    }

    fn erase(&mut self, page: usize) -> Result<(), flash::FlashFault> {
        match self.power.get_mut().operation() {
            Operation::Whole => self.flash.erase(page).map_err(fault),
            // Not begun: pages that are half erased are in the logic's own tests.
            Operation::Torn | Operation::None => Err(flash::FlashFault::PowerLost),
        }
    }
}

fn fault(error: FlashError) -> flash::FlashFault {
    match error {
        FlashError::Address(_) => flash::FlashFault::Address,
        FlashError::Programmed(_) => flash::FlashFault::Programmed,
        FlashError::File(_) => flash::FlashFault::Failed,
    }
}
