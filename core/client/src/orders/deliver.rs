//! An order at the token: delivered, shown, answered, or taken back while it is shown.

use futures::future::{Either, select};
use ushield_protocol::code::{Class, Code};
use ushield_protocol::key::RingVerifier;
use ushield_protocol::message::{Reply, Request, State};
use ushield_protocol::order::{Order, Verified};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::render::{Notices, Profile, pages};
use ushield_session::delivery::{Answer, Delivery, Progress, TokenKeys, Verdict};
use ushield_session::order_life::{Event, Stage};

use super::lanes::Lane;
use crate::client::Client;
use crate::customer::{Customer, Moment, PinReason};
use crate::error::Error;
use crate::ports::{Connector, Millis};
use crate::records::{OrderRecord, TokenRecord};
use crate::token::{BUSY_TRIES, BUSY_WAIT, Cost, HUMAN, Limit, TokenSession};

/// The bank has ended what expired after so many seconds.
const BANK_SWEEPS: u64 = 10;
/// Seconds between two questions to the bank about an order whose time is over.
const ASK_AGAIN: u64 = 30;

/// What comes next while the token shows an order.
enum Next {
    /// The token says something.
    Reply(Reply),
    /// The customer wants it back.
    TakeBack,
    /// Its time is over.
    Expired,
}

/// A PIN that was typed, until the token is known to have taken it: what a broken link lost is not typed twice. In memory alone.
#[derive(Default)]
pub(super) struct Typed(Option<Unused>);

struct Unused {
    pin: PinBlock,
    typed: Millis,
    /// What the token said were left when it was typed.
    tries: u8,
}

impl Typed {
    /// As long as a token would keep it.
    const KEPT: Millis = Millis(60_000);

    fn keep(&mut self, pin: PinBlock, typed: Millis, tries: u8) {
        self.0 = Some(Unused { pin, typed, tries });
    }

    fn forget(&mut self) {
        self.0 = None;
    }

    /// Forgets what a token in this state had: while it reviews for this phone the PIN has arrived, and with fewer tries it was wrong.
    fn heed(&mut self, state: &State, now: Millis) {
        let used = |unused: &Unused| {
            state.flags.reviewing_ours || state.tries < unused.tries || now.since(unused.typed) >= Self::KEPT
        };
        self.0.take_if(|unused| used(unused));
    }

    fn pin(&self) -> Option<PinBlock> {
        self.0.as_ref().map(|unused| unused.pin.clone())
    }
}

/// Who takes part in a delivery.
#[derive(Clone, Copy)]
pub(super) struct Parties<'a> {
    pub(super) connector: &'a dyn Connector,
    pub(super) customer: &'a dyn Customer,
    pub(super) lane: &'a Lane,
}

