//! A bank that lies to the real client and the real token, by way of the connection between them.

use ushield_bank_api::bytes;
use ushield_client::Error;
use ushield_e2e::customer::Customer;
use ushield_e2e::ports::Way;
use ushield_e2e::scene::transfer;
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Sign1, Tag, sign1};
use ushield_protocol::key::{DeviceId, OrderId, SigningKey};
use ushield_protocol::order::{Amount, Operation, Order, OrderPayload};
use zeroize::Zeroizing;

use crate::Stage;

const AMOUNT: u64 = 4_200;

impl Stage {
    /// The order that the bank makes is replaced on its way to the phone.
    async fn with_order(
        &self,
        replace: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static,
    ) -> Result<OrderId, Error> {
        let mut replace = Some(replace);
        self.phone.bank.meet("/v1/orders", 1, move || {
            let replace = replace.take().unwrap();
            Way::Changed(Box::new(move |mut response| {
                let mut body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
                let order = replace(bytes::decode(body["order"].as_str().unwrap()).unwrap());
                body["order"] = bytes::encode(&order).into();
                response.body = Zeroizing::new(serde_json::to_vec(&body).unwrap());
                response
            }))
        });
        let result = self.phone.order(&Customer::new(self.token.hand()), &transfer(AMOUNT)).await;
        self.phone.bank.open();
        result
    }

    /// The same, with another content, signed by the bank's own key.
    async fn with_payload(
        &self,
        change: impl FnOnce(&mut OrderPayload) + Send + 'static,
    ) -> Result<OrderId, Error> {
        let key = self.keys.transfer.clone();
        self.with_order(move |order| {
            let order = Order::receive(&order).unwrap().trust_own().unwrap();
            let mut payload = order.payload().clone();
            change(&mut payload);
            sign1(Tag::Order, &payload.encode(), &key)
        })
        .await
    }

    /// When the lie is over, the request that was durable is the one order, and it goes its way.
    async fn goes_on(&self) {
        self.scene.moved(&[]).await;
        let customer = Customer::new(self.token.hand());
        let report = self.phone.resume(&customer).await.unwrap();
        assert_eq!(report.receipt.outcome, ushield_protocol::receipt::Outcome::Executed);
        self.scene.moved(&[AMOUNT]).await;
        let transfers = self.scene.ledger().await.orders;
        assert_eq!(transfers.iter().filter(|order| order.operation == "transfer").count(), 1);
    }
}

#[tokio::test]
async fn order_altered() {
    let stage = Stage::open().await;
    let error = stage
        .with_payload(|payload| {
            if let Operation::Transfer(transfer) = &mut payload.operation {
                transfer.amount = Amount::new(AMOUNT * 10, transfer.amount.currency()).unwrap();
            }
        })
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::OrderAltered);
    stage.unharmed(&[]).await;
    // The request has ended with that. Asked for anew, the bank has one such order, and it goes its way.
    let customer = Customer::new(stage.token.hand());
    let report = stage.phone.transfer(&customer, &transfer(AMOUNT)).await.unwrap();
    assert_eq!(report.receipt.outcome, ushield_protocol::receipt::Outcome::Executed);
    stage.scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn order_signed_by_another_banks_key() {
    let stage = Stage::open().await;
    let stranger = SigningKey::from_bytes(&[1; 32]).unwrap();
    let resign = move |order: Vec<u8>| sign1(Tag::Order, Sign1::parse(&order).unwrap().payload(), &stranger);
    assert_eq!(stage.with_order(resign).await.unwrap_err().code(), Code::UnknownOrderKey);
    stage.unharmed(&[]).await;
    stage.goes_on().await;
}

#[tokio::test]
async fn order_by_a_key_without_that_operation() {
    let stage = Stage::open().await;
    let key = stage.keys.certificate.clone();
    let resign = move |order: Vec<u8>| sign1(Tag::Order, Sign1::parse(&order).unwrap().payload(), &key);
    assert_eq!(stage.with_order(resign).await.unwrap_err().code(), Code::OperationNotAllowed);
    stage.unharmed(&[]).await;
    stage.goes_on().await;
}

#[tokio::test]
async fn order_for_another_token_is_refused_by_the_token() {
    // The phone cannot know every key of the token; the token does.
    let stage = Stage::open().await;
    let id = stage.with_payload(|payload| payload.addressee = DeviceId::from([9; 16]).into()).await.unwrap();
    let customer = Customer::new(stage.token.hand());
    let error = stage.phone.finish(&customer, id).await.unwrap_err();
    assert_eq!(error.code(), Code::WrongAddressee);
    assert_eq!(customer.times("review-on-token"), 0);
    stage.unharmed(&[]).await;
    assert_eq!(stage.scene.at_bank(id).await.decision, None);
    assert_eq!(stage.status(id).await, "open");
    // The customer takes it back, and the bank's receipt is for the order that the bank made.
    let cancelled = stage.phone.client.cancel_order(&*stage.phone.link, &customer, id).await;
    assert_eq!(cancelled.unwrap_err().code(), Code::BankLied, "that is not the order that the phone has");
    stage.scene.moved(&[]).await;
}
