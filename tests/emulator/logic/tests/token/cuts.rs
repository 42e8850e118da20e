//! The power goes at every flash operation of every command that writes, with sixteen subsets of the word's bits written, and goes
//! again while the token mends itself. What is there afterwards is what was there before or what was to be there: counters do not
//! fall, tries do not come back, nothing was said that is not stored.
//!
//! A command runs once whole, and its operations are written down; then once with a cut at every one of them, to hear that nothing
//! leaves. The flash of every cut and subset is made from what was written down, by the same model, and started.

mod commands;
mod state;

use std::collections::BTreeSet;

use ushield_protocol::authorization::AuthorizationPayload;
use ushield_protocol::code::Code;
use ushield_protocol::cose::Sign1;
use ushield_protocol::key::OrderId;
use ushield_protocol::message::{Kind, P6, ReplyClass};
use ushield_token::flash::{Cut, Model};
use ushield_token::{Millis, Token};

pub(crate) use commands::commands;
pub(crate) use state::mend;
use state::{Asker, State};

use super::world::{FlashOperation, Phone, Saved, Session, TestBoard, World};

/// Which bits of the word in flight still change.
pub(crate) const SUBSETS: [u32; 16] = [
    0,
    u32::MAX,
    0x0000_ffff,
    0xffff_0000,
    0x00ff_00ff,
    0x5555_5555,
    0xaaaa_aaaa,
    0x0000_0001,
    0x8000_0000,
    0x0000_0100,
    0x7fff_ffff,
    0xffff_fffe,
    // Random ones.
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
];
/// While a torn token mends itself, its power is cut at so many of the operations of that, others for every cut.
const MENDING_CUTS: u64 = 8;
/// From here on a command's operations are those of a compaction: all subsets, and cuts while mending, at every so manyth only, one
/// subset at the others.
const LONG: u64 = 600;
const EVERY: u64 = 8;

/// A part of the state that may be new while another is still old.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Apart {
    Known,
    Pairing,
    Floor,
}

/// What is cut.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    pub(crate) saved: Saved,
    pub(crate) phones: Vec<Phone>,
    /// Brings the token to where the command's last step is due.
    pub(crate) prepare: Box<dyn Fn(&mut Stage<'_>)>,
    pub(crate) act: Box<dyn Fn(&mut Stage<'_>)>,
    pub(crate) apart: &'static [Apart],
    pub(crate) writes: bool,
}

/// Where a command runs.
pub(crate) struct Stage<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) session: Option<Session>,
    pub(crate) orders: Vec<OrderId>,
}

/// How much was done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) operations: u64,
    pub(crate) cuts: u64,
    pub(crate) cuts_while_mending: u64,
    pub(crate) states: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.cuts += other.cuts;
        self.cuts_while_mending += other.cuts_while_mending;
        self.states += other.states;
    }
}

/// What the token said.
struct Heard {
    /// Results with an answer, and P6.
    answers: Vec<Vec<u8>>,
    paired: Option<P6>,
    /// More than events and refusals.
    anything: bool,
}

fn hear(stage: &mut Stage<'_>) -> Heard {
    let mut heard = Heard { answers: Vec::new(), paired: None, anything: false };
    while let Some((kind, body)) = stage.world.take() {
        match kind {
            Kind::Refusal => {}
            Kind::Sealed => {
                let channel = stage.world.channel.as_mut().unwrap();
                let reply = ushield_protocol::message::Reply::decode(&channel.open(&body).unwrap()).unwrap();
                heard.anything |= reply.class == ReplyClass::Result;
                if reply.code == Code::Ok {
                    heard.answers.push(reply.body);
                }
            }
            _ => {
                heard.anything = true;
                let opened = stage.session.as_mut().and_then(|session| session.transport.open(&body).ok());
                heard.paired = opened.and_then(|p6| P6::decode(&p6).ok());
            }
        }
    }
    heard
}

/// Runs a command up to a cut, or whole: what was said, the flash as it was before and is now, the operations between.
fn run(
    world: &mut World,
    command: &Command,
    cut: Option<Cut>,
) -> (Heard, Vec<OrderId>, Option<Session>, Model, Model, Vec<FlashOperation>) {
    world.restore(&command.saved);
    let mut stage = Stage { world, session: None, orders: Vec::new() };
    (command.prepare)(&mut stage);
    let before = stage.world.board.flash.borrow().clone();
    stage.world.board.trace.borrow_mut().clear();
    if let Some(cut) = cut {
        stage.world.board.flash.borrow_mut().cut(cut);
    }
    (command.act)(&mut stage);
    let heard = hear(&mut stage);
    let after = stage.world.board.flash.borrow().clone();
    let trace = stage.world.board.trace.borrow().clone();
    (heard, stage.orders, stage.session, before, after, trace)
}

