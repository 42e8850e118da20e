//! The store through its public interface: what is promised about a disk, a kill, a second client and damage.
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
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use proptest::prelude::*;
use tempfile::TempDir;
use ushield_client::Error;
use ushield_client::error::{Detail, Holder};
use ushield_client::ports::{Change, Entropy, SealingKey, Store, Table};
use ushield_client::store::{MemoryStore, OpenOptions, Opened, SqliteStore, StoreLook};
use ushield_protocol::code::Code;
use ushield_protocol::key::sha256;
use zeroize::Zeroizing;

/// Different bytes at every call; the store needs no more of it.
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        for chunk in out.chunks_mut(32) {
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            let random = sha256(&[&std::process::id().to_be_bytes(), &n.to_be_bytes()]);
            chunk.copy_from_slice(&random.as_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

fn key(seed: u8) -> SealingKey {
    SealingKey::new(Zeroizing::new([seed; 32]))
}

fn options(folder: &Path) -> OpenOptions {
    OpenOptions::new(folder, "test")
}

fn open_with(options: &OpenOptions, key: &SealingKey) -> Result<(SqliteStore, Opened), Error> {
    SqliteStore::open(options, key, Arc::new(Counting(AtomicU64::new(0))))
}

fn open(folder: &Path) -> (SqliteStore, Opened) {
    open_with(&options(folder), &key(1)).unwrap()
}

fn database(folder: &Path) -> PathBuf {
    folder.join("store/data.db")
}

/// A store with a few records, closed; and what it holds.
fn filled(folder: &Path) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let records: Vec<(Table, Vec<u8>, Vec<u8>)> = (0..9_u8)
        .map(|n| (Table::ALL[usize::from(n) % 3], vec![n; 16], vec![n; 40 * usize::from(n)]))
        .collect();
    let (store, opened) = open(folder);
    assert!(matches!(opened, Opened::Fresh));
    for (table, key, value) in &records {
        store.put(*table, key, value).unwrap();
    }
    records
}

fn holds(store: &SqliteStore, records: &[(Table, Vec<u8>, Vec<u8>)]) -> bool {
    let count: usize = Table::ALL.iter().map(|table| store.list(*table).unwrap().len()).sum();
    count == records.len()
        && records
            .iter()
            .all(|(table, key, value)| store.get(*table, key).unwrap().is_some_and(|found| *found == *value))
}

#[track_caller]
fn assert_set_aside(opened: &Opened, folder: &Path, n: u32) {
    let Opened::SetAside { to, notice } = opened else { panic!("{opened:?}") };
    assert_eq!(*to, folder.join(format!("store.corrupt-{n}")));
    assert!(to.exists());
    assert_eq!(notice.code(), Code::StoreCorrupt);
    assert_eq!(notice.detail(), Some(&Detail::SetAside(to.clone())));
}

#[test]
fn a_store_that_was_set_aside_is_told_until_a_new_one_stands() {
    let folder = TempDir::new().unwrap();
    filled(folder.path());
    fs::write(folder.path().join("store/data.db"), b"garbage").unwrap();
    // The corrupt one is moved, and then there is no room for the new one.
    let full = OpenOptions::new(folder.path(), "test").with_max_pages(1);
    assert_eq!(open_with(&full, &key(1)).unwrap_err().code(), Code::DiskFull);
    assert_eq!(open_with(&full, &key(1)).unwrap_err().code(), Code::DiskFull);
    let (store, opened) = open(folder.path());
    assert_set_aside(&opened, folder.path(), 1);
    drop(store);
    assert!(matches!(open(folder.path()).1, Opened::Existing));
}

#[test]
fn what_is_written_is_there_after_opening_again() {
    let folder = TempDir::new().unwrap();
    let records = filled(folder.path());
    let (store, opened) = open(folder.path());
    assert!(matches!(opened, Opened::Existing));
    assert!(holds(&store, &records));
    assert_eq!(store.health().unwrap().records, 9);
    assert_eq!(store.get(Table::Order, &[0; 16]).unwrap(), None);
}

#[test]
fn neither_keys_nor_values_are_on_the_disk() {
    let folder = TempDir::new().unwrap();
    let (store, _) = open(folder.path());
    store.put(Table::Token, b"CANARY-KEY", b"CANARY-VALUE").unwrap();
    let contains = |needle: &[u8]| {
        fs::read_dir(folder.path().join("store")).unwrap().any(|file| {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            bytes.windows(needle.len()).any(|window| window == needle)
        })
    };
    // The needle that must be there shows that the search works.
    assert!(contains(b"CREATE TABLE record"));
    assert!(!contains(b"CANARY"));
    drop(store);
    assert!(!contains(b"CANARY"));
}

#[test]
#[cfg(unix)]
fn the_store_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let root = TempDir::new().unwrap();
    let folder = root.path().join("client");
    let _open = open(&folder);
    for path in [folder.clone(), folder.join("store")] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

#[test]
fn several_changes_are_one_step() {
    let folder = TempDir::new().unwrap();
    let (store, _) = open(folder.path());
    store.put(Table::Order, b"a", b"1").unwrap();
    let too_large = vec![0; (1 << 20) + 1];
    let error = store
        .commit(&[
            Change::put(Table::Order, b"b", b"2"),
            Change::delete(Table::Order, b"a"),
            Change::put(Table::Order, b"c", &too_large),
        ])
        .unwrap_err();
    assert_eq!(error.code(), Code::BadInput);
    let keys: Vec<Vec<u8>> = store.list(Table::Order).unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [b"a"]);
    store.health().unwrap();
}

