//! Section 2.1: who is told that the token is there, and when.

use ushield_protocol::framing::advertisement::Advertised;
use ushield_protocol::message::{Kind, Request};
use ushield_token::{Advertising, Key};

use super::world::{Phone, World, order_with};

fn advertising(world: &mut World) -> Advertising {
    world.token.advertising(world.now)
}

fn advertised(world: &mut World) -> Option<Advertised> {
    advertising(world).what
}

/// Gone, and the two minutes after it too.
fn leave(world: &mut World) {
    world.disconnect();
    world.wait(120);
}

fn is_for(world: &mut World, phone: &Phone) -> bool {
    advertised(world).is_some_and(|advertised| advertised.is_by(phone.k_adv.as_ref().unwrap()))
}

#[test]
fn two_minutes_after_a_key() {
    let mut world = World::new();
    let open = Some(Advertised::Open { pairing: false });
    assert_eq!(advertised(&mut world), open, "switching on is a key");
    assert_eq!(advertising(&mut world).until, Some(world.now.plus(120_000)));
    world.wait(120);
    assert_eq!(advertising(&mut world), Advertising::default());
    world.press(Key::Cancel);
    assert_eq!(advertised(&mut world), open);
    world.wait(119);
    assert_eq!(advertised(&mut world), open);
    world.wait(1);
    assert_eq!(advertised(&mut world), None);
}

#[test]
fn pairing_mode_is_said_to_everybody_for_as_long_as_it_is_open() {
    let (mut world, phone) = World::ready();
    leave(&mut world);
    world.press(Key::Cancel);
    assert!(is_for(&mut world, &phone));
    world.open_pairing();
    let open = Advertising { what: Some(Advertised::Open { pairing: true }), until: None };
    assert_eq!(advertising(&mut world), open);
    world.connect();
    assert_eq!(advertised(&mut world), None, "a phone is connected");
    world.pair_until_digits(&Phone::new(0x42));
    world.disconnect();
    assert_eq!(advertising(&mut world), open);
}

#[test]
fn a_stranger_neither_opens_nor_closes_the_window() {
    let (mut world, phone) = World::ready();
    leave(&mut world);
    world.connect();
    world.disconnect();
    assert_eq!(advertised(&mut world), None);
    world.press(Key::Cancel);
    world.connect();
    world.send(Kind::Connect, &[9; 57]);
    assert!(world.disconnected);
    assert!(is_for(&mut world, &phone));
    world.wait(120);
    assert_eq!(advertised(&mut world), None);
}

#[test]
fn a_paired_phone_finds_it_again_after_its_connection() {
    let (mut world, phone) = World::ready();
    leave(&mut world);
    world.reconnect(&phone);
    world.wait(300);
    assert_eq!(advertised(&mut world), None, "connected");
    world.disconnect();
    assert!(is_for(&mut world, &phone));
    world.wait(120);
    assert_eq!(advertised(&mut world), None);
}

#[test]
fn a_review_waits_for_its_phone() {
    let (mut world, phone) = World::ready();
    let (_, order) = world.a_transfer();
    world.show(&order);
    world.disconnect();
    for _ in 0..4 {
        world.press(Key::Up);
        world.wait(119);
        assert!(is_for(&mut world, &phone));
    }
}

#[test]
fn an_answer_waits_until_it_is_fetched() {
    for again in [false, true] {
        let (mut world, phone) = World::ready();
        let (payload, order) = world.a_transfer();
        let collect = Request::Collect { order: payload.id };
        let fetch = if again { order_with(None, &order) } else { collect };
        world.show(&order);
        world.disconnect();
        world.read_all();
        world.press(Key::Ok);
        world.wait(899);
        assert!(is_for(&mut world, &phone));
        world.reconnect(&phone);
        world.ask(&fetch);
        leave(&mut world);
        assert_eq!(advertised(&mut world), None);
    }
}

#[test]
fn an_answer_that_nobody_fetches_is_kept_and_not_waited_with_for_ever() {
    let (mut world, phone) = World::ready();
    let (_, order) = world.a_transfer();
    world.show(&order);
    world.disconnect();
    world.read_all();
    world.press(Key::Ok);
    world.wait(900);
    assert_eq!(advertised(&mut world), None);
    world.press(Key::Up);
    assert!(is_for(&mut world, &phone));
}

#[test]
fn an_answer_that_a_phone_waited_for_is_not_waited_with() {
    let (mut world, _) = World::ready();
    let (_, order) = world.a_transfer();
    world.approve(&order);
    leave(&mut world);
    assert_eq!(advertised(&mut world), None);
}

#[test]
fn r_is_new_after_every_connection_and_every_quarter_of_an_hour() {
    let (mut world, phone) = World::ready();
    let mut seen = Vec::new();
    for _ in 0..3 {
        world.reconnect(&phone);
        world.disconnect();
        let now = advertised(&mut world);
        assert_eq!(advertised(&mut world), now, "the same between connections");
        assert!(now.is_some() && !seen.contains(&now));
        seen.push(now);
    }
    world.reconnect(&phone);
    let (_, order) = world.a_transfer();
    world.show(&order);
    world.disconnect();
    world.read_all();
    world.press(Key::Ok);
    let before = advertised(&mut world);
    world.wait(899);
    assert_eq!(advertised(&mut world), before);
    world.press(Key::Up);
    world.wait(1);
    assert!(is_for(&mut world, &phone) && advertised(&mut world) != before);
}

#[test]
fn phones_take_turns_of_a_second() {
    let (mut world, first) = World::ready();
    let mut second = Phone::new(0x42);
    world.pair(&mut second);
    world.disconnect();
    let mut turns = Vec::new();
    for _ in 0..6 {
        let until = advertising(&mut world).until.unwrap();
        assert!(until.0 > world.now.0 && until.0 - world.now.0 <= 1_000);
        turns.push((is_for(&mut world, &first), is_for(&mut world, &second)));
        world.now = until;
    }
    assert!(turns.windows(2).all(|two| two[0] != two[1]), "{turns:?}");
    assert!(turns.iter().all(|(first, second)| first != second), "{turns:?}");
}