/// Cuts the power at every operation of a command.
pub(crate) fn check(world: &mut World, command: &Command, counts: &mut Counts) -> Result<(), String> {
    let (heard, orders, session, before, after, trace) = run(world, command, None);
    if !command.writes {
        if !trace.is_empty() {
            return Err(format!("{} operations where nothing is decided", trace.len()));
        }
        return Ok(());
    }
    let operations = trace.len() as u64;
    counts.operations += operations;
    if trace.is_empty() {
        return Err("nothing is stored".to_owned());
    }
    let mut phones = command.phones.clone();
    if let (Some(session), Some(P6::Paired { k_hint, .. })) = (&session, heard.paired) {
        let paired = phones.iter_mut().find(|phone| phone.pairing.is_none()).unwrap();
        paired.pairing = Some((session.token, k_hint));
    }
    let mut judge =
        Judge { world, command, phones, orders, said: heard.answers, ends: None, seen: Vec::new() };
    let ends = (judge.ask(&before), judge.ask(&after));
    judge.ends = Some(ends);
    judge.promises(&before)?;
    judge.promises(&after)?;
    let mut flash = before.clone();
    for (at, operation) in (0u64..).zip(&trace) {
        let place = |why: String| format!("cut at operation {at}: {why}");
        let bits = SUBSETS[(at % 16) as usize];
        let (heard, _, _, _, torn, _) = run(judge.world, command, Some(Cut { at, bits }));
        if heard.anything {
            return Err(place("said before it was stored".to_owned()));
        }
        let is_sampled = operations > LONG && at % EVERY != 0;
        for subset in 0..16u64 {
            if is_sampled && subset != at % 16 {
                continue;
            }
            let mut cut = flash.clone();
            cut.cut(Cut { at: 0, bits: SUBSETS[subset as usize] });
            assert!(operation.apply(&mut cut).is_err());
            if subset == at % 16 {
                assert!(cut.bytes() == torn.bytes(), "the flash of a cut is what was written down");
            }
            counts.cuts += 1;
            judge.started(cut.clone()).map_err(place)?;
            if subset == at % 16 && !is_sampled {
                counts.cuts_while_mending += judge.cut_again(cut, at).map_err(place)?;
            }
        }
        operation.apply(&mut flash).unwrap();
    }
    counts.states += judge.seen.len() as u64;
    Ok(())
}

/// The half of the flash that counts; what is left in the other one is erased before it is used.
fn current_half(flash: &Model) -> &[u8] {
    let halves = flash.bytes().split_at(flash.bytes().len() / 2);
    let generation = |half: &[u8]| {
        let word = |at: usize| u32::from_le_bytes(half[at..at + 4].try_into().unwrap());
        (half.starts_with(b"USL1") && word(4) == !word(8)).then(|| word(4))
    };
    if generation(halves.0) > generation(halves.1) { halves.0 } else { halves.1 }
}

/// Knows what there was before and after, and what it has seen already.
struct Judge<'a> {
    world: &'a mut World,
    command: &'a Command,
    phones: Vec<Phone>,
    orders: Vec<OrderId>,
    said: Vec<Vec<u8>>,
    ends: Option<(State, State)>,
    seen: Vec<Model>,
}

