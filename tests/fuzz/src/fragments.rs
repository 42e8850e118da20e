//! Fragments put together (protocol.md, section 2.1).

use std::collections::VecDeque;

use ushield_protocol::framing::fragment::{MAX_VALUE, WriteSize};
use ushield_protocol::message::{Kind, MAX_BODY};
use ushield_session::framing::fragments::Fragments as Phone;
use ushield_token::framing::Fragments as Token;

use crate::input::Input;

/// A first byte below this: any bytes; else a conversation on a bad link.
const ANYTHING: u8 = 128;

/// Any bytes into both receivers, or a conversation of both over a link that loses, doubles and swaps.
pub fn fragments(data: &[u8]) {
    let mut input = Input(data);
    let kind = input.byte();
    let size = usize::from(input.byte()) * 2 + 2;
    let size = WriteSize::new(size.clamp(20, MAX_VALUE)).expect("a write size");
    if kind < ANYTHING { anything(size, input) } else { conversation(size, input) }
}

/// Values, each behind its length; longer ones, time, and messages of one's own behind other first bytes.
fn anything(size: WriteSize, mut input: Input<'_>) {
    let (mut phone, mut token) = (Phone::new(size), Token::new(size));
    let (mut phone_lives, mut token_lives, mut now) = (true, true, 0u64);
    while !input.is_empty() && (phone_lives || token_lives) {
        let value = match input.byte() {
            0xf0 => {
                let length = input.word() % 600;
                input.bytes(length)
            }
            0xf1 => {
                now += u64::from(input.byte()) * 10;
                phone_lives = phone_lives && phone.tick(ushield_session::Millis(now)).is_ok();
                token_lives = token_lives && token.tick(ushield_token::Millis(now)).is_ok();
                continue;
            }
            0xf2 => {
                let body = input.body();
                // Refused where too many wait; then nothing is kept of it.
                let _ = (phone.send(Kind::Sealed, &body), token.send(Kind::Sealed, body));
                continue;
            }
            length => input.bytes(usize::from(length)),
        };
        phone_lives = phone_lives && phone.receive(value, ushield_session::Millis(now)).is_ok();
        token_lives = token_lives && token.receive(value, ushield_token::Millis(now)).is_ok();
        // A driver fetches at once, and writes.
        while let Some((kind, body)) = phone.next_message() {
            assert!(body.is_empty() == (kind == Kind::KeepAlive) && body.len() <= MAX_BODY);
            assert_ne!(kind, Kind::Hello);
        }
        while let Some((kind, body)) = token.next_message() {
            assert!(kind.from_phone() && (1..=MAX_BODY).contains(&body.len()));
        }
        while phone_lives && let Some(value) = phone.next_write(ushield_session::Millis(now)) {
            assert!((1..=size.get()).contains(&value.len()));
        }
        while token_lives && let Some(value) = token.next_write(ushield_token::Millis(now)) {
            assert!((1..=size.get()).contains(&value.len()));
        }
    }
}

/// With fewer values lost than a sender repeats, everything arrives.
const REPEATED: u32 = 4;
/// Messages each way.
const MESSAGES: usize = 4;
/// Rounds after which a conversation is taken for one that never ends.
const ROUNDS: u32 = 10_000;

/// One direction of a link.
#[derive(Default)]
struct Way {
    air: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
    heard: Vec<Vec<u8>>,
}

impl Way {
    /// Puts a value on the link; how many were lost.
    fn carry(&mut self, value: Vec<u8>, fate: u8) -> u32 {
        match fate % 16 {
            1 => return 1,
            2 | 3 => self.air.extend([value.clone(), value]),
            4 | 5 => {
                let before = self.air.pop_back();
                self.air.push_back(value);
                self.air.extend(before);
            }
            _ => self.air.push_back(value),
        }
        0
    }

    fn is_held(&self, complete: bool) {
        assert!(
            self.sent.starts_with(&self.heard),
            "something was delivered that was not sent, or out of order"
        );
        assert!(!complete || self.sent.len() == self.heard.len(), "something was sent and not delivered");
    }
}

fn conversation(size: WriteSize, mut input: Input<'_>) {
    let (mut phone, mut token) = (Phone::new(size), Token::new(size));
    let (mut out, mut back) = (Way::default(), Way::default());
    out.sent = (0..usize::from(input.byte()) % MESSAGES + 1).map(|_| input.body()).collect();
    back.sent = (0..usize::from(input.byte()) % MESSAGES).map(|_| input.body()).collect();
    let mut unsent: VecDeque<_> = back.sent.iter().cloned().collect();
    for body in &out.sent {
        phone.send(Kind::Sealed, body).expect("few messages");
    }
    let (mut now, mut lost, mut broken) = (0u64, 0, false);
    for _ in 0..ROUNDS {
        while token.has_room()
            && let Some(body) = unsent.pop_front()
        {
            token.send(Kind::Sealed, body).expect("room");
        }
        while let Some(value) = phone.next_write(ushield_session::Millis(now)) {
            lost += out.carry(value, input.byte());
        }
        while let Some(value) = token.next_write(ushield_token::Millis(now)) {
            lost += back.carry(value, input.byte());
        }
        let quiet = out.air.is_empty() && back.air.is_empty();
        for value in out.air.drain(..) {
            token.receive(&value, ushield_token::Millis(now)).expect("what the phone says is right");
            out.heard.extend(token.next_message().map(|(_, body)| body));
        }
        for value in back.air.drain(..) {
            phone.receive(&value, ushield_session::Millis(now)).expect("what the token says is right");
            back.heard.extend(std::iter::from_fn(|| phone.next_message()).map(|(_, body)| body));
        }
        if !quiet {
            continue;
        }
        let due = [phone.deadline().map(|at| at.0), token.deadline().map(|at| at.0)];
        let Some(due) = due.into_iter().flatten().min() else { break };
        now = now.max(due);
        broken |= phone.tick(ushield_session::Millis(now)).is_err();
        broken |= token.tick(ushield_token::Millis(now)).is_err();
        if broken {
            break;
        }
    }
    let complete = lost <= REPEATED;
    assert!(!(complete && broken), "given up after {lost} losses");
    out.is_held(complete);
    back.is_held(complete);
}
