//! `ushield resume`.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};
use ushield_client::orders::Adopted;
use ushield_client::{Customer, Error, Moment, PinReason, Report, Status};
use ushield_protocol::key::OrderId;
use ushield_protocol::order::Operation;
use ushield_protocol::pin::PinBlock;
use ushield_protocol::receipt::Outcome;

use crate::failure::Failure;
use crate::output::{Answer, Tone};
use crate::report;
use crate::session::Session;

pub(super) async fn run(session: &Session, with_cost: bool) -> Result<Answer, Failure> {
    let _all = session.customer.interrupts.all();
    if session.device.is_some() {
        session.token()?;
    }
    let going = Going { session, with_cost, so_far: Mutex::default() };
    // What is known here goes on even if the bank cannot be asked for more: an answer needs no session to be submitted.
    let adopted = adopt(session).await;
    for order in adopted.as_ref().map_or(&[][..], |adopted| &adopted.orders) {
        let id = order.to_string();
        let text = session.output().words.fill("taken-over", &[("order", &id)]);
        session.output().event(&json!({"moment": "taken-over", "order_id": id}), &text, Tone::Strong);
    }
    let ended = |id, result| going.ended(id, result);
    session.client.resume_each(&*session.connector, &going, session.device, &ended).await?;
    let output = session.output();
    let adopted = match adopted {
        Ok(adopted) => {
            for (id, error) in adopted.refused {
                going.failed(session.failed(error, id));
            }
            json!(adopted.orders.iter().map(ToString::to_string).collect::<Vec<_>>())
        }
        Err(failure) => {
            let json = failure.json(&output.words);
            output.event(
                &json!({"moment": "adopt-failed", "failure": json}),
                &lines(session, &failure),
                Tone::Plain,
            );
            going.so_far().exits.push((true, failure.exit()));
            Value::Null
        }
    };
    let so_far = going.so_far();
    let exit_of = |failed: bool| {
        let mut exits = so_far.exits.iter().filter(|(is_failure, exit)| *is_failure == failed && *exit != 0);
        exits.next().map(|(_, exit)| *exit)
    };
    let exit = exit_of(true).or_else(|| exit_of(false)).unwrap_or(0);
    // What the bank could not be asked for may be open there.
    let nothing = so_far.orders.is_empty() && !adopted.is_null();
    let text = if nothing { output.words.say("nothing-open") } else { String::new() };
    Ok(Answer { json: json!({"orders": so_far.orders, "adopted": adopted}), text, exit })
}

/// What is open at the bank and not known here. One that does not hold is told and keeps no other from going on.
async fn adopt(session: &Session) -> Result<Adopted, Failure> {
    session.ensure_signed_in().await?;
    Ok(session.client.adopt().await?)
}

fn lines(session: &Session, failure: &Failure) -> String {
    let output = session.output();
    let lines = failure.lines(&output.words, false);
    lines.into_iter().map(|(line, tone)| output.paint(&line, tone)).collect::<Vec<_>>().join("\n")
}

/// The customer of one order after the other: told before each which it is, and after each how it ended.
struct Going<'a> {
    session: &'a Session,
    with_cost: bool,
    so_far: Mutex<SoFar>,
}

#[derive(Default)]
struct SoFar {
    announced: BTreeSet<OrderId>,
    orders: Vec<Value>,
    /// Exit codes, and whether of a failure.
    exits: Vec<(bool, u8)>,
}

impl Going<'_> {
    fn so_far(&self) -> MutexGuard<'_, SoFar> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which order it is about, once.
    fn announce(&self, id: OrderId) {
        if !self.so_far().announced.insert(id) {
            return;
        }
        let session = self.session;
        let Ok(entry) = session.client.order_entry(id) else { return };
        let token = session.client.token(entry.device).ok();
        if let Some(token) = &token {
            session.customer.is_about(token);
        }
        let words = &session.output().words;
        let what = match entry.order.as_ref().map(|order| &order.payload().operation) {
            Some(Operation::Transfer(transfer)) => words.fill(
                "transfer-of",
                &[
                    ("amount", &transfer.amount.to_string()),
                    ("payee", &transfer.creditor_name),
                    ("account", &transfer.creditor_account),
                ],
            ),
            Some(Operation::CertificateDownload(_)) => words.say("certificate"),
            None => words.catalogue.status(entry.status),
        };
        let name = token.map_or_else(|| "—".to_owned(), |token| token.pairing.name);
        let id = id.to_string();
        let text = words.fill("going-on", &[("what", &what), ("order", &id), ("token", &name)]);
        let json = json!({"moment": "resuming", "order_id": id, "token": name});
        session.output().event(&json, &text, Tone::Strong);
    }

    fn ended(&self, id: Option<OrderId>, result: Result<Report, Error>) {
        let report = match (result, id) {
            (Ok(report), _) => report,
            (Err(error), Some(id)) => return self.failed(self.session.failed(error, id)),
            (Err(error), None) => return self.failed(Failure::from(error).kept()),
        };
        self.announce(report.order);
        let (session, json) = (self.session, report::json(&report));
        let mut text = report::text(session.output(), &report, self.with_cost);
        if report.receipt.outcome == Outcome::Executed && self.is_certificate(report.order) {
            text = format!("{text}\n{}", session.output().words.say("certificate-there"));
        }
        session.output().part(&json!({"moment": "resumed", "order": json}), &text);
        let mut so_far = self.so_far();
        so_far.orders.push(json);
        so_far.exits.push((false, report::exit(report.receipt.outcome)));
    }

    /// An order of a certificate that was issued; it ended here only if the token has it.
    fn is_certificate(&self, id: OrderId) -> bool {
        let entry = self.session.client.order_entry(id);
        entry.is_ok_and(|entry| {
            matches!(entry.status, Status::Ended(_))
                && matches!(
                    entry.order.as_ref().map(|order| &order.payload().operation),
                    Some(Operation::CertificateDownload(_))
                )
        })
    }

    fn failed(&self, failure: Failure) {
        let session = self.session;
        let json = failure.json(&session.output().words);
        session.output().part(&json!({"moment": "resumed", "order": json}), &lines(session, &failure));
        let mut so_far = self.so_far();
        so_far.orders.push(json);
        so_far.exits.push((true, failure.exit()));
    }
}

#[async_trait]
impl Customer for Going<'_> {
    fn tell(&self, moment: &Moment) {
        match moment {
            Moment::Resuming { order } => {
                self.session.customer.tell(moment);
                self.announce(*order);
            }
            _ => self.session.customer.tell(moment),
        }
    }

    async fn pin(&self, reason: PinReason) -> Result<PinBlock, Error> {
        self.session.customer.pin(reason).await
    }

    async fn cancel_wanted(&self) {
        self.session.customer.cancel_wanted().await;
    }
}
