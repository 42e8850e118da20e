//! From a customer's request to a signed order: one function without I/O, as the decision over the answer is.
//!
//! The request, the time, random bytes and the rows that it asks for go in; what to write and what to reply comes out. Whoever calls it
//! reads the rows and writes in one serializable transaction.

mod addressee;
mod input;
mod rows;

pub use rows::{Alike, Before, Creation, CreationRows, Debtor, NewOrder, TokenKey, TokenRow};

use ushield_bank_api::{Base64Url, CertificateDownload, CreatedOrder, OrderRequest, OrderState, Role, route};
use ushield_protocol::code::Code;
use ushield_protocol::key::{BankId, DeviceId, Hash, OrderId, SigningKey, hex, sha256};
use ushield_protocol::message;
use ushield_protocol::order::{Addressee, NameCheck, Operation, Order, OrderPayload, Transfer, Verified};
use ushield_protocol::render::{Notices, Profile, pages};

use self::addressee::{Token, named, paying_token, token_without};
use self::input::{check_transfer, check_words, input_error};
use crate::decision::{Reply, reply};
use crate::error::BankError;
use crate::number::signed;
use crate::session::Customer;

/// A money order lives fifteen minutes, the most that the protocol allows.
const MONEY_LIFE: u64 = 15 * 60;
/// A certificate order lives a day.
const CERTIFICATE_LIFE: u64 = 86_400;
/// Creation keys are kept for sixty days, longer than any order lives.
pub(crate) const KEEP_CREATIONS: u64 = 60 * 86_400;

/// Who issues orders, and under which terms.
pub struct Issuer<'a> {
    /// The bank.
    pub bank: &'a BankId,
    /// What a transfer to an IBAN costs, in minor units.
    pub iban_charge: Option<u64>,
    /// Signs transfer orders.
    pub transfer: &'a SigningKey,
    /// Signs certificate orders.
    pub certificate: &'a SigningKey,
}

/// Random bytes for one order.
pub struct Fresh {
    id: [u8; 16],
    challenge: [u8; 32],
    reference: [u8; 4],
}

impl Fresh {
    /// Draws them.
    pub fn draw<E>(mut fill: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut fresh = Self { id: [0; 16], challenge: [0; 32], reference: [0; 4] };
        fill(&mut fresh.id)?;
        fill(&mut fresh.challenge)?;
        fill(&mut fresh.reference)?;
        Ok(fresh)
    }
}

/// Decides over a request; the same creation key and request have the same reply.
pub fn create(
    request: &OrderRequest,
    customer: &Customer,
    now: u64,
    rows: &CreationRows,
    fresh: &Fresh,
    issuer: &Issuer<'_>,
) -> Result<Creation, BankError> {
    let canonical = serde_json::to_vec(request).map_err(|_| BankError::Damaged("request"))?;
    let request_hash = sha256(&[&canonical]);
    if let Some(before) = &rows.before {
        if before.request_hash != request_hash {
            let text = "This Idempotency-Key was used with another request. Use a new key for a new order.";
            return Err(BankError::problem(Code::OtherRequest, text));
        }
        return Ok(Creation {
            handed_out: before.order,
            order: None,
            keep: None,
            reply: before.reply.clone(),
        });
    }
    let creating = Creating { customer, now, rows, fresh, issuer };
    match request {
        OrderRequest::Transfer(transfer) => creating.transfer(transfer, request_hash),
        OrderRequest::CertificateDownload(download) => creating.certificate(download, request_hash),
    }
}

struct Creating<'a> {
    customer: &'a Customer,
    now: u64,
    rows: &'a CreationRows,
    fresh: &'a Fresh,
    issuer: &'a Issuer<'a>,
}

