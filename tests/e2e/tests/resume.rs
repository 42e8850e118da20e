//! A phone that dies, a link that breaks, a bank that is away, at every moment of an order: it executes once, or not at all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

use ushield_bank_api::{Role, route};
use ushield_client::Status;
use ushield_client::ports::Millis;
use ushield_e2e::customer::{Customer, Will};
use ushield_e2e::phone::Phone;
use ushield_e2e::ports::{At, Way as Fate};
use ushield_e2e::proxy::{self, Way};
use ushield_e2e::scene::{Scene, transfer};
use ushield_e2e::token::Token;
use ushield_e2e::wait::bounded;
use ushield_protocol::code::Code;
use ushield_protocol::receipt::Outcome;

const AMOUNT: u64 = 1_234_567;

/// Power goes when an order has been written in this state; the phone that comes back.
async fn die_at(phone: Phone, customer: &Customer, at: At) -> Phone {
    phone.power.goes(at);
    let ended = phone.run(phone.transfer(customer, &transfer(AMOUNT))).await;
    assert!(ended.is_none(), "{at:?} was not reached: {ended:?}");
    phone.restart().await
}

/// How the one transfer stands in this phone's history.
async fn status(phone: &Phone) -> Status {
    let history = phone.client.history().await.unwrap();
    let certificate = |status| status == Status::Ended(Outcome::Executed);
    let mut open = history.iter().map(|entry| entry.status).filter(|status| !certificate(*status));
    open.next().unwrap()
}

/// Returns when the token's answer has disappeared on the link.
async fn lost_answer(token: &Token) {
    let lost = |all: &[proxy::Seen]| all.last().is_some_and(|last| !last.passed && last.way == Way::ToPhone);
    bounded("an answer that is lost", token.line.until(lost)).await;
}

