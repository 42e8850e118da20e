//! Must not decide anything: it lends the token logic a display, keys, flash, entropy, a clock and a socket,
//! and never confirms, verifies or signs in its place.

pub mod entropy;
pub mod flash;
pub mod font;
pub mod frame;
mod http;
pub mod picture;
pub mod runner;
pub mod screen;
mod tcp;
pub mod terminal;
