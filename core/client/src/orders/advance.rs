//! An order's life, driven: deliver, submit, cancel, until the bank's receipt is here.

use std::sync::{Mutex, PoisonError};

use ushield_protocol::code::Code;
use ushield_protocol::key::{DeviceId, OrderId};
use ushield_session::order_life::{Next, Stage};

use super::Report;
use super::deliver::Parties;
use super::pins::Pins;
use crate::client::Client;
use crate::customer::{Customer, Moment};
use crate::error::Error;
use crate::ports::Connector;
use crate::records::OrderRecord;
use crate::retry::Attempts;
use crate::token::Cost;

/// Gets how it ended for each order that is gone on with; no id where there is no order.
pub type Ended<'a> = dyn Fn(Option<OrderId>, Result<Report, Error>) + Send + Sync + 'a;

impl Client {
    /// Takes an order to its end: the token shows it, the customer decides, the bank's receipt comes back. May be called again at any time and
    /// goes on where the last one stopped. While another call runs the same order this one waits for it.
    ///
    /// # Errors
    /// The order stays as it is, durable: `token-not-found`, `link-lost`, `pin-*`, `timed-out`, `bank-unreachable` and others.
    pub async fn run_order(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        id: OrderId,
    ) -> Result<Report, Error> {
        let before = self.order_record(id)?;
        let over_before = before.life.is_over();
        let lane = self.lane(&before);
        let _turn = lane.turn().await;
        let mut record = self.order_record(id)?;
        let mut cost = Cost::default();
        let mut pins = Pins::new(customer);
        let mut attempts = Attempts::default();
        let mut lost = false;
        loop {
            let next = record.life.next();
            let step = match next {
                Next::Nothing => {
                    let report = self.report(&record, cost)?;
                    if !over_before {
                        customer.tell(&Moment::Settled { order: id, outcome: report.receipt.outcome });
                    }
                    return Ok(report);
                }
                Next::Create => Err(Error::new(Code::UnexpectedEvent)),
                Next::Deliver => {
                    let with = Parties { connector, customer, lane: &lane, lost };
                    self.deliver(with, record.clone(), &mut pins, &mut cost).await
                }
                Next::Submit => self.submit(customer, record.clone()).await,
                Next::Cancel { at_token } => {
                    customer.tell(&Moment::Cancelling);
                    let token = at_token.then_some(connector);
                    self.cancel_step(token, customer, record.clone()).await
                }
            };
            let error = match step {
                Ok(stepped) => {
                    record = stepped;
                    pins.end_question();
                    attempts = Attempts::default();
                    continue;
                }
                Err(error) => error,
            };
            lost |= matches!(error.code(), Code::LinkLost | Code::TagLost | Code::TokenTimeout);
            record = self.order_record(id)?;
            // It was cancelled in the middle of a step: the step's failure does not matter any more.
            if record.life.cancelled() && !matches!(next, Next::Cancel { .. }) {
                pins.end_question();
                attempts = Attempts::default();
                continue;
            }
            if !pins.during(self.clock(), attempts.another(self, customer, &error)).await {
                if record.life.is_unknown() {
                    customer.tell(&Moment::Unknown { order: id });
                }
                return Err(error);
            }
            record = self.order_record(id)?;
        }
    }