// A second client.

#[test]
fn a_second_client_is_told_who_holds_the_store() {
    let folder = TempDir::new().unwrap();
    let mut first = child("child_holds", folder.path());
    wait_for(&mut first, "ready");
    let error = open_with(&options(folder.path()), &key(1)).unwrap_err();
    assert_eq!(error.code(), Code::StoreLocked);
    let holder = Holder { pid: first.id(), program: "first client".to_owned() };
    assert_eq!(error.detail(), Some(&Detail::Holder(holder)));
    first.kill().unwrap();
    first.wait().unwrap();
    // A dead process holds nothing.
    assert!(matches!(open(folder.path()).1, Opened::Existing));
}

#[test]
fn a_second_client_in_the_same_process_is_refused_too() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path());
    let error = open_with(&options(folder.path()), &key(1)).unwrap_err();
    assert_eq!(error.code(), Code::StoreLocked);
    drop(first);
    open(folder.path());
}

#[test]
fn a_strange_note_in_the_lock_is_no_holder() {
    for note in [b"".as_slice(), b"12", b"x y\n", b"1 \n", b"1 a\x1b[2J\n", &[0xff; 300]] {
        let folder = TempDir::new().unwrap();
        let _first = open(folder.path());
        fs::write(folder.path().join("store.lock"), note).unwrap();
        let error = open_with(&options(folder.path()), &key(1)).unwrap_err();
        assert_eq!((error.code(), error.detail()), (Code::StoreLocked, None), "{note:?}");
    }
}

// Damage.

#[test]
fn what_is_not_a_store_is_set_aside_and_kept() {
    // The database of another program, as well.
    let elsewhere = TempDir::new().unwrap();
    let foreign = elsewhere.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
    let foreign = fs::read(foreign).unwrap();
    for damage in [b"".as_slice(), b"not a database at all", &[0; 8192], &foreign] {
        let folder = TempDir::new().unwrap();
        filled(folder.path());
        fs::write(database(folder.path()), damage).unwrap();
        let (store, opened) = open(folder.path());
        assert_set_aside(&opened, folder.path(), 1);
        assert!(fs::read(folder.path().join("store.corrupt-1/data.db")).unwrap() == damage);
        assert!(holds(&store, &[]));
        store.put(Table::Order, b"new", b"1").unwrap();
    }
}

#[test]
fn a_store_without_its_database_is_set_aside() {
    let folder = TempDir::new().unwrap();
    filled(folder.path());
    fs::remove_file(database(folder.path())).unwrap();
    assert_set_aside(&open(folder.path()).1, folder.path(), 1);
    // A file where the folder should be, now.
    fs::remove_dir_all(folder.path().join("store")).unwrap();
    fs::write(folder.path().join("store"), b"?").unwrap();
    assert_set_aside(&open(folder.path()).1, folder.path(), 2);
    assert_eq!(fs::read(folder.path().join("store.corrupt-2")).unwrap(), b"?");
}

