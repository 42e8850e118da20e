//! Certificates: ordered from the bank, approved on the token, stored there and here.

use ushield_bank_api::{Base64Url, OrderRequest, Role};
use ushield_protocol::attestation::Attestation;
use ushield_protocol::cbor::DecodeError;
use ushield_protocol::code::Code;
use ushield_protocol::cose::Sign1;
use ushield_protocol::device::certified_key;
use ushield_protocol::key::{DeviceId, OrderId, PublicKey};
use ushield_protocol::message::{self, Request, certificates, decode_certificates};
use ushield_protocol::order::Operation;
use ushield_protocol::receipt::Outcome;
use ushield_session::order_life::Stage;

use super::Report;
use crate::client::Client;
use crate::customer::{Customer, Moment};
use crate::error::Error;
use crate::ports::{Connector, Table};
use crate::records::{OrderRecord, TokenRecord};
use crate::token::{TokenSession, misbehaved};

impl Client {
    /// Orders a first certificate, has it approved on the token, and stores it there and here.
    ///
    /// # Errors
    /// `certificate-exists`, `no-token`, `pin-*`, codes of link and bank. What was begun is resumed by the next call.
    pub async fn download_certificate(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        device: Option<DeviceId>,
        role: Role,
    ) -> Result<Option<Report>, Error> {
        let token = self.token(device)?;
        if let Some(chain) = self.certificate(&token, role)? {
            // Issued before and perhaps not stored on the token: that alone is left to do.
            self.install_certificate(connector, customer, &token, role, &chain).await?;
            return Ok(None);
        }
        let id = match self.open_certificate_order(token.pairing.device, role)? {
            Some(OrderRecord { id: Some(id), .. }) => id,
            Some(requested) => {
                let record = self.request_order(customer, requested).await?;
                record.id.ok_or(Error::new(Code::UnexpectedEvent))?
            }
            // A phone that lost its store: the bank issued it, the token has it.
            None => match self.fetch_certificate(&token, role).await? {
                Some(chain) => {
                    self.install_certificate(connector, customer, &token, role, &chain).await?;
                    return Ok(None);
                }
                None => self.create_certificate_order(customer, device, role).await?,
            },
        };
        let report = self.run_order(connector, customer, id).await?;
        if report.receipt.outcome == Outcome::Executed {
            self.store_issued(connector, customer, &token, role).await?;
        }
        Ok(Some(report))
    }

    /// Whether the bank has issued a certificate that the token is not known to have stored. [`Client::resume`] and
    /// [`Client::download_certificate`] store it.
    ///
    /// # Errors
    /// `store-*`.
    pub fn certificate_is_due(&self, token: &TokenRecord, role: Role) -> Result<bool, Error> {
        Ok(self.due_certificate_order(token, role)?.is_some())
    }

    /// The order that such a certificate was issued for.
    ///
    /// # Errors
    /// `store-*`.
    pub fn due_certificate_order(&self, token: &TokenRecord, role: Role) -> Result<Option<OrderId>, Error> {
        Ok(self.due_orders(token.pairing.device, role)?.into_iter().find_map(|record| record.id))
    }

    /// Stores what was issued for this order on its token, if that is still to be done.
    pub(super) async fn store_due(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        id: OrderId,
    ) -> Result<(), Error> {
        let record = self.order_record(id)?;
        let Some(role) = self.due_role(&record)? else { return Ok(()) };
        self.store_issued(connector, customer, &self.token(record.device)?, role).await
    }

    /// What the bank issued, as it is kept here or as the bank has it, goes to the token.
    async fn store_issued(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        token: &TokenRecord,
        role: Role,
    ) -> Result<(), Error> {
        let chain = match self.certificate(token, role)? {
            Some(chain) => chain,
            None => self.fetch_certificate(token, role).await?.ok_or(Error::new(Code::NoCertificate))?,
        };
        self.install_certificate(connector, customer, token, role, &chain).await
    }

