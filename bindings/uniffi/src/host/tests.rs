//! Hosts that throw, never answer, answer nonsense or answer too late. Time is virtual.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep, timeout};
use ushield_client::ports::{self, BankHttp as _, Keystore as _, Radio as _};
use ushield_protocol::code::Code;
use ushield_protocol::key::PublicKey;

use super::bank::{BankError, BankHttp, BankPort, HttpRequest, HttpResponse};
use super::keystore::{Keystore, KeystoreError, KeystorePort};
use super::radio::{Card, Connected, LinkError, LinkMedium, Packets, Radio, SeenToken, Via, Wanted};
use super::radio_port::RadioPort;

/// What a host does when it is called.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Well,
    Throws,
    Hangs,
    Nonsense,
    Late,
}

const LATE: Duration = Duration::from_secs(3);

async fn does<T, E: From<uniffi::UnexpectedUniFFICallbackError>>(
    does: Does,
    well: T,
    nonsense: T,
) -> Result<T, E> {
    match does {
        Does::Well => Ok(well),
        Does::Throws => {
            Err(E::from(uniffi::UnexpectedUniFFICallbackError::new("java.lang.Error: PIN 87654321")))
        }
        Does::Hangs => pending().await,
        Does::Nonsense => Ok(nonsense),
        Does::Late => {
            sleep(LATE).await;
            Ok(well)
        }
    }
}

/// Nothing takes longer, whatever the host does.
async fn bounded<T>(call: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(300), call).await.expect("waits for ever")
}

#[derive(Default)]
struct Calls {
    disconnected: AtomicU32,
    /// Disconnections that have come to their end.
    ended: AtomicU32,
    released: AtomicU32,
}

struct Host {
    connecting: Does,
    moving: Does,
    calls: Arc<Calls>,
}

impl Host {
    fn radio(connecting: Does, moving: Does) -> (RadioPort, Arc<Calls>) {
        let calls = Arc::new(Calls::default());
        (RadioPort(Arc::new(Self { connecting, moving, calls: Arc::clone(&calls) })), calls)
    }
}

struct Air(Does, Arc<Calls>);

#[async_trait]
impl Radio for Host {
    async fn connect(&self, wanted: Arc<Wanted>) -> Result<Connected, LinkError> {
        let connection = Arc::new(Air(self.moving, Arc::clone(&self.calls)));
        let via = if wanted.is_at("card".to_owned()) && !wanted.is_at("air".to_owned()) {
            Via::Card { card: connection, extended: false }
        } else {
            Via::Packets { connection, mtu: 185 }
        };
        let good = Connected { via: via.clone(), place: "air".to_owned(), others: 0 };
        let nonsense = Connected { via, place: "x".repeat(100_000), others: u32::MAX };
        does(self.connecting, good, nonsense).await
    }

    async fn look(&self) -> Result<Vec<SeenToken>, LinkError> {
        let seen =
            |place: String| SeenToken { medium: LinkMedium::Ble, place, advertised: None, signal: None };
        let nonsense = (0..100_000).map(|n| seen(if n % 2 == 0 { String::new() } else { format!("{n}") }));
        does(self.connecting, vec![seen("air".to_owned())], nonsense.collect()).await
    }
}

#[async_trait]
impl Packets for Air {
    async fn info(&self) -> Result<Vec<u8>, LinkError> {
        does(self.0, vec![1], vec![0; 1 << 20]).await
    }

    async fn write(&self, _: Vec<u8>) -> Result<(), LinkError> {
        does(self.0, (), ()).await
    }

    async fn notified(&self) -> Result<Vec<u8>, LinkError> {
        does(self.0, vec![1], Vec::new()).await
    }

