//! Life-cycle acts that a phone asks for: changing the PIN, forgetting a phone. Each has its own screen and OK, and ends
//! with the connection.

use alloc::vec;

use ushield_protocol::code::Code;
use ushield_protocol::key::PhoneId;
use ushield_protocol::message::Reply;
use ushield_protocol::pin::PinBlock;
use ushield_protocol::planted::{self, Bug};

use super::face::Face;
use super::link::Awaited;
use super::{Step, Stop, Token};
use crate::compare;
use crate::hal::{Board, Key, Millis};
use crate::screens::Notice;
use crate::vault::Comparison;

/// How long a question stays, and the PIN blocks that came with it.
pub(super) const UNANSWERED: u64 = 60_000;

/// What is asked.
pub(super) enum Ask {
    ChangePin(ChangePin),
    Forget { phone: PhoneId, until: Millis },
}

/// A change of the PIN.
pub(super) struct ChangePin {
    old: PinBlock,
    new: PinBlock,
    last_try: bool,
    until: Millis,
}

impl Ask {
    pub(super) fn deadline(&self) -> Millis {
        match self {
            Self::ChangePin(change) => change.until,
            Self::Forget { until, .. } => *until,
        }
    }
}

impl<B: Board> Token<B> {
    pub(super) fn ask_pin_change(&mut self, old: PinBlock, new: PinBlock, now: Millis) -> Result<(), Stop> {
        self.refuse_to_ask(now)?;
        if self.vault.pin_state()?.is_locked() {
            return Err(Code::PinLocked.into());
        }
        if new.is_too_simple() {
            return Err(Code::PinTooSimple.into());
        }
        if compare::same_pin(&old, &new) {
            return Err(Code::PinUnchanged.into());
        }
        let page = self.screens.pin_change();
        self.draw(&page)?;
        let until = now.plus(UNANSWERED);
        let ask = Ask::ChangePin(ChangePin { old, new, last_try: false, until });
        self.await_customer(Awaited::Ask, now);
        if planted::on(Bug::PinChangedWithoutOk) {
            return Ok(self.ask_key(ask, Key::Ok, now)?);
        }
        self.face = Face::Asked(ask);
        Ok(())
    }

    pub(super) fn ask_forget(&mut self, phone: PhoneId, now: Millis) -> Result<(), Stop> {
        self.refuse_to_ask(now)?;
        let name = self.vault.phone(&phone)?.ok_or(Code::NotFound)?.name;
        let page = self.screens.forget(&phone, &name);
        self.draw(&page)?;
        let ask = Ask::Forget { phone, until: now.plus(UNANSWERED) };
        self.await_customer(Awaited::Ask, now);
        if planted::on(Bug::ForgottenWithoutOk) {
            return Ok(self.ask_key(ask, Key::Ok, now)?);
        }
        self.face = Face::Asked(ask);
        Ok(())
    }

    /// One question at a time: a second one is busy, never a replacement.
    pub(super) fn refuse_while_asking(&self) -> Result<(), Stop> {
        if self.face.is_asking() { Err(Code::Busy.into()) } else { Ok(()) }
    }

    /// A question's one OK could be that which was meant for a message.
    fn refuse_to_ask(&self, now: Millis) -> Result<(), Stop> {
        self.refuse_while_asking()?;
        if self.face.is_notice(now) { Err(Code::Busy.into()) } else { Ok(()) }
    }

    pub(super) fn ask_key(&mut self, ask: Ask, key: Key, now: Millis) -> Step {
        if now >= ask.deadline() {
            return self.ask_tick(ask, now);
        }
        match (ask, key) {
            (_, Key::Cancel) => {
                self.reply_to(Awaited::Ask, &Reply::status(Code::Declined));
                self.show_notice(Notice::NotDone, now)?;
                Ok(())
            }
            (Ask::ChangePin(change), Key::Ok) => self.pin_change_ok(change, now),
            (Ask::Forget { phone, .. }, Key::Ok) => {
                self.vault.forget_phone(&phone)?;
                self.reply_to(Awaited::Ask, &Reply::ok(vec![]));
                self.show_notice(Notice::Forgotten, now)?;
                self.hang_up_on(&phone, now)
            }
            (ask, Key::Up | Key::Down) => {
                self.face = Face::Asked(ask);
                Ok(())
            }
        }
    }

    fn pin_change_ok(&mut self, mut change: ChangePin, now: Millis) -> Step {
        if self.vault.pin_state()?.tries == 1 && !change.last_try {
            change.last_try = true;
            let page = self.screens.last_try(false);
            self.draw(&page)?;
            self.face = Face::Asked(Ask::ChangePin(change));
            self.reply_to(Awaited::Ask, &Reply::event(Code::LastTry, vec![]));
            return Ok(());
        }
        let ChangePin { old, new, .. } = change;
        match self.vault.compare_pin(old)? {
            Comparison::Right => {
                self.vault.set_pin(&new)?;
                self.reply_to(Awaited::Ask, &Reply::ok(vec![]));
                self.show_notice(Notice::PinChanged, now)?;
            }
            Comparison::Wrong { tries: 0 } => {
                self.reply_to(Awaited::Ask, &Reply::event(Code::PinWrong, vec![0]));
                self.reply_to(Awaited::Ask, &Reply::status(Code::PinLocked));
                self.show_notice(Notice::PinLocked, now)?;
            }
            Comparison::Wrong { tries } => {
                self.reply_to(Awaited::Ask, &Reply { body: vec![tries], ..Reply::status(Code::PinWrong) });
                self.show_notice(Notice::PinWrong(tries), now)?;
            }
        }
        Ok(())
    }

    pub(super) fn ask_tick(&mut self, ask: Ask, now: Millis) -> Step {
        if now < ask.deadline() {
            self.face = Face::Asked(ask);
            return Ok(());
        }
        self.reply_to(Awaited::Ask, &Reply::status(Code::TimedOut));
        self.show_notice(Notice::TimedOut, now)?;
        Ok(())
    }
}
