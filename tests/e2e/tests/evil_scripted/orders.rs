//! A bank that lies in an order, or has it signed by a key that may not.

use std::sync::{Arc, Mutex};

use ushield_client::Error;
use ushield_client::error::Place;
use ushield_e2e::evil::bank::statement;
use ushield_e2e::evil::{World, transfer};
use ushield_protocol::account::Scheme;
use ushield_protocol::bank_key::Purpose;
use ushield_protocol::cbor::{Field, Reason};
use ushield_protocol::code::Code;
use ushield_protocol::currency::Currency;
use ushield_protocol::key::{BankId, SigningKey};
use ushield_protocol::order::{Amount, Operation, OrderPayload, Transfer};

use crate::{is, nothing_executed};

fn stranger(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32]).unwrap()
}

/// The order is refused before anything of it reaches the token. The request stays durable, and is the same one when the bank is honest again;
/// where the bank answered with an order of its own making the request has ended with that.
async fn is_refused(world: &World, code: Code) -> Error {
    let ended = matches!(code, Code::OrderAltered | Code::BankLied);
    let delivered = world.token.orders().len();
    let error = world.create().await.unwrap_err();
    is(&error, code);
    nothing_executed(world);
    assert_eq!(world.token.orders().len(), delivered, "the token never saw it");
    let status = if ended { "not-created" } else { "requested" };
    assert_eq!(world.statuses().await, [status]);
    let resumed = world.client.resume(&world.token, &world.person).await.unwrap();
    assert_eq!(resumed.len(), usize::from(!ended));
    for (_, result) in resumed {
        is(&result.unwrap_err(), code);
    }
    assert_eq!(world.token.orders().len(), delivered, "the token never saw it");
    assert_eq!(world.statuses().await, [status]);
    nothing_executed(world);
    error
}

/// A world whose bank changes a transfer that it was asked for.
async fn with_transfer(seed: u64, change: impl Fn(&mut Transfer) + Send + 'static) -> World {
    let world = World::ready(seed).await;
    with_payload(&world, move |payload| {
        if let Operation::Transfer(transfer) = &mut payload.operation {
            change(transfer);
        }
    });
    world
}

fn with_payload(world: &World, change: impl FnMut(&mut OrderPayload) + Send + 'static) {
    world.bank.lie(|lies| lies.payload = Some(Box::new(change)));
}

fn with_bytes(world: &World, from: &'static [u8], to: &'static [u8]) {
    world.bank.lie(|lies| {
        lies.bytes = Some(Box::new(move |bytes| {
            let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
            [&bytes[..at], to, &bytes[at + from.len()..]].concat()
        }));
    });
}

fn at(error: &Error, key: u8, sub: u8) {
    let Some(Place::Field(field, _)) = error.place() else { panic!("{error:?}") };
    assert_eq!(*field, Field { key, sub }, "{error}");
}

#[tokio::test]
async fn order_altered_amount() {
    let world = with_transfer(110, |transfer| {
        transfer.amount = Amount::new(9_234_567, Currency::from_code("CNY").unwrap()).unwrap();
    });
    is_refused(&world.await, Code::OrderAltered).await;
}

#[tokio::test]
async fn order_altered_in_every_other_field() {
    type Change = fn(&mut Transfer);
    let changes: [(&str, Change); 9] = [
        ("creditor name", |transfer| transfer.creditor_name = "杭州西湖龙井茶业公司".to_owned()),
        ("creditor account", |transfer| transfer.creditor_account = "6217001210024455221".to_owned()),
        ("creditor agent", |transfer| transfer.creditor_agent = "中国建设银行".to_owned()),
        ("debtor account", |transfer| transfer.debtor_account = "6222021001116245703".to_owned()),
        ("remittance", |transfer| transfer.remittance = "货款".to_owned()),
        ("currency", |transfer| {
            transfer.amount = Amount::new(1_234_567, Currency::from_code("USD").unwrap()).unwrap();
        }),
        ("date", |transfer| transfer.execution_date = Some(20_270_101)),
        ("beside", |transfer| {
            transfer.beside = Some(ushield_protocol::key::OrderId::from_random([5; 16]));
        }),
        ("scheme", |transfer| {
            transfer.scheme = Scheme::Card;
            transfer.creditor_account = "4111111111111111".to_owned();
        }),
    ];
    for (name, change) in changes {
        println!("{name}");
        is_refused(&with_transfer(111, change).await, Code::OrderAltered).await;
    }
}

