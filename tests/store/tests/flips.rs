//! Every byte of a closed store is changed: either the store says that it is corrupt, or it holds exactly what it held.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use futures::executor::block_on;
use ushield_bank_api::Transfer;
use ushield_client::ports::HttpRequest;
use ushield_client::store::{OpenOptions, Opened, SqliteStore};
use ushield_client::{Error, Status};
use ushield_e2e::evil::{Conduct, SeededEntropy, World, transfer};
use ushield_protocol::code::Code;
use ushield_protocol::receipt::Outcome;
use ushield_store_faults::content::{Content, folder, key, open};
use ushield_store_faults::life::Phone;

const MASKS: [u8; 3] = [0x01, 0x80, 0xff];
const PAGE: usize = 4096;
/// How much of each page meets every mask: its header and the first of its cells' places.
const WHOLE: usize = 64;

/// A store with orders in every stage in which they rest, closed.
fn realistic(folder: &Path) {
    let (store, _) = open(folder, 1).unwrap();
    let world = World::over(1, Arc::new(store));
    block_on(async {
        world.set_up();
        world.sign_in().await;
        world.pair().await.unwrap();
        world.certificate().await;
        let mut amount = 0;
        let mut ask = async || {
            amount += 100;
            let asked = Transfer { amount, ..transfer() };
            world.client.create_transfer(&world.person, None, &asked).await
        };
        for conduct in [Conduct::Approve, Conduct::Reject] {
            let id = ask().await.unwrap();
            world.token.conduct(conduct);
            world.run(id).await.unwrap();
        }
        let cancelled = ask().await.unwrap();
        world.client.cancel_order(&world.token, &world.person, cancelled).await.unwrap();
        // Prepared; sent; submitted; requested.
        ask().await.unwrap();
        let sent = ask().await.unwrap();
        world.token.conduct(Conduct::Cut);
        assert_eq!(world.run(sent).await.unwrap_err().code(), Code::LinkLost);
        let away = |path: &'static str| {
            world.bank.answers(move |request: &HttpRequest, response| match request.path.ends_with(path) {
                true => Err(Error::new(Code::BankUnreachable)),
                false => Ok(response),
            });
        };
        let submitted = ask().await.unwrap();
        world.token.conduct(Conduct::Approve);
        away("/authorization");
        assert_eq!(world.run(submitted).await.unwrap_err().code(), Code::BankUnreachable);
        away("/orders");
        assert_eq!(ask().await.unwrap_err().code(), Code::BankUnreachable);
    });
    assert_eq!(block_on(world.statuses()).len(), 7);
}

/// What the customer is shown.
fn shown(folder: &Path, seed: u64) -> Vec<String> {
    let phone = Phone::start(&World::new(1), folder, seed, None).unwrap();
    let history = block_on(phone.client.history()).unwrap();
    let token = phone.client.token(None).unwrap();
    let entry = |entry: &ushield_client::HistoryEntry| {
        let order = entry.order.as_ref().map(|order| format!("{:?}", order.hash()));
        let receipt = entry.receipt.as_ref().map(|receipt| receipt.ended);
        format!("{entry:?} {:?} {order:?} {receipt:?} {}", entry.status, entry.cancelled)
    };
    history.iter().map(entry).chain([format!("{token:?}")]).collect()
}

#[derive(Debug, Default)]
struct Count {
    flips: usize,
    corrupt: usize,
    harmless: usize,
    shown: usize,
}

struct Original {
    file: &'static str,
    bytes: Vec<u8>,
    content: Content,
    shown: Vec<String>,
}

fn flip(root: &Path, original: &Original, place: usize, mask: u8, seed: u64, count: &mut Count) {
    let mut bytes = original.bytes.clone();
    bytes[place] ^= mask;
    let path = root.join(original.file);
    fs::write(&path, &bytes).unwrap();
    // What would be a new store ends at its first page: whether the old one is noticed is what counts.
    let options = OpenOptions::new(root, "phone").with_max_pages(1);
    let opened = SqliteStore::open(&options, &key(), Arc::new(SeededEntropy::new(seed)));
    let at = format!("{} at {place} ^ {mask:#x}", original.file);
    count.flips += 1;
    match opened {
        Ok((store, Opened::Existing)) => {
            assert!(Content::of(&store).unwrap() == original.content, "{at}: another content in silence");
            drop(store);
            count.harmless += 1;
            if count.harmless % 64 == 1 {
                assert_eq!(shown(root, seed + 1), original.shown, "{at}: shown otherwise");
                count.shown += 1;
            }
        }
        Ok((_, opened)) => panic!("{at}: {opened:?}"),
        Err(error) => {
            assert_eq!(error.code(), Code::DiskFull, "{at}: {error:?}");
            let aside = root.join("store.corrupt-1");
            assert!(fs::read(aside.join("data.db")).unwrap() == bytes, "{at}: it is not kept as it was");
            fs::rename(&aside, root.join("store")).unwrap();
            fs::remove_file(root.join("store.untold")).unwrap();
            count.corrupt += 1;
        }
    }
}

