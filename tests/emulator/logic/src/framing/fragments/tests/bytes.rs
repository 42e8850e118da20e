//! The second implementation's bytes, and any bytes.

use std::format;
use std::string::String;

use serde_json::Value;
use ushield_protocol::key::unhex;

use super::*;

fn made() -> Value {
    let file = format!("{}/../../vectors/links-2026-11-28.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    unhex(value.as_str().unwrap()).unwrap()
}

fn small_number(value: &Value) -> u8 {
    u8::try_from(value.as_u64().unwrap()).unwrap()
}

/// A connection whose next message to the phone has this number, and that acknowledges the phone's message of that one.
fn at(size: WriteSize, number: u8, acknowledges: u8) -> Fragments {
    let mut fragments = Fragments::new(size);
    for before in 0..number {
        fragments.send(Kind::Sealed, vec![1]).unwrap();
        drain(&mut fragments, 0);
        fragments.receive(&ack(before), Millis(0)).unwrap();
    }
    for received in 0..(acknowledges + 1) % 16 {
        fragments.receive(&[0xb0 | received, before(number) << 4, 1, 9], Millis(0)).unwrap();
        fragments.next_message().unwrap();
        drain(&mut fragments, 1_000);
    }
    fragments
}

fn before(number: u8) -> u8 {
    (number + 15) % 16
}

#[test]
fn messages_are_cut_and_joined_as_by_the_second_implementation() {
    let made = made();
    let cases = made["fragments"].as_array().unwrap();
    assert!(cases.len() > 50);
    for case in cases {
        let size = WriteSize::new(usize::try_from(case["write"].as_u64().unwrap()).unwrap()).unwrap();
        let (number, acknowledges) = (small_number(&case["number"]), small_number(&case["acknowledges"]));
        let (kind, body) = (Kind::from_number(small_number(&case["kind"])).unwrap(), bytes(&case["body"]));
        let values: Vec<Vec<u8>> = case["fragments"].as_array().unwrap().iter().map(bytes).collect();
        let mut token = at(size, number, acknowledges);
        token.send(kind, body.clone()).unwrap();
        assert_eq!(drain(&mut token, 0), values);
        if kind.from_phone() {
            let mut token = at(size, (acknowledges + 1) % 16, before(number));
            for value in &values {
                token.receive(value, Millis(0)).unwrap();
            }
            assert_eq!(token.next_message(), Some((kind, body)));
        }
    }
}

#[test]
fn signals_are_those_of_the_second_implementation() {
    let made = made();
    let cases = made["signals"].as_array().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for case in cases {
        let (name, number) = (case["name"].as_str().unwrap(), small_number(&case["number"]));
        let mut token = match name {
            "keep-alive" => at(small(), (number + 1) % 16, small_number(&case["acknowledges"])),
            _ => at(small(), 0, before(number)),
        };
        match name {
            "keep-alive" => token.send(Kind::KeepAlive, vec![]).unwrap(),
            // What is asked for here: all of a message, its start, or a continuation before one that is there.
            "nack" => match usize::from(small_number(&case["index"])) {
                255 => token.receive(&written((number + 1) % 16, &[1])[0], Millis(0)).unwrap(),
                index => {
                    let values = written(number, &body(4_096));
                    let Some(behind) = values.get(index + 1) else { continue };
                    for value in values[..index].iter().chain([behind]) {
                        token.receive(value, Millis(0)).unwrap();
                    }
                }
            },
            _ => token.receive(&written(number, &[1])[0], Millis(0)).unwrap(),
        }
        assert_eq!(drain(&mut token, 400), [bytes(&case["bytes"])], "{case}");
        seen.insert(String::from(name));
    }
    assert_eq!(seen.len(), 3);
}

/// What a phone may do to one connection.
#[derive(Clone, Debug)]
enum Act {
    Write(Vec<u8>),
    /// Something that resembles a fragment.
    Piece(u8, u8, u16, usize),
    Say(usize),
    Fetch,
    Next,
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Act::Write),
        (0..4_u8, 0..10_u8, prop_oneof![Just(60), Just(4_096), Just(0), any::<u16>()], 0..600_usize)
            .prop_map(|(number, index, length, bytes)| Act::Piece(number, index, length, bytes)),
        (0..5_000_usize).prop_map(Act::Say),
        Just(Act::Fetch),
        Just(Act::Next),
        (0..3_000_u64).prop_map(Act::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_survived_in_bounded_memory(acts in prop::collection::vec(act(), 1..80)) {
        let (mut fragments, mut now) = (Fragments::new(small()), 0);
        for act in acts {
            let before = fragments.broken;
            match act {
                Act::Write(value) => { let _ = fragments.receive(&value, Millis(now)); }
                Act::Piece(number, 0, length, bytes) => {
                    let [high, low] = length.to_be_bytes();
                    let head = [0xb0 | number, 0xf0 | high & 0x0f, low];
                    let _ = fragments.receive(&[&head[..], &body(bytes)].concat(), Millis(now));
                }
                Act::Piece(number, index, _, bytes) => {
                    let _ = fragments.receive(&[&[number, index][..], &body(bytes)].concat(), Millis(now));
                }
                Act::Say(length) => { let _ = fragments.send(Kind::Sealed, body(length)); }
                Act::Fetch => if let Some((kind, body)) = fragments.next_message() {
                    prop_assert!(kind.from_phone() && (1..=4_096).contains(&body.len()));
                },
                Act::Next => if let Some(value) = fragments.next_write(Millis(now)) {
                    prop_assert!((1..=20).contains(&value.len()));
                },
                Act::Wait(millis) => {
                    now += millis;
                    let _ = fragments.tick(Millis(now));
                }
            }
            let [sent, comes, delivered] = fragments.held();
            prop_assert!(sent <= 3 * 5_000 && comes <= 4_096 && delivered <= 4_096);
            prop_assert!(before.is_none() || fragments.broken == before, "broken is broken");
        }
    }
}
