//! The flow, played with a case.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::FutureExt as _;
use ushield_protocol::message::Kind;
use ushield_protocol::planted::Bug;

use crate::app;
use crate::exhaustive::case::{Blow, Case};
use crate::exhaustive::deeds::Deeds;
use crate::fault::Doing;
use crate::goal::Nature;
use crate::link::{Exchanged, Sent, Way};
use crate::ports::Ports;
use crate::run::{Crypto, Run};
use crate::screen::{Seen, read};
use crate::world::Shared;

/// So long after the app's end nothing may be left of it: what was late has arrived, what stands on the screen is gone.
const AFTERWARDS: u64 = 180_000;
/// Two cores.
const THREADS: usize = 2;

/// The flow, to be played again and again.
#[derive(Clone, Debug)]
pub struct Flow {
    /// With which cryptography.
    pub crypto: Crypto,
    /// With which bug.
    pub bug: Option<Bug>,
    /// Over what, connection by connection; the last stands for all that follow.
    pub ways: Vec<Way>,
    /// So long a card that was lost is away, in milliseconds.
    pub away: Option<u64>,
    /// So long a call waits for a message before it is dropped and made again, in milliseconds.
    pub patience: Option<u64>,
    /// So much longer than usual the person looks at each page of an order, in milliseconds.
    pub lingers: u64,
}

/// How both sides and the bank stand at the end. Two runs without a bug have equal ones, whatever went wrong between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Orders at the bank: whether a transfer, state, executions, answers.
    pub orders: Vec<(bool, String, usize, usize)>,
    /// What the phone's history shows, newest first.
    pub history: Vec<String>,
    /// The customer's account and the others.
    pub balances: BTreeMap<String, i64>,
    /// OK on a last page, for how many orders.
    pub confirmed: usize,
    /// The person believes that the PIN was changed, and the orders above were approved with the new one.
    pub pin_changed: bool,
    /// The phone has its certificate.
    pub certificate: bool,
    /// How many tokens the phone has paired.
    pub paired: usize,
    /// What the token shows.
    pub screen: Seen,
    /// Whether it serves a connection.
    pub serving: bool,
    /// Connections that are not over.
    pub connections: usize,
    /// What the phone does.
    pub doing: Doing,
}

/// A run that was played.
#[derive(Clone, Debug)]
pub struct Played {
    /// How it ended.
    pub end: End,
    /// What the person did.
    pub deeds: Deeds,
    /// What the oracle found wrong on the way.
    pub violations: Vec<String>,
    /// Messages of the link, by number from 1.
    pub sent: Vec<Sent>,
    /// Messages that the phone handed to its link, with the lengths of their bodies.
    pub handed: Vec<(Kind, usize)>,
    /// Commands to cards, by number from 1.
    pub exchanged: Vec<Exchanged>,
    /// Connections that were made.
    pub made: u64,
    /// When the phone showed an order to be on the token, in virtual milliseconds.
    pub shown: Vec<u64>,
    /// When the person pressed OK or C on an order.
    pub decided: Vec<u64>,
    /// Requests to the bank, with their numbers.
    pub asked: Vec<(u64, Doing, String)>,
    /// When the app had nothing left to do, in virtual milliseconds.
    pub over: u64,
    /// The trace, where it was asked for.
    pub text: String,
}

impl Flow {
    /// As it is shipped.
    #[must_use]
    pub fn new(crypto: Crypto) -> Self {
        Self { crypto, bug: None, ways: Vec::new(), away: None, patience: None, lingers: 0 }
    }

    /// Over other links than streams.
    #[must_use]
    pub fn over(ways: &[Way]) -> Self {
        Self { ways: ways.to_vec(), ..Self::new(Crypto::StandIn) }
    }

    /// Plays a case.
    #[must_use]
    pub fn play(&self, case: &Case) -> Played {
        self.playing(case, false)
    }

    /// Plays a case and keeps the trace.
    #[must_use]
    pub fn traced(&self, case: &Case) -> Played {
        self.playing(case, true)
    }

