//! The program at a terminal: what a person sees while it works, and the terminal as it is left. No network but a listener of this test.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

struct Terminal {
    master: File,
    slave: OwnedFd,
}

impl Terminal {
    fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        Self { master: master.into(), slave }
    }

    fn runs(&self, args: &[&str]) -> Child {
        let end = || Stdio::from(self.slave.try_clone().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_ushield"));
        command.env_clear().env("TERM", "xterm").args(args).args(["--lang", "en", "--color", "never"]);
        // A group of its own, as a shell gives it: without a shell that could let it go on nothing is stopped.
        command.process_group(0);
        command.stdin(end()).stderr(end()).stdout(Stdio::piped()).spawn().unwrap()
    }

    fn types(&self, text: &str) {
        (&self.master).write_all(text.as_bytes()).unwrap();
    }

    /// Reads the screen up to and with `end`.
    fn sees(&self, end: &str) -> String {
        let mut seen = Vec::new();
        while !seen.ends_with(end.as_bytes()) {
            let mut byte = [0];
            (&self.master).read_exact(&mut byte).unwrap();
            seen.extend(byte);
        }
        String::from_utf8(seen).unwrap()
    }

    fn sees_at_last(&self) -> String {
        File::from(self.slave.try_clone().unwrap()).write_all(b"<end>").unwrap();
        self.sees("<end>")
    }

    fn echo(&self) -> bool {
        tcgetattr(&self.slave).unwrap().local_modes.contains(LocalModes::ECHO)
    }
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Set up with a bank that is not there, and the token where `token` listens.
fn set_up(folder: &Path, token: &TcpListener) -> String {
    let data = |name: &str| format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    let home = folder.join("home").to_str().unwrap().to_owned();
    let link = format!("tcp:{}", token.local_addr().unwrap());
    let (root, trust) = (data("root.pem"), data("trust.json"));
    let init = Command::new(env!("CARGO_BIN_EXE_ushield"))
        .args([
            "init",
            "--home",
            &home,
            "--bank",
            "https://127.0.0.1:9",
            "--bank-ca",
            &root,
            "--trust",
            &trust,
        ])
        .args([
            "--maker-root",
            &root,
            "--customer",
            "li",
            "--phone",
            "Li's laptop",
            "--token",
            &link,
            "--no-sign-in",
        ])
        .output()
        .unwrap();
    assert!(init.status.success(), "{init:?}");
    home
}

#[test]
fn a_pin_that_is_typed_while_the_program_works_is_never_seen_and_the_terminal_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = set_up(folder.path(), &silent);
    for ends in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        let terminal = Terminal::new();
        let mut child = terminal.runs(&["token", "pair", "--home", &home]);
        let _connected = silent.accept().unwrap();
        let mut seen = terminal.sees("127.0.0.1");
        assert!(!terminal.echo(), "{ends:?}");
        terminal.types("246813\n");
        // In the terminal, before anything gives the echo back.
        poll(&mut [PollFd::new(&terminal.slave, PollFlags::IN)], None).unwrap();
        signal(&child, ends);
        assert_eq!(child.wait().unwrap().code(), Some(10), "{ends:?}");
        seen.push_str(&terminal.sees_at_last());
        assert!(!seen.contains("246813"), "{ends:?}: {seen}");
        assert!(terminal.echo(), "{ends:?}");
    }
}

#[test]
fn a_prompt_for_a_password_is_silent_takes_only_what_is_typed_then_and_gives_way_to_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let token = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = set_up(folder.path(), &token);
    let terminal = Terminal::new();
    let mut child = terminal.runs(&["sign-in", "--home", &home]);
    terminal.sees(": ");
    terminal.types("correct horse\n");
    // Taken: the next thing is the bank, which is not there.
    assert_eq!(child.wait().unwrap().code(), Some(10));
    let seen = terminal.sees_at_last();
    assert!(seen.contains("bank-unreachable") && !seen.contains("horse"), "{seen}");
    assert!(terminal.echo());

    let mut child = terminal.runs(&["sign-in", "--home", &home]);
    terminal.sees(": ");
    assert!(!terminal.echo());
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(10));
    let seen = terminal.sees_at_last();
    assert!(seen.contains("\r\x1b[2K") && seen.contains("interrupted"), "{seen}");
    assert!(terminal.echo());
    assert!(fs::exists(&home).unwrap());
}

#[test]
fn a_prompt_that_was_stopped_by_the_shell_is_silent_again_and_asks_again() {
    let folder = tempfile::tempdir().unwrap();
    let token = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = set_up(folder.path(), &token);
    let terminal = Terminal::new();
    let mut child = terminal.runs(&["sign-in", "--home", &home]);
    let mut seen = terminal.sees(": ");
    let question = seen.clone();
    for stop in [Signal::TSTP, Signal::STOP] {
        signal(&child, stop);
        let (_, status) = waitpid(Some(Pid::from_child(&child)), WaitOptions::UNTRACED).unwrap().unwrap();
        assert!(status.stopped(), "{stop:?}: {status:?}");
        // Where nobody asks first the shell does it itself.
        assert!(stop == Signal::STOP || terminal.echo(), "given back");
        let mut shells = tcgetattr(&terminal.slave).unwrap();
        shells.local_modes.insert(LocalModes::ECHO);
        tcsetattr(&terminal.slave, OptionalActions::Now, &shells).unwrap();
        signal(&child, Signal::CONT);
        seen.push_str(&terminal.sees(&question));
        assert!(!terminal.echo(), "{stop:?}");
    }
    terminal.types("correct horse\n");
    assert_eq!(child.wait().unwrap().code(), Some(10));
    seen.push_str(&terminal.sees_at_last());
    assert!(seen.contains("bank-unreachable") && !seen.contains("horse"), "{seen}");
    assert!(terminal.echo());
}

#[test]
fn a_key_press_stops_a_whole_resume_and_says_how_an_order_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let token = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = set_up(folder.path(), &token);
    let terminal = Terminal::new();
    let child = terminal.runs(&["resume", "--home", &home]);
    terminal.sees(": ");
    signal(&child, Signal::INT);
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stdout.len()), (Some(10), 0), "it went on with nothing");
    let seen = terminal.sees_at_last();
    assert!(seen.contains("Every order stays as it is") && seen.contains("ushield cancel"), "{seen}");
    assert!(terminal.echo());
}

#[test]
fn a_view_that_is_ended_is_no_failure_and_what_leaves_no_order_speaks_of_none() {
    let folder = tempfile::tempdir().unwrap();
    let token = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = set_up(folder.path(), &token);
    drop(token);
    let terminal = Terminal::new();
    let mut child = terminal.runs(&["token", "list", "--live", "--home", &home]);
    let mut seen = terminal.sees("tcp: ");
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    seen.push_str(&terminal.sees_at_last());
    assert!(!seen.contains("Ctrl-C") && !seen.contains("resume") && !seen.contains("Stopped"), "{seen}");
    // Why nothing is found is said.
    assert!(seen.contains("refused"), "{seen}");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let terminal = Terminal::new();
    let link = format!("tcp:{}", silent.local_addr().unwrap());
    let mut child = terminal.runs(&["token", "pair", "--home", &home, "--link", &link]);
    let _connected = silent.accept().unwrap();
    terminal.sees("127.0.0.1");
    signal(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(10));
    let seen = terminal.sees_at_last();
    assert!(seen.contains("Ctrl-C: leaving.") && !seen.contains("resume"), "{seen}");
}
