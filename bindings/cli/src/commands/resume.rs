//! `ushield resume`.

use serde_json::{Value, json};
use ushield_client::orders::Adopted;

use crate::failure::Failure;
use crate::output::{Answer, Tone};
use crate::report;
use crate::session::Session;

pub(super) async fn run(session: &Session, with_cost: bool) -> Result<Answer, Failure> {
    let _all = session.customer.interrupts.all();
    // What is known here goes on even if the bank cannot be asked for more: an answer needs no session to be submitted.
    let adopted = adopt(session).await;
    let results = session.client.resume(&*session.connector, &session.customer).await?;
    let output = session.output();
    let mut failures: Vec<Failure> = Vec::new();
    let (mut orders, mut texts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for (id, result) in results {
        match result {
            Ok(report) => {
                orders.push(report::json(&report));
                texts.push(report::text(output, &report, with_cost));
                ends.push(report::exit(report.receipt.outcome));
            }
            Err(error) => {
                let failure = match id {
                    Some(id) => session.failed(error, id),
                    None => error.into(),
                };
                orders.push(failure.json(&output.words));
                texts.push(lines(session, &failure));
                failures.push(failure);
            }
        }
    }
    let adopted = match adopted {
        Ok(adopted) => {
            for (id, error) in adopted.refused {
                let failure = session.failed(error, id);
                orders.push(failure.json(&output.words));
                texts.push(lines(session, &failure));
                failures.push(failure);
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
            failures.push(failure);
            Value::Null
        }
    };
    if texts.is_empty() {
        texts.push(output.words.say("nothing-open"));
    }
    let exit =
        failures.first().map(Failure::exit).or_else(|| ends.into_iter().find(|exit| *exit != 0)).unwrap_or(0);
    Ok(Answer { json: json!({"orders": orders, "adopted": adopted}), text: texts.join("\n\n"), exit })
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
