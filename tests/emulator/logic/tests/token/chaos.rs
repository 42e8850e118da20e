//! Malicious phones: several that are paired, with all their keys, and strangers with everything that was ever on the air, send whatever
//! they like in whatever order, while a customer presses keys. What the customer has read and confirmed is followed on the screen, from
//! outside; what the token signs, compares, draws and stores is held against it.

mod ground;

use std::collections::{BTreeMap, BTreeSet};

use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::{Authorization, AuthorizationPayload, Decision, Uv};
use ushield_protocol::code::Code;
use ushield_protocol::cose::Sign1;
use ushield_protocol::key::{Hash, OrderId, P256Verifier};
use ushield_protocol::message::{Kind, Reply, ReplyClass, Request, Role, State};
use ushield_protocol::text;
use ushield_token::Key;

pub(crate) use ground::Ground;
use ground::VALID;

use super::dice::Dice;
use super::world::{PIN, World, order_with, pin, pin_change};

const WRONG: &str = "111222";
const STEPS: u64 = 24;

/// What the customer has of an order on the screen.
struct Reading {
    offer: usize,
    via: usize,
    drawn: BTreeSet<usize>,
    at: Option<usize>,
}

/// What a key may lead to, each once. Nothing else leads to any of it.
#[derive(Clone, Copy, Default)]
struct May {
    compare: bool,
    approve: bool,
    reject: bool,
}

/// One sequence, and what its observer knows.
struct Run<'a> {
    ground: &'a mut Ground,
    dice: Dice,
    /// The connected phone, if it is a paired one.
    phone: Option<usize>,
    reading: Option<Reading>,
    may: May,
    confirmed: BTreeSet<Hash>,
    refused: BTreeSet<Hash>,
    /// The first answer to an order; none while nobody has heard it.
    decided: BTreeMap<OrderId, Option<Vec<u8>>>,
    /// Delivered with the command that is being answered.
    delivering: Option<usize>,
    tries: u8,
    seen_pages: usize,
}

type Outcome = Result<(), String>;

fn fail<T>(why: impl Into<String>) -> Result<T, String> {
    Err(why.into())
}

/// Takes a permission; false if there was none.
fn use_up(may: &mut bool) -> bool {
    std::mem::take(may)
}

impl<'a> Run<'a> {
    fn new(ground: &'a mut Ground, seed: u64) -> Self {
        let saved = ground.saved.clone();
        ground.world.restore(&saved);
        Self {
            ground,
            dice: Dice::new(seed),
            phone: None,
            reading: None,
            may: May::default(),
            confirmed: BTreeSet::new(),
            refused: BTreeSet::new(),
            decided: BTreeMap::new(),
            delivering: None,
            tries: 5,
            seen_pages: 1,
        }
    }

    fn world(&mut self) -> &mut World {
        &mut self.ground.world
    }

    fn operations(&self) -> usize {
        self.ground.world.board.trace.borrow().len()
    }

    /// Follows what was drawn since.
    fn follow(&mut self) -> Outcome {
        let pages: Vec<String> = self.ground.world.board.pages.borrow()[self.seen_pages..].to_vec();
        self.seen_pages += pages.len();
        pages.iter().try_for_each(|page| self.look(page))
    }

    fn look(&mut self, page: &str) -> Outcome {
        let lines: Vec<&str> = page.split('\n').collect();
        if lines.len() != 6 || lines.iter().any(|line| line.chars().map(text::width).sum::<usize>() > 24) {
            return fail(format!("no page: {page}"));
        }
        self.look_for_outcome(page, &lines)?;
        let places = self.places(page);
        let title = lines[0].split_whitespace().next().unwrap_or_default();
        if places.is_empty() && ["TRANSFER", "CERTIFICATE"].contains(&title) {
            return fail(format!(
                "an order is shown that is not for this token, or otherwise than it is:\n{page}"
            ));
        }
        let Some(reading) = &mut self.reading else {
            return if places.is_empty() { Ok(()) } else { self.look_at_order(&places) };
        };
        if let Some((_, at)) = places.iter().find(|(offer, _)| *offer == reading.offer) {
            reading.drawn.insert(*at);
            reading.at = Some(*at);
        } else if title == "PIN" && page.contains("C reject") {
            reading.at = None;
        } else if places.is_empty() {
            self.reading = None;
        } else {
            return fail("a review was replaced");
        }
        Ok(())
    }

