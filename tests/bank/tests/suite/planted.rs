//! Bugs of a bank that somebody could really write: each of them does what the simulator's oracle has to catch. The model has none of the
//! database's constraints, so that it does the wrong thing; the last test shows what the database makes of it.

use serde_json::Value;
use ushield_bank::decision::{Kind, Reply};
use ushield_bank::keys::Keys;
use ushield_bank::model::Model;
use ushield_bank_api::{AuthorizationReply, CreatedOrder, OrderState, Session, route};
use ushield_protocol::key::{KeyId, OrderId, Sign as _, SigningKey};
use ushield_protocol::planted::{Bug, plant};

use crate::client::{ACCOUNT, NOW, PASSWORD, World, certificate_request, customers, founding, transfer};
use crate::homes::{Ask, Dice};
use crate::token::{Maker, Token};

/// A bug in this thread, until the end of the test.
pub(crate) struct Planted;

impl Planted {
    pub(crate) fn new(bug: Bug) -> Self {
        plant(Some(bug));
        Self
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        plant(None);
    }
}

/// The model, and a customer with a certified token.
struct Scene {
    model: Model,
    token: Token,
    session: String,
    dice: Dice,
}

impl Scene {
    fn new() -> Self {
        let key = |number| SigningKey::from_bytes(&[number; 32]).unwrap();
        let keys = Keys { root: key(1), receipt: key(2), transfer: key(3), certificate: key(4), ca: key(5) };
        let mut model = Model::new(&founding(), keys, NOW).unwrap();
        for customer in customers() {
            model.add_customer(&customer).unwrap();
        }
        let token = Maker::new().token(1);
        model.hand_out("li", token.id, token.device.public_key(), token.profile, NOW).unwrap();
        let mut scene = Self { model, token, session: String::new(), dice: Dice(7) };
        let body = serde_json::json!({ "customer": "li", "password": PASSWORD });
        let reply = scene.send(Ask::post(route::SESSIONS, body.to_string().into_bytes()));
        let session: Session = serde_json::from_slice(&reply.body).unwrap();
        scene.session = session.token.expose().to_owned();
        let order = scene.create(&certificate_request());
        scene.answer(&order, scene.token.attest(order.order.as_bytes()));
        scene
    }

    fn send(&mut self, ask: Ask) -> Reply {
        let dice = &mut self.dice;
        self.model.serve(&ask.request(), NOW, &mut |bytes| dice.fill(bytes))
    }

    fn create(&mut self, request: &Value) -> CreatedOrder {
        let mut key = [0; 16];
        self.dice.fill(&mut key);
        let key = uuid::Builder::from_random_bytes(key).into_uuid().to_string();
        let ask = Ask::post(route::ORDERS, request.to_string().into_bytes());
        let reply = self.send(ask.of(&self.session.clone()).keyed(&key));
        serde_json::from_slice(&reply.body).unwrap()
    }

    fn answer(&mut self, order: &CreatedOrder, bytes: Vec<u8>) -> Reply {
        self.send(Ask::post(&route::authorization(&order.order_id), bytes).kind(route::COSE))
    }

    fn state(&self, id: &OrderId) -> OrderState {
        self.model.order(id).unwrap().state
    }

    fn executions(&self, id: &OrderId) -> usize {
        self.model.order(id).unwrap().entries.len()
    }
}

/// An approval that is delivered twice.
fn delivered_twice() -> (usize, i64) {
    let mut scene = Scene::new();
    let order = scene.create(&transfer(500));
    let approval = scene.token.approve(order.order.as_bytes());
    for _ in 0..2 {
        assert_eq!(scene.answer(&order, approval.clone()).status, 200);
    }
    (scene.executions(&order.order_id), scene.model.balance(ACCOUNT).unwrap())
}

#[test]
fn without_deduplication_an_answer_that_comes_twice_pays_twice() {
    assert_eq!(delivered_twice(), (1, 999_500));
    let _planted = Planted::new(Bug::NoDeduplication);
    assert_eq!(delivered_twice(), (2, 999_000));
}

/// An approval that arrives after its order was cancelled.
fn approved_after_cancel() -> (usize, usize) {
    let mut scene = Scene::new();
    let order = scene.create(&transfer(500));
    let session = scene.session.clone();
    scene.send(Ask::post(&route::cancel(&order.order_id), b"{}".to_vec()).of(&session));
    let approval = scene.token.approve(order.order.as_bytes());
    scene.answer(&order, approval);
    (scene.executions(&order.order_id), scene.model.order(&order.order_id).unwrap().ends)
}

