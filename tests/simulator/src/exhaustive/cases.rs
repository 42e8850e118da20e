//! All cases of a kind, by the messages that a run has.

use crate::exhaustive::case::{BANK, BANK_IN_PAIRS, Blow, Case, LINK, LINK_IN_PAIRS};
use crate::exhaustive::damage::Damage;
use crate::exhaustive::flow::{Flow, Played};
use crate::exhaustive::mishap::Mishap;
use crate::fault::Fault;
use crate::link::{End, Hole};

/// Every message or fragment, with every fault.
#[must_use]
pub fn on_the_link(free: &Played) -> Vec<Case> {
    let link = (1..=messages(free)).flat_map(|number| LINK.map(|fault| Blow::Link(number, fault)));
    link.map(Case::one).collect()
}

/// Every message and every request, with every fault.
#[must_use]
pub fn singles(free: &Played) -> Vec<Case> {
    let asked = free.asked.iter().map(|(number, ..)| *number);
    let bank = asked.flat_map(|number| BANK.map(|fault| Blow::Bank(number, fault)));
    on_the_link(free).into_iter().chain(bank.map(Case::one)).collect()
}

/// Every byte of every message corrupted once, every message ended at every length once.
#[must_use]
pub fn alterations(free: &Played) -> Vec<Case> {
    let numbered = (1..).zip(&free.sent);
    let each = numbered.flat_map(|(number, sent)| {
        Damage::all(sent.length).map(move |damage| Case::one(Blow::Bytes(number, damage)))
    });
    each.collect()
}

/// All pairs of faults in the transfer, of which the second comes later in time: its numbers are those of the run with the first.
#[must_use]
pub fn pairs(flow: &Flow, free: &Played) -> Vec<Case> {
    let (link, bank) = transfer(free);
    let mut pairs = Vec::new();
    for first in blows(link..=messages(free), bank..=requests(free)) {
        let after = flow.play(&Case::one(first));
        let later = match first {
            Blow::Link(number, _) => blows(number + 1..=messages(&after), bank + 1..=requests(&after)),
            Blow::Bank(number, _) if number == bank => {
                blows(link..=messages(&after), number + 1..=requests(&after))
            }
            Blow::Bank(number, _) => {
                blows(messages(free) + 1..=messages(&after), number + 1..=requests(&after))
            }
            Blow::Bytes(..) | Blow::Command(..) | Blow::Hole(..) | Blow::Stuck(_) => Vec::new(),
        };
        pairs.extend(later.into_iter().map(|second| Case(vec![first, second])));
    }
    pairs
}

/// All pairs of faults of the link from this message on, the second one later in time: its numbers are those of the run with the first.
#[must_use]
pub fn pairs_on_the_link(flow: &Flow, free: &Played, from: u64) -> Vec<Case> {
    let mut pairs = Vec::new();
    for number in from..=messages(free) {
        for first in blows_of_the_link(number..=number) {
            let after = flow.play(&Case::one(first));
            let seconds = blows_of_the_link(number + 1..=messages(&after));
            pairs.extend(seconds.into_iter().map(|second| Case(vec![first, second])));
        }
    }
    pairs
}

/// Nothing arrives for a while, from every fragment on.
#[must_use]
pub fn holes(free: &Played, lengths: &[u64]) -> Vec<Case> {
    let hole = |length| Hole { length, to: None, only: None };
    let each = (1..=messages(free))
        .flat_map(|number| lengths.iter().map(move |length| Case::one(Blow::Hole(number, hole(*length)))));
    each.collect()
}

/// The phone's system takes nothing any more, from every fragment on that it is given.
#[must_use]
pub fn stuck(free: &Played) -> Vec<Case> {
    let numbered = (1..).zip(&free.sent).filter(|(_, sent)| sent.to == End::Token);
    numbered.map(|(number, _)| Case::one(Blow::Stuck(number))).collect()
}

/// Every command to a card, with the card lost and with every status word; every byte of command and answer, every length.
#[must_use]
pub fn commands(free: &Played) -> Vec<Case> {
    let each = (1..).zip(&free.exchanged).flat_map(|(number, exchanged)| {
        let words = Mishap::WORDS.into_iter().map(Mishap::Word);
        let command = Damage::all(exchanged.length).map(Mishap::Command);
        let answer = Damage::all(exchanged.answer.unwrap_or(0)).map(Mishap::Answer);
        let mishaps =
            Mishap::LOST.into_iter().chain([Mishap::Silent]).chain(words).chain(command).chain(answer);
        mishaps.map(move |mishap| Case::one(Blow::Command(number, mishap)))
    });
    each.collect()
}

/// The card lost around every command.
#[must_use]
pub fn cards_lost(free: &Played) -> Vec<Case> {
    let last = u64::try_from(free.exchanged.len()).unwrap_or(0);
    let lost = |number| Mishap::LOST.map(|mishap| Case::one(Blow::Command(number, mishap)));
    (1..=last).flat_map(lost).collect()
}

/// The card lost twice, at all pairs of commands.
#[must_use]
pub fn cards_lost_twice(flow: &Flow, free: &Played) -> Vec<Case> {
    let lost = |from: u64, played: &Played| {
        let last = u64::try_from(played.exchanged.len()).unwrap_or(0);
        let numbers = (from..=last).flat_map(|number| Mishap::LOST.map(|mishap| (number, mishap)));
        numbers.collect::<Vec<_>>()
    };
    let pairs = lost(1, free).into_iter().flat_map(|(number, mishap)| {
        let first = Blow::Command(number, mishap);
        let seconds = lost(number + 1, &flow.play(&Case::one(first)));
        seconds.into_iter().map(move |(number, mishap)| Case(vec![first, Blow::Command(number, mishap)]))
    });
    pairs.collect()
}

/// The first message of the transfer.
#[must_use]
pub fn first_of_the_transfer(free: &Played) -> u64 {
    transfer(free).0
}

/// The first message and the first request of the transfer.
fn transfer(free: &Played) -> (u64, u64) {
    let last = free.sent.last().map(|sent| sent.connection);
    let first = free.sent.iter().position(|sent| Some(sent.connection) == last);
    let creation = free.asked.iter().rfind(|(_, _, what)| what == "Post /v1/orders");
    (first.map_or(0, |at| u64::try_from(at).unwrap_or(0)) + 1, creation.map_or(0, |(number, ..)| *number))
}

fn blows(link: std::ops::RangeInclusive<u64>, bank: std::ops::RangeInclusive<u64>) -> Vec<Blow> {
    let bank = bank.flat_map(|number| BANK_IN_PAIRS.map(|fault: Fault| Blow::Bank(number, fault)));
    blows_of_the_link(link).into_iter().chain(bank).collect()
}

fn blows_of_the_link(numbers: std::ops::RangeInclusive<u64>) -> Vec<Blow> {
    numbers.flat_map(|number| LINK_IN_PAIRS.map(|fault: Fault| Blow::Link(number, fault))).collect()
}

fn messages(played: &Played) -> u64 {
    u64::try_from(played.sent.len()).unwrap_or(0)
}

fn requests(played: &Played) -> u64 {
    played.asked.iter().map(|(number, ..)| *number).max().unwrap_or(0)
}
