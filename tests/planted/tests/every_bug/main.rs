//! Plants every bug in every test that it names, each in a process of its own: a test that does not fail has not caught it. Prints one
//! table: bug, test, after how many seeds, sequences or cases, and what the test said.
//!
//! That the same tests pass without a bug is for the rest of `cargo test` to say. Names of bugs behind `--` leave out the others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod binaries;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use ushield_planted::Named;
use ushield_protocol::planted::Bug;

use crate::binaries::{Verdict, build, run};

fn main() -> ExitCode {
    // Anything else may be meant for other tests, and leaves nothing out.
    let asked: Vec<Bug> = std::env::args().filter_map(|word| Bug::from_name(&word)).collect();
    let wanted = |bug: &Bug| asked.is_empty() || asked.contains(bug);
    let bugs: Vec<Bug> = Bug::ALL.iter().copied().filter(wanted).collect();
    let cases: Vec<(Bug, Named<'_>)> = bugs
        .iter()
        .flat_map(|bug| bug.caught_by().iter().map(|name| (*bug, Named::parse(name).expect(name))))
        .collect();
    let (binaries, begun) = (build(), Instant::now());

    let next = AtomicUsize::new(0);
    let (said, hear) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            let said = said.clone();
            let (next, cases, binaries) = (&next, &cases, &binaries);
            scope.spawn(move || {
                while let Some((bug, named)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let started = Instant::now();
                    let verdict = run(binaries, named, *bug);
                    said.send((*bug, *named, verdict, started.elapsed())).unwrap();
                }
            });
        }
    });
    drop(said);
    let mut rows: Vec<_> = hear.iter().collect();
    rows.sort_by_key(|(bug, named, ..)| cases.iter().position(|case| *case == (*bug, *named)));

    let mut missed = 0;
    for (bug, named, verdict, time) in &rows {
        let (after, what) = match verdict {
            Verdict::Caught(what) => (after(what), what),
            Verdict::Missed(what) => {
                missed += 1;
                ("NOT CAUGHT".to_owned(), what)
            }
        };
        let what: String = what.chars().take(100).collect();
        println!("{:26} {after:18} {:5.1} s  {named}\n{:26} {what}", bug.name(), time.as_secs_f32(), "");
    }
    println!(
        "planted bugs: {} of {}; {} of {} runs failed as they must, in {:.0} s",
        bugs.len(),
        Bug::ALL.len(),
        rows.len() - missed,
        rows.len(),
        begun.elapsed().as_secs_f32()
    );
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// After how many of what a search found it, as it says itself. A test that searches nothing is one case.
fn after(what: &str) -> String {
    let words: Vec<&str> = what.split_whitespace().collect();
    let counted = words.windows(3).find(|three| three[0] == "after" && three[1].parse::<u64>().is_ok());
    counted.map_or("1 case".to_owned(), |three| {
        format!("{} {}", three[1], three[2].trim_end_matches([':', ',']))
    })
}
