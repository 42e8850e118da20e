//! The whole path once: pair, PIN, certificate, transfer; the money moves once, and everything that was said is signed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

use ushield_bank_api::Role;
use ushield_client::{Status, TokenScreen};
use ushield_e2e::customer::{Customer, Will, question};
use ushield_e2e::pages::Page;
use ushield_e2e::scene::{ACCOUNT, Scene, transfer};
use ushield_emulator::runner::Key;
use ushield_protocol::code::Code;
use ushield_protocol::receipt::Outcome;

/// All that the pages say, without the spaces that the layout puts in.
fn said(pages: &[Page]) -> String {
    let lines = pages.iter().flat_map(Page::content);
    lines.flat_map(str::chars).filter(|c| *c != ' ').collect()
}

#[tokio::test]
async fn money_moves_once_after_everything_was_read_and_approved() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.phone("小张的手机", &token).await;
    let customer = Customer::new(token.hand());

    let paired = phone.pair(&customer).await.unwrap();
    assert_eq!(paired.pairing.device, token.device().device_id);
    assert_eq!(paired.pairing.brand, "U-Shield");
    phone.change_pin(&customer).await.unwrap();
    let issued = phone.download_certificate(&customer).await.unwrap().unwrap();
    assert_eq!(issued.receipt.outcome, Outcome::Executed);

    let order = phone.order(&customer, &transfer(1_234_567)).await.unwrap();
    let offered: Vec<String> = phone.client.preview(order).await.unwrap().iter().map(str::to_owned).collect();
    let report = phone.finish(&customer, order).await.unwrap();
    assert_eq!((report.order, report.receipt.outcome), (order, Outcome::Executed));

    let read = customer.orders_read().pop().unwrap();
    let shown: Vec<&str> = read.iter().map(Page::text).collect();
    assert_eq!(shown, offered, "the phone offered the very pages that the token showed");
    let said = said(&read);
    for part in [
        "金额CNY12,345.67",
        "收款人杭州西湖龙井茶业有限公司",
        "账号6217001210024455220",
        "开户行中国建设银行杭州分行",
        "附言货款合同2026-1107号",
        "付款账号6222021001116245702",
        "银行USHDCNBJ",
        order.to_string().as_str(),
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }

    scene.moved(&[1_234_567]).await;
    let booked = scene.at_bank(order).await;
    assert_eq!((booked.decision, booked.state.as_str()), (Some("approved"), "executed"));
    for moment in
        ["connecting", "connected", "creating-order", "review-on-token", "approved", "submitting", "settled"]
    {
        assert!(customer.times(moment) > 0, "{moment}: {:?}", customer.moments());
    }
}

#[tokio::test]
async fn a_rejection_is_signed_and_moves_nothing() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.with_certificate(&token).await;
    let customer = Customer::new(token.hand()).who(Will::Reject);
    let report = phone.transfer(&customer, &transfer(500)).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Rejected);
    assert_eq!(customer.times("rejected"), 1);
    assert_eq!(customer.times("approved"), 0);
    let booked = scene.at_bank(report.order).await;
    assert_eq!((booked.decision, booked.state.as_str()), (Some("rejected"), "rejected"));
    scene.moved(&[]).await;

    // It was a no to that order only.
    let report = phone.transfer(&Customer::new(token.hand()), &transfer(500)).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    scene.moved(&[500]).await;
}

#[tokio::test]
async fn the_history_has_every_order_with_its_verified_receipt() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.with_certificate(&token).await;
    scene.clock.advance(60);
    let approved = phone.transfer(&Customer::new(token.hand()), &transfer(700)).await.unwrap();
    scene.clock.advance(60);
    let no = Customer::new(token.hand()).who(Will::Reject);
    let rejected = phone.transfer(&no, &transfer(800)).await.unwrap();

    // From the store alone: a new client, and a bank that is away.
    let phone = phone.restart().await;
    phone.bank.close();
    let history = phone.client.history().await.unwrap();
    let ends: Vec<_> = history.iter().map(|entry| (entry.id.unwrap(), entry.status)).collect();
    assert_eq!(
        ends[..2],
        [
            (rejected.order, Status::Ended(Outcome::Rejected)),
            (approved.order, Status::Ended(Outcome::Executed))
        ]
    );
    assert_eq!(history.len(), 3, "and the certificate's order");
    for entry in &history {
        let (order, receipt) = (entry.order.as_ref().unwrap(), entry.receipt.as_ref().unwrap());
        assert_eq!((receipt.order, receipt.order_hash), (order.id(), order.hash()));
        assert!(!entry.cancelled);
    }
    assert!(phone.bank.requests().is_empty());
}

