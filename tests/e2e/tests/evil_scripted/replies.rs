//! A bank that cannot be reached, fails, loses its replies or answers with something else.

use std::sync::atomic::{AtomicUsize, Ordering};

use ushield_bank_api::Problem;
use ushield_client::Error;
use ushield_client::ports::{HttpRequest, HttpResponse};
use ushield_e2e::evil::World;
use ushield_protocol::code::Code;
use ushield_protocol::receipt::Outcome;
use zeroize::Zeroizing;

use crate::{is, nothing_executed};

fn response(status: u16, body: &[u8]) -> HttpResponse {
    HttpResponse { status, content_type: Some("text/html".to_owned()), body: Zeroizing::new(body.to_vec()) }
}

fn problem(code: Code) -> HttpResponse {
    let problem = Problem::new(code, "");
    response(problem.status, &serde_json::to_vec(&problem).unwrap())
}

fn is_creation(request: &HttpRequest) -> bool {
    request.idempotency_key.is_some()
}

fn is_submission(request: &HttpRequest) -> bool {
    request.path.ends_with("/authorization")
}

fn unreachable() -> Error {
    Error::new(Code::BankUnreachable)
}

#[tokio::test]
async fn bank_unreachable_at_sign_in() {
    let world = World::new(190);
    world.set_up();
    world.bank.answers(|_, _| Err(unreachable()));
    let password = ushield_bank_api::Password::new(Zeroizing::new(b"x".to_vec())).unwrap();
    is(&world.client.sign_in(password).await.unwrap_err(), Code::BankUnreachable);
}

#[tokio::test]
async fn bank_unreachable_while_an_order_is_made() {
    // The bank made it, and nobody heard: one order in the end.
    let mut world = World::ready(191).await;
    world
        .bank
        .answers(|request, response| if is_creation(request) { Err(unreachable()) } else { Ok(response) });
    is(&world.create().await.unwrap_err(), Code::BankUnreachable);
    assert_eq!(world.statuses().await, ["requested"]);
    assert_eq!(world.bank.orders(), 2);
    world.restart();
    world.bank.repent();
    let resumed = world.client.resume(&world.token, &world.person).await.unwrap();
    assert!(resumed[0].1.is_ok());
    assert_eq!((world.bank.orders(), world.bank.executed().len()), (2, 1));
}

#[tokio::test]
async fn bank_unreachable_after_it_executed() {
    let mut world = World::ready(192).await;
    let id = world.create().await.unwrap();
    world
        .bank
        .answers(|request, response| if is_submission(request) { Err(unreachable()) } else { Ok(response) });
    is(&world.run(id).await.unwrap_err(), Code::BankUnreachable);
    assert_eq!(world.statuses().await, ["unknown"]);
    assert!(world.person.was_told("unknown"));
    let answers = world.bank.submitted();
    assert!(answers.len() > 2, "it was tried again");
    assert!(answers[1..].windows(2).all(|pair| pair[0] == pair[1]), "the same bytes every time");
    world.restart();
    world.bank.repent();
    let orders = world.token.orders().len();
    assert_eq!(world.run(id).await.unwrap().receipt.outcome, Outcome::Executed);
    assert_eq!(world.token.orders().len(), orders, "the token was not asked again");
    assert_eq!(world.bank.executed(), [(id, 1_234_567)]);
}

#[tokio::test]
async fn bank_untrusted_sends_nothing_and_ends_nothing() {
    let world = World::ready(193).await;
    let id = world.create().await.unwrap();
    world.bank.answers(|_, _| Err(Error::new(Code::BankUntrusted)));
    is(&world.run(id).await.unwrap_err(), Code::BankUntrusted);
    assert_eq!(world.statuses().await, ["unknown"]);
    world.bank.repent();
    world.run(id).await.unwrap();
    assert_eq!(world.bank.executed(), [(id, 1_234_567)]);
}

#[tokio::test]
async fn one_lost_reply_is_nothing_to_tell() {
    let world = World::ready(194).await;
    let left = AtomicUsize::new(2);
    world.bank.answers(move |request, response| {
        let lost = is_submission(request)
            && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if lost { Err(unreachable()) } else { Ok(response) }
    });
    assert_eq!(world.transfer().await.unwrap().receipt.outcome, Outcome::Executed);
    assert_eq!(world.bank.executed().len(), 1);
}

#[tokio::test]
async fn bank_failure_is_never_an_end() {
    for (name, make) in [
        ("500 and nothing", (|| response(500, b"")) as fn() -> HttpResponse),
        ("502 and HTML", || response(502, b"<html>Bad Gateway</html>")),
        ("503 and a problem", || problem(Code::BankFailure)),
        ("404 of a proxy", || response(404, b"not here")),
        ("302", || response(302, b"")),
        ("0", || response(0, b"")),
    ] {
        let world = World::ready(195).await;
        let id = world.create().await.unwrap();
        world.bank.answers(move |request, honest| Ok(if is_submission(request) { make() } else { honest }));
        is(&world.run(id).await.unwrap_err(), Code::BankFailure);
        assert_eq!(world.statuses().await, ["unknown"], "{name}");
        world.bank.repent();
        assert_eq!(world.run(id).await.unwrap().receipt.outcome, Outcome::Executed, "{name}");
        assert_eq!(world.bank.executed(), [(id, 1_234_567)], "{name}");
    }
}

