//! What only a person can do: press keys, read the screen, take the power away.

use async_trait::async_trait;
use ushield_protocol::key::DeviceId;

/// The four keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// The hand cannot do that, or what it works through has failed: why, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unable(pub String);

impl Unable {
    /// With a reason.
    #[must_use]
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// What the screen should show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// Exactly this page of an order: six lines.
    Page(&'a str),
    /// These six digits.
    Digits(&'a str),
}

/// Someone, or something, at the token.
#[async_trait]
pub trait Hand: Send {
    /// Presses a key on what the screen shows now.
    ///
    /// # Errors
    /// [`Unable`].
    async fn press(&mut self, key: Key) -> Result<(), Unable>;

    /// Switches pairing mode on.
    ///
    /// # Errors
    /// [`Unable`].
    async fn open_pairing(&mut self) -> Result<(), Unable>;

    /// Opens pairing mode and has the code shown: its text. Nothing where the token has no codes, or nobody can read them out.
    ///
    /// # Errors
    /// [`Unable`].
    async fn show_code(&mut self) -> Result<Option<String>, Unable> {
        Ok(None)
    }

    /// The text of the code that is shown now.
    ///
    /// # Errors
    /// [`Unable`].
    async fn code(&mut self) -> Result<Option<String>, Unable> {
        Ok(None)
    }

    /// Takes the power away and gives it back. On return the token can be connected to.
    ///
    /// # Errors
    /// [`Unable`], also where nobody can take the power away.
    async fn restart(&mut self) -> Result<(), Unable>;

    /// Lets the power go at the flash operation with this number, counted from 1 from now on. The token stays off until
    /// [`Hand::restart`]. False where nobody can count them, as a person.
    ///
    /// # Errors
    /// [`Unable`]: it could, and failed.
    async fn cut_power_at(&mut self, operation: u32) -> Result<bool, Unable> {
        let _ = operation;
        Ok(false)
    }

    /// Which token it has in hand. Nothing where it cannot tell.
    ///
    /// # Errors
    /// [`Unable`].
    async fn device(&mut self) -> Result<Option<DeviceId>, Unable> {
        Ok(None)
    }

    /// Takes a message off the screen, if one is there and it is known how. Never a page of an order.
    ///
    /// # Errors
    /// [`Unable`].
    async fn dismiss(&mut self) -> Result<(), Unable>;

    /// The text on the screen: six lines joined by U+000A. Nothing where nobody can read it out.
    ///
    /// # Errors
    /// [`Unable`].
    async fn screen(&mut self) -> Result<Option<String>, Unable>;

    /// Whether the screen shows this. Nothing where nobody can tell.
    ///
    /// # Errors
    /// [`Unable`].
    async fn shows(&mut self, wanted: Wanted<'_>) -> Result<Option<bool>, Unable> {
        let screen = self.screen().await?;
        Ok(screen.map(|screen| match wanted {
            Wanted::Page(page) => screen == page,
            Wanted::Digits(digits) => screen.contains(digits),
        }))
    }
}
