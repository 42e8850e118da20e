use ushield_protocol::code::Code;
use ushield_protocol::message::Request;
use ushield_protocol::pin::INITIAL_PIN;
use ushield_token::Key;

use super::world::{PIN, Phone, World, order_with, pin_change};

const NEW: &str = "Zx81q7";

#[test]
fn a_change_needs_ok_and_lasts() {
    let mut world = World::new();
    let mut phone = Phone::new(1);
    world.pair(&mut phone);
    world.request(&pin_change(INITIAL_PIN, NEW));
    assert!(world.take().is_none() && world.shows("CHANGE PIN"), "{}", world.screen());
    assert!(world.reboot_state(&phone).flags.pin_initial, "not before OK");
    world.change_pin(INITIAL_PIN, NEW);
    assert!(!world.reboot_state(&phone).flags.pin_initial);
    world.request(&pin_change(INITIAL_PIN, PIN));
    world.press(Key::Ok);
    let reply = world.result();
    assert_eq!((reply.code, reply.body.as_slice()), (Code::PinWrong, &[4][..]));
    world.dismiss();
    world.change_pin(NEW, PIN);
    assert_eq!(world.info().tries, 5);
}

#[test]
fn what_is_refused_draws_nothing_and_costs_nothing() {
    let (mut world, _) = World::ready();
    let drawn = world.drawn();
    for (old, new, code) in [
        (PIN, "111111", Code::PinTooSimple),
        (PIN, "123456", Code::PinTooSimple),
        (PIN, "fedcba", Code::PinTooSimple),
        (PIN, PIN, Code::PinUnchanged),
    ] {
        assert_eq!(world.ask(&pin_change(old, new)).code, code);
    }
    assert_eq!((world.drawn(), world.info().tries), (drawn, 5));
    let mut malformed = pin_change(PIN, NEW).encode().to_vec();
    malformed[40] = 1;
    world.request_bytes(&malformed);
    assert_eq!(world.result().code, Code::Malformed);
}

#[test]
fn c_time_and_a_lost_link_change_nothing() {
    let (mut world, phone) = World::ready();
    world.request(&pin_change(PIN, NEW));
    world.press(Key::Cancel);
    assert_eq!(world.result().code, Code::Declined);
    world.dismiss();
    world.request(&pin_change(PIN, NEW));
    world.wait(60);
    assert_eq!(world.result().code, Code::TimedOut);
    world.dismiss();
    world.request(&pin_change(PIN, NEW));
    world.disconnect();
    world.press(Key::Ok);
    world.reconnect(&phone);
    assert_eq!(world.info().tries, 5);
    world.dismiss();
    world.change_pin(PIN, NEW);
}

#[test]
fn the_last_try_is_asked_for_and_then_locks() {
    let (mut world, phone) = World::ready();
    for tries in [4, 3, 2, 1] {
        world.request(&pin_change("111222", NEW));
        world.press(Key::Ok);
        assert_eq!(world.result().body, [tries]);
        world.dismiss();
    }
    world.request(&pin_change("111222", NEW));
    world.press(Key::Ok);
    world.event(Code::LastTry);
    assert!(world.shows("ONE TRY IS LEFT"));
    world.press(Key::Ok);
    assert_eq!(world.event(Code::PinWrong), [0]);
    assert_eq!(world.result().code, Code::PinLocked);
    assert!(world.reboot_state(&phone).flags.pin_locked);
}

#[test]
fn one_question_at_a_time() {
    let (mut world, phone) = World::ready();
    let (order, bytes) = world.a_transfer();
    world.request(&pin_change(PIN, NEW));
    for request in [
        pin_change(PIN, NEW),
        order_with(Some(PIN), &bytes),
        Request::Cancel { order: order.id },
        Request::Forget { phone: phone.id() },
    ] {
        assert_eq!(world.ask(&request).code, Code::Busy);
    }
    world.press(Key::Ok);
    assert_eq!(world.result().code, Code::Ok);
    world.show(&bytes);
    world.reconnect(&phone);
    assert_eq!(world.ask(&pin_change(PIN, NEW)).code, Code::Busy, "a review is not replaced");
}
