use std::boxed::Box;
use std::println;
use std::vec;

use proptest::prelude::*;
use ushield_protocol::framing::fragment::{ALL, Number};

use super::*;

fn size(bytes: usize) -> WriteSize {
    WriteSize::new(bytes).unwrap()
}

fn body(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}

/// What may happen to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Arrives,
    Lost,
    Twice,
    AfterTheNext,
    /// Later by so many milliseconds.
    Late(u64),
}

/// Two sides that speak the same and a link between them: both are this crate's, so that every rule meets itself.
struct Pair {
    sides: [Fragments; 2],
    /// By receiver, in the order of arrival.
    air: [Vec<(Millis, Vec<u8>)>; 2],
    messages: [Vec<(Kind, Vec<u8>)>; 2],
    now: Millis,
    writes: usize,
    fates: Box<dyn FnMut(usize) -> Fate>,
    held: [Option<Vec<u8>>; 2],
    bytes: usize,
}

impl Pair {
    fn new(bytes: usize, fates: impl FnMut(usize) -> Fate + 'static) -> Self {
        Self {
            sides: [Fragments::new(size(bytes)), Fragments::new(size(bytes))],
            air: [Vec::new(), Vec::new()],
            messages: [Vec::new(), Vec::new()],
            now: Millis(0),
            writes: 0,
            fates: Box::new(fates),
            held: [None, None],
            bytes: 0,
        }
    }

    fn carry(&mut self, to: usize, value: Vec<u8>) {
        let fate = (self.fates)(self.writes);
        self.writes += 1;
        self.bytes += value.len();
        let soon = self.now + Millis(5);
        let air = &mut self.air[to];
        match fate {
            Fate::Arrives => air.push((soon, value)),
            Fate::Lost => {}
            Fate::Twice => air.extend([(soon, value.clone()), (soon, value)]),
            Fate::Late(by) => air.push((self.now + Millis(by), value)),
            Fate::AfterTheNext => {
                self.held[to] = Some(value);
                return;
            }
        }
        air.extend(self.held[to].take().map(|held| (soon, held)));
    }

    /// Until both are idle, or one gives up.
    fn run(&mut self) -> Result<(), Broken> {
        for _ in 0..100_000 {
            for from in 0..2 {
                while let Some(value) = self.sides[from].next_write(self.now) {
                    self.carry(1 - from, value);
                }
            }
            let arrivals = self.air.iter().flatten().map(|(at, _)| *at).min();
            let held = self.held.iter().any(Option::is_some).then(|| self.now + Millis(400));
            let timers = self.sides.iter().filter_map(Fragments::deadline).min();
            let Some(next) = [arrivals, held, timers].into_iter().flatten().min() else {
                return Ok(());
            };
            self.now = self.now.max(next);
            for to in 0..2 {
                if arrivals.is_none()
                    && let Some(value) = self.held[to].take()
                {
                    self.air[to].push((self.now, value));
                }
                let (due, later) =
                    std::mem::take(&mut self.air[to]).into_iter().partition(|(at, _)| *at <= self.now);
                self.air[to] = later;
                let due: Vec<(Millis, Vec<u8>)> = due;
                for (_, value) in due {
                    self.sides[to].receive(&value, self.now)?;
                    while let Some(message) = self.sides[to].next_message() {
                        self.messages[to].push(message);
                    }
                }
                self.sides[to].tick(self.now)?;
            }
        }
        panic!("it never ends");
    }
}

#[test]
fn a_message_arrives_whole_and_is_acknowledged() {
    for bytes in [20, 182, 512] {
        for length in [1, 17, 18, 400, 4_096] {
            let mut pair = Pair::new(bytes, |_| Fate::Arrives);
            pair.sides[0].send(Kind::Sealed, &body(length)).unwrap();
            pair.run().unwrap();
            assert_eq!(pair.messages[1], [(Kind::Sealed, body(length))]);
            assert!(pair.sides[0].is_idle());
            // The acknowledgement is a byte, 300 ms later; nothing was asked for and nothing was sent twice.
            assert_eq!(pair.writes, size(bytes).fragments(length) + 1);
            assert_eq!(pair.now, Millis(310));
        }
    }
}

