//! `summary.json`: what the demonstration did, by the bank's database and the link's counters; and what it has to say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Exchanges of a transfer: K1 with K2, T1 with event and T2.
pub const EXCHANGES: usize = 2;
/// Bytes of their bodies at most, with a realistic order.
pub const MAX_BYTES: usize = 850;

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// In the order in which they were made.
    pub transfers: Vec<Transfer>,
    /// Before the first transfer and after the last one.
    pub balances: Balances,
    /// How long it took in all, begun seconds counted whole.
    pub seconds: u64,
}

/// A transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// The order's id.
    pub order_id: String,
    /// What the customer decided, as the bank recorded it.
    pub decision: Decision,
    /// Whether the bank executed it.
    pub executed: bool,
    /// Whether the link was cut and the phone's process killed after OK and before the answer reached the phone.
    pub cut: bool,
    /// How often the phone sent something on the connection on which the answer came: K1 and T1. For one that was cut
    /// this is the resumed delivery, in which the token returns the stored answer at once.
    pub exchanges: usize,
    /// Bytes of all bodies of that connection: K1, K2, T1, the event and T2.
    pub bytes: usize,
    /// The pages that were read from the token's screen, lines joined by U+000A.
    pub pages: Vec<String>,
}

/// What the customer decided on the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// OK.
    Approved,
    /// C.
    Rejected,
}

/// Minor units by account: customers' accounts, and the bank's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balances {
    /// Before the first transfer.
    pub before: BTreeMap<String, i64>,
    /// After the last one.
    pub after: BTreeMap<String, i64>,
}

/// A transfer as it was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meant {
    /// Minor units.
    pub amount: i64,
    /// What the customer was to decide.
    pub decision: Decision,
    /// Whether the link was to be cut.
    pub cut: bool,
    /// Whether it had to cost what the plain case costs: the PIN was right at once.
    pub exact: bool,
}

impl Summary {
    /// Every deviation from what was meant; none when all is as it has to be. `account` paid.
    #[must_use]
    pub fn deviations(&self, account: &str, meant: &[Meant]) -> Vec<String> {
        let mut found = Vec::new();
        if self.transfers.len() != meant.len() {
            found.push(format!("{} transfers instead of {}", self.transfers.len(), meant.len()));
        }
        for (at, (transfer, meant)) in (1..).zip(self.transfers.iter().zip(meant)) {
            found.extend(transfer.deviations(*meant).map(|deviation| format!("transfer {at}: {deviation}")));
        }
        let approved = meant.iter().filter(|meant| meant.decision == Decision::Approved);
        let paid: i64 = approved.map(|meant| meant.amount).sum();
        found.extend(self.balances.deviation(account, paid));
        found
    }
}

impl Transfer {
    fn deviations(&self, meant: Meant) -> impl Iterator<Item = String> {
        let approved = meant.decision == Decision::Approved;
        let checks = [
            (self.decision != meant.decision)
                .then(|| format!("{:?} instead of {:?}", self.decision, meant.decision)),
            (self.executed != approved)
                .then(|| if approved { "was not executed" } else { "was executed" }.to_owned()),
            (self.cut != meant.cut).then(|| if meant.cut { "was not cut" } else { "was cut" }.to_owned()),
            (meant.exact && self.exchanges != EXCHANGES)
                .then(|| format!("{} exchanges instead of {EXCHANGES}", self.exchanges)),
            (meant.exact && (self.bytes == 0 || self.bytes > MAX_BYTES))
                .then(|| format!("{} bytes instead of at most {MAX_BYTES}", self.bytes)),
            self.pages.is_empty().then(|| "no page was read".to_owned()),
        ];
        checks.into_iter().flatten()
    }
}

impl Balances {
    /// Exactly `paid` has left `account`, nothing else lost or gained anything but the bank's own accounts, and all is in balance.
    fn deviation(&self, account: &str, paid: i64) -> Vec<String> {
        let mut found = Vec::new();
        let moved =
            |number: &str| -> Option<i64> { self.after.get(number)?.checked_sub(*self.before.get(number)?) };
        match moved(account) {
            Some(moved) if moved == paid.saturating_neg() => {}
            Some(moved) => found.push(format!("the account moved by {moved} instead of -{paid}")),
            None => found.push("the account is not in the books".to_owned()),
        }
        if !self.before.keys().eq(self.after.keys()) {
            found.push("the books have other accounts than before".to_owned());
        }
        let others: i64 =
            self.after.keys().filter(|number| *number != account).filter_map(|n| moved(n)).sum();
        if others != paid {
            found.push(format!("the other accounts moved by {others} instead of {paid}"));
        }
        found
    }
}
