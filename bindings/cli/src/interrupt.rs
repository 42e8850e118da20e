//! Ctrl-C: the first one takes the order back, the second one leaves; where all orders go on the first one leaves. Nothing is lost by any.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{Either, select};
use serde_json::json;
use tokio::sync::Notify;

use crate::output::{Output, Tone};

/// What a Ctrl-C led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The question that stood is given up.
    None,
    /// The order is being taken back.
    Cancelling,
    /// The program leaves, and `resume` goes on.
    Leaving,
    /// The program leaves, and there is nothing to go on with.
    Ending,
    /// The program has shown what it was to show until now.
    Shown,
    /// The program leaves, and every order stays as it is.
    Stopping,
}

/// Says what a Ctrl-C led to.
pub(crate) fn tell(output: &Output, effect: Effect) {
    let (leaving, text) = match effect {
        Effect::None | Effect::Shown => return,
        Effect::Cancelling => (false, output.words.say("interrupt-again")),
        Effect::Leaving => (true, output.words.say("interrupt-leaves")),
        Effect::Ending => (true, output.words.say("interrupt-ends")),
        Effect::Stopping => (true, output.words.say("interrupt-stops")),
    };
    // In the middle of the result it says nothing new.
    if output.is_closed() {
        return;
    }
    output.event(&json!({"moment": "interrupted", "leaving": leaving}), &text, Tone::Strong);
}

/// What a command leaves behind when it is stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// Perhaps an order, with which `resume` goes on.
    #[default]
    Orders,
    /// Nothing of the kind.
    Nothing,
    /// It shows something until it is stopped.
    Shown,
}

/// Where a Ctrl-C goes.
#[derive(Default)]
pub(crate) struct Interrupts {
    leaves: Leaves,
    state: Mutex<State>,
    heard: Notify,
    unheard: Notify,
    stopped: Notify,
    leave: Notify,
}

#[derive(Default)]
struct State {
    pressed: u32,
    /// Who waits in [`Interrupts::cancel_wanted`].
    listeners: u32,
    runs: Runs,
    /// Whether a question stands at the terminal. Nobody may be waiting for its answer just now: it outlives a broken link.
    question: bool,
}

/// What a Ctrl-C is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Runs {
    /// A question, or the program.
    #[default]
    Other,
    /// One order, which can be taken back.
    Order,
    /// Whatever is open: none of it was begun by this command.
    All,
}

impl Interrupts {
    /// For a command that leaves this behind.
    pub(crate) fn of(leaves: Leaves) -> Self {
        Self { leaves, ..Self::default() }
    }

    /// Takes signals from now on: also one that comes before a task of this has run.
    #[cfg(unix)]
    pub(crate) fn watch(self: &Arc<Self>, tell: impl Fn(Effect) + Send + 'static) {
        use tokio::signal::unix::{SignalKind, signal};
        // Without these a signal does what it always does.
        if let Ok(mut pressed) = signal(SignalKind::interrupt()) {
            let interrupts = Arc::clone(self);
            tokio::spawn(async move {
                while pressed.recv().await.is_some() {
                    tell(interrupts.signal());
                }
            });
        }
        // Who ends this program, or closes its terminal, finds the terminal as it was before. An image of the memory would hold secrets.
        for kind in [SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()] {
            let interrupts = Arc::clone(self);
            let Ok(mut ended) = signal(kind) else { continue };
            tokio::spawn(async move {
                if ended.recv().await.is_some() {
                    interrupts.leave.notify_one();
                }
            });
        }
    }