    /// The first page of an order.
    fn look_at_order(&mut self, places: &[(usize, usize)]) -> Outcome {
        let Some(offer) = self.delivering.filter(|offer| places.contains(&(*offer, 0))) else {
            return fail("an order's page that nobody asked for");
        };
        if self.decided.contains_key(&self.ground.offers[offer].id) {
            return fail("an order whose id was decided is shown");
        }
        let Some(via) = self.phone else { return fail("an order is shown and no phone is there") };
        self.reading = Some(Reading { offer, via, drawn: BTreeSet::from([0]), at: Some(0) });
        Ok(())
    }

    /// What the token tells of comparisons and decisions comes at the key that may lead to it, and nowhere else.
    fn look_for_outcome(&mut self, page: &str, lines: &[&str]) -> Outcome {
        let left = match lines[2].strip_prefix("Tries left: ").and_then(|left| left.parse::<u8>().ok()) {
            left @ Some(_) => left,
            None => lines[1].starts_with("Too many wrong PINs").then_some(0),
        };
        let signed = page.contains("Approved and signed") || page.contains("Key made and signed");
        if left.is_some() || signed || page.contains("The PIN is changed") {
            if !use_up(&mut self.may.compare) {
                return fail("a PIN was compared without an OK of its own");
            }
            if left.is_some_and(|left| left + 1 != self.tries) {
                return fail(format!("{left:?} tries left, of {}", self.tries));
            }
            self.tries = left.unwrap_or(5);
        }
        let rejected = page.contains("Rejected.");
        if signed && !use_up(&mut self.may.approve) || rejected && !use_up(&mut self.may.reject) {
            return fail("decided without the customer's key");
        }
        if let (true, Some(reading)) = (signed || rejected, &self.reading) {
            let offer = &self.ground.offers[reading.offer];
            let decided = if signed { &mut self.confirmed } else { &mut self.refused };
            decided.insert(offer.hash);
            self.decided.entry(offer.id).or_insert(None);
        }
        Ok(())
    }

