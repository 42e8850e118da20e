use futures::future::join_all;
use ushield_bank_api::CreatedOrder;
use ushield_protocol::authorization::{About, Uv};
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::key::{Hash, OrderId, Sign as _, sha256};
use ushield_protocol::order::{Amount, Operation, OrderPayload};
use ushield_protocol::receipt::Outcome;
use ushield_protocol::render::{Notices, PaidBefore};

use crate::client::{ACCOUNT, NOW, OTHER_ACCOUNT, World, key, problem, transfer};
use crate::token::{Chain, amount_of, read};

#[tokio::test]
async fn an_approved_transfer_moves_the_money_once() {
    let (world, token, session) = World::with_token().await;
    let order = world.create(&session, &key(), &transfer(12_345)).await;
    let reply = world.answer(&order.order_id, token.approve(order.order.as_bytes())).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Executed, None));
    assert_eq!(world.balance(ACCOUNT).await, 1_000_000 - 12_345);
    let ledger = world.ledger().await;
    let said = ledger.orders.last().unwrap();
    assert_eq!((said.decision, said.executed, said.reason), (Some("approved"), true, None));
    assert_eq!(said.postings.iter().map(|posting| posting.amount).collect::<Vec<_>>(), [-12_345, 12_345]);
    assert_eq!(ledger.balances.values().sum::<i64>(), 0);
}

#[tokio::test]
async fn a_transfer_within_the_bank_reaches_its_account_and_charges_are_booked() {
    let (world, token, session) = World::with_token().await;
    let mut request = transfer(1_000);
    request["creditor_account"] = OTHER_ACCOUNT.into();
    request["creditor_name"] = "wang".into();
    let order = world.create(&session, &key(), &request).await;
    world.answer(&order.order_id, token.approve(order.order.as_bytes())).await;
    let mut request = transfer(2_000);
    request["account_scheme"] = "iban".into();
    request["creditor_account"] = "DE89370400440532013000".into();
    let order = world.create(&session, &key(), &request).await;
    world.answer(&order.order_id, token.approve(order.order.as_bytes())).await;
    let balances = world.ledger().await.balances;
    assert_eq!(balances[ACCOUNT], 1_000_000 - 1_000 - 2_500);
    assert_eq!(balances[OTHER_ACCOUNT], 1_001_000);
    assert_eq!((balances["bank:income:CNY"], balances["bank:clearing:CNY"]), (500, 2_000));
}

#[tokio::test]
async fn sixty_four_at_once_execute_once_and_are_told_the_same() {
    let (world, token, session) = World::with_token().await;
    let order = world.create(&session, &key(), &transfer(500)).await;
    let authorization = token.approve(order.order.as_bytes());
    let replies = join_all((0..64).map(|_| world.answer(&order.order_id, authorization.clone()))).await;
    let mut bodies = Vec::new();
    for reply in replies {
        assert_eq!(reply.status().as_u16(), 200);
        bodies.push(reply.bytes().await.unwrap());
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(world.balance(ACCOUNT).await, 1_000_000 - 500);
    // Much later, after the order's time, the same again.
    world.clock.advance(30 * 86_400);
    let late = world.answer(&order.order_id, authorization).await;
    assert_eq!(late.bytes().await.unwrap(), bodies[0]);
    assert_eq!(world.balance(ACCOUNT).await, 1_000_000 - 500);
}

#[tokio::test]
async fn sixty_four_creations_at_once_make_one_order() {
    let (world, _, session) = World::with_token().await;
    let (key, request) = (key(), transfer(500));
    let replies = join_all((0..64).map(|_| world.create(&session, &key, &request))).await;
    assert!(replies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(world.ledger().await.orders.len(), 2, "the certificate's and this one");
}

#[tokio::test]
async fn a_rejection_ends_the_order_and_moves_nothing() {
    let (world, token, session) = World::with_token().await;
    let order = world.create(&session, &key(), &transfer(500)).await;
    let reply = world.answer(&order.order_id, token.reject(order.order.as_bytes())).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Rejected, None));
    assert_eq!(world.balance(ACCOUNT).await, 1_000_000);
    assert_eq!(world.ledger().await.orders.last().unwrap().decision, Some("rejected"));
    // The approval that follows is another answer.
    let approval = world.answer(&order.order_id, token.approve(order.order.as_bytes())).await;
    assert_eq!(problem(approval).await, (422, Code::OtherAuthorization, None));
    assert_eq!(world.balance(ACCOUNT).await, 1_000_000);
}

