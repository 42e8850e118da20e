//! Phone, token and bank together, for tests and the demonstration. Must not decide anything that one of the three decides:
//! it starts them, stands between them, and plays the customer.
//!
//! [`scene`] has a bank, tokens and phones in one process; [`customer`] the person with both in their hands; [`proxy`] and
//! [`ports`] what goes wrong in between. [`demo`] is what the program `demo` is made of.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "support for tests: stopping at the first surprise is its report; `demo` and `proxy` deny it again"
)]

pub mod customer;
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod demo;
pub mod evil;
pub mod pages;
pub mod phone;
pub mod ports;
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub mod proxy;
pub mod scene;
pub mod token;
pub mod wait;
