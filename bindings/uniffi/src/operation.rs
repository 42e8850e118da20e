//! An operation that runs: steps come out, the customer's answers go in.

use std::sync::{Arc, Mutex, PoisonError};

use ushield_client::Error;
use ushield_client::catalogue::Catalogue;
use ushield_protocol::code::Code;
use ushield_protocol::pin::PinBlock;
use zeroize::Zeroizing;

use crate::alive::Alive;
use crate::event::{Ending, Step};
use crate::failure::{Failure, Problem};
use crate::person::Person;
use crate::runtime::{self, Task};

/// Something that takes a person's time: a pairing, an order. It began when it was made, and ends by itself, by [`Operation::stop`], or when it is freed.
///
/// What was promised stays promised: an order that is stopped is gone on with by `resume`.
#[derive(uniffi::Object)]
pub struct Operation {
    person: Arc<Person>,
    texts: Arc<Catalogue>,
    task: Mutex<Option<Task>>,
    _alive: Alive,
}

impl Operation {
    /// Begins. `work` gets the person that its steps are told.
    pub(crate) fn begin<F>(texts: Arc<Catalogue>, work: impl FnOnce(Arc<Person>) -> F) -> Arc<Self>
    where
        F: Future<Output = Result<Ending, Error>> + Send + 'static,
    {
        let person = Person::new(Arc::clone(&texts));
        let work = work(Arc::clone(&person));
        let told = Told { person: Arc::clone(&person), texts: Arc::clone(&texts) };
        let task = match runtime::begin(Box::pin(async move { told.end(work.await) })) {
            Ok(task) => Some(task),
            Err(error) => {
                person.put(Step::Failed { problem: Problem::new(&error, &texts) });
                None
            }
        };
        Arc::new(Self { person, texts, task: Mutex::new(task), _alive: Alive::new() })
    }
}

/// Tells the end, also of work that was stopped or that panicked.
struct Told {
    person: Arc<Person>,
    texts: Arc<Catalogue>,
}

impl Told {
    fn end(self, ended: Result<Ending, Error>) {
        self.person.put(match ended {
            Ok(ending) => Step::Ended { ending },
            Err(error) => Step::Failed { problem: Problem::new(&error, &self.texts) },
        });
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if !self.person.is_over() {
            // A panic is a defect of ours, and no reason to take the host along.
            let code = if std::thread::panicking() { Code::UnexpectedEvent } else { Code::Interrupted };
            let error = Error::new(code);
            self.person.put(Step::Failed { problem: Problem::new(&error, &self.texts) });
        }
    }
}

#[uniffi::export]
impl Operation {
    /// The steps since the last call, at least one: waits for it. Empty when the last one, `Ended` or `Failed`, was fetched.
    pub async fn next(&self) -> Vec<Step> {
        self.person.steps().await
    }

    /// Answers [`Step::PinAsked`] with the PIN, ASCII. False when the question is not open any more: nothing of it is kept then.
    ///
    /// `bad-pin-format`, and the question stays open, for what is no PIN of 6 to 12 letters and digits.
    pub fn answer_pin(&self, prompt: u32, pin: Vec<u8>) -> Result<bool, Failure> {
        let pin = Zeroizing::new(pin);
        let text = std::str::from_utf8(&pin).map_err(|_| Code::BadPinFormat);
        let block =
            text.and_then(PinBlock::new).map_err(|code| Failure::new(&Error::new(code), &self.texts))?;
        Ok(self.person.answer(prompt, Ok(block)))
    }

    /// The customer gives no PIN: the operation ends with `interrupted`. False when the question is not open any more.
    pub fn refuse_pin(&self, prompt: u32) -> bool {
        self.person.answer(prompt, Err(Error::new(Code::Interrupted)))
    }

    /// Answers [`Step::DigitsShown`]: whether the customer found the same digits on both screens. False when nobody asks.
    pub fn answer_digits(&self, equal: bool) -> bool {
        self.person.answer_digits(equal)
    }

    /// The customer wants to take the order back: it is cancelled here, at the token and at the bank, and the receipt says how it really ended.
    /// An operation that runs no order does not heed it.
    pub fn cancel_order(&self) {
        self.person.want_cancel();
    }

    /// Ends it where it stands; the last step is `interrupted` unless it had ended. Nothing is taken back by it.
    pub fn stop(&self) {
        drop(self.task.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[cfg(test)]
mod tests;
