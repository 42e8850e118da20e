//! The person at the terminal as a token's hand: told what to press, asked what the screen shows.

use std::sync::Arc;

use async_trait::async_trait;
use ushield_conform::{Hand, Key, Unable, Wanted};

use crate::customer::yes_or_no;
use crate::keyboard::Echo;
use crate::output::page;
use crate::output::{Output, Tone};

/// Someone who reads this terminal and holds the token.
pub(super) struct Person {
    output: Arc<Output>,
}

impl Person {
    pub(super) fn new(output: Arc<Output>) -> Self {
        Self { output }
    }

    /// Says what is to be done and waits until it is.
    async fn told(&self, text: &str) -> Result<String, Unable> {
        self.output.stop_waiting();
        let question = format!("{} ", self.output.paint_progress(text, Tone::Strong));
        let line = match &self.output.keyboard {
            Some(keyboard) => keyboard.line(&question, Echo::On).await.ok().flatten(),
            None => None,
        };
        line.map(|line| String::from_utf8_lossy(&line).trim().to_owned())
            .ok_or_else(|| Unable::because(self.output.words.say("conform-unanswered")))
    }
}

#[async_trait]
impl Hand for Person {
    async fn press(&mut self, key: Key) -> Result<(), Unable> {
        let name = match key {
            Key::Ok => "OK",
            Key::Cancel => "C",
            Key::Up => "↑",
            Key::Down => "↓",
        };
        self.told(&self.output.words.fill("conform-press", &[("key", name)])).await.map(|_| ())
    }

    async fn open_pairing(&mut self) -> Result<(), Unable> {
        self.told(&self.output.words.say("conform-open-pairing")).await.map(|_| ())
    }

    async fn restart(&mut self) -> Result<(), Unable> {
        match self.told(&self.output.words.say("conform-restart")).await?.as_str() {
            "s" => Err(Unable::because(self.output.words.say("conform-no-power"))),
            _ => Ok(()),
        }
    }

    /// Messages give way by themselves; who presses C for one could reject an order.
    async fn dismiss(&mut self) -> Result<(), Unable> {
        Ok(())
    }

    async fn screen(&mut self) -> Result<Option<String>, Unable> {
        Ok(None)
    }

    async fn shows(&mut self, wanted: Wanted<'_>) -> Result<Option<bool>, Unable> {
        let words = &self.output.words;
        let question = match wanted {
            Wanted::Page(text) => {
                self.output.stop_waiting();
                let page = page::draw(std::iter::once(text), self.output.width());
                self.output.note(&page, Tone::Plain);
                words.say("conform-shows-page")
            }
            Wanted::Digits(digits) => words.fill("conform-shows-digits", &[("digits", digits)]),
        };
        loop {
            let answer = self.told(&question).await?;
            if answer.is_empty() {
                return Ok(None);
            }
            if let Some(yes) = yes_or_no(answer.as_bytes()) {
                return Ok(Some(yes));
            }
        }
    }
}
