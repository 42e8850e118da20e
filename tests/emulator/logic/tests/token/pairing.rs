use ushield_protocol::code::Code;
use ushield_protocol::message::{Kind, P3, P6, Request, Versions, decode_phones};
use ushield_protocol::noise::{Handshake, Pattern, StaticKey};
use ushield_token::Key;

use super::world::{PIN, Phone, Session, World, pin_change};

fn refused(world: &mut World, session: &mut Session) -> (Code, u8) {
    match world.take_p6(session) {
        P6::Refused { refusal, tries } => (refusal.code, tries),
        P6::Paired { .. } => panic!("paired"),
    }
}

fn p1(world: &mut World, phone: &Phone) -> (Handshake, Vec<u8>) {
    let seed = world.seed();
    let mut handshake =
        Handshake::initiator(Pattern::Xx, &StaticKey::Here(phone.key.clone()), &seed).unwrap();
    let p1 = handshake.write(&Versions::OURS.encode()).unwrap();
    (handshake, p1)
}

/// P1 in a new connection, and what the token refuses it with.
fn try_p1(world: &mut World, phone: &Phone) -> Option<Code> {
    world.connect();
    let (_, p1) = p1(world, phone);
    world.send(Kind::Pairing, &p1);
    world.take_refusal()
}

/// P1 to P3 in a new connection, and what stands in the place of P4.
fn p3_refusal(world: &mut World, phone: &Phone) -> Option<Code> {
    world.connect();
    let (mut handshake, message) = p1(world, phone);
    world.send(Kind::Pairing, &message);
    let (_, p2) = world.take().unwrap();
    handshake.read(&p2).unwrap();
    let p3 = P3 { versions: Versions::OURS, nonce: [1; 16], name: "x".to_owned() };
    let message = handshake.write(&p3.encode()).unwrap();
    world.send(Kind::Pairing, &message);
    world.take_refusal()
}

#[test]
fn a_phone_pairs_reconnects_and_is_listed() {
    let mut world = World::new();
    let mut phone = Phone::new(1);
    world.pair(&mut phone);
    let phones = decode_phones(&world.ask(&Request::Phones).body).unwrap();
    assert_eq!(phones.len(), 1);
    assert_eq!((phones[0].id, phones[0].name.as_str(), phones[0].this), (phone.id(), "Test phone", true));
    assert_eq!(world.reconnect(&phone).phones, 1);
    world.reboot();
    world.reconnect(&phone);
}

#[test]
fn nothing_without_the_mode_and_nothing_drawn() {
    let mut world = World::new();
    let drawn = world.drawn();
    assert_eq!(try_p1(&mut world, &Phone::new(1)), Some(Code::NotPairing));
    assert!(world.disconnected && world.drawn() == drawn);
    world.open_pairing();
    world.wait(181);
    assert_eq!(try_p1(&mut world, &Phone::new(1)), Some(Code::NotPairing), "the mode closes by itself");
}

#[test]
fn ok_counts_only_after_p5() {
    let mut world = World::new();
    world.open_pairing();
    world.connect();
    let mut phone = Phone::new(1);
    let mut session = world.pair_until_digits(&phone);
    world.press(Key::Ok);
    assert!(world.take().is_none());
    world.finish_pairing(&mut phone, &mut session);
    world.reconnect(&phone);
}

#[test]
fn either_side_declines() {
    let mut world = World::new();
    let phone = Phone::new(1);
    world.open_pairing();
    world.connect();
    let mut session = world.pair_until_digits(&phone);
    world.send_p5(&mut session, false, None);
    assert_eq!(refused(&mut world, &mut session).0, Code::Declined);
    assert!(world.disconnected);
    world.connect();
    let mut session = world.pair_until_digits(&phone);
    world.send_p5(&mut session, true, None);
    world.press(Key::Cancel);
    assert_eq!(refused(&mut world, &mut session).0, Code::Declined);
    assert!(world.shows("2/3"), "{}", world.screen());
}

