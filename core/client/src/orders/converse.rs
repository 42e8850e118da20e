//! The exchange about one order on one connection: shown, asked for the PIN, answered, or taken back while it is shown.

use ushield_protocol::code::Code;
use ushield_protocol::key::P256Verifier;
use ushield_protocol::message::{Reply, Request};
use ushield_protocol::planted::{self, Bug};
use ushield_session::delivery::{Answer, Delivery, Progress, Verdict};
use ushield_session::order_life::Event;

use super::deliver::{Expiry, Next, Parties};
use super::pins::Pins;
use crate::client::Client;
use crate::customer::{Customer, Moment, PinReason};
use crate::error::Error;
use crate::ports::Millis;
use crate::records::OrderRecord;
use crate::token::{BUSY_TRIES, BUSY_WAIT, HUMAN, Limit, MACHINE, TokenSession};

/// Replies on one connection. A customer who presses OK again and again without a PIN makes one each time; nobody makes so many.
const MOST_REPLIES: u32 = 200;

/// When a PIN that is kept goes to the token: only where it will be held, and not where it may have been compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goes {
    /// With the order: no review runs.
    Along,
    /// Once the token shows the order anew: before, another phone's review ran, or a message stood there.
    WhenShown,
    /// Once the token says that it has none: it may hold this one.
    WhenAsked,
}

/// One order on one connection. The customer may be asked for a PIN meanwhile: the token is heard all the same.
pub(super) struct Conversation<'a, 'c, 'p> {
    client: &'c Client,
    session: &'a mut TokenSession<'c>,
    with: Parties<'a>,
    record: &'a OrderRecord,
    delivery: &'a Delivery,
    pins: &'a mut Pins<'p>,
    page_count: u8,
    expiry: Expiry,
    begun: Millis,
    goes: Goes,
    /// Tries left, as the token said last.
    tries: u8,
    replies: u32,
    busy: u32,
    /// The token is known to show it: before, it would take no PIN by itself.
    shown: bool,
    statement_sent: bool,
    cancel_sent: bool,
}

impl<'a, 'c, 'p> Conversation<'a, 'c, 'p> {
    pub(super) fn new(
        client: &'c Client,
        session: &'a mut TokenSession<'c>,
        with: Parties<'a>,
        record: &'a OrderRecord,
        delivery: &'a Delivery,
        pins: &'a mut Pins<'p>,
        page_count: u8,
    ) -> Self {
        let expiry = Expiry::of(record, delivery.order());
        let begun = client.clock().monotonic();
        let (flags, tries) = (session.state().flags, session.state().tries);
        let goes = match (flags.reviewing, flags.reviewing_ours) {
            (_, true) => Goes::WhenAsked,
            (true, false) => Goes::WhenShown,
            (false, false) => Goes::Along,
        };
        Self {
            client,
            session,
            with,
            record,
            delivery,
            pins,
            page_count,
            expiry,
            begun,
            goes,
            tries,
            replies: 0,
            busy: 0,
            shown: false,
            statement_sent: false,
            cancel_sent: false,
        }
    }

    /// Until the token has answered or ended the review.
    ///
    /// An order that is perhaps there, and that no review of this phone's shows, may be answered: its answer is collected, which is less than
    /// the order. One that is shown is delivered again: the token then tells this connection how it ends.
    pub(super) async fn run(mut self, perhaps_there: bool) -> Result<OrderRecord, Error> {
        if perhaps_there
            && !self.session.state().flags.reviewing_ours
            && let Some(record) = self.collect().await?
        {
            return Ok(record);
        }
        self.send_order().await?;
        loop {
            let ended = match self.next().await {
                Next::Token(reply) => self.hear(&reply?).await?,
                Next::Typed(pin) => {
                    self.pins.keep(pin?, self.client.clock().monotonic(), self.tries);
                    self.send_pin().await?;
                    None
                }
                Next::PinOld => {
                    self.pins.forget();
                    None
                }
                Next::TakeBack => {
                    self.take_back().await?;
                    None
                }
                Next::Expired => self.ask_for_end().await?,
            };
            if let Some(record) = ended {
                return Ok(record);
            }
        }
    }

