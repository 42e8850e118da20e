//! `ushield-simulator`: plays seeds, one after the other or one again.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand, ValueEnum};
use ushield_protocol::planted::Bug;
use ushield_simulator::fault::Table;
use ushield_simulator::{Crypto, Run};

#[derive(Parser)]
#[command(about = "Plays simulated runs of phones, token and bank")]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Plays one seed again and prints what happened.
    Replay {
        /// The seed.
        #[arg(long)]
        seed: u64,
        /// Cryptography.
        #[arg(long, value_enum, default_value = "real")]
        crypto: Which,
        /// Over fragments and cards too.
        #[arg(long)]
        mixed: bool,
        /// A planted bug, by name.
        #[arg(long)]
        bug: Option<String>,
    },
    /// Plays many seeds and prints the first that fails.
    Soak {
        /// How many.
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
        seeds: u64,
        /// The first; fresh ones by default.
        #[arg(long)]
        from: Option<u64>,
        /// Cryptography.
        #[arg(long, value_enum, default_value = "stand-in")]
        crypto: Which,
        /// Over fragments and cards too.
        #[arg(long)]
        mixed: bool,
        /// A planted bug, by name.
        #[arg(long)]
        bug: Option<String>,
        /// Goes on after a seed that fails, until so many have.
        #[arg(long, default_value_t = 1)]
        failures: u64,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Which {
    Real,
    StandIn,
}

impl From<Which> for Crypto {
    fn from(which: Which) -> Self {
        match which {
            Which::Real => Crypto::Real,
            Which::StandIn => Crypto::StandIn,
        }
    }
}

fn main() -> ExitCode {
    let fresh = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() * 1_000_000);
    match Args::parse().what {
        What::Replay { seed, crypto, mixed, bug } => {
            let Some(bug) = named(bug.as_deref()) else { return unknown_bug() };
            replay(&Run { mixed, bug, ..Run::new(seed, crypto.into()) })
        }
        What::Soak { seeds, from, crypto, mixed, bug, failures } => {
            let Some(bug) = named(bug.as_deref()) else { return unknown_bug() };
            let from = from.unwrap_or_else(fresh);
            soak(&Run { mixed, bug, ..Run::new(from, crypto.into()) }, seeds, failures)
        }
    }
}

/// The bug of a name, where one is given; nothing where there is no such bug.
fn named(bug: Option<&str>) -> Option<Option<Bug>> {
    bug.map_or(Some(None), |name| Bug::from_name(name).map(Some))
}

fn unknown_bug() -> ExitCode {
    let names: Vec<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
    eprintln!("There is no such bug. There are: {}", names.join(", "));
    ExitCode::from(2)
}

fn replay(run: &Run) -> ExitCode {
    let outcome = Run { text: true, ..run.clone() }.play();
    print!("{}", outcome.text);
    println!("trace {}, messages {}", outcome.hash, outcome.messages);
    for violation in &outcome.violations {
        println!("VIOLATION {violation}");
    }
    let seeds_show =
        |bug: &Bug| bug.caught_by().iter().any(|test| test.starts_with("tests/simulator/tests/seeds.rs"));
    if let Some(bug) = run.bug.filter(|bug| !seeds_show(bug)) {
        println!("This bug is not one that the simulator's seeds have to show. It is caught by:");
        bug.caught_by().iter().for_each(|test| println!("    {test}"));
    }
    let verdict = match outcome.violations.len() {
        0 => "Nothing is wrong".to_owned(),
        1 => "One thing is wrong".to_owned(),
        wrong => format!("{wrong} things are wrong"),
    };
    println!("{verdict}: orders at the bank {}, payments executed {}.", outcome.orders, outcome.executed);
    if outcome.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn soak(first: &Run, seeds: u64, most_failures: u64) -> ExitCode {
    let from = first.seed;
    println!("seeds {from} to {}", from + seeds - 1);
    let (mut table, mut orders, mut executed, mut failed) = (Table::default(), 0, 0, 0);
    for seed in from..from + seeds {
        let run = Run { seed, ..first.clone() };
        let outcome = run.play();
        table.add(&outcome.table);
        orders += outcome.orders;
        executed += outcome.executed;
        if !outcome.violations.is_empty() {
            failed += 1;
            println!("after {} seeds: {}", seed - from + 1, run.command());
            outcome.violations.iter().for_each(|violation| println!("VIOLATION {violation}"));
            if failed == most_failures {
                return ExitCode::FAILURE;
            }
        }
        if (seed - from + 1).is_multiple_of(1_000) {
            eprintln!("{} of {seeds}: {orders} orders, {} faults", seed - from + 1, table.total());
        }
    }
    println!("{seeds} seeds, {orders} orders, {executed} payments executed, {} faults", table.total());
    println!(
        "how often each fault came while a phone was doing what; · cannot be, MISSING did not come in these seeds"
    );
    println!("{table}");
    println!("{failed} seeds have something wrong");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
