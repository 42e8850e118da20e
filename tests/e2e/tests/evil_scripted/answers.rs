//! A token that lies about what the customer decided.

use ushield_client::PinReason;
use ushield_e2e::evil::{Conduct, Step, World};
use ushield_protocol::authorization::Uv;
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::key::SigningKey;
use ushield_protocol::message::Reply;
use ushield_protocol::receipt::Outcome;

use crate::{is, nothing_executed};

fn stranger() -> SigningKey {
    SigningKey::from_bytes(&[0x21; 32]).unwrap()
}

/// The token answers so; nothing of it goes to the bank; the order stays as it was and can still be approved.
async fn is_kept_from_the_bank(world: &World, conduct: Conduct, code: Code) {
    let executed = world.bank.executed().len();
    let submitted = world.bank.submitted().len();
    let id = world.create().await.unwrap();
    world.token.conduct(conduct);
    is(&world.run(id).await.unwrap_err(), code);
    assert_eq!(world.bank.executed().len(), executed);
    assert_eq!(world.bank.submitted().len(), submitted, "nothing was forwarded");
    assert_eq!(world.bank.end_of(id), None);
    let history = world.client.history().await.unwrap();
    let entry = history.iter().find(|entry| entry.id == Some(id)).unwrap();
    assert_eq!(entry.status.name(), "open");
    world.token.repent();
    world.run(id).await.unwrap();
    assert_eq!(world.bank.executed().len(), executed + 1);
}

fn say(replies: Vec<Reply>) -> Conduct {
    Conduct::Say(replies)
}

fn shown() -> Reply {
    Reply::event(Code::Shown, Vec::new())
}

#[tokio::test]
async fn wrong_authorization_of_another_order() {
    let world = World::ready(80).await;
    world.transfer().await.unwrap();
    let earlier = world.bank.submitted().last().unwrap().clone();
    let answer = Conduct::Answer(Box::new(move |_, _| earlier.clone()));
    is_kept_from_the_bank(&world, answer, Code::WrongAuthorization).await;
}

#[tokio::test]
async fn wrong_authorization_by_an_unknown_key() {
    let world = World::ready(81).await;
    let answer = Conduct::Answer(Box::new(|hand, order| {
        sign1(Tag::Approve, &hand.payload(order, Uv::Phone).encode(), &stranger())
    }));
    is_kept_from_the_bank(&world, answer, Code::WrongAuthorization).await;
}

#[tokio::test]
async fn wrong_authorization_under_another_tag() {
    for tag in [Tag::Login, Tag::Reject, Tag::Attest, Tag::Device] {
        let world = World::ready(82).await;
        let answer = Conduct::Answer(Box::new(move |hand, order| {
            sign1(tag, &hand.payload(order, Uv::Phone).encode(), &hand.pay)
        }));
        is_kept_from_the_bank(&world, answer, Code::WrongAuthorization).await;
    }
}

#[tokio::test]
async fn wrong_authorization_with_a_flipped_signature() {
    let world = World::ready(83).await;
    let answer = Conduct::Answer(Box::new(|hand, order| {
        let mut answer = sign1(Tag::Approve, &hand.payload(order, Uv::Phone).encode(), &hand.pay);
        let at = answer.len() - 40;
        answer[at] ^= 1;
        answer
    }));
    is_kept_from_the_bank(&world, answer, Code::WrongAuthorization).await;
}

#[tokio::test]
async fn an_attestation_is_no_approval() {
    // That of the certificate order, and one that makes no sense for a transfer.
    let world = World::ready(84).await;
    let attestation = world.bank.submitted()[0].clone();
    let answer = Conduct::Answer(Box::new(move |_, _| attestation.clone()));
    is_kept_from_the_bank(&world, answer, Code::WrongAuthorization).await;

    let world = World::ready(84).await;
    let id = world.create().await.unwrap();
    world.token.conduct(Conduct::Answer(Box::new(|hand, order| hand.attest(order, &stranger()))));
    is(&world.run(id).await.unwrap_err(), Code::BadAuthorization);
    assert_eq!(world.bank.end_of(id), None);
    nothing_executed(&world);
}

#[tokio::test]
async fn rejection_as_approval() {
    let world = World::ready(85).await;
    let answer = Conduct::Answer(Box::new(|hand, order| {
        sign1(Tag::Approve, &hand.payload(order, Uv::Phone).encode(), &hand.device)
    }));
    is_kept_from_the_bank(&world, answer, Code::RejectionAsApproval).await;
}