    fn places(&self, page: &str) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        for (offer, it) in self.ground.offers.iter().enumerate() {
            let Some((pages, _)) = &it.pages else { continue };
            places.extend(pages.iter().position(|known| known == page).map(|at| (offer, at)));
        }
        places
    }

    /// Looks at everything that was said, after [`Self::follow`].
    fn hear(&mut self) -> Result<Vec<Reply>, String> {
        let mut replies = Vec::new();
        while let Some((kind, body)) = self.world().take() {
            let Some(channel) = self.world().channel.as_mut().filter(|_| kind == Kind::Sealed) else {
                continue;
            };
            let Ok(plaintext) = channel.open(&body) else { return fail("a message that does not open") };
            let reply = Reply::decode(&plaintext).map_err(|_| "a reply that is none".to_owned())?;
            if reply.code == Code::PinWrong && reply.body.first() != Some(&self.tries) {
                return fail("the phone is told of a comparison that the screen does not tell of");
            }
            if (reply.class, reply.code) == (ReplyClass::Result, Code::Ok) && reply.body.len() > 150 {
                self.answer(&reply.body)?;
            }
            replies.push(reply);
        }
        Ok(replies)
    }

    /// An answer to an order: is it one that the customer gave?
    fn answer(&mut self, answer: &[u8]) -> Outcome {
        let Ok(message) = Sign1::parse(answer) else { return Ok(()) };
        let device = self.ground.world.rejecting_key();
        let (about, approved, genuine) = if let Ok(payload) = AuthorizationPayload::decode(message.payload())
        {
            let approved = payload.about.uv == Uv::Phone;
            let (decision, key) = match approved {
                true => (Decision::Approved, self.ground.pay),
                false => (Decision::Rejected, device),
            };
            let received = Authorization::receive(answer).map_err(|why| format!("{why:?}"))?;
            (payload.about, approved, received.verify(decision, &key, &P256Verifier).is_ok())
        } else if let Ok(made) = Attestation::decode(message.payload()) {
            (made.about, true, Attestation::verify(answer, &device, &P256Verifier).is_ok())
        } else {
            return Ok(());
        };
        if !genuine {
            return fail("an answer under the wrong key");
        }
        let offer = self.ground.offers.iter().find(|offer| offer.hash == about.order_hash);
        let Some((pages, digest)) = offer.and_then(|offer| offer.pages.as_ref()) else {
            return fail("an answer to an order that is none");
        };
        if about.pages != *digest || usize::from(about.page_count) != pages.len() {
            return fail("an answer that tells of other pages");
        }
        let known = if approved { &self.confirmed } else { &self.refused };
        if !known.contains(&about.order_hash) {
            return fail(if approved {
                "signed without having been confirmed"
            } else {
                "rejected without C"
            });
        }
        let first = self.decided.entry(about.order).or_insert(None);
        if first.get_or_insert_with(|| answer.to_vec()) != answer {
            return fail("a second signature for one order");
        }
        Ok(())
    }

    /// What this key may lead to, from what stands on the screen.
    fn may(&self, key: Key) -> May {
        let screen = self.ground.world.screen();
        let last_try = screen.contains("ONE TRY IS LEFT");
        let Some(reading) = &self.reading else {
            let asked = screen.starts_with("CHANGE PIN") && self.tries > 1 || last_try;
            return May { compare: key == Key::Ok && asked, ..May::default() };
        };
        let pages = self.ground.offers[reading.offer].pages.as_ref().map_or(0, |(pages, _)| pages.len());
        let read = reading.drawn.len() == pages;
        let asked = reading.at == Some(pages - 1) && self.tries > 1 || reading.at.is_none() && last_try;
        let yes = key == Key::Ok && read && asked;
        May { compare: yes, approve: yes, reject: key == Key::Cancel }
    }

    fn press(&mut self, key: Key) -> Outcome {
        let (reviewing, operations) = (self.reading.is_some(), self.operations());
        let may = self.may(key);
        self.may = may;
        self.world().press(key);
        self.follow()?;
        let left = std::mem::take(&mut self.may);
        self.hear()?;
        let used = left.compare != may.compare || left.reject != may.reject;
        if reviewing && !used && self.operations() != operations {
            return fail("something was stored at a key that decides nothing");
        }
        Ok(())
    }

    /// A command of the connected phone.
    fn command(&mut self, plaintext: &[u8], writes: bool) -> Result<Vec<Reply>, String> {
        if self.phone.is_none() || self.ground.world.channel.is_none() || self.ground.world.disconnected {
            return Ok(Vec::new());
        }
        let (operations, pages) = (self.operations(), self.seen_pages);
        let was = self.reading.as_ref().map(|reading| (reading.offer, reading.via));
        self.world().request_bytes(plaintext);
        self.follow()?;
        let replies = self.hear()?;
        if !writes && self.operations() != operations {
            return fail("a command that asks has stored something");
        }
        if let Some((_, via)) = was
            && Some(via) != self.phone
            && self.seen_pages != pages
        {
            return fail("another phone has changed the screen of a review");
        }
        Ok(replies)
    }

    fn connect(&mut self, at: usize) -> Outcome {
        let phone = self.ground.phones[at].clone();
        let nonce = self.world().connect().nonce;
        self.follow()?;
        self.phone = None;
        let (mut handshake, k1) = self.world().k1(&phone, &nonce);
        self.world().send(Kind::Connect, &k1);
        self.follow()?;
        if let Some((Kind::Connect, k2)) = self.world().take()
            && let Ok(state) = handshake.read(&k2)
        {
            let state = State::decode(&state).map_err(|why| format!("{why:?}"))?;
            if state.tries != self.tries {
                return fail(format!("{} tries, and the screen said {}", state.tries, self.tries));
            }
            self.world().channel = handshake.into_transport().ok();
            self.phone = Some(at);
        }
        Ok(())
    }

    /// Whoever is not paired: nothing is drawn, stored or answered.
    fn stranger(&mut self) -> Outcome {
        let nonce = self.world().connect().nonce;
        self.follow()?;
        self.phone = None;
        if self.ground.world.shows("PAIR A PHONE") {
            return Ok(());
        }
        let (operations, pages) = (self.operations(), self.ground.world.drawn());
        match self.dice.below(4) {
            0 => {
                let k1 = self.dice.of(&self.ground.recorded).clone();
                self.world().send(Kind::Connect, &k1);
            }
            1 => {
                let stranger = self.ground.stranger.clone();
                let (_, k1) = self.world().k1(&stranger, &nonce);
                self.world().send(Kind::Connect, &k1);
            }
            2 => {
                self.noise();
            }
            _ => {
                let stranger = self.ground.stranger.clone();
                let p1 = self.world().p1(&stranger).1;
                self.world().send(Kind::Pairing, &p1);
            }
        }
        while let Some((kind, _)) = self.world().take() {
            if kind != Kind::Refusal {
                return fail("a stranger was answered");
            }
        }
        if self.operations() != operations || self.ground.world.drawn() != pages {
            return fail("a stranger has drawn or stored something");
        }
        Ok(())
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.dice.below(80)).map(|_| self.dice.next() as u8).collect()
    }

    /// A message of any kind, from whoever is connected.
    fn noise(&mut self) {
        let (kind, body, now) = (self.dice.below(7) as u8, self.bytes(), self.ground.world.now);
        self.world().token.receive(kind, &body, now);
        self.world().pump();
    }

    fn order(&mut self) -> Outcome {
        let count = self.ground.offers.len() as u64;
        let at = if self.dice.chance(3, 5) { self.dice.below(3) } else { self.dice.below(count) } as usize;
        let block = *self.dice.of(&[Some(PIN), Some(PIN), Some(PIN), Some(WRONG), None]);
        let mut request = order_with(block, &self.ground.offers[at].bytes).encode();
        let mut delivering = Some(at);
        if self.dice.chance(1, 12) {
            let place = self.dice.below(request.len() as u64) as usize;
            request[place] ^= 1 << self.dice.below(8);
            // Still an order if only the PIN block was hit.
            delivering = (1..34).contains(&place).then_some(at);
        }
        self.delivering = delivering;
        self.command(&request, false)?;
        self.delivering = None;
        Ok(())
    }

    fn cancel(&mut self) -> Outcome {
        let at = match &self.reading {
            Some(reading) if self.dice.chance(3, 4) => reading.offer,
            _ => self.dice.below(VALID) as usize,
        };
        let was = self.reading.as_ref().map(|reading| (reading.offer, reading.via));
        let replies = self.command(&Request::Cancel { order: self.ground.offers[at].id }.encode(), false)?;
        let done = replies.iter().any(|reply| reply.code == Code::Ok);
        if done && was.map(|(_, via)| via) != self.phone {
            return fail("cancelled by a phone that did not deliver");
        }
        Ok(())
    }

    fn other_command(&mut self) -> Outcome {
        let order = self.ground.offers[self.dice.below(VALID) as usize].id;
        let writes =
            |request: &Request| matches!(request, Request::BankKey { .. } | Request::PutCertificate { .. });
        let request = match self.dice.below(9) {
            0 => Request::Info,
            1 => Request::Phones,
            2 => Request::Forget { phone: self.ground.phones[2].id() },
            3 => pin_change(if self.dice.chance(1, 2) { WRONG } else { "333444" }, "Zx81q7"),
            4 => Request::BankKey { statement: self.dice.of(&self.ground.statements).clone() },
            5 => Request::PutCertificate {
                role: *self.dice.of(&[Role::Pay, Role::Login]),
                chain: self.ground.chain.clone(),
            },
            6 => Request::GetCertificate { role: Role::Pay },
            _ => Request::Collect { order },
        };
        let (mut bytes, writes) = (request.encode(), writes(&request));
        if self.dice.chance(1, 6) {
            let place = self.dice.below(bytes.len() as u64) as usize;
            bytes[place] ^= 1 << self.dice.below(8);
            return self.command(&bytes, true).map(drop);
        }
        self.command(&bytes, writes).map(drop)
    }

    fn step(&mut self) -> Outcome {
        let reading = self.reading.is_some();
        if reading && self.dice.chance(3, 5) {
            return match self.dice.below(10) {
                0..=4 => self.press(Key::Down),
                5..=7 => self.press(Key::Ok),
                8 => self.press(Key::Up),
                _ if self.dice.chance(1, 3) => self.press(Key::Cancel),
                _ => (0..6).try_for_each(|_| self.press(Key::Down)),
            };
        }
        match self.dice.below(20) {
            0..=2 => {
                let at = self.dice.below(3) as usize;
                self.connect(at)
            }
            3 => self.stranger(),
            4..=10 => self.order(),
            11 | 12 => {
                let block = *self.dice.of(&[PIN, WRONG]);
                self.command(&pin(block).encode(), false).map(drop)
            }
            13 => self.cancel(),
            14 | 15 if self.dice.chance(1, 8) => {
                let plaintext = self.bytes();
                self.command(&plaintext, true).map(drop)
            }
            14 | 15 => self.other_command(),
            16 => {
                let key = *self.dice.of(&[Key::Ok, Key::Cancel, Key::Up, Key::Down]);
                self.press(key)
            }
            17 => {
                let seconds = *self.dice.of(&[1, 5, 6, 30, 61, 125]);
                self.world().wait(seconds);
                self.follow()?;
                self.hear().map(drop)
            }
            18 => {
                let reading = self.reading.is_some();
                self.world().disconnect();
                self.phone = None;
                self.follow()?;
                if reading && self.reading.is_none() { fail("a disconnect ended a review") } else { Ok(()) }
            }
            _ => {
                if self.dice.chance(1, 4) {
                    let operations = self.operations();
                    self.noise();
                    if self.operations() != operations {
                        return fail("a message that is none has stored something");
                    }
                    self.follow()?;
                    self.hear()?;
                }
                if self.dice.chance(1, 4) {
                    self.world().reboot();
                    (self.phone, self.reading, self.seen_pages) = (None, None, 0);
                }
                self.follow()
            }
        }
    }

    /// What the token keeps in the end is what it said, and only what was decided.
    fn end(&mut self) -> Outcome {
        self.connect(0)?;
        for at in 0..VALID as usize {
            let id = self.ground.offers[at].id;
            let decided = self.decided.contains_key(&id);
            let replies = self.command(&Request::Collect { order: id }.encode(), false)?;
            let kept = replies.last().is_some_and(|reply| reply.code == Code::Ok);
            if self.phone.is_some() && decided != kept {
                return fail("what is kept is not what was decided");
            }
        }
        Ok(())
    }
}

