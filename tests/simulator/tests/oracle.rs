//! Each rule of the oracle that no planted bug breaks can fail: here on worlds that somebody has tampered with.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use ushield_bank_api::OrderState;
use ushield_client::ports::{Change, Store as _, Table};
use ushield_client::records::OrderRecord;
use ushield_protocol::code::Code;
use ushield_protocol::order::{Operation, Order};
use ushield_session::order_life::{Event, OrderLife};
use ushield_simulator::goal::Nature;
use ushield_simulator::world::{Shared, World};
use ushield_simulator::{Crypto, Outcome, Run};

/// One payment without faults, and what is done to the world before it is judged.
fn tampered(nature: Nature, with: impl FnOnce(&mut World)) -> Outcome {
    let run = Run { nature: Some(nature), at_messages: Some(Vec::new()), ..Run::new(1, Crypto::StandIn) };
    run.play_between(|_| {}, |shared: &Shared| with(&mut shared.world())).0
}

fn plain(with: impl FnOnce(&mut World)) -> Vec<String> {
    tampered(Nature::plain(1), with).violations
}

/// The record of the payment that ended so: a certificate's order lives longer.
fn record(world: &World, state: OrderState) -> OrderRecord {
    let records = world.phones[0].disk.list(Table::Order).unwrap().into_iter();
    let mut records = records.map(|(_, value)| OrderRecord::decode(&value).unwrap());
    let is_so = |record: &OrderRecord| {
        let is_payment = record.life.order().is_some_and(|order| {
            let order = Order::receive(order).unwrap().trust_own().unwrap();
            matches!(order.payload().operation, Operation::Transfer(_))
        });
        let known = record.id.and_then(|id| world.bank.model.order(&id));
        is_payment && known.is_some_and(|order| order.state == state)
    };
    records.find(is_so).unwrap()
}

fn put(record: &OrderRecord) -> [Change; 1] {
    [Change::put(Table::Order, &record.creation, &record.encode())]
}

fn assert_one(violations: &[String], of: &str) {
    assert!(violations.iter().any(|violation| violation.contains(of)), "{of}: {violations:?}");
}

#[test]
fn a_world_that_nobody_touched_is_fine() {
    assert_eq!(plain(|_| {}), [""; 0]);
}

#[test]
fn a_request_that_stays_is_late_and_is_left() {
    let violations = plain(|world| {
        world.quiet = Some(world.now);
        let known = record(world, OrderState::Executed);
        let life = OrderLife::requested();
        world.commit(0, &put(&OrderRecord { creation: [7; 16], id: None, life, ..known }));
        let late = world.now + 20 * 60_000;
        while world.happen(late) {}
    });
    assert_one(&violations, "is still Requested");
    assert_one(&violations, "is Requested for ever");
}

#[test]
fn an_order_that_stays_open_is_late_and_is_left() {
    let violations = plain(|world| {
        world.quiet = Some(world.now);
        let known = record(world, OrderState::Executed);
        let life = OrderLife::prepared(known.life.order().unwrap().to_vec());
        world.commit(0, &put(&OrderRecord { life, ..known }));
        let late = world.now + 20 * 60_000;
        while world.happen(late) {}
    });
    assert_one(&violations, "is still Prepared");
    assert_one(&violations, "is Prepared for ever");
}

#[test]
fn an_answer_that_stays_on_the_phone_is_late_at_once() {
    let violations = plain(|world| {
        world.quiet = Some(world.now);
        let known = record(world, OrderState::Executed);
        let life = OrderLife::prepared(known.life.order().unwrap().to_vec());
        let life = life.apply(Event::Delivering).unwrap().apply(Event::Answered(vec![1])).unwrap();
        world.commit(0, &put(&OrderRecord { life, ..known }));
        let late = world.now + 130_000;
        while world.happen(late) {}
    });
    assert_one(&violations, "is still Decided");
}

#[test]
fn an_executed_order_was_created() {
    for code in [Code::InsufficientFunds, Code::Interrupted] {
        let violations = plain(|world| {
            let known = record(world, OrderState::Executed);
            let life = OrderLife::requested().apply(Event::CreationRefused(code)).unwrap();
            world.commit(0, &put(&OrderRecord { id: None, life, ..known }));
        });
        assert_one(&violations, "says not-created");
        assert_eq!(violations.len(), 2, "when it is written, and at the end: {violations:?}");
    }
}

#[test]
fn nobody_takes_back_for_the_customer() {
    let violations = plain(|world| {
        let known = record(world, OrderState::Executed);
        let life = OrderLife::prepared(known.life.order().unwrap().to_vec());
        let life = life.apply(Event::CancelAsked).unwrap();
        world.commit(0, &put(&OrderRecord { life, ..known }));
    });
    assert_one(&violations, "nobody wanted that");
}

#[test]
fn the_bank_cancels_nothing_by_itself() {
    let mut nature = Nature::plain(1);
    nature.goals[0].takes_back_at = Some("review-on-token");
    let cancelled = tampered(nature.clone(), |_| {});
    assert_eq!((cancelled.violations, cancelled.executed), (Vec::new(), 0));
    let outcome = tampered(nature, |world| {
        // As if the phone had never said that it took it back.
        let known = record(world, OrderState::Cancelled);
        let life = OrderLife::prepared(known.life.order().unwrap().to_vec());
        world.phones[0].disk.commit(&put(&OrderRecord { life, ..known })).unwrap();
    });
    assert_one(&outcome.violations, "no phone took it back");
}

#[test]
fn a_wrong_pin_approves_nothing() {
    let approved = "DONE\n\nThe payment is\nsigned.\n";
    let typed = |world: &mut World, ago| {
        world.phones[0].right_pins = vec![world.now];
        world.now += ago;
        world.show(approved.to_owned());
    };
    assert_eq!(plain(|world| typed(world, 5_000)), [""; 0]);
    let untyped = |world: &mut World| {
        world.phones[0].right_pins.clear();
        world.show(approved.to_owned());
    };
    assert_one(&plain(untyped), "with a wrong PIN");
    assert_one(&plain(|world| typed(world, 200_000)), "with a wrong PIN");
    let twice = |world: &mut World| {
        typed(world, 5_000);
        world.show(approved.to_owned());
    };
    assert_one(&plain(twice), "with a wrong PIN");
}
