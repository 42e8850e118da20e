//! Certificates: ordered from the bank, approved on the token, stored there and here.

use ushield_bank_api::{Base64Url, OrderRequest, Role};
use ushield_protocol::cbor::DecodeError;
use ushield_protocol::code::Code;
use ushield_protocol::device::certified_key;
use ushield_protocol::key::{DeviceId, PublicKey};
use ushield_protocol::message::{self, Request, certificates, decode_certificates};

use super::Report;
use super::advance::role_of;
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
        if self.certificate(&token, role)?.is_some() {
            // Issued before and perhaps not stored on the token: that alone is left to do.
            self.install_certificate(connector, customer, &token, role).await?;
            return Ok(None);
        }
        let open = self.open_certificate_order(role)?;
        let id = match open {
            Some(id) => id,
            None => self.create_certificate_order(customer, device, role).await?,
        };
        let report = self.run_order(connector, customer, id).await?;
        if report.receipt.outcome == ushield_protocol::receipt::Outcome::Executed {
            if self.certificate(&token, role)?.is_none() {
                self.fetch_certificate(&token, role).await?;
            }
            self.install_certificate(connector, customer, &token, role).await?;
        }
        Ok(Some(report))
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

    /// Keeps what the bank issued for a certificate order.
    pub(super) fn keep_certificate(&self, record: &OrderRecord, chain: Vec<Base64Url>) -> Result<(), Error> {
        let request: OrderRequest = serde_json::from_slice(&record.request)
            .map_err(|error| Error::new(Code::StoreCorrupt).caused_by(error))?;
        let (OrderRequest::CertificateDownload(asked), Some(device)) = (request, record.device) else {
            return Err(Error::new(Code::BankLied));
        };
        self.put_certificate(device, asked.role, chain)
    }

    fn put_certificate(&self, device: DeviceId, role: Role, chain: Vec<Base64Url>) -> Result<(), Error> {
        let chain: Vec<Vec<u8>> = chain.into_iter().map(Base64Url::into_bytes).collect();
        chain.first().and_then(|der| certified_key(der)).ok_or(Error::new(Code::BankLied))?;
        let bytes = certificates(&chain);
        decode_certificates(&bytes).map_err(|error| Error::new(Code::BankLied).caused_by(error))?;
        self.store().put(Table::Certificate, &certificate_key(device, role), &bytes)
    }

    /// The receipt says that it was issued, and the reply that carried it was lost.
    async fn fetch_certificate(&self, token: &TokenRecord, role: Role) -> Result<(), Error> {
        let device = token.pairing.device.to_string();
        let certificates = self.bank().certificates(&self.session()?).await?.certificates;
        let found = certificates
            .into_iter()
            .find(|certificate| certificate.role == role && certificate.device_id == device);
        let chain = found.ok_or(Error::new(Code::NoCertificate))?.chain;
        self.put_certificate(token.pairing.device, role, chain)
    }

    async fn install_certificate(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        token: &TokenRecord,
        role: Role,
    ) -> Result<(), Error> {
        let chain = self.certificate(token, role)?.ok_or(Error::new(Code::NoCertificate))?;
        let mut session = TokenSession::open(self, connector, customer, token).await?;
        customer.tell(&Moment::StoringCertificate);
        let request = Request::PutCertificate { role: role_of(role), chain: certificates(&chain) };
        session.exchange(&request).await?;
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

    fn open_certificate_order(&self, role: Role) -> Result<Option<ushield_protocol::key::OrderId>, Error> {
        let wanted = |record: &OrderRecord| {
            let request = serde_json::from_slice::<OrderRequest>(&record.request).ok();
            matches!(request, Some(OrderRequest::CertificateDownload(asked)) if asked.role == role)
        };
        let open = self.order_records()?.into_iter().filter(|record| !record.life.is_over());
        Ok(open.filter(|record| wanted(record)).find_map(|record| record.id))
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
