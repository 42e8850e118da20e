//! The HTTP interface: routes to methods of the bank. Every error is a problem document (RFC 9457).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ushield_bank_api::{OrderRequest, OrderState, Problem, SessionRequest, route};
use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;

use crate::core::Core;
use crate::decision::{Reply, problem_reply};
use crate::error::BankError;
use crate::session::not_signed_in;

/// The document that describes this interface, kept in `docs/`.
pub(crate) const OPENAPI: &str = include_str!("../../../docs/openapi.json");
/// A request that takes longer is given up, and its transaction with it.
const TIME_OUT: Duration = Duration::from_secs(20);

type Bank = State<Arc<Core>>;
type Answer = Result<Response, Failure>;

/// One route of the interface.
pub(crate) struct Route {
    #[cfg_attr(not(test), expect(dead_code, reason = "compared with the document by a test"))]
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    handler: MethodRouter<Arc<Core>>,
}

/// Every route. The router is made of this list, and a test compares it with the document.
pub(crate) fn routes() -> Vec<Route> {
    let get_route = |path, handler| Route { method: "get", path, handler };
    let post_route = |path, handler, limit| {
        let handler = MethodRouter::layer(handler, DefaultBodyLimit::max(limit));
        Route { method: "post", path, handler }
    };
    vec![
        post_route(route::SESSIONS, post(sign_in), route::MAX_REQUEST),
        get_route(route::BANK, get(bank)),
        get_route(route::ACCOUNTS, get(accounts)),
        post_route(route::ORDERS, post(create_order), route::MAX_REQUEST),
        get_route(route::ORDERS, get(orders)),
        get_route(route::ORDER, get(order)),
        post_route(route::AUTHORIZATION, post(authorize), route::MAX_ANSWER),
        post_route(route::CANCEL, post(cancel), route::MAX_REQUEST),
        get_route(route::CERTIFICATES, get(certificates)),
        get_route(route::OPENAPI, get(openapi)),
        get_route(route::HEALTH, get(health)),
    ]
}

/// The router over a bank.
pub(crate) fn router(core: Arc<Core>) -> Router {
    let mut router = Router::new();
    for Route { path, handler, .. } in routes() {
        router = router.route(path, handler);
    }
    router
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn(time_limit))
        .with_state(core)
}

async fn time_limit(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIME_OUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let text = "The bank took too long. Try the same request again later.";
            Failure(BankError::problem(Code::BankFailure, text)).into_response()
        }
    }
}

async fn sign_in(State(core): Bank, body: Result<Bytes, BytesRejection>) -> Answer {
    let request: SessionRequest = json(body)?;
    ok(StatusCode::CREATED, &core.sign_in(request).await?)
}

async fn bank(State(core): Bank) -> Answer {
    ok(StatusCode::OK, &core.bank().await?)
}

async fn accounts(State(core): Bank, headers: HeaderMap) -> Answer {
    ok(StatusCode::OK, &core.accounts(bearer(&headers)?).await?)
}

async fn create_order(State(core): Bank, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Answer {
    let token = bearer(&headers)?;
    let key = creation_key(&headers)?;
    let request: OrderRequest = json(body)?;
    respond(core.create_order(token, &key, &request).await?)
}

async fn orders(State(core): Bank, headers: HeaderMap, RawQuery(query): RawQuery) -> Answer {
    let state = match query.as_deref() {
        None | Some("") => None,
        Some("state=open") => Some(OrderState::Open),
        Some(_) => {
            let text = "The only query is state=open.";
            return Err(BankError::field(Code::BadRequest, "state", text).into());
        }
    };
    ok(StatusCode::OK, &core.orders(bearer(&headers)?, state).await?)
}

async fn order(State(core): Bank, headers: HeaderMap, id: Result<Path<String>, PathRejection>) -> Answer {
    ok(StatusCode::OK, &core.order(bearer(&headers)?, &order_id(id)?).await?)
}

async fn authorize(
    State(core): Bank,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let id = order_id(id)?;
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind.as_bytes() != route::COSE.as_bytes()) {
        let text = format!("The content type is {}.", route::COSE);
        return Err(BankError::field(Code::BadRequest, "Content-Type", text).into());
    }
    respond(core.authorize(&id, &received(body)?).await?)
}

