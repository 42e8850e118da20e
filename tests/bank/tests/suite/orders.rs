use serde_json::json;
use ushield_bank_api::{CreatedOrder, Order, OrderState, Orders, route};
use ushield_protocol::bank_key::Purpose;
use ushield_protocol::code::Code;
use ushield_protocol::key::P256Verifier;
use ushield_protocol::order::{self, Operation};
use ushield_protocol::receipt::{Outcome, Receipt};

use crate::client::{ACCOUNT, NOW, OTHER_ACCOUNT, World, certificate_request, key, problem, transfer};
use crate::token::read;

#[tokio::test]
async fn an_order_is_signed_by_a_key_that_the_root_vouches_for() {
    let (world, token, session) = World::with_token().await;
    let created = world.create(&session, &key(), &transfer(12_345)).await;
    let bank_key = world.bank_key(Purpose::TRANSFER).await;
    let received = order::Order::receive(created.order.as_bytes()).unwrap();
    let order = received.verify(&bank_key, &P256Verifier).unwrap();
    let payload = order.payload();
    assert_eq!((payload.issued, payload.expires), (NOW, NOW + 900));
    assert_eq!(order.id(), created.order_id);
    assert!(payload.addressee.is_key(&ushield_protocol::key::Sign::public_key(&token.pay).key_id()));
    let Operation::Transfer(transfer) = &payload.operation else { panic!("a transfer") };
    assert_eq!((transfer.amount.minor(), transfer.charges), (12_345, None));
    // Another purpose's key does not verify it.
    let other = world.bank_key(Purpose::CERTIFICATE_DOWNLOAD).await;
    let received = order::Order::receive(created.order.as_bytes()).unwrap();
    assert!(received.verify(&other, &P256Verifier).is_err());
}

#[tokio::test]
async fn the_same_key_has_the_same_reply_and_never_another_order() {
    let (world, _, session) = World::with_token().await;
    let key = key();
    let first = world.try_create(&session, &key, &transfer(100)).await;
    assert_eq!(first.status().as_u16(), 201);
    let first = first.bytes().await.unwrap();
    world.clock.advance(600);
    let again = world.try_create(&session, &key, &transfer(100)).await;
    assert_eq!(again.status().as_u16(), 201);
    assert_eq!(again.bytes().await.unwrap(), first);
    let other = world.try_create(&session, &key, &transfer(101)).await;
    assert_eq!(problem(other).await, (422, Code::OtherRequest, None));
    assert_eq!(world.ledger().await.orders.len(), 2);
    // The key is the customer's own: another customer's is another key.
    let token = world.maker.token(2);
    world.hand_out(&token, "wang").await;
    let wang = world.sign_in("wang").await;
    world.certify(&token, &wang).await;
    let mut request = transfer(100);
    request["debtor_account"] = json!(OTHER_ACCOUNT);
    assert!(world.create(&wang, &key, &request).await.created);
}

#[tokio::test]
async fn a_key_is_needed_and_is_a_uuid() {
    let (world, _, session) = World::with_token().await;
    let refused = (400, Code::BadRequest, Some("Idempotency-Key".to_owned()));
    assert_eq!(problem(world.try_create(&session, "1", &transfer(1)).await).await, refused);
    let post = world.http.post(world.url(route::ORDERS)).bearer_auth(&session).json(&transfer(1));
    assert_eq!(problem(post.send().await.unwrap()).await, refused);
}

#[tokio::test]
async fn an_open_order_with_the_same_four_values_is_the_answer() {
    let (world, _, session) = World::with_token().await;
    let first = world.create(&session, &key(), &transfer(100)).await;
    let reply = world.try_create(&session, &key(), &transfer(100)).await;
    assert_eq!(reply.status().as_u16(), 200);
    let twin: CreatedOrder = reply.json().await.unwrap();
    assert!(!twin.created);
    assert_eq!((twin.order_id, &twin.order), (first.order_id, &first.order));
    // Beside it: named, and shown on the token.
    let mut beside = transfer(100);
    beside["beside"] = json!(first.order_id.to_string());
    let second = world.create(&session, &key(), &beside).await;
    assert!(second.created);
    let Operation::Transfer(said) = &read(second.order.as_bytes()).payload().operation.clone() else {
        panic!()
    };
    assert_eq!(said.beside, Some(first.order_id));
    // An ended one is nothing to stand beside.
    for order in [&first, &second] {
        world.cancel(&session, &order.order_id).await;
    }
    let reply = world.try_create(&session, &key(), &beside).await;
    assert_eq!(problem(reply).await, (400, Code::BadInput, Some("beside".to_owned())));
    assert!(world.create(&session, &key(), &transfer(100)).await.created);
}