    /// The answer, if there is one already.
    async fn collect(&mut self) -> Result<Option<OrderRecord>, Error> {
        self.session.send(&self.delivery.collect()).await?;
        let clock = self.client.clock();
        let reply = self.pins.during(clock, self.session.reply(MACHINE)).await?;
        match self.delivery.handle(&reply, &P256Verifier) {
            Ok(Progress::Answered(answer)) => self.answered(answer).await.map(Some),
            // Another phone has delivered the same order meanwhile; or nothing of it is there.
            Ok(Progress::Waiting) => Ok(None),
            Err(error) if error.code() == Code::NotFound => Ok(None),
            Err(error) => Err(error.into()),
            Ok(_) => Err(Error::new(Code::TokenMisbehaved)),
        }
    }

    async fn next(&mut self) -> Next<Result<Reply, Error>> {
        // Neither keep-alives nor events prolong the whole.
        let whole = HUMAN.whole.since(self.client.clock().monotonic().since(self.begun));
        let reply = self.session.reply(Limit { whole, ..HUMAN });
        if self.cancel_sent {
            return Next::Token(reply.await);
        }
        self.client.next(self.with, reply, self.pins, self.shown, &self.expiry).await
    }

    /// What the token said. The order's record when the exchange has come to its end.
    async fn hear(&mut self, reply: &Reply) -> Result<Option<OrderRecord>, Error> {
        self.replies += 1;
        if self.replies > MOST_REPLIES {
            return Err(Error::new(Code::TokenMisbehaved));
        }
        // The result of the cancel itself; the order's own says more.
        if self.cancel_sent && *reply == Reply::ok(Vec::new()) {
            return Ok(None);
        }
        let progress = match self.delivery.handle(reply, &P256Verifier) {
            Ok(progress) => progress,
            Err(error) => return self.refused(error).await,
        };
        self.shown = true;
        match progress {
            Progress::Shown | Progress::Waiting => {
                self.client.apply(self.record, Event::Shown)?;
                let (order, pages) = (self.delivery.id(), self.page_count);
                self.with.customer.tell(&Moment::ReviewOnToken { order, pages });
                self.taken().await?;
            }
            Progress::Answered(answer) => return self.answered(answer).await.map(Some),
            // Nobody is asked for a PIN for what is being taken back.
            Progress::PinNeeded | Progress::PinWrong { .. } if self.cancel_sent => {}
            // OK again, while the customer still types.
            Progress::PinNeeded if self.pins.is_asked() => {}
            Progress::PinNeeded if self.send_pin().await? => {}
            Progress::PinNeeded => {
                self.pins.forget();
                self.ask(&Moment::PinNeeded, self.pins.why());
            }
            Progress::PinWrong { tries } => {
                self.pins.forget();
                self.tries = tries;
                let reason = PinReason::WrongBefore { tries };
                if !self.pins.is_asked_because(reason) {
                    self.ask(&Moment::PinWrong { tries }, reason);
                }
            }
            Progress::LastTry => {
                self.with.customer.tell(&Moment::LastTry);
                // It has a PIN, and warns before it compares it.
                self.pins.settled();
            }
        }
        Ok(None)
    }

    /// The token shows the order: a PIN that came with it is there, and one that waited for this may go.
    async fn taken(&mut self) -> Result<(), Error> {
        match std::mem::replace(&mut self.goes, Goes::WhenAsked) {
            Goes::Along => self.pins.forget(),
            Goes::WhenShown => drop(self.send_pin().await?),
            Goes::WhenAsked => {}
        }
        Ok(())
    }

    /// Sends what is kept, if it has not been sent on this connection. Whether it went.
    async fn send_pin(&mut self) -> Result<bool, Error> {
        let Some(pin) = self.pins.alone(self.client.clock().monotonic()) else { return Ok(false) };
        self.session.send(&Request::Pin { pin }).await?;
        Ok(true)
    }

