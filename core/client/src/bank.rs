//! The bank's interface, typed: requests out, replies in, problems as errors of the catalogue.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ushield_bank_api::{
    Accounts, AuthorizationReply, Bank, CancelReply, Certificates, CreatedOrder, Order, Orders, Password,
    Problem, Session, SessionRequest, SessionToken, route,
};
use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::ports::{BankHttp, HttpRequest, HttpResponse};

pub(crate) struct BankClient {
    http: Arc<dyn BankHttp>,
}

impl BankClient {
    pub(crate) fn new(http: Arc<dyn BankHttp>) -> Self {
        Self { http }
    }

    pub(crate) async fn sign_in(&self, customer: &str, password: Password) -> Result<Session, Error> {
        let body = json(&SessionRequest { customer: customer.to_owned(), password })?;
        self.call(HttpRequest::post(route::SESSIONS, route::JSON, body)).await
    }

    pub(crate) async fn bank(&self) -> Result<Bank, Error> {
        self.call(HttpRequest::get(route::BANK)).await
    }

    pub(crate) async fn accounts(&self, session: &SessionToken) -> Result<Accounts, Error> {
        self.call(HttpRequest::get(route::ACCOUNTS).with_bearer(session.clone())).await
    }

    /// `body` is the request as it was made durable: a repeat sends the same bytes under the same key.
    pub(crate) async fn create(
        &self,
        session: &SessionToken,
        key: &str,
        body: Vec<u8>,
    ) -> Result<CreatedOrder, Error> {
        let request = HttpRequest::post(route::ORDERS, route::JSON, Zeroizing::new(body));
        self.call(request.with_bearer(session.clone()).with_idempotency_key(key)).await
    }

    pub(crate) async fn open_orders(&self, session: &SessionToken) -> Result<Orders, Error> {
        self.call(HttpRequest::get(route::OPEN_ORDERS).with_bearer(session.clone())).await
    }

    pub(crate) async fn order(&self, session: &SessionToken, id: &OrderId) -> Result<Order, Error> {
        self.call(HttpRequest::get(route::order(id)).with_bearer(session.clone())).await
    }

    /// The answer authenticates itself: no session is needed, so that a resume never waits for a password.
    pub(crate) async fn submit(&self, id: &OrderId, answer: &[u8]) -> Result<AuthorizationReply, Error> {
        let body = Zeroizing::new(answer.to_vec());
        self.call(HttpRequest::post(route::authorization(id), route::COSE, body)).await
    }

    pub(crate) async fn cancel(&self, session: &SessionToken, id: &OrderId) -> Result<CancelReply, Error> {
        let request = HttpRequest::post(route::cancel(id), route::JSON, Zeroizing::new(b"{}".to_vec()));
        self.call(request.with_bearer(session.clone())).await
    }

    pub(crate) async fn certificates(&self, session: &SessionToken) -> Result<Certificates, Error> {
        self.call(HttpRequest::get(route::CERTIFICATES).with_bearer(session.clone())).await
    }

    async fn call<T: DeserializeOwned>(&self, request: HttpRequest) -> Result<T, Error> {
        let response = self.http.call(request).await?;
        match response.status {
            200..=299 => parse(&response).map_err(|error| Error::new(Code::BankLied).caused_by(error)),
            _ => Err(problem(&response)),
        }
    }
}

/// What is not a refusal in a bank's words says nothing about the order: the bank failed, or something before it.
fn problem(response: &HttpResponse) -> Error {
    match parse::<Problem>(response) {
        Ok(problem) => {
            let error = Error::from(problem);
            let refusal = (400..500).contains(&response.status) && is_banks(error.code());
            if refusal { error } else { Error::new(Code::BankFailure).caused_by(error) }
        }
        Err(error) => Error::new(Code::BankFailure).caused_by(error),
    }
}

/// The codes that a bank says. Those of the phone, the token and the way between are not for it to use.
fn is_banks(code: Code) -> bool {
    use Code as C;
    // About sessions and requests; about what is asked for; about an answer of a token.
    matches!(
        code,
        C::NotSignedIn
            | C::WrongPassword
            | C::TooManyAttempts
            | C::BadRequest
            | C::TooLarge
            | C::Malformed
            | C::NotFound
            | C::InProgress
            | C::OtherRequest
            | C::BadInput
            | C::BadText
            | C::BadCheckDigits
            | C::UnknownCurrency
            | C::BadExponent
            | C::Unshowable
            | C::InsufficientFunds
            | C::UnknownAccount
            | C::NoToken
            | C::NoCertificate
            | C::CertificateExists
            | C::KeyNotActive
            | C::KeyFrozen
            | C::UnknownOrder
            | C::BadAuthorization
            | C::OtherAuthorization
            | C::BadSignature
            | C::RejectionAsApproval
            | C::WrongAuthorization
            | C::PagesDiffer
            | C::PinPolicy
    )
}

fn parse<T: DeserializeOwned>(response: &HttpResponse) -> Result<T, serde_json::Error> {
    serde_json::from_slice(&response.body)
}

/// Into memory that need not grow: what a buffer leaves behind when it grows is not wiped, and a password may be in it.
pub(crate) fn json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let bad = |error| Error::new(Code::BadInput).caused_by(error);
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).map_err(bad)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *bytes, value).map_err(bad)?;
    Ok(bytes)
}

/// Counts what is written.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
