//! The target `fragments`, over a corpus and inputs of a seed.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

mod support;

use ushield_protocol::framing::fragment::{Fragment, Number, WriteSize, part};
use ushield_protocol::message::Kind;

use crate::support::{Dice, framed, play};

/// Fragments of messages that a side may send, in order.
fn valid_fragments(dice: &mut Dice) -> Vec<u8> {
    let half = dice.byte();
    let size = WriteSize::new((usize::from(half) * 2 + 2).clamp(20, 512)).expect("a write size");
    let mut input = vec![0, half];
    if dice.draw(8) == 0 {
        // A message whose start never comes.
        for index in 1..=u8::try_from(dice.draw(254)).expect("a byte") {
            input.extend(framed(
                &Fragment::Continuation { number: Number::FIRST, index, bytes: &[7; 500] }.encode(),
            ));
        }
        return input;
    }
    let mut number = Number::FIRST;
    for _ in 0..=dice.draw(3) {
        let body = dice.body();
        let count = size.fragments(body.len());
        for index in 0..count {
            let index = u8::try_from(index).expect("228 at most");
            let value = part(size, (number, Number::NONE), (Kind::Sealed, &body), index);
            input.extend(framed(&value.expect("a fragment of it")));
        }
        if dice.draw(3) == 0 {
            input.extend(framed(&Fragment::Ack { number }.encode()));
            input.extend([0xf1, dice.byte(), 0xf2, dice.byte(), dice.byte(), 7]);
        }
        number = number.next();
    }
    input
}

/// Both sides hold two messages to be received, and those that they send and that are not acknowledged: three, and eight that wait.
const HELD: usize = 48 * 1024;
/// A conversation has at most eight messages, here, at both ends and on the link.
const TALKED: usize = 192 * 1024;

#[test]
fn nothing_panics_and_memory_is_bounded() {
    play("fragments", ushield_fuzz_targets::fragments, valid_fragments, [HELD, TALKED]);
}
