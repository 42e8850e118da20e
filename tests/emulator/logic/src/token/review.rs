//! Review of an order on the token's screen (sections 6 and 11).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use ushield_protocol::code::Code;
use ushield_protocol::key::{Hash, OrderId, PhoneId};
use ushield_protocol::message::Reply;
use ushield_protocol::order::{Operation, Order, Verified};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::render::Pages;

use super::face::Face;
use super::link::Awaited;
use super::{Step, Token};
use crate::hal::{Board, Key, Millis};
use crate::screens::Notice;
use crate::vault::{Comparison, Subject};

/// A review ends without a key.
const UNANSWERED: u64 = 120_000;
/// And in any case.
const LONGEST: u64 = 600_000;
/// A PIN block is forgotten without a key.
const PIN_UNUSED: u64 = 60_000;
/// And in any case.
const PIN_LONGEST: u64 = 300_000;
/// The message of a wrong PIN gives way to the last page.
const WRONG_SHOWN: u64 = 5_000;

/// In place of a 32nd page, which no order fills: OK was pressed on an earlier one ([`Bug::BufferedOk`]).
const BUFFERED: u32 = 1 << 31;

/// What stands on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A page of the order.
    Page,
    /// OK was pressed without a block.
    PinMissing,
    /// The tries left.
    PinWrong { until: Millis },
    /// The extra question before the last try.
    LastTry,
}

/// A PIN block in RAM.
struct Held {
    block: PinBlock,
    since: Millis,
}

/// The order under review.
pub(super) struct Review {
    order: Order<Verified>,
    pages: Pages,
    /// The phone that delivered it.
    pub(super) via: PhoneId,
    at: u8,
    /// Pages that have been drawn, one bit each; there are at most 32.
    drawn: u32,
    stage: Stage,
    held: Option<Held>,
    started: Millis,
    last_key: Millis,
}

impl Review {
    pub(super) fn new(order: Order<Verified>, pages: Pages, via: PhoneId, now: Millis) -> Self {
        let (started, last_key) = (now, now);
        Self { order, pages, via, at: 0, drawn: 0, stage: Stage::Page, held: None, started, last_key }
    }

    pub(super) fn order_id(&self) -> OrderId {
        self.order.id()
    }

    pub(super) fn order_hash(&self) -> Hash {
        self.order.hash()
    }

    /// The page to draw; from then on it counts as drawn.
    pub(super) fn draw_page(&mut self) -> String {
        self.stage = Stage::Page;
        self.drawn |= bit(self.at);
        String::from(self.pages.page(self.at).unwrap_or_default())
    }

    /// Takes a block in place of an older one. Whether the page has to be drawn, because the screen asked for the block.
    fn take_block(&mut self, block: PinBlock, now: Millis) -> bool {
        self.held = Some(Held { block, since: now });
        self.stage == Stage::PinMissing
    }

    /// Whether the screen asks for a block, and none has arrived.
    pub(super) fn asks_for_pin(&self) -> bool {
        self.held.is_none() && matches!(self.stage, Stage::PinMissing | Stage::PinWrong { .. })
    }

    fn last(&self) -> u8 {
        self.pages.count().saturating_sub(1)
    }

    /// Whether OK means yes: the last page is on the screen, and every other one has been.
    fn is_ready(&self) -> bool {
        if planted::on(Bug::OkBeforeLastPage) && self.stage == Stage::Page {
            return true;
        }
        let all = (0..self.pages.count()).fold(0, |bits, page| bits | bit(page));
        self.stage == Stage::Page && self.at == self.last() && self.drawn & all == all
    }

    fn subject(&self) -> Subject<'_> {
        Subject { order: &self.order, pages: &self.pages, via: self.via }
    }

    fn held_until(&self) -> Option<Millis> {
        let held = self.held.as_ref()?;
        let unused = self.last_key.max(held.since).plus(PIN_UNUSED);
        Some(unused.min(held.since.plus(PIN_LONGEST)))
    }

    fn ends(&self) -> Millis {
        self.last_key.plus(UNANSWERED).min(self.started.plus(LONGEST))
    }

    pub(super) fn deadline(&self) -> Millis {
        let wrong = match self.stage {
            Stage::PinWrong { until } => Some(until),
            _ => None,
        };
        [Some(self.ends()), self.held_until(), wrong].into_iter().flatten().min().unwrap_or_default()
    }

    /// Forgets a block whose time is over.
    fn expire_block(&mut self, now: Millis) {
        if self.held_until().is_some_and(|until| now >= until) {
            self.held = None;
        }
    }
}

impl<B: Board> Token<B> {
    /// A block from the phone that delivered the order.
    pub(super) fn take_block(&mut self, block: PinBlock, now: Millis) -> Step {
        if planted::on(Bug::PinBeforeOk)
            && let Comparison::Wrong { tries } = self.vault.compare_pin(block.clone())?
        {
            self.reply_to(Awaited::Order, &Reply::event(Code::PinWrong, vec![tries]));
            return Ok(());
        }
        let Face::Review(review) = &mut self.face else { return Ok(()) };
        let page = review.take_block(block, now).then(|| review.draw_page());
        if let Some(page) = page {
            self.draw(&page)?;
        }
        if planted::on(Bug::TwoComparisons)
            && matches!(&self.face, Face::Review(review) if matches!(review.stage, Stage::PinWrong { .. }))
            && let Face::Review(review) = core::mem::replace(&mut self.face, Face::Idle)
        {
            return self.compare(review, now);
        }
        Ok(())
    }

