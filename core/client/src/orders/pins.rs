//! The PIN of one run: the question that is open, and what was typed until the token is known to have taken it. In memory alone.

use futures::future::{BoxFuture, Either, pending, select};
use ushield_protocol::message::State;
use ushield_protocol::pin::PinBlock;

use crate::customer::{Customer, PinReason};
use crate::error::Error;
use crate::ports::{Clock, Millis};

/// A PIN that was typed, and perhaps never arrived.
struct Kept {
    pin: PinBlock,
    typed: Millis,
    /// What the token said were left when it was typed.
    tries: u8,
    /// On this connection.
    sent: bool,
    /// It went last in one message with its order: a token that shows the order has it.
    with_order: bool,
}

/// What a broken link interrupts is neither asked nor typed twice.
pub(super) struct Pins<'a> {
    customer: &'a dyn Customer,
    question: Option<(PinReason, BoxFuture<'a, Result<PinBlock, Error>>)>,
    /// Why the next question would be asked.
    why: PinReason,
    kept: Option<Kept>,
}

impl<'a> Pins<'a> {
    /// As long as a token would keep one.
    const KEPT: Millis = Millis(60_000);

    pub(super) fn new(customer: &'a dyn Customer) -> Self {
        Self { customer, question: None, why: PinReason::Approve, kept: None }
    }

    pub(super) fn is_asked(&self) -> bool {
        self.question.is_some()
    }

    pub(super) fn is_asked_because(&self, reason: PinReason) -> bool {
        self.question.as_ref().is_some_and(|(asked, _)| *asked == reason)
    }

    /// Asks, in the place of another question.
    pub(super) fn ask(&mut self, reason: PinReason) {
        self.why = reason;
        self.question = Some((reason, self.customer.pin(reason)));
    }

    /// Why a token that says nothing new of the PIN has it asked for.
    pub(super) fn why(&self) -> PinReason {
        self.why
    }

    /// The prompt goes: nobody needs its answer any more.
    pub(super) fn end_question(&mut self) {
        self.question = None;
    }

    /// What the customer answers to the open question; never returns without one. Safe to drop: the question stays open.
    pub(super) async fn answer(&mut self) -> Result<PinBlock, Error> {
        let answer = match &mut self.question {
            Some((_, answer)) => answer.await,
            None => pending().await,
        };
        self.question = None;
        answer
    }

    pub(super) fn keep(&mut self, pin: PinBlock, typed: Millis, tries: u8) {
        self.kept = Some(Kept { pin, typed, tries, sent: false, with_order: false });
    }

    pub(super) fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    pub(super) fn forget(&mut self) {
        self.kept = None;
    }

    /// The token has it, or the customer has decided: what was wrong before is history.
    pub(super) fn settled(&mut self) {
        self.end_question();
        self.forget();
        self.why = PinReason::Approve;
    }

    /// A new connection to a token in this state. Forgets what it had: with fewer tries the PIN was wrong, and an order under
    /// review that came with it brought it. One that was sent by itself may be lost all the same.
    pub(super) fn heed(&mut self, state: &State) {
        let Some(kept) = &mut self.kept else { return };
        let tries = state.tries;
        if tries < kept.tries {
            self.why = PinReason::WrongBefore { tries };
            self.kept = None;
        } else if kept.with_order && state.flags.reviewing_ours {
            self.kept = None;
        } else {
            kept.sent = false;
        }
    }

    /// What is kept, to go in one message with the order.
    pub(super) fn along(&mut self, now: Millis) -> Option<PinBlock> {
        self.unsent(now, true)
    }

    /// What is kept, to go by itself.
    pub(super) fn alone(&mut self, now: Millis) -> Option<PinBlock> {
        self.unsent(now, false)
    }

    /// Never the same one twice on a connection, whatever the token says. A phone that slept has heard the token before it saw the time.
    fn unsent(&mut self, now: Millis, with_order: bool) -> Option<PinBlock> {
        self.forget_old(now);
        let kept = self.kept.as_mut().filter(|kept| !kept.sent)?;
        (kept.sent, kept.with_order) = (true, with_order);
        Some(kept.pin.clone())
    }

    /// The token refused the order that brought it: it holds nothing.
    pub(super) fn not_taken(&mut self) {
        if let Some(kept) = &mut self.kept {
            (kept.sent, kept.with_order) = (false, false);
        }
    }

    /// How much longer it may be kept. Forgets one whose time is over.
    pub(super) fn time_left(&mut self, now: Millis) -> Option<Millis> {
        self.forget_old(now);
        self.kept.as_ref().map(|kept| Self::KEPT.since(now.since(kept.typed)))
    }

    /// Work during which what is kept grows old.
    pub(super) async fn during<T>(&mut self, clock: &dyn Clock, work: impl Future<Output = T> + Send) -> T {
        let Some(left) = self.time_left(clock.monotonic()) else { return work.await };
        match select(Box::pin(work), clock.sleep(left)).await {
            Either::Left((done, _)) => done,
            Either::Right(((), work)) => {
                self.forget();
                work.await
            }
        }
    }

    fn forget_old(&mut self, now: Millis) {
        self.kept.take_if(|kept| now.since(kept.typed) >= Self::KEPT);
    }
}