#[tokio::test]
async fn an_open_order_that_is_another_payment() {
    // "You have that one open already", and it is not that one.
    let world = World::ready(112).await;
    let first = world.create().await.unwrap();
    world.bank.answers(|request, mut response| {
        if request.path == "/v1/orders" && request.idempotency_key.is_some() {
            let mut body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            body["created"] = false.into();
            response.body = zeroize::Zeroizing::new(serde_json::to_vec(&body).unwrap());
        }
        Ok(response)
    });
    let mut other = transfer();
    other.amount = 1;
    with_payload(&world, |payload| {
        if let Operation::Transfer(transfer) = &mut payload.operation {
            transfer.amount = Amount::new(77, Currency::from_code("CNY").unwrap()).unwrap();
        }
    });
    let error = world.client.create_transfer(&world.person, None, &other).await.unwrap_err();
    is(&error, Code::OrderAltered);
    nothing_executed(&world);
    world.bank.repent();
    world.run(first).await.unwrap();
    assert_eq!(world.bank.executed(), [(first, 1_234_567)]);
}

#[tokio::test]
async fn an_id_beside_the_order_that_is_not_its_own() {
    let world = World::ready(113).await;
    world.bank.answers(|request, mut response| {
        if request.path == "/v1/orders" {
            let mut body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            body["order_id"] = "18f234df-2d91-4724-890c-d2e45466180d".into();
            response.body = zeroize::Zeroizing::new(serde_json::to_vec(&body).unwrap());
        }
        Ok(response)
    });
    is_refused(&world, Code::BankLied).await;
}

#[tokio::test]
async fn wrong_bank() {
    let world = World::ready(114).await;
    with_payload(&world, |payload| payload.bank = BankId::new("OTHRCNBJ").unwrap());
    at(&is_refused(&world, Code::WrongBank).await, 3, 0);
}

#[tokio::test]
async fn wrong_bank_in_a_statement() {
    let world = World::ready(115).await;
    let (root, key) = (world.bank.keys().root, stranger(1));
    let theirs = statement("OTHRCNBJ", &root, 1, &key, Purpose::TRANSFER);
    world.bank.lie(|lies| {
        lies.order_signer = Some(key);
        lies.statements = Some(Box::new(move |_| vec![theirs.clone()]));
    });
    is_refused(&world, Code::WrongBank).await;
}

#[tokio::test]
async fn bad_signature_on_an_order() {
    let world = World::ready(116).await;
    // The right kid, another key's signature.
    world.bank.lie(|lies| {
        lies.order = Some(Box::new(|mut order| {
            let at = order.len() - 40;
            order[at] ^= 1;
            order
        }));
    });
    is_refused(&world, Code::BadSignature).await;
}

#[tokio::test]
async fn bad_signature_by_another_banks_key() {
    // The key is vouched for, but by another bank's root.
    let world = World::ready(117).await;
    let (root, key) = (stranger(2), stranger(3));
    let theirs = statement("USHDCNBJ", &root, 1, &key, Purpose::TRANSFER);
    world.bank.lie(|lies| {
        lies.order_signer = Some(key);
        lies.statements = Some(Box::new(move |honest| [honest, vec![theirs.clone()]].concat()));
    });
    is_refused(&world, Code::BadSignature).await;
}

#[tokio::test]
async fn unknown_order_key() {
    let world = World::ready(118).await;
    world.bank.lie(|lies| lies.order_signer = Some(stranger(4)));
    is_refused(&world, Code::UnknownOrderKey).await;
}

#[tokio::test]
async fn operation_not_allowed() {
    let world = World::ready(119).await;
    for key in [world.bank.keys().certificate, world.bank.keys().receipt] {
        let world = World::ready(119).await;
        world.bank.lie(|lies| lies.order_signer = Some(key));
        at(&is_refused(&world, Code::OperationNotAllowed).await, 9, 0);
    }
}

#[tokio::test]
async fn issued_outside_validity() {
    let year = 365 * 86_400;
    for later in [true, false] {
        let world = World::ready(120).await;
        with_payload(&world, move |payload| {
            for time in [&mut payload.issued, &mut payload.expires] {
                *time = if later { *time + year } else { *time - year };
            }
        });
        at(&is_refused(&world, Code::IssuedOutsideValidity).await, 7, 0);
    }
}

#[tokio::test]
async fn epoch_fallen_is_not_taken() {
    let world = World::ready(121).await;
    let (root, key) = (world.bank.keys().root, stranger(5));
    // A statement of an older epoch, as a thief of an old key would show it.
    let new = statement("USHDCNBJ", &root, 7, &stranger(6), Purpose::TRANSFER);
    world.bank.lie(|lies| {
        lies.order_signer = Some(stranger(6));
        lies.statements = Some(Box::new(move |_| vec![new.clone()]));
    });
    world.transfer().await.unwrap();
    let old = statement("USHDCNBJ", &root, 6, &key, Purpose::TRANSFER);
    world.bank.lie(|lies| {
        lies.order_signer = Some(key);
        lies.statements = Some(Box::new(move |_| vec![old.clone()]));
    });
    is(&world.create().await.unwrap_err(), Code::UnknownOrderKey);
    assert_eq!(world.bank.executed().len(), 1);
}