#[tokio::test]
async fn an_expired_twin_does_not_stand_in_the_way() {
    let (world, _, session) = World::with_token().await;
    let first = world.create(&session, &key(), &transfer(100)).await;
    world.clock.advance(901);
    let session = world.sign_in("li").await;
    let second = world.create(&session, &key(), &transfer(100)).await;
    assert!(second.created && second.order_id != first.order_id);
}

#[tokio::test]
async fn bad_input_names_its_field_and_leaves_no_order() {
    let (world, _, session) = World::with_token().await;
    let cases = [
        ("creditor_name", json!("张\u{202e}伟"), 422, Code::BadText),
        ("creditor_name", json!("张\u{200b}伟"), 422, Code::BadText),
        ("creditor_name", json!(""), 400, Code::BadInput),
        ("creditor_name", json!("字".repeat(47)), 400, Code::BadInput),
        ("creditor_name", json!("A".repeat(25)), 422, Code::Unshowable),
        ("remittance_text", json!("two  spaces"), 422, Code::BadText),
        ("creditor_agent", json!("\u{430}bank"), 422, Code::BadText),
        ("amount", json!(0), 400, Code::BadInput),
        ("amount", json!(1_000_000_000_000_000u64), 400, Code::BadInput),
        ("currency", json!("XXX"), 422, Code::UnknownCurrency),
        ("currency", json!("USD"), 400, Code::BadInput),
        ("creditor_account", json!("6217 0000"), 400, Code::BadInput),
        ("creditor_account", json!(ACCOUNT), 400, Code::BadInput),
        ("debtor_account", json!(OTHER_ACCOUNT), 404, Code::UnknownAccount),
        ("execution_date", json!(20_301_231), 400, Code::BadInput),
        ("amount", json!(1_000_001), 422, Code::InsufficientFunds),
    ];
    for (field, value, status, code) in cases {
        let mut request = transfer(100);
        request[field] = value.clone();
        let reply = world.try_create(&session, &key(), &request).await;
        assert_eq!(problem(reply).await, (status, code, Some(field.to_owned())), "{field} {value}");
    }
    for (scheme, account) in [("iban", "DE89370400440532013001"), ("card", "4111111111111112")] {
        let mut request = transfer(100);
        request["account_scheme"] = json!(scheme);
        request["creditor_account"] = json!(account);
        let reply = world.try_create(&session, &key(), &request).await;
        assert_eq!(problem(reply).await, (422, Code::BadCheckDigits, Some("creditor_account".to_owned())));
    }
    for request in [json!({}), json!({"operation": "transfer"}), json!([])] {
        assert_eq!(problem(world.try_create(&session, &key(), &request).await).await.1, Code::BadRequest);
    }
    assert_eq!(world.ledger().await.orders.len(), 1, "only the certificate's");
}

#[tokio::test]
async fn without_a_token_or_a_certificate_there_is_no_transfer() {
    let world = World::new().await;
    let session = world.sign_in("li").await;
    let reply = world.try_create(&session, &key(), &transfer(1)).await;
    assert_eq!(problem(reply).await, (409, Code::NoToken, None));
    world.hand_out(&world.maker.token(1), "li").await;
    let reply = world.try_create(&session, &key(), &transfer(1)).await;
    assert_eq!(problem(reply).await, (409, Code::NoCertificate, None));
}

