//! The same payment twice: by mistake it is warned of, on purpose it is made.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

use ushield_e2e::customer::{Customer, Will};
use ushield_e2e::pages::Page;
use ushield_e2e::phone::Phone;
use ushield_e2e::scene::{Scene, transfer};
use ushield_e2e::token::Token;
use ushield_protocol::code::Code;
use ushield_protocol::receipt::Outcome;

const AMOUNT: u64 = 30_000;
const WARNING: &str = "重复付款";

/// Pays as the customer does; the pages that they read.
async fn pay(phone: &Phone, token: &Token, amount: u64) -> (ushield_client::Report, Vec<Page>) {
    let customer = Customer::new(token.hand());
    let report = phone.transfer(&customer, &transfer(amount)).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed, "the bank takes the pages' digest");
    (report, customer.orders_read().pop().unwrap())
}

fn warns(pages: &[Page]) -> bool {
    pages.iter().any(|page| page.says(WARNING))
}

#[tokio::test]
async fn the_first_page_says_that_it_was_paid_before() {
    let (scene, token, phone) = Scene::ready().await;
    let (first, pages) = pay(&phone, &token, AMOUNT).await;
    assert!(!warns(&pages));
    scene.clock.advance(185);
    let (_, pages) = pay(&phone, &token, AMOUNT).await;
    assert!(pages[0].says(WARNING), "{:?}", pages[0]);
    assert!(pages[0].says("早3分钟的订单已批准"), "{:?}", pages[0]);
    let id: String = first.order.to_string();
    assert!(pages[0].says(&id[..24]) && pages[0].says(&id[24..]), "{:?}", pages[0]);
    // Another amount is another payment.
    let (_, pages) = pay(&phone, &token, AMOUNT + 1).await;
    assert!(!warns(&pages));
    scene.moved(&[AMOUNT, AMOUNT, AMOUNT + 1]).await;
}

#[tokio::test]
async fn a_rejection_is_no_payment_and_a_day_is_long_enough() {
    let (scene, token, phone) = Scene::ready().await;
    let no = Customer::new(token.hand()).who(Will::Reject);
    phone.transfer(&no, &transfer(AMOUNT)).await.unwrap();
    let (_, pages) = pay(&phone, &token, AMOUNT).await;
    assert!(!warns(&pages), "a rejection does not count");
    scene.clock.advance(86_401);
    phone.sign_in().await;
    let (_, pages) = pay(&phone, &token, AMOUNT).await;
    assert!(!warns(&pages), "a day later");
    scene.clock.advance(86_400);
    phone.sign_in().await;
    let (_, pages) = pay(&phone, &token, AMOUNT).await;
    assert!(pages[0].says("早1440分钟的订单已批准"), "{:?}", pages[0]);
    scene.moved(&[AMOUNT, AMOUNT, AMOUNT]).await;
}

#[tokio::test]
async fn an_open_order_is_the_answer_to_the_same_request() {
    let (scene, token, phone) = Scene::ready().await;
    let watching = Customer::new(token.hand()).who(Will::Watch);
    let open = phone.order(&watching, &transfer(AMOUNT)).await.unwrap();
    assert_eq!(watching.times("open-order-found"), 0);
    // Other words do not make it another payment.
    let mut again = transfer(AMOUNT);
    again.remittance_text = "再付一次".to_owned();
    let same = phone.order(&watching, &again).await.unwrap();
    assert_eq!(same, open);
    assert_eq!(watching.times("open-order-found"), 1);
    let transfers = |orders: Vec<ushield_bank::admin::LedgerOrder>| {
        orders.iter().filter(|order| order.operation == "transfer").count()
    };
    assert_eq!(transfers(scene.ledger().await.orders), 1);
    phone.finish(&Customer::new(token.hand()), open).await.unwrap();
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn beside_an_open_order_another_one_is_made_and_says_so() {
    let (scene, token, phone) = Scene::ready().await;
    let watching = Customer::new(token.hand()).who(Will::Watch);
    let open = phone.order(&watching, &transfer(AMOUNT)).await.unwrap();
    let mut beside = transfer(AMOUNT);
    beside.beside = Some(open);
    let second = phone.order(&watching, &beside).await.unwrap();
    assert_ne!(second, open);
    let customer = Customer::new(token.hand());
    phone.finish(&customer, second).await.unwrap();
    let pages = customer.orders_read().pop().unwrap();
    let id = open.to_string();
    assert!(pages[0].says("另一笔相同订单未完成") && pages[0].says(&id[..24]), "{:?}", pages[0]);
    // The first one is still open, and its page now knows of the second.
    let customer = Customer::new(token.hand());
    phone.finish(&customer, open).await.unwrap();
    assert!(warns(&customer.orders_read().pop().unwrap()));
    scene.moved(&[AMOUNT, AMOUNT]).await;

    let refused = phone.order(&watching, &beside).await.unwrap_err();
    assert_eq!(refused.code(), Code::BadInput, "that order is not open any more");
}

#[tokio::test]
async fn a_token_that_was_off_still_warns() {
    let (scene, mut token, phone) = Scene::ready().await;
    pay(&phone, &token, AMOUNT).await;
    token.restart().await;
    let (_, pages) = pay(&phone, &token, AMOUNT).await;
    assert!(warns(&pages));
    scene.moved(&[AMOUNT, AMOUNT]).await;
}
