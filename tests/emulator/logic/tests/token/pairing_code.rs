//! Pairing by the code on the screen (section 4.1).

use std::collections::BTreeSet;

use ushield_protocol::code::Code;
use ushield_protocol::message::{Kind, P6};
use ushield_protocol::noise::DhSecret;
use ushield_protocol::pairing_code::{PairingCode, psk};
use ushield_protocol::secret::Secret;
use ushield_token::{Key, Symbol};

use super::board::Broken;
use super::world::{PIN, Phone, Session, World};

/// What a phone's camera reads off the screen, by a decoder that no one here wrote.
fn scanned(world: &World) -> Option<String> {
    let symbol = world.board.symbol.borrow().clone()?;
    let grid = rqrr::SimpleGrid::from_func(Symbol::SIDE, |x, y| symbol.is_dark(x, y));
    let (meta, text) = rqrr::Grid::new(grid).decode().unwrap();
    assert_eq!((meta.version.0, meta.ecc_level), (3, 0), "level M");
    Some(text)
}

fn code(world: &World) -> PairingCode {
    PairingCode::parse(&scanned(world).expect("a code is shown")).unwrap()
}

fn show_code(world: &mut World) -> PairingCode {
    world.open_pairing();
    world.press(Key::Down);
    code(world)
}

/// P1 to P4 by the code that is shown.
fn until_p4(world: &mut World, phone: &Phone) -> Session {
    world.connect();
    let psk = code(world).psk();
    let mut session = world.pair_by_code_until_p3(phone, &psk);
    world.p4(&mut session);
    session
}

fn refused(world: &mut World, session: &mut Session) -> Code {
    match world.take_p6(session) {
        P6::Refused { refusal, .. } => refusal.code,
        P6::Paired { .. } => panic!("paired"),
    }
}

#[test]
fn a_phone_pairs_by_the_code_and_reconnects() {
    let mut world = World::new();
    let shown = show_code(&mut world);
    assert!(shown.is_of(&DhSecret::from_bytes(&[0x32; 32]).unwrap().public_key()));
    let mut phone = Phone::new(1);
    let mut session = until_p4(&mut world, &phone);
    assert!(scanned(&world).is_none(), "the code is gone once it is used");
    assert!(world.shows("Wait until your phone"), "{}", world.screen());
    world.press(Key::Ok);
    assert!(world.take().is_none(), "OK counts after P5");
    world.send_p5(&mut session, true, None);
    assert!(world.shows("Does your phone say"), "{}", world.screen());
    assert!(!world.screen().contains("Test phone"));
    world.press(Key::Ok);
    let P6::Paired { k_hint, .. } = world.take_p6(&mut session) else { panic!("not paired") };
    phone.pairing = Some((session.token, k_hint));
    world.dismiss();
    assert_eq!(world.reconnect(&phone).phones, 1);
}

#[test]
fn up_and_down_switch_and_every_code_is_another() {
    let mut world = World::new();
    world.open_pairing();
    let mut seen = BTreeSet::new();
    for at in 0..20 {
        assert!(scanned(&world).is_none());
        world.press(if at % 2 == 0 { Key::Down } else { Key::Up });
        assert!(seen.insert(scanned(&world).unwrap()), "a code came twice");
        world.press(if at % 3 == 0 { Key::Down } else { Key::Up });
    }
    // Switching does not keep the mode open.
    world.wait(179);
    world.press(Key::Down);
    assert!(scanned(&world).is_some());
    world.wait(1);
    assert!(scanned(&world).is_none() && !world.connect().pairing);
}

#[test]
fn a_code_serves_one_handshake() {
    let mut world = World::new();
    let first = show_code(&mut world);
    let phone = Phone::new(1);
    let mut session = until_p4(&mut world, &phone);
    world.send_p5(&mut session, false, None);
    assert_eq!(refused(&mut world, &mut session), Code::Declined);
    assert!(world.shows("1/3"), "{}", world.screen());
    assert_ne!(code(&world).psk(), first.psk());
    // Once more the one that was used: the token does not open its P3.
    world.connect();
    let session = world.pair_by_code_until_p3(&phone, &first.psk());
    let shown = code(&world).psk();
    world.send(Kind::Pairing, &session.p3);
    assert_eq!(world.take_refusal(), Some(Code::PairingCodeSpent));
    assert!(world.shows("2/3"), "{}", world.screen());
    assert_ne!(code(&world).psk(), shown, "a guess spends the code that it was made at");
}

#[test]
fn three_guesses_close_the_mode() {
    let mut world = World::new();
    show_code(&mut world);
    for guess in 1..=3 {
        world.connect();
        let session = world.pair_by_code_until_p3(&Phone::new(1), &psk(&Secret::new([guess; 16])));
        world.send(Kind::Pairing, &session.p3);
        assert_eq!(world.take_refusal(), Some(Code::PairingCodeSpent));
    }
    assert!(world.shows("pairing is closed"), "{}", world.screen());
    assert!(scanned(&world).is_none());
    world.reboot();
    assert!(!world.connect().pairing);
}