    async fn disconnect(&self) -> Result<(), LinkError> {
        self.1.disconnected.fetch_add(1, Ordering::Relaxed);
        does::<_, LinkError>(self.0, (), ()).await?;
        self.1.ended.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl Card for Air {
    async fn transceive(&self, _: Vec<u8>) -> Result<Vec<u8>, LinkError> {
        does(self.0, vec![0x90, 0], Vec::new()).await
    }

    async fn release(&self) -> Result<(), LinkError> {
        self.1.released.fetch_add(1, Ordering::Relaxed);
        does(self.0, (), ()).await
    }
}

async fn connected(moving: Does) -> (Arc<dyn ports::Packets>, Arc<Calls>) {
    let (radio, calls) = Host::radio(Does::Well, moving);
    match radio.connect(&ports::Wanted::any()).await.unwrap().via {
        ports::Via::Packets(packets) => (packets, calls),
        ports::Via::Card(_) => panic!("no card was asked for"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_does_not_connect_is_an_error_in_time() {
    for (how, code) in
        [(Does::Throws, Code::LinkLost), (Does::Hangs, Code::TokenNotFound), (Does::Nonsense, Code::LinkLost)]
    {
        let (radio, calls) = Host::radio(how, Does::Well);
        let begun = Instant::now();
        let error = bounded(radio.connect(&ports::Wanted::any())).await.err().unwrap();
        assert_eq!(error.code(), code, "{how:?}");
        assert!(begun.elapsed() <= Duration::from_secs(71), "{how:?}");
        let said = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert_eq!(how == Does::Throws, said.contains("java.lang.Error"), "{said}");
        assert!(!said.contains("87654321"));
        // What was connected all the same is ended.
        sleep(LATE).await;
        let ended = calls.disconnected.load(Ordering::Relaxed);
        assert_eq!(ended, u32::from(how == Does::Nonsense), "{how:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_nobody_waits_for_any_more_is_ended() {
    for waited in [Duration::from_secs(1), LATE, LATE + Duration::from_millis(1)] {
        let (radio, calls) = Host::radio(Does::Late, Does::Well);
        let given_up = timeout(waited, radio.connect(&ports::Wanted::any())).await;
        let stands = matches!(given_up, Ok(Ok(_)));
        drop(given_up);
        sleep(LATE * 3).await;
        let ended = calls.disconnected.load(Ordering::Relaxed);
        assert!(ended == 1 || (!stands && ended == 0 && waited < LATE), "{waited:?}: {ended}");
    }
}

#[tokio::test(start_paused = true)]
async fn looking_around_is_bounded_and_says_no_empty_place() {
    for (how, found) in
        [(Does::Well, Ok(1)), (Does::Nonsense, Ok(64)), (Does::Hangs, Err(Code::TokenNotFound))]
    {
        let (radio, _) = Host::radio(how, Does::Well);
        let looked = bounded(radio.look()).await;
        assert_eq!(looked.map(|seen| seen.len()).map_err(|error| error.code()), found, "{how:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_is_told_once_and_does_not_wait_for_ever() {
    for how in [Does::Well, Does::Throws, Does::Hangs] {
        let (packets, calls) = connected(how).await;
        let begun = Instant::now();
        packets.disconnect().await;
        packets.disconnect().await;
        drop(packets);
        sleep(LATE).await;
        assert!(begun.elapsed() <= Duration::from_secs(9), "{how:?}");
        assert_eq!(calls.disconnected.load(Ordering::Relaxed), 1, "{how:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_nobody_waits_for_any_more_goes_on() {
    let (packets, calls) = connected(Does::Late).await;
    assert!(timeout(LATE / 2, packets.disconnect()).await.is_err(), "it takes longer");
    drop(packets);
    assert_eq!(calls.ended.load(Ordering::Relaxed), 0);
    sleep(LATE).await;
    assert_eq!(calls.ended.load(Ordering::Relaxed), 1, "the host has come to its end");
    assert_eq!(calls.disconnected.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_host_never_ends_is_over_with_the_connection() {
    let (packets, calls) = connected(Does::Hangs).await;
    let waiting = {
        let packets = Arc::clone(&packets);
        tokio::spawn(async move { packets.notified().await })
    };
    sleep(LATE).await;
    assert!(!waiting.is_finished());
    packets.disconnect().await;
    let ended = timeout(Duration::from_secs(6), waiting).await.unwrap().unwrap();
    assert_eq!(ended.err().unwrap().code(), Code::LinkLost);
    assert_eq!(calls.disconnected.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_card_that_is_dropped_is_released() {
    let (radio, calls) = Host::radio(Does::Well, Does::Well);
    let wanted = ports::Wanted::any().only_at("card");
    drop(radio.connect(&wanted).await.unwrap());
    sleep(LATE).await;
    assert_eq!(calls.released.load(Ordering::Relaxed), 1);
}

struct Bank(Does);

#[async_trait]
impl BankHttp for Bank {
    async fn call(&self, _: HttpRequest) -> Result<HttpResponse, BankError> {
        let answer = |body: Vec<u8>| HttpResponse {
            status: 200,
            content_type: Some("Application/JSON; a=b".to_owned()),
            body,
        };
        does(self.0, answer(b"{}".to_vec()), answer(vec![b' '; 2 << 20])).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_bank_that_does_not_answer_is_unreachable() {
    for (how, code) in [
        (Does::Throws, Code::BankUnreachable),
        (Does::Hangs, Code::BankUnreachable),
        (Does::Nonsense, Code::BankFailure),
    ] {
        let called = bounded(BankPort(Arc::new(Bank(how))).call(ports::HttpRequest::get("/v1/bank"))).await;
        assert_eq!(called.err().unwrap().code(), code, "{how:?}");
    }
    let called =
        BankPort(Arc::new(Bank(Does::Late))).call(ports::HttpRequest::get("/v1/bank")).await.unwrap();
    assert_eq!(called.content_type.as_deref(), Some("application/json"));
}

struct Keys(Does);

#[async_trait]
impl Keystore for Keys {
    async fn create_dh(&self, _: String) -> Result<Vec<u8>, KeystoreError> {
        does(self.0, generator().to_uncompressed().unwrap(), vec![4; 65]).await
    }

    async fn agree(&self, _: String, _: Vec<u8>) -> Result<Vec<u8>, KeystoreError> {
        does(self.0, vec![7; 32], vec![7; 31]).await
    }

    async fn sealing_key(&self) -> Result<Vec<u8>, KeystoreError> {
        does(self.0, vec![7; 32], vec![7; 33]).await
    }
}

/// SEC 2, secp256r1.
fn generator() -> PublicKey {
    let x =
        ushield_protocol::key::unhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296");
    PublicKey::from_slice(&x.unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_key_store_that_fails_is_a_failure_of_the_key_store() {
    for how in [Does::Throws, Does::Hangs, Does::Nonsense] {
        let keys = KeystorePort(Arc::new(Keys(how)));
        let failures = [
            bounded(keys.create_dh("dh")).await.err(),
            bounded(keys.dh("dh", &generator())).await.err(),
            bounded(keys.sealing_key()).await.err(),
        ];
        for failure in failures {
            assert_eq!(failure.map(|error| error.code()), Some(Code::KeystoreFailure), "{how:?}");
        }
    }
    let keys = KeystorePort(Arc::new(Keys(Does::Late)));
    assert_eq!(keys.create_dh("dh").await.unwrap(), generator());
    assert_eq!(keys.dh("dh", &generator()).await.unwrap().expose(), &[7; 32]);
}