#[test]
fn the_digits_are_gone_after_sixty_seconds() {
    let mut world = World::new();
    world.open_pairing();
    world.connect();
    let mut session = world.pair_until_digits(&Phone::new(1));
    world.wait(59);
    assert!(world.shows(&format!("{:06}", session.digits)));
    world.wait(1);
    assert_eq!(refused(&mut world, &mut session).0, Code::TimedOut);
    assert!(!world.shows(&format!("{:06}", session.digits)));
}

/// A try is written before P4: cutting the power does not win one.
#[test]
fn three_tries_over_restarts_until_the_mode_is_opened_again() {
    let mut world = World::new();
    let mut phone = Phone::new(1);
    world.open_pairing();
    for at in 1..=3 {
        world.connect();
        world.pair_until_digits(&phone);
        world.disconnect();
        if at < 3 {
            assert!(world.shows(&format!("{at}/3")), "{}", world.screen());
        }
    }
    assert!(world.shows("pairing is closed"), "{}", world.screen());
    assert_eq!(try_p1(&mut world, &phone), Some(Code::PairingTriesSpent));
    world.reboot();
    assert_eq!(try_p1(&mut world, &phone), Some(Code::PairingTriesSpent));
    world.pair(&mut phone);
    assert_eq!(world.info().phones, 1);
}

#[test]
fn a_try_is_durable_before_p4() {
    let mut world = World::new();
    let phone = Phone::new(1);
    world.open_pairing();
    for _ in 0..2 {
        world.connect();
        world.pair_until_digits(&phone);
        world.disconnect();
    }
    world.connect();
    world.pair_until_digits(&phone);
    // The power goes behind P4, and nothing ends the try. Without its count a restart would say `not-pairing`.
    world.reboot();
    assert_eq!(try_p1(&mut world, &phone), Some(Code::PairingTriesSpent));
}

#[test]
fn a_p3_that_does_not_open_is_no_try_and_ends_the_connection() {
    let mut world = World::new();
    let phone = Phone::new(1);
    world.open_pairing();
    world.connect();
    let (mut handshake, message) = p1(&mut world, &phone);
    world.send(Kind::Pairing, &message);
    let (_, p2) = world.take().unwrap();
    handshake.read(&p2).unwrap();
    let p3 = P3 { versions: Versions::OURS, nonce: [1; 16], name: "x".to_owned() };
    let mut message = handshake.write(&p3.encode()).unwrap();
    *message.last_mut().unwrap() ^= 1;
    world.send(Kind::Pairing, &message);
    assert!(world.disconnected);
    assert!(!world.shows("/3"), "{}", world.screen());
}

#[test]
fn a_name_that_cannot_be_shown_is_malformed_and_a_try() {
    let mut world = World::new();
    let phone = Phone::new(1);
    world.open_pairing();
    world.connect();
    let (mut handshake, message) = p1(&mut world, &phone);
    world.send(Kind::Pairing, &message);
    let (_, p2) = world.take().unwrap();
    handshake.read(&p2).unwrap();
    let p3 = P3 { versions: Versions::OURS, nonce: [1; 16], name: "a\u{202e}b".to_owned() };
    let message = handshake.write(&p3.encode()).unwrap();
    world.send(Kind::Pairing, &message);
    assert_eq!(world.take_refusal(), Some(Code::Malformed));
    assert!(world.shows("1/3"), "{}", world.screen());
}

#[test]
fn another_version_is_refused() {
    let mut world = World::new();
    world.open_pairing();
    world.connect();
    let seed = world.seed();
    let key = StaticKey::Here(Phone::new(1).key);
    let mut handshake = Handshake::initiator(Pattern::Xx, &key, &seed).unwrap();
    let p1 = handshake.write(&[2, 3, 0, 1]).unwrap();
    world.send(Kind::Pairing, &p1);
    assert_eq!(world.take_refusal(), Some(Code::UnknownVersion));
}

