//! Records: what goes in and comes out, as plain values. Ids are lower-case hex, orders' with a UUID's hyphens; money is in minor units.

mod input;
mod order;
mod token;

pub use input::{CertificateRole, Config, StorePlace, Transfer, TransferScheme, Trust, read_trust};
pub(crate) use input::{creation, device_id, order_id, phone_id};
pub use order::{
    Adopted, HistoryEntry, NameCheck, OrderContent, OrderOutcome, OrderStatus, Receipt, RefusedOrder, Report,
};
pub use token::{Account, InReach, PairedPhone, Token, TokenState, Whose};
