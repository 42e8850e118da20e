//! Receiving an order (section 11), in the sequence of the protocol: the first failure is the result.

use alloc::boxed::Box;
use alloc::vec::Vec;

use ushield_protocol::code::Code;
use ushield_protocol::key::{Hash, P256Verifier, PhoneId};
use ushield_protocol::message::{Reply, Role};
use ushield_protocol::order::{Operation, Order, OrderPayload, Received, Verified};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::refusal::Refusal;
use ushield_protocol::render::{self, Notices, Pages};

use super::face::Face;
use super::link::Awaited;
use super::review::Review;
use super::{Stop, Token};
use crate::hal::{Board, Millis};
use crate::vault::{Room, is_past};

/// What becomes of an order.
enum Admission {
    /// It was decided before.
    Answered(Hash, Vec<u8>),
    /// It is being reviewed.
    Running,
    /// It may be shown.
    New(Box<Order<Verified>>, Pages),
}

impl<B: Board> Token<B> {
    pub(super) fn on_order(
        &mut self,
        phone: PhoneId,
        pin: Option<PinBlock>,
        bytes: &[u8],
        now: Millis,
    ) -> Result<Option<Reply>, Stop> {
        match self.admit(&phone, bytes, now)? {
            Admission::Answered(hash, answer) => {
                self.window.answered(&hash);
                return Ok(Some(Reply::ok(answer)));
            }
            Admission::Running => {
                if let Some(pin) = pin {
                    self.take_block(pin, now)?;
                }
            }
            Admission::New(order, pages) => {
                if planted::on(Bug::FloorByUndecided) {
                    self.vault.raise_floor(order.payload().issued)?;
                }
                let mut review = Review::new(*order, pages, phone, now);
                let page = review.draw_page();
                self.draw(&page)?;
                self.face = Face::Review(Box::new(review));
                if let Some(pin) = pin {
                    self.take_block(pin, now)?;
                }
            }
        }
        self.await_customer(Awaited::Order, now);
        self.reply_to(Awaited::Order, &Reply::event(Code::Shown, Vec::new()));
        // A phone that has lost its link does not know that the token waits for it.
        if matches!(&self.face, Face::Review(review) if review.asks_for_pin()) {
            self.reply_to(Awaited::Order, &Reply::event(Code::PinNeeded, Vec::new()));
        }
        Ok(None)
    }

    fn admit(&self, phone: &PhoneId, bytes: &[u8], now: Millis) -> Result<Admission, Stop> {
        // 1
        let order = Order::receive(bytes)?;
        // 2. An answer is found whatever has become of key, bank or time: else it is lost to the phone that lost it.
        if let Some(answer) = self.vault.answer_to(&order.hash())?
            && !planted::on(Bug::SignsAgain)
        {
            return Ok(Admission::Answered(order.hash(), answer));
        }
        // 3 to 6
        let order = self.verify(order)?;
        let payload = order.payload();
        // 7
        let running = match &self.face {
            Face::Review(review) => Some(review),
            _ => None,
        };
        let decided = self.vault.decided_hash(&payload.id)?;
        let shown =
            running.filter(|review| review.order_id() == payload.id).map(|review| review.order_hash());
        if decided.or(shown).is_some_and(|hash| hash != order.hash()) {
            return Err(Code::OrderIdReused.into());
        }
        // 8. An order that was decided and whose answer has gone is past, wherever a new epoch has put the floor since.
        let decided = decided.is_some() && !planted::on(Bug::SignsAgain);
        if decided || is_past(payload.expires, self.vault.floor()?) {
            return Err(Code::OrderExpired.into());
        }
        // 9
        if running.is_some_and(|review| review.via == *phone && review.order_hash() == order.hash()) {
            return Ok(Admission::Running);
        }
        if !(planted::on(Bug::ReviewReplaced) && running.is_some()) {
            self.refuse_while_asking()?;
        }
        if self.face.is_unread(now) {
            return Err(Code::Busy.into());
        }
        // 10
        self.check_state(payload)?;
        let paid_before = self.vault.paid_before(payload)?;
        let notices = Notices { paid_before: paid_before.filter(|_| !planted::on(Bug::SecondPaymentUnsaid)) };
        let pages = render::pages(&order, self.vault.me.profile, &notices).map_err(Refusal::from)?;
        Ok(Admission::New(Box::new(order), pages))
    }

    /// Steps 3 to 6. Of several statements over one key the newest that allows the order decides.
    fn verify(&self, order: Order<Received>) -> Result<Order<Verified>, Stop> {
        let mut first = None;
        for key in self.vault.bank_keys(&order.kid())? {
            match order.clone().verify(&key, &P256Verifier) {
                Ok(verified) => {
                    self.check_addressee(verified.payload())?;
                    return Ok(verified);
                }
                Err(refusal) if planted::on(Bug::OrderUnverified) && refusal.code == Code::BadSignature => {
                    let order = order.trust_own()?;
                    self.check_addressee(order.payload())?;
                    return Ok(order);
                }
                Err(refusal) => first = first.or(Some(refusal)),
            }
        }
        let Some(refusal) = first else { return Err(Code::UnknownOrderKey.into()) };
        // The addressee comes before these two; the signature was right, so that the content may be looked at.
        let late = [Code::IssuedOutsideValidity, Code::OperationNotAllowed].contains(&refusal.code);
        if let (true, Ok(order)) = (late, order.trust_own()) {
            self.check_addressee(order.payload())?;
        }
        Err(refusal.into())
    }

    /// A transfer to a token without a certificate has no addressee to compare: step 10 refuses it.
    fn check_addressee(&self, payload: &OrderPayload) -> Result<(), Stop> {
        let ours = match &payload.operation {
            _ if planted::on(Bug::AddresseeIgnored) => true,
            Operation::CertificateDownload(_) => payload.addressee.is_device(&self.vault.me.device),
            Operation::Transfer(_) => {
                self.vault.role_key_id(Role::Pay)?.is_none_or(|key| payload.addressee.is_key(&key))
            }
        };
        if ours { Ok(()) } else { Err(Code::WrongAddressee.into()) }
    }

    /// Whether the token could decide it: PIN, certificate, room.
    fn check_state(&self, order: &OrderPayload) -> Result<(), Stop> {
        let pin = self.vault.pin_state()?;
        if pin.initial {
            return Err(Code::PinInitial.into());
        }
        if pin.is_locked() {
            return Err(Code::PinLocked.into());
        }
        match &order.operation {
            Operation::Transfer(_) if self.vault.role_key_id(Role::Pay)?.is_none() => {
                return Err(Code::NoCertificate.into());
            }
            Operation::CertificateDownload(download) if self.vault.is_certificate_final(download.role)? => {
                return Err(Code::CertificateExists.into());
            }
            Operation::Transfer(_) | Operation::CertificateDownload(_) => {}
        }
        match self.vault.room(order.issued)? {
            Room::Free => Ok(()),
            Room::Full => Err(Code::StoreFull.into()),
        }
    }
}
