//! What the customer, or the app, asks for and cannot have: said before the bank hears of it, with the member at fault.

use ushield_bank_api::{AccountScheme, Password, Transfer};
use ushield_client::error::Place;
use ushield_client::{Error, SetupRequest};
use ushield_e2e::evil::{World, transfer};
use ushield_protocol::code::Code;
use zeroize::Zeroizing;

use crate::{is, nothing_executed};

#[track_caller]
fn member(error: &Error, name: &str) {
    let Some(Place::Member(found)) = error.place() else { panic!("{error:?}") };
    assert_eq!(found, name, "{error}");
}

/// The bank hears nothing of it, and nothing is remembered.
async fn is_refused(world: &World, change: impl FnOnce(&mut Transfer), code: Code, name: &str) {
    let heard = world.bank.requests().len();
    let mut asked = transfer();
    change(&mut asked);
    let error = world.client.create_transfer(&world.person, None, &asked).await.unwrap_err();
    is(&error, code);
    member(&error, name);
    assert_eq!(world.bank.requests().len(), heard);
    assert!(world.statuses().await.is_empty());
    nothing_executed(world);
}

#[tokio::test]
async fn bad_check_digits() {
    let world = World::ready(150).await;
    for (scheme, account) in [
        (AccountScheme::Iban, "GB82WEST12345698765433"),
        (AccountScheme::Iban, "GB82"),
        (AccountScheme::Card, "4111111111111112"),
        (AccountScheme::Card, "41111111111"),
    ] {
        let change = |asked: &mut Transfer| {
            asked.account_scheme = scheme;
            asked.creditor_account = account.to_owned();
        };
        is_refused(&world, change, Code::BadCheckDigits, "creditor_account").await;
    }
    // Plain accounts have none.
    let mut plain = transfer();
    plain.creditor_account = "4111111111111112".to_owned();
    world.client.create_transfer(&world.person, None, &plain).await.unwrap();
}

#[tokio::test]
async fn bad_text() {
    let world = World::ready(151).await;
    for bad in ["张\u{202e}三", "张\u{200b}三", "\u{feff}张三", "Zhаng", "张三😀", " 张三", ""] {
        is_refused(&world, |asked| asked.creditor_name = bad.to_owned(), Code::BadText, "creditor_name")
            .await;
        is_refused(&world, |asked| asked.creditor_agent = bad.to_owned(), Code::BadText, "creditor_agent")
            .await;
        if !bad.is_empty() {
            is_refused(
                &world,
                |asked| asked.remittance_text = bad.to_owned(),
                Code::BadText,
                "remittance_text",
            )
            .await;
        }
    }
    let long = "长".repeat(47);
    is_refused(&world, |asked| asked.creditor_name.clone_from(&long), Code::BadText, "creditor_name").await;
}

#[tokio::test]
async fn bad_input() {
    let world = World::ready(152).await;
    is_refused(&world, |asked| asked.amount = 0, Code::BadInput, "amount").await;
    is_refused(&world, |asked| asked.amount = 1_000_000_000_000_000, Code::BadInput, "amount").await;
    is_refused(&world, |asked| asked.debtor_account = "6222 02".to_owned(), Code::BadInput, "debtor_account")
        .await;
    for account in ["", "6217 0012", "６２１７"] {
        let change = |asked: &mut Transfer| asked.creditor_account = account.to_owned();
        is_refused(&world, change, Code::BadInput, "creditor_account").await;
    }
    for date in [20_260_230, 0, 19_991_231] {
        is_refused(&world, |asked| asked.execution_date = Some(date), Code::BadInput, "execution_date").await;
    }
}

#[tokio::test]
async fn unknown_currency() {
    let world = World::ready(153).await;
    for code in ["XXX", "cny", "", "人民币"] {
        is_refused(&world, |asked| asked.currency = code.to_owned(), Code::UnknownCurrency, "currency").await;
    }
}

#[tokio::test]
async fn bad_pin_format() {
    let world = World::ready(154).await;
    let id = world.create().await.unwrap();
    world.person.types(&["12"]);
    is(&world.run(id).await.unwrap_err(), Code::BadPinFormat);
    assert_eq!(world.token.orders().len(), 1, "of the certificate");
    nothing_executed(&world);
    assert_eq!(world.statuses().await, ["open"]);
}