    fn playing(&self, case: &Case, text: bool) -> Played {
        let run = Run {
            bug: self.bug,
            nature: Some(Nature { lingers: self.lingers, ..Nature::plain(1) }),
            at_messages: Some(Vec::new()),
            text,
            ..Run::new(0, self.crypto)
        };
        let (outcome, mut played) = run.play_between(
            |world| {
                world.links.ways.clone_from(&self.ways);
                world.links.away = self.away;
                world.links.patience = self.patience;
                for blow in &case.0 {
                    match *blow {
                        Blow::Link(number, fault) => drop(world.links.chosen.insert(number, fault)),
                        Blow::Bank(number, fault) => drop(world.bank.chosen.insert(number, fault)),
                        Blow::Bytes(number, damage) => drop(world.links.damaged.insert(number, damage)),
                        Blow::Command(number, mishap) => drop(world.links.mishaps.insert(number, mishap)),
                        Blow::Hole(number, hole) => drop(world.links.holes.insert(number, hole)),
                        Blow::Stuck(number) => world.links.stuck = Some(number),
                    }
                }
            },
            found,
        );
        played.violations = outcome.violations;
        played.text = outcome.text;
        played
    }

    /// Plays many cases on all cores and has each one judged; complaints by the number of the case. A panic is a complaint.
    #[must_use]
    pub fn play_all(
        &self,
        cases: &[Case],
        judge: impl Fn(&Case, &Played) -> Vec<String> + Sync,
    ) -> BTreeMap<usize, Vec<String>> {
        let (next, bad) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        let work = || {
            while let Some((number, case)) = {
                let number = next.fetch_add(1, Ordering::Relaxed);
                cases.get(number).map(|case| (number, case))
            } {
                let judged = catch_unwind(AssertUnwindSafe(|| judge(case, &self.play(case))));
                let complaints = judged.unwrap_or_else(|_| vec!["panic".to_owned()]);
                if !complaints.is_empty() {
                    bad.lock().unwrap_or_else(PoisonError::into_inner).insert(number, complaints);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(work);
            }
        });
        bad.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the world go on without the app, and looks around.
fn found(shared: &Shared) -> Played {
    let over = shared.world().now;
    while shared.world().happen(over + AFTERWARDS) {}
    let client =
        app::client(&Ports { shared: shared.clone(), phone: 0, life: shared.world().phones[0].life });
    let history = client.history().now_or_never().and_then(Result::ok).unwrap_or_default();
    let history = history.iter().map(|entry| {
        let what = entry.order.as_ref().map(|order| format!("{:?}", order.payload().operation));
        let status = entry.status.name();
        format!("{what:?} {status} {} {}", entry.cancelled, entry.problem.is_some())
    });
    let (history, paired) = (history.collect(), client.tokens().map_or(0, |tokens| tokens.len()));
    let world = shared.world();
    let orders = world.bank.model.orders().map(|order| {
        let transfer = matches!(order.payload.operation, ushield_protocol::order::Operation::Transfer(_));
        (transfer, format!("{:?}", order.state), order.entries.len(), order.answers.len())
    });
    let mut orders: Vec<_> = orders.collect();
    orders.sort();
    let balances = world.bank.model.balances().map(|(name, sum)| (name.to_owned(), sum)).collect();
    let end = End {
        orders,
        history,
        balances,
        confirmed: world.person.confirmed.len(),
        pin_changed: world.person.changed,
        certificate: world.phones[0].has_certificate,
        paired,
        screen: read(&world.token.screen),
        serving: world.token.serving.is_some(),
        connections: world.links.open(),
        doing: world.phones[0].doing,
    };
    Played {
        end,
        deeds: world.person.deeds.clone(),
        violations: Vec::new(),
        sent: world.links.sent.clone(),
        handed: world.links.handed.clone(),
        exchanged: world.links.exchanged.clone(),
        made: world.links.made(),
        shown: world.phones[0].shown.clone(),
        decided: world.person.decided.clone(),
        asked: world.bank.asked.clone(),
        over,
        text: String::new(),
    }
}