impl Judge<'_> {
    fn ask(&mut self, flash: &Model) -> State {
        let (saved, phones, orders) = (&self.command.saved, &self.phones, &self.orders);
        Asker { world: self.world, saved, phones, orders }.state(flash)
    }

    /// Starts a token whose power was cut, and looks at it, unless one with the same flash was looked at.
    fn started(&mut self, torn: Model) -> Result<(), String> {
        let mended = mend(torn)?;
        if self.seen.iter().rev().any(|seen| current_half(seen) == current_half(&mended)) {
            return Ok(());
        }
        self.promises(&mended)?;
        self.seen.push(mended);
        Ok(())
    }

    /// Cuts the power again while the token mends itself: at its last operations, which make the mended half count, and at others.
    fn cut_again(&mut self, mut torn: Model, seed: u64) -> Result<u64, String> {
        torn.reboot();
        let start = |flash: Model| {
            let board = TestBoard::new(flash, 7);
            let _ = Token::boot(board.clone(), Millis(0));
            (board.flash.borrow().clone(), board.trace.borrow().len() as u64)
        };
        let operations = start(torn.clone()).1;
        let last = operations.saturating_sub(3)..operations;
        let others = (0..MENDING_CUTS).map(|index| (seed * 7 + index * 97) % operations.max(1));
        let cuts: BTreeSet<u64> = last.chain(others).filter(|at| *at < operations).collect();
        for at in &cuts {
            let mut flash = torn.clone();
            flash.cut(Cut { at: *at, bits: SUBSETS[((seed + at) % 16) as usize] });
            self.started(start(flash).0).map_err(|why| format!("and again at {at}: {why}"))?;
        }
        Ok(cuts.len() as u64)
    }

    fn promises(&mut self, flash: &Model) -> Result<(), String> {
        let now = self.ask(flash);
        let Some((before, after)) = self.ends.clone() else { return Ok(()) };
        if let (Ok((old, _)), Ok((new, _))) = (before.approval, now.approval)
            && new < old
        {
            return Err(format!("the counter fell from {old} to {new}"));
        }
        if let (Ok((old, _)), Ok((new, _))) = (before.rejection, now.rejection)
            && new < old
        {
            return Err(format!("the rejections' counter fell from {old} to {new}"));
        }
        for answer in now.answers.iter().flatten() {
            if !self.said.contains(answer) && !before.answers.iter().flatten().any(|kept| kept == answer) {
                return Err("another signature than the one that was to be".to_owned());
            }
            let payload = Sign1::parse(answer).unwrap();
            let Ok(payload) = AuthorizationPayload::decode(payload.payload()) else { continue };
            let next = match payload.about.uv {
                ushield_protocol::authorization::Uv::None => now.rejection,
                _ => now.approval,
            };
            if next.is_ok_and(|(next, _)| next <= payload.counter) {
                return Err(format!("counter {} was used and comes again", payload.counter));
            }
        }
        self.either(&before, &after, now)
    }

    /// The state is the one or the other, but for a try that is spent and what may be apart.
    fn either(&self, before: &State, after: &State, mut now: State) -> Result<(), String> {
        if let (Some(old), Some(new), Some(tries)) = (before.tries, after.tries, now.tries) {
            if tries > old.max(new) || tries < old.saturating_sub(1).min(new) {
                return Err(format!("{tries} tries, of {old} before and {new} after"));
            }
            if tries == 0 {
                // Nothing can be asked that needs the PIN.
                (now.pin, now.approval, now.rejection, now.old_order) =
                    (before.pin, before.approval, before.rejection, before.old_order);
            }
        }
        if ![&before.idle, &after.idle].contains(&&now.idle) && now.tries != Some(0) {
            return Err(format!("the screen says {}", now.idle));
        }
        let is = |end: &State| {
            let mut end = State { tries: now.tries, idle: now.idle.clone(), ..end.clone() };
            if now.pin == before.pin && after.pin.is_none() {
                (end.pin, end.approval, end.rejection, end.old_order) =
                    (before.pin, before.approval, before.rejection, before.old_order);
            }
            for apart in self.command.apart {
                match apart {
                    Apart::Known => end.known = now.known.clone(),
                    Apart::Pairing => end.pairing = now.pairing,
                    Apart::Floor => end.old_order = now.old_order,
                }
            }
            end == now
        };
        if is(before) || is(after) { Ok(()) } else { Err(format!("neither before nor after: {now:?}")) }
    }
}

/// Checks the commands whose names a test asks for, and prints what was done.
fn check_all(chosen: impl Fn(usize) -> bool) {
    ushield_protocol::stand_in::enable(true);
    let mut world = World::new();
    let mut all = Counts::default();
    for (index, make) in commands().into_iter().enumerate() {
        if !chosen(index) {
            continue;
        }
        let command = make();
        let mut counts = Counts::default();
        check(&mut world, &command, &mut counts)
            .unwrap_or_else(|why| panic!("after {} cuts, {}: {why}", all.cuts + counts.cuts, command.name));
        let bounds = match counts.operations {
            0..=LONG => "16 subsets at each".to_owned(),
            _ => format!("a compaction: 16 subsets at every {EVERY}th, one at the others"),
        };
        println!(
            "{}: {} operations ({bounds}), {} cuts, {} more while mending, {} states",
            command.name, counts.operations, counts.cuts, counts.cuts_while_mending, counts.states
        );
        all += counts;
    }
    println!("in all: {all:?}");
}

#[test]
fn every_operation_of_every_command_first_half() {
    check_all(|index| index % 2 == 0);
}

#[test]
fn every_operation_of_every_command_second_half() {
    check_all(|index| index % 2 == 1);
}
