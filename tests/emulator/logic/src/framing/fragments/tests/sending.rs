//! Section 2.1, "Fragments", the sender's timer, and NACK and ACK to a sender.

use super::*;

fn sent(bodies: &[usize]) -> (Fragments, Vec<Vec<u8>>) {
    let mut fragments = Fragments::new(small());
    for length in bodies {
        fragments.send(Kind::Sealed, body(*length)).unwrap();
    }
    let values = drain(&mut fragments, 0);
    (fragments, values)
}

#[test]
fn messages_are_cut_and_numbered() {
    let (_, values) = sent(&[60, 1]);
    assert_eq!(values, [written(0, &body(60)), written(1, &body(1))].concat());
}

#[test]
fn what_is_no_message_is_not_sent() {
    let mut fragments = Fragments::new(small());
    for (kind, length) in [(Kind::Hello, 13), (Kind::Sealed, 0), (Kind::Sealed, 4_097)] {
        assert_eq!(fragments.send(kind, body(length)), Err(Unsent::NoFragments));
    }
    assert_eq!(fragments.next_write(Millis(0)), None);
    fragments.send(Kind::Sealed, body(4_096)).unwrap();
    assert_eq!(drain(&mut fragments, 0).len(), 228);
}

#[test]
fn three_are_sent_before_one_is_acknowledged() {
    let (mut fragments, _) = sent(&[1, 1, 1]);
    assert!(!fragments.has_room());
    assert_eq!(fragments.send(Kind::Sealed, body(1)), Err(Unsent::NoRoom));
    fragments.send(Kind::KeepAlive, vec![]).unwrap();
    assert_eq!(drain(&mut fragments, 0), [[0xd2, 0xf0, 0x00]], "a keep-alive needs no room");
    fragments.receive(&ack(1), Millis(0)).unwrap();
    fragments.send(Kind::Sealed, body(1)).unwrap();
    fragments.send(Kind::Sealed, body(1)).unwrap();
    assert!(!fragments.has_room());
}

#[test]
fn keep_alives_do_not_pile_up_and_give_way() {
    let mut fragments = Fragments::new(small());
    fragments.send(Kind::KeepAlive, vec![]).unwrap();
    fragments.send(Kind::KeepAlive, vec![]).unwrap();
    assert_eq!(drain(&mut fragments, 0), [[0xdf, 0xf0, 0x00]]);
    fragments.send(Kind::KeepAlive, vec![]).unwrap();
    fragments.send(Kind::Sealed, body(1)).unwrap();
    assert_eq!(drain(&mut fragments, 0), written(0, &body(1)));
}

#[test]
fn the_last_fragment_of_the_oldest_is_sent_again_five_times() {
    let (mut fragments, values) = sent(&[60, 20]);
    let mut now = 0;
    for wait in [1_000, 2_000, 4_000, 4_000, 4_000] {
        now += wait;
        assert_eq!(fragments.deadline(), Some(Millis(now)));
        fragments.tick(Millis(now - 1)).unwrap();
        assert_eq!(drain(&mut fragments, now - 1), [[0; 0]; 0]);
        fragments.tick(Millis(now)).unwrap();
        assert_eq!(drain(&mut fragments, now), [values[3].clone()]);
    }
    assert_eq!(fragments.deadline(), None, "it falls silent, and does not end");
    fragments.tick(Millis(1_000_000)).unwrap();
    assert_eq!(drain(&mut fragments, 1_000_000), [[0; 0]; 0]);
    // Whatever is heard: also the old.
    fragments.receive(&ack(15), Millis(2_000_000)).unwrap();
    assert_eq!(fragments.deadline(), Some(Millis(2_001_000)));
    fragments.tick(Millis(2_001_000)).unwrap();
    assert_eq!(drain(&mut fragments, 2_001_000), [values[3].clone()]);
    assert_eq!(fragments.deadline(), Some(Millis(2_003_000)), "from the beginning");
}

#[test]
fn an_acknowledgement_of_something_new_starts_the_second_over() {
    let (mut fragments, values) = sent(&[60, 20]);
    fragments.tick(Millis(1_000)).unwrap();
    drain(&mut fragments, 1_000);
    fragments.receive(&ack(15), Millis(1_500)).unwrap();
    assert_eq!(fragments.deadline(), Some(Millis(3_000)), "nothing new");
    fragments.receive(&ack(0), Millis(1_500)).unwrap();
    assert_eq!(fragments.deadline(), Some(Millis(2_500)));
    fragments.tick(Millis(2_500)).unwrap();
    assert_eq!(drain(&mut fragments, 2_500), [values[5].clone()]);
    fragments.receive(&ack(1), Millis(2_600)).unwrap();
    assert!(fragments.is_settled() && fragments.deadline().is_none());
}

