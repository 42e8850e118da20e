//! `ushield history`.

use serde_json::{Map, Value, json};
use unicode_width::UnicodeWidthStr;
use ushield_client::{HistoryEntry, Status};
use ushield_protocol::account::Scheme;
use ushield_protocol::key::OrderId;
use ushield_protocol::order::{Operation, Transfer};

use crate::failure::Failure;
use crate::output::table::{Align, table};
use crate::output::{Answer, time};
use crate::session::Look;
use crate::words::Words;

pub(super) async fn run(look: &Look, limit: Option<usize>) -> Result<Answer, Failure> {
    let mut entries = look.history().await?;
    entries.truncate(limit.unwrap_or(usize::MAX));
    let words = &look.output().words;
    let json = json!({"orders": entries.iter().map(json_of).collect::<Vec<_>>()});
    if entries.is_empty() {
        return Ok(Answer::done(json, words.say("no-orders")));
    }
    let columns = [
        (words.say("asked"), Align::Left),
        (words.say("amount"), Align::Right),
        (words.say("payee"), Align::Left),
        (words.say("status"), Align::Left),
        (words.say("order"), Align::Left),
    ];
    let rows: Vec<[String; 5]> = entries.iter().map(|entry| row(words, entry)).collect();
    let whole = table(columns.clone(), &rows);
    let text = match look.output().result_width() {
        Some(width) if whole.lines().any(|line| line.width() > width) => narrow(columns, &rows),
        _ => whole,
    };
    Ok(Answer::done(json, text))
}

/// The order's id on a line of its own, below the rest.
fn narrow(columns: [(String, Align); 5], rows: &[[String; 5]]) -> String {
    let [asked, amount, payee, status, order] = columns;
    let parts: Vec<[String; 4]> = rows
        .iter()
        .map(|[asked, amount, payee, status, _]| [asked, amount, payee, status].map(Clone::clone))
        .collect();
    let table = table([asked, amount, payee, status], &parts);
    let ids = std::iter::once(&order.0).chain(rows.iter().map(|[.., id]| id));
    table.lines().zip(ids).map(|(line, id)| format!("{line}\n    {id}")).collect::<Vec<_>>().join("\n")
}

fn row(words: &Words, entry: &HistoryEntry) -> [String; 5] {
    let (amount, what) = match entry.order.as_ref().map(|order| &order.payload().operation) {
        Some(Operation::Transfer(transfer)) => (transfer.amount.to_string(), transfer.creditor_name.clone()),
        Some(Operation::CertificateDownload(_)) => (String::new(), words.say("certificate")),
        None => (String::new(), String::new()),
    };
    let mut status = words.catalogue.status(entry.status);
    if let Status::NotCreated(code) = entry.status {
        status = format!("{status}: {}", words.catalogue.title(code));
    } else if entry.cancelled && !matches!(entry.status, Status::Ended(_)) {
        status = format!("{status} {}", words.say("cancel-asked"));
    }
    if entry.certificate_due {
        status = format!("{status} {}", words.say("not-on-token"));
    }
    if let Some(problem) = &entry.problem {
        status = format!("{status} ({})", words.catalogue.title(problem.code()));
    }
    // What has no order yet is cancelled by its request's id.
    let id = entry.id.or_else(|| OrderId::from_slice(&entry.creation));
    let id = id.map_or_else(String::new, |id| id.to_string());
    if is_damaged(entry) {
        return ["—".to_owned(), String::new(), String::new(), words.say("damaged"), id];
    }
    [time::show(entry.asked), amount, what, status, id]
}

/// A record that cannot be read: not even when it was asked for is known.
fn is_damaged(entry: &HistoryEntry) -> bool {
    entry.asked == 0 && entry.problem.is_some()
}

fn json_of(entry: &HistoryEntry) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("order_id", entry.id.map(|id| id.to_string()).into());
    put("request_id", OrderId::from_slice(&entry.creation).map(|id| id.to_string()).into());
    let damaged = is_damaged(entry);
    put("asked", (!damaged).then_some(entry.asked).into());
    put("status", if damaged { "damaged" } else { entry.status.name() }.into());
    put("cancelled", (!damaged).then_some(entry.cancelled).into());
    if entry.certificate_due {
        put("certificate_due", true.into());
    }
    if let Status::NotCreated(code) = entry.status {
        put("reason", json!({"code": code.number(), "name": code.name()}));
    }
    if let Some(problem) = &entry.problem {
        put("problem", json!({"code": problem.code().number(), "name": problem.code().name()}));
    }
    if let Some(order) = &entry.order {
        let payload = order.payload();
        put("issued", payload.issued.into());
        put("expires", payload.expires.into());
        match &payload.operation {
            Operation::Transfer(transfer) => put("transfer", transfer_json(transfer)),
            Operation::CertificateDownload(download) => put(
                "certificate_download",
                json!({"role": download.role.number(), "customer": download.customer, "reference": download.reference}),
            ),
        };
    }
    if let Some(receipt) = &entry.receipt {
        let reason = receipt.reason.map(|code| json!({"code": code.number(), "name": code.name()}));
        put("receipt", json!({"outcome": receipt.outcome.name(), "ended": receipt.ended, "reason": reason}));
    }
    Value::Object(object)
}

fn transfer_json(transfer: &Transfer) -> Value {
    let scheme = match transfer.scheme {
        Scheme::Domestic => "domestic",
        Scheme::Iban => "iban",
        Scheme::Card => "card",
    };
    json!({
        "debtor_account": transfer.debtor_account,
        "creditor_name": transfer.creditor_name,
        "creditor_account": transfer.creditor_account,
        "account_scheme": scheme,
        "creditor_agent": transfer.creditor_agent,
        "amount": transfer.amount.minor(),
        "currency": transfer.amount.currency().code(),
        "exponent": transfer.amount.currency().exponent(),
        "charges": transfer.charges,
        "execution_date": transfer.execution_date,
        "remittance_text": transfer.remittance,
        "beside": transfer.beside.map(|id| id.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use ushield_client::Error;
    use ushield_client::catalogue::Language;
    use ushield_protocol::code::Code;

    use super::*;

    fn entry(asked: u64, problem: Option<Error>) -> HistoryEntry {
        let creation = *OrderId::from_random([7; 16]).as_bytes();
        let (id, order, receipt) = (None, None, None);
        HistoryEntry {
            creation,
            id,
            asked,
            device: None,
            status: Status::Unknown,
            certificate_due: false,
            cancelled: false,
            order,
            receipt,
            problem,
        }
    }

    #[test]
    fn a_damaged_record_is_said_to_be_one_and_has_no_date() {
        let damaged = entry(0, Some(Error::new(Code::StoreCorrupt)));
        for language in Language::ALL {
            let words = Words::new(language);
            let row = row(&words, &damaged);
            assert_eq!((row[0].as_str(), row[3].clone()), ("—", words.say("damaged")));
            assert!(!row.concat().contains("1970"));
        }
        let json = json_of(&damaged);
        assert_eq!(
            (json["status"].as_str(), json["problem"]["name"].as_str()),
            (Some("damaged"), Some("store-corrupt"))
        );
        assert!(json["asked"].is_null() && json["cancelled"].is_null());
        assert!(json["request_id"].is_string(), "it can still be named");
    }

    #[test]
    fn a_record_whose_receipt_alone_does_not_hold_keeps_its_date() {
        let entry = entry(1_795_341_600, Some(Error::new(Code::BankLied)));
        assert_eq!(json_of(&entry)["asked"], 1_795_341_600);
        assert!(row(&Words::new(Language::En), &entry)[0].starts_with("2026-11-22"));
    }
}
