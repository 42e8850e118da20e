//! The keyboard of this terminal: heard only while a question stands.
//!
//! Who types a PIN too early must not see it on the screen, and what was typed before a question is no answer to it. So the echo goes off
//! when the program begins to work, and what was typed until a question stands is thrown away. No thread reads: a question that is dropped
//! has taken nothing of the answer to the next one.

pub(crate) mod stops;

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use zeroize::Zeroizing;

use crate::secrets::{MAX_LINE, Value};

/// Between two looks whether this program is in front again.
const BEHIND: Duration = Duration::from_millis(200);
/// The last line of the screen, empty.
const CLEAR: &[u8] = b"\r\x1b[2K";

/// Whether what is typed appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    On,
    Off,
}

/// When what is typed must not appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// From the first wait to the end, but for questions that are no secret: somebody may type a PIN too early.
    Always,
    /// In prompts for secrets alone.
    InPrompts,
}

/// The keyboard, and the screen that questions stand on.
pub(crate) struct Keyboard {
    input: OwnedFd,
    screen: File,
    /// The terminal's modes as they were found.
    found: Termios,
    silence: Silence,
    standing: Mutex<Standing>,
}

/// What stands at the terminal now, and again after somebody else had it.
#[derive(Default)]
struct Standing {
    /// The echo that was asked for; none while the modes are as they were found.
    echo: Option<LocalModes>,
    /// The question on the screen's last line.
    question: Option<String>,
}

