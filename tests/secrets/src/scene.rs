//! The shipped client and the shipped token logic in one process and one thread, with the scripted bank of `ushield-e2e` behind a gate.
//!
//! Nothing of the scene keeps a secret longer than it needs it, so that what is found in memory is the product's.

mod bank;
mod person;
mod phone;
mod run;
mod token;
mod world;

pub use bank::Gate;
pub use person::Person;
pub use phone::Phone;
pub use run::run;
pub use token::{Board, Conduct, TokenBox};
pub use world::{Options, Secrets, World};