#[test]
fn a_second_phone_needs_the_pin() {
    let (mut world, first) = World::ready();
    let mut second = Phone::new(2);
    world.disconnect();
    world.open_pairing();
    world.connect();
    let mut session = world.pair_until_digits(&second);
    assert!(session.pin_needed);
    world.send_p5(&mut session, true, Some("111222"));
    world.press(Key::Ok);
    assert_eq!(refused(&mut world, &mut session), (Code::PinWrong, 4));
    world.connect();
    let mut session = world.pair_until_digits(&second);
    world.send_p5(&mut session, true, None);
    assert_eq!(world.take_refusal(), Some(Code::Malformed), "the block was asked for");
    world.connect();
    let mut session = world.pair_until_digits(&second);
    world.finish_pairing(&mut second, &mut session);
    assert_eq!(world.reconnect(&second).tries, 5, "a right PIN gives all tries back");
    world.reconnect(&first);
    assert_eq!(world.info().phones, 2);
}

#[test]
fn the_initial_pin_lets_no_second_phone_in() {
    let mut world = World::new();
    world.pair(&mut Phone::new(1));
    world.disconnect();
    world.open_pairing();
    assert_eq!(p3_refusal(&mut world, &Phone::new(2)), Some(Code::PinInitial));
}

#[test]
fn the_last_try_is_asked_for_in_pairing_too() {
    let (mut world, _) = World::ready();
    let second = Phone::new(2);
    world.disconnect();
    for tries in [4, 3, 2, 1] {
        world.open_pairing();
        world.connect();
        let mut session = world.pair_until_digits(&second);
        world.send_p5(&mut session, true, Some("111222"));
        world.press(Key::Ok);
        assert_eq!(refused(&mut world, &mut session), (Code::PinWrong, tries));
    }
    world.open_pairing();
    world.connect();
    let mut session = world.pair_until_digits(&second);
    world.send_p5(&mut session, true, Some(PIN));
    world.press(Key::Ok);
    assert!(world.take().is_none() && world.shows("ONE TRY IS LEFT"), "{}", world.screen());
    world.press(Key::Ok);
    assert!(matches!(world.take_p6(&mut session), P6::Paired { tries: 5, .. }));
}

#[test]
fn eight_phones_at_most() {
    let (mut world, _) = World::ready();
    for byte in 2..=8 {
        world.pair(&mut Phone::new(byte));
    }
    assert_eq!(world.info().phones, 8);
    world.disconnect();
    world.press_all(&[Key::Cancel, Key::Cancel, Key::Ok, Key::Ok]);
    assert!(world.shows("Forget one first"), "{}", world.screen());
    assert_eq!(try_p1(&mut world, &Phone::new(9)), Some(Code::NotPairing));
}

#[test]
fn k1_may_follow_on_the_same_connection() {
    let mut world = World::new();
    let mut phone = Phone::new(1);
    world.open_pairing();
    let hello = world.connect();
    let mut session = world.pair_until_digits(&phone);
    world.finish_pairing(&mut phone, &mut session);
    let (_, k1) = world.k1(&phone, &hello.nonce);
    world.send(Kind::Connect, &k1);
    assert_eq!(world.take().unwrap().0, Kind::Connect);
}

/// A record nobody has used yet would otherwise stand beside the owner's, and come in later without any PIN.
#[test]
fn who_paired_before_and_did_not_connect_is_gone_when_another_phone_pairs() {
    let mut world = World::new();
    let mut early = Phone::new(0x66);
    world.open_pairing();
    world.connect();
    let mut session = world.pair_until_digits(&early);
    world.finish_pairing(&mut early, &mut session);
    world.disconnect();
    let mut owner = Phone::new(0x41);
    world.pair(&mut owner);
    assert_eq!(world.info().phones, 1);
    let hello = world.connect();
    let (_, k1) = world.k1(&early, &hello.nonce);
    world.send(Kind::Connect, &k1);
    assert_eq!(world.take_refusal(), Some(Code::UnknownPhone));
    world.reconnect(&owner);
}

