//! Everything between phone and bank is an attacker's, but for the signing keys: nothing executes twice, nothing that was not approved, and the
//! phone shows no end without the receipt of exactly that order.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use ushield_client::Error;
use ushield_e2e::evil::{Conduct, FrontEnd, drive};
use ushield_protocol::authorization::{Authorization, Decision};
use ushield_protocol::key::{RingVerifier, Sign as _};

use crate::play::{Caught, Count, Play, play, report, seeds};

/// Sequences over one phone.
const PER_WORLD: u64 = 5;

/// Moments at which the customer may want the order back.
const WISHES: [&str; 3] = ["review-on-token", "approved", "submitting"];

/// A call of the client's while the front end meddles.
async fn act(played: &mut Play) -> Result<(), Error> {
    played.stay_signed_in().await?;
    match played.dice.below(8) {
        0..=3 => {
            let id = played.create().await?;
            played.world.run(id).await.map(|_| ())
        }
        4 => {
            let id = played.create().await?;
            let (client, person) = (&played.world.client, &played.world.person);
            client.cancel_order(&played.world.token, person, id).await.map(|_| ())
        }
        5 => {
            let Some(id) = played.open_order().await else { return Ok(()) };
            let (client, person) = (&played.world.client, &played.world.person);
            client.cancel_order(&played.world.token, person, id).await.map(|_| ())
        }
        6 => {
            played.world.restart();
            Ok(())
        }
        _ => played.world.client.resume(&played.world.token, &played.world.person).await.map(|_| ()),
    }
}

/// Some calls behind a hostile front end, and then an honest one.
fn sequence(played: &mut Play, front: &FrontEnd, seed: u64) -> bool {
    played.dice.reseed(seed);
    played.witness.judges(true);
    front.meddles();
    for _ in 0..1 + played.dice.below(3) {
        played.world.token.conduct(match played.dice.below(10) {
            0 => Conduct::Reject,
            1 => Conduct::ApproveThenCut,
            2 => Conduct::Wait,
            _ => Conduct::Approve,
        });
        if played.dice.percent(15) {
            played.world.person.cancels_when(WISHES[played.dice.below(WISHES.len())]);
        }
        played.may_run_full();
        if drive(act(played)).is_none() {
            played.witness.objects("it never ends".to_owned());
        }
        played.world.store.heal();
        played.world.person.cancels_nothing();
        // Half of the time the phone looks at its history while the lies are fresh.
        if played.dice.percent(50) {
            drive(played.shows_the_truth());
        }
        played.told_the_truth();
    }
    front.repents();
    played.honest_again();
    let checked = drive(async {
        played.stay_signed_in().await.unwrap();
        played.comes_to_an_end().await;
        played.told_the_truth();
        played.shows_the_truth().await;
        played.executed_once();
        played.knows_what_was_executed().await;
        approved(played);
        played.pays().await;
    });
    if checked.is_none() {
        played.witness.objects("with honest sides it never ends".to_owned());
    }
    true
}

/// Whatever was executed was approved on the token: it has signed that.
fn approved(played: &Play) {
    let pay = played.world.token.pay_key().public_key();
    for (id, _) in played.world.bank.executed() {
        let answer = played.world.token.answer_to(id).unwrap_or_default();
        let approval = Authorization::receive(&answer)
            .and_then(|answer| answer.verify(Decision::Approved, &pay, &RingVerifier));
        if approval.is_err() {
            played.witness.objects(format!("{id:?} was executed and never approved"));
        }
    }
}

pub(crate) fn sequences(seeds: Range<u64>) -> Result<(Count, u64), Caught> {
    let front: RefCell<Option<Arc<FrontEnd>>> = RefCell::default();
    let tricks = RefCell::new(0);
    let new = |number: u64| {
        if let Some(before) = front.borrow_mut().take() {
            *tricks.borrow_mut() += before.tricks();
        }
        Play::new(number % 8, true, |bank, dice| {
            let made = Arc::new(FrontEnd::new(bank, dice));
            *front.borrow_mut() = Some(Arc::clone(&made));
            made
        })
    };
    let count = play(seeds, PER_WORLD, new, |played, seed, _| {
        let front = Arc::clone(front.borrow().as_ref().unwrap());
        sequence(played, &front, seed)
    })?;
    Ok((count, tricks.into_inner()))
}

/// Half of the sequences: the other half is played beside it.
fn half(from: u64) {
    ushield_protocol::stand_in::enable(true);
    let played = sequences(seeds(from, 10_000));
    let tricks = played.as_ref().map(|(_, tricks)| *tricks).unwrap_or_default();
    let count = report("hostile front end", played.map(|(count, _)| count));
    println!("hostile front end: {tricks} tricks");
    assert!(count.executed > 0 && count.tally.receipts > 0 && tricks > count.sequences / 2);
    ushield_protocol::stand_in::enable(false);
}

#[test]
fn a_hostile_front_end_gets_nothing() {
    half(0);
}

#[test]
fn a_hostile_front_end_gets_nothing_with_other_seeds() {
    half(500_000);
}
