//! The target `commands`, over a corpus and inputs of a seed.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

mod support;

use ushield_protocol::framing::apdu;
use ushield_protocol::message::Kind;

use crate::support::{Dice, framed, play};

/// The same of an answer.
fn answered(answer: &[u8]) -> Vec<u8> {
    let mut input = framed(answer);
    input[0] = 0xf4;
    input
}

/// Commands that a phone may send, in order, and some that a card's answers may be.
fn valid_commands(dice: &mut Dice) -> Vec<u8> {
    let extended = dice.draw(2);
    let mut input = vec![u8::try_from(extended).expect("a bit")];
    input.extend([0xf1, 0, 12, 1]);
    input.extend(framed(&apdu::select()));
    for _ in 0..=dice.draw(3) {
        for command in apdu::message(Kind::Sealed, &dice.body(), extended == 1) {
            input.extend(framed(&command));
        }
        input.extend([0xf1, dice.byte(), dice.byte(), dice.byte()]);
        input.extend(framed(&apdu::poll(extended == 1)));
        input.extend(framed(&apdu::get_response(dice.byte())));
    }
    input.extend(answered(&[1, 1, 0, 1, 0, 7, 7, 7, 7, 7, 7, 7, 7, 0x90, 0]));
    for _ in 0..dice.draw(30) {
        let status = [[0x61, dice.byte()], [0x90, 0]][usize::from(dice.draw(12) == 0)];
        input.extend(answered(&[dice.bytes(255), status.to_vec()].concat()));
    }
    input
}

/// A card holds eight messages of the token at most, a rest and one message of the phone; the phone two.
const HELD: usize = 64 * 1024;
/// A conversation has four messages and four answers, here and at both ends.
const TALKED: usize = 64 * 1024;

#[test]
fn nothing_panics_and_memory_is_bounded() {
    play("commands", ushield_fuzz_targets::commands, valid_commands, [HELD, TALKED]);
}