#[test]
fn a_phone_that_pairs_again_stays_confirmed() {
    let (mut world, mut owner) = World::ready();
    world.disconnect();
    world.open_pairing();
    world.connect();
    let mut session = world.pair_until_digits(&owner);
    assert!(session.pin_needed, "the PIN is no longer the initial one");
    world.finish_pairing(&mut owner, &mut session);
    world.disconnect();
    let mut second = Phone::new(0x66);
    world.open_pairing();
    world.connect();
    let mut session = world.pair_until_digits(&second);
    assert!(session.pin_needed, "a second phone");
    world.finish_pairing(&mut second, &mut session);
    world.reconnect(&owner);
    assert_eq!(world.info().phones, 2, "the owner's record has not gone as a provisional one");
}

/// Whoever holds the token forgets its phones with the keys; that must not spare him the PIN.
#[test]
fn a_first_phone_needs_the_pin_once_it_was_changed() {
    let (mut world, _) = World::ready();
    world.disconnect();
    world.press_all(&[Key::Cancel, Key::Cancel, Key::Cancel, Key::Ok, Key::Down, Key::Ok, Key::Ok, Key::Ok]);
    assert!(world.shows("The phone is forgotten"), "{}", world.screen());
    let mut next = Phone::new(0x42);
    world.open_pairing();
    world.connect();
    let mut session = world.pair_until_digits(&next);
    assert!(session.pin_needed);
    world.send_p5(&mut session, true, Some("111222"));
    world.press(Key::Ok);
    assert_eq!(refused(&mut world, &mut session), (Code::PinWrong, 4));
    world.connect();
    let mut session = world.pair_until_digits(&next);
    world.finish_pairing(&mut next, &mut session);
    assert_eq!(world.reconnect(&next).phones, 1);
}

/// Brings the PIN's tries to none.
fn lock(world: &mut World) {
    for _ in 0..5 {
        world.request(&pin_change("111222", "135791"));
        world.press_all(&[Key::Ok, Key::Ok]);
        while world.take().is_some() {}
        world.wait(6);
    }
}

#[test]
fn with_a_locked_pin_a_second_phone_is_refused_and_a_first_one_needs_none() {
    let (mut world, _) = World::ready();
    lock(&mut world);
    world.disconnect();
    world.open_pairing();
    assert_eq!(p3_refusal(&mut world, &Phone::new(2)), Some(Code::PinLocked));
    world.press_all(&[Key::Cancel, Key::Cancel, Key::Cancel, Key::Ok, Key::Down, Key::Ok, Key::Ok, Key::Ok]);
    assert!(world.shows("The phone is forgotten"), "{}", world.screen());
    let mut next = Phone::new(0x42);
    world.open_pairing();
    world.connect();
    let mut session = world.pair_until_digits(&next);
    assert!(!session.pin_needed, "so that a reset can be delivered");
    world.finish_pairing(&mut next, &mut session);
    assert!(world.reconnect(&next).flags.pin_locked);
}

/// Seven phones and one that never connected: there is room.
#[test]
fn a_provisional_record_takes_no_place() {
    let (mut world, _) = World::ready();
    for byte in 2..=7 {
        world.pair(&mut Phone::new(byte));
    }
    for byte in 8..=9 {
        let mut phone = Phone::new(byte);
        world.disconnect();
        world.open_pairing();
        world.connect();
        let mut session = world.pair_until_digits(&phone);
        world.finish_pairing(&mut phone, &mut session);
    }
    let mut last = Phone::new(10);
    world.pair(&mut last);
    assert_eq!(world.info().phones, 8);
}

/// A man in the middle who may write beside the digits writes his own.
#[test]
fn the_digits_stand_alone_and_the_name_is_told_afterwards() {
    let mut world = World::new();
    world.open_pairing();
    world.connect();
    let mut phone = Phone::new(1);
    let mut session = world.pair_until_digits(&phone);
    assert!(!world.shows("Test phone"), "{}", world.screen());
    world.send_p5(&mut session, true, None);
    assert!(world.shows("Same digits") && !world.shows("Test phone"), "{}", world.screen());
    world.press(Key::Ok);
    let P6::Paired { k_hint, .. } = world.take_p6(&mut session) else { panic!() };
    phone.pairing = Some((session.token, k_hint));
    assert!(world.shows("is paired") && world.shows("Test phone"), "{}", world.screen());
    world.reconnect(&phone);
}
