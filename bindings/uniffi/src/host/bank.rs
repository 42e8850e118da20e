//! The way to the bank, as the host has it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ushield_bank_api::route::{BEARER, IDEMPOTENCY_KEY};
use ushield_client::Error;
use ushield_client::ports;
use ushield_protocol::code::Code;
use zeroize::Zeroizing;

use super::{Threw, within};

/// How long the bank may take, whatever the host's own limits are.
const EXCHANGE: Duration = Duration::from_secs(60);
/// Largest body of a response: far above any that the bank sends.
const MAX_RESPONSE: usize = 1 << 20;

/// One HTTPS exchange with the one bank that this client knows.
///
/// Verify the bank's certificate against the bank's own CA, follow no redirect, use no cache, log no header and no body, and never repeat a
/// request: the core does that where it may.
#[uniffi::export(with_foreign)]
#[async_trait]
pub trait BankHttp: Send + Sync {
    /// Sends a request once and waits for the whole response, of any status.
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, BankError>;
}

/// Methods that the bank's interface uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum HttpMethod {
    /// Reads.
    Get,
    /// Creates or acts.
    Post,
}

/// A request. Headers and body hold secrets.
#[derive(Clone, uniffi::Record)]
pub struct HttpRequest {
    /// What to do.
    pub method: HttpMethod,
    /// Path and query, from the first `/`, to be put behind `https://host:port`.
    pub path: String,
    /// All headers that matter; a host adds its own `Host` and `Content-Length`. The values are ASCII.
    pub headers: Vec<HttpHeader>,
    /// The body; nothing with `Get`.
    pub body: Vec<u8>,
}

/// A header. In bytes, since one of them is a secret.
#[derive(Clone, uniffi::Record)]
pub struct HttpHeader {
    /// Its name.
    pub name: String,
    /// Its value, ASCII.
    pub value: Vec<u8>,
}

/// A response.
#[derive(Clone, uniffi::Record)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The header `Content-Type`, as it came.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum BankError {
    /// None was received; whether the bank acted is unknown.
    #[error("the bank cannot be reached")]
    Unreachable {
        /// The type of what made the host say so, where it has one.
        because: Option<String>,
    },
    /// The other end is not the bank: its certificate is not by the bank's CA.
    #[error("the other end is not the bank")]
    Untrusted {
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

impl From<uniffi::UnexpectedUniFFICallbackError> for BankError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        BankError::Unexpected { reason: error.reason }
    }
}

/// The host's way as the client's port.
pub(crate) struct BankPort(pub(crate) Arc<dyn BankHttp>);

#[async_trait]
impl ports::BankHttp for BankPort {
    async fn call(&self, request: ports::HttpRequest) -> Result<ports::HttpResponse, Error> {
        let called =
            within(EXCHANGE, self.0.call(lower(request)), || Error::new(Code::BankUnreachable)).await?;
        let response = called.map_err(|error| match error {
            BankError::Unreachable { because } => Threw::behind(Error::new(Code::BankUnreachable), because),
            BankError::Untrusted { because } => Threw::behind(Error::new(Code::BankUntrusted), because),
            // It may have been sent.
            BankError::Unexpected { reason } => {
                Error::new(Code::BankUnreachable).caused_by(Threw::new(&reason))
            }
        })?;
        let body = Zeroizing::new(response.body);
        if body.len() > MAX_RESPONSE {
            return Err(Error::new(Code::BankFailure).at("body"));
        }
        let content_type = response.content_type.as_deref().map(media_type);
        Ok(ports::HttpResponse { status: response.status, content_type, body })
    }
}

fn lower(request: ports::HttpRequest) -> HttpRequest {
    let mut headers = Vec::new();
    let mut add = |name: &str, value: Vec<u8>| headers.push(HttpHeader { name: name.to_owned(), value });
    if let Some(token) = &request.bearer {
        add("Authorization", [BEARER.as_bytes(), token.expose().as_bytes()].concat());
    }
    if let Some(key) = &request.idempotency_key {
        add(IDEMPOTENCY_KEY, key.as_bytes().to_vec());
    }
    if let Some(content_type) = request.content_type {
        add("Content-Type", content_type.as_bytes().to_vec());
    }
    let method = match request.method {
        ports::Method::Get => HttpMethod::Get,
        ports::Method::Post => HttpMethod::Post,
    };
    HttpRequest { method, path: request.path, headers, body: request.body.to_vec() }
}

/// Without parameters, in lower case.
fn media_type(header: &str) -> String {
    header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
