//! How a command fails: what is printed, and the exit code.

use std::error::Error as _;

use serde_json::{Map, Value, json};
use ushield_client::Error;
use ushield_client::error::{Detail, Doubt, Place};
use ushield_client::radio::EachWay;
use ushield_protocol::code::{Class, Code, Fault};
use ushield_protocol::key::OrderId;

use crate::output::Tone;
use crate::words::Words;

/// An option that cannot be used.
pub(crate) const USAGE: u8 = 2;
/// The same again may work.
const RETRY: u8 = 10;

/// Why a command did not do what it should.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An option cannot be used.
    Usage {
        /// Which.
        flag: String,
        /// What it is in the catalogue.
        code: Code,
        /// Why, for the person at the keyboard.
        reason: String,
    },
    /// The client met an error.
    Client {
        /// Which.
        error: Error,
        /// The order that it happened to.
        order: Option<AtOrder>,
    },
}

/// An order that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtOrder {
    /// None: nothing was written down.
    Nothing,
    /// Asked for, by this request's id; whether the bank has made it is not known.
    Requested(OrderId),
    /// Not decided, or decided and not at the bank.
    Open(OrderId),
    /// Its answer may have reached the bank.
    Unknown(OrderId),
    /// Over: the bank has issued its certificate, and that is not on the token yet.
    CertificateDue(OrderId),
}

impl AtOrder {
    fn id(self) -> Option<OrderId> {
        match self {
            AtOrder::Nothing | AtOrder::Requested(_) => None,
            AtOrder::Open(id) | AtOrder::Unknown(id) | AtOrder::CertificateDue(id) => Some(id),
        }
    }

    fn status(self) -> &'static str {
        match self {
            AtOrder::Nothing => "not-requested",
            AtOrder::Requested(_) => "requested",
            AtOrder::Open(_) => "open",
            AtOrder::Unknown(_) => "unknown",
            AtOrder::CertificateDue(_) => "certificate-due",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Client { error, order: None }
    }
}

impl Failure {
    /// An option that cannot be used.
    pub(crate) fn usage(flag: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Usage { flag: flag.into(), code: Code::BadInput, reason: reason.into() }
    }

    /// With the request that the client kept, where it says that it kept one.
    pub(crate) fn kept(self) -> Self {
        match self {
            Failure::Client { error, order: None } => {
                let request = error.request().and_then(|creation| OrderId::from_slice(&creation));
                Failure::Client { error, order: request.map(AtOrder::Requested) }
            }
            other => other,
        }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Failure::Usage { .. } => USAGE,
            Failure::Client { order: Some(AtOrder::Unknown(_)), .. } => RETRY,
            Failure::Client { error, order: None } if is_bad_value(error) => USAGE,
            Failure::Client { error, .. } => exit_of(error.class()),
        }
    }

    /// Whether the token that is there may be another one than the one that is wanted.
    pub(crate) fn is_another_token(&self) -> bool {
        matches!(self, Failure::Client { error, .. } if matches!(error.code(), Code::UnknownPhone | Code::WrongToken))
    }

    /// `{"error": {...}}`, with the order that it happened to.
    pub(crate) fn json(&self, words: &Words) -> Value {
        match self {
            Failure::Usage { flag, code, reason } => json!({"error": {
                "code": code.number(), "name": code.name(), "class": class_name(code.class()),
                "fault": fault_name(code.fault()), "field": flag, "flag": flag, "tries_left": null,
                "title": words.say("usage-title"), "what": reason, "remedy": words.say("usage-remedy"),
            }}),
            Failure::Client { error, order } => {
                let mut object = Map::new();
                object.insert("error".to_owned(), error_json(error, words));
                if let Some(order) = order {
                    object.insert("order_id".to_owned(), order.id().map(|id| id.to_string()).into());
                    if let AtOrder::Requested(id) = order {
                        object.insert("request_id".to_owned(), id.to_string().into());
                    }
                    object.insert("status".to_owned(), order.status().into());
                }
                Value::Object(object)
            }
        }
    }

    /// Lines for a person.
    pub(crate) fn lines(&self, words: &Words, causes: bool) -> Vec<(String, Tone)> {
        match self {
            Failure::Usage { flag, reason, .. } => vec![
                (format!("✗ {}", words.fill("usage-flag", &[("flag", flag), ("reason", reason)])), Tone::Bad),
                (format!("  → {}", words.say("usage-remedy")), Tone::Plain),
            ],
            Failure::Client { error, order } => {
                let mut lines = error_lines(error, words);
                if let Some(order) = order {
                    let line = match order {
                        AtOrder::Nothing => words.say("order-nothing"),
                        AtOrder::Requested(id) => {
                            words.fill("order-requested", &[("request", &id.to_string())])
                        }
                        AtOrder::Open(id) => words.fill("order-open", &[("order", &id.to_string())]),
                        AtOrder::Unknown(id) => words.fill("order-unknown", &[("order", &id.to_string())]),
                        AtOrder::CertificateDue(_) => words.say("certificate-due"),
                    };
                    lines.push((format!("  {line}"), Tone::Strong));
                }
                if causes {
                    lines.extend(chain(error).into_iter().map(|cause| (format!("  ← {cause}"), Tone::Faint)));
                }
                lines
            }
        }
    }
}

