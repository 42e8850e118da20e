//! What a board must offer, and what it is told to do.

use alloc::vec::Vec;

use ushield_protocol::message::Kind;

use crate::flash::Flash;
use crate::symbol::Symbol;

/// Monotonic milliseconds since the board was switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// This many milliseconds later.
    #[must_use]
    pub const fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// The four keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// OK.
    Ok,
    /// C.
    Cancel,
    /// Up.
    Up,
    /// Down.
    Down,
}

/// The display; the board has the font.
pub trait Screen {
    /// Shows a page: 6 lines of at most 24 cells, joined by U+000A. Keys that were pressed before this returns
    /// must never be handed to [`crate::Token::key`] afterwards. With an error the token fails: what was not shown counts
    /// as nothing that the customer has seen.
    fn draw(&mut self, page: &str) -> Result<(), ScreenFault>;

    /// Shows a page whose first 12 cells of each line are blank, and a symbol over them: 3 x 3 pixels a module from pixel (4, 4)
    /// on, all else there light (section 4.1). Else as [`Screen::draw`].
    fn draw_code(&mut self, page: &str, code: &Symbol) -> Result<(), ScreenFault>;
}

/// The page is not on the display, or not as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScreenFault;

/// There are no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntropyFault;

/// The board's random number generator.
pub trait Entropy {
    /// Fills `out` with bytes that nobody can predict. With an error nothing of `out` is used, and the token fails.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), EntropyFault>;
}

/// All of it.
pub trait Board: Screen + Flash + Entropy {}

impl<B: Screen + Flash + Entropy> Board for B {}

/// What the token wants to happen on its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this message to the phone.
    Send {
        /// What it is.
        kind: Kind,
        /// Its body.
        body: Vec<u8>,
    },
    /// End the connection.
    Disconnect,
}