#[test]
fn another_key_finds_a_corrupt_store_and_the_first_key_finds_it_again() {
    let folder = TempDir::new().unwrap();
    let records = filled(folder.path());
    let (_, opened) = open_with(&options(folder.path()), &key(2)).unwrap();
    assert_set_aside(&opened, folder.path(), 1);
    let elsewhere = TempDir::new().unwrap();
    fs::rename(folder.path().join("store.corrupt-1"), elsewhere.path().join("store")).unwrap();
    let (store, opened) = open(elsewhere.path());
    assert!(matches!(opened, Opened::Existing));
    assert!(holds(&store, &records));
}

#[test]
fn nothing_that_was_set_aside_is_overwritten() {
    let folder = TempDir::new().unwrap();
    for n in 1..=3_u8 {
        filled(folder.path());
        fs::write(database(folder.path()), [n]).unwrap();
        let (store, opened) = open(folder.path());
        assert_set_aside(&opened, folder.path(), u32::from(n));
        drop(store);
        fs::remove_dir_all(folder.path().join("store")).unwrap();
    }
    for n in 1..=3_u8 {
        assert!(fs::read(folder.path().join(format!("store.corrupt-{n}/data.db"))).unwrap() == [n]);
    }
}

#[test]
fn rows_that_are_swapped_moved_removed_or_old_are_noticed() {
    let by_hand = |folder: &Path, statements: &str| {
        rusqlite::Connection::open(database(folder)).unwrap().execute_batch(statements).unwrap();
    };
    let old_row = |folder: &Path| -> String {
        let (store, _) = open(folder);
        store.put(Table::Setup, b"row", b"old").unwrap();
        drop(store);
        let connection = rusqlite::Connection::open(database(folder)).unwrap();
        let row = connection
            .query_row(
                "SELECT 'UPDATE record SET sealed = x''' || hex(sealed) || ''' WHERE name = x''' || hex(name) || ''''
                 FROM record WHERE place = 1 AND length(sealed) < 36",
                [],
                |row| row.get(0),
            )
            .unwrap();
        drop(connection);
        let (store, _) = open(folder);
        store.put(Table::Setup, b"row", b"new").unwrap();
        row
    };
    let swap = "UPDATE record SET sealed = (SELECT o.sealed FROM record o WHERE o.place = 1 AND o.name <> record.name LIMIT 1) WHERE place = 1";
    type Attack = dyn Fn(&Path) -> String;
    let attacks: [(&str, &Attack); 5] = [
        ("swapped", &|_| swap.to_owned()),
        ("moved", &|_| "UPDATE record SET place = 9 WHERE place = 2".to_owned()),
        ("removed", &|_| "DELETE FROM record WHERE place = 3".to_owned()),
        ("old", &old_row),
        ("unsummed", &|_| "DELETE FROM record WHERE place = 0".to_owned()),
    ];
    for (name, attack) in attacks {
        let folder = TempDir::new().unwrap();
        filled(folder.path());
        let statements = attack(folder.path());
        assert!(matches!(open(folder.path()).1, Opened::Existing), "{name}: before");
        by_hand(folder.path(), &statements);
        let (_, opened) = open(folder.path());
        assert!(matches!(opened, Opened::SetAside { .. }), "{name}: {opened:?}");
    }
}

#[test]
fn a_store_of_a_newer_client_is_left_alone() {
    let folder = TempDir::new().unwrap();
    filled(folder.path());
    let by_hand = rusqlite::Connection::open(database(folder.path())).unwrap();
    by_hand.execute_batch("PRAGMA user_version = 2; UPDATE record SET sealed = x'00'").unwrap();
    drop(by_hand);
    let before = fs::read(database(folder.path())).unwrap();
    let error = open_with(&options(folder.path()), &key(1)).unwrap_err();
    assert_eq!(error.code(), Code::StoreFailure);
    assert_eq!(fs::read(database(folder.path())).unwrap(), before);
    assert!(!folder.path().join("store.corrupt-1").exists());
}

#[test]
fn a_flipped_byte_is_noticed_or_changes_nothing() {
    let original = TempDir::new().unwrap();
    let records = filled(original.path());
    let bytes = fs::read(database(original.path())).unwrap();
    // All of the header, and a sample of the rest that meets every part of a page.
    let places = (0..112).chain((112..bytes.len()).step_by(29));
    let (mut noticed, mut harmless) = (0, 0);
    for place in places {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("store")).unwrap();
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << (place % 8);
        fs::write(database(folder.path()), &damaged).unwrap();
        match open_with(&options(folder.path()), &key(1)) {
            Ok((store, Opened::Existing)) => {
                assert!(holds(&store, &records), "byte {place} is lost in silence");
                store
                    .put(Table::Session, b"after", b"1")
                    .unwrap_or_else(|error| panic!("byte {place}: {error}"));
                harmless += 1;
            }
            Ok((_, opened)) => {
                assert_set_aside(&opened, folder.path(), 1);
                noticed += 1;
            }
            Err(error) => panic!("byte {place}: {error}"),
        }
    }
    assert!(noticed > 100 && harmless > 0, "{noticed} noticed, {harmless} harmless");
}

