//! Power cuts at every word of what a key press starts, with different bits of that word written.

use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::AuthorizationPayload;
use ushield_protocol::code::Code;
use ushield_protocol::cose::Sign1;
use ushield_protocol::key::{Hash, P256Verifier, Sign};
use ushield_protocol::message::{Request, Role};
use ushield_protocol::pin::INITIAL_PIN;
use ushield_token::flash::{Cut, Model};
use ushield_token::{Key, Millis, Token};

use super::world::{NOW, PIN, Phone, TestBoard, World, order_with};

const BITS: [u32; 5] = [0, u32::MAX, 0x5555_5555, 0x8000_0001, 0xffff_0000];

/// Runs `act` with a cut at every operation of it, restarts, and lets `check` look. `prepare` brings the token to where
/// the key is pressed; everything starts from the same flash.
fn every_word<T>(
    world: &mut World,
    mut prepare: impl FnMut(&mut World) -> T,
    mut act: impl FnMut(&mut World),
    mut check: impl FnMut(&mut World, T),
) -> u64 {
    let flash = world.board.flash.borrow().clone();
    let bank = world.bank.clone();
    let mut cuts = 0;
    loop {
        world.boot_from(flash.clone());
        world.bank = bank.clone();
        let prepared = prepare(world);
        let bits = BITS[(cuts % 5) as usize];
        world.board.flash.borrow_mut().cut(Cut { at: cuts, bits });
        act(world);
        if world.board.flash.borrow().is_powered() {
            world.board.flash.borrow_mut().reboot();
            return cuts;
        }
        // Whatever the token would still say is said without power: nobody hears it. But it must say nothing either.
        while let Some((kind, _)) = world.take() {
            assert_eq!(kind, ushield_protocol::message::Kind::Refusal, "nothing is released after a failure");
        }
        let left = world.board.flash.borrow().clone();
        restart(world, left, cuts);
        check(world, prepared);
        cuts += 1;
    }
}

/// Restarts; every third time the power goes again while the token mends itself.
fn restart(world: &mut World, mut flash: Model, cut: u64) {
    flash.reboot();
    if cut.is_multiple_of(3) {
        flash.cut(Cut { at: cut % 41, bits: BITS[(cut / 3 % 5) as usize] });
        let board = TestBoard::new(flash, cut);
        let _ = Token::boot(board.clone(), Millis(0));
        flash = board.flash.borrow().clone();
    }
    world.boot_from(flash);
}

fn payload(answer: &[u8]) -> AuthorizationPayload {
    AuthorizationPayload::decode(Sign1::parse(answer).unwrap().payload()).unwrap()
}

#[test]
fn an_approval() {
    let (mut world, phone) = World::ready();
    let (_, first) = world.approve_transfer(|_| {});
    let (counter, previous) = (payload(&first).counter, Sign1::parse(&first).unwrap().payload_hash());
    assert_eq!(counter, 1);
    let (mut done, mut undone) = (0, 0);
    let cuts = every_word(
        &mut world,
        |world| {
            world.reconnect(&phone);
            let (order, bytes) = world.a_transfer();
            world.show(&bytes);
            world.read_all();
            (order, bytes)
        },
        |world| world.press(Key::Ok),
        |world, (order, bytes)| {
            let state = world.reconnect(&phone);
            assert!([4, 5].contains(&state.tries));
            let stored = world.ask(&Request::Collect { order: order.id });
            let answer = match stored.code {
                // The intent was stored: exactly it is signed, and redelivery gives the same bytes.
                Code::Ok => {
                    done += 1;
                    assert_eq!(world.ask(&order_with(None, &bytes)).body, stored.body);
                    stored.body
                }
                Code::NotFound => {
                    undone += 1;
                    world.approve(&bytes)
                }
                code => panic!("{code}"),
            };
            world.approval(&answer);
            assert_eq!((payload(&answer).counter, payload(&answer).previous), (2, previous));
            let (_, third) = world.approve_transfer(|_| {});
            assert_eq!(payload(&third).counter, 3, "no counter twice");
            assert_eq!(payload(&third).previous, Sign1::parse(&answer).unwrap().payload_hash());
        },
    );
    assert!(cuts > 150 && done > 50 && undone > 50, "{cuts} {done} {undone}");
}

