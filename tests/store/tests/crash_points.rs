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
use ushield_client::ports::Table;
use ushield_client::records::OrderRecord;
use ushield_client::store::Opened;
use ushield_protocol::planted::{Bug, plant};
use ushield_protocol::receipt::Outcome;
use ushield_protocol::stand_in;
use ushield_session::order_life::Stage;
use ushield_store_faults::content::{Content, folder};
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
                kept_in_time(scenario, &story, &record.content)?;
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

/// What left the phone before it died was durable before it left: requests, orders, answers.
fn kept_in_time(scenario: Scenario, story: &Story, content: &Content) -> Result<(), String> {
    let records: Vec<OrderRecord> =
        content.table(Table::Order).map(|record| OrderRecord::decode(record).unwrap()).collect();
    let (bank, token) = (&story.world.bank, &story.world.token);
    // In the one story another life of the phone had them, and in the other the token gave it back.
    if scenario != Scenario::Adopted && bank.orders() > records.len() {
        return Err("the bank has an order whose request was not durable".to_owned());
    }
    let has = |stage: &dyn Fn(&Stage) -> bool| records.iter().any(|record| stage(record.life.stage()));
    for sent in bank.submitted() {
        let known = has(&|stage| match stage {
            Stage::Submitted { answer, .. } | Stage::Settled { answer: Some(answer), .. } => *answer == sent,
            _ => false,
        });
        if !known && scenario != Scenario::Adopted {
            return Err("the bank has an answer whose submission was not durable".to_owned());
        }
    }
    for sent in token.orders() {
        let known = has(&|stage| match stage {
            Stage::Requested | Stage::NotCreated { .. } => false,
            // The token said that it does not show it any more.
            Stage::Prepared { order } => {
                *order == sent && matches!(scenario, Scenario::Withdrawn | Scenario::Cancel)
            }
            Stage::Sent { order }
            | Stage::Shown { order }
            | Stage::Decided { order, .. }
            | Stage::Submitted { order, .. }
            | Stage::Settled { order, .. } => *order == sent,
        });
        if !known && scenario != Scenario::Adopted {
            return Err("the token has an order whose delivery was not durable".to_owned());
        }
    }
    Ok(())
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
    // Up to the certificate these stories are the first one.
    let same_as_first = matches!(
        scenario,
        Scenario::Reject
            | Scenario::Cancel
            | Scenario::AskedTwice
            | Scenario::Withdrawn
            | Scenario::SignedOut
    );
    let told_before = undisturbed.iter().rposition(|point| *point == Point::CertificateKept);
    let from = if same_as_first { told_before.unwrap() } else { 0 };
    let reach = |point: Point, reached: &mut BTreeMap<(Point, Side), usize>| {
        *reached.entry((point, Side::Before)).or_default() += 1;
    };
    for first in deaths(undisturbed.len()).filter(|death| death.at >= from) {
        let after = live(scenario, &[first], &mut count.reached).map_err(told(&[first]))?;
        if first.side == Side::Before {
            reach(undisturbed[first.at], &mut count.reached);
        }
        count.once += 1;
        for second in deaths(after.len()) {
            let both = [first, second];
            live(scenario, &both, &mut count.reached).map_err(told(&both))?;
            if second.side == Side::Before {
                reach(after[second.at], &mut count.reached);
            }
            count.twice += 1;
        }
    }
    Ok(())
}

fn run(scenarios: &[Scenario]) -> Count {
    stand_in::enable(true);
    let mut count = Count::default();
    for scenario in scenarios {
        die_everywhere(*scenario, &mut count)
            .unwrap_or_else(|why| panic!("after {} deaths: {why}", count.once + count.twice));
    }
    println!(
        "crash points, {scenarios:?}: {} deaths, {} pairs of deaths, 0 lost or doubled",
        count.once, count.twice
    );
    count
}

#[test]
fn the_phone_dies_at_every_step_and_again() {
    let (first, second) = Scenario::ALL.split_at(6);
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

/// What leaves before it is durable is seen as soon as the phone dies in between.
#[test]
fn what_leaves_before_it_is_durable_is_caught() {
    stand_in::enable(true);
    for bug in [Bug::SubmittedBeforeStored, Bug::IntentAfterSending] {
        plant(Some(bug));
        let commits = live(Scenario::Approve, &[], &mut BTreeMap::new()).unwrap().len();
        let mut tried = 0;
        let caught = deaths(commits).find_map(|death| {
            tried += 1;
            live(Scenario::Approve, &[death], &mut BTreeMap::new()).err()
        });
        plant(None);
        let why = caught.unwrap_or_else(|| panic!("{bug:?} is not caught"));
        println!("crash points, planted {}: caught at death {tried}: {why}", bug.name());
    }
}