/// What leaves no trace: the order is open afterwards, and the honest approval executes it.
async fn leaves_no_trace(
    forge: impl AsyncFn(&World, &crate::token::Token, &CreatedOrder) -> (Vec<u8>, Code),
) {
    let (world, token, session) = World::with_token().await;
    let order = world.create(&session, &key(), &transfer(500)).await;
    let honest = token.approve(order.order.as_bytes());
    let (forged, code) = forge(&world, &token, &order).await;
    assert_eq!(problem(world.answer(&order.order_id, forged).await).await.1, code);
    let ledger = world.ledger().await;
    let said = ledger.orders.iter().find(|said| said.order_id == order.order_id.to_string()).unwrap();
    assert_eq!((said.state.as_str(), said.decision), ("open", None));
    let reply = world.answer(&order.order_id, honest).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Executed, None));
}

#[tokio::test]
async fn a_rejection_offered_as_an_approval_is_refused() {
    leaves_no_trace(async |_, token, order| {
        // The device key, whose word is no, under the tag of a yes.
        let about = token.about(order.order.as_bytes(), &Notices::default(), Uv::Phone);
        let payload = token.payload(about, &token.device_chain);
        (sign1(Tag::Approve, &payload.encode(), &token.device), Code::RejectionAsApproval)
    })
    .await;
    leaves_no_trace(async |_, token, order| {
        // A true rejection, its bytes under the other tag: the signature does not carry over.
        let rejection = token.reject(order.order.as_bytes());
        let message = ushield_protocol::cose::Sign1::parse(&rejection).unwrap();
        let stranger = ushield_protocol::key::SigningKey::from_bytes(&[77; 32]).unwrap();
        (sign1(Tag::Approve, message.payload(), &stranger), Code::BadAuthorization)
    })
    .await;
}

#[tokio::test]
async fn the_pay_key_cannot_reject() {
    leaves_no_trace(async |_, token, order| {
        let about = token.about(order.order.as_bytes(), &Notices::default(), Uv::None);
        let payload = token.payload(about, &std::cell::Cell::new(Chain::START));
        (sign1(Tag::Reject, &payload.encode(), &token.pay), Code::RejectionAsApproval)
    })
    .await;
}

#[tokio::test]
async fn an_authorization_for_another_amount_is_for_no_order() {
    leaves_no_trace(async |_, token, order| {
        // The phone shows the token an order of its own making with the same id.
        let order = read(order.order.as_bytes());
        let Operation::Transfer(mut altered) = order.payload().operation.clone() else { panic!() };
        altered.amount = Amount::new(50_000, altered.amount.currency()).unwrap();
        let payload = OrderPayload { operation: Operation::Transfer(altered), ..order.payload().clone() };
        let forged = payload.sign(&ushield_protocol::key::SigningKey::from_bytes(&[8; 32]).unwrap()).unwrap();
        assert_eq!(amount_of(&forged), 50_000);
        let about = token.about(&forged, &Notices::default(), Uv::Phone);
        let payload = token.payload(about, &std::cell::Cell::new(Chain::START));
        (sign1(Tag::Approve, &payload.encode(), &token.pay), Code::UnknownOrder)
    })
    .await;
}