    fn ask(&mut self, moment: &Moment, reason: PinReason) {
        // A prompt that stands goes before its successor is announced.
        self.pins.end_question();
        self.with.customer.tell(moment);
        self.pins.ask(reason);
    }

    async fn answered(&mut self, answer: Answer) -> Result<OrderRecord, Error> {
        if planted::on(Bug::SubmittedBeforeStored) {
            let _ = self.client.bank().submit(&self.delivery.id(), &answer.bytes).await;
        }
        self.pins.settled();
        tell_verdict(self.with.customer, &answer);
        self.client.apply(self.record, Event::Answered(answer.bytes))
    }

    /// A status other than `ok`: some pass, or pass with what the token lacks.
    async fn refused(&mut self, error: ushield_session::Error) -> Result<Option<OrderRecord>, Error> {
        let code = error.code();
        // A message stands on the screen, or another phone's review: the first is over in seconds.
        if code == Code::Busy && self.busy < BUSY_TRIES && !self.cancel_sent {
            self.busy += 1;
            let clock = self.client.clock();
            self.pins.during(clock, clock.sleep(BUSY_WAIT)).await;
            self.send_again(Goes::WhenShown).await?;
            return Ok(None);
        }
        if asks_for_statement(code) && !self.statement_sent && !self.cancel_sent {
            self.statement_sent = true;
            if self.give_bank_key(code).await? {
                self.send_again(Goes::Along).await?;
                return Ok(None);
            }
        }
        let ended = is_end_of_review(code);
        if ended {
            self.client.apply(self.record, Event::TokenStatus)?;
        }
        // The cancel was the customer's wish: its way goes on at the bank.
        if self.cancel_sent && ended {
            return self.client.again(self.record).map(Some);
        }
        Err(with_tries(error))
    }

    async fn send_order(&mut self) -> Result<(), Error> {
        let now = self.client.clock().monotonic();
        let pin = if self.goes == Goes::Along { self.pins.along(now) } else { None };
        self.session.send(&self.delivery.request(pin)).await
    }

    /// The token took neither the order nor the PIN that came with it.
    async fn send_again(&mut self, goes: Goes) -> Result<(), Error> {
        if self.goes == Goes::Along {
            self.goes = goes;
            self.pins.not_taken();
        }
        self.send_order().await
    }

    /// Durable first, then at the token.
    async fn take_back(&mut self) -> Result<(), Error> {
        self.pins.settled();
        self.with.customer.tell(&Moment::Cancelling);
        let marked = self.client.mark_cancelled(self.record)?;
        let order = marked.id.ok_or(Error::new(Code::UnexpectedEvent))?;
        self.cancel_sent = true;
        self.session.send(&Request::Cancel { order }).await
    }

    async fn ask_for_end(&mut self) -> Result<Option<OrderRecord>, Error> {
        let end = self.client.asked_for_end(self.record, &mut self.expiry);
        let Some(receipt) = self.pins.during(self.client.clock(), end).await else { return Ok(None) };
        // Its screen is cleared, if it can be; the bank's word stands anyway.
        let _ = self.session.send(&Request::Cancel { order: self.delivery.id() }).await;
        self.client.settle(self.record.clone(), receipt).await.map(Some)
    }

    /// Gives the token the statement that it lacks. Whether it took it.
    async fn give_bank_key(&mut self, missing: Code) -> Result<bool, Error> {
        let (order, clock) = (self.delivery.order(), self.client.clock());
        // Where it knows another statement of the key already, only a newer one can help.
        let at = (missing == Code::UnknownOrderKey).then_some(order.payload().issued);
        let statement = self.pins.during(clock, self.client.statement_for(order.kid(), at)).await?;
        let bank_key = Request::BankKey { statement };
        match self.pins.during(clock, self.session.exchange(&bank_key)).await {
            Ok(_) => Ok(true),
            Err(error) if error.code().wire().is_some() => Ok(false),
            Err(error) => Err(error),
        }
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
