//! The cases on the reference token, as it is and with bugs in it, under a clock that jumps; and the rules' document.

#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod document;
mod support;
mod tokens;
