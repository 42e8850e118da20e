//! The hand of the software token: its HTTP face.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use ushield_protocol::key::{DeviceId, unhex};

use crate::hand::{Hand, Key, Unable};

/// Beyond which the face does not answer at all.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same for a token that starts: it may write its whole flash anew, every word through to the disk.
const START: Duration = Duration::from_secs(180);

/// Presses the keys and reads the screen of a software token.
#[derive(Clone, Copy, Debug)]
pub struct FaceHand(SocketAddr);

#[derive(Deserialize)]
struct Screen {
    serial: u64,
    text: String,
    /// Rows of the code that is shown, `1` for dark.
    code: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Device {
    device_id: String,
}

/// What the power switch answers.
#[derive(Deserialize)]
struct Power {
    on: bool,
}

impl FaceHand {
    /// The face at `http://ADDRESS:PORT`.
    #[must_use]
    pub fn new(url: &str) -> Option<Self> {
        url.strip_prefix("http://")?.trim_end_matches('/').parse().ok().map(Self)
    }

    async fn ask<T: DeserializeOwned>(&self, method: &str, path: &str) -> Result<T, Unable> {
        let patience = if path.starts_with("/power/") { START } else { PATIENCE };
        let answer = timeout(patience, self.exchange(method, path)).await;
        let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let answer = answer.map_err(|error| Unable::because(format!("http://{}: {error}", self.0)))?;
        let screen = answer
            .split_once("\r\n\r\n")
            .filter(|(head, _)| head.starts_with("HTTP/1.1 200 "))
            .and_then(|(_, body)| serde_json::from_str(body).ok());
        screen.ok_or_else(|| {
            let head = answer.lines().next().unwrap_or_default();
            Unable::because(format!("http://{}{path} answered {head:?}", self.0))
        })
    }

    /// The switch that a software token has for tests.
    async fn switch(&self, act: &str, on: bool) -> Result<(), Unable> {
        let power: Power = self.ask("POST", &format!("/power/{act}")).await.map_err(|Unable(reason)| {
            Unable::because(format!("{reason}; the switch is there after ushield-token run --test-power"))
        })?;
        if power.on == on {
            Ok(())
        } else {
            Err(Unable::because(format!("the power is {}", if on { "off" } else { "on" })))
        }
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

#[async_trait]
impl Hand for FaceHand {
    async fn press(&mut self, key: Key) -> Result<(), Unable> {
        let name = match key {
            Key::Ok => "ok",
            Key::Cancel => "cancel",
            Key::Up => "up",
            Key::Down => "down",
        };
        let Screen { serial, .. } = self.ask("GET", "/screen").await?;
        let Screen { .. } = self.ask("POST", &format!("/key/{name}?serial={serial}")).await?;
        Ok(())
    }

    async fn open_pairing(&mut self) -> Result<(), Unable> {
        open_pairing(self).await
    }

    async fn show_code(&mut self) -> Result<Option<String>, Unable> {
        show_code(self).await
    }

    async fn code(&mut self) -> Result<Option<String>, Unable> {
        let Screen { code, .. } = self.ask("GET", "/screen").await?;
        let dark = |rows: &[String], x, y| {
            rows.get(y).and_then(|row: &String| row.as_bytes().get(x)).is_some_and(|module| *module == b'1')
        };
        code.map(|rows| read_code(rows.len(), |x, y| dark(&rows, x, y))).transpose()
    }

    async fn restart(&mut self) -> Result<(), Unable> {
        self.switch("cut", false).await?;
        self.switch("on", true).await
    }

    async fn cut_power_at(&mut self, operation: u32) -> Result<bool, Unable> {
        self.switch(&format!("cut?at={operation}"), true).await.map(|()| true)
    }

    async fn device(&mut self) -> Result<Option<DeviceId>, Unable> {
        let Device { device_id } = self.ask("GET", "/device").await?;
        Ok(unhex(&device_id).and_then(|id| DeviceId::from_slice(&id)))
    }

    async fn dismiss(&mut self) -> Result<(), Unable> {
        dismiss(self).await
    }

    async fn screen(&mut self) -> Result<Option<String>, Unable> {
        let Screen { text, .. } = self.ask("GET", "/screen").await?;
        Ok(Some(text))
    }
}

/// The way through the reference token's menu.
///
/// # Errors
/// [`Unable`] when it leads elsewhere.
pub async fn open_pairing<H: Hand + ?Sized>(hand: &mut H) -> Result<(), Unable> {
    for key in [Key::Cancel, Key::Cancel, Key::Cancel, Key::Ok, Key::Ok] {
        hand.press(key).await?;
    }
    let screen = hand.screen().await?.unwrap_or_default();
    if screen.contains("PAIR A PHONE") || screen.contains("配对手机") {
        return Ok(());
    }
    Err(Unable::because(format!("the menu led to {}", screen.replace('\n', " | "))))
}

/// The way to the reference token's code.
///
/// # Errors
/// [`Unable`] when it leads elsewhere.
pub async fn show_code<H: Hand + ?Sized>(hand: &mut H) -> Result<Option<String>, Unable> {
    open_pairing(hand).await?;
    hand.press(Key::Down).await?;
    match hand.code().await? {
        Some(code) => Ok(Some(code)),
        None => Err(Unable::because("pairing mode shows no code behind the down key")),
    }
}

/// The text of a code of so many modules on a side.
///
/// # Errors
/// [`Unable`] when it is no QR code.
pub fn read_code(side: usize, dark: impl Fn(usize, usize) -> bool) -> Result<String, Unable> {
    let grid = rqrr::Grid::new(rqrr::SimpleGrid::from_func(side, dark));
    let read = grid.decode().map_err(|error| Unable::because(format!("the code on the screen: {error}")));
    read.map(|(_, text)| text)
}

/// C, where the reference token shows a message; it does nothing on the screen behind it.
///
/// # Errors
/// [`Unable`].
pub async fn dismiss<H: Hand + ?Sized>(hand: &mut H) -> Result<(), Unable> {
    let screen = hand.screen().await?.unwrap_or_default();
    let title = screen.lines().next().unwrap_or_default();
    let order = title.rsplit(' ').next().is_some_and(|end| end.contains('/'));
    // Two screens that an order leads through: there C rejects.
    let keys = screen.lines().last().unwrap_or_default();
    let within = keys.contains("C reject") || keys.contains("C拒绝");
    if order || within { Ok(()) } else { hand.press(Key::Cancel).await }
}
