//! A PIN that was typed and perhaps lost: it is not asked for again, goes only where it is held, and is soon forgotten.

use std::sync::Arc;

use async_trait::async_trait;
use ushield_client::ports::{Connector, Link, Wanted};
use ushield_client::{Error, PinReason};
use ushield_e2e::evil::token::Out;
use ushield_e2e::evil::{Conduct, ManualClock, Step, World};
use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;
use ushield_protocol::message::{Kind, Reply, State, StateFlags};
use ushield_protocol::receipt::Outcome;

use crate::is;
use crate::prompts::{Slow, Typed, Typist, pin_needed, run, run_with, shown, wrong};

/// Commands.
const ORDER: u8 = 6;
const PIN: u8 = 7;

/// PINs that went to the token since `before` of them.
fn pins(world: &World, before: usize) -> Vec<u8> {
    world.token.pins()[before..].to_vec()
}

/// What the token is asked on the connections after the first one: with these tries left it reviews for this phone.
fn reviews_again(world: &World, tries: u8) {
    let mut connections = 0;
    world.token.lie(Step::K2, move |plain| {
        connections += 1;
        let state = State::decode(&plain).unwrap();
        let flags = StateFlags { reviewing: true, reviewing_ours: true, ..state.flags };
        match connections {
            1 => plain,
            _ => State { flags, tries, ..state }.encode().to_vec(),
        }
    });
}

/// The first PIN is wrong. The second one is lost, and the link with it, `seconds` pass; the token then says `again` to the order, and has
/// an answer once a PIN arrives that is sent by itself.
async fn the_second_pin_is_lost(seed: u64, tries: u8, seconds: u64, again: Vec<Reply>) -> (World, OrderId) {
    let world = World::ready(seed).await;
    let id = world.create().await.unwrap();
    reviews_again(&world, tries);
    let (mut answer, mut orders) = (None, 0);
    world.token.tells(move |step, honest| match step {
        // The order is delivered again: its answer is there, and stays back.
        Step::Answer if std::mem::replace(&mut orders, 1) == 0 => {
            answer = Some(honest);
            vec![]
        }
        Step::Answer => again.iter().map(Reply::encode).collect(),
        Step::Event => vec![shown().encode(), wrong(4).encode()],
        Step::Result => answer.iter().cloned().collect(),
        _ => vec![honest],
    });
    let (clock, mut lost) = (Arc::clone(&world.clock), false);
    world.token.replace(Step::Result, move |kind, body| {
        if std::mem::replace(&mut lost, true) {
            return vec![Out::Frame(kind, body)];
        }
        clock.advance(seconds);
        vec![Out::Cut]
    });
    (world, id)
}

fn wrong_before(tries: u8) -> PinReason {
    PinReason::WrongBefore { tries }
}

#[tokio::test]
async fn a_pin_that_was_lost_while_the_order_is_shown_is_not_asked_for_again() {
    let (world, id) = the_second_pin_is_lost(420, 4, 0, vec![shown(), pin_needed()]).await;
    let (typist, before) = (Typist::new(&[Typed::AtOnce; 2]), world.token.pins().len());
    assert_eq!(run(&world, &typist, id).unwrap().receipt.outcome, Outcome::Executed);
    assert_eq!(typist.asked(), [PinReason::Approve, wrong_before(4)]);
    assert_eq!(pins(&world, before), [ORDER, PIN, PIN]);
}

#[tokio::test]
async fn a_pin_that_was_compared_or_is_old_never_goes_by_itself() {
    for (tries, seconds, again, asked) in [
        // Compared while nobody listened: K2 says so, or the token does.
        (3, 0, vec![shown(), pin_needed()], wrong_before(3)),
        (4, 0, vec![shown(), wrong(3)], wrong_before(3)),
        // Forgotten: the reason stands.
        (4, 60, vec![shown(), pin_needed()], wrong_before(4)),
    ] {
        let (world, id) = the_second_pin_is_lost(421, tries, seconds, again).await;
        let (typist, before) = (Typist::new(&[Typed::AtOnce; 2]), world.token.pins().len());
        is(&run(&world, &typist, id).unwrap_err(), Code::TokenTimeout);
        assert_eq!(typist.asked(), [PinReason::Approve, wrong_before(4), asked]);
        assert_eq!(pins(&world, before), [ORDER, PIN]);
    }
}

