use std::collections::VecDeque;
use std::vec;

use proptest::prelude::*;
use ushield_protocol::framing::fragment::{Number, part};

use super::*;

mod bytes;
mod faults;
mod receiving;
mod sending;

/// Over an MTU of 23: 17 bytes in a start, 18 in a continuation.
fn small() -> WriteSize {
    WriteSize::of_mtu(23).unwrap()
}

fn body(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

/// What a phone writes for its message of this number, having nothing from the token.
fn written(number: u8, body: &[u8]) -> Vec<Vec<u8>> {
    written_over(small(), number, body)
}

fn written_over(size: WriteSize, number: u8, body: &[u8]) -> Vec<Vec<u8>> {
    let numbers = (Number::new(number), Number::NONE);
    (0..u8::MAX).map_while(|index| part(size, numbers, (Kind::Sealed, body), index)).collect()
}

/// Everything that is to be written now.
fn drain(fragments: &mut Fragments, now: u64) -> Vec<Vec<u8>> {
    core::iter::from_fn(|| fragments.next_write(Millis(now))).collect()
}

fn nack(number: u8, index: u8) -> Vec<u8> {
    vec![0xe0 | number, index]
}

fn ack(number: u8) -> Vec<u8> {
    vec![0xf0 | number]
}

impl Fragments {
    /// Whether a message is not acknowledged and not sent again either.
    fn is_silent(&self) -> bool {
        !self.is_settled() && self.sender.deadline().is_none()
    }

    /// Bytes of messages that are held: to the phone, from it, and not fetched.
    fn held(&self) -> [usize; 3] {
        let delivered = self.receiver.held();
        [self.sender.held(), delivered.0, delivered.1]
    }
}
