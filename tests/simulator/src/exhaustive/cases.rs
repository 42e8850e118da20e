//! All cases of a kind, by the messages that a run has.

use ushield_protocol::message::Kind;

use crate::exhaustive::case::{BANK, BANK_IN_PAIRS, Blow, Case, LINK, LINK_IN_PAIRS};
use crate::exhaustive::damage::Damage;
use crate::exhaustive::flow::{Flow, Played};
use crate::fault::Fault;

/// Every message and every request, with every fault.
#[must_use]
pub fn singles(free: &Played) -> Vec<Case> {
    let link = (1..=messages(free)).flat_map(|number| LINK.map(|fault| Blow::Link(number, fault)));
    let asked = free.asked.iter().map(|(number, ..)| *number);
    let bank = asked.flat_map(|number| BANK.map(|fault| Blow::Bank(number, fault)));
    link.chain(bank).map(Case::one).collect()
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
            Blow::Bank(number, _) | Blow::Bytes(number, _) => {
                blows(messages(free) + 1..=messages(&after), number + 1..=requests(&after))
            }
        };
        pairs.extend(later.into_iter().map(|second| Case(vec![first, second])));
    }
    pairs
}

/// The first message and the first request of the transfer.
fn transfer(free: &Played) -> (u64, u64) {
    let hello = free.sent.iter().rposition(|sent| sent.kind == Kind::Hello.number());
    let creation = free.asked.iter().rfind(|(_, _, what)| what == "Post /v1/orders");
    (hello.map_or(0, |at| u64::try_from(at).unwrap_or(0)) + 1, creation.map_or(0, |(number, ..)| *number))
}

fn blows(link: std::ops::RangeInclusive<u64>, bank: std::ops::RangeInclusive<u64>) -> Vec<Blow> {
    let link = link.flat_map(|number| LINK_IN_PAIRS.map(|fault: Fault| Blow::Link(number, fault)));
    let bank = bank.flat_map(|number| BANK_IN_PAIRS.map(|fault: Fault| Blow::Bank(number, fault)));
    link.chain(bank).collect()
}

fn messages(played: &Played) -> u64 {
    u64::try_from(played.sent.len()).unwrap_or(0)
}

fn requests(played: &Played) -> u64 {
    played.asked.iter().map(|(number, ..)| *number).max().unwrap_or(0)
}