impl Keyboard {
    /// The keyboard of this terminal; none where nobody sits at one.
    pub(crate) fn here(silence: Silence) -> Option<Self> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        let input = io::stdin().as_fd().try_clone_to_owned().ok()?;
        let screen = io::stderr().as_fd().try_clone_to_owned().ok()?;
        Self::at(input, screen.into(), silence).ok()
    }

    fn at(input: OwnedFd, screen: File, silence: Silence) -> io::Result<Self> {
        let found = tcgetattr(&input)?;
        Ok(Self { input, screen, found, silence, standing: Mutex::default() })
    }

    /// What is typed from now on does not appear.
    pub(crate) fn hush(&self) {
        let mut standing = self.standing();
        if self.silence == Silence::Always && standing.echo.is_none() && self.is_ours() {
            let silent = LocalModes::empty();
            standing.echo = self.set(&self.modes(silent), OptionalActions::Now).ok().map(|()| silent);
        }
    }

    /// As it was found. What nobody asked for is thrown away: a PIN that was typed too early is no command for the shell.
    pub(crate) fn restore(&self) {
        if self.standing().echo.take().is_some() {
            self.give_back();
        }
    }

    /// Gives the terminal back before this program is stopped.
    fn pause(&self) {
        let standing = self.standing();
        if standing.question.is_some() && self.is_ours() {
            let _ = (&self.screen).write_all(CLEAR);
        }
        if standing.echo.is_some() {
            self.give_back();
        }
    }

    /// After a stop, during which the shell had the terminal: as it stood before.
    fn again(&self) {
        let standing = self.standing();
        // Behind another program nothing is asked; the shell says when this one is in front.
        let Some(echo) = standing.echo.filter(|_| self.is_ours()) else { return };
        let _ = self.set(&self.modes(echo), OptionalActions::Flush);
        if let Some(question) = &standing.question {
            let _ = (&self.screen).write_all(&[CLEAR, question.as_bytes()].concat());
        }
    }

    fn give_back(&self) {
        if self.is_ours() {
            // A terminal that is gone needs nothing.
            let _ = self.set(&self.found, OptionalActions::Flush);
        }
    }

    /// Whether a question stands.
    pub(crate) fn is_asking(&self) -> bool {
        self.standing().question.is_some()
    }

    /// A line on the screen. A question that stands stands below it.
    pub(crate) fn above(&self, line: &str) {
        let standing = self.standing();
        let text = match &standing.question {
            Some(question) => [CLEAR, line.as_bytes(), b"\n", question.as_bytes()].concat(),
            None => [line.as_bytes(), b"\n"].concat(),
        };
        let _ = (&self.screen).write_all(&text);
    }

    /// Asks, and waits for a line; none at the end of the input. Dropped, it takes the question off the screen and what was typed with it.
    ///
    /// # Errors
    /// The terminal cannot be read; the line is longer than any answer.
    pub(crate) async fn line(&self, question: &str, echo: Echo) -> io::Result<Option<Value>> {
        let mut stands = Question::ask(self, question, echo)?;
        // Never grows, so that no copy is left behind.
        let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
        let mut part = Zeroizing::new([0_u8; MAX_LINE]);
        loop {
            self.something_is_in().await?;
            // Behind another program there is nothing to read: it is that one's, and reading would stop this one.
            if !self.is_ours() {
                sleep(BEHIND).await;
                continue;
            }
            let read = match read_ready(self.input.as_fd(), &mut *part) {
                Err(error) if is_nothing_yet(&error) => continue,
                read => part.get(..read?).unwrap_or_default(),
            };
            let (text, ended) = match read.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (read, read.is_empty()),
            };
            if line.len().saturating_add(text.len()) > MAX_LINE {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            line.extend_from_slice(text);
            if ended {
                stands.answered = true;
                return Ok((!line.is_empty() || !read.is_empty()).then_some(line));
            }
        }
    }

    /// Returns when there is something to read. A thread waits for it and reads nothing; it ends with this, done or dropped.
    async fn something_is_in(&self) -> io::Result<()> {
        let input = self.input.try_clone()?;
        let (end, _ends_when_dropped) = io::pipe()?;
        let wait = move || {
            let mut asked = [PollFd::new(&input, PollFlags::IN), PollFd::new(&end, PollFlags::IN)];
            poll(&mut asked, None).map(drop)
        };
        match spawn_blocking(wait).await.map_err(io::Error::other)? {
            Err(error) if !is_nothing_yet(&error.into()) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// After a question: silent again, or as found.
    fn rest(&self, answered: bool) {
        let mut standing = self.standing();
        standing.question = None;
        if !answered {
            // The line is free for what comes instead.
            let _ = (&self.screen).write_all(CLEAR);
        }
        match self.silence {
            Silence::Always => {
                let silent = LocalModes::empty();
                standing.echo = Some(silent);
                let _ = self.set(&self.modes(silent), OptionalActions::Flush);
            }
            Silence::InPrompts => {
                standing.echo = None;
                self.give_back();
            }
        }
    }

    /// Lines and signals as always, and of the echo what is asked for.
    fn modes(&self, echo: LocalModes) -> Termios {
        let mut modes = self.found.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        modes.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG | echo);
        modes
    }

    fn set(&self, modes: &Termios, when: OptionalActions) -> io::Result<()> {
        Ok(tcsetattr(&self.input, when, modes)?)
    }

    /// Whether this program is the one in front: another's terminal is not ours to change, and trying would stop us.
    fn is_ours(&self) -> bool {
        tcgetpgrp(&self.input).map_or(true, |front| front == rustix::process::getpgrp())
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.restore();
    }
}

/// A question on the screen.
struct Question<'a> {
    keyboard: &'a Keyboard,
    answered: bool,
}

impl<'a> Question<'a> {
    fn ask(keyboard: &'a Keyboard, text: &str, echo: Echo) -> io::Result<Self> {
        // The end of the line is seen in either case.
        let echo = match echo {
            Echo::On => LocalModes::ECHO,
            Echo::Off => LocalModes::ECHONL,
        };
        let mut standing = keyboard.standing();
        keyboard.set(&keyboard.modes(echo), OptionalActions::Flush)?;
        *standing = Standing { echo: Some(echo), question: Some(text.to_owned()) };
        let written = (&keyboard.screen).write_all(text.as_bytes());
        drop(standing);
        let stands = Self { keyboard, answered: false };
        written.map(|()| stands)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.keyboard.rest(self.answered);
    }
}

fn is_nothing_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Reads what is there. The descriptor is shared with the shell and blocks: it is asked first, and nobody else reads in between.
fn read_ready(input: BorrowedFd<'_>, part: &mut [u8]) -> io::Result<usize> {
    let mut asked = [PollFd::from_borrowed_fd(input, PollFlags::IN)];
    match poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => Ok(rustix::io::read(input, part)?),
    }
}

#[cfg(test)]
mod tests;