fn reason(error: &Error) -> Option<Reason> {
    match error.place() {
        Some(Place::Field(_, reason)) => *reason,
        _ => None,
    }
}

#[tokio::test]
async fn malformed_with_an_unknown_field() {
    // Map of ten becomes map of eleven; a field 11 at the end.
    let world = World::ready(122).await;
    world.bank.lie(|lies| {
        lies.bytes = Some(Box::new(|mut bytes| {
            bytes[0] = 0xab;
            bytes.extend([0x0b, 0x01]);
            bytes
        }));
    });
    let error = is_refused(&world, Code::Malformed).await;
    at(&error, 11, 0);
    assert_eq!(reason(&error), Some(Reason::UnknownField));

    // The same among the transfer's fields.
    let world = World::ready(123).await;
    world.bank.lie(|lies| {
        lies.bytes = Some(Box::new(|mut bytes| {
            let head = bytes.windows(2).position(|window| window == [0x0a, 0xab]).unwrap();
            bytes[head + 1] = 0xac;
            bytes.extend([0x0e, 0x01]);
            bytes
        }));
    });
    let error = is_refused(&world, Code::Malformed).await;
    at(&error, 10, 14);
    assert_eq!(reason(&error), Some(Reason::UnknownField));
}

#[tokio::test]
async fn malformed_by_name_and_field() {
    type Case = (&'static [u8], &'static [u8], u8, u8, Reason);
    let cases: [Case; 6] = [
        (&[0xaa, 0x01, 0x01], &[0xaa, 0x01, 0x02], 1, 0, Reason::BadValue),
        (&[0xaa, 0x01, 0x01], &[0xaa, 0x01, 0x18, 0x01], 1, 0, Reason::NonMinimal),
        (&[0xaa, 0x01, 0x01, 0x02, 0x01], &[0xa9, 0x01, 0x01], 2, 0, Reason::MissingField),
        (b"\x63CNY\x08\x02", b"\x43CNY\x08\x02", 10, 7, Reason::WrongType),
        (b"\x0a\x01\x0b\x00", b"\x0a\x04\x0b\x00", 10, 10, Reason::BadValue),
        (b"\x0b\x00\x0c", b"\x0b\x01\x0c", 10, 11, Reason::BadValue),
    ];
    for (from, to, key, sub, expected) in cases {
        let world = World::ready(124).await;
        with_bytes(&world, from, to);
        let error = is_refused(&world, Code::Malformed).await;
        at(&error, key, sub);
        assert_eq!(reason(&error), Some(expected), "{error}");
    }
}

#[tokio::test]
async fn malformed_with_trailing_bytes() {
    let world = World::ready(125).await;
    world.bank.lie(|lies| lies.bytes = Some(Box::new(|bytes| [bytes, vec![0]].concat())));
    let error = is_refused(&world, Code::Malformed).await;
    assert_eq!(reason(&error), Some(Reason::Trailing));
}

#[tokio::test]
async fn a_money_order_that_lives_too_long() {
    let world = World::ready(126).await;
    with_payload(&world, |payload| payload.expires = payload.issued + 901);
    at(&is_refused(&world, Code::Malformed).await, 8, 0);
}

#[tokio::test]
async fn what_is_not_even_cose() {
    type Garbage = fn(Vec<u8>) -> Vec<u8>;
    let garbage: [Garbage; 5] = [
        |_| Vec::new(),
        |_| b"<html>".to_vec(),
        |order| order[..order.len() - 1].to_vec(),
        |order| [order, vec![0]].concat(),
        |order| [order, vec![0; 1100]].concat(),
    ];
    for lie in garbage {
        let world = World::ready(127).await;
        world.bank.lie(|lies| lies.order = Some(Box::new(lie)));
        is_refused(&world, Code::BankLied).await;
    }
}

#[tokio::test]
async fn bad_text() {
    for (name, bad) in [
        ("bidi override", "张\u{202e}三"),
        ("bidi isolate", "张三\u{2066}"),
        ("right-to-left mark", "\u{200f}张三"),
        ("zero-width space", "张\u{200b}三"),
        ("zero-width joiner", "张\u{200d}三"),
        ("byte order mark", "\u{feff}张三"),
        ("soft hyphen", "Zhang\u{ad}San"),
        ("variation selector", "张\u{fe0f}三"),
        ("tag character", "张三\u{e0041}"),
        ("line break", "张三\n李四"),
        ("two scripts", "Zhаng"),
        ("emoji", "张三😀"),
        ("two spaces", "Zhang  San"),
    ] {
        println!("{name}");
        let world = with_transfer(128, move |transfer| transfer.creditor_name = bad.to_owned()).await;
        at(&is_refused(&world, Code::BadText).await, 10, 2);
    }
    let world = with_transfer(129, |transfer| transfer.remittance = "货\u{202e}款".to_owned()).await;
    at(&is_refused(&world, Code::BadText).await, 10, 12);
    let world = with_transfer(129, |transfer| transfer.creditor_agent = "银\u{200b}行".to_owned()).await;
    at(&is_refused(&world, Code::BadText).await, 10, 5);
}

