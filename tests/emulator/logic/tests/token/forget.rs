use ushield_protocol::code::Code;
use ushield_protocol::key::PhoneId;
use ushield_protocol::message::Request;
use ushield_token::Key;

use super::world::{PIN, Phone, World, order_with, pin_change};

#[test]
fn one_phone_is_forgotten_after_ok_and_the_others_stay() {
    let (mut world, first) = World::ready();
    let mut second = Phone::new(2);
    world.disconnect();
    world.pair(&mut second);
    world.request(&Request::Forget { phone: first.id() });
    assert!(world.shows("FORGET THIS PHONE") && world.shows("Test phone"), "{}", world.screen());
    world.press(Key::Ok);
    assert_eq!(world.result().code, Code::Ok);
    assert!(!world.disconnected);
    assert_eq!(world.info().phones, 1);
    world.reboot();
    world.reconnect(&second);
}

#[test]
fn c_time_and_a_lost_link_forget_nothing() {
    let (mut world, phone) = World::ready();
    let forget = Request::Forget { phone: phone.id() };
    world.request(&forget);
    world.press(Key::Cancel);
    assert_eq!(world.result().code, Code::Declined);
    world.dismiss();
    world.request(&forget);
    world.wait(59);
    assert!(world.shows("FORGET THIS PHONE") && world.take().is_none(), "{}", world.screen());
    world.wait(1);
    assert_eq!(world.result().code, Code::TimedOut);
    world.dismiss();
    world.request(&forget);
    world.disconnect();
    assert!(world.shows("Nothing changed"), "{}", world.screen());
    world.press(Key::Ok);
    assert_eq!(world.reconnect(&phone).phones, 1);
}

#[test]
fn an_unknown_phone_is_not_found() {
    let (mut world, _) = World::ready();
    let drawn = world.drawn();
    assert_eq!(world.ask(&Request::Forget { phone: PhoneId::from([3; 8]) }).code, Code::NotFound);
    assert_eq!(world.drawn(), drawn);
}

/// Phones choose their names: two may have one.
#[test]
fn the_question_tells_phones_of_one_name_apart() {
    let (mut world, first) = World::ready();
    let mut second = Phone::new(2);
    world.disconnect();
    world.pair(&mut second);
    for phone in [&first, &second] {
        world.request(&Request::Forget { phone: phone.id() });
        assert!(world.shows("Test phone") && world.shows(&phone.id().to_string()), "{}", world.screen());
        world.press(Key::Cancel);
        world.result();
        world.dismiss();
    }
    world.press_all(&[Key::Ok, Key::Down, Key::Ok]);
    for phone in [&first, &second] {
        assert!(world.shows("PHONES") && world.shows(&phone.id().to_string()), "{}", world.screen());
        world.press(Key::Ok);
        assert!(
            world.shows("FORGET THIS PHONE") && world.shows(&phone.id().to_string()),
            "{}",
            world.screen()
        );
        world.press_all(&[Key::Cancel, Key::Down]);
    }
}

/// A question that the customer asked for by key is not replaced by a phone's, whose OK would forget another one.
#[test]
fn a_phone_puts_nothing_in_place_of_the_question_by_key() {
    let (mut world, owner) = World::ready();
    let mut other = Phone::new(2);
    let (_, order) = world.a_transfer();
    world.disconnect();
    world.pair(&mut other);
    world.press_all(&[Key::Ok, Key::Down, Key::Ok, Key::Down, Key::Ok]);
    let question = world.screen();
    assert!(question.contains(&other.id().to_string()), "{question}");
    for request in
        [Request::Forget { phone: owner.id() }, pin_change(PIN, "135790"), order_with(Some(PIN), &order)]
    {
        assert_eq!(world.ask(&request).code, Code::Busy);
    }
    assert_eq!(world.screen(), question);
    world.press(Key::Ok);
    assert!(world.disconnected, "the one that was asked about");
    world.reconnect(&owner);
}

#[test]
fn the_question_by_key_ends_after_sixty_seconds() {
    let (mut world, phone) = World::ready();
    world.press_all(&[Key::Ok, Key::Down, Key::Ok, Key::Ok]);
    world.wait(59);
    assert!(world.shows("FORGET THIS PHONE"), "{}", world.screen());
    world.wait(1);
    assert!(world.shows("OK menu"), "{}", world.screen());
    world.press(Key::Ok);
    assert_eq!(world.reconnect(&phone).phones, 1);
    // A key that comes when the time is over, and before the token was told, forgets nothing either.
    world.press_all(&[Key::Down, Key::Ok, Key::Ok]);
    assert!(world.shows("FORGET THIS PHONE"), "{}", world.screen());
    world.now = world.now.plus(60_000);
    world.press(Key::Ok);
    assert_eq!(world.info().phones, 1);
}
