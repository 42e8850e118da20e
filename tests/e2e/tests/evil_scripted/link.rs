//! A token that is away, silent, cut off, or not what it was when it was paired.

use std::sync::{Arc, Mutex};

use ushield_client::Client;
use ushield_e2e::evil::token::Out;
use ushield_e2e::evil::{Conduct, ScriptedToken, Step, World, transfer};
use ushield_protocol::code::Code;
use ushield_protocol::message::{Kind, Reply, State, StateFlags, Versions};

use crate::{is, nothing_executed};

/// After whatever happened, the same order goes its way, once.
async fn goes_on(world: &World, id: ushield_protocol::key::OrderId) {
    world.token.repent();
    world.token.present(true);
    world.run(id).await.unwrap();
    assert_eq!(world.bank.executed(), [(id, 1_234_567)]);
    assert_eq!(world.statuses().await, ["executed"]);
}

/// Where an event goes wrong, the person has not decided yet: what was decided would be collected by the next connection.
fn undecided(world: &World, step: Step) {
    if step == Step::Event {
        world.token.conduct(Conduct::Wait);
    }
}

fn flags(world: &World, flags: StateFlags) {
    world.token.lie(Step::K2, move |plain| State { flags, ..State::decode(&plain).unwrap() }.encode());
}

#[tokio::test]
async fn token_not_found() {
    let world = World::ready(40).await;
    let id = world.create().await.unwrap();
    world.token.present(false);
    is(&world.run(id).await.unwrap_err(), Code::TokenNotFound);
    nothing_executed(&world);
    assert_eq!(world.statuses().await, ["open"]);
    assert!(world.person.asked().is_empty(), "no PIN is asked for a token that is not there");
    goes_on(&world, id).await;
}

#[tokio::test]
async fn link_lost() {
    for step in [Step::Hello, Step::K2, Step::Event, Step::Answer] {
        let world = World::ready(41).await;
        let id = world.create().await.unwrap();
        undecided(&world, step);
        world.token.replace(step, |_, _| vec![Out::Cut]);
        is(&world.run(id).await.unwrap_err(), Code::LinkLost);
        nothing_executed(&world);
        assert_eq!(world.statuses().await, ["open"], "{step:?}");
        assert!(world.person.was_told("reconnecting"));
        goes_on(&world, id).await;
        assert!(world.token.decided() <= 2, "one certificate, one transfer, however often it was delivered");
    }
}

#[tokio::test]
async fn link_lost_as_the_order_arrives() {
    let world = World::ready(42).await;
    let id = world.create().await.unwrap();
    world.token.conduct(Conduct::Cut);
    is(&world.run(id).await.unwrap_err(), Code::LinkLost);
    nothing_executed(&world);
    goes_on(&world, id).await;
}

#[tokio::test]
async fn link_lost_after_ok_and_before_the_answer() {
    let mut world = World::ready(43).await;
    let id = world.create().await.unwrap();
    world.token.conduct(Conduct::ApproveThenCut);
    // The phone reconnects by itself and collects what the token has stored.
    world.run(id).await.unwrap();
    assert_eq!(world.bank.executed(), [(id, 1_234_567)]);
    assert_eq!(world.person.asked().len(), 1, "nobody is asked twice");
    // And after a kill.
    let second = World::ready(44).await;
    let id = second.create().await.unwrap();
    second.token.conduct(Conduct::ApproveThenCut);
    second.token.replace(Step::Answer, |_, _| vec![Out::Cut]);
    is(&second.run(id).await.unwrap_err(), Code::LinkLost);
    nothing_executed(&second);
    world = second;
    world.restart();
    world.token.repent();
    let resumed = world.client.resume(&world.token, &world.person).await.unwrap();
    assert_eq!(resumed.len(), 1);
    resumed.into_iter().for_each(|(_, report)| assert_eq!(report.unwrap().order, id));
    assert_eq!(world.bank.executed(), [(id, 1_234_567)]);
}

#[tokio::test]
async fn token_timeout() {
    for step in [Step::Hello, Step::K2, Step::Event, Step::Answer] {
        let world = World::ready(45).await;
        let id = world.create().await.unwrap();
        world.token.conduct(Conduct::Wait);
        world.token.replace(step, |_, _| Vec::new());
        is(&world.run(id).await.unwrap_err(), Code::TokenTimeout);
        nothing_executed(&world);
        assert_eq!(world.statuses().await, ["open"], "{step:?}");
    }
}

