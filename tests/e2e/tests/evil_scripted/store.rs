//! A store that is damaged, full or taken.

use std::sync::Arc;

use tempfile::TempDir;
use ushield_client::error::Detail;
use ushield_client::ports::{Keystore as _, Store};
use ushield_client::store::{OpenOptions, Opened, SqliteStore};
use ushield_client::{Client, Error, Ports};
use ushield_e2e::evil::{Conduct, SeededEntropy, World};
use ushield_protocol::code::Code;
use ushield_protocol::receipt::Outcome;

use crate::{is, nothing_executed};

async fn open(
    folder: &TempDir,
    world: Option<&World>,
    options: OpenOptions,
) -> Result<(SqliteStore, Opened), Error> {
    let key = match world {
        Some(world) => world.keystore.sealing_key().await?,
        None => World::new(0).keystore.sealing_key().await?,
    };
    assert!(folder.path().exists());
    SqliteStore::open(&options, &key, Arc::new(SeededEntropy::new(1)))
}

fn client(world: &World, store: Arc<dyn Store>) -> Client {
    Client::new(Ports {
        bank: world.bank.clone(),
        store,
        keystore: world.keystore.clone(),
        clock: world.clock.clone(),
        entropy: Arc::new(SeededEntropy::new(77)),
    })
}

#[tokio::test]
async fn store_corrupt() {
    let folder = TempDir::new().unwrap();
    let options = OpenOptions::new(folder.path(), "phone");
    let (store, opened) = open(&folder, None, options.clone()).await.unwrap();
    assert!(matches!(opened, Opened::Fresh));
    let mut world = World::over(220, Arc::new(store));
    world.set_up();
    world.sign_in().await;
    world.pair().await.unwrap();
    world.certificate().await;
    let id = world.create().await.unwrap();

    // The phone ends; the disk rots.
    world.restart();
    let World { clock, maker, token, bank, store, keystore, person, client: old, .. } = world;
    drop((old, store));
    let database = folder.path().join("store/data.db");
    let mut bytes = std::fs::read(&database).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xa5);
    std::fs::write(&database, &bytes).unwrap();

    // Set aside, not overwritten, and it says where.
    let (store, opened) =
        SqliteStore::open(&options, &keystore.sealing_key().await.unwrap(), Arc::new(SeededEntropy::new(2)))
            .unwrap();
    let Opened::SetAside { to, notice } = opened else { panic!("{opened:?}") };
    is(&notice, Code::StoreCorrupt);
    assert_eq!(notice.detail(), Some(&Detail::SetAside(to.clone())));
    assert_eq!(std::fs::read(to.join("data.db")).unwrap(), bytes, "as it was found");

    // What has to be done again says so, and orders come from the bank.
    let ports = Ports {
        bank: bank.clone(),
        store: Arc::new(store),
        keystore: keystore.clone(),
        clock: clock.clone(),
        entropy: Arc::new(SeededEntropy::new(3)),
    };
    let client = Client::new(ports);
    is(&client.setup().unwrap_err(), Code::NotSetUp);
    let setup = ushield_client::SetupRequest {
        trust: bank.trust(),
        makers: vec![maker.root().to_vec()],
        customer: "zhang".to_owned(),
        phone: "phone".to_owned(),
    };
    client.set_up(&setup).unwrap();
    is(&client.adopt().await.unwrap_err(), Code::NotSignedIn);
    let password = ushield_bank_api::Password::new(zeroize::Zeroizing::new(
        ushield_e2e::evil::bank::PASSWORD.as_bytes().to_vec(),
    ));
    client.sign_in(password.unwrap()).await.unwrap();
    assert_eq!(client.adopt().await.unwrap().orders, [id]);
    assert_eq!(client.adopt().await.unwrap().orders, [], "once");
    is(&client.run_order(&token, &person, id).await.unwrap_err(), Code::NotPaired);
    assert_eq!(bank.executed(), []);

    token.open_pairing();
    let pending = client.pair(&token, &person, false).await.unwrap();
    pending.confirm(&person).await.unwrap();
    let report = client.run_order(&token, &person, id).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    assert_eq!(bank.executed(), [(id, 1_234_567)]);
    // The certificate is at the bank and on the token still.
    let role = ushield_bank_api::Role::Pay;
    client.download_certificate(&token, &person, None, role).await.unwrap();
    let record = client.token(None).unwrap();
    assert!(client.certificate(&record, role).unwrap().is_some());
}

#[tokio::test]
async fn a_certificate_order_that_was_open_when_the_store_was_lost() {
    let world = World::paired(221).await;
    world.token.conduct(Conduct::Wait);
    let role = ushield_bank_api::Role::Pay;
    let download = world.client.download_certificate(&world.token, &world.person, None, role).await;
    is(&download.unwrap_err(), Code::TokenTimeout);
    // Another store, the same keys, the same bank.
    let client = client(&world, Arc::new(ushield_client::store::MemoryStore::new()));
    client.set_up(&world.setup()).unwrap();
    let password = zeroize::Zeroizing::new(ushield_e2e::evil::bank::PASSWORD.as_bytes().to_vec());
    world.clock.advance(1);
    client.sign_in(ushield_bank_api::Password::new(password).unwrap()).await.unwrap();
    world.token.open_pairing();
    client.pair(&world.token, &world.person, false).await.unwrap().confirm(&world.person).await.unwrap();
    assert_eq!(client.adopt().await.unwrap().orders.len(), 1);
    world.token.repent();
    let report = client.download_certificate(&world.token, &world.person, None, role).await.unwrap();
    assert_eq!(report.unwrap().receipt.outcome, Outcome::Executed);
    let record = client.token(None).unwrap();
    assert!(client.certificate(&record, role).unwrap().is_some());
    assert_eq!(world.bank.orders(), 1);
}

