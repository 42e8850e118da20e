//! The way to a token, as the phone's system has it. Hosts move bytes and decide nothing.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;
use ushield_client::ports;

use crate::alive::Alive;

/// Finds a token and connects to it: one radio, one antenna or one reader.
#[uniffi::export(with_foreign)]
#[async_trait]
pub trait Radio: Send + Sync {
    /// One attempt, at most [`Wanted::patience_millis`] long, at a token of which [`Wanted::fits`] and [`Wanted::is_at`] say that it may be
    /// the one: connected over Bluetooth LE, with `out` subscribed, or a card in the field. When it is cancelled, it ends what it began.
    async fn connect(&self, wanted: Arc<Wanted>) -> Result<Connected, LinkError>;

    /// Looks around for some seconds at most: what is in reach now, and all that was heard of it. A token that several phones are paired with
    /// advertises something for each in turn, a second each, and is there once for each: with one of them, it may seem to be another's.
    async fn look(&self) -> Result<Vec<SeenToken>, LinkError>;
}

/// What stands after [`Radio::connect`].
#[derive(Clone, uniffi::Record)]
pub struct Connected {
    /// How bytes are moved.
    pub via: Via,
    /// Where the token is: the device's address, or the reader's name. The same as long as the token stays there.
    pub place: String,
    /// How many further tokens were there that fit as well.
    pub others: u32,
}

/// How bytes are moved.
#[derive(Clone, uniffi::Enum)]
pub enum Via {
    /// A GATT connection (protocol.md, section 2.1).
    Packets {
        /// The connection.
        connection: Arc<dyn Packets>,
        /// The ATT MTU that was agreed on: 23 at least.
        mtu: u16,
    },
    /// A card (protocol.md, section 2.2).
    Card {
        /// The card.
        card: Arc<dyn Card>,
        /// Whether the reader sends commands of extended length.
        extended: bool,
    },
}

/// A GATT connection to a token.
#[uniffi::export(with_foreign)]
#[async_trait]
pub trait Packets: Send + Sync {
    /// Reads the characteristic `info`.
    async fn info(&self) -> Result<Vec<u8>, LinkError>;

    /// Writes to `in`, without response; returns when the system has taken it. Never longer than the MTU allows.
    async fn write(&self, value: Vec<u8>) -> Result<(), LinkError>;

    /// Waits for the next notification of `out`, in order. Asked for one at a time. Fails as soon as the connection is over.
    async fn notified(&self) -> Result<Vec<u8>, LinkError>;

    /// Ends the connection. What waits in `notified` fails then. Called once.
    async fn disconnect(&self) -> Result<(), LinkError>;
}

/// A card in the field of an antenna or in a reader.
#[uniffi::export(with_foreign)]
#[async_trait]
pub trait Card: Send + Sync {
    /// Transmits a command and waits for the whole answer, status word at its end. Asked for one at a time. Fails when the card is gone.
    async fn transceive(&self, command: Vec<u8>) -> Result<Vec<u8>, LinkError>;

    /// The card is not needed any more. Called once.
    async fn release(&self) -> Result<(), LinkError>;
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum LinkError {
    /// No token is there.
    #[error("no token is there")]
    TokenNotFound {
        /// The type of what made the host say so, where it has one.
        because: Option<String>,
    },
    /// It was there and went away.
    #[error("the link is lost")]
    Lost {
        /// The type of what made the host say so, where it has one.
        because: Option<String>,
    },
    /// Bluetooth or NFC is switched off.
    #[error("the radio is off")]
    RadioOff {
        /// The type of what made the host say so, where it has one.
        because: Option<String>,
    },
    /// This app may not use it.
    #[error("the radio is forbidden")]
    RadioForbidden {
        /// The type of what made the host say so, where it has one.
        because: Option<String>,
    },
    /// There is no reader.
    #[error("no reader is there")]
    NoReader {
        /// The type of what made the host say so, where it has one.
        because: Option<String>,
    },
    /// The host threw something else.
    #[error("the host threw")]
    Unexpected {
        /// What the binding says of it. Not kept.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for LinkError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        LinkError::Unexpected { reason: error.reason }
    }
}

/// A token in reach, or what may be one.
#[derive(Clone, Debug, uniffi::Record)]
pub struct SeenToken {
    /// How.
    pub medium: LinkMedium,
    /// Where: as [`Connected::place`].
    pub place: String,
    /// What it advertises: manufacturer data behind the company. A card advertises nothing.
    pub advertised: Option<Vec<u8>>,
    /// Strength of its signal, dBm.
    pub signal: Option<i16>,
}

/// What carries bytes to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum LinkMedium {
    /// Bluetooth LE.
    Ble,
    /// A card: NFC or USB.
    Card,
    /// A byte stream: the software token's, for the command line alone. No radio of a host's has it.
    Stream,
}

/// Whether an advertisement is by the token that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum WantedFit {
    /// It is another one, or no token.
    No,
    /// To be taken when no better one was heard for some seconds.
    Perhaps,
    /// It is.
    Yes,
}

/// Which token a connection is wanted to. Hosts ask, and decide nothing.
#[derive(Debug, uniffi::Object)]
pub struct Wanted {
    wanted: ports::Wanted,
    given_up: watch::Sender<bool>,
    _alive: Alive,
}

impl Wanted {
    pub(crate) fn new(wanted: &ports::Wanted) -> Arc<Self> {
        Arc::new(Self { wanted: wanted.clone(), given_up: watch::Sender::new(false), _alive: Alive::new() })
    }

    pub(crate) fn give_up(&self) {
        self.given_up.send_replace(true);
    }
}

#[uniffi::export]
impl Wanted {
    /// Whether a token that advertises these bytes may be the one: manufacturer data behind the company (protocol.md, section 2.1).
    pub fn fits(&self, manufacturer_data: Vec<u8>) -> WantedFit {
        match self.wanted.fits(&manufacturer_data) {
            ports::Fit::No => WantedFit::No,
            ports::Fit::Perhaps => WantedFit::Perhaps,
            ports::Fit::Yes => WantedFit::Yes,
        }
    }

    /// Whether a token at this place comes into question.
    pub fn is_at(&self, place: String) -> bool {
        self.wanted.is_at(&place)
    }

    /// Waits until nobody wants it any more: end what was begun, and fail. A host that is cancelled instead may lose a connection that it
    /// has handed over at that moment.
    pub async fn given_up(&self) {
        let mut given_up = self.given_up.subscribe();
        // The sender lives as long as this object.
        let _ = given_up.wait_for(|given_up| *given_up).await;
    }

    /// How long to search for it before `TokenNotFound`.
    pub fn patience_millis(&self) -> u64 {
        self.wanted.patience().0
    }
}

impl From<ports::Medium> for LinkMedium {
    fn from(medium: ports::Medium) -> Self {
        match medium {
            ports::Medium::Ble => LinkMedium::Ble,
            ports::Medium::Card => LinkMedium::Card,
            _ => LinkMedium::Stream,
        }
    }
}
