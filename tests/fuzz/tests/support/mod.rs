//! The committed corpus and inputs of a seed through a fuzz target, with the memory that they take at most. One test in each program, for
//! the allocator counts for all threads.

use std::alloc::System;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use cap::Cap;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Inputs of a seed, of each sort.
const INPUTS: usize = 10_000;
/// First byte of a conversation, and above.
const TALK: u8 = 128;

/// xorshift64*.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn draw(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).expect("31 bits") % below
    }

    pub(crate) fn byte(&mut self) -> u8 {
        u8::try_from(self.draw(256)).expect("a byte")
    }

    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..=self.draw(most)).map(|_| self.byte()).collect()
    }

    pub(crate) fn body(&mut self) -> Vec<u8> {
        let most = [20, 300, 4_096][self.draw(3)];
        self.bytes(most)
    }
}

/// A value behind its length, as the targets read it.
pub(crate) fn framed(value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("short").to_be_bytes();
    [&[0xf0][..], &length, value].concat()
}

/// Some bytes of it changed, removed, doubled or put in.
fn mutated(mut input: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    for _ in 0..=dice.draw(6) {
        let (from, to) = (dice.draw(input.len() + 1), dice.draw(input.len() + 1));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 64));
        match dice.draw(4) {
            0 => input[from..to].iter_mut().take(1).for_each(|byte| *byte ^= 1 << dice.draw(8)),
            1 => drop(input.drain(from..to)),
            2 => drop(input.splice(to..to, input[from..to].to_vec())),
            _ => drop(input.splice(from..from, dice.bytes(8))),
        }
    }
    input
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("a corpus").map(|file| file.expect("a file").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a file")).collect()
}

/// Plays corpus and inputs of a seed: any bytes first, conversations then. Each may take so much memory beside itself.
pub(crate) fn play(name: &str, target: fn(&[u8]), valid: fn(&mut Dice) -> Vec<u8>, most: [usize; 2]) {
    let (corpus, mut dice) = (corpus(name), Dice(0x5553_4849_454c_4401));
    let (anything, conversations): (Vec<_>, Vec<_>) = corpus.into_iter().partition(|input| input[0] < TALK);
    assert!(anything.len() >= 4 && conversations.len() >= 2, "{name}: a corpus");
    let begun = MEMORY.allocated();
    for (what, corpus, most) in
        [("any bytes", &anything, most[0]), ("conversations", &conversations, most[1])]
    {
        for input in corpus {
            run(name, target, input, most);
        }
        for number in 0..INPUTS {
            let mut input = match number % 4 {
                0 => dice.bytes(400),
                1 => valid(&mut dice),
                2 => {
                    let input = valid(&mut dice);
                    mutated(input, &mut dice)
                }
                _ => {
                    let input = corpus[dice.draw(corpus.len())].clone();
                    mutated(input, &mut dice)
                }
            };
            if let Some(first) = input.first_mut() {
                *first = if what == "conversations" { *first | TALK } else { *first & !TALK };
            }
            run(name, target, &input, most);
        }
        println!("{name}, {what}: {} of the corpus, {INPUTS} of a seed, each within {most} B", corpus.len());
    }
    // What is made once for a thread is little.
    assert!(MEMORY.allocated() <= begun + 4_096, "{name} keeps memory");
}

/// One input.
fn run(name: &str, target: fn(&[u8]), input: &[u8], most: usize) {
    let (before, peak) = (MEMORY.allocated(), MEMORY.max_allocated());
    assert!(catch_unwind(|| target(input)).is_ok(), "{name} {input:02x?}");
    let raised = MEMORY.max_allocated();
    let taken = if raised > peak { raised - before } else { 0 };
    assert!(taken <= most, "{name} took {taken} bytes: {input:02x?}");
    // A peak of this test's own may be above that. Once more, with no more to be had: who needs more stops the program.
    MEMORY.set_limit(before + most).expect("a limit above what is in use");
    target(input);
    MEMORY.set_limit(usize::MAX).expect("no limit");
}
