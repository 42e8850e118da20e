//! Several phones of one token.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

use ushield_client::{Moment, PinReason};
use ushield_e2e::customer::{Customer, PIN, Will};
use ushield_e2e::phone::Phone;
use ushield_e2e::scene::{Scene, transfer};
use ushield_e2e::token::Token;
use ushield_emulator::runner::Key;
use ushield_protocol::code::Code;
use ushield_protocol::key::PhoneId;
use ushield_protocol::receipt::Outcome;

async fn two() -> (Scene, Token, Phone, Phone) {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let first = scene.with_certificate(&token).await;
    let second = scene.phone("小张的平板", &token).await;
    second.pair(&Customer::new(token.hand())).await.unwrap();
    (scene, token, first, second)
}

async fn phones(phone: &Phone, token: &Token) -> Vec<(PhoneId, String, bool)> {
    let info = phone.client.token_info(&*phone.link, &Customer::watching(token), None).await.unwrap();
    info.1.into_iter().map(|phone| (phone.id, phone.name, phone.this)).collect()
}

fn own_id(phone: &Phone) -> PhoneId {
    phone.client.token(None).unwrap().pairing.phone.phone_id()
}

async fn forget(
    by: &Phone,
    customer: &Customer,
    phone: Option<PhoneId>,
) -> Result<(), ushield_client::Error> {
    customer.hand().acknowledge().await;
    by.client.forget_phone(&*by.link, customer, None, phone).await
}

#[tokio::test]
async fn a_second_phone_needs_the_pin() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let first = scene.with_certificate(&token).await;
    let second = scene.phone("小张的平板", &token).await;

    let wrong = Customer::new(token.hand()).giving(&["999777"]);
    let refused = second.pair(&wrong).await.unwrap_err();
    assert_eq!((refused.code(), refused.tries_left()), (Code::PinWrong, Some(4)));
    assert!(second.client.tokens().unwrap().is_empty());

    let right = Customer::new(token.hand());
    second.pair(&right).await.unwrap();
    assert_eq!(right.asked_for_pin(), [PinReason::SecondPhone]);
    let listed = phones(&second, &token).await;
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().any(|(_, name, this)| name == "小张的平板" && *this));
    assert!(listed.iter().any(|(_, name, this)| name == "小张的手机" && !*this));
    let paid = second.transfer(&Customer::new(token.hand()), &transfer(100)).await.unwrap();
    assert_eq!(paid.receipt.outcome, Outcome::Executed, "the second phone can pay");
    first.transfer(&Customer::new(token.hand()), &transfer(200)).await.unwrap();
    scene.moved(&[100, 200]).await;
}

#[tokio::test]
async fn a_preview_takes_one_connection_since_the_pairing() {
    let (scene, token, _first, second) = two().await;
    let order = second.order(&Customer::new(token.hand()), &transfer(100)).await.unwrap();
    let refused = second.client.preview(order).await.err().unwrap();
    assert_eq!(refused.code(), Code::ProfileUnknown);
    phones(&second, &token).await;
    assert!(second.client.preview(order).await.is_ok());
    let paid = second.finish(&Customer::new(token.hand()), order).await.unwrap();
    assert_eq!(paid.receipt.outcome, Outcome::Executed);
    scene.moved(&[100]).await;
}

#[tokio::test]
async fn with_the_initial_pin_no_second_phone_is_paired() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let first = scene.paired(&token).await;
    // Until it has connected once, a pairing is provisional and there is no first phone.
    assert_eq!(phones(&first, &token).await.len(), 1);
    let second = scene.phone("小张的平板", &token).await;
    let refused = second.pair(&Customer::new(token.hand())).await.unwrap_err();
    assert_eq!(refused.code(), Code::PinInitial);
}

#[tokio::test]
async fn one_phone_is_forgotten_and_the_other_is_not() {
    let (scene, token, first, second) = two().await;
    let gone = own_id(&second);
    forget(&first, &Customer::new(token.hand()), Some(gone)).await.unwrap();
    let listed = phones(&first, &token).await;
    assert_eq!(listed.len(), 1);
    assert!(listed[0].2);

    // What is unauthenticated deletes nothing.
    let refused =
        second.client.token_info(&*second.link, &Customer::watching(&token), None).await.unwrap_err();
    assert_eq!(refused.code(), Code::UnknownPhone);
    assert_eq!(second.client.tokens().unwrap().len(), 1, "the pairing is kept");
    let refused = second.transfer(&Customer::new(token.hand()), &transfer(100)).await.unwrap_err();
    assert_eq!(refused.code(), Code::UnknownPhone);
    assert_eq!(second.client.tokens().unwrap().len(), 1);
    first.transfer(&Customer::new(token.hand()), &transfer(200)).await.unwrap();
    scene.moved(&[200]).await;

    // The customer pairs again, and its open order goes on.
    second.pair(&Customer::new(token.hand())).await.unwrap();
    let report = second.resume(&Customer::new(token.hand())).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    scene.moved(&[100, 200]).await;
}

