//! A thief with the token and a paired phone, who presses every key, reads every message and screen, sees every word that goes to the
//! flash, and cuts the power when he likes: he gets five guesses at the PIN.
//!
//! What counts as a guess is what he learns: the same steps with the right PIN in place of his last one, and anything at all is
//! different. A life of the token, from its start to the next, may teach him as many guesses as tries are gone for good at its end, and
//! no more. Where that holds for every life from every number of tries, it holds for every sequence of lives; random ones are tried too.

use ushield_protocol::key::KeyId;
use ushield_protocol::message::Reply;
use ushield_token::Key;
use ushield_token::flash::{Cut, Model};

use super::cuts::{SUBSETS, mend};
use super::world::{FlashOperation, PIN, Phone, Saved, Session, World, order_with, pin, pin_change};

const WRONG: &str = "111222";
/// Operations of a comparison at which the power is cut: those of the spent try, and one more.
const CUTS: u64 = 4;
/// Guesses in one life.
const GUESSES: usize = 6;
/// Random sequences of lives.
const WALKS: u64 = 150;

/// Where a PIN is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Review,
    PinChange,
    Pairing,
}

const PATHS: [Path; 3] = [Path::Review, Path::PinChange, Path::Pairing];

/// From a start to the next: so many guesses, the power cut at an operation of the last one.
#[derive(Clone, Copy, Debug)]
struct Life {
    path: Path,
    guesses: usize,
    cut: Option<Cut>,
}

/// All that the thief sees.
#[derive(PartialEq, Eq)]
struct Seen {
    pages: Vec<String>,
    said: Vec<Vec<u8>>,
    flash: Vec<FlashOperation>,
}

/// How much was tried.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) lives: u64,
    pub(crate) learned: u64,
    pub(crate) walks: u64,
}

pub(crate) struct Thief {
    world: World,
    saved: Saved,
    phone: Phone,
    pay: KeyId,
    pub(crate) counts: Counts,
}

impl Thief {
    pub(crate) fn new() -> Self {
        let (mut world, phone) = World::ready();
        let pay = world.pay();
        Self { saved: world.save(), world, phone, pay, counts: Counts::default() }
    }

    fn tries(&mut self, flash: &Model) -> u8 {
        self.world.restore_with(&self.saved, flash.clone());
        self.world.reconnect(&self.phone).tries
    }

    /// Runs a life whose last guess is this one.
    fn live(&mut self, flash: &Model, life: Life, last: &str) -> (Seen, Model) {
        self.world.restore_with(&self.saved, flash.clone());
        if life.path != Path::Pairing {
            self.world.reconnect(&self.phone);
        }
        self.world.board.trace.borrow_mut().clear();
        self.world.board.pages.borrow_mut().clear();
        let mut said = Vec::new();
        for number in 1..=life.guesses {
            let is_last = number == life.guesses;
            let guess = if is_last { last } else { WRONG };
            let cut = life.cut.filter(|_| is_last);
            match life.path {
                Path::Review => {
                    self.arm(cut);
                    self.guess_in_review(number, guess);
                }
                Path::PinChange => {
                    self.arm(cut);
                    self.world.press(Key::Cancel);
                    self.world.request(&pin_change(guess, "Qw48z1"));
                }
                Path::Pairing => {
                    let Some(mut session) = self.pair() else { break };
                    self.arm(cut);
                    self.world.send_p5(&mut session, true, Some(guess));
                    self.press_ok();
                    while let Some((_, body)) = self.world.take() {
                        said.push(session.transport.open(&body).map_or(body, |plain| plain.to_vec()));
                    }
                    continue;
                }
            }
            self.press_ok();
            while let Some((_, body)) = self.world.take() {
                let opened = self.world.channel.as_mut().and_then(|channel| channel.open(&body).ok());
                let plain = opened.map_or(body, |plain| plain.to_vec());
                // New keys and nonces differ between any two answers; that there is one is what is seen.
                let reply = Reply::decode(&plain).map(|reply| Reply { body: vec![], ..reply }.encode());
                said.push(reply.unwrap_or(plain));
            }
        }
        let board = &self.world.board;
        let (pages, flash) = (board.pages.borrow().clone(), board.trace.borrow().clone());
        let left = board.flash.borrow().clone();
        (Seen { pages, said, flash }, left)
    }

    /// Counts from here to the cut.
    fn arm(&self, cut: Option<Cut>) {
        if let Some(cut) = cut {
            self.world.board.flash.borrow_mut().cut(cut);
        }
    }

