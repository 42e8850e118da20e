//! The token's HTTP face, as a script uses it: reads the screen, presses keys on the screen that was read.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use ushield_emulator::runner::Key;

use super::failure::Failure;
use crate::pages::Page;

/// The longest that the token is asked to keep a request for its next screen.
const WAIT: u64 = 20;
/// Beyond which it does not answer at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the face is.
#[derive(Clone, Copy, Debug)]
pub struct TokenFace(SocketAddr);

/// A screen, and its number.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Changes with every redraw.
    pub serial: u64,
    /// What it shows.
    pub page: Page,
}

#[derive(Deserialize)]
struct Body {
    serial: u64,
    text: String,
}

impl TokenFace {
    /// The face at `http://ADDRESS:PORT`.
    #[must_use]
    pub fn new(url: &str) -> Option<Self> {
        url.strip_prefix("http://")?.parse().ok().map(Self)
    }

    /// Address of the page for people.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.0)
    }

    /// What is shown now.
    ///
    /// # Errors
    /// The token does not answer.
    pub async fn now(&self) -> Result<Shown, Failure> {
        self.ask("GET", "/screen").await
    }

    /// The first screen after this one, or after a while whatever is shown then.
    ///
    /// # Errors
    /// The token does not answer.
    pub async fn after(&self, serial: u64) -> Result<Shown, Failure> {
        self.ask("GET", &format!("/screen?after={serial}&wait={WAIT}")).await
    }

    /// Presses a key on the screen that was seen. When another one is shown by now, the key does nothing.
    ///
    /// # Errors
    /// The token does not answer.
    pub async fn press(&self, key: Key, seen: u64) -> Result<Shown, Failure> {
        let name = match key {
            Key::Ok => "ok",
            Key::Cancel => "cancel",
            Key::Up => "up",
            Key::Down => "down",
        };
        self.ask("POST", &format!("/key/{name}?serial={seen}")).await
    }

    async fn ask(&self, method: &str, path: &str) -> Result<Shown, Failure> {
        let answer = timeout(PATIENCE, self.exchange(method, path)).await;
        let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let answer = answer.map_err(Failure::system(format!("ask the token at {}", self.url())))?;
        let nonsense = || Failure::Nonsense { who: "the token", what: answer.clone() };
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(nonsense)?;
        if !head.starts_with("HTTP/1.1 200 ") {
            return Err(nonsense());
        }
        let Body { serial, text } = serde_json::from_str(body).map_err(|_| nonsense())?;
        Ok(Shown { serial, page: Page::new(text) })
    }

    async fn exchange(&self, method: &str, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.0).await?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nX-UShield: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            self.0
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}
