//! What an operation tells, and how it ends.

use ushield_client::catalogue::Catalogue;
use ushield_client::customer::{self, LinkEvent, Moment};

use crate::failure::Problem;
use crate::value::{OrderOutcome, PairedPhone, Report, Token, TokenState};

/// A step of an operation.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum Step {
    /// Something happened.
    Told {
        /// What.
        event: Event,
        /// For the customer, in the phone's language: what happens, or what to do now.
        text: String,
    },
    /// The token will need a PIN: [`crate::Operation::answer_pin`].
    PinAsked {
        /// Which question this is.
        prompt: u32,
        /// Why.
        reason: PinReason,
        /// For the customer.
        text: String,
    },
    /// The PIN is not needed any more: take the prompt away.
    PinDropped {
        /// Which question it was.
        prompt: u32,
    },
    /// The digits are on both screens: [`crate::Operation::answer_digits`].
    DigitsShown {
        /// Six digits.
        digits: String,
        /// The token's name.
        name: String,
        /// The brand, by its maker's certificate.
        brand: String,
    },
    /// The operation is over.
    Ended {
        /// What came of it.
        ending: Ending,
    },
    /// The operation is over, and failed.
    Failed {
        /// Why.
        problem: Problem,
    },
}

/// What came of an operation.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum Ending {
    /// The token is paired.
    Paired {
        /// The token.
        token: Token,
    },
    /// It is done, and there is nothing to tell.
    Done,
    /// The bank made the order.
    Ordered {
        /// Its id.
        order: String,
    },
    /// The bank's receipt is here.
    Settled {
        /// How the order ended.
        report: Report,
    },
    /// The certificate is stored, on the token and here; or the request is taken back. A report where an order was needed for it.
    Stored {
        /// How the order ended.
        report: Option<Report>,
    },
    /// What was begun was gone on with.
    Resumed {
        /// Order by order.
        orders: Vec<Resumed>,
    },
    /// What the token says of itself.
    TokenState {
        /// Its state.
        state: TokenState,
        /// The phones that it knows.
        phones: Vec<PairedPhone>,
    },
    /// The certificate that the token has stored: DER, own certificate first.
    Certificate {
        /// The chain.
        chain: Vec<Vec<u8>>,
    },
}

/// What became of an order that was gone on with: a report or a problem.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Resumed {
    /// Its id, where there is one.
    pub order: Option<String>,
    /// How it ended.
    pub report: Option<Report>,
    /// Why it has not.
    pub problem: Option<Problem>,
}

/// Why a PIN is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum PinReason {
    /// To approve an order.
    Approve,
    /// The last one was wrong.
    WrongBefore {
        /// Tries left.
        tries_left: u8,
    },
    /// To pair a further phone with the token.
    SecondPhone,
    /// The PIN as it is, to change it.
    Current,
    /// The PIN as it shall be.
    New,
}

/// A screen of the token other than an order's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum TokenScreen {
    /// The six digits.
    Pairing,
    /// The token has proved itself to the phone that scanned its code.
    PairingByCode,
    /// Change of the PIN.
    PinChange,
    /// Forgetting a phone.
    Forget,
}

/// A moment of an operation, and what the customer should do in it.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Event {
    /// Hold the token near, or switch it on.
    Connecting,
    /// The token is there.
    Connected,
    /// The connection broke; it is made again.
    Reconnecting {
        /// Which attempt.
        attempt: u32,
    },
    /// Switch Bluetooth or NFC on.
    RadioOff,
    /// Allow this app to use it.
    RadioForbidden,
    /// Plug a card reader in.
    NoReader,
    /// Several tokens come into question: keep the others away.
    SeveralTokens {
        /// How many.
        found: u32,
    },
    /// This is another token, or it has forgotten this phone.
    WrongToken {
        /// Its name, where this phone has paired it too.
        name: Option<String>,
    },
    /// The token left the field: hold it there again.
    TagLost,
    /// It is gone on with this order; what follows is about it.
    Resuming {
        /// The order.
        order: String,
    },
    /// The bank issues the order.
    CreatingOrder,
    /// The bank had the same transfer open already and answered with it.
    OpenOrderFound {
        /// That order.
        order: String,
    },
    /// Press OK on the token.
    PressOkOnToken {
        /// For what.
        screen: TokenScreen,
    },
    /// Read the token's screen, every page, and press OK or C there.
    ReviewOnToken {
        /// The order.
        order: String,
        /// How many pages.
        pages: u8,
    },
    /// The token waits for the PIN.
    PinNeeded,
    /// The PIN was wrong.
    PinWrong {
        /// Tries left.
        tries_left: u8,
    },
    /// The next wrong PIN locks the token.
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
        order: String,
    },
    /// The order is being taken back.
    Cancelling,
    /// The bank's signed receipt is here.
    Settled {
        /// The order.
        order: String,
        /// How it ended.
        outcome: OrderOutcome,
    },
    /// The certificate is being stored on the token.
    StoringCertificate,
    /// One that this binding does not know yet; its text says what it is.
    Other,
}

