//! A customer at a prompt: the token is heard meanwhile, asks for nothing twice, and does not keep anyone for ever.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use async_trait::async_trait;
use futures::FutureExt as _;
use ushield_client::ports::{Connector, Link, Wanted};
use ushield_client::{Customer, Error, Moment, PinReason, Report};
use ushield_e2e::evil::token::Out;
use ushield_e2e::evil::{Conduct, ManualClock, Person, Step, World, drive};
use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;
use ushield_protocol::message::{Kind, Reply, State, StateFlags};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::receipt::Outcome;

use crate::{is, nothing_executed};

/// When the customer has typed a PIN.
#[derive(Clone, Copy)]
pub(crate) enum Typed {
    AtOnce,
    /// Not before they were told this.
    After(&'static str),
    Never,
}

/// A customer who types so, prompt by prompt, and then never again.
pub(crate) struct Typist {
    pub(crate) person: Person,
    typed: Mutex<VecDeque<Typed>>,
    asked: Mutex<Vec<PinReason>>,
    open: AtomicUsize,
}

/// A prompt on the screen.
struct Prompt<'a>(&'a AtomicUsize);

impl Drop for Prompt<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Typist {
    pub(crate) fn new(typed: &[Typed]) -> Self {
        let typed = Mutex::new(typed.iter().copied().collect());
        Self { person: Person::new(), typed, asked: Mutex::default(), open: AtomicUsize::new(0) }
    }

