//! `ushield init`.

use std::fs;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use ushield_bank_api::Trust;
use ushield_client::SetupRequest;

use crate::args::Init;
use crate::failure::Failure;
use crate::home::Config;
use crate::output::{Answer, Tone};
use crate::session::Context;

pub(super) async fn run(context: &Context, options: Init) -> Result<Answer, Failure> {
    if context.link.is_some() {
        return Err(Failure::usage("--link", context.output().words.say("init-link")));
    }
    let bank_ca = read(&options.bank_ca, "--bank-ca")?;
    let trust: Trust = serde_json::from_slice(&read(&options.trust, "--trust")?)
        .map_err(|error| Failure::usage("--trust", format!("{}: {error}", options.trust.display())))?;
    let mut makers = Vec::new();
    for path in &options.maker_root {
        makers.extend(certificates(path, "--maker-root")?);
    }

    let (client, opened) = context.home.client(&options.bank, &bank_ca).await?;
    let session = context.session(client, &opened, &options.token)?;
    let request = SetupRequest { trust, makers, customer: options.customer, phone: options.phone };
    let setup = session.client.set_up(&request)?;
    let config = Config { bank: options.bank, link: options.token.to_string() };
    context.home.write_config(&config, &bank_ca)?;

    let home = context.home.path().display().to_string();
    let values = [("bank", setup.bank_name.as_str()), ("customer", setup.customer.as_str()), ("home", &home)];
    let text = session.output().words.fill("set-up", &values);
    if !options.no_sign_in {
        session.output().event(&json!({"moment": "set-up", "home": context.home.path()}), &text, Tone::Good);
        session.sign_in().await?;
    }
    let json = json!({
        "home": context.home.path(), "bank_id": setup.bank.as_str(), "bank": setup.bank_name,
        "customer": setup.customer, "phone": setup.phone, "link": config.link, "signed_in": !options.no_sign_in,
    });
    let done = match options.no_sign_in {
        true => text,
        false => session.output().words.fill("signed-in", &[("customer", &setup.customer)]),
    };
    Ok(Answer::done(json, done))
}

fn read(path: &Path, flag: &'static str) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::usage(flag, format!("{}: {error}", path.display())))
}

/// The certificates of a PEM file.
pub(super) fn certificates(path: &Path, flag: &'static str) -> Result<Vec<Vec<u8>>, Failure> {
    let pem = read(path, flag)?;
    let bad = |reason: &str| Failure::usage(flag, format!("{}: {reason}", path.display()));
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(found) if !found.is_empty() => Ok(found.into_iter().map(|der| der.to_vec()).collect()),
        Ok(_) => Err(bad("no PEM certificate")),
        Err(error) => Err(bad(&error.to_string())),
    }
}
