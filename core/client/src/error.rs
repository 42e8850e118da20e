//! The client's error: a code of the catalogue, what its text needs, and the cause.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use ushield_bank_api::Problem;
use ushield_protocol::cbor::{DecodeError, Field, Reason};
use ushield_protocol::code::{Class, Code, Fault};
use ushield_protocol::key::DeviceId;
use ushield_protocol::refusal::Refusal;

/// What went wrong, as data. Act on [`Error::code`] and [`Error::class`]; [`crate::catalogue`] has the texts.
///
/// Holds no PIN, key, account or name: it may be logged.
#[derive(Clone, Debug)]
pub struct Error {
    code: Code,
    place: Option<Place>,
    tries_left: Option<u8>,
    detail: Option<Detail>,
    request: Option<[u8; 16]>,
    doubt: Option<Doubt>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What the token may have done although its word for it was lost. No order: of those nothing is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Doubt {
    /// Changed its PIN: the new one may hold already, and then the old one spends a try.
    PinChange,
    /// Noted this phone as paired, while this phone has not noted the token.
    Pairing,
    /// Forgotten a phone.
    Forget,
}

impl Doubt {
    /// Every one.
    pub const ALL: [Doubt; 3] = [Doubt::PinChange, Doubt::Pairing, Doubt::Forget];

    /// The stable name, in kebab case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Doubt::PinChange => "pin-change",
            Doubt::Pairing => "pairing",
            Doubt::Forget => "forget",
        }
    }
}

/// What is at fault inside a message, a request or an input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A field of a signed statement, by its map keys, and how it deviates.
    Field(Field, Option<Reason>),
    /// A member of a request or an input, by name.
    Member(Cow<'static, str>),
}

/// What else a text needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detail {
    /// Who holds the store.
    Holder(Holder),
    /// Where a corrupt store was put.
    SetAside(PathBuf),
    /// The file or folder that is at fault.
    Path(PathBuf),
    /// The host, with its port, that did not answer as it should.
    Host(String),
    /// The token that is there.
    Device(DeviceId),
}

/// The process that holds a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// The program, as it named itself.
    pub program: String,
}

impl Error {
    /// An error of which nothing but the code is known.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self { code, place: None, tries_left: None, detail: None, request: None, doubt: None, source: None }
    }

    /// Keeps what caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Names the member of an input that is at fault.
    #[must_use]
    pub fn at(mut self, member: &'static str) -> Self {
        self.place = Some(Place::Member(Cow::Borrowed(member)));
        self
    }

    /// Says how many attempts are left.
    #[must_use]
    pub const fn with_tries_left(mut self, tries: u8) -> Self {
        self.tries_left = Some(tries);
        self
    }

    /// Adds what else the text needs.
    #[must_use]
    pub fn with_detail(mut self, detail: Detail) -> Self {
        self.detail = Some(detail);
        self
    }

    /// Names the request that is kept, and asked again under its key.
    #[must_use]
    pub(crate) const fn with_request(mut self, creation: [u8; 16]) -> Self {
        self.request = Some(creation);
        self
    }

    /// Says what the token may have done all the same.
    #[must_use]
    pub const fn with_doubt(mut self, doubt: Doubt) -> Self {
        self.doubt = Some(doubt);
        self
    }

    /// As above, where the token's word for it may have been lost; what it said or what was not asked is no doubt.
    #[must_use]
    pub(crate) fn in_doubt(self, doubt: Doubt) -> Self {
        let lost = matches!(
            self.code,
            Code::LinkLost
                | Code::TagLost
                | Code::TokenTimeout
                | Code::ChannelBroken
                // Gone when it was looked for again, as away as one that did not answer.
                | Code::TokenNotFound
        );
        if lost { self.with_doubt(doubt) } else { self }
    }

    /// Which error of the catalogue.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What can be done about it.
    #[must_use]
    pub fn class(&self) -> Class {
        self.code.class()
    }

    /// Who can change it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.code.fault()
    }

    /// What is at fault inside a message or an input.
    #[must_use]
    pub const fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Attempts that are left.
    #[must_use]
    pub const fn tries_left(&self) -> Option<u8> {
        self.tries_left
    }

    /// The request that is kept although it has no order yet: [`crate::Client::resume`] asks again,
    /// [`crate::Client::cancel_request`] takes it back. None where nothing was written down.
    #[must_use]
    pub const fn request(&self) -> Option<[u8; 16]> {
        self.request
    }

    /// What the token may have done although the call failed.
    #[must_use]
    pub const fn doubt(&self) -> Option<Doubt> {
        self.doubt
    }

    /// What else the text needs.
    #[must_use]
    pub const fn detail(&self) -> Option<&Detail> {
        self.detail.as_ref()
    }
}

