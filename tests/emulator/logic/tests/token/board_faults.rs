//! A board that does not do as told: the token fails, says so to whoever is connected, and has released nothing.

use ushield_protocol::code::Code;
use ushield_protocol::message::{Kind, P3, Request, Role, Versions};
use ushield_protocol::noise::{Handshake, Pattern, StaticKey};
use ushield_protocol::pin::INITIAL_PIN;
use ushield_token::flash::Cut;
use ushield_token::{Fault, Key, Token};

use super::world::{Broken, PIN, Phone, World, order_with, pin_change};

fn break_it(world: &World, broken: Broken) {
    world.board.broken.set(Some(broken));
}

/// The refusal and the end of the connection are all that there is.
fn assert_failed(world: &mut World) {
    assert_eq!(world.take_refusal(), Some(Code::TokenFailure));
    assert!(world.take().is_none() && world.disconnected);
    assert!(world.token.next_deadline().is_none());
}

#[test]
fn a_page_that_was_not_drawn_is_not_shown() {
    let (mut world, phone) = World::ready();
    let (order, bytes) = world.a_transfer();
    break_it(&world, Broken::Screen);
    world.request(&order_with(Some(PIN), &bytes));
    assert_failed(&mut world);
    world.board.broken.set(None);
    world.press_all(&[Key::Down; 6]);
    world.press(Key::Ok);
    assert!(world.take().is_none());
    world.reboot();
    world.reconnect(&phone);
    assert_eq!(world.ask(&Request::Collect { order: order.id }).code, Code::NotFound);
}

#[test]
fn a_further_page_that_was_not_drawn_ends_the_review() {
    let (mut world, phone) = World::ready();
    let (order, bytes) = world.a_transfer();
    world.show(&bytes);
    break_it(&world, Broken::Screen);
    world.press(Key::Down);
    assert_failed(&mut world);
    world.board.broken.set(None);
    world.press_all(&[Key::Down; 6]);
    world.press(Key::Ok);
    world.reboot();
    world.reconnect(&phone);
    assert_eq!(world.ask(&Request::Collect { order: order.id }).code, Code::NotFound);
}

/// What was decided is stored before the display is told; it is released by the next start.
#[test]
fn a_message_that_was_not_drawn_loses_no_answer() {
    let (mut world, phone) = World::ready();
    let (order, bytes) = world.a_transfer();
    world.show(&bytes);
    world.read_all();
    break_it(&world, Broken::Screen);
    world.press(Key::Ok);
    assert_failed(&mut world);
    world.reboot();
    world.reconnect(&phone);
    let answer = world.ask(&Request::Collect { order: order.id });
    assert_eq!(answer.code, Code::Ok);
    world.approval(&answer.body);
}

#[test]
fn without_randomness_nobody_connects() {
    let (mut world, _) = World::ready();
    world.disconnect();
    break_it(&world, Broken::Entropy);
    world.disconnected = false;
    world.token.connected(world.now);
    world.pump();
    assert!(world.hello.is_none());
    assert_failed(&mut world);
}

#[test]
fn without_randomness_nothing_is_signed() {
    let (mut world, phone) = World::ready();
    let (order, bytes) = world.a_transfer();
    world.show(&bytes);
    world.read_all();
    break_it(&world, Broken::Entropy);
    world.press(Key::Ok);
    assert_failed(&mut world);
    world.reboot();
    world.reconnect(&phone);
    assert_eq!(world.ask(&Request::Collect { order: order.id }).code, Code::NotFound);
}

#[test]
fn without_randomness_the_pin_stays() {
    let (mut world, phone) = World::ready();
    world.request(&pin_change(PIN, "135790"));
    break_it(&world, Broken::Entropy);
    world.press(Key::Ok);
    assert_failed(&mut world);
    world.reboot();
    world.reconnect(&phone);
    world.change_pin(PIN, "135790");
}

/// Zeros are no key, however often they are drawn.
#[test]
fn a_generator_that_is_stuck_makes_no_key() {
    let mut world = World::new();
    let mut phone = Phone::new(0x41);
    world.pair(&mut phone);
    world.change_pin(INITIAL_PIN, PIN);
    let statement = world.bank.statement(1);
    assert_eq!(world.give_bank_key(&statement), Code::Ok);
    let order = world.bank.download(world.device, Role::Pay);
    let bytes = world.bank.sign(&order);
    world.show(&bytes);
    world.read_all();
    break_it(&world, Broken::Stuck);
    world.press(Key::Ok);
    assert_failed(&mut world);
}

#[test]
fn a_token_does_not_start_with_a_dark_display() {
    let (world, _) = World::ready();
    break_it(&world, Broken::Screen);
    assert_eq!(Token::boot(world.board.clone(), world.now).err(), Some(Fault::Screen));
}

/// In the middle of a message the token has the link in hand; the phone is told all the same.
#[test]
fn a_failure_within_a_message_is_told() {
    let mut world = World::new();
    world.open_pairing();
    world.connect();
    let seed = world.seed();
    let key = StaticKey::Here(Phone::new(1).key);
    let mut handshake = Handshake::initiator(Pattern::Xx, &key, &seed).unwrap();
    let p1 = handshake.write(&Versions::OURS.encode()).unwrap();
    world.send(Kind::Pairing, &p1);
    let (_, p2) = world.take().unwrap();
    handshake.read(&p2).unwrap();
    let p3 = P3 { versions: Versions::OURS, nonce: [7; 16], name: "x".to_owned() };
    let p3 = handshake.write(&p3.encode()).unwrap();
    world.board.flash.borrow_mut().cut(Cut { at: 0, bits: 0 });
    world.send(Kind::Pairing, &p3);
    assert_failed(&mut world);
}

/// A connection that the token ends, and then fails before anyone has fetched that: still it ends.
#[test]
fn a_failure_behind_a_farewell_does_not_swallow_it() {
    let mut world = World::new();
    world.open_pairing();
    world.connect();
    let mut session = world.pair_until_digits(&Phone::new(1));
    break_it(&world, Broken::Screen);
    world.send_p5(&mut session, false, None);
    assert_failed(&mut world);
}
