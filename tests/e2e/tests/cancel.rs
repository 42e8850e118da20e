//! Taking an order back: one cancel clears both sides, and the bank says how it really ended.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

use ushield_bank_api::route;
use ushield_client::Status;
use ushield_e2e::customer::{Customer, Will};
use ushield_e2e::phone::Phone;
use ushield_e2e::ports::{At, Way as Fate};
use ushield_e2e::proxy::{Seen, Way};
use ushield_e2e::scene::{Scene, transfer};
use ushield_e2e::token::Token;
use ushield_e2e::wait::bounded;
use ushield_emulator::runner::Key;
use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;
use ushield_protocol::receipt::Outcome;

const AMOUNT: u64 = 88_800;

async fn cancel(
    phone: &Phone,
    customer: &Customer,
    order: OrderId,
) -> Result<Outcome, ushield_client::Error> {
    let cancelled = phone.client.cancel_order(&*phone.link, customer, order);
    Ok(bounded("the end of a cancel", cancelled).await?.receipt.outcome)
}

fn submitted(phone: &Phone, order: OrderId) -> bool {
    let path = route::authorization(&order);
    phone.bank.requests().iter().any(|request| request.ends_with(&path))
}

/// An order that the phone died over in this state, and the phone that came back.
async fn died_at(phone: Phone, token: &Token, at: At) -> (Phone, OrderId) {
    let customer = Customer::new(token.hand());
    customer.set(if at < At::Decided { Will::Watch } else { Will::Approve });
    let order = phone.order(&customer, &transfer(AMOUNT)).await.unwrap();
    phone.power.goes(at);
    assert!(phone.run(phone.finish(&customer, order)).await.is_none());
    (phone.restart().await, order)
}

#[tokio::test]
async fn a_cancel_while_it_is_shown_clears_both_sides() {
    let (scene, token, phone) = Scene::ready().await;
    let customer = Customer::watching(&token);
    let person = async {
        customer.told("review-on-token").await;
        assert!(token.hand().page().number().is_some());
        customer.cancel();
    };
    let wanted = transfer(AMOUNT);
    let (report, ()) = tokio::join!(phone.transfer(&customer, &wanted), person);
    let report = report.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Cancelled);
    assert_eq!(customer.times("cancelling"), 2, "at the token, then at the bank");
    let page = token.hand().page();
    assert!(page.number().is_none() && page.says("没有签名"), "{page:?}");
    assert_eq!(scene.at_bank(report.order).await.state, "cancelled");
    assert!(!submitted(&phone, report.order));
    // The token is free for the next one.
    phone.transfer(&Customer::new(token.hand()), &transfer(300)).await.unwrap();
    scene.moved(&[300]).await;
}

#[tokio::test]
async fn a_cancel_by_another_run_clears_both_sides() {
    let (scene, token, phone) = Scene::ready().await;
    let (phone, order) = died_at(phone, &token, At::Shown).await;
    assert!(token.hand().page().number().is_some(), "the token goes on showing");
    assert_eq!(cancel(&phone, &Customer::watching(&token), order).await.unwrap(), Outcome::Cancelled);
    assert!(token.hand().page().number().is_none());
    let history = phone.client.history().await.unwrap();
    let entry = history.iter().find(|entry| entry.id == Some(order)).unwrap();
    assert!(entry.cancelled && entry.status == Status::Ended(Outcome::Cancelled));
    scene.moved(&[]).await;
}

#[tokio::test]
async fn an_order_that_never_left_the_phone_is_cancelled_at_the_bank() {
    let (scene, token, phone) = Scene::ready().await;
    let order = phone.order(&Customer::watching(&token), &transfer(AMOUNT)).await.unwrap();
    let connections = token.line.connections();
    assert_eq!(cancel(&phone, &Customer::watching(&token), order).await.unwrap(), Outcome::Cancelled);
    assert_eq!(token.line.connections(), connections);
    assert_eq!(scene.at_bank(order).await.state, "cancelled");
}

#[tokio::test]
async fn an_answer_that_is_here_is_kept_and_not_submitted() {
    let (scene, token, phone) = Scene::ready().await;
    let (phone, order) = died_at(phone, &token, At::Decided).await;
    assert_eq!(cancel(&phone, &Customer::watching(&token), order).await.unwrap(), Outcome::Cancelled);
    assert!(!submitted(&phone, order));
    scene.moved(&[]).await;
}

