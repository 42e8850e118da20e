//! Orders: created, listed, cancelled, expired.

use ushield_bank_api::{Base64Url, Order, OrderRequest, OrderState, Orders};
use ushield_protocol::key::{DeviceId, KeyId, OrderId};
use ushield_protocol::order::Operation;
use ushield_protocol::planted::{self, Bug};

use super::Model;
use super::tables::{Created, IssuedOrder};
use crate::bank_keys;
use crate::creation::{self, Alike, Before, CreationRows, Debtor, Fresh, KEEP_CREATIONS, TokenKey, TokenRow};
use crate::decision::{self, OpenOrder, OwnOrder, Reply, unknown_order};
use crate::error::BankError;
use crate::replies::MOST_LISTED;
use crate::session::Customer;

impl Model {
    pub(super) fn create(
        &mut self,
        session: &str,
        key: String,
        request: &OrderRequest,
        now: u64,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Reply, BankError> {
        let fresh = Fresh::draw(|bytes| {
            random(bytes);
            Ok::<(), BankError>(())
        })?;
        let customer = self.customer(session, now)?;
        let renewed = bank_keys::due(&self.fixed.bank, &self.fixed.keys, &self.statements, now)?;
        let creation_key = (customer.id, key);
        let rows = self.creation_rows(&customer, &creation_key, request);
        let creation = creation::create(request, &customer, now, &rows, &fresh, &self.fixed.issuer())?;
        self.statements.extend(renewed);
        match creation.order {
            Some(new) => self.orders.push(IssuedOrder {
                customer: customer.id,
                creation: creation_key.1.clone(),
                new,
                state: OrderState::Open,
                receipt: None,
                ends: 0,
            }),
            None => self.handed_out_again(&creation.handed_out),
        }
        if let Some(request_hash) = creation.keep {
            let reply = creation.reply.clone();
            let before = Before { request_hash, order: creation.handed_out, reply };
            self.creations.insert(creation_key, Created { before, made: now });
        }
        Ok(creation.reply)
    }

    fn creation_rows(
        &self,
        customer: &Customer,
        creation_key: &(i64, String),
        request: &OrderRequest,
    ) -> CreationRows {
        let before = self.creations.get(creation_key).map(|created| created.before.clone());
        let mut rows = CreationRows { before, ..CreationRows::default() };
        if let OrderRequest::Transfer(transfer) = request {
            let debtor = self.accounts.get(&transfer.debtor_account);
            rows.debtor = debtor
                .filter(|account| account.customer == Some(customer.id))
                .map(|account| Debtor { currency: account.currency.clone(), balance: account.balance });
            rows.creditor = self.accounts.get(&transfer.creditor_account).and_then(|account| {
                let owner = self.customers.iter().find(|customer| account.customer == Some(customer.id));
                owner.map(|owner| owner.name.clone())
            });
            let open =
                |order: &&IssuedOrder| order.customer == customer.id && order.state == OrderState::Open;
            let same = |order: &&IssuedOrder| match &order.new.payload.operation {
                Operation::Transfer(other) => {
                    other.debtor_account == transfer.debtor_account
                        && other.creditor_account == transfer.creditor_account
                        && other.amount.currency().code() == transfer.currency
                        && other.amount.minor() == transfer.amount
                }
                Operation::CertificateDownload(_) => false,
            };
            rows.alike = self.orders.iter().filter(open).filter(same).map(alike).collect();
        }
        let own = self.devices.iter().filter(|device| device.customer == customer.id);
        rows.tokens = own
            .map(|device| TokenRow {
                device: device.device,
                profile: device.profile,
                handed_out: device.handed_out,
                keys: self.token_keys(device.device),
            })
            .collect();
        rows
    }

    fn token_keys(&self, device: DeviceId) -> Vec<TokenKey> {
        let rows = self.keys.iter().filter(|row| row.device == device);
        rows.map(|row| {
            let (key, role, active, since) = (row.key.key_id(), row.role, row.active, row.since);
            TokenKey { key, role, active, since, highest: self.highest_counter(&key) }
        })
        .collect()
    }

    /// Highest counter recorded from a key, anomalies included.
    fn highest_counter(&self, key: &KeyId) -> u32 {
        let of_key = self.answers.iter().filter(|answer| answer.record.key == *key);
        of_key.filter_map(|answer| answer.record.link).map(|(counter, _)| counter).max().unwrap_or(0)
    }

    /// An order that was released before is released again: its watermarks stay what they were.
    fn handed_out_again(&mut self, order: &OrderId) {
        if !planted::on(Bug::WatermarkReadAgain) {
            return;
        }
        let Some(at) = self.orders.iter().position(|row| row.new.id == *order) else { return };
        let Some(new) = self.orders.get(at).map(|row| &row.new) else { return };
        let key_watermark = new.key.map_or(0, |key| self.highest_counter(&key));
        let device_keys = self.token_keys(new.device);
        let device_key = device_keys.iter().find(|key| key.role.is_none());
        let device_watermark = device_key.map_or(0, |key| key.highest);
        if let Some(row) = self.orders.get_mut(at) {
            row.new.key_watermark = key_watermark;
            row.new.device_watermark = device_watermark;
        }
    }

    pub(super) fn list_orders(
        &mut self,
        session: &str,
        state: Option<OrderState>,
        now: u64,
    ) -> Result<Orders, BankError> {
        let customer = self.customer(session, now)?;
        let wanted = |order: &&IssuedOrder| {
            order.customer == customer.id && state.is_none_or(|state| order.state == state)
        };
        // Newest first; of those of one second, the last one first.
        let mut found: Vec<&IssuedOrder> = self.orders.iter().rev().filter(wanted).collect();
        found.sort_by_key(|order| std::cmp::Reverse(order.new.payload.issued));
        found.truncate(usize::from(MOST_LISTED));
        let orders: Vec<Order> = found.into_iter().map(shown).collect();
        for order in &orders {
            self.handed_out_again(&order.order_id);
        }
        Ok(Orders { orders })
    }

    pub(super) fn show_order(
        &mut self,
        session: &str,
        order: &OrderId,
        now: u64,
    ) -> Result<Order, BankError> {
        let customer = self.customer(session, now)?;
        let order = shown(self.own_order(&customer, order).ok_or_else(unknown_order)?);
        self.handed_out_again(&order.order_id);
        Ok(order)
    }

    fn own_order(&self, customer: &Customer, order: &OrderId) -> Option<&IssuedOrder> {
        self.orders.iter().find(|row| row.customer == customer.id && row.new.id == *order)
    }

    pub(super) fn cancel(&mut self, session: &str, order: &OrderId, now: u64) -> Result<Reply, BankError> {
        let customer = self.customer(session, now)?;
        let own = self.own_order(&customer, order).map(|row| OwnOrder {
            id: row.new.id,
            hash: row.new.hash,
            receipt: row.receipt.clone(),
        });
        let (end, reply) = decision::cancel(own.as_ref(), now, &self.fixed.authority())?;
        if let Some(end) = end {
            self.end(end);
        }
        Ok(reply)
    }

    /// Ends what has expired, renews what runs out, forgets what is old. The number of orders ended.
    pub fn sweep(&mut self, now: u64) -> Result<usize, BankError> {
        let renewed = bank_keys::due(&self.fixed.bank, &self.fixed.keys, &self.statements, now)?;
        let open = self.orders.iter().filter(|order| order.state == OrderState::Open);
        let open: Vec<OpenOrder> = open
            .map(|row| OpenOrder { id: row.new.id, hash: row.new.hash, expires: row.new.payload.expires })
            .collect();
        let ends = decision::expire(&open, now, &self.fixed.authority());
        let ended = ends.len();
        for end in ends {
            self.end(end);
        }
        self.statements.extend(renewed);
        self.sessions.retain(|_, session| session.expires > now);
        self.creations.retain(|_, created| created.made >= now.saturating_sub(KEEP_CREATIONS));
        Ok(ended)
    }
}

fn alike(row: &IssuedOrder) -> Alike {
    Alike {
        order: row.new.id,
        device: row.new.device,
        bytes: row.new.bytes.clone(),
        issued: row.new.payload.issued,
        expires: row.new.payload.expires,
    }
}

fn shown(row: &IssuedOrder) -> Order {
    Order {
        order_id: row.new.id,
        device_id: row.new.device.to_string(),
        state: row.state,
        order: Base64Url(row.new.bytes.clone()),
        receipt: row.receipt.clone().map(Base64Url),
    }
}