    /// The orders whose certificate such a token is not known to have stored.
    fn due_orders(&self, device: DeviceId, role: Role) -> Result<Vec<OrderRecord>, Error> {
        let mut due = self.order_records()?;
        due.retain(|record| {
            record.device == Some(device) && self.due_role(record).is_ok_and(|due| due == Some(role))
        });
        Ok(due)
    }

    /// Of which key a certificate is still to be stored.
    fn due_role(&self, record: &OrderRecord) -> Result<Option<Role>, Error> {
        if !record.certificate_due {
            return Ok(None);
        }
        Ok(match &self.own_order(record)?.payload().operation {
            Operation::CertificateDownload(download) => Some(role_from(download.role)),
            _ => None,
        })
    }

    /// Nothing is left to be stored there.
    fn no_longer_due(&self, device: DeviceId, role: Role) -> Result<(), Error> {
        for record in self.due_orders(device, role)? {
            self.change(&record, |stored| Ok(OrderRecord { certificate_due: false, ..stored.clone() }))?;
        }
        Ok(())
    }

    /// A certificate that this phone keeps for a token: DER, own certificate first.
    ///
    /// # Errors
    /// `store-*`.
    pub fn certificate(&self, token: &TokenRecord, role: Role) -> Result<Option<Vec<Vec<u8>>>, Error> {
        let record = self.store().get(Table::Certificate, &certificate_key(token.pairing.device, role))?;
        let decode = |bytes: &[u8]| decode_certificates(bytes).map_err(corrupt);
        record.map(|record| decode(&record)).transpose()
    }

    /// The certificate that the token itself has stored.
    ///
    /// # Errors
    /// `no-certificate`, codes of the link.
    pub async fn certificate_on_token(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        device: Option<DeviceId>,
        role: Role,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let token = self.token(device)?;
        let mut session = TokenSession::open(self, connector, customer, &token).await?;
        let chain = session.exchange(&Request::GetCertificate { role: role_of(role) }).await?;
        session.close().await;
        decode_certificates(&chain).map_err(misbehaved)
    }

    /// Key `pay`, from its certificate.
    pub(super) fn pay_key(&self, token: &TokenRecord) -> Result<Option<PublicKey>, Error> {
        let chain = self.certificate(token, Role::Pay)?;
        Ok(chain.as_ref().and_then(|chain| chain.first()).and_then(|der| certified_key(der)))
    }

    /// Keeps what the bank issued for a certificate order if it is over the key that the token attested.
    pub(super) fn keep_certificate(&self, record: &OrderRecord, chain: Vec<Base64Url>) -> Result<(), Error> {
        let order = self.own_order(record)?;
        let Operation::CertificateDownload(download) = &order.payload().operation else {
            return Err(Error::new(Code::BankLied));
        };
        let chain = readable(chain)?;
        let certified = chain.first().and_then(|der| certified_key(der));
        let attested = match record.life.stage() {
            Stage::Submitted { answer, .. } => attested_key(answer),
            _ => None,
        };
        match attested {
            // An answer in a form that this phone cannot read names no key: the token says whether the certificate is its own.
            None => return Ok(()),
            Some(_) if attested != certified => return Err(Error::new(Code::WrongCertificate)),
            Some(_) => {}
        }
        let role = role_from(download.role);
        // Such an order is addressed to the device itself.
        self.put_certificate(DeviceId::from(*order.payload().addressee.as_bytes()), role, &chain)
    }

    fn put_certificate(&self, device: DeviceId, role: Role, chain: &[Vec<u8>]) -> Result<(), Error> {
        self.store().put(Table::Certificate, &certificate_key(device, role), &certificates(chain))
    }

    /// Asks the bank for a certificate that it issued and this phone does not have. Anyone could say so: it is kept once the token
    /// has taken it.
    async fn fetch_certificate(
        &self,
        token: &TokenRecord,
        role: Role,
    ) -> Result<Option<Vec<Vec<u8>>>, Error> {
        let device = token.pairing.device.to_string();
        let reply = self.heeding(self.bank().certificates(&self.session()?).await)?;
        let found = reply
            .certificates
            .into_iter()
            .rfind(|certificate| certificate.role == role && certificate.device_id == device);
        found.map(|found| readable(found.chain)).transpose()
    }