#[tokio::test]
async fn unknown_phone_deletes_nothing() {
    let world = World::ready(46).await;
    let id = world.create().await.unwrap();
    // Anyone on the radio can say so: it is not authenticated.
    let refusal = vec![Code::UnknownPhone.wire().unwrap()];
    world.token.replace(Step::K2, move |_, _| vec![Out::Frame(Kind::Refusal, refusal.clone()), Out::Cut]);
    is(&world.run(id).await.unwrap_err(), Code::UnknownPhone);
    nothing_executed(&world);
    assert_eq!(world.client.tokens().unwrap().len(), 1);
    goes_on(&world, id).await;
}

/// What a refusal may name that nobody has authenticated.
const BEFORE_THE_CHANNEL: [Code; 10] = [
    Code::Busy,
    Code::UnknownPhone,
    Code::UnknownVersion,
    Code::NotPairing,
    Code::PairingTriesSpent,
    Code::PairingCodeSpent,
    Code::PhonesFull,
    Code::PinInitial,
    Code::PinLocked,
    Code::TokenFailure,
];

#[tokio::test]
async fn a_refusal_inside_the_channel_only_breaks_it() {
    for status in
        [Code::Cancelled, Code::OrderExpired, Code::PinLocked, Code::AlreadyDecided, Code::UnknownPhone]
    {
        let world = World::ready(59).await;
        let id = world.create().await.unwrap();
        let refusal = vec![status.wire().unwrap()];
        world.token.replace(Step::Answer, move |_, _| vec![Out::Frame(Kind::Refusal, refusal.clone())]);
        is(&world.run(id).await.unwrap_err(), Code::ChannelBroken);
        nothing_executed(&world);
        assert_eq!(world.statuses().await, ["open"], "{status}");
        goes_on(&world, id).await;
    }
}

#[tokio::test]
async fn a_refusal_names_a_cause_and_changes_nothing() {
    let world = World::ready(47).await;
    let id = world.create().await.unwrap();
    for byte in 0..=0xff_u8 {
        world.token.replace(Step::K2, move |_, _| vec![Out::Frame(Kind::Refusal, vec![byte]), Out::Cut]);
        let error = world.run(id).await.unwrap_err();
        let said = Code::from_wire(byte).filter(|code| BEFORE_THE_CHANNEL.contains(code));
        is(&error, said.unwrap_or(Code::TokenMisbehaved));
        nothing_executed(&world);
        assert_eq!(world.statuses().await, ["open"], "{byte:#x}");
        assert_eq!(world.client.tokens().unwrap().len(), 1);
    }
    goes_on(&world, id).await;
}

#[tokio::test]
async fn unknown_version_in_k2() {
    for versions in [
        Versions { lowest: 2, highest: 3, suites: 1 },
        Versions { lowest: 0, highest: 0, suites: 1 },
        Versions { lowest: 1, highest: 1, suites: 2 },
        Versions { lowest: 1, highest: 1, suites: 0 },
        Versions { lowest: 3, highest: 1, suites: 1 },
    ] {
        let world = World::ready(48).await;
        let id = world.create().await.unwrap();
        world.token.lie(Step::K2, move |plain| State { versions, ..State::decode(&plain).unwrap() }.encode());
        is(&world.run(id).await.unwrap_err(), Code::UnknownVersion);
        nothing_executed(&world);
        goes_on(&world, id).await;
    }
}

#[tokio::test]
async fn pin_initial() {
    let world = World::ready(49).await;
    let id = world.create().await.unwrap();
    flags(&world, StateFlags { pin_initial: true, ..StateFlags::default() });
    is(&world.run(id).await.unwrap_err(), Code::PinInitial);
    assert!(world.person.asked().is_empty());
    assert_eq!(world.token.orders().len(), 1, "of the certificate; this one was not even sent");
    nothing_executed(&world);
    goes_on(&world, id).await;
}

#[tokio::test]
async fn pin_locked() {
    let world = World::ready(50).await;
    let id = world.create().await.unwrap();
    flags(&world, StateFlags { pin_locked: true, ..StateFlags::default() });
    let error = world.run(id).await.unwrap_err();
    is(&error, Code::PinLocked);
    assert_eq!(error.tries_left(), Some(0));
    let error = world.client.change_pin(&world.token, &world.person, None).await.unwrap_err();
    is(&error, Code::PinLocked);
    assert!(world.person.asked().is_empty());
    nothing_executed(&world);
    goes_on(&world, id).await;
}

/// Keeps what left the token at this step.
fn record(world: &World, step: Step) -> Arc<Mutex<Vec<Vec<u8>>>> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    world.token.replace(step, move |kind, body| {
        keep.lock().unwrap().push(body.clone());
        vec![Out::Frame(kind, body)]
    });
    kept
}