#[tokio::test]
async fn an_answer_that_comes_late_is_not_submitted() {
    let (scene, token, phone) = Scene::ready().await;
    let customer = Customer::watching(&token);
    let order = phone.order(&customer, &transfer(AMOUNT)).await.unwrap();
    // OK is pressed, the approval is lost on its way, and only then the customer wants it back.
    let person = async {
        customer.told("review-on-token").await;
        token.line.swallow(Way::ToPhone);
        token.hand().read_order().await;
        token.hand().press(Key::Ok).await;
        let lost = |all: &[Seen]| all.last().is_some_and(|last| !last.passed && last.way == Way::ToPhone);
        bounded("the lost approval", token.line.until(lost)).await;
        token.line.heal();
        customer.cancel();
    };
    let (report, ()) = tokio::join!(phone.finish(&customer, order), person);
    assert_eq!(report.unwrap().receipt.outcome, Outcome::Cancelled);
    assert!(token.hand().page().says("已批准"), "the token had signed");
    assert!(!submitted(&phone, order));
    scene.moved(&[]).await;
}

#[tokio::test]
async fn a_cancel_after_the_answer_left_gets_the_receipt_of_the_execution() {
    let (scene, token, phone) = Scene::ready().await;
    let power = phone.power.clone();
    phone.bank.meet("/authorization", 1, move || {
        let power = power.clone();
        Fate::LostAfter(Box::new(move || power.cut()))
    });
    let customer = Customer::new(token.hand());
    let order = phone.order(&customer, &transfer(AMOUNT)).await.unwrap();
    assert!(phone.run(phone.finish(&customer, order)).await.is_none());
    let phone = phone.restart().await;
    assert_eq!(cancel(&phone, &Customer::watching(&token), order).await.unwrap(), Outcome::Executed);
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn a_cancel_of_an_ended_order_returns_its_receipt() {
    let (scene, token, phone) = Scene::ready().await;
    let report = phone.transfer(&Customer::new(token.hand()), &transfer(AMOUNT)).await.unwrap();
    let requests = phone.bank.requests().len();
    let cancelled =
        phone.client.cancel_order(&*phone.link, &Customer::watching(&token), report.order).await.unwrap();
    assert_eq!(cancelled.receipt, report.receipt);
    assert_eq!(phone.bank.requests().len(), requests, "nobody is asked");
    let history = phone.client.history().await.unwrap();
    assert!(history.iter().all(|entry| !entry.cancelled));
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn a_token_that_is_away_does_not_stop_a_cancel() {
    let (scene, mut token, phone) = Scene::ready().await;
    let (phone, order) = died_at(phone, &token, At::Shown).await;
    let customer = Customer::watching(&token);
    token.switch_off().await;
    assert_eq!(cancel(&phone, &customer, order).await.unwrap(), Outcome::Cancelled);
    scene.moved(&[]).await;
}

#[tokio::test]
async fn a_cancel_is_repeated_until_the_bank_has_signed_it() {
    let (scene, token, phone) = Scene::ready().await;
    let (phone, order) = died_at(phone, &token, At::Shown).await;
    phone.bank.close();
    let away = cancel(&phone, &Customer::watching(&token), order).await.unwrap_err();
    assert_eq!(away.code(), Code::BankUnreachable);
    // The mark is durable: a later run cancels, and shows and submits nothing.
    let phone = phone.restart().await;
    let customer = Customer::new(token.hand());
    assert_eq!(phone.resume(&customer).await.unwrap().receipt.outcome, Outcome::Cancelled);
    assert_eq!(customer.times("review-on-token"), 0);
    assert!(!submitted(&phone, order));
    scene.moved(&[]).await;
}

#[tokio::test]
async fn a_reply_to_a_cancel_that_is_lost_is_asked_for_again() {
    let (scene, token, phone) = Scene::ready().await;
    let order = phone.order(&Customer::watching(&token), &transfer(AMOUNT)).await.unwrap();
    phone.bank.meet("/cancel", 1, || Fate::ReplyLost);
    assert_eq!(cancel(&phone, &Customer::watching(&token), order).await.unwrap(), Outcome::Cancelled);
    scene.moved(&[]).await;
}

#[tokio::test]
async fn the_cancel_key_is_a_signed_rejection() {
    let (scene, token, phone) = Scene::ready().await;
    let customer = Customer::watching(&token);
    let person = async {
        customer.told("review-on-token").await;
        // On the first page: nobody has to read what they do not want.
        assert_eq!(token.hand().page().number().map(|(at, _)| at), Some(1));
        token.hand().press(Key::Cancel).await;
    };
    let wanted = transfer(AMOUNT);
    let (report, ()) = tokio::join!(phone.transfer(&customer, &wanted), person);
    let report = report.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Rejected);
    let booked = scene.at_bank(report.order).await;
    assert_eq!((booked.decision, booked.executed), (Some("rejected"), false));
    scene.moved(&[]).await;
}

#[tokio::test]
async fn an_order_that_ended_at_the_bank_meanwhile_is_settled_by_its_receipt() {
    let (scene, token, phone) = Scene::ready().await;
    let order = phone.order(&Customer::watching(&token), &transfer(AMOUNT)).await.unwrap();
    scene.clock.advance(901);
    scene.bank.sweep().await.unwrap();
    phone.sign_in().await;
    let report = phone.finish(&Customer::new(token.hand()), order).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Expired);
    scene.moved(&[]).await;
}
