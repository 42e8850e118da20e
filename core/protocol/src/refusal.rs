//! Why a verification failed, as data.

use core::fmt;

use crate::cbor::{DecodeError, Field, Reason};
use crate::code::Code;

/// A code of the catalogue, and where it applies the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it is.
    pub code: Code,
    /// The field at fault.
    pub field: Option<Field>,
    /// For `malformed`: how it deviates.
    pub reason: Option<Reason>,
}

impl Refusal {
    /// A refusal at a field.
    #[must_use]
    pub const fn at(code: Code, field: Field) -> Self {
        Self { code, field: Some(field), reason: None }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self { code, field: None, reason: None }
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Self { code: Code::Malformed, field: Some(error.field), reason: Some(error.reason) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(reason) = self.reason {
            write!(f, ": {}", reason.name())?;
        }
        match self.field {
            Some(field) => write!(f, " in field {field}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for Refusal {}
