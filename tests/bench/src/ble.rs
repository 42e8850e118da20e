//! A model of a Bluetooth LE connection: connection events at an interval, in each of them some link-layer PDUs each way. What arrives
//! in one event is answered in the next. Nothing is lost, no radio computes, and a phase begins half an interval before an event.

use ushield_simulator::link::End;

use crate::flow::{Fragmented, Message};

/// Link-layer PDUs of each direction in one event.
pub const PER_EVENT: usize = 4;
/// Data of a link-layer PDU without and with the data length extension.
pub const PDU: usize = 27;
/// As above.
pub const LONG_PDU: usize = 251;

/// Around a value: opcode and handle of ATT, length and channel of L2CAP.
const ATT: usize = 3;
const L2CAP: usize = 4;
/// A read's answer has no handle.
const READ_ANSWER: usize = 1;

/// LE 1M: 8 us for a byte; around an encrypted PDU preamble, access address, header, MIC and CRC; the empty PDU of the other side;
/// the pause before each.
const BYTE: u64 = 8;
const AROUND: usize = 1 + 4 + 2 + 4 + 3;
const EMPTY: usize = 1 + 4 + 2 + 3;
const PAUSE: u64 = 150;

/// What a connection is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Radio {
    /// Between two events, in microseconds.
    pub interval: u64,
    /// Data of a link-layer PDU.
    pub pdu: usize,
}

/// What something takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Connection events in which something travels.
    pub events: u64,
    /// Microseconds.
    pub time: u64,
    /// Microseconds on air of the fullest event, at LE 1M.
    pub fullest: u64,
}

impl std::ops::Add for Taken {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            events: self.events + other.events,
            time: self.time + other.time,
            fullest: self.fullest.max(other.fullest),
        }
    }
}

impl Radio {
    /// What goes on between two pauses of the customer's: messages, each sent when the one before has arrived, by their values' lengths.
    #[must_use]
    pub fn phase(&self, messages: &[Vec<usize>]) -> Taken {
        let (mut now, mut taken) = (self.interval / 2, Taken::default());
        let mut arrived = now;
        for values in messages {
            let pdus = values.iter().flat_map(|value| self.pdus(value + L2CAP));
            let mut waiting: std::collections::VecDeque<usize> = pdus.collect();
            while !waiting.is_empty() {
                let sent = waiting.drain(..waiting.len().min(PER_EVENT));
                let air: u64 = sent.map(|data| air(data + AROUND) + air(EMPTY)).sum();
                taken.fullest = taken.fullest.max(air);
                taken.events += 1;
                arrived = now;
                now += self.interval;
            }
        }
        Taken { time: arrived, ..taken }
    }

    fn pdus(&self, length: usize) -> impl Iterator<Item = usize> + use<> {
        let pdu = self.pdu;
        (0..length).step_by(pdu).map(move |from| pdu.min(length - from))
    }

    /// A transfer without its customer: `info`, K1, K2; the PIN is typed; T1, shown; the customer reads and decides; T2.
    #[must_use]
    pub fn transfer(&self, hello: usize, transfer: &Fragmented) -> Taken {
        let written = |message: &Message| message.values.iter().map(|value| value + ATT).collect::<Vec<_>>();
        let [k1, k2, t1, shown, t2] = &transfer.messages[..] else { panic!("five messages") };
        let to = [k1, k2, t1, shown, t2].map(|message| message.to);
        assert_eq!(to, [End::Token, End::Phone, End::Token, End::Phone, End::Phone]);
        let info = [vec![ATT], vec![READ_ANSWER + hello]];
        self.phase(&[&info[..], &[written(k1), written(k2)]].concat())
            + self.phase(&[written(t1), written(shown)])
            + self.phase(&[written(t2)])
    }

    /// An exchange: values of this length at most, without headers.
    #[must_use]
    pub fn exchange(&self, size: usize, out: usize, back: usize) -> Taken {
        let values =
            |body: usize| (0..body).step_by(size).map(|from| size.min(body - from) + ATT).collect::<Vec<_>>();
        self.phase(&[values(out), values(back)])
    }
}

fn air(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap() * BYTE + PAUSE
}
