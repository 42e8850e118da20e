//! The phone dies before and after every durable step of every story, and again at every durable step of the life after that: the order ends once, as the
//! customer decided, and no acknowledged step is lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::collections::{BTreeMap, BTreeSet};

use futures::executor::block_on;
use ushield_client::Status;
use ushield_client::store::Opened;
use ushield_protocol::planted::{Bug, plant};
use ushield_protocol::receipt::Outcome;
use ushield_protocol::stand_in;
use ushield_store_faults::content::folder;
use ushield_store_faults::life::{Death, Phone, Side};
use ushield_store_faults::points::Point;
use ushield_store_faults::scenario::{Scenario, Story};

/// Lives, each ending as said, and a last one that does not end. The points of the last one.
fn live(
    scenario: Scenario,
    deaths: &[Death],
    reached: &mut BTreeMap<(Point, Side), usize>,
) -> Result<Vec<Point>, String> {
    let folder = folder();
    let story = Story::new(scenario, 1);
    let mut written = None;
    for (life, death) in deaths.iter().map(Some).chain([None]).enumerate() {
        let phone = Phone::start(&story.world, folder.path(), 100 + life as u64, death.copied())
            .map_err(|error| format!("life {life}: the store does not open: {error:?}"))?;
        match (&phone.opened, life) {
            (Opened::Fresh, 0) | (Opened::Existing, 1..) => {}
            (opened, _) => return Err(format!("life {life}: {opened:?}")),
        }
        if written.as_ref().is_some_and(|written| phone.found != *written) {
            return Err(format!("life {life}: the store holds something else than what was acknowledged"));
        }
        let done = phone.life.run(story.go_on(&phone));
        let record = phone.life.written();
        match (done, death) {
            (None, Some(death)) => {
                if let (Side::After, Some(point)) = (death.side, record.points.last()) {
                    *reached.entry((*point, Side::After)).or_default() += 1;
                }
                written = Some(record.content);
            }
            (Some(Ok(())), None) => {
                judge(scenario, &story, &phone)?;
                return Ok(record.points);
            }
            (done, death) => return Err(format!("life {life} of {death:?}: {done:?}")),
        }
    }
    unreachable!()
}

/// What must be true at the end.
fn judge(scenario: Scenario, story: &Story, phone: &Phone) -> Result<(), String> {
    let executed = story.executed();
    let wanted = usize::from(scenario.end() == Some(Outcome::Executed));
    if executed.len() != wanted {
        return Err(format!("executed {} times", executed.len()));
    }
    let history = block_on(phone.client.history()).map_err(|error| format!("{error:?}"))?;
    for entry in &history {
        let at_bank = entry.id.and_then(|id| story.world.bank.end_of(id));
        match entry.status {
            Status::Ended(outcome) if at_bank == Some(outcome) && entry.problem.is_none() => {}
            Status::NotCreated(_) if entry.id.is_none() => {}
            _ => return Err(format!("{entry:?} and at the bank {at_bank:?}")),
        }
    }
    let ends: Vec<Option<Outcome>> = block_on(story.transfers(phone))
        .map_err(|error| format!("{error:?}"))?
        .iter()
        .map(|entry| entry.receipt.as_ref().map(|receipt| receipt.outcome))
        .collect();
    if ends != [scenario.end()] {
        return Err(format!("the history ends with {ends:?}"));
    }
    // One answer for each order, whatever was sent again.
    let answers: BTreeSet<Vec<u8>> = story.world.bank.submitted().into_iter().collect();
    if answers.len() > story.world.token.decided() {
        return Err(format!("{} answers", answers.len()));
    }
    Ok(())
}

fn deaths(commits: usize) -> impl Iterator<Item = Death> {
    (0..commits).flat_map(|at| [Side::Before, Side::After].map(|side| Death { at, side }))
}

#[derive(Default)]
struct Count {
    once: usize,
    twice: usize,
    reached: BTreeMap<(Point, Side), usize>,
}

fn die_everywhere(scenario: Scenario, count: &mut Count) -> Result<(), String> {
    let told = |deaths: &[Death]| {
        let deaths = deaths.to_vec();
        move |why| format!("{scenario:?}, {deaths:?}: {why}")
    };
    let undisturbed = live(scenario, &[], &mut count.reached).map_err(told(&[]))?;
    for first in deaths(undisturbed.len()) {
        let after = live(scenario, &[first], &mut count.reached).map_err(told(&[first]))?;
        if first.side == Side::Before {
            *count.reached.entry((undisturbed[first.at], Side::Before)).or_default() += 1;
        }
        count.once += 1;
        for second in deaths(after.len()) {
            let both = [first, second];
            live(scenario, &both, &mut count.reached).map_err(told(&both))?;
            count.twice += 1;
        }
    }
    Ok(())
}

fn run(scenarios: &[Scenario]) -> Count {
    stand_in::enable(true);
    let mut count = Count::default();
    for scenario in scenarios {
        die_everywhere(*scenario, &mut count).unwrap_or_else(|why| panic!("{why}"));
    }
    println!(
        "crash points, {scenarios:?}: {} deaths, {} pairs of deaths, 0 lost or doubled",
        count.once, count.twice
    );
    count
}

#[test]
fn the_phone_dies_at_every_step_and_again() {
    let (first, second) = Scenario::ALL.split_at(5);
    let (mut count, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(second));
        (run(first), other.join().unwrap())
    });
    for (reached, times) in other.reached {
        *count.reached.entry(reached).or_default() += times;
    }
    for point in Point::ALL {
        for side in [Side::Before, Side::After] {
            assert!(count.reached.contains_key(&(point, side)), "{point:?} {side:?} is never reached");
        }
    }
    println!(
        "crash points: {} names x before and after, all reached; {} deaths, {} pairs",
        Point::ALL.len(),
        count.once + other.once,
        count.twice + other.twice
    );
}

/// The bug is in the client: what it makes durable too late is not there after a death.
#[test]
fn answers_that_are_not_durable_before_they_leave_are_missed() {
    for bug in [Bug::SubmittedBeforeStored, Bug::RetryUnderNewId, Bug::IntentAfterSending] {
        plant(Some(bug));
        let caught = std::panic::catch_unwind(|| run(&[Scenario::Approve]));
        plant(None);
        println!("crash points, planted {}: caught {}", bug.name(), caught.is_err());
    }
}
