//! Orders and receipts, as they are shown.

use ushield_client::catalogue::Catalogue;
use ushield_client::orders::Status;
use ushield_client::{self as client};
use ushield_protocol::account::Scheme;
use ushield_protocol::key::hex;
use ushield_protocol::message::Role;
use ushield_protocol::order::{self, Operation, Verified};
use ushield_protocol::receipt;

use super::{CertificateRole, TransferScheme};
use crate::failure::{Code, Problem};

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum OrderOutcome {
    /// Executed; for a certificate order, issued.
    Executed,
    /// Rejected on the token.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Cancelled by the customer.
    Cancelled,
    /// Refused by the bank.
    Refused,
}

/// The bank's signed receipt, verified.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Receipt {
    /// The order.
    pub order: String,
    /// How it ended.
    pub outcome: OrderOutcome,
    /// When, Unix seconds.
    pub ended: u64,
    /// Why, if refused.
    pub reason: Option<Code>,
}

/// How a run through an order's life ended.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Report {
    /// The bank's receipt.
    pub receipt: Receipt,
    /// For the customer: how it ended.
    pub text: String,
    /// Exchanges with the token on the connection on which its answer came; none where no token was needed.
    pub exchanges: u32,
    /// Bytes of their messages.
    pub bytes: u32,
}

/// What became of an order, as this phone knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum OrderStatus {
    /// Asked for; the bank's order is not here yet.
    Requested,
    /// Here; not decided on the token.
    Open,
    /// Decided on the token; on its way to the bank.
    Decided,
    /// The answer may have reached the bank and no receipt is here. Not a failure.
    Unknown,
    /// Ended, by the bank's signed receipt.
    Ended {
        /// How.
        outcome: OrderOutcome,
    },
    /// The bank refused to make it; there is no order.
    NotCreated {
        /// Why.
        code: Code,
    },
}

/// An order in the customer's history.
#[derive(Clone, uniffi::Record)]
pub struct HistoryEntry {
    /// The id of the request, for `cancel_request`.
    pub request: String,
    /// The order's id, once there is one.
    pub order: Option<String>,
    /// When it was asked for, Unix seconds; zero where the record cannot be read.
    pub asked: u64,
    /// The device id of the token that it is for, where that is known.
    pub token: Option<String>,
    /// What became of it.
    pub status: OrderStatus,
    /// The bank has issued a certificate for it that the token is not known to have stored.
    pub certificate_due: bool,
    /// The same, for the customer.
    pub text: String,
    /// Whether the customer cancelled it.
    pub cancelled: bool,
    /// What it says, by the bank's signature.
    pub content: Option<OrderContent>,
    /// The receipt, verified.
    pub receipt: Option<Receipt>,
    /// Why something is missing here although the store holds it.
    pub problem: Option<Problem>,
}

/// What an order says.
#[derive(Clone, uniffi::Enum)]
pub enum OrderContent {
    /// Money to a creditor.
    Transfer {
        /// The account that pays.
        debtor_account: String,
        /// Name of the payee.
        creditor_name: String,
        /// The account that is paid.
        creditor_account: String,
        /// How that account is to be read.
        account_scheme: TransferScheme,
        /// The payee's bank.
        creditor_agent: String,
        /// Minor units.
        amount: u64,
        /// ISO 4217 code.
        currency: String,
        /// Decimal digits behind the point.
        exponent: u8,
        /// Charges, minor units.
        charges: Option<u64>,
        /// Whether the bank found the payee's name to be the account's.
        name_check: NameCheck,
        /// YYYYMMDD; nothing: at once.
        execution_date: Option<u32>,
        /// For the payee.
        remittance_text: String,
        /// When it expires, Unix seconds.
        expires: u64,
    },
    /// The first certificate of a role.
    CertificateDownload {
        /// Of which key.
        role: CertificateRole,
        /// When it expires, Unix seconds.
        expires: u64,
    },
}

/// Result of the bank's check of the payee's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum NameCheck {
    /// Not asked.
    NotChecked,
    /// The account's name.
    Match,
    /// Nearly the account's name.
    CloseMatch,
    /// Another name.
    NoMatch,
}

/// What became of the orders that are open at the bank.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Adopted {
    /// Taken over.
    pub orders: Vec<String>,
    /// Left at the bank.
    pub refused: Vec<RefusedOrder>,
}

