use std::vec;

use proptest::prelude::*;
use serde_json::Value;
use ushield_protocol::framing::apdu;
use ushield_protocol::key::unhex;

use super::*;

const HELLO: [u8; 13] = [1, 1, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8];

fn body(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

/// A command that the token has nothing to do with.
fn alone(card: &mut Card, command: &[u8]) -> Vec<u8> {
    assert_eq!(card.command(command), Task::Nothing, "{command:02x?}");
    card.answer()
}

fn say(card: &mut Card, body: &[u8]) {
    card.output(Output::Send { kind: Kind::Sealed, body: body.to_vec() }).unwrap();
}

fn selected(extended: bool) -> Card {
    let mut card = Card::new(extended);
    assert_eq!(card.command(&apdu::select()), Task::Connect);
    card.output(Output::Send { kind: Kind::Hello, body: HELLO.to_vec() }).unwrap();
    let mut hello = [&HELLO[..], &[0x90, 0x00]].concat();
    hello[4] |= u8::from(extended) << 1;
    assert_eq!(card.answer(), hello);
    card
}

/// Hands a message over as the phone does; what the token was told.
fn hand_over(card: &mut Card, body: &[u8], extended: bool) -> Task {
    let mut commands = apdu::message(Kind::Sealed, body, extended);
    let last = commands.pop().unwrap();
    for command in commands {
        assert_eq!(alone(card, &command), [0x90, 0x00]);
    }
    card.command(&last)
}

fn message(body: &[u8]) -> Task {
    Task::Receive { kind: Kind::Sealed, body: body.to_vec() }
}

#[test]
fn without_a_select_there_is_no_connection() {
    let mut card = Card::new(false);
    for command in [
        apdu::poll(false),
        vec![0x80, 0xc2, 2, 0, 1, 9, 0],
        apdu::message(Kind::Sealed, &body(300), false).remove(0),
        apdu::get_response(0),
    ] {
        assert_eq!(alone(&mut card, &command), [0x69, 0x85], "{command:02x?}");
    }
}

#[test]
fn what_the_token_says_waits_in_order() {
    let mut card = selected(false);
    assert_eq!(alone(&mut card, &apdu::poll(false)), [0x90, 0x00]);
    assert_eq!(hand_over(&mut card, &[7; 20], false), message(&[7; 20]));
    for said in [1, 2, 3] {
        card.output(Output::Send { kind: Kind::KeepAlive, body: vec![] }).unwrap();
        say(&mut card, &[said; 30]);
    }
    assert_eq!(card.answer(), [&[1; 30][..], &[0x90, 0x00]].concat());
    assert_eq!(hand_over(&mut card, &[8; 20], false), message(&[8; 20]));
    assert_eq!(card.answer(), [&[2; 30][..], &[0x90, 0x00]].concat());
    assert_eq!(alone(&mut card, &apdu::poll(false)), [&[3; 30][..], &[0x90, 0x00]].concat());
    assert_eq!(alone(&mut card, &apdu::poll(false)), [0x90, 0x00]);
}

#[test]
fn what_the_token_said_before_the_end_is_still_fetched() {
    let mut card = selected(false);
    say(&mut card, &body(300));
    card.output(Output::Send { kind: Kind::Refusal, body: vec![0x13] }).unwrap();
    card.output(Output::Disconnect).unwrap();
    say(&mut card, &[9; 9]);
    assert!(!card.is_connected());
    // A message does not reach the token any more.
    assert_eq!(hand_over(&mut card, &body(300), false), Task::Nothing);
    assert_eq!(card.answer(), [&body(300)[..256], &[0x61, 44]].concat());
    assert_eq!(alone(&mut card, &apdu::get_response(44)), [&body(300)[256..], &[0x90, 0x00]].concat());
    assert_eq!(alone(&mut card, &apdu::poll(false)), [0x13, 0x90, 0x00]);
    assert_eq!(alone(&mut card, &apdu::poll(false)), [0x69, 0x85]);
    assert_eq!(hand_over_part(&mut card), [0x69, 0x85]);
    assert_eq!(card.command(&apdu::select()), Task::Connect);
}

fn hand_over_part(card: &mut Card) -> Vec<u8> {
    alone(card, &apdu::message(Kind::Sealed, &body(300), false)[0])
}

#[test]
fn an_end_without_a_word_is_the_answer_at_once() {
    let mut card = selected(false);
    assert_eq!(hand_over(&mut card, &[7; 20], false), message(&[7; 20]));
    card.output(Output::Disconnect).unwrap();
    assert_eq!(card.answer(), [0x69, 0x85]);
}

#[test]
fn a_select_begins_anew() {
    let mut card = selected(false);
    say(&mut card, &[1; 30]);
    hand_over_part(&mut card);
    assert_eq!(card.command(&apdu::select()), Task::Connect);
    card.output(Output::Send { kind: Kind::Hello, body: HELLO.to_vec() }).unwrap();
    assert_eq!(card.answer().len(), 15);
    assert_eq!(alone(&mut card, &apdu::poll(false)), [0x90, 0x00]);
    assert_eq!(hand_over(&mut card, &[7; 20], false), message(&[7; 20]), "nothing of the chain is left");
}

#[test]
fn another_application_and_the_end_of_the_field_end_the_connection() {
    let other = [&[0x00, 0xa4, 0x04, 0x00, 7][..], b"\xd2\x76\x00\x00\x85\x01\x01", &[0]].concat();
    for file in [other, vec![0x00, 0xa4, 0x00, 0x00, 2, 0x3f, 0x00]] {
        let mut card = selected(false);
        say(&mut card, &[1; 30]);
        assert_eq!(card.command(&file), Task::Disconnect);
        assert_eq!(card.answer(), [0x6a, 0x82]);
        assert_eq!(alone(&mut card, &apdu::poll(false)), [0x69, 0x85]);
        assert_eq!(alone(&mut card, &file), [0x6a, 0x82], "there was none");
    }
    let mut card = selected(true);
    say(&mut card, &body(300));
    alone(&mut card, &apdu::poll(false));
    assert_eq!(card.removed(), Task::Disconnect);
    assert_eq!(card.removed(), Task::Nothing);
    assert_eq!(alone(&mut card, &apdu::get_response(44)), [0x69, 0x85]);
    assert!(card.extended, "it is the same card");
}

#[test]
fn the_rest_of_an_answer_is_fetched_or_lost() {
    for (length, counts) in
        [(256, &[0][..]), (257, &[1, 0]), (512, &[0, 0]), (513, &[0, 1, 0]), (4_096, &[0; 16])]
    {
        let mut card = selected(false);
        say(&mut card, &body(length));
        let (mut fetched, mut answer) = (vec![], alone(&mut card, &apdu::poll(false)));
        for (at, left) in counts.iter().enumerate() {
            let (data, status) = answer.split_last_chunk::<2>().unwrap();
            fetched.extend_from_slice(data);
            let last = at + 1 == counts.len();
            assert_eq!(*status, if last { [0x90, 0x00] } else { [0x61, *left] }, "{length} {at}");
            if !last {
                answer = alone(&mut card, &apdu::get_response(*left));
            }
        }
        assert_eq!(fetched, body(length));
        assert_eq!(alone(&mut card, &apdu::get_response(0)), [0x69, 0x85], "there is no more");
    }
    // In pieces of any size, and never beyond the end.
    let mut card = selected(false);
    say(&mut card, &body(300));
    alone(&mut card, &apdu::poll(false));
    assert_eq!(alone(&mut card, &apdu::get_response(40)), [&body(300)[256..296], &[0x61, 4]].concat());
    assert_eq!(alone(&mut card, &apdu::get_response(0)), [&body(300)[296..], &[0x90, 0x00]].concat());
    // Any other command: also one that is refused.
    for other in [apdu::poll(false), vec![0x80, 0xff, 0, 0], vec![]] {
        say(&mut card, &body(300));
        alone(&mut card, &apdu::poll(false));
        alone(&mut card, &other);
        assert_eq!(alone(&mut card, &apdu::get_response(44)), [0x69, 0x85]);
    }
}

#[test]
fn a_chain_is_discarded_by_what_does_not_belong_to_it() {
    let commands = apdu::message(Kind::Sealed, &body(300), false);
    for other in [
        apdu::poll(false),
        apdu::get_response(0),
        vec![0x80, 0xca, 3, 0, 0],
        vec![0x80, 0xc2, 3, 1, 1, 9, 0],
        vec![0x90, 0xc2, 3, 0, 1, 9],
    ] {
        let mut card = selected(false);
        assert_eq!(alone(&mut card, &commands[0]), [0x90, 0x00]);
        alone(&mut card, &other);
        assert_eq!(card.command(&commands[1]), message(&body(300)[255..]), "{other:02x?}");
    }
    let mut card = selected(false);
    assert_eq!(alone(&mut card, &commands[0]), [0x90, 0x00]);
    let other = Task::Receive { kind: Kind::Connect, body: vec![9] };
    assert_eq!(card.command(&[0x80, 0xc2, 2, 0, 1, 9, 0]), other, "another P1");
}

#[test]
fn a_message_is_4096_bytes_at_most() {
    let mut card = selected(false);
    assert_eq!(hand_over(&mut card, &body(4_096), false), message(&body(4_096)));
    let last = hand_over(&mut card, &body(4_097), false);
    assert_eq!((last, card.answer()), (Task::Nothing, vec![0x67, 0x00]));
    assert_eq!(card.chain, None, "nothing is kept");
    let mut card = selected(false);
    let part = &apdu::message(Kind::Sealed, &body(300), false)[0];
    for _ in 0..16 {
        assert_eq!(alone(&mut card, part), [0x90, 0x00]);
    }
    assert_eq!((alone(&mut card, part), card.chain), (vec![0x67, 0x00], None));
}

#[test]
fn extended_length_is_taken_where_it_was_announced() {
    let mut card = selected(true);
    assert_eq!(hand_over(&mut card, &body(4_096), true), message(&body(4_096)));
    say(&mut card, &body(4_096));
    assert_eq!(card.answer(), [&body(4_096)[..], &[0x90, 0x00]].concat());
    say(&mut card, &body(300));
    assert_eq!(alone(&mut card, &apdu::poll(true)), [&body(300)[..], &[0x90, 0x00]].concat());
    // A short command is answered shortly.
    say(&mut card, &body(300));
    assert_eq!(alone(&mut card, &apdu::poll(false)).len(), 258);
    let mut card = selected(false);
    for command in [apdu::poll(true), apdu::message(Kind::Sealed, &[9], true).remove(0)] {
        assert_eq!(alone(&mut card, &command), [0x67, 0x00]);
    }
}

#[test]
fn wrong_commands_are_named_and_end_nothing() {
    let mut card = selected(false);
    for (command, status) in [
        (vec![], [0x67, 0x00]),
        (vec![0x80, 0xc2, 0], [0x67, 0x00]),
        (vec![0x80, 0xc2, 1, 0], [0x67, 0x00]),
        (vec![0x80, 0xc2, 1, 0, 0], [0x67, 0x00]),
        (vec![0x80, 0xc2, 1, 0, 2, 9, 0], [0x67, 0x00]),
        (vec![0x80, 0xc2, 4, 0, 1, 9, 0], [0x6a, 0x86]),
        (vec![0x80, 0xc2, 1, 7, 1, 9, 0], [0x6a, 0x86]),
        (vec![0x80, 0xca, 0, 0, 0], [0x6d, 0x00]),
        (vec![0x00, 0xb0, 0, 0, 0], [0x6d, 0x00]),
        (vec![0xff, 0xca, 0, 0, 0], [0x6e, 0x00]),
        (vec![0x01, 0xa4, 4, 0, 0], [0x6e, 0x00]),
    ] {
        assert_eq!(alone(&mut card, &command), status, "{command:02x?}");
        assert!(card.is_connected());
    }
}

#[test]
fn a_token_that_cannot_greet_has_failed_or_says_why() {
    for (said, answer) in
        [(None, &[0x6f, 0x00][..]), (Some(0x17), &[0x17, 0x90, 0x00]), (Some(0x60), &[0x6f, 0x00])]
    {
        let mut card = Card::new(false);
        assert_eq!(card.command(&apdu::select()), Task::Connect);
        if let Some(status) = said {
            card.output(Output::Send { kind: Kind::Refusal, body: vec![status] }).unwrap();
        }
        card.output(Output::Disconnect).unwrap();
        assert_eq!(card.answer(), answer);
        assert_eq!(alone(&mut card, &apdu::poll(false)), [0x69, 0x85]);
    }
    assert_eq!(Code::TokenFailure.wire(), Some(0x60));
}

#[test]
fn what_nobody_fetches_ends_the_connection() {
    let mut card = selected(false);
    for _ in 0..8 {
        say(&mut card, &[1; 30]);
    }
    assert_eq!(card.output(Output::Send { kind: Kind::KeepAlive, body: vec![] }), Ok(()));
    assert_eq!(card.output(Output::Send { kind: Kind::Sealed, body: vec![1; 30] }), Err(TooMuch));
    assert!(!card.is_connected());
    assert_eq!(alone(&mut card, &apdu::poll(false)), [0x69, 0x85]);
}

fn made() -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/links-2026-11-28.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    unhex(value.as_str().unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

#[test]
fn the_second_implementations_commands_are_taken_and_its_answers_given() {
    let made = made();
    assert_eq!(Card::new(false).command(&bytes(&made["select"])), Task::Connect);
    assert!(list(&made["messages"]).len() > 30 && list(&made["answers"]).len() > 10);
    for case in list(&made["messages"]) {
        let kind = Kind::from_number(u8::try_from(case["kind"].as_u64().unwrap()).unwrap()).unwrap();
        let expected = Task::Receive { kind, body: bytes(&case["body"]) };
        let mut card = selected(true);
        let (last, before) = list(&case["short"]).split_last().unwrap();
        for part in before {
            assert_eq!(alone(&mut card, &bytes(part)), [0x90, 0x00]);
        }
        assert_eq!(card.command(&bytes(last)), expected);
        assert_eq!(card.command(&bytes(&case["extended"])), expected);
    }
    for case in list(&made["answers"]) {
        let mut card = selected(false);
        say(&mut card, &bytes(&case["data"]));
        for exchange in list(&case["exchanges"]) {
            let command =
                exchange["command"].as_str().map_or(bytes(&made["poll"]), |hex| unhex(hex).unwrap());
            assert_eq!(alone(&mut card, &command), bytes(&exchange["answer"]));
        }
    }
}

/// What a reader and a token may do to a card.
#[derive(Clone, Debug)]
enum Act {
    Command(Vec<u8>),
    Select,
    Part(u8, usize),
    Say(usize),
    End,
    Remove,
}

fn act() -> impl Strategy<Value = Act> {
    let header = prop::sample::select(vec![[0x00, 0xa4], [0x80, 0xc2], [0x90, 0xc2], [0x00, 0xc0]]);
    let tail = prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        (header, tail.clone()).prop_map(|(header, tail)| Act::Command([&header[..], &tail].concat())),
        tail.prop_map(Act::Command),
        Just(Act::Select),
        (1..4_u8, 1..5_000_usize).prop_map(|(kind, length)| Act::Part(kind, length)),
        (1..4_097_usize).prop_map(Act::Say),
        Just(Act::End),
        Just(Act::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_command_has_an_answer_in_bounded_memory(extended: bool, acts in prop::collection::vec(act(), 1..60)) {
        let mut card = Card::new(extended);
        for act in acts {
            let mut commands = vec![];
            match act {
                Act::Command(command) => commands.push(command),
                Act::Select => commands.push(apdu::select()),
                Act::Part(kind, length) => {
                    commands = apdu::message(Kind::from_number(kind).unwrap(), &body(length), extended);
                }
                Act::Say(length) => {
                    let _ = card.output(Output::Send { kind: Kind::Sealed, body: body(length) });
                }
                Act::End => card.output(Output::Disconnect).unwrap(),
                Act::Remove => {
                    let was = card.is_connected();
                    prop_assert_eq!(card.removed() == Task::Disconnect, was);
                }
            }
            for command in commands {
                let connected = card.is_connected();
                match card.command(&command) {
                    Task::Connect => prop_assert!(card.is_connected()),
                    Task::Receive { kind, body } => {
                        prop_assert!(connected && kind.from_phone() && (1..=4_096).contains(&body.len()));
                    }
                    Task::Disconnect => prop_assert!(connected && !card.is_connected()),
                    Task::Nothing => {}
                }
                let answer = card.answer();
                let most = if extended { 4_098 } else { 258 };
                prop_assert!((2..=most).contains(&answer.len()));
            }
            let chain = card.chain.as_ref().map_or(0, |(_, body)| body.len());
            prop_assert!(chain <= 4_096 && card.waiting.len() <= 8 && card.rest.len() <= 4_096 - 256);
        }
    }
}
