//! From the customer's request to a verified order.

use ushield_bank_api::{AccountScheme, CertificateDownload, CreatedOrder, OrderRequest, Role, Transfer};
use ushield_protocol::account::{self, Scheme};
use ushield_protocol::code::{Class, Code};
use ushield_protocol::currency::Currency;
use ushield_protocol::key::{DeviceId, OrderId};
use ushield_protocol::message;
use ushield_protocol::order::{Operation, Order, Verified, is_date};
use ushield_protocol::text;
use ushield_session::order_life::{Event, OrderLife};

use crate::client::Client;
use crate::customer::{Customer, Moment};
use crate::error::Error;
use crate::ports::Table;
use crate::records::OrderRecord;

impl Client {
    /// Asks the bank for a transfer order, to be delivered to a paired token. Survives being killed: [`Client::resume`] asks again
    /// under the same key.
    ///
    /// # Errors
    /// `bad-*` names the member; `no-certificate`, `insufficient-funds`, `unshowable` and others of the bank; `order-altered`
    /// when the bank's order is not what was asked for.
    pub async fn create_transfer(
        &self,
        customer: &dyn Customer,
        device: Option<DeviceId>,
        transfer: &Transfer,
    ) -> Result<OrderId, Error> {
        check(transfer)?;
        self.create(customer, device, &OrderRequest::Transfer(transfer.clone())).await
    }

    pub(crate) async fn create_certificate_order(
        &self,
        customer: &dyn Customer,
        device: Option<DeviceId>,
        role: Role,
    ) -> Result<OrderId, Error> {
        self.create(customer, device, &OrderRequest::CertificateDownload(CertificateDownload { role })).await
    }

    async fn create(
        &self,
        customer: &dyn Customer,
        device: Option<DeviceId>,
        request: &OrderRequest,
    ) -> Result<OrderId, Error> {
        let token = self.token(device)?;
        // Without a session nothing can be asked for: better said before anything is written.
        self.session()?;
        let record = OrderRecord {
            creation: *OrderId::from_random(self.random()?).as_bytes(),
            request: crate::bank::json(request)?.to_vec(),
            asked: self.clock().now().0,
            id: None,
            device: Some(token.pairing.device),
            life: OrderLife::requested(),
        };
        self.put_order(&record)?;
        let record = self.request_order(customer, record).await?;
        record.id.ok_or(Error::new(Code::UnexpectedEvent))
    }

    /// Sends a durable request, again if need be: the key makes it one request.
    pub(crate) async fn request_order(
        &self,
        customer: &dyn Customer,
        record: OrderRecord,
    ) -> Result<OrderRecord, Error> {
        customer.tell(&Moment::CreatingOrder);
        let key = OrderId::from_slice(&record.creation).ok_or(Error::new(Code::StoreCorrupt))?.to_string();
        let session = self.session()?;
        match self.bank().create(&session, &key, record.request.clone()).await {
            Ok(created) => self.take_created(customer, record, created).await,
            Err(error) if error.code() == Code::NotSignedIn => {
                self.drop_session()?;
                Err(error)
            }
            Err(error) => {
                // Only the bank's definite no ends it; everything else may still have made an order.
                let definite =
                    matches!(error.class(), Class::Act | Class::Terminal) && is_banks_no(error.code());
                if definite {
                    let life = record.life.apply(Event::CreationRefused(error.code()))?;
                    self.put_order(&OrderRecord { life, ..record })?;
                }
                Err(error)
            }
        }
    }

    async fn take_created(
        &self,
        customer: &dyn Customer,
        record: OrderRecord,
        created: CreatedOrder,
    ) -> Result<OrderRecord, Error> {
        let bytes = created.order.into_bytes();
        let order = self.verified_order(&bytes).await?;
        if order.id() != created.order_id {
            return Err(Error::new(Code::BankLied));
        }
        let request: OrderRequest = serde_json::from_slice(&record.request)
            .map_err(|error| Error::new(Code::StoreCorrupt).caused_by(error))?;
        if !is_what_was_asked(&request, &order, created.created) {
            return Err(Error::new(Code::OrderAltered));
        }
        if let Ok(known) = self.order_record(order.id()) {
            // The open order is one that this phone has: its life goes on, the request's ends in it.
            if known.creation != record.creation {
                self.store().delete(Table::Order, &record.creation)?;
                customer.tell(&Moment::OpenOrderFound { order: order.id() });
            }
            return Ok(known);
        }
        if !created.created {
            customer.tell(&Moment::OpenOrderFound { order: order.id() });
        }
        let life = record.life.apply(Event::Created(bytes))?;
        let record = OrderRecord { id: Some(order.id()), life, ..record };
        self.put_order(&record)?;
        Ok(record)
    }

