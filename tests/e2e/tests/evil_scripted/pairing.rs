//! A token that lies while it is being paired.

use ushield_client::Error;
use ushield_e2e::evil::token::Out;
use ushield_e2e::evil::{Maker, Step, World};
use ushield_protocol::code::Code;
use ushield_protocol::device::sign_statement;
use ushield_protocol::key::{DeviceId, Sign as _, SigningKey};
use ushield_protocol::message::{Hello, Kind, P4, P6, Versions};
use ushield_protocol::noise::DhSecret;
use ushield_protocol::refusal::Refusal;

use crate::is;

const OTHER: Versions = Versions { lowest: 2, highest: 2, suites: 1 };

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32]).unwrap()
}

/// Pairs with a token whose P4 is changed, and says what it got.
async fn with_p4(world: &World, change: impl Fn(&mut P4) + Send + 'static) -> Error {
    world.token.lie(Step::P4, move |plain| {
        let mut p4 = P4::decode(&plain).unwrap();
        change(&mut p4);
        p4.encode()
    });
    let error = world.pair().await.unwrap_err();
    assert_eq!(world.client.tokens().unwrap(), [], "nothing was paired");
    assert_eq!(world.token.phones(), 0, "P5 was never sent");
    error
}

/// How many tries are left before the mode has to be opened again.
async fn tries_left(world: &World) -> usize {
    world.token.repent();
    world.token.present(true);
    world.token.open_pairing();
    let mut left = 0;
    while let Ok(pending) = world.client.pair(&world.token, &world.person, false).await {
        drop(pending);
        left += 1;
        assert!(left <= 3, "it never ends");
    }
    left
}

#[tokio::test]
async fn an_honest_token_is_paired() {
    let world = World::signed_in(1).await;
    world.pair().await.unwrap();
    let token = world.client.token(None).unwrap();
    assert_eq!(token.pairing.device, world.token.device());
    assert_eq!(token.pairing.dh, world.token.dh());
    let (info, phones) = world.client.token_info(&world.token, &world.person, None).await.unwrap();
    assert_eq!((info.device, phones.len()), (world.token.device(), 1));
}

#[tokio::test]
async fn bad_commitment() {
    let world = World::signed_in(2).await;
    world.token.lie(Step::P2, |_| vec![0; 32]);
    is(&world.pair().await.unwrap_err(), Code::BadCommitment);
    world.token.repent();
    let error = with_p4(&world, |p4| p4.nonce[31] ^= 1).await;
    is(&error, Code::BadCommitment);
    assert_eq!(tries_left(&world).await, 1, "both were tries");
}

#[tokio::test]
async fn untrusted_maker() {
    // The names are the trusted maker's; the keys are not.
    let world = World::signed_in(3).await;
    let other = Maker::new("Scripted maker");
    let chain = vec![other.certify(world.token.device(), &world.token.device_key().public_key())];
    is(&with_p4(&world, move |p4| p4.chain.clone_from(&chain)).await, Code::UntrustedMaker);

    let old = world.maker.certify_in_the_past(world.token.device(), &world.token.device_key().public_key());
    is(&with_p4(&world, move |p4| p4.chain = vec![old.clone()]).await, Code::UntrustedMaker);

    // A certificate of the trusted maker over a key that did not sign the statement.
    let world = World::signed_in(4).await;
    let stolen = world.maker.certify(world.token.device(), &key(9).public_key());
    is(&with_p4(&world, move |p4| p4.chain = vec![stolen.clone()]).await, Code::UntrustedMaker);
    is(&with_p4(&world, |p4| p4.chain = vec![vec![0x30, 0x00]]).await, Code::UntrustedMaker);
    is(&with_p4(&world, |p4| p4.chain.push(p4.chain[0].clone())).await, Code::UntrustedMaker);
    assert_eq!(tries_left(&world).await, 0);
}

#[tokio::test]
async fn bad_device_statement() {
    // A genuine device whose channel key is another's: what a man in the middle with a bought token would send.
    let world = World::signed_in(5).await;
    let (id, device) = (world.token.device(), world.token.device_key());
    let other = DhSecret::from_bytes(&[3; 32]).unwrap().public_key();
    let statement = sign_statement(id, &other, &device);
    let error = with_p4(&world, move |p4| p4.statement.clone_from(&statement)).await;
    is(&error, Code::BadDeviceStatement);

    let statement = sign_statement(DeviceId::from([1; 16]), &world.token.dh(), &device);
    let error = with_p4(&world, move |p4| p4.statement.clone_from(&statement)).await;
    is(&error, Code::BadDeviceStatement);
    assert_eq!(tries_left(&world).await, 1);
}

#[tokio::test]
async fn a_statement_that_cannot_be_read_is_the_tokens_fault() {
    let world = World::signed_in(6).await;
    let error = with_p4(&world, |p4| p4.statement = vec![0x84, 0x43]).await;
    is(&error, Code::TokenMisbehaved);
}