/// Flips at every place that this worker has, with each mask or with one in turn.
fn work(original: &Original, worker: usize, workers: usize) -> Count {
    let root = folder();
    let mut count = Count::default();
    fs::create_dir(root.path().join("store")).unwrap();
    for place in (worker..original.bytes.len()).step_by(workers) {
        for (n, mask) in MASKS.into_iter().enumerate() {
            if place % PAGE < WHOLE || (place / workers) % MASKS.len() == n {
                let seed = ((place * MASKS.len() + n) as u64) << 8;
                flip(root.path(), original, place, mask, seed, &mut count);
            }
        }
    }
    count
}

#[test]
fn every_byte_of_a_store_is_noticed_or_harmless() {
    let root = folder();
    realistic(root.path());
    let files: Vec<_> =
        fs::read_dir(root.path().join("store")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["data.db"], "a closed store is one file");
    let bytes = fs::read(root.path().join("store/data.db")).unwrap();
    let shown = shown(root.path(), 2);
    assert!(fs::read(root.path().join("store/data.db")).unwrap() == bytes, "looking changes nothing");
    let content = Content::of(&open(root.path(), 3).unwrap().0).unwrap();
    let original = Original { file: "store/data.db", bytes, content, shown };
    let counts = std::thread::scope(|scope| {
        let other = scope.spawn(|| work(&original, 1, 2));
        [work(&original, 0, 2), other.join().unwrap()]
    });
    println!(
        "flips: {} bytes, {} records; every place, one mask of {MASKS:x?} in turn, all three in the first {WHOLE} of each page: {counts:?}",
        original.bytes.len(),
        original.content.len()
    );
    let total = |of: fn(&Count) -> usize| counts.iter().map(of).sum::<usize>();
    assert!(total(|count| count.flips) > original.bytes.len());
    assert!(total(|count| count.corrupt) > 10_000 && total(|count| count.shown) > 10);
}

#[test]
fn a_damaged_lock_note_is_harmless() {
    let root = folder();
    realistic(root.path());
    let (note, content) =
        (root.path().join("store.lock"), Content::of(&open(root.path(), 2).unwrap().0).unwrap());
    let bytes = fs::read(&note).unwrap();
    for place in 0..bytes.len() {
        for mask in MASKS {
            let mut damaged = bytes.clone();
            damaged[place] ^= mask;
            fs::write(&note, &damaged).unwrap();
            let (store, opened) = open(root.path(), 3).unwrap();
            assert!(matches!(opened, Opened::Existing));
            assert!(Content::of(&store).unwrap() == content);
        }
    }
    println!("flips: {} of the lock's note, all harmless", bytes.len() * MASKS.len());
}

/// The log of a phone that was killed: a flip in it hides what came after it, and nothing else. That is an older image (see `images`).
#[test]
fn a_flip_in_the_log_of_a_killed_phone_is_an_older_state_or_noticed() {
    let root = folder();
    let (store, _) = open(root.path(), 1).unwrap();
    let mut states = vec![Content::default()];
    for n in 0..6_u8 {
        use ushield_client::ports::{Change, Store as _, Table};
        let changes = [Change::put(Table::Order, &[n % 3; 16], &vec![n; 300 * usize::from(n)])];
        store.commit(&changes).unwrap();
        states.push(states.last().unwrap().after(&changes));
    }
    let killed = folder();
    ushield_store_faults::life::copy(root.path(), killed.path());
    drop(store);
    let base = fs::read(killed.path().join("store/data.db")).unwrap();
    let log = fs::read(killed.path().join("store/data.db-wal")).unwrap();
    let (mut older, mut same, mut noticed) = (0, 0, 0);
    for place in 0..log.len() {
        // The header of the log and of each frame whole; of each page one place in nine.
        let frame = place.saturating_sub(32) % (24 + PAGE);
        if place >= 32 && frame >= 24 && place % 9 != 0 {
            continue;
        }
        let root = folder();
        fs::create_dir(root.path().join("store")).unwrap();
        fs::write(root.path().join("store/data.db"), &base).unwrap();
        let mut damaged = log.clone();
        damaged[place] ^= MASKS[place % 3];
        fs::write(root.path().join("store/data.db-wal"), &damaged).unwrap();
        match open(root.path(), place as u64).unwrap() {
            (store, Opened::Existing) => {
                let found = Content::of(&store).unwrap();
                let state = states.iter().rposition(|state| *state == found);
                match state.unwrap_or_else(|| panic!("byte {place}: a content that never was")) {
                    6 => same += 1,
                    _ => older += 1,
                }
            }
            (_, Opened::SetAside { .. }) => noticed += 1,
            (_, opened) => panic!("byte {place}: {opened:?}"),
        }
    }
    println!("flips: a log of {} bytes: {older} older states, {same} harmless, {noticed} noticed", log.len());
    assert!(older > 100);
}

#[test]
fn what_is_shown_is_every_stage() {
    let root = folder();
    realistic(root.path());
    let phone = Phone::start(&World::new(1), root.path(), 2, None).unwrap();
    let statuses: Vec<Status> =
        block_on(phone.client.history()).unwrap().iter().map(|entry| entry.status).collect();
    for wanted in [
        Status::Requested,
        Status::Open,
        Status::Unknown,
        Status::Ended(Outcome::Executed),
        Status::Ended(Outcome::Rejected),
        Status::Ended(Outcome::Cancelled),
    ] {
        assert!(statuses.contains(&wanted), "{wanted:?} is missing in {statuses:?}");
    }
}
