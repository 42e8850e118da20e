use ushield_protocol::attestation::Attestation;
use ushield_protocol::code::Code;
use ushield_protocol::key::{P256Verifier, Sign};
use ushield_protocol::message::{Request, Role, certificates};
use ushield_protocol::pin::INITIAL_PIN;
use ushield_token::Key;

use super::world::{PIN, Phone, World, order_with};

/// Paired, PIN changed, bank key known; no certificate.
fn blank() -> (World, Phone) {
    let mut world = World::new();
    let mut phone = Phone::new(0x41);
    world.pair(&mut phone);
    world.change_pin(INITIAL_PIN, PIN);
    let statement = world.bank.statement(1);
    assert_eq!(world.give_bank_key(&statement), Code::Ok);
    (world, phone)
}

fn attestation(world: &World, answer: &[u8]) -> Attestation {
    Attestation::verify(answer, &world.device_key.public_key(), &P256Verifier).unwrap().0
}

#[test]
fn the_key_is_made_at_ok_attested_and_used_once_certified() {
    let (mut world, phone) = blank();
    let order = world.bank.download(world.device, Role::Pay);
    let bytes = world.bank.sign(&order);
    let answer = world.approve(&bytes);
    assert!(world.shows("Key made and signed"), "{}", world.screen());
    let made = attestation(&world, &answer);
    assert_eq!((made.role, made.about.order, made.via), (Role::Pay, order.id, phone.id()));
    assert_eq!(world.info().pay, None, "no key id without a certificate");
    assert_eq!(world.ask(&Request::GetCertificate { role: Role::Pay }).code, Code::NoCertificate);
    let chain = world.bank.issue(&made.request);
    let put = Request::PutCertificate { role: Role::Pay, chain: chain.clone() };
    assert_eq!(world.ask(&put).code, Code::Ok);
    assert_eq!(world.ask(&put).code, Code::Ok, "again after a lost reply");
    assert_eq!(world.info().pay, Some(made.key.key_id()));
    assert_eq!(world.ask(&Request::GetCertificate { role: Role::Pay }).body, chain);
    let state = world.reconnect(&phone);
    assert_eq!(state.pay, *made.key.short_key_id().as_bytes());
    assert!(state.flags.pay && !state.flags.login);
    assert_eq!(world.ask(&order_with(None, &bytes)).body, answer, "redelivery, also after the certificate");
    let (_, approval) = world.approve_transfer(|_| {});
    assert_eq!(world.approval(&approval).payload().counter, 1);
}

#[test]
fn redelivery_never_makes_a_second_key() {
    let (mut world, phone) = blank();
    let order = world.bank.download(world.device, Role::Pay);
    let bytes = world.bank.sign(&order);
    let answer = world.approve(&bytes);
    world.reboot();
    world.reconnect(&phone);
    assert_eq!(world.ask(&order_with(Some(PIN), &bytes)).body, answer);
    // The certificate for it still finds its key.
    let chain = world.bank.issue(&attestation(&world, &answer).request);
    assert_eq!(world.ask(&Request::PutCertificate { role: Role::Pay, chain }).code, Code::Ok);
}

#[test]
fn roles_are_apart_and_each_has_one_certificate() {
    let (mut world, phone) = blank();
    world.certify(&phone, Role::Login);
    let info = world.info();
    assert!(info.login.is_some() && info.pay.is_none());
    for (role, code) in [(Role::Login, Code::CertificateExists), (Role::Pay, Code::Shown)] {
        let order = world.bank.download(world.device, role);
        let bytes = world.bank.sign(&order);
        world.request(&order_with(Some(PIN), &bytes));
        assert_eq!(world.reply().unwrap().code, code);
    }
}

#[test]
fn only_a_certificate_over_the_key_that_was_made_for_the_role() {
    let (mut world, _) = blank();
    let order = world.bank.download(world.device, Role::Pay);
    let bytes = world.bank.sign(&order);
    let answer = world.approve(&bytes);
    let request = attestation(&world, &answer).request;
    let chain = world.bank.issue(&request);
    let wrong = Request::PutCertificate { role: Role::Login, chain: chain.clone() };
    assert_eq!(world.ask(&wrong).code, Code::WrongCertificate);
    let other = world.foreign_certificate();
    let wrong = Request::PutCertificate { role: Role::Pay, chain: certificates(&[other]) };
    assert_eq!(world.ask(&wrong).code, Code::WrongCertificate);
    let wrong = Request::PutCertificate { role: Role::Pay, chain: certificates(&[vec![0x30, 0x00]]) };
    assert_eq!(world.ask(&wrong).code, Code::WrongCertificate);
    let wrong = Request::PutCertificate { role: Role::Pay, chain: vec![0x80] };
    assert_eq!(world.ask(&wrong).code, Code::Malformed);
    assert_eq!(world.ask(&Request::PutCertificate { role: Role::Pay, chain }).code, Code::Ok);
}

#[test]
fn an_earlier_order_s_certificate_finds_its_key_after_a_later_order() {
    let (mut world, _) = blank();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let order = world.bank.download(world.device, Role::Pay);
        let bytes = world.bank.sign(&order);
        answers.push(world.approve(&bytes));
    }
    assert_ne!(attestation(&world, &answers[0]).key, attestation(&world, &answers[1]).key);
    let chain = world.bank.issue(&attestation(&world, &answers[0]).request);
    assert_eq!(world.ask(&Request::PutCertificate { role: Role::Pay, chain }).code, Code::Ok);
    let chain = world.bank.issue(&attestation(&world, &answers[1]).request);
    let put = Request::PutCertificate { role: Role::Pay, chain };
    assert_eq!(world.ask(&put).code, Code::WrongCertificate, "one certificate; renewal has its own order");
}

#[test]
fn a_refused_certificate_order_is_a_rejection_and_makes_no_key() {
    let (mut world, _) = blank();
    let order = world.bank.download(world.device, Role::Pay);
    let bytes = world.bank.sign(&order);
    world.show(&bytes);
    world.press(Key::Cancel);
    let answer = world.result().body;
    assert_eq!(world.rejection(&answer).payload().about.operation, 5);
}

#[test]
fn a_transfer_needs_a_certificate() {
    let (mut world, _) = blank();
    let mut order = world.bank.transfer(super::world::key(3).public_key().key_id());
    order.issued += 1;
    let bytes = world.bank.sign(&order);
    assert_eq!(world.ask(&order_with(Some(PIN), &bytes)).code, Code::NoCertificate);
}
