//! Section 2.1, "Receiving", "Acknowledging" and the receiver's timer.

use super::*;

fn receive_all(fragments: &mut Fragments, values: &[Vec<u8>], now: u64) {
    for value in values {
        fragments.receive(value, Millis(now)).unwrap();
    }
}

#[test]
fn a_message_comes_out_whole_in_whatever_order_it_comes_in() {
    let body = body(100);
    let values = written(0, &body);
    assert_eq!(values.len(), 6);
    for turn in 0..values.len() {
        let mut order = values.clone();
        order.rotate_left(turn);
        for order in [order.clone(), order.into_iter().rev().collect()] {
            let mut fragments = Fragments::new(small());
            for value in &order {
                assert_eq!(fragments.next_message(), None);
                fragments.receive(value, Millis(0)).unwrap();
            }
            assert_eq!(fragments.next_message(), Some((Kind::Sealed, body.clone())));
            assert_eq!(fragments.next_message(), None);
        }
    }
}

#[test]
fn the_longest_and_the_shortest_over_every_write_size() {
    for mtu in [23, 24, 185, 514, 515, 517, 600] {
        let size = WriteSize::of_mtu(mtu).unwrap();
        for length in [1, 17, 18, 509, 510, 4_095, 4_096] {
            // What the phone can write is not the token's business.
            let mut fragments = Fragments::new(small());
            receive_all(&mut fragments, &written_over(size, 0, &body(length)), 0);
            assert_eq!(fragments.next_message(), Some((Kind::Sealed, body(length))), "{mtu} {length}");
        }
    }
}

#[test]
fn it_is_acknowledged_after_300_ms_once() {
    let mut fragments = Fragments::new(small());
    receive_all(&mut fragments, &written(0, &body(40)), 100);
    assert_eq!(fragments.deadline(), Some(Millis(400)));
    assert_eq!(drain(&mut fragments, 399), [[0; 0]; 0]);
    assert_eq!(drain(&mut fragments, 400), [ack(0)]);
    assert_eq!((drain(&mut fragments, 9_000), fragments.deadline()), (vec![], None));
}

#[test]
fn an_answer_acknowledges_in_place_of_that() {
    let mut fragments = Fragments::new(small());
    receive_all(&mut fragments, &written(0, &body(40)), 0);
    fragments.send(Kind::Sealed, vec![7]).unwrap();
    assert_eq!(drain(&mut fragments, 10), [vec![0xb0, 0x00, 0x01, 7]]);
    assert_eq!(drain(&mut fragments, 400), [[0; 0]; 0]);
}

#[test]
fn a_keep_alive_does_not_acknowledge_in_place_of_that() {
    let mut fragments = Fragments::new(small());
    receive_all(&mut fragments, &written(0, &body(40)), 0);
    fragments.send(Kind::KeepAlive, vec![]).unwrap();
    assert_eq!(drain(&mut fragments, 0), [vec![0xdf, 0x00, 0x00]]);
    assert_eq!(drain(&mut fragments, 300), [ack(0)]);
}

#[test]
fn an_earlier_message_is_acknowledged_again() {
    let mut fragments = Fragments::new(small());
    let values = written(0, &body(40));
    for now in [0, 1_000] {
        // The whole of it again, and single fragments.
        receive_all(&mut fragments, &values, now);
        drain(&mut fragments, now + 300);
        fragments.receive(&values[1], Millis(now + 400)).unwrap();
        assert_eq!(drain(&mut fragments, now + 400), [ack(0)]);
    }
    assert!(fragments.next_message().is_some() && fragments.next_message().is_none());
    // Distances of 4 to 15 are of earlier ones, also of such as there never were.
    for number in 5..=15 {
        fragments.receive(&written(number, &[1])[0], Millis(5_000)).unwrap();
        assert_eq!(drain(&mut fragments, 5_000), [ack(0)], "{number}");
    }
}

#[test]
fn a_later_message_says_that_this_one_exists() {
    for number in 1..=3 {
        let mut fragments = Fragments::new(small());
        for value in written(number, &body(40)) {
            fragments.receive(&value, Millis(0)).unwrap();
        }
        assert_eq!(drain(&mut fragments, 0), [nack(0, 255)], "asked for once");
        // It was dropped: only this one comes out, and the later one is asked for.
        receive_all(&mut fragments, &written(0, &body(50)), 10);
        assert_eq!(fragments.next_message(), Some((Kind::Sealed, body(50))));
        assert_eq!(fragments.next_message(), None);
        assert_eq!(drain(&mut fragments, 10), [nack(1, 255)]);
        for next in 1..=number {
            receive_all(&mut fragments, &written(next, &body(60)), 20);
            assert_eq!(fragments.next_message(), Some((Kind::Sealed, body(60))));
            let expected = if next < number { vec![nack(next + 1, 255)] } else { vec![] };
            assert_eq!(drain(&mut fragments, 20), expected);
        }
    }
}

