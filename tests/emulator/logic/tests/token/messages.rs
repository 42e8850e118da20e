use ushield_protocol::code::Code;
use ushield_protocol::message::Request;
use ushield_token::Key;

use super::world::{PIN, Phone, World, order_with, pin_change};

type Act = fn(&mut World);

/// What would draw: an order, a question about a phone, a question about the PIN.
fn drawing(phone: &Phone, order: &[u8]) -> [Request; 3] {
    [order_with(Some(PIN), order), Request::Forget { phone: phone.id() }, pin_change(PIN, "135790")]
}

/// All of them are busy, and the message stays.
fn assert_held(world: &mut World, phone: &Phone, order: &[u8]) {
    let message = world.screen();
    for request in drawing(phone, order) {
        assert_eq!(world.ask(&request).code, Code::Busy, "{message}");
    }
    assert_eq!(world.screen(), message);
    world.info();
}

/// Messages that the customer has to know, each brought about anew.
const TOLD: [(&str, Act); 4] = [
    ("The phone took the order", |world| {
        let (order, bytes) = world.a_transfer();
        world.show(&bytes);
        world.request(&Request::Cancel { order: order.id });
        assert_eq!(world.reply().unwrap().code, Code::Cancelled);
        world.result();
    }),
    ("Time is over", |world| {
        let (_, bytes) = world.a_transfer();
        world.show(&bytes);
        world.now = world.now.plus(120_000);
        world.token.tick(world.now);
        world.pump();
        assert_eq!(world.result().code, Code::TimedOut);
    }),
    ("Tries left: 4", |world| {
        world.request(&pin_change("111222", "135790"));
        world.press(Key::Ok);
        assert_eq!(world.result().code, Code::PinWrong);
    }),
    ("The phone is gone", |world| {
        world.request(&pin_change(PIN, "135790"));
        world.disconnect();
    }),
];

/// Taken back and replaced at once, an order would get the OK that was meant for the one before it.
#[test]
fn what_the_customer_has_to_know_stays_until_a_key() {
    for (text, bring) in TOLD {
        for key in [Key::Ok, Key::Cancel, Key::Up, Key::Down] {
            let (mut world, phone) = World::ready();
            let (_, next) = world.a_transfer();
            bring(&mut world);
            assert!(world.shows(text), "{}", world.screen());
            if world.disconnected {
                world.reconnect(&phone);
            }
            assert_held(&mut world, &phone, &next);
            world.press(key);
            world.show(&next);
        }
    }
}

#[test]
fn what_the_customer_has_to_know_stays_for_five_seconds() {
    for (text, bring) in TOLD {
        let (mut world, phone) = World::ready();
        let (_, next) = world.a_transfer();
        bring(&mut world);
        if world.disconnected {
            world.reconnect(&phone);
        }
        world.now = world.now.plus(4_999);
        assert!(world.shows(text), "{}", world.screen());
        assert_held(&mut world, &phone, &next);
        world.now = world.now.plus(1);
        world.show(&next);
    }
}

/// The three ways of an order's end by key, and a pairing: an order may follow, a question may not.
#[test]
fn after_the_customer_s_own_act_an_order_follows_and_a_question_waits() {
    let acts: [(&str, Act); 4] = [
        ("Rejected", |world| {
            let (_, bytes) = world.a_transfer();
            world.show(&bytes);
            world.press(Key::Cancel);
            world.result();
        }),
        ("Approved", |world| {
            world.approve_transfer(|_| {});
        }),
        ("The PIN is changed", |world| {
            world.request(&pin_change(PIN, "135791"));
            world.press(Key::Ok);
            assert_eq!(world.result().code, Code::Ok);
        }),
        ("is paired", |world| {
            let mut second = Phone::new(2);
            world.disconnect();
            world.open_pairing();
            world.connect();
            let mut session = world.pair_until_digits(&second);
            world.finish_pairing(&mut second, &mut session);
            world.reconnect(&second);
        }),
    ];
    for (text, act) in acts {
        for seconds in [0, 5] {
            let (mut world, phone) = World::ready();
            let (_, next) = world.a_transfer();
            act(&mut world);
            assert!(world.shows(text), "{}", world.screen());
            let [order, forget, change] = drawing(&phone, &next);
            if seconds == 0 {
                for question in [&forget, &change] {
                    assert_eq!(world.ask(question).code, Code::Busy, "{text}");
                    assert!(world.shows(text), "{}", world.screen());
                }
                world.request(&order);
                world.event(Code::Shown);
            } else {
                world.wait(seconds);
                world.request(&forget);
                assert!(world.shows("FORGET THIS PHONE"), "{}", world.screen());
            }
        }
    }
}