#[tokio::test]
async fn a_rejection_is_a_rejection() {
    let world = World::ready(86).await;
    world.token.conduct(Conduct::Reject);
    let report = world.transfer().await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Rejected);
    assert!(world.person.was_told("rejected") && !world.person.was_told("approved"));
    nothing_executed(&world);
}

#[tokio::test]
async fn what_cannot_be_read_is_forwarded() {
    let unreadable: [(&str, Vec<u8>); 4] = [
        ("one byte", vec![0xff]),
        ("a newer form", vec![0x85; 300]),
        ("as long as fits", vec![7; 4000]),
        (
            "two messages",
            [sign1(Tag::Attest, b"a", &stranger()), sign1(Tag::Approve, b"b", &stranger())].concat(),
        ),
    ];
    for (name, bytes) in unreadable {
        let mut world = World::ready(87).await;
        let id = world.create().await.unwrap();
        let said = bytes.clone();
        world.token.conduct(Conduct::Answer(Box::new(move |_, _| said.clone())));
        is(&world.run(id).await.unwrap_err(), Code::BadAuthorization);
        assert_eq!(world.bank.submitted().last(), Some(&bytes), "{name}: byte for byte");
        nothing_executed(&world);
        // Not failed: nobody but the bank can say so.
        assert_eq!(world.statuses().await, ["unknown"], "{name}");
        assert!(world.person.was_told("unknown"));
        world.restart();
        assert_eq!(world.statuses().await, ["unknown"], "{name}");
        // The order's time runs out, and the bank says so.
        world.clock.advance(901);
        world.sign_in().await;
        let report = world.run(id).await.unwrap();
        assert_eq!(report.receipt.outcome, Outcome::Expired, "{name}");
        nothing_executed(&world);
    }
}

#[tokio::test]
async fn a_truncated_answer_is_forwarded_and_nothing_is_executed() {
    let world = World::ready(88).await;
    let id = world.create().await.unwrap();
    world.token.conduct(Conduct::Answer(Box::new(|hand, order| {
        let answer = sign1(Tag::Approve, &hand.payload(order, Uv::Phone).encode(), &hand.pay);
        answer[..answer.len() - 1].to_vec()
    })));
    is(&world.run(id).await.unwrap_err(), Code::BadAuthorization);
    nothing_executed(&world);
    assert_eq!(world.bank.end_of(id), None);
    assert_eq!(world.statuses().await, ["unknown"]);
}

#[tokio::test]
async fn an_empty_answer_is_none() {
    let mut world = World::ready(89).await;
    let answer = Conduct::Answer(Box::new(|_, _| Vec::new()));
    is_kept_from_the_bank(&world, answer, Code::TokenMisbehaved).await;
    world.restart();
    assert_eq!(world.statuses().await, ["executed"], "the store can be read");
}

#[tokio::test]
async fn events_out_of_turn() {
    let ok_code_event = |code| vec![shown(), Reply::event(code, Vec::new())];
    let out_of_turn: [(&str, Vec<Reply>); 8] = [
        ("a number is missing", vec![shown(), Reply::event(Code::PinWrong, Vec::new())]),
        ("a number too many", vec![shown(), Reply::event(Code::PinNeeded, vec![1])]),
        ("shown with a body", vec![Reply::event(Code::Shown, vec![0])]),
        ("ok is no event", ok_code_event(Code::Ok)),
        ("busy is no event", ok_code_event(Code::Busy)),
        ("shown is no result", vec![Reply::status(Code::Shown)]),
        ("last-try is no result", vec![shown(), Reply::status(Code::LastTry)]),
        ("pin-needed is no result", vec![Reply::status(Code::PinNeeded)]),
    ];
    for (name, replies) in out_of_turn {
        println!("{name}");
        let world = World::ready(90).await;
        is_kept_from_the_bank(&world, say(replies), Code::TokenMisbehaved).await;
    }
}

