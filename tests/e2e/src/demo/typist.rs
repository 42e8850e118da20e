//! The person at the terminal: their keys go to the token, their answers and secrets to the phone.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_blocking;
use ushield_emulator::runner::Key;
use zeroize::Zeroizing;

use super::draw::Paper;
use super::failure::Failure;

/// How long a key may wait for the end of listening to be noticed.
const LISTEN: Duration = Duration::from_millis(50);

/// What was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A key of the token.
    Token(Key),
    /// q or Ctrl-C.
    Leave,
}

/// Listens to the keyboard until it is dropped.
#[derive(Debug)]
pub struct Typist {
    typed: UnboundedReceiver<Typed>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    paper: Arc<Paper>,
}

/// Whether somebody sits here.
#[must_use]
pub fn is_here() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

impl Typist {
    /// Begins to listen.
    ///
    /// # Errors
    /// The terminal does not give single keys.
    pub fn listen(paper: &Arc<Paper>) -> Result<Self, Failure> {
        enable_raw_mode().map_err(Failure::system("read single keys"))?;
        paper.set_raw(true);
        let (sender, typed) = unbounded_channel();
        let stop = Arc::new(AtomicBool::new(false));
        let mut typist = Self { typed, stop: Arc::clone(&stop), thread: None, paper: Arc::clone(paper) };
        let thread = std::thread::Builder::new().spawn(move || listen(&sender, &stop));
        typist.thread = Some(thread.map_err(Failure::system("listen to the keyboard"))?);
        Ok(typist)
    }

    /// What is typed next.
    pub async fn next(&mut self) -> Typed {
        self.typed.recv().await.unwrap_or(Typed::Leave)
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // It does nothing that could fail.
            let _ = thread.join();
        }
        // A terminal that is gone needs no repair.
        let _ = disable_raw_mode();
        self.paper.set_raw(false);
    }
}

fn listen(to: &UnboundedSender<Typed>, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        match event::poll(LISTEN) {
            Ok(false) => continue,
            Ok(true) => {}
            Err(_) => return,
        }
        let Ok(Event::Key(key)) = event::read() else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let typed = match key.code {
            KeyCode::Char('c') if control => Typed::Leave,
            KeyCode::Char('q') => Typed::Leave,
            KeyCode::Enter => Typed::Token(Key::Ok),
            KeyCode::Esc => Typed::Token(Key::Cancel),
            KeyCode::Up => Typed::Token(Key::Up),
            KeyCode::Down => Typed::Token(Key::Down),
            _ => continue,
        };
        if to.send(typed).is_err() {
            return;
        }
    }
}

/// Asks for a secret, typed without echo.
///
/// # Errors
/// [`Failure::Left`] at Ctrl-C.
pub async fn secret(question: String) -> Result<Zeroizing<String>, Failure> {
    let typed = spawn_blocking(move || rpassword::prompt_password(format!("{question}: "))).await;
    match typed {
        Ok(Ok(text)) => Ok(Zeroizing::new(text)),
        Ok(Err(error)) if error.kind() != io::ErrorKind::Interrupted => {
            Err(Failure::System { doing: "read a secret".to_owned(), cause: error })
        }
        _ => Err(Failure::Left),
    }
}

/// Asks until the answer is yes or no.
///
/// # Errors
/// [`Failure::Left`] when there is no answer any more.
pub async fn yes_or_no(question: String) -> Result<bool, Failure> {
    let ask = move || {
        loop {
            print!("{question} [y/n] ");
            io::stdout().flush()?;
            let mut line = String::new();
            if io::stdin().read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim() {
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => {}
            }
        }
    };
    spawn_blocking(ask)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()))
        .map_err(|_: io::Error| Failure::Left)
}
