use ushield_protocol::code::Code;
use ushield_protocol::message::Request;
use ushield_protocol::order::{Amount, Operation, OrderPayload};
use ushield_token::Key;

use super::world::{NOW, World};

fn at(issued: u64) -> impl FnOnce(&mut OrderPayload) {
    move |order| (order.issued, order.expires) = (issued, issued + 900)
}

/// The first page of a further transfer; the review is taken back.
fn first_page(world: &mut World, change: impl FnOnce(&mut OrderPayload)) -> String {
    let pay = world.pay();
    let mut order = world.bank.transfer(pay);
    change(&mut order);
    let bytes = world.bank.sign(&order);
    world.show(&bytes);
    let page = world.screen();
    world.request(&Request::Cancel { order: order.id });
    assert_eq!(world.reply().unwrap().code, Code::Cancelled);
    world.result();
    world.dismiss();
    page
}

#[test]
fn the_first_page_names_the_order_that_was_approved() {
    let (mut world, _) = World::ready();
    assert!(!first_page(&mut world, at(NOW)).contains("PAID BEFORE"));
    let (order, _) = world.approve_transfer(at(NOW));
    let page = first_page(&mut world, at(NOW + 180));
    assert!(page.contains("PAID BEFORE? Approved:") && page.contains("order 3 min earlier"), "{page}");
    assert!(page.replace('\n', "").contains(&order.id.to_string()), "{page}");
    let page = first_page(&mut world, at(NOW - 60));
    assert!(page.contains("order 1 min later"), "{page}");
}

#[test]
fn the_window_is_a_day_both_ways() {
    let (mut world, _) = World::ready();
    world.approve_transfer(at(NOW));
    assert!(first_page(&mut world, at(NOW + 86_400)).contains("PAID BEFORE"));
    assert!(!first_page(&mut world, at(NOW + 86_401)).contains("PAID BEFORE"));
}

#[test]
fn payee_amount_and_currency_all_count_and_rejections_do_not() {
    let (mut world, _) = World::ready();
    let (_, bytes) = world.a_transfer();
    world.show(&bytes);
    world.press(Key::Cancel);
    world.result();
    assert!(!first_page(&mut world, at(NOW)).contains("PAID BEFORE"), "a rejection");
    world.approve_transfer(at(NOW));
    let other_amount = |order: &mut OrderPayload| {
        let Operation::Transfer(transfer) = &mut order.operation else { panic!() };
        transfer.amount = Amount::new(123_457, transfer.amount.currency()).unwrap();
    };
    assert!(!first_page(&mut world, other_amount).contains("PAID BEFORE"));
    let other_account = |order: &mut OrderPayload| {
        let Operation::Transfer(transfer) = &mut order.operation else { panic!() };
        transfer.creditor_account = "6217001234567890124".to_owned();
    };
    assert!(!first_page(&mut world, other_account).contains("PAID BEFORE"));
    let other_name = |order: &mut OrderPayload| {
        let Operation::Transfer(transfer) = &mut order.operation else { panic!() };
        transfer.creditor_name = "Other".to_owned();
    };
    assert!(first_page(&mut world, other_name).contains("PAID BEFORE"), "the name is not one of the four");
}

#[test]
fn of_several_the_newest_then_the_last_approved_and_over_a_restart() {
    let (mut world, phone) = World::ready();
    world.approve_transfer(at(NOW + 60));
    let (_, _) = world.approve_transfer(at(NOW + 120));
    let (last, _) = world.approve_transfer(at(NOW + 120));
    world.approve_transfer(at(NOW));
    world.reboot();
    world.reconnect(&phone);
    let page = first_page(&mut world, at(NOW + 180));
    assert!(
        page.contains("order 1 min earlier") && page.replace('\n', "").contains(&last.id.to_string()),
        "{page}"
    );
}

/// The answers of a busy day are evicted long before its end.
#[test]
fn the_warning_outlives_the_answer() {
    let (mut world, phone) = World::ready();
    let amount = |minor: u64| {
        move |order: &mut OrderPayload| {
            let Operation::Transfer(transfer) = &mut order.operation else { panic!() };
            transfer.amount = Amount::new(minor, transfer.amount.currency()).unwrap();
        }
    };
    let with = |issued: u64, minor: u64| {
        move |order: &mut OrderPayload| {
            at(issued)(order);
            amount(minor)(order);
        }
    };
    let (first, _) = world.approve_transfer(with(NOW, 777));
    // A rejection's pair warns of nothing.
    let pay = world.pay();
    let mut rejected = world.bank.transfer(pay);
    with(NOW, 778)(&mut rejected);
    let bytes = world.bank.sign(&rejected);
    world.show(&bytes);
    world.press(Key::Cancel);
    world.result();
    for other in 0..64 {
        world.approve_transfer(with(NOW + 1600, 1000 + other));
    }
    assert_eq!(world.ask(&Request::Collect { order: first.id }).code, Code::NotFound, "its answer has gone");
    world.reboot();
    world.reconnect(&phone);
    let page = first_page(&mut world, with(NOW + 3300, 777));
    assert!(page.contains("PAID BEFORE") && page.contains("55 min earlier"), "{page}");
    assert!(page.replace('\n', "").contains(&first.id.to_string()), "{page}");
    assert!(!first_page(&mut world, with(NOW + 3300, 778)).contains("PAID BEFORE"), "it was rejected");
    assert!(!first_page(&mut world, with(NOW + 86_401, 777)).contains("PAID BEFORE"), "within a day");
}
