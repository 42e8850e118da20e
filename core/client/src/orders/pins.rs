//! The PIN of one run: the question that is open, and what was typed until the token is known to have taken it. In memory alone.

use futures::future::{BoxFuture, pending};
use ushield_protocol::message::State;
use ushield_protocol::pin::PinBlock;

use crate::customer::{Customer, PinReason};
use crate::error::Error;
use crate::ports::Millis;

/// A PIN that was typed, and perhaps never arrived.
struct Unused {
    pin: PinBlock,
    typed: Millis,
    /// What the token said were left when it was typed.
    tries: u8,
}

/// What a broken link interrupts is neither asked nor typed twice.
pub(super) struct Pins<'a> {
    customer: &'a dyn Customer,
    question: Option<(PinReason, BoxFuture<'a, Result<PinBlock, Error>>)>,
    typed: Option<Unused>,
}

impl<'a> Pins<'a> {
    /// As long as a token would keep one.
    const KEPT: Millis = Millis(60_000);

    pub(super) fn new(customer: &'a dyn Customer) -> Self {
        Self { customer, question: None, typed: None }
    }

    pub(super) fn is_asked(&self) -> bool {
        self.question.is_some()
    }

    pub(super) fn is_asked_because(&self, reason: PinReason) -> bool {
        self.question.as_ref().is_some_and(|(asked, _)| *asked == reason)
    }

    /// Asks, in the place of another question.
    pub(super) fn ask(&mut self, reason: PinReason) {
        self.question = Some((reason, self.customer.pin(reason)));
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
        self.typed = Some(Unused { pin, typed, tries });
    }

    pub(super) fn forget(&mut self) {
        self.typed = None;
    }

    /// Forgets what a token in this state had: while it reviews for this phone the PIN has arrived, and with fewer tries it was wrong.
    pub(super) fn heed(&mut self, state: &State, now: Millis) {
        let used = |unused: &Unused| {
            state.flags.reviewing_ours || state.tries < unused.tries || now.since(unused.typed) >= Self::KEPT
        };
        self.typed.take_if(|unused| used(unused));
    }

    pub(super) fn typed(&self) -> Option<PinBlock> {
        self.typed.as_ref().map(|unused| unused.pin.clone())
    }
}
