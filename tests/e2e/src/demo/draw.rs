//! Lines and token screens on a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use unicode_width::UnicodeWidthStr;
use ushield_protocol::render::COLUMNS;

use crate::pages::Page;

/// How a line stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A chapter.
    Title,
    /// What the person has to do.
    Ask,
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// What happens.
    Plain,
    /// Beside the point.
    Faint,
}

/// Standard output.
#[derive(Debug)]
pub struct Paper {
    colours: bool,
    /// While keys are read one by one, a line's end does not go back to its beginning by itself.
    raw: AtomicBool,
}

impl Default for Paper {
    fn default() -> Self {
        Self::new()
    }
}

impl Paper {
    /// Colours on a terminal, unless `NO_COLOR` is set.
    #[must_use]
    pub fn new() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colours: io::stdout().is_terminal() && !unwanted, raw: AtomicBool::new(false) }
    }

    /// Whether keys are read one by one from now on.
    pub fn set_raw(&self, raw: bool) {
        self.raw.store(raw, Ordering::SeqCst);
    }

    /// A line.
    pub fn say(&self, tone: Tone, text: &str) {
        let code = match tone {
            Tone::Title => "1;36",
            Tone::Ask => "1;33",
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Faint => "2",
            Tone::Plain => "",
        };
        for line in text.split('\n') {
            let painted = if self.colours && !code.is_empty() {
                format!("\u{1b}[{code}m{line}\u{1b}[0m")
            } else {
                line.to_owned()
            };
            let end = if self.raw.load(Ordering::SeqCst) { "\r\n" } else { "\n" };
            let mut out = io::stdout().lock();
            // Where nobody listens nothing can be said.
            let _ = out.write_all(format!("{painted}{end}").as_bytes()).and_then(|()| out.flush());
        }
    }

    /// A screen of the token.
    pub fn screen(&self, page: &Page) {
        let (on, off) = if self.colours { ("\u{1b}[7m", "\u{1b}[0m") } else { ("", "") };
        let rule = "─".repeat(COLUMNS);
        self.say(Tone::Plain, &format!("      ┌{rule}┐"));
        for line in page.lines() {
            // As this terminal counts: to the token an arrow is two cells wide, to most terminals one.
            let gap = " ".repeat(COLUMNS.saturating_sub(line.width()));
            self.say(Tone::Plain, &format!("      │{on}{line}{gap}{off}│"));
        }
        self.say(Tone::Plain, &format!("      └{rule}┘"));
    }
}
