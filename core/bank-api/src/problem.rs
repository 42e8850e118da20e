//! Errors as problem documents (RFC 9457).

use std::fmt;

use serde::{Deserialize, Serialize};
use ushield_protocol::code::{Class, Code};

/// What `type` begins with; the code's name follows.
pub const TYPE_PREFIX: &str = "urn:ushield:problem:";

/// An error of the bank. Act on [`Problem::code`], never on the texts.
///
/// Members that are not defined here are ignored, as RFC 9457 asks of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:ushield:problem:` and the code's name.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code's name in words.
    pub title: String,
    /// The HTTP status, once more.
    pub status: u16,
    /// What happened and what to do, in English, for developers.
    pub detail: String,
    /// The code's number (protocol.md, 14).
    pub code: u16,
    /// The code's name.
    pub name: String,
    /// The member of the request that is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Attempts that are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<u8>,
}

impl Problem {
    /// A problem with the status that [`status`] gives the code.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{TYPE_PREFIX}{}", code.name()),
            title: code.name().replace('-', " "),
            status: status(code),
            detail: detail.into(),
            code: code.number(),
            name: code.name().to_owned(),
            field: None,
            tries_left: None,
        }
    }

    /// Names the member of the request that is at fault.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says how many attempts are left.
    #[must_use]
    pub fn with_tries_left(mut self, tries: u8) -> Self {
        self.tries_left = Some(tries);
        self
    }

    /// The code, when number and name are those of one code of the catalogue.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        Code::from_number(self.code).filter(|code| code.name() == self.name)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.detail)?;
        match &self.field {
            Some(field) => write!(f, " (field {field})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// The HTTP status of a code.
#[must_use]
pub fn status(code: Code) -> u16 {
    match code {
        Code::WrongPassword | Code::NotSignedIn => 401,
        Code::UnknownOrder | Code::NotFound | Code::UnknownAccount => 404,
        Code::InProgress
        | Code::NoToken
        | Code::NoCertificate
        | Code::CertificateExists
        | Code::KeyNotActive => 409,
        Code::TooLarge => 413,
        Code::TooManyAttempts => 429,
        Code::BankFailure => 503,
        Code::BadRequest | Code::BadInput => 400,
        other if matches!(other.class(), Class::Wait | Class::Retry) => 503,
        _ => 422,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_error_status_and_comes_back() {
        for code in Code::ALL {
            let problem = Problem::new(*code, "what to do").with_field("amount").with_tries_left(2);
            assert!((400..600).contains(&problem.status));
            let text = serde_json::to_string(&problem).unwrap();
            let back: Problem = serde_json::from_str(&text).unwrap();
            assert_eq!(back, problem);
            assert_eq!(back.code(), Some(*code));
        }
    }

    #[test]
    fn a_number_with_another_name_is_no_code() {
        let mut problem = Problem::new(Code::UnknownOrder, "");
        problem.name = "ok".to_owned();
        assert_eq!(problem.code(), None);
    }

    #[test]
    fn unknown_members_are_ignored() {
        let text = r#"{"type":"urn:ushield:problem:busy","title":"busy","status":503,"detail":"","code":23,"name":"busy","trace":"x"}"#;
        assert_eq!(serde_json::from_str::<Problem>(text).unwrap().code(), Some(Code::Busy));
    }
}
