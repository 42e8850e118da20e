//! An order at the token: what its replies mean, and whether an answer is to this order.

use alloc::vec::Vec;
use core::fmt;

use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::{Authorization, Decision};
use ushield_protocol::code::Code;
use ushield_protocol::cose::Sign1;
use ushield_protocol::key::{OrderId, PublicKey, VerifySignature};
use ushield_protocol::message::{Reply, ReplyClass, Request};
use ushield_protocol::order::{Operation, Order, Verified};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::refusal::Refusal;

use crate::error::Error;

/// Keys with which the phone reads an answer. What it cannot read it forwards.
#[derive(Clone, Copy, Debug)]
pub struct TokenKeys {
    /// Key `device`, from the pairing.
    pub device: PublicKey,
    /// Key `pay`, from its certificate.
    pub pay: Option<PublicKey>,
}

/// What the customer decided, as far as the phone can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Approved.
    Approved,
    /// Rejected on the token.
    Rejected,
    /// A new key was attested.
    Attested,
    /// The answer is in a form that this phone does not know. The bank reads it.
    Unreadable,
}

/// The token's answer, whole, as it goes to the bank.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// What was decided.
    pub verdict: Verdict,
    /// The bytes as they came.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({:?}, {} B)", self.verdict, self.bytes.len())
    }
}

/// What a reply means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The first page is on the token's screen.
    Shown,
    /// OK was pressed and a PIN block is wanted.
    PinNeeded,
    /// The PIN was wrong.
    PinWrong {
        /// Tries left.
        tries: u8,
    },
    /// The token warns of the last try and asks for a further OK.
    LastTry,
    /// Still shown (answer to `collect`).
    Waiting,
    /// Decided.
    Answered(Answer),
}

/// An order that is being delivered.
#[derive(Debug)]
pub struct Delivery {
    order: Order<Verified>,
    keys: TokenKeys,
}

impl Delivery {
    /// Delivers `order` to the token whose keys these are.
    #[must_use]
    pub fn new(order: Order<Verified>, keys: TokenKeys) -> Self {
        Self { order, keys }
    }

    /// The order's id.
    #[must_use]
    pub fn id(&self) -> OrderId {
        self.order.id()
    }

    /// The order.
    #[must_use]
    pub fn order(&self) -> &Order<Verified> {
        &self.order
    }

    /// The command that delivers it, with the PIN if the phone has it already.
    #[must_use]
    pub fn request(&self, pin: Option<PinBlock>) -> Request {
        Request::Order { pin, order: Vec::from(self.order.bytes()) }
    }

    /// The command that asks for its answer.
    #[must_use]
    pub fn collect(&self) -> Request {
        Request::Collect { order: self.order.id() }
    }

    /// Reads a reply. A status that ends the delivery is the error.
    pub fn handle(&self, reply: &Reply, verifier: &impl VerifySignature) -> Result<Progress, Error> {
        match (reply.class, reply.code, reply.body.as_slice()) {
            (ReplyClass::Event, Code::Shown, []) => Ok(Progress::Shown),
            (ReplyClass::Event, Code::PinNeeded, []) => Ok(Progress::PinNeeded),
            (ReplyClass::Event, Code::PinWrong, [tries]) => Ok(Progress::PinWrong { tries: *tries }),
            (ReplyClass::Event, Code::LastTry, []) => Ok(Progress::LastTry),
            (ReplyClass::Event, ..) => Err(Code::TokenMisbehaved.into()),
            (ReplyClass::Result, Code::Waiting, []) => Ok(Progress::Waiting),
            (ReplyClass::Result, Code::Ok, answer) if !answer.is_empty() => {
                self.answer(answer, verifier).map(Progress::Answered)
            }
            (ReplyClass::Result, Code::Waiting, _) => Err(Code::TokenMisbehaved.into()),
            (ReplyClass::Result, code, _) if code.is_refusal() => Err(reply.to_refusal().into()),
            (ReplyClass::Result, ..) => Err(Code::TokenMisbehaved.into()),
        }
    }

    fn answer(&self, bytes: &[u8], verifier: &impl VerifySignature) -> Result<Answer, Error> {
        let verdict = match Sign1::parse_sequence(bytes, 2).ok().as_deref() {
            Some([only]) => self.verdict(only, verifier)?,
            _ => Verdict::Unreadable,
        };
        Ok(Answer { verdict, bytes: Vec::from(bytes) })
    }

    fn verdict(&self, message: &[u8], verifier: &impl VerifySignature) -> Result<Verdict, Error> {
        if let Ok(authorization) = Authorization::receive(message) {
            if authorization.payload().about.order_hash != self.order.hash() {
                return Err(Code::WrongAuthorization.into());
            }
            let by =
                |decision, key: &PublicKey| authorization.clone().verify(decision, key, verifier).is_ok();
            if by(Decision::Rejected, &self.keys.device) {
                return Ok(Verdict::Rejected);
            }
            if by(Decision::Approved, &self.keys.device) {
                return Err(Code::RejectionAsApproval.into());
            }
            // Without the certificate the phone cannot tell; the bank can.
            let Some(pay) = &self.keys.pay else { return Ok(Verdict::Unreadable) };
            return if by(Decision::Approved, pay) {
                Ok(Verdict::Approved)
            } else {
                Err(Code::WrongAuthorization.into())
            };
        }
        match (&self.order.payload().operation, Attestation::verify(message, &self.keys.device, verifier)) {
            (Operation::CertificateDownload(_), Ok((attestation, _))) => {
                let ours = attestation.about.order_hash == self.order.hash();
                if ours { Ok(Verdict::Attested) } else { Err(Code::WrongAuthorization.into()) }
            }
            (_, Ok(_)) => Err(Code::WrongAuthorization.into()),
            (_, Err(Refusal { code: Code::BadSignature, .. })) => Err(Code::WrongAuthorization.into()),
            (_, Err(_)) => Ok(Verdict::Unreadable),
        }
    }
}