#[tokio::test]
async fn digits_differ() {
    let world = World::signed_in(7).await;
    world.token.open_pairing();
    let pending = world.client.pair(&world.token, &world.person, false).await.unwrap();
    pending.differ().await.unwrap();
    assert_eq!(world.client.tokens().unwrap(), []);
    assert_eq!(world.token.phones(), 0);
    assert_eq!(tries_left(&world).await, 2);
}

#[tokio::test]
async fn declined_on_the_token() {
    let world = World::signed_in(8).await;
    world.token.agrees(false);
    is(&world.pair().await.unwrap_err(), Code::Declined);
    assert_eq!(world.client.tokens().unwrap(), []);
    assert_eq!(tries_left(&world).await, 2);
}

#[tokio::test]
async fn pairing_tries_spent() {
    let mut world = World::signed_in(9).await;
    world.token.lie(Step::P2, |_| vec![1; 32]);
    for _ in 0..3 {
        is(&world.pair().await.unwrap_err(), Code::BadCommitment);
    }
    // The phone stops by itself, over a restart too, and does not even speak to the token.
    world.token.repent();
    let sent = world.token.sent().len();
    is(&world.pair().await.unwrap_err(), Code::PairingTriesSpent);
    world.restart();
    is(&world.pair().await.unwrap_err(), Code::PairingTriesSpent);
    assert_eq!(world.token.sent().len(), sent);
    // The customer opened the mode again.
    let pending = world.client.pair(&world.token, &world.person, true).await.unwrap();
    pending.confirm(&world.person).await.unwrap();
    assert_eq!(world.client.tokens().unwrap().len(), 1);
}

#[tokio::test]
async fn not_pairing() {
    let world = World::signed_in(10).await;
    let error = world.client.pair(&world.token, &world.person, false).await.err().unwrap();
    is(&error, Code::NotPairing);
    // A hello that promises what the token does not keep.
    world.token.lie(Step::Hello, |plain| Hello { pairing: true, ..Hello::decode(&plain).unwrap() }.encode());
    let error = world.client.pair(&world.token, &world.person, false).await.err().unwrap();
    is(&error, Code::NotPairing);
    assert_eq!(tries_left(&world).await, 3, "P3 was never sent");
}

#[tokio::test]
async fn unknown_version() {
    let world = World::signed_in(11).await;
    world
        .token
        .lie(Step::Hello, |plain| Hello { versions: OTHER, ..Hello::decode(&plain).unwrap() }.encode());
    is(&world.pair().await.unwrap_err(), Code::UnknownVersion);
    world.token.repent();
    is(&with_p4(&world, |p4| p4.versions = OTHER).await, Code::UnknownVersion);
    // A token that would speak a better version that this phone does not have is fine.
    let both = Versions { lowest: 1, highest: 2, suites: 3 };
    world.token.lie(Step::P4, move |plain| P4 { versions: both, ..P4::decode(&plain).unwrap() }.encode());
    world.pair().await.unwrap();
}

#[tokio::test]
async fn silence_is_a_time_out_at_every_message() {
    for (step, tries) in [(Step::Hello, 3), (Step::P2, 3), (Step::P4, 2), (Step::P6, 2)] {
        let world = World::signed_in(12).await;
        world.token.replace(step, |_, _| Vec::new());
        is(&world.pair().await.unwrap_err(), Code::TokenTimeout);
        assert_eq!(world.client.tokens().unwrap(), [], "{step:?}");
        assert_eq!(tries_left(&world).await, tries, "{step:?}");
    }
}

#[tokio::test]
async fn link_lost_at_every_message() {
    for (step, tries) in [(Step::Hello, 3), (Step::P2, 3), (Step::P4, 2), (Step::P6, 2)] {
        let world = World::signed_in(13).await;
        world.token.replace(step, |_, _| vec![Out::Cut]);
        is(&world.pair().await.unwrap_err(), Code::LinkLost);
        assert_eq!(world.client.tokens().unwrap(), [], "{step:?}");
        assert_eq!(tries_left(&world).await, tries, "{step:?}");
    }
}

#[tokio::test]
async fn garbage_at_every_message() {
    type Garbage = fn(Vec<u8>) -> Vec<u8>;
    let garbage: [(&str, Garbage); 5] = [
        ("empty", |_| Vec::new()),
        ("one byte", |_| vec![0]),
        ("cut", |body| body[..body.len() / 2].to_vec()),
        ("longer", |body| [body, vec![0; 17]].concat()),
        ("huge", |_| vec![0xff; 70_000]),
    ];
    for (name, garbage) in garbage {
        for step in [Step::Hello, Step::P2, Step::P4, Step::P6] {
            let world = World::signed_in(14).await;
            world.token.replace(step, move |kind, body| vec![Out::Frame(kind, garbage(body))]);
            let error = world.pair().await.unwrap_err();
            let code = error.code();
            assert!(matches!(code, Code::TokenMisbehaved | Code::ChannelBroken), "{step:?}, {name}: {error}");
            assert_eq!(world.client.tokens().unwrap(), [], "{step:?}, {name}");
        }
    }
}

