//! A board in memory, whose parts the test keeps hold of.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ushield_token::flash::{Flash, FlashFault, Model};
use ushield_token::{Entropy, EntropyFault, Screen, ScreenFault, Symbol};

/// A board whose parts the test keeps hold of.
#[derive(Clone)]
pub(crate) struct TestBoard {
    pub(crate) flash: Rc<RefCell<Model>>,
    pub(crate) pages: Rc<RefCell<Vec<String>>>,
    /// The symbol that stands on the screen.
    pub(crate) symbol: Rc<RefCell<Option<Symbol>>>,
    random: u64,
    pub(crate) broken: Rc<Cell<Option<Broken>>>,
    /// What was asked of the flash, the power being on or not.
    pub(crate) trace: Rc<RefCell<Vec<FlashOperation>>>,
}

/// A change of the flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlashOperation {
    Program(usize, u32),
    Erase(usize),
}

impl FlashOperation {
    pub(crate) fn apply(self, flash: &mut Model) -> Result<(), FlashFault> {
        match self {
            Self::Program(at, word) => flash.program(at, word),
            Self::Erase(page) => flash.erase(page),
        }
    }
}

/// What of the board does not work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    Screen,
    /// The generator says so.
    Entropy,
    /// The generator does not say so: it hands out zeros.
    Stuck,
}

impl TestBoard {
    pub(crate) fn new(flash: Model, random: u64) -> Self {
        Self {
            flash: Rc::new(RefCell::new(flash)),
            pages: Rc::default(),
            symbol: Rc::default(),
            random,
            broken: Rc::default(),
            trace: Rc::default(),
        }
    }
}

impl Screen for TestBoard {
    fn draw(&mut self, page: &str) -> Result<(), ScreenFault> {
        if self.broken.get() == Some(Broken::Screen) {
            return Err(ScreenFault);
        }
        self.pages.borrow_mut().push(page.to_owned());
        self.symbol.replace(None);
        Ok(())
    }

    fn draw_code(&mut self, page: &str, code: &Symbol) -> Result<(), ScreenFault> {
        self.draw(page)?;
        self.symbol.replace(Some(code.clone()));
        Ok(())
    }
}

impl Flash for TestBoard {
    fn pages(&self) -> usize {
        self.flash.borrow().pages()
    }
    fn read(&self, at: usize, out: &mut [u8]) {
        self.flash.borrow().read(at, out);
    }
    fn program(&mut self, at: usize, word: u32) -> Result<(), FlashFault> {
        self.trace.borrow_mut().push(FlashOperation::Program(at, word));
        self.flash.borrow_mut().program(at, word)
    }
    fn erase(&mut self, page: usize) -> Result<(), FlashFault> {
        self.trace.borrow_mut().push(FlashOperation::Erase(page));
        self.flash.borrow_mut().erase(page)
    }
}

impl Entropy for TestBoard {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFault> {
        match self.broken.get() {
            Some(Broken::Entropy) => return Err(EntropyFault),
            Some(Broken::Stuck) => {
                out.fill(0);
                return Ok(());
            }
            Some(Broken::Screen) | None => {}
        }
        for byte in out {
            // splitmix64: a run is the same every time.
            self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.random;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z >> 56) as u8;
        }
        Ok(())
    }
}