/// Plays one sequence.
pub(crate) fn play(ground: &mut Ground, seed: u64) -> Result<usize, String> {
    let mut run = Run::new(ground, seed);
    run.connect(0)?;
    for _ in 0..STEPS {
        run.step()?;
    }
    run.end()?;
    Ok(run.decided.len())
}

fn play_all(seeds: std::ops::Range<u64>, what: &str) {
    let mut ground = Ground::new();
    let (count, mut decided) = (seeds.end - seeds.start, 0);
    for (at, seed) in seeds.enumerate() {
        decided += play(&mut ground, seed)
            .unwrap_or_else(|why| panic!("after {} sequences, seed {seed}: {why}", at + 1));
    }
    println!("{what}: {count} sequences of {STEPS} steps, {decided} orders decided");
    assert!(decided as u64 > count / 10, "phones that decide nothing try nothing");
}

#[test]
fn only_what_was_decided_is_signed() {
    ushield_protocol::stand_in::enable(true);
    play_all(0..50_000, "stand-in cryptography");
}

#[test]
fn only_what_was_decided_is_signed_second_half() {
    ushield_protocol::stand_in::enable(true);
    play_all(50_000..100_000, "stand-in cryptography");
}

#[test]
fn only_what_was_decided_is_signed_with_real_cryptography() {
    play_all(100_000..101_000, "real cryptography");
}
