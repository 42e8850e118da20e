use ushield_protocol::attestation::Attestation;
use ushield_protocol::code::Code;
use ushield_protocol::key::{P256Verifier, Sign};
use ushield_protocol::message::{Request, Role, certificates, decode_certificates};
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
fn roles_are_apart_and_a_key_that_has_signed_is_the_role_s_for_good() {
    let (mut world, phone) = blank();
    world.certify(&phone, Role::Login);
    let info = world.info();
    assert!(info.login.is_some() && info.pay.is_none());
    world.certify(&phone, Role::Pay);
    world.approve_transfer(|_| {});
    world.reboot();
    world.reconnect(&phone);
    for (role, code) in [(Role::Pay, Code::CertificateExists), (Role::Login, Code::Shown)] {
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

/// Two keys made for the role: a certificate request for each.
fn two_requests(world: &mut World) -> [Vec<u8>; 2] {
    [(); 2].map(|()| {
        let order = world.bank.download(world.device, Role::Pay);
        let bytes = world.bank.sign(&order);
        let answer = world.approve(&bytes);
        attestation(world, &answer).request
    })
}

fn put(world: &mut World, chain: &[u8]) -> Code {
    world.ask(&Request::PutCertificate { role: Role::Pay, chain: chain.to_vec() }).code
}

#[test]
fn an_earlier_order_s_certificate_finds_its_key_after_a_later_order() {
    let (mut world, phone) = blank();
    let [first, second] = two_requests(&mut world);
    let chains = [world.bank.issue(&first), world.bank.issue(&second)];
    let mut ids = Vec::new();
    for chain in &chains {
        assert_eq!(put(&mut world, chain), Code::Ok);
        ids.push(world.pay());
    }
    assert_ne!(ids[0], ids[1], "nothing was signed yet: the later one takes its place");
    world.reboot();
    world.reconnect(&phone);
    assert_eq!(world.pay(), ids[1]);
}

/// Anyone who has seen a request can make a certificate over its key; the token cannot judge it. It must not shut out
/// the bank's.
#[test]
fn a_self_made_certificate_does_not_shut_out_the_bank_s() {
    let (mut world, phone) = blank();
    let [first, second] = two_requests(&mut world);
    let stranger = World::new();
    // Over another key, and over the very key that the bank certifies.
    for request in [&first, &second] {
        assert_eq!(put(&mut world, &stranger.bank.issue(request)), Code::Ok);
        let good = world.bank.issue(&second);
        assert_eq!(put(&mut world, &good), Code::Ok);
        assert_eq!(world.ask(&Request::GetCertificate { role: Role::Pay }).body, good);
    }
    // Nor does it end enrolment, before or after a restart.
    assert_eq!(put(&mut world, &stranger.bank.issue(&first)), Code::Ok);
    world.reboot();
    world.reconnect(&phone);
    world.certify(&phone, Role::Pay);
    let (_, answer) = world.approve_transfer(|_| {});
    assert_eq!(world.approval(&answer).payload().counter, 1);
}

#[test]
fn once_the_key_has_signed_no_other_certificate_is_taken() {
    let (mut world, phone) = blank();
    let [first, second] = two_requests(&mut world);
    let good = world.bank.issue(&second);
    assert_eq!(put(&mut world, &good), Code::Ok);
    let pay = world.pay();
    world.approve_transfer(|_| {});
    for restarted in [false, true] {
        if restarted {
            world.reboot();
            world.reconnect(&phone);
        }
        assert_eq!(put(&mut world, &World::new().bank.issue(&first)), Code::CertificateExists);
        assert_eq!(put(&mut world, &World::new().bank.issue(&second)), Code::CertificateExists);
        let foreign = certificates(&[world.foreign_certificate()]);
        assert_eq!(put(&mut world, &foreign), Code::WrongCertificate);
        assert_eq!(put(&mut world, &good), Code::Ok, "the same again");
        assert_eq!(world.pay(), pay);
    }
}

/// Else a phone wears the flash out by itself.
#[test]
fn the_same_first_certificate_again_writes_nothing() {
    let (mut world, _) = World::ready();
    let chain = world.ask(&Request::GetCertificate { role: Role::Pay }).body;
    let first = decode_certificates(&chain).unwrap().remove(0);
    let operations = world.board.flash.borrow().operations();
    for byte in 0..4 {
        let chain = certificates(&[first.clone(), vec![byte; 1024], vec![1; 1024]]);
        assert_eq!(put(&mut world, &chain), Code::Ok);
    }
    assert_eq!(put(&mut world, &chain), Code::Ok);
    assert_eq!(world.board.flash.borrow().operations(), operations);
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
