//! The HTTP interface: what arrives becomes a [`Request`], and a reply goes out. Every error is a problem document (RFC 9457).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Request as Arriving, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use ushield_bank_api::route;
use ushield_protocol::code::Code;

use crate::core::Core;
use crate::decision::Reply;
use crate::error::BankError;
use crate::request::{Method, ROUTES, Request, no_such_method, no_such_route, too_large};

/// A request that takes longer is given up, and its transaction with it.
const TIME_OUT: Duration = Duration::from_secs(20);

type Bank = State<Arc<Core>>;

/// The router over a bank.
pub(crate) fn router(core: Arc<Core>) -> Router {
    let mut router = Router::new();
    for (method, path, limit) in ROUTES {
        let handler: MethodRouter<Arc<Core>> = match method {
            Method::Get => on(MethodFilter::GET, get),
            Method::Post => on(MethodFilter::POST, post),
        };
        router = router.route(path, MethodRouter::layer(handler, DefaultBodyLimit::max(limit)));
    }
    router
        .fallback(async || respond(no_such_route().into_reply()))
        .method_not_allowed_fallback(async || respond(no_such_method().into_reply()))
        .layer(middleware::from_fn(time_limit))
        .with_state(core)
}

async fn time_limit(request: Arriving, next: Next) -> Response {
    match tokio::time::timeout(TIME_OUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let text = "The bank took too long. Try the same request again later.";
            respond(BankError::problem(Code::BankFailure, text).into_reply())
        }
    }
}

async fn get(State(core): Bank, uri: Uri, headers: HeaderMap) -> Response {
    serve(&core, Method::Get, &uri, &headers, &[]).await
}

async fn post(
    State(core): Bank,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match body {
        Ok(body) => serve(&core, Method::Post, &uri, &headers, &body).await,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            respond(too_large().into_reply())
        }
        Err(_) => {
            let text = "The request's body could not be read.";
            respond(BankError::problem(Code::BadRequest, text).into_reply())
        }
    }
}

async fn serve(core: &Core, method: Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let request = Request {
        method,
        path: uri.path_and_query().map_or("", |path| path.as_str()),
        bearer: text(header::AUTHORIZATION).and_then(|value| value.strip_prefix(route::BEARER)),
        idempotency_key: headers.get(route::IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok()),
        content_type: text(header::CONTENT_TYPE),
        body,
    };
    respond(core.serve(&request).await.unwrap_or_else(BankError::into_reply))
}

/// A stored reply goes out byte for byte.
fn respond(reply: Reply) -> Response {
    let (Ok(status), Ok(kind)) =
        (StatusCode::from_u16(reply.status), HeaderValue::try_from(reply.media_type))
    else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let store = HeaderValue::from_static("no-store");
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, store)];
    let mut response = (status, headers, reply.body).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
