//! `demo`: the main job on three processes. Must not confirm anything by itself: a person presses the token's keys, or
//! `--auto` does through the token's HTTP interface, after it has read and compared the screen.

use std::process::ExitCode;

use ushield_e2e::demo::draw::{Paper, Tone};
use ushield_e2e::demo::failure::Failure;
use ushield_e2e::demo::story::{Who, play};
use ushield_e2e::demo::typist;

const HELP: &str = "\
demo          a person presses the token's keys, in this terminal or on the token's page in a browser
demo --auto   a script reads the token's screen, compares it with what was ordered, and presses the keys there; no input

Both work on an empty folder `demo` beside the programs and leave summary.json there.
Exit codes: 0 all is as it should be, 1 something is not, 2 wrong options.";

fn main() -> ExitCode {
    let paper = Paper::new();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let who = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Who::Person,
        ["--auto"] => Who::Script,
        ["--help" | "-h"] => {
            paper.say(Tone::Plain, HELP);
            return ExitCode::SUCCESS;
        }
        _ => {
            paper.say(Tone::Bad, HELP);
            return ExitCode::from(2);
        }
    };
    if who == Who::Person && !typist::is_here() {
        paper
            .say(Tone::Bad, "Nobody sits here: this is no terminal. `--auto` (make demo AUTO=1) needs none.");
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&paper, &Failure::system("start")(error)),
    };
    let ended = runtime.block_on(async {
        tokio::select! {
            // Whoever is dropped here takes the programs along.
            ended = play(who) => ended,
            () = asked_to_end() => Err(Failure::Left),
        }
    });
    // A thread may still wait for a line that nobody will type.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&paper, &failure),
    }
}

fn failed(paper: &Paper, failure: &Failure) -> ExitCode {
    paper.say(Tone::Bad, &format!("\ndemo: {failure}"));
    ExitCode::FAILURE
}

/// Ctrl-C, or SIGTERM where there is one.
async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a handler the system's own way of ending holds.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