#[test]
fn a_rejection() {
    let (mut world, phone) = World::ready();
    every_word(
        &mut world,
        |world| {
            world.reconnect(&phone);
            let (order, bytes) = world.a_transfer();
            world.show(&bytes);
            (order, bytes)
        },
        |world| world.press(Key::Cancel),
        |world, (order, bytes)| {
            world.reconnect(&phone);
            let mut answer = world.ask(&Request::Collect { order: order.id });
            if answer.code == Code::NotFound {
                world.show(&bytes);
                world.press(Key::Cancel);
                answer = world.result();
            }
            let rejection = *world.rejection(&answer.body).payload();
            assert_eq!((rejection.counter, rejection.previous), (1, Hash::ZERO));
        },
    );
}

#[test]
fn a_comparison_of_a_wrong_pin_never_gives_a_try_back() {
    let (mut world, phone) = World::ready();
    let cuts = every_word(
        &mut world,
        |world| {
            let tries = world.reconnect(&phone).tries;
            let (_, bytes) = world.a_transfer();
            world.request(&order_with(Some("111222"), &bytes));
            world.event(Code::Shown);
            world.read_all();
            tries
        },
        |world| world.press(Key::Ok),
        |world, tries| {
            let after = world.reconnect(&phone).tries;
            assert!(after == tries || after == tries - 1, "{after} of {tries}");
        },
    );
    assert!(cuts >= 3, "a spent try is at least header, value and checksum");
}

/// Cutting the power at the moment of the comparison, again and again, wins no guess.
#[test]
fn five_guesses_in_all_whatever_is_cut() {
    for at in 0..4 {
        let (mut world, phone) = World::ready();
        let mut compared = 0;
        for _ in 0..12 {
            world.board.flash.borrow_mut().reboot();
            if world.reconnect(&phone).tries == 0 {
                break;
            }
            let (_, bytes) = world.a_transfer();
            world.request(&order_with(Some("111222"), &bytes));
            world.event(Code::Shown);
            world.read_all();
            world.board.flash.borrow_mut().cut(Cut { at, bits: u32::MAX });
            world.press_all(&[Key::Ok, Key::Ok]);
            // Told, or so far that the token would know: a guess.
            let powered = world.board.flash.borrow().is_powered();
            compared += u32::from(powered);
            world.reboot();
        }
        assert!(compared <= 5, "cut at {at}: {compared}");
    }
}

#[test]
fn a_certificate_order_and_its_certificate() {
    let mut world = World::new();
    let mut phone = Phone::new(0x41);
    world.pair(&mut phone);
    world.change_pin(INITIAL_PIN, PIN);
    let statement = world.bank.statement(1);
    world.give_bank_key(&statement);
    let device_key = world.device_key.public_key();
    every_word(
        &mut world,
        |world| {
            world.reconnect(&phone);
            let order = world.bank.download(world.device, Role::Pay);
            let bytes = world.bank.sign(&order);
            world.show(&bytes);
            world.read_all();
            (order, bytes)
        },
        |world| world.press(Key::Ok),
        |world, (order, bytes)| {
            world.reconnect(&phone);
            let stored = world.ask(&Request::Collect { order: order.id });
            let answer = if stored.code == Code::Ok { stored.body } else { world.approve(&bytes) };
            let (made, _) = Attestation::verify(&answer, &device_key, &P256Verifier).unwrap();
            let chain = world.bank.issue(&made.request);
            assert_eq!(world.ask(&Request::PutCertificate { role: Role::Pay, chain }).code, Code::Ok);
            assert_eq!(world.info().pay, Some(made.key.key_id()));
        },
    );
}

#[test]
fn storing_a_certificate() {
    let mut world = World::new();
    let mut phone = Phone::new(0x41);
    world.pair(&mut phone);
    world.change_pin(INITIAL_PIN, PIN);
    let statement = world.bank.statement(1);
    world.give_bank_key(&statement);
    let order = world.bank.download(world.device, Role::Pay);
    let bytes = world.bank.sign(&order);
    let answer = world.approve(&bytes);
    let (made, _) = Attestation::verify(&answer, &world.device_key.public_key(), &P256Verifier).unwrap();
    let put = Request::PutCertificate { role: Role::Pay, chain: world.bank.issue(&made.request) };
    every_word(
        &mut world,
        |world| {
            world.reconnect(&phone);
        },
        |world| world.request(&put),
        |world, ()| {
            let pay = world.reconnect(&phone).pay;
            assert!(pay == [0; 8] || pay == *made.key.short_key_id().as_bytes());
            assert_eq!(world.ask(&put).code, Code::Ok);
            assert_eq!(world.info().pay, Some(made.key.key_id()));
        },
    );
}

