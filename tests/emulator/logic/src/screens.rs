//! The firmware's own screens: everything but an order's pages. They sign nothing.

mod words;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use ushield_protocol::key::PhoneId;
use ushield_protocol::render::{COLUMNS, Locale, ROWS};
use ushield_protocol::text;
use words::Words;

use crate::vault::{Identity, PinState};

/// Cells of a line that a symbol covers.
const HALF: usize = COLUMNS / 2;

/// Messages that go back to the idle screen by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Approved,
    KeyMade,
    Rejected,
    Cancelled,
    TimedOut,
    LinkLost,
    PinChanged,
    PinWrong(u8),
    PinLocked,
    /// The phone's name.
    Paired(String),
    PairingTriesSpent,
    PhonesFull,
    Forgotten,
    NotDone,
}

impl Notice {
    /// Whether it says what the customer did not do, or has to know: then nothing takes its place before it was read.
    pub(crate) fn must_be_read(&self) -> bool {
        match self {
            Self::Cancelled | Self::TimedOut | Self::LinkLost | Self::PinWrong(_) | Self::PinLocked => true,
            Self::PairingTriesSpent | Self::PhonesFull => true,
            Self::Approved | Self::KeyMade | Self::Rejected | Self::PinChanged => false,
            Self::Paired(_) | Self::Forgotten | Self::NotDone => false,
        }
    }
}

/// Draws in the customer's language.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screens {
    words: &'static Words,
}

impl Screens {
    pub(crate) fn new(locale: Locale) -> Self {
        Self { words: Words::of(locale) }
    }

    pub(crate) fn idle(&self, me: &Identity, phones: usize, pin: PinState) -> String {
        let w = self.words;
        let mut lines = fold(&me.name);
        lines.push(format!("{} {phones}", w.phones_paired));
        if pin.is_locked() {
            lines.push(w.pin_locked.to_string());
        } else if pin.initial {
            lines.push(w.pin_initial.to_string());
        }
        page(&me.brand, &lines, w.menu_key, "")
    }

    pub(crate) fn menu(&self, at: usize) -> String {
        let w = self.words;
        let items = [w.pair_a_phone, w.phones, w.about];
        let lines: Vec<String> =
            items.iter().enumerate().map(|(index, item)| choice(index == at, item)).collect();
        page(w.menu, &lines, w.select_key, w.back_key)
    }

    /// One phone of the list, which may be empty.
    pub(crate) fn phone(&self, phone: Option<(&PhoneId, &str)>, at: usize, count: usize) -> String {
        let w = self.words;
        match phone {
            None => page(w.phones, &[w.no_phone.to_string()], "", w.back_key),
            Some((id, name)) => {
                let title = format!("{} {}/{count}", w.phones, at.saturating_add(1));
                page(&title, &self.phone_lines(id, name), w.forget_key, w.back_key)
            }
        }
    }

    /// A phone chooses its name, also that of another one; its id tells it apart, and stands last.
    fn phone_lines(&self, id: &PhoneId, name: &str) -> Vec<String> {
        let mut lines = fold(name);
        lines.truncate(ROWS - 3);
        lines.push(format!("{} {id}", self.words.number));
        lines
    }

    pub(crate) fn about(&self, me: &Identity) -> String {
        let w = self.words;
        let device = me.device.to_string();
        let (head, tail) = device.split_at_checked(16).unwrap_or((&device, ""));
        let [major, minor] = me.firmware.to_be_bytes();
        let lines = [
            format!("{} {}", w.bank, me.bank),
            format!("{} {major}.{minor}", w.firmware),
            format!("{} {head}", w.number),
            format!("{:gap$}{tail}", "", gap = cells(w.number).saturating_add(1)),
        ];
        page(w.about, &lines, "", w.back_key)
    }

    /// Pairing mode is open. `tries` have failed.
    pub(crate) fn pairing_mode(&self, tries: u8) -> String {
        let w = self.words;
        let mut lines: Vec<String> = w.pairing_mode.iter().map(|line| line.to_string()).collect();
        if tries > 0 {
            lines.push(format!("{} {tries}/3", w.pairing_failed));
        }
        page(w.pair_a_phone, &lines, w.code_key, w.back_key)
    }

    /// What stands beside the code: the left half is the symbol's.
    pub(crate) fn code(&self, tries: u8) -> String {
        let w = self.words;
        let failed = if tries > 0 { format!("{} {tries}/3", w.pairing_failed) } else { String::new() };
        let [first, second] = w.scan_code;
        let lines = [w.pair_a_phone, first, second, &failed, w.digits_key, w.back_key];
        lines
            .map(|line| if line.is_empty() { String::new() } else { format!("{:HALF$}{line}", "") })
            .join("\n")
    }

