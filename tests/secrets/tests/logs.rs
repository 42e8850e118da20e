//! What the libraries under the client and the bank write down at TRACE: the same path over HTTPS, TCP and SQL, all crates that
//! log, and no canary in any line.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;
use ushield_e2e::customer::{Customer, Will};
use ushield_e2e::phone::PASSWORD;
use ushield_e2e::ports::Way;
use ushield_e2e::scene::{ACCOUNT, CUSTOMER, Scene, transfer};
use ushield_protocol::pin::INITIAL_PIN;
use ushield_secrets::needles::Needles;

const PIN: &str = "k7Qm2xW9pLzR";
const WRONG: &str = "w8Rn3yV6tKjF";

/// Everything that was logged, by all threads.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Lines by the crate that wrote them: `LEVEL crate::module: ...`.
fn by_crate(log: &str) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for line in log.lines() {
        let mut words = line.split_whitespace();
        let level = words.next().unwrap_or_default();
        if !["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&level) {
            continue;
        }
        // Spans stand before the target, `name{fields}:`.
        let target = words.find(|word| !word.contains('{') && !word.contains('}')).unwrap_or_default();
        let name = target.split("::").next().unwrap_or_default().trim_end_matches(':');
        *lines.entry(name.to_owned()).or_default() += 1;
    }
    lines
}

#[test]
fn nothing_that_any_crate_logs_holds_a_canary() {
    let log = Log::default();
    // For the whole process, `log` included: servers and pools have threads of their own.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .without_time()
        .with_writer(log.clone())
        .init();
    let session = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&session);
    let runtime = runtime();
    runtime.block_on(async move {
        let scene = Scene::open().await;
        let token = scene.token().await;
        let phone = scene.phone("Zhuge's phone", &token).await;
        phone.bank.keep(move |request| {
            if let Some(bearer) = &request.bearer {
                *heard.lock().unwrap() = Some(bearer.expose().to_owned());
            }
            Way::Through
        });
        let customer = Customer::new(token.hand()).changing(INITIAL_PIN, PIN).giving(&[PIN]);
        phone.pair(&customer).await.unwrap();
        phone.change_pin(&customer).await.unwrap();
        phone.download_certificate(&customer).await.unwrap();
        phone.transfer(&customer, &transfer(1_234)).await.unwrap();
        let forgetful = Customer::new(token.hand()).giving(&[WRONG, PIN]);
        phone.transfer(&forgetful, &transfer(2_345)).await.unwrap();
        customer.set(Will::Reject);
        phone.transfer(&customer, &transfer(3_456)).await.unwrap();
        // A bank that is away, and a password that is wrong.
        phone.bank.close();
        assert!(phone.client.history().await.is_ok());
        phone.bank.open();
    });
    let session = session.lock().unwrap().take().expect("a session was used");
    let mut needles = Needles::default();
    for (name, text) in [
        ("pin", PIN),
        ("wrong-pin", WRONG),
        ("password", PASSWORD),
        ("session", session.as_str()),
        ("customer", CUSTOMER),
        ("account", ACCOUNT),
        ("phone", "Zhuge's phone"),
        ("payee", "杭州西湖龙井茶业有限公司"),
        ("payee's account", "6217001210024455220"),
        ("remittance", "货款 合同2026-1107号"),
    ] {
        needles.text(name, text);
    }
    let written = log.clone();
    let log = log.0.lock().unwrap().clone();
    let text = String::from_utf8_lossy(&log);
    let lines = by_crate(&text);
    println!("{} bytes; lines by crate: {lines:?}", log.len());
    // rustls is built without its feature `logging`, tokio logs only with `tokio_unstable`: what they would say nobody can see.
    for needed in ["hyper_util", "reqwest", "sqlx", "mio"] {
        assert!(lines.contains_key(needed), "{needed} logs nothing: nothing is tested of it");
    }
    let found = needles.found_in(&log);
    assert!(found.is_empty(), "{found:?}");
    // The control: what another thread logs is seen, and found.
    std::thread::spawn(|| tracing::trace!(pin = PIN, "as somebody could write it")).join().unwrap();
    let found = needles.found_in(&written.0.lock().unwrap());
    assert_eq!(found, ["pin (raw)"]);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
