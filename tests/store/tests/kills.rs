//! Thousands of phones are killed (SIGKILL) at random moments, one after the other over the same stores: no acknowledged step is lost, every store opens,
//! and every order that was asked for is executed once.
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
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use tempfile::TempDir;
use ushield_client::ports::Change;
use ushield_e2e::evil::{Conduct, World};
use ushield_protocol::receipt::Outcome;
use ushield_store_faults::content::{Content, folder, open};
use ushield_store_faults::life::Phone;
use ushield_store_faults::rng::Rng;
use ushield_store_faults::wire::{Counterparts, Process, Tag, decode};

const PHONE: &str = env!("CARGO_BIN_EXE_ushield-store-phone");
const WORLDS: u64 = 25;
const KILLS: u64 = 41;

/// A process that is being started has the files of this one for a moment, the store's lock among them: only one of both at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// When a phone is killed.
#[derive(Clone, Copy, Debug)]
enum When {
    /// After it was started, whatever it has come to.
    Started,
    /// When it has said so for the nth time.
    Said(Tag, usize),
}

#[derive(Debug, Default)]
struct Count {
    kills: usize,
    opening: usize,
    in_commit: usize,
    in_call: usize,
    kept_in_flight: usize,
    lost_in_flight: usize,
    acknowledged: usize,
    orders: usize,
}

/// What the store of a phone must hold.
struct Promised {
    content: Content,
    in_flight: Option<Vec<Change>>,
}

/// A phone with pairing and certificate; its store is in the folder, closed.
fn ready(folder: &TempDir, seed: u64) -> Counterparts {
    let (store, _) = open(folder.path(), seed).unwrap();
    let world = World::over(seed, Arc::new(store));
    block_on(async {
        world.set_up();
        world.sign_in().await;
        world.pair().await.unwrap();
        world.certificate().await;
    });
    world.token.conduct(Conduct::Approve);
    Counterparts::new(world.bank.clone(), world.token.clone())
}

fn kill_again_and_again(seed: u64, count: &mut Count) {
    let folder = folder();
    let mut rng = Rng::new(seed);
    let (mut parties, content) = {
        let _alone = ALONE.lock().unwrap();
        let parties = ready(&folder, seed);
        (parties, Content::of(&open(folder.path(), seed << 20).unwrap().0).unwrap())
    };
    let mut promised = Promised { content, in_flight: None };
    for kill in 0..KILLS {
        let when = match rng.below(10) {
            0 => When::Started,
            1..=4 => When::Said(Tag::Begin, 1 + rng.below(9)),
            5 | 6 => When::Said(Tag::Acknowledged, 1 + rng.below(9)),
            7 => When::Said(Tag::Call, 1 + rng.below(3)),
            8 => When::Said(Tag::Receive, 1 + rng.below(6)),
            _ => When::Said(Tag::Started, 1),
        };
        let started = (seed << 20) + 1 + kill;
        live(&folder, seed, started, 40, Some(when), &mut rng, &mut parties, &mut promised, count);
    }
    // The last one lives, and asks for nothing new.
    live(&folder, seed, (seed << 20) + 1 + KILLS, 0, None, &mut rng, &mut parties, &mut promised, count);
    judge(folder.path(), seed, &parties, &promised, count);
}

