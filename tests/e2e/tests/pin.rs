//! The PIN: what it allows, what a wrong one costs, and what can never cost a try.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

use ushield_client::catalogue::{Catalogue, Language};
use ushield_client::error::Doubt;
use ushield_client::{Moment, PinReason};
use ushield_e2e::customer::{Customer, PIN, Will};
use ushield_e2e::pages::Ask;
use ushield_e2e::phone::Phone;
use ushield_e2e::ports::At;
use ushield_e2e::proxy::{Seen, Way};
use ushield_e2e::scene::{Scene, transfer};
use ushield_e2e::token::Token;
use ushield_e2e::wait::bounded;
use ushield_emulator::runner::Key;
use ushield_protocol::code::Code;
use ushield_protocol::pin::INITIAL_PIN;
use ushield_protocol::receipt::Outcome;

const WRONG: &str = "864209";
const AMOUNT: u64 = 4_200;

async fn tries(phone: &Phone, token: &Token) -> u8 {
    phone.client.token_info(&*phone.link, &Customer::watching(token), None).await.unwrap().0.tries
}

fn wrong_ones(customer: &Customer) -> Vec<u8> {
    let tries = |moment: &Moment| match moment {
        Moment::PinWrong { tries } => Some(*tries),
        _ => None,
    };
    customer.moments().iter().filter_map(tries).collect()
}

#[tokio::test]
async fn the_initial_pin_allows_nothing_but_its_change() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.paired(&token).await;
    let customer = Customer::new(token.hand()).giving(&["12345678"]);
    let refused = phone.download_certificate(&customer).await.unwrap_err();
    assert_eq!(refused.code(), Code::PinInitial);
    assert!(token.hand().page().number().is_none(), "nothing is drawn");
    assert!(customer.asked_for_pin().is_empty(), "nor is it asked for");

    phone.change_pin(&Customer::new(token.hand())).await.unwrap();
    let report = phone.download_certificate(&Customer::new(token.hand())).await.unwrap().unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed, "the same order goes on");
    assert_eq!(scene.ledger().await.orders.len(), 1);
}

#[tokio::test]
async fn a_change_says_what_is_wrong_with_it() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.with_pin(&token).await;
    let change = |current, new| Customer::new(token.hand()).changing(current, new);

    let wrong = phone.change_pin(&change(WRONG, "731905")).await.unwrap_err();
    assert_eq!((wrong.code(), wrong.tries_left()), (Code::PinWrong, Some(4)));
    let same = phone.change_pin(&change(PIN, PIN)).await.unwrap_err();
    assert_eq!(same.code(), Code::PinUnchanged);
    for simple in ["111111", "234567", "fedcba"] {
        let refused = phone.change_pin(&change(PIN, simple)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PinTooSimple, "{simple}");
    }
    let no = change(PIN, "731905").who(Will::Reject);
    assert_eq!(phone.change_pin(&no).await.unwrap_err().code(), Code::Declined);
    assert_eq!(tries(&phone, &token).await, 4, "only the one at OK was compared");
    phone.change_pin(&change(PIN, "731905")).await.unwrap();
    assert_eq!(tries(&phone, &token).await, 5);
}

#[tokio::test]
async fn the_pin_can_be_changed_with_the_last_try() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.with_pin(&token).await;
    for left in [4, 3, 2, 1] {
        let customer = Customer::new(token.hand()).changing(WRONG, "731905");
        let wrong = phone.change_pin(&customer).await.unwrap_err();
        assert_eq!((wrong.code(), wrong.tries_left()), (Code::PinWrong, Some(left)));
        token.hand().acknowledge().await;
    }
    let customer = Customer::new(token.hand()).changing(PIN, "731905");
    phone.change_pin(&customer).await.unwrap();
    assert_eq!(customer.times("last-try"), 1);
    assert_eq!(tries(&phone, &token).await, 5);
}

