use ushield_protocol::code::Code;
use ushield_protocol::key::Sign;
use ushield_protocol::message::Request;
use ushield_protocol::order::OrderPayload;
use ushield_token::Key;

use super::world::{NOW, PIN, World, order_with};

/// Approvals and rejections that this token keeps; the protocol asks for 16 each.
const KEPT: u64 = 64;

fn issued(at: u64) -> impl Fn(&mut OrderPayload) {
    move |order| (order.issued, order.expires) = (at, at + 900)
}

fn reject_one(world: &mut World, at: u64) -> (OrderPayload, Vec<u8>) {
    let pay = world.pay();
    let mut order = world.bank.transfer(pay);
    issued(at)(&mut order);
    let bytes = world.bank.sign(&order);
    world.show(&bytes);
    world.press(Key::Cancel);
    (order, world.result().body)
}

#[test]
fn full_is_said_before_anything_is_drawn_and_ends_with_time() {
    let (mut world, _) = World::ready();
    let mut answers = Vec::new();
    // The certificate's approval is kept too.
    for _ in 1..KEPT {
        answers.push(world.approve_transfer(issued(NOW)));
    }
    let (next, bytes) = world.a_transfer();
    let drawn = world.drawn();
    assert_eq!(world.ask(&order_with(Some(PIN), &bytes)).code, Code::StoreFull);
    assert_eq!(world.drawn(), drawn);
    for (order, answer) in &answers {
        assert_eq!(&world.ask(&Request::Collect { order: order.id }).body, answer, "all are kept");
    }
    // As soon as one has expired, the next order finds room, and the expired one stays refused.
    let late = NOW + 900 + 601;
    world.approve_transfer(issued(late));
    assert_eq!(u64::from(world.info().approvals), KEPT, "one went for one that came");
    world.approve_transfer(issued(late));
    let (first, _) = &answers[0];
    assert_eq!(world.ask(&Request::Collect { order: first.id }).code, Code::NotFound);
    let bytes_of_first = world.bank.sign(first);
    assert_eq!(world.ask(&order_with(Some(PIN), &bytes_of_first)).code, Code::OrderExpired);
    let reused = OrderPayload { challenge: [1; 32], ..first.clone() };
    let reused = world.bank.sign(&reused);
    assert_eq!(world.ask(&order_with(Some(PIN), &reused)).code, Code::OrderIdReused, "its id is still known");
    assert_eq!(world.ask(&Request::Cancel { order: first.id }).code, Code::AlreadyDecided);
    assert_eq!(world.ask(&Request::Collect { order: next.id }).code, Code::NotFound);
}

#[test]
fn rejections_push_out_no_approval() {
    let (mut world, phone) = World::ready();
    let (approved, answer) = world.approve_transfer(issued(NOW));
    // Each rejection is issued after the one before it has expired: room is made again and again.
    let mut rejections = Vec::new();
    for round in 0..KEPT + 6 {
        rejections.push(reject_one(&mut world, NOW + 1 + round * 1600));
    }
    assert_eq!(world.ask(&Request::Collect { order: approved.id }).body, answer);
    world.reboot();
    world.reconnect(&phone);
    assert_eq!(world.ask(&Request::Collect { order: approved.id }).body, answer);
    let kept = rejections
        .iter()
        .filter(|(order, answer)| world.ask(&Request::Collect { order: order.id }).body == *answer)
        .count();
    assert_eq!(kept as u64, KEPT, "the newest ones");
}

/// A floor that a new epoch has lowered does not bring an answered order back to the screen.
#[test]
fn what_was_decided_is_never_shown_again() {
    let (mut world, _) = World::ready();
    let (first, _) = reject_one(&mut world, NOW);
    for round in 1..=KEPT {
        reject_one(&mut world, NOW + round * 1600);
    }
    assert_eq!(world.ask(&Request::Collect { order: first.id }).code, Code::NotFound);
    let statement = world.bank.statement(2);
    assert_eq!(world.give_bank_key(&statement), Code::Ok);
    let bytes = world.bank.sign(&first);
    assert_eq!(world.ask(&order_with(Some(PIN), &bytes)).code, Code::OrderExpired);
}

/// Whatever has become of the key, the bank's statement or the time.
#[test]
fn a_stored_answer_is_found_after_the_key_was_withdrawn() {
    let (mut world, _) = World::ready();
    let (order, answer) = world.approve_transfer(|_| {});
    let bytes = world.bank.sign(&order);
    let mut next = world.bank.statement(2);
    next.key = super::world::key(0x55).public_key();
    next.not_before = order.expires + 601;
    assert_eq!(world.give_bank_key(&next), Code::Ok);
    let again = world.ask(&order_with(None, &bytes));
    assert_eq!((again.code, again.body), (Code::Ok, answer));
    let forged = OrderPayload { challenge: [9; 32], ..order };
    let forged = forged.sign(&super::world::key(0x56)).unwrap();
    assert_eq!(world.ask(&order_with(None, &forged)).code, Code::UnknownOrderKey, "only for its own hash");
}

/// 256 later orders push out ids, but never that of an answer that is still kept: it would be decided a second time.
#[test]
fn the_id_of_a_kept_answer_is_not_used_again() {
    let (mut world, _) = World::ready();
    let (first, answer) = world.approve_transfer(issued(NOW));
    // Not the last one, whose id its intent keeps.
    world.approve_transfer(issued(NOW));
    let pay = world.pay();
    for round in 1..=260u16 {
        let mut order = world.bank.transfer(pay);
        let mut id = [9; 16];
        id[..2].copy_from_slice(&round.to_be_bytes());
        order.id = ushield_protocol::key::OrderId::from_random(id);
        issued(NOW + u64::from(round) * 1600)(&mut order);
        let bytes = world.bank.sign(&order);
        world.show(&bytes);
        world.press(Key::Cancel);
        world.result();
    }
    assert_eq!(world.ask(&Request::Collect { order: first.id }).body, answer, "still kept");
    let mut other = OrderPayload { challenge: [0xcc; 32], ..first };
    issued(NOW + 261 * 1600)(&mut other);
    let bytes = world.bank.sign(&other);
    assert_eq!(world.ask(&order_with(Some(PIN), &bytes)).code, Code::OrderIdReused);
}
