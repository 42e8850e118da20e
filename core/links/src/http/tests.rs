use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{PrivateKeyDer, ServerName, UnixTime};
use rustls::{ConfigBuilder, DigitallySignedStruct, ServerConfig, SignatureScheme, WantsVerifier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use ushield_bank_api::SessionToken;

use super::*;

/// A CA, and what it signs.
struct Ca {
    params: CertificateParams,
    key: KeyPair,
    pem: String,
}

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { params, key, pem }
    }

    fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    fn bank(&self, port: u16) -> HttpsBank {
        HttpsBank::new(&format!("https://localhost:{port}"), self.pem.as_bytes(), Limits::default()).unwrap()
    }
}

/// For [`Bug::AnyCertificate`]: whoever is there is the bank.
///
/// [`Bug::AnyCertificate`]: ushield_protocol::planted::Bug::AnyCertificate
#[derive(Debug)]
struct Anybody(CryptoProvider);

pub(super) fn any_certificate(config: ConfigBuilder<ClientConfig, WantsVerifier>) -> ClientConfig {
    let config: ConfigBuilder<ClientConfig, WantsClientCert> =
        config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(ring::default_provider())));
    config.with_no_client_auth()
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Serves one connection and one response, and gives the request as it came.
async fn serve(tls: TlsAcceptor, response: impl Into<Vec<u8>>) -> (u16, JoinHandle<Option<String>>) {
    let (listener, port) = listen().await;
    let response = response.into();
    let served = tokio::spawn(async move {
        let mut stream = tls.accept(listener.accept().await.unwrap().0).await.ok()?;
        let mut request = Vec::new();
        while !is_whole(&request) {
            if stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        }
        stream.write_all(&response).await.ok()?;
        stream.shutdown().await.ok()?;
        Some(String::from_utf8(request).unwrap())
    });
    (port, served)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

const OK: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: Application/JSON; charset=utf-8\r\ncontent-length: 2\r\n\r\n{}";

fn token() -> SessionToken {
    SessionToken::new(Zeroizing::new(b"SECRET-TOKEN".to_vec())).unwrap()
}

async fn code_of(bank: &HttpsBank) -> Code {
    let error = bank.call(HttpRequest::get("/v1/orders/CANARY").with_bearer(token())).await.unwrap_err();
    assert!(matches!(error.detail(), Some(Detail::Host(host)) if host.starts_with("localhost:")));
    let mut text = format!("{error} {error:?}");
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(" {cause} {cause:?}"));
        next = cause.source();
    }
    assert!(!text.contains("SECRET") && !text.contains("CANARY"), "{text}");
    error.code()
}

#[tokio::test]
async fn a_request_arrives_and_its_response_comes_back() {
    let ca = Ca::new();
    let (port, served) = serve(ca.server("localhost", |_| {}), OK).await;
    let request =
        HttpRequest::post("/v1/orders?a=b", "application/json", Zeroizing::new(b"{\"x\":1}".to_vec()))
            .with_bearer(token())
            .with_idempotency_key("one-order");
    let response = ca.bank(port).call(request).await.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (200, b"{}".as_slice()));
    assert_eq!(response.content_type.as_deref(), Some("application/json"));
    let request = served.await.unwrap().unwrap();
    assert!(request.starts_with("POST /v1/orders?a=b HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"x\":1}"), "{request}");
    let request = request.to_ascii_lowercase();
    for header in
        ["authorization: bearer secret-token", "idempotency-key: one-order", "content-type: application/json"]
    {
        assert!(request.contains(&format!("\r\n{header}\r\n")), "{header} in {request}");
    }
}

#[tokio::test]
async fn a_get_has_neither_body_nor_what_was_not_asked_for() {
    let ca = Ca::new();
    let (port, served) = serve(ca.server("localhost", |_| {}), OK).await;
    ca.bank(port).call(HttpRequest::get("/healthz")).await.unwrap();
    let request = served.await.unwrap().unwrap().to_ascii_lowercase();
    assert!(request.starts_with("get /healthz http/1.1\r\n"));
    for header in ["authorization", "idempotency-key", "content-type", "referer", "cookie"] {
        assert!(!request.contains(header), "{header} in {request}");
    }
}

#[tokio::test]
async fn every_status_is_a_response_and_a_redirect_is_not_followed() {
    let ca = Ca::new();
    for status in [201, 302, 307, 404, 409, 422, 500, 503] {
        let response = format!("HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n");
        let (port, served) = serve(ca.server("localhost", |_| {}), response).await;
        let response = ca.bank(port).call(HttpRequest::get("/here")).await.unwrap();
        assert_eq!((response.status, response.content_type), (status, None));
        assert!(served.await.unwrap().unwrap().starts_with("GET /here "));
    }
}

