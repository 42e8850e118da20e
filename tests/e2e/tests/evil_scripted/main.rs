//! Bad input through the client's public interface, from counterparts that lie: each with its own code, nothing lost and nothing executed.
//!
//! One binary; one file for each group.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    clippy::unwrap_in_result,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod answers;
mod input;
mod link;
mod mended;
mod mended_calls;
mod orders;
mod pairing;
mod pins;
mod prompts;
mod receipts;
mod replies;
mod store;

use ushield_client::Error;
use ushield_client::catalogue::{Catalogue, Language};
use ushield_e2e::evil::World;
use ushield_protocol::code::{Class, Code};

/// The error has this code, and it is one that asks for something.
#[track_caller]
fn is(error: &Error, code: Code) {
    assert_eq!(error.code(), code, "{error:?}");
    assert!(!matches!(error.class(), Class::Done | Class::Event), "{error} is not an error");
    // It says what to do, in words that show whatever the text needs.
    for language in [Language::Zh, Language::En] {
        let text = Catalogue::new(language).text(error);
        for part in [&text.title, &text.what, &text.remedy] {
            assert!(!part.is_empty() && !part.contains(['{', '}']), "{error}: {text:?}");
        }
    }
}

/// The bank's ledger has not moved, and the token has signed nothing for a transfer.
#[track_caller]
fn nothing_executed(world: &World) {
    assert_eq!(world.bank.executed(), []);
}
