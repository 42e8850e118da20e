//! An order on its way to the token: the connection, the PIN that goes along, and what the end of the exchange means.

use futures::future::{Either, pending, select};
use ushield_protocol::code::{Class, Code};
use ushield_protocol::message::State;
use ushield_protocol::order::{Order, Verified};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::render::{Notices, Profile, pages};
use ushield_session::delivery::{Delivery, TokenKeys};
use ushield_session::order_life::{Event, Stage};

use super::converse::Conversation;
use super::lanes::Lane;
use super::pins::Pins;
use crate::client::Client;
use crate::customer::{Customer, PinReason};
use crate::error::Error;
use crate::ports::{Connector, Millis, Wanted};
use crate::records::{OrderRecord, TokenRecord};
use crate::token::{Cost, HUMAN, TokenSession};

/// The bank has ended what expired after so many seconds.
const BANK_SWEEPS: u64 = 10;
/// Seconds between two questions to the bank about an order whose time is over.
const ASK_AGAIN: u64 = 30;

/// Who takes part in a delivery.
#[derive(Clone, Copy)]
pub(super) struct Parties<'a> {
    pub(super) connector: &'a dyn Connector,
    pub(super) customer: &'a dyn Customer,
    pub(super) lane: &'a Lane,
    /// The link was lost in this run: the token shows the order, and the customer brings it again when they have decided.
    pub(super) lost: bool,
}

/// What comes next while a token is listened to and the customer may be typing.
pub(super) enum Next<T> {
    /// The token says something, or is gone.
    Token(T),
    /// What the customer answered to the question for a PIN.
    Typed(Result<PinBlock, Error>),
    /// The PIN that is kept may be kept no longer.
    PinOld,
    /// The customer wants the order back.
    TakeBack,
    /// The order's time is over.
    Expired,
}

/// A connection on which the order may go.
enum Prepared<'c> {
    Connected(TokenSession<'c>),
    /// The customer took the order back, or its receipt came.
    Over(OrderRecord),
}

/// When the bank is asked for the receipt of an order whose time is over.
pub(super) struct Expiry(u64);

impl Expiry {
    /// The bank has ended what is over by then; its sweep comes a little later.
    pub(super) fn of(record: &OrderRecord, order: &Order<Verified>) -> Self {
        Self(ends(record, order).saturating_add(BANK_SWEEPS))
    }
}

impl Client {
    /// One delivery. An order that the token does not take (any more) may have ended at the bank: its receipt says how.
    pub(super) async fn deliver(
        &self,
        with: Parties<'_>,
        record: OrderRecord,
        pins: &mut Pins<'_>,
        cost: &mut Cost,
    ) -> Result<OrderRecord, Error> {
        let order = self.own_order(&record)?;
        let late = ends(&record, &order) < self.clock().now().0;
        if late && let Ok(Some(receipt)) = pins.during(self.clock(), self.receipt_at_bank(&record)).await {
            return self.settle(record, receipt).await;
        }
        let token = self.token(record.device)?;
        let prepared = self.prepare(with, &token, &record, &order, pins, late);
        let Some(prepared) = with.lane.unless_cancelled(prepared).await else { return self.again(&record) };
        let mut session = match prepared? {
            Prepared::Connected(session) => session,
            Prepared::Over(record) => return Ok(record),
        };
        let pay = self.pay_key(&token)?.filter(|key| *key.short_key_id().as_bytes() == session.state().pay);
        let keys = TokenKeys { device: token.pairing.device_key, pay };
        let perhaps_there = !matches!(record.life.stage(), Stage::Prepared { .. });
        let record = self.apply(&record, Event::Delivering)?;
        if record.life.cancelled() {
            session.close().await;
            return Ok(record);
        }
        let page_count = page_count(&order, session.state());
        let delivery = Delivery::new(order, keys);
        let conversation = Conversation::new(self, &mut session, with, &record, &delivery, pins, page_count);
        let delivered = conversation.run(perhaps_there).await;
        *cost = session.cost();
        if !matches!(&delivered, Err(error) if matches!(error.code(), Code::LinkLost | Code::TagLost)) {
            session.close().await;
        }
        match delivered {
            Err(error) if error.class() == Class::Terminal && error.code().wire().is_some() => {
                match self.receipt_at_bank(&record).await {
                    Ok(Some(receipt)) => self.settle(record, receipt).await,
                    Ok(None) | Err(_) => Err(error),
                }
            }
            delivered => delivered,
        }
    }

