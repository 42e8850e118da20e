//! Why a step failed, as data.

use core::fmt;

use ushield_protocol::cbor::DecodeError;
use ushield_protocol::code::Code;
use ushield_protocol::refusal::Refusal;

/// A refusal, with the PIN tries that are left where the token said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Code, field, reason.
    pub refusal: Refusal,
    /// PIN tries left.
    pub tries_left: Option<u8>,
}

impl Error {
    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.refusal.code
    }

    /// An answer of the token that cannot be read: the token's fault, with the place.
    #[must_use]
    pub fn misbehaved(error: DecodeError) -> Self {
        let refusal =
            Refusal { code: Code::TokenMisbehaved, field: Some(error.field), reason: Some(error.reason) };
        Self { refusal, tries_left: None }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, tries_left: None }
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Refusal::from(code).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl core::error::Error for Error {}
