//! Counterparts that lie on request: a scripted token and a scripted bank, in one process with a client.
//!
//! Nothing here runs by itself. Time passes only when nobody has anything to do, random numbers come from a seed, and every message of the
//! token and every reply of the bank can be replaced, beginning with what an honest one would have said.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    clippy::unwrap_in_result,
    reason = "a test's counterpart stops at the first surprise"
)]

pub mod bank;
pub mod dice;
pub mod drive;
pub mod front;
pub mod maker;
pub mod malware;
pub mod mischief;
pub mod phone;
pub mod time;
pub mod token;
pub mod witness;
pub mod world;

pub use bank::ScriptedBank;
pub use dice::Dice;
pub use drive::drive;
pub use front::FrontEnd;
pub use maker::Maker;
pub use malware::Malware;
pub use mischief::Mischief;
pub use phone::{FaultyStore, MemoryKeystore, Person};
pub use time::{ManualClock, SeededEntropy};
pub use token::{Conduct, ScriptedToken, Step};
pub use witness::{Tally, Truth, Witness};
pub use world::{World, transfer};