/// Whether the value of an option was found to be bad, whoever found it: this program, the client or the bank.
fn is_bad_value(error: &Error) -> bool {
    let value = matches!(
        error.code(),
        Code::BadInput
            | Code::BadText
            | Code::BadCheckDigits
            | Code::UnknownCurrency
            | Code::UnknownAccount
            | Code::BadRequest
    );
    value && flag_of(error).is_some()
}

/// The exit code of a class.
pub(crate) fn exit_of(class: Class) -> u8 {
    match class {
        Class::Retry => RETRY,
        Class::Wait => 11,
        Class::Act => 12,
        // The first two are no errors: a peer that says them as one cannot be helped.
        Class::Done | Class::Event | Class::Terminal => 13,
    }
}

/// An error as data and as text.
pub(crate) fn error_json(error: &Error, words: &Words) -> Value {
    let text = words.catalogue.text(error);
    let detail = error.detail().map(|detail| match detail {
        Detail::Holder(holder) => json!({"holder": {"pid": holder.pid, "program": holder.program}}),
        Detail::SetAside(path) => json!({"set_aside": path}),
        Detail::Path(path) => json!({"path": path}),
        Detail::Host(host) => json!({"host": host}),
        Detail::Device(device) => json!({"device_id": device.to_string()}),
        _ => Value::Null,
    });
    json!({
        "code": error.code().number(),
        "name": error.code().name(),
        "class": class_name(error.class()),
        "fault": fault_name(error.fault()),
        "field": error.place().map(ToString::to_string),
        "flag": flag_of(error),
        "tries_left": error.tries_left(),
        "detail": detail,
        "doubt": error.doubt().map(Doubt::name),
        "title": text.title,
        "what": text.what,
        "remedy": text.remedy,
        "causes": chain(error),
    })
}

/// An error for a person.
pub(crate) fn error_lines(error: &Error, words: &Words) -> Vec<(String, Tone)> {
    let text = words.catalogue.text(error);
    let head = format!("✗ {} ({} {:#05x})", text.title, error.code(), error.code().number());
    let mut lines = vec![(head, Tone::Bad), (format!("  {}", text.what), Tone::Plain)];
    if let Some(flag) = flag_of(error) {
        lines.push((format!("  {}", words.fill("error-flag", &[("flag", flag)])), Tone::Strong));
    }
    if let (Some(tries), false) =
        (error.tries_left(), matches!(error.code(), Code::PinWrong | Code::WrongPassword))
    {
        let line = words.fill("error-tries", &[("tries", &tries.to_string())]);
        lines.push((format!("  {line}"), Tone::Strong));
    }
    lines.extend(reasons(error, words).into_iter().map(|line| (format!("  {line}"), Tone::Plain)));
    lines.push((format!("  → {}", text.remedy), Tone::Plain));
    let command = match (error.code(), error.doubt()) {
        (Code::PairingTriesSpent, _) => Some(words.say("mode-opened-again")),
        (Code::UnknownPhone, _) => Some(words.say("unknown-phone-here")),
        (_, Some(Doubt::Forget)) => Some(words.say("forget-here")),
        _ => None,
    };
    lines.extend(command.map(|line| (format!("  → {line}"), Tone::Plain)));
    lines
}

/// Why no token was found: one line for each way that was tried.
fn reasons(error: &Error, words: &Words) -> Vec<String> {
    match EachWay::behind(error) {
        Some(each) => {
            each.ways().iter().map(|(way, error)| format!("{way}: {}", why(error, words))).collect()
        }
        None if is_search(error.code()) => root(error).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The few words for an error, with what lies at the bottom of it.
pub(crate) fn why(error: &Error, words: &Words) -> String {
    let title = words.catalogue.title(error.code());
    match root(error) {
        Some(root) => format!("{title} ({root})"),
        None => title,
    }
}

/// Codes with which a search ends.
fn is_search(code: Code) -> bool {
    matches!(code, Code::TokenNotFound | Code::RadioOff | Code::RadioForbidden | Code::NoReader)
}

fn root(error: &Error) -> Option<String> {
    chain(error).pop()
}

/// Causes, nearest first. The client's errors hold no secret, name or account.
fn chain(error: &Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(next) = cause {
        causes.push(next.to_string());
        cause = next.source();
    }
    causes
}

/// The option that a member of an input came from.
fn flag_of(error: &Error) -> Option<&'static str> {
    let Some(Place::Member(member)) = error.place() else { return None };
    Some(match member.as_ref() {
        "debtor_account" => "--from",
        "creditor_account" => "--to",
        "creditor_name" => "--name",
        "creditor_agent" => "--agent",
        "remittance_text" => "--text",
        "amount" => "--amount",
        "currency" => "--currency",
        "execution_date" => "--date",
        "account_scheme" => "--scheme",
        "beside" => "--beside",
        "trust.bank_id" | "trust.name" | "trust.root" => "--trust",
        "makers" => "--maker-root",
        "customer" => "--customer",
        "phone" => "--phone",
        "bank" => "--bank",
        "ca" => "--bank-ca",
        "keystore" => "--home",
        "pin" | "new-pin" | "password" | "token-digits" | "secrets-fd" => "--secrets-fd",
        _ => return None,
    })
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::Done => "done",
        Class::Event => "event",
        Class::Retry => "retry",
        Class::Wait => "wait",
        Class::Act => "act",
        Class::Terminal => "terminal",
    }
}