    pub(crate) fn asked(&self) -> Vec<PinReason> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Customer for Typist {
    fn tell(&self, moment: &Moment) {
        self.person.tell(moment);
    }

    async fn pin(&self, reason: PinReason) -> Result<PinBlock, Error> {
        assert_eq!(self.open.fetch_add(1, Ordering::SeqCst), 0, "two prompts at a time");
        let _prompt = Prompt(&self.open);
        self.asked.lock().unwrap().push(reason);
        let typed = self.typed.lock().unwrap().pop_front().unwrap_or(Typed::Never);
        match typed {
            Typed::AtOnce => {}
            Typed::After(moment) => {
                // Whatever tells it goes on by itself.
                poll_fn(|_| if self.person.was_told(moment) { Poll::Ready(()) } else { Poll::Pending }).await;
            }
            Typed::Never => pending().await,
        }
        Ok(PinBlock::new("204619")?)
    }

    async fn cancel_wanted(&self) {
        self.person.cancel_wanted().await;
    }
}

pub(crate) fn event(code: Code, body: &[u8]) -> Reply {
    Reply::event(code, body.to_vec())
}

pub(crate) fn shown() -> Reply {
    event(Code::Shown, &[])
}

pub(crate) fn pin_needed() -> Reply {
    event(Code::PinNeeded, &[])
}

pub(crate) fn wrong(tries: u8) -> Reply {
    event(Code::PinWrong, &[tries])
}

pub(crate) fn run_with(
    world: &World,
    connector: &dyn Connector,
    typist: &Typist,
    id: OrderId,
) -> Result<Report, Error> {
    let ended = drive(world.client.run_order(connector, typist, id)).expect("it waits for ever");
    assert_eq!(typist.open.load(Ordering::SeqCst), 0, "a prompt is left open");
    ended
}

pub(crate) fn run(world: &World, typist: &Typist, id: OrderId) -> Result<Report, Error> {
    run_with(world, &Slow { world, seconds: 0, alive: false }, typist, id)
}

/// The person presses OK as soon as an order is shown, without a PIN: so often.
fn presses_ok(world: &World, times: usize) {
    world.token.tells(move |step, honest| match step {
        Step::Event => [vec![honest], vec![pin_needed().encode(); times]].concat(),
        _ => vec![honest],
    });
}

#[tokio::test]
async fn a_status_of_the_token_ends_the_prompt() {
    for code in [Code::TimedOut, Code::Cancelled, Code::PinLocked, Code::TokenFailure] {
        let world = World::ready(400).await;
        let id = world.create().await.unwrap();
        world.token.conduct(Conduct::Say(vec![shown(), pin_needed(), Reply::status(code)]));
        let typist = Typist::new(&[Typed::AtOnce]);
        is(&run(&world, &typist, id).unwrap_err(), code);
        assert_eq!(typist.asked(), [PinReason::Approve; 2], "{code}");
        assert_eq!(world.statuses().await, ["open"], "{code}");
        nothing_executed(&world);
    }
}

#[tokio::test]
async fn an_answer_of_the_token_ends_the_prompt() {
    for (conduct, end) in [(Conduct::Approve, Outcome::Executed), (Conduct::Reject, Outcome::Rejected)] {
        let world = World::ready(401).await;
        let id = world.create().await.unwrap();
        world.token.conduct(conduct);
        presses_ok(&world, 1);
        let typist = Typist::new(&[Typed::AtOnce]);
        assert_eq!(run(&world, &typist, id).unwrap().receipt.outcome, end);
        assert_eq!(typist.asked(), [PinReason::Approve; 2]);
    }
}

#[tokio::test]
async fn ok_again_while_the_customer_types_asks_once() {
    let world = World::ready(402).await;
    let id = world.create().await.unwrap();
    let timed_out = Reply::status(Code::TimedOut);
    world.token.conduct(Conduct::Say(vec![shown(), pin_needed(), pin_needed(), pin_needed(), timed_out]));
    let typist = Typist::new(&[Typed::AtOnce]);
    is(&run(&world, &typist, id).unwrap_err(), Code::TimedOut);
    assert_eq!(typist.asked(), [PinReason::Approve; 2]);
    assert_eq!(typist.person.told().iter().filter(|moment| **moment == "pin-needed").count(), 1);
}

#[tokio::test]
async fn what_the_token_says_of_the_pin_changes_the_question() {
    let wrong_before = |tries| PinReason::WrongBefore { tries };
    for (replies, asked) in [
        (vec![pin_needed(), wrong(4)], vec![PinReason::Approve, wrong_before(4)]),
        (vec![wrong(4), wrong(4), pin_needed()], vec![wrong_before(4)]),
        (vec![wrong(4), wrong(3)], vec![wrong_before(4), wrong_before(3)]),
        // It has a PIN, and warns: that question is over.
        (vec![wrong(1), event(Code::LastTry, &[]), pin_needed()], vec![wrong_before(1), PinReason::Approve]),
    ] {
        let world = World::ready(403).await;
        let id = world.create().await.unwrap();
        let said = [vec![shown()], replies, vec![Reply::status(Code::PinLocked)]].concat();
        world.token.conduct(Conduct::Say(said));
        let typist = Typist::new(&[Typed::AtOnce]);
        is(&run(&world, &typist, id).unwrap_err(), Code::PinLocked);
        assert_eq!(typist.asked(), [vec![PinReason::Approve], asked].concat());
    }
}

#[tokio::test]
async fn an_order_is_taken_back_from_the_prompt() {
    // Before the token has it, and while it shows it.
    for (moment, typed, delivered) in [("connected", vec![], 0), ("pin-needed", vec![Typed::AtOnce], 1)] {
        let world = World::ready(404).await;
        let id = world.create().await.unwrap();
        let before = world.token.orders().len();
        world.token.conduct(Conduct::Wait);
        presses_ok(&world, 1);
        let typist = Typist::new(&typed);
        typist.person.cancels_when(moment);
        assert_eq!(run(&world, &typist, id).unwrap().receipt.outcome, Outcome::Cancelled, "{moment}");
        assert_eq!(world.token.orders().len(), before + delivered, "{moment}");
        nothing_executed(&world);
    }
}

/// A token whose messages take their time: a prompt is on the screen before the next one comes.
pub(crate) struct Slow<'a> {
    pub(crate) world: &'a World,
    /// Seconds that pass with each sealed message.
    pub(crate) seconds: u64,
    /// Says every two seconds that it is there, as long as it has nothing else to say.
    pub(crate) alive: bool,
}

