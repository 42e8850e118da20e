use ushield_protocol::code::Code;
use ushield_protocol::key::Sign;
use ushield_protocol::message::{Request, Role};
use ushield_token::Key;

use super::world::{PIN, Phone, World, key, order_with, pin};

const WRONG: &str = "111222";

fn shown_with(block: Option<&str>) -> (World, Phone, Vec<u8>) {
    let (mut world, phone) = World::ready();
    let (_, bytes) = world.a_transfer();
    world.request(&order_with(block, &bytes));
    world.event(Code::Shown);
    world.read_all();
    (world, phone, bytes)
}

#[test]
fn the_initial_pin_allows_nothing_but_its_change() {
    let mut world = World::new();
    let mut phone = Phone::new(1);
    world.pair(&mut phone);
    let state = world.reconnect(&phone);
    assert!(state.flags.pin_initial && !state.flags.pin_locked);
    let statement = world.bank.statement(1);
    assert_eq!(world.give_bank_key(&statement), Code::Ok);
    let drawn = world.drawn();
    let download = world.bank.download(world.device, Role::Pay);
    let transfer = world.bank.transfer(key(5).public_key().key_id());
    for order in [download, transfer] {
        let bytes = world.bank.sign(&order);
        assert_eq!(world.ask(&order_with(Some("12345678"), &bytes)).code, Code::PinInitial);
    }
    assert_eq!(world.drawn(), drawn);
    world.change_pin("12345678", PIN);
    assert!(!world.reconnect(&phone).flags.pin_initial);
}

#[test]
fn a_wrong_pin_costs_a_try_shows_it_and_another_block_needs_another_ok() {
    let (mut world, _, _) = shown_with(Some(WRONG));
    world.press(Key::Ok);
    assert_eq!(world.event(Code::PinWrong), [4]);
    assert!(world.shows("Wrong PIN") && world.shows("Tries left: 4"), "{}", world.screen());
    world.wait(5);
    assert!(world.shows("OK approve"), "the last page again");
    world.request(&pin(PIN));
    assert!(world.take().is_none(), "`pin` has no result of its own, and compares nothing");
    world.press(Key::Ok);
    assert_eq!(world.result().code, Code::Ok);
    assert_eq!(world.info().tries, 5, "given back");
}

#[test]
fn one_comparison_for_one_ok() {
    let (mut world, _, _) = shown_with(Some(WRONG));
    world.press(Key::Ok);
    assert_eq!(world.event(Code::PinWrong), [4]);
    world.press(Key::Ok);
    assert!(world.shows("OK approve"), "this OK only leads back: {}", world.screen());
    world.press(Key::Ok);
    world.event(Code::PinNeeded);
    assert!(world.shows("Enter the PIN on the"), "the block was used up");

    // Nor does a block count that comes while the screen says that the one before was wrong.
    let (mut world, phone, _) = shown_with(Some(WRONG));
    world.press(Key::Ok);
    assert_eq!(world.event(Code::PinWrong), [4]);
    world.request(&pin(WRONG));
    assert!(world.take().is_none());
    assert_eq!(world.reconnect(&phone).tries, 4);
}

#[test]
fn a_block_counts_only_if_it_was_there_at_ok() {
    let (mut world, _, _) = shown_with(None);
    world.press(Key::Ok);
    world.event(Code::PinNeeded);
    world.request(&pin(PIN));
    assert!(world.take().is_none() && world.shows("OK approve"), "{}", world.screen());
    world.press(Key::Ok);
    assert_eq!(world.result().code, Code::Ok);
}

#[test]
fn malware_alone_spends_no_try() {
    let (mut world, phone, bytes) = shown_with(Some(WRONG));
    for _ in 0..20 {
        world.request(&pin(WRONG));
        world.request(&order_with(Some(WRONG), &bytes));
        world.event(Code::Shown);
    }
    assert_eq!(world.reconnect(&phone).tries, 5);
}