#[tokio::test]
async fn a_wrong_pin_says_the_tries_left_and_signs_nothing() {
    let (scene, token, phone) = Scene::ready().await;
    let customer = Customer::watching(&token).giving(&[WRONG]);
    let order = phone.order(&customer, &transfer(AMOUNT)).await.unwrap();
    let person = async {
        customer.told("review-on-token").await;
        token.hand().read_order().await;
        token.hand().press(Key::Ok).await;
        customer.told("pin-wrong").await;
        let page = token.hand().page();
        assert!(page.says("剩余次数: 4"), "{page:?}");
        phone.power.cut();
    };
    let (ended, ()) = tokio::join!(phone.run(phone.finish(&customer, order)), person);
    assert!(ended.is_none());
    assert_eq!(wrong_ones(&customer), [4]);
    let phone = phone.restart().await;
    assert_eq!(tries(&phone, &token).await, 4);
    scene.moved(&[]).await;
    assert_eq!(scene.at_bank(order).await.decision, None);

    // The right one in the same order, at a further OK, gives all tries back.
    let report = phone.resume(&Customer::new(token.hand())).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    assert_eq!(tries(&phone, &token).await, 5);
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn another_pin_is_compared_in_the_same_session() {
    let (scene, token, phone) = Scene::ready().await;
    let customer = Customer::new(token.hand()).giving(&[WRONG, WRONG, PIN]);
    let report = phone.transfer(&customer, &transfer(AMOUNT)).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    assert_eq!(wrong_ones(&customer), [4, 3]);
    let wrong = |tries| PinReason::WrongBefore { tries };
    assert_eq!(customer.asked_for_pin(), [PinReason::Approve, wrong(4), wrong(3)]);
    assert_eq!(tries(&phone, &token).await, 5);
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn ok_without_a_pin_asks_for_one_and_compares_nothing() {
    let (scene, token, phone) = Scene::ready().await;
    phone.power.goes(At::Sent);
    assert!(phone.run(phone.transfer(&Customer::new(token.hand()), &transfer(AMOUNT))).await.is_none());
    let phone = phone.restart().await;
    let customer = Customer::watching(&token);
    customer.keep_pin_back();
    let person = async {
        customer.told("review-on-token").await;
        token.hand().read_order().await;
        let page = token.hand().press(Key::Ok).await;
        assert_eq!(page.ask(), Ask::PinMissing, "{page:?}");
    };
    let (ended, ()) = tokio::join!(phone.resume(&customer), person);
    assert_eq!(ended.unwrap_err().code(), Code::Interrupted);
    assert_eq!(customer.times("pin-needed"), 1);
    assert_eq!(tries(&phone, &token).await, 5);
    scene.moved(&[]).await;

    let customer = Customer::new(token.hand());
    assert_eq!(phone.resume(&customer).await.unwrap().receipt.outcome, Outcome::Executed);
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn a_pin_that_nobody_confirms_costs_no_try() {
    let (_scene, token, phone) = Scene::ready().await;
    for _ in 0..6 {
        let customer = Customer::watching(&token).giving(&[WRONG]);
        let order = phone.order(&customer, &transfer(AMOUNT)).await.unwrap();
        let person = async {
            customer.told("review-on-token").await;
            // Reading is not confirming, nor is OK before the last page.
            token.hand().press(Key::Ok).await;
            token.hand().read_order().await;
            customer.cancel();
        };
        let (report, ()) = tokio::join!(phone.finish(&customer, order), person);
        assert_eq!(report.unwrap().receipt.outcome, Outcome::Cancelled);
    }
    assert_eq!(tries(&phone, &token).await, 5);
}

#[tokio::test]
async fn the_last_try_is_never_spent_unwarned() {
    let (scene, token, phone) = Scene::ready().await;
    let customer = Customer::new(token.hand()).giving(&[WRONG, WRONG, WRONG, WRONG, PIN]);
    let report = phone.transfer(&customer, &transfer(AMOUNT)).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    assert_eq!(wrong_ones(&customer), [4, 3, 2, 1]);
    assert_eq!(customer.times("last-try"), 1);
    assert_eq!(tries(&phone, &token).await, 5);
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn who_refuses_the_last_try_keeps_it() {
    let (scene, token, phone) = Scene::ready().await;
    let customer = Customer::new(token.hand()).giving(&[WRONG]);
    let order = phone.order(&customer, &transfer(AMOUNT)).await.unwrap();
    // Four wrong ones, then C at the warning.
    let person = async {
        customer.told("last-try").await;
    };
    customer.set(Will::Watch);
    let by_hand = async {
        customer.told("review-on-token").await;
        token.hand().read_order().await;
        loop {
            let page = token.hand().page();
            match page.ask() {
                Ask::LastTry => break,
                Ask::Decide | Ask::PinWrong => {
                    token.hand().press(Key::Ok).await;
                }
                Ask::PinMissing => {
                    token.hand().see("the order", |page| page.ask() == Ask::Decide).await;
                }
                other => panic!("{other:?}: {page:?}"),
            }
        }
        token.hand().press(Key::Cancel).await;
    };
    let (report, (), ()) = tokio::join!(phone.finish(&customer, order), person, by_hand);
    assert_eq!(report.unwrap().receipt.outcome, Outcome::Rejected);
    assert_eq!(tries(&phone, &token).await, 1);
    scene.moved(&[]).await;
}

#[tokio::test]
async fn a_locked_pin_approves_nothing_more() {
    let (scene, token, phone) = Scene::ready().await;
    let customer = Customer::new(token.hand()).giving(&[WRONG]);
    let locked = phone.transfer(&customer, &transfer(AMOUNT)).await.unwrap_err();
    assert_eq!((locked.code(), locked.tries_left()), (Code::PinLocked, Some(0)));
    assert_eq!(wrong_ones(&customer), [4, 3, 2, 1, 0]);
    assert!(customer.times("last-try") > 0);

    let right = Customer::new(token.hand());
    let locked = phone.resume(&right).await.unwrap_err();
    assert_eq!((locked.code(), locked.tries_left()), (Code::PinLocked, Some(0)));
    assert!(right.asked_for_pin().is_empty());
    assert!(token.hand().page().number().is_none(), "nothing is drawn");
    let change = phone.change_pin(&Customer::new(token.hand()).changing(PIN, "731905")).await.unwrap_err();
    assert_eq!(change.code(), Code::PinLocked);
    scene.moved(&[]).await;
}

#[tokio::test]
async fn tries_survive_the_tokens_power() {
    let (scene, mut token, phone) = Scene::ready().await;
    let customer = Customer::watching(&token).giving(&[WRONG]);
    let order = phone.order(&customer, &transfer(AMOUNT)).await.unwrap();
    let person = async {
        customer.told("review-on-token").await;
        token.hand().read_order().await;
        token.hand().press(Key::Ok).await;
        customer.told("pin-wrong").await;
        phone.power.cut();
    };
    let (ended, ()) = tokio::join!(phone.run(phone.finish(&customer, order)), person);
    assert!(ended.is_none());
    token.restart().await;
    let phone = phone.restart().await;
    assert_eq!(tries(&phone, &token).await, 4);
    scene.moved(&[]).await;
}

#[tokio::test]
async fn a_pin_is_forgotten_after_a_minute_without_a_key() {
    let (scene, token, phone) = Scene::ready().await;
    let customer = Customer::watching(&token);
    let order = phone.order(&customer, &transfer(AMOUNT)).await.unwrap();
    let person = async {
        customer.told("review-on-token").await;
        token.hand().read_order().await;
        token.pass(std::time::Duration::from_secs(61)).await;
        let page = token.hand().press(Key::Ok).await;
        assert_eq!(page.ask(), Ask::PinMissing, "{page:?}");
        token.hand().see("the order", |page| page.ask() == Ask::Decide).await;
        token.hand().press(Key::Ok).await;
    };
    let (report, ()) = tokio::join!(phone.finish(&customer, order), person);
    assert_eq!(report.unwrap().receipt.outcome, Outcome::Executed);
    assert_eq!(customer.times("pin-needed"), 1);
    assert_eq!(customer.asked_for_pin().len(), 2);
    scene.moved(&[AMOUNT]).await;
}

#[tokio::test]
async fn a_review_without_a_key_ends_unsigned() {
    let (scene, token, phone) = Scene::ready().await;
    let customer = Customer::watching(&token);
    let order = phone.order(&customer, &transfer(AMOUNT)).await.unwrap();
    let person = async {
        customer.told("review-on-token").await;
        token.pass(std::time::Duration::from_secs(121)).await;
    };
    let (ended, ()) = tokio::join!(phone.finish(&customer, order), person);
    assert_eq!(ended.unwrap_err().code(), Code::TimedOut);
    assert_eq!(scene.at_bank(order).await.decision, None);
    let report = phone.resume(&Customer::new(token.hand())).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed, "the order can be shown again");
    scene.moved(&[AMOUNT]).await;
}

/// The customer confirms the change of the PIN, and what the token says of it does not arrive.
async fn confirm_and_lose_the_answer(token: &Token) {
    token.hand().see("the question", |page| page.says("修改PIN") && page.ask() == Ask::Confirm).await;
    token.line.swallow(Way::ToPhone);
    token.hand().press(Key::Ok).await;
    let lost = |all: &[Seen]| all.last().is_some_and(|last| !last.passed && last.way == Way::ToPhone);
    bounded("an answer that is lost", token.line.until(lost)).await;
}

/// A phone that lost the token's word does not say that nothing happened.
#[tokio::test]
async fn a_change_whose_answer_is_lost_is_in_doubt() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.with_pin(&token).await;
    let customer = Customer::new(token.hand()).changing(PIN, "731905").who(Will::Watch);
    let person = async {
        confirm_and_lose_the_answer(&token).await;
        token.line.cut();
    };
    let (changed, ()) = tokio::join!(phone.change_pin(&customer), person);
    let error = changed.unwrap_err();
    assert_eq!((error.code(), error.doubt()), (Code::LinkLost, Some(Doubt::PinChange)));
    for language in Language::ALL {
        let (doubt, plain) =
            (Catalogue::new(language).text(&error), Catalogue::new(language).text(&Code::LinkLost.into()));
        assert!(doubt.what != plain.what && doubt.remedy != plain.remedy, "{doubt:?}");
    }
    token.line.heal();
    // It was not for nothing: the new one holds.
    phone.change_pin(&Customer::new(token.hand()).changing("731905", PIN)).await.unwrap();
    assert_eq!(tries(&phone, &token).await, 5);
}

/// The first PIN's change is gone on with by itself; where the token has gone meanwhile, nobody knows whether it holds.
#[tokio::test]
async fn a_first_change_is_in_doubt_when_the_token_is_gone() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.phone("小张的手机", &token).await;
    phone.pair(&Customer::new(token.hand())).await.unwrap();
    token.hand().acknowledge().await;
    let customer = Customer::new(token.hand()).changing(INITIAL_PIN, "731905").who(Will::Watch);
    let person = async {
        confirm_and_lose_the_answer(&token).await;
        token.line.close();
    };
    let (changed, ()) = tokio::join!(phone.change_pin(&customer), person);
    let error = changed.unwrap_err();
    assert_eq!((error.code(), error.doubt()), (Code::LinkLost, Some(Doubt::PinChange)));
}

#[tokio::test]
async fn forgetting_and_pairing_are_in_doubt_when_their_answer_is_lost() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.with_pin(&token).await;
    let cut_after_ok = async |what: &str| {
        token.hand().see(what, |page| page.says(what) && page.ask() == Ask::Confirm).await;
        token.line.swallow(Way::ToPhone);
        token.hand().press(Key::Ok).await;
        let lost = |all: &[Seen]| all.last().is_some_and(|last| !last.passed && last.way == Way::ToPhone);
        bounded("an answer that is lost", token.line.until(lost)).await;
        token.line.cut();
    };
    token.hand().acknowledge().await;
    let watching = Customer::watching(&token);
    let forget = phone.client.forget_phone(&*phone.link, &watching, None, None);
    let (forgotten, ()) = tokio::join!(forget, cut_after_ok("删除这部手机?"));
    assert_eq!(forgotten.unwrap_err().doubt(), Some(Doubt::Forget));
    token.line.heal();
    let info = phone.client.token_info(&*phone.link, &Customer::watching(&token), None).await;
    assert_eq!(info.unwrap_err().code(), Code::UnknownPhone);
    phone.client.forget_here(None).unwrap();

    let watching = Customer::watching(&token);
    let (paired, ()) = tokio::join!(phone.pair(&watching), async {
        watching.told("press-ok-on-token").await;
        cut_after_ok("配对手机").await;
    });
    assert_eq!(paired.unwrap_err().doubt(), Some(Doubt::Pairing));
    token.line.heal();
    // The token knows it, and takes it again.
    token.hand().acknowledge().await;
    phone.pair(&Customer::new(token.hand())).await.unwrap();
    let info = phone.client.token_info(&*phone.link, &Customer::watching(&token), None).await.unwrap();
    assert_eq!(info.1.len(), 1, "no second entry");
}