#[tokio::test]
async fn every_refusal_has_its_code_and_leaves_the_order() {
    let refusals = Code::ALL.iter().copied().filter(|code| code.wire().is_some() && code.is_refusal());
    let world = World::ready(91).await;
    let mut seen = 0;
    for code in refusals {
        for replies in [vec![Reply::status(code)], vec![shown(), Reply::status(code)]] {
            is_kept_from_the_bank(&world, say(replies), code).await;
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}

#[tokio::test]
async fn a_refusal_says_which_field() {
    let world = World::ready(92).await;
    let id = world.create().await.unwrap();
    let body = vec![11, 10, 2];
    world.token.conduct(say(vec![Reply { body, ..Reply::status(Code::Malformed) }]));
    let error = world.run(id).await.unwrap_err();
    is(&error, Code::Malformed);
    assert_eq!(error.place().unwrap().to_string(), "10.2: bad-value");
}

#[tokio::test]
async fn unknown_order_key_is_given_once() {
    let world = World::ready(93).await;
    let given = || world.token.commands().iter().filter(|command| **command == 5).count();
    let before = given();
    world.token.knows_no_bank_key();
    world.transfer().await.unwrap();
    assert_eq!(world.bank.executed().len(), 1);
    assert_eq!(given(), before + 1);
    // A token that never learns is not asked for ever.
    let id = world.create().await.unwrap();
    world.token.conduct(say(vec![Reply::status(Code::UnknownOrderKey)]));
    is(&world.run(id).await.unwrap_err(), Code::UnknownOrderKey);
    assert_eq!(given(), before + 2);
    assert_eq!(world.bank.executed().len(), 1);
}

#[tokio::test]
async fn a_wrong_pin_is_asked_for_again_with_the_tries_left() {
    let world = World::ready(94).await;
    let id = world.create().await.unwrap();
    let wrong = |tries| Reply::event(Code::PinWrong, vec![tries]);
    world.token.conduct(say(vec![shown(), wrong(4), wrong(3)]));
    // The token falls silent after that; its customer has walked away.
    is(&world.run(id).await.unwrap_err(), Code::UnknownCommand);
    // Both came at once: the later one is what the customer is asked.
    assert_eq!(world.person.asked(), [PinReason::Approve, PinReason::WrongBefore { tries: 3 }]);
    let told = world.person.told();
    assert_eq!(told.iter().filter(|moment| **moment == "pin-wrong").count(), 2);
    nothing_executed(&world);
}

#[tokio::test]
async fn cancel_while_it_is_shown_clears_both_sides() {
    for backwards in [false, true] {
        let world = World::ready(95).await;
        let id = world.create().await.unwrap();
        world.token.conduct(Conduct::Wait);
        if backwards {
            world.token.answers_cancel_first();
        }
        world.person.cancels_when("review-on-token");
        let report = world.run(id).await.unwrap();
        assert_eq!(report.receipt.outcome, Outcome::Cancelled, "backwards: {backwards}");
        assert_eq!(world.bank.end_of(id), Some(Outcome::Cancelled));
        assert_eq!(world.bank.submitted().len(), 1, "that of the certificate");
        nothing_executed(&world);
        assert_eq!(world.statuses().await, ["cancelled"]);
    }
}

#[tokio::test]
async fn an_approval_after_the_cancel_is_kept_and_not_submitted() {
    let world = World::ready(96).await;
    let id = world.create().await.unwrap();
    world.token.conduct(Conduct::Wait);
    // The person changes their mind, and the token's answer comes all the same.
    let pay = world.token.pay_key();
    world.person.cancels_when("review-on-token");
    let history = world.client.history().await.unwrap();
    let order = history.iter().find(|entry| entry.id == Some(id)).unwrap().order.clone().unwrap();
    world.token.lie(Step::Answer, move |_| Reply::ok(approval(&order, &pay)).encode());
    let report = world.run(id).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Cancelled);
    assert_eq!(world.bank.submitted().len(), 1, "that of the certificate");
    nothing_executed(&world);
}

fn approval(
    order: &ushield_protocol::order::Order<ushield_protocol::order::Verified>,
    pay: &SigningKey,
) -> Vec<u8> {
    use ushield_protocol::authorization::{About, AuthorizationPayload};
    use ushield_protocol::key::{Hash, PhoneId};
    use ushield_protocol::render::{Notices, Profile, pages};
    let pages = pages(order, Profile::Zh1, &Notices::default()).unwrap();
    let payload = AuthorizationPayload {
        about: About {
            operation: 1,
            order: order.id(),
            order_hash: order.hash(),
            pages: pages.digest(),
            profile: 1,
            page_count: pages.count(),
            uv: Uv::Phone,
        },
        counter: 1,
        previous: Hash::ZERO,
        firmware: 0x0100,
        via: PhoneId::from([7; 8]),
        nonce: [1; 8],
    };
    sign1(Tag::Approve, &payload.encode(), pay)
}
