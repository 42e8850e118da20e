use ushield_protocol::bank_key::{BankKey, Purpose};
use ushield_protocol::code::Code;
use ushield_protocol::key::{BankId, Sign};
use ushield_protocol::message::Request;
use ushield_token::Key;

use super::world::{NOW, PIN, World, key, order_with};

fn refusal_of_a_transfer(world: &mut World) -> Code {
    let (order, bytes) = world.a_transfer();
    world.request(&order_with(Some(PIN), &bytes));
    let reply = world.reply().unwrap();
    if reply.code == Code::Shown {
        world.request(&Request::Cancel { order: order.id });
        world.reply().unwrap();
        world.result();
        world.dismiss();
    }
    reply.code
}

#[test]
fn an_unknown_key_is_delivered_and_then_known_for_good() {
    let (mut world, phone) = World::ready();
    world.bank.key = key(0x61);
    assert_eq!(refusal_of_a_transfer(&mut world), Code::UnknownOrderKey);
    let statement = world.bank.statement(2);
    assert_eq!(world.give_bank_key(&statement), Code::Ok);
    assert_eq!(refusal_of_a_transfer(&mut world), Code::Shown);
    world.reboot();
    world.reconnect(&phone);
    assert_eq!(refusal_of_a_transfer(&mut world), Code::Shown);
}

#[test]
fn epochs_never_fall_for_their_purpose() {
    let (mut world, _) = World::ready();
    let first = world.bank.clone();
    world.bank.key = key(0x61);
    let both = world.bank.statement(3);
    let transfers = BankKey { purposes: vec![Purpose::TRANSFER], ..both.clone() };
    assert_eq!(world.give_bank_key(&transfers), Code::Ok);
    assert_eq!(refusal_of_a_transfer(&mut world), Code::Shown);
    // The old key is still there, for certificates only.
    let second = std::mem::replace(&mut world.bank, first.clone());
    assert_eq!(refusal_of_a_transfer(&mut world), Code::OperationNotAllowed);
    let statement = world.bank.statement(1);
    assert_eq!(world.give_bank_key(&statement), Code::Ok, "still current for certificates");
    assert_eq!(refusal_of_a_transfer(&mut world), Code::OperationNotAllowed);
    let lower = BankKey { purposes: vec![Purpose::TRANSFER], ..world.bank.statement(2) };
    assert_eq!(world.give_bank_key(&lower), Code::EpochFallen);
    let same = BankKey { not_after: NOW + 99, ..transfers.clone() };
    assert_eq!(world.give_bank_key(&same), Code::EpochFallen, "the same epoch with other bytes");
    assert_eq!(world.give_bank_key(&transfers), Code::Ok, "the same again");
    world.bank = second;
    assert_eq!(refusal_of_a_transfer(&mut world), Code::Shown);
}

#[test]
fn a_statement_is_the_roots_and_the_banks() {
    let (mut world, _) = World::ready();
    let statement = world.bank.statement(2).sign(&key(0x70));
    assert_eq!(world.ask(&Request::BankKey { statement }).code, Code::BadSignature);
    let other = BankKey { bank: BankId::new("OTHRCNBJ").unwrap(), ..world.bank.statement(2) };
    assert_eq!(world.give_bank_key(&other), Code::WrongBank);
    let long = BankKey { not_after: NOW + 91 * 86_400, ..world.bank.statement(2) };
    assert_eq!(world.give_bank_key(&long), Code::Malformed);
}

#[test]
fn a_higher_epoch_sets_the_floor_downwards_too() {
    let (mut world, _) = World::ready();
    // A bank's clock ran ahead: everything issued at the right time is now past.
    world
        .approve_transfer(|order| (order.issued, order.expires) = (NOW + 70 * 86_400, NOW + 70 * 86_400 + 9));
    assert_eq!(refusal_of_a_transfer(&mut world), Code::OrderExpired);
    let statement = BankKey { key: world.bank.key.public_key(), ..world.bank.statement(2) };
    assert_eq!(world.give_bank_key(&statement), Code::Ok);
    assert_eq!(refusal_of_a_transfer(&mut world), Code::Shown);
}

