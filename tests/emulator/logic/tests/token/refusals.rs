use ushield_protocol::account::Scheme;
use ushield_protocol::cbor::{Field, Reason, Writer};
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::key::{BankId, KeyId};
use ushield_protocol::message::Role;
use ushield_protocol::order::{Operation, OrderPayload};
use ushield_protocol::refusal::Refusal;

use super::world::{NOW, PIN, World, key, order_with};

/// The refusal of an order; nothing may be drawn or written for it.
fn refused(world: &mut World, order: &[u8]) -> Refusal {
    let (drawn, operations) = (world.drawn(), world.board.flash.borrow().operations());
    let reply = world.ask(&order_with(Some(PIN), order));
    assert_eq!((world.drawn(), world.board.flash.borrow().operations()), (drawn, operations));
    reply.to_refusal()
}

/// Signs a payload that `OrderPayload::sign` would refuse.
fn forced(world: &World, payload: &[u8]) -> Vec<u8> {
    sign1(Tag::Order, payload, &world.bank.key)
}

fn changed(world: &mut World, change: impl FnOnce(&mut OrderPayload)) -> Vec<u8> {
    let pay = world.pay();
    let mut order = world.bank.transfer(pay);
    change(&mut order);
    forced(world, &order.encode())
}

fn transfer(order: &mut OrderPayload) -> &mut ushield_protocol::order::Transfer {
    match &mut order.operation {
        Operation::Transfer(transfer) => transfer,
        Operation::CertificateDownload(_) => panic!("no transfer"),
    }
}

fn replace(bytes: &mut Vec<u8>, from: &[u8], to: &[u8]) {
    let at = bytes.windows(from.len()).position(|window| window == from).expect("found");
    bytes.splice(at..at + from.len(), to.iter().copied());
}

#[test]
fn form_size_and_header() {
    let (mut world, _) = World::ready();
    let (order, bytes) = world.a_transfer();
    assert_eq!(refused(&mut world, &bytes[..bytes.len() - 1]).code, Code::Malformed);
    let mut long = bytes.clone();
    long.push(0);
    assert_eq!(refused(&mut world, &long).reason, Some(Reason::Trailing));
    assert_eq!(refused(&mut world, &vec![0; 1025]).code, Code::TooLarge);
    let token_like = sign1(Tag::Approve, &order.encode(), &world.bank.key);
    assert_eq!(refused(&mut world, &token_like).code, Code::Malformed, "a bank's header names the key");
}

#[test]
fn signature_and_key() {
    let (mut world, _) = World::ready();
    let (order, bytes) = world.a_transfer();
    let other = order.sign(&key(0x66)).unwrap();
    assert_eq!(refused(&mut world, &other).code, Code::UnknownOrderKey);
    let mut forged = bytes.clone();
    *forged.last_mut().unwrap() ^= 1;
    let forged = refused(&mut world, &forged).code;
    assert!([Code::BadSignature, Code::Malformed].contains(&forged), "{forged}");
    let receipt = sign1(Tag::Receipt, &order.encode(), &world.bank.key);
    assert_eq!(refused(&mut world, &receipt).code, Code::BadSignature, "another domain");
}

#[test]
fn bank_addressee_validity_operation() {
    let (mut world, _) = World::ready();
    let other = BankId::new("OTHRCNBJ").unwrap();
    let bytes = changed(&mut world, |order| order.bank = other);
    assert_eq!(refused(&mut world, &bytes).code, Code::WrongBank);
    let bytes = changed(&mut world, |order| order.addressee = KeyId::from([9; 16]).into());
    assert_eq!(refused(&mut world, &bytes).code, Code::WrongAddressee);
    let device = world.device;
    let bytes = changed(&mut world, |order| order.addressee = device.into());
    assert_eq!(refused(&mut world, &bytes).code, Code::WrongAddressee, "a transfer is for `pay`");
    let bytes = changed(&mut world, |order| (order.issued, order.expires) = (NOW - 10_001, NOW - 9_999));
    assert_eq!(refused(&mut world, &bytes).code, Code::IssuedOutsideValidity);
    let bytes = changed(&mut world, |order| {
        (order.issued, order.expires) = (NOW - 10_001, NOW - 9_999);
        order.addressee = KeyId::from([9; 16]).into();
    });
    assert_eq!(refused(&mut world, &bytes).code, Code::WrongAddressee, "the addressee comes first");
    for operation in [2, 3, 4, 6, 8, 12] {
        let (order, _) = world.a_transfer();
        let mut payload = order.encode();
        replace(&mut payload, &[9, 1, 10], &[9, operation, 10]);
        let bytes = forced(&world, &payload);
        assert_eq!(refused(&mut world, &bytes).code, Code::OperationNotAllowed);
    }
}

