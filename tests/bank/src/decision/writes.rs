//! What comes out of a decision: changes of the database, and a reply.

use ushield_bank_api::Role;
use ushield_protocol::code::Code;
use ushield_protocol::key::{DeviceId, Hash, KeyId, OrderId, PublicKey};
use ushield_protocol::receipt::Outcome;
use ushield_protocol::verify::Anomaly;

use crate::ledger::Posting;

/// A reply over HTTP, as it is stored and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Media type.
    pub media_type: String,
    /// Body.
    pub body: Vec<u8>,
}

/// What a recorded answer was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Yes.
    Approval,
    /// No.
    Rejection,
    /// A new key, attested.
    Attestation,
}

/// An authentic answer, as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Identity of the answer.
    pub payload_hash: Hash,
    /// The key that signed it.
    pub key: KeyId,
    /// Its counter and predecessor; an attestation has neither.
    pub link: Option<(u32, Hash)>,
    /// The order that it is about.
    pub order: OrderId,
    /// What it was.
    pub kind: Kind,
    /// The bytes as received.
    pub bytes: Vec<u8>,
    /// When.
    pub received: u64,
}

/// The end of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The order.
    pub order: OrderId,
    /// How.
    pub outcome: Outcome,
    /// Why, if refused.
    pub reason: Option<Code>,
    /// When.
    pub ended: u64,
    /// The signed receipt.
    pub receipt: Vec<u8>,
}

/// One change of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Record an answer.
    Record(Record),
    /// Record an answer that shows two states of its key.
    RecordAnomaly(Record, Anomaly),
    /// Take no more signatures of this key.
    Freeze(KeyId),
    /// Move money for an order.
    Post(OrderId, String, Vec<Posting>),
    /// Take signatures of a new key.
    AddKey(NewKey),
    /// End an order, with its outbox row.
    End(End),
    /// Keep the reply to this answer.
    Reply(Hash, Reply),
}

/// A key that the bank has certified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// The token that holds it.
    pub device: DeviceId,
    /// What it may sign.
    pub role: Role,
    /// The key.
    pub key: PublicKey,
    /// The order that it was issued for.
    pub order: OrderId,
    /// Certificates, own first.
    pub chain: Vec<Vec<u8>>,
    /// When.
    pub since: u64,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// In this order, in the transaction that read the rows.
    pub writes: Vec<Write>,
    /// To the caller.
    pub reply: Reply,
}
