use ushield_protocol::code::Code;
use ushield_token::Key;

use super::world::{World, order_with};

fn shown() -> World {
    let (mut world, _) = World::ready();
    let (_, order) = world.a_transfer();
    world.show(&order);
    world
}

fn page(world: &World) -> String {
    world.screen().lines().next().unwrap().trim_start_matches("TRANSFER").trim().to_owned()
}

#[test]
fn ok_before_the_last_page_does_nothing() {
    let mut world = shown();
    let pages = world.page_count();
    assert!(pages >= 3);
    for at in 1..pages {
        let operations = world.board.flash.borrow().operations();
        let before = world.screen();
        world.press_all(&[Key::Ok, Key::Ok]);
        assert_eq!(world.screen(), before, "page {at}");
        assert!(world.take().is_none());
        assert_eq!(world.board.flash.borrow().operations(), operations);
        world.press(Key::Down);
    }
    world.press(Key::Ok);
    assert_eq!(world.result().code, Code::Ok);
}

#[test]
fn up_and_down_turn_pages_and_stop_at_the_ends() {
    let mut world = shown();
    let last = world.page_count();
    assert_eq!(page(&world), format!("1/{last}"));
    world.press(Key::Up);
    assert_eq!(page(&world), format!("1/{last}"));
    for _ in 0..last + 2 {
        world.press(Key::Down);
    }
    assert_eq!(page(&world), format!("{last}/{last}"));
    world.press(Key::Up);
    assert_eq!(page(&world), format!("{}/{last}", last - 1));
    world.press(Key::Ok);
    assert!(world.take().is_none(), "all pages were drawn, but this is not the last one");
    world.press_all(&[Key::Down, Key::Ok]);
    assert_eq!(world.result().code, Code::Ok);
}

/// What was drawn for one review does not count for the next one of the same order.
#[test]
fn every_review_starts_unread() {
    let (mut world, _) = World::ready();
    let (order, bytes) = world.a_transfer();
    world.show(&bytes);
    world.read_all();
    world.request(&ushield_protocol::message::Request::Cancel { order: order.id });
    world.reply().unwrap();
    world.result();
    world.dismiss();
    world.show(&bytes);
    world.press(Key::Ok);
    assert!(world.take().is_none());
    assert!(page(&world).starts_with("1/"));
}

#[test]
fn c_rejects_also_where_the_token_asks_for_the_pin() {
    let (mut world, _) = World::ready();
    let (_, bytes) = world.a_transfer();
    world.request(&order_with(None, &bytes));
    world.event(Code::Shown);
    world.read_all();
    world.press(Key::Ok);
    world.event(Code::PinNeeded);
    world.press(Key::Cancel);
    let answer = world.result().body;
    world.rejection(&answer);
}
