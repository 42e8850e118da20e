use ushield_protocol::framing::fragment::{Fragment, Number};

use super::*;

const HELLO: [u8; 13] = [7; 13];

fn at(now: u64) -> Millis {
    Millis(now)
}

/// Connected, `info` read, `out` subscribed.
fn greeted(mtu: u16) -> Phone {
    let mut phone = Phone::new(at(0));
    phone.mtu(mtu);
    phone.greeted(HELLO.to_vec());
    phone.subscribed(true);
    phone
}

fn message(number: Number, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap();
    Fragment::Start { number, kind: Kind::Connect, acknowledges: Number::NONE, length, bytes: body }.encode()
}

#[test]
fn a_connection_on_which_info_is_not_read_ends_after_ten_seconds() {
    let mut phone = Phone::new(at(5));
    phone.subscribed(true);
    assert_eq!(phone.deadline(), Some(at(10_005)));
    assert!(!phone.is_over(at(10_004)) && phone.is_over(at(10_005)));
    phone.greeted(HELLO.to_vec());
    assert_eq!(
        (phone.deadline(), phone.is_over(at(60_000))),
        (None, false),
        "the token's own time runs then"
    );
}

#[test]
fn a_write_before_the_hello_ends_it() {
    let mut phone = Phone::new(at(0));
    phone.written(&message(Number::FIRST, &[1; 9]), at(1));
    assert!(phone.is_over(at(1)));
}

#[test]
fn nothing_is_notified_that_is_not_subscribed_or_while_one_is_on_its_way() {
    let mut phone = Phone::new(at(0));
    phone.greeted(HELLO.to_vec());
    phone.say(Kind::Sealed, vec![3; 40]);
    assert_eq!(phone.next_notification(at(1)), None);
    phone.subscribed(true);
    let sizes: Vec<usize> = std::iter::from_fn(|| {
        let value = phone.next_notification(at(2))?;
        assert_eq!(phone.next_notification(at(2)), None);
        phone.notified();
        Some(value.len())
    })
    .collect();
    assert_eq!(sizes, [20, 20, 7], "MTU 23");
}

#[test]
fn more_than_three_messages_wait_for_room() {
    let mut phone = greeted(517);
    for byte in 0..5 {
        phone.say(Kind::Sealed, vec![byte; 4]);
    }
    let mut said = 0;
    while phone.next_notification(at(1)).is_some() {
        phone.notified();
        said += 1;
    }
    assert_eq!(said, 3);
    let third = Number::FIRST.next().next();
    phone.written(&Fragment::Ack { number: third }.encode(), at(2));
    while phone.next_notification(at(2)).is_some() {
        phone.notified();
        said += 1;
    }
    assert_eq!(said, 5);
    assert!(!phone.is_over(at(2)));
}

#[test]
fn with_more_than_eight_that_wait_it_ends() {
    let mut phone = greeted(517);
    for byte in 0..11 {
        phone.say(Kind::Sealed, vec![byte; 4]);
        phone.say(Kind::KeepAlive, Vec::new());
    }
    assert!(!phone.is_over(at(1)), "three may be on their way");
    phone.say(Kind::Sealed, vec![11; 4]);
    assert!(phone.is_over(at(1)));
}

#[test]
fn last_words_are_waited_for_two_seconds() {
    let last = || {
        let mut phone = greeted(185);
        phone.written(&message(Number::FIRST, &[1; 9]), at(1));
        assert_eq!(phone.next_message(), Some((Kind::Connect, vec![1; 9])));
        phone.say(Kind::Refusal, vec![0x13]);
        phone.last_was_said(at(2));
        assert!(phone.next_notification(at(2)).is_some());
        phone.notified();
        phone
    };
    let mut heard = last();
    assert!(!heard.is_over(at(3)));
    heard.written(&Fragment::Ack { number: Number::FIRST }.encode(), at(3));
    assert!(heard.is_over(at(3)));
    let unheard = last();
    assert!(!unheard.is_over(at(2_001)) && unheard.is_over(at(2_002)));
}

#[test]
fn a_radio_that_is_busy_is_not_asked_again_and_again() {
    let mut phone = greeted(185);
    phone.written(&message(Number::FIRST, &[1; 9]), at(1));
    assert_eq!(phone.deadline(), Some(at(301)), "the acknowledgement");
    phone.say(Kind::KeepAlive, Vec::new());
    assert!(phone.next_notification(at(2)).is_some());
    assert_eq!(phone.deadline(), None);
    phone.notified();
    assert!(phone.deadline().is_some());
}

#[test]
fn what_is_no_fragment_ends_it() {
    let mut phone = greeted(185);
    phone.written(&[0x70], at(1));
    assert!(phone.is_over(at(1)) && phone.next_notification(at(1)).is_none());
}