impl Creating<'_> {
    fn transfer(
        &self,
        request: &ushield_bank_api::Transfer,
        request_hash: Hash,
    ) -> Result<Creation, BankError> {
        let transfer = check_transfer(self.issuer.iban_charge, request)?;
        check_words(&transfer)?;
        let balance = self.check_debtor(&transfer)?;
        let device = named(&self.rows.tokens, request.device_id.as_deref())?;
        match (self.open_twin(), request.beside) {
            (Some(open), beside) if beside != Some(open.order) => {
                return Ok(Creation {
                    handed_out: open.order,
                    order: None,
                    keep: Some(request_hash),
                    reply: created(200, open.order, &open.device, open.bytes.clone(), false)?,
                });
            }
            (None, Some(_)) => {
                let text = "That order is not open any more, or differs in account, currency or amount. Leave this out.";
                return Err(BankError::field(Code::BadInput, "beside", text));
            }
            _ => {}
        }
        let token = paying_token(&self.rows.tokens, device)?;
        let key = token.key.ok_or(BankError::Damaged("key"))?;
        let transfer = Transfer { name_check: self.name_check(&transfer), ..transfer };
        let total = transfer.amount.minor().saturating_add(transfer.charges.unwrap_or(0));
        if balance < signed(total)? {
            let text = "The balance does not cover amount and charges.";
            return Err(BankError::field(Code::InsufficientFunds, "amount", text));
        }
        let operation = Operation::Transfer(transfer);
        let order =
            self.sign(self.issuer.transfer, key.key.into(), operation, MONEY_LIFE, token.row.profile)?;
        new(&token, &order, request_hash)
    }

    fn certificate(&self, request: &CertificateDownload, request_hash: Hash) -> Result<Creation, BankError> {
        let device = named(&self.rows.tokens, request.device_id.as_deref())?;
        let token = token_without(&self.rows.tokens, device, request.role)?;
        let role = match request.role {
            Role::Pay => message::Role::Pay,
            Role::Login => message::Role::Login,
        };
        let reference = hex(&self.fresh.reference).to_uppercase();
        let customer = self.customer.name.clone();
        let download = ushield_protocol::order::CertificateDownload { role, customer, reference };
        let operation = Operation::CertificateDownload(download);
        let addressee = token.row.device.into();
        let order =
            self.sign(self.issuer.certificate, addressee, operation, CERTIFICATE_LIFE, token.row.profile)?;
        new(&token, &order, request_hash)
    }

    /// The debtor account's balance.
    fn check_debtor(&self, transfer: &Transfer) -> Result<i64, BankError> {
        match &self.rows.debtor {
            None => {
                let text = "Not an account of this customer.";
                Err(BankError::field(Code::UnknownAccount, "debtor_account", text))
            }
            Some(debtor) if debtor.currency != transfer.amount.currency().code() => {
                let text = format!("The debtor account is kept in {}.", debtor.currency);
                Err(BankError::field(Code::BadInput, "currency", text))
            }
            Some(debtor) => Ok(debtor.balance),
        }
    }

    /// The newest open order with the same debtor account, creditor account, currency and amount, whichever token it is for.
    fn open_twin(&self) -> Option<&Alike> {
        // Of those of one second, the last one.
        self.rows.alike.iter().filter(|alike| alike.expires >= self.now).max_by_key(|alike| alike.issued)
    }

    /// A name check where the bank can make one: for its own accounts.
    fn name_check(&self, transfer: &Transfer) -> NameCheck {
        let plain = |name: &str| name.to_lowercase().replace(' ', "");
        match &self.rows.creditor {
            None => NameCheck::NotChecked,
            Some(owner) if *owner == transfer.creditor_name => NameCheck::Match,
            Some(owner) if plain(owner) == plain(&transfer.creditor_name) => NameCheck::CloseMatch,
            Some(_) => NameCheck::NoMatch,
        }
    }

    fn sign(
        &self,
        key: &SigningKey,
        addressee: Addressee,
        operation: Operation,
        life: u64,
        profile: Profile,
    ) -> Result<Order<Verified>, BankError> {
        let payload = OrderPayload {
            bank: self.issuer.bank.clone(),
            addressee,
            id: OrderId::from_random(self.fresh.id),
            challenge: self.fresh.challenge,
            issued: self.now,
            expires: self.now.saturating_add(life),
            operation,
        };
        let bytes = payload.sign(key).map_err(input_error)?;
        let order = Order::receive(&bytes)?.trust_own()?;
        // What the registered profile cannot show is not issued.
        pages(&order, profile, &Notices::default()).map_err(|error| input_error(error.into()))?;
        Ok(order)
    }
}

/// A new order, with the watermarks: read before anyone sees the order, and never changed.
fn new(token: &Token<'_>, order: &Order<Verified>, request_hash: Hash) -> Result<Creation, BankError> {
    let device_watermark = token.row.key(None).ok_or(BankError::Damaged("key"))?.highest;
    let (id, device, bytes) = (order.id(), token.row.device, order.bytes().to_vec());
    let new = NewOrder {
        id,
        hash: order.hash(),
        bytes: bytes.clone(),
        device,
        key: token.key.map(|key| key.key),
        profile: token.row.profile,
        key_watermark: token.key.map_or(0, |key| key.highest),
        device_watermark,
        payload: order.payload().clone(),
    };
    let reply = created(201, id, &device, bytes, true)?;
    Ok(Creation { handed_out: id, order: Some(new), keep: Some(request_hash), reply })
}

fn created(
    status: u16,
    order_id: OrderId,
    device: &DeviceId,
    order: Vec<u8>,
    created: bool,
) -> Result<Reply, BankError> {
    let (device_id, order) = (device.to_string(), Base64Url(order));
    let body = CreatedOrder { order_id, device_id, order, state: OrderState::Open, created };
    reply(status, route::JSON, &body)
}
