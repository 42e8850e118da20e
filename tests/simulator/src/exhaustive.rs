//! One flow, with every fault at every message. Must not judge a run by anything but its end and the person's deeds.
//!
//! The flow: a phone pairs, changes the initial PIN, gets its certificate and makes one payment. Messages on the link, or fragments, or
//! commands to a card, and requests to the bank have the numbers that they have without a fault; those of a second fault are the numbers of
//! the run with the first.

pub mod case;
pub mod cases;
pub mod damage;
pub mod deeds;
pub mod flow;
pub mod mishap;
pub mod report;
pub mod verdict;

pub use case::Case;
pub use flow::{Flow, Played};