async fn dies_before_the_decision(at: At, known_as: Status) {
    let (scene, token, phone) = Scene::ready().await;
    let phone = die_at(phone, &Customer::new(token.hand()).who(Will::Watch), at).await;
    assert_eq!(status(&phone).await, known_as);
    let report = phone.resume(&Customer::new(token.hand())).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn dies_when_requested() {
    dies_before_the_decision(At::Requested, Status::Requested).await;
}

#[tokio::test]
async fn dies_when_prepared() {
    dies_before_the_decision(At::Prepared, Status::Open).await;
}

#[tokio::test]
async fn dies_when_sent() {
    dies_before_the_decision(At::Sent, Status::Open).await;
}

#[tokio::test]
async fn dies_when_shown() {
    dies_before_the_decision(At::Shown, Status::Open).await;
}

async fn dies_after_the_decision(at: At, known_as: Status) {
    let (scene, token, phone) = Scene::ready().await;
    let phone = die_at(phone, &Customer::new(token.hand()), at).await;
    scene.moved(&[]).await;
    assert_eq!(status(&phone).await, known_as);
    let connections = token.line.connections();
    let customer = Customer::new(token.hand()).who(Will::Watch);
    let report = phone.resume(&customer).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    assert_eq!(token.line.connections(), connections, "the token was not needed");
    assert!(customer.asked_for_pin().is_empty());
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn dies_when_decided() {
    dies_after_the_decision(At::Decided, Status::Decided).await;
}

#[tokio::test]
async fn dies_when_submitted() {
    dies_after_the_decision(At::Submitted, Status::Unknown).await;
}

#[tokio::test]
async fn dies_when_settled_and_has_nothing_left_to_do() {
    let (scene, token, phone) = Scene::ready().await;
    let phone = die_at(phone, &Customer::new(token.hand()), At::Settled).await;
    let customer = Customer::new(token.hand()).who(Will::Watch);
    assert!(phone.client.resume(&*phone.link, &customer).await.unwrap().is_empty());
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn dies_after_the_bank_made_the_order_and_before_it_knew() {
    let (scene, token, phone) = Scene::ready().await;
    let power = phone.power.clone();
    phone.bank.meet(route::ORDERS, 1, move || {
        let power = power.clone();
        Fate::LostAfter(Box::new(move || power.cut()))
    });
    let ended = phone.run(phone.transfer(&Customer::new(token.hand()), &transfer(AMOUNT))).await;
    assert!(ended.is_none());
    let made = scene.ledger().await.orders.pop().unwrap().order_id;
    let phone = phone.restart().await;
    assert_eq!(status(&phone).await, Status::Requested);
    let report = phone.resume(&Customer::new(token.hand())).await.unwrap();
    assert_eq!(report.order.to_string(), made, "the same order, not another one");
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn dies_after_the_bank_executed_and_before_it_knew() {
    let (scene, token, phone) = Scene::ready().await;
    let power = phone.power.clone();
    phone.bank.meet("/authorization", 1, move || {
        let power = power.clone();
        Fate::LostAfter(Box::new(move || power.cut()))
    });
    let ended = phone.run(phone.transfer(&Customer::new(token.hand()), &transfer(AMOUNT))).await;
    assert!(ended.is_none());
    scene.moved(&[AMOUNT]).await;
    let phone = phone.restart().await;
    assert_eq!(status(&phone).await, Status::Unknown);
    let report = phone.resume(&Customer::new(token.hand()).who(Will::Watch)).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn a_reply_that_is_lost_is_asked_for_again() {
    let (scene, token, phone) = Scene::ready().await;
    phone.bank.meet("/authorization", 2, || Fate::ReplyLost);
    let report = phone.transfer(&Customer::new(token.hand()), &transfer(AMOUNT)).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    let submitted = |request: &&String| request.ends_with("/authorization");
    assert!(phone.bank.requests().iter().filter(submitted).count() >= 3);
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn an_answer_waits_for_a_bank_that_is_away() {
    let (scene, token, phone) = Scene::ready().await;
    phone.bank.meet("/authorization", usize::MAX, || {
        Fate::Fails(ushield_client::Error::new(Code::BankUnreachable))
    });
    let customer = Customer::new(token.hand());
    let away = phone.transfer(&customer, &transfer(AMOUNT)).await.unwrap_err();
    assert_eq!(away.code(), Code::BankUnreachable);
    assert_eq!(customer.times("unknown"), 1, "unknown, never failed");
    assert_eq!(status(&phone).await, Status::Unknown);
    scene.moved(&[]).await;

    // The app is opened again while the bank is still away, and again when it is back.
    let phone = phone.restart().await;
    phone.bank.close();
    let still = phone.resume(&Customer::new(token.hand()).who(Will::Watch)).await.unwrap_err();
    assert_eq!(still.code(), Code::BankUnreachable);
    phone.bank.open();
    let report = phone.resume(&Customer::new(token.hand()).who(Will::Watch)).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn a_bank_that_fails_ends_nothing() {
    let (scene, token, phone) = Scene::ready().await;
    phone.bank.meet("/authorization", 1, || {
        Fate::Changed(Box::new(|response| ushield_client::ports::HttpResponse { status: 502, ..response }))
    });
    let report = phone.transfer(&Customer::new(token.hand()), &transfer(AMOUNT)).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    scene.moved(&[AMOUNT]).await;
}

/// Whatever message is lost, and however: the client goes on by itself.
#[tokio::test]
async fn the_link_breaks_at_every_message() {
    let (scene, token, phone) = Scene::ready().await;
    let mut amounts = Vec::new();
    for way in [Way::ToToken, Way::ToPhone] {
        let messages = if way == Way::ToToken { 2 } else { 4 };
        for at in 0..messages {
            for fate in
                [proxy::Fate::Cut, proxy::Fate::PassAndCut, proxy::Fate::Tear(2), proxy::Fate::Tear(20)]
            {
                let amount = 1_000 + u64::try_from(amounts.len()).unwrap();
                amounts.push(amount);
                let before = token.line.connections();
                token.line.after(way, at, fate.clone());
                let report = phone.transfer(&Customer::new(token.hand()), &transfer(amount)).await;
                let report = report.unwrap_or_else(|error| panic!("{way:?} {at} {fate:?}: {error}"));
                assert_eq!(report.receipt.outcome, Outcome::Executed, "{way:?} {at} {fate:?}");
                // The last message of all may arrive and the line break behind it.
                let last = (way, at, &fate) == (Way::ToPhone, 3, &proxy::Fate::PassAndCut);
                assert!(last || token.line.connections() > before + 1, "{way:?} {at} {fate:?}");
                token.line.heal();
            }
        }
    }
    scene.moved(&amounts).await;
}

#[tokio::test]
async fn an_answer_lost_on_the_link_is_the_same_when_it_is_delivered_again() {
    let (scene, token, phone) = Scene::ready().await;
    let customer = Customer::new(token.hand()).who(Will::Watch);
    let order = phone.order(&customer, &transfer(AMOUNT)).await.unwrap();
    {
        let running = phone.finish(&customer, order);
        let person = async {
            customer.told("review-on-token").await;
            token.line.swallow(Way::ToPhone);
            token.hand().read_order().await;
            token.hand().press(ushield_emulator::runner::Key::Ok).await;
            token.hand().see("the approval", |page| page.says("已批准")).await;
            lost_answer(&token).await;
            phone.power.cut();
        };
        let (ended, ()) = tokio::join!(phone.run(running), person);
        assert!(ended.is_none());
    }
    token.line.heal();
    let phone = phone.restart().await;
    assert_eq!(status(&phone).await, Status::Open);
    scene.moved(&[]).await;
    let again = Customer::new(token.hand()).who(Will::Watch);
    let report = phone.resume(&again).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    assert!(again.asked_for_pin().is_empty(), "nobody is asked twice");
    assert_eq!(again.times("review-on-token"), 0);
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn a_silent_link_is_given_up_when_its_time_is_over() {
    let (scene, token, phone) = Scene::ready().await;
    let customer = Customer::new(token.hand()).who(Will::Watch);
    let order = phone.order(&customer, &transfer(AMOUNT)).await.unwrap();
    let person = async {
        customer.told("review-on-token").await;
        token.line.swallow(Way::ToPhone);
        token.hand().read_order().await;
        token.hand().press(ushield_emulator::runner::Key::Ok).await;
        bounded(
            "the answer that is lost",
            token.line.until(|all| all.last().is_some_and(|last| !last.passed)),
        )
        .await;
        token.line.heal();
        phone.clock.pass(Millis(11 * 60_000));
    };
    let (report, ()) = tokio::join!(phone.finish(&customer, order), person);
    assert_eq!(report.unwrap().receipt.outcome, Outcome::Executed);
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn a_token_that_loses_its_power_shows_the_order_again() {
    let (scene, mut token, phone) = Scene::ready().await;
    let watching = Customer::new(token.hand()).who(Will::Watch);
    let phone = die_at(phone, &watching, At::Shown).await;
    token.restart().await;
    assert_eq!(token.hand().page().number(), None, "a review does not outlive the power");
    let customer = Customer::new(token.hand());
    let report = phone.resume(&customer).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    assert!(customer.times("pin-needed") > 0, "nor does the PIN");
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn an_answer_outlives_the_tokens_power() {
    let (scene, mut token, phone) = Scene::ready().await;
    let customer = Customer::new(token.hand()).who(Will::Watch);
    let order = phone.order(&customer, &transfer(AMOUNT)).await.unwrap();
    let person = async {
        customer.told("review-on-token").await;
        token.line.swallow(Way::ToPhone);
        token.hand().read_order().await;
        token.hand().press(ushield_emulator::runner::Key::Ok).await;
        lost_answer(&token).await;
        phone.power.cut();
    };
    let (ended, ()) = tokio::join!(phone.run(phone.finish(&customer, order)), person);
    assert!(ended.is_none());
    token.restart().await;
    let phone = phone.restart().await;
    let report = phone.resume(&Customer::new(token.hand()).who(Will::Watch)).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn a_phone_without_its_store_takes_the_open_order_from_the_bank() {
    let (scene, token, phone) = Scene::ready().await;
    let phone = die_at(phone, &Customer::new(token.hand()).who(Will::Watch), At::Shown).await;
    drop(phone);
    token.line.cut();
    let other = scene.phone("小张的新手机", &token).await;
    // The new phone cannot take over what the old one has on the screen; the customer rejects that.
    token.hand().read_order().await;
    token.hand().press(ushield_emulator::runner::Key::Cancel).await;
    other.pair(&Customer::new(token.hand())).await.unwrap();
    let adopted = other.client.adopt().await.unwrap().orders;
    assert_eq!(adopted.len(), 1);
    let report = other.resume(&Customer::new(token.hand()).who(Will::Watch)).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Rejected, "the stored rejection, whoever asks");
    scene.moved(&[]).await;
}

#[tokio::test]
async fn a_certificate_download_survives_the_phones_death() {
    for at in [At::Requested, At::Prepared, At::Sent, At::Shown, At::Decided, At::Submitted, At::Settled] {
        let scene = Scene::open().await;
        let token = scene.token().await;
        let phone = scene.with_pin(&token).await;
        let will = if at < At::Decided { Will::Watch } else { Will::Approve };
        phone.power.goes(at);
        let customer = Customer::new(token.hand()).who(will);
        assert!(phone.run(phone.download_certificate(&customer)).await.is_none(), "{at:?}");
        let phone = phone.restart().await;
        let customer = Customer::new(token.hand());
        phone.download_certificate(&customer).await.unwrap_or_else(|error| panic!("{at:?}: {error}"));
        let orders = scene.ledger().await.orders;
        assert_eq!(orders.len(), 1, "{at:?}: one order");
        let report = phone.transfer(&Customer::new(token.hand()), &transfer(AMOUNT)).await;
        assert_eq!(report.unwrap().receipt.outcome, Outcome::Executed, "{at:?}");
        scene.moved(&[AMOUNT]).await;
    }
}

/// What a person wants who resumes is a token that has its certificate.
#[tokio::test]
async fn a_resumed_download_brings_the_certificate_to_the_token() {
    for at in [At::Requested, At::Prepared, At::Sent, At::Shown, At::Decided, At::Submitted, At::Settled] {
        let scene = Scene::open().await;
        let token = scene.token().await;
        let phone = scene.with_pin(&token).await;
        let will = if at < At::Decided { Will::Watch } else { Will::Approve };
        phone.power.goes(at);
        let customer = Customer::new(token.hand()).who(will);
        assert!(phone.run(phone.download_certificate(&customer)).await.is_none(), "{at:?}");
        let phone = phone.restart().await;
        let report = phone.resume(&Customer::new(token.hand())).await;
        assert_eq!(report.unwrap().receipt.outcome, Outcome::Executed, "{at:?}");
        let watching = Customer::watching(&token);
        let on_token = phone.client.certificate_on_token(&*phone.link, &watching, None, Role::Pay);
        let paired = phone.client.token(None).unwrap();
        assert_eq!(
            Some(on_token.await.unwrap()),
            phone.client.certificate(&paired, Role::Pay).unwrap(),
            "{at:?}"
        );
        assert!(!phone.client.certificate_is_due(&paired, Role::Pay).unwrap(), "{at:?}");
        let again = phone.client.resume(&*phone.link, &Customer::watching(&token)).await.unwrap();
        assert!(again.is_empty(), "{at:?}: {again:?}");
    }
}

/// The bank issued it, and the token was away: until it is back that is said, and not success.
#[tokio::test]
async fn a_certificate_that_could_not_be_stored_is_due_and_is_stored_by_a_later_resume() {
    let scene = Scene::open().await;
    let mut token = scene.token().await;
    let phone = scene.with_pin(&token).await;
    phone.power.goes(At::Submitted);
    assert!(phone.run(phone.download_certificate(&Customer::new(token.hand()))).await.is_none());
    let phone = phone.restart().await;
    let watching = Customer::watching(&token);
    token.hand().acknowledge().await;
    token.switch_off().await;
    let away = phone.resume(&watching).await.unwrap_err();
    assert!(matches!(away.code(), Code::TokenNotFound | Code::LinkLost), "{away}");
    let paired = phone.client.token(None).unwrap();
    assert!(phone.client.certificate_is_due(&paired, Role::Pay).unwrap());
    let entry = phone.client.history().await.unwrap().pop().unwrap();
    assert_eq!((entry.status, entry.certificate_due), (Status::Ended(Outcome::Executed), true));

    token.switch_on().await;
    let phone = phone.restart().await;
    let customer = Customer::watching(&token);
    assert_eq!(phone.resume(&customer).await.unwrap().receipt.outcome, Outcome::Executed);
    assert_eq!(customer.times("resuming"), 1);
    assert!(!phone.client.certificate_is_due(&paired, Role::Pay).unwrap());
    let report = phone.transfer(&Customer::new(token.hand()), &transfer(AMOUNT)).await;
    assert_eq!(report.unwrap().receipt.outcome, Outcome::Executed);
}

/// The requests that are kept and have no order yet.
async fn requested(phone: &Phone) -> Vec<[u8; 16]> {
    let mut entries = phone.client.history().await.unwrap();
    entries.retain(|entry| entry.status == Status::Requested);
    entries.into_iter().map(|entry| entry.creation).collect()
}

#[tokio::test]
async fn an_error_names_the_request_that_is_kept_and_none_where_nothing_is() {
    let (scene, token, phone) = Scene::ready().await;
    let customer = Customer::new(token.hand());
    let bad = ushield_bank_api::Transfer { amount: 0, ..transfer(AMOUNT) };
    assert_eq!(phone.order(&customer, &bad).await.unwrap_err().request(), None);
    phone.bank.close();
    let lost = phone.order(&customer, &transfer(AMOUNT)).await.unwrap_err();
    assert_eq!(lost.code(), Code::BankUnreachable);
    assert_eq!(requested(&phone).await, [lost.request().unwrap()]);
    phone.bank.open();
    assert_eq!(phone.resume(&customer).await.unwrap().receipt.outcome, Outcome::Executed);
    // The bank's no ends it.
    let much = phone.order(&customer, &transfer(u64::pow(10, 14))).await.unwrap_err();
    assert_eq!((much.code(), much.request()), (Code::InsufficientFunds, None));
    assert!(requested(&phone).await.is_empty());
    scene.moved(&[AMOUNT]).await;
}