#[tokio::test]
async fn bank_failure_while_an_order_is_made_ends_nothing() {
    for make in [
        (|| response(500, b"")) as fn() -> HttpResponse,
        || response(404, b"not here"),
        || problem(Code::InProgress),
    ] {
        let world = World::ready(196).await;
        world.bank.answers(move |request, honest| Ok(if is_creation(request) { make() } else { honest }));
        world.create().await.unwrap_err();
        assert_eq!(world.statuses().await, ["requested"]);
        world.bank.repent();
        world.client.resume(&world.token, &world.person).await.unwrap();
        assert_eq!((world.bank.orders(), world.bank.executed().len()), (2, 1));
    }
}

#[tokio::test]
async fn garbage_for_json() {
    for body in [&b""[..], b"null", b"{}", b"[]", b"<html>", b"{\"receipt\":\"!\"}", &[0xff; 4096]] {
        let world = World::ready(197).await;
        let id = world.create().await.unwrap();
        world.bank.answers(move |request, honest| {
            Ok(if is_submission(request) || !is_creation(request) { response(200, body) } else { honest })
        });
        is(&world.run(id).await.unwrap_err(), Code::BankLied);
        assert_eq!(world.statuses().await, ["unknown"]);
        world.bank.repent();
        world.run(id).await.unwrap();
        assert_eq!(world.bank.executed(), [(id, 1_234_567)]);
    }
}

#[tokio::test]
async fn a_reply_that_makes_no_sense_is_looked_up() {
    // The bank executed; its reply was mangled; the receipt is there to be fetched.
    let world = World::ready(198).await;
    world
        .bank
        .answers(|request, honest| Ok(if is_submission(request) { response(200, b"{}") } else { honest }));
    assert_eq!(world.transfer().await.unwrap().receipt.outcome, Outcome::Executed);
    assert_eq!(world.bank.executed().len(), 1);
}

#[tokio::test]
async fn problems_that_end_a_creation() {
    for code in
        [Code::InsufficientFunds, Code::UnknownAccount, Code::NoCertificate, Code::Unshowable, Code::BadInput]
    {
        let mut world = World::ready(199).await;
        world
            .bank
            .answers(move |request, honest| Ok(if is_creation(request) { problem(code) } else { honest }));
        is(&world.create().await.unwrap_err(), code);
        world.restart();
        assert_eq!(world.statuses().await, ["not-created"]);
        assert!(world.client.resume(&world.token, &world.person).await.unwrap().is_empty());
        nothing_executed(&world);
    }
}

#[tokio::test]
async fn a_problem_whose_text_names_people_is_not_repeated() {
    let world = World::ready(200).await;
    world.bank.answers(|_, _| {
        let mut problem = Problem::new(Code::InsufficientFunds, "张三 6222021001116245702 has 3.20");
        problem.field = Some("call +86 555".to_owned());
        Ok(response(422, &serde_json::to_vec(&problem).unwrap()))
    });
    let error = world.create().await.unwrap_err();
    is(&error, Code::InsufficientFunds);
    assert_eq!(error.place(), None, "what is no name of a member is dropped");
    let mut shown = format!("{error} {error:?}");
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        shown += &format!(" {cause} {cause:?}");
        source = cause.source();
    }
    assert!(!shown.contains("张三") && !shown.contains("6222021001116245702") && !shown.contains("555"));
}

#[tokio::test]
async fn a_problem_at_submission_is_never_an_end() {
    for code in [
        Code::BadAuthorization,
        Code::UnknownOrder,
        Code::OtherAuthorization,
        Code::KeyFrozen,
        Code::InProgress,
    ] {
        let world = World::ready(201).await;
        let id = world.create().await.unwrap();
        world.bank.answers(move |request, honest| {
            let order = request.path.contains("/v1/orders/");
            Ok(if order { problem(code) } else { honest })
        });
        is(&world.run(id).await.unwrap_err(), code);
        assert_eq!(world.statuses().await, ["unknown"], "{code}");
        world.bank.repent();
        world.run(id).await.unwrap();
        assert_eq!(world.bank.executed(), [(id, 1_234_567)]);
    }
}

#[tokio::test]
async fn a_session_that_ended() {
    let world = World::ready(202).await;
    world.bank.ends_sessions();
    is(&world.create().await.unwrap_err(), Code::NotSignedIn);
    assert!(!world.client.is_signed_in().unwrap(), "it is forgotten");
    assert_eq!(world.statuses().await, ["requested"]);
    world.sign_in().await;
    let resumed = world.client.resume(&world.token, &world.person).await.unwrap();
    assert!(resumed[0].1.is_ok());
    assert_eq!((world.bank.orders(), world.bank.executed().len()), (2, 1));
}

#[tokio::test]
async fn a_session_that_ended_does_not_hold_up_an_answer() {
    let world = World::ready(203).await;
    let id = world.create().await.unwrap();
    world.bank.ends_sessions();
    assert_eq!(world.run(id).await.unwrap().receipt.outcome, Outcome::Executed);
    assert_eq!(world.bank.executed(), [(id, 1_234_567)]);
}

#[tokio::test]
async fn a_cancel_that_the_bank_never_heard_is_repeated() {
    let mut world = World::ready(204).await;
    let id = world.create().await.unwrap();
    world.bank.answers(|_, _| Err(unreachable()));
    let cancel = world.client.cancel_order(&world.token, &world.person, id).await;
    is(&cancel.unwrap_err(), Code::BankUnreachable);
    world.restart();
    world.bank.repent();
    let history = world.client.history().await.unwrap();
    assert!(history.iter().any(|entry| entry.id == Some(id) && entry.cancelled));
    let resumed = world.client.resume(&world.token, &world.person).await.unwrap();
    assert_eq!(resumed[0].1.as_ref().unwrap().receipt.outcome, Outcome::Cancelled);
    nothing_executed(&world);
}
