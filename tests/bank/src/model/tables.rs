//! The rows of the tables.

use ushield_bank_api::{OrderState, Role};
use ushield_protocol::key::{DeviceId, Hash, OrderId, PublicKey};
use ushield_protocol::render::Profile;

use crate::creation::{Before, NewOrder};
use crate::decision::Record;
use crate::ledger::Posting;

#[derive(Clone)]
pub(super) struct Customer {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) password: Hash,
}

#[derive(Clone)]
pub(super) struct SessionRow {
    pub(super) customer: i64,
    pub(super) expires: u64,
}

#[derive(Clone)]
pub(super) struct Account {
    /// None: the bank's own.
    pub(super) customer: Option<i64>,
    pub(super) currency: String,
    pub(super) balance: i64,
}

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) order: Option<OrderId>,
    pub(super) postings: Vec<Posting>,
}

#[derive(Clone)]
pub(super) struct Device {
    pub(super) device: DeviceId,
    pub(super) customer: i64,
    pub(super) profile: Profile,
    pub(super) handed_out: u64,
}

#[derive(Clone)]
pub(super) struct TokenKeyRow {
    pub(super) key: PublicKey,
    pub(super) device: DeviceId,
    /// None: the `device` key.
    pub(super) role: Option<Role>,
    pub(super) active: bool,
    pub(super) since: u64,
    /// The order that it was certified for, and its certificates.
    pub(super) certified: Option<(OrderId, Vec<Vec<u8>>)>,
}

#[derive(Clone)]
pub(super) struct IssuedOrder {
    pub(super) customer: i64,
    /// The key of the request that made it.
    pub(super) creation: String,
    pub(super) new: NewOrder,
    pub(super) state: OrderState,
    pub(super) receipt: Option<Vec<u8>>,
    /// How often it was ended: once at most.
    pub(super) ends: usize,
}

#[derive(Clone)]
pub(super) struct Created {
    pub(super) before: Before,
    pub(super) made: u64,
}

/// An answer on record.
#[derive(Clone)]
pub(super) struct Attempted {
    pub(super) record: Record,
    /// Whether it shows two states of its key.
    pub(super) anomaly: bool,
}
