//! The bank's ledger against what the person saw, confirmed and was told.

use std::collections::{BTreeMap, BTreeSet};

use ushield_bank::model::OrderView;
use ushield_bank_api::{OrderState, route};
use ushield_client::ports::{HttpRequest, Store as _, Table};
use ushield_client::records::OrderRecord;
use ushield_client::{HistoryEntry, Status};
use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;
use ushield_protocol::order::Operation;
use ushield_protocol::receipt::Outcome;
use ushield_session::order_life::Stage;

use crate::goal::BALANCE;
use crate::person::says;
use crate::world::World;

impl World {
    /// What a phone shows, against the ledger: an end is the bank's end, and what was not created does not exist.
    #[must_use]
    pub fn compare_with_bank(&self, phone: usize, entry: &HistoryEntry) -> Vec<String> {
        let mut bad = Vec::new();
        let state = entry.id.and_then(|id| self.bank.model.order(&id).map(|order| order.state));
        let told = match entry.status {
            Status::Ended(Outcome::Executed) => Some(OrderState::Executed),
            Status::Ended(Outcome::Rejected) => Some(OrderState::Rejected),
            Status::Ended(Outcome::Expired) => Some(OrderState::Expired),
            Status::Ended(Outcome::Cancelled) => Some(OrderState::Cancelled),
            Status::Ended(Outcome::Refused) => Some(OrderState::Refused),
            _ => None,
        };
        if told.is_some() && told != state {
            let status = entry.status.name();
            bad.push(format!(
                "phone {phone} shows {:?} as {status}, and at the bank it is {state:?}",
                entry.id
            ));
        }
        if let Some(problem) = &entry.problem {
            bad.push(format!("phone {phone}: {:?} has the problem {}", entry.id, problem.code().name()));
        }
        bad
    }

    /// What the phone says was not created does not exist. A request that the phone gave up on after an order's life (section 13) may have
    /// left an order at the bank that nobody delivers: it must not be executed.
    pub fn is_not_created(&mut self, phone: usize, record: &OrderRecord) {
        if let Some(text) = self.falsely_not_created(phone, record) {
            self.violation(text);
        }
    }

    fn falsely_not_created(&self, phone: usize, record: &OrderRecord) -> Option<String> {
        let Stage::NotCreated { code } = record.life.stage() else { return None };
        let key = OrderId::from_slice(&record.creation)?.to_string();
        let order = self.bank.model.orders().find(|order| order.creation == key)?;
        let false_now = match order.state {
            OrderState::Executed => true,
            OrderState::Open => *code != Code::Interrupted,
            _ => false,
        };
        let (id, state) = (order.id, order.state);
        false_now
            .then(|| format!("phone {phone} says not-created ({code}), and at the bank {id} is {state:?}"))
    }

    /// What leaves the phone is on its disk: a request for an order under its key, an answer in the state that says so.
    pub fn is_durable(&mut self, phone: usize, request: &HttpRequest) {
        let records = self.phones[phone].disk.list(Table::Order).unwrap_or_default();
        let records =
            records.iter().map(|(_, value)| OrderRecord::decode(value).expect("the client's record"));
        if request.path == route::ORDERS
            && let Some(key) = &request.idempotency_key
        {
            let mut keys = records.filter_map(|record| OrderId::from_slice(&record.creation));
            if !keys.any(|known| known.to_string() == *key) {
                self.violation(format!("phone {phone} asks for an order under a key that it would forget"));
            }
        } else if request.path.ends_with("/authorization") {
            let submitted = |record: &OrderRecord| {
                let named = record.id.is_some_and(|id| route::authorization(&id) == request.path);
                named && !record.life.cancelled() && matches!(record.life.stage(), Stage::Submitted { .. })
            };
            if !records.into_iter().any(|record| submitted(&record)) {
                self.violation(format!(
                    "phone {phone} submits what it has not marked as submitted, or took back"
                ));
            }
        }
    }

