//! Pairing by the code on the token's screen, over TCP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

use std::time::Duration;

use ushield_client::{Moment, PinReason, TokenScreen};
use ushield_e2e::customer::{Customer, Will};
use ushield_e2e::phone::Phone;
use ushield_e2e::proxy::{Fate, Way};
use ushield_e2e::scene::{Scene, transfer};
use ushield_e2e::token::Token;
use ushield_emulator::runner::Key;
use ushield_protocol::code::Code;
use ushield_protocol::message::{Kind, P1_BY_CODE, Versions};
use ushield_protocol::noise::{DhSecret, Handshake, Pattern, StaticKey};
use ushield_protocol::pairing_code::PairingCode;
use ushield_protocol::render::Locale;
use ushield_protocol::secret::Secret;

async fn scene() -> (Scene, Token, Phone) {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.phone("小张的手机", &token).await;
    (scene, token, phone)
}

fn told_to_press_ok(customer: &Customer) -> bool {
    let moment = Moment::PressOkOnToken { screen: TokenScreen::PairingByCode };
    customer.moments().contains(&moment)
}

/// Nothing is paired, the customer was not told to press OK, and the token has drawn another code.
fn nothing_came_of_it(token: &Token, phone: &Phone, customer: &Customer, before: &PairingCode) {
    assert!(phone.client.tokens().unwrap().is_empty());
    assert!(!told_to_press_ok(customer));
    assert!(token.hand().scan().unwrap().psk() != before.psk(), "the same code again");
}

#[tokio::test]
async fn a_phone_pairs_by_the_code_and_pays() {
    let (scene, token, phone) = scene().await;
    let customer = Customer::watching(&token);
    let code = token.hand().show_code().await;
    let person = async {
        token.hand().see("the page that tells to wait", |page| page.says("请等待")).await;
        assert!(token.hand().scan().is_none(), "the code is used");
        // Only after the phone says so.
        customer.told("press-ok-on-token").await;
        token.hand().answer("您的手机是否提示", Key::Ok).await;
    };
    let (paired, ()) = tokio::join!(phone.pair_by_code(&customer, code), person);
    assert_eq!(paired.unwrap().pairing.device, token.device().device_id);
    assert!(told_to_press_ok(&customer));
    assert!(customer.asked_for_pin().is_empty());
    let p1 = token.line.messages().into_iter().find(|message| message.way == Way::ToToken).unwrap();
    assert_eq!((p1.body.len(), p1.body[0]), (54, P1_BY_CODE));

    let customer = Customer::new(token.hand());
    phone.change_pin(&customer).await.unwrap();
    phone.download_certificate(&customer).await.unwrap();
    phone.transfer(&customer, &transfer(100)).await.unwrap();
    scene.moved(&[100]).await;
}

#[tokio::test]
async fn a_second_phone_needs_the_pin() {
    let (scene, token, first) = scene().await;
    first.pair(&Customer::new(token.hand())).await.unwrap();
    first.change_pin(&Customer::new(token.hand())).await.unwrap();
    let second = scene.phone("小张的平板", &token).await;
    let wrong = Customer::new(token.hand()).giving(&["999777"]);
    let code = token.hand().show_code().await;
    let refused = second.pair_by_code(&wrong, code).await.unwrap_err();
    assert_eq!((refused.code(), refused.tries_left()), (Code::PinWrong, Some(4)));
    let right = Customer::new(token.hand());
    let code = token.hand().scan().unwrap();
    second.pair_by_code(&right, code).await.unwrap();
    assert_eq!(right.asked_for_pin(), [PinReason::SecondPhone]);
}

#[tokio::test]
async fn a_wrong_code_is_a_try_and_costs_the_right_one() {
    let (_scene, token, phone) = scene().await;
    let customer = Customer::new(token.hand());
    let shown = token.hand().show_code().await;
    // The token's own fingerprint, and a guess.
    let mut guess = (*shown.to_text()).clone();
    let end = guess.split_off(40);
    guess.push_str(&end.replace(char::is_alphanumeric, "A"));
    let guess = PairingCode::parse(&guess).unwrap();
    let refused = phone.pair_by_code(&customer, guess).await.unwrap_err();
    assert_eq!(refused.code(), Code::PairingCodeSpent);
    nothing_came_of_it(&token, &phone, &customer, &shown);
    token.hand().see("one try", |page| page.says("1/3")).await;
    let late = phone.pair_by_code(&customer, shown).await.unwrap_err();
    assert_eq!(late.code(), Code::PairingCodeSpent);
    let code = token.hand().scan().unwrap();
    phone.pair_by_code(&customer, code).await.unwrap();
}