#[tokio::test]
async fn another_ca_is_not_the_bank_and_hears_no_request() {
    let (ours, theirs) = (Ca::new(), Ca::new());
    let (port, served) = serve(theirs.server("localhost", |_| {}), OK).await;
    assert_eq!(code_of(&ours.bank(port)).await, Code::BankUntrusted);
    assert_eq!(served.await.unwrap(), None);
}

#[tokio::test]
async fn another_name_or_an_old_certificate_is_not_the_bank() {
    let ca = Ca::new();
    let (port, _served) = serve(ca.server("bank.example", |_| {}), OK).await;
    assert_eq!(code_of(&ca.bank(port)).await, Code::BankUntrusted);
    let old = ca.server("localhost", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let (port, _served) = serve(old, OK).await;
    assert_eq!(code_of(&ca.bank(port)).await, Code::BankUntrusted);
}

#[tokio::test]
async fn a_server_without_tls_is_not_the_bank() {
    let (listener, port) = listen().await;
    let answered = tokio::spawn(async move {
        let mut stream: TcpStream = listener.accept().await.unwrap().0;
        let mut hello = [0; 64];
        let _ = stream.read(&mut hello).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
        stream
    });
    assert_eq!(code_of(&Ca::new().bank(port)).await, Code::BankUntrusted);
    drop(answered.await.unwrap());
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let (listener, port) = listen().await;
    drop(listener);
    assert_eq!(code_of(&Ca::new().bank(port)).await, Code::BankUnreachable);
}

#[tokio::test]
async fn a_connection_that_breaks_is_unreachable_wherever_it_breaks() {
    let ca = Ca::new();
    // Before TLS stands.
    let (listener, port) = listen().await;
    let closed = tokio::spawn(async move { drop(listener.accept().await.unwrap()) });
    assert_eq!(code_of(&ca.bank(port)).await, Code::BankUnreachable);
    closed.await.unwrap();
    // Within the response.
    for response in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"] {
        let (port, served) = serve(ca.server("localhost", |_| {}), response).await;
        assert_eq!(code_of(&ca.bank(port)).await, Code::BankUnreachable, "{response:?}");
        assert!(served.await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_bank_that_does_not_answer_is_unreachable() {
    let ca = Ca::new();
    let (_listener, port) = listen().await;
    // The connection stands in the backlog, and nobody ever takes it: only the limit ends this.
    let limits = Limits { connect: Duration::from_millis(50), exchange: Duration::from_millis(50) };
    let bank = HttpsBank::new(&format!("https://localhost:{port}"), ca.pem.as_bytes(), limits).unwrap();
    assert_eq!(code_of(&bank).await, Code::BankUnreachable);
}

#[tokio::test]
async fn a_response_without_end_is_given_up() {
    let ca = Ca::new();
    let mut response = b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\n".to_vec();
    response.resize(MAX_RESPONSE + 4096, b'x');
    let (port, _served) = serve(ca.server("localhost", |_| {}), response).await;
    assert_eq!(code_of(&ca.bank(port)).await, Code::BankFailure);
}

#[tokio::test]
async fn no_path_leads_elsewhere() {
    let bank = Ca::new().bank(1);
    for path in [
        "",
        "v1/bank",
        "//evil.example/v1/bank",
        "https://evil.example/",
        "/\\evil.example/",
        "@evil.example",
    ] {
        let request = HttpRequest::get(path);
        let result = bank.call(request).await.unwrap_err();
        // What stays at this host finds nobody at port 1.
        assert!(matches!(result.code(), Code::BadInput | Code::BankUnreachable), "{path:?}: {result}");
        assert!(path == "/\\evil.example/" || result.code() == Code::BadInput, "{path:?}: {result}");
    }
}

#[test]
fn a_bank_is_a_scheme_a_host_and_a_port() {
    let ca = Ca::new();
    for base in [
        "http://bank.example",
        "https://",
        "bank.example",
        "https://bank.example/path",
        "https://bank.example/?a",
        "https://bank.example/#a",
        "https://user@bank.example",
        "https://user:password@bank.example",
        "",
    ] {
        let error = HttpsBank::new(base, ca.pem.as_bytes(), Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), "bad-input at bank", "{base}");
    }
    for base in ["https://bank.example", "https://bank.example/", "https://127.0.0.1:8443", "https://[::1]:1"]
    {
        HttpsBank::new(base, ca.pem.as_bytes(), Limits::default()).unwrap();
    }
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["", "no certificate", junk, &ca.key.serialize_pem()] {
        let error = HttpsBank::new("https://bank.example", pem.as_bytes(), Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), "bad-input at ca", "{pem}");
    }
}

#[test]
fn the_environment_names_no_proxy() {
    // A process of its own: the environment of this one belongs to all tests.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "http::tests::a_request_arrives_and_its_response_comes_back"])
        .envs(
            ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, "http://127.0.0.1:1")),
        )
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