impl Client {
    /// One delivery. An order that the token does not take (any more) may have ended at the bank: its receipt says how.
    pub(super) async fn deliver(
        &self,
        with: Parties<'_>,
        record: OrderRecord,
        typed: &mut Typed,
        cost: &mut Cost,
    ) -> Result<OrderRecord, Error> {
        let order = self.own_order(&record)?;
        let first = matches!(record.life.stage(), Stage::Prepared { .. });
        let late = ends(&record, &order) < self.clock().now().0;
        if late && let Ok(Some(receipt)) = self.receipt_at_bank(&record).await {
            return self.settle(record, receipt).await;
        }
        let token = self.token(record.device)?;
        let prepared = with.lane.unless_cancelled(self.prepare(with, &token, typed, first, late)).await;
        let Some(prepared) = prepared else { return self.again(&record) };
        let mut session = prepared?;
        let pay = self.pay_key(&token)?.filter(|key| *key.short_key_id().as_bytes() == session.state().pay);
        let keys = TokenKeys { device: token.pairing.device_key, pay };
        let record = self.apply(&record, Event::Delivering)?;
        if record.life.cancelled() {
            session.close().await;
            return Ok(record);
        }
        let page_count = page_count(&order, session.state());
        let delivery = Delivery::new(order, keys);
        let delivered = self.converse(&mut session, with, &record, &delivery, typed, page_count).await;
        *cost = session.cost();
        if !matches!(&delivered, Err(error) if error.code() == Code::LinkLost) {
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
    /// typed and lost goes along.
    async fn prepare(
        &self,
        with: Parties<'_>,
        token: &TokenRecord,
        typed: &mut Typed,
        first: bool,
        late: bool,
    ) -> Result<TokenSession<'_>, Error> {
        let session = TokenSession::open(self, with.connector, with.customer, token).await?;
        let flags = session.state().flags;
        if first && flags.pin_initial {
            return Err(Error::new(Code::PinInitial));
        }
        if first && flags.pin_locked {
            return Err(Error::new(Code::PinLocked).with_tries_left(0));
        }
        let now = || self.clock().monotonic();
        typed.heed(session.state(), now());
        if typed.0.is_none() && first && !late {
            let pin = with.customer.pin(PinReason::Approve).await?;
            typed.keep(pin, now(), session.state().tries);
        }
        Ok(session)
    }

    /// The exchange about one order, until the token has answered or ended the review.
    async fn converse(
        &self,
        session: &mut TokenSession<'_>,
        with: Parties<'_>,
        record: &OrderRecord,
        delivery: &Delivery,
        typed: &mut Typed,
        page_count: u8,
    ) -> Result<OrderRecord, Error> {
        let customer = with.customer;
        let pin = typed.pin();
        session.send(&delivery.request(pin.clone())).await?;
        let mut statement_sent = false;
        let mut busy = 0;
        let mut cancel_sent = false;
        let mut heard = self.clock().monotonic();
        // The bank has ended what is over by then; its sweep comes a little later.
        let mut ask_at = ends(record, delivery.order()).saturating_add(BANK_SWEEPS);
        loop {
            let whole = HUMAN.whole.since(self.clock().monotonic().since(heard));
            let limit = Limit { whole, ..HUMAN };
            let reply = if cancel_sent {
                session.reply(limit).await?
            } else {
                match self.next(session, with, ask_at, limit).await? {
                    Next::Reply(reply) => reply,
                    Next::TakeBack => {
                        self.take_back(session, customer, record).await?;
                        cancel_sent = true;
                        continue;
                    }
                    Next::Expired => match self.receipt_at_bank(record).await {
                        Ok(Some(receipt)) => {
                            // Its screen is cleared, if it can be; the bank's word stands anyway.
                            let _ = session.send(&Request::Cancel { order: delivery.id() }).await;
                            return self.settle(record.clone(), receipt).await;
                        }
                        Ok(None) | Err(_) => {
                            // This phone's clock may be wrong, or the bank be away.
                            ask_at = self.clock().now().0.saturating_add(ASK_AGAIN);
                            continue;
                        }
                    },
                }
            };
            heard = self.clock().monotonic();
            // The result of the cancel itself; the order's own says more.
            if cancel_sent && reply == Reply::ok(Vec::new()) {
                continue;
            }
            let progress = delivery.handle(&reply, &RingVerifier);
            if progress.is_ok() {
                typed.forget();
            }
            let wanted = match progress {
                Ok(Progress::Shown | Progress::Waiting) => {
                    self.apply(record, Event::Shown)?;
                    customer.tell(&Moment::ReviewOnToken { order: delivery.id(), pages: page_count });
                    continue;
                }
                // Nobody is asked for a PIN for what is being taken back.
                Ok(Progress::PinNeeded | Progress::PinWrong { .. } | Progress::LastTry) if cancel_sent => {
                    continue;
                }
                Ok(Progress::PinNeeded) => {
                    customer.tell(&Moment::PinNeeded);
                    PinReason::Approve
                }
                Ok(Progress::PinWrong { tries }) => {
                    customer.tell(&Moment::PinWrong { tries });
                    PinReason::WrongBefore { tries }
                }
                Ok(Progress::LastTry) => {
                    customer.tell(&Moment::LastTry);
                    continue;
                }
                Ok(Progress::Answered(answer)) => {
                    if planted::on(Bug::SubmittedBeforeStored) {
                        let _ = self.bank().submit(&delivery.id(), &answer.bytes).await;
                    }
                    tell_verdict(customer, &answer);
                    return self.apply(record, Event::Answered(answer.bytes));
                }
                // A message stands on the screen, or another phone's review: the first is over in seconds.
                Err(error) if error.code() == Code::Busy && busy < BUSY_TRIES && !cancel_sent => {
                    busy += 1;
                    self.clock().sleep(BUSY_WAIT).await;
                    session.send(&delivery.request(pin.clone())).await?;
                    continue;
                }
                Err(error) if asks_for_statement(error.code()) && !statement_sent && !cancel_sent => {
                    statement_sent = true;
                    if self.give_bank_key(session, record, error.code()).await? {
                        session.send(&delivery.request(pin.clone())).await?;
                        continue;
                    }
                    self.apply(record, Event::TokenStatus)?;
                    return Err(Error::from(error));
                }
                Err(error) => {
                    let ended = is_end_of_review(error.code());
                    if ended {
                        self.apply(record, Event::TokenStatus)?;
                    }
                    // The cancel was the customer's wish: its way goes on at the bank.
                    return if cancel_sent && ended { self.again(record) } else { Err(with_tries(error)) };
                }
            };
            match with.lane.unless_cancelled(customer.pin(wanted)).await {
                Some(pin) => session.send(&Request::Pin { pin: pin? }).await?,
                None => {
                    self.take_back(session, customer, record).await?;
                    cancel_sent = true;
                }
            }
        }
    }

    /// What comes next while the token shows the order.
    async fn next(
        &self,
        session: &mut TokenSession<'_>,
        with: Parties<'_>,
        ask_at: u64,
        limit: Limit,
    ) -> Result<Next, Error> {
        let reply = Box::pin(session.reply(limit));
        let cancel = select(with.customer.cancel_wanted(), Box::pin(with.lane.cancelled()));
        let left = ask_at.saturating_sub(self.clock().now().0);
        let expiry = Box::pin(self.clock().sleep(Millis(left.saturating_mul(1_000))));
        match select(reply, select(cancel, expiry)).await {
            Either::Left((reply, _)) => reply.map(Next::Reply),
            Either::Right((Either::Left(_), _)) => Ok(Next::TakeBack),
            Either::Right((Either::Right(_), _)) => Ok(Next::Expired),
        }
    }

    /// Durable first, then at the token.
    async fn take_back(
        &self,
        session: &mut TokenSession<'_>,
        customer: &dyn Customer,
        record: &OrderRecord,
    ) -> Result<(), Error> {
        customer.tell(&Moment::Cancelling);
        let order = self.mark_cancelled(record)?.id.ok_or(Error::new(Code::UnexpectedEvent))?;
        session.send(&Request::Cancel { order }).await
    }

    /// Gives the token the statement that it lacks. Whether it took it.
    async fn give_bank_key(
        &self,
        session: &mut TokenSession<'_>,
        record: &OrderRecord,
        missing: Code,
    ) -> Result<bool, Error> {
        let order = self.own_order(record)?;
        // Where it knows another statement of the key already, only a newer one can help.
        let at = (missing == Code::UnknownOrderKey).then_some(order.payload().issued);
        let statement = self.statement_for(order.kid(), at).await?;
        match session.exchange(&Request::BankKey { statement }).await {
            Ok(_) => Ok(true),
            Err(error) if error.code().wire().is_some() => Ok(false),
            Err(error) => Err(error),
        }
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

fn tell_verdict(customer: &dyn Customer, answer: &Answer) {
    match answer.verdict {
        Verdict::Approved | Verdict::Attested => customer.tell(&Moment::Approved),
        Verdict::Rejected => customer.tell(&Moment::Rejected),
        // The bank will say.
        Verdict::Unreadable => {}
    }
}

/// Statuses that a further statement over the order's key may change.
fn asks_for_statement(code: Code) -> bool {
    matches!(code, Code::UnknownOrderKey | Code::IssuedOutsideValidity | Code::OperationNotAllowed)
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
