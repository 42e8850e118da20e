//! Paths, headers, media types and limits.

use std::fmt::Write as _;

use ushield_protocol::key::OrderId;

/// `POST`: signs a customer in. [`crate::SessionRequest`] to [`crate::Session`].
pub const SESSIONS: &str = "/v1/sessions";
/// `GET`, no session: the bank and its key statements. [`crate::Bank`].
pub const BANK: &str = "/v1/bank";
/// `GET`: the customer's accounts. [`crate::Accounts`].
pub const ACCOUNTS: &str = "/v1/accounts";
/// `POST` with [`IDEMPOTENCY_KEY`]: [`crate::OrderRequest`] to [`crate::CreatedOrder`]. `GET`: [`crate::Orders`].
pub const ORDERS: &str = "/v1/orders";
/// `GET`: the customer's open orders. [`crate::Orders`].
pub const OPEN_ORDERS: &str = "/v1/orders?state=open";
/// `GET`: [`crate::Order`]. A router's pattern; [`order`] makes the path.
pub const ORDER: &str = "/v1/orders/{order_id}";
/// `POST`, no session, body [`COSE`]: [`crate::AuthorizationReply`]. A router's pattern; [`authorization`] makes the path.
pub const AUTHORIZATION: &str = "/v1/orders/{order_id}/authorization";
/// `POST`: [`crate::CancelReply`]. A router's pattern; [`cancel`] makes the path.
pub const CANCEL: &str = "/v1/orders/{order_id}/cancel";
/// `GET`: the customer's certificates. [`crate::Certificates`].
pub const CERTIFICATES: &str = "/v1/certificates";
/// `GET`, no session: the OpenAPI document.
pub const OPENAPI: &str = "/v1/openapi.json";
/// `GET`, no session: 200 when the server and its database answer.
pub const HEALTH: &str = "/healthz";

/// Header of `POST /v1/orders`: a UUID in text form, one for each order that a person asked for, the same for every try.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// Header with the session, `Bearer <token>` (RFC 6750).
pub const AUTHORIZATION_HEADER: &str = "Authorization";
/// What stands before the token in [`AUTHORIZATION_HEADER`].
pub const BEARER: &str = "Bearer ";

/// Media type of what a token signed, as received: one COSE message, or a sequence of them.
pub const COSE: &str = "application/cose";
/// Media type of requests and replies.
pub const JSON: &str = "application/json";
/// Media type of an error (RFC 9457).
pub const PROBLEM: &str = "application/problem+json";

/// Longest JSON request in bytes.
pub const MAX_REQUEST: usize = 8 * 1024;
/// Longest answer of a token in bytes: an attestation and an authorization.
pub const MAX_ANSWER: usize = 4 * 1024;

/// Path of one order.
#[must_use]
pub fn order(id: &OrderId) -> String {
    below(id, "")
}

/// Path that takes the token's answer to an order.
#[must_use]
pub fn authorization(id: &OrderId) -> String {
    below(id, "/authorization")
}

/// Path that cancels an order.
#[must_use]
pub fn cancel(id: &OrderId) -> String {
    below(id, "/cancel")
}

fn below(id: &OrderId, rest: &str) -> String {
    let mut path = String::from(ORDERS);
    // Writing to a `String` cannot fail.
    let _ = write!(path, "/{id}{rest}");
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fit_the_patterns() {
        let id = OrderId::from_random([7; 16]);
        for (path, pattern) in
            [(order(&id), ORDER), (authorization(&id), AUTHORIZATION), (cancel(&id), CANCEL)]
        {
            assert_eq!(path, pattern.replace("{order_id}", &id.to_string()));
        }
    }
}