    /// Goes on with every order that is not over: first what needs nobody, then what has to be asked for, then certificates that were issued
    /// and are not on their token yet, then the orders that need a token and its customer, the most urgent first. One after the other:
    /// while one is at the token, another call may go on with the rest.
    ///
    /// # Errors
    /// Per order, beside its id, `store-corrupt` for a record that cannot be read among them; the list itself fails with `store-*`.
    pub async fn resume(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
    ) -> Result<Vec<(Option<OrderId>, Result<Report, Error>)>, Error> {
        let results = Mutex::new(Vec::new());
        let ended = |id, result| results.lock().unwrap_or_else(PoisonError::into_inner).push((id, result));
        self.resume_each(connector, customer, None, &ended).await?;
        Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// As [`Client::resume`], of one token's orders alone where one is named. `ended` gets each result as soon as it is here; before that
    /// the customer is told [`Moment::Resuming`] where something has to be done for it.
    ///
    /// # Errors
    /// `store-*`.
    pub async fn resume_each(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        device: Option<DeviceId>,
        ended: &Ended<'_>,
    ) -> Result<(), Error> {
        for problem in self.unreadable_records()? {
            ended(None, Err(problem));
        }
        let mut records = self.order_records()?;
        records.retain(|record| device.is_none() || record.device == device);
        let (over, records): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| record.life.is_over());
        let (records, executed) = self.settle_ended(customer, records, ended).await?;
        let (to_create, mut others): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|record| record.life.next() == Next::Create);
        let (silent, mut to_deliver): (Vec<_>, Vec<_>) =
            others.drain(..).partition(|record| record.life.next() != Next::Deliver);
        for id in silent.into_iter().filter_map(|record| record.id) {
            self.resume_one(connector, customer, id, ended).await;
        }
        for record in to_create {
            match self.request_order(customer, record).await {
                Ok(created) if created.life.next() == Next::Deliver => to_deliver.push(created),
                Ok(OrderRecord { id: Some(id), .. }) => self.resume_one(connector, customer, id, ended).await,
                Ok(dropped) => ended(None, Err(why_not_created(&dropped))),
                Err(error) => ended(None, Err(error)),
            }
        }
        for record in over.into_iter().chain(executed) {
            self.resume_certificate(connector, customer, &record, ended).await;
        }
        to_deliver.sort_by_key(|record| self.urgency(record));
        to_deliver.dedup_by_key(|record| record.creation);
        for id in to_deliver.into_iter().filter_map(|record| record.id) {
            self.resume_one(connector, customer, id, ended).await;
        }
        Ok(())
    }

    /// One order to its end, and the certificate that it brings to its token.
    async fn resume_one(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        id: OrderId,
        ended: &Ended<'_>,
    ) {
        customer.tell(&Moment::Resuming { order: id });
        let result = match self.run_order(connector, customer, id).await {
            Ok(report) => self.store_due(connector, customer, id).await.map(|()| report),
            failed => failed,
        };
        ended(Some(id), result);
    }

    /// The certificate of an order that was over before. Nothing where none is due, or where its token is paired no more.
    async fn resume_certificate(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        record: &OrderRecord,
        ended: &Ended<'_>,
    ) {
        let Some(id) = record.id.filter(|_| record.certificate_due && self.token(record.device).is_ok())
        else {
            return;
        };
        customer.tell(&Moment::Resuming { order: id });
        let result = match self.store_due(connector, customer, id).await {
            Ok(()) => self.report(record, Cost::default()),
            Err(error) => Err(error),
        };
        ended(Some(id), result);
    }

    /// Orders that have ended at the bank need nobody any more: their receipts are fetched first. Without the bank all stay. What stays, and
    /// what ended and has a certificate that is to be stored.
    async fn settle_ended(
        &self,
        customer: &dyn Customer,
        records: Vec<OrderRecord>,
        on_end: &Ended<'_>,
    ) -> Result<(Vec<OrderRecord>, Vec<OrderRecord>), Error> {
        if records.iter().all(|record| record.life.next() != Next::Deliver) {
            return Ok((records, Vec::new()));
        }
        let Ok(session) = self.session() else { return Ok((records, Vec::new())) };
        let Ok(open) = self.heeding(self.bank().open_orders(&session).await) else {
            return Ok((records, Vec::new()));
        };
        let (mut left, mut executed) = (Vec::new(), Vec::new());
        for record in records {
            let ended = record.id.filter(|id| {
                record.life.next() == Next::Deliver && open.orders.iter().all(|order| order.order_id != *id)
            });
            let lane = self.lane(&record);
            // Whoever runs it learns of its end without help.
            let turn = lane.free_turn();
            let receipt = match (ended, &turn) {
                (Some(_), Some(_)) => self.receipt_at_bank(&record).await.ok().flatten(),
                _ => None,
            };
            let (Some(order), Some(receipt)) = (ended, receipt) else {
                left.push(record);
                continue;
            };
            let settled = self.settle(record, receipt).await;
            let report = settled
                .as_ref()
                .map_err(Error::clone)
                .and_then(|record| self.report(record, Cost::default()));
            if let Ok(report) = &report {
                customer.tell(&Moment::Settled { order, outcome: report.receipt.outcome });
            }
            match settled {
                Ok(record) if record.certificate_due => executed.push(record),
                _ => on_end(Some(order), report),
            }
        }
        Ok((left, executed))
    }

    /// What may be at the token goes before what is not; then the order that expires first.
    fn urgency(&self, record: &OrderRecord) -> (bool, u64, [u8; 16]) {
        let at_token = matches!(record.life.stage(), Stage::Sent { .. } | Stage::Shown { .. });
        let expires = self.own_order(record).map_or(u64::MAX, |order| order.payload().expires);
        (!at_token, expires, record.creation)
    }

    fn report(&self, record: &OrderRecord, cost: Cost) -> Result<Report, Error> {
        let Stage::Settled { receipt, .. } = record.life.stage() else { return Err(why_not_created(record)) };
        let order = self.own_order(record)?;
        let receipt = self.stored_receipt(receipt, order.id(), order.hash())?;
        Ok(Report { order: order.id(), receipt, cost })
    }
}

fn why_not_created(record: &OrderRecord) -> Error {
    match record.life.stage() {
        Stage::NotCreated { code } => Error::new(*code),
        _ => Error::new(Code::UnexpectedEvent),
    }
}
