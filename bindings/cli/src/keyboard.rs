//! The keyboard of this terminal: heard only while a question stands.
//!
//! Who types a PIN too early must not see it on the screen, and what was typed before a question is no answer to it. So the echo goes off
//! when the program begins to work, and what was typed until a question stands is thrown away. No thread reads: a question that is dropped
//! has taken nothing of the answer to the next one.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::secrets::{MAX_LINE, Value};

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
    /// Whether the modes are others now.
    changed: Mutex<bool>,
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
        Ok(Self { input, screen, found, silence, changed: Mutex::new(false) })
    }

    /// What is typed from now on does not appear.
    pub(crate) fn hush(&self) {
        let mut changed = self.changed();
        if self.silence == Silence::Always && !*changed && self.is_ours() {
            *changed = self.set(&self.modes(LocalModes::empty()), OptionalActions::Now).is_ok();
        }
    }

    /// As it was found. What nobody asked for is thrown away: a PIN that was typed too early is no command for the shell.
    pub(crate) fn restore(&self) {
        let mut changed = self.changed();
        if *changed {
            // A terminal that is gone needs nothing.
            let _ = self.set(&self.found, OptionalActions::Flush);
            *changed = false;
        }
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
    fn rest(&self) {
        match self.silence {
            Silence::Always => {
                let _ = self.set(&self.modes(LocalModes::empty()), OptionalActions::Flush);
            }
            Silence::InPrompts => self.restore(),
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

    fn changed(&self) -> MutexGuard<'_, bool> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut changed = keyboard.changed();
        keyboard.set(&keyboard.modes(echo), OptionalActions::Flush)?;
        *changed = true;
        drop(changed);
        let stands = Self { keyboard, answered: false };
        (&keyboard.screen).write_all(text.as_bytes())?;
        Ok(stands)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.keyboard.rest();
        if !self.answered {
            // The line is free for what comes instead.
            let _ = (&self.keyboard.screen).write_all(b"\r\x1b[2K");
        }
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
