//! Must not decide anything: it lends the token logic a display, keys, flash, entropy, a clock and a socket,
//! and never confirms, verifies or signs in its place.

pub mod device;
pub mod emulator;
pub mod entropy;
pub mod failure;
pub mod flash;
pub mod font;
pub mod frame;
mod gatt;
mod http;
pub mod maker;
pub mod personalise;
pub mod picture;
mod power;
pub mod runner;
pub mod screen;
pub mod state;
mod tcp;
pub mod terminal;
mod token;
mod vpcd;
