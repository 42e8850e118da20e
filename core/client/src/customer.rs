//! The person in front of the phone: what they should do now, and what only they can give.

use async_trait::async_trait;
use ushield_protocol::key::OrderId;
use ushield_protocol::pin::PinBlock;
use ushield_protocol::receipt::Outcome;

use crate::error::Error;

/// The customer, as the host application reaches them.
#[async_trait]
pub trait Customer: Send + Sync {
    /// Tells what happens and what to do now. Must return quickly.
    fn tell(&self, moment: &Moment);

    /// Asks for a PIN. Asked when the token will need it, never before.
    ///
    /// The token is listened to meanwhile. When its PIN is not needed any more, the question is dropped: that ends the prompt, and
    /// what was typed until then answers no later question. While a broken connection is made again the question stays, and is not
    /// polled for some seconds.
    ///
    /// # Errors
    /// `interrupted` when the customer gives none.
    async fn pin(&self, reason: PinReason) -> Result<PinBlock, Error>;

    /// Returns when the customer wants to take the order back; the default never does.
    async fn cancel_wanted(&self) {
        std::future::pending::<()>().await;
    }
}

/// Why a PIN is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PinReason {
    /// To approve an order.
    Approve,
    /// The last one was wrong.
    WrongBefore {
        /// Tries left.
        tries: u8,
    },
    /// To pair a further phone with the token.
    SecondPhone,
    /// The PIN as it is, to change it.
    Current,
    /// The PIN as it shall be.
    New,
}

/// A moment of a flow, and what the customer should do in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Moment {
    /// Hold the token near, or switch it on.
    Connecting {
        /// Where to, where that has a name.
        link: Option<String>,
    },
    /// The token is there.
    Connected,
    /// The connection broke; it is made again.
    Reconnecting {
        /// Which attempt.
        attempt: u32,
    },
    /// Something about the way to the token that the customer can change.
    Link(LinkEvent),
    /// It is gone on with this order; what follows is about it.
    Resuming {
        /// The order.
        order: OrderId,
    },
    /// Wait: the bank issues the order.
    CreatingOrder,
    /// The bank had the same transfer open already and answered with it.
    OpenOrderFound {
        /// That order.
        order: OrderId,
    },
    /// Press OK on the token: it asks on a screen of its own.
    PressOkOnToken {
        /// For what.
        screen: TokenScreen,
    },
    /// Read the token's screen, every page, and press OK or C there.
    ReviewOnToken {
        /// The order.
        order: OrderId,
        /// How many pages.
        pages: u8,
    },
    /// The token waits for the PIN.
    PinNeeded,
    /// The PIN was wrong.
    PinWrong {
        /// Tries left.
        tries: u8,
    },
    /// The next wrong PIN locks the token; it asks for a further OK.
    LastTry,
    /// The customer approved on the token.
    Approved,
    /// The customer rejected on the token.
    Rejected,
    /// The answer is on its way to the bank.
    Submitting,
    /// The answer may have reached the bank; until its receipt comes nobody knows. Not a failure.
    Unknown {
        /// The order.
        order: OrderId,
    },
    /// The order is being taken back.
    Cancelling,
    /// The bank's signed receipt is here.
    Settled {
        /// The order.
        order: OrderId,
        /// How it ended.
        outcome: Outcome,
    },
    /// The certificate is being stored on the token.
    StoringCertificate,
}

impl Moment {
    /// The stable name, in kebab case; texts go by it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Moment::Connecting { .. } => "connecting",
            Moment::Connected => "connected",
            Moment::Reconnecting { .. } => "reconnecting",
            Moment::Link(event) => event.name(),
            Moment::Resuming { .. } => "resuming",
            Moment::CreatingOrder => "creating-order",
            Moment::OpenOrderFound { .. } => "open-order-found",
            Moment::PressOkOnToken { .. } => "press-ok-on-token",
            Moment::ReviewOnToken { .. } => "review-on-token",
            Moment::PinNeeded => "pin-needed",
            Moment::PinWrong { .. } => "pin-wrong",
            Moment::LastTry => "last-try",
            Moment::Approved => "approved",
            Moment::Rejected => "rejected",
            Moment::Submitting => "submitting",
            Moment::Unknown { .. } => "unknown",
            Moment::Cancelling => "cancelling",
            Moment::Settled { .. } => "settled",
            Moment::StoringCertificate => "storing-certificate",
        }
    }
}

/// What a link asks of the customer. The error of the same name follows where they do not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkEvent {
    /// Switch Bluetooth or NFC on.
    RadioOff,
    /// Allow this app to use it.
    RadioForbidden,
    /// Plug a card reader in.
    NoReader,
    /// Several tokens come into question: keep the others away. The nearest is taken.
    SeveralTokens {
        /// How many.
        found: usize,
    },
    /// This is another token, or it has forgotten this phone.
    WrongToken {
        /// Its name, where this phone has paired it too.
        name: Option<String>,
    },
    /// The token left the field: hold it there again. What it shows it goes on showing.
    TagLost,
}

impl LinkEvent {
    /// The stable name, in kebab case.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            LinkEvent::RadioOff => "radio-off",
            LinkEvent::RadioForbidden => "radio-forbidden",
            LinkEvent::NoReader => "no-reader",
            LinkEvent::SeveralTokens { .. } => "several-tokens",
            LinkEvent::WrongToken { .. } => "wrong-token",
            LinkEvent::TagLost => "tag-lost",
        }
    }
}

/// A screen of the token other than an order's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TokenScreen {
    /// The six digits.
    Pairing,
    /// The token has proved itself to the phone that scanned its code, and waits for it to say so.
    PairingByCode,
    /// Change of the PIN.
    PinChange,
    /// Forgetting a phone.
    Forget,
}

impl TokenScreen {
    /// The stable name, in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TokenScreen::Pairing => "pairing",
            TokenScreen::PairingByCode => "pairing-by-code",
            TokenScreen::PinChange => "pin-change",
            TokenScreen::Forget => "forget",
        }
    }
}
