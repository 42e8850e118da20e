//! A run: every case once, in order.

use crate::bench::{Bench, Setup};
use crate::cases::{Case, Cost, all, forget};
use crate::fit;
use crate::miss::Miss;
use crate::report::{Entry, Outcome, Report, Skipped, Stop};

/// So often a token may go away and come back; the next time the run stops.
const RETURNS: u32 = 3;

/// Tries every case. `begins` is told of each before it starts, `ended` afterwards.
pub async fn run(setup: Setup, begins: impl Fn(&Case) + Send, ended: impl Fn(&Entry) + Send) -> Report {
    let mut report = Report::default();
    let Some(mut bench) = Bench::new(setup) else { return report };
    let mut run = Run { returns: 0, last_heard: None };
    report.stop = fit::before(&mut bench).await.err().map(Stop::Unfit);
    for case in all() {
        let outcome = match asked(&bench.setup, case.cost) {
            Err(skipped) => Outcome::Skipped(skipped),
            Ok(()) if report.stop.is_some() => Outcome::Skipped(Skipped::Stopped),
            Ok(()) => {
                begins(case);
                run.one(&mut bench, case).await.unwrap_or_else(|stop| {
                    report.stop = Some(stop);
                    Outcome::Skipped(Skipped::Stopped)
                })
            }
        };
        let entry = Entry { case: case.id, rule: case.rule, text: case.text, outcome };
        ended(&entry);
        report.cases.push(entry);
    }
    report
}

fn asked(setup: &Setup, cost: Cost) -> Result<(), Skipped> {
    match cost {
        Cost::Slow if !setup.slow => Err(Skipped::Slow),
        Cost::Destructive if !setup.destructive => Err(Skipped::Destructive),
        Cost::Power if !setup.power => Err(Skipped::Power),
        Cost::Little | Cost::Slow | Cost::Destructive | Cost::Power => Ok(()),
    }
}

struct Run {
    returns: u32,
    last_heard: Option<&'static str>,
}

impl Run {
    /// How a case ends, or why no further one can be tried.
    async fn one(&mut self, bench: &mut Bench, case: &Case) -> Result<Outcome, Stop> {
        bench.heard = false;
        let ended = (case.run)(bench).await;
        if bench.heard {
            self.last_heard = Some(case.id);
        }
        let outcome = match ended {
            Ok(()) => return Ok(Outcome::Pass),
            Err(Miss::Skip(skipped)) => return Ok(Outcome::Skipped(skipped)),
            Err(Miss::Stop(stop)) => {
                // The next run is to find no phone of this one's.
                let _ = forget::this(bench).await;
                return Err(stop);
            }
            Err(Miss::Wrong { expected, came }) => {
                self.reach(bench).await?;
                Outcome::Fail { expected, came }
            }
            Err(Miss::Away) => {
                self.returns += 1;
                self.reach(bench).await?;
                let expected = "a token that can be reached throughout".to_owned();
                let case = self.last_heard.unwrap_or("no case");
                Outcome::Fail {
                    expected,
                    came: format!("it went away in {case}, and was back some seconds later"),
                }
            }
        };
        // What the token signed meanwhile nobody has seen.
        (bench.pay_chain, bench.device_chain) = Default::default();
        // What this cannot clear up the next cases meet, and tell.
        let _ = bench.tidy().await;
        Ok(outcome)
    }

    /// A case did not pass: is the token there at all?
    async fn reach(&self, bench: &mut Bench) -> Result<(), Stop> {
        if self.returns <= RETURNS && bench.returns().await {
            return Ok(());
        }
        let returns = self.returns.saturating_sub(1).min(RETURNS);
        Err(Stop::Away { case: self.last_heard, returns })
    }
}
