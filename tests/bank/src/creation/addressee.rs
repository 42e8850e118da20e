//! The token that an order goes to.

use std::cmp::Reverse;

use ushield_bank_api::Role;
use ushield_protocol::code::Code;
use ushield_protocol::key::{DeviceId, unhex};

use super::rows::{TokenKey, TokenRow};
use crate::error::BankError;

/// The token that a customer's order goes to, and the key that approves it.
pub(super) struct Token<'a> {
    pub(super) row: &'a TokenRow,
    pub(super) key: Option<&'a TokenKey>,
}

/// The token that a request names, when it is the customer's. Another customer's looks like one that does not exist.
pub(super) fn named(tokens: &[TokenRow], device: Option<&str>) -> Result<Option<DeviceId>, BankError> {
    let Some(text) = device else { return Ok(None) };
    let device = unhex(text).as_deref().and_then(DeviceId::from_slice).filter(|id| id.to_string() == text);
    let Some(device) = device else {
        let text = "A device id is 32 hex digits in lower case.";
        return Err(BankError::field(Code::BadInput, "device_id", text));
    };
    if tokens.iter().any(|token| token.device == device) {
        Ok(Some(device))
    } else {
        let text = "The bank has not handed this token to this customer.";
        Err(BankError::field(Code::NoToken, "device_id", text))
    }
}

/// The token whose `pay` key approves a transfer: the named one, otherwise one that can.
pub(super) fn paying_token(tokens: &[TokenRow], device: Option<DeviceId>) -> Result<Token<'_>, BankError> {
    // Active before frozen before none; then the newest certificate; of those of one second, the first token.
    let best = eligible(tokens, device)
        .min_by_key(|row| Reverse(row.key(Some(Role::Pay)).map(|key| (key.active, key.since))));
    let row = best.ok_or_else(no_token)?;
    match row.key(Some(Role::Pay)) {
        Some(key) if key.active => Ok(Token { row, key: Some(key) }),
        Some(_) => {
            let text = "The bank has frozen the token's key. Ask the bank for a replacement.";
            Err(BankError::problem(Code::KeyNotActive, text))
        }
        None => {
            let text = "The token has no payment certificate yet. Download it first.";
            Err(BankError::problem(Code::NoCertificate, text))
        }
    }
}

/// The named token, otherwise one that has no certificate of this role yet.
pub(super) fn token_without(
    tokens: &[TokenRow],
    device: Option<DeviceId>,
    role: Role,
) -> Result<Token<'_>, BankError> {
    let taken = |row: &TokenRow| row.key(Some(role)).is_some();
    // Without before with; then the newest; of those of one second, the first token.
    let best = eligible(tokens, device).min_by_key(|row| (taken(row), Reverse(row.handed_out)));
    let row = best.ok_or_else(no_token)?;
    if taken(row) {
        let text = "The token has this certificate already. See GET /v1/certificates.";
        return Err(BankError::field(Code::CertificateExists, "role", text));
    }
    Ok(Token { row, key: None })
}

fn eligible(tokens: &[TokenRow], device: Option<DeviceId>) -> impl Iterator<Item = &TokenRow> {
    tokens.iter().filter(move |token| device.is_none_or(|device| token.device == device))
}

fn no_token() -> BankError {
    BankError::problem(Code::NoToken, "The bank has not handed a token to this customer.")
}
