//! What an attack on the client found: statements, receipts and answers of a bank that go stale, come again, or are not its own.

use ushield_bank_api::{AccountScheme, Base64Url, Problem, Role};
use ushield_client::ports::{Store as _, Table};
use ushield_e2e::evil::bank::{BANK, statement};
use ushield_e2e::evil::time::START;
use ushield_e2e::evil::{Conduct, Step, World, transfer};
use ushield_protocol::bank_key::{BankKey, Purpose};
use ushield_protocol::code::Code;
use ushield_protocol::key::{BankId, Sign as _, SigningKey};
use ushield_protocol::message::Reply;
use ushield_protocol::receipt::Outcome;

use crate::{is, nothing_executed};

fn stranger(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32]).unwrap()
}

/// A statement whose 90 days begin at a time.
fn from(root: &SigningKey, not_before: u64, epoch: u32, key: &SigningKey, purpose: Purpose) -> Vec<u8> {
    let bank = BankId::new(BANK).unwrap();
    let (key, purposes, not_after) = (key.public_key(), vec![purpose], not_before + 90 * 86_400);
    BankKey { bank, epoch, key, purposes, not_before, not_after }.sign(root)
}

/// After 85 days: the same keys under a new epoch, and only the new statements are said.
async fn renewed(world: &World) {
    let keys = world.bank.keys();
    world.clock.advance(85 * 86_400);
    world.sign_in().await;
    let now = START + 85 * 86_400;
    world.bank.lie(|lies| {
        lies.statements = Some(Box::new(move |_| {
            vec![
                from(&keys.root, now - 900, 2, &keys.transfer, Purpose::TRANSFER),
                from(&keys.root, now - 900, 2, &keys.certificate, Purpose::CERTIFICATE_DOWNLOAD),
                from(&keys.root, now - 900, 2, &keys.receipt, Purpose::RECEIPT),
            ]
        }));
    });
}

#[tokio::test]
async fn a_renewed_statement_is_fetched_and_the_old_one_stays() {
    let world = World::ready(300).await;
    let before = world.transfer().await.unwrap();
    renewed(&world).await;
    let after = world.transfer().await.unwrap();
    assert_eq!(after.receipt.outcome, Outcome::Executed);
    let history = world.client.history().await.unwrap();
    assert_eq!(history.len(), 3);
    for entry in &history {
        assert!(entry.problem.is_none() && entry.order.is_some() && entry.receipt.is_some(), "{entry:?}");
    }
    // The old one is still asked for again and told as it ended.
    assert_eq!(world.run(before.order).await.unwrap().receipt, before.receipt);
}

#[tokio::test]
async fn a_settled_order_is_shown_without_any_statement() {
    let world = World::ready(301).await;
    world.transfer().await.unwrap();
    for (key, _) in world.store.list(Table::BankKey).unwrap() {
        world.store.delete(Table::BankKey, &key).unwrap();
    }
    world.bank.lie(|lies| lies.statements = Some(Box::new(|_| Vec::new())));
    let history = world.client.history().await.unwrap();
    assert!(history.iter().all(|entry| entry.problem.is_none()), "{history:?}");
    assert_eq!(world.statuses().await, ["executed"]);
}

#[tokio::test]
async fn one_entry_that_does_not_hold_does_not_hide_the_others() {
    let world = World::ready(302).await;
    let settled = world.transfer().await.unwrap();
    let other = world.create().await.unwrap();
    // A receipt of another order, where only a defect could have put it.
    let mut records = world.store.list(Table::Order).unwrap();
    let (key, record) = records
        .iter_mut()
        .find(|(_, record)| record.windows(16).any(|window| window == settled.order.as_bytes()))
        .unwrap();
    let at = record.len() - 40;
    record[at] ^= 1;
    world.store.put(Table::Order, key, record).unwrap();
    let history = world.client.history().await.unwrap();
    assert_eq!(history.len(), 3);
    let bad: Vec<_> = history.iter().filter(|entry| entry.problem.is_some()).map(|entry| entry.id).collect();
    assert_eq!(bad, [Some(settled.order)]);
    assert!(history.iter().any(|entry| entry.id == Some(other) && entry.order.is_some()));
}

