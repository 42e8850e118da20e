use ushield_bank::admin;
use ushield_bank_api::{Certificates, KeyStatus, Role, route};
use ushield_protocol::attestation::Attestation;
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::csr;
use ushield_protocol::device::certified_key;
use ushield_protocol::key::{Sign as _, SigningKey};
use ushield_protocol::message;
use ushield_protocol::receipt::Outcome;

use crate::client::{World, certificate_in, certificate_request, key, problem};
use crate::token::{Maker, Token};

async fn world() -> (World, Token, String) {
    let world = World::new().await;
    let token = world.maker.token(1);
    world.hand_out(&token, "li").await;
    let session = world.sign_in("li").await;
    (world, token, session)
}

#[tokio::test]
async fn a_certificate_is_issued_to_the_attested_key_once() {
    let (world, token, session) = world().await;
    let order = world.create(&session, &key(), &certificate_request()).await;
    let attestation = token.attest(order.order.as_bytes());
    let reply = world.answer(&order.order_id, attestation.clone()).await;
    let chain = certificate_in(reply).await;
    assert_eq!(certified_key(&chain[0]), Some(token.pay.public_key()));
    assert_eq!(chain.len(), 2);
    // The reply was lost: the same again.
    let again = certificate_in(world.answer(&order.order_id, attestation).await).await;
    assert_eq!(again, chain);
    let listed: Certificates = world.get(&session, route::CERTIFICATES).await.json().await.unwrap();
    let [certificate] = listed.certificates.as_slice() else { panic!("one certificate") };
    assert_eq!((certificate.role, certificate.status), (Role::Pay, KeyStatus::Active));
    assert_eq!(certificate.key_id, token.pay.public_key().key_id().to_string());
    assert_eq!(certificate.order_id, order.order_id);
    let reply = world.try_create(&session, &key(), &certificate_request()).await;
    assert_eq!(problem(reply).await, (409, Code::CertificateExists, Some("role".to_owned())));
}

#[tokio::test]
async fn a_token_that_was_not_handed_out_gets_nothing() {
    let (world, _, session) = world().await;
    let order = world.create(&session, &key(), &certificate_request()).await;
    let stranger = world.maker.token(2);
    let reply = world.answer(&order.order_id, stranger.attest(order.order.as_bytes())).await;
    assert_eq!(problem(reply).await, (422, Code::BadAuthorization, None));
}

#[tokio::test]
async fn an_attestation_that_lies_about_its_request_is_refused() {
    let (world, token, session) = world().await;
    let order = world.create(&session, &key(), &certificate_request()).await;
    let stranger = SigningKey::from_bytes(&[33; 32]).unwrap();
    let honest = token.attestation(order.order.as_bytes());
    let lies = [
        // The request is for another key than the attested one.
        Attestation { key: stranger.public_key(), ..honest.clone() },
        Attestation {
            request: csr::make(&token.id, message::Role::Pay, &stranger).unwrap(),
            ..honest.clone()
        },
        // Its self-signature is broken.
        Attestation {
            request: {
                let mut request = honest.request.clone();
                *request.last_mut().unwrap() ^= 1;
                request
            },
            ..honest.clone()
        },
        Attestation { role: message::Role::Login, ..honest.clone() },
    ];
    for lie in lies {
        let reply = world.answer(&order.order_id, sign1(Tag::Attest, &lie.encode(), &token.device)).await;
        assert_eq!(problem(reply).await, (422, Code::BadAuthorization, None));
    }
    // Signed by the new key itself instead of `device`.
    let reply = world.answer(&order.order_id, sign1(Tag::Attest, &honest.encode(), &token.pay)).await;
    assert_eq!(problem(reply).await, (422, Code::BadAuthorization, None));
    let reply = world.answer(&order.order_id, token.attest(order.order.as_bytes())).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Executed, None));
}

#[tokio::test]
async fn two_open_certificate_orders_lead_to_one_certificate() {
    let (world, token, session) = world().await;
    let one = world.create(&session, &key(), &certificate_request()).await;
    let two = world.create(&session, &key(), &certificate_request()).await;
    world.answer(&one.order_id, token.attest(one.order.as_bytes())).await;
    let reply = world.answer(&two.order_id, token.attest(two.order.as_bytes())).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Refused, Some(Code::CertificateExists)));
}

#[tokio::test]
async fn a_rejected_certificate_order_ends() {
    let (world, token, session) = world().await;
    let order = world.create(&session, &key(), &certificate_request()).await;
    let reply = world.answer(&order.order_id, token.reject(order.order.as_bytes())).await;
    assert_eq!(world.outcome(reply).await, (Outcome::Rejected, None));
    let listed: Certificates = world.get(&session, route::CERTIFICATES).await.json().await.unwrap();
    assert!(listed.certificates.is_empty());
}

#[tokio::test]
async fn only_a_makers_token_is_handed_out_and_only_once() {
    let world = World::new().await;
    let token = world.maker.token(1);
    let hand_out = async |json: Vec<u8>, root: &[u8], customer: &str| {
        admin::hand_out(&world.data(), customer, &json, root, world.clock.as_ref()).await
    };
    let root = world.maker.root.clone();
    assert!(hand_out(token.device_json(), &Maker::new().root, "li").await.is_err(), "another maker");
    assert!(hand_out(token.device_json(), &root, "nobody").await.is_err(), "no such customer");
    let lie = String::from_utf8(token.device_json()).unwrap().replace(&"01".repeat(16), &"02".repeat(16));
    assert!(hand_out(lie.into_bytes(), &root, "li").await.is_err(), "another device id");
    assert_eq!(hand_out(token.device_json(), &root, "li").await.unwrap(), token.id);
    assert!(hand_out(token.device_json(), &root, "wang").await.is_err(), "handed out before");
}
