//! The way to the bank.

use std::fmt;

use async_trait::async_trait;
use ushield_bank_api::SessionToken;
use zeroize::Zeroizing;

use crate::error::Error;

/// One HTTPS exchange with the one bank that this client knows.
#[async_trait]
pub trait BankHttp: Send + Sync {
    /// Sends a request once and waits for the whole response, of any status.
    ///
    /// # Errors
    /// No response was received, and whether the bank acted is unknown: `bank-unreachable`. `bank-untrusted` when the other end is not the bank.
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, Error>;
}

/// A request. Its body may hold a password: zeroized when dropped, never shown.
#[derive(Clone)]
pub struct HttpRequest {
    /// What to do.
    pub method: Method,
    /// Path and query, from the first `/`.
    pub path: String,
    /// Goes behind `Bearer ` in the header `Authorization`.
    pub bearer: Option<SessionToken>,
    /// Goes into the header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Media type of the body; nothing without a body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Zeroizing<Vec<u8>>,
}

/// Methods that the bank's interface uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or acts.
    Post,
}

/// A response. Its body may hold a session token: zeroized when dropped, never shown.
#[derive(Clone)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Media type of the body as stated, without parameters, in lower case.
    pub content_type: Option<String>,
    /// The body.
    pub body: Zeroizing<Vec<u8>>,
}

impl HttpRequest {
    /// A `GET`.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            path: path.into(),
            bearer: None,
            idempotency_key: None,
            content_type: None,
            body: Zeroizing::default(),
        }
    }

    /// A `POST`.
    #[must_use]
    pub fn post(path: impl Into<String>, content_type: &'static str, body: Zeroizing<Vec<u8>>) -> Self {
        Self { method: Method::Post, content_type: Some(content_type), body, ..Self::get(path) }
    }

    /// In the customer's session.
    #[must_use]
    pub fn with_bearer(mut self, token: SessionToken) -> Self {
        self.bearer = Some(token);
        self
    }

    /// The same for every try.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpRequest({:?} {}, {} B)", self.method, self.path, self.body.len())
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpResponse({}, {} B)", self.status, self.body.len())
    }
}