impl From<customer::TokenScreen> for TokenScreen {
    fn from(screen: customer::TokenScreen) -> Self {
        match screen {
            customer::TokenScreen::PairingByCode => TokenScreen::PairingByCode,
            customer::TokenScreen::PinChange => TokenScreen::PinChange,
            customer::TokenScreen::Forget => TokenScreen::Forget,
            _ => TokenScreen::Pairing,
        }
    }
}

impl From<customer::PinReason> for PinReason {
    fn from(reason: customer::PinReason) -> Self {
        match reason {
            customer::PinReason::WrongBefore { tries } => PinReason::WrongBefore { tries_left: tries },
            customer::PinReason::SecondPhone => PinReason::SecondPhone,
            customer::PinReason::Current => PinReason::Current,
            customer::PinReason::New => PinReason::New,
            _ => PinReason::Approve,
        }
    }
}

impl From<&LinkEvent> for Event {
    fn from(event: &LinkEvent) -> Self {
        match event {
            LinkEvent::RadioOff => Event::RadioOff,
            LinkEvent::RadioForbidden => Event::RadioForbidden,
            LinkEvent::NoReader => Event::NoReader,
            LinkEvent::SeveralTokens { found } => {
                Event::SeveralTokens { found: u32::try_from(*found).unwrap_or(u32::MAX) }
            }
            LinkEvent::WrongToken { name } => Event::WrongToken { name: name.clone() },
            LinkEvent::TagLost => Event::TagLost,
            _ => Event::Other,
        }
    }
}

impl From<&Moment> for Event {
    fn from(moment: &Moment) -> Self {
        match moment {
            Moment::Connecting { .. } => Event::Connecting,
            Moment::Connected => Event::Connected,
            Moment::Reconnecting { attempt } => Event::Reconnecting { attempt: *attempt },
            Moment::Link(event) => event.into(),
            Moment::Resuming { order } => Event::Resuming { order: order.to_string() },
            Moment::CreatingOrder => Event::CreatingOrder,
            Moment::OpenOrderFound { order } => Event::OpenOrderFound { order: order.to_string() },
            Moment::PressOkOnToken { screen } => Event::PressOkOnToken { screen: (*screen).into() },
            Moment::ReviewOnToken { order, pages } => {
                Event::ReviewOnToken { order: order.to_string(), pages: *pages }
            }
            Moment::PinNeeded => Event::PinNeeded,
            Moment::PinWrong { tries } => Event::PinWrong { tries_left: *tries },
            Moment::LastTry => Event::LastTry,
            Moment::Approved => Event::Approved,
            Moment::Rejected => Event::Rejected,
            Moment::Submitting => Event::Submitting,
            Moment::Unknown { order } => Event::Unknown { order: order.to_string() },
            Moment::Cancelling => Event::Cancelling,
            Moment::Settled { order, outcome } => {
                Event::Settled { order: order.to_string(), outcome: (*outcome).into() }
            }
            Moment::StoringCertificate => Event::StoringCertificate,
            _ => Event::Other,
        }
    }
}

impl Step {
    pub(crate) fn told(moment: &Moment, texts: &Catalogue) -> Self {
        Step::Told { event: moment.into(), text: texts.moment(moment) }
    }
}
