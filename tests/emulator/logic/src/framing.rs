//! How messages travel where a link is no stream (sections 2.1 and 2.2), as a token does it: no radio, no reader, no clock.
//!
//! [`Fragments`] stands between a GATT server and a [`crate::Token`], [`Card`] between a reader and a [`crate::Token`].

mod card;
mod fragments;

pub use card::{Card, Task, TooMuch};
pub use fragments::{Broken, Fragments, Unsent};
