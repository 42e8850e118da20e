//! On a pseudo-terminal: what a person sees is what comes out of its other end.

use std::io::Read;

use futures::FutureExt;
use futures::future::{join, select};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;
use ushield_client::catalogue::Language;

use super::*;
use crate::args::Colour;
use crate::output::{Output, Tone};
use crate::words::Words;

/// The other end: types, and sees.
struct Person {
    master: File,
    terminal: OwnedFd,
}

fn terminal(silence: Silence) -> (Person, Keyboard) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let open = || rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let keyboard = Keyboard::at(open(), open().into(), silence).unwrap();
    (Person { master: master.into(), terminal: open() }, keyboard)
}

impl Person {
    fn types(&self, text: &str) {
        (&self.master).write_all(text.as_bytes()).unwrap();
    }

    /// Waits until a whole line that was typed is in the terminal.
    fn line_is_in(&self) {
        poll(&mut [PollFd::new(&self.terminal, PollFlags::IN)], None).unwrap();
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

    /// All that is on the screen now.
    fn sees_at_last(&self) -> String {
        (&File::from(self.terminal.try_clone().unwrap())).write_all(b"<end>").unwrap();
        self.sees("<end>")
    }

    fn echo(&self) -> bool {
        tcgetattr(&self.terminal).unwrap().local_modes.contains(LocalModes::ECHO)
    }
}

fn text(line: io::Result<Option<Value>>) -> String {
    String::from_utf8(line.unwrap().unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn what_is_typed_while_the_program_works_is_not_seen_and_is_no_answer() {
    let (person, keyboard) = terminal(Silence::Always);
    assert!(person.echo());
    keyboard.hush();
    person.types("111111\n22");
    person.line_is_in();
    let types = async {
        assert_eq!(person.sees("PIN: "), "PIN: ");
        person.types("333333\n");
    };
    let (line, ()) = join(keyboard.line("PIN: ", Echo::Off), types).await;
    assert_eq!(text(line), "333333");
    assert_eq!(person.sees_at_last(), "\r\n<end>", "the end of the line alone");
    // And after it, to the end.
    person.types("444444\n");
    person.line_is_in();
    drop(keyboard);
    assert!(person.echo());
    assert_eq!(person.sees_at_last(), "<end>");
    let mut nothing = [PollFd::new(&person.terminal, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    assert_eq!(poll(&mut nothing, Some(&now)).unwrap(), 0, "the shell does not get it as a command");
}

#[tokio::test]
async fn a_question_that_is_dropped_leaves_a_clear_line_and_takes_nothing_of_the_next_answer() {
    for silence in [Silence::Always, Silence::InPrompts] {
        let (person, keyboard) = terminal(silence);
        let half = async {
            person.sees("equal? ");
            person.types("no");
            // The echo says that it is in the terminal.
            person.sees("no");
        };
        let dropped = select(Box::pin(keyboard.line("equal? ", Echo::On)), Box::pin(half)).await;
        drop(dropped);
        assert_eq!(person.sees("\x1b[2K"), "\r\x1b[2K");
        assert_eq!(person.echo(), silence == Silence::InPrompts);
        let whole = async {
            person.sees("PIN: ");
            assert!(!person.echo());
            person.types("123456\n");
        };
        let (line, ()) = join(keyboard.line("PIN: ", Echo::Off), whole).await;
        assert_eq!(text(line), "123456");
        keyboard.restore();
        assert!(person.echo());
        assert!(!person.sees_at_last().contains('1'));
    }
}

#[tokio::test]
async fn a_dropped_prompt_for_a_secret_gives_the_echo_back_at_the_end() {
    let (person, keyboard) = terminal(Silence::InPrompts);
    assert!(keyboard.line("PIN: ", Echo::Off).now_or_never().is_none());
    assert!(person.echo());
    assert_eq!(person.sees_at_last(), "PIN: \r\x1b[2K<end>");
}

#[tokio::test]
async fn an_end_of_input_is_no_answer_and_an_empty_line_is_one() {
    let (person, keyboard) = terminal(Silence::Always);
    let types = async {
        person.sees("? ");
        person.types("\n");
    };
    let (line, ()) = join(keyboard.line("? ", Echo::On), types).await;
    assert_eq!(text(line), "");
    let types = async {
        person.sees("? ");
        person.types("\x04");
    };
    let (line, ()) = join(keyboard.line("? ", Echo::On), types).await;
    assert!(line.unwrap().is_none());
}

#[tokio::test]
async fn where_no_secret_is_typed_the_keyboard_is_left_alone() {
    let (person, keyboard) = terminal(Silence::InPrompts);
    keyboard.hush();
    assert!(person.echo());
}

#[tokio::test]
async fn what_happens_while_a_question_stands_is_told_above_it() {
    let (person, keyboard) = terminal(Silence::Always);
    let output = Output::new(Words::new(Language::En), false, Colour::Never).with_keyboard(Some(keyboard));
    let keyboard = output.keyboard.as_ref().unwrap();
    let meanwhile = async {
        assert_eq!(person.sees("PIN: "), "PIN: ");
        output.wait(&json!({}), "the link is made again");
        assert_eq!(person.sees_at_last(), "\r\x1b[2Kthe link is made again\r\nPIN: <end>");
        output.event(&json!({}), "the link is there", Tone::Plain);
        assert_eq!(person.sees_at_last(), "\r\x1b[2Kthe link is there\r\nPIN: <end>");
        assert!(!person.echo());
        person.types("123456\n");
    };
    let (line, ()) = join(keyboard.line("PIN: ", Echo::Off), meanwhile).await;
    assert_eq!(text(line), "123456");
    output.note("taken", Tone::Plain);
    assert_eq!(person.sees_at_last(), "\r\ntaken\r\n<end>");
}

#[tokio::test]
async fn a_stop_gives_the_terminal_back_and_after_it_silence_and_question_stand_again() {
    let (person, keyboard) = terminal(Silence::Always);
    keyboard.hush();
    keyboard.pause();
    assert!(person.echo());
    keyboard.again();
    assert!(!person.echo(), "silent between questions too");
    let stopped = async {
        person.sees("PIN: ");
        keyboard.pause();
        assert!(person.echo());
        assert_eq!(person.sees_at_last(), "\r\x1b[2K<end>");
        keyboard.again();
        assert!(!person.echo());
        assert_eq!(person.sees_at_last(), "\r\x1b[2KPIN: <end>");
        person.types("123456\n");
    };
    let (line, ()) = join(keyboard.line("PIN: ", Echo::Off), stopped).await;
    assert_eq!(text(line), "123456");
    keyboard.restore();
    keyboard.again();
    assert!(person.echo(), "at the end it stays as it was found");
}
