//! `ushield certificate`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use ushield_client::{Error, Report};
use ushield_protocol::code::Code;
use ushield_protocol::device::certified_key;
use ushield_protocol::receipt::Outcome;

use crate::args::Role;
use crate::failure::Failure;
use crate::output::Answer;
use crate::report;
use crate::session::Session;

pub(super) async fn download(session: &Session, role: Role) -> Result<Answer, Failure> {
    session.token()?;
    session.ensure_signed_in().await?;
    let (connector, customer) = (&session.connector, &session.customer);
    let report =
        session.client.download_certificate(connector, customer, session.device, role.into()).await?;
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

pub(super) async fn show(session: &Session, role: Role, on_token: bool) -> Result<Answer, Failure> {
    let chain = match on_token {
        true => {
            let (connector, customer) = (&session.connector, &session.customer);
            session.client.certificate_on_token(connector, customer, session.device, role.into()).await?
        }
        false => kept(session, role)?,
    };
    let key = key_id(&chain).unwrap_or_default();
    let head = session.output().words.fill("certificate-of", &[("key", &key)]);
    let pem: String = chain.iter().map(|der| pem(der)).collect();
    Ok(Answer::done(describe(role, &chain), format!("{head}\n{}", pem.trim_end())))
}

fn kept(session: &Session, role: Role) -> Result<Vec<Vec<u8>>, Error> {
    let chain = session.client.certificate(&session.token()?, role.into())?;
    chain.ok_or(Error::new(Code::NoCertificate))
}

fn describe(role: Role, chain: &[Vec<u8>]) -> Value {
    let role = match role {
        Role::Pay => "pay",
        Role::Login => "login",
    };
    json!({"role": role, "key_id": key_id(chain), "chain": chain.iter().map(|der| pem(der)).collect::<Vec<_>>()})
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

    proptest! {
        #[test]
        fn pem_reads_back(der in proptest::collection::vec(any::<u8>(), 1..200)) {
            let text = pem(&der);
            prop_assert!(text.lines().all(|line| line.len() <= 64));
            prop_assert_eq!(CertificateDer::from_pem_slice(text.as_bytes()).unwrap().to_vec(), der);
        }
    }
}
