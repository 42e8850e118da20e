//! The six ports through which the client reaches the world: link, bank, store, key store, clock, entropy.
//!
//! A platform implements them; the client has no other way out. Every error is of the catalogue: the port that
//! meets a failure knows best which code it is.

mod bank;
mod keystore;
mod link;
mod radio;
mod store;
mod time;
mod wanted;

pub use bank::{BankHttp, HttpRequest, HttpResponse, Method};
pub use keystore::{Entropy, Keystore, SealingKey};
pub use link::{Connector, Link, Medium, Seen, Spot};
pub use radio::{Card, Connected, Packets, Radio, Via};
pub use store::{Change, Health, Records, Store, Table};
pub use time::{Clock, Millis, UnixSeconds};
pub use wanted::{Fit, Wanted};