#[test]
fn an_answer_acknowledges_and_costs_nothing_more() {
    let mut pair = Pair::new(182, |_| Fate::Arrives);
    pair.sides[0].send(Kind::Connect, &body(57)).unwrap();
    for _ in 0..2 {
        let value = pair.sides[0].next_write(pair.now);
        let Some(value) = value else { break };
        pair.sides[1].receive(&value, pair.now).unwrap();
    }
    assert!(pair.sides[1].next_message().is_some());
    pair.sides[1].send(Kind::Connect, &body(73)).unwrap();
    let answer = pair.sides[1].next_write(pair.now).unwrap();
    pair.sides[0].receive(&answer, pair.now).unwrap();
    assert!(pair.sides[0].is_idle());
    assert_eq!(pair.sides[1].next_write(pair.now), None);
}

/// Every message of three in each direction, at two write sizes, with one fault at every write and two faults at all pairs of writes.
#[test]
fn every_fault_and_pairs_of_faults_are_mended() {
    let faults = [Fate::Lost, Fate::Twice, Fate::AfterTheNext, Fate::Late(1_500)];
    let mut played = 0;
    for bytes in [20, 182] {
        let writes = play(bytes, &[]).writes;
        for at in 0..writes {
            for fault in faults {
                play(bytes, &[(at, fault)]);
                played += 1;
                for other in at + 1..writes.min(at + 24) {
                    for second in faults {
                        play(bytes, &[(at, fault), (other, second)]);
                        played += 1;
                    }
                }
            }
        }
    }
    println!("{played} runs with one fault or two");
    assert!(played > 2_000);
}

fn play(bytes: usize, faults: &[(usize, Fate)]) -> Pair {
    let faults = faults.to_vec();
    let told = faults.clone();
    let fates =
        move |write| faults.iter().find(|(at, _)| *at == write).map_or(Fate::Arrives, |(_, fate)| *fate);
    let mut pair = Pair::new(bytes, fates);
    let mut expected = [Vec::new(), Vec::new()];
    for (from, length) in [(0, 57), (1, 73), (0, 200), (0, 49), (1, 18), (1, 256)] {
        pair.sides[from].send(Kind::Sealed, &body(length)).unwrap();
        expected[1 - from].push((Kind::Sealed, body(length)));
    }
    pair.run().unwrap_or_else(|broken| panic!("{told:?} ends in {broken:?}"));
    assert_eq!(pair.messages, expected, "{told:?}");
    assert!(pair.sides.iter().all(Fragments::is_idle), "{told:?}");
    pair
}

#[test]
fn a_keep_alive_tells_of_a_lost_message() {
    let mut phone = Fragments::new(size(182));
    let alive = |last| Fragment::KeepAlive { last, acknowledges: Number::NONE }.encode();
    phone.receive(&alive(Number::NONE), Millis(0)).unwrap();
    assert_eq!((phone.next_write(Millis(0)), phone.deadline()), (None, None));
    phone.receive(&alive(Number::FIRST), Millis(0)).unwrap();
    assert_eq!(phone.next_write(Millis(0)), Some(vec![0xe0, 255]));
    // It was a mistake: nothing exists.
    phone.receive(&alive(Number::NONE), Millis(1)).unwrap();
    assert_eq!(phone.deadline(), None);
    assert_eq!(phone.next_message(), Some((Kind::KeepAlive, Vec::new())));
}

