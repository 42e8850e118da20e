//! The power goes while SQLite writes, and again while the next start recovers: what was acknowledged is there, what was in flight is there whole
//! or not at all, and nothing else ever is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::collections::BTreeSet;
use std::hash::{Hash as _, Hasher as _};
use std::ops::Range;
use std::path::Path;

use ushield_client::ports::{Change, Store, Table};
use ushield_client::store::Opened;
use ushield_protocol::planted::{Bug, plant};
use ushield_store_faults::content::{Content, folder, open};
use ushield_store_faults::disk::{Disk, Image, Loss, lay_out};
use ushield_store_faults::rng::Rng;
use ushield_store_faults::vfs::{self, Note, Op};

/// What was done to a store, and what it held after each step of it.
struct Recording {
    base: Image,
    ops: Vec<Op>,
    /// After each number of commits; the first is what was there.
    states: Vec<Content>,
    /// Whether it began without a store.
    fresh: bool,
}

/// What a start after a power cut found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Fresh,
    Store(Content),
    Wrong(String),
}

fn start(root: &Path, seed: u64) -> (Found, Option<ushield_client::store::SqliteStore>) {
    match open(root, seed) {
        Err(error) => (Found::Wrong(format!("{error:?}")), None),
        Ok((_, Opened::SetAside { notice, .. })) => (Found::Wrong(format!("{notice:?}")), None),
        Ok((store, opened)) => match Content::of(&store) {
            Err(error) => (Found::Wrong(format!("{error:?}")), None),
            Ok(content) if matches!(opened, Opened::Fresh) && content.is_empty() => {
                (Found::Fresh, Some(store))
            }
            Ok(content) => (Found::Store(content), Some(store)),
        },
    }
}

/// Opens what is there, makes these commits, closes: all of it recorded.
fn record(base: Image, steps: &[Vec<Change>], seed: u64) -> Result<Recording, String> {
    vfs::install();
    let root = folder();
    lay_out(&base, root.path());
    vfs::start(root.path());
    let (found, store) = start(root.path(), seed);
    let (fresh, held) = match found {
        Found::Fresh => (true, Content::default()),
        Found::Store(content) => (false, content),
        Found::Wrong(why) => {
            let _ = vfs::stop();
            return Err(why);
        }
    };
    let store = store.unwrap();
    let mut states = vec![held];
    vfs::note(Note::Opened);
    for (n, changes) in steps.iter().enumerate() {
        vfs::note(Note::Begin(n + 1));
        store.commit(changes).unwrap();
        vfs::note(Note::Acknowledged(n + 1));
        states.push(states[n].after(changes));
    }
    drop(store);
    Ok(Recording { base, ops: vfs::stop(), states, fresh })
}

impl Recording {
    /// Calls `at` after each operation, with the disk, the commits that were acknowledged and begun, and whether the store stands.
    fn walk(&self, skip: Option<usize>, mut at: impl FnMut(usize, &Disk, Promise)) {
        let mut disk = Disk::holding(&self.base);
        let mut promise = Promise { opened: !self.fresh, acknowledged: 0, begun: 0 };
        for (index, op) in self.ops.iter().enumerate() {
            if skip != Some(index) {
                disk.apply(op);
            }
            match op {
                Op::Note(Note::Opened) => promise.opened = true,
                Op::Note(Note::Begin(n)) => promise.begun = *n,
                Op::Note(Note::Acknowledged(n)) => promise.acknowledged = *n,
                _ => {}
            }
            at(index, &disk, promise);
        }
    }