/// Pulling the plug gives no guess back, whether P3 opened or not.
#[test]
fn a_try_is_durable_before_p3_is_opened() {
    let mut world = World::new();
    let phone = Phone::new(1);
    let right = show_code(&mut world).psk();
    world.connect();
    let session = world.pair_by_code_until_p3(&phone, &psk(&Secret::new([1; 16])));
    let writes = world.board.trace.borrow().len();
    world.send(Kind::Pairing, &session.p3);
    assert!(world.board.trace.borrow().len() > writes);
    assert!(world.shows("1/3"), "{}", world.screen());
    world.connect();
    let session = world.pair_by_code_until_p3(&phone, &right);
    world.send(Kind::Pairing, &session.p3);
    assert!(world.shows("2/3"), "{}", world.screen());
    until_p4(&mut world, &phone);
    world.disconnect();
    assert!(world.shows("pairing is closed"), "{}", world.screen());
}

#[test]
fn what_ends_before_p3_has_used_nothing() {
    let mut world = World::new();
    let shown = show_code(&mut world).psk();
    let phone = Phone::new(1);
    for _ in 0..5 {
        world.connect();
        world.pair_by_code_until_p3(&phone, &shown);
        world.disconnect();
        assert_eq!(code(&world).psk(), shown);
    }
    let mut session = until_p4(&mut world, &phone);
    world.send_p5(&mut session, true, None);
    world.press(Key::Ok);
    assert!(matches!(world.take_p6(&mut session), P6::Paired { .. }));
}

#[test]
fn without_a_code_on_the_screen_there_is_no_pairing_by_one() {
    let mut world = World::new();
    let phone = Phone::new(1);
    let old = show_code(&mut world).psk();
    world.press(Key::Up);
    world.connect();
    let p1 = {
        // P1 alone: the token has nothing to go on with.
        world.send(Kind::Pairing, &[1; 54]);
        world.take_refusal()
    };
    assert_eq!(p1, Some(Code::PairingCodeSpent));
    // The code leaves the screen between P1 and P3.
    world.press(Key::Down);
    world.connect();
    let session = world.pair_by_code_until_p3(&phone, &old);
    world.press(Key::Down);
    world.send(Kind::Pairing, &session.p3);
    assert_eq!(world.take_refusal(), Some(Code::PairingCodeSpent));
    assert!(world.shows("1/3"), "{}", world.screen());
    // After the mode.
    world.wait(181);
    world.connect();
    world.send(Kind::Pairing, &[1; 54]);
    assert_eq!(world.take_refusal(), Some(Code::NotPairing));
}

#[test]
fn a_p1_that_is_none_spends_nothing() {
    let mut world = World::new();
    show_code(&mut world);
    let by_digits = Some(Code::NotPairing);
    let none = Some(Code::Malformed);
    for (p1, refusal) in [(vec![], by_digits), (vec![0; 54], by_digits), (vec![1], none), (vec![1; 54], none)]
    {
        world.connect();
        world.send(Kind::Pairing, &p1);
        assert_eq!(world.take_refusal(), refusal, "{p1:?}");
    }
    assert!(scanned(&world).is_some(), "nothing was spent");
}

/// Who was told that there is nothing to compare would press OK under a stranger's digits.
#[test]
fn nobody_else_chooses_digits_while_the_code_stands() {
    let mut world = World::new();
    let shown = show_code(&mut world).psk();
    let p1 = [&[2][..], &[0; 32]].concat();
    world.connect();
    world.send(Kind::Pairing, &p1);
    assert_eq!(world.take_refusal(), Some(Code::NotPairing));
    assert_eq!(code(&world).psk(), shown, "nothing was spent");
    // The customer chooses.
    world.press(Key::Down);
    world.connect();
    let mut phone = Phone::new(2);
    let mut session = world.pair_until_digits(&phone);
    world.finish_pairing(&mut phone, &mut session);
    assert!(scanned(&world).is_none());
}

#[test]
fn a_second_phone_needs_the_pin() {
    let (mut world, _) = World::ready();
    show_code(&mut world);
    let mut session = until_p4(&mut world, &Phone::new(2));
    assert!(session.pin_needed);
    world.send_p5(&mut session, true, Some(PIN));
    world.press(Key::Ok);
    assert!(matches!(world.take_p6(&mut session), P6::Paired { .. }));
}

#[test]
fn the_page_is_gone_after_sixty_seconds() {
    let mut world = World::new();
    show_code(&mut world);
    let mut session = until_p4(&mut world, &Phone::new(1));
    world.send_p5(&mut session, true, None);
    world.wait(59);
    assert!(world.shows("Does your phone say"), "{}", world.screen());
    world.wait(1);
    assert_eq!(refused(&mut world, &mut session), Code::TimedOut);
    assert!(scanned(&world).is_some(), "the next code");
}

#[test]
fn a_board_that_fails_shows_no_code() {
    for broken in [Broken::Screen, Broken::Entropy] {
        let mut world = World::new();
        world.open_pairing();
        world.board.broken.set(Some(broken));
        world.press(Key::Down);
        assert!(scanned(&world).is_none());
        world.board.broken.set(None);
        world.press(Key::Down);
        assert!(scanned(&world).is_none(), "the token has failed");
    }
}
