//! The way to the bank: HTTPS by reqwest, with the bank's CA as the only root of trust.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, Url, redirect, retry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use ushield_bank_api::route::{BEARER, IDEMPOTENCY_KEY};
use ushield_client::Error;
use ushield_client::error::Detail;
use ushield_client::ports::{BankHttp, HttpRequest, HttpResponse, Method};
use ushield_protocol::code::Code;
use zeroize::Zeroizing;

/// How long a connection may take to stand, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an exchange may take in all.
const EXCHANGE: Duration = Duration::from_secs(30);
/// Largest body of a response: far above any that the bank sends.
const MAX_RESPONSE: usize = 1 << 20;

/// The one bank of this client. Asks nobody else: no proxy of the environment, no redirect, no other root.
#[derive(Clone)]
pub struct HttpsBank {
    client: Client,
    base: Url,
    host: String,
}

/// Time-outs of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the connection to stand, TLS included.
    pub connect: Duration,
    /// For the whole exchange.
    pub exchange: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: CONNECT, exchange: EXCHANGE }
    }
}

impl HttpsBank {
    /// A bank at `https://host:port`, whose certificate is by one of the CAs in `ca` (PEM).
    ///
    /// # Errors
    /// `bad-input` at `bank` or `ca`.
    pub fn new(base: &str, ca: &[u8], limits: Limits) -> Result<Self, Error> {
        let base = parse_base(base).ok_or(Error::new(Code::BadInput).at("bank"))?;
        let host = host_of(&base);
        let client = Client::builder()
            .tls_backend_preconfigured(tls(ca)?)
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .connect_timeout(limits.connect)
            .timeout(limits.exchange)
            .user_agent(concat!("ushield/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::new(Code::BadInput).at("bank").caused_by(error))?;
        Ok(Self { client, base, host })
    }

    fn request(&self, request: HttpRequest) -> Result<RequestBuilder, Error> {
        let malformed = |member| Error::new(Code::BadInput).at(member);
        // A path that begins with "//" or holds a scheme would lead elsewhere.
        let url = self.base.join(&request.path).map_err(|error| malformed("path").caused_by(error))?;
        if !request.path.starts_with('/') || url.origin() != self.base.origin() {
            return Err(malformed("path"));
        }
        let mut builder = match request.method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
        };
        if let Some(token) = &request.bearer {
            let text = Zeroizing::new([BEARER, token.expose()].concat());
            let mut value =
                HeaderValue::from_str(&text).map_err(|error| malformed("bearer").caused_by(error))?;
            value.set_sensitive(true);
            builder = builder.header(AUTHORIZATION, value);
        }
        if let Some(key) = &request.idempotency_key {
            builder = builder.header(IDEMPOTENCY_KEY, key);
        }
        if let Some(content_type) = request.content_type {
            builder = builder.header(CONTENT_TYPE, content_type).body(request.body.to_vec());
        }
        Ok(builder)
    }

    fn error(&self, error: reqwest::Error) -> Error {
        let code = if error.is_builder() {
            Code::BadInput
        } else if error.is_connect() && is_tls(&error) {
            Code::BankUntrusted
        } else {
            Code::BankUnreachable
        };
        // The address in reqwest's text may carry an order's id; ours has the host alone.
        Error::new(code).with_detail(Detail::Host(self.host.clone())).caused_by(error.without_url())
    }
}

#[async_trait]
impl BankHttp for HttpsBank {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        let request = self.request(request)?;
        let mut response = request.send().await.map_err(|error| self.error(error))?;
        let (status, content_type) = (response.status().as_u16(), media_type(&response));
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| self.error(error))? {
            if body.len().saturating_add(chunk.len()) > MAX_RESPONSE {
                let host = Detail::Host(self.host.clone());
                return Err(Error::new(Code::BankFailure).at("body").with_detail(host));
            }
            body.extend(chunk.iter());
        }
        Ok(HttpResponse { status, content_type, body })
    }
}

impl std::fmt::Debug for HttpsBank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HttpsBank({})", self.host)
    }
}

/// Scheme, host and port, and nothing behind them.
fn parse_base(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let nobody = url.username().is_empty() && url.password().is_none();
    (url.scheme() == "https" && url.host_str().is_some() && bare && nobody).then_some(url)
}

fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// TLS 1.2 and 1.3 by ring.
fn tls(ca: &[u8]) -> Result<ClientConfig, Error> {
    let bad = || Error::new(Code::BadInput).at("ca");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca) {
        let certificate = certificate.map_err(|error| bad().caused_by(error))?;
        roots.add(certificate).map_err(|error| bad().caused_by(error))?;
    }
    if roots.is_empty() {
        return Err(bad());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| bad().caused_by(error))?;
    // No program has so much as the code of this one.
    #[cfg(test)]
    if ushield_protocol::planted::on(ushield_protocol::planted::Bug::AnyCertificate) {
        return Ok(tests::any_certificate(config));
    }
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Whether TLS itself refused the other end, as against a connection that broke.
fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    if error.is::<rustls::Error>() {
        return true;
    }
    // What an I/O error was made of is hidden from `source`, which gives that one's source.
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => is_tls(inner),
        None => error.source().is_some_and(is_tls),
    }
}

/// The media type, without parameters.
fn media_type(response: &Response) -> Option<String> {
    let value = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
