//! What the decision reads: plain values, one snapshot of the database.

use ushield_bank_api::OrderState;
use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::{AuthorizationPayload, Decision, Uv};
use ushield_protocol::cose::Sign1;
use ushield_protocol::key::{DeviceId, Hash, KeyId, OrderId, PublicKey};
use ushield_protocol::order::{self, Order};
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::render::{PaidBefore, Profile};
use ushield_protocol::verify::{KeyRecord, Neighbours, OrderRecord, Records};

use super::Reply;

/// Which rows an answer asks for. Nothing in it is to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Identity of the answer.
    pub payload_hash: Hash,
    /// The order that it names.
    pub order_hash: Hash,
    /// Counter and predecessor, if it has them.
    pub link: Option<(u32, Hash)>,
    /// The key that it attests, if it does.
    pub new_key: Option<PublicKey>,
}

impl Question {
    /// Reads what is needed to find the rows; `None`: no row can matter.
    #[must_use]
    pub fn of(received: &[u8]) -> Option<Self> {
        let message = Sign1::parse(received).ok()?;
        let payload_hash = message.payload_hash();
        if let Ok(payload) = AuthorizationPayload::decode(message.payload()) {
            let link = Some((payload.counter, payload.previous));
            return Some(Self { payload_hash, order_hash: payload.about.order_hash, link, new_key: None });
        }
        let attestation = Attestation::decode(message.payload()).ok()?;
        let order_hash = attestation.about.order_hash;
        Some(Self { payload_hash, order_hash, link: None, new_key: Some(attestation.key) })
    }
}

/// The rows that a [`Question`] asks for. Default: nothing is known.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The reply stored for this payload.
    pub reply: Option<Reply>,
    /// The order with this hash.
    pub order: Option<OrderRow>,
    /// Keys of the order's token: `device`, and the key that the order is addressed to.
    pub keys: Vec<KeyRow>,
    /// What these keys have signed around the counter and predecessor in question.
    pub recorded: Vec<Recorded>,
    /// Orders to the same key with the same creditor account, scheme, currency and amount, issued within a day.
    pub alike: Vec<PaidBefore>,
    /// Balance of the debtor account.
    pub debtor_balance: i64,
    /// Whether the creditor account is one of this bank in the order's currency.
    pub creditor_is_here: bool,
    /// Whether the device has a key of the role that the order is for.
    pub role_taken: bool,
    /// Whether the attested key is one that the bank knows already.
    pub key_known: bool,
}

/// An order.
#[derive(Clone, Debug)]
pub struct OrderRow {
    /// Id.
    pub id: OrderId,
    /// Hash of its payload.
    pub hash: Hash,
    /// As it was issued.
    pub bytes: Vec<u8>,
    /// The token that it is for.
    pub device: DeviceId,
    /// Render profile that the token had registered.
    pub profile: Profile,
    /// Last second in which an answer counts.
    pub expires: u64,
    /// State.
    pub state: OrderState,
    /// Receipt, once ended.
    pub receipt: Option<Vec<u8>>,
    /// Whether an answer to it is recorded.
    pub answered: bool,
}

/// An order of the customer who asks to cancel it.
#[derive(Clone, Debug)]
pub struct OwnOrder {
    /// Id.
    pub id: OrderId,
    /// Hash of its payload.
    pub hash: Hash,
    /// Receipt, once ended.
    pub receipt: Option<Vec<u8>>,
}

/// An order that has not ended.
#[derive(Clone, Copy, Debug)]
pub struct OpenOrder {
    /// Id.
    pub id: OrderId,
    /// Hash of its payload.
    pub hash: Hash,
    /// Last second in which an answer counts.
    pub expires: u64,
}

/// A key of the order's token.
#[derive(Clone, Copy, Debug)]
pub struct KeyRow {
    /// The key.
    pub key: PublicKey,
    /// What it may decide.
    pub decision: Decision,
    /// Not frozen.
    pub active: bool,
    /// Highest counter recorded before the order was first released.
    pub watermark: u32,
}

/// An answer on record.
#[derive(Clone, Copy, Debug)]
pub struct Recorded {
    /// The key that signed it.
    pub key: KeyId,
    /// Identity.
    pub payload_hash: Hash,
    /// Counter.
    pub counter: u32,
    /// Predecessor.
    pub previous: Hash,
}

impl Rows {
    /// The token's `device` key.
    pub(super) fn device_key(&self) -> Option<&KeyRow> {
        self.keys.iter().find(|key| key.decision == Decision::Rejected)
    }
}

impl Records for Rows {
    fn order(&self, hash: &Hash) -> Option<OrderRecord> {
        let any = planted::on(Bug::AnyBytesOfAnOrder);
        let order = self.order.as_ref().filter(|order| order.hash == *hash || any)?;
        // The bytes are what was issued under this hash, or the database was tampered with.
        Order::receive(&order.bytes).ok().filter(|order| order.hash() == *hash || any)?;
        let key = |row: &KeyRow| KeyRecord {
            key: row.key,
            decision: row.decision,
            active: row.active,
            watermark: row.watermark,
        };
        let keys = self.keys.iter().map(key).collect();
        // Policy of this bank: the PIN, wherever it was typed.
        Some(OrderRecord { bytes: order.bytes.clone(), keys, profile: order.profile, uv: Uv::Phone })
    }

    fn neighbours(&self, key: &KeyId, counter: u32, previous: &Hash) -> Neighbours {
        let find = |wanted: &dyn Fn(&Recorded) -> bool| {
            self.recorded.iter().find(|recorded| recorded.key == *key && wanted(recorded))
        };
        let hash = |recorded: Option<&Recorded>| recorded.map(|recorded| recorded.payload_hash);
        Neighbours {
            same_counter: hash(find(&|recorded| recorded.counter == counter)),
            same_previous: hash(find(&|recorded| recorded.previous == *previous)),
            before: hash(find(&|recorded| recorded.counter.checked_add(1) == Some(counter))),
            after_previous: find(&|recorded| counter.checked_add(1) == Some(recorded.counter))
                .map(|recorded| recorded.previous),
        }
    }

    fn approved_alike(&self, _key: &KeyId, _order: &Order<order::Verified>) -> Vec<PaidBefore> {
        self.alike.clone()
    }
}
