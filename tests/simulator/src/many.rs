//! Many seeds on all cores.

use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::fault::Table;
use crate::run::Run;

/// So often it is said how far they are.
const EVERY: Duration = Duration::from_secs(10);

/// What many runs were.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Runs made.
    pub runs: u64,
    /// Faults by kind and state.
    pub table: Table,
    /// Orders at the bank.
    pub orders: u64,
    /// Payments executed.
    pub executed: u64,
    /// Messages on links.
    pub messages: u64,
    /// The command that plays a failing run again, and what was wrong; of the lowest seeds.
    pub failures: Vec<(u64, String, Vec<String>)>,
}

impl Summary {
    fn take(&mut self, other: Self) {
        self.runs += other.runs;
        self.table.add(&other.table);
        self.orders += other.orders;
        self.executed += other.executed;
        self.messages += other.messages;
        self.failures.extend(other.failures);
        self.failures.sort();
    }

    /// Failing runs as text: the command that replays each.
    #[must_use]
    pub fn complaint(&self) -> String {
        let line = |(_, command, wrong): &(u64, String, Vec<String>)| {
            format!("{command}\n  {}\n", wrong.join("\n  "))
        };
        format!("after {} seeds:\n", self.runs) + &self.failures.iter().map(line).collect::<String>()
    }
}

/// Plays so many seeds from this run's on, on all cores, each as it. Ends early after `most` failures, a panic being one.
///
/// # Panics
/// A thread does, outside of a run.
#[must_use]
pub fn play(first: &Run, seeds: u64, most: u64) -> Summary {
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let (begun, said) = (Instant::now(), Mutex::new(Instant::now()));
    let work = || {
        let mut summary = Summary::default();
        while failed.load(Ordering::Relaxed) < most {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= seeds {
                break;
            }
            if let Ok(mut said) = said.try_lock()
                && said.elapsed() >= EVERY
            {
                *said = Instant::now();
                // Past the test's captured output, which nobody sees before the end. Where nobody reads, nothing is lost.
                let _ = writeln!(
                    io::stderr(),
                    "{:?}: {number} of {seeds} seeds, {} s",
                    first.crypto,
                    begun.elapsed().as_secs()
                );
            }
            let run = Run { seed: first.seed + number, ..first.clone() };
            summary.runs += 1;
            let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| run.play())) else {
                failed.fetch_add(1, Ordering::Relaxed);
                summary.failures.push((run.seed, run.command(), vec!["a panic, as above".to_owned()]));
                continue;
            };
            summary.table.add(&outcome.table);
            summary.orders += outcome.orders;
            summary.executed += outcome.executed;
            summary.messages += outcome.messages;
            if !outcome.violations.is_empty() {
                failed.fetch_add(1, Ordering::Relaxed);
                summary.failures.push((run.seed, run.command(), outcome.violations));
            }
        }
        summary
    };
    let cores = thread::available_parallelism().map_or(2, usize::from).clamp(1, 8);
    let mut whole = Summary::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            whole.take(worker.join().expect("a run does not panic"));
        }
    });
    whole
}
