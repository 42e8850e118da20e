use ushield_protocol::code::Code;
use ushield_protocol::message::{Kind, Request};
use ushield_token::Key;

use super::world::World;

#[test]
fn every_connection_has_a_new_nonce() {
    let mut world = World::new();
    let first = world.connect().nonce;
    assert_ne!(world.connect().nonce, first);
    world.reboot();
    assert_ne!(world.connect().nonce, first);
}

#[test]
fn a_stranger_has_three_seconds() {
    let mut world = World::new();
    world.connect();
    world.wait(2);
    assert!(!world.disconnected);
    world.wait(1);
    assert!(world.disconnected);
}

#[test]
fn an_unknown_hint_is_refused_and_changes_nothing() {
    let (mut world, mut phone) = World::ready();
    let operations = world.board.flash.borrow().operations();
    let hello = world.connect();
    phone.pairing.as_mut().unwrap().1 = ushield_protocol::secret::Secret::new([9; 32]);
    let (_, k1) = world.k1(&phone, &hello.nonce);
    let drawn = world.drawn();
    world.send(Kind::Connect, &k1);
    assert_eq!(world.take_refusal(), Some(Code::UnknownPhone));
    assert!(world.disconnected && world.drawn() == drawn);
    assert_eq!(world.board.flash.borrow().operations(), operations);
}

#[test]
fn a_recorded_k1_is_a_strangers() {
    let (mut world, phone) = World::ready();
    let nonce = world.connect().nonce;
    let (_, k1) = world.k1(&phone, &nonce);
    world.send(Kind::Connect, &k1);
    assert_eq!(world.take().unwrap().0, Kind::Connect);
    world.connect();
    world.send(Kind::Connect, &k1);
    assert_eq!(world.take_refusal(), Some(Code::UnknownPhone));
}

#[test]
fn a_hint_without_the_key_ends_the_connection() {
    let (mut world, phone) = World::ready();
    let nonce = world.connect().nonce;
    let (_, mut k1) = world.k1(&phone, &nonce);
    *k1.last_mut().unwrap() ^= 1;
    world.send(Kind::Connect, &k1);
    assert!(world.take().is_none() && world.disconnected);
}

#[test]
fn what_does_not_belong_ends_the_connection() {
    let (mut world, phone) = World::ready();
    for (kind, body) in [
        (Kind::Hello, vec![0; 13]),
        (Kind::Refusal, vec![0]),
        (Kind::KeepAlive, vec![]),
        (Kind::Connect, vec![0; 57]),
        (Kind::Pairing, vec![0; 37]),
        (Kind::Sealed, vec![0; 40]),
        (Kind::Sealed, vec![]),
    ] {
        world.reconnect(&phone);
        world.send(kind, &body);
        assert!(world.disconnected, "{kind:?}");
    }
    world.reconnect(&phone);
    world.token.receive(200, &[], world.now);
    world.pump();
    assert!(world.disconnected);
    world.reconnect(&phone);
    world.send(Kind::Sealed, &[0; 4097]);
    assert_eq!(world.take_refusal(), Some(Code::TooLarge));
}

#[test]
fn a_sealed_message_opens_once() {
    let (mut world, _) = World::ready();
    let sealed = world.channel.as_mut().unwrap().seal(&Request::Info.encode()).unwrap();
    world.send(Kind::Sealed, &sealed);
    assert_eq!(world.result().code, Code::Ok);
    world.send(Kind::Sealed, &sealed);
    assert!(world.disconnected);
}

#[test]
fn k1_of_every_length_and_with_every_byte_changed_is_survived() {
    let (mut world, phone) = World::ready();
    for length in 0..57 {
        let nonce = world.connect().nonce;
        let (_, k1) = world.k1(&phone, &nonce);
        world.send(Kind::Connect, &k1[..length]);
        assert!(world.disconnected, "{length}");
    }
    for at in 0..57 {
        let nonce = world.connect().nonce;
        let (_, mut k1) = world.k1(&phone, &nonce);
        k1[at] ^= 0x40;
        world.send(Kind::Connect, &k1);
        assert!(world.disconnected, "{at}");
    }
    world.reconnect(&phone);
}

#[test]
fn while_the_customer_thinks_a_keep_alive_comes_every_two_seconds() {
    let (mut world, _) = World::ready();
    world.wait(10);
    assert_eq!(world.keep_alives(), 0, "nothing is awaited");
    let (_, order) = world.a_transfer();
    world.show(&order);
    world.wait(10);
    assert_eq!(world.keep_alives(), 5);
    world.press(Key::Cancel);
    world.result();
    world.wait(10);
    assert_eq!(world.keep_alives(), 0);
}

#[test]
fn malformed_commands_are_results_with_a_reason() {
    let (mut world, _) = World::ready();
    for plaintext in [&[][..], &[3, 1], &[6, 2], &[7; 10], &[0x0b, 3], &[5]] {
        world.request_bytes(plaintext);
        assert_eq!(world.result().code, Code::Malformed, "{plaintext:?}");
    }
    world.request_bytes(&[0x77]);
    assert_eq!(world.result().code, Code::UnknownCommand);
}

#[test]
fn a_forgotten_phone_is_a_stranger() {
    let (mut world, phone) = World::ready();
    world.request(&Request::Forget { phone: phone.id() });
    world.press(Key::Ok);
    assert_eq!(world.reply().unwrap().code, Code::Ok);
    assert!(world.disconnected);
    let nonce = world.connect().nonce;
    let (_, k1) = world.k1(&phone, &nonce);
    world.send(Kind::Connect, &k1);
    assert_eq!(world.take_refusal(), Some(Code::UnknownPhone));
}