#[tokio::test]
async fn an_old_pin_does_not_go_when_the_token_is_heard_before_the_time_is_seen() {
    let (world, id) = the_second_pin_is_lost(428, 4, 0, vec![pin_needed()]).await;
    let (typist, before) = (Typist::new(&[Typed::AtOnce; 2]), world.token.pins().len());
    let slow = Slow { world: &world, seconds: 60, alive: false };
    is(&run_with(&world, &slow, &typist, id).unwrap_err(), Code::TokenTimeout);
    assert_eq!(typist.asked(), [PinReason::Approve, wrong_before(4), wrong_before(4)]);
    assert_eq!(pins(&world, before), [ORDER, PIN]);
}

#[tokio::test]
async fn a_token_that_shows_the_order_gets_no_pin_that_it_may_hold() {
    let (world, id) = the_second_pin_is_lost(422, 4, 0, vec![shown()]).await;
    let (typist, before) = (Typist::new(&[Typed::AtOnce; 2]), world.token.pins().len());
    is(&run(&world, &typist, id).unwrap_err(), Code::TokenTimeout);
    assert_eq!(pins(&world, before), [ORDER, PIN]);
}

#[tokio::test]
async fn a_token_that_asks_again_and_again_gets_a_pin_once() {
    let again = [vec![shown()], vec![pin_needed(); 3], vec![shown(), pin_needed()]].concat();
    let (world, id) = the_second_pin_is_lost(423, 4, 0, again).await;
    let (typist, before) = (Typist::new(&[Typed::AtOnce; 2]), world.token.pins().len());
    assert_eq!(run(&world, &typist, id).unwrap().receipt.outcome, Outcome::Executed);
    assert_eq!(typist.asked(), [PinReason::Approve, wrong_before(4), wrong_before(4)]);
    assert_eq!(pins(&world, before), [ORDER, PIN, PIN]);
}

/// The link breaks as the order arrives with its PIN; then another phone's review runs, and the token is busy so often.
async fn another_phone_came_first(seed: u64, busy: usize) -> (World, OrderId, Typist) {
    let world = World::ready(seed).await;
    let id = world.create().await.unwrap();
    let mut connections = 0;
    world.token.lie(Step::K2, move |plain| {
        connections += 1;
        let flags = StateFlags { reviewing: connections > 1, ..StateFlags::default() };
        State { flags, ..State::decode(&plain).unwrap() }.encode().to_vec()
    });
    let (mut cut, mut refused) = (false, 0);
    world.token.conduct(Conduct::Say(vec![shown()]));
    world.token.replace(Step::Event, move |kind, body| {
        if std::mem::replace(&mut cut, true) { vec![Out::Frame(kind, body)] } else { vec![Out::Cut] }
    });
    let mut first = true;
    world.token.tells(move |step, honest| match step {
        Step::Event if std::mem::replace(&mut first, false) => vec![honest],
        Step::Event if refused < busy => {
            refused += 1;
            vec![Reply::status(Code::Busy).encode()]
        }
        Step::Result => vec![Reply::status(Code::TimedOut).encode()],
        _ => vec![honest],
    });
    (world, id, Typist::new(&[Typed::AtOnce]))
}

#[tokio::test]
async fn a_token_that_another_phone_keeps_busy_gets_no_pin() {
    let (world, id, typist) = another_phone_came_first(424, usize::MAX).await;
    let before = world.token.pins().len();
    is(&run(&world, &typist, id).unwrap_err(), Code::Busy);
    assert_eq!(pins(&world, before), [ORDER], "before the review of the other phone");
    assert_eq!(typist.asked(), [PinReason::Approve]);
}

#[tokio::test]
async fn once_it_shows_the_order_it_gets_the_pin_that_was_typed() {
    let (world, id, typist) = another_phone_came_first(425, 2).await;
    let before = world.token.pins().len();
    is(&run(&world, &typist, id).unwrap_err(), Code::TimedOut);
    assert_eq!(pins(&world, before), [ORDER, PIN]);
    assert_eq!(typist.asked(), [PinReason::Approve]);
}