// A disk that fills up, a disk that cannot be written.

#[test]
fn a_full_disk_has_its_code_and_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let small = options(folder.path()).with_max_pages(16);
    let (store, _) = open_with(&small, &key(1)).unwrap();
    let value = [7; 3000];
    let mut written = 0_u32;
    let error = loop {
        let batch = [
            Change::put(Table::Order, &written.to_be_bytes(), &value),
            Change::put(Table::Certificate, &written.to_be_bytes(), &value),
        ];
        match store.commit(&batch) {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 100, "it never fills up");
    };
    assert_eq!(error.code(), Code::DiskFull);
    assert!(written > 0);
    let complete = |store: &SqliteStore| {
        for table in [Table::Order, Table::Certificate] {
            let keys: Vec<_> = store.list(table).unwrap().into_iter().map(|(key, _)| key).collect();
            let expected: Vec<_> = (0..written).map(|n| n.to_be_bytes().to_vec()).collect();
            assert_eq!(keys, expected);
        }
        store.health().unwrap();
    };
    complete(&store);
    drop(store);
    let (store, opened) = open_with(&small, &key(1)).unwrap();
    assert!(matches!(opened, Opened::Existing));
    complete(&store);
    // Making room helps.
    store.delete(Table::Certificate, &0_u32.to_be_bytes()).unwrap();
    store.put(Table::Certificate, &0_u32.to_be_bytes(), &value).unwrap();
    complete(&store);
}

#[test]
fn a_disk_that_is_full_at_first_leaves_no_half_made_store() {
    let folder = TempDir::new().unwrap();
    let error = open_with(&options(folder.path()).with_max_pages(1), &key(1)).unwrap_err();
    assert_eq!(error.code(), Code::DiskFull);
    assert!(!folder.path().join("store").exists());
    assert!(matches!(open(folder.path()).1, Opened::Fresh));
}

#[test]
fn a_folder_that_cannot_be_used_is_a_failure_with_its_path_and_cause() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = open_with(&options(&file.join("client")), &key(1)).unwrap_err();
    assert_eq!(error.code(), Code::StoreFailure);
    assert_eq!(error.detail(), Some(&Detail::Path(file.join("client"))));
    assert!(std::error::Error::source(&error).is_some());

    fs::create_dir_all(root.path().join("client/store.lock")).unwrap();
    let error = open_with(&options(&root.path().join("client")), &key(1)).unwrap_err();
    assert_eq!(error.code(), Code::StoreFailure);
}

// Kill and power.

/// Rounds of the kill test. Each kills after another number of acknowledged commits.
const ROUNDS: u32 = 30;

#[test]
fn a_killed_client_keeps_every_acknowledged_step_whole() {
    let folder = TempDir::new().unwrap();
    let mut acknowledged = 0_u32;
    for round in 0..ROUNDS {
        let mut client = child("child_commits", folder.path());
        let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
        let mut left = 1 + round * 7 % 20;
        while left > 0 {
            let line = lines.next().expect("the client ended by itself").unwrap();
            if let Some(n) = line.strip_prefix("committed ") {
                acknowledged = n.parse().unwrap();
                left -= 1;
            }
        }
        client.kill().unwrap();
        client.wait().unwrap();
        // What it said between the kill's decision and the kill.
        for line in lines.map_while(Result::ok) {
            if let Some(Ok(n)) = line.strip_prefix("committed ").map(str::parse) {
                acknowledged = n;
            }
        }
        let (store, opened) = open(folder.path());
        assert!(matches!(opened, Opened::Existing), "round {round}: {opened:?}");
        let orders = store.list(Table::Order).unwrap();
        assert_eq!(orders, store.list(Table::Certificate).unwrap(), "round {round}: half a step");
        let count = u32::try_from(orders.len()).unwrap();
        assert!(count >= acknowledged, "round {round}: {count} of {acknowledged}");
        assert!(count <= acknowledged + 1, "round {round}: {count} of {acknowledged}");
    }
    assert!(acknowledged >= ROUNDS);
}

