//! Opened, closed, opened again: nothing is left behind, whatever runs.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test's report is where it stopped"
)]

use std::future::pending;
use std::path::Path;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use ushield_protocol::key::unhex;

use super::*;
use crate::event::Step;
use crate::failure::Code as Shown;
use crate::host::bank::{BankError, HttpRequest, HttpResponse};
use crate::host::keystore::KeystoreError;
use crate::host::radio::{Connected, LinkError, SeenToken, Wanted};
use crate::value::Trust;

/// Real time: what is waited for here comes at once or never.
const BOUND: Duration = Duration::from_secs(20);

struct Bank;

#[async_trait]
impl BankHttp for Bank {
    async fn call(&self, _: HttpRequest) -> Result<HttpResponse, BankError> {
        Err(BankError::Unreachable { because: None })
    }
}

struct Keys(u8);

#[async_trait]
impl Keystore for Keys {
    async fn create_dh(&self, _: String) -> Result<Vec<u8>, KeystoreError> {
        Ok(unhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296").unwrap_or_default())
    }

    async fn agree(&self, _: String, _: Vec<u8>) -> Result<Vec<u8>, KeystoreError> {
        Err(KeystoreError::Refused { because: None })
    }

    async fn sealing_key(&self) -> Result<Vec<u8>, KeystoreError> {
        Ok(vec![self.0; 32])
    }
}

/// Searches for ever.
struct Searching;

#[async_trait]
impl Radio for Searching {
    async fn connect(&self, _: Arc<Wanted>) -> Result<Connected, LinkError> {
        pending().await
    }

    async fn look(&self) -> Result<Vec<SeenToken>, LinkError> {
        pending().await
    }
}

fn config(folder: &Path) -> Config {
    let chains = include_str!("../../../../tests/vectors/forged-chains-2026-11-22.json");
    let chains: serde_json::Value = serde_json::from_str(chains).unwrap();
    Config {
        store: StorePlace::Folder { path: folder.to_str().unwrap().to_owned() },
        language: "en".to_owned(),
        trust: Trust {
            bank_id: "USHDCNBJ".to_owned(),
            name: "Bank".to_owned(),
            root: "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296".to_owned(),
        },
        makers: vec![unhex(chains["root"].as_str().unwrap()).unwrap()],
        customer: "li".to_owned(),
        phone: "Li's phone".to_owned(),
    }
}

fn shield(folder: &Path, key: u8) -> Arc<UShield> {
    UShield::new(config(folder), Arc::new(Bank), Arc::new(Keys(key)), None)
}

fn code<T>(result: Result<T, Failure>) -> Option<Shown> {
    match result {
        Ok(_) => None,
        Err(
            Failure::Retry { problem }
            | Failure::Wait { problem }
            | Failure::Act { problem }
            | Failure::Terminal { problem },
        ) => Some(problem.code),
    }
}

async fn bounded<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, call).await.expect("waits for ever")
}

#[tokio::test]
async fn what_is_not_open_says_so_and_what_is_closed_too() {
    let folder = tempfile::tempdir().unwrap();
    let shield = shield(folder.path(), 1);
    assert_eq!(code(shield.history().await), Some(Shown::NotSetUp));
    assert_eq!(code(shield.clone().open().await), None);
    assert_eq!(code(shield.clone().open().await), None, "twice is once");
    assert_eq!(code(shield.history().await), None);
    bounded(shield.shut_down()).await;
    bounded(shield.shut_down()).await;
    assert_eq!(code(shield.history().await), Some(Shown::Interrupted));
    assert_eq!(code(shield.clone().open().await), Some(Shown::Interrupted));
    let steps = shield.resume(Vec::new()).next().await;
    assert!(matches!(steps.last(), Some(Step::Failed { problem }) if problem.code == Shown::Interrupted));
}

#[tokio::test]
async fn closing_ends_what_runs_and_frees_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..50 {
        let shield = shield(folder.path(), 1);
        assert_eq!(code(shield.clone().open().await), None, "round {round}");
        let pairing = shield.pair(vec![Arc::new(Searching)], false);
        let looking = {
            let shield = shield.clone();
            tokio::spawn(async move { shield.in_reach(vec![Arc::new(Searching)]).await })
        };
        assert!(matches!(pairing.next().await.first(), Some(Step::Told { .. })));
        bounded(shield.shut_down()).await;
        // Operation and call are still held, and over.
        assert_eq!(code(bounded(looking).await.unwrap()), Some(Shown::Interrupted));
        let mut steps = pairing.next().await;
        while let Some(step) = steps.pop() {
            if let Step::Failed { problem } = step {
                assert_eq!(problem.code, Shown::Interrupted);
            }
        }
    }
}

