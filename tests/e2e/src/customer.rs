//! The customer of a test: gives PINs, reads the token's screen, presses its keys, and remembers what they were told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::JoinSet;
use ushield_client::{Error, Moment, PinReason, TokenScreen};
use ushield_emulator::runner::Key;
use ushield_protocol::code::Code;
use ushield_protocol::pin::{INITIAL_PIN, PinBlock};

use crate::pages::{Ask, Page};
use crate::token::Hand;
use crate::wait::BOUND;

/// The PIN that a test's token has once it was changed.
pub const PIN: &str = "204619";

/// What the customer does with an order on the screen, or with a question of the token's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Will {
    /// Reads all pages and presses OK.
    Approve,
    /// Reads all pages and presses C.
    Reject,
    /// Leaves the keys to the test.
    Watch,
}

/// The customer. Clones are the same person. Who is dropped lets go of the token.
#[derive(Clone)]
pub struct Customer {
    inner: Arc<Inner>,
    hands: Arc<Mutex<JoinSet<()>>>,
}

struct Inner {
    hand: Hand,
    will: Mutex<Will>,
    pins: Mutex<Pins>,
    moments: watch::Sender<Vec<Moment>>,
    reasons: Mutex<Vec<PinReason>>,
    read: Mutex<Vec<Vec<Page>>>,
    cancels: watch::Sender<bool>,
    /// One thing at a time.
    busy: tokio::sync::Mutex<()>,
}

struct Pins {
    now: VecDeque<String>,
    current: String,
    new: String,
    gives: bool,
}

impl Customer {
    /// A customer with this token in their hand, who approves and knows the PIN.
    #[must_use]
    pub fn new(hand: Hand) -> Self {
        let pins = Pins {
            now: VecDeque::from([PIN.to_owned()]),
            current: INITIAL_PIN.to_owned(),
            new: PIN.to_owned(),
            gives: true,
        };
        let inner = Inner {
            hand,
            will: Mutex::new(Will::Approve),
            pins: Mutex::new(pins),
            moments: watch::Sender::default(),
            reasons: Mutex::default(),
            read: Mutex::default(),
            cancels: watch::Sender::new(false),
            busy: tokio::sync::Mutex::default(),
        };
        Self { inner: Arc::new(inner), hands: Arc::default() }
    }

    /// One who leaves the keys of this token to the test.
    #[must_use]
    pub fn watching(token: &crate::token::Token) -> Self {
        Self::new(token.hand()).who(Will::Watch)
    }

    /// What they do from now on.
    #[must_use]
    pub fn who(self, will: Will) -> Self {
        self.set(will);
        self
    }

    /// What they do from now on.
    pub fn set(&self, will: Will) {
        *lock(&self.inner.will) = will;
    }

    /// The PINs that they give, one after the other; the last one again and again.
    #[must_use]
    pub fn giving(self, pins: &[&str]) -> Self {
        lock(&self.inner.pins).now = pins.iter().map(|pin| (*pin).to_owned()).collect();
        self
    }

    /// What they take for the PIN when they change it, and what it shall be.
    #[must_use]
    pub fn changing(self, current: &str, new: &str) -> Self {
        {
            let mut pins = lock(&self.inner.pins);
            (pins.current, pins.new) = (current.to_owned(), new.to_owned());
        }
        self
    }

    /// Gives no PIN from now on.
    pub fn keep_pin_back(&self) {
        lock(&self.inner.pins).gives = false;
    }

    /// Wants to take the order back.
    pub fn cancel(&self) {
        self.inner.cancels.send_replace(true);
    }

    /// What they were told, in the order of time.
    #[must_use]
    pub fn moments(&self) -> Vec<Moment> {
        self.inner.moments.borrow().clone()
    }

    /// How often they were told something of this name.
    #[must_use]
    pub fn times(&self, name: &str) -> usize {
        self.moments().iter().filter(|moment| moment.name() == name).count()
    }

    /// Waits until they have been told something of this name.
    pub async fn told(&self, name: &str) {
        let mut moments = self.inner.moments.subscribe();
        let told = moments.wait_for(|all| all.iter().any(|moment| moment.name() == name));
        if tokio::time::timeout(BOUND, told).await.is_err() {
            panic!("waited in vain for the moment {name}: {:?}", self.moments());
        }
    }