/// A process of its own, started by the test above; nothing by itself.
#[test]
fn child_commits() {
    let Ok(folder) = std::env::var("STORE") else { return };
    let (store, _) = open(Path::new(&folder));
    let from = store.list(Table::Order).unwrap().len() as u32;
    for n in from.. {
        let key = n.to_be_bytes();
        store
            .commit(&[Change::put(Table::Order, &key, &key), Change::put(Table::Certificate, &key, &key)])
            .unwrap();
        let mut out = std::io::stdout();
        // The last line of a killed process may be cut: a line that is whole was acknowledged.
        out.write_all(format!("\ncommitted {}\n", n + 1).as_bytes()).unwrap();
        out.flush().unwrap();
    }
}

/// A process of its own, started by a test; nothing by itself.
#[test]
fn child_holds() {
    let Ok(folder) = std::env::var("STORE") else { return };
    let _held = open_with(&OpenOptions::new(folder, "first client"), &key(1)).unwrap();
    std::io::stdout().write_all(b"\nready\n").unwrap();
    let _ = std::io::stdin().read(&mut [0]);
}

fn child(name: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("STORE", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_for(child: &mut Child, line: &str) {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|found| found == line), "the process ended without {line:?}");
}

#[test]
fn a_log_that_was_not_written_to_its_end_is_an_earlier_state_and_never_a_torn_one() {
    const STEPS: u32 = 8;
    let original = TempDir::new().unwrap();
    drop(open(original.path()));
    let (store, _) = open(original.path());
    for n in 0..STEPS {
        let key = n.to_be_bytes();
        let batch =
            [Change::put(Table::Order, &key, &[1; 700]), Change::put(Table::Certificate, &key, &[2; 700])];
        store.commit(&batch).unwrap();
    }
    // The files as they lie while the store is open: as a power cut leaves them.
    let base = fs::read(database(original.path())).unwrap();
    let log = fs::read(original.path().join("store/data.db-wal")).unwrap();
    drop(store);
    assert!(log.len() > 20_000, "the steps are in the log");

    let state_of = |log: &[u8]| -> u32 {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("store")).unwrap();
        fs::write(database(folder.path()), &base).unwrap();
        fs::write(folder.path().join("store/data.db-wal"), log).unwrap();
        let (store, opened) = open(folder.path());
        assert!(matches!(opened, Opened::Existing), "{opened:?}");
        let orders: Vec<_> = store.list(Table::Order).unwrap().into_iter().map(|(key, _)| key).collect();
        let answers: Vec<_> =
            store.list(Table::Certificate).unwrap().into_iter().map(|(key, _)| key).collect();
        assert_eq!(orders, answers, "half a step");
        let expected: Vec<_> = (0..orders.len() as u32).map(|n| n.to_be_bytes().to_vec()).collect();
        assert_eq!(orders, expected, "a step is missing in the middle");
        orders.len() as u32
    };
    assert_eq!(state_of(&log), STEPS);
    let mut last = 0;
    for end in (0..log.len()).step_by(997) {
        let state = state_of(&log[..end]);
        assert!(state >= last, "a longer log holds less");
        last = state;
    }
    // Sectors that never reached the disk.
    for sector in (0..log.len() / 512).step_by(3) {
        let mut holed = log.clone();
        holed[sector * 512..(sector + 1) * 512].fill(0);
        state_of(&holed);
    }
}

#[test]
fn a_creation_that_was_cut_is_begun_again() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("store.new")).unwrap();
    fs::write(folder.path().join("store.new/data.db"), b"half").unwrap();
    assert!(matches!(open(folder.path()).1, Opened::Fresh));
    assert!(!folder.path().join("store.new").exists());
}

// Both stores are one thing to the client.