    pub(super) fn review_key(&mut self, mut review: Box<Review>, key: Key, now: Millis) -> Step {
        if now >= review.ends() {
            return self.time_out(now);
        }
        review.expire_block(now);
        review.last_key = now;
        match (review.stage, key) {
            (_, Key::Cancel) => return self.reject(&review, now),
            (Stage::Page, Key::Ok) if review.is_ready() => return self.review_ok(review, now),
            (Stage::Page, Key::Ok) => {
                if planted::on(Bug::BufferedOk) {
                    review.drawn |= BUFFERED;
                }
                self.face = Face::Review(review);
                return Ok(());
            }
            (Stage::LastTry, Key::Ok) => return self.compare(review, now),
            (Stage::Page, Key::Up) => review.at = review.at.saturating_sub(1),
            (Stage::Page, Key::Down) => review.at = review.at.saturating_add(1).min(review.last()),
            (Stage::PinMissing | Stage::PinWrong { .. } | Stage::LastTry, _) => {}
        }
        self.show_page(review)?;
        if planted::on(Bug::BufferedOk)
            && matches!(&self.face, Face::Review(review) if review.drawn & BUFFERED != 0 && review.is_ready())
            && let Face::Review(review) = core::mem::replace(&mut self.face, Face::Idle)
        {
            return self.review_ok(review, now);
        }
        Ok(())
    }

    fn show_page(&mut self, mut review: Box<Review>) -> Step {
        let page = review.draw_page();
        self.draw(&page)?;
        self.face = Face::Review(review);
        Ok(())
    }

    fn show_stage(&mut self, mut review: Box<Review>, stage: Stage, page: &str) -> Step {
        review.stage = stage;
        self.draw(page)?;
        self.face = Face::Review(review);
        Ok(())
    }

    /// OK on the last page.
    fn review_ok(&mut self, review: Box<Review>, now: Millis) -> Step {
        if review.held.is_some() && self.vault.pin_state()?.tries == 1 {
            self.reply_to(Awaited::Order, &Reply::event(Code::LastTry, vec![]));
            let page = self.screens.last_try(true);
            self.show_stage(review, Stage::LastTry, &page)?;
            return Ok(());
        }
        self.compare(review, now)
    }

    /// One comparison for one OK, of a block that is here already.
    fn compare(&mut self, mut review: Box<Review>, now: Millis) -> Step {
        let Some(held) = review.held.take() else {
            self.reply_to(Awaited::Order, &Reply::event(Code::PinNeeded, vec![]));
            let page = self.screens.pin_missing();
            self.show_stage(review, Stage::PinMissing, &page)?;
            return Ok(());
        };
        match self.vault.compare_pin(held.block)? {
            Comparison::Right => self.approve(&review, now),
            Comparison::Wrong { tries: 0 } => {
                self.reply_to(Awaited::Order, &Reply::event(Code::PinWrong, vec![0]));
                self.reply_to(Awaited::Order, &Reply::status(Code::PinLocked));
                self.show_notice(Notice::PinLocked, now)?;
                Ok(())
            }
            Comparison::Wrong { tries } => {
                self.reply_to(Awaited::Order, &Reply::event(Code::PinWrong, vec![tries]));
                let page = self.screens.pin_wrong(tries);
                self.show_stage(review, Stage::PinWrong { until: now.plus(WRONG_SHOWN) }, &page)?;
                Ok(())
            }
        }
    }

    fn approve(&mut self, review: &Review, now: Millis) -> Step {
        let answer = self.vault.approve(review.subject())?;
        self.release(review, answer, now);
        let notice = match review.order.payload().operation {
            Operation::Transfer(_) => Notice::Approved,
            Operation::CertificateDownload(_) => Notice::KeyMade,
        };
        self.show_notice(notice, now)?;
        Ok(())
    }

    /// To the phone, or until one fetches it.
    fn release(&mut self, review: &Review, answer: Vec<u8>, now: Millis) {
        if !self.reply_to(Awaited::Order, &Reply::ok(answer)) {
            self.window.unfetched(review.order_id(), review.order_hash(), now);
        }
    }

    fn reject(&mut self, review: &Review, now: Millis) -> Step {
        let answer = self.vault.reject(review.subject())?;
        self.release(review, answer, now);
        self.show_notice(Notice::Rejected, now)?;
        Ok(())
    }

    fn time_out(&mut self, now: Millis) -> Step {
        self.reply_to(Awaited::Order, &Reply::status(Code::TimedOut));
        self.show_notice(Notice::TimedOut, now)?;
        Ok(())
    }

    pub(super) fn review_tick(&mut self, mut review: Box<Review>, now: Millis) -> Step {
        if now >= review.ends() {
            return self.time_out(now);
        }
        review.expire_block(now);
        match review.stage {
            Stage::PinWrong { until } if now >= until => return self.show_page(review),
            _ => self.face = Face::Review(review),
        }
        Ok(())
    }
}

/// Pages are counted from 0 to 31.
fn bit(page: u8) -> u32 {
    1u32.checked_shl(u32::from(page)).unwrap_or(0)
}
