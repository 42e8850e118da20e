use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};

use ushield_bank_api::{Password, SessionRequest};
use ushield_protocol::key::BankId;
use zeroize::Zeroizing;

use super::*;
use crate::admin::{self, Founding, NewCustomer};
use crate::clock::FakeClock;
use crate::core::Core;

fn code<T>(result: Result<T, BankError>) -> Option<Code> {
    result.err().and_then(|error| error.into_problem().code())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_a_few_hashes_run_at_once() {
    let gate = Gate::default();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // As many as may run meet here, so that the test also fails when fewer do.
    let met = Arc::new(Barrier::new(RUNNING));
    let tasks: Vec<_> = (0..RUNNING * 8)
        .map(|_| {
            let (now, most, met) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&met));
            let place = gate.enter().unwrap();
            tokio::spawn(place.run(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                met.wait();
                now.fetch_sub(1, Ordering::SeqCst);
            }))
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), RUNNING);
}

#[tokio::test]
async fn a_place_is_free_again_when_its_hash_has_run_and_not_when_its_caller_has_gone() {
    let gate = Gate { places: Arc::new(Semaphore::new(1)), running: Arc::new(Semaphore::new(1)) };
    let (started, has_started) = mpsc::channel();
    let (finish, may_finish) = mpsc::channel();
    let place = gate.enter().unwrap();
    let caller = tokio::spawn(place.run(move || {
        started.send(()).unwrap();
        may_finish.recv().unwrap();
    }));
    tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert_eq!(code(gate.enter()), Some(Code::TooManyAttempts));
    finish.send(()).unwrap();
    let _free = gate.places.acquire().await.unwrap();
}

/// Whoever finds no place is told so, and it costs the customer no try.
#[tokio::test]
async fn a_crowd_costs_a_customer_no_try() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("bank");
    let clock = Arc::new(FakeClock::new(1_800_000_000));
    let bank_id = BankId::new("DEMOCNBJ").unwrap();
    let founding = Founding { bank_id, name: "Demo".to_owned(), iban_charge: 0 };
    admin::init(&data, &founding, clock.as_ref()).await.unwrap();
    let password = |text: &str| Password::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap();
    let customer = NewCustomer {
        name: "li".to_owned(),
        account: "6222020200112233445".to_owned(),
        balance: 0,
        currency: "CNY".to_owned(),
        password: password("correct horse"),
    };
    admin::add_customer(&data, &customer, clock.as_ref()).await.unwrap();
    let core = Core::open(&data, clock, Arc::new(crate::entropy::SystemEntropy)).await.unwrap();
    let request = |text: &str| SessionRequest { customer: "li".to_owned(), password: password(text) };
    let crowd: Vec<_> = std::iter::from_fn(|| core.gate.enter().ok()).collect();
    assert_eq!(crowd.len(), PLACES);
    for _ in 0..20 {
        assert_eq!(code(core.sign_in(request("correct horse")).await), Some(Code::TooManyAttempts));
    }
    drop(crowd);
    let wrong = core.sign_in(request("wrong password")).await.unwrap_err().into_problem();
    assert_eq!((wrong.code(), wrong.tries_left), (Some(Code::WrongPassword), Some(4)));
    core.sign_in(request("correct horse")).await.unwrap();
}
