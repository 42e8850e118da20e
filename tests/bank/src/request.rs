//! A request of the interface, taken apart: what is asked for, or what is wrong with it. No HTTP library, so that a bank without a
//! network reads requests as the server does.

use std::fmt;

use serde::de::DeserializeOwned;
use ushield_bank_api::{OrderRequest, OrderState, Problem, SessionRequest, route};
use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;

use crate::error::BankError;
use crate::session::not_signed_in;

/// The document that describes the interface, kept in `docs/`.
pub(crate) const OPENAPI: &str = include_str!("../../../docs/openapi.json");

/// Methods of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or acts.
    Post,
}

/// A request as it arrived. Its body may hold a password: never shown.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// What to do.
    pub method: Method,
    /// Path and query, from the first `/`.
    pub path: &'a str,
    /// What stood behind `Bearer ` in the header `Authorization`.
    pub bearer: Option<&'a str>,
    /// The header `Idempotency-Key`.
    pub idempotency_key: Option<&'a str>,
    /// The header `Content-Type`.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({:?} {}, {} B)", self.method, self.path, self.body.len())
    }
}

/// Each route of the interface: method, pattern, longest body.
pub(crate) const ROUTES: [(Method, &str, usize); 11] = [
    (Method::Post, route::SESSIONS, route::MAX_REQUEST),
    (Method::Get, route::BANK, 0),
    (Method::Get, route::ACCOUNTS, 0),
    (Method::Post, route::ORDERS, route::MAX_REQUEST),
    (Method::Get, route::ORDERS, 0),
    (Method::Get, route::ORDER, 0),
    (Method::Post, route::AUTHORIZATION, route::MAX_ANSWER),
    (Method::Post, route::CANCEL, route::MAX_REQUEST),
    (Method::Get, route::CERTIFICATES, 0),
    (Method::Get, route::OPENAPI, 0),
    (Method::Get, route::HEALTH, 0),
];

/// What is asked for.
pub(crate) enum Call<'a> {
    SignIn(SessionRequest),
    Bank,
    Accounts { session: &'a str },
    Create { session: &'a str, key: String, request: OrderRequest },
    Orders { session: &'a str, state: Option<OrderState> },
    Order { session: &'a str, order: OrderId },
    Authorize { order: OrderId, answer: &'a [u8] },
    Cancel { session: &'a str, order: OrderId },
    Certificates { session: &'a str },
    Document,
    Health,
}

impl<'a> Call<'a> {
    /// Takes a request apart.
    pub(crate) fn of(request: &Request<'a>) -> Result<Self, BankError> {
        let (path, query) = match request.path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (request.path, None),
        };
        let (pattern, limit, id) = find(request.method, path)?;
        if request.method == Method::Post && request.body.len() > limit {
            return Err(too_large());
        }
        let order = || order_id(id);
        let session = || request.bearer.ok_or_else(not_signed_in);
        Ok(match (request.method, pattern) {
            (Method::Post, route::SESSIONS) => Self::SignIn(json(request.body)?),
            (Method::Get, route::BANK) => Self::Bank,
            (Method::Get, route::ACCOUNTS) => Self::Accounts { session: session()? },
            (Method::Post, route::ORDERS) => Self::Create {
                session: session()?,
                key: creation_key(request.idempotency_key)?,
                request: json(request.body)?,
            },
            (Method::Get, route::ORDERS) => Self::Orders { state: state(query)?, session: session()? },
            (Method::Get, route::ORDER) => Self::Order { session: session()?, order: order()? },
            (Method::Post, route::AUTHORIZATION) => {
                let order = order()?;
                if request.content_type != Some(route::COSE) {
                    let text = format!("The content type is {}.", route::COSE);
                    return Err(BankError::field(Code::BadRequest, "Content-Type", text));
                }
                Self::Authorize { order, answer: request.body }
            }
            (Method::Post, route::CANCEL) => Self::Cancel { session: session()?, order: order()? },
            (Method::Get, route::CERTIFICATES) => Self::Certificates { session: session()? },
            (Method::Get, route::OPENAPI) => Self::Document,
            (Method::Get, route::HEALTH) => Self::Health,
            _ => return Err(no_such_route()),
        })
    }
}

/// The route of a path and its longest body, and what stands in the place of the order id.
fn find(method: Method, path: &str) -> Result<(&'static str, usize, &str), BankError> {
    let mut of_another_method = false;
    for (of, pattern, limit) in ROUTES {
        match matched(pattern, path) {
            Some(id) if of == method => return Ok((pattern, limit, id)),
            Some(_) => of_another_method = true,
            None => {}
        }
    }
    Err(if of_another_method { no_such_method() } else { no_such_route() })
}

fn matched<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = pattern.split_once("{order_id}") else {
        return (pattern == path).then_some("");
    };
    let id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

/// There is no such route.
pub(crate) fn no_such_route() -> BankError {
    BankError::problem(Code::NotFound, "There is no such route. See /v1/openapi.json.")
}

/// The route does not take this method.
pub(crate) fn no_such_method() -> BankError {
    let text = "This route does not take this method. See /v1/openapi.json.";
    Problem { status: 405, ..Problem::new(Code::BadRequest, text) }.into()
}

/// The body is longer than its route takes.
pub(crate) fn too_large() -> BankError {
    BankError::problem(Code::TooLarge, "The request is too large.")
}

fn state(query: Option<&str>) -> Result<Option<OrderState>, BankError> {
    match query {
        None | Some("") => Ok(None),
        Some("state=open") => Ok(Some(OrderState::Open)),
        Some(_) => {
            let text = "The only query is state=open.";
            Err(BankError::field(Code::BadRequest, "state", text))
        }
    }
}

fn creation_key(header: Option<&str>) -> Result<String, BankError> {
    let key = header.and_then(|key| uuid::Uuid::try_parse(key.trim_matches('"')).ok());
    key.map(|key| key.to_string()).ok_or_else(|| {
        BankError::field(Code::BadRequest, route::IDEMPOTENCY_KEY, "A UUID, one for each order, is needed.")
    })
}

fn order_id(text: &str) -> Result<OrderId, BankError> {
    OrderId::parse(text).ok_or_else(|| {
        BankError::field(Code::BadRequest, "order_id", "An order id is a UUIDv4 in lower case.")
    })
}

/// Strict JSON. What was wrong is said by place, never by value: it may be a password.
fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, BankError> {
    serde_json::from_slice(body).map_err(|error| {
        let text = format!(
            "The JSON is not that of this request, at line {}, column {}. See /v1/openapi.json.",
            error.line(),
            error.column()
        );
        BankError::problem(Code::BadRequest, text)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_in_the_document_and_the_other_way_round() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        let mut documented = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            documented.extend(item.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())));
        }
        let name = |method| match method {
            Method::Get => "get".to_owned(),
            Method::Post => "post".to_owned(),
        };
        let routed = ROUTES.map(|(method, path, _)| (name(method), path.to_owned())).into_iter().collect();
        assert_eq!(documented, routed);
    }

    /// No route is forgotten when a call is made of it.
    #[test]
    fn every_route_has_a_call() {
        let id = OrderId::from_random([7; 16]).to_string();
        for (method, pattern, _) in ROUTES {
            let path = pattern.replace("{order_id}", &id);
            let request = Request {
                method,
                path: &path,
                bearer: Some("x"),
                idempotency_key: Some(&id),
                content_type: Some(route::COSE),
                body: b"{}",
            };
            let refused = Call::of(&request).err().map(|error| error.into_problem().code());
            assert!(matches!(refused, None | Some(Some(Code::BadRequest))), "{method:?} {pattern}");
        }
    }
}
