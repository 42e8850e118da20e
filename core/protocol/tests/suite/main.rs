//! The crate against an independent implementation (`tests/vectors`), against the document, and against itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod bank;
mod blocks;
mod chains;
mod document;
mod generators;
mod links;
mod matrix;
mod messages;
mod mutations;
mod page_reader;
mod pages;
mod pairing_code;
mod properties;
mod reading;
mod refusals;
mod shown;
mod statements;
mod support;
mod tables;
mod values;
mod variants;
