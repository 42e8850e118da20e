//! What the bank does with a request.

use serde::Serialize;
use ushield_bank_api::{
    Account, AccountScheme, Accounts, AuthorizationReply, Base64Url, CancelReply, Certificate, Certificates,
    CreatedOrder, KeyStatus, Order as OrderReply, OrderRequest, OrderState, Orders, Problem, Role, Session,
    SessionRequest, SessionToken, Transfer as Asked, route,
};
use ushield_client::ports::{HttpRequest, HttpResponse, Method};
use ushield_protocol::account::Scheme;
use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::{Authorization, Decision};
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::currency::Currency;
use ushield_protocol::key::{OrderId, P256Verifier, sha256};
use ushield_protocol::message;
use ushield_protocol::order::{
    Addressee, Amount, CertificateDownload, NameCheck, Operation, OrderPayload, Transfer,
};
use ushield_protocol::receipt::{Outcome, Receipt};
use zeroize::Zeroizing;

use super::{Desk, Kept, PASSWORD};

/// A JSON reply.
#[must_use]
pub(super) fn reply(status: u16, body: &impl Serialize) -> HttpResponse {
    HttpResponse {
        status,
        content_type: Some(route::JSON.to_owned()),
        body: Zeroizing::new(serde_json::to_vec(body).unwrap()),
    }
}

fn problem(problem: &Problem) -> HttpResponse {
    HttpResponse { content_type: Some(route::PROBLEM.to_owned()), ..reply(problem.status, problem) }
}

fn refuse(code: Code) -> HttpResponse {
    problem(&Problem::new(code, ""))
}