#[test]
fn the_second_begins_with_the_last_fragment() {
    let mut fragments = Fragments::new(small());
    fragments.send(Kind::Sealed, body(60)).unwrap();
    for now in [0, 5_000, 6_000] {
        fragments.next_write(Millis(now)).unwrap();
        assert_eq!(fragments.deadline(), None);
    }
    fragments.next_write(Millis(7_000)).unwrap();
    assert_eq!(fragments.deadline(), Some(Millis(8_000)));
}

#[test]
fn what_is_lacking_is_sent_again_alone() {
    let (mut fragments, values) = sent(&[60, 20]);
    for index in [3, 0, 2] {
        fragments.receive(&nack(0, index), Millis(0)).unwrap();
        assert_eq!(drain(&mut fragments, 0), [values[usize::from(index)].clone()]);
    }
    fragments.receive(&nack(0, 255), Millis(0)).unwrap();
    assert_eq!(drain(&mut fragments, 0), values[..4]);
    // Older messages come first, and what is not there is not sent.
    for ignored in [nack(0, 4), nack(0, 254), nack(2, 0), nack(2, 255), nack(7, 0), nack(15, 255)] {
        fragments.receive(&ignored, Millis(0)).unwrap();
        fragments.send(Kind::KeepAlive, vec![]).unwrap();
        assert_eq!(drain(&mut fragments, 0), [[0xd1, 0xf0, 0x00]], "{ignored:02x?}: nothing before it");
    }
    fragments.receive(&nack(1, 0), Millis(0)).unwrap();
    assert_eq!(drain(&mut fragments, 0), [values[4].clone()]);
    fragments.receive(&nack(0, 0), Millis(0)).unwrap();
    assert_eq!(drain(&mut fragments, 0), [[0; 0]; 0], "a NACK acknowledges what is before it");
}

#[test]
fn a_message_that_was_not_begun_cannot_lack_anything() {
    let mut fragments = Fragments::new(small());
    fragments.send(Kind::Sealed, body(60)).unwrap();
    fragments.receive(&nack(0, 255), Millis(0)).unwrap();
    assert_eq!(drain(&mut fragments, 0), written(0, &body(60)));
    // And one in the middle can.
    fragments.send(Kind::Sealed, body(60)).unwrap();
    let first = fragments.next_write(Millis(0)).unwrap();
    fragments.next_write(Millis(0)).unwrap();
    fragments.receive(&nack(1, 0), Millis(0)).unwrap();
    let expected = written(1, &body(60));
    assert_eq!(drain(&mut fragments, 0), [&[first], &expected[2..]].concat());
}

#[test]
fn re_sent_bytes_are_the_same_but_for_what_they_acknowledge() {
    let (mut fragments, values) = sent(&[60]);
    for value in written(0, &body(1)) {
        fragments.receive(&value, Millis(0)).unwrap();
    }
    fragments.receive(&nack(0, 255), Millis(0)).unwrap();
    let again = drain(&mut fragments, 0);
    assert_eq!((again[0][0], again[0][1], &again[0][2..]), (values[0][0], 0x00, &values[0][2..]));
    assert_eq!(again[1..], values[1..]);
}

#[test]
fn an_acknowledgement_of_what_was_not_sent_ends_the_connection() {
    for number in 0..=15_u8 {
        let (mut fragments, _) = sent(&[1, 1]);
        let result = fragments.receive(&ack(number), Millis(0));
        let mut in_start = written(0, &[1]).remove(0);
        in_start[1] = number << 4;
        let (mut other, _) = sent(&[1, 1]);
        assert_eq!(other.receive(&in_start, Millis(0)).err(), result.err());
        match number {
            2..=5 => assert_eq!(result, Err(Broken::NotSent), "{number}"),
            _ => assert_eq!((result, fragments.is_settled()), (Ok(()), number == 1), "{number}"),
        }
    }
    // Not sent is also what is not sent to its end.
    let mut fragments = Fragments::new(small());
    fragments.send(Kind::Sealed, body(60)).unwrap();
    fragments.next_write(Millis(0)).unwrap();
    assert_eq!(fragments.receive(&ack(0), Millis(0)), Err(Broken::NotSent));
}
