//! `ushield token`.

use serde_json::{Value, json};
use ushield_client::{Error, TokenRecord};
use ushield_protocol::code::Code;
use ushield_protocol::key::PhoneId;
use ushield_protocol::pairing_code::PairingCode;

use crate::customer::compare_digits;
use crate::failure::Failure;
use crate::output::Answer;
use crate::output::table::{Align, pairs, table};
use crate::session::Session;

pub(super) async fn pair(session: &Session, mode_opened_again: bool) -> Result<Answer, Failure> {
    let (client, customer) = (&session.client, &session.customer);
    let pending = client.pair(&*session.connector, customer, mode_opened_again).await?;
    customer.forget_early_answers();
    let (device, digits) = (pending.device().to_string(), pending.digits().to_string());
    compare_digits(session.output(), &digits, pending.brand(), pending.name(), &device);
    if !customer.digits_are_equal(&digits).await? {
        let differ = Error::new(Code::DigitsDiffer);
        // Whether the token could be told or not, the digits differ.
        return Err(match pending.differ().await {
            Ok(()) => differ.into(),
            Err(error) => differ.caused_by(error).into(),
        });
    }
    Ok(paired(session, &pending.confirm(customer).await?))
}

pub(super) async fn pair_by_code(
    session: &Session,
    code: PairingCode,
    mode_opened_again: bool,
) -> Result<Answer, Failure> {
    let (client, customer) = (&session.client, &session.customer);
    let token = client.pair_by_code(&*session.connector, customer, code, mode_opened_again).await?;
    Ok(paired(session, &token))
}

fn paired(session: &Session, token: &TokenRecord) -> Answer {
    let text = session.output().words.fill("paired", &[("name", &token.pairing.name)]);
    Answer::done(json!({"paired": true, "token": record(token)}), text)
}

pub(super) async fn info(session: &Session) -> Result<Answer, Failure> {
    session.token()?;
    let asked = session.client.token_info(&*session.connector, &session.customer, session.device).await;
    let (info, phones) = asked?;
    let words = &session.output().words;
    let yes_no = |yes| if yes { words.say("yes") } else { words.say("no") };
    let certified = |key: Option<String>| key.unwrap_or_else(|| words.say("none"));
    let [major, minor] = info.firmware.to_be_bytes();
    let key = |id: Option<ushield_protocol::key::KeyId>| id.map(|id| id.to_string());
    let rows = [
        (words.say("name"), info.name.clone()),
        (words.say("device-id"), info.device.to_string()),
        (words.say("bank"), info.bank.to_string()),
        (words.say("firmware"), format!("{major}.{minor}")),
        (words.say("profile"), info.profile.to_string()),
        (words.say("pin-initial"), yes_no(info.flags.pin_initial)),
        (words.say("pin-locked"), yes_no(info.flags.pin_locked)),
        (words.say("pin-tries"), info.tries.to_string()),
        (words.say("key-pay"), certified(key(info.pay))),
        (words.say("key-login"), certified(key(info.login))),
        (words.say("approvals"), info.approvals.to_string()),
    ];
    let columns = [
        (words.say("phone"), Align::Left),
        (words.say("phone-id"), Align::Left),
        (String::new(), Align::Left),
    ];
    let listed: Vec<[String; 3]> = phones
        .iter()
        .map(|phone| {
            let this = if phone.this { words.say("this-phone") } else { String::new() };
            [phone.name.clone(), phone.id.to_string(), this]
        })
        .collect();
    let json = json!({
        "device_id": info.device.to_string(), "name": info.name, "bank_id": info.bank.as_str(),
        "firmware": format!("{major}.{minor}"), "profile": info.profile,
        "pin": {"initial": info.flags.pin_initial, "locked": info.flags.pin_locked, "tries_left": info.tries},
        "keys": {"pay": key(info.pay), "login": key(info.login)}, "approvals": info.approvals,
        "phones": phones.iter().map(|phone| json!({"id": phone.id.to_string(), "name": phone.name, "this": phone.this}))
            .collect::<Vec<_>>(),
    });
    Ok(Answer::done(json, format!("{}\n\n{}", pairs(&rows), table(columns, &listed))))
}

pub(super) async fn forget(session: &Session, phone: Option<PhoneId>, here: bool) -> Result<Answer, Failure> {
    let token = session.token()?;
    let device = token.pairing.device.to_string();
    if here {
        session.client.forget_here(session.device)?;
        let text = session.output().words.fill("forgotten-here", &[("name", &token.pairing.name)]);
        return Ok(Answer::done(json!({"forgotten": "token", "device_id": device}), text));
    }
    let forgotten = phone.unwrap_or_else(|| token.pairing.phone.phone_id());
    session.client.forget_phone(&*session.connector, &session.customer, session.device, phone).await?;
    let id = forgotten.to_string();
    let text = session.output().words.fill("forgotten", &[("phone", &id)]);
    Ok(Answer::done(json!({"forgotten": "phone", "phone_id": id, "device_id": device}), text))
}

pub(super) fn record(token: &TokenRecord) -> Value {
    let pairing = &token.pairing;
    json!({
        "device_id": pairing.device.to_string(), "name": pairing.name, "brand": pairing.brand, "model": pairing.model,
        "phone_id": pairing.phone.phone_id().to_string(), "profile": token.profile,
    })
}