#[test]
fn whoever_is_not_answered_falls_silent_until_it_hears_something() {
    let mut phone = Fragments::new(size(182));
    phone.send(Kind::Connect, &body(57)).unwrap();
    let mut writes = Vec::new();
    let mut play = |phone: &mut Fragments, mut now| loop {
        while phone.next_write(now).is_some() {
            writes.push(now.0);
        }
        let Some(next) = phone.deadline() else { return std::mem::take(&mut writes) };
        now = next;
        phone.tick(now).unwrap();
    };
    assert_eq!(play(&mut phone, Millis(0)), [0, 1_000, 3_000, 7_000, 11_000]);
    let nothing_new = Fragment::KeepAlive { last: Number::NONE, acknowledges: Number::NONE }.encode();
    phone.receive(&nothing_new, Millis(60_000)).unwrap();
    assert_eq!(play(&mut phone, Millis(60_000)), [61_000, 63_000, 67_000, 71_000]);
}

#[test]
fn whoever_asks_in_vain_gives_up() {
    let mut phone = Fragments::new(size(182));
    let exists = Fragment::KeepAlive { last: Number::FIRST, acknowledges: Number::NONE }.encode();
    phone.receive(&exists, Millis(0)).unwrap();
    let (mut now, mut writes) = (Millis(0), 0);
    let given_up = loop {
        while phone.next_write(now).is_some() {
            writes += 1;
        }
        now = phone.deadline().unwrap();
        if let Err(broken) = phone.tick(now) {
            break broken;
        }
    };
    assert_eq!((given_up, now, writes), (Broken::NoAnswer, Millis(6_500), 13));
}

#[test]
fn what_contradicts_is_malformed() {
    let start = |length, bytes: &[u8]| {
        let (number, acknowledges) = (Number::FIRST, Number::NONE);
        Fragment::Start { number, kind: Kind::Sealed, acknowledges, length, bytes }.encode()
    };
    let more = |index, bytes: &[u8]| Fragment::Continuation { number: Number::FIRST, index, bytes }.encode();
    let (first, second) = (body(17), body(18));
    for values in [
        vec![start(40, &first), start(41, &first)],
        vec![start(40, &first), start(40, &body(18))],
        vec![start(40, &first), more(1, &first)],
        vec![start(40, &first), more(2, &second)],
        vec![start(40, &first), more(3, &body(5))],
        vec![start(40, &first), more(1, &second), more(1, &[9; 18])],
        vec![more(1, &first), start(40, &first)],
        vec![start(40, &body(16)), more(1, &second)],
        vec![Fragment::Ack { number: Number::FIRST }.encode()],
        vec![vec![0x10, 1, 1]],
        (1..10).map(|index| more(index, &[1; 500])).collect(),
    ] {
        let mut phone = Fragments::new(size(20));
        let broken = values.iter().find_map(|value| phone.receive(value, Millis(0)).err());
        assert_eq!(broken, Some(Broken::Malformed), "{values:02x?}");
    }
}

#[test]
fn only_what_was_sent_can_be_acknowledged_or_lacked() {
    let ack = |number| Fragment::Ack { number: Number::new(number) }.encode();
    let nack = |number| Fragment::Nack { number: Number::new(number), index: ALL }.encode();
    // How many messages are handed over, how many writes have left, and what comes then.
    let hear = |messages: usize, writes: usize, value: &[u8]| {
        let mut phone = Fragments::new(size(182));
        (0..messages).for_each(|_| phone.send(Kind::Sealed, b"x").unwrap());
        (0..writes).for_each(|_| drop(phone.next_write(Millis(0)).unwrap()));
        let heard = phone.receive(value, Millis(0));
        (heard, std::iter::from_fn(|| phone.next_write(Millis(0))).count())
    };
    let refused = Err(Broken::Malformed);
    for number in 0..4 {
        assert_eq!(hear(0, 0, &ack(number)).0, refused);
        assert_eq!(hear(3, 3, &ack(3 + number)).0, refused);
        // Two wait behind the first.
        assert_eq!(hear(3, 1, &ack(1 + number)).0, refused);
    }
    for number in [4, 9, 15] {
        assert_eq!(hear(0, 0, &ack(number)), (Ok(()), 0), "an old one");
    }
    assert_eq!(hear(3, 3, &ack(1)), (Ok(()), 0));
    assert_eq!(hear(3, 3, &nack(1)), (Ok(()), 1));
    // What nobody can lack says nothing of what came before it.
    for number in [0, 1, 2, 9, 15] {
        assert_eq!(hear(0, 0, &nack(number)), (Ok(()), 0));
        assert_eq!(hear(3, 0, &nack(number)), (Ok(()), 3));
    }
}