#[test]
fn payloads_are_read_strictly_and_the_field_is_named() {
    let (mut world, _) = World::ready();
    let (order, _) = world.a_transfer();
    let mut unknown = order.encode();
    unknown[0] = 0xab;
    unknown.extend_from_slice(&[11, 0]);
    let bytes = forced(&world, &unknown);
    let refusal = refused(&mut world, &bytes);
    assert_eq!((refusal.code, refusal.reason), (Code::Malformed, Some(Reason::UnknownField)));
    assert_eq!(refusal.field, Some(Field::outer(11)));
    let bytes = forced(&world, &Writer::new().map(1).key(1).uint(2).into_bytes());
    assert_eq!(refused(&mut world, &bytes).field, Some(Field::outer(1)));
    let bytes = changed(&mut world, |order| order.expires = order.issued + 901);
    let refusal = refused(&mut world, &bytes);
    assert_eq!((refusal.reason, refusal.field), (Some(Reason::BadValue), Some(Field::outer(8))));
}

#[test]
fn what_cannot_be_shown_or_booked_is_a_bad_value_of_its_field() {
    let (mut world, _) = World::ready();
    for (name, field) in [("abc\u{202e}def", 2), ("a\u{200b}b", 2), ("АBC", 2), ("x\ny", 2), ("a  b", 2)] {
        let bytes = changed(&mut world, |order| transfer(order).creditor_name = name.to_owned());
        let refusal = refused(&mut world, &bytes);
        assert_eq!((refusal.code, refusal.reason), (Code::Malformed, Some(Reason::BadValue)), "{name:?}");
        assert_eq!(refusal.field, Some(Field::inner(10, field)));
    }
    for (account, scheme) in [("DE89370400440532013001", Scheme::Iban), ("4111111111111112", Scheme::Card)] {
        let bytes = changed(&mut world, |order| {
            transfer(order).creditor_account = account.to_owned();
            transfer(order).scheme = scheme;
        });
        assert_eq!(refused(&mut world, &bytes).field, Some(Field::inner(10, 3)), "{account}");
    }
    let (order, _) = world.a_transfer();
    let mut payload = order.encode();
    replace(&mut payload, &[7, 0x63, b'C', b'N', b'Y', 8, 2], &[7, 0x63, b'C', b'N', b'Y', 8, 3]);
    let bytes = forced(&world, &payload);
    let refusal = refused(&mut world, &bytes);
    assert_eq!((refusal.code, refusal.field), (Code::Malformed, Some(Field::inner(10, 8))));
    let long = "x".repeat(25);
    let bytes = changed(&mut world, |order| transfer(order).remittance = long);
    let refusal = refused(&mut world, &bytes);
    assert_eq!((refusal.code, refusal.field), (Code::Unshowable, Some(Field::inner(10, 12))));
}

#[test]
fn the_same_id_with_another_payload_is_refused() {
    let (mut world, phone) = World::ready();
    let (order, _) = world.approve_transfer(|_| {});
    let other = OrderPayload { challenge: [0xee; 32], ..order.clone() };
    let bytes = world.bank.sign(&other);
    assert_eq!(refused(&mut world, &bytes).code, Code::OrderIdReused);
    // Also while the first one is only shown.
    let (order, bytes) = world.a_transfer();
    world.show(&bytes);
    world.reconnect(&phone);
    let other = OrderPayload { challenge: [0xee; 32], ..order };
    let bytes = world.bank.sign(&other);
    assert_eq!(refused(&mut world, &bytes).code, Code::OrderIdReused);
}

#[test]
fn an_order_id_is_a_random_uuid() {
    let (mut world, _) = World::ready();
    let (order, _) = world.a_transfer();
    let mut payload = order.encode();
    replace(&mut payload, order.id.as_bytes(), &[0; 16]);
    let bytes = forced(&world, &payload);
    assert_eq!(refused(&mut world, &bytes).field, Some(Field::outer(5)));
}

#[test]
fn expired_is_by_the_floor_alone() {
    let (mut world, _) = World::ready();
    let (_, old) = world.a_transfer();
    world.approve_transfer(|order| (order.issued, order.expires) = (NOW + 1501, NOW + 1600));
    assert_eq!(refused(&mut world, &old).code, Code::OrderExpired);
}

#[test]
fn a_download_is_for_this_device_and_its_absent_certificate() {
    let (mut world, _) = World::ready();
    let device = world.device;
    world.approve_transfer(|_| {});
    let order = world.bank.download(device, Role::Pay);
    let bytes = world.bank.sign(&order);
    assert_eq!(refused(&mut world, &bytes).code, Code::CertificateExists);
    let pay = world.pay();
    let order = OrderPayload { addressee: pay.into(), ..world.bank.download(device, Role::Login) };
    let bytes = world.bank.sign(&order);
    assert_eq!(refused(&mut world, &bytes).code, Code::WrongAddressee);
}
