//! Commands to a card and its answers, in chains (protocol.md, section 2.2).

use std::collections::VecDeque;

use ushield_protocol::message::{Kind, MAX_BODY};
use ushield_session::framing::card::Card as Phone;
use ushield_token::Output;
use ushield_token::framing::{Card, Task};

use crate::input::Input;

/// A first byte below this: any bytes; else a conversation whose card is taken away.
const ANYTHING: u8 = 128;
/// Version 1, suite 1, and a nonce.
const HELLO: [u8; 13] = [1, 1, 0, 1, 0, 7, 7, 7, 7, 7, 7, 7, 7];
/// Bytes of a status word.
const STATUS: usize = 2;

/// Any bytes into the card and into the phone, or a conversation of both.
pub fn commands(data: &[u8]) {
    let mut input = Input(data);
    let kind = input.byte();
    if kind < ANYTHING { anything(kind % 2 == 1, input) } else { conversation(kind % 2 == 1, input) }
}

/// Commands, each behind its length; longer ones, answers, and what both sides say, behind other first bytes.
fn anything(extended: bool, mut input: Input<'_>) {
    let (mut card, mut phone) = (Card::new(extended), Phone::new(extended));
    let (mut phone_lives, mut phone_is_idle) = (true, false);
    while !input.is_empty() {
        let bytes = match input.byte() {
            0xf0 => {
                let length = input.word() % 6_000;
                input.bytes(length)
            }
            0xf1 => {
                // Too many messages end the connection.
                let _ = card.output(Output::Send { kind: Kind::Sealed, body: input.body() });
                continue;
            }
            0xf2 => {
                if input.byte().is_multiple_of(2) {
                    let _ = card.removed();
                } else {
                    card.output(Output::Disconnect).expect("no room is needed");
                }
                continue;
            }
            0xf3 => {
                let body = input.body();
                if phone_lives && phone_is_idle {
                    phone.send(Kind::Sealed, &body).expect("a message");
                    phone_is_idle = false;
                }
                continue;
            }
            0xf4 => {
                let length = input.word() % 6_000;
                let answer = input.bytes(length);
                // The driver hands over no answer without a command.
                phone.poll();
                phone_is_idle = phone.next_command().is_none();
                phone_lives = phone_lives && (phone_is_idle || phone.answered(answer).is_ok());
                while let Some((kind, body)) = phone.next_message() {
                    assert!(body.is_empty() == (kind == Kind::KeepAlive) && body.len() <= MAX_BODY);
                }
                continue;
            }
            length => input.bytes(usize::from(length)),
        };
        match card.command(bytes) {
            Task::Receive { kind, body } => {
                assert!(kind.from_phone() && (1..=MAX_BODY).contains(&body.len()));
            }
            Task::Nothing | Task::Connect | Task::Disconnect => {}
        }
        let answer = card.answer();
        assert!((STATUS..=MAX_BODY + STATUS).contains(&answer.len()));
    }
}

/// Each message is answered by one; before some commands the card is taken away, and the phone begins anew.
fn conversation(extended: bool, mut input: Input<'_>) {
    let (mut card, reader) = (Card::new(extended), input.byte().is_multiple_of(2));
    let count = input.byte() % 4 + 1;
    let sent: Vec<(Vec<u8>, Vec<u8>)> = (0..count).map(|_| (input.body(), answer(&mut input))).collect();
    for (body, said) in &sent {
        while !delivered(&mut card, reader, body, said, &mut input) {}
    }
}

/// The answer to a message; one of a single byte would be a refusal.
fn answer(input: &mut Input<'_>) -> Vec<u8> {
    let mut body = input.body();
    if body.len() == 1 {
        body.push(0);
    }
    body
}

/// Whether the message arrived and was answered in one connection. Whatever arrives is what was sent.
fn delivered(card: &mut Card, reader: bool, body: &[u8], said: &[u8], input: &mut Input<'_>) -> bool {
    let mut phone = Phone::new(reader);
    phone.send(Kind::Sealed, body).expect("a message");
    let (mut arrived, mut heard) = (0, VecDeque::new());
    while let Some(command) = phone.next_command() {
        // Zeros, which are behind the input's end, take nothing away.
        if input.byte() % 16 == 1 {
            let _ = card.removed();
            return false;
        }
        match card.command(&command) {
            Task::Connect => {
                card.output(Output::Send { kind: Kind::Hello, body: HELLO.to_vec() }).expect("room");
            }
            Task::Receive { kind, body: whole } => {
                assert_eq!((kind, &whole[..]), (Kind::Sealed, body), "another message was put together");
                arrived += 1;
                card.output(Output::Send { kind: Kind::Sealed, body: said.to_vec() }).expect("room");
            }
            Task::Nothing => {}
            Task::Disconnect => panic!("nobody has ended the connection"),
        }
        phone.answered(&card.answer()).expect("what the card answers is right");
        heard.extend(std::iter::from_fn(|| phone.next_message()));
    }
    assert_eq!(arrived, 1, "a message arrives once");
    let kinds: Vec<Kind> = heard.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [Kind::Hello, Kind::Sealed]);
    assert_eq!(heard.back().map(|(_, body)| &body[..]), Some(said), "another answer was put together");
    true
}
