//! One customer, two tokens: each order goes to the one that it is for, and the other one does not take it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

use std::sync::Arc;

use async_trait::async_trait;
use ushield_bank_api::Role;
use ushield_client::ports::{Connector, Link, Wanted};
use ushield_client::radio::AnyOf;
use ushield_client::{Error, Report};
use ushield_e2e::customer::Customer;
use ushield_e2e::evil::Malware;
use ushield_e2e::phone::Phone;
use ushield_e2e::scene::{Scene, transfer};
use ushield_e2e::token::Token;
use ushield_e2e::wait::bounded;
use ushield_links::system::SystemClock;
use ushield_links::tcp::TcpConnector;
use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;
use ushield_protocol::receipt::Outcome;
use ushield_protocol::render::Locale;

/// A phone with two tokens, each with PIN and certificate; the second one is near.
async fn two() -> (Scene, Token, Token, Phone) {
    let (scene, one, mut phone) = Scene::ready().await;
    let other = scene.token_in(Locale::Zh, 2).await;
    phone.turn_to(&other);
    phone.pair(&Customer::new(other.hand())).await.unwrap();
    let device = Some(other.device().device_id);
    let customer = Customer::new(other.hand());
    other.hand().acknowledge().await;
    bounded("the PIN", phone.client.change_pin(&*phone.link, &customer, device)).await.unwrap();
    other.hand().acknowledge().await;
    let download = phone.client.download_certificate(&*phone.link, &customer, device, Role::Pay);
    bounded("the certificate", download).await.unwrap();
    (scene, one, other, phone)
}

async fn order(phone: &Phone, token: &Token, amount: u64) -> OrderId {
    let device = Some(token.device().device_id);
    phone.client.create_transfer(&Customer::watching(token), device, &transfer(amount)).await.unwrap()
}

async fn run(phone: &mut Phone, token: &Token, order: OrderId) -> Result<Report, Error> {
    phone.turn_to(token);
    phone.finish(&Customer::new(token.hand()), order).await
}

#[tokio::test]
async fn each_order_goes_to_its_own_token() {
    let (scene, one, other, mut phone) = two().await;
    let unnamed = phone.order(&Customer::watching(&one), &transfer(100)).await.unwrap_err();
    assert_eq!(unnamed.code(), Code::WrongToken, "which of the two has to be said");
    let first = order(&phone, &one, 100).await;
    let second = order(&phone, &other, 200).await;

    // The wrong one is near: it does not know the pairing, nothing is drawn, and both orders stay.
    for (near, wanted) in [(&other, first), (&one, second)] {
        let refused = run(&mut phone, near, wanted).await.unwrap_err();
        assert_eq!(refused.code(), Code::UnknownPhone);
        assert!(near.hand().page().number().is_none());
    }
    scene.moved(&[]).await;
    for (near, wanted) in [(&other, second), (&one, first)] {
        let report = run(&mut phone, near, wanted).await.unwrap();
        assert_eq!(report.receipt.outcome, Outcome::Executed);
    }
    scene.moved(&[100, 200]).await;
}

/// The token at `then` is found once the one at `first` was passed over.
struct Behind {
    first: String,
    then: TcpConnector,
}

#[async_trait]
impl Connector for Behind {
    async fn connect(&self, wanted: &Wanted) -> Result<Box<dyn Link>, Error> {
        if wanted.is_at(&self.first) {
            return Err(Error::new(Code::TokenNotFound));
        }
        self.then.connect(wanted).await
    }

    fn describe(&self) -> Option<String> {
        self.then.describe()
    }
}

#[tokio::test]
async fn with_both_near_each_order_finds_its_own() {
    let (scene, one, other, mut phone) = two().await;
    for (wrong, right, amount) in [(&other, &one, 100), (&one, &other, 200)] {
        let [first, then] = [wrong, right].map(|token| token.line.address().to_string());
        let wrong_one = Arc::new(TcpConnector::new(first.clone()));
        let behind = Arc::new(Behind { first, then: TcpConnector::new(then) });
        phone.link = Box::new(AnyOf::new(vec![wrong_one, behind], Arc::new(SystemClock::new())));
        let order = order(&phone, right, amount).await;
        let report = phone.finish(&Customer::new(right.hand()), order).await.unwrap();
        assert_eq!(report.receipt.outcome, Outcome::Executed);
        assert!(wrong.hand().page().number().is_none(), "nothing is drawn");
    }
    scene.moved(&[100, 200]).await;
}

#[tokio::test]
async fn an_order_for_one_token_is_refused_by_the_other() {
    let (scene, one, other, mut phone) = two().await;
    let first = order(&phone, &one, 100).await;
    let history = phone.client.history().await.unwrap();
    let bytes = history.iter().find(|entry| entry.id == Some(first)).unwrap().order.clone().unwrap();
    let pairing = phone.client.token(Some(other.device().device_id)).unwrap().pairing;
    other.hand().acknowledge().await;
    // A phone that does as it likes has the pairing with the other one too.
    let mut malware = Malware::connect(&*phone.link, &pairing, &*phone.keystore).await;
    let reply = malware.deliver(bytes.bytes().to_vec()).await;
    assert_eq!(reply.code, Code::WrongAddressee);
    assert!(other.hand().page().number().is_none(), "nothing is drawn");
    drop(malware);
    scene.moved(&[]).await;
    assert_eq!(run(&mut phone, &one, first).await.unwrap().receipt.outcome, Outcome::Executed);
    scene.moved(&[100]).await;
}