struct SlowLink {
    link: Box<dyn Link>,
    clock: Arc<ManualClock>,
    seconds: u64,
    alive: bool,
}

#[async_trait]
impl Connector for Slow<'_> {
    async fn connect(&self, wanted: &Wanted) -> Result<Box<dyn Link>, Error> {
        let (link, clock) = (self.world.token.connect(wanted).await?, Arc::clone(&self.world.clock));
        Ok(Box::new(SlowLink { link, clock, seconds: self.seconds, alive: self.alive }))
    }

    fn describe(&self) -> Option<String> {
        self.world.token.describe()
    }
}

#[async_trait]
impl Link for SlowLink {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        self.link.send(kind, body).await
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        tokio::task::yield_now().await;
        match self.link.receive().now_or_never() {
            Some(Ok((Kind::Sealed, body))) => {
                self.clock.advance(self.seconds);
                Ok((Kind::Sealed, body))
            }
            Some(received) => received,
            None if self.alive => {
                self.clock.advance(2);
                Ok((Kind::KeepAlive, Vec::new()))
            }
            None => pending().await,
        }
    }

    async fn close(&mut self) {
        self.link.close().await;
    }
}

#[tokio::test]
async fn the_bank_ends_an_order_at_whose_prompt_nobody_types() {
    // Before the token has it, and while it shows it.
    for (typed, delivered) in [(vec![], 0), (vec![Typed::AtOnce], 1)] {
        let world = World::ready(405).await;
        let id = world.create().await.unwrap();
        let before = world.token.orders().len();
        world.clock.advance(500);
        world.sign_in().await;
        world.token.conduct(Conduct::Wait);
        presses_ok(&world, 1);
        let typist = Typist::new(&typed);
        let slow = Slow { world: &world, seconds: 0, alive: true };
        assert_eq!(run_with(&world, &slow, &typist, id).unwrap().receipt.outcome, Outcome::Expired);
        assert_eq!(world.token.orders().len(), before + delivered);
        nothing_executed(&world);
    }
}

#[tokio::test]
async fn a_silent_token_is_noticed_from_the_prompt_and_nobody_is_asked_again() {
    let world = World::ready(406).await;
    let id = world.create().await.unwrap();
    world.token.conduct(Conduct::Wait);
    presses_ok(&world, 1);
    let typist = Typist::new(&[Typed::AtOnce]);
    is(&run(&world, &typist, id).unwrap_err(), Code::TokenTimeout);
    assert!(typist.person.was_told("reconnecting"));
    assert_eq!(typist.asked(), [PinReason::Approve; 2]);
}

#[tokio::test]
async fn a_link_that_breaks_at_the_prompt_is_made_again_and_the_prompt_stays() {
    let world = World::ready(407).await;
    let id = world.create().await.unwrap();
    let before = world.token.orders().len();
    let mut broken = false;
    world.token.replace(Step::K2, move |kind, body| {
        let cut = if std::mem::replace(&mut broken, true) { vec![] } else { vec![Out::Cut] };
        [vec![Out::Frame(kind, body)], cut].concat()
    });
    let typist = Typist::new(&[Typed::After("reconnecting")]);
    assert_eq!(run(&world, &typist, id).unwrap().receipt.outcome, Outcome::Executed);
    assert_eq!(typist.asked(), [PinReason::Approve]);
    assert_eq!(world.token.orders().len(), before + 1);
}

fn another_phones_review(world: &World) {
    let flags = StateFlags { reviewing: true, ..StateFlags::default() };
    world.token.lie(Step::K2, move |plain| State { flags, ..State::decode(&plain).unwrap() }.encode());
}

