use std::vec;

use proptest::prelude::*;
use ushield_protocol::framing::apdu::Command;
use ushield_protocol::message::Versions;

use super::*;

const OK: [u8; 2] = [0x90, 0];

fn hello(extended: bool) -> Vec<u8> {
    Hello { versions: Versions::OURS, pairing: false, extended, nonce: [7; 8] }.encode()
}

fn with(data: &[u8], status: [u8; 2]) -> Vec<u8> {
    [data, &status].concat()
}

fn selected(reader: bool, token: bool) -> Card {
    let mut card = Card::new(reader);
    assert_eq!(Command::decode(&card.next_command().unwrap()), Ok(Command::Select));
    assert_eq!(card.next_command(), None);
    card.answered(&with(&hello(token), OK)).unwrap();
    assert_eq!(card.next_message(), Some((Kind::Hello, hello(token))));
    card
}

#[test]
fn an_order_takes_two_commands_and_an_answer_one() {
    let mut card = selected(false, false);
    card.send(Kind::Sealed, &[1; 400]).unwrap();
    let first = card.next_command().unwrap();
    assert!(matches!(Command::decode(&first), Ok(Command::Message { more: true, .. })));
    assert_eq!(card.next_command(), None);
    card.answered(&OK).unwrap();
    let second = card.next_command().unwrap();
    assert!(matches!(Command::decode(&second), Ok(Command::Message { more: false, .. })));
    card.answered(&with(&[9; 18], OK)).unwrap();
    assert_eq!(card.next_message(), Some((Kind::Sealed, vec![9; 18])));
    assert_eq!((card.next_command(), card.next_message()), (None, None));
}

#[test]
fn extended_length_only_where_both_have_it() {
    for (reader, token) in [(true, true), (true, false), (false, true)] {
        let mut card = selected(reader, token);
        card.send(Kind::Sealed, &[1; 400]).unwrap();
        let command = card.next_command().unwrap();
        let extended = matches!(Command::decode(&command), Ok(Command::Message { extended: true, .. }));
        assert_eq!(extended, reader && token);
    }
}

#[test]
fn a_token_that_is_busy_refuses_in_place_of_the_hello() {
    let mut card = Card::new(false);
    card.next_command().unwrap();
    card.answered(&with(&[0x17], OK)).unwrap();
    assert_eq!(card.next_message(), Some((Kind::Refusal, vec![0x17])));
}

#[test]
fn a_long_answer_is_fetched() {
    let mut card = selected(false, false);
    card.send(Kind::Pairing, &[1; 37]).unwrap();
    card.next_command().unwrap();
    card.answered(&with(&[1; 256], [0x61, 0])).unwrap();
    assert_eq!(Command::decode(&card.next_command().unwrap()), Ok(Command::GetResponse { most: 256 }));
    card.answered(&with(&[2; 256], [0x61, 3])).unwrap();
    assert_eq!(Command::decode(&card.next_command().unwrap()), Ok(Command::GetResponse { most: 3 }));
    card.answered(&with(&[3; 3], OK)).unwrap();
    let (kind, body) = card.next_message().unwrap();
    assert_eq!((kind, body.len()), (Kind::Pairing, 515));
}

#[test]
fn polls_slow_down_and_a_message_quickens_them() {
    let mut card = selected(false, false);
    let mut paces = Vec::new();
    for _ in 0..12 {
        paces.push(card.pace());
        card.poll();
        assert_eq!(Command::decode(&card.next_command().unwrap()), Ok(Command::Poll { extended: false }));
        // Nothing is asked for while an answer is awaited.
        card.poll();
        assert_eq!(card.next_command(), None);
        assert_eq!(card.answered(&OK), Ok(Brought::Nothing));
        assert_eq!(card.next_message(), Some((Kind::KeepAlive, vec![])));
    }
    assert_eq!(paces[..10], [QUICK; 10]);
    assert_eq!(paces[10..], [SLOW; 2]);
    card.poll();
    card.next_command().unwrap();
    assert_eq!(card.answered(&with(&[3], OK)), Ok(Brought::Something));
    assert_eq!(card.next_message(), Some((Kind::Refusal, vec![3])));
    assert_eq!(card.pace(), QUICK);
}

#[test]
fn each_status_has_its_error() {
    let first = |status: [u8; 2]| {
        let mut card = Card::new(false);
        card.next_command().unwrap();
        card.answered(&status).unwrap_err()
    };
    assert_eq!(first([0x6a, 0x82]), Code::TokenNotFound);
    assert_eq!(first([0x6d, 0]), Code::TokenNotFound);
    assert_eq!(first([0x6f, 0]), Code::TokenFailure);
    assert_eq!(first([0x90, 0]), Code::TokenNotFound);
    assert_eq!(first([0x69, 0x82]), Code::TokenNotFound);
    let later = |answer: &[u8]| {
        let mut card = selected(false, false);
        card.send(Kind::Sealed, &[1; 20]).unwrap();
        card.next_command().unwrap();
        card.answered(answer).unwrap_err()
    };
    assert_eq!(later(&[0x69, 0x85]), Code::LinkLost);
    assert_eq!(later(&[0x6f, 0]), Code::TokenFailure);
    for answer in [&[0x6a, 0x82][..], &[0x67, 0], &[0x61, 4], &[0x12, 0x34], &[0x90], &[]] {
        assert_eq!(later(answer), Code::TokenMisbehaved, "{answer:02x?}");
    }
    let mut card = selected(false, false);
    // Without a question no answer.
    assert_eq!(card.answered(&OK), Err(Code::TokenMisbehaved));
    for (kind, body) in [(Kind::Hello, &[1][..]), (Kind::Sealed, &[]), (Kind::Sealed, &[0; 4_097])] {
        assert_eq!(card.send(kind, body), Err(Code::BadInput));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a card answers, memory stays bounded and the commands end.
    #[test]
    fn anything_may_be_answered(answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..60)) {
        let mut card = Card::new(true);
        let mut bytes = 0;
        for answer in answers {
            if card.next_command().is_none() {
                card.poll();
                prop_assert!(card.next_command().is_some());
            }
            let answer = [answer, vec![0x61, 0]].concat();
            if card.answered(&answer).is_err() {
                break;
            }
            bytes += answer.len() - 2;
            prop_assert!(bytes <= 13 + MAX_BODY);
        }
    }
}
