//! One transfer in a connection of its own, as the shipped client and the token's logic have it, in the simulator without faults.

use ushield_protocol::message::Kind;
use ushield_simulator::exhaustive::report::free;
use ushield_simulator::exhaustive::{Flow, Played};
use ushield_simulator::link::{End, Exchanged, Sent, Way};
use ushield_simulator::run::Crypto;

/// Bodies of the transfer's messages in bytes, by their names in `docs/protocol.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bodies {
    /// From the token.
    pub hello: usize,
    /// From the phone.
    pub k1: usize,
    /// From the token.
    pub k2: usize,
    /// From the phone: PIN and order.
    pub t1: usize,
    /// From the token: it is on the screen.
    pub shown: usize,
    /// From the token: the authorization.
    pub t2: usize,
}

impl Bodies {
    /// Of all of them.
    #[must_use]
    pub fn sum(&self) -> usize {
        self.hello + self.k1 + self.k2 + self.t1 + self.shown + self.t2
    }

    /// Counted where messages travel whole.
    #[must_use]
    pub fn counted() -> Self {
        let sent = over(Way::Stream).0;
        let silence = Kind::KeepAlive.number();
        let bodies: Vec<usize> =
            sent.iter().filter(|sent| sent.kind != silence).map(|sent| sent.length).collect();
        let [hello, k1, k2, t1, shown, t2] = bodies[..] else { panic!("another flow: {sent:?}") };
        Self { hello, k1, k2, t1, shown, t2 }
    }
}

/// A message in fragments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub to: End,
    /// Length of each value that is written or notified.
    pub values: Vec<usize>,
}

/// A transfer in fragments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragmented {
    /// K1, K2, T1, shown, T2.
    pub messages: Vec<Message>,
    /// Acknowledgements that travelled alone.
    pub acknowledgements: usize,
    /// While the customer read.
    pub keep_alives: usize,
}

/// First byte of a fragment: a start, and the kinds that are no message (protocol.md, section 2.1).
const START: u8 = 0x80;
const KIND: u8 = 0xf0;
const KEEP_ALIVE: u8 = 0xd0;
const NACK: u8 = 0xe0;
const ACK: u8 = 0xf0;

impl Fragmented {
    /// Counted with this MTU.
    #[must_use]
    pub fn counted(mtu: u16) -> Self {
        let mut all = Self { messages: Vec::new(), acknowledgements: 0, keep_alives: 0 };
        for Sent { to, kind, length, .. } in over(Way::Packets(mtu)).0 {
            match kind & KIND {
                KEEP_ALIVE => all.keep_alives += 1,
                NACK => panic!("nothing was lost"),
                ACK => all.acknowledgements += 1,
                first if first & START != 0 => all.messages.push(Message { to, values: vec![length] }),
                _ => all.messages.last_mut().expect("a start before it").values.push(length),
            }
        }
        assert_eq!(all.messages.len(), 5, "{all:?}");
        all
    }

    /// Fragments of messages.
    #[must_use]
    pub fn fragments(&self) -> usize {
        self.messages.iter().map(|message| message.values.len()).sum()
    }

    /// Bytes of everything but keep-alives.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let values: usize = self.messages.iter().flat_map(|message| &message.values).sum();
        values + self.acknowledgements
    }
}

/// A transfer in commands and answers, each with its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands {
    /// SELECT, K1, T1 in one or two, and the poll that brings T2.
    pub exchanges: Vec<(usize, usize)>,
    /// Polls that brought nothing.
    pub polls: usize,
}

impl Commands {
    /// Counted with short or extended length.
    #[must_use]
    pub fn counted(extended: bool) -> Self {
        let (mut exchanges, mut polls) = (Vec::new(), 0);
        for Exchanged { kind, length, answer, .. } in over(Way::Card(extended)).1 {
            let answer = answer.expect("nothing was lost");
            if kind == POLL && answer == STATUS {
                polls += 1;
            } else {
                exchanges.push((length, answer));
            }
        }
        assert_eq!(exchanges.len(), if extended { 4 } else { 5 }, "{exchanges:?}");
        Self { exchanges, polls }
    }

    /// Bytes of everything but polls that brought nothing.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.exchanges.iter().map(|(command, answer)| command + answer).sum()
    }
}

/// CLA, INS and P1 of a poll, and an answer without data.
const POLL: [u8; 3] = [0x80, 0xc2, 0];
const STATUS: usize = 2;

/// What the last connection of the flow had, which is the transfer's: parcels, and commands with their answers.
fn over(way: Way) -> (Vec<Sent>, Vec<Exchanged>) {
    let Played { mut sent, mut exchanged, .. } = free(&Flow { crypto: Crypto::Real, ..Flow::over(&[way]) });
    let parcels = sent.iter().map(|sent| sent.connection);
    let last = parcels.chain(exchanged.iter().map(|exchanged| exchanged.connection)).max();
    sent.retain(|sent| Some(sent.connection) == last);
    exchanged.retain(|exchanged| Some(exchanged.connection) == last);
    (sent, exchanged)
}
