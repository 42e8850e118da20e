use ushield_protocol::code::Code;
use ushield_token::Key;

use super::world::{PIN, World, order_with};

#[test]
fn a_review_without_a_key_ends_after_two_minutes() {
    let (mut world, _) = World::ready();
    let (_, bytes) = world.a_transfer();
    world.show(&bytes);
    world.wait(119);
    world.press(Key::Down);
    world.wait(119);
    assert!(world.shows("TRANSFER"));
    world.wait(1);
    assert_eq!(world.result().code, Code::TimedOut);
    assert!(world.shows("Time is over"), "{}", world.screen());
    world.wait(5);
    assert!(world.shows("OK menu"));
}

#[test]
fn a_review_ends_after_ten_minutes_in_any_case() {
    let (mut world, _) = World::ready();
    let (_, bytes) = world.a_transfer();
    world.show(&bytes);
    for _ in 0..9 {
        world.wait(60);
        world.press(Key::Down);
    }
    world.wait(59);
    assert!(world.shows("TRANSFER"));
    world.wait(1);
    assert_eq!(world.result().code, Code::TimedOut);
}

#[test]
fn a_review_without_a_phone_ends_too_and_nothing_is_signed() {
    let (mut world, phone) = World::ready();
    let (order, bytes) = world.a_transfer();
    world.show(&bytes);
    world.disconnect();
    world.wait(120);
    assert!(world.shows("Time is over"));
    world.reconnect(&phone);
    let collect = ushield_protocol::message::Request::Collect { order: order.id };
    assert_eq!(world.ask(&collect).code, Code::NotFound);
    world.dismiss();
    world.show(&bytes);
}

/// A phone that delivers again and again does not keep a review alive.
#[test]
fn redelivery_is_no_key() {
    let (mut world, _) = World::ready();
    let (_, bytes) = world.a_transfer();
    world.show(&bytes);
    for _ in 0..11 {
        world.wait(10);
        world.request(&order_with(Some(PIN), &bytes));
        world.event(Code::Shown);
    }
    world.wait(10);
    assert_eq!(world.result().code, Code::TimedOut);
}

/// A key that comes late, before the token was woken, is no key of this review any more.
#[test]
fn a_key_after_the_end_decides_nothing() {
    let (mut world, _) = World::ready();
    let (_, bytes) = world.a_transfer();
    world.show(&bytes);
    world.read_all();
    world.now = world.now.plus(120_000);
    world.press(Key::Ok);
    assert_eq!(world.result().code, Code::TimedOut);
}