#[tokio::test]
async fn one_open_order_that_does_not_hold_does_not_keep_the_others_away() {
    let world = World::ready(303).await;
    let good = world.create().await.unwrap();
    let mut other = transfer();
    other.amount = 5;
    let bad = world.client.create_transfer(&world.person, None, &other).await.unwrap();
    for (key, record) in world.store.list(Table::Order).unwrap() {
        let of =
            |id: ushield_protocol::key::OrderId| record.windows(16).any(|window| window == id.as_bytes());
        if of(good) || of(bad) {
            world.store.delete(Table::Order, &key).unwrap();
        }
    }
    world.bank.answers(move |request, mut response| {
        if request.path == "/v1/orders?state=open"
            || request.path.ends_with("/orders/open")
            || request.path.contains("open")
        {
            let mut body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            for order in body["orders"].as_array_mut().unwrap() {
                if order["order_id"] == bad.to_string() {
                    order["order"] = serde_json::to_value(Base64Url::from(vec![1, 2, 3])).unwrap();
                }
            }
            response.body = serde_json::to_vec(&body).unwrap().into();
        }
        Ok(response)
    });
    let adopted = world.client.adopt().await.unwrap();
    assert_eq!(adopted.orders, [good]);
    assert_eq!(adopted.refused.len(), 1);
    assert_eq!(adopted.refused[0].0, bad);
    is(&adopted.refused[0].1, Code::BankLied);
}

#[tokio::test]
async fn a_token_with_an_old_statement_is_given_the_new_one() {
    for code in [Code::IssuedOutsideValidity, Code::OperationNotAllowed] {
        let world = World::ready(304).await;
        let id = world.create().await.unwrap();
        let mut said = false;
        world.token.lie(Step::Answer, move |plain| {
            if std::mem::replace(&mut said, true) { plain } else { Reply::refusal(&code.into()).encode() }
        });
        assert_eq!(world.run(id).await.unwrap().receipt.outcome, Outcome::Executed, "{code}");
    }
}

#[tokio::test]
async fn a_statement_that_the_token_refuses_leaves_the_first_refusal() {
    let world = World::ready(305).await;
    let id = world.create().await.unwrap();
    world.token.lie(Step::Answer, |_| Reply::refusal(&Code::IssuedOutsideValidity.into()).encode());
    world.token.lie(Step::Result, |_| Reply::refusal(&Code::EpochFallen.into()).encode());
    is(&world.run(id).await.unwrap_err(), Code::IssuedOutsideValidity);
    assert_eq!(world.statuses().await, ["open"]);
}

#[tokio::test]
async fn an_order_by_a_superseded_key_is_not_begun() {
    let world = World::ready(306).await;
    world.transfer().await.unwrap();
    let keys = world.bank.keys();
    let new = stranger(0x78);
    world.bank.lie(|lies| {
        lies.order_signer = Some(new.clone());
        lies.statements = Some(Box::new(move |honest| {
            vec![
                statement(BANK, &keys.root, 2, &new, Purpose::TRANSFER),
                honest[1].clone(),
                honest[2].clone(),
            ]
        }));
    });
    world.create().await.unwrap();
    // The thief of the old key signs on.
    world.bank.lie(|lies| lies.order_signer = None);
    let mut other = transfer();
    other.amount = 3;
    let refused = world.client.create_transfer(&world.person, None, &other).await;
    is(&refused.unwrap_err(), Code::EpochFallen);
}

#[tokio::test]
async fn an_executed_order_is_not_the_answer_to_a_new_request() {
    for created in [true, false] {
        let world = World::ready(307).await;
        let mut kept: Option<Vec<u8>> = None;
        world.bank.answers(move |request, mut response| {
            if request.path == "/v1/orders" && request.idempotency_key.is_some() {
                match &kept {
                    None => kept = Some(response.body.to_vec()),
                    Some(old) => {
                        let mut body: serde_json::Value = serde_json::from_slice(old).unwrap();
                        body["created"] = created.into();
                        response.body = serde_json::to_vec(&body).unwrap().into();
                    }
                }
            }
            Ok(response)
        });
        world.transfer().await.unwrap();
        // A new order that is known is a lie; an open one that ended meanwhile may be a reply that was lost before.
        let code = if created { Code::BankLied } else { Code::Interrupted };
        is(&world.transfer().await.unwrap_err(), code);
        assert_eq!(world.bank.executed().len(), 1);
        let mut statuses = world.statuses().await;
        statuses.sort_unstable();
        assert_eq!(statuses, ["executed", "not-created"]);
    }
}

#[tokio::test]
async fn an_open_order_under_another_scheme_is_the_same_payment() {
    let world = World::ready(308).await;
    let mut asked = transfer();
    asked.creditor_account = "4111111111111111".to_owned();
    let first = world.client.create_transfer(&world.person, None, &asked).await.unwrap();
    asked.account_scheme = AccountScheme::Card;
    // The bank's rule of the same payment has four values.
    let joined = world.client.create_transfer(&world.person, None, &asked).await.unwrap();
    assert_eq!(first, joined);
    assert!(world.person.was_told("open-order-found"));
    assert_eq!(world.statuses().await, ["open"]);
}