/// A customer with two tokens says which one; every reply says whose order it is.
#[tokio::test]
async fn a_named_token_gets_the_order_and_replies_say_whose_it_is() {
    let (world, first, session) = World::with_token().await;
    let second = world.maker.token(2);
    world.hand_out(&second, "li").await;
    let of = |mut request: serde_json::Value, device: &str| {
        request["device_id"] = json!(device);
        request
    };
    let (first_id, second_id) = (first.id.to_string(), second.id.to_string());
    // The named token, although another one has a certificate; nothing is chosen in its place.
    let reply = world.try_create(&session, &key(), &of(transfer(100), &second_id)).await;
    assert_eq!(problem(reply).await, (409, Code::NoCertificate, None));
    let reply = world.try_create(&session, &key(), &of(certificate_request(), &first_id)).await;
    assert_eq!(problem(reply).await, (409, Code::CertificateExists, Some("role".to_owned())));
    let created = world.create(&session, &key(), &of(certificate_request(), &second_id)).await;
    assert_eq!(created.device_id, second_id);
    world.answer(&created.order_id, second.attest(created.order.as_bytes())).await;
    for (number, token, device) in [(1, &first, &first_id), (2, &second, &second_id)] {
        let created = world.create(&session, &key(), &of(transfer(100 * number), device)).await;
        assert_eq!((&created.device_id, created.created), (device, true));
        let pay = ushield_protocol::key::Sign::public_key(&token.pay).key_id();
        assert!(read(created.order.as_bytes()).payload().addressee.is_key(&pay));
        let one: Order = world.get(&session, &route::order(&created.order_id)).await.json().await.unwrap();
        assert_eq!(&one.device_id, device);
        let all: Orders = world.get(&session, route::OPEN_ORDERS).await.json().await.unwrap();
        assert!(all.orders.iter().any(|o| o.order_id == created.order_id && &o.device_id == device));
    }
    // The same payment again, through the other token: the open order comes back, and says whose it is.
    let twin = world.create(&session, &key(), &of(transfer(100), &second_id)).await;
    assert_eq!((&twin.device_id, twin.created), (&first_id, false));
}

#[tokio::test]
async fn a_token_that_is_not_the_customers_gets_no_order() {
    let (world, _, session) = World::with_token().await;
    let wangs = world.maker.token(2);
    world.hand_out(&wangs, "wang").await;
    for request in [transfer(100), certificate_request()] {
        for device in [wangs.id.to_string(), "ef".repeat(16)] {
            let mut request = request.clone();
            request["device_id"] = json!(device);
            let reply = world.try_create(&session, &key(), &request).await;
            assert_eq!(problem(reply).await, (409, Code::NoToken, Some("device_id".to_owned())));
        }
        for device in ["EF".repeat(16), "ef".repeat(15), "+f".repeat(16), String::new()] {
            let mut request = request.clone();
            request["device_id"] = json!(device);
            let reply = world.try_create(&session, &key(), &request).await;
            assert_eq!(problem(reply).await, (400, Code::BadInput, Some("device_id".to_owned())));
        }
    }
}

#[tokio::test]
async fn open_orders_are_listed_and_others_orders_do_not_exist() {
    let (world, _, session) = World::with_token().await;
    let created = world.create(&session, &key(), &transfer(100)).await;
    let orders: Orders = world.get(&session, route::OPEN_ORDERS).await.json().await.unwrap();
    assert_eq!(orders.orders.iter().map(|order| order.order_id).collect::<Vec<_>>(), [created.order_id]);
    let all: Orders = world.get(&session, route::ORDERS).await.json().await.unwrap();
    assert_eq!(all.orders.len(), 2);
    let one: Order = world.get(&session, &route::order(&created.order_id)).await.json().await.unwrap();
    assert_eq!((one.state, one.receipt), (OrderState::Open, None));
    let wang = world.sign_in("wang").await;
    for reply in [
        world.get(&wang, &route::order(&created.order_id)).await,
        world.cancel(&wang, &created.order_id).await,
    ] {
        assert_eq!(problem(reply).await, (404, Code::UnknownOrder, None));
    }
}

#[tokio::test]
async fn a_cancelled_order_has_one_receipt_for_ever() {
    let (world, token, session) = World::with_token().await;
    let created = world.create(&session, &key(), &transfer(100)).await;
    let reply = world.cancel(&session, &created.order_id).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Cancelled, None));
    let once: Order = world.get(&session, &route::order(&created.order_id)).await.json().await.unwrap();
    world.clock.advance(60);
    world.cancel(&session, &created.order_id).await;
    let again: Order = world.get(&session, &route::order(&created.order_id)).await.json().await.unwrap();
    assert_eq!(once, again);
    // A late authorization gets that receipt, and nothing moves.
    let late = world.answer(&created.order_id, token.approve(created.order.as_bytes())).await;
    assert_eq!(world.outcome(late).await, (Outcome::Cancelled, None));
    assert_eq!(world.balance(ACCOUNT).await, 1_000_000);
}

