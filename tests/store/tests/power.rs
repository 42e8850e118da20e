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
    distinct: std::collections::BTreeSet<u64>,
}

/// Every place of a recording, `more` random losses at each besides none, all and tail.
fn cut_everywhere(recording: &Recording, rng: &mut Rng, more: usize, again: usize, count: &mut Count) {
    let mut second: Vec<(Image, Found)> = Vec::new();
    recording.walk(None, |index, disk, promise| {
        // With nothing pending there is one image only.
        let more = if disk.is_synced() { 0 } else { more };
        for loss in losses(rng, more) {
            let image = disk.crash(loss, rng);
            count.distinct.insert(digest(&image));
            let found = find(&image, rng.draw());
            assert!(recording.holds(&found, promise), "{loss:?} at {index}, {promise:?}: {}", name(&found));
            count.single += 1;
            count.fresh += usize::from(found == Found::Fresh);
            let before = &recording.states[promise.acknowledged];
            count.in_flight +=
                usize::from(matches!(&found, Found::Store(content) if content != before));
            if again > 0 && rng.percent(12) {
                second.push((image, found));
            }
            if disk.is_synced() {
                break;
            }
        }
    });
    for (image, found) in second {
        let next = [vec![Change::put(Table::Order, b"after the first cut", &[7; 900])]];
        let recovery = record(image, &next, rng.draw()).unwrap();
        let seen = if recovery.fresh { Found::Fresh } else { Found::Store(recovery.states[0].clone()) };
        assert_eq!(seen, found, "the same image, another content");
        let places = recovery.ops.len();
        let chosen: Vec<usize> = (0..again).map(|_| rng.below(places)).collect();
        recovery.walk(None, |index, disk, promise| {
            for _ in chosen.iter().filter(|chosen| **chosen == index) {
                let loss = *losses(rng, 3).get(rng.below(6)).unwrap();
                let found = find(&disk.crash(loss, rng), rng.draw());
                assert!(recovery.holds(&found, promise), "again {loss:?} at {index}: {}", name(&found));
                count.double += 1;
            }
        });
    }
}

fn name(found: &Found) -> String {
    match found {
        Found::Store(content) => format!("another content, {} records", content.len()),
        other => format!("{other:?}"),
    }
}

fn digest(image: &Image) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    image.hash(&mut hasher);
    hasher.finish()
}

fn run(seed: u64, again: usize) -> Count {
    let mut count = Count::default();
    let mut rng = Rng::new(seed);
    for _ in 0..4 {
        let made = record(Image::new(), &steps(&mut rng, 8, 9_000), rng.draw()).unwrap();
        cut_everywhere(&made, &mut rng, 4, again, &mut count);
        // A second life of the same store, from its closed files.
        let mut closed = Disk::default();
        made.walk(None, |_, disk, _| closed = disk.clone());
        let image = closed.crash(Loss::All, &mut rng);
        let reopened = record(image, &steps(&mut rng, 8, 9_000), rng.draw()).unwrap();
        assert!(!reopened.fresh);
        cut_everywhere(&reopened, &mut rng, 4, again, &mut count);
    }
    count
}

fn report(what: &str, count: &Count) {
    println!(
        "power cuts, {what}: {} images ({} different; {} before there was a store, {} with the commit in flight), {} after a second cut, 0 wrong",
        count.single,
        count.distinct.len(),
        count.fresh,
        count.in_flight,
        count.double
    );
}

#[test]
fn a_power_cut_leaves_what_was_acknowledged() {
    let count = run(1, 16);
    report("one half", &count);
    assert!(count.single >= 2_500 && count.double >= 2_500 && count.fresh > 0 && count.in_flight > 0);
}

#[test]
fn a_power_cut_leaves_what_was_acknowledged_other_half() {
    let count = run(2, 16);
    report("other half", &count);
    assert!(count.single >= 2_500 && count.double >= 2_500 && count.fresh > 0 && count.in_flight > 0);
}
