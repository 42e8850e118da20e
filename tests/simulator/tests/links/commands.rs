//! Every command to a card: the card lost around it, no answer, another status word, every byte and every length of both.

use ushield_simulator::exhaustive::case::Blow;
use ushield_simulator::exhaustive::cases::{cards_lost_twice, commands};
use ushield_simulator::exhaustive::mishap::Mishap;
use ushield_simulator::exhaustive::report::{all, free};
use ushield_simulator::exhaustive::{Case, Flow, Played};
use ushield_simulator::link::{Exchanged, Way};

const POLL: [u8; 3] = [0x80, 0xc2, 0];
/// INS and P1 of a sealed message.
const SEALED: [u8; 2] = [0xc2, 3];
/// Bytes of an answer that is a status word alone.
const NOTHING: Option<usize> = Some(2);

fn nothing(_: &Case, _: &Played) -> Vec<String> {
    Vec::new()
}

#[test]
fn everything_that_can_happen_to_every_command() {
    for (length, extended) in [("short", false), ("extended", true)] {
        let flow = Flow::over(&[Way::Card(extended)]);
        let free = free(&flow);
        all(&format!("commands, {length} length"), &flow, &free, &commands(&free), nothing);
    }
}

#[test]
fn the_card_lost_at_every_two_commands() {
    let flow = Flow::over(&[Way::Card(false)]);
    let free = free(&flow);
    all("card lost twice", &flow, &free, &cards_lost_twice(&flow, &free), nothing);
}

/// The connections after this one.
fn after(played: &Played, connection: u64) -> impl Iterator<Item = &Exchanged> {
    played.exchanged.iter().filter(move |exchanged| exchanged.connection > connection)
}

/// The card is taken away when it has the order, the customer decides, and the next tap brings the answer without a further question.
#[test]
fn two_taps_are_enough() {
    let flow = Flow { away: Some(30_000), ..Flow::over(&[Way::Card(false)]) };
    let free = free(&flow);
    let tap = free.exchanged.last().unwrap().connection;
    let number = |at: usize| u64::try_from(at).unwrap() + 1;
    let is_sealed = |exchanged: &Exchanged| exchanged.kind[1..] == SEALED;
    let delivered = number(free.exchanged.iter().rposition(is_sealed).unwrap());
    // The command that brings the order, and each poll but the one that has the answer.
    let brought = [(delivered, Mishap::During), (delivered, Mishap::After)];
    let polls = delivered + 1..number(free.exchanged.len() - 1);
    let polls = polls.flat_map(|number| Mishap::LOST.map(|mishap| (number, mishap)));
    let taken = brought.into_iter().chain(polls);
    let taken: Vec<Case> = taken.map(|(number, mishap)| Case::one(Blow::Command(number, mishap))).collect();
    assert!(taken.len() > 10);
    all("two taps", &flow, &free, &taken, |_, played| {
        let mut bad = Vec::new();
        if played.made != free.made + 1 {
            bad.push(format!("{} connections instead of two taps", played.made + 1 - free.made));
        }
        if after(played, tap).any(|exchanged| exchanged.kind == POLL && exchanged.answer == NOTHING) {
            bad.push("the second tap had to wait".to_owned());
        }
        bad
    });
}
