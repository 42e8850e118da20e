//! The token's screen, as a person reads it: by its words and nothing else.

use std::collections::BTreeSet;

/// What is on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Dark.
    Off,
    /// A page of an order: number, of how many.
    Page(usize, usize),
    /// The menu; what is chosen.
    Menu(String),
    /// Pairing mode is open.
    PairingMode,
    /// Six digits, and whether OK is offered.
    Digits(String, bool),
    /// It asks whether the PIN shall be changed.
    PinChange,
    /// It waits for a PIN from the phone; OK leads back to the order.
    PinMissing,
    /// The PIN was wrong; OK leads back to the order.
    PinWrong,
    /// One try is left; OK uses it.
    LastTry,
    /// A message that something was signed.
    Approved,
    /// Any other message; OK takes it away.
    Notice,
    /// The token has failed.
    Failure,
    /// Nothing in particular.
    Idle,
}

/// Reads it.
#[must_use]
pub fn read(screen: &str) -> Seen {
    let lines: Vec<&str> = screen.lines().collect();
    let Some(title) = lines.first() else { return Seen::Off };
    let body = lines.get(1..).unwrap_or_default().join(" ");
    if (title.starts_with("TRANSFER") || title.starts_with("CERTIFICATE"))
        && let Some((page, of)) = title.rsplit(' ').next().and_then(|counts| counts.split_once('/'))
        && let (Ok(page), Ok(of)) = (page.parse(), of.parse())
    {
        return Seen::Page(page, of);
    }
    let digits: String = body.chars().filter(char::is_ascii_digit).collect();
    match title.trim() {
        "MENU" => {
            Seen::Menu(lines.iter().find_map(|line| line.strip_prefix("> ")).unwrap_or_default().to_owned())
        }
        "PAIR A PHONE" if digits.len() == 6 && !body.contains("Failed") => {
            Seen::Digits(digits, body.contains("OK yes"))
        }
        "PAIR A PHONE" if body.contains("Start pairing") => Seen::PairingMode,
        "CHANGE PIN" => Seen::PinChange,
        "PIN" if body.contains("OK to the order") && body.contains("Wrong PIN") => Seen::PinWrong,
        "PIN" if body.contains("OK to the order") => Seen::PinMissing,
        "PIN" if body.contains("OK use it") => Seen::LastTry,
        "DONE" if body.contains("signed.") => Seen::Approved,
        "DONE" | "ENDED" | "PIN" | "PAIR A PHONE" | "PHONES" | "ABOUT" | "FORGET THIS PHONE?" => Seen::Notice,
        "FAILURE" => Seen::Failure,
        _ => Seen::Idle,
    }
}

/// What the person has read of an order: its pages' lines, without titles and keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pages: BTreeSet<usize>,
    of: usize,
    texts: Vec<String>,
}

impl Reading {
    /// A page is read.
    pub fn page(&mut self, number: usize, of: usize, screen: &str) {
        if number == 1 || of != self.of {
            *self = Self { of, texts: vec![String::new(); of], ..Self::default() };
        }
        self.pages.insert(number);
        let lines: Vec<&str> = screen.lines().collect();
        let body = lines.get(1..lines.len().saturating_sub(1)).unwrap_or_default();
        if let Some(text) = self.texts.get_mut(number.saturating_sub(1)) {
            *text = body.join("\n");
        }
    }

    /// Whether every page was read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.of > 0 && self.pages.len() == self.of
    }

    /// Everything that was read, without spaces and line ends.
    #[must_use]
    pub fn text(&self) -> String {
        self.texts.join("\n").chars().filter(|c| !c.is_whitespace()).collect()
    }

    /// The order's number, as it stands on its last page.
    #[must_use]
    pub fn order(&self) -> Option<String> {
        let text = self.text();
        let at = text.rfind("Order")?;
        let id: String =
            text[at + 5..].chars().filter(|c| c.is_ascii_hexdigit() || *c == '-').take(36).collect();
        (id.len() == 36).then_some(id)
    }

    /// What it says of a payment that was made before, if it does.
    #[must_use]
    pub fn warns(&self) -> bool {
        self.text().to_uppercase().contains("APPROVED")
    }
}
