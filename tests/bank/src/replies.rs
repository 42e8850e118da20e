//! Replies that are the same wherever the bank runs.

use ushield_bank_api::route;

use crate::decision::{Reply, reply};
use crate::error::BankError;
use crate::request::OPENAPI;

/// Orders that `GET /v1/orders` lists.
pub(crate) const MOST_LISTED: u16 = 100;

/// What was asked for, as JSON.
pub(crate) fn ok(status: u16, body: &impl serde::Serialize) -> Result<Reply, BankError> {
    reply(status, route::JSON, body)
}

/// The document that describes the interface.
pub(crate) fn document() -> Reply {
    Reply { status: 200, media_type: route::JSON.to_owned(), body: OPENAPI.as_bytes().to_vec() }
}

/// The bank answers.
pub(crate) fn healthy() -> Reply {
    Reply { status: 200, media_type: route::JSON.to_owned(), body: br#"{"status":"ok"}"#.to_vec() }
}
