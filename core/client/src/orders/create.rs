//! From the customer's request to a verified order.

use ushield_bank_api::{AccountScheme, CertificateDownload, CreatedOrder, OrderRequest, Role, Transfer};
use ushield_protocol::account::{self, Scheme};
use ushield_protocol::code::Code;
use ushield_protocol::currency::Currency;
use ushield_protocol::key::{DeviceId, OrderId, unhex};
use ushield_protocol::message;
use ushield_protocol::order::{MAX_MONEY_LIFE, Operation, Order, Verified, is_date};
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::text;
use ushield_session::order_life::{Event, Next, OrderLife, Stage};

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
    /// when the bank's order is not what was asked for. One that leaves the request behind, to be asked again, has
    /// [`Error::request`].
    pub async fn create_transfer(
        &self,
        customer: &dyn Customer,
        device: Option<DeviceId>,
        transfer: &Transfer,
    ) -> Result<OrderId, Error> {
        check(transfer)?;
        self.create(customer, device, OrderRequest::Transfer(transfer.clone())).await
    }

    pub(crate) async fn create_certificate_order(
        &self,
        customer: &dyn Customer,
        device: Option<DeviceId>,
        role: Role,
    ) -> Result<OrderId, Error> {
        let request = CertificateDownload { role, device_id: None };
        self.create(customer, device, OrderRequest::CertificateDownload(request)).await
    }

    async fn create(
        &self,
        customer: &dyn Customer,
        device: Option<DeviceId>,
        mut request: OrderRequest,
    ) -> Result<OrderId, Error> {
        let device = self.token(device)?.pairing.device;
        match &mut request {
            OrderRequest::Transfer(transfer) => transfer.device_id = Some(device.to_string()),
            OrderRequest::CertificateDownload(download) => download.device_id = Some(device.to_string()),
        }
        // Without a session nothing can be asked for: better said before anything is written.
        self.session()?;
        let body = crate::bank::json(&request)?.to_vec();
        // Asked for before and not answered: the bank may have made that order, and the customer wants one.
        let same = |record: &OrderRecord| {
            matches!(record.life.stage(), Stage::Requested)
                && !record.life.cancelled()
                && !self.is_stale(record)
                && record.device == Some(device)
                && record.request == body
        };
        let record = match self.order_records()?.into_iter().find(same) {
            Some(record) => record,
            None => {
                let record = OrderRecord {
                    creation: *OrderId::from_random(self.random()?).as_bytes(),
                    request: body,
                    asked: self.clock().now().0,
                    id: None,
                    device: Some(device),
                    life: OrderLife::requested(),
                    certificate_due: false,
                };
                if planted::on(Bug::IntentAfterSending) {
                    let key = OrderId::from_slice(&record.creation).map(|key| key.to_string());
                    let session = self.session()?;
                    let _ =
                        self.bank().create(&session, &key.unwrap_or_default(), record.request.clone()).await;
                }
                self.put_order(&record)?;
                record
            }
        };
        let record = self.request_order(customer, record).await?;
        record.id.ok_or(Error::new(Code::UnexpectedEvent))
    }

    /// A payment that was asked for longer ago than an order lives is not made behind the customer's back. If the bank has an
    /// order of it, that expires by itself.
    fn is_stale(&self, record: &OrderRecord) -> bool {
        let request = serde_json::from_slice(&record.request);
        matches!(request, Ok(OrderRequest::Transfer(_)))
            && self.clock().now().0.saturating_sub(record.asked) > MAX_MONEY_LIFE
    }

    /// Sends a durable request, again if need be: the key makes it one request. An error names the request where it is kept.
    pub(crate) async fn request_order(
        &self,
        customer: &dyn Customer,
        record: OrderRecord,
    ) -> Result<OrderRecord, Error> {
        let requested = record.clone();
        let asked = self.request_once(customer, record).await;
        asked.map_err(|error| match self.again(&requested).map(|stored| stored.life.next()) {
            Ok(Next::Create) => error.with_request(requested.creation),
            _ => error,
        })
    }

    async fn request_once(&self, customer: &dyn Customer, record: OrderRecord) -> Result<OrderRecord, Error> {
        if self.is_stale(&record) {
            return self.apply(&record, Event::CreationRefused(Code::Interrupted));
        }
        let record = if planted::on(Bug::RetryUnderNewId) && record.asked != self.clock().now().0 {
            self.store().delete(Table::Order, &record.creation)?;
            let record = OrderRecord { creation: *OrderId::from_random(self.random()?).as_bytes(), ..record };
            self.put_order(&record)?;
            record
        } else {
            record
        };
        customer.tell(&Moment::CreatingOrder);
        let key = OrderId::from_slice(&record.creation).ok_or(Error::new(Code::StoreCorrupt))?.to_string();
        let session = self.session()?;
        let created = self.bank().create(&session, &key, record.request.clone()).await;
        let (ends, error) = match self.heeding(created) {
            Ok(created) => match self.take_created(customer, &record, created).await {
                Ok(taken) => return Ok(taken),
                // The same key brings the same answer: asking again would not help, and nothing of it is delivered.
                Err(error) => (is_other_order(error.code()), error),
            },
            // Only the bank's definite no ends it; everything else may still have made an order.
            Err(error) => (is_banks_no(error.code()), error),
        };
        if ends {
            self.apply(&record, Event::CreationRefused(error.code()))?;
        }
        Err(error)
    }

    async fn take_created(
        &self,
        customer: &dyn Customer,
        record: &OrderRecord,
        created: CreatedOrder,
    ) -> Result<OrderRecord, Error> {
        let lied = || Error::new(Code::BankLied);
        let bytes = created.order.into_bytes();
        let order = self.verified_order(&bytes).await?;
        if order.id() != created.order_id {
            return Err(lied());
        }
        let device = parse_device(&created.device_id).ok_or(lied().at("device_id"))?;
        let request: OrderRequest = serde_json::from_slice(&record.request)
            .map_err(|error| Error::new(Code::StoreCorrupt).caused_by(error))?;
        let other_token = created.created && record.device.is_some_and(|asked| asked != device);
        if other_token || !is_what_was_asked(&request, &order, created.created) {
            return Err(Error::new(Code::OrderAltered));
        }
        if let Some(known) = self.known_order(order.id())? {
            // The open order is one that this phone has: its life goes on, the request's ends in it. A new one cannot be known, unless
            // the first answer to this request was lost: then the order was adopted meanwhile, or a like request that was asked
            // later was answered with it; of two in one second the one with other words. It may be over by now.
            let made_for_known = serde_json::from_slice(&known.request)
                .is_ok_and(|request| is_what_was_asked(&request, &order, true));
            let later = known.asked > record.asked || (known.asked == record.asked && !made_for_known);
            let may_be = !created.created || known.request.is_empty() || later;
            if !may_be {
                return Err(lied());
            }
            if known.life.is_over() && !created.created {
                // It was open when the bank answered for the first time, and nobody heard. No other order was made, none will be.
                return Err(Error::new(Code::Interrupted));
            }
            customer.tell(&Moment::OpenOrderFound { order: order.id() });
            return self.merge(record, &known);
        }
        let order = self.verified_new_order(&bytes).await?;
        if !created.created {
            customer.tell(&Moment::OpenOrderFound { order: order.id() });
        }
        self.change(record, |stored| {
            let life = stored.life.apply(Event::Created(bytes))?;
            Ok(OrderRecord { id: Some(order.id()), device: Some(device), life, ..stored.clone() })
        })
    }

    /// Takes over orders that are open at the bank and not known here, as after a store was set aside. One that does not hold is left
    /// out and does not keep the others away.
    ///
    /// # Errors
    /// `not-signed-in`, `bank-*`, `store-*`.
    pub async fn adopt(&self) -> Result<Adopted, Error> {
        let open = self.heeding(self.bank().open_orders(&self.session()?).await)?;
        let mut adopted = Adopted { orders: Vec::new(), refused: Vec::new() };
        for open in open.orders {
            let id = open.order_id;
            if self.known_order(id)?.is_some() {
                continue;
            }
            match self.adopt_one(open).await {
                Ok(()) => adopted.orders.push(id),
                Err(error) => adopted.refused.push((id, error)),
            }
        }
        Ok(adopted)
    }

    async fn adopt_one(&self, open: ushield_bank_api::Order) -> Result<(), Error> {
        let bytes = open.order.into_bytes();
        let order = self.verified_new_order(&bytes).await?;
        if order.id() != open.order_id {
            return Err(Error::new(Code::BankLied));
        }
        let device = parse_device(&open.device_id).ok_or(Error::new(Code::BankLied).at("device_id"))?;
        self.put_order(&OrderRecord {
            creation: *OrderId::from_random(self.random()?).as_bytes(),
            request: Vec::new(),
            // By this phone's clock, which may be behind the bank's: its time is over by it too.
            asked: order.payload().issued.min(self.clock().now().0),
            id: Some(order.id()),
            device: Some(device),
            life: OrderLife::prepared(bytes),
            certificate_due: false,
        })
    }
}