    fn guess_in_review(&mut self, number: usize, guess: &str) {
        if number == 1 {
            let (bytes, block) = (self.order(), Some(guess));
            self.world.request(&order_with(block, &bytes));
            self.world.press_all(&[Key::Down; 8]);
        } else {
            self.world.request(&pin(guess));
            self.world.press(Key::Up);
            self.world.press_all(&[Key::Down; 8]);
        }
    }

    fn order(&mut self) -> Vec<u8> {
        let order = self.world.bank.transfer(self.pay);
        self.world.bank.sign(&order)
    }

    fn press_ok(&mut self) {
        self.world.press(Key::Ok);
        if self.world.shows("ONE TRY IS LEFT") {
            self.world.press(Key::Ok);
        }
    }

    /// A pairing session with a phone of the thief's; none when the PIN is locked.
    fn pair(&mut self) -> Option<Session> {
        self.world.open_pairing();
        self.world.connect();
        let mut session = self.world.pair_until_p3(&Phone::new(0x6d));
        self.world.try_p3(&mut session).then_some(session)
    }

    /// What a life teaches, the tries after it, and the flash.
    fn learn(&mut self, flash: &Model, life: Life) -> Result<(usize, u8, Model), String> {
        self.counts.lives += 1;
        let mut learned = 0;
        // Earlier guesses of the life are those of a shorter one that nobody cut.
        for guesses in 1..=life.guesses {
            let shorter = Life { guesses, cut: life.cut.filter(|_| guesses == life.guesses), ..life };
            let (wrong, _) = self.live(flash, shorter, WRONG);
            let (right, _) = self.live(flash, shorter, PIN);
            learned += usize::from(wrong != right);
        }
        let (_, left) = self.live(flash, life, WRONG);
        let mended = mend(left)?;
        let tries = self.tries(&mended);
        self.counts.learned += learned as u64;
        Ok((learned, tries, mended))
    }

    /// Every life from every number of tries.
    pub(crate) fn every_life(&mut self, most_guesses: usize) -> Result<(), String> {
        let mut flash = self.saved.flash.clone();
        for tries in (1..=5).rev() {
            for path in PATHS {
                for guesses in 1..=most_guesses {
                    let cuts = (0..CUTS).flat_map(|at| SUBSETS.map(|bits| Some(Cut { at, bits })));
                    for cut in cuts.chain([None]) {
                        // Longer lives than the tries only end like shorter ones.
                        if guesses > usize::from(tries) + 1 || (guesses > 1 && path == Path::Pairing) {
                            continue;
                        }
                        let life = Life { path, guesses, cut };
                        let (learned, after, _) = self.learn(&flash, life)?;
                        if after > tries || learned > usize::from(tries - after) {
                            return Err(format!(
                                "{learned} guesses learned, {tries} tries, then {after}: {life:?}"
                            ));
                        }
                    }
                }
            }
            let wrong = Life { path: Path::Review, guesses: 1, cut: None };
            flash = mend(self.live(&flash, wrong, WRONG).1)?;
        }
        Ok(())
    }

    /// One life after the other on the same flash, as the thief's dice say.
    fn walk(&mut self, seed: u64) -> Result<(), String> {
        let mut dice = super::dice::Dice::new(seed);
        let (mut flash, mut learned) = (self.saved.flash.clone(), 0);
        self.counts.walks += 1;
        for _ in 0..12 {
            let cut = dice.chance(3, 4).then(|| Cut { at: dice.below(5), bits: dice.next() as u32 });
            let life = Life { path: *dice.of(&PATHS), guesses: 1 + dice.below(2) as usize, cut };
            let life = if life.path == Path::Pairing { Life { guesses: 1, ..life } } else { life };
            let (more, _, left) = self.learn(&flash, life)?;
            (flash, learned) = (left, learned + more);
            if learned > 5 {
                return Err(format!("{learned} guesses learned"));
            }
        }
        Ok(())
    }
}

#[test]
fn five_guesses_in_all_whenever_the_power_goes() {
    ushield_protocol::stand_in::enable(true);
    let mut thief = Thief::new();
    let searched = thief.every_life(GUESSES).and_then(|()| (0..WALKS).try_for_each(|seed| thief.walk(seed)));
    let counts = thief.counts;
    searched.unwrap_or_else(|why| panic!("after {} lives: {why}", counts.lives));
    println!("{counts:?}");
    assert!(counts.learned > 0, "a thief who learns nothing does not search");
}