#[tokio::test]
async fn another_customers_key_approves_nothing() {
    leaves_no_trace(async |world, _, order| {
        let other = world.maker.token(2);
        world.hand_out(&other, "wang").await;
        let wang = world.sign_in("wang").await;
        world.certify(&other, &wang).await;
        (other.approve(order.order.as_bytes()), Code::BadAuthorization)
    })
    .await;
}

#[tokio::test]
async fn an_answer_sent_to_another_order_is_refused() {
    let (world, token, session) = World::with_token().await;
    let one = world.create(&session, &key(), &transfer(500)).await;
    let two = world.create(&session, &key(), &transfer(600)).await;
    let reply = world.answer(&two.order_id, token.approve(one.order.as_bytes())).await;
    assert_eq!(problem(reply).await, (422, Code::BadAuthorization, None));
    assert!(world.ledger().await.orders.iter().skip(1).all(|order| order.state == "open"));
}

#[tokio::test]
async fn garbage_is_refused_and_too_much_of_it_too() {
    leaves_no_trace(async |world, _, order| {
        for garbage in [vec![], vec![0], vec![0x84; 300]] {
            let reply = world.answer(&order.order_id, garbage).await;
            assert_eq!(problem(reply).await, (422, Code::BadAuthorization, None));
        }
        (vec![0; 4097], Code::TooLarge)
    })
    .await;
}

#[tokio::test]
async fn a_high_s_signature_is_refused() {
    leaves_no_trace(async |_, token, order| {
        let about = token.about(order.order.as_bytes(), &Notices::default(), Uv::Phone);
        let mut bytes = sign1(Tag::Approve, &token.payload(about, &token.device_chain).encode(), &token.pay);
        // s' = n - s is as good to ECDSA.
        let at = bytes.len() - 64;
        let signature = p256::ecdsa::Signature::from_slice(&bytes[at..]).unwrap();
        let high = p256::ecdsa::Signature::from_scalars(*signature.r(), -*signature.s()).unwrap();
        bytes[at..].copy_from_slice(&high.to_bytes());
        (bytes, Code::BadAuthorization)
    })
    .await;
}

#[tokio::test]
async fn past_its_time_an_order_expires_by_the_banks_clock() {
    let (world, token, session) = World::with_token().await;
    let order = world.create(&session, &key(), &transfer(500)).await;
    world.clock.advance(901);
    let authorization = token.approve(order.order.as_bytes());
    let reply = world.answer(&order.order_id, authorization.clone()).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Expired, None));
    // Turning the clock back does not revive it.
    world.clock.set(NOW);
    assert_eq!(
        world.outcome(world.answer(&order.order_id, authorization).await).await,
        (Outcome::Expired, None)
    );
    assert_eq!(world.balance(ACCOUNT).await, 1_000_000);
}

#[tokio::test]
async fn a_counter_used_twice_freezes_the_key_and_both_are_on_record() {
    let (world, token, session) = World::with_token().await;
    let orders = [
        world.create(&session, &key(), &transfer(100)).await,
        world.create(&session, &key(), &transfer(200)).await,
        world.create(&session, &key(), &transfer(300)).await,
    ];
    let [one, two, three] = orders.each_ref().map(|order| order.order.as_bytes());
    let start = token.pay_chain.get();
    let first = token.approve(one);
    let honest = token.pay_chain.replace(start);
    let clone = token.approve(two);
    token.pay_chain.set(honest);
    assert_eq!(world.outcome(world.answer(&orders[0].order_id, first).await).await.0, Outcome::Executed);
    let frozen = (Outcome::Refused, Some(Code::KeyFrozen));
    assert_eq!(world.outcome(world.answer(&orders[1].order_id, clone.clone()).await).await, frozen);
    // From then on the key approves nothing; what was decided stays decided.
    let reply = world.answer(&orders[2].order_id, token.approve(three)).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Refused, Some(Code::KeyNotActive)));
    assert_eq!(world.outcome(world.answer(&orders[1].order_id, clone).await).await, frozen);
    assert_eq!(world.balance(ACCOUNT).await, 1_000_000 - 100);
    let reply = world.try_create(&session, &key(), &transfer(400)).await;
    assert_eq!(problem(reply).await, (409, Code::KeyNotActive, None));
    assert_eq!(world.ledger().await.orders[2].decision, Some("approved"));
}