    /// Why they were asked for a PIN, each time.
    #[must_use]
    pub fn asked_for_pin(&self) -> Vec<PinReason> {
        lock(&self.inner.reasons).clone()
    }

    /// The orders that they read, page by page.
    #[must_use]
    pub fn orders_read(&self) -> Vec<Vec<Page>> {
        lock(&self.inner.read).clone()
    }

    /// The keys and the screen.
    #[must_use]
    pub fn hand(&self) -> &Hand {
        &self.inner.hand
    }

    fn act(&self, act: impl Future<Output = ()> + Send + 'static) {
        let inner = Arc::clone(&self.inner);
        lock(&self.hands).spawn(async move {
            let _busy = inner.busy.lock().await;
            act.await;
        });
    }
}

#[async_trait]
impl ushield_client::Customer for Customer {
    fn tell(&self, moment: &Moment) {
        self.inner.moments.send_modify(|moments| moments.push(moment.clone()));
        let will = *lock(&self.inner.will);
        if will == Will::Watch {
            return;
        }
        let inner = Arc::clone(&self.inner);
        match moment {
            Moment::ReviewOnToken { .. } => self.act(async move { review(&inner, will).await }),
            Moment::PressOkOnToken { screen } => {
                let what = question(*screen);
                let key = if will == Will::Approve { Key::Ok } else { Key::Cancel };
                self.act(async move {
                    inner.hand.answer(what, key).await;
                    last_try(&inner.hand).await;
                });
            }
            _ => {}
        }
    }

    async fn pin(&self, reason: PinReason) -> Result<PinBlock, Error> {
        lock(&self.inner.reasons).push(reason);
        let mut pins = lock(&self.inner.pins);
        if !pins.gives {
            return Err(Error::new(Code::Interrupted));
        }
        let pin = match reason {
            PinReason::Current => pins.current.clone(),
            PinReason::New => pins.new.clone(),
            _ if pins.now.len() > 1 => pins.now.pop_front().unwrap_or_default(),
            _ => pins.now.front().cloned().unwrap_or_default(),
        };
        PinBlock::new(&pin).map_err(Error::new)
    }

    async fn cancel_wanted(&self) {
        let mut cancels = self.inner.cancels.subscribe();
        // The sender lives as long as this customer.
        let _ = cancels.wait_for(|wanted| *wanted).await;
    }
}

/// The words of the token's question.
#[must_use]
pub fn question(screen: TokenScreen) -> &'static str {
    match screen {
        TokenScreen::Pairing | TokenScreen::PairingByCode => "配对手机",
        TokenScreen::PinChange => "修改PIN",
        TokenScreen::Forget => "删除这部手机?",
        other => panic!("an unknown screen: {other:?}"),
    }
}

/// Reads and decides, for as long as the order is on the screen. Goes by what is shown, as a person does.
async fn review(inner: &Inner, will: Will) {
    let hand = &inner.hand;
    let (mut read, mut confirmed) = (false, false);
    loop {
        let page = hand.page();
        match page.ask() {
            Ask::TurnPage => {
                let pages = hand.read().await;
                if !std::mem::replace(&mut read, true) {
                    lock(&inner.read).push(pages);
                }
            }
            Ask::Decide if !read => {
                read = true;
                let pages = hand.read().await;
                lock(&inner.read).push(pages);
            }
            Ask::Decide | Ask::LastTry => {
                confirmed = true;
                match will {
                    Will::Approve => hand.confirm().await,
                    Will::Reject | Will::Watch => hand.press(Key::Cancel).await,
                };
            }
            // Left there by an earlier run, the question for the PIN is not this phone's yet: back to the order.
            Ask::PinMissing if !confirmed => {
                hand.press(Key::Ok).await;
            }
            Ask::PinWrong => {
                hand.press(Key::Ok).await;
            }
            Ask::PinMissing => {
                hand.see("an order behind the question for the PIN", |page| page.ask() != Ask::PinMissing)
                    .await;
            }
            Ask::Confirm | Ask::Acknowledge | Ask::Nothing => return,
        }
    }
}

/// A further OK where the token warns of the last try.
async fn last_try(hand: &Hand) {
    if hand.page().ask() == Ask::LastTry {
        hand.press(Key::Ok).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