#[tokio::test]
async fn pin_too_simple() {
    let world = World::ready(155).await;
    let commands = world.token.commands().len();
    world.person.types(&["204619", "234567"]);
    is(&world.client.change_pin(&world.token, &world.person, None).await.unwrap_err(), Code::PinTooSimple);
    assert_eq!(world.token.commands().len(), commands, "it was not sent");
}

#[tokio::test]
async fn a_set_up_that_cannot_be() {
    let refuse = |world: &World, change: &dyn Fn(&mut SetupRequest), code, name| {
        let mut request = world.setup();
        change(&mut request);
        let error = world.client.set_up(&request).unwrap_err();
        is(&error, code);
        member(&error, name);
    };
    let world = World::new(156);
    refuse(&world, &|request| request.trust.bank_id = "bank".to_owned(), Code::BadInput, "trust.bank_id");
    refuse(&world, &|request| request.trust.root = "ff".repeat(33), Code::BadInput, "trust.root");
    refuse(&world, &|request| request.trust.name = "银\u{202e}行".to_owned(), Code::BadText, "trust.name");
    refuse(&world, &|request| request.makers = Vec::new(), Code::BadInput, "makers");
    refuse(&world, &|request| request.makers = vec![vec![0x30]], Code::BadInput, "makers");
    refuse(&world, &|request| request.customer = String::new(), Code::BadInput, "customer");
    refuse(&world, &|request| request.phone = "p".repeat(33), Code::BadText, "phone");
    is(&world.client.setup().unwrap_err(), Code::NotSetUp);
    // And once is once: another root under the same feet would be another bank.
    world.set_up();
    world.set_up();
    let other = World::new(157).bank.trust().root;
    let changed = |change: &dyn Fn(&mut SetupRequest)| {
        let mut request = world.setup();
        change(&mut request);
        world.client.set_up(&request).err().map(|error| error.code())
    };
    assert_eq!(changed(&|request| request.trust.root.clone_from(&other)), Some(Code::OtherSetup));
    assert_eq!(changed(&|request| request.trust.bank_id = "OTHRCNBJ".to_owned()), Some(Code::OtherSetup));
    assert_eq!(changed(&|request| request.customer = "wang".to_owned()), Some(Code::OtherSetup));
    assert_eq!(world.client.setup().unwrap().root, world.bank.trust().root_key().unwrap());
    // A phone may be called otherwise from now on.
    assert_eq!(changed(&|request| request.phone = "Li's new name".to_owned()), None);
    assert_eq!(world.client.setup().unwrap().phone, "Li's new name");
}

#[tokio::test]
async fn not_signed_in() {
    let world = World::new(158);
    world.set_up();
    world.pair().await.unwrap();
    is(&world.create().await.unwrap_err(), Code::NotSignedIn);
    assert!(world.statuses().await.is_empty(), "nothing is written that cannot be asked for");
    is(&world.client.accounts().await.unwrap_err(), Code::NotSignedIn);
    assert_eq!(world.bank.orders(), 0);
}

#[tokio::test]
async fn wrong_password() {
    let world = World::new(159);
    world.set_up();
    let password = Password::new(Zeroizing::new(b"guess".to_vec())).unwrap();
    let error = world.client.sign_in(password).await.unwrap_err();
    is(&error, Code::WrongPassword);
    assert_eq!(error.tries_left(), Some(4));
    assert!(!world.client.is_signed_in().unwrap());
    assert!(!format!("{error:?}").contains("guess"));
}

#[tokio::test]
async fn unknown_order() {
    let world = World::ready(160).await;
    let id = ushield_protocol::key::OrderId::from_random([1; 16]);
    is(&world.run(id).await.unwrap_err(), Code::UnknownOrder);
    is(&world.client.cancel_order(&world.token, &world.person, id).await.unwrap_err(), Code::UnknownOrder);
    is(&world.client.preview(id).await.err().unwrap(), Code::UnknownOrder);
}
