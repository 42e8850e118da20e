//! Errors as the catalogue's data.

use std::error::Error as _;

use ushield_client::catalogue::Catalogue;
use ushield_client::{Error, error};
use ushield_protocol::code;
use ushield_protocol::key::hex;

macro_rules! declare {
    ($($variant:ident = $number:literal, $name:literal, $class:ident, $fault:ident;)*) => {
        /// A code of the catalogue (protocol.md, section 14).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
        pub enum Code {
            $(#[doc = $name] $variant,)*
        }

        impl From<code::Code> for Code {
            fn from(code: code::Code) -> Self {
                match code {
                    $(code::Code::$variant => Code::$variant,)*
                    // The attribute that makes this arm necessary is for other crates; the list is the same.
                    _ => Code::UnexpectedEvent,
                }
            }
        }

        impl From<Code> for code::Code {
            fn from(code: Code) -> Self {
                match code { $(Code::$variant => code::Code::$variant,)* }
            }
        }
    };
}

ushield_protocol::codes!(declare);

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Class {
    /// The same again may work.
    Retry,
    /// It may work later without anyone doing anything.
    Wait,
    /// Someone has to do something first.
    Act,
    /// This will not work, however often it is tried.
    Terminal,
}

/// Who can change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Fault {
    /// Nobody.
    None,
    /// The bank.
    Bank,
    /// Whoever called the interface.
    Caller,
    /// The customer.
    Customer,
    /// The radio, the field, the cable.
    Link,
    /// The way to the bank.
    Network,
    /// This phone and its software.
    Phone,
    /// The token.
    Token,
}

/// What the token may have done although its word for it was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Doubt {
    /// Changed its PIN.
    PinChange,
    /// Noted this phone as paired.
    Pairing,
    /// Forgotten a phone.
    Forget,
    /// Something that this binding does not know yet; the texts say what.
    Other,
}

/// What went wrong. Holds no PIN, key, account or name: it may be logged.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Problem {
    /// Act on it, or on `class`; never on a text.
    pub code: Code,
    /// The code's stable number.
    pub number: u16,
    /// The code's stable name, in kebab case.
    pub name: String,
    /// What can be done about it.
    pub class: Class,
    /// Who can change it.
    pub fault: Fault,
    /// For the customer, in the phone's language: in a few words.
    pub title: String,
    /// For the customer: what happened.
    pub what: String,
    /// For the customer: what to do now.
    pub remedy: String,
    /// Attempts that are left.
    pub tries_left: Option<u8>,
    /// What is at fault inside an input or a message, by name.
    pub place: Option<String>,
    /// The id of the request that is kept although it has no order yet, for `cancel_request`.
    pub request: Option<String>,
    /// What the token may have done although the call failed; `what` and `remedy` say so too.
    pub doubt: Option<Doubt>,
    /// Why, for a log: the nearest cause first, the cause of each behind it.
    pub causes: Vec<String>,
}

/// A call that failed, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum Failure {
    /// The same again may work.
    #[error("{}", problem.name)]
    Retry {
        /// What went wrong.
        problem: Problem,
    },
    /// It may work later without anyone doing anything.
    #[error("{}", problem.name)]
    Wait {
        /// What went wrong.
        problem: Problem,
    },
    /// Someone has to do something first.
    #[error("{}", problem.name)]
    Act {
        /// What went wrong.
        problem: Problem,
    },
    /// This will not work, however often it is tried.
    #[error("{}", problem.name)]
    Terminal {
        /// What went wrong.
        problem: Problem,
    },
}

impl Problem {
    /// An error with its texts.
    pub(crate) fn new(error: &Error, texts: &Catalogue) -> Self {
        let text = texts.text(error);
        let mut causes = Vec::new();
        let mut cause = error.source();
        while let Some(source) = cause {
            causes.push(source.to_string());
            cause = source.source();
        }
        Self {
            code: error.code().into(),
            number: error.code().number(),
            name: error.code().name().to_owned(),
            class: match error.class() {
                code::Class::Retry => Class::Retry,
                code::Class::Wait => Class::Wait,
                code::Class::Act => Class::Act,
                // The other two are no errors.
                code::Class::Terminal | code::Class::Done | code::Class::Event => Class::Terminal,
            },
            fault: match error.fault() {
                code::Fault::None => Fault::None,
                code::Fault::Bank => Fault::Bank,
                code::Fault::Caller => Fault::Caller,
                code::Fault::Customer => Fault::Customer,
                code::Fault::Link => Fault::Link,
                code::Fault::Network => Fault::Network,
                code::Fault::Phone => Fault::Phone,
                code::Fault::Token => Fault::Token,
            },
            title: text.title,
            what: text.what,
            remedy: text.remedy,
            tries_left: error.tries_left(),
            place: error.place().map(ToString::to_string),
            request: error.request().map(|creation| hex(&creation)),
            doubt: error.doubt().map(|doubt| match doubt {
                error::Doubt::PinChange => Doubt::PinChange,
                error::Doubt::Pairing => Doubt::Pairing,
                error::Doubt::Forget => Doubt::Forget,
                _ => Doubt::Other,
            }),
            causes,
        }
    }
}

impl Failure {
    pub(crate) fn new(error: &Error, texts: &Catalogue) -> Self {
        let problem = Problem::new(error, texts);
        match problem.class {
            Class::Retry => Failure::Retry { problem },
            Class::Wait => Failure::Wait { problem },
            Class::Act => Failure::Act { problem },
            Class::Terminal => Failure::Terminal { problem },
        }
    }
}