    /// Takes signals from now on.
    #[cfg(not(unix))]
    pub(crate) fn watch(self: &Arc<Self>, tell: impl Fn(Effect) + Send + 'static) {
        let interrupts = Arc::clone(self);
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                tell(interrupts.signal());
            }
        });
    }

    fn signal(&self) -> Effect {
        let mut state = self.state();
        state.pressed = state.pressed.saturating_add(1);
        let first = state.pressed == 1;
        match state.runs {
            Runs::All => {
                self.leave.notify_one();
                Effect::Stopping
            }
            Runs::Order if first => {
                // The question goes with what asks it.
                let hears = state.listeners > 0 && !state.question;
                if hears { &self.heard } else { &self.unheard }.notify_one();
                Effect::Cancelling
            }
            Runs::Other if first && state.question => {
                self.stopped.notify_one();
                Effect::None
            }
            Runs::Order | Runs::Other => {
                self.leave.notify_one();
                match self.leaves {
                    Leaves::Orders => Effect::Leaving,
                    Leaves::Nothing => Effect::Ending,
                    Leaves::Shown => Effect::Shown,
                }
            }
        }
    }

    /// Waits for an answer; a Ctrl-C ends the question with `Interrupted`.
    pub(crate) async fn question<T>(&self, answer: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let _stands = QuestionStands::new(self);
        // One that came as the last question went is not for this one.
        let _ = self.stopped.notified().now_or_never();
        match select(pin!(answer), pin!(self.stopped.notified())).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(io::Error::from(io::ErrorKind::Interrupted)),
        }
    }

    /// Returns at a Ctrl-C while somebody waits here.
    pub(crate) async fn cancel_wanted(&self) {
        let _listening = Listening::new(self);
        self.heard.notified().await;
    }

    /// Returns at a Ctrl-C while an order runs and nobody waits in [`Interrupts::cancel_wanted`], or a question stands.
    pub(crate) async fn unheard(&self) {
        self.unheard.notified().await;
    }

    /// Whether a Ctrl-C wanted the order back and met nobody any more who could see to it.
    pub(crate) fn left_unheard(&self) -> bool {
        let unheard = self.unheard.notified().now_or_never();
        self.heard.notified().now_or_never().or(unheard).is_some()
    }

    /// Returns when the program is to leave.
    pub(crate) async fn leave(&self) {
        self.leave.notified().await;
    }

    /// An order runs, until the result is dropped.
    pub(crate) fn order(&self) -> Running<'_> {
        self.runs(Runs::Order)
    }

    /// All that is open goes on, until the result is dropped: a Ctrl-C stops that and takes nothing back.
    pub(crate) fn all(&self) -> Running<'_> {
        self.runs(Runs::All)
    }

    fn runs(&self, runs: Runs) -> Running<'_> {
        self.state().runs = runs;
        Running(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Interrupts::order`] and [`Interrupts::all`].
#[must_use]
pub(crate) struct Running<'a>(&'a Interrupts);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.state().runs = Runs::Other;
    }
}

struct QuestionStands<'a>(&'a Interrupts);

impl<'a> QuestionStands<'a> {
    fn new(interrupts: &'a Interrupts) -> Self {
        interrupts.state().question = true;
        Self(interrupts)
    }
}

impl Drop for QuestionStands<'_> {
    fn drop(&mut self) {
        self.0.state().question = false;
    }
}

struct Listening<'a>(&'a Interrupts);

impl<'a> Listening<'a> {
    fn new(interrupts: &'a Interrupts) -> Self {
        let mut state = interrupts.state();
        state.listeners = state.listeners.saturating_add(1);
        drop(state);
        Self(interrupts)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.listeners = state.listeners.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use futures::future::{join, pending, ready};

    use super::*;

    #[tokio::test]
    async fn the_first_one_cancels_where_somebody_listens_and_the_second_leaves() {
        let interrupts = Interrupts::default();
        let _order = interrupts.order();
        let press = async { assert_eq!(interrupts.signal(), Effect::Cancelling) };
        join(interrupts.cancel_wanted(), press).await;
        assert!(interrupts.unheard().now_or_never().is_none());
        assert_eq!(interrupts.signal(), Effect::Leaving);
        assert!(interrupts.leave().now_or_never().is_some());
    }

    #[tokio::test]
    async fn while_nobody_listens_the_order_is_still_taken_back() {
        let interrupts = Interrupts::default();
        let order = interrupts.order();
        // Somebody listened, and does not any more.
        drop(select(Box::pin(interrupts.cancel_wanted()), ready(())).await);
        assert_eq!(interrupts.signal(), Effect::Cancelling);
        assert!(interrupts.unheard().now_or_never().is_some());
        drop(order);
    }

    #[tokio::test]
    async fn without_an_order_the_first_one_leaves() {
        let interrupts = Interrupts::default();
        drop(interrupts.order());
        assert_eq!(interrupts.signal(), Effect::Leaving);
        assert!(interrupts.leave().now_or_never().is_some());
    }

    #[test]
    fn what_a_command_leaves_behind_decides_what_is_said() {
        for (leaves, effect) in [
            (Leaves::Orders, Effect::Leaving),
            (Leaves::Nothing, Effect::Ending),
            (Leaves::Shown, Effect::Shown),
        ] {
            let interrupts = Interrupts::of(leaves);
            assert_eq!(interrupts.signal(), effect);
            assert!(interrupts.leave().now_or_never().is_some());
        }
    }

    #[tokio::test]
    async fn a_key_press_in_a_question_ends_it_and_counts_once() {
        let interrupts = Interrupts::default();
        let press = async { assert_eq!(interrupts.signal(), Effect::None) };
        let (answer, ()) = join(interrupts.question(pending::<io::Result<()>>()), press).await;
        assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert_eq!(interrupts.signal(), Effect::Leaving, "the next one is the second");
    }

    #[tokio::test]
    async fn a_question_that_nobody_waits_for_just_now_takes_no_key_press_from_its_order() {
        let interrupts = Interrupts::default();
        let _order = interrupts.order();
        let mut question = Box::pin(interrupts.question(pending::<io::Result<()>>()));
        assert!(question.as_mut().now_or_never().is_none(), "it stands");
        assert_eq!(interrupts.signal(), Effect::Cancelling);
        assert!(interrupts.unheard().now_or_never().is_some());
        assert!(question.as_mut().now_or_never().is_none(), "and goes only with its order");
        assert_eq!(interrupts.signal(), Effect::Leaving);
    }

    #[tokio::test]
    async fn a_key_press_that_its_order_had_no_time_to_hear_is_not_lost() {
        let interrupts = Interrupts::default();
        let _order = interrupts.order();
        let listens = interrupts.cancel_wanted();
        {
            let mut listens = std::pin::pin!(listens);
            assert!(listens.as_mut().now_or_never().is_none());
            assert_eq!(interrupts.signal(), Effect::Cancelling);
            // The link breaks before anybody hears it.
        }
        assert!(interrupts.left_unheard());
        assert!(!interrupts.left_unheard(), "once");
    }

    #[tokio::test]
    async fn where_all_goes_on_a_key_press_stops_all_wherever_it_is() {
        let interrupts = Interrupts::default();
        let _all = interrupts.all();
        let mut question = Box::pin(interrupts.question(pending::<io::Result<()>>()));
        let mut listens = Box::pin(interrupts.cancel_wanted());
        assert!(question.as_mut().now_or_never().is_none() && listens.as_mut().now_or_never().is_none());
        assert_eq!(interrupts.signal(), Effect::Stopping);
        assert!(interrupts.leave().now_or_never().is_some());
        assert!(question.as_mut().now_or_never().is_none() && listens.as_mut().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_question_that_is_answered_or_given_up_leaves_no_trace() {
        let interrupts = Interrupts::default();
        let _order = interrupts.order();
        assert!(interrupts.question(ready(Ok(()))).await.is_ok());
        assert!(interrupts.question(pending::<io::Result<()>>()).now_or_never().is_none());
        assert_eq!(interrupts.signal(), Effect::Cancelling);
    }

    #[tokio::test]
    async fn a_key_press_that_met_the_end_of_a_question_does_not_end_the_next() {
        let interrupts = Interrupts::default();
        let pressed_as_it_ends = async {
            interrupts.signal();
            Ok(())
        };
        // Whichever of the two is seen first.
        let _ = interrupts.question(pressed_as_it_ends).await;
        assert!(interrupts.question(ready(Ok(()))).await.is_ok());
    }
}