#[test]
fn more_than_a_connection_needs_is_not_kept() {
    let mut phone = Fragments::new(size(20));
    let taken = (0..20).take_while(|_| phone.send(Kind::Sealed, b"x").is_ok()).count();
    assert_eq!(taken, 11);
    assert_eq!(Fragments::new(size(20)).send(Kind::Sealed, b""), Err(Broken::TooMuch));
    assert_eq!(Fragments::new(size(20)).send(Kind::Sealed, &body(4_097)), Err(Broken::TooMuch));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever arrives, memory stays bounded and nothing panics.
    #[test]
    fn anything_may_arrive(values in prop::collection::vec(arriving(), 0..200)) {
        let mut phone = Fragments::new(size(20));
        let mut now = 0;
        for (value, passes) in values {
            now += passes;
            if phone.receive(&value, Millis(now)).and_then(|()| phone.tick(Millis(now))).is_err() {
                break;
            }
            let writes = (0..1_000).take_while(|_| phone.next_write(Millis(now)).is_some()).count();
            prop_assert!(writes < 1_000);
            while let Some((_, body)) = phone.next_message() {
                prop_assert!(body.len() <= 4_096);
            }
        }
    }

    /// However bad the link, what arrives is what was sent, in order; who has no acknowledgement knows that something may be missing.
    #[test]
    fn messages_arrive_in_order_or_not_at_all(
        seed in any::<u64>(),
        bytes in 20usize..=512,
        lengths in prop::collection::vec((0usize..2, 1usize..600), 1..6),
    ) {
        let mut state = seed | 1;
        let mut pair = Pair::new(bytes, move |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match state >> 60 {
                0 | 1 => Fate::Lost,
                2 => Fate::Twice,
                3 => Fate::AfterTheNext,
                4 => Fate::Late(state >> 50 & 0x7ff),
                _ => Fate::Arrives,
            }
        });
        let mut expected = [Vec::new(), Vec::new()];
        for (from, length) in lengths {
            pair.sides[from].send(Kind::Sealed, &body(length)).unwrap();
            expected[1 - from].push((Kind::Sealed, body(length)));
        }
        let ended = pair.run();
        prop_assert!(matches!(ended, Ok(()) | Err(Broken::NoAnswer)));
        for (got, sent) in pair.messages.iter().zip(&expected) {
            prop_assert_eq!(got.as_slice(), &sent[..got.len()]);
        }
        // Who believes that all has arrived is right.
        for (side, sent) in pair.sides.iter().zip([1, 0]) {
            prop_assert!(!side.is_idle() || pair.messages[sent] == expected[sent]);
        }
    }
}

fn arriving() -> impl Strategy<Value = (Vec<u8>, u64)> {
    let number = (0u8..16).prop_map(Number::new);
    let small = prop::collection::vec(any::<u8>(), 1..18);
    let fragment =
        (number, 0u8..8, 0u8..=255, 1u16..80, small).prop_map(|(n, what, index, length, bytes)| match what {
            0 | 1 => {
                let bytes = &bytes[..bytes.len().min(usize::from(length))];
                Fragment::Start { number: n, kind: Kind::Sealed, acknowledges: Number::NONE, length, bytes }
                    .encode()
            }
            2 => Fragment::KeepAlive { last: n, acknowledges: Number::NONE }.encode(),
            3 => Fragment::Nack { number: n, index }.encode(),
            4 => Fragment::Ack { number: n }.encode(),
            _ => Fragment::Continuation { number: n, index: index.clamp(1, 254), bytes: &bytes }.encode(),
        });
    let noise = prop::collection::vec(any::<u8>(), 0..30);
    (prop_oneof![9 => fragment, 1 => noise], 0u64..700)
}
