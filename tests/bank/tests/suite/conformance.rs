//! What must be so wherever the bank's decisions live: every request goes to the server and to the model.

use serde_json::{Value, json};
use ushield_bank_api::route;
use ushield_protocol::authorization::{About, Uv};
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::key::{Hash, OrderId};
use ushield_protocol::order::Operation;
use ushield_protocol::planted::Bug;
use ushield_protocol::render::Notices;

use crate::client::{ACCOUNT, OTHER_ACCOUNT, PASSWORD, certificate_request, transfer};
use crate::homes::{Ask, Dice, Homes, created, problem};
use crate::planted::Planted;
use crate::token::{Chain, Token, read};

#[tokio::test]
async fn sessions_and_requests() {
    let mut homes = Homes::new(1).await;
    for left in [4, 3, 2, 1, 0] {
        let reply = homes.try_sign_in("li", "wrong password").await;
        assert_eq!(problem(&reply).1, Code::WrongPassword);
        let said: ushield_bank_api::Problem = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(said.tries_left, Some(left));
    }
    assert_eq!(problem(&homes.try_sign_in("li", PASSWORD).await).0, 429);
    homes.advance(30);
    let session = homes.sign_in("li").await;
    assert_eq!(problem(&homes.try_sign_in("nobody", PASSWORD).await).0, 401);
    homes.advance(86_401);
    let reply = homes.try_sign_in("nobody", PASSWORD).await;
    let said: ushield_bank_api::Problem = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(said.tries_left, Some(4), "forgotten after a day");
    assert_eq!(problem(&homes.get(&session, route::ACCOUNTS).await).1, Code::NotSignedIn);
    let session = homes.sign_in("li").await;
    for path in [route::ACCOUNTS, route::ORDERS, route::OPEN_ORDERS, route::CERTIFICATES, "/v1/orders?"] {
        assert_eq!(homes.get(&session, path).await.status, 200, "{path}");
        assert_eq!(problem(&homes.send(Ask::get(path)).await).0, 401);
        assert_eq!(problem(&homes.get("made-up", path).await).0, 401);
    }
    for path in [route::BANK, route::HEALTH, route::OPENAPI, "/v1/bank?x=y"] {
        assert_eq!(homes.send(Ask::get(path)).await.status, 200, "{path}");
    }
    let id = OrderId::from_random([1; 16]);
    for path in
        ["/", "/v1/nothing", "/v1/orders/", "/v1/orders/a/b", "/v1/bank/", &format!("/v1/orders/{id}/x")]
    {
        assert_eq!(problem(&homes.get(&session, path).await).0, 404, "{path}");
    }
    for ask in [
        Ask::post(route::BANK, vec![]),
        Ask::get(route::SESSIONS),
        Ask::get(&route::cancel(&id)),
        Ask::post(&route::order(&id), vec![]),
    ] {
        assert_eq!(problem(&homes.send(ask).await).0, 405);
    }
    for ask in [
        Ask::get("/v1/orders?state=closed").of(&session),
        Ask::get("/v1/orders/not-an-id").of(&session),
        Ask::post("/v1/orders/not-an-id/cancel", vec![]).of(&session),
        Ask::post(&route::authorization(&id), vec![]),
        Ask::post(route::SESSIONS, b"{".to_vec()),
        Ask::post(route::SESSIONS, br#"{"customer":"li","password":1}"#.to_vec()),
        Ask::post(route::ORDERS, transfer(1).to_string().into_bytes()).of(&session),
        Ask::post(route::ORDERS, transfer(1).to_string().into_bytes()).of(&session).keyed("1"),
    ] {
        assert_eq!(problem(&homes.send(ask).await).0, 400);
    }
    for ask in [
        Ask::post(route::SESSIONS, vec![b' '; route::MAX_REQUEST + 1]),
        Ask::post(route::ORDERS, vec![b' '; route::MAX_REQUEST + 1]),
        Ask::post(&route::authorization(&id), vec![0; route::MAX_ANSWER + 1]).kind(route::COSE),
    ] {
        assert_eq!(problem(&homes.send(ask).await).0, 413);
    }
    println!("sessions and requests: {} requests, replies {:?}", homes.sent, homes.replies);
}

#[tokio::test]
async fn creation() {
    let (mut homes, token, session) = Homes::with_token(2).await;
    let key = homes.key();
    let first = homes.try_create(&session, &key, &transfer(100)).await;
    assert_eq!(first.status, 201);
    homes.advance(10);
    assert_eq!(homes.try_create(&session, &key, &transfer(100)).await, first, "replayed");
    let quoted = format!("\"{}\"", key.to_uppercase());
    assert_eq!(homes.try_create(&session, &quoted, &transfer(100)).await, first, "the same UUID");
    let reply = homes.try_create(&session, &key, &transfer(101)).await;
    assert_eq!(problem(&reply), (422, Code::OtherRequest, None));
    let first = created(&first);
    // The twin, whatever the name and the token; then beside it.
    let mut renamed = transfer(100);
    renamed["creditor_name"] = json!("李四");
    let twin_key = homes.key();
    let twin = homes.try_create(&session, &twin_key, &renamed).await;
    assert_eq!((twin.status, created(&twin).order_id), (200, first.order_id));
    assert_eq!(homes.try_create(&session, &twin_key, &renamed).await, twin);
    let mut beside = transfer(100);
    beside["beside"] = json!(first.order_id.to_string());
    let second = homes.create(&session, &beside).await;
    assert!(second.created);
    // Two are open: the newer one is the answer, and the older one is none to stand beside.
    assert_eq!(homes.create(&session, &transfer(100)).await.order_id, second.order_id);
    assert_eq!(homes.create(&session, &beside).await.order_id, second.order_id);
    for order in [&first, &second] {
        assert_eq!(homes.cancel(&session, &order.order_id).await.status, 200);
    }
    let key = homes.key();
    let reply = homes.try_create(&session, &key, &beside).await;
    assert_eq!(problem(&reply), (400, Code::BadInput, Some("beside".to_owned())));
    // Expired and not swept yet: no twin any more.
    let expiring = homes.create(&session, &transfer(100)).await;
    homes.advance(901);
    let session = homes.sign_in("li").await;
    let next = homes.create(&session, &transfer(100)).await;
    assert!(next.created && next.order_id != expiring.order_id);
    let bad = [
        ("creditor_name", json!("张\u{202e}伟"), 422, Code::BadText),
        ("creditor_name", json!("A".repeat(25)), 422, Code::Unshowable),
        ("amount", json!(0), 400, Code::BadInput),
        ("amount", json!(u64::MAX), 400, Code::BadInput),
        ("amount", json!(1_000_001), 422, Code::InsufficientFunds),
        ("amount", json!(999_999_999_999_999u64), 422, Code::InsufficientFunds),
        ("currency", json!("XXX"), 422, Code::UnknownCurrency),
        ("currency", json!("USD"), 400, Code::BadInput),
        ("creditor_account", json!(ACCOUNT), 400, Code::BadInput),
        ("creditor_account", json!("6217 0000"), 400, Code::BadInput),
        ("debtor_account", json!(OTHER_ACCOUNT), 404, Code::UnknownAccount),
        ("debtor_account", json!("bank:clearing:CNY"), 404, Code::UnknownAccount),
        ("device_id", json!("zz"), 400, Code::BadInput),
        ("device_id", json!("ef".repeat(16)), 409, Code::NoToken),
        ("execution_date", json!(20_301_231), 400, Code::BadInput),
    ];
    for (field, value, status, code) in bad {
        let mut request = transfer(103);
        request[field] = value.clone();
        let key = homes.key();
        let reply = homes.try_create(&session, &key, &request).await;
        assert_eq!(problem(&reply), (status, code, Some(field.to_owned())), "{field} {value}");
    }
    let key = homes.key();
    let mut request = transfer(100);
    request["account_scheme"] = json!("iban");
    request["creditor_account"] = json!("DE89370400440532013001");
    assert_eq!(problem(&homes.try_create(&session, &key, &request).await).1, Code::BadCheckDigits);
    // Name checks within the bank.
    for (name, amount) in [("wang", 7), ("WA NG", 8), ("Li", 9)] {
        let mut request = transfer(amount);
        request["creditor_account"] = json!(OTHER_ACCOUNT);
        request["creditor_name"] = json!(name);
        assert!(homes.create(&session, &request).await.created);
    }
    assert_eq!(token.id.to_string(), next.device_id);
    homes.same_books().await;
    println!("creation: {} requests, replies {:?}", homes.sent, homes.replies);
}

fn of_token(mut request: Value, token: &Token) -> Value {
    request["device_id"] = json!(token.id.to_string());
    request
}

#[tokio::test]
async fn addressees() {
    let mut homes = Homes::new(3).await;
    let session = homes.sign_in("li").await;
    let refused = async |homes: &mut Homes, request: &Value, code| {
        let key = homes.key();
        assert_eq!(problem(&homes.try_create(&session, &key, request).await).1, code);
    };
    refused(&mut homes, &transfer(1), Code::NoToken).await;
    refused(&mut homes, &certificate_request(), Code::NoToken).await;
    let one = homes.hand_out(1, "li").await;
    let other = homes.hand_out(9, "wang").await;
    refused(&mut homes, &transfer(1), Code::NoCertificate).await;
    refused(&mut homes, &of_token(transfer(1), &other), Code::NoToken).await;
    refused(&mut homes, &of_token(certificate_request(), &other), Code::NoToken).await;
    homes.certify(&one, &session).await;
    refused(&mut homes, &certificate_request(), Code::CertificateExists).await;
    // A second token: the one that can pay is chosen, unless the other one is named.
    homes.advance(1);
    let two = homes.hand_out(2, "li").await;
    refused(&mut homes, &of_token(transfer(1), &two), Code::NoCertificate).await;
    assert_eq!(homes.create(&session, &transfer(1)).await.device_id, one.id.to_string());
    assert_eq!(homes.create(&session, &certificate_request()).await.device_id, two.id.to_string());
    homes.advance(1);
    homes.certify(&two, &session).await;
    // The newest certificate; of a login, the newest token.
    assert_eq!(homes.create(&session, &transfer(2)).await.device_id, two.id.to_string());
    let login = json!({ "operation": "certificate-download", "role": "login" });
    assert_eq!(homes.create(&session, &login).await.device_id, two.id.to_string());
    let listed = homes.get(&session, route::CERTIFICATES).await;
    let listed: ushield_bank_api::Certificates = serde_json::from_slice(&listed.body).unwrap();
    assert_eq!(listed.certificates.len(), 2);
    // Frozen: the other one pays.
    let order = homes.create(&session, &of_token(transfer(3), &two)).await;
    two.pay_chain.set(Chain { counter: 4, previous: Hash::ZERO });
    homes.answer(&order.order_id, two.approve(order.order.as_bytes())).await;
    assert_eq!(homes.state(&order.order_id), "refused");
    assert_eq!(homes.create(&session, &transfer(4)).await.device_id, one.id.to_string());
    refused(&mut homes, &of_token(transfer(5), &two), Code::KeyNotActive).await;
    homes.get(&session, route::CERTIFICATES).await;
    homes.same_books().await;
    println!("addressees: {} requests, replies {:?}", homes.sent, homes.replies);
}

#[tokio::test]
async fn answers() {
    let (mut homes, token, session) = Homes::with_token(4).await;
    // Executed, and the same again.
    let order = homes.create(&session, &transfer(500)).await;
    let approval = token.approve(order.order.as_bytes());
    let reply = homes.answer(&order.order_id, approval.clone()).await;
    assert_eq!((reply.status, homes.state(&order.order_id).as_str()), (200, "executed"));
    homes.advance(60 * 86_400);
    assert_eq!(homes.answer(&order.order_id, approval).await, reply, "repeated, much later");
    let other = token.approve(order.order.as_bytes());
    let reply = homes.answer(&order.order_id, other.clone()).await;
    assert_eq!(problem(&reply), (422, Code::OtherAuthorization, None));
    assert_eq!(homes.answer(&order.order_id, other).await, reply);
    // Rejected; the approval after it is another answer.
    let session = homes.sign_in("li").await;
    let order = homes.create(&session, &transfer(500)).await;
    homes.answer(&order.order_id, token.reject(order.order.as_bytes())).await;
    assert_eq!(homes.state(&order.order_id), "rejected");
    let late = token.approve(order.order.as_bytes());
    assert_eq!(problem(&homes.answer(&order.order_id, late).await).1, Code::OtherAuthorization);
    // Within the bank, with charges, and both with the warning of a payment alike.
    for (scheme, account) in [("domestic", OTHER_ACCOUNT), ("iban", "DE89370400440532013000")] {
        let mut request = transfer(1_000);
        request["account_scheme"] = json!(scheme);
        request["creditor_account"] = json!(account);
        let first = homes.create(&session, &request).await;
        homes.answer(&first.order_id, token.approve(first.order.as_bytes())).await;
        homes.advance(30);
        let again = homes.create(&session, &request).await;
        let issued = read(first.order.as_bytes()).payload().issued;
        let before = ushield_protocol::render::PaidBefore { order: first.order_id, issued };
        let notices = Notices { paid_before: Some(before) };
        homes.answer(&again.order_id, token.approve_with(again.order.as_bytes(), &notices)).await;
        assert_eq!(homes.state(&again.order_id), "executed");
    }
    // Refused by what was shown.
    let order = homes.create(&session, &transfer(600)).await;
    let about = token.about(order.order.as_bytes(), &Notices::default(), Uv::Phone);
    let about = About { pages: Hash::from([1; 32]), ..about };
    let payload = token.payload(about, &token.pay_chain).encode();
    homes.answer(&order.order_id, sign1(Tag::Approve, &payload, &token.pay)).await;
    assert_eq!(homes.state(&order.order_id), "refused");
    // Refused for want of money: two orders that are covered alone and not together.
    let mut pair = Vec::new();
    for amount in [600_000, 600_001] {
        pair.push(homes.create(&session, &transfer(amount)).await);
    }
    for (order, end) in pair.iter().zip(["executed", "refused"]) {
        homes.answer(&order.order_id, token.approve(order.order.as_bytes())).await;
        assert_eq!(homes.state(&order.order_id), end);
    }
    // What leaves no trace.
    let order = homes.create(&session, &transfer(700)).await;
    let honest = token.approve(order.order.as_bytes());
    for (bytes, code) in [
        (vec![], Code::BadAuthorization),
        (vec![0x84; 300], Code::BadAuthorization),
        (honest[..honest.len() - 1].to_vec(), Code::BadAuthorization),
    ] {
        assert_eq!(problem(&homes.answer(&order.order_id, bytes).await).1, code);
    }
    let nowhere = OrderId::from_random([5; 16]);
    assert_eq!(problem(&homes.answer(&nowhere, honest.clone()).await).1, Code::BadAuthorization);
    assert_eq!(homes.state(&order.order_id), "open");
    // Expired at the answer.
    homes.advance(901);
    homes.answer(&order.order_id, honest).await;
    assert_eq!(homes.state(&order.order_id), "expired");
    homes.same_books().await;
    println!("answers: {} requests, replies {:?}", homes.sent, homes.replies);
}

#[tokio::test]
async fn two_states_of_one_key() {
    for case in ["below", "reuse", "fork", "chain"] {
        let (mut homes, token, session) = Homes::with_token(5).await;
        let one = homes.create(&session, &transfer(100)).await;
        let two = homes.create(&session, &transfer(200)).await;
        let start = token.pay_chain.get();
        homes.answer(&one.order_id, token.approve(one.order.as_bytes())).await;
        let mut hit = two;
        match case {
            "below" => {
                hit = homes.create(&session, &transfer(300)).await;
                token.pay_chain.set(start);
            }
            "reuse" => token.pay_chain.set(start),
            "fork" => token.pay_chain.set(Chain { counter: 4, ..start }),
            _ => token.pay_chain.set(Chain { counter: 1, previous: Hash::from([9; 32]) }),
        }
        let approval = token.approve(hit.order.as_bytes());
        let reply = homes.answer(&hit.order_id, approval.clone()).await;
        assert_eq!((reply.status, homes.state(&hit.order_id).as_str()), (200, "refused"), "{case}");
        assert_eq!(homes.model.frozen_keys().count(), 1, "{case}");
        assert_eq!(homes.answer(&hit.order_id, approval).await, reply);
        // From then on it approves nothing, and the device key still says no.
        let key = homes.key();
        let reply = homes.try_create(&session, &key, &transfer(400)).await;
        assert_eq!(problem(&reply).1, Code::KeyNotActive);
        homes.get(&session, route::CERTIFICATES).await;
        homes.same_books().await;
        println!("two states of one key, {case}: {} requests", homes.sent);
    }
}

#[tokio::test]
async fn cancel_sweep_and_renewal() {
    let (mut homes, token, session) = Homes::with_token(6).await;
    let order = homes.create(&session, &transfer(100)).await;
    let approval = token.approve(order.order.as_bytes());
    let wang = homes.sign_in("wang").await;
    assert_eq!(problem(&homes.cancel(&wang, &order.order_id).await).1, Code::UnknownOrder);
    assert_eq!(problem(&homes.get(&wang, &route::order(&order.order_id)).await).0, 404);
    let receipt = homes.cancel(&session, &order.order_id).await;
    homes.advance(5);
    assert_eq!(homes.cancel(&session, &order.order_id).await, receipt, "one receipt for ever");
    let late = homes.answer(&order.order_id, approval).await;
    assert_eq!((late.status, homes.state(&order.order_id).as_str()), (200, "cancelled"));
    let executed = homes.create(&session, &transfer(100)).await;
    homes.answer(&executed.order_id, token.approve(executed.order.as_bytes())).await;
    homes.cancel(&session, &executed.order_id).await;
    assert_eq!(homes.state(&executed.order_id), "executed");
    // Expired, cancelled before the sweep; and swept.
    let (one, two) = (homes.create(&session, &transfer(1)).await, homes.create(&session, &transfer(2)).await);
    homes.advance(900);
    assert_eq!(homes.sweep().await, 0, "the last second still counts");
    homes.advance(1);
    let session = homes.sign_in("li").await;
    homes.cancel(&session, &one.order_id).await;
    assert_eq!(homes.sweep().await, 1);
    assert_eq!(
        (homes.state(&one.order_id), homes.state(&two.order_id)),
        ("cancelled".into(), "expired".into())
    );
    homes.get(&session, route::ORDERS).await;
    homes.get(&session, route::OPEN_ORDERS).await;
    homes.get(&session, &route::order(&two.order_id)).await;
    // Statements: renewed by a creation and by the sweep; not by a creation that failed.
    for days in [76, 76, 40] {
        homes.advance(days * 86_400);
        let session = homes.sign_in("li").await;
        let key = homes.key();
        homes.try_create(&session, &key, &transfer(0)).await;
        homes.send(Ask::get(route::BANK)).await;
        homes.create(&session, &transfer(3)).await;
        homes.send(Ask::get(route::BANK)).await;
        homes.sweep().await;
        homes.send(Ask::get(route::BANK)).await;
    }
    homes.same_books().await;
    println!("cancel, sweep and renewal: {} requests, replies {:?}", homes.sent, homes.replies);
}

/// What is compared here is compared: a bug that only the model does is noticed.
#[tokio::test]
#[should_panic(expected = "model  200")]
async fn a_model_that_differs_is_noticed() {
    let (mut homes, token, session) = Homes::with_token(8).await;
    let one = homes.create(&session, &transfer(100)).await;
    let two = homes.create(&session, &transfer(200)).await;
    let [first, second] = [&one, &two].map(|order| token.approve(order.order.as_bytes()));
    homes.answer(&two.order_id, second).await;
    let _planted = Planted::new(Bug::WatermarkReadAgain);
    homes.get(&session, route::OPEN_ORDERS).await;
    homes.answer(&one.order_id, first).await;
}

/// Anything in any order, by seed.
#[tokio::test]
async fn random_sequences() {
    let (mut requests, mut orders, mut frozen) = (0, 0, 0);
    let mut replies = std::collections::BTreeMap::new();
    let mut states = std::collections::BTreeMap::new();
    for seed in 0..BANKS {
        let homes = random_sequence(1_000 + seed).await;
        requests += homes.sent;
        frozen += homes.model.frozen_keys().count();
        for (status, count) in &homes.replies {
            *replies.entry(*status).or_insert(0) += count;
        }
        for order in homes.model.orders() {
            orders += 1;
            *states.entry(order.state).or_insert(0) += 1;
        }
    }
    println!(
        "random sequences: {BANKS} banks, {} sequences of {LENGTH} steps, {requests} requests, replies {replies:?}, {orders} orders {states:?}, {frozen} frozen keys",
        BANKS * SEQUENCES
    );
    // The dice reach every end and every kind of refusal.
    assert_eq!(states.len(), 6);
    assert!([200, 201, 400, 404, 409, 422].iter().all(|status| replies.contains_key(status)) && frozen > 0);
}

const BANKS: u64 = 12;
const SEQUENCES: u64 = 25;
const LENGTH: usize = 12;

async fn random_sequence(seed: u64) -> Homes {
    let mut dice = Dice(seed);
    let mut homes = Homes::new(seed).await;
    let tokens =
        [homes.hand_out(1, "li").await, homes.hand_out(2, "li").await, homes.hand_out(3, "wang").await];
    let mut play = Play { sessions: [(String::new(), 0), (String::new(), 0)], ..Play::default() };
    for _ in 0..SEQUENCES {
        for (at, name) in ["li", "wang"].into_iter().enumerate() {
            // Signing in is slow on purpose. Sometimes a session runs out within a sequence.
            if homes.now > play.sessions[at].1 + 600 && (at == 0 || dice.below(3) == 0) {
                play.sessions[at] = (homes.sign_in(name).await, homes.now);
            }
        }
        // In most banks tokens have their certificates soon.
        if let Some(token) = tokens.get(play.certified).filter(|_| !seed.is_multiple_of(4)) {
            let (session, since) = &play.sessions[usize::from(play.certified == 2)];
            if homes.now < since + 900 {
                let (key, session) = (homes.key(), session.clone());
                let reply = homes.try_create(&session, &key, &of_token(certificate_request(), token)).await;
                if reply.status == 201 {
                    let order = created(&reply);
                    homes.answer(&order.order_id, token.attest(order.order.as_bytes())).await;
                }
                play.certified += 1;
            }
        }
        for _ in 0..LENGTH {
            play.step(&mut homes, &tokens, &mut dice).await;
        }
        let pause = [0, 60, 400, 1_000, 90_000, 20 * 86_400][dice.below(6)];
        homes.advance(pause);
        if dice.below(2) == 0 {
            homes.sweep().await;
        }
        homes.send(Ask::get(route::BANK)).await;
    }
    homes.same_books().await;
    homes
}

#[derive(Default)]
struct Play {
    /// With the time of signing in.
    sessions: [(String, u64); 2],
    /// Tokens that have their certificate.
    certified: usize,
    /// Creation keys and what they were used with.
    keys: Vec<(String, Value)>,
    /// Orders that were released, and their tokens.
    orders: Vec<(OrderId, Vec<u8>, String)>,
    answers: Vec<(OrderId, Vec<u8>)>,
}

impl Play {
    async fn step(&mut self, homes: &mut Homes, tokens: &[Token; 3], dice: &mut Dice) {
        let who = usize::from(dice.below(4) == 0);
        let session = self.sessions[who].0.clone();
        let some_order = |dice: &mut Dice, orders: &[(OrderId, Vec<u8>, String)]| {
            // Mostly one of the last.
            let reach = if dice.below(3) == 0 { orders.len() } else { orders.len().min(4) };
            (reach > 0).then(|| orders[orders.len() - 1 - dice.below(reach)].clone())
        };
        match dice.below(20) {
            0..=6 => {
                let request = self.request(who, dice);
                let fresh = homes.key();
                let (key, request) = match self.keys.last() {
                    Some((key, before)) if dice.below(6) == 0 => (key.clone(), before.clone()),
                    Some((key, _)) if dice.below(10) == 0 => (key.clone(), request),
                    _ => (fresh, request),
                };
                let reply = homes.try_create(&session, &key, &request).await;
                if reply.status < 300 {
                    let order = created(&reply);
                    self.keys.push((key, request));
                    self.orders.push((order.order_id, order.order.into_bytes(), order.device_id));
                }
            }
            7..=13 => {
                let Some((id, order, device)) = some_order(dice, &self.orders) else { return };
                let token = tokens.iter().find(|token| token.id.to_string() == device).unwrap();
                let token = if dice.below(25) == 0 { &tokens[dice.below(3)] } else { token };
                if dice.below(60) == 0 {
                    // An old copy of the token.
                    let Chain { counter, previous } = token.pay_chain.get();
                    let back = Chain { counter: counter.saturating_sub(1), previous };
                    token.pay_chain.set([back, Chain::START][dice.below(2)]);
                }
                let attests = matches!(read(&order).payload().operation, Operation::CertificateDownload(_));
                let answer = match dice.below(8) {
                    0 => token.reject(&order),
                    1 if attests => token.approve(&order),
                    _ if attests => token.attest(&order),
                    _ => token.approve(&order),
                };
                let to = if dice.below(30) == 0 { OrderId::from_random([3; 16]) } else { id };
                homes.answer(&to, answer.clone()).await;
                self.answers.push((id, answer));
            }
            14 => {
                let Some((id, answer)) = self.answers.get(dice.below(self.answers.len().max(1))).cloned()
                else {
                    return;
                };
                homes.answer(&id, answer).await;
            }
            15 => {
                let Some((id, ..)) = some_order(dice, &self.orders) else { return };
                homes.cancel(&session, &id).await;
            }
            16 => {
                let Some((id, ..)) = some_order(dice, &self.orders) else { return };
                homes.get(&session, &route::order(&id)).await;
            }
            17 => {
                let path = [route::ORDERS, route::OPEN_ORDERS, route::CERTIFICATES, route::ACCOUNTS];
                homes.get(&session, path[dice.below(4)]).await;
            }
            18 => homes.advance([1, 30, 300][dice.below(3)]),
            _ => {
                homes.sweep().await;
            }
        }
    }

    fn request(&self, who: usize, dice: &mut Dice) -> Value {
        let devices = ["01", "02", "03"].map(|byte| byte.repeat(16));
        let mut request = if dice.below(6) == 0 {
            let role = ["pay", "pay", "login"][dice.below(3)];
            json!({ "operation": "certificate-download", "role": role })
        } else {
            let mut request =
                transfer([100, 200, 300, 400, 90_000, 200_000, 600_000, 2_000_000][dice.below(8)]);
            request["debtor_account"] = Value::from([ACCOUNT, OTHER_ACCOUNT][who]);
            match dice.below(5) {
                0 => request["creditor_account"] = json!([OTHER_ACCOUNT, ACCOUNT][who]),
                1 => {
                    request["account_scheme"] = json!("iban");
                    request["creditor_account"] = json!("DE89370400440532013000");
                }
                2 => request["creditor_name"] = json!(["wang", "", "A\u{200b}"][dice.below(3)]),
                _ => {}
            }
            if let (0, Some((id, ..))) = (dice.below(5), self.orders.last()) {
                request["beside"] = json!(id.to_string());
            }
            request
        };
        if dice.below(3) == 0 {
            request["device_id"] = json!(devices[dice.below(3)]);
        }
        request
    }
}
