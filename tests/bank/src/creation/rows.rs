//! What the creation of an order reads and writes: plain values, one snapshot of the database.

use ushield_bank_api::Role;
use ushield_protocol::key::{DeviceId, Hash, KeyId, OrderId};
use ushield_protocol::order::OrderPayload;
use ushield_protocol::render::Profile;

use crate::decision::Reply;

/// The rows for a request of a customer under a creation key. Default: nothing is known.
#[derive(Clone, Default)]
pub struct CreationRows {
    /// What this creation key of this customer was used for.
    pub before: Option<Before>,
    /// The debtor account of a transfer, if it is the customer's.
    pub debtor: Option<Debtor>,
    /// Whose account the creditor account of a transfer is, if it is one of this bank's customers'.
    pub creditor: Option<String>,
    /// The customer's open orders with the same debtor account, creditor account, currency and amount, in the order in which they were
    /// made.
    pub alike: Vec<Alike>,
    /// The customer's tokens, in the order in which they were handed out.
    pub tokens: Vec<TokenRow>,
}

/// An order that was created before.
#[derive(Clone)]
pub struct Before {
    /// Hash of the request.
    pub request_hash: Hash,
    /// The order that the reply carries.
    pub order: OrderId,
    /// The reply.
    pub reply: Reply,
}

/// An account of the customer.
#[derive(Clone)]
pub struct Debtor {
    /// ISO 4217 code.
    pub currency: String,
    /// Minor units.
    pub balance: i64,
}

/// An open order with the same four values.
#[derive(Clone)]
pub struct Alike {
    /// Id.
    pub order: OrderId,
    /// The token that it is for.
    pub device: DeviceId,
    /// As it was issued.
    pub bytes: Vec<u8>,
    /// When it was.
    pub issued: u64,
    /// Last second in which an answer counts.
    pub expires: u64,
}

/// A token of the customer.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// The token.
    pub device: DeviceId,
    /// Render profile that it registered.
    pub profile: Profile,
    /// When it was handed out.
    pub handed_out: u64,
    /// Its keys.
    pub keys: Vec<TokenKey>,
}

/// A key of a token.
#[derive(Clone, Copy, Debug)]
pub struct TokenKey {
    /// The key.
    pub key: KeyId,
    /// What it was certified for; none: the `device` key.
    pub role: Option<Role>,
    /// Not frozen.
    pub active: bool,
    /// Since when the bank takes its signatures.
    pub since: u64,
    /// Highest counter recorded from it, anomalies included.
    pub highest: u32,
}

impl TokenRow {
    /// The key of a role; none: the `device` key.
    #[must_use]
    pub fn key(&self, role: Option<Role>) -> Option<&TokenKey> {
        self.keys.iter().find(|key| key.role == role)
    }
}

/// A new order, as it is recorded.
#[derive(Clone)]
pub struct NewOrder {
    /// Id.
    pub id: OrderId,
    /// Hash of its payload.
    pub hash: Hash,
    /// As it was issued.
    pub bytes: Vec<u8>,
    /// The token that it is for.
    pub device: DeviceId,
    /// The key that approves it; none for a first certificate.
    pub key: Option<KeyId>,
    /// Render profile that the token has registered.
    pub profile: Profile,
    /// Highest counter recorded from that key before the order was released.
    pub key_watermark: u32,
    /// The same of the token's `device` key.
    pub device_watermark: u32,
    /// What it says.
    pub payload: OrderPayload,
}

/// What comes out.
#[derive(Clone)]
pub struct Creation {
    /// The order that the reply carries.
    pub handed_out: OrderId,
    /// Record it, with state open, if it is new.
    pub order: Option<NewOrder>,
    /// Keep the reply for this creation key and the request of this hash, if it is not kept already.
    pub keep: Option<Hash>,
    /// To the caller.
    pub reply: Reply,
}
