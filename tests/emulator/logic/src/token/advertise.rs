//! What is advertised, and when (section 2.1).

use alloc::vec::Vec;

use ushield_protocol::framing::advertisement::Advertised;
use ushield_protocol::key::{Hash, OrderId};

use super::Token;
use super::face::Face;
use crate::Fault;
use crate::hal::{Board, Millis};

/// After a key, and after the connection of a phone that is paired.
const WINDOW: u64 = 120_000;
/// Of each phone, where there are several.
const TURN: u64 = 1_000;
/// An `r` is not used for longer.
const LONGEST: u64 = 900_000;
/// An answer that nobody fetches is waited with for so long; it is kept all the same.
const FETCHED: u64 = 900_000;
/// Answers that are remembered as not fetched; more are not kept either, at the least.
const UNFETCHED: usize = 16;

/// What is to be advertised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Advertising {
    /// Nothing: the radio is silent.
    pub what: Option<Advertised>,
    /// When to ask again, if nothing else happens before.
    pub until: Option<Millis>,
}

/// Why a phone may be waited for, beside what is on the screen. Gone with the power: switching on opens it again.
pub(super) struct Window {
    until: Millis,
    /// The connection is a paired phone's.
    known: bool,
    /// Orders that were decided while no phone waited for the answer.
    unfetched: Vec<Unfetched>,
    /// Random, and since when it is used.
    r: Option<([u8; 3], Millis)>,
}

struct Unfetched {
    order: OrderId,
    hash: Hash,
    until: Millis,
}

impl Window {
    pub(super) fn open(now: Millis) -> Self {
        Self { until: now.plus(WINDOW), known: false, unfetched: Vec::new(), r: None }
    }

    pub(super) fn reopen(&mut self, now: Millis) {
        self.until = now.plus(WINDOW);
    }

    /// A phone's hint was right.
    pub(super) fn is_known(&mut self) {
        self.known = true;
    }

    /// A connection begins or ends: a stranger's changes nothing but `r`.
    pub(super) fn connection(&mut self, now: Millis) {
        self.r = None;
        if core::mem::take(&mut self.known) {
            self.reopen(now);
        }
    }

    /// This order was decided and nobody was told.
    pub(super) fn unfetched(&mut self, order: OrderId, hash: Hash, now: Millis) {
        if self.unfetched.len() == UNFETCHED {
            self.unfetched.remove(0);
        }
        self.unfetched.push(Unfetched { order, hash, until: now.plus(FETCHED) });
    }

    /// The answer was fetched by its order's id.
    pub(super) fn collected(&mut self, order: &OrderId) {
        self.unfetched.retain(|answer| answer.order != *order);
    }

    /// And by the order once more.
    pub(super) fn answered(&mut self, hash: &Hash) {
        self.unfetched.retain(|answer| answer.hash != *hash);
    }

    /// Until when a phone is waited for, by what it has not fetched.
    fn fetched_until(&mut self, now: Millis) -> Option<Millis> {
        self.unfetched.retain(|answer| now < answer.until);
        self.unfetched.iter().map(|answer| answer.until).max()
    }
}

impl<B: Board> Token<B> {
    pub(super) fn decide_advertising(&mut self, now: Millis) -> Result<Advertising, Fault> {
        let pairing = self.face.is_pairing_mode();
        let waits = pairing || matches!(self.face, Face::Review(_));
        let window = self.window.fetched_until(now).map_or(self.window.until, |at| at.max(self.window.until));
        if self.connected || !(waits || now < window) {
            return Ok(Advertising::default());
        }
        let mut until = (!waits).then_some(window);
        let phones = if pairing { Vec::new() } else { self.vault.phones()? };
        let turn = now.0.checked_div(TURN).unwrap_or_default();
        let index = turn.checked_rem(u64::try_from(phones.len()).unwrap_or_default());
        let Some((id, _)) = index.and_then(|index| phones.get(usize::try_from(index).unwrap_or_default()))
        else {
            return Ok(Advertising { what: Some(Advertised::Open { pairing }), until });
        };
        let (r, since) = self.r(now)?;
        let mut sooner = |at: Millis| until = Some(until.map_or(at, |until| until.min(at)));
        sooner(since.plus(LONGEST));
        if phones.len() > 1 {
            sooner(Millis(turn.saturating_add(1).saturating_mul(TURN)));
        }
        let what = self.vault.phone(id)?.and_then(|phone| Advertised::to(&phone.k_adv, r));
        Ok(Advertising { what, until })
    }

    /// The `r` in use, or a new one.
    fn r(&mut self, now: Millis) -> Result<([u8; 3], Millis), Fault> {
        if let Some((r, since)) = self.window.r.filter(|(_, since)| now < since.plus(LONGEST)) {
            return Ok((r, since));
        }
        loop {
            let r = self.vault.random()?;
            if r != [0; 3] {
                self.window.r = Some((r, now));
                return Ok((r, now));
            }
        }
    }
}
