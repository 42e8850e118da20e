//! Each bug of the token, planted: the checks of power cuts, of guesses and of malicious phones find it, and find nothing without.
//!
//! What a check starts from is made before the bug is planted, and a check tells what it found: a helper that panics has found nothing.

use ushield_protocol::planted::{Bug, plant};

use super::cuts::Command;
use super::guesses::Thief;
use super::world::World;
use super::{chaos, cuts};

/// Sequences of malicious phones until a bug counts as not found.
const SEQUENCES: u64 = 4_000;

/// What found it, after how much; or how much found nothing.
type Found = Result<u64, (u64, String)>;

/// The checks, each with what it starts from.
struct Checks {
    ground: chaos::Ground,
    world: World,
    commands: Vec<Command>,
}

#[derive(Clone, Copy, Debug)]
enum Check {
    /// Sequences of [`chaos`].
    MaliciousPhones,
    /// Lives of [`super::guesses`].
    Guesses,
    /// Cuts of a command of [`cuts`].
    PowerCuts(&'static str),
}

use Check::{Guesses, MaliciousPhones, PowerCuts};

const BUGS: [(Bug, Check); 16] = [
    (Bug::CounterAfterSignature, PowerCuts("second approval")),
    (Bug::PinBeforeOk, MaliciousPhones),
    (Bug::TwoComparisons, MaliciousPhones),
    (Bug::FloorByUndecided, MaliciousPhones),
    (Bug::FloorByUndecided, PowerCuts("order shown and cancelled")),
    (Bug::TriesAfterCompare, Guesses),
    (Bug::ReleasedBeforeStored, MaliciousPhones),
    (Bug::BufferedOk, MaliciousPhones),
    (Bug::OkBeforeLastPage, MaliciousPhones),
    (Bug::SignsAgain, MaliciousPhones),
    (Bug::ReviewReplaced, MaliciousPhones),
    (Bug::AddresseeIgnored, MaliciousPhones),
    (Bug::CancelByAnyPhone, MaliciousPhones),
    (Bug::OrderUnverified, MaliciousPhones),
    (Bug::StrangerAnswered, MaliciousPhones),
    (Bug::PairingTriesAtEnd, PowerCuts("third P3")),
];

impl Checks {
    fn new() -> Self {
        let wanted = |command: &Command| {
            BUGS.iter().any(|(_, check)| matches!(check, PowerCuts(name) if *name == command.name))
        };
        let commands = cuts::commands().into_iter().map(|make| make()).filter(wanted).collect();
        Self { ground: chaos::Ground::new(), world: World::new(), commands }
    }

    fn run(&mut self, check: Check, bug: Option<Bug>) -> Found {
        let mut thief = Thief::new();
        plant(bug);
        let found = match check {
            MaliciousPhones => (0..SEQUENCES).try_fold(0, |count, seed| {
                chaos::play(&mut self.ground, seed).map_err(|why| (count + 1, why))?;
                Ok(count + 1)
            }),
            Guesses => {
                let searched = thief.every_life(1);
                searched.map(|()| thief.counts.lives).map_err(|why| (thief.counts.lives, why))
            }
            PowerCuts(name) => {
                let command = self.commands.iter().find(|command| command.name == name).unwrap();
                let mut counts = cuts::Counts::default();
                let searched = cuts::check(&mut self.world, command, &mut counts);
                searched.map(|()| counts.cuts).map_err(|why| (counts.cuts, why))
            }
        };
        plant(None);
        found
    }
}

#[test]
fn every_bug_of_the_token_is_found() {
    ushield_protocol::stand_in::enable(true);
    let mut checks = Checks::new();
    for (bug, check) in BUGS {
        match checks.run(check, Some(bug)) {
            Err((count, why)) => println!("{}: {check:?}, after {count}: {why}", bug.name()),
            Ok(count) => panic!("{}: {check:?} did not find it in {count}", bug.name()),
        }
    }
}

/// The same checks, as far as they go with bugs.
#[test]
fn without_a_bug_nothing_is_found() {
    ushield_protocol::stand_in::enable(true);
    let mut checks = Checks::new();
    let mut names = std::collections::BTreeSet::new();
    for (_, check) in BUGS {
        if names.insert(format!("{check:?}")) {
            let count =
                checks.run(check, None).unwrap_or_else(|(count, why)| panic!("{check:?} {count}: {why}"));
            println!("{check:?}: nothing in {count}");
        }
    }
}
