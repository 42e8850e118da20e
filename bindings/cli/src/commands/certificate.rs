//! `ushield certificate`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use ushield_client::{Error, Report};
use ushield_protocol::code::Code;
use ushield_protocol::device::certified_key;
use ushield_protocol::receipt::Outcome;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::name::Name;

use crate::args::Role;
use crate::failure::{AtOrder, Failure};
use crate::output::table::pairs;
use crate::output::{Answer, Output, Tone, time};
use crate::report;
use crate::session::{Look, Session};
use crate::words::Words;

pub(super) async fn download(session: &Session, role: Role) -> Result<Answer, Failure> {
    let token = session.token()?;
    session.ensure_signed_in().await?;
    let (connector, customer) = (&*session.connector, &session.customer);
    let report = session.client.download_certificate(connector, customer, session.device, role.into()).await;
    let report = report.map_err(|error| {
        let due = session.client.due_certificate_order(&token, role.into()).ok().flatten();
        Failure::Client { error, order: due.map(AtOrder::CertificateDue) }
    })?;
    let executed = |report: &Report| report.receipt.outcome == Outcome::Executed;
    match report {
        Some(report) if !executed(&report) => Ok(report::answer(session.output(), &report, &[], false)),
        report => {
            let chain = kept(session, role)?;
            let mut json = describe(role, &chain);
            if let (Some(object), Some(report)) = (json.as_object_mut(), &report) {
                object.insert("order".to_owned(), report::json(report));
            }
            let key = key_id(&chain).unwrap_or_default();
            Ok(Answer::done(json, session.output().words.fill("certificate-stored", &[("key", &key)])))
        }
    }
}

/// As it was kept here.
pub(super) fn show(look: &Look, role: Role, with_pem: bool) -> Result<Answer, Failure> {
    let (chain, due) = look.certificate(role.into())?;
    let mut answer = shown(look.output(), role, &chain, with_pem);
    if let Some(object) = answer.json.as_object_mut() {
        object.insert("due".to_owned(), due.into());
    }
    if due {
        let line = look.output().paint(&look.output().words.say("certificate-due"), Tone::Strong);
        answer.text = format!("{}\n{line}", answer.text);
    }
    Ok(answer)
}

/// As the token has it.
pub(super) async fn show_on_token(session: &Session, role: Role, with_pem: bool) -> Result<Answer, Failure> {
    session.token()?;
    let (connector, customer) = (&*session.connector, &session.customer);
    let chain = session.client.certificate_on_token(connector, customer, session.device, role.into()).await?;
    Ok(shown(session.output(), role, &chain, with_pem))
}

fn shown(output: &Output, role: Role, chain: &[Vec<u8>], with_pem: bool) -> Answer {
    let mut text = pairs(&rows(&output.words, role, chain));
    if with_pem {
        let pem: String = chain.iter().map(|der| pem(der)).collect();
        text = format!("{text}\n{}", pem.trim_end());
    }
    Answer::done(describe(role, chain), text)
}

/// What a person wants to know of a certificate.
struct Contents {
    subject: String,
    issuer: String,
    serial: String,
    not_before: u64,
    not_after: u64,
}

impl Contents {
    /// Of a chain's first certificate, the key's own.
    fn of(chain: &[Vec<u8>]) -> Option<Self> {
        let certificate = Certificate::from_der(chain.first()?).ok()?;
        let tbs = certificate.tbs_certificate();
        // Names come from outside: nothing in them may steer a terminal.
        let visible = |name: &Name| name.to_string().replace(char::is_control, "\u{fffd}");
        Some(Self {
            subject: visible(tbs.subject()),
            issuer: visible(tbs.issuer()),
            serial: hex(tbs.serial_number().as_bytes()),
            not_before: tbs.validity().not_before.to_unix_duration().as_secs(),
            not_after: tbs.validity().not_after.to_unix_duration().as_secs(),
        })
    }
}

fn rows(words: &Words, role: Role, chain: &[Vec<u8>]) -> Vec<(String, String)> {
    let role = match role {
        Role::Pay => words.say("role-pay"),
        Role::Login => words.say("role-login"),
    };
    let mut rows = vec![
        (words.say("certificate-role"), role),
        (words.say("certificate-key"), key_id(chain).unwrap_or_default()),
    ];
    if let Some(contents) = Contents::of(chain) {
        rows.extend([
            (words.say("certificate-subject"), contents.subject),
            (words.say("certificate-issuer"), contents.issuer),
            (words.say("certificate-serial"), contents.serial),
            (words.say("certificate-from"), time::show(contents.not_before)),
            (words.say("certificate-until"), time::show(contents.not_after)),
        ]);
    }
    rows
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn kept(session: &Session, role: Role) -> Result<Vec<Vec<u8>>, Failure> {
    let chain = session.client.certificate(&session.token()?, role.into())?;
    Ok(chain.ok_or(Error::new(Code::NoCertificate))?)
}

fn describe(role: Role, chain: &[Vec<u8>]) -> Value {
    let role = match role {
        Role::Pay => "pay",
        Role::Login => "login",
    };
    let contents = Contents::of(chain);
    let contents = contents.as_ref();
    json!({
        "role": role, "key_id": key_id(chain),
        "subject": contents.map(|of| &of.subject), "issuer": contents.map(|of| &of.issuer),
        "serial": contents.map(|of| &of.serial),
        "not_before": contents.map(|of| of.not_before), "not_after": contents.map(|of| of.not_after),
        "chain": chain.iter().map(|der| pem(der)).collect::<Vec<_>>(),
    })
}

fn key_id(chain: &[Vec<u8>]) -> Option<String> {
    Some(certified_key(chain.first()?)?.key_id().to_string())
}

/// RFC 7468.
fn pem(der: &[u8]) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for (at, c) in STANDARD.encode(der).chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text.push_str("\n-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn what_is_in_a_certificate_is_told_in_text_and_as_data() {
        let root =
            CertificateDer::from_pem_slice(include_bytes!("../../tests/data/root.pem")).unwrap().to_vec();
        let json = describe(Role::Pay, std::slice::from_ref(&root));
        for language in ushield_client::catalogue::Language::ALL {
            let rows = rows(&Words::new(language), Role::Pay, std::slice::from_ref(&root));
            let values: Vec<&str> = rows.iter().map(|(_, value)| value.as_str()).collect();
            for member in ["key_id", "subject", "issuer", "serial"] {
                let value = json[member].as_str().unwrap();
                assert!(!value.is_empty() && values.contains(&value), "{member}: {values:?}");
            }
            for member in ["not_before", "not_after"] {
                assert!(values.contains(&time::show(json[member].as_u64().unwrap()).as_str()), "{member}");
            }
        }
        assert!(json["not_before"].as_u64().unwrap() < json["not_after"].as_u64().unwrap());
        assert!(json["chain"][0].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    }

    #[test]
    fn a_certificate_that_cannot_be_read_is_still_shown_as_what_it_is() {
        let json = describe(Role::Login, &[b"none".to_vec()]);
        assert!(json["subject"].is_null() && json["key_id"].is_null());
        assert_eq!(json["role"], "login");
    }

    proptest! {
        #[test]
        fn pem_reads_back(der in proptest::collection::vec(any::<u8>(), 1..200)) {
            let text = pem(&der);
            prop_assert!(text.lines().all(|line| line.len() <= 64));
            prop_assert_eq!(CertificateDer::from_pem_slice(text.as_bytes()).unwrap().to_vec(), der);
        }
    }
}