/// What became of the orders that are open at the bank.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// Taken over.
    pub orders: Vec<OrderId>,
    /// Left at the bank, and why.
    pub refused: Vec<(OrderId, Error)>,
}

/// A device id as the bank writes it.
fn parse_device(text: &str) -> Option<DeviceId> {
    let device = DeviceId::from_slice(&unhex(text)?)?;
    (device.to_string() == text).then_some(device)
}

/// Whether the bank answered with an order that is not the one that was asked for, or that must not be begun (any more).
fn is_other_order(code: Code) -> bool {
    matches!(code, Code::OrderAltered | Code::BankLied | Code::EpochFallen | Code::Interrupted)
}

/// Codes with which the bank says that it made no order and will make none under this key.
fn is_banks_no(code: Code) -> bool {
    matches!(
        code,
        Code::BadRequest
            | Code::BadInput
            | Code::BadText
            | Code::BadCheckDigits
            | Code::UnknownCurrency
            | Code::BadExponent
            | Code::TooLarge
            | Code::Malformed
            | Code::Unshowable
            | Code::InsufficientFunds
            | Code::UnknownAccount
            | Code::NoToken
            | Code::NoCertificate
            | Code::CertificateExists
            | Code::OtherRequest
            | Code::KeyNotActive
            | Code::KeyFrozen
    )
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
                && asked.amount == got.amount.minor()
                && asked.currency == got.amount.currency().code();
            let same_words = scheme(asked.account_scheme) == got.scheme
                && asked.creditor_name == got.creditor_name
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
