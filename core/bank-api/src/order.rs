//! Accounts, orders, authorizations and certificates.

use std::fmt;

use serde::{Deserialize, Serialize};
use ushield_protocol::key::OrderId;

use crate::Base64Url;
use crate::bytes::{optional_order_id, order_id};

/// `GET /v1/accounts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// In the order of their numbers.
    pub accounts: Vec<Account>,
}

/// An account of the customer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Number, without separators.
    pub number: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Decimal digits behind the point, by ISO 4217.
    pub exponent: u8,
    /// In minor units.
    pub balance: u64,
}

/// Neither number nor balance.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({} bytes, {})", self.number.len(), self.currency)
    }
}

/// Scheme of an account number (protocol.md, 8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountScheme {
    /// Of the bank's country, without check digits.
    Domestic,
    /// ISO 13616.
    Iban,
    /// ISO/IEC 7812-1.
    Card,
}

/// Role of a token's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Approves money and life-cycle orders.
    Pay,
    /// Approves logins.
    Login,
}

/// `POST /v1/orders`: what the customer asks the bank to order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
pub enum OrderRequest {
    /// Money to a creditor.
    Transfer(Transfer),
    /// The first certificate of a role.
    CertificateDownload(CertificateDownload),
}

/// A transfer as the customer asks for it. Charges, name check, exponent, times and ids are the bank's.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// An account of the customer.
    pub debtor_account: String,
    /// Text, 1..140.
    pub creditor_name: String,
    /// Account, by scheme.
    pub creditor_account: String,
    /// Scheme of `creditor_account`.
    pub account_scheme: AccountScheme,
    /// The creditor's bank. Text, 1..70.
    pub creditor_agent: String,
    /// Minor units, 1..999,999,999,999,999.
    pub amount: u64,
    /// ISO 4217 code.
    pub currency: String,
    /// YYYYMMDD; absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_date: Option<u32>,
    /// Text, 0..140.
    #[serde(default)]
    pub remittance_text: String,
    /// The open order with the same debtor account, creditor account, amount and currency that this one is placed
    /// beside. Without it, the bank answers with that open order instead of making another.
    #[serde(default, with = "optional_order_id", skip_serializing_if = "Option::is_none")]
    pub beside: Option<OrderId>,
    /// The token that is to approve it: device id, 32 lower-case hex digits. Absent: the bank chooses one of the
    /// customer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
}

/// Lengths and ids: no name, account, amount or text.
impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer")
            .field("debtor_account", &self.debtor_account.len())
            .field("creditor_name", &self.creditor_name.len())
            .field("creditor_account", &self.creditor_account.len())
            .field("account_scheme", &self.account_scheme)
            .field("creditor_agent", &self.creditor_agent.len())
            .field("remittance_text", &self.remittance_text.len())
            .field("beside", &self.beside)
            .field("device_id", &self.device_id)
            .finish_non_exhaustive()
    }
}

/// A first certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateDownload {
    /// Of which key.
    pub role: Role,
    /// Of which token: device id, 32 lower-case hex digits. Absent: the bank chooses one of the customer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
}

/// Where an order stands at the bank. Only `Open` ever changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderState {
    /// Waits for the customer's decision.
    Open,
    /// The money moved, the certificate was issued.
    Executed,
    /// The customer declined on the token.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Cancelled before a decision arrived.
    Cancelled,
    /// The bank refused the authorization; the receipt says why.
    Refused,
}

/// Reply to `POST /v1/orders`: 201 when the order is new, 200 when an open one with the same four values is returned.
/// The same key and request have the same reply again, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreatedOrder {
    /// The order's id.
    #[serde(with = "order_id")]
    pub order_id: OrderId,
    /// The token that it is for: device id, 32 hex digits.
    pub device_id: String,
    /// The order as the bank signed it, one COSE message.
    pub order: Base64Url,
    /// State when the reply was first made.
    pub state: OrderState,
    /// Whether this request made the order. `false`: it is an open order with the same debtor account, creditor account,
    /// amount and currency; cancel it first, or name it in `beside`.
    pub created: bool,
}

/// `GET /v1/orders`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// Newest first, at most 100.
    pub orders: Vec<Order>,
}

/// `GET /v1/orders/{order_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The order's id.
    #[serde(with = "order_id")]
    pub order_id: OrderId,
    /// The token that it is for: device id, 32 hex digits.
    pub device_id: String,
    /// Where it stands.
    pub state: OrderState,
    /// The order as the bank signed it.
    pub order: Base64Url,
    /// The bank's receipt, from the moment the order ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Base64Url>,
}

/// Reply to the token's answer: the order has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationReply {
    /// The bank's receipt, one COSE message: it says how the order ended.
    pub receipt: Base64Url,
    /// For an executed certificate order: the certificate and its issuers, DER, own certificate first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Vec<Base64Url>>,
}

/// Reply to a cancellation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelReply {
    /// `cancelled`, or the receipt of the end that the order already had.
    pub receipt: Base64Url,
}

/// `GET /v1/certificates`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificates {
    /// In the order of issue.
    pub certificates: Vec<Certificate>,
}

/// Whether the bank takes a key's signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyStatus {
    /// It does.
    Active,
    /// Not since it saw signs of two states of one key.
    Frozen,
}

/// A certificate that the bank issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Of which key.
    pub role: Role,
    /// Key id, 32 hex digits (protocol.md, 1).
    pub key_id: String,
    /// Device id, 32 hex digits.
    pub device_id: String,
    /// Whether the key may be used.
    pub status: KeyStatus,
    /// The order that it was issued for.
    #[serde(with = "order_id")]
    pub order_id: OrderId,
    /// The certificate and its issuers, DER, own certificate first.
    pub chain: Vec<Base64Url>,
}

#[cfg(test)]
mod tests;
