//! `ushield`: the client's flows from a terminal. Must not decide anything: every rule is the client's.

mod amount;
mod args;
mod commands;
mod customer;
mod failure;
mod home;
mod interrupt;
#[cfg_attr(not(unix), path = "keyboard/elsewhere.rs")]
mod keyboard;
mod link;
mod moments;
mod output;
mod picture;
mod report;
mod secrets;
mod session;
mod words;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use futures::future::{Either, select};
use serde_json::Value;
use tracing_subscriber::EnvFilter;
use ushield_client::Error;
use ushield_client::catalogue::Language;
use ushield_protocol::code::Code;
use ushield_protocol::planted;

use crate::args::{CertificateCommand, Cli, Command, Global, TokenCommand};
use crate::customer::Terminal;
use crate::failure::{Failure, USAGE};
use crate::home::Home;
use crate::interrupt::{Interrupts, Leaves};
use crate::keyboard::{Keyboard, Silence};
use crate::output::{Answer, Output, Tone};
use crate::secrets::Secrets;
use crate::session::Context;
use crate::words::Words;

fn main() -> ExitCode {
    if let Some(why) = planted::refusal() {
        eprintln!("ushield: {why}");
        return ExitCode::FAILURE;
    }
    let Cli { global, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(not_understood(&error)),
    };
    if let Command::Completions { shell } = command {
        // Into memory first: a reader that has seen enough is no error.
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "ushield", &mut script);
        return match io::stdout().write_all(&script) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        };
    }
    trace(global.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let output = output(&global);
            return ExitCode::from(fail(
                &output,
                &Error::new(Code::StoreFailure).caused_by(error).into(),
                true,
            ));
        }
    };
    let exit = runtime.block_on(run(global, command));
    // A thread may still wait for a line that nobody will type.
    runtime.shutdown_background();
    ExitCode::from(exit)
}

async fn run(global: Global, command: Command) -> u8 {
    let output = Arc::new(output(&global));
    let leaves = leaves(&command);
    let interrupts = Arc::new(Interrupts::of(leaves));
    let causes = global.verbose > 0;
    let context = match context(global, &output, &interrupts) {
        Ok(context) => context,
        Err(failure) => return fail(&output, &failure, causes),
    };
    #[cfg(unix)]
    keyboard::stops::watch(&output);
    let told = Arc::clone(&output);
    interrupts.watch(move |effect| interrupt::tell(&told, effect));
    let ended = {
        let work = std::pin::pin!(commands::run(&context, command));
        let leave = std::pin::pin!(interrupts.leave());
        match select(work, leave).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), _)) if leaves == Leaves::Shown => Ok(Answer::done(Value::Null, "")),
            Either::Right(((), _)) => {
                let stopped = Error::new(Code::Interrupted);
                Err(match context.customer.doubt() {
                    Some(doubt) => stopped.with_doubt(doubt).into(),
                    None => stopped.into(),
                })
            }
        }
    };
    output.close();
    match ended {
        Ok(answer) => {
            output.result(&answer);
            answer.exit
        }
        Err(failure) => {
            let exit = fail(&output, &failure, causes);
            if failure.is_another_token() && !output.json {
                tell_wanted(&output, &context.customer);
            }
            exit
        }
    }
}

/// Which token was wanted, where another one was there.
fn tell_wanted(output: &Output, customer: &Terminal) {
    if let Some(token) = customer.wanted() {
        let values = [("name", token.name.as_str()), ("device", &token.device.to_string())];
        output.note(&format!("  {}", output.words.fill("wanted-token", &values)), Tone::Plain);
    }
}

/// What a command leaves behind when it is stopped.
fn leaves(command: &Command) -> Leaves {
    match command {
        Command::Transfer(_)
        | Command::Resume { .. }
        | Command::Cancel { .. }
        | Command::Certificate(CertificateCommand::Download { .. }) => Leaves::Orders,
        Command::Token(TokenCommand::List { live: true, .. }) => Leaves::Shown,
        _ => Leaves::Nothing,
    }
}

fn context(global: Global, output: &Arc<Output>, interrupts: &Arc<Interrupts>) -> Result<Context, Failure> {
    let secrets = match global.secrets_fd {
        Some(fd) => {
            let opened = Secrets::open(fd).map_err(|error| {
                Failure::usage(
                    "--secrets-fd",
                    output
                        .words
                        .fill("secrets-closed", &[("fd", &fd.to_string()), ("error", &error.to_string())]),
                )
            });
            Some(Arc::new(opened?))
        }
        None => None,
    };
    let home =
        Home::find(global.home).ok_or_else(|| Failure::usage("--home", output.words.say("no-home")))?;
    let customer = Terminal::new(Arc::clone(output), Arc::clone(interrupts), secrets);
    Ok(Context { home, customer, link: global.link, device: global.device })
}

fn output(global: &Global) -> Output {
    let language = global.lang.map_or_else(environment_language, Language::from);
    // Where the secrets come from elsewhere nobody has a reason to type one.
    let silence = if global.secrets_fd.is_some() { Silence::InPrompts } else { Silence::Always };
    Output::new(Words::new(language), global.json, global.color).with_keyboard(Keyboard::here(silence))
}

fn environment_language() -> Language {
    words::language_of(|name| std::env::var(name).ok())
}

/// A failure: for programs on standard output, for people on standard error.
fn fail(output: &Output, failure: &Failure, causes: bool) -> u8 {
    output.stop_waiting();
    if output.json {
        output.result(&Answer {
            json: failure.json(&output.words),
            text: String::new(),
            exit: failure.exit(),
        });
    } else {
        output.notes(&failure.lines(&output.words, causes));
    }
    failure.exit()
}

/// Help, version, or options that cannot be used.
fn not_understood(error: &clap::Error) -> u8 {
    let told = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !told && std::env::args_os().any(|arg| arg == "--json") {
        let flag = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(flag)) => flag.split([' ', '=']).next().unwrap_or_default().to_owned(),
            Some(ContextValue::Strings(flags)) => flags.join(" "),
            _ => String::new(),
        };
        let failure = Failure::usage(flag, error.to_string());
        let output = Output::new(Words::new(environment_language()), true, args::Colour::Never);
        return fail(&output, &failure, false);
    }
    // Where nobody listens nothing can be said.
    let _ = error.print();
    if told { 0 } else { USAGE }
}

/// Only this project's own crates: they write no secret, name or account.
fn trace(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => "debug",
        _ => "trace",
    };
    let crates = ["ushield_client", "ushield_links", "ushield_session", "ushield_protocol"];
    let filter = crates.map(|name| format!("{name}={level}")).join(",");
    tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_writer(io::stderr).init();
}
