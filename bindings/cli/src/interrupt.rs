//! Ctrl-C: the first one takes the order back, the second one leaves. Nothing is lost by either.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::sync::Notify;

use crate::output::{Output, Tone};

/// What a Ctrl-C led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The prompt that was open has dealt with it.
    None,
    /// The order is being taken back.
    Cancelling,
    /// The program leaves.
    Leaving,
}

/// Says what a Ctrl-C led to.
pub(crate) fn tell(output: &Output, effect: Effect) {
    let (leaving, text) = match effect {
        Effect::None => return,
        Effect::Cancelling => (false, output.words.say("interrupt-again")),
        Effect::Leaving => (true, output.words.say("interrupt-leaves")),
    };
    output.event(&json!({"moment": "interrupted", "leaving": leaving}), &text, Tone::Strong);
}

/// Where a Ctrl-C goes.
#[derive(Default)]
pub(crate) struct Interrupts {
    state: Mutex<State>,
    heard: Notify,
    unheard: Notify,
    leave: Notify,
}

#[derive(Default)]
struct State {
    pressed: u32,
    /// Who waits in [`Interrupts::cancel_wanted`].
    listeners: u32,
    /// Whether an order runs that can be taken back.
    order: bool,
    prompt: Prompt,
}

/// A prompt reads Ctrl-C as a character and raises the signal afterwards: one key press, seen twice.
#[derive(Default, PartialEq, Eq)]
enum Prompt {
    #[default]
    Closed,
    Open,
    /// Open, and the signal was here already.
    OpenAndSignalled,
    /// Closed by Ctrl-C; the signal is still to come.
    SignalToCome,
}

impl Interrupts {
    /// Takes signals from now on.
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
        match state.prompt {
            Prompt::Open => {
                state.prompt = Prompt::OpenAndSignalled;
                return Effect::None;
            }
            Prompt::SignalToCome => {
                state.prompt = Prompt::Closed;
                return Effect::None;
            }
            Prompt::Closed | Prompt::OpenAndSignalled => {}
        }
        state.pressed = state.pressed.saturating_add(1);
        if state.pressed == 1 && state.listeners > 0 {
            self.heard.notify_one();
            Effect::Cancelling
        } else if state.pressed == 1 && state.order {
            self.unheard.notify_one();
            Effect::Cancelling
        } else {
            self.leave.notify_one();
            Effect::Leaving
        }
    }

    /// Runs a prompt that reads Ctrl-C by itself.
    pub(crate) fn prompt<T>(&self, ask: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.state().prompt = Prompt::Open;
        let answer = ask();
        let mut state = self.state();
        let interrupted = matches!(&answer, Err(error) if error.kind() == io::ErrorKind::Interrupted);
        let signalled = state.prompt == Prompt::OpenAndSignalled;
        state.prompt = if interrupted && !signalled { Prompt::SignalToCome } else { Prompt::Closed };
        if interrupted {
            state.pressed = state.pressed.saturating_add(1);
        }
        answer
    }

    /// Returns at a Ctrl-C while somebody waits here.
    pub(crate) async fn cancel_wanted(&self) {
        let _listening = Listening::new(self);
        self.heard.notified().await;
    }

    /// Returns at a Ctrl-C while an order runs and nobody waits in [`Interrupts::cancel_wanted`].
    pub(crate) async fn unheard(&self) {
        self.unheard.notified().await;
    }

    /// Returns when the program is to leave.
    pub(crate) async fn leave(&self) {
        self.leave.notified().await;
    }

    /// An order runs, until the result is dropped.
    pub(crate) fn order(&self) -> OrderRuns<'_> {
        self.state().order = true;
        OrderRuns(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Interrupts::order`].
#[must_use]
pub(crate) struct OrderRuns<'a>(&'a Interrupts);

impl Drop for OrderRuns<'_> {
    fn drop(&mut self) {
        self.0.state().order = false;
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
    use futures::FutureExt;
    use futures::future::{join, select};

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
        drop(select(Box::pin(interrupts.cancel_wanted()), futures::future::ready(())).await);
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
    fn a_key_press_in_a_prompt_counts_once_whenever_its_signal_comes() {
        let stop = || Err::<(), _>(io::Error::from(io::ErrorKind::Interrupted));
        for early in [true, false] {
            let interrupts = Interrupts::default();
            let _order = interrupts.order();
            let answer = interrupts.prompt(|| {
                if early {
                    assert_eq!(interrupts.signal(), Effect::None);
                }
                stop()
            });
            assert!(answer.is_err());
            if !early {
                assert_eq!(interrupts.signal(), Effect::None);
            }
            assert_eq!(interrupts.signal(), Effect::Leaving, "the next one is the second");
        }
    }

    #[test]
    fn a_prompt_that_is_answered_leaves_no_trace() {
        let interrupts = Interrupts::default();
        let _order = interrupts.order();
        assert!(interrupts.prompt(|| Ok(())).is_ok());
        assert_eq!(interrupts.signal(), Effect::Cancelling);
    }
}