    /// Whether what was found is what was promised.
    fn holds(&self, found: &Found, promise: Promise) -> bool {
        match found {
            Found::Fresh => !promise.opened,
            Found::Store(content) => {
                *content == self.states[promise.acknowledged] || *content == self.states[promise.begun]
            }
            Found::Wrong(_) => false,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Promise {
    opened: bool,
    acknowledged: usize,
    begun: usize,
}

fn find(image: &Image, seed: u64) -> Found {
    let root = folder();
    lay_out(image, root.path());
    start(root.path(), seed).0
}

/// Commits as an order's life makes them: a record written again and again as it grows, others beside it, some removed.
fn steps(rng: &mut Rng, count: usize, largest: usize) -> Vec<Vec<Change>> {
    let mut change = |n: usize| {
        let table = Table::ALL[rng.below(Table::ALL.len())];
        let key = vec![rng.below(6) as u8; 16];
        match rng.below(10) {
            0 => Change::delete(table, &key),
            1 => Change::put(table, &key, &rng.bytes(largest)),
            _ => Change::put(table, &key, &rng.bytes(40 + 150 * (n % 12))),
        }
    };
    (0..count).map(|n| (0..1 + n % 3).map(|_| change(n)).collect()).collect()
}

fn losses(rng: &mut Rng, count: usize) -> Vec<Loss> {
    let mut losses = vec![Loss::All, Loss::Nothing, Loss::Tail];
    losses.extend((0..count).map(|_| match rng.below(4) {
        0 => Loss::Tail,
        _ => Loss::Some([5, 25, 50, 75, 95][rng.below(5)]),
    }));
    losses
}

#[derive(Default)]
struct Count {
    single: usize,
    double: usize,
    fresh: usize,
    in_flight: usize,
    wrong: Vec<(usize, String)>,
    seen: BTreeSet<(u64, usize, usize)>,
}

/// At each place of a recording that is wanted: nothing lost, everything lost, the tail lost, and `more` random losses. Images that were tried at the
/// same promise are not tried again. `again` second cuts for one image in twelve.
fn cut(
    recording: &Recording,
    rng: &mut Rng,
    wanted: impl Fn(usize) -> bool,
    (more, again): (usize, usize),
    skip: Option<usize>,
    count: &mut Count,
) {
    let mut second: Vec<(Image, Found)> = Vec::new();
    recording.walk(skip, |index, disk, promise| {
        if !wanted(index) {
            return;
        }
        for loss in losses(rng, more) {
            let image = disk.crash(loss, rng);
            if !count.seen.insert((digest(&image), promise.acknowledged, promise.begun)) {
                continue;
            }
            count.single += 1;
            let found = find(&image, rng.draw());
            if !recording.holds(&found, promise) {
                let why = format!("{loss:?} at {index}, {promise:?}: {}", name(&found));
                count.wrong.push((count.single, why));
                continue;
            }
            count.fresh += usize::from(found == Found::Fresh);
            let before = &recording.states[promise.acknowledged];
            count.in_flight += usize::from(matches!(&found, Found::Store(content) if content != before));
            if again > 0 && rng.percent(8) {
                second.push((image, found));
            }
        }
    });
    for (image, found) in second {
        cut_again(image, &found, again, rng, count);
    }
}

/// The start after a cut, recorded, and cut itself.
fn cut_again(image: Image, found: &Found, again: usize, rng: &mut Rng, count: &mut Count) {
    let next = [vec![Change::put(Table::Order, b"after the first cut", &[7; 900])]];
    let recovery = record(image, &next, rng.draw()).unwrap();
    let seen = if recovery.fresh { Found::Fresh } else { Found::Store(recovery.states[0].clone()) };
    assert_eq!(seen, *found, "the same image, another content");
    let chosen: Vec<usize> = (0..again).map(|_| rng.below(recovery.ops.len())).collect();
    recovery.walk(None, |index, disk, promise| {
        for _ in chosen.iter().filter(|chosen| **chosen == index) {
            let loss = losses(rng, 3)[rng.below(6)];
            let image = disk.crash(loss, rng);
            if !count.seen.insert((digest(&image), promise.acknowledged, promise.begun)) {
                continue;
            }
            count.double += 1;
            let found = find(&image, rng.draw());
            if !recovery.holds(&found, promise) {
                count.wrong.push((count.double, format!("again {loss:?} at {index}: {}", name(&found))));
            }
        }
    });
}

fn name(found: &Found) -> String {
    match found {
        Found::Store(content) => format!("another content, {} records", content.len()),
        other => format!("{other:?}"),
    }
}

fn digest(image: &Image) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    image.hash(&mut hasher);
    hasher.finish()
}

/// A new store with some commits, and a second life of it from its closed files.
fn two_lives(rng: &mut Rng) -> [Recording; 2] {
    let made = record(Image::new(), &steps(rng, 8, 9_000), rng.draw()).unwrap();
    assert!(made.fresh);
    let reopened = next_life(&made, rng);
    [made, reopened]
}

fn next_life(made: &Recording, rng: &mut Rng) -> Recording {
    let mut closed = Disk::default();
    made.walk(None, |_, disk, _| closed = disk.clone());
    let closed = closed.crash(Loss::All, rng);
    let reopened = record(closed, &steps(rng, 8, 9_000), rng.draw()).expect("what was closed is there");
    assert!(!reopened.fresh && reopened.states[0] == *made.states.last().unwrap());
    reopened
}

fn run(seed: u64) {
    let (mut count, mut rng) = (Count::default(), Rng::new(seed));
    for _ in 0..3 {
        for recording in two_lives(&mut rng) {
            cut(&recording, &mut rng, |_| true, (9, 16), None, &mut count);
        }
    }
    println!(
        "power cuts, seed {seed}: {} different images ({} before there was a store, {} with the commit in flight), {} after a second cut, {} wrong",
        count.single,
        count.fresh,
        count.in_flight,
        count.double,
        count.wrong.len()
    );
    if let Some((image, why)) = count.wrong.first() {
        panic!("after {image} images: {why}; {} are wrong", count.wrong.len());
    }
    assert!(count.single >= 2_500 && count.double >= 2_500, "too few");
    assert!(count.fresh > 0 && count.in_flight > 0, "a kind of end is missing");
}

#[test]
fn a_power_cut_leaves_what_was_acknowledged() {
    run(1);
}

#[test]
fn a_power_cut_leaves_what_was_acknowledged_with_another_seed() {
    run(2);
}

#[test]
fn a_power_cut_while_the_log_is_copied_and_begun_again() {
    let (mut count, mut rng) = (Count::default(), Rng::new(3));
    let recording = record(Image::new(), &steps(&mut rng, 220, 60_000), rng.draw()).unwrap();
    let copied = recording.checkpoint();
    let (from, to) = (copied.start.saturating_sub(20), copied.end + 60);
    let length = copied.len();
    cut(
        &recording,
        &mut rng,
        |index| (from..to).contains(&index) && index % 4 == 0,
        (4, 0),
        None,
        &mut count,
    );
    println!(
        "power cuts, a checkpoint of {length} operations: {} different images, {} wrong",
        count.single,
        count.wrong.len()
    );
    assert!(count.wrong.is_empty(), "{:?}", count.wrong);
    assert!(count.single >= 200 && length > 50, "{} images, {length} operations", count.single);
}

// What shows that a fault would be seen.

#[test]
fn a_commit_that_is_acknowledged_before_the_disk_has_it_is_caught() {
    let (mut count, mut rng) = (Count::default(), Rng::new(4));
    let made = record(Image::new(), &steps(&mut rng, 8, 9_000), rng.draw()).unwrap();
    plant(Some(Bug::AcknowledgedBeforeCommit));
    let recording = next_life(&made, &mut rng);
    plant(None);
    let syncs = recording.check_syncs();
    cut(&recording, &mut rng, |_| true, (2, 0), None, &mut count);
    let first = count.wrong.first().expect("the bug is caught").0;
    println!(
        "power cuts, planted {}: image {first} is the first wrong one, {} of {} are",
        Bug::AcknowledgedBeforeCommit.name(),
        count.wrong.len(),
        count.single
    );
    assert!(syncs.is_err(), "the missing syncs are seen as well");
}

#[test]
fn a_disk_that_did_not_do_the_last_sync_is_caught() {
    let (mut count, mut rng) = (Count::default(), Rng::new(5));
    let [made, reopened] = two_lives(&mut rng);
    let mut commits = 0;
    for recording in [made, reopened] {
        for (at, op) in recording.ops.iter().enumerate() {
            if matches!(op, Op::Note(Note::Acknowledged(_))) {
                let last = recording.ops[..at].iter().rposition(|op| matches!(op, Op::Sync { .. })).unwrap();
                let wrong = count.wrong.len();
                cut(&recording, &mut rng, |index| index == at, (3, 0), Some(last), &mut count);
                assert!(count.wrong.len() > wrong, "commit at {at}: nobody misses its sync");
                commits += 1;
            }
        }
    }
    println!(
        "power cuts, the last sync left out: missed at each of {commits} commits, {} of {} images wrong",
        count.wrong.len(),
        count.single
    );
}

// That the settings hold.

#[test]
fn every_commit_is_on_the_disk_past_its_cache_before_it_is_acknowledged() {
    let mut rng = Rng::new(6);
    let (mut syncs, mut names) = (0, BTreeSet::new());
    for recording in two_lives(&mut rng) {
        syncs += recording.check_syncs().unwrap();
        names.extend(recording.ops.iter().filter_map(|op| match op {
            Op::Open { path, .. } => Some(path.clone()),
            _ => None,
        }));
    }
    let expected = [
        "store.new/data.db",
        "store.new/data.db-journal",
        "store.new/data.db-wal",
        "store/data.db",
        "store/data.db-wal",
    ];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), expected, "no other file, no shared memory");
    println!("power cuts, settings: {syncs} syncs, each past the cache");
}

