//! The keyboard where there are no modes of POSIX: a prompt in a thread of its own. One that is given up stays until Enter is pressed.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::secrets::Value;

/// Whether what is typed appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    On,
    Off,
}

/// When what is typed must not appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    Always,
    InPrompts,
}

/// The keyboard of this console.
pub(crate) struct Keyboard {
    asking: AtomicBool,
}

impl Keyboard {
    /// None where nobody sits at a terminal.
    pub(crate) fn here(_silence: Silence) -> Option<Self> {
        (io::stdin().is_terminal() && io::stderr().is_terminal())
            .then(|| Self { asking: AtomicBool::new(false) })
    }

    /// Prompts alone are silent here.
    pub(crate) fn hush(&self) {}

    /// Prompts leave the console as they found it.
    pub(crate) fn restore(&self) {}

    /// Whether a question stands.
    pub(crate) fn is_asking(&self) -> bool {
        self.asking.load(Ordering::Relaxed)
    }

    /// A line on the screen, below a question that stands.
    pub(crate) fn above(&self, line: &str) {
        let start = if self.is_asking() { "\n" } else { "" };
        let _ = writeln!(io::stderr().lock(), "{start}{line}");
    }

    /// Asks, and waits for a line; none at the end of the input.
    ///
    /// # Errors
    /// The console cannot be read.
    pub(crate) async fn line(&self, question: &str, echo: Echo) -> io::Result<Option<Value>> {
        let question = question.to_owned();
        let ask = move || match echo {
            Echo::Off => rpassword::prompt_password(question).map(|line| Some(line.into_bytes())),
            Echo::On => {
                let mut stream = io::stderr().lock();
                write!(stream, "{question}").and_then(|()| stream.flush())?;
                let mut line = String::new();
                let length = io::stdin().read_line(&mut line)?;
                Ok((length > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned().into_bytes()))
            }
        };
        let _asking = Asking::new(&self.asking);
        let line = spawn_blocking(ask).await.map_err(io::Error::other)??;
        Ok(line.map(Zeroizing::new))
    }
}

/// A question stands, until this is dropped.
struct Asking<'a>(&'a AtomicBool);

impl<'a> Asking<'a> {
    fn new(asking: &'a AtomicBool) -> Self {
        asking.store(true, Ordering::Relaxed);
        Self(asking)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
