//! What an attack on the client found: two calls about one order, requests that wait, and the order in which a resume works.

use std::sync::Mutex;

use async_trait::async_trait;
use futures::FutureExt as _;
use ushield_client::{Customer, Error, Moment, PinReason};
use ushield_e2e::evil::{Step, World, transfer};
use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;
use ushield_protocol::message::{Reply, State};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::receipt::Outcome;

use crate::{is, nothing_executed};

/// A customer who is slow with the PIN, and takes an order back from another window at a moment.
struct Slow<'a> {
    world: &'a World,
    answers: bool,
    cancels: Option<(&'static str, OrderId)>,
    asked: Mutex<usize>,
}

impl<'a> Slow<'a> {
    fn new(world: &'a World, answers: bool) -> Self {
        Self { world, answers, cancels: None, asked: Mutex::default() }
    }
}

#[async_trait]
impl Customer for Slow<'_> {
    fn tell(&self, moment: &Moment) {
        if let Some((_, id)) = self.cancels.filter(|(name, _)| *name == moment.name()) {
            // Durable at once; the rest waits for its turn and is not waited for.
            let world = self.world;
            let cancel = world.client.cancel_order(&world.token, &world.person, id);
            assert!(cancel.now_or_never().is_none());
        }
    }

    async fn pin(&self, _: PinReason) -> Result<PinBlock, Error> {
        *self.asked.lock().unwrap() += 1;
        // Longer, and nobody would have anything to do: time would pass.
        tokio::task::yield_now().await;
        if !self.answers {
            std::future::pending::<()>().await;
        }
        Ok(PinBlock::new("204619")?)
    }
}

#[tokio::test]
async fn two_runs_of_one_order_deliver_it_once() {
    let world = World::ready(330).await;
    let id = world.create().await.unwrap();
    let delivered = world.token.orders().len();
    let slow = Slow::new(&world, true);
    let run = || world.client.run_order(&world.token, &slow, id);
    let (first, second) = tokio::join!(run(), run());
    assert_eq!(first.unwrap().receipt, second.unwrap().receipt);
    assert_eq!(world.token.orders().len(), delivered + 1);
    assert_eq!(*slow.asked.lock().unwrap(), 1);
    assert_eq!(world.bank.executed().len(), 1);
}

#[tokio::test]
async fn a_cancel_from_elsewhere_ends_the_question_for_the_pin() {
    let world = World::ready(331).await;
    let id = world.create().await.unwrap();
    let delivered = world.token.orders().len();
    let slow = Slow::new(&world, false);
    let run = world.client.run_order(&world.token, &slow, id);
    let cancel = world.client.cancel_order(&world.token, &world.person, id);
    let (run, cancel) = tokio::join!(run, cancel);
    assert_eq!(run.unwrap().receipt.outcome, Outcome::Cancelled);
    assert_eq!(cancel.unwrap().receipt.outcome, Outcome::Cancelled);
    assert_eq!(world.token.orders().len(), delivered, "the token never saw it");
    nothing_executed(&world);
}

#[tokio::test]
async fn a_cancel_from_elsewhere_is_not_overwritten_at_any_moment() {
    for moment in ["connected", "review-on-token", "approved"] {
        let world = World::ready(332).await;
        let id = world.create().await.unwrap();
        world.bank.answers(|request, response| match request.path.ends_with("/cancel") {
            true => Err(Error::new(Code::BankUnreachable)),
            false => Ok(response),
        });
        let mut slow = Slow::new(&world, true);
        slow.cancels = Some((moment, id));
        let run = world.client.run_order(&world.token, &slow, id).await;
        is(&run.unwrap_err(), Code::BankUnreachable);
        let history = world.client.history().await.unwrap();
        assert!(history.iter().find(|entry| entry.id == Some(id)).unwrap().cancelled, "{moment}");
        assert_eq!(world.bank.submitted().len(), 1, "that of the certificate: {moment}");
        world.bank.repent();
        let report = world.run(id).await.unwrap();
        assert_eq!(report.receipt.outcome, Outcome::Cancelled, "{moment}");
        nothing_executed(&world);
    }
}

#[tokio::test]
async fn what_was_asked_for_twice_is_paid_once() {
    let world = World::ready(333).await;
    let unreachable = |request: &ushield_client::ports::HttpRequest, response| match request.path.as_str() {
        "/v1/orders" => Err(Error::new(Code::BankUnreachable)),
        _ => Ok(response),
    };
    world.bank.answers(unreachable);
    is(&world.transfer().await.unwrap_err(), Code::BankUnreachable);
    world.bank.repent();
    assert_eq!(world.transfer().await.unwrap().receipt.outcome, Outcome::Executed);
    assert_eq!(world.statuses().await, ["executed"], "the same request under the same key");
    assert_eq!(world.client.resume(&world.token, &world.person).await.unwrap().len(), 0);
    assert_eq!(world.bank.executed().len(), 1);
}