    /// Pairing by code: the phone says when. Nothing that the other side wrote stands here.
    pub(crate) fn by_code(&self, answered: bool) -> String {
        let w = self.words;
        let text = if answered { w.phone_says_ok } else { w.wait_for_phone };
        page(w.pair_a_phone, &own(text), if answered { w.yes_key } else { "" }, w.no_key)
    }

    /// The digits. OK counts once the phone has answered. Nothing that the other side wrote stands beside them: a name
    /// could be digits too.
    pub(crate) fn digits(&self, digits: u32, answered: bool) -> String {
        let w = self.words;
        let question = if answered { w.digits_equal } else { w.confirm_on_phone };
        let lines = [String::new(), format!("{:9}{digits:06}", ""), String::new(), question.to_string()];
        page(w.pair_a_phone, &lines, if answered { w.yes_key } else { "" }, w.no_key)
    }

    pub(crate) fn pin_change(&self) -> String {
        self.ask(self.words.change_pin, self.words.change_pin_text)
    }

    pub(crate) fn forget(&self, id: &PhoneId, name: &str) -> String {
        let w = self.words;
        page(w.forget, &self.phone_lines(id, name), w.yes_key, w.no_key)
    }

    pub(crate) fn pin_missing(&self) -> String {
        let w = self.words;
        page(w.pin, &own(w.pin_missing), w.page_key, w.reject_key)
    }

    pub(crate) fn pin_wrong(&self, tries: u8) -> String {
        let w = self.words;
        let lines = [w.pin_wrong.to_string(), format!("{} {tries}", w.tries_left), w.pin_again.to_string()];
        page(w.pin, &lines, w.page_key, w.reject_key)
    }

    /// The last try; `reject` when C rejects an order.
    pub(crate) fn last_try(&self, reject: bool) -> String {
        let w = self.words;
        page(w.pin, &own(w.last_try), w.try_key, if reject { w.reject_key } else { w.no_key })
    }

    pub(crate) fn notice(&self, notice: &Notice) -> String {
        let w = self.words;
        let (title, text) = match notice {
            Notice::Approved => (w.done, w.approved),
            Notice::KeyMade => (w.done, w.key_made),
            Notice::Rejected => (w.done, w.rejected),
            Notice::Cancelled => (w.ended, w.cancelled),
            Notice::TimedOut => (w.ended, w.timed_out),
            Notice::LinkLost => (w.ended, w.link_lost),
            Notice::PinChanged => (w.done, w.pin_changed),
            Notice::PinWrong(tries) => {
                let lines = [w.pin_wrong.to_string(), format!("{} {tries}", w.tries_left)];
                return page(w.pin, &lines, w.ok_key, "");
            }
            Notice::PinLocked => (w.pin, w.locked),
            Notice::Paired(name) => {
                let mut lines = own(w.paired);
                lines.extend(fold(name));
                return page(w.done, &lines, w.ok_key, "");
            }
            Notice::PairingTriesSpent => (w.ended, w.pairing_tries_spent),
            Notice::PhonesFull => (w.pair_a_phone, w.phones_full),
            Notice::Forgotten => (w.done, w.forgotten),
            Notice::NotDone => (w.ended, w.not_done),
        };
        page(title, &own(text), w.ok_key, "")
    }

    pub(crate) fn failure(&self) -> String {
        let w = self.words;
        page(w.failure, &own(w.failure_text), "", "")
    }

    fn ask(&self, title: &str, text: &[&str]) -> String {
        page(title, &own(text), self.words.yes_key, self.words.no_key)
    }
}

fn own(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| line.to_string()).collect()
}

fn choice(chosen: bool, item: &str) -> String {
    format!("{}{item}", if chosen { "> " } else { "  " })
}

/// Title, four lines, keys.
fn page(title: &str, lines: &[String], left: &str, right: &str) -> String {
    let mut page = fit(title);
    for index in 0..ROWS - 2 {
        page.push('\n');
        page.push_str(&lines.get(index).map(|line| fit(line)).unwrap_or_default());
    }
    let gap = COLUMNS.saturating_sub(cells(left) + cells(right));
    page.push('\n');
    if !left.is_empty() || !right.is_empty() {
        page.push_str(&format!("{left}{:gap$}{right}", ""));
    }
    page
}

fn cells(line: &str) -> usize {
    line.chars().map(text::width).sum()
}

/// As much of a line as the screen takes. Only names can be longer, and those are folded before.
fn fit(line: &str) -> String {
    fold(line).into_iter().next().unwrap_or_default()
}

/// Breaks a name wherever a line is full.
fn fold(name: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for c in name.chars() {
        if used + text::width(c) > COLUMNS {
            lines.push(core::mem::take(&mut line));
            used = 0;
        }
        line.push(c);
        used += text::width(c);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests;
