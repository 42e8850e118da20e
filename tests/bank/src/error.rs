//! Why the bank could not do something.

#[cfg(feature = "server")]
use std::path::{Path, PathBuf};

use ushield_bank_api::{Problem, route};
use ushield_protocol::code::Code;
use ushield_protocol::refusal::Refusal;

use crate::decision::{Reply, problem_reply};

/// An error of the bank: either the caller's, with a problem document, or its own.
#[derive(Debug, thiserror::Error)]
pub enum BankError {
    /// The caller's: said as it is.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// The database failed or refused.
    #[cfg(feature = "server")]
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The database could not be brought up to date.
    #[cfg(feature = "server")]
    #[error("the database's schema could not be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A file could not be read or written.
    #[cfg(feature = "server")]
    #[error("{path}: file operation failed")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A stored value is not what it must be.
    #[error("stored {0} is damaged")]
    Damaged(&'static str),
    /// The system gave no random numbers.
    #[cfg(feature = "server")]
    #[error("no random numbers")]
    Entropy(#[from] getrandom::Error),
    /// A certificate could not be made.
    #[error("certificate: {0}")]
    Certificate(String),
    /// A password could not be hashed.
    #[cfg(feature = "server")]
    #[error("password hashing failed: {0}")]
    PasswordHash(String),
    /// TLS could not be set up.
    #[cfg(feature = "server")]
    #[error("TLS")]
    Tls(#[from] rustls::Error),
    /// The server could not listen.
    #[cfg(feature = "server")]
    #[error("listening on {address} failed")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A statement of the bank's own was refused.
    #[error("the bank's own statement: {0}")]
    Statement(#[from] Refusal),
    /// An argument of a command is not usable.
    #[error("{0}")]
    Argument(String),
}

impl BankError {
    /// The caller's error, with what to do about it.
    pub fn problem(code: Code, detail: impl Into<String>) -> Self {
        Self::Problem(Box::new(Problem::new(code, detail)))
    }

    /// The caller's error, at a member of the request.
    pub fn field(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Problem(Box::new(Problem::new(code, detail).with_field(field)))
    }

    /// For `map_err` at a file operation.
    #[cfg(feature = "server")]
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { path, source }
    }

    /// The reply that tells the caller.
    #[must_use]
    pub fn into_reply(self) -> Reply {
        let problem = self.into_problem();
        problem_reply(&problem).unwrap_or(Reply {
            status: problem.status,
            media_type: route::PROBLEM.to_owned(),
            body: Vec::new(),
        })
    }

    /// What the caller is told: the bank's own failures in one word, their cause in the log.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Problem(problem) => *problem,
            own => {
                tracing::error!(error = %Causes(&own), "request failed");
                Problem::new(
                    Code::BankFailure,
                    "The bank could not answer. Try the same request again later.",
                )
            }
        }
    }
}

impl From<Problem> for BankError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

/// An error with all its causes in one line.
pub struct Causes<'a>(pub &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
