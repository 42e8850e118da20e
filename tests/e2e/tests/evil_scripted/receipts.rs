//! A bank that lies about how an order ended, or about the certificate that it issued.

use ushield_bank_api::Role;
use ushield_e2e::evil::World;
use ushield_e2e::evil::bank::Lies;
use ushield_protocol::code::Code;
use ushield_protocol::key::{BankId, Hash, OrderId, Sign as _, SigningKey};
use ushield_protocol::receipt::{Outcome, Receipt};

use crate::is;

fn stranger() -> SigningKey {
    SigningKey::from_bytes(&[0x31; 32]).unwrap()
}

/// The receipt is refused; the order is unknown, never failed and never ended; the true receipt ends it later, and it was executed once.
async fn is_refused(seed: u64, lie: impl FnOnce(&mut Lies), code: Code) {
    let mut world = World::ready(seed).await;
    let id = world.create().await.unwrap();
    world.bank.lie(lie);
    is(&world.run(id).await.unwrap_err(), code);
    assert_eq!(world.statuses().await, ["unknown"]);
    assert!(world.person.was_told("unknown") && !world.person.was_told("settled"));
    world.bank.repent();
    world.restart();
    let report = world.run(id).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    assert_eq!(world.bank.executed(), [(id, 1_234_567)]);
    assert_eq!(world.statuses().await, ["executed"]);
}

fn says(change: impl FnMut(&mut Receipt) + Send + 'static) -> impl FnOnce(&mut Lies) {
    |lies| lies.receipt = Some(Box::new(change))
}

#[tokio::test]
async fn receipt_of_another_order() {
    is_refused(170, says(|receipt| receipt.order = OrderId::from_random([1; 16])), Code::BankLied).await;
    // The same id with another content.
    is_refused(171, says(|receipt| receipt.order_hash = Hash::ZERO), Code::BankLied).await;
}

#[tokio::test]
async fn receipt_by_an_unknown_key() {
    is_refused(172, |lies| lies.receipt_signer = Some(stranger()), Code::UnknownOrderKey).await;
}

#[tokio::test]
async fn receipt_by_an_order_key() {
    let key = World::ready(173).await.bank.keys().transfer;
    is_refused(173, |lies| lies.receipt_signer = Some(key), Code::OperationNotAllowed).await;
}

#[tokio::test]
async fn receipt_of_another_bank() {
    let other = |receipt: &mut Receipt| receipt.bank = BankId::new("OTHRCNBJ").unwrap();
    is_refused(174, says(other), Code::WrongBank).await;
}

#[tokio::test]
async fn receipt_from_outside_the_keys_validity() {
    is_refused(175, says(|receipt| receipt.ended += 365 * 86_400), Code::IssuedOutsideValidity).await;
}

#[tokio::test]
async fn receipt_that_refuses_without_a_reason() {
    let refused = |receipt: &mut Receipt| receipt.outcome = Outcome::Refused;
    is_refused(176, says(refused), Code::BankLied).await;
}

#[tokio::test]
async fn receipt_with_a_flipped_signature() {
    let world = World::ready(177).await;
    let id = world.create().await.unwrap();
    world.bank.answers(|request, mut response| {
        if request.path.ends_with("/authorization") {
            let mut body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            let mut receipt = ushield_bank_api::bytes::decode(body["receipt"].as_str().unwrap()).unwrap();
            let at = receipt.len() - 40;
            receipt[at] ^= 1;
            body["receipt"] = ushield_bank_api::bytes::encode(&receipt).into();
            response.body = zeroize::Zeroizing::new(serde_json::to_vec(&body).unwrap());
        }
        Ok(response)
    });
    is(&world.run(id).await.unwrap_err(), Code::BadSignature);
    assert_eq!(world.statuses().await, ["unknown"]);
}

#[tokio::test]
async fn a_receipt_that_claims_another_outcome_later() {
    let mut world = World::ready(178).await;
    let report = world.transfer().await.unwrap();
    let id = report.order;
    world.bank.lie(says(|receipt| receipt.outcome = Outcome::Cancelled));
    // Neither a cancel, nor a further run, nor a restart makes the client forget what the bank signed first.
    let again = world.client.cancel_order(&world.token, &world.person, id).await.unwrap();
    assert_eq!(again.receipt, report.receipt);
    world.restart();
    assert_eq!(world.run(id).await.unwrap().receipt, report.receipt);
    assert!(world.client.resume(&world.token, &world.person).await.unwrap().is_empty());
    assert_eq!(world.statuses().await, ["executed"]);
    assert_eq!(world.bank.executed().len(), 1);
}

#[tokio::test]
async fn a_certificate_over_another_key() {
    let world = World::paired(179).await;
    world.token.repent();
    world.bank.lie(|lies| lies.certified_key = Some(stranger().public_key()));
    let download = world.client.download_certificate(&world.token, &world.person, None, Role::Pay).await;
    is(&download.unwrap_err(), Code::WrongCertificate);
    let token = world.client.token(None).unwrap();
    assert_eq!(world.client.certificate(&token, Role::Pay).unwrap(), None, "it is not kept");
    assert!(!world.token.commands().contains(&0x0a), "the token was not given it");
    // Asked for again, the bank says the same; the token knows better.
    let refused = ushield_protocol::message::Reply::status(Code::WrongCertificate).encode();
    world.token.lie(ushield_e2e::evil::Step::Result, move |_| refused.clone());
    let download = world.client.download_certificate(&world.token, &world.person, None, Role::Pay).await;
    is(&download.unwrap_err(), Code::WrongCertificate);
    assert_eq!(world.client.certificate(&token, Role::Pay).unwrap(), None, "it is not kept");
}

#[tokio::test]
async fn a_certificate_that_is_none() {
    let world = World::paired(180).await;
    world.token.repent();
    world.bank.answers(|request, mut response| {
        if request.path.ends_with("/authorization") {
            let mut body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            body["certificate"] = serde_json::json!(["AAAA"]);
            response.body = zeroize::Zeroizing::new(serde_json::to_vec(&body).unwrap());
        }
        Ok(response)
    });
    let download = world.client.download_certificate(&world.token, &world.person, None, Role::Pay).await;
    is(&download.unwrap_err(), Code::BankLied);
    let history = world.client.history().await.unwrap();
    assert_eq!(history[0].status.name(), "executed", "the receipt holds all the same");
    // The bank's next word is true, and the certificate is there.
    world.bank.repent();
    world.client.download_certificate(&world.token, &world.person, None, Role::Pay).await.unwrap();
    let token = world.client.token(None).unwrap();
    assert!(world.client.certificate(&token, Role::Pay).unwrap().is_some());
}