fn fault_name(fault: Fault) -> &'static str {
    match fault {
        Fault::None => "none",
        Fault::Bank => "bank",
        Fault::Caller => "caller",
        Fault::Customer => "customer",
        Fault::Link => "link",
        Fault::Network => "network",
        Fault::Phone => "phone",
        Fault::Token => "token",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ushield_client::catalogue::Language;

    fn at(unknown: bool) -> Option<AtOrder> {
        let id = OrderId::from_random([7; 16]);
        Some(if unknown { AtOrder::Unknown(id) } else { AtOrder::Open(id) })
    }

    #[test]
    fn the_exit_code_is_that_of_the_class() {
        for (code, exit) in [
            (Code::LinkLost, 10),
            (Code::Busy, 11),
            (Code::PinWrong, 12),
            (Code::NotSetUp, 12),
            (Code::BankLied, 13),
            (Code::Shown, 13),
        ] {
            assert_eq!(Failure::from(Error::new(code)).exit(), exit, "{code}");
        }
        assert_eq!(Failure::usage("--amount", "").exit(), 2);
    }

    #[test]
    fn an_unknown_outcome_is_to_be_retried_whatever_the_error() {
        let failure =
            |unknown| Failure::Client { error: Error::new(Code::BankUntrusted), order: at(unknown) };
        assert_eq!((failure(false).exit(), failure(true).exit()), (13, 10));
        let words = Words::new(Language::En);
        assert_eq!(failure(true).json(&words)["status"], "unknown");
        assert_eq!(failure(false).json(&words)["status"], "open");
    }

    #[test]
    fn a_bad_value_is_one_exit_code_whoever_finds_it() {
        let exit = |code, member| Failure::from(Error::new(code).at(member)).exit();
        for (code, member) in [
            (Code::BadInput, "trust.root"),
            (Code::BadText, "phone"),
            (Code::BadText, "remittance_text"),
            (Code::BadCheckDigits, "creditor_account"),
            (Code::UnknownCurrency, "currency"),
            (Code::BadRequest, "creditor_name"),
            (Code::UnknownAccount, "debtor_account"),
        ] {
            assert_eq!(exit(code, member), USAGE, "{code} at {member}");
        }
        // Nothing is wrong with an option: somebody has to do something.
        assert_eq!(exit(Code::SecretMissing, "pin"), 12);
        assert_eq!(exit(Code::BadInput, "something_else"), 12);
    }

    #[test]
    fn what_was_asked_for_and_has_no_order_yet_is_said_to_be_kept() {
        let error = Error::new(Code::BankUnreachable);
        let request = OrderId::from_random([7; 16]);
        let failure = Failure::Client { error, order: Some(AtOrder::Requested(request)) };
        for lang in Language::ALL {
            let words = Words::new(lang);
            let json = failure.json(&words);
            assert_eq!((json["order_id"].is_null(), json["status"].as_str()), (true, Some("requested")));
            let said = words.fill("order-requested", &[("request", &request.to_string())]);
            assert!(failure.lines(&words, false).iter().any(|(line, _)| line.contains(&said)));
        }
    }

    #[test]
    fn an_error_without_an_order_speaks_of_none() {
        for code in
            [Code::BankUnreachable, Code::BankFailure, Code::BankLied, Code::LinkLost, Code::UnexpectedEvent]
        {
            for (lang, word) in [(Language::En, "order"), (Language::Zh, "订单")] {
                let lines = Failure::from(Error::new(code)).lines(&Words::new(lang), false);
                assert!(lines.iter().all(|(line, _)| !line.contains(word)), "{code}: {lines:?}");
            }
        }
    }

    #[test]
    fn an_error_is_told_whole() {
        let error = Error::new(Code::PinWrong).with_tries_left(2).at("pin");
        let failure = Failure::from(error);
        for lang in Language::ALL {
            let words = Words::new(lang);
            let json = failure.json(&words);
            let error = &json["error"];
            assert_eq!((error["code"].as_u64(), error["tries_left"].as_u64()), (Some(3), Some(2)));
            assert_eq!((error["class"].as_str(), error["fault"].as_str()), (Some("act"), Some("customer")));
            assert_eq!((error["field"].as_str(), error["name"].as_str()), (Some("pin"), Some("pin-wrong")));
            let told: String = failure.lines(&words, true).into_iter().map(|(line, _)| line).collect();
            for part in [&error["title"], &error["what"], &error["remedy"]] {
                assert!(
                    !part.as_str().unwrap().is_empty() && told.contains(part.as_str().unwrap()),
                    "{part}"
                );
            }
        }
    }
}
