//! Must not decide anything: it lends the token logic a display, keys, flash, entropy, a clock and a socket,
//! and never confirms, verifies or signs in its place.

pub mod font;
pub mod frame;
pub mod picture;
pub mod screen;