#[test]
fn a_bank_key() {
    let (mut world, phone) = World::ready();
    world.bank.key = super::world::key(0x61);
    let statement = Request::BankKey { statement: world.bank.statement(2).sign(&world.bank.root) };
    every_word(
        &mut world,
        |world| {
            world.reconnect(&phone);
        },
        |world| world.request(&statement),
        |world, ()| {
            world.reconnect(&phone);
            let (_, bytes) = world.a_transfer();
            world.request(&order_with(Some(PIN), &bytes));
            let reply = world.reply().unwrap();
            if reply.code == Code::Shown {
                return;
            }
            assert_eq!(reply.code, Code::UnknownOrderKey, "so that the phone delivers it again");
            assert_eq!(world.ask(&statement).code, Code::Ok);
            world.show(&bytes);
        },
    );
}

/// Cut again and again, a statement must not lower the floor without being taken.
#[test]
fn floor_and_epochs_change_together() {
    let (mut world, phone) = World::ready();
    world.approve_transfer(|order| (order.issued, order.expires) = (NOW + 50_000, NOW + 50_900));
    let statement = Request::BankKey { statement: world.bank.statement(2).sign(&world.bank.root) };
    // The same epoch, other bytes: taken only where the first one was not.
    let mut other = world.bank.statement(2);
    other.not_after += 1;
    let other = Request::BankKey { statement: other.sign(&world.bank.root) };
    let (mut before, mut after) = (0, 0);
    let cuts = every_word(
        &mut world,
        |world| {
            world.reconnect(&phone);
        },
        |world| world.request(&statement),
        |world, ()| {
            world.reconnect(&phone);
            let (_, bytes) = world.a_transfer();
            let shown = {
                world.request(&order_with(Some(PIN), &bytes));
                world.reply().unwrap().code
            };
            if shown == Code::Shown {
                world.press(Key::Cancel);
                world.result();
            }
            match world.ask(&other).code {
                Code::Ok => {
                    before += 1;
                    assert_eq!(shown, Code::OrderExpired, "the floor fell, the epoch did not rise");
                }
                Code::EpochFallen => {
                    after += 1;
                    assert_eq!(shown, Code::Shown, "the epoch rose, but not all of it happened");
                }
                code => panic!("{code}"),
            }
        },
    );
    assert!(cuts > 10 && before > 5 && after > 5, "{cuts} {before} {after}");
}

#[test]
fn a_pin_change() {
    let (mut world, phone) = World::ready();
    let new = "Zx81q7";
    every_word(
        &mut world,
        |world| {
            world.reconnect(&phone);
            world.request(&super::world::pin_change(PIN, new));
        },
        |world| world.press(Key::Ok),
        |world, ()| {
            world.reconnect(&phone);
            // Either the old one or the new one, whole.
            world.request(&super::world::pin_change(PIN, "975311"));
            world.press(Key::Ok);
            if world.result().code == Code::PinWrong {
                world.dismiss();
                world.change_pin(new, "975311");
            }
            assert_eq!(world.info().tries, 5);
        },
    );
}

#[test]
fn pairing() {
    let (mut world, first) = World::ready();
    world.disconnect();
    every_word(
        &mut world,
        |world| {
            world.open_pairing();
            world.connect();
            let phone = Phone::new(2);
            let mut session = world.pair_until_digits(&phone);
            world.send_p5(&mut session, true, Some(PIN));
        },
        |world| world.press(Key::Ok),
        |world, ()| {
            // The phone has heard nothing; what the token knows of it is provisional at most, and pairing goes on.
            world.reconnect(&first);
            assert!([1, 2].contains(&world.info().phones));
            world.disconnect();
            world.pair(&mut Phone::new(2));
            assert_eq!(world.info().phones, 2);
        },
    );
}

/// The flash does not do as told: nothing is released, and everything is refused until the next start.
#[test]
fn a_failed_token_says_so_and_does_nothing() {
    let (mut world, _) = World::ready();
    let (_, bytes) = world.a_transfer();
    world.show(&bytes);
    world.read_all();
    world.board.flash.borrow_mut().cut(Cut { at: 10, bits: 0 });
    world.press(Key::Ok);
    assert_eq!(world.take_refusal(), Some(Code::TokenFailure));
    assert!(world.disconnected && world.shows("FAILURE"), "{}", world.screen());
    world.board.flash.borrow_mut().reboot();
    world.token.connected(world.now);
    world.pump();
    assert_eq!(world.take_refusal(), Some(Code::TokenFailure));
    world.press(Key::Ok);
    assert!(world.shows("FAILURE") && world.token.next_deadline().is_none());
}
