//! Crash points: every kind of step that a client makes durable, by what its commit writes.

use ushield_client::ports::{Change, Table};
use ushield_client::records::OrderRecord;
use ushield_session::order_life::{OrderLife, Stage};

use crate::content::Content;

/// A durable step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Bank, makers, customer.
    SetUp,
    /// A session at the bank.
    SignedIn,
    /// A session that the bank does not know any more is forgotten.
    SignedOut,
    /// A try to pair, before P3 leaves.
    PairingTried,
    /// The customer opened the pairing mode anew.
    PairingTriesReset,
    /// The pairing, and its tries forgotten.
    TokenPaired,
    /// What a token said of itself.
    TokenProfile,
    /// A token forgotten.
    TokenForgotten,
    /// Statements of the bank's keys.
    BankKeys,
    /// A certificate.
    CertificateKept,
    /// A certificate that the token did not take.
    CertificateDropped,
    /// An order asked for.
    Requested,
    /// The bank's order is here.
    Prepared,
    /// An order of the bank's that this phone did not ask for.
    Adopted,
    /// About to reach the token.
    Sent,
    /// On the token's screen.
    Shown,
    /// The token ended the review without an answer.
    Withdrawn,
    /// The token's answer.
    Decided,
    /// About to reach the bank.
    Submitted,
    /// The bank's receipt.
    Settled,
    /// The bank refused to make it.
    NotCreated,
    /// The customer's cancel.
    CancelMarked,
    /// A request that ended in an order known before.
    Merged,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Point::SetUp,
        Point::SignedIn,
        Point::SignedOut,
        Point::PairingTried,
        Point::PairingTriesReset,
        Point::TokenPaired,
        Point::TokenProfile,
        Point::TokenForgotten,
        Point::BankKeys,
        Point::CertificateKept,
        Point::CertificateDropped,
        Point::Requested,
        Point::Prepared,
        Point::Adopted,
        Point::Sent,
        Point::Shown,
        Point::Withdrawn,
        Point::Decided,
        Point::Submitted,
        Point::Settled,
        Point::NotCreated,
        Point::CancelMarked,
        Point::Merged,
    ];

    /// The point of a commit over what the store held before it.
    ///
    /// # Panics
    /// For a commit that has no name here yet.
    #[must_use]
    pub fn of(changes: &[Change], before: &Content) -> Self {
        match changes {
            [Change::Put { table: Table::Token, .. }, Change::Delete { table: Table::Pairing, .. }] => {
                Point::TokenPaired
            }
            [Change::Delete { table: Table::Order, .. }, ..] => Point::Merged,
            [Change::Put { table: Table::BankKey, .. }, ..] => Point::BankKeys,
            [Change::Put { table: Table::Order, key, value }] => order(value, before.get(Table::Order, key)),
            [Change::Put { table, .. }] => match table {
                Table::Setup => Point::SetUp,
                Table::Session => Point::SignedIn,
                Table::Pairing => Point::PairingTried,
                Table::Token => Point::TokenProfile,
                Table::Certificate => Point::CertificateKept,
                Table::Order | Table::BankKey => unreachable!(),
            },
            [Change::Delete { table: Table::Session, .. }] => Point::SignedOut,
            [Change::Delete { table: Table::Pairing, .. }] => Point::PairingTriesReset,
            [Change::Delete { table: Table::Token, .. }] => Point::TokenForgotten,
            [Change::Delete { table: Table::Certificate, .. }] => Point::CertificateDropped,
            _ => panic!("a commit without a name: {changes:?}"),
        }
    }
}

fn order(value: &[u8], before: Option<&[u8]>) -> Point {
    let life = |bytes| -> OrderLife { OrderRecord::decode(bytes).unwrap().life };
    let (now, before) = (life(value), before.map(life));
    if now.cancelled() && before.as_ref().is_some_and(|before| !before.cancelled()) {
        return Point::CancelMarked;
    }
    let stage = |life: &OrderLife| matches!(life.stage(), Stage::Sent { .. } | Stage::Shown { .. });
    match now.stage() {
        Stage::Requested => Point::Requested,
        Stage::Prepared { .. } if before.is_none() => Point::Adopted,
        Stage::Prepared { .. } if before.as_ref().is_some_and(stage) => Point::Withdrawn,
        Stage::Prepared { .. } => Point::Prepared,
        Stage::Sent { .. } => Point::Sent,
        Stage::Shown { .. } => Point::Shown,
        Stage::Decided { .. } => Point::Decided,
        Stage::Submitted { .. } => Point::Submitted,
        Stage::Settled { .. } => Point::Settled,
        Stage::NotCreated { .. } => Point::NotCreated,
    }
}