#[test]
fn without_deduplication_an_ended_order_pays() {
    assert_eq!(approved_after_cancel(), (0, 1));
    let _planted = Planted::new(Bug::NoDeduplication);
    assert_eq!(approved_after_cancel(), (1, 2));
}

#[test]
fn a_watermark_that_is_read_again_freezes_an_honest_key() {
    type HandOut = fn(&mut Scene, &CreatedOrder);
    let ways: [HandOut; 3] = [
        |scene, _| {
            let session = scene.session.clone();
            scene.send(Ask::get(route::OPEN_ORDERS).of(&session));
        },
        |scene, order| {
            let session = scene.session.clone();
            scene.send(Ask::get(&route::order(&order.order_id)).of(&session));
        },
        |scene, order| assert_eq!(scene.create(&transfer(100)).order_id, order.order_id),
    ];
    // Approved first, delivered last: the phone had no network.
    let late = |hand_out: HandOut| -> (OrderState, Vec<KeyId>) {
        let mut scene = Scene::new();
        let (one, two) = (scene.create(&transfer(100)), scene.create(&transfer(200)));
        let [first, second] = [&one, &two].map(|order| scene.token.approve(order.order.as_bytes()));
        scene.answer(&two, second);
        hand_out(&mut scene, &one);
        scene.answer(&one, first);
        (scene.state(&one.order_id), scene.model.frozen_keys().collect())
    };
    for hand_out in ways {
        assert_eq!(late(hand_out), (OrderState::Executed, vec![]));
    }
    let _planted = Planted::new(Bug::WatermarkReadAgain);
    for hand_out in ways {
        let (state, frozen) = late(hand_out);
        assert_eq!((state, frozen.len()), (OrderState::Refused, 1));
    }
}

/// The customer presses cancel on the token.
fn rejected() -> (OrderState, Option<Kind>, i64) {
    let mut scene = Scene::new();
    let order = scene.create(&transfer(500));
    let rejection = scene.token.reject(order.order.as_bytes());
    let reply: AuthorizationReply = serde_json::from_slice(&scene.answer(&order, rejection).body).unwrap();
    assert_eq!(scene.model.order(&order.order_id).unwrap().receipt, Some(reply.receipt.as_bytes()));
    let said = scene.model.order(&order.order_id).unwrap().answers.first().map(|answer| answer.kind);
    (scene.state(&order.order_id), said, scene.model.balance(ACCOUNT).unwrap())
}

#[test]
fn a_rejection_that_counts_as_an_approval_pays() {
    assert_eq!(rejected(), (OrderState::Rejected, Some(Kind::Rejection), 1_000_000));
    let _planted = Planted::new(Bug::RejectionAccepted);
    assert_eq!(rejected(), (OrderState::Executed, Some(Kind::Rejection), 999_500));
}

/// The database refuses what the program above it would do.
#[tokio::test]
async fn without_deduplication_the_database_still_pays_once() {
    let (world, token, session) = World::with_token().await;
    let order = world.create(&session, &crate::client::key(), &transfer(500)).await;
    let approval = token.approve(order.order.as_bytes());
    let _planted = Planted::new(Bug::NoDeduplication);
    assert_eq!(world.answer(&order.order_id, approval.clone()).await.status().as_u16(), 200);
    assert_eq!(world.answer(&order.order_id, approval).await.status().as_u16(), 503);
    assert_eq!(world.balance(ACCOUNT).await, 999_500);
}

/// A clone is the state of that moment, and costs next to nothing beside a request.
#[test]
fn a_clone_is_the_state_before_the_cut() {
    let mut scene = Scene::new();
    let order = scene.create(&transfer(500));
    let approval = scene.token.approve(order.order.as_bytes());
    let before = scene.model.clone();
    let first = scene.answer(&order, approval.clone());
    let after = std::mem::replace(&mut scene.model, before);
    assert_eq!((scene.state(&order.order_id), scene.executions(&order.order_id)), (OrderState::Open, 0));
    // Cut before the commit, delivered again; and cut after it.
    assert_eq!(scene.answer(&order, approval.clone()), first);
    scene.model = after;
    assert_eq!(scene.answer(&order, approval), first);
    assert_eq!(scene.executions(&order.order_id), 1);
}
