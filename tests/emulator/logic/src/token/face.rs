//! What is on the screen, and so who gets the keys.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use ushield_protocol::key::PhoneId;
use ushield_protocol::planted::{self, Bug};

use super::asks::Ask;
use super::review::Review;
use super::{Step, Token};
use crate::hal::{Board, Key, Millis};
use crate::screens::Notice;

/// How long a message stays.
const NOTICE: u64 = 5_000;

/// What is on the screen.
pub(super) enum Face {
    Idle,
    Menu {
        at: usize,
    },
    About,
    Phones {
        phones: Vec<(PhoneId, String)>,
        at: usize,
    },
    /// Forgetting a phone, asked for by key.
    Forgetting {
        phone: PhoneId,
        until: Millis,
    },
    PairingMode {
        until: Millis,
    },
    /// The digits of the pairing session that the link holds.
    Digits,
    /// What the connected phone asked for.
    Asked(Ask),
    Review(Box<Review>),
    Notice {
        until: Millis,
        must_be_read: bool,
    },
}

impl Face {
    pub(super) fn deadline(&self) -> Option<Millis> {
        match self {
            Self::PairingMode { until } | Self::Notice { until, .. } | Self::Forgetting { until, .. } => {
                Some(*until)
            }
            Self::Asked(ask) => Some(ask.deadline()),
            Self::Review(review) => Some(review.deadline()),
            Self::Idle | Self::Menu { .. } | Self::About | Self::Phones { .. } | Self::Digits => None,
        }
    }

    /// Whether pairing is allowed.
    pub(super) fn is_pairing_mode(&self) -> bool {
        matches!(self, Self::PairingMode { .. } | Self::Digits)
    }

    /// Whether the customer is asked something that a command may not replace.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self, Self::Digits | Self::Asked(_) | Self::Review(_) | Self::Forgetting { .. })
    }

    /// Whether an order would take away what the customer has not read.
    pub(super) fn is_unread(&self, now: Millis) -> bool {
        matches!(self, Self::Notice { until, must_be_read: true } if now < *until)
    }

    /// Whether a message waits for the OK that a question would take.
    pub(super) fn is_notice(&self, now: Millis) -> bool {
        matches!(self, Self::Notice { until, .. } if now < *until)
    }
}

impl<B: Board> Token<B> {
    pub(super) fn on_key(&mut self, key: Key, now: Millis) -> Step {
        match core::mem::replace(&mut self.face, Face::Idle) {
            Face::Review(review) => self.review_key(review, key, now),
            Face::Asked(ask) => self.ask_key(ask, key, now),
            Face::Digits => self.digits_key(key, now),
            face => self.menu_key(face, key, now),
        }
    }

    pub(super) fn on_tick(&mut self, now: Millis) -> Step {
        self.link_tick(now)?;
        match core::mem::replace(&mut self.face, Face::Idle) {
            Face::Review(review) => self.review_tick(review, now),
            Face::Asked(ask) => self.ask_tick(ask, now),
            Face::PairingMode { until } | Face::Notice { until, .. } | Face::Forgetting { until, .. }
                if now >= until =>
            {
                self.show_idle()
            }
            face => {
                self.face = face;
                Ok(())
            }
        }
    }

    pub(super) fn draw(&mut self, page: &str) -> Step {
        // A code that leaves the screen is none any more.
        if !planted::on(Bug::CodeServedTwice) {
            self.code = None;
        }
        Ok(self.vault.board.draw(page)?)
    }

    pub(super) fn show_idle(&mut self) -> Step {
        let (phones, pin) = (self.vault.phone_count(), self.vault.pin_state()?);
        let page = self.screens.idle(&self.vault.me, phones, pin);
        self.draw(&page)?;
        self.face = Face::Idle;
        Ok(())
    }

    pub(super) fn show_notice(&mut self, notice: Notice, now: Millis) -> Step {
        let page = self.screens.notice(&notice);
        self.draw(&page)?;
        self.face = Face::Notice { until: now.plus(NOTICE), must_be_read: notice.must_be_read() };
        Ok(())
    }
}