#[test]
fn a_later_message_asks_for_nothing_that_has_begun() {
    let mut fragments = Fragments::new(small());
    fragments.receive(&written(0, &body(40))[0], Millis(0)).unwrap();
    fragments.receive(&written(1, &body(40))[0], Millis(0)).unwrap();
    assert_eq!(drain(&mut fragments, 0), [[0; 0]; 0]);
    assert_eq!(fragments.deadline(), Some(Millis(500)));
}

#[test]
fn a_gap_is_asked_for_at_once_and_once() {
    let mut fragments = Fragments::new(small());
    let values = written(0, &body(150));
    fragments.receive(&values[0], Millis(0)).unwrap();
    fragments.receive(&values[3], Millis(0)).unwrap();
    assert_eq!(drain(&mut fragments, 0), [nack(0, 1)]);
    fragments.receive(&values[4], Millis(0)).unwrap();
    assert_eq!(drain(&mut fragments, 0), [[0; 0]; 0]);
    fragments.receive(&values[1], Millis(0)).unwrap();
    assert_eq!(drain(&mut fragments, 0), [nack(0, 2)]);
    // Of the timer's request too: only once until the next.
    fragments.tick(Millis(500)).unwrap();
    assert_eq!(drain(&mut fragments, 500), [nack(0, 2)]);
    fragments.receive(&values[6], Millis(600)).unwrap();
    assert_eq!(drain(&mut fragments, 600), [[0; 0]; 0]);
    fragments.tick(Millis(1_100)).unwrap();
    assert_eq!(drain(&mut fragments, 1_100), [nack(0, 2)]);
}

#[test]
fn what_has_come_meanwhile_is_not_asked_for() {
    let mut fragments = Fragments::new(small());
    let values = written(0, &body(60));
    fragments.receive(&values[0], Millis(0)).unwrap();
    fragments.receive(&values[2], Millis(0)).unwrap();
    fragments.receive(&values[1], Millis(0)).unwrap();
    assert_eq!(drain(&mut fragments, 0), [[0; 0]; 0]);
}

#[test]
fn a_start_that_is_missing_is_fragment_0() {
    let mut fragments = Fragments::new(small());
    fragments.receive(&written(0, &body(60))[1], Millis(0)).unwrap();
    assert_eq!(drain(&mut fragments, 0), [nack(0, 0)]);
}

#[test]
fn silence_is_asked_twelve_times_and_ends_the_connection() {
    for (values, asked) in [(written(1, &[1]), 255), (written(0, &body(40)), 2)] {
        let mut fragments = Fragments::new(small());
        receive_all(&mut fragments, &values[..values.len().min(2)], 0);
        drain(&mut fragments, 0);
        for times in 1..=12 {
            assert_eq!(fragments.deadline(), Some(Millis(times * 500)));
            fragments.tick(Millis(times * 500 - 1)).unwrap();
            assert_eq!(drain(&mut fragments, times * 500 - 1), [[0; 0]; 0]);
            fragments.tick(Millis(times * 500)).unwrap();
            assert_eq!(drain(&mut fragments, times * 500), [nack(0, asked)]);
        }
        assert_eq!(fragments.tick(Millis(6_500)), Err(Broken::GivenUp));
        assert_eq!(fragments.receive(&ack(15), Millis(6_500)), Err(Broken::GivenUp));
        assert_eq!((fragments.deadline(), fragments.next_write(Millis(6_500))), (None, None));
    }
}

#[test]
fn progress_begins_the_twelve_anew_and_a_repetition_does_not() {
    let mut fragments = Fragments::new(small());
    let values = written(0, &body(60));
    fragments.receive(&values[0], Millis(0)).unwrap();
    for times in 1..=12 {
        fragments.tick(Millis(times * 500)).unwrap();
    }
    fragments.receive(&values[1], Millis(6_400)).unwrap();
    for times in 1..=12 {
        fragments.tick(Millis(6_400 + times * 500)).unwrap();
    }
    fragments.receive(&values[1], Millis(12_800)).unwrap();
    assert_eq!(fragments.deadline(), Some(Millis(13_300)), "something was heard of it");
    assert_eq!(fragments.tick(Millis(13_300)), Err(Broken::GivenUp));
}