#[tokio::test]
async fn all_who_close_wait_until_the_folder_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let shield = shield(folder.path(), 1);
    assert_eq!(code(shield.clone().open().await), None);
    let held = shield.core().unwrap();
    let mut given_up = Box::pin(shield.shut_down());
    assert!(given_up.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(given_up);
    let second = {
        let shield = shield.clone();
        tokio::spawn(async move { shield.shut_down().await })
    };
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!second.is_finished(), "somebody still holds the client");
    drop(held);
    bounded(second).await.unwrap();
}

#[tokio::test]
async fn an_open_that_is_given_up_at_any_moment_leaves_nothing_locked() {
    let folder = tempfile::tempdir().unwrap();
    for polls in 0..40 {
        let shield = shield(folder.path(), 1);
        let mut opening = Box::pin(shield.clone().open());
        for _ in 0..polls {
            if let Poll::Ready(opened) = opening.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                assert_eq!(code(opened), None);
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(opening);
        // Open by now, or not yet, or never: it can be opened all the same, and closed.
        let opened = bounded(async {
            loop {
                match code(shield.clone().open().await) {
                    Some(Shown::StoreLocked) => tokio::task::yield_now().await,
                    other => return other,
                }
            }
        });
        assert_eq!(opened.await, None, "after {polls} polls");
        bounded(shield.shut_down()).await;
    }
}

#[tokio::test]
async fn one_that_is_freed_without_being_shut_down_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..50 {
        let forgotten = shield(folder.path(), 1);
        assert_eq!(code(forgotten.clone().open().await), None, "round {round}");
        let pairing = forgotten.pair(vec![Arc::new(Searching)], false);
        assert!(!pairing.next().await.is_empty());
        drop(forgotten);
    }
    let (next, beside) = (shield(folder.path(), 1), shield(folder.path(), 1));
    assert_eq!(code(next.clone().open().await), None);
    assert_eq!(code(beside.clone().open().await), Some(Shown::StoreLocked), "two at once there are not");
    bounded(next.shut_down()).await;
}

#[tokio::test]
async fn a_key_store_that_errs_once_takes_nothing_away() {
    let folder = tempfile::tempdir().unwrap();
    let opened = |key| {
        let shield = shield(folder.path(), key);
        async move {
            let notice = shield.clone().open().await.unwrap();
            let asked = shield.is_signed_in().await;
            shield.shut_down().await;
            (notice.map(|notice| notice.code), asked.is_ok())
        }
    };
    assert_eq!(opened(1).await, (None, true));
    assert_eq!(opened(2).await, (Some(Shown::StoreCorrupt), true));
    assert_eq!(opened(1).await, (None, true));
    assert_eq!(opened(2).await, (None, true), "and neither does the one that erred");
}

#[tokio::test]
async fn what_is_empty_is_refused_here() {
    let folder = tempfile::tempdir().unwrap();
    let mut nowhere = config(folder.path());
    nowhere.store = StorePlace::Folder { path: String::new() };
    let shield = UShield::new(nowhere, Arc::new(Bank), Arc::new(Keys(1)), None);
    assert_eq!(code(shield.clone().open().await), Some(Shown::BadInput));
    let shield = super::tests::shield(folder.path(), 1);
    assert_eq!(code(shield.clone().open().await), None);
    assert_eq!(code(shield.sign_in(Vec::new()).await), Some(Shown::BadInput), "the bank was not asked");
    shield.shut_down().await;
}

#[tokio::test]
async fn two_who_wait_for_the_last_step_both_learn_of_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let shield = shield(folder.path(), 1);
    assert_eq!(code(shield.clone().open().await), None);
    let operation = shield.pair(vec![Arc::new(Searching)], false);
    while operation.next().await.is_empty() {}
    let waiting = || {
        let operation = operation.clone();
        tokio::spawn(async move { operation.next().await })
    };
    let (first, second) = (waiting(), waiting());
    tokio::task::yield_now().await;
    bounded(shield.shut_down()).await;
    let (first, second) = (bounded(first).await.unwrap(), bounded(second).await.unwrap());
    assert_eq!(first.len() + second.len(), 1, "one step, and one who learns that there is no more");
}