#[tokio::test]
async fn a_code_serves_once() {
    let (_scene, token, phone) = scene().await;
    let code = token.hand().show_code().await;
    let no = Customer::new(token.hand()).who(Will::Reject);
    let declined = phone.pair_by_code(&no, code.clone()).await.unwrap_err();
    assert_eq!(declined.code(), Code::Declined);
    let customer = Customer::new(token.hand());
    let again = phone.pair_by_code(&customer, code.clone()).await.unwrap_err();
    assert_eq!(again.code(), Code::PairingCodeSpent);
    nothing_came_of_it(&token, &phone, &customer, &code);
    token.hand().see("two tries", |page| page.says("2/3")).await;
    let code = token.hand().scan().unwrap();
    phone.pair_by_code(&customer, code.clone()).await.unwrap();
    // Not after success either.
    let closed = phone.pair_by_code(&customer, code).await.unwrap_err();
    assert_eq!(closed.code(), Code::NotPairing);
}

#[tokio::test]
async fn a_code_of_another_token_costs_nothing() {
    let (scene, token, mut phone) = scene().await;
    let other = scene.token_in(Locale::Zh, 2).await;
    let code = token.hand().show_code().await;
    let shown = other.hand().show_code().await;
    phone.turn_to(&other);
    let customer = Customer::new(other.hand());
    for _ in 0..4 {
        let wrong = phone.pair_by_code(&customer, code.clone()).await.unwrap_err();
        assert_eq!(wrong.code(), Code::WrongToken);
    }
    // No P3 has left: one pairing message a connection.
    let sent =
        |way| other.line.messages().iter().filter(|m| m.way == way && m.kind == Some(Kind::Pairing)).count();
    assert_eq!((sent(Way::ToToken), sent(Way::ToPhone)), (4, 4));
    assert!(other.hand().scan().unwrap().psk() == shown.psk());
    // Both codes are still good.
    phone.pair_by_code(&customer, shown).await.unwrap();
    phone.turn_to(&token);
    phone.pair_by_code(&Customer::new(token.hand()), code).await.unwrap();
}

#[tokio::test]
async fn who_relays_without_the_secret_gets_nothing() {
    let (_scene, token, phone) = scene().await;
    let customer = Customer::new(token.hand());
    let code = token.hand().show_code().await;

    // It begins with the token in its own name, and hands the phone what the token answers.
    let own = StaticKey::Here(DhSecret::from_bytes(&[9; 32]).unwrap());
    let mut handshake = Handshake::initiator(Pattern::XxPsk3, &own, &Secret::new([8; 32])).unwrap();
    let noise = handshake.write(&Versions::OURS.encode()).unwrap();
    let p1 = [&[P1_BY_CODE], noise.as_slice()].concat();
    token.line.rule(move |message| match (message.way, message.kind) {
        (Way::ToToken, Some(Kind::Pairing)) => Fate::Replace(p1.clone()),
        _ => Fate::Pass,
    });
    let broken = phone.pair_by_code(&customer, code.clone()).await.unwrap_err();
    assert_eq!(broken.code(), Code::ChannelBroken);
    assert!(token.hand().scan().unwrap().psk() == code.psk(), "P1 and P2 cost nothing");

    // It goes on in its own name, with the phone's P1 and P2 for cover: P3 is its own.
    let p3 = vec![7; 103];
    token.line.rule(move |message| match (message.way, message.kind) {
        (Way::ToToken, Some(Kind::Pairing)) if message.body.len() != 54 => Fate::Replace(p3.clone()),
        _ => Fate::Pass,
    });
    let spent = phone.pair_by_code(&customer, code.clone()).await.unwrap_err();
    assert_eq!(spent.code(), Code::PairingCodeSpent);
    nothing_came_of_it(&token, &phone, &customer, &code);

    // A P3 that was recorded does not open in another handshake.
    let code = token.hand().scan().unwrap();
    token.line.heal();
    token.line.forget();
    let no = Customer::new(token.hand()).who(Will::Reject);
    phone.pair_by_code(&no, code).await.unwrap_err();
    let recorded = token.line.messages();
    let recorded: Vec<_> = recorded.into_iter().filter(|m| m.way == Way::ToToken).map(|m| m.body).collect();
    assert_eq!((recorded[0].len(), recorded.len()), (54, 3));
    let code = token.hand().scan().unwrap();
    let p3 = recorded[1].clone();
    token.line.rule(move |message| match (message.way, message.kind) {
        (Way::ToToken, Some(Kind::Pairing)) if message.body.len() != 54 => Fate::Replace(p3.clone()),
        _ => Fate::Pass,
    });
    let spent = phone.pair_by_code(&customer, code).await.unwrap_err();
    assert_eq!(spent.code(), Code::PairingCodeSpent);
    token.hand().see("the end of the mode", |page| page.says("配对模式已关闭")).await;
    assert!(phone.client.tokens().unwrap().is_empty() && !told_to_press_ok(&customer));
}