impl Recording {
    /// That each commit ends with a sync of all that it wrote, and that every sync goes past the disk's cache; how many there are.
    fn check_syncs(&self) -> Result<usize, String> {
        let (mut unsynced, mut syncs) = (BTreeSet::new(), 0);
        for (index, op) in self.ops.iter().enumerate() {
            match op {
                Op::Write { handle, .. } | Op::Truncate { handle, .. } => drop(unsynced.insert(*handle)),
                Op::Sync { full: false, .. } => return Err(format!("operation {index} stops at the cache")),
                Op::Sync { handle, .. } => {
                    unsynced.remove(handle);
                    syncs += 1;
                }
                Op::Note(Note::Acknowledged(n)) if !unsynced.is_empty() => {
                    return Err(format!("commit {n} is not synced"));
                }
                _ => {}
            }
        }
        Ok(syncs)
    }

    /// Where the log is copied into the database in the middle of the work.
    fn checkpoint(&self) -> Range<usize> {
        let database = self.ops.iter().rev().find_map(|op| match op {
            Op::Open { path, handle, .. } if path == "store/data.db" => Some(*handle),
            _ => None,
        });
        let last = self.ops.iter().rposition(|op| matches!(op, Op::Note(_))).unwrap();
        let copies = |op: &Op| matches!(op, Op::Write { handle, .. } if Some(*handle) == database);
        let first = self.ops.iter().position(copies).filter(|at| *at < last).expect("no checkpoint");
        let end = self.ops[first..last].iter().position(|op| matches!(op, Op::Note(_))).unwrap();
        first..first + end
    }
}