fn change() -> impl Strategy<Value = Change> {
    let table = prop::sample::select(Table::ALL);
    let key = prop::collection::vec(0..3_u8, 0..3);
    let value = prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..200));
    (table, key, value).prop_map(|(table, key, value)| match value {
        Some(value) => Change::put(table, &key, &value),
        None => Change::delete(table, &key),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_on_the_disk_is_the_store_in_memory(
        steps in prop::collection::vec((prop::collection::vec(change(), 0..6), any::<bool>()), 0..12)
    ) {
        let folder = TempDir::new().unwrap();
        let memory = MemoryStore::new();
        let mut disk = open(folder.path()).0;
        for (changes, restart) in steps {
            memory.commit(&changes).unwrap();
            disk.commit(&changes).unwrap();
            if restart {
                drop(disk);
                let (store, opened) = open(folder.path());
                prop_assert!(matches!(opened, Opened::Existing));
                disk = store;
            }
            for table in Table::ALL {
                let records = memory.list(*table).unwrap();
                prop_assert_eq!(&disk.list(*table).unwrap(), &records);
                for (key, value) in records {
                    prop_assert_eq!(disk.get(*table, &key).unwrap(), Some(value));
                }
            }
        }
        prop_assert_eq!(disk.health().unwrap().records, memory.health().unwrap().records);
    }
}

#[test]
fn a_table_has_one_number() {
    for table in Table::ALL {
        assert_eq!(Table::from_number(table.number()), Some(*table));
    }
    assert_eq!(Table::from_number(0), None);
}

fn look(folder: &Path) -> Result<StoreLook, Error> {
    StoreLook::open(&options(folder), &key(1), &Counting(AtomicU64::new(1 << 32)))
}

/// Names in a folder, and what is in its files.
fn image(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(image(&path)),
            false => found.push((path.clone(), fs::read(&path).ok())),
        }
    }
    found.sort();
    found
}

#[test]
fn a_look_at_an_open_store_sees_what_was_committed_and_writes_nothing() {
    let folder = TempDir::new().unwrap();
    let records = filled(folder.path());
    let (store, _) = open(folder.path());
    // In the log alone.
    store.put(Table::Order, b"new", b"value").unwrap();
    let before = image(folder.path());
    let looked = look(folder.path()).unwrap();
    assert_eq!(looked.get(Table::Order, b"new").unwrap().unwrap().as_slice(), b"value");
    for (table, key, value) in &records {
        assert_eq!(looked.get(*table, key).unwrap().unwrap().as_slice(), value);
    }
    for table in Table::ALL {
        assert_eq!(looked.list(*table).unwrap(), store.list(*table).unwrap());
    }
    assert_eq!(looked.health().unwrap(), store.health().unwrap());
    assert_eq!(looked.put(Table::Order, b"new", b"other").unwrap_err().code(), Code::StoreLocked);
    assert_eq!(looked.delete(Table::Order, b"new").unwrap_err().code(), Code::StoreLocked);
    assert_eq!(image(folder.path()), before, "nothing was changed and nothing is left behind");
    store.put(Table::Order, b"new", b"third").unwrap();
    assert_eq!(looked.get(Table::Order, b"new").unwrap().unwrap().as_slice(), b"value", "one moment");
    assert_eq!(look(folder.path()).unwrap().get(Table::Order, b"new").unwrap().unwrap().as_slice(), b"third");
}

#[test]
fn a_look_while_another_process_commits_is_always_at_one_committed_state() {
    let folder = TempDir::new().unwrap();
    let (store, _) = open(folder.path());
    let stop = AtomicBool::new(false);
    let put = |n: u32| {
        // Large ones: the log is taken into the database again and again.
        let value = n.to_be_bytes().repeat(1 << 14);
        [Table::Order, Table::Token].map(|table| Change::put(table, b"twin", &value))
    };
    store.commit(&put(0)).unwrap();
    std::thread::scope(|scope| {
        let _writer_ends = Sets(&stop);
        scope.spawn(|| {
            (1..).take_while(|_| !stop.load(Ordering::Relaxed)).for_each(|n| store.commit(&put(n)).unwrap());
        });
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let looked = look(folder.path()).unwrap();
            let [one, other] =
                [Table::Order, Table::Token].map(|table| looked.get(table, b"twin").unwrap().unwrap());
            assert!(one == other, "half of a commit");
            seen.insert(one[..4].to_vec());
        }
        assert!(seen.len() > 1, "the writer did write");
    });
}

/// Set when this is dropped, in a panic too: who waits for it ends.
struct Sets<'a>(&'a AtomicBool);

