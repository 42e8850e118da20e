//! A run: every case once, in order.

use crate::bench::{Bench, Setup};
use crate::cases::{Case, Cost, all};
use crate::miss::Miss;
use crate::report::{Entry, Outcome, Report, Skipped};

/// Tries every case. `begins` is told of each before it starts, `ended` afterwards.
pub async fn run(setup: Setup, begins: impl Fn(&Case) + Send, ended: impl Fn(&Entry) + Send) -> Report {
    let (slow, destructive) = (setup.slow, setup.destructive);
    let mut report = Report::default();
    let Some(mut bench) = Bench::new(setup) else { return report };
    for case in all() {
        let asked = match case.cost {
            Cost::Little => Ok(()),
            Cost::Slow if slow => Ok(()),
            Cost::Slow => Err(Skipped::Slow),
            Cost::Destructive if destructive => Ok(()),
            Cost::Destructive => Err(Skipped::Destructive),
        };
        let outcome = match asked {
            Ok(()) => {
                begins(case);
                one(&mut bench, case).await
            }
            Err(skipped) => Outcome::Skipped(skipped),
        };
        let entry = Entry { case: case.id, rule: case.rule, text: case.text, outcome };
        ended(&entry);
        report.cases.push(entry);
    }
    report
}

async fn one(bench: &mut Bench, case: &Case) -> Outcome {
    let outcome = match (case.run)(bench).await {
        Ok(()) => Outcome::Pass,
        Err(Miss::Skip(skipped)) => Outcome::Skipped(skipped),
        Err(Miss::Wrong { expected, came }) => Outcome::Fail { expected, came },
    };
    if matches!(outcome, Outcome::Fail { .. }) {
        // What the token signed meanwhile nobody has seen.
        (bench.pay_chain, bench.device_chain) = Default::default();
        // What this cannot clear up the next cases meet, and tell.
        let _ = bench.tidy().await;
    }
    outcome
}
