//! Why the program cannot go on: what failed, at which file or option, and what to do about it.

use std::{io, path::PathBuf};

use ushield_protocol::refusal::Refusal;

/// A failure with its cure in the text and a class that scripts can tell apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// An option's value cannot be used.
    #[error("{option}: {problem}")]
    Option {
        /// The option as it is written on the command line.
        option: &'static str,
        /// What is wrong with the value and what would be right.
        problem: String,
    },
    /// There is no token in the state folder.
    #[error("{}: there is no token here; make one with `ushield-token personalise --state {}`", .0.display(), .0.display())]
    NotPersonalised(PathBuf),
    /// There is a token in the state folder already.
    #[error("{}: there is a token here already; choose another --state, or delete this folder and with it the token's keys", .0.display())]
    AlreadyPersonalised(PathBuf),
    /// Another process has the state folder.
    #[error("{}: in use by {holder}; stop that one first, or choose another --state", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Who holds it, as far as the lock file says.
        holder: String,
    },
    /// A file does not hold what it should.
    #[error("{}: {problem}", file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// What is wrong with it and what to do.
        problem: String,
    },
    /// A file could not be read or written.
    #[error("{}: cannot {action}: {cause}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The address cannot be listened on.
    #[error("{option} {address}: {cause}; choose another port, or 0 for any free one")]
    Listen {
        /// The option that names the address.
        option: &'static str,
        /// The address.
        address: std::net::SocketAddr,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The terminal cannot be used.
    #[error("terminal: {0}; run it in a terminal, or with --face none")]
    Terminal(#[source] io::Error),
    /// The font in the program is damaged.
    #[error(transparent)]
    Font(#[from] crate::font::FontError),
    /// A certificate could not be made.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The token logic refused to be personalised or to start.
    #[error(
        "the token does not start: {0}; bring its flash image back from a copy, or personalise a new token"
    )]
    Token(#[from] ushield_token::Fault),
    /// The maker's root or chain does not verify.
    #[error("the maker's chain does not verify ({}); choose another --maker", .0.code.name())]
    Chain(Refusal),
    /// The token's thread ended by itself.
    #[error("the token has stopped because of a defect; what it decided before is kept, start it again")]
    Stopped,
    /// The system has no thread, no randomness, or the like.
    #[error("system: {0}")]
    System(#[source] io::Error),
}

impl Failure {
    /// The process's exit code. 2 is also what wrong usage of the command line gives.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Option { .. } => 2,
            Self::NotPersonalised(_)
            | Self::AlreadyPersonalised(_)
            | Self::Content { .. }
            | Self::Token(_)
            | Self::Chain(_) => 3,
            Self::Locked { .. } => 4,
            Self::Listen { .. } => 5,
            Self::File { .. } => 6,
            Self::Terminal(_) => 7,
            Self::Font(_) | Self::Certificate(_) | Self::Stopped | Self::System(_) => 70,
        }
    }
}