#[tokio::test]
async fn nobody_is_asked_for_a_pin_that_a_busy_token_would_not_take() {
    let world = World::ready(408).await;
    let id = world.create().await.unwrap();
    another_phones_review(&world);
    let before = world.token.orders().len();
    world.token.conduct(Conduct::Say(vec![Reply::status(Code::Busy)]));
    let typist = Typist::new(&[Typed::AtOnce]);
    is(&run(&world, &typist, id).unwrap_err(), Code::Busy);
    assert_eq!(typist.asked(), []);
    assert_eq!(world.token.orders().len(), before + 9, "eight waits of a second");
    // The other review is over by now: the token takes the order, and asks.
    world.token.repent();
    another_phones_review(&world);
    presses_ok(&world, 1);
    assert_eq!(run(&world, &typist, id).unwrap().receipt.outcome, Outcome::Executed);
    assert_eq!(typist.asked(), [PinReason::Approve]);
}

#[tokio::test]
async fn a_token_that_talks_for_ever_is_left() {
    for (said, typed) in
        [(shown(), Typed::Never), (pin_needed(), Typed::AtOnce), (pin_needed(), Typed::Never)]
    {
        let world = World::ready(409).await;
        let id = world.create().await.unwrap();
        let said = [vec![shown()], vec![said; 5_000]].concat();
        world.token.conduct(Conduct::Say(said));
        let typist = Typist::new(&[vec![Typed::AtOnce], vec![typed; 5_000]].concat());
        is(&run(&world, &typist, id).unwrap_err(), Code::TokenMisbehaved);
        let told = typist.person.told().len();
        assert!(told < 250, "{told} moments");
        nothing_executed(&world);
    }
}

#[tokio::test]
async fn a_token_that_takes_its_time_is_left_after_eleven_minutes() {
    let world = World::ready(410).await;
    let id = world.create().await.unwrap();
    world.token.conduct(Conduct::Wait);
    presses_ok(&world, 5_000);
    let typist = Typist::new(&[Typed::AtOnce]);
    let slow = Slow { world: &world, seconds: 10, alive: false };
    let begun = world.clock.unix();
    is(&run_with(&world, &slow, &typist, id).unwrap_err(), Code::TokenTimeout);
    let minutes = (world.clock.unix() - begun) / 60;
    // Four connections, with what it takes to make them.
    assert!((4 * 11..4 * 12).contains(&minutes), "{minutes} minutes");
    nothing_executed(&world);
}

#[tokio::test]
async fn the_last_try_of_a_change_of_the_pin_is_warned_of_and_taken() {
    let last_try = || event(Code::LastTry, &[]).encode();
    for (before, refusal) in [
        (vec![last_try()], None),
        (vec![last_try(), wrong(0).encode()], Some(Code::PinLocked)),
        (vec![last_try(); 9], Some(Code::TokenMisbehaved)),
    ] {
        let world = World::ready(411).await;
        let result = refusal.filter(|code| code.wire().is_some()).map(|code| Reply::status(code).encode());
        world.token.tells(move |_, honest| [before.clone(), vec![result.clone().unwrap_or(honest)]].concat());
        let changed = drive(world.client.change_pin(&world.token, &NewPin(&world.person), None)).unwrap();
        match refusal {
            None => changed.unwrap(),
            Some(code) => is(&changed.unwrap_err(), code),
        }
        assert!(world.person.was_told("last-try"));
        assert_eq!(world.person.was_told("pin-wrong"), refusal == Some(Code::PinLocked));
    }
}

/// A person who types another PIN for the new one.
struct NewPin<'a>(&'a Person);

#[async_trait]
impl Customer for NewPin<'_> {
    fn tell(&self, moment: &Moment) {
        self.0.tell(moment);
    }

    async fn pin(&self, reason: PinReason) -> Result<PinBlock, Error> {
        Ok(PinBlock::new(if reason == PinReason::New { "731905" } else { "204619" })?)
    }
}
