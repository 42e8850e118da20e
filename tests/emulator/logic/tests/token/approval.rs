use ushield_protocol::authorization::Uv;
use ushield_protocol::code::Code;
use ushield_protocol::key::{Hash, P256Verifier};
use ushield_protocol::message::Request;
use ushield_protocol::order::Order;
use ushield_protocol::render::{Notices, Profile, pages};
use ushield_token::Key;

use super::world::{NOW, PIN, World, order_with};

#[test]
fn an_approval_says_what_was_shown() {
    let (mut world, phone) = World::ready();
    let (order, bytes) = world.a_transfer();
    let answer = world.approve(&bytes);
    assert!(world.shows("Approved and signed"), "{}", world.screen());
    let payload = *world.approval(&answer).payload();
    let shown = Order::receive(&bytes).unwrap().verify(&world.bank.statement(1), &P256Verifier).unwrap();
    let rendered = pages(&shown, Profile::En1, &Notices::default()).unwrap();
    let about = payload.about;
    assert_eq!((about.order, about.order_hash, about.pages), (order.id, shown.hash(), rendered.digest()));
    assert_eq!((about.operation, about.profile, about.page_count), (1, 2, rendered.count()));
    assert_eq!((about.uv, payload.counter, payload.previous), (Uv::Phone, 1, Hash::ZERO));
    assert_eq!((payload.firmware, payload.via), (0x0100, phone.id()));
    assert!(answer.len() <= 238);
    let drawn = world.board.pages.borrow().clone();
    for page in rendered.iter() {
        assert!(drawn.iter().any(|drawn| drawn == page), "every page was on the screen");
    }
}

#[test]
fn counters_and_chains_are_each_keys_own() {
    let (mut world, phone) = World::ready();
    let (_, first) = world.approve_transfer(|_| {});
    let (_, order) = world.a_transfer();
    world.show(&order);
    world.press(Key::Cancel);
    let rejected = world.result().body;
    world.reboot();
    world.reconnect(&phone);
    let (_, second) = world.approve_transfer(|_| {});
    let (first, second) = (world.approval(&first), world.approval(&second));
    assert_eq!((first.payload().counter, second.payload().counter), (1, 2));
    assert_eq!(second.payload().previous, first.payload_hash());
    let rejected = world.rejection(&rejected);
    assert_eq!((rejected.payload().counter, rejected.payload().previous), (1, Hash::ZERO));
    assert_eq!(rejected.payload().about.uv, Uv::None);
}

#[test]
fn c_on_any_page_rejects_with_the_device_key() {
    for page in 0..3 {
        let (mut world, _) = World::ready();
        let (order, bytes) = world.a_transfer();
        world.show(&bytes);
        for _ in 0..page {
            world.press(Key::Down);
        }
        world.press(Key::Cancel);
        let answer = world.result().body;
        assert_eq!(world.rejection(&answer).payload().about.order, order.id);
        let again = world.ask(&order_with(Some(PIN), &bytes));
        assert_eq!(again.body, answer, "the same order again: the same bytes");
        assert!(world.shows("Rejected"), "{}", world.screen());
    }
}

#[test]
fn the_same_order_again_gives_identical_bytes_and_draws_nothing() {
    let (mut world, phone) = World::ready();
    let (order, bytes) = world.a_transfer();
    let answer = world.approve(&bytes);
    let drawn = world.drawn();
    assert_eq!(world.ask(&order_with(None, &bytes)).body, answer);
    assert_eq!(world.ask(&Request::Collect { order: order.id }).body, answer);
    assert_eq!(world.drawn(), drawn);
    world.reboot();
    world.reconnect(&phone);
    assert_eq!(world.ask(&order_with(Some("999999"), &bytes)).body, answer);
    assert_eq!(world.info().approvals, 2, "with the certificate's");
}

#[test]
fn a_second_signature_over_the_same_payload_is_the_same_order() {
    let (mut world, _) = World::ready();
    let (order, bytes) = world.a_transfer();
    let answer = world.approve(&bytes);
    // Another statement over another key for the same purposes; the payload is the same.
    world.bank.key = super::world::key(0x55);
    let statement = world.bank.statement(2);
    assert_eq!(world.give_bank_key(&statement), Code::Ok);
    let again = world.bank.sign(&order);
    assert_ne!(again, bytes);
    assert_eq!(world.ask(&order_with(None, &again)).body, answer);
}

#[test]
fn the_answer_waits_for_a_phone_that_went_away() {
    let (mut world, phone) = World::ready();
    let (order, bytes) = world.a_transfer();
    world.show(&bytes);
    world.disconnect();
    assert!(world.shows("TRANSFER"), "the token goes on showing");
    world.read_all();
    world.press(Key::Ok);
    assert!(world.shows("Approved and signed"));
    world.reconnect(&phone);
    let answer = world.ask(&Request::Collect { order: order.id }).body;
    assert_eq!(world.approval(&answer).payload().about.order, order.id);
}

#[test]
fn a_reconnected_phone_goes_on_with_its_review() {
    let (mut world, phone) = World::ready();
    let (order, bytes) = world.a_transfer();
    world.show(&bytes);
    world.press(Key::Down);
    let page = world.screen();
    let state = world.reconnect(&phone);
    assert!(state.flags.reviewing && state.flags.reviewing_ours);
    assert_eq!(world.ask(&Request::Collect { order: order.id }).code, Code::Waiting);
    world.request(&order_with(None, &bytes));
    world.event(Code::Shown);
    assert_eq!(world.screen(), page, "it goes on where it was");
    for _ in 2..world.page_count() {
        world.press(Key::Down);
    }
    world.press(Key::Ok);
    assert_eq!(world.result().code, Code::Ok);
}

#[test]
fn floor_is_the_newest_issued_of_what_a_key_decided() {
    let (mut world, _) = World::ready();
    world.approve_transfer(|order| (order.issued, order.expires) = (NOW + 5000, NOW + 5100));
    let pay = world.pay();
    let mut old = world.bank.transfer(pay);
    (old.issued, old.expires) = (NOW + 4000, NOW + 4399);
    let bytes = world.bank.sign(&old);
    assert_eq!(world.ask(&order_with(None, &bytes)).code, Code::OrderExpired);
    old.expires = NOW + 4400;
    let bytes = world.bank.sign(&old);
    world.show(&bytes);
}

#[test]
fn what_no_key_decided_raises_no_floor() {
    let (mut world, _) = World::ready();
    let pay = world.pay();
    let mut late = world.bank.transfer(pay);
    (late.issued, late.expires) = (NOW + 5000, NOW + 5100);
    let bytes = world.bank.sign(&late);
    world.show(&bytes);
    world.request(&Request::Cancel { order: late.id });
    assert_eq!(world.reply().unwrap().code, Code::Cancelled);
    assert_eq!(world.result().code, Code::Ok);
    world.dismiss();
    world.show(&bytes);
    world.wait(120);
    assert_eq!(world.result().code, Code::TimedOut);
    world.dismiss();
    let (_, bytes) = world.a_transfer();
    world.show(&bytes);
}
