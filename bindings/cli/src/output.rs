//! What the program prints: results on standard output, what happens meanwhile on standard error.

pub(crate) mod digits;
pub(crate) mod page;
pub(crate) mod table;
pub(crate) mod time;
mod wrap;

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::args::Colour;
use crate::keyboard::Keyboard;
use crate::words::Words;

/// How a line stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
    Strong,
    Faint,
}

/// A result: for programs and for people.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// The one object on standard output.
    pub(crate) json: Value,
    /// The same for a person.
    pub(crate) text: String,
    /// The exit code.
    pub(crate) exit: u8,
}

impl Answer {
    /// It worked.
    pub(crate) fn done(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), exit: 0 }
    }
}

/// Both streams of the program.
pub(crate) struct Output {
    pub(crate) words: Words,
    pub(crate) json: bool,
    /// Whether a person can be asked: at a terminal, and not for a program.
    pub(crate) interactive: bool,
    /// Where somebody types; none where nobody sits at a terminal.
    pub(crate) keyboard: Option<Keyboard>,
    /// Whether standard error is a screen.
    screen: bool,
    result_colours: bool,
    progress_colours: bool,
    spinner: Mutex<Option<ProgressBar>>,
    closed: AtomicBool,
}

impl Output {
    pub(crate) fn new(words: Words, json: bool, colour: Colour) -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colours = |terminal: bool| match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && !no_colour,
        };
        Self {
            words,
            json,
            interactive: false,
            keyboard: None,
            screen: io::stderr().is_terminal(),
            result_colours: colours(io::stdout().is_terminal()),
            progress_colours: colours(io::stderr().is_terminal()),
            spinner: Mutex::new(None),
            closed: AtomicBool::new(false),
        }
    }

    /// With somebody at the keyboard.
    pub(crate) fn with_keyboard(self, keyboard: Option<Keyboard>) -> Self {
        let (somebody, screen) = (keyboard.is_some(), self.screen || keyboard.is_some());
        Self { interactive: !self.json && somebody, keyboard, screen, ..self }
    }

    /// Something happened: a JSON line, or a line that stays.
    pub(crate) fn event(&self, json: &Value, text: &str, tone: Tone) {
        self.stop_waiting();
        if self.json { self.progress_line(&json.to_string()) } else { self.note(text, tone) }
    }

    /// A text for a person that was shown last goes away again, where that is possible.
    pub(crate) fn take_back(&self, text: &str) {
        self.stop_waiting();
        if self.screen && !self.json {
            // A screen on which it cannot be wiped shows both.
            let _ = console::Term::stderr().clear_last_lines(self.wrapped(text).lines().count());
        }
    }

    /// Something goes on: a JSON line, or a line that turns until the next one; above a question a line that stays.
    pub(crate) fn wait(&self, json: &Value, text: &str) {
        self.stop_waiting();
        if let Some(keyboard) = &self.keyboard {
            keyboard.hush();
        }
        if self.json {
            self.progress_line(&json.to_string());
        } else if self.screen && !self.is_asking() {
            let bar =
                ProgressBar::new_spinner().with_message(wrap::wrap(text, self.width().saturating_sub(3)));
            // A template that does not parse leaves the default one.
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            *self.spinner.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar);
        } else {
            self.note(text, Tone::Plain);
        }
    }

    /// The line that turns goes away, as before a prompt.
    pub(crate) fn stop_waiting(&self) {
        if let Some(bar) = self.spinner.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }

    /// The end: the line that turns is gone, the keyboard is as it was found.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.stop_waiting();
        if let Some(keyboard) = &self.keyboard {
            keyboard.restore();
        }
    }

    /// A part of the result that is here already: a JSON line on standard error, or lines on standard output.
    pub(crate) fn part(&self, json: &Value, text: &str) {
        self.stop_waiting();
        match self.json {
            true => self.progress_line(&json.to_string()),
            false => drop(writeln!(io::stdout().lock(), "{}\n", self.wrapped_result(text))),
        }
    }

    /// Cells of a line on standard error; a common number where there is no terminal.
    pub(crate) fn width(&self) -> usize {
        console::Term::stderr().size_checked().map_or(80, |(_, columns)| usize::from(columns))
    }

    /// Cells of a line on standard output, where that is a terminal.
    pub(crate) fn result_width(&self) -> Option<usize> {
        let (_, columns) = console::Term::stdout().size_checked()?;
        Some(usize::from(columns))
    }

    fn wrapped_result(&self, text: &str) -> String {
        self.result_width().map_or_else(|| text.to_owned(), |width| wrap::wrap(text, width))
    }

    /// Text for standard error: for a screen in lines that fit it.
    fn wrapped(&self, text: &str) -> String {
        if self.screen { wrap::wrap(text, self.width()) } else { text.to_owned() }
    }

    /// Whether nothing but the result is said any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Lines for a person, in one piece.
    pub(crate) fn notes(&self, lines: &[(String, Tone)]) {
        let lines: Vec<String> = lines
            .iter()
            .map(|(line, tone)| paint(&self.wrapped(line), *tone, self.progress_colours))
            .collect();
        self.progress_line(&lines.join("\n"));
    }

    /// A line for a person, meanwhile.
    pub(crate) fn note(&self, text: &str, tone: Tone) {
        self.progress_line(&paint(&self.wrapped(text), tone, self.progress_colours));
    }

    /// The result.
    pub(crate) fn result(&self, answer: &Answer) {
        self.stop_waiting();
        let text = match (self.json, &answer.json) {
            // What was shown until now was the result.
            (true, Value::Null) => String::new(),
            (true, json) => json.to_string(),
            (false, _) => self.wrapped_result(&answer.text),
        };
        if !text.is_empty() {
            let _ = writeln!(io::stdout().lock(), "{text}");
        }
    }

    /// Text for standard output, that stands out there.
    pub(crate) fn paint(&self, text: &str, tone: Tone) -> String {
        paint(text, tone, self.result_colours)
    }

    /// Text for standard error, that stands out there.
    pub(crate) fn paint_progress(&self, text: &str, tone: Tone) -> String {
        paint(text, tone, self.progress_colours)
    }

    /// Whether a question stands, which a line that turns would wipe away.
    fn is_asking(&self) -> bool {
        self.keyboard.as_ref().is_some_and(Keyboard::is_asking)
    }

    fn progress_line(&self, text: &str) {
        match &self.keyboard {
            Some(keyboard) => keyboard.above(text),
            None => drop(writeln!(io::stderr().lock(), "{text}")),
        }
    }
}

fn paint(text: &str, tone: Tone, colours: bool) -> String {
    let code = match tone {
        Tone::Good => "1;32",
        Tone::Bad => "1;31",
        Tone::Strong => "1",
        Tone::Faint => "2",
        Tone::Plain => return text.to_owned(),
    };
    if colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}
