//! How an order ended, for programs and for people.

use serde_json::{Value, json};
use ushield_client::ports::Millis;
use ushield_client::radio::Air;
use ushield_client::{Cost, Phases, Report};
use ushield_protocol::code::Code;
use ushield_protocol::message::Kind;
use ushield_protocol::receipt::Outcome;

use crate::failure::exit_of;
use crate::output::table::{Align, pairs, table};
use crate::output::{Answer, Output, Tone, time};

/// The exit code of an outcome.
pub(crate) fn exit(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Executed => 0,
        Outcome::Rejected => 20,
        Outcome::Expired => 21,
        Outcome::Cancelled => 22,
        Outcome::Refused => 23,
    }
}

/// The exit code of a cancel, which is done when the order is cancelled.
pub(crate) fn exit_of_cancel(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Cancelled => 0,
        Outcome::Executed => exit_of(Code::AlreadyDecided.class()),
        other => exit(other),
    }
}

/// A report as JSON.
pub(crate) fn json(report: &Report) -> Value {
    let receipt = &report.receipt;
    json!({
        "order_id": report.order.to_string(),
        "outcome": receipt.outcome.name(),
        "ended": receipt.ended,
        "reason": receipt.reason.map(|code| json!({"code": code.number(), "name": code.name()})),
        "cost": cost_json(&report.cost),
    })
}

/// A report with the pages that were shown before.
pub(crate) fn answer(output: &Output, report: &Report, pages: &[String], with_cost: bool) -> Answer {
    let mut json = json(report);
    if let Some(object) = json.as_object_mut() {
        object.insert("pages".to_owned(), json!(pages));
    }
    Answer { json, text: text(output, report, with_cost), exit: exit(report.receipt.outcome) }
}

/// With what went over the air, where there is an air.
pub(crate) fn with_air(output: &Output, mut answer: Answer, air: &Air, with_cost: bool) -> Answer {
    let Air { exchanges, bytes, headers, keep_alives, polls } = air;
    if *exchanges == 0 {
        return answer;
    }
    let values = [
        ("exchanges", exchanges),
        ("bytes", bytes),
        ("headers", headers),
        ("keep_alives", keep_alives),
        ("polls", polls),
    ];
    if let Some(object) = answer.json.as_object_mut() {
        object.insert("air".to_owned(), values.iter().map(|(name, value)| (*name, json!(value))).collect());
    }
    if with_cost {
        let values = values.map(|(name, value)| (name, value.to_string()));
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        answer.text.push('\n');
        answer.text.push_str(&output.words.fill("cost-air", &values));
    }
    answer
}

/// A report for a person who wanted it executed.
pub(crate) fn text(output: &Output, report: &Report, with_cost: bool) -> String {
    text_of(output, report, Outcome::Executed, with_cost)
}

/// A report for a person who wanted this outcome.
pub(crate) fn text_of(output: &Output, report: &Report, wanted: Outcome, with_cost: bool) -> String {
    let (words, receipt) = (&output.words, &report.receipt);
    let outcome = words.catalogue.outcome(receipt.outcome);
    let mut rows = vec![
        (words.say("order"), report.order.to_string()),
        (words.say("receipt"), format!("{} · {}", time::show(receipt.ended), receipt.bank)),
    ];
    if let Some(code) = receipt.reason {
        rows.push((words.say("reason"), format!("{} ({code})", words.catalogue.title(code))));
    }
    let mark = if receipt.outcome == wanted { "✔" } else { "✗" };
    let tone = if receipt.outcome == wanted { Tone::Good } else { Tone::Bad };
    let mark = output.paint(&format!("{mark} {outcome}"), tone);
    let mut text = format!("{mark}\n{}", pairs(&rows));
    if with_cost && !report.cost.messages.is_empty() {
        text.push('\n');
        text.push_str(&cost_text(output, &report.cost));
    }
    text
}

fn cost_json(cost: &Cost) -> Value {
    let messages: Vec<Value> = cost
        .messages
        .iter()
        .map(|message| {
            let direction = if message.sent { "sent" } else { "received" };
            json!({"direction": direction, "kind": kind(message.kind), "bytes": message.bytes, "at_ms": message.at.0})
        })
        .collect();
    let phases: Value = phases(cost).iter().map(|(name, took)| ((*name).to_owned(), json!(took.0))).collect();
    json!({"exchanges": cost.exchanges(), "bytes": cost.bytes(), "messages": messages, "phases_ms": phases})
}