#[tokio::test]
async fn bad_exponent() {
    for exponent in [&b"\x63CNY\x08\x00"[..], b"\x63CNY\x08\x03", b"\x63JPY\x08\x02"] {
        let world = World::ready(130).await;
        with_bytes(&world, b"\x63CNY\x08\x02", exponent);
        at(&is_refused(&world, Code::BadExponent).await, 10, 8);
    }
}

#[tokio::test]
async fn unknown_currency() {
    let world = World::ready(131).await;
    with_bytes(&world, b"\x63CNY", b"\x63XXX");
    at(&is_refused(&world, Code::UnknownCurrency).await, 10, 7);
}

#[tokio::test]
async fn bad_check_digits() {
    for (scheme, account) in [
        (Scheme::Iban, "GB82WEST12345698765433"),
        (Scheme::Iban, "GB28WEST12345698765432"),
        (Scheme::Card, "4111111111111112"),
        (Scheme::Card, "1411111111111111"),
    ] {
        let world = with_transfer(132, move |transfer| {
            transfer.scheme = scheme;
            transfer.creditor_account = account.to_owned();
        });
        at(&is_refused(&world.await, Code::BadCheckDigits).await, 10, 3);
    }
}

#[tokio::test]
async fn an_account_with_separators_or_other_digits() {
    for account in ["6217 0012", "６２１７", "6217-0012", "abc"] {
        let world = with_transfer(133, move |transfer| transfer.creditor_account = account.to_owned()).await;
        at(&is_refused(&world, Code::Malformed).await, 10, 3);
    }
}

#[tokio::test]
async fn an_open_order_that_is_adopted_is_verified_too() {
    let world = World::ready(134).await;
    world.bank.lie(|lies| lies.order_signer = Some(stranger(8)));
    is(&world.create().await.unwrap_err(), Code::UnknownOrderKey);
    let adopted = world.client.adopt().await.unwrap();
    assert_eq!(adopted.orders, []);
    is(&adopted.refused[0].1, Code::UnknownOrderKey);
    assert_eq!(world.statuses().await, ["requested"]);
    nothing_executed(&world);
}

#[tokio::test]
async fn an_honest_bank_after_a_lie_makes_one_order() {
    // The lie was on the way, not in the bank: the same request, the same key, one order.
    let world = World::ready(135).await;
    world.bank.answers(|request, mut response| {
        if request.path == "/v1/orders" {
            response.body = zeroize::Zeroizing::new(b"{}".to_vec());
        }
        Ok(response)
    });
    is(&world.create().await.unwrap_err(), Code::BankLied);
    world.bank.repent();
    let resumed = world.client.resume(&world.token, &world.person).await.unwrap();
    assert_eq!(resumed.len(), 1);
    assert!(resumed[0].1.is_ok());
    assert_eq!(world.bank.executed().len(), 1);
    assert_eq!(world.bank.orders(), 2, "the certificate's and this one");
}

#[tokio::test]
async fn a_request_whose_answer_was_lost_finds_its_order_with_a_like_one() {
    let world = World::ready(136).await;
    let lost = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lost);
    world.bank.answers(move |request, response| {
        if request.path != "/v1/orders" {
            return Ok(response);
        }
        *kept.lock().unwrap() = response.body.to_vec();
        Err(Error::new(Code::BankUnreachable))
    });
    is(&world.create().await.unwrap_err(), Code::BankUnreachable);
    world.bank.repent();
    // The bank has made that order, and answers a like request with it.
    let like = ushield_bank_api::Transfer { remittance_text: "other words".to_owned(), ..transfer() };
    let id = world.client.create_transfer(&world.person, None, &like).await.unwrap();
    let resumed = world.client.resume(&world.token, &world.person).await.unwrap();
    assert!(resumed.iter().all(|(of, report)| *of == Some(id) && report.is_ok()), "{resumed:?}");
    assert_eq!(world.statuses().await, ["executed"]);
    assert_eq!(world.bank.executed(), [(id, 1_234_567)]);

    // A request that is asked later than the order that answers it cannot be the one that made it.
    world.clock.advance(1);
    let first = lost.lock().unwrap().clone();
    world.bank.answers(move |request, mut response| {
        if request.path == "/v1/orders" {
            response.body = zeroize::Zeroizing::new(first.clone());
        }
        Ok(response)
    });
    is(&world.create().await.unwrap_err(), Code::BankLied);
    assert_eq!(world.bank.executed().len(), 1);
}