#[tokio::test]
async fn after_its_time_a_code_is_none() {
    let (_scene, token, phone) = scene().await;
    let customer = Customer::new(token.hand());
    let code = token.hand().show_code().await;
    token.pass(Duration::from_secs(180)).await;
    assert!(token.hand().scan().is_none());
    let late = phone.pair_by_code(&customer, code.clone()).await.unwrap_err();
    assert_eq!(late.code(), Code::NotPairing);
    // The mode opened again, the digits being shown; then with another code.
    token.hand().open_pairing().await;
    let none = phone.pair_by_code(&customer, code.clone()).await.unwrap_err();
    assert_eq!(none.code(), Code::PairingCodeSpent);
    token.hand().press(Key::Down).await;
    let old = phone.pair_by_code(&customer, code).await.unwrap_err();
    assert_eq!(old.code(), Code::PairingCodeSpent);
    let code = token.hand().scan().unwrap();
    phone.pair_by_code(&customer, code).await.unwrap();
}

#[tokio::test]
async fn an_abort_after_p3_is_a_try_on_both_sides() {
    let (_scene, token, phone) = scene().await;
    let customer = Customer::new(token.hand());
    let mut code = token.hand().show_code().await;
    for at in 1..=3 {
        // P4 is the third message to the phone, behind hello and P2.
        token.line.after(Way::ToPhone, 2, Fate::Cut);
        let lost = phone.pair_by_code(&customer, code.clone()).await.unwrap_err();
        assert_eq!(lost.code(), Code::LinkLost);
        token.line.heal();
        if at < 3 {
            token.hand().see("a try", |page| page.says(&format!("{at}/3"))).await;
            nothing_came_of_it(&token, &phone, &customer, &code);
            code = token.hand().scan().unwrap();
        }
    }
    token.hand().see("the end of the mode", |page| page.says("配对模式已关闭")).await;
    assert!(token.hand().scan().is_none());
    let code = token.hand().show_code().await;
    let spent = phone.pair_by_code(&customer, code.clone()).await.unwrap_err();
    assert_eq!(spent.code(), Code::PairingTriesSpent, "the phone counts too");
    phone.client.pair_by_code(&*phone.link, &customer, code, true).await.unwrap();
}

#[tokio::test]
async fn a_link_that_breaks_before_p3_costs_nothing() {
    let (_scene, token, phone) = scene().await;
    let customer = Customer::new(token.hand());
    let code = token.hand().show_code().await;
    // P2 is lost: the phone begins again by itself, with the same code.
    token.line.after(Way::ToPhone, 1, Fate::Cut);
    phone.pair_by_code(&customer, code).await.unwrap();
    assert_eq!(token.line.connections(), 2);
}

#[tokio::test]
async fn the_page_is_gone_after_sixty_seconds() {
    let (_scene, token, phone) = scene().await;
    let customer = Customer::watching(&token);
    let code = token.hand().show_code().await;
    let person = async {
        token.hand().see("the question", |page| page.says("您的手机是否提示")).await;
        token.pass(Duration::from_secs(60)).await;
    };
    let (ended, ()) = tokio::join!(phone.pair_by_code(&customer, code.clone()), person);
    assert_eq!(ended.unwrap_err().code(), Code::TimedOut);
    assert!(token.hand().scan().unwrap().psk() != code.psk());
    assert!(phone.client.tokens().unwrap().is_empty());
}