#[tokio::test]
async fn a_request_for_money_is_not_made_when_it_is_old() {
    let world = World::ready(334).await;
    world.bank.answers(|request, response| match request.path.as_str() {
        "/v1/orders" => Err(Error::new(Code::BankUnreachable)),
        _ => Ok(response),
    });
    is(&world.create().await.unwrap_err(), Code::BankUnreachable);
    world.bank.repent();
    world.clock.advance(901);
    world.sign_in().await;
    let resumed = world.client.resume(&world.token, &world.person).await.unwrap();
    assert_eq!(resumed.len(), 1);
    is(resumed[0].1.as_ref().unwrap_err(), Code::Interrupted);
    assert_eq!(world.statuses().await, ["not-created"]);
    nothing_executed(&world);
}

#[tokio::test]
async fn a_request_can_be_taken_back() {
    for reached in [true, false] {
        let world = World::ready(335).await;
        let orders = world.bank.orders();
        let lost = move |request: &ushield_client::ports::HttpRequest, response| {
            let create = request.path == "/v1/orders";
            if create { Err(Error::new(Code::BankUnreachable)) } else { Ok(response) }
        };
        world.bank.answers(lost);
        is(&world.create().await.unwrap_err(), Code::BankUnreachable);
        assert_eq!(world.bank.orders(), orders + 1, "only its answer was lost");
        world.bank.repent();
        let history = world.client.history().await.unwrap();
        let creation = history.iter().find(|entry| entry.id.is_none()).unwrap().creation;
        if !reached {
            world.clock.advance(901);
            world.sign_in().await;
        }
        let ended = world.client.cancel_request(&world.token, &world.person, creation).await.unwrap();
        assert_eq!(ended.map(|report| report.receipt.outcome), reached.then_some(Outcome::Cancelled));
        assert_eq!(world.statuses().await, [if reached { "cancelled" } else { "not-created" }]);
        nothing_executed(&world);
    }
}

#[tokio::test]
async fn an_expired_order_ends_by_the_banks_receipt_and_asks_for_no_pin() {
    let world = World::ready(336).await;
    let id = world.create().await.unwrap();
    world.clock.advance(901 + 700);
    world.sign_in().await;
    let report = world.run(id).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Expired);
    assert_eq!(world.person.asked(), []);
}

#[tokio::test]
async fn what_the_token_takes_for_over_is_asked_of_the_bank() {
    for (signed_in, code) in
        [(true, Code::OrderExpired), (true, Code::WrongAddressee), (false, Code::OrderExpired)]
    {
        let world = World::ready(337).await;
        let id = world.create().await.unwrap();
        world.clock.advance(500);
        if signed_in {
            world.sign_in().await;
        }
        let clock = std::sync::Arc::clone(&world.clock);
        world.token.lie(Step::Answer, move |_| {
            // Nobody decided in time, and the bank has ended it.
            clock.advance(450);
            Reply::refusal(&code.into()).encode()
        });
        let ended = world.run(id).await;
        match signed_in {
            true => assert_eq!(ended.unwrap().receipt.outcome, Outcome::Expired, "{code}"),
            false => is(&ended.unwrap_err(), code),
        }
        nothing_executed(&world);
    }
}

#[tokio::test]
async fn a_resume_submits_first_and_asks_the_customer_last() {
    let world = World::ready(338).await;
    for amount in 1..=5 {
        let mut asked = transfer();
        asked.amount = amount;
        world.client.create_transfer(&world.person, None, &asked).await.unwrap();
    }
    let decided = world.create().await.unwrap();
    world.bank.answers(|request, response| match request.path.ends_with("/authorization") {
        true => Err(Error::new(Code::BankUnreachable)),
        false => Ok(response),
    });
    is(&world.run(decided).await.unwrap_err(), Code::BankUnreachable);
    world.bank.repent();
    let resumed = world.client.resume(&world.token, &world.person).await.unwrap();
    assert_eq!(resumed.len(), 6);
    assert_eq!(resumed[0].0, Some(decided));
}

#[tokio::test]
async fn a_locked_pin_hides_no_answer() {
    let world = World::ready(339).await;
    let id = world.create().await.unwrap();
    let locked = |plain: Vec<u8>| {
        let mut state = State::decode(&plain).unwrap();
        state.flags.pin_locked = true;
        state.encode().to_vec()
    };
    let mut other = transfer();
    other.amount = 9;
    let fresh = world.client.create_transfer(&world.person, None, &other).await.unwrap();
    // The order reaches the token, its answer does not come back; then the PIN is locked.
    let mut cuts = 0;
    world.token.replace(Step::Answer, move |kind, sealed| {
        cuts += 1;
        match cuts {
            1..=4 => vec![ushield_e2e::evil::token::Out::Cut],
            _ => vec![ushield_e2e::evil::token::Out::Frame(kind, sealed)],
        }
    });
    is(&world.run(id).await.unwrap_err(), Code::LinkLost);
    world.token.repent();
    world.token.lie(Step::K2, locked);
    is(&world.run(fresh).await.unwrap_err(), Code::PinLocked);
    assert_eq!(world.run(id).await.unwrap().receipt.outcome, Outcome::Executed);
}
