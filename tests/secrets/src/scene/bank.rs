//! The scripted bank behind a gate that knows the customer's password and session by their masks.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ushield_bank_api::{Password, Session, SessionRequest, SessionToken, route};
use ushield_client::Error;
use ushield_client::ports::{BankHttp, HttpRequest, HttpResponse};
use ushield_e2e::evil::ScriptedBank;
use ushield_e2e::evil::bank::PASSWORD;
use zeroize::Zeroizing;

use crate::canary::Canary;

/// The gate.
#[derive(Debug)]
pub struct Gate {
    /// The bank behind it.
    pub bank: Arc<ScriptedBank>,
    password: Canary,
    session: Canary,
    inner: Mutex<Option<SessionToken>>,
    requests: Mutex<Vec<String>>,
}

impl Gate {
    /// In front of a bank.
    #[must_use]
    pub fn new(bank: Arc<ScriptedBank>, password: Canary, session: Canary) -> Self {
        Self { bank, password, session, inner: Mutex::default(), requests: Mutex::default() }
    }

    /// Debug forms of requests and responses since the last time.
    #[must_use]
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    async fn sign_in(&self, request: &HttpRequest) -> Result<HttpResponse, Error> {
        let right = (0..request.body.len()).any(|at| self.password.begins(&request.body[at..]));
        let word = if right { PASSWORD } else { "another password" };
        let password = Password::new(Zeroizing::new(word.as_bytes().to_vec())).unwrap();
        let body = serde_json::to_vec(&SessionRequest { customer: "customer".to_owned(), password }).unwrap();
        let inner = HttpRequest::post(route::SESSIONS, route::JSON, Zeroizing::new(body));
        let response = self.bank.call(inner).await?;
        let Ok(session) = serde_json::from_slice::<Session>(&response.body) else { return Ok(response) };
        *self.inner.lock().unwrap() = Some(session.token);
        // Written in place: the token lies in the response alone.
        let token = self.session.reveal();
        let parts: [&[u8]; 3] = [br#"{"token":""#, &token, br#"","expires_in":100000000}"#];
        let mut body = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
        parts.iter().for_each(|part| body.extend_from_slice(part));
        Ok(HttpResponse { body, ..response })
    }
}

#[async_trait]
impl BankHttp for Gate {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, Error> {
        let shown = format!("{request:?} {:?}", request.bearer);
        let response = if request.path == route::SESSIONS {
            self.sign_in(&request).await
        } else {
            let ours =
                request.bearer.as_ref().is_some_and(|token| self.session.begins(token.expose().as_bytes()));
            request.bearer = if ours { self.inner.lock().unwrap().clone() } else { None };
            self.bank.call(request).await
        };
        self.requests.lock().unwrap().push(format!("{shown} {response:?}"));
        response
    }
}
