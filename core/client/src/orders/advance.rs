//! An order's life, driven: deliver, submit, cancel, until the bank's receipt is here.

use futures::future::{Either, select};
use ushield_bank_api::OrderState;
use ushield_protocol::bank_key::BankKey;
use ushield_protocol::code::{Class, Code};
use ushield_protocol::key::{OrderId, RingVerifier};
use ushield_protocol::message::{Reply, Request, Role};
use ushield_protocol::order::{Order, Verified};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::receipt::Receipt;
use ushield_protocol::render::{Notices, Profile, pages};
use ushield_session::delivery::{Answer, Delivery, Progress, TokenKeys, Verdict};
use ushield_session::order_life::{Event, Next, Stage};

use super::Report;
use crate::client::Client;
use crate::customer::{Customer, Moment, PinReason};
use crate::error::Error;
use crate::ports::{Connector, Millis};
use crate::records::OrderRecord;
use crate::token::{BUSY_TRIES, BUSY_WAIT, Cost, HUMAN, TokenSession};

/// How often a broken link or an unreachable bank is tried again before the caller is told.
const ATTEMPTS: u32 = 4;
/// The first wait between attempts; each further one is twice as long.
const BACK_OFF: Millis = Millis(500);

impl Client {
    /// Takes an order to its end: the token shows it, the customer decides, the bank's receipt comes back. May be called again at any time and
    /// goes on where the last one stopped.
    ///
    /// # Errors
    /// The order stays as it is, durable: `token-not-found`, `link-lost`, `pin-*`, `timed-out`, `bank-unreachable` and others.
    pub async fn run_order(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        id: OrderId,
    ) -> Result<Report, Error> {
        let mut record = self.order_record(id)?;
        let mut cost = Cost::default();
        let mut attempt = 0;
        let over_before = record.life.is_over();
        loop {
            let step = match record.life.next() {
                Next::Nothing => {
                    let report = self.report(&record, cost).await?;
                    if !over_before {
                        customer.tell(&Moment::Settled { order: id, outcome: report.receipt.outcome });
                    }
                    return Ok(report);
                }
                Next::Create => self.request_order(customer, record.clone()).await,
                Next::Deliver => self.deliver(connector, customer, record.clone(), &mut cost).await,
                Next::Submit => self.submit(customer, record.clone()).await,
                Next::Cancel { at_token } => {
                    customer.tell(&Moment::Cancelling);
                    let token = at_token.then_some(connector);
                    self.cancel_step(token, customer, record.clone()).await
                }
            };
            match step {
                Ok(next) => {
                    record = next;
                    attempt = 0;
                }
                Err(error) if is_passing(&error) && attempt + 1 < ATTEMPTS => {
                    attempt += 1;
                    customer.tell(&Moment::Reconnecting { attempt });
                    self.clock().sleep(Millis(BACK_OFF.0 << attempt)).await;
                    record = self.order_record(id)?;
                }
                Err(error) => {
                    if self.order_record(id)?.life.is_unknown() {
                        customer.tell(&Moment::Unknown { order: id });
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Goes on with every order that is not over; the ones that need a token are delivered to it.
    ///
    /// # Errors
    /// Per order, beside its id; the list itself fails with `store-*`.
    pub async fn resume(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
    ) -> Result<Vec<(Option<OrderId>, Result<Report, Error>)>, Error> {
        let mut results = Vec::new();
        for record in self.order_records()? {
            if record.life.is_over() {
                continue;
            }
            let result = match record.id {
                Some(id) => (Some(id), self.run_order(connector, customer, id).await),
                None => match self.request_order(customer, record).await {
                    Ok(OrderRecord { id: Some(id), .. }) => {
                        (Some(id), self.run_order(connector, customer, id).await)
                    }
                    Ok(_) => (None, Err(Error::new(Code::UnexpectedEvent))),
                    Err(error) => (None, Err(error)),
                },
            };
            results.push(result);
        }
        Ok(results)
    }

    /// Takes an order back, here, at the token and at the bank. Durable first: from then on nothing of it is submitted. The receipt says how it really ended.
    ///
    /// # Errors
    /// `unknown-order`, `not-signed-in`, `bank-*`; the cancel is repeated by [`Client::resume`].
    pub async fn cancel_order(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        id: OrderId,
    ) -> Result<Report, Error> {
        self.mark_cancelled(self.order_record(id)?)?;
        self.run_order(connector, customer, id).await
    }

    fn mark_cancelled(&self, record: OrderRecord) -> Result<OrderRecord, Error> {
        self.apply(record, Event::CancelAsked)
    }

    /// Applies an event and makes the new state durable. What did not change is not written.
    fn apply(&self, record: OrderRecord, event: Event) -> Result<OrderRecord, Error> {
        let life = record.life.apply(event)?;
        if life == record.life {
            return Ok(record);
        }
        let record = OrderRecord { life, ..record };
        self.put_order(&record)?;
        Ok(record)
    }

    async fn deliver(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        record: OrderRecord,
        cost: &mut Cost,
    ) -> Result<OrderRecord, Error> {
        let bytes = record.life.order().ok_or(Error::new(Code::UnexpectedEvent))?;
        let order = self.verified_order(bytes).await?;
        let token = self.token(record.device)?;
        let mut session = TokenSession::open(self, connector, customer, &token).await?;
        let state = *session.state();
        if state.flags.pin_initial {
            return Err(Error::new(Code::PinInitial));
        }
        if state.flags.pin_locked {
            return Err(Error::new(Code::PinLocked).with_tries_left(0));
        }
        // A first delivery asks for the PIN before the order goes out, so that one message carries both. When the order may be
        // at the token already, its answer may be there too, and nobody is asked twice.
        let first = matches!(record.life.stage(), Stage::Prepared { .. });
        let pin = if first { Some(customer.pin(PinReason::Approve).await?) } else { None };
        let keys = TokenKeys { device: token.pairing.device_key, pay: self.pay_key(&token)? };
        let record = self.apply(record, Event::Delivering)?;
        let page_count = Profile::from_number(state.profile)
            .and_then(|profile| pages(&order, profile, &Notices::default()).ok())
            .map_or(0, |pages| pages.count());
        let delivery = Delivery::new(order, keys);
        let delivered = self.converse(&mut session, customer, record, &delivery, pin, page_count).await;
        *cost = session.cost();
        if !matches!(&delivered, Err(error) if error.code() == Code::LinkLost) {
            session.close().await;
        }
        delivered
    }

    /// The exchange about one order, until the token has answered or ended the review.
    async fn converse(
        &self,
        session: &mut TokenSession<'_>,
        customer: &dyn Customer,
        mut record: OrderRecord,
        delivery: &Delivery,
        pin: Option<PinBlock>,
        page_count: u8,
    ) -> Result<OrderRecord, Error> {
        session.send(&delivery.request(pin.clone())).await?;
        let mut statement_sent = false;
        let mut busy = 0;
        let mut cancel_sent = false;
        loop {
            let reply = if cancel_sent {
                session.reply(HUMAN).await?
            } else {
                match self.reply_or_cancel(session, customer).await? {
                    Some(reply) => reply,
                    None => {
                        customer.tell(&Moment::Cancelling);
                        record = self.mark_cancelled(record)?;
                        session.send(&Request::Cancel { order: delivery.id() }).await?;
                        cancel_sent = true;
                        continue;
                    }
                }
            };
            // The result of the cancel itself; the order's own says more.
            if cancel_sent && reply == Reply::ok(Vec::new()) {
                continue;
            }
            match delivery.handle(&reply, &RingVerifier) {
                Ok(Progress::Shown | Progress::Waiting) => {
                    record = self.apply(record, Event::Shown)?;
                    customer.tell(&Moment::ReviewOnToken { order: delivery.id(), pages: page_count });
                }
                Ok(Progress::PinNeeded) => {
                    customer.tell(&Moment::PinNeeded);
                    let pin = customer.pin(PinReason::Approve).await?;
                    session.send(&Request::Pin { pin }).await?;
                }
                Ok(Progress::PinWrong { tries }) => {
                    customer.tell(&Moment::PinWrong { tries });
                    let pin = customer.pin(PinReason::WrongBefore { tries }).await?;
                    session.send(&Request::Pin { pin }).await?;
                }
                Ok(Progress::LastTry) => customer.tell(&Moment::LastTry),
                Ok(Progress::Answered(answer)) => {
                    tell_verdict(customer, &answer);
                    return self.apply(record, Event::Answered(answer.bytes));
                }
                // A message stands on the screen, or another phone's review: the first is over in seconds.
                Err(error) if error.code() == Code::Busy && busy < BUSY_TRIES && !cancel_sent => {
                    busy += 1;
                    self.clock().sleep(BUSY_WAIT).await;
                    session.send(&delivery.request(pin.clone())).await?;
                }
                Err(error) if error.code() == Code::UnknownOrderKey && !statement_sent => {
                    statement_sent = true;
                    self.give_bank_key(session, &record).await?;
                    session.send(&delivery.request(pin.clone())).await?;
                }
                Err(error) => {
                    let ended = is_end_of_review(error.code());
                    if ended {
                        record = self.apply(record, Event::TokenStatus)?;
                    }
                    // The cancel was the customer's wish: its way goes on at the bank.
                    return if cancel_sent && ended { Ok(record) } else { Err(with_tries(error)) };
                }
            }
        }
    }

    /// The next reply, or nothing when the customer wants to cancel first.
    async fn reply_or_cancel(
        &self,
        session: &mut TokenSession<'_>,
        customer: &dyn Customer,
    ) -> Result<Option<Reply>, Error> {
        let reply = Box::pin(session.reply(HUMAN));
        match select(reply, customer.cancel_wanted()).await {
            Either::Left((reply, _)) => reply.map(Some),
            Either::Right(((), _)) => Ok(None),
        }
    }

    async fn give_bank_key(&self, session: &mut TokenSession<'_>, record: &OrderRecord) -> Result<(), Error> {
        let bytes = record.life.order().ok_or(Error::new(Code::UnexpectedEvent))?;
        let kid = Order::receive(bytes)?.kid();
        let (statement, _): (Vec<u8>, BankKey) = self.bank_key(kid).await?;
        session.exchange(&Request::BankKey { statement }).await?;
        Ok(())
    }

    async fn submit(&self, customer: &dyn Customer, record: OrderRecord) -> Result<OrderRecord, Error> {
        let record = self.apply(record, Event::Submitting)?;
        let (Stage::Submitted { answer, .. }, Some(id)) = (record.life.stage(), record.id) else {
            return Err(Error::new(Code::UnexpectedEvent));
        };
        customer.tell(&Moment::Submitting);
        let submitted = self.bank().submit(&id, answer).await;
        match submitted {
            Ok(reply) => {
                // A certificate that does not hold is one thing, the order's end another.
                let kept = match reply.certificate {
                    Some(chain) => self.keep_certificate(&record, chain).await,
                    None => Ok(()),
                };
                let settled = self.settle(record, reply.receipt.into_bytes()).await?;
                kept.map(|()| settled)
            }
            // Not an end: only a receipt is. The order may have ended in another way meanwhile.
            Err(error) if error.class() == Class::Terminal && error.code() != Code::BankUntrusted => {
                match self.receipt_at_bank(&record).await {
                    Ok(Some(receipt)) => self.settle(record, receipt).await,
                    Ok(None) | Err(_) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn cancel_step(
        &self,
        token: Option<&dyn Connector>,
        customer: &dyn Customer,
        record: OrderRecord,
    ) -> Result<OrderRecord, Error> {
        let id = record.id.ok_or(Error::new(Code::UnexpectedEvent))?;
        if let Some(connector) = token {
            // The bank's word ends the order; a token that is away only goes on showing until its time is up.
            if let Err(error) = self.cancel_at_token(connector, customer, &record).await {
                tracing::debug!(code = error.code().name(), "the token could not be told of the cancel");
            }
        }
        let reply = self.bank().cancel(&self.session()?, &id).await?;
        self.settle(record, reply.receipt.into_bytes()).await
    }

    async fn cancel_at_token(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        record: &OrderRecord,
    ) -> Result<(), Error> {
        let token = self.token(record.device)?;
        let mut session = TokenSession::open(self, connector, customer, &token).await?;
        let order = record.id.ok_or(Error::new(Code::UnexpectedEvent))?;
        let told = session.exchange(&Request::Cancel { order }).await;
        session.close().await;
        told.map(|_| ())
    }

    async fn receipt_at_bank(&self, record: &OrderRecord) -> Result<Option<Vec<u8>>, Error> {
        let id = record.id.ok_or(Error::new(Code::UnexpectedEvent))?;
        let order = self.bank().order(&self.session()?, &id).await?;
        match order.state {
            OrderState::Open => Ok(None),
            _ => Ok(order.receipt.map(ushield_bank_api::Base64Url::into_bytes)),
        }
    }

    async fn settle(&self, record: OrderRecord, receipt: Vec<u8>) -> Result<OrderRecord, Error> {
        let order = self.own_order(&record).await?;
        self.verified_receipt(&receipt, order.id(), order.hash()).await?;
        self.apply(record, Event::Receipt(receipt))
    }

    pub(super) async fn own_order(&self, record: &OrderRecord) -> Result<Order<Verified>, Error> {
        let bytes = record.life.order().ok_or(Error::new(Code::UnexpectedEvent))?;
        self.verified_order(bytes).await
    }

    async fn report(&self, record: &OrderRecord, cost: Cost) -> Result<Report, Error> {
        let receipt = match record.life.stage() {
            Stage::Settled { receipt, .. } => receipt,
            Stage::NotCreated { code } => return Err(Error::new(*code)),
            _ => return Err(Error::new(Code::UnexpectedEvent)),
        };
        let order = self.own_order(record).await?;
        let receipt: Receipt = self.verified_receipt(receipt, order.id(), order.hash()).await?;
        Ok(Report { order: order.id(), receipt, cost })
    }
}

fn tell_verdict(customer: &dyn Customer, answer: &Answer) {
    match answer.verdict {
        Verdict::Approved | Verdict::Attested => customer.tell(&Moment::Approved),
        Verdict::Rejected => customer.tell(&Moment::Rejected),
        // The bank will say.
        Verdict::Unreadable => {}
    }
}

/// Whether the same step may work in a moment, without anyone doing anything.
fn is_passing(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::LinkLost
            | Code::TokenTimeout
            | Code::ChannelBroken
            | Code::BankUnreachable
            | Code::BankFailure
            | Code::InProgress
    )
}

/// Statuses with which the token says that it does not show the order (any more).
fn is_end_of_review(code: Code) -> bool {
    code.wire().is_some() && code != Code::AlreadyDecided
}

/// A locked PIN has no tries left: the token's status does not say the number.
fn with_tries(error: ushield_session::Error) -> Error {
    let error = Error::from(error);
    if error.code() == Code::PinLocked { error.with_tries_left(0) } else { error }
}

/// Which key a certificate is for, in the bank's words and in the token's.
pub(super) fn role_of(role: ushield_bank_api::Role) -> Role {
    match role {
        ushield_bank_api::Role::Pay => Role::Pay,
        ushield_bank_api::Role::Login => Role::Login,
    }
}
