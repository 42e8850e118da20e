//! One seed, from the first switch-on to the last receipt.

use ushield_protocol::key::Hash;
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::stand_in;

use crate::app::App;
use crate::bank::BankSide;
use crate::executor::Executor;
use crate::fault::{Fault, Plan, Table};
use crate::goal::Nature;
use crate::link::Way;
use crate::person::Person;
use crate::phone::PhoneSide;
use crate::ports::Ports;
use crate::rng::Rng;
use crate::scene;
use crate::token::TokenSide;
use crate::world::{Event, Shared, World};

/// Everything is over by then: a certificate order lives a day.
pub const END: u64 = 26 * 60 * 60_000;
/// What was begun before the end takes so long at most: a card is waited for as long as its review can last, four times.
const LAST: u64 = 60 * 60_000;
/// Events after which a run is taken for one that never ends.
const MOST_EVENTS: u64 = 2_000_000;

/// Which cryptography a run uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crypto {
    /// The shipped one.
    Real,
    /// The stand-in, a hundred times as fast.
    StandIn,
}

/// A run to be made.
#[derive(Clone, Debug)]
pub struct Run {
    /// Everything follows from it.
    pub seed: u64,
    /// With which cryptography.
    pub crypto: Crypto,
    /// With which bug.
    pub bug: Option<Bug>,
    /// Whether the trace is kept as text.
    pub text: bool,
    /// Whether each connection is made over what the seed says: messages, fragments or a card. Else all have messages.
    pub mixed: bool,
    /// Instead of the seed's person.
    pub nature: Option<Nature>,
    /// Instead of the seed's faults: none by chance, and these at these messages of the link.
    pub at_messages: Option<Vec<(u64, Fault)>>,
}

/// What a run was.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the oracle found wrong.
    pub violations: Vec<String>,
    /// Faults by kind and state.
    pub table: Table,
    /// Hash of the trace.
    pub hash: Hash,
    /// The trace, where it was asked for.
    pub text: String,
    /// Orders at the bank, and how many of them were executed.
    pub orders: u64,
    /// As above.
    pub executed: u64,
    /// Messages on links.
    pub messages: u64,
    /// When the last thing happened, in virtual milliseconds.
    pub ended: u64,
    /// What the person was asked: OK on a last page.
    pub confirmed: u64,
}

impl Run {
    /// The run of a seed, as it is.
    #[must_use]
    pub fn new(seed: u64, crypto: Crypto) -> Self {
        Self { seed, crypto, bug: None, text: false, mixed: false, nature: None, at_messages: None }
    }

    /// With a bug.
    #[must_use]
    pub fn with(self, bug: Bug) -> Self {
        Self { bug: Some(bug), ..self }
    }

    /// The command that plays it again.
    #[must_use]
    pub fn command(&self) -> String {
        let crypto = if self.crypto == Crypto::Real { "real" } else { "stand-in" };
        let bug = self.bug.map(|bug| format!(" --bug {}", bug.name())).unwrap_or_default();
        let mixed = if self.mixed { " --mixed" } else { "" };
        format!("cargo run -p ushield-simulator -- replay --seed {} --crypto {crypto}{mixed}{bug}", self.seed)
    }

    /// Makes it.
    #[must_use]
    pub fn play(&self) -> Outcome {
        self.play_between(|_| {}, |_| {}).0
    }

    /// Makes it, with something done to the world before the first thing happens, and something found out after the last.
    #[must_use]
    pub fn play_between<T>(
        &self,
        before: impl FnOnce(&mut World),
        after: impl FnOnce(&Shared) -> T,
    ) -> (Outcome, T) {
        stand_in::enable(self.crypto == Crypto::StandIn);
        planted::plant(self.bug);
        let outcome = self.played(before, after);
        planted::plant(None);
        stand_in::enable(false);
        outcome
    }

    fn played<T>(&self, before: impl FnOnce(&mut World), after: impl FnOnce(&Shared) -> T) -> (Outcome, T) {
        let seed = self.seed;
        let nature = self.nature.clone().unwrap_or_else(|| Nature::of(seed));
        let (phones, mut rng) = (nature.phones, Rng::new(seed, 7));
        let plan = if self.at_messages.is_some() { Plan::none() } else { Plan::of(seed) };
        let mut world = World::new(
            seed,
            plan,
            self.text,
            TokenSide::new(seed, &scene::token()),
            BankSide::new(seed, scene::bank()),
            Person::new(seed, nature),
        );
        if self.mixed {
            world.links.ways = Way::of_seed(seed);
        }
        world.links.chosen.extend(self.at_messages.iter().flatten().copied());
        for number in 0..phones {
            let skew =
                if self.at_messages.is_some() { 0 } else { *rng.pick(&[0, 0, 0, -120, 90, -3_600, 3_600]) };
            let side = PhoneSide::new(seed, u64::try_from(number).unwrap_or(0), skew);
            world.phones.push(side);
            let delay = rng.within(1_000, 60_000);
            world.after(delay, Event::PhoneUp { phone: number, life: 0 });
        }
        world.after(0, Event::SwitchOn);
        world.after(5_000, Event::Sweep);
        let over =
            if self.at_messages.is_some() { 3 * 60 * 60_000 } else { rng.within(3 * 60_000, 9 * 60_000) };
        world.after(over, Event::FaultsOver);
        before(&mut world);
        let shared = Shared::new(world);
        let mut executor = Executor::default();
        let mut events = 0u64;
        loop {
            while executor.step() {
                tidy(&shared, &mut executor);
            }
            let finished = {
                let world = shared.world();
                let all_done = world.phones.iter().all(|phone| phone.task.is_some()) && executor.is_idle();
                all_done && world.to_start.is_empty()
            };
            events += 1;
            if finished || events > MOST_EVENTS || !shared.world().happen(END + LAST) {
                break;
            }
            tidy(&shared, &mut executor);
        }
        if !executor.is_idle() {
            shared.world().violation("it never ends".to_owned());
        }
        drop(executor);
        let found = after(&shared);
        let mut world = shared.world();
        world.judge();
        let counts: Vec<usize> = world.bank.model.orders().map(|order| order.entries.len()).collect();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let outcome = Outcome {
            violations: std::mem::take(&mut world.violations),
            table: world.table.clone(),
            hash: world.trace.hash(),
            text: world.trace.text().to_owned(),
            executed: count(counts.iter().sum()),
            orders: count(counts.len()),
            messages: world.links.messages,
            ended: world.now,
            confirmed: count(world.person.confirmed.len()),
        };
        (outcome, found)
    }
}

/// Apps that died are dropped, apps that are to be started begin: outside of any lock.
fn tidy(shared: &Shared, executor: &mut Executor) {
    let (kill, start) = {
        let mut world = shared.world();
        (std::mem::take(&mut world.to_kill), std::mem::take(&mut world.to_start))
    };
    for task in kill {
        executor.kill(task);
    }
    for phone in start {
        let life = shared.world().phones[phone].life;
        let ports = Ports { shared: shared.clone(), phone, life };
        let app = App::new(ports, scene::setup(phone));
        let task = executor.spawn(Box::pin(app.live()));
        shared.world().phones[phone].task = Some(task);
    }
}
