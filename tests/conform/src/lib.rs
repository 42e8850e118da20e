//! The protocol's cases, good and hostile, against any token over any link. Must not know what a token is made of: it sees
//! messages, a screen and keys, and judges by `docs/protocol.md` alone.
//!
//! A run takes a token as it left the maker, or one that an earlier run left behind, and a bank whose root it trusts. What
//! every case stands for says `docs/token.md`, by the numbers of its rules.

pub mod bank;
mod bench;
mod cases;
pub mod face;
mod fit;
pub mod hand;
mod judge;
mod line;
mod miss;
mod phone;
pub mod report;
mod run;

pub use bench::Setup;
pub use cases::{Case, Cost, all};
pub use fit::Unfit;
pub use hand::{Hand, Key, Unable, Wanted};
pub use line::{Stream, Streams};
pub use report::{Entry, Outcome, Report, Skipped, Stop};
pub use run::run;

/// The PIN that a run gives the token, and leaves it with.
pub const PIN: &str = "73a194";