#[tokio::test]
async fn forgetting_needs_ok_on_the_token() {
    let (_scene, token, first, second) = two().await;
    let gone = own_id(&second);
    let no = Customer::new(token.hand()).who(Will::Reject);
    let declined = forget(&first, &no, Some(gone)).await.unwrap_err();
    assert_eq!(declined.code(), Code::Declined);
    assert_eq!(phones(&second, &token).await.len(), 2);
}

#[tokio::test]
async fn the_forget_screen_names_the_phone() {
    let (_scene, token, first, second) = two().await;
    let customer = Customer::watching(&token);
    let gone = Some(own_id(&second));
    let person = async {
        let asked = customer.hand().answer("删除这部手机?", Key::Ok).await;
        assert!(asked.says("小张的平板"), "{asked:?}");
    };
    let (forgotten, ()) = tokio::join!(forget(&first, &customer, gone), person);
    forgotten.unwrap();
    assert!(customer.moments().iter().any(|moment| matches!(moment, Moment::PressOkOnToken { .. })));
}

#[tokio::test]
async fn a_phone_forgets_itself_on_both_sides() {
    let (_scene, token, first, second) = two().await;
    forget(&second, &Customer::new(token.hand()), None).await.unwrap();
    assert!(second.client.tokens().unwrap().is_empty());
    assert_eq!(phones(&first, &token).await.len(), 1);
    let refused = forget(&first, &Customer::watching(&token), Some(PhoneId::from([7; 8]))).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn forgetting_on_one_side_is_repaired_by_pairing_again() {
    let (scene, token, first, second) = two().await;
    first.client.forget_here(None).unwrap();
    assert!(first.client.tokens().unwrap().is_empty());
    assert_eq!(phones(&second, &token).await.len(), 2, "the token still knows it");
    first.pair(&Customer::new(token.hand())).await.unwrap();
    assert_eq!(phones(&second, &token).await.len(), 2, "the same phone, once");
    first.transfer(&Customer::new(token.hand()), &transfer(100)).await.unwrap();
    scene.moved(&[100]).await;
}

#[tokio::test]
async fn a_second_phones_order_is_busy_and_replaces_nothing() {
    let (scene, token, first, second) = two().await;
    let customer = Customer::watching(&token);
    let order = first.order(&customer, &transfer(100)).await.unwrap();
    let other = second.order(&Customer::watching(&token), &transfer(200)).await.unwrap();
    // The first phone leaves with its order on the screen.
    let leave = async {
        customer.told("review-on-token").await;
        first.power.cut();
    };
    let (ended, ()) = tokio::join!(first.run(first.finish(&customer, order)), leave);
    assert!(ended.is_none());
    let first = first.restart().await;
    let shown = token.hand().page();
    let busy = second.finish(&Customer::watching(&token), other).await.unwrap_err();
    assert_eq!(busy.code(), Code::Busy);
    assert_eq!(token.hand().page(), shown);
    // Nor can it clear what it did not deliver: at the bank its own order ends, on the screen nothing.
    let cancelled =
        second.client.cancel_order(&*second.link, &Customer::watching(&token), other).await.unwrap();
    assert_eq!(cancelled.receipt.outcome, Outcome::Cancelled);
    assert_eq!(token.hand().page(), shown);
    assert_eq!(first.resume(&Customer::new(token.hand())).await.unwrap().receipt.outcome, Outcome::Executed);
    scene.moved(&[100]).await;
}

#[tokio::test]
async fn three_tries_and_the_mode_has_to_be_opened_again() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.phone("小张的手机", &token).await;
    let customer = Customer::watching(&token);
    token.hand().open_pairing().await;
    for _ in 0..3 {
        let pending = phone.client.pair(&*phone.link, &customer, false).await.unwrap();
        pending.differ().await.unwrap();
        token.hand().see("the end of a try", |page| page.digits().is_none()).await;
    }
    let spent = phone.client.pair(&*phone.link, &customer, false).await.unwrap_err();
    assert_eq!(spent.code(), Code::PairingTriesSpent);
    // The customer's word alone does not open the token's mode.
    let closed = phone.client.pair(&*phone.link, &customer, true).await.unwrap_err();
    assert!([Code::NotPairing, Code::PairingTriesSpent].contains(&closed.code()), "{closed}");
    phone.pair(&Customer::new(token.hand())).await.unwrap();
}

#[tokio::test]
async fn a_pairing_over_a_cut_line_is_a_try_and_leaves_no_token() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.phone("小张的手机", &token).await;
    let customer = Customer::new(token.hand()).giving(&[PIN]);
    token.hand().open_pairing().await;
    // P4 is the third message to the phone, behind hello and P2.
    token.line.after(ushield_e2e::proxy::Way::ToPhone, 2, ushield_e2e::proxy::Fate::Cut);
    let lost = phone.client.pair(&*phone.link, &customer, false).await.unwrap_err();
    assert_eq!(lost.code(), Code::LinkLost);
    assert!(phone.client.tokens().unwrap().is_empty());
    token.line.heal();
    token.hand().see("one try spent", |page| page.says("1/3")).await;
    phone.pair(&customer).await.unwrap();
}