#[tokio::test]
async fn a_counter_below_the_orders_watermark_freezes_the_key() {
    let (world, token, session) = World::with_token().await;
    let one = world.create(&session, &key(), &transfer(100)).await;
    token.pay_chain.set(Chain { counter: 6, previous: Hash::from([6; 32]) });
    world.answer(&one.order_id, token.approve(one.order.as_bytes())).await;
    // Ordered after counter 7 was seen, signed with counter 3: by an old copy of the token.
    let two = world.create(&session, &key(), &transfer(200)).await;
    token.pay_chain.set(Chain { counter: 2, previous: Hash::from([2; 32]) });
    let reply = world.answer(&two.order_id, token.approve(two.order.as_bytes())).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Refused, Some(Code::KeyFrozen)));
}

#[tokio::test]
async fn gaps_and_late_arrivals_are_no_offence() {
    let (world, token, session) = World::with_token().await;
    let orders = [
        world.create(&session, &key(), &transfer(100)).await,
        world.create(&session, &key(), &transfer(200)).await,
        world.create(&session, &key(), &transfer(300)).await,
    ];
    let answers = orders.each_ref().map(|order| token.approve(order.order.as_bytes()));
    for at in [2, 0, 1] {
        let reply = world.answer(&orders[at].order_id, answers[at].clone()).await;
        assert_eq!(world.outcome(reply).await, (Outcome::Executed, None), "{at}");
    }
}

#[tokio::test]
async fn other_pages_or_no_pin_are_refused_with_the_reason() {
    type Lie = fn(About) -> About;
    let cases: [(Lie, Code); 5] = [
        (|about| About { pages: Hash::from([1; 32]), ..about }, Code::PagesDiffer),
        (|about| About { page_count: about.page_count + 1, ..about }, Code::PagesDiffer),
        (|about| About { profile: 2, ..about }, Code::PagesDiffer),
        (|about| About { operation: 5, ..about }, Code::PagesDiffer),
        (|about| About { uv: Uv::None, ..about }, Code::PinPolicy),
    ];
    for (lie, code) in cases {
        let (world, token, session) = World::with_token().await;
        let order = world.create(&session, &key(), &transfer(500)).await;
        let about = lie(token.about(order.order.as_bytes(), &Notices::default(), Uv::Phone));
        let payload = token.payload(about, &token.pay_chain);
        let bytes = sign1(Tag::Approve, &payload.encode(), &token.pay);
        let reply = world.answer(&order.order_id, bytes).await;
        assert_eq!(world.outcome(reply).await, (Outcome::Refused, Some(code)));
        assert_eq!(world.balance(ACCOUNT).await, 1_000_000);
    }
}

#[tokio::test]
async fn the_paid_before_warning_is_accepted_when_it_is_true() {
    let (world, token, session) = World::with_token().await;
    let one = world.create(&session, &key(), &transfer(500)).await;
    world.answer(&one.order_id, token.approve(one.order.as_bytes())).await;
    world.clock.advance(180);
    let two = world.create(&session, &key(), &transfer(500)).await;
    let warned = |order, issued| Notices { paid_before: Some(PaidBefore { order, issued }) };
    let reply = world
        .answer(&two.order_id, token.approve_with(two.order.as_bytes(), &warned(one.order_id, NOW)))
        .await;
    assert_eq!(world.outcome(reply).await, (Outcome::Executed, None));
    // A warning that names an order of another amount is a page that the bank does not know.
    let three = world.create(&session, &key(), &transfer(600)).await;
    let lie = token.approve_with(three.order.as_bytes(), &warned(one.order_id, NOW));
    let reply = world.answer(&three.order_id, lie).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Refused, Some(Code::PagesDiffer)));
}