    /// The whole ledger, when everything is over.
    pub fn judge(&mut self) {
        let mut bad = self.nothing_is_left();
        let mut taken_back = BTreeSet::new();
        for (phone, side) in self.phones.iter().enumerate() {
            for (_, value) in side.disk.list(Table::Order).unwrap_or_default() {
                let record = OrderRecord::decode(&value).expect("the client's record");
                bad.extend(self.falsely_not_created(phone, &record));
                taken_back.extend(record.id.filter(|_| record.life.cancelled()));
            }
        }
        let mut of_goal: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut spent = 0;
        let mut rejected = 0;
        let is_certified = |order: &OrderView<'_>| {
            order.state == OrderState::Executed
                && matches!(order.payload.operation, Operation::CertificateDownload(_))
        };
        let certified = self.bank.model.orders().any(|order| is_certified(&order));
        for order in self.bank.model.orders() {
            let id = order.id.to_string();
            let transfer = match &order.payload.operation {
                Operation::Transfer(transfer) => Some(transfer),
                Operation::CertificateDownload(_) => None,
            };
            let goals = &self.person.nature.goals;
            let goal = transfer.and_then(|transfer| {
                goals.iter().position(|goal| goal.transfer.remittance_text == transfer.remittance)
            });
            if let Some(goal) = goal {
                of_goal.entry(goal).or_default().push(id.clone());
            }
            let executed = order.state == OrderState::Executed;
            let confirmed = self.person.confirmed.get(&id);
            if executed && confirmed.is_none() {
                bad.push(format!("{id} was executed, and nobody confirmed it"));
            }
            if let (true, Some(confirmed), Some(transfer)) = (executed, confirmed, transfer) {
                let amount = transfer.amount.minor();
                let asked = confirmed.goal.map(|goal| &goals[goal]);
                if asked.is_none_or(|asked| {
                    asked.transfer.amount != amount || !says(&confirmed.text, asked).is_empty()
                }) {
                    bad.push(format!("{id} was executed, and something else was confirmed"));
                }
                spent += amount;
            }
            let executions = order.entries.len();
            if executions > usize::from(executed && transfer.is_some()) || order.ends > 1 {
                let ends = order.ends;
                bad.push(format!(
                    "{id} was executed {executions} times, ended {ends} times and is {:?}",
                    order.state
                ));
            }
            let approved = self.person.approved.contains_key(&id);
            if approved && order.state == OrderState::Open {
                bad.push(format!("{id} was approved on the token and is open at the bank"));
            }
            // Whether anybody wanted it was asked when the phone wrote it down.
            if order.state == OrderState::Cancelled && !taken_back.contains(&order.id) {
                bad.push(format!("{id} was cancelled, and no phone took it back"));
            }
            // Two phones may each ask for the certificate: the role has one.
            if order.state == OrderState::Refused && !(transfer.is_none() && certified) {
                bad.push(format!("{id} was refused, and everybody was honest"));
            }
            if order.answers.len() > 1 {
                bad.push(format!("{id} has {} different answers", order.answers.len()));
            }
            rejected += u64::from(order.state == OrderState::Rejected);
        }
        let records =
            self.phones.iter().map(|phone| phone.disk.list(Table::Order).map_or(0, |list| list.len()));
        let (records, orders) = (records.sum::<usize>(), self.bank.model.orders().count());
        if orders > records {
            bad.push(format!("the bank has {orders} orders, and the phones remember {records}"));
        }
        for (goal, orders) in of_goal {
            if orders.len() > 1 {
                bad.push(format!("payment {goal} was asked for once and has the orders {orders:?}"));
            }
        }
        if rejected > self.person.rejected {
            bad.push(format!(
                "{rejected} orders are rejected after C was pressed {} times",
                self.person.rejected
            ));
        }
        let balances: BTreeMap<&str, i64> = self.bank.model.balances().collect();
        let sum: i64 = balances.values().sum();
        if sum != 0 {
            bad.push(format!("all accounts together have {sum}"));
        }
        let left = balances.get(crate::goal::ACCOUNT).copied().unwrap_or(0);
        if left != i64::try_from(BALANCE - spent).unwrap_or(0) {
            bad.push(format!("the customer has {left} and should have {}", BALANCE - spent));
        }
        for key in self.bank.model.frozen_keys() {
            bad.push(format!("the key {key} is frozen, and there is one token"));
        }
        for text in bad {
            self.violation(text);
        }
    }
}