/// An order that was left at the bank.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct RefusedOrder {
    /// The order.
    pub order: String,
    /// Why.
    pub problem: Problem,
}

impl From<receipt::Outcome> for OrderOutcome {
    fn from(outcome: receipt::Outcome) -> Self {
        match outcome {
            receipt::Outcome::Executed => OrderOutcome::Executed,
            receipt::Outcome::Rejected => OrderOutcome::Rejected,
            receipt::Outcome::Expired => OrderOutcome::Expired,
            receipt::Outcome::Cancelled => OrderOutcome::Cancelled,
            receipt::Outcome::Refused => OrderOutcome::Refused,
        }
    }
}

impl From<&receipt::Receipt> for Receipt {
    fn from(receipt: &receipt::Receipt) -> Self {
        Self {
            order: receipt.order.to_string(),
            outcome: receipt.outcome.into(),
            ended: receipt.ended,
            reason: receipt.reason.map(Code::from),
        }
    }
}

impl Report {
    pub(crate) fn new(report: &client::Report, texts: &Catalogue) -> Self {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            receipt: (&report.receipt).into(),
            text: texts.outcome(report.receipt.outcome),
            exchanges: count(report.cost.exchanges()),
            bytes: count(report.cost.bytes()),
        }
    }
}

impl From<Status> for OrderStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Requested => OrderStatus::Requested,
            Status::Open => OrderStatus::Open,
            Status::Decided => OrderStatus::Decided,
            Status::Unknown => OrderStatus::Unknown,
            Status::Ended(outcome) => OrderStatus::Ended { outcome: outcome.into() },
            Status::NotCreated(code) => OrderStatus::NotCreated { code: code.into() },
        }
    }
}

impl HistoryEntry {
    pub(crate) fn new(entry: &client::HistoryEntry, texts: &Catalogue) -> Self {
        Self {
            request: hex(&entry.creation),
            order: entry.id.map(|id| id.to_string()),
            asked: entry.asked,
            token: entry.device.map(|device| device.to_string()),
            status: entry.status.into(),
            certificate_due: entry.certificate_due,
            text: texts.status(entry.status),
            cancelled: entry.cancelled,
            content: entry.order.as_ref().map(OrderContent::from),
            receipt: entry.receipt.as_ref().map(Receipt::from),
            problem: entry.problem.as_ref().map(|problem| Problem::new(problem, texts)),
        }
    }
}

impl From<&order::Order<Verified>> for OrderContent {
    fn from(order: &order::Order<Verified>) -> Self {
        let expires = order.payload().expires;
        match &order.payload().operation {
            Operation::Transfer(transfer) => OrderContent::Transfer {
                debtor_account: transfer.debtor_account.clone(),
                creditor_name: transfer.creditor_name.clone(),
                creditor_account: transfer.creditor_account.clone(),
                account_scheme: match transfer.scheme {
                    Scheme::Domestic => TransferScheme::Domestic,
                    Scheme::Iban => TransferScheme::Iban,
                    Scheme::Card => TransferScheme::Card,
                },
                creditor_agent: transfer.creditor_agent.clone(),
                amount: transfer.amount.minor(),
                currency: transfer.amount.currency().code().to_owned(),
                exponent: transfer.amount.currency().exponent(),
                charges: transfer.charges,
                name_check: match transfer.name_check {
                    order::NameCheck::NotChecked => NameCheck::NotChecked,
                    order::NameCheck::Match => NameCheck::Match,
                    order::NameCheck::CloseMatch => NameCheck::CloseMatch,
                    order::NameCheck::NoMatch => NameCheck::NoMatch,
                },
                execution_date: transfer.execution_date,
                remittance_text: transfer.remittance.clone(),
                expires,
            },
            Operation::CertificateDownload(download) => OrderContent::CertificateDownload {
                role: match download.role {
                    Role::Pay => CertificateRole::Pay,
                    Role::Login => CertificateRole::Login,
                },
                expires,
            },
        }
    }
}

impl Adopted {
    pub(crate) fn new(adopted: &client::Adopted, texts: &Catalogue) -> Self {
        let refused = adopted
            .refused
            .iter()
            .map(|(id, error)| RefusedOrder { order: id.to_string(), problem: Problem::new(error, texts) });
        Self { orders: adopted.orders.iter().map(ToString::to_string).collect(), refused: refused.collect() }
    }
}