#[tokio::test]
async fn a_message_of_another_kind() {
    for step in [Step::Hello, Step::P2, Step::P4, Step::P6] {
        for kind in [Kind::Hello, Kind::Connect, Kind::Sealed] {
            let world = World::signed_in(15).await;
            world.token.replace(step, move |honest, body| {
                vec![Out::Frame(if honest == kind { Kind::Pairing } else { kind }, body)]
            });
            is(&world.pair().await.unwrap_err(), Code::TokenMisbehaved);
            assert_eq!(world.client.tokens().unwrap(), []);
        }
    }
}

#[tokio::test]
async fn keep_alives_only_prolong() {
    let world = World::signed_in(16).await;
    for step in [Step::P2, Step::P4, Step::P6] {
        world.token.replace(step, |kind, body| {
            let mut out = vec![Out::Frame(Kind::KeepAlive, Vec::new()); 40];
            out.push(Out::Frame(kind, body));
            out
        });
    }
    world.pair().await.unwrap();
}

#[tokio::test]
async fn what_p6_refuses_is_said_with_its_code() {
    for code in
        [Code::Declined, Code::TimedOut, Code::PinWrong, Code::PinInitial, Code::PinLocked, Code::PhonesFull]
    {
        let world = World::signed_in(17).await;
        world
            .token
            .lie(Step::P6, move |_| P6::Refused { refusal: Refusal::from(code), tries: 3 }.encode().to_vec());
        let error = world.pair().await.unwrap_err();
        is(&error, code);
        assert_eq!(error.tries_left(), Some(3));
        assert_eq!(world.client.tokens().unwrap(), []);
    }
}

#[tokio::test]
async fn a_p6_that_makes_no_sense() {
    for plain in [
        vec![],
        vec![0],
        vec![0, 5],
        vec![0x7f, 5],
        vec![0xff, 5],
        vec![0x19, 5, 0],
        vec![0x01, 5],
        vec![0x05, 5],
    ] {
        let world = World::signed_in(18).await;
        let said = plain.clone();
        world.token.lie(Step::P6, move |_| said.clone());
        is(&world.pair().await.unwrap_err(), Code::TokenMisbehaved);
        assert_eq!(world.client.tokens().unwrap(), [], "{plain:?}");
    }
}

#[tokio::test]
async fn a_second_phone_needs_the_pin() {
    let world = World::signed_in(19).await;
    world.token.lie(Step::P4, |plain| P4 { pin_needed: true, ..P4::decode(&plain).unwrap() }.encode());
    world.pair().await.unwrap();
    assert_eq!(world.person.asked(), [ushield_client::PinReason::SecondPhone]);
}

#[tokio::test]
async fn keystore_failure() {
    let world = World::signed_in(20).await;
    world.keystore.set_broken(true);
    is(&world.pair().await.unwrap_err(), Code::KeystoreFailure);
    world.keystore.set_broken(false);
    assert_eq!(tries_left(&world).await, 3);
}

#[tokio::test]
async fn disk_full_while_pairing_leaves_no_half_record() {
    for commits in 0..2 {
        let world = World::signed_in(21).await;
        world.store.fail_after(commits, Code::DiskFull);
        is(&world.pair().await.unwrap_err(), Code::DiskFull);
        assert_eq!(world.client.tokens().unwrap(), []);
        world.store.heal();
        world.pair().await.unwrap();
        assert_eq!(world.client.tokens().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn not_set_up() {
    let world = World::new(22);
    is(&world.pair().await.unwrap_err(), Code::NotSetUp);
    is(&world.client.setup().unwrap_err(), Code::NotSetUp);
    assert_eq!(world.token.sent(), []);
}

#[tokio::test]
async fn not_paired() {
    let world = World::signed_in(23).await;
    is(&world.create().await.unwrap_err(), Code::NotPaired);
    let info = world.client.token_info(&world.token, &world.person, None).await;
    is(&info.unwrap_err(), Code::NotPaired);
    is(&world.client.change_pin(&world.token, &world.person, None).await.unwrap_err(), Code::NotPaired);
    let role = ushield_bank_api::Role::Pay;
    let certificate = world.client.download_certificate(&world.token, &world.person, None, role).await;
    is(&certificate.unwrap_err(), Code::NotPaired);
    assert_eq!(world.bank.orders(), 0);
    assert_eq!(world.token.sent(), []);
}