#[tokio::test]
async fn cancelling_an_executed_order_returns_its_receipt() {
    let (world, token, session) = World::with_token().await;
    let created = world.create(&session, &key(), &transfer(100)).await;
    world.answer(&created.order_id, token.approve(created.order.as_bytes())).await;
    let reply = world.cancel(&session, &created.order_id).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Executed, None));
}

#[tokio::test]
async fn the_sweep_ends_what_has_expired_with_a_receipt() {
    let (world, _, session) = World::with_token().await;
    let created = world.create(&session, &key(), &transfer(100)).await;
    world.clock.advance(900);
    assert_eq!(world.bank.sweep().await.unwrap(), 0, "the last second still counts");
    world.clock.advance(1);
    world.bank.sweep().await.unwrap();
    let session = world.sign_in("li").await;
    let order: Order = world.get(&session, &route::order(&created.order_id)).await.json().await.unwrap();
    assert_eq!(order.state, OrderState::Expired);
    assert_eq!(
        world.outcome(world.cancel(&session, &created.order_id).await).await,
        (Outcome::Expired, None)
    );
}

/// What was signed before a renewal verifies after it, for as long as an order can live.
#[tokio::test]
async fn orders_and_receipts_from_before_a_renewal_verify_after_it() {
    const DAY: u64 = 86_400;
    let (world, token, _) = World::with_token().await;
    world.clock.advance(74 * DAY);
    let session = world.sign_in("li").await;
    let created = world.create(&session, &key(), &transfer(100)).await;
    let reply = world.answer(&created.order_id, token.approve(created.order.as_bytes())).await;
    let reply: ushield_bank_api::AuthorizationReply = reply.json().await.unwrap();
    // The number of statements for transfers, after the epochs fell and nothing came twice; and whether both verify.
    let look = async || {
        let keys = world.bank_keys().await;
        assert!(keys.is_sorted_by(|a, b| a.epoch >= b.epoch), "newest first");
        let order = |key| {
            let received = order::Order::receive(created.order.as_bytes()).unwrap();
            received.verify(key, &P256Verifier).is_ok()
        };
        let receipt = |key| Receipt::verify(reply.receipt.as_bytes(), key, &P256Verifier).is_ok();
        let transfer = keys.iter().filter(|key| key.allows(Purpose::TRANSFER)).count();
        (transfer, keys.iter().any(order), keys.iter().any(receipt))
    };
    assert_eq!(look().await, (1, true, true));
    world.clock.advance(2 * DAY);
    world.bank.sweep().await.unwrap();
    assert_eq!(look().await, (2, true, true));
    // The first ends 90 days after it began, a quarter of an hour before the bank did.
    world.clock.set(NOW - 900 + 90 * DAY + 30 * DAY);
    assert_eq!(look().await, (2, true, true));
    world.clock.advance(1);
    // A receipt names no statement: any of the same key verifies it.
    assert_eq!(look().await, (1, false, true));
}

/// The twin is found by debtor account, creditor account, currency and amount: the scheme is not among them.
#[tokio::test]
async fn an_open_order_is_found_whatever_the_scheme() {
    let (world, _, session) = World::with_token().await;
    let mut request = transfer(100);
    request["creditor_account"] = json!("4111111111111111");
    let first = world.create(&session, &key(), &request).await;
    request["account_scheme"] = json!("card");
    request["creditor_name"] = json!("李四");
    let twin = world.create(&session, &key(), &request).await;
    assert_eq!((twin.created, twin.order_id), (false, first.order_id));
    request["amount"] = json!(101);
    assert!(world.create(&session, &key(), &request).await.created);
}

#[tokio::test]
async fn statements_are_renewed_before_they_run_out() {
    let (world, _, _) = World::with_token().await;
    let first = world.bank_key(Purpose::TRANSFER).await;
    world.clock.advance(80 * 86_400);
    world.bank.sweep().await.unwrap();
    let second = world.bank_key(Purpose::TRANSFER).await;
    assert_eq!((first.epoch, second.epoch, first.key), (1, 2, second.key));
    assert!(second.is_valid_at(NOW + 80 * 86_400));
}