#[allow(clippy::too_many_arguments, reason = "a phone's whole surroundings")]
fn live(
    folder: &TempDir,
    keys: u64,
    seed: u64,
    orders: u64,
    when: Option<When>,
    rng: &mut Rng,
    parties: &mut Counterparts,
    promised: &mut Promised,
    count: &mut Count,
) {
    // Every order has an amount of its own.
    let amount = 1 + seed * 100;
    let folder = folder.path().to_str().unwrap().to_owned();
    let arguments = [folder, keys.to_string(), seed.to_string(), amount.to_string(), orders.to_string()];
    let mut phone = {
        let _alone = ALONE.lock().unwrap();
        Process::start(PHONE, &arguments)
    };
    let (mut said, mut started, mut killed, mut done) = (0, false, false, false);
    let kill = |phone: &mut Process, rng: &mut Rng, most: usize| {
        for _ in 0..rng.below(most) {
            std::hint::spin_loop();
        }
        phone.kill();
    };
    if let Some(When::Started) = when {
        kill(&mut phone, rng, 400_000);
        killed = true;
    }
    let mut last = Tag::Started;
    while let Some((tag, parts)) = phone.heard() {
        last = tag;
        match tag {
            Tag::Started => {
                started = true;
                assert_eq!(parts[0], b"Existing", "{}", String::from_utf8_lossy(&parts[0]));
                let found = Content::default().after(&decode(&parts[1..]));
                count_in_flight(&found, promised, count);
            }
            Tag::Begin => promised.in_flight = Some(decode(&parts)),
            Tag::Acknowledged => {
                let changes = promised.in_flight.take().unwrap();
                promised.content = promised.content.after(&changes);
                count.acknowledged += 1;
            }
            Tag::Done => done = true,
            Tag::Failed => panic!("{}", String::from_utf8_lossy(&parts[0])),
            _ => {
                // What was on the way when the phone was killed arrives, or does not.
                if !killed || rng.percent(50) {
                    let (tag, parts) = parties.serve(tag, &parts);
                    if !killed {
                        phone.answer(tag, &parts);
                    }
                }
            }
        }
        if let Some(When::Said(wanted, times)) = when {
            said += usize::from(tag == wanted);
            if said == times && !killed {
                kill(&mut phone, rng, 100_000);
                killed = true;
            }
        }
    }
    parties.hang_up();
    let well = phone.ended();
    assert!(killed || done, "the phone ended by itself");
    assert!(when.is_some() || well, "the last phone did not end well");
    if when.is_some() {
        count.kills += usize::from(killed);
        count.opening += usize::from(!started);
        count.in_commit += usize::from(promised.in_flight.is_some() && started);
        count.in_call += usize::from(last.is_answered());
    }
}

/// The store holds what was acknowledged, and what was in flight whole or not at all.
fn count_in_flight(found: &Content, promised: &mut Promised, count: &mut Count) {
    match promised.in_flight.take() {
        Some(changes) if *found != promised.content => {
            assert!(*found == promised.content.after(&changes), "the store holds something else");
            promised.content = found.clone();
            count.kept_in_flight += 1;
        }
        in_flight => {
            assert!(*found == promised.content, "the store holds something else");
            count.lost_in_flight += usize::from(in_flight.is_some());
        }
    }
}

/// Every order that was asked for was executed once, and everybody knows it.
fn judge(folder: &Path, seed: u64, parties: &Counterparts, promised: &Promised, count: &mut Count) {
    let executed = parties.bank.executed();
    let amounts: BTreeSet<u64> = executed.iter().map(|(_, amount)| *amount).collect();
    assert_eq!(amounts.len(), executed.len(), "an order was executed twice");
    let _alone = ALONE.lock().unwrap();
    let world = World::new(seed);
    let phone = Phone::start(&world, folder, (seed << 20) + KILLS + 2, None).unwrap();
    assert!(phone.found == promised.content, "the store holds something else at the end");
    let history = block_on(phone.client.history()).unwrap();
    for entry in &history {
        let end = entry.receipt.as_ref().map(|receipt| receipt.outcome);
        assert_eq!((end, &entry.problem.is_none()), (Some(Outcome::Executed), &true), "{entry:?}");
    }
    // The certificate's order is in the history, and not among the transfers.
    assert_eq!(history.len(), executed.len() + 1);
    assert_eq!(parties.bank.orders(), executed.len() + 1, "an order is left open");
    let answers: BTreeSet<Vec<u8>> = parties.bank.submitted().into_iter().collect();
    assert_eq!(answers.len(), executed.len() + 1, "two answers to one order");
    count.orders += executed.len();
}

fn run(seeds: std::ops::Range<u64>) {
    let mut count = Count::default();
    for seed in seeds {
        kill_again_and_again(seed, &mut count);
    }
    println!("kills: {count:?}, 0 lost, 0 corrupt, 0 executed twice");
    // Every phone has more to do than it lives for. When exactly it is hit is chance, and not judged.
    assert_eq!(count.kills as u64, WORLDS * KILLS);
}

#[test]
fn killed_phones_lose_nothing_and_execute_once() {
    run(1..1 + WORLDS);
}

#[test]
fn killed_phones_lose_nothing_and_execute_once_with_other_seeds() {
    run(1_000..1_000 + WORLDS);
}
