//! What is offered to the reference bank and must not be taken.

use std::sync::{Arc, Mutex};

use ushield_bank_api::{AuthorizationReply, Problem, route};
use ushield_client::Error;
use ushield_client::ports::{BankHttp as _, HttpRequest, HttpResponse};
use ushield_e2e::customer::{Customer, Will};
use ushield_e2e::ports::Way;
use ushield_e2e::scene::transfer;
use ushield_protocol::authorization::Authorization;
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Sign1, Tag, assemble_token, sign1};
use ushield_protocol::key::{OrderId, SigningKey};
use ushield_protocol::order::{Amount, Operation, Order, OrderPayload};
use ushield_protocol::receipt::Outcome;
use zeroize::Zeroizing;

use crate::Stage;

const AMOUNT: u64 = 4_200;

impl Stage {
    /// An order that the customer decided, and the answer, which has not reached the bank.
    async fn decided(&self, amount: u64, will: Will) -> (OrderId, Vec<u8>) {
        let customer = Customer::new(self.token.hand()).who(will);
        let id = self.phone.order(&customer, &transfer(amount)).await.unwrap();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&kept);
        self.phone.bank.keep(move |request| match request.path.ends_with("/authorization") {
            true => {
                *keep.lock().unwrap() = request.body.to_vec();
                Way::Fails(Error::new(Code::BankUnreachable))
            }
            false => Way::Through,
        });
        let error = self.phone.finish(&customer, id).await.unwrap_err();
        assert_eq!(error.code(), Code::BankUnreachable);
        self.phone.bank.open();
        let answer = kept.lock().unwrap().clone();
        (id, answer)
    }

    async fn submit(&self, id: OrderId, answer: &[u8]) -> HttpResponse {
        let body = Zeroizing::new(answer.to_vec());
        self.phone.bank.call(HttpRequest::post(route::authorization(&id), route::COSE, body)).await.unwrap()
    }

    /// The bank refuses the answer with this code, and no trace is left on the order.
    async fn bank_refuses(&self, id: OrderId, answer: &[u8], code: Code) {
        let response = self.submit(id, answer).await;
        let problem: Problem = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(problem.code(), Some(code), "{} {}", response.status, problem.detail);
        let order = self.scene.at_bank(id).await;
        assert!(order.decision.is_none() && !order.executed, "no trace is left");
    }
}

#[tokio::test]
async fn expired_at_the_bank() {
    let stage = Stage::open().await;
    let (id, answer) = stage.decided(AMOUNT, Will::Approve).await;
    stage.scene.clock.advance(901);
    let reply: AuthorizationReply = serde_json::from_slice(&stage.submit(id, &answer).await.body).unwrap();
    assert!(!reply.receipt.as_bytes().is_empty(), "the end is a signed receipt");
    stage.scene.moved(&[]).await;
    stage.phone.sign_in().await;
    let report = stage.phone.resume(&Customer::new(stage.token.hand())).await.unwrap();
    assert_eq!((report.order, report.receipt.outcome), (id, Outcome::Expired));
    stage.scene.moved(&[]).await;
}

#[tokio::test]
async fn rejection_offered_as_an_approval() {
    let stage = Stage::open().await;
    let (id, rejection) = stage.decided(AMOUNT, Will::Reject).await;
    let message = Sign1::parse(&rejection).unwrap();
    // The same payload with a PIN claimed, and the payload under a key of one's own: neither is an approval.
    let mut payload = Authorization::receive(&rejection).unwrap().payload().to_owned();
    payload.about.uv = ushield_protocol::authorization::Uv::Phone;
    let claimed = assemble_token(&payload.encode(), message.signature());
    stage.bank_refuses(id, &claimed, Code::BadAuthorization).await;
    let forged = sign1(Tag::Approve, message.payload(), &SigningKey::from_bytes(&[5; 32]).unwrap());
    stage.bank_refuses(id, &forged, Code::BadAuthorization).await;
    stage.scene.moved(&[]).await;
    // As it is, it ends the order as what it is.
    let report = stage.phone.resume(&Customer::new(stage.token.hand())).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Rejected);
    stage.scene.moved(&[]).await;
}