    /// Connects, and asks for the PIN where one message shall carry it with the order. When the order may be at the token
    /// already, its answer may be there too: nobody is asked twice, and a PIN that was locked since does not matter. A PIN that was
    /// typed and lost is not asked for. A token that another phone keeps busy takes no PIN: it asks for one itself, should it take the order.
    async fn prepare(
        &self,
        with: Parties<'_>,
        token: &TokenRecord,
        record: &OrderRecord,
        order: &Order<Verified>,
        pins: &mut Pins<'_>,
        late: bool,
    ) -> Result<Prepared<'_>, Error> {
        let first = matches!(record.life.stage(), Stage::Prepared { .. });
        let mut expiry = Expiry::of(record, order);
        let mut wanted = Wanted::paired(&token.pairing);
        if !first && with.lost {
            wanted.wait(HUMAN.whole);
        }
        let mut open =
            Box::pin(TokenSession::open_wanted(self, with.connector, with.customer, token, wanted));
        let mut session = loop {
            match self.next(with, &mut open, pins, false, &expiry).await {
                Next::Token(opened) => break opened?,
                Next::Typed(_) => {}
                Next::PinOld => pins.forget(),
                Next::TakeBack => return Ok(Prepared::Over(self.mark_cancelled(record)?)),
                Next::Expired => {
                    if let Some(receipt) = self.asked_for_end(record, &mut expiry).await {
                        return Ok(Prepared::Over(self.settle(record.clone(), receipt).await?));
                    }
                }
            }
        };
        drop(open);
        let (flags, tries) = (session.state().flags, session.state().tries);
        if first && flags.pin_initial {
            return Err(Error::new(Code::PinInitial));
        }
        if first && flags.pin_locked {
            return Err(Error::new(Code::PinLocked).with_tries_left(0));
        }
        pins.heed(session.state());
        if flags.reviewing && !flags.reviewing_ours {
            pins.end_question();
            return Ok(Prepared::Connected(session));
        }
        if !first || late || pins.is_kept() {
            return Ok(Prepared::Connected(session));
        }
        if !pins.is_asked() {
            pins.ask(PinReason::Approve);
        }
        loop {
            match self.next(with, session.lost(), pins, true, &expiry).await {
                // The question stays open over the next connection.
                Next::Token(error) => return Err(error),
                Next::Typed(pin) => {
                    pins.keep(pin?, self.clock().monotonic(), tries);
                    return Ok(Prepared::Connected(session));
                }
                Next::PinOld => pins.forget(),
                Next::TakeBack => {
                    let cancelled = self.mark_cancelled(record)?;
                    session.close().await;
                    return Ok(Prepared::Over(cancelled));
                }
                Next::Expired => {
                    if let Some(receipt) = self.asked_for_end(record, &mut expiry).await {
                        session.close().await;
                        return Ok(Prepared::Over(self.settle(record.clone(), receipt).await?));
                    }
                }
            }
        }
    }

    /// What comes next: the token is heard first, so that nobody types on for what it does not need.
    pub(super) async fn next<T>(
        &self,
        with: Parties<'_>,
        token: impl Future<Output = T> + Send,
        pins: &mut Pins<'_>,
        may_type: bool,
        expiry: &Expiry,
    ) -> Next<T> {
        let cancel = select(with.customer.cancel_wanted(), Box::pin(with.lane.cancelled()));
        let left = expiry.0.saturating_sub(self.clock().now().0);
        let over = Box::pin(self.clock().sleep(Millis(left.saturating_mul(1_000))));
        let kept = pins.time_left(self.clock().monotonic());
        let old = async {
            match kept {
                Some(left) => self.clock().sleep(left).await,
                None => pending().await,
            }
        };
        let typed = async { if may_type { pins.answer().await } else { pending().await } };
        let pin = select(Box::pin(typed), Box::pin(old));
        let wish = select(pin, select(cancel, over));
        match select(Box::pin(token), wish).await {
            Either::Left((heard, _)) => Next::Token(heard),
            Either::Right((Either::Left((Either::Left((pin, _)), _)), _)) => Next::Typed(pin),
            Either::Right((Either::Left((Either::Right(_), _)), _)) => Next::PinOld,
            Either::Right((Either::Right((Either::Left(_), _)), _)) => Next::TakeBack,
            Either::Right((Either::Right((Either::Right(_), _)), _)) => Next::Expired,
        }
    }

    /// The receipt of an order whose time is over. Without one this phone's clock may be wrong, or the bank be away: later again.
    pub(super) async fn asked_for_end(&self, record: &OrderRecord, expiry: &mut Expiry) -> Option<Vec<u8>> {
        let receipt = self.receipt_at_bank(record).await.ok().flatten();
        expiry.0 = self.clock().now().0.saturating_add(ASK_AGAIN);
        receipt
    }
}

/// When the order's time is over by this phone's clock, which may be behind the bank's: an order lives no longer than from the request on.
fn ends(record: &OrderRecord, order: &Order<Verified>) -> u64 {
    let payload = order.payload();
    let life = payload.expires.saturating_sub(payload.issued);
    payload.expires.min(record.asked.saturating_add(life))
}

fn page_count(order: &Order<Verified>, state: &State) -> u8 {
    Profile::from_number(state.profile)
        .and_then(|profile| pages(order, profile, &Notices::default()).ok())
        .map_or(0, |pages| pages.count())
}