#[tokio::test]
async fn messages_of_an_earlier_connection_do_not_open() {
    for (step, kind) in [(Step::K2, Kind::Connect), (Step::Event, Kind::Sealed), (Step::Answer, Kind::Sealed)]
    {
        let world = World::ready(51).await;
        let kept = record(&world, step);
        let first = world.transfer().await.unwrap();
        let old = kept.lock().unwrap()[0].clone();
        let second = world.create().await.unwrap();
        undecided(&world, step);
        world.token.replace(step, move |_, _| vec![Out::Frame(kind, old.clone())]);
        is(&world.run(second).await.unwrap_err(), Code::ChannelBroken);
        assert_eq!(world.bank.executed(), [(first.order, 1_234_567)], "{step:?}");
        world.token.repent();
        world.run(second).await.unwrap();
        assert_eq!(world.bank.executed().len(), 2);
    }
}

#[tokio::test]
async fn a_message_twice_does_not_open_twice() {
    let world = World::ready(52).await;
    let id = world.create().await.unwrap();
    undecided(&world, Step::Event);
    world.token.replace(Step::Event, |kind, body| vec![Out::Frame(kind, body); 2]);
    is(&world.run(id).await.unwrap_err(), Code::ChannelBroken);
    nothing_executed(&world);
    goes_on(&world, id).await;
}

#[tokio::test]
async fn garbage_at_every_message() {
    type Garbage = fn(Vec<u8>) -> Vec<u8>;
    let garbage: [(&str, Garbage); 4] = [
        ("empty", |_| Vec::new()),
        ("cut", |body| body[..body.len() / 2].to_vec()),
        ("longer", |body| [body, vec![0; 17]].concat()),
        ("huge", |_| vec![0xff; 70_000]),
    ];
    for (name, garbage) in garbage {
        for step in [Step::Hello, Step::K2, Step::Event, Step::Answer] {
            let world = World::ready(53).await;
            let id = world.create().await.unwrap();
            undecided(&world, step);
            world.token.replace(step, move |kind, body| vec![Out::Frame(kind, garbage(body))]);
            let code = world.run(id).await.unwrap_err().code();
            assert!(matches!(code, Code::TokenMisbehaved | Code::ChannelBroken), "{step:?}, {name}: {code}");
            nothing_executed(&world);
            assert_eq!(world.statuses().await, ["open"], "{step:?}, {name}");
            goes_on(&world, id).await;
        }
    }
}

#[tokio::test]
async fn an_answer_to_info_about_another_device() {
    let world = World::ready(54).await;
    let other = World::ready(55).await;
    let theirs = other.client.token_info(&other.token, &other.person, None).await.unwrap().0.encode();
    let ours = world.token.device();
    world.token.lie(Step::Result, move |_| Reply::ok(theirs.clone()).encode());
    let info = world.client.token_info(&world.token, &world.person, None).await;
    is(&info.unwrap_err(), Code::TokenMisbehaved);
    assert_eq!(world.client.token(None).unwrap().pairing.device, ours);
}

#[tokio::test]
async fn another_token_is_not_the_paired_one() {
    // Same maker, same bank, another key: its owner stands beside the customer.
    let world = World::ready(56).await;
    let id = world.create().await.unwrap();
    let other = World::ready(57).await;
    is(&world.client.run_order(&other.token, &world.person, id).await.unwrap_err(), Code::UnknownPhone);
    assert_eq!(other.token.orders().len(), 1, "its own certificate");
    nothing_executed(&world);
    goes_on(&world, id).await;
}

#[tokio::test]
async fn wrong_token_when_there_are_two_and_none_is_named() {
    let world = World::ready(58).await;
    let second = ScriptedToken::new(&world.maker, 59);
    second.open_pairing();
    let pending = world.client.pair(&second, &world.person, false).await.unwrap();
    pending.confirm(&world.person).await.unwrap();
    is(&world.create().await.unwrap_err(), Code::WrongToken);
    let orders = world.bank.orders();
    let named = Some(world.token.device());
    let id = world.client.create_transfer(&world.person, named, &transfer()).await.unwrap();
    assert_eq!(world.bank.orders(), orders + 1);
    // The order knows its token.
    is(&world.client.run_order(&second, &world.person, id).await.unwrap_err(), Code::UnknownPhone);
    assert!(second.orders().is_empty());
    goes_on(&world, id).await;
}

/// A client can be sent to a thread that has a runtime.
#[test]
fn a_client_goes_between_threads() {
    fn assert_send_sync<T: Send + Sync>() {}
    assert_send_sync::<Client>();
}