#[tokio::test]
async fn an_order_that_is_refused_as_busy_goes_on_without_its_pin() {
    let world = World::ready(426).await;
    let id = world.create().await.unwrap();
    let (typist, before) = (Typist::new(&[Typed::AtOnce]), world.token.pins().len());
    world.token.conduct(Conduct::Say(vec![Reply::status(Code::Busy)]));
    is(&run(&world, &typist, id).unwrap_err(), Code::Busy);
    assert_eq!(pins(&world, before), [ORDER]);
}

/// A token that, once it was sent something, says for a while nothing but that it is there.
struct Quiet<'a>(&'a World);

struct QuietLink {
    link: Box<dyn Link>,
    clock: Arc<ManualClock>,
    sent: bool,
    alive: u32,
}

#[async_trait]
impl Connector for Quiet<'_> {
    async fn connect(&self, wanted: &Wanted) -> Result<Box<dyn Link>, Error> {
        let (link, clock) = (self.0.token.connect(wanted).await?, Arc::clone(&self.0.clock));
        Ok(Box::new(QuietLink { link, clock, sent: false, alive: 3 }))
    }

    fn describe(&self) -> Option<String> {
        self.0.token.describe()
    }
}

#[async_trait]
impl Link for QuietLink {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        self.sent |= kind == Kind::Sealed;
        self.link.send(kind, body).await
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        if self.sent && self.alive > 0 {
            tokio::task::yield_now().await;
            self.clock.advance(2);
            self.alive -= 1;
            return Ok((Kind::KeepAlive, Vec::new()));
        }
        self.link.receive().await
    }

    async fn close(&mut self) {
        self.link.close().await;
    }
}

#[tokio::test]
async fn a_pin_is_forgotten_after_a_minute_while_the_token_is_heard() {
    let world = World::ready(427).await;
    let id = world.create().await.unwrap();
    let (typist, before) = (Typist::new(&[Typed::AtOnce; 2]), world.token.pins().len());
    world.token.conduct(Conduct::Say(vec![shown()]));
    let mut orders = 0;
    world.token.tells(move |step, honest| {
        orders += usize::from(step == Step::Event);
        match (step, orders) {
            (Step::Event, 1) => vec![Reply::status(Code::Busy).encode()],
            (Step::Event, _) => vec![honest, pin_needed().encode()],
            _ => vec![Reply::status(Code::TimedOut).encode()],
        }
    });
    let begun = world.clock.unix();
    is(&run_with(&world, &Quiet(&world), &typist, id).unwrap_err(), Code::TimedOut);
    // One time limit alone has passed: that of the PIN.
    assert!((60..80).contains(&(world.clock.unix() - begun)), "{} s", world.clock.unix() - begun);
    assert_eq!(typist.asked(), [PinReason::Approve; 2]);
    assert_eq!(pins(&world, before), [ORDER, PIN]);
}

#[tokio::test]
async fn a_pin_that_came_with_the_order_under_review_was_not_lost() {
    let world = World::ready(429).await;
    let id = world.create().await.unwrap();
    let (typist, before) = (Typist::new(&[Typed::AtOnce; 2]), world.token.pins().len());
    reviews_again(&world, 5);
    world.token.conduct(Conduct::Say(vec![shown()]));
    let mut cut = false;
    world.token.replace(Step::Event, move |kind, body| {
        if std::mem::replace(&mut cut, true) { vec![Out::Frame(kind, body)] } else { vec![Out::Cut] }
    });
    // It held it, and holds it no longer: only the customer may type it again.
    world.token.tells(|step, honest| match step {
        Step::Event => vec![honest, pin_needed().encode()],
        _ => vec![Reply::status(Code::TimedOut).encode()],
    });
    is(&run(&world, &typist, id).unwrap_err(), Code::TimedOut);
    assert_eq!(typist.asked(), [PinReason::Approve; 2]);
    assert_eq!(pins(&world, before), [ORDER, PIN]);
}