#[test]
fn the_cache_holds_sixteen_keys_and_never_drops_a_current_one() {
    let (mut world, phone) = World::ready();
    let first = world.bank.clone();
    for epoch in 2..40 {
        world.bank.key = key(0x60 + epoch);
        let statement =
            BankKey { purposes: vec![Purpose::TRANSFER], ..world.bank.statement(u32::from(epoch)) };
        assert_eq!(world.give_bank_key(&statement), Code::Ok);
    }
    assert_eq!(refusal_of_a_transfer(&mut world), Code::Shown);
    for epoch in 24..39 {
        world.bank.key = key(0x60 + epoch);
        assert_eq!(refusal_of_a_transfer(&mut world), Code::OperationNotAllowed, "{epoch} is still known");
    }
    world.bank = first;
    world.reboot();
    world.reconnect(&phone);
    assert_eq!(refusal_of_a_transfer(&mut world), Code::OperationNotAllowed, "current for certificates");
}

/// A review goes on under the key and the floor that it was admitted with: neither changes while it stands.
#[test]
fn while_an_order_is_shown_no_key_is_taken() {
    let (mut world, phone) = World::ready();
    let (_, bytes) = world.a_transfer();
    world.show(&bytes);
    world.reconnect(&phone);
    let withdrawn =
        BankKey { key: key(0x55).public_key(), not_before: NOW + 10_000, ..world.bank.statement(2) };
    assert_eq!(world.give_bank_key(&withdrawn), Code::Busy);
    world.show(&bytes);
    world.press(Key::Cancel);
    world.result();
    assert_eq!(world.give_bank_key(&withdrawn), Code::Ok);
    assert_eq!(refusal_of_a_transfer(&mut world), Code::OperationNotAllowed);
}

/// A purpose that this token does not implement says nothing about the orders that it takes.
#[test]
fn only_a_purpose_that_the_token_implements_moves_the_floor() {
    let (mut world, _) = World::ready();
    let next = BankKey {
        purposes: vec![Purpose::from_number(9).unwrap()],
        not_before: NOW + 60 * 86_400,
        not_after: NOW + 140 * 86_400,
        ..world.bank.statement(2)
    };
    assert_eq!(world.give_bank_key(&next), Code::Ok);
    assert_eq!(refusal_of_a_transfer(&mut world), Code::Shown);
    let receipts = BankKey { purposes: vec![Purpose::RECEIPT], ..next };
    assert_eq!(world.give_bank_key(&receipts), Code::Ok);
    assert_eq!(refusal_of_a_transfer(&mut world), Code::Shown);
}

#[test]
fn a_statement_with_a_fallen_purpose_moves_no_floor() {
    let (mut world, phone) = World::ready();
    let third = BankKey { purposes: vec![Purpose::TRANSFER], ..world.bank.statement(3) };
    assert_eq!(world.give_bank_key(&third), Code::Ok);
    world.approve_transfer(|order| (order.issued, order.expires) = (NOW + 50_000, NOW + 50_900));
    assert_eq!(refusal_of_a_transfer(&mut world), Code::OrderExpired);
    let long_ago = (NOW - 80 * 86_400, NOW - 1);
    for purposes in [
        vec![Purpose::TRANSFER, Purpose::from_number(9).unwrap()],
        // Taken for downloads, which the token implements; fallen for transfers.
        vec![Purpose::TRANSFER, Purpose::CERTIFICATE_DOWNLOAD],
    ] {
        let (not_before, not_after) = long_ago;
        let old = BankKey { purposes, not_before, not_after, ..world.bank.statement(2) };
        assert_eq!(world.give_bank_key(&old), Code::Ok, "for its other purpose");
        assert_eq!(refusal_of_a_transfer(&mut world), Code::OrderExpired);
        world.reboot();
        world.reconnect(&phone);
        assert_eq!(refusal_of_a_transfer(&mut world), Code::OrderExpired);
    }
    // What has not fallen moves it, downwards too; and decisions raise it from there.
    let fourth = world.bank.statement(4);
    assert_eq!(world.give_bank_key(&fourth), Code::Ok);
    assert_eq!(refusal_of_a_transfer(&mut world), Code::Shown);
    world.approve_transfer(|order| (order.issued, order.expires) = (NOW + 2_000, NOW + 2_900));
    assert_eq!(refusal_of_a_transfer(&mut world), Code::OrderExpired);
    assert_eq!(world.give_bank_key(&fourth), Code::Ok, "the same again");
    assert_eq!(refusal_of_a_transfer(&mut world), Code::OrderExpired, "moves nothing");
}