#[tokio::test]
async fn a_finished_order_is_reported_again_and_reaches_nobody() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.with_certificate(&token).await;
    let first = phone.transfer(&Customer::new(token.hand()), &transfer(900)).await.unwrap();
    let (connections, requests) = (token.line.connections(), phone.bank.requests().len());
    let again = phone.finish(&Customer::new(token.hand()).who(Will::Watch), first.order).await.unwrap();
    assert_eq!(again.receipt, first.receipt);
    assert_eq!((token.line.connections(), phone.bank.requests().len()), (connections, requests));
    scene.moved(&[900]).await;
}

#[tokio::test]
async fn the_certificate_is_on_the_token_the_phone_and_at_the_bank() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.with_certificate(&token).await;
    let watcher = Customer::new(token.hand()).who(Will::Watch);
    let record = phone.client.token(None).unwrap();
    let here = phone.client.certificate(&record, Role::Pay).unwrap().unwrap();
    let there = phone.client.certificate_on_token(&*phone.link, &watcher, None, Role::Pay).await.unwrap();
    assert_eq!(here, there);
    let (info, phones) = phone.client.token_info(&*phone.link, &watcher, None).await.unwrap();
    assert!(info.pay.is_some() && info.login.is_none());
    assert!(info.flags.pay && !info.flags.pin_initial);
    assert_eq!((phones.len(), phones[0].this), (1, true));

    // The same command again stores it again, which changes nothing; a second first certificate there is not.
    assert!(phone.download_certificate(&watcher).await.unwrap().is_none());
    let again = phone.client.certificate_on_token(&*phone.link, &watcher, None, Role::Pay).await.unwrap();
    assert_eq!(again, here);
    let orders = scene.ledger().await.orders;
    assert_eq!(orders.iter().filter(|order| order.operation == "certificate-download").count(), 1);
}

#[tokio::test]
async fn a_certificate_order_can_be_rejected_and_asked_for_again() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.with_pin(&token).await;
    let no = Customer::new(token.hand()).who(Will::Reject);
    let report = phone.download_certificate(&no).await.unwrap().unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Rejected);
    let refused = phone.order(&no, &transfer(100)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NoCertificate);
    let report = phone.download_certificate(&Customer::new(token.hand())).await.unwrap().unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    phone.transfer(&Customer::new(token.hand()), &transfer(100)).await.unwrap();
    scene.moved(&[100]).await;
}

#[tokio::test]
async fn digits_that_differ_pair_nothing() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.phone("小张的手机", &token).await;
    let customer = Customer::new(token.hand()).who(Will::Watch);
    token.hand().open_pairing().await;
    let pending = phone.client.pair(&*phone.link, &customer, true).await.unwrap();
    let shown = token.hand().see("digits", |page| page.digits().is_some()).await;
    assert_eq!(shown.digits(), Some(pending.digits().to_string().as_str()));
    pending.differ().await.unwrap();
    assert!(phone.client.tokens().unwrap().is_empty());
    token.hand().see("pairing mode with one try spent", |page| page.says("1/3")).await;

    // C on the token declines although the phone said yes.
    let pending = phone.client.pair(&*phone.link, &customer, false).await.unwrap();
    let screen = question(TokenScreen::Pairing);
    let (declined, _) = tokio::join!(pending.confirm(&customer), customer.hand().answer(screen, Key::Cancel));
    assert_eq!(declined.unwrap_err().code(), Code::Declined);
    assert!(phone.client.tokens().unwrap().is_empty());
    let (_, none) = (token.hand().go_home().await, token.hand().page());
    assert!(none.says("已配对手机: 0"), "{none:?}");
}

#[tokio::test]
async fn accounts_are_the_banks() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.with_certificate(&token).await;
    phone.transfer(&Customer::new(token.hand()), &transfer(2_500)).await.unwrap();
    let accounts = phone.client.accounts().await.unwrap().accounts;
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0].number, ACCOUNT);
    assert_eq!(i64::try_from(accounts[0].balance).unwrap(), scene.balance().await);
}