#[test]
fn the_fifth_wrong_pin_locks_after_a_warning_over_restarts() {
    let (mut world, phone) = World::ready();
    for tries in [4, 3, 2, 1] {
        let (_, bytes) = world.a_transfer();
        world.request(&order_with(Some(WRONG), &bytes));
        world.event(Code::Shown);
        world.read_all();
        world.press(Key::Ok);
        assert_eq!(world.event(Code::PinWrong), [tries]);
        world.reboot();
        assert_eq!(world.reconnect(&phone).tries, tries);
    }
    let (order, bytes) = world.a_transfer();
    world.request(&order_with(Some(WRONG), &bytes));
    world.event(Code::Shown);
    world.read_all();
    world.press(Key::Ok);
    world.event(Code::LastTry);
    assert!(world.take().is_none() && world.shows("ONE TRY IS LEFT"), "{}", world.screen());
    assert_eq!(world.ask(&Request::Collect { order: order.id }).code, Code::Waiting);
    world.press(Key::Ok);
    assert_eq!(world.event(Code::PinWrong), [0]);
    assert_eq!(world.result().code, Code::PinLocked);
    assert!(world.shows("locked"), "{}", world.screen());
    let drawn = world.drawn();
    world.reboot();
    let state = world.reconnect(&phone);
    assert!(state.flags.pin_locked && state.tries == 0);
    let (_, bytes) = world.a_transfer();
    assert_eq!(world.ask(&order_with(Some(PIN), &bytes)).code, Code::PinLocked, "the right one too");
    assert_eq!(world.ask(&super::world::pin_change(PIN, "975311")).code, Code::PinLocked);
    assert!(drawn > 0 && world.drawn() == 1, "only the idle screen since the start");
}

#[test]
fn the_last_try_can_be_kept() {
    let (mut world, _) = World::ready();
    let (_, bytes) = world.a_transfer();
    world.request(&order_with(Some(WRONG), &bytes));
    world.event(Code::Shown);
    world.read_all();
    for tries in [4, 3, 2, 1] {
        world.press(Key::Ok);
        assert_eq!(world.event(Code::PinWrong), [tries]);
        world.request(&pin(WRONG));
        world.press(Key::Down);
        assert!(world.shows("OK approve"));
    }
    world.press(Key::Ok);
    world.event(Code::LastTry);
    world.press(Key::Up);
    assert!(world.shows("OK approve"), "back to the page, nothing compared");
    world.request(&pin(PIN));
    world.press(Key::Ok);
    world.event(Code::LastTry);
    world.press(Key::Ok);
    assert_eq!(world.result().code, Code::Ok);
    assert_eq!(world.info().tries, 5);
}

#[test]
fn a_block_is_forgotten_after_sixty_seconds_without_a_key() {
    let (mut world, _, _) = shown_with(Some(PIN));
    world.wait(59);
    world.press(Key::Down);
    world.wait(59);
    world.press(Key::Down);
    world.wait(60);
    world.press(Key::Ok);
    world.event(Code::PinNeeded);
}

/// Also when the token was not woken in time.
#[test]
fn a_block_does_not_outlive_its_time_until_the_next_tick() {
    let (mut world, _, _) = shown_with(Some(PIN));
    world.now = world.now.plus(60_000);
    world.press(Key::Ok);
    world.event(Code::PinNeeded);
}

#[test]
fn a_block_is_forgotten_after_five_minutes_in_any_case() {
    let (mut world, _, _) = shown_with(Some(PIN));
    for _ in 0..6 {
        world.wait(49);
        world.press(Key::Down);
    }
    world.wait(5);
    assert_eq!(world.now.0, 299_000);
    world.wait(1);
    world.press(Key::Ok);
    world.event(Code::PinNeeded);
}

#[test]
fn a_block_lives_as_long_as_keys_are_pressed_within_five_minutes() {
    let (mut world, _, _) = shown_with(Some(PIN));
    for _ in 0..6 {
        world.wait(49);
        world.press(Key::Down);
    }
    world.press(Key::Ok);
    assert_eq!(world.result().code, Code::Ok);
}

#[test]
fn a_pin_without_a_review_is_not_found() {
    let (mut world, _) = World::ready();
    assert_eq!(world.ask(&pin(PIN)).code, Code::NotFound);
}

#[test]
fn a_phone_that_comes_again_hears_that_the_token_waits_for_a_pin() {
    let (mut world, phone, bytes) = shown_with(None);
    let again = |world: &mut World, block| {
        world.reconnect(&phone);
        world.request(&order_with(block, &bytes));
        world.event(Code::Shown);
    };
    again(&mut world, None);
    assert!(world.take().is_none(), "nothing is asked for before OK");
    world.press(Key::Ok);
    assert!(world.shows("Enter the PIN"), "{}", world.screen());
    again(&mut world, None);
    world.event(Code::PinNeeded);
    again(&mut world, Some(WRONG));
    assert!(world.take().is_none(), "it brought the PIN");
    world.press(Key::Ok);
    assert_eq!(world.event(Code::PinWrong), [4]);
    assert!(world.shows("Enter it again"), "{}", world.screen());
    again(&mut world, None);
    world.event(Code::PinNeeded);
    world.request(&pin(PIN));
    again(&mut world, None);
    assert!(world.take().is_none(), "it is here already");
    world.press_all(&[Key::Ok, Key::Ok]);
    assert_eq!(world.result().code, Code::Ok);
}