    async fn install_certificate(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        token: &TokenRecord,
        role: Role,
        chain: &[Vec<u8>],
    ) -> Result<(), Error> {
        let mut session = TokenSession::open(self, connector, customer, token).await?;
        customer.tell(&Moment::StoringCertificate);
        let request = Request::PutCertificate { role: role_of(role), chain: certificates(chain) };
        if let Err(error) = session.exchange(&request).await {
            if error.code() == Code::WrongCertificate {
                // Kept, it would make every approval look like a stranger's.
                self.store().delete(Table::Certificate, &certificate_key(token.pairing.device, role))?;
            }
            if matches!(error.code(), Code::WrongCertificate | Code::CertificateExists) {
                self.no_longer_due(token.pairing.device, role)?;
            }
            return Err(error);
        }
        self.put_certificate(token.pairing.device, role, chain)?;
        self.no_longer_due(token.pairing.device, role)?;
        // What the certificate is for comes next: the keys of those orders now cost the first of them no exchange.
        for statement in self.order_key_statements()? {
            match session.exchange(&Request::BankKey { statement }).await {
                Err(error) if error.code() != Code::EpochFallen => return Err(error),
                _ => {}
            }
        }
        session.close().await;
        Ok(())
    }

    /// An order for such a certificate that is not over. What the order says counts: one that was adopted from the bank has no request here.
    fn open_certificate_order(&self, device: DeviceId, role: Role) -> Result<Option<OrderRecord>, Error> {
        for record in self.order_records()? {
            let wanted = match record.life.order() {
                _ if record.life.is_over() => false,
                Some(bytes) => {
                    let order = self.stored_order(bytes)?;
                    order.payload().addressee.is_device(&device)
                        && matches!(&order.payload().operation,
                            Operation::CertificateDownload(download) if download.role == role_of(role))
                }
                None => {
                    let request = serde_json::from_slice::<OrderRequest>(&record.request).ok();
                    record.device == Some(device)
                        && matches!(request, Some(OrderRequest::CertificateDownload(asked)) if asked.role == role)
                }
            };
            if wanted {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }
}

/// A chain as the token takes it; what is none is the bank's lie.
fn readable(chain: Vec<Base64Url>) -> Result<Vec<Vec<u8>>, Error> {
    let chain: Vec<Vec<u8>> = chain.into_iter().map(Base64Url::into_bytes).collect();
    chain.first().and_then(|der| certified_key(der)).ok_or(Error::new(Code::BankLied))?;
    decode_certificates(&certificates(&chain))
        .map_err(|error| Error::new(Code::BankLied).caused_by(error))?;
    Ok(chain)
}

/// The key that an attestation names, where this phone can read it.
fn attested_key(answer: &[u8]) -> Option<PublicKey> {
    let first = *Sign1::parse_sequence(answer, 2).ok()?.first()?;
    Some(Attestation::decode(Sign1::parse(first).ok()?.payload()).ok()?.key)
}

/// Which key a certificate is for, in the token's words.
fn role_of(role: Role) -> message::Role {
    match role {
        Role::Pay => message::Role::Pay,
        Role::Login => message::Role::Login,
    }
}

fn role_from(role: message::Role) -> Role {
    match role {
        message::Role::Pay => Role::Pay,
        message::Role::Login => Role::Login,
    }
}

fn certificate_key(device: DeviceId, role: Role) -> Vec<u8> {
    let role = match role_of(role) {
        message::Role::Pay => 1,
        message::Role::Login => 2,
    };
    let mut key = device.as_bytes().to_vec();
    key.push(role);
    key
}

fn corrupt(error: DecodeError) -> Error {
    Error::new(Code::StoreCorrupt).caused_by(error)
}