#[tokio::test]
async fn a_warning_about_an_approval_that_was_kept_back_is_accepted() {
    let (world, token, session) = World::with_token().await;
    let one = world.create(&session, &key(), &transfer(500)).await;
    // Approved on the token, cancelled on the phone: the bank never sees the approval.
    token.approve(one.order.as_bytes());
    world.cancel(&session, &one.order_id).await;
    let two = world.create(&session, &key(), &transfer(500)).await;
    let notices = Notices { paid_before: Some(PaidBefore { order: one.order_id, issued: NOW }) };
    let reply = world.answer(&two.order_id, token.approve_with(two.order.as_bytes(), &notices)).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Executed, None));
}

/// However many like orders came between, a warning that is true is accepted.
#[tokio::test]
async fn a_true_warning_about_an_old_order_among_many_is_accepted() {
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
    let (world, token, session) = World::with_token().await;
    let one = world.create(&session, &key(), &transfer(500)).await;
    world.answer(&one.order_id, token.approve(one.order.as_bytes())).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.data().join("bank.sqlite"));
    let mut db = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let like = "customer, device_id, key_id, operation, profile, expires, key_watermark, device_watermark,
        debtor_account, creditor_account, scheme, currency, amount, bytes";
    for number in 0..250u8 {
        let mut id = [number; 16];
        id[0] = !number;
        let id = ushield_protocol::key::hex(OrderId::from_random(id).as_bytes());
        let sql = format!(
            "INSERT INTO orders (order_id, order_hash, issued, state, {like})
             SELECT x'{id}', randomblob(32), issued + 1, 'open', {like} FROM orders WHERE amount = 500 AND state = 'executed'"
        );
        db.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    db.execute("UPDATE orders SET state = 'cancelled' WHERE state = 'open'").await.unwrap();
    world.clock.advance(180);
    let two = world.create(&session, &key(), &transfer(500)).await;
    let notices = Notices { paid_before: Some(PaidBefore { order: one.order_id, issued: NOW }) };
    let reply = world.answer(&two.order_id, token.approve_with(two.order.as_bytes(), &notices)).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Executed, None));
}

#[tokio::test]
async fn money_that_is_gone_is_not_spent_again() {
    let (world, token, session) = World::with_token().await;
    let one = world.create(&session, &key(), &transfer(900_000)).await;
    let two = world.create(&session, &key(), &transfer(800_000)).await;
    world.answer(&one.order_id, token.approve(one.order.as_bytes())).await;
    let reply = world.answer(&two.order_id, token.approve(two.order.as_bytes())).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Refused, Some(Code::InsufficientFunds)));
    assert_eq!(world.balance(ACCOUNT).await, 100_000);
}

#[tokio::test]
async fn a_second_signature_over_the_same_payload_is_the_same_answer() {
    let (world, token, session) = World::with_token().await;
    let order = world.create(&session, &key(), &transfer(500)).await;
    let about = token.about(order.order.as_bytes(), &Notices::default(), Uv::Phone);
    let payload = token.payload(about, &token.pay_chain).encode();
    let first = world.answer(&order.order_id, sign1(Tag::Approve, &payload, &token.pay)).await;
    let first = first.bytes().await.unwrap();
    // Whatever the signature: the payload is on record, and its reply with it.
    let mut again = sign1(Tag::Approve, &payload, &token.pay);
    let at = again.len() - 40;
    again[at] ^= 1;
    let second = world.answer(&order.order_id, again).await;
    assert_eq!(second.bytes().await.unwrap(), first);
    assert_eq!(token.pay_chain.get().previous, sha256(&[&payload]));
    assert_eq!(token.pay.public_key().key_id().to_string().len(), 32);
}