#[tokio::test]
async fn disk_full() {
    // A real store whose disk ends: the first transfer that does not fit is not begun.
    let folder = TempDir::new().unwrap();
    let options = OpenOptions::new(folder.path(), "phone").with_max_pages(12);
    let (store, _) = open(&folder, None, options).await.unwrap();
    let world = World::over(222, Arc::new(store));
    world.set_up();
    world.sign_in().await;
    world.pair().await.unwrap();
    world.certificate().await;
    let mut settled = 0;
    let error = loop {
        match world.transfer().await {
            Ok(_) => settled += 1,
            Err(error) => break error,
        }
        assert!(settled < 200, "it never fills up");
    };
    is(&error, Code::DiskFull);
    let history = world.client.history().await.unwrap();
    let executed = history.iter().filter(|entry| entry.status.name() == "executed").count();
    assert_eq!(executed, settled + 1, "every transfer that settled, and the certificate");
    let known = world.bank.executed().len();
    assert!(known == settled || known == settled + 1, "{known} of {settled}");
}

#[tokio::test]
async fn disk_full_at_every_step_loses_nothing_and_executes_once() {
    let mut steps = 0;
    for commits in 0.. {
        let mut world = World::ready(223).await;
        world.store.fail_after(commits, Code::DiskFull);
        let result = world.transfer().await;
        world.store.heal();
        if let Ok(report) = result {
            assert_eq!(report.receipt.outcome, Outcome::Executed);
            break;
        }
        is(&result.unwrap_err(), Code::DiskFull);
        assert!(world.bank.executed().len() <= 1);
        world.restart();
        // What the store holds goes on; before the first commit there is nothing to go on with.
        let resumed = world.client.resume(&world.token, &world.person).await.unwrap();
        assert_eq!(resumed.len(), usize::from(commits > 0), "after {commits}");
        for (_, result) in resumed {
            assert_eq!(result.unwrap().receipt.outcome, Outcome::Executed);
        }
        assert_eq!(world.bank.executed().len(), usize::from(commits > 0), "after {commits}");
        steps += 1;
    }
    assert!(steps >= 6, "requested, prepared, sent, shown, decided, submitted, settled: {steps}");
}

#[tokio::test]
async fn disk_full_while_a_transfer_is_cancelled() {
    for commits in 0..2 {
        let mut world = World::ready(224).await;
        let id = world.create().await.unwrap();
        world.store.fail_after(commits, Code::DiskFull);
        let cancel = world.client.cancel_order(&world.token, &world.person, id).await;
        is(&cancel.unwrap_err(), Code::DiskFull);
        world.store.heal();
        world.restart();
        let report = world.client.cancel_order(&world.token, &world.person, id).await.unwrap();
        assert_eq!(report.receipt.outcome, Outcome::Cancelled);
        nothing_executed(&world);
    }
}

#[tokio::test]
async fn store_failure_has_its_own_code() {
    let world = World::ready(225).await;
    world.store.fail_after(0, Code::StoreFailure);
    is(&world.create().await.unwrap_err(), Code::StoreFailure);
    world.store.heal();
    assert!(world.statuses().await.is_empty());
    assert_eq!(world.bank.orders(), 1);
}

#[tokio::test]
async fn store_locked() {
    let folder = TempDir::new().unwrap();
    let first = open(&folder, None, OpenOptions::new(folder.path(), "first phone")).await.unwrap();
    let error = open(&folder, None, OpenOptions::new(folder.path(), "second phone")).await.unwrap_err();
    is(&error, Code::StoreLocked);
    let Some(Detail::Holder(holder)) = error.detail() else { panic!("{error:?}") };
    assert_eq!((holder.pid, holder.program.as_str()), (std::process::id(), "first phone"));
    drop(first);
    open(&folder, None, OpenOptions::new(folder.path(), "second phone")).await.unwrap();
}

#[tokio::test]
async fn the_wrong_sealing_key_is_a_store_that_is_not_ours() {
    let folder = TempDir::new().unwrap();
    let options = OpenOptions::new(folder.path(), "phone");
    let (store, _) = open(&folder, None, options.clone()).await.unwrap();
    let world = World::over(226, Arc::new(store));
    world.set_up();
    drop(world);
    let key = ushield_client::ports::SealingKey::new(zeroize::Zeroizing::new([1; 32]));
    let (_, opened) = SqliteStore::open(&options, &key, Arc::new(SeededEntropy::new(2))).unwrap();
    let Opened::SetAside { to, notice } = opened else { panic!("{opened:?}") };
    is(&notice, Code::StoreCorrupt);
    assert!(to.join("data.db").exists());
}