impl Desk {
    pub(super) fn serve(&mut self, request: &HttpRequest, now: u64) -> HttpResponse {
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        self.requests.push(format!("{method} {}", request.path));
        for order in &mut self.orders {
            if order.end.is_none() && now > order.payload.expires {
                order.end = Some(Outcome::Expired);
            }
        }
        let below = request.path.strip_prefix("/v1/orders/");
        let (id, act) = match below.map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
            Some((id, act)) => (OrderId::parse(id), act),
            None => (None, ""),
        };
        if let (Some(id), "authorization") = (id, act) {
            return self.authorize(id, &request.body, now);
        }
        match (method, request.path.as_str()) {
            ("POST", route::SESSIONS) => return self.sign_in(&request.body),
            ("GET", route::BANK) => return reply(200, &self.statements()),
            _ => {}
        }
        let session = request.bearer.as_ref().map(|token| token.expose().to_owned());
        if !session.is_some_and(|session| self.sessions.contains(&session)) {
            return refuse(Code::NotSignedIn);
        }
        match (method, request.path.as_str(), id, act) {
            ("GET", route::ACCOUNTS, ..) => reply(200, &self.accounts()),
            ("POST", route::ORDERS, ..) => self.create(request, now),
            ("GET", route::OPEN_ORDERS, ..) => self.list(),
            ("GET", route::CERTIFICATES, ..) => self.certificates(),
            ("GET", _, Some(id), "") => self.show(id, now),
            ("POST", _, Some(id), "cancel") => self.cancel(id, now),
            _ => refuse(Code::BadRequest),
        }
    }

    fn sign_in(&mut self, body: &[u8]) -> HttpResponse {
        let Ok(request) = serde_json::from_slice::<SessionRequest>(body) else {
            return refuse(Code::BadRequest);
        };
        if request.password.expose() != PASSWORD {
            return problem(&Problem::new(Code::WrongPassword, "").with_tries_left(4));
        }
        let name = format!("session-{}", ushield_protocol::key::hex(&self.entropy.draw()));
        self.sessions.push(name.clone());
        let token = SessionToken::new(Zeroizing::new(name.into_bytes())).unwrap();
        reply(200, &Session { token, expires_in: 600 })
    }

    fn accounts(&self) -> Accounts {
        let spent: u64 = self.executed.iter().map(|(_, amount)| amount).sum();
        Accounts {
            accounts: vec![Account {
                number: "6222021001116245702".to_owned(),
                currency: "CNY".to_owned(),
                exponent: 2,
                balance: 100_000_000 - spent,
            }],
        }
    }

    fn create(&mut self, request: &HttpRequest, now: u64) -> HttpResponse {
        let Some(key) = request.idempotency_key.clone() else { return refuse(Code::BadRequest) };
        if let Some(stored) = self.created.get(&key) {
            let body = Zeroizing::new(stored.clone());
            return HttpResponse { status: 201, content_type: Some(route::JSON.to_owned()), body };
        }
        let Ok(asked) = serde_json::from_slice(&request.body) else { return refuse(Code::BadRequest) };
        let response = match asked {
            OrderRequest::Transfer(asked) => self.create_transfer(&asked, now),
            OrderRequest::CertificateDownload(_) => self.create_certificate(now),
        };
        if response.status < 300 {
            self.created.insert(key, response.body.to_vec());
        }
        response
    }

    fn create_transfer(&mut self, asked: &Asked, now: u64) -> HttpResponse {
        let Some(pay) = self.pay else { return refuse(Code::NoCertificate) };
        let same = |kept: &&Kept| match &kept.payload.operation {
            Operation::Transfer(open) => {
                kept.end.is_none()
                    && open.creditor_account == asked.creditor_account
                    && open.amount.minor() == asked.amount
                    && asked.beside != Some(kept.id)
            }
            Operation::CertificateDownload(_) => false,
        };
        if let Some(open) = self.orders.iter().find(same) {
            return reply(200, &created(open, false));
        }
        let currency = Currency::from_code(&asked.currency);
        let Some(amount) = currency.and_then(|currency| Amount::new(asked.amount, currency)) else {
            return refuse(Code::BadInput);
        };
        let operation = Operation::Transfer(Transfer {
            debtor_account: asked.debtor_account.clone(),
            creditor_name: asked.creditor_name.clone(),
            creditor_account: asked.creditor_account.clone(),
            scheme: match asked.account_scheme {
                AccountScheme::Domestic => Scheme::Domestic,
                AccountScheme::Iban => Scheme::Iban,
                AccountScheme::Card => Scheme::Card,
            },
            creditor_agent: asked.creditor_agent.clone(),
            amount,
            charges: None,
            name_check: NameCheck::Match,
            execution_date: asked.execution_date,
            remittance: asked.remittance_text.clone(),
            beside: asked.beside,
        });
        self.issue(pay.key_id().into(), 900, operation, now)
    }

    fn create_certificate(&mut self, now: u64) -> HttpResponse {
        let Some((device, _)) = self.device else { return refuse(Code::NoToken) };
        if self.pay.is_some() {
            return refuse(Code::CertificateExists);
        }
        let operation = Operation::CertificateDownload(CertificateDownload {
            role: message::Role::Pay,
            customer: "张三".to_owned(),
            reference: "KH-2026-000117".to_owned(),
        });
        self.issue(device.into(), 7 * 86_400, operation, now)
    }

    fn issue(&mut self, addressee: Addressee, life: u64, operation: Operation, now: u64) -> HttpResponse {
        let mut random = [0; 16];
        random.copy_from_slice(&self.entropy.draw()[..16]);
        let mut payload = OrderPayload {
            bank: self.id.clone(),
            addressee,
            id: OrderId::from_random(random),
            challenge: self.entropy.draw(),
            issued: now,
            expires: now + life,
            operation,
        };
        if let Some(lie) = &mut self.lies.payload {
            lie(&mut payload);
        }
        let encoded = match &mut self.lies.bytes {
            Some(lie) => lie(payload.encode()),
            None => payload.encode(),
        };
        let honest = match payload.operation {
            Operation::Transfer(_) => &self.keys.transfer,
            Operation::CertificateDownload(_) => &self.keys.certificate,
        };
        let bytes = sign1(Tag::Order, &encoded, self.lies.order_signer.as_ref().unwrap_or(honest));
        let bytes = match &mut self.lies.order {
            Some(lie) => lie(bytes),
            None => bytes,
        };
        let Some((device, _)) = self.device else { return refuse(Code::NoToken) };
        let kept = Kept {
            id: payload.id,
            device,
            bytes,
            hash: sha256(&[&encoded]),
            payload,
            end: None,
            receipt: None,
            certificate: None,
        };
        let response = reply(201, &created(&kept, true));
        self.orders.push(kept);
        response
    }

    fn list(&self) -> HttpResponse {
        let open = |kept: &&Kept| kept.end.is_none();
        reply(200, &Orders { orders: self.orders.iter().rev().filter(open).map(order_reply).collect() })
    }

    fn show(&mut self, id: OrderId, now: u64) -> HttpResponse {
        let Some(at) = self.find(id) else { return refuse(Code::UnknownOrder) };
        if self.orders[at].end.is_some() {
            self.receipt(at, now);
        }
        reply(200, &order_reply(&self.orders[at]))
    }

    fn cancel(&mut self, id: OrderId, now: u64) -> HttpResponse {
        let Some(at) = self.find(id) else { return refuse(Code::UnknownOrder) };
        self.orders[at].end.get_or_insert(Outcome::Cancelled);
        reply(200, &CancelReply { receipt: self.receipt(at, now).into() })
    }

    fn find(&self, id: OrderId) -> Option<usize> {
        self.orders.iter().position(|order| order.id == id)
    }

    fn authorize(&mut self, id: OrderId, body: &[u8], now: u64) -> HttpResponse {
        self.submitted.push(body.to_vec());
        let Some(at) = self.find(id) else { return refuse(Code::UnknownOrder) };
        if self.orders[at].end.is_none() {
            let decided = match self.orders[at].payload.operation {
                Operation::Transfer(_) => self.decide_transfer(at, body),
                Operation::CertificateDownload(_) => self.decide_certificate(at, body),
            };
            match decided {
                Ok(outcome) => self.orders[at].end = Some(outcome),
                Err(code) => return refuse(code),
            }
        }
        let receipt = self.receipt(at, now).into();
        let chain = self.orders[at].certificate.clone();
        let certificate = chain.map(|chain| chain.into_iter().map(Base64Url::from).collect());
        reply(200, &AuthorizationReply { receipt, certificate })
    }

    fn decide_transfer(&mut self, at: usize, body: &[u8]) -> Result<Outcome, Code> {
        let order = &self.orders[at];
        let Operation::Transfer(transfer) = &order.payload.operation else { return Err(Code::BankFailure) };
        let authorization = Authorization::receive(body).map_err(|_| Code::BadAuthorization)?;
        if authorization.payload().about.order_hash != order.hash {
            return Err(Code::UnknownOrder);
        }
        let by = |decision, key| authorization.clone().verify(decision, key, &P256Verifier).is_ok();
        match (self.pay, self.device) {
            (Some(pay), _) if by(Decision::Approved, &pay) => {
                self.executed.push((order.id, transfer.amount.minor()));
                Ok(Outcome::Executed)
            }
            (_, Some((_, device))) if by(Decision::Rejected, &device) => Ok(Outcome::Rejected),
            _ => Err(Code::BadAuthorization),
        }
    }

    fn decide_certificate(&mut self, at: usize, body: &[u8]) -> Result<Outcome, Code> {
        let Some((device, device_key)) = self.device else { return Err(Code::NoToken) };
        if let Ok(rejection) = Authorization::receive(body) {
            let rejection = rejection.verify(Decision::Rejected, &device_key, &P256Verifier);
            return rejection.map(|_| Outcome::Rejected).map_err(|_| Code::BadAuthorization);
        }
        let (attestation, _) =
            Attestation::verify(body, &device_key, &P256Verifier).map_err(|_| Code::BadAuthorization)?;
        if attestation.about.order_hash != self.orders[at].hash {
            return Err(Code::UnknownOrder);
        }
        let certified = self.lies.certified_key.unwrap_or(attestation.key);
        self.orders[at].certificate = Some(vec![self.ca.certify(device, &certified)]);
        self.pay = Some(attestation.key);
        Ok(Outcome::Executed)
    }

    /// The one receipt of an order, made when it is first asked for, unless the script has another.
    fn receipt(&mut self, at: usize, now: u64) -> Vec<u8> {
        let order = &self.orders[at];
        if let (Some(receipt), None) = (&order.receipt, &self.lies.receipt) {
            return receipt.clone();
        }
        let mut receipt = Receipt {
            bank: self.id.clone(),
            order: order.id,
            order_hash: order.hash,
            outcome: order.end.unwrap(),
            ended: now,
            reason: None,
        };
        if let Some(lie) = &mut self.lies.receipt {
            lie(&mut receipt);
        }
        let signer = self.lies.receipt_signer.as_ref().unwrap_or(&self.keys.receipt);
        let bytes = receipt.sign(signer);
        if self.lies.receipt.is_none() && self.lies.receipt_signer.is_none() {
            self.orders[at].receipt = Some(bytes.clone());
        }
        bytes
    }

    fn certificates(&self) -> HttpResponse {
        let certificates = self.orders.iter().filter_map(|order| {
            Some(Certificate {
                role: Role::Pay,
                key_id: self.pay?.key_id().to_string(),
                device_id: self.device?.0.to_string(),
                status: KeyStatus::Active,
                order_id: order.id,
                chain: order.certificate.clone()?.into_iter().map(Base64Url::from).collect(),
            })
        });
        reply(200, &Certificates { certificates: certificates.collect() })
    }
}

fn created(kept: &Kept, created: bool) -> CreatedOrder {
    CreatedOrder {
        order_id: kept.id,
        device_id: kept.device.to_string(),
        order: kept.bytes.clone().into(),
        state: OrderState::Open,
        created,
    }
}

fn order_reply(kept: &Kept) -> OrderReply {
    let state = match kept.end {
        None => OrderState::Open,
        Some(Outcome::Executed) => OrderState::Executed,
        Some(Outcome::Rejected) => OrderState::Rejected,
        Some(Outcome::Expired) => OrderState::Expired,
        Some(Outcome::Cancelled) => OrderState::Cancelled,
        Some(Outcome::Refused) => OrderState::Refused,
    };
    let receipt = kept.receipt.clone().map(Base64Url::from);
    let order = kept.bytes.clone().into();
    OrderReply { order_id: kept.id, device_id: kept.device.to_string(), state, order, receipt }
}
