use ushield_protocol::code::Code;
use ushield_protocol::message::Request;
use ushield_token::Key;

use super::world::{PIN, Phone, World, order_with, pin};

fn with_second_phone() -> (World, Phone, Phone) {
    let (mut world, first) = World::ready();
    let mut second = Phone::new(2);
    world.disconnect();
    world.pair(&mut second);
    (world, first, second)
}

#[test]
fn a_cancel_ends_the_review_and_signs_nothing() {
    let (mut world, _) = World::ready();
    let (order, bytes) = world.a_transfer();
    world.show(&bytes);
    let operations = world.board.flash.borrow().operations();
    world.request(&Request::Cancel { order: order.id });
    let result = world.reply().unwrap();
    assert_eq!(result.code, Code::Cancelled, "the order's result comes first");
    assert_eq!(world.result().code, Code::Ok);
    assert_eq!(world.board.flash.borrow().operations(), operations, "nothing is written");
    assert!(world.shows("Nothing signed"));
    assert_eq!(world.ask(&Request::Collect { order: order.id }).code, Code::NotFound);
}

#[test]
fn only_what_the_phone_delivered() {
    let (mut world, first, second) = with_second_phone();
    world.reconnect(&first);
    let (order, bytes) = world.a_transfer();
    world.show(&bytes);
    let state = world.reconnect(&second);
    assert!(state.flags.reviewing && !state.flags.reviewing_ours);
    let page = world.screen();
    assert_eq!(world.ask(&Request::Cancel { order: order.id }).code, Code::NotFound);
    assert_eq!(world.ask(&order_with(Some(PIN), &bytes)).code, Code::Busy, "not even the same order");
    assert_eq!(world.ask(&pin(PIN)).code, Code::NotFound);
    assert_eq!(world.ask(&Request::Forget { phone: first.id() }).code, Code::Busy);
    let (_, other) = world.a_transfer();
    assert_eq!(world.ask(&order_with(Some(PIN), &other)).code, Code::Busy);
    assert_eq!(world.screen(), page);
    world.reconnect(&first);
    world.request(&Request::Cancel { order: order.id });
    assert_eq!(world.result().code, Code::Ok, "no order waits on this connection");
}

#[test]
fn another_order_of_the_same_phone_is_busy_too() {
    let (mut world, phone) = World::ready();
    let (_, first) = world.a_transfer();
    let (_, second) = world.a_transfer();
    world.show(&first);
    world.reconnect(&phone);
    assert_eq!(world.ask(&order_with(None, &second)).code, Code::Busy);
}

#[test]
fn what_was_decided_is_not_cancelled() {
    let (mut world, _) = World::ready();
    let (order, answer) = world.approve_transfer(|_| {});
    assert_eq!(world.ask(&Request::Cancel { order: order.id }).code, Code::AlreadyDecided);
    assert_eq!(world.ask(&Request::Collect { order: order.id }).body, answer);
    let (order, bytes) = world.a_transfer();
    assert_eq!(world.ask(&Request::Cancel { order: order.id }).code, Code::NotFound);
    assert_eq!(world.ask(&Request::Collect { order: order.id }).code, Code::NotFound);
    world.show(&bytes);
    world.press(Key::Cancel);
    world.result();
    assert_eq!(world.ask(&Request::Cancel { order: order.id }).code, Code::AlreadyDecided);
}

#[test]
fn while_a_command_waits_others_are_busy() {
    let (mut world, phone) = World::ready();
    let (order, bytes) = world.a_transfer();
    world.show(&bytes);
    for request in [
        Request::Info,
        Request::Phones,
        Request::Forget { phone: phone.id() },
        Request::BankKey { statement: vec![1] },
        super::world::pin_change(PIN, "135790"),
    ] {
        assert_eq!(world.ask(&request).code, Code::Busy);
    }
    assert_eq!(world.ask(&Request::Collect { order: order.id }).code, Code::Waiting);
    world.read_all();
    world.press(Key::Ok);
    assert_eq!(world.result().code, Code::Ok);
}
