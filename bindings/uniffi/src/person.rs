//! The customer, as an operation's steps reach them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::{Notify, oneshot};
use ushield_client::catalogue::Catalogue;
use ushield_client::customer::{Moment, PinReason};
use ushield_client::{Customer, Error};
use ushield_protocol::code::Code;
use ushield_protocol::pin::PinBlock;
use ushield_protocol::planted::{self, Bug};

use crate::event::Step;

/// Most steps that wait to be fetched: a host that fetches none does not fill the memory. Beyond it the oldest is dropped that only tells: an answer
/// is waited for behind a question.
const MAX_STEPS: usize = 1_024;

/// Steps to the host, answers from it.
pub(crate) struct Person {
    texts: Arc<Catalogue>,
    desk: Mutex<Desk>,
    /// A step is there, or the end.
    filled: Notify,
    /// The customer wants to take the order back.
    cancel: Notify,
}

#[derive(Default)]
struct Desk {
    steps: VecDeque<Step>,
    /// The last step was put in.
    over: bool,
    prompts: BTreeMap<u32, oneshot::Sender<Result<PinBlock, Error>>>,
    last_prompt: u32,
    digits: Option<oneshot::Sender<bool>>,
    cancelled: bool,
}

impl Person {
    pub(crate) fn new(texts: Arc<Catalogue>) -> Arc<Self> {
        Arc::new(Self { texts, desk: Mutex::default(), filled: Notify::new(), cancel: Notify::new() })
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // Nothing that is done under the lock can stop half-way.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, step: Step) {
        let mut desk = self.desk();
        let told = |step: &Step| matches!(step, Step::Told { .. });
        if desk.steps.len() >= MAX_STEPS
            && let Some(oldest) = desk.steps.iter().position(told)
        {
            desk.steps.remove(oldest);
        }
        desk.over |= matches!(step, Step::Ended { .. } | Step::Failed { .. });
        desk.steps.push_back(step);
        drop(desk);
        self.filled.notify_one();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.desk().over
    }

    /// The steps that are there, or nothing when the last one was fetched. Waits for one.
    pub(crate) async fn steps(&self) -> Vec<Step> {
        loop {
            {
                let mut desk = self.desk();
                if desk.over {
                    // Whoever else waits for steps learns that none will come.
                    self.filled.notify_one();
                }
                if desk.over || !desk.steps.is_empty() {
                    return desk.steps.drain(..).collect();
                }
            }
            self.filled.notified().await;
        }
    }

    /// Answers a question; false when it is not open any more.
    pub(crate) fn answer(&self, prompt: u32, pin: Result<PinBlock, Error>) -> bool {
        let asker = match planted::on(Bug::PinForAnyQuestion) {
            true => self.desk().prompts.pop_first().map(|(_, asker)| asker),
            false => self.desk().prompts.remove(&prompt),
        };
        asker.is_some_and(|asker| asker.send(pin).is_ok())
    }

    /// Says whether the digits are equal; false when nobody asks.
    pub(crate) fn answer_digits(&self, equal: bool) -> bool {
        let asker = self.desk().digits.take();
        asker.is_some_and(|asker| asker.send(equal).is_ok())
    }

    pub(crate) fn want_cancel(&self) {
        self.desk().cancelled = true;
        self.cancel.notify_waiters();
    }

    /// Shows the digits and waits for the customer's word.
    pub(crate) async fn compare(&self, shown: Step) -> Result<bool, Error> {
        let (asker, answered) = oneshot::channel();
        self.desk().digits = Some(asker);
        self.put(shown);
        answered.await.map_err(|_| Error::new(Code::Interrupted))
    }
}

/// A question that is dropped unanswered is taken back.
struct Open<'a> {
    person: &'a Person,
    prompt: u32,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let open = self.person.desk().prompts.remove(&self.prompt).is_some();
        if open {
            self.person.put(Step::PinDropped { prompt: self.prompt });
        }
    }
}

#[async_trait]
impl Customer for Person {
    fn tell(&self, moment: &Moment) {
        self.put(Step::told(moment, &self.texts));
    }

    async fn pin(&self, reason: PinReason) -> Result<PinBlock, Error> {
        let (asker, answered) = oneshot::channel();
        let prompt = {
            let mut desk = self.desk();
            desk.last_prompt = desk.last_prompt.wrapping_add(1);
            let prompt = desk.last_prompt;
            desk.prompts.insert(prompt, asker);
            prompt
        };
        let _open = Open { person: self, prompt };
        self.put(Step::PinAsked { prompt, reason: reason.into(), text: self.texts.ask_pin(reason) });
        answered.await.unwrap_or(Err(Error::new(Code::Interrupted)))
    }

    async fn cancel_wanted(&self) {
        loop {
            let told = self.cancel.notified();
            if self.desk().cancelled {
                return;
            }
            told.await;
        }
    }
}