    /// Takes over orders that are open at the bank and not known here, as after a store was set aside.
    ///
    /// # Errors
    /// `not-signed-in`, `bank-*`, `store-*`.
    pub async fn adopt_open_orders(&self) -> Result<Vec<OrderId>, Error> {
        let mut adopted = Vec::new();
        for open in self.bank().open_orders(&self.session()?).await?.orders {
            if self.order_record(open.order_id).is_ok() {
                continue;
            }
            let bytes = open.order.into_bytes();
            let order = self.verified_order(&bytes).await?;
            if order.id() != open.order_id {
                return Err(Error::new(Code::BankLied));
            }
            self.put_order(&OrderRecord {
                creation: *OrderId::from_random(self.random()?).as_bytes(),
                request: Vec::new(),
                asked: order.payload().issued,
                id: Some(order.id()),
                device: self.token(None).ok().map(|token| token.pairing.device),
                life: OrderLife::prepared(bytes),
            })?;
            adopted.push(order.id());
        }
        Ok(adopted)
    }
}

/// Whether a refusal to create is the bank's own, and not one of the way to it.
fn is_banks_no(code: Code) -> bool {
    !matches!(code, Code::BankUntrusted | Code::BankLied | Code::BankUnreachable | Code::InProgress)
}

/// Names the member at fault before the bank is asked.
fn check(transfer: &Transfer) -> Result<(), Error> {
    let fail = |code, member| Err(Error::new(code).at(member));
    if account::check(&transfer.debtor_account, Scheme::Domestic).is_err() {
        return fail(Code::BadInput, "debtor_account");
    }
    if let Err(code) = account::check(&transfer.creditor_account, scheme(transfer.account_scheme)) {
        return fail(code, "creditor_account");
    }
    for (member, value, max) in [
        ("creditor_name", &transfer.creditor_name, 140),
        ("creditor_agent", &transfer.creditor_agent, 70),
        ("remittance_text", &transfer.remittance_text, 140),
    ] {
        let empty = value.is_empty() && member != "remittance_text";
        if empty || value.len() > max || text::check(value).is_err() {
            return fail(Code::BadText, member);
        }
    }
    let Some(currency) = Currency::from_code(&transfer.currency) else {
        return fail(Code::UnknownCurrency, "currency");
    };
    if ushield_protocol::order::Amount::new(transfer.amount, currency).is_none() {
        return fail(Code::BadInput, "amount");
    }
    match transfer.execution_date {
        Some(date) if !is_date(date) => fail(Code::BadInput, "execution_date"),
        _ => Ok(()),
    }
}

fn scheme(scheme: AccountScheme) -> Scheme {
    match scheme {
        AccountScheme::Domestic => Scheme::Domestic,
        AccountScheme::Iban => Scheme::Iban,
        AccountScheme::Card => Scheme::Card,
    }
}

/// Whether the order says what the customer asked for. Charges, name check and dates of issue are the bank's to say. An open order that
/// the bank answers with agrees in the four values that make it the same payment.
fn is_what_was_asked(request: &OrderRequest, order: &Order<Verified>, created: bool) -> bool {
    match (request, &order.payload().operation) {
        (OrderRequest::Transfer(asked), Operation::Transfer(got)) => {
            let same_payment = asked.debtor_account == got.debtor_account
                && asked.creditor_account == got.creditor_account
                && scheme(asked.account_scheme) == got.scheme
                && asked.amount == got.amount.minor()
                && asked.currency == got.amount.currency().code();
            let same_words = asked.creditor_name == got.creditor_name
                && asked.creditor_agent == got.creditor_agent
                && asked.remittance_text == got.remittance
                && asked.execution_date == got.execution_date
                && asked.beside == got.beside;
            same_payment && (same_words || !created)
        }
        (OrderRequest::CertificateDownload(asked), Operation::CertificateDownload(got)) => {
            matches!(
                (asked.role, got.role),
                (Role::Pay, message::Role::Pay) | (Role::Login, message::Role::Login)
            )
        }
        _ => false,
    }
}
