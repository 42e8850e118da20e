//! An older image of the store comes back, from any moment of an order's life, at any later moment: nothing is executed a second time, and what was
//! executed is never shown as anything else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use futures::executor::block_on;
use ushield_client::Status;
use ushield_client::store::Opened;
use ushield_protocol::receipt::Outcome;
use ushield_protocol::stand_in;
use ushield_store_faults::content::folder;
use ushield_store_faults::life::{Death, Phone, Side};
use ushield_store_faults::points::Point;
use ushield_store_faults::scenario::{Scenario, Story};

/// The steps of a life that nothing disturbs.
fn steps(scenario: Scenario) -> Vec<Point> {
    let folder = folder();
    let story = Story::new(scenario, 1);
    let phone = Phone::start(&story.world, folder.path(), 100, None).unwrap();
    phone.life.run(story.go_on(&phone)).unwrap().unwrap();
    phone.life.written().points
}

#[derive(Debug, Default)]
struct Count {
    pairs: usize,
    /// The older image knew the order and took it to the bank's receipt.
    ended: usize,
    /// The older image did not know an order that was over.
    unknown: usize,
    /// The repeated request ended without an order of its own.
    repeated: usize,
    /// The bank had executed before the image came back.
    executed_before: usize,
}

/// The image after commit `copied` comes back when the phone has come to commit `reached`.
fn turn_back(scenario: Scenario, asked: usize, copied: usize, reached: usize, count: &mut Count) {
    let at = format!("{scenario:?}: copy of {copied} at {reached}");
    let (folder, older) = (folder(), ushield_store_faults::content::folder());
    let story = Story::new(scenario, 1);
    let death = Some(Death { at: reached, side: Side::After });
    let copy = Some((copied, older.path()));
    let phone = Phone::start_copying(&story.world, folder.path(), 100, death, copy).unwrap();
    assert!(phone.life.run(story.go_on(&phone)).is_none(), "{at}: the phone does not die");
    let executed_before = story.executed().len();
    drop(phone);

    let phone = Phone::start(&story.world, older.path(), 200, None).unwrap();
    assert!(matches!(phone.opened, Opened::Existing), "{at}: {:?}", phone.opened);
    let done = phone.life.run(story.go_on_with_what_is_known(&phone)).unwrap();
    done.unwrap_or_else(|error| panic!("{at}: {error:?}"));

    let mut transfers = block_on(story.transfers(&phone)).unwrap();
    let all = transfers.len();
    transfers.retain(|entry| !story.is_ended_repetition(entry));
    let repeated = all - transfers.len();
    assert!(repeated <= 1, "{at}: {repeated} requests ended without an order");
    count.repeated += repeated;
    let known = !transfers.is_empty();
    assert!(known || copied < asked, "{at}: an order is gone");
    for entry in &transfers {
        let at_bank = entry.id.and_then(|id| story.world.bank.end_of(id));
        assert_eq!(entry.status, Status::Ended(scenario.end().unwrap()), "{at}");
        assert_eq!(at_bank, scenario.end(), "{at}");
        assert!(entry.problem.is_none(), "{at}: {entry:?}");
    }
    assert!(transfers.len() <= 1, "{at}: {} orders", transfers.len());
    let executes = scenario.end() == Some(Outcome::Executed);
    let expected = if known { usize::from(executes) } else { executed_before };
    assert_eq!(story.executed().len(), expected, "{at}: executions");
    count.pairs += 1;
    count.ended += usize::from(known);
    count.unknown += usize::from(!known);
    count.executed_before += usize::from(executed_before == 1);
}

fn run(scenarios: &[Scenario]) {
    stand_in::enable(true);
    for scenario in scenarios {
        let steps = steps(*scenario);
        // The first request after the certificate is the transfer's.
        let certificate = steps.iter().rposition(|step| *step == Point::CertificateKept).unwrap();
        let asked =
            certificate + steps[certificate..].iter().position(|step| *step == Point::Requested).unwrap();
        let mut count = Count::default();
        for reached in 0..steps.len() {
            for copied in 0..=reached {
                turn_back(*scenario, asked, copied, reached, &mut count);
            }
        }
        println!("older images, {scenario:?}, {} steps: {count:?}, 0 executed twice", steps.len());
        assert_eq!(count.pairs, steps.len() * (steps.len() + 1) / 2);
        assert!(count.ended > 0 && count.unknown > 0, "{count:?}");
        assert_eq!(count.repeated > 0, *scenario == Scenario::AskedTwice, "{count:?}");
        assert!(scenario.end() != Some(Outcome::Executed) || count.executed_before > 10, "{count:?}");
    }
}

#[test]
fn an_older_image_never_makes_a_second_execution() {
    run(&[Scenario::Approve, Scenario::Reject]);
}

#[test]
fn an_older_image_never_makes_a_second_execution_of_what_was_disturbed() {
    run(&[Scenario::Cancel, Scenario::Withdrawn]);
}

#[test]
fn an_older_image_of_a_payment_that_was_asked_for_twice() {
    run(&[Scenario::AskedTwice]);
}