#[tokio::test]
async fn a_planted_certificate_judges_no_answer() {
    let world = World::ready(309).await;
    let mut key = world.token.device().as_bytes().to_vec();
    key.push(1);
    world.store.delete(Table::Certificate, &key).unwrap();
    let planted = serde_json::to_value(Base64Url::from(world.maker.root().to_vec())).unwrap();
    world.bank.answers(move |request, mut response| {
        if request.path == "/v1/certificates" {
            let mut body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            for certificate in body["certificates"].as_array_mut().unwrap() {
                certificate["chain"] = vec![planted.clone()].into();
            }
            response.body = serde_json::to_vec(&body).unwrap().into();
        }
        Ok(response)
    });
    world.token.present(false);
    let download = world.client.download_certificate(&world.token, &world.person, None, Role::Pay).await;
    is(&download.unwrap_err(), Code::TokenNotFound);
    // What the token has not taken is not kept.
    assert!(world.store.get(Table::Certificate, &key).unwrap().is_none());
    // And one that got in all the same is not the key that the token says it has.
    let planted = ushield_protocol::message::certificates(&[world.maker.root().to_vec()]);
    world.store.put(Table::Certificate, &key, &planted).unwrap();
    world.bank.repent();
    world.token.present(true);
    world.token.conduct(Conduct::Approve);
    assert_eq!(world.transfer().await.unwrap().receipt.outcome, Outcome::Executed);
}

#[tokio::test]
async fn only_a_refusal_in_the_banks_words_ends_a_request() {
    let codes = [Code::PinLocked, Code::DiskFull, Code::Ok, Code::InsufficientFunds, Code::StoreCorrupt];
    for status in [503, 422] {
        for code in codes {
            let world = World::ready(310).await;
            world.bank.answers(move |request, mut response| {
                if request.path == "/v1/orders" && request.idempotency_key.is_some() {
                    let mut problem = Problem::new(code, "x");
                    problem.status = status;
                    response.status = status;
                    response.body = serde_json::to_vec(&problem).unwrap().into();
                }
                Ok(response)
            });
            let ends = status == 422 && code == Code::InsufficientFunds;
            let error = world.create().await.unwrap_err();
            is(&error, if ends { code } else { Code::BankFailure });
            assert_eq!(
                world.statuses().await,
                [if ends { "not-created" } else { "requested" }],
                "{status} {code}"
            );
            nothing_executed(&world);
        }
    }
}

#[tokio::test]
async fn what_is_written_can_be_read() {
    let world = World::new(311);
    let mut setup = world.setup();
    setup.trust.name = "银".repeat(47);
    is(&world.client.set_up(&setup).unwrap_err(), Code::BadInput);
    world.set_up();
    world.bank.answers(|request, mut response| {
        if request.path == "/v1/sessions" {
            let token = "x".repeat(1025);
            response.body = format!("{{\"token\":\"{token}\",\"expires_in\":900}}").into_bytes().into();
        }
        Ok(response)
    });
    let password = zeroize::Zeroizing::new(ushield_e2e::evil::bank::PASSWORD.as_bytes().to_vec());
    let password = ushield_bank_api::Password::new(password).unwrap();
    is(&world.client.sign_in(password).await.unwrap_err(), Code::BankLied);
    assert!(!world.client.is_signed_in().unwrap());
    world.store.put(Table::Session, b"only", b"not a record").unwrap();
    assert!(!world.client.is_signed_in().unwrap());
}

#[tokio::test]
async fn a_session_that_the_bank_ended_is_forgotten_by_a_cancel_too() {
    let world = World::ready(312).await;
    let id = world.create().await.unwrap();
    world.bank.ends_sessions();
    let cancelled = world.client.cancel_order(&world.token, &world.person, id).await;
    is(&cancelled.unwrap_err(), Code::NotSignedIn);
    assert!(!world.client.is_signed_in().unwrap());
}

#[tokio::test]
async fn debug_forms_show_no_customer() {
    let world = World::ready(313).await;
    world.create().await.unwrap();
    let history = world.client.history().await.unwrap();
    let forms = [
        format!("{:?}", world.setup()),
        format!("{:?}", world.client.setup().unwrap()),
        format!("{history:?}"),
        format!("{:?}", world.client.tokens().unwrap()),
        format!("{:?}", world.client.adopt().await.unwrap()),
        format!("{:?}", world.person.told()),
    ];
    let bytes = |text: &str| text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    for form in &forms {
        for canary in ["zhang", "6222021001116245702", "6217001210024455220", "杭州", "货款"] {
            assert!(!form.contains(canary) && !form.contains(&bytes(canary)), "{canary} in {form}");
        }
    }
}