#[test]
fn what_a_phone_must_not_write_ends_the_connection() {
    let (long, short) = (written(0, &body(60)), written(0, &[1]));
    let changed = |value: &[u8]| [&value[..value.len() - 1], &[value[value.len() - 1] ^ 1]].concat();
    let other_kind = [&[0x90][..], &long[0][1..]].concat();
    for (expected, before, value) in [
        (Broken::NotAFragment, None, vec![0x10, 1, 1]),
        (Broken::NotAFragment, None, vec![]),
        (Broken::WrongKind, None, vec![0xc0, 0xf0, 0x01, 9]),
        (Broken::WrongKind, None, vec![0xd0, 0xf0, 0x00]),
        // Also for a message that would be ignored.
        (Broken::WrongKind, None, vec![0xc8, 0xf0, 0x01, 9]),
        (Broken::Length, None, long[0][..19].to_vec()),
        (Broken::Length, Some(&long[0]), long[1][..19].to_vec()),
        (Broken::Length, Some(&long[0]), [&long[1][..], &[0]].concat()),
        (Broken::Length, Some(&long[0]), [&long[3][..], &[0]].concat()),
        (Broken::Length, Some(&long[0]), vec![0, 4, 1]),
        (Broken::Length, Some(&long[1]), short[0].clone()),
        (Broken::Length, Some(&vec![0, 1, 1]), long[0].clone()),
        (Broken::Length, Some(&vec![0, 9, 1]), long[0].clone()),
        (Broken::Changed, Some(&long[0]), changed(&long[0])),
        (Broken::Changed, Some(&long[0]), other_kind),
        (Broken::Changed, Some(&long[0]), written(0, &body(61))[0].clone()),
        (Broken::Changed, Some(&long[2]), changed(&long[2])),
        (Broken::Changed, Some(&long[2]), long[2][..19].to_vec()),
    ] {
        let mut fragments = Fragments::new(small());
        if let Some(before) = before {
            fragments.receive(before, Millis(0)).unwrap();
        }
        assert_eq!(fragments.receive(&value, Millis(0)), Err(expected), "{before:?} {value:02x?}");
        assert_eq!(fragments.next_write(Millis(0)), None);
    }
    let mut fragments = Fragments::new(small());
    receive_all(&mut fragments, &[long[0].clone(), long[2].clone()], 0);
    assert_eq!(fragments.receive(&changed(&long[2]), Millis(0)), Err(Broken::Changed));
}

#[test]
fn a_start_again_may_acknowledge_more() {
    let mut fragments = Fragments::new(small());
    fragments.send(Kind::Sealed, vec![1]).unwrap();
    drain(&mut fragments, 0);
    let mut start = written(0, &body(60)).remove(0);
    fragments.receive(&start, Millis(0)).unwrap();
    start[1] &= 0x0f;
    fragments.receive(&start, Millis(0)).unwrap();
    assert!(fragments.is_settled());
}

#[test]
fn what_waits_for_its_start_is_no_more_than_a_message() {
    let mut fragments = Fragments::new(small());
    for index in 1..=8 {
        let value = [&[0, index][..], &[index; 510]].concat();
        fragments.receive(&value, Millis(0)).unwrap();
    }
    assert_eq!(fragments.held(), [0, 4_080, 0]);
    fragments.receive(&[&[0, 9][..], &[9; 16]].concat(), Millis(0)).unwrap();
    assert_eq!(fragments.receive(&[0, 10, 1], Millis(0)), Err(Broken::Length));
}

#[test]
fn a_message_that_is_not_fetched_is_not_followed_by_another() {
    let mut fragments = Fragments::new(small());
    receive_all(&mut fragments, &written(0, &body(40)), 0);
    receive_all(&mut fragments, &written(1, &body(50)), 0);
    assert_eq!(fragments.next_message(), Some((Kind::Sealed, body(40))));
    assert_eq!(fragments.next_message(), None);
    assert_eq!(drain(&mut fragments, 0), [nack(1, 255)]);
    receive_all(&mut fragments, &written(1, &body(50)), 10);
    assert_eq!(fragments.next_message(), Some((Kind::Sealed, body(50))));
}

#[test]
fn numbers_turn_around() {
    let mut fragments = Fragments::new(small());
    for number in 0..40 {
        receive_all(&mut fragments, &written(number % 16, &body(40)), 0);
        assert!(fragments.next_message().is_some());
        assert_eq!(drain(&mut fragments, 300), [ack(number % 16)]);
    }
}
