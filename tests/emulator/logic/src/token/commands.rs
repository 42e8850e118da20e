//! Commands of a paired phone (section 5).

use alloc::vec::Vec;

use ushield_protocol::cbor::Reason;
use ushield_protocol::code::Code;
use ushield_protocol::key::{OrderId, PhoneId};
use ushield_protocol::message::{Info, PhoneEntry, Reply, Request, Role, encode_phones};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::refusal::Refusal;

use super::face::Face;
use super::link::Awaited;
use super::{Step, Stop, Token};
use crate::hal::{Board, Millis};
use crate::screens::Notice;

impl<B: Board> Token<B> {
    pub(super) fn on_command(&mut self, phone: PhoneId, plaintext: &[u8], now: Millis) -> Step {
        let reply = match self.execute(phone, plaintext, now) {
            Ok(reply) => reply,
            Err(Stop::Refused(refusal)) => Some(Reply::refusal(&on_wire(refusal))),
            Err(Stop::Failed(fault)) => return Err(fault),
        };
        if let Some(reply) = reply {
            self.reply(&reply);
        }
        Ok(())
    }

    /// The result, unless it comes later.
    fn execute(&mut self, phone: PhoneId, plaintext: &[u8], now: Millis) -> Result<Option<Reply>, Stop> {
        let request = Request::decode(plaintext)?;
        let awaited = self.link.channel().and_then(|channel| channel.awaited);
        let allowed = match request {
            Request::Order { .. }
            | Request::Pin { .. }
            | Request::Cancel { .. }
            | Request::Collect { .. } => awaited != Some(Awaited::Ask),
            _ => awaited.is_none(),
        };
        if !allowed {
            return Err(Code::Busy.into());
        }
        match request {
            Request::Info => self.info(&phone).map(|info| Some(Reply::ok(info))),
            Request::Phones => self.list_phones(&phone).map(|phones| Some(Reply::ok(phones))),
            Request::Forget { phone } => self.ask_forget(phone, now).map(|()| None),
            Request::PinChange { old, new } => self.ask_pin_change(old, new, now).map(|()| None),
            Request::BankKey { statement } => {
                // A running review goes on under the key and the floor that it was admitted with.
                if matches!(self.face, Face::Review(_)) {
                    return Err(Code::Busy.into());
                }
                self.vault.take_bank_key(&statement)??;
                Ok(Some(Reply::ok(Vec::new())))
            }
            Request::Order { pin, order } => self.on_order(phone, pin, &order, now),
            Request::Pin { pin } => self.on_pin(&phone, pin, now).map(|()| None),
            Request::Cancel { order } => self.on_cancel(&phone, &order, now).map(Some),
            Request::Collect { order } => self.on_collect(&order).map(Some),
            Request::PutCertificate { role, chain } => {
                // The key that a running review will be signed with stays what it is.
                self.refuse_while_asking()?;
                self.vault.put_certificate(role, &chain)??;
                Ok(Some(Reply::ok(Vec::new())))
            }
            Request::GetCertificate { role } => {
                let chain = self.vault.certificate_chain(role).ok_or(Code::NoCertificate)?;
                Ok(Some(Reply::ok(chain)))
            }
        }
    }

    fn info(&self, phone: &PhoneId) -> Result<Vec<u8>, Stop> {
        let me = &self.vault.me;
        let info = Info {
            device: me.device,
            firmware: me.firmware,
            profile: me.profile.number(),
            name: me.name.clone(),
            bank: me.bank.clone(),
            flags: self.flags(phone)?,
            tries: self.vault.pin_state()?.tries,
            pay: self.vault.role_key_id(Role::Pay)?,
            login: self.vault.role_key_id(Role::Login)?,
            phones: u8::try_from(self.vault.phone_count()).unwrap_or(u8::MAX),
            approvals: u16::try_from(self.vault.approval_count()?).unwrap_or(u16::MAX),
        };
        Ok(info.encode())
    }

    fn list_phones(&self, this: &PhoneId) -> Result<Vec<u8>, Stop> {
        let phones = self.vault.phones()?;
        let entry = |(id, name)| PhoneEntry { id, name, this: id == *this };
        Ok(encode_phones(&phones.into_iter().map(entry).collect::<Vec<_>>()))
    }

    /// Another block for the review that this phone delivered. It has no result of its own.
    fn on_pin(&mut self, phone: &PhoneId, pin: PinBlock, now: Millis) -> Result<(), Stop> {
        match &self.face {
            Face::Review(review) if review.via == *phone => Ok(self.take_block(pin, now)?),
            _ => Err(Code::NotFound.into()),
        }
    }

    fn on_cancel(&mut self, phone: &PhoneId, order: &OrderId, now: Millis) -> Result<Reply, Stop> {
        let is_theirs = |via: PhoneId| via == *phone || planted::on(Bug::CancelByAnyPhone);
        if matches!(&self.face, Face::Review(review) if is_theirs(review.via) && review.order_id() == *order)
        {
            self.reply_to(Awaited::Order, &Reply::status(Code::Cancelled));
            self.show_notice(Notice::Cancelled, now)?;
            return Ok(Reply::ok(Vec::new()));
        }
        match self.vault.decided_hash(order)? {
            Some(_) => Err(Code::AlreadyDecided.into()),
            None => Err(Code::NotFound.into()),
        }
    }

    fn on_collect(&mut self, order: &OrderId) -> Result<Reply, Stop> {
        if let Some(answer) = self.vault.answer(order)? {
            self.window.collected(order);
            return Ok(Reply::ok(answer));
        }
        match &self.face {
            Face::Review(review) if review.order_id() == *order => Ok(Reply::status(Code::Waiting)),
            _ => Err(Code::NotFound.into()),
        }
    }
}

/// The wire has no codes for what is wrong inside a field: there it is `malformed`, `bad-value`, with the field.
fn on_wire(refusal: Refusal) -> Refusal {
    match refusal.code.wire() {
        Some(_) => refusal,
        None => Refusal { code: Code::Malformed, reason: Some(Reason::BadValue), ..refusal },
    }
}