impl Drop for Sets<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_copy_that_a_killed_look_left_goes_when_the_store_is_opened_and_one_that_is_read_stays() {
    let folder = TempDir::new().unwrap();
    filled(folder.path());
    let copy = |name: &str| {
        let copy = folder.path().join(name);
        fs::create_dir_all(copy.join("store")).unwrap();
        fs::copy(database(folder.path()), copy.join("store/data.db")).unwrap();
        copy
    };
    let (killed_early, killed, read) = (copy("store.look-00"), copy("store.look-01"), copy("store.look-02"));
    fs::write(killed.join("store.lock"), "").unwrap();
    let held = fs::File::create(read.join("store.lock")).unwrap();
    held.lock().unwrap();
    drop(open(folder.path()));
    assert!(!killed_early.exists() && !killed.exists());
    assert!(read.join("store/data.db").exists(), "somebody reads it");
    drop(held);
    drop(open(folder.path()));
    assert!(!read.exists());
}

/// Does something before every copy.
struct Meanwhile<F>(Counting, F);

impl<F: Fn() + Send + Sync> Entropy for Meanwhile<F> {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        (self.1)();
        self.0.fill(out)
    }
}

#[test]
fn a_store_that_changes_under_every_copy_is_busy_and_not_corrupt() {
    let folder = TempDir::new().unwrap();
    filled(folder.path());
    let whole = fs::read(database(folder.path())).unwrap();
    let (changes, middle) = (AtomicU64::new(0), whole.len() / 2);
    let half_way = Meanwhile(Counting(AtomicU64::new(1 << 32)), || {
        let change = changes.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut bytes = whole.clone();
        bytes[middle..middle + 64]
            .iter_mut()
            .zip(change.iter().cycle())
            .for_each(|(byte, n)| *byte ^= 0x55 ^ n);
        fs::write(database(folder.path()), bytes).unwrap();
    });
    let busy = StoreLook::open(&options(folder.path()), &key(1), &half_way);
    assert_eq!(busy.unwrap_err().code(), Code::StoreLocked);
    assert!(changes.load(Ordering::Relaxed) > 2, "tried again");
    fs::write(database(folder.path()), &whole).unwrap();
    assert_eq!(look(folder.path()).unwrap().health().unwrap().records, 9);
}

#[test]
fn a_look_at_a_damaged_store_moves_nothing_and_at_none_is_empty() {
    let folder = TempDir::new().unwrap();
    assert_eq!(look(folder.path()).unwrap().health().unwrap().records, 0);
    filled(folder.path());
    let mut bytes = fs::read(database(folder.path())).unwrap();
    let middle = bytes.len() / 2;
    bytes.iter_mut().skip(middle).take(64).for_each(|byte| *byte ^= 0x55);
    fs::write(database(folder.path()), bytes).unwrap();
    let before = image(folder.path());
    assert_eq!(look(folder.path()).unwrap_err().code(), Code::StoreCorrupt);
    assert_eq!(image(folder.path()), before);
    let other = StoreLook::open(&options(folder.path()), &key(2), &Counting(AtomicU64::new(9)));
    assert_eq!(other.unwrap_err().code(), Code::StoreCorrupt, "another key opens nothing");
}

/// A key store that gives another key once, as after a fault of the phone's, takes nothing away.
#[test]
fn a_store_comes_back_with_its_key() {
    let folder = TempDir::new().unwrap();
    let records = filled(folder.path());
    for (round, other) in [2, 0, 2].into_iter().enumerate() {
        let (store, opened) = open_with(&options(folder.path()), &key(other)).unwrap();
        // The third is the first one's again.
        if round < 2 {
            assert!(matches!(opened, Opened::SetAside { .. }), "{round}: {opened:?}");
            assert!(holds(&store, &[]));
            store.put(Table::Token, b"another", &[other]).unwrap();
        } else {
            assert!(matches!(opened, Opened::Existing), "{round}: {opened:?}");
            assert!(holds(&store, &[(Table::Token, b"another".to_vec(), vec![other])]));
        }
        drop(store);
        let (store, opened) = open(folder.path());
        assert!(matches!(opened, Opened::Existing), "{round}: {opened:?}");
        assert!(holds(&store, &records), "{round}");
    }
}

/// Killed between the two moves: the store that is meant is found where it was put.
#[test]
fn a_store_comes_back_where_none_is() {
    let folder = TempDir::new().unwrap();
    let records = filled(folder.path());
    fs::rename(folder.path().join("store"), folder.path().join("store.corrupt-7")).unwrap();
    let (store, opened) = open(folder.path());
    assert!(matches!(opened, Opened::Existing), "{opened:?}");
    assert!(holds(&store, &records));
}
