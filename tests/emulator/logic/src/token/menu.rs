//! Idle screen, menu, list of phones: what the customer does with the keys alone.

use alloc::string::String;
use alloc::vec::Vec;

use ushield_protocol::key::PhoneId;

use super::asks::UNANSWERED;
use super::face::Face;
use super::pairing::Way;
use super::{Step, Token};
use crate::hal::{Board, Key, Millis};
use crate::screens::Notice;
use crate::vault::MAX_PHONES;

/// How long pairing mode stays open.
const PAIRING_MODE: u64 = 180_000;
/// Entries of the menu.
const ENTRIES: usize = 3;

impl<B: Board> Token<B> {
    pub(super) fn menu_key(&mut self, face: Face, key: Key, now: Millis) -> Step {
        match (face, key) {
            (Face::Idle, Key::Ok) => self.show_menu(0)?,
            (Face::Menu { at }, Key::Up) => self.show_menu(at.saturating_sub(1))?,
            (Face::Menu { at }, Key::Down) => self.show_menu((at + 1).min(ENTRIES - 1))?,
            (Face::Menu { at: 0 }, Key::Ok) => return self.open_pairing_mode(now),
            (Face::Menu { at: 1 }, Key::Ok) => {
                let phones = self.vault.phones()?;
                self.show_phones(phones, 0)?;
            }
            (Face::Menu { .. }, Key::Ok) => {
                let page = self.screens.about(&self.vault.me);
                self.draw(&page)?;
                self.face = Face::About;
            }
            (Face::Phones { phones, at }, Key::Up) => self.show_phones(phones, at.saturating_sub(1))?,
            (Face::Phones { phones, at }, Key::Down) => {
                let last = phones.len().saturating_sub(1);
                self.show_phones(phones, (at + 1).min(last))?;
            }
            (Face::Phones { phones, at }, Key::Ok) => match phones.get(at) {
                Some((phone, name)) => {
                    let page = self.screens.forget(phone, name);
                    self.draw(&page)?;
                    self.face = Face::Forgetting { phone: *phone, until: now.plus(UNANSWERED) };
                }
                None => self.show_phones(phones, at)?,
            },
            (Face::Forgetting { until, .. }, _) if now >= until => return self.show_idle(),
            (Face::Forgetting { phone, .. }, Key::Ok) => return self.forget_by_key(phone, now),
            (Face::Forgetting { .. }, Key::Cancel) => {
                let phones = self.vault.phones()?;
                self.show_phones(phones, 0)?;
            }
            (Face::About | Face::Phones { .. } | Face::PairingMode { .. }, Key::Cancel) => {
                self.show_menu(0)?
            }
            (Face::PairingMode { until }, Key::Up | Key::Down) if now < until => {
                self.way = self.way.other();
                let tries = self.vault.pairing_tries()?;
                return self.show_pairing_mode_until(tries, until);
            }
            (Face::Menu { .. }, Key::Cancel) | (Face::Notice { .. }, _) => return self.show_idle(),
            (face, _) => self.face = face,
        }
        Ok(())
    }

    fn show_menu(&mut self, at: usize) -> Step {
        let page = self.screens.menu(at);
        self.draw(&page)?;
        self.face = Face::Menu { at };
        Ok(())
    }

    fn show_phones(&mut self, phones: Vec<(PhoneId, String)>, at: usize) -> Step {
        let phone = phones.get(at).map(|(id, name)| (id, name.as_str()));
        let page = self.screens.phone(phone, at, phones.len());
        self.draw(&page)?;
        self.face = Face::Phones { phones, at };
        Ok(())
    }

    fn open_pairing_mode(&mut self, now: Millis) -> Step {
        if self.vault.others_than(None)? >= MAX_PHONES {
            self.show_notice(Notice::PhonesFull, now)?;
            return Ok(());
        }
        self.vault.clear_pairing_tries()?;
        self.way = Way::Digits;
        self.show_pairing_mode(0, now)
    }

    /// Pairing mode, at first and after a try that failed.
    pub(super) fn show_pairing_mode(&mut self, tries: u8, now: Millis) -> Step {
        self.show_pairing_mode_until(tries, now.plus(PAIRING_MODE))
    }

    fn show_pairing_mode_until(&mut self, tries: u8, until: Millis) -> Step {
        match self.way {
            Way::Digits => self.draw(&self.screens.pairing_mode(tries))?,
            Way::Code => self.draw_code(tries)?,
        }
        self.face = Face::PairingMode { until };
        Ok(())
    }

    fn forget_by_key(&mut self, phone: PhoneId, now: Millis) -> Step {
        self.vault.forget_phone(&phone)?;
        self.show_notice(Notice::Forgotten, now)?;
        self.hang_up_on(&phone, now)
    }
}