impl Place {
    /// A member that a peer named. Refused unless it looks like a name: it will be shown.
    #[must_use]
    pub fn member(name: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']');
        let fits = !name.is_empty() && name.len() <= 64 && name.chars().all(plain);
        fits.then(|| Self::Member(Cow::Owned(name.to_owned())))
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let place = refusal.field.map(|field| Place::Field(field, refusal.reason));
        Self { place, ..Self::new(refusal.code).caused_by(refusal) }
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::from(Refusal::from(error))
    }
}

impl From<Problem> for Error {
    /// A problem of a code that is not in the catalogue is a failure of the bank: nothing is known to have ended.
    fn from(problem: Problem) -> Self {
        let place = problem.field.as_deref().and_then(Place::member);
        let tries_left = problem.tries_left;
        let code = problem.code().unwrap_or(Code::BankFailure);
        Self {
            place,
            tries_left,
            ..Self::new(code).caused_by(BankSaid { status: problem.status, code: problem.code })
        }
    }
}

/// The part of a problem document that may be logged: its texts are the bank's and may name a person.
#[derive(Debug)]
struct BankSaid {
    status: u16,
    code: u16,
}

impl fmt::Display for BankSaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bank answered {} with problem {:#x}", self.status, self.code)
    }
}

impl StdError for BankSaid {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(place) = &self.place {
            write!(f, " at {place}")?;
        }
        if let Some(tries) = self.tries_left {
            write!(f, ", tries left: {tries}")?;
        }
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source: &(dyn StdError + 'static) = self.source.as_deref()?;
        Some(source)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Field(field, Some(reason)) => write!(f, "{field}: {}", reason.name()),
            Place::Field(field, None) => write!(f, "{field}"),
            Place::Member(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Detail::Holder(holder) => write!(f, "{holder}"),
            Detail::SetAside(path) | Detail::Path(path) => write!(f, "{}", path.display()),
            Detail::Host(host) => f.write_str(host),
            Detail::Device(device) => write!(f, "{device}"),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.program, self.pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_token_said_is_no_doubt_and_what_was_lost_is() {
        let doubt = |code| Error::new(code).in_doubt(Doubt::PinChange).doubt();
        for lost in
            [Code::LinkLost, Code::TagLost, Code::TokenTimeout, Code::ChannelBroken, Code::TokenNotFound]
        {
            assert_eq!(doubt(lost), Some(Doubt::PinChange), "{lost}");
        }
        for said in [Code::PinWrong, Code::Declined, Code::PinLocked, Code::UnknownPhone, Code::Interrupted] {
            assert_eq!(doubt(said), None, "{said}");
        }
    }

    #[test]
    fn an_error_is_small_enough_to_return() {
        assert!(size_of::<Error>() <= 128);
    }

    #[test]
    fn a_refusal_keeps_its_place_and_is_the_cause() {
        let error = Error::from(DecodeError { reason: Reason::UnknownField, field: Field::inner(10, 14) });
        assert_eq!(error.code(), Code::Malformed);
        assert_eq!(error.place(), Some(&Place::Field(Field::inner(10, 14), Some(Reason::UnknownField))));
        assert_eq!(error.to_string(), "malformed at 10.14: unknown-field");
        assert!(error.source().is_some());
    }

    #[test]
    fn a_problem_gives_code_member_and_tries_but_not_its_texts() {
        let problem = Problem::new(Code::WrongPassword, "Li Lei typed a wrong password")
            .with_field("password")
            .with_tries_left(4);
        let error = Error::from(problem);
        assert_eq!(error.code(), Code::WrongPassword);
        assert_eq!(error.place(), Some(&Place::Member(Cow::Borrowed("password"))));
        assert_eq!(error.tries_left(), Some(4));
        assert!(!format!("{error:?} {error}").contains("Li Lei"));
    }

    #[test]
    fn a_problem_that_names_no_code_is_a_failure_of_the_bank() {
        let mut problem = Problem::new(Code::WrongPassword, "");
        problem.name = "something-new".to_owned();
        assert_eq!(Error::from(problem).code(), Code::BankFailure);
    }

    #[test]
    fn a_member_named_by_a_peer_cannot_carry_text() {
        assert!(Place::member("transfer.creditor_account").is_some());
        for name in ["", "call 555 now", "\u{202e}abc", "户名", &"a".repeat(65)] {
            assert_eq!(Place::member(name), None, "{name:?}");
        }
    }
}
