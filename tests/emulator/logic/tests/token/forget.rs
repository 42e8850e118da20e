use ushield_protocol::code::Code;
use ushield_protocol::key::PhoneId;
use ushield_protocol::message::Request;
use ushield_token::Key;

use super::world::{Phone, World};

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
    world.request(&forget);
    world.wait(120);
    assert_eq!(world.result().code, Code::TimedOut);
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