#[tokio::test]
async fn an_authorization_for_another_order() {
    let stage = Stage::open().await;
    let (first, approval) = stage.decided(AMOUNT, Will::Approve).await;
    let customer = Customer::new(stage.token.hand());
    let second = stage.phone.order(&customer, &transfer(9_900)).await.unwrap();
    let response = stage.submit(second, &approval).await;
    assert!((400..500).contains(&response.status), "{}", response.status);
    stage.scene.moved(&[]).await;
    assert_eq!(stage.scene.at_bank(second).await.decision, None);
    let report = stage.phone.finish(&customer, first).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    stage.scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn an_authorization_with_any_bit_flipped() {
    let stage = Stage::open().await;
    let (id, approval) = stage.decided(AMOUNT, Will::Approve).await;
    for at in (0..approval.len()).step_by(7) {
        let mut flipped = approval.clone();
        flipped[at] ^= 1 << (at % 8);
        let response = stage.submit(id, &flipped).await;
        assert!((400..500).contains(&response.status), "byte {at}: {}", response.status);
    }
    for cut in [0, 1, approval.len() / 2, approval.len() - 1] {
        let response = stage.submit(id, &approval[..cut]).await;
        assert!((400..500).contains(&response.status), "{cut} bytes: {}", response.status);
    }
    stage.scene.moved(&[]).await;
    assert_eq!(stage.scene.at_bank(id).await.decision, None, "no trace is left");
    let report = stage.phone.finish(&Customer::new(stage.token.hand()), id).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    stage.scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn a_bank_that_changes_the_amount_between_order_and_execution() {
    let stage = Stage::open().await;
    let (id, approval) = stage.decided(AMOUNT, Will::Approve).await;
    let database = rusqlite::Connection::open(stage.scene.bank_folder().join("bank.sqlite")).unwrap();
    // The database itself refuses.
    for (column, value) in [("amount", "1"), ("creditor_account", "'1'"), ("bytes", "x'00'")] {
        let statement = format!("UPDATE orders SET {column} = {value} WHERE order_id = ?");
        let refused = database.execute(&statement, [id.as_bytes().to_vec()]).unwrap_err();
        assert!(refused.to_string().contains("an order does not change"), "{refused}");
    }
    // A hand that is stronger than the database: the row says ten times as much, signed by the bank itself.
    let bytes: Vec<u8> = database
        .query_row("SELECT bytes FROM orders WHERE order_id = ?", [id.as_bytes().to_vec()], |row| row.get(0))
        .unwrap();
    let issued = Order::receive(&bytes).unwrap().trust_own().unwrap();
    let Operation::Transfer(mut altered) = issued.payload().operation.clone() else { panic!() };
    altered.amount = Amount::new(AMOUNT * 10, altered.amount.currency()).unwrap();
    let altered = OrderPayload { operation: Operation::Transfer(altered), ..issued.payload().clone() };
    let altered = altered.sign(&stage.keys.transfer).unwrap();
    database.execute_batch("DROP TRIGGER orders_keep_their_content").unwrap();
    database
        .execute(
            "UPDATE orders SET bytes = ?, amount = ? WHERE order_id = ?",
            rusqlite::params![altered, AMOUNT as i64 * 10, id.as_bytes().to_vec()],
        )
        .unwrap();
    stage.bank_refuses(id, &approval, Code::UnknownOrder).await;
    stage.scene.moved(&[]).await;
    // The phone never calls it failed, and keeps what the customer signed.
    let customer = Customer::new(stage.token.hand());
    assert_eq!(stage.phone.finish(&customer, id).await.unwrap_err().code(), Code::UnknownOrder);
    assert_eq!(stage.status(id).await, "unknown");
    stage.scene.moved(&[]).await;
}