/// What the time was spent on, by the names of the texts.
fn phases(cost: &Cost) -> [(&'static str, Millis); 4] {
    let Phases { connecting, handshake, delivery, customer } = cost.phases();
    [("connecting", connecting), ("handshake", handshake), ("delivery", delivery), ("customer", customer)]
}

fn cost_text(output: &Output, cost: &Cost) -> String {
    let words = &output.words;
    let rows: Vec<[String; 4]> = cost
        .messages
        .iter()
        .map(|message| {
            let direction = if message.sent { words.say("cost-sent") } else { words.say("cost-received") };
            let at = seconds(message.at);
            [direction, kind(message.kind).to_owned(), message.bytes.to_string(), at]
        })
        .collect();
    let columns = [
        (words.say("cost-direction"), Align::Left),
        (words.say("cost-kind"), Align::Left),
        (words.say("cost-bytes"), Align::Right),
        (words.say("cost-at"), Align::Right),
    ];
    let sum = words.fill(
        "cost-sum",
        &[("exchanges", &cost.exchanges().to_string()), ("bytes", &cost.bytes().to_string())],
    );
    let spent = phases(cost).map(|(name, took)| (name, seconds(took)));
    let spent: Vec<(&str, &str)> = spent.iter().map(|(name, took)| (*name, took.as_str())).collect();
    format!("\n{}\n{sum}\n{}", table(columns, &rows), words.fill("cost-phases", &spent))
}

/// With three digits behind the point.
fn seconds(Millis(millis): Millis) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

/// The name of a message's kind in protocol.md.
fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Hello => "hello",
        Kind::Pairing => "pairing",
        Kind::Connect => "connect",
        Kind::Sealed => "sealed",
        Kind::Refusal => "refusal",
        Kind::KeepAlive => "keep-alive",
    }
}

#[cfg(test)]
mod tests {
    use ushield_client::Counted;
    use ushield_client::catalogue::Language;
    use ushield_protocol::key::{BankId, Hash, OrderId};
    use ushield_protocol::receipt::Receipt;

    use super::*;
    use crate::args::Colour;
    use crate::words::Words;

    fn report(outcome: Outcome) -> Report {
        let order = OrderId::from_random([7; 16]);
        let bank = BankId::new("USHDCNBJ").unwrap();
        let reason = (outcome == Outcome::Refused).then_some(Code::InsufficientFunds);
        let receipt = Receipt { bank, order, order_hash: Hash::ZERO, outcome, ended: 0, reason };
        let message = |sent, kind, bytes, at| Counted { sent, kind, bytes, at: Millis(at) };
        let messages = vec![
            message(true, Kind::Connect, 57, 110),
            message(false, Kind::Connect, 73, 150),
            message(true, Kind::Sealed, 398, 2_150),
            message(false, Kind::Sealed, 18, 2_190),
            message(false, Kind::Sealed, 252, 9_190),
        ];
        Report { order, receipt, cost: Cost { messages, connected: Millis(100) } }
    }

    #[test]
    fn each_end_has_its_exit_code() {
        assert_eq!(Outcome::ALL.map(exit), [0, 20, 21, 22, 23]);
        assert_eq!(Outcome::ALL.map(exit_of_cancel), [13, 20, 21, 0, 23]);
    }

    #[test]
    fn the_cost_counts_exchanges_and_bytes() {
        let json = json(&report(Outcome::Executed));
        assert_eq!(
            (json["cost"]["exchanges"].as_u64(), json["cost"]["bytes"].as_u64()),
            (Some(2), Some(798))
        );
        let last = &json["cost"]["messages"][4];
        assert_eq!(*last, json!({"direction": "received", "kind": "sealed", "bytes": 252, "at_ms": 9_190}));
        let phases = json!({"connecting": 100, "handshake": 50, "delivery": 40, "customer": 9_000});
        assert_eq!(json["cost"]["phases_ms"], phases);
    }

    #[test]
    fn a_refusal_says_why() {
        let output = Output::new(Words::new(Language::En), false, Colour::Never);
        let answer = answer(&output, &report(Outcome::Refused), &["page".to_owned()], true);
        assert_eq!(answer.exit, 23);
        assert_eq!(answer.json["reason"]["name"], "insufficient-funds");
        assert_eq!(answer.json["pages"], json!(["page"]));
        for part in ["insufficient-funds", "1970-01-01", "798", "connect"] {
            assert!(answer.text.contains(part), "{part} in {}", answer.text);
        }
    }
}
