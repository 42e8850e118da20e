//! The token that an order goes to.

use ushield_bank_api::Role;
use ushield_protocol::code::Code;
use ushield_protocol::key::{DeviceId, KeyId, unhex};
use ushield_protocol::render::Profile;

use crate::error::BankError;
use crate::records::{profile_of, role_name};
use crate::session::Customer;
use crate::store::{Connection, id};

/// The token that a customer's order goes to.
pub(super) struct Token {
    pub(super) device: DeviceId,
    pub(super) key: Option<KeyId>,
    pub(super) profile: Profile,
}

/// The token that a request names, when it is the customer's. Another customer's looks like one that does not exist.
pub(super) async fn named(
    db: &mut Connection,
    customer: &Customer,
    device: Option<&str>,
) -> Result<Option<DeviceId>, BankError> {
    let Some(text) = device else { return Ok(None) };
    let device = unhex(text).as_deref().and_then(DeviceId::from_slice).filter(|id| id.to_string() == text);
    let Some(device) = device else {
        let text = "A device id is 32 hex digits in lower case.";
        return Err(BankError::field(Code::BadInput, "device_id", text));
    };
    let own: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM devices WHERE device_id = ? AND customer = ?)")
            .bind(device.as_bytes().to_vec())
            .bind(customer.id)
            .fetch_one(db)
            .await?;
    if own {
        Ok(Some(device))
    } else {
        let text = "The bank has not handed this token to this customer.";
        Err(BankError::field(Code::NoToken, "device_id", text))
    }
}

/// The token whose `pay` key approves a transfer: the named one, otherwise one that can.
pub(super) async fn paying_token(
    db: &mut Connection,
    customer: &Customer,
    device: Option<DeviceId>,
) -> Result<Token, BankError> {
    type Columns = (Vec<u8>, i64, Option<Vec<u8>>, Option<String>);
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT d.device_id, d.profile, k.key_id, k.status FROM devices d
         LEFT JOIN token_keys k ON k.device_id = d.device_id AND k.role = 'pay'
         WHERE d.customer = ?1 AND (?2 IS NULL OR d.device_id = ?2)
         ORDER BY k.status = 'active' DESC, k.since DESC",
    )
    .bind(customer.id)
    .bind(device.map(|device| device.as_bytes().to_vec()))
    .fetch_all(db)
    .await?;
    let Some((device, profile, key, status)) = rows.into_iter().next() else { return Err(no_token()) };
    match (key, status.as_deref()) {
        (Some(key), Some("active")) => Ok(Token {
            device: id(&device, DeviceId::from_slice)?,
            key: Some(id(&key, KeyId::from_slice)?),
            profile: profile_of(profile)?,
        }),
        (Some(_), _) => {
            let text = "The bank has frozen the token's key. Ask the bank for a replacement.";
            Err(BankError::problem(Code::KeyNotActive, text))
        }
        (None, _) => {
            let text = "The token has no payment certificate yet. Download it first.";
            Err(BankError::problem(Code::NoCertificate, text))
        }
    }
}

/// The named token, otherwise one that has no certificate of this role yet.
pub(super) async fn token_without(
    db: &mut Connection,
    customer: &Customer,
    device: Option<DeviceId>,
    role: Role,
) -> Result<Token, BankError> {
    let rows: Vec<(Vec<u8>, i64, bool)> = sqlx::query_as(
        "SELECT d.device_id, d.profile, EXISTS (SELECT 1 FROM token_keys k WHERE k.device_id = d.device_id AND k.role = ?2)
         FROM devices d WHERE d.customer = ?1 AND (?3 IS NULL OR d.device_id = ?3) ORDER BY 3, d.handed_out DESC",
    )
    .bind(customer.id)
    .bind(role_name(role))
    .bind(device.map(|device| device.as_bytes().to_vec()))
    .fetch_all(db)
    .await?;
    match rows.into_iter().next() {
        None => Err(no_token()),
        Some((_, _, true)) => {
            let text = "The token has this certificate already. See GET /v1/certificates.";
            Err(BankError::field(Code::CertificateExists, "role", text))
        }
        Some((device, profile, false)) => {
            Ok(Token { device: id(&device, DeviceId::from_slice)?, key: None, profile: profile_of(profile)? })
        }
    }
}

fn no_token() -> BankError {
    BankError::problem(Code::NoToken, "The bank has not handed a token to this customer.")
}