async fn cancel(State(core): Bank, headers: HeaderMap, id: Result<Path<String>, PathRejection>) -> Answer {
    ok(StatusCode::OK, &core.cancel(bearer(&headers)?, &order_id(id)?).await?)
}

async fn certificates(State(core): Bank, headers: HeaderMap) -> Answer {
    ok(StatusCode::OK, &core.certificates(bearer(&headers)?).await?)
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, route::JSON)], OPENAPI).into_response()
}

async fn health(State(core): Bank) -> Answer {
    core.health().await?;
    ok(StatusCode::OK, &serde_json::json!({ "status": "ok" }))
}

async fn no_such_route() -> Failure {
    Failure(BankError::problem(Code::NotFound, "There is no such route. See /v1/openapi.json."))
}

async fn no_such_method() -> Failure {
    let problem =
        Problem::new(Code::BadRequest, "This route does not take this method. See /v1/openapi.json.");
    Failure(Problem { status: StatusCode::METHOD_NOT_ALLOWED.as_u16(), ..problem }.into())
}

/// An error on its way out.
struct Failure(BankError);

impl<E: Into<BankError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let problem = self.0.into_problem();
        let sign_in = problem.status == StatusCode::UNAUTHORIZED.as_u16();
        let reply = problem_reply(&problem).and_then(|reply| respond(reply).map_err(|failure| failure.0));
        let Ok(mut response) = reply else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
        if sign_in {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

fn ok(status: StatusCode, body: &impl Serialize) -> Answer {
    respond(crate::decision::reply(status.as_u16(), route::JSON, body)?)
}

/// A stored reply goes out byte for byte.
fn respond(reply: Reply) -> Answer {
    let status = StatusCode::from_u16(reply.status).map_err(|_| BankError::Damaged("status"))?;
    let kind = HeaderValue::try_from(reply.media_type).map_err(|_| BankError::Damaged("media type"))?;
    let store = HeaderValue::from_static("no-store");
    Ok((status, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, store)], reply.body).into_response())
}

fn bearer(headers: &HeaderMap) -> Result<&str, BankError> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix(route::BEARER)).ok_or_else(not_signed_in)
}

fn creation_key(headers: &HeaderMap) -> Result<String, BankError> {
    let key = headers.get(route::IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok());
    let key = key.and_then(|key| uuid::Uuid::try_parse(key.trim_matches('"')).ok());
    key.map(|key| key.to_string()).ok_or_else(|| {
        BankError::field(Code::BadRequest, route::IDEMPOTENCY_KEY, "A UUID, one for each order, is needed.")
    })
}

fn order_id(id: Result<Path<String>, PathRejection>) -> Result<OrderId, BankError> {
    let id = id.ok().and_then(|Path(id)| OrderId::parse(&id));
    id.ok_or_else(|| BankError::field(Code::BadRequest, "order_id", "An order id is a UUIDv4 in lower case."))
}

fn received(body: Result<Bytes, BytesRejection>) -> Result<Bytes, BankError> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => BankError::problem(Code::TooLarge, "The request is too large."),
        _ => BankError::problem(Code::BadRequest, "The request's body could not be read."),
    })
}

/// Strict JSON. What was wrong is said by place, never by value: it may be a password.
fn json<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, BankError> {
    serde_json::from_slice(&received(body)?).map_err(|error| {
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
    fn every_route_of_the_router_is_in_the_document_and_the_other_way_round() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        let mut documented = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            documented.extend(item.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())));
        }
        let routed =
            routes().into_iter().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
        assert_eq!(documented, routed);
    }
}
