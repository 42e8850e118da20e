//! The client's life of an order (protocol.md, section 13): states, events, and what comes next.
//!
//! The caller makes a state durable before it takes the step that [`OrderLife::next`] names.

mod codec;

use alloc::vec::Vec;
use core::fmt;

use ushield_protocol::code::Code;

/// Where an order stands. Each state holds what it needs and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub enum Stage {
    /// The creation key and the request are durable.
    Requested,
    /// The order is durable and was verified.
    Prepared {
        /// As the bank signed it.
        order: Vec<u8>,
    },
    /// About to reach the token.
    Sent {
        /// As the bank signed it.
        order: Vec<u8>,
    },
    /// The token shows it.
    Shown {
        /// As the bank signed it.
        order: Vec<u8>,
    },
    /// The token's answer is durable.
    Decided {
        /// As the bank signed it.
        order: Vec<u8>,
        /// As the token sent it.
        answer: Vec<u8>,
    },
    /// The answer is about to reach the bank, or did.
    Submitted {
        /// As the bank signed it.
        order: Vec<u8>,
        /// As the token sent it.
        answer: Vec<u8>,
    },
    /// The bank's receipt is durable.
    Settled {
        /// As the bank signed it.
        order: Vec<u8>,
        /// As the token sent it, if it came so far.
        answer: Option<Vec<u8>>,
        /// As the bank signed it.
        receipt: Vec<u8>,
    },
    /// The bank refused the request; there is no order.
    NotCreated {
        /// Why.
        code: Code,
    },
}

/// An order's life: its stage, and whether the customer cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLife {
    stage: Stage,
    cancel: bool,
}

/// What happened. The payloads were verified before they came here.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    /// The bank issued the order.
    Created(Vec<u8>),
    /// The bank refused to create it.
    CreationRefused(Code),
    /// Delivery is about to begin.
    Delivering,
    /// The token shows it.
    Shown,
    /// The token answered.
    Answered(Vec<u8>),
    /// The token ended the review without an answer.
    TokenStatus,
    /// Submission is about to begin.
    Submitting,
    /// The bank's receipt of this order.
    Receipt(Vec<u8>),
    /// The customer cancels.
    CancelAsked,
}

/// The state's name alone: orders hold names and accounts.
impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Requested => "Requested",
            Stage::Prepared { .. } => "Prepared",
            Stage::Sent { .. } => "Sent",
            Stage::Shown { .. } => "Shown",
            Stage::Decided { .. } => "Decided",
            Stage::Submitted { .. } => "Submitted",
            Stage::Settled { .. } => "Settled",
            Stage::NotCreated { code } => return write!(f, "NotCreated({code})"),
        })
    }
}

/// The event's name alone, for the same reason.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Event::Created(_) => "Created",
            Event::CreationRefused(code) => return write!(f, "CreationRefused({code})"),
            Event::Delivering => "Delivering",
            Event::Shown => "Shown",
            Event::Answered(_) => "Answered",
            Event::TokenStatus => "TokenStatus",
            Event::Submitting => "Submitting",
            Event::Receipt(_) => "Receipt",
            Event::CancelAsked => "CancelAsked",
        })
    }
}

/// The step that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Next {
    /// Create at the bank, under the same key.
    Create,
    /// Deliver to the token.
    Deliver,
    /// Submit the answer.
    Submit,
    /// Cancel at the bank; at the token too if it may show the order.
    Cancel {
        /// Whether the token may show it.
        at_token: bool,
    },
    /// Nothing: it is over.
    Nothing,
}

impl OrderLife {
    /// A life that begins: the request is about to be sent.
    #[must_use]
    pub fn requested() -> Self {
        Self { stage: Stage::Requested, cancel: false }
    }

    /// A life whose order another run or device created.
    #[must_use]
    pub fn prepared(order: Vec<u8>) -> Self {
        Self { stage: Stage::Prepared { order }, cancel: false }
    }

    /// Where it stands.
    #[must_use]
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Whether the customer cancelled.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.cancel
    }

    /// The order, once there is one.
    #[must_use]
    pub fn order(&self) -> Option<&[u8]> {
        match &self.stage {
            Stage::Requested | Stage::NotCreated { .. } => None,
            Stage::Prepared { order }
            | Stage::Sent { order }
            | Stage::Shown { order }
            | Stage::Decided { order, .. }
            | Stage::Submitted { order, .. }
            | Stage::Settled { order, .. } => Some(order),
        }
    }

    /// Whether the answer may have left the phone and no receipt has come: shown as unknown, never as failed.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self.stage, Stage::Submitted { .. })
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Settled { .. } | Stage::NotCreated { .. })
    }

    /// The step that comes next.
    #[must_use]
    pub fn next(&self) -> Next {
        match (&self.stage, self.cancel) {
            (Stage::Requested, _) => Next::Create,
            (Stage::Settled { .. } | Stage::NotCreated { .. }, _) => Next::Nothing,
            (Stage::Sent { .. } | Stage::Shown { .. }, true) => Next::Cancel { at_token: true },
            (_, true) => Next::Cancel { at_token: false },
            (Stage::Prepared { .. } | Stage::Sent { .. } | Stage::Shown { .. }, false) => Next::Deliver,
            (Stage::Decided { .. } | Stage::Submitted { .. }, false) => Next::Submit,
        }
    }

    /// Applies an event. An event that the table marks `!` changes nothing and is `unexpected-event`.
    pub fn apply(&self, event: Event) -> Result<Self, Code> {
        let stage = self.stage.clone();
        if event == Event::CancelAsked {
            return Ok(Self { stage, cancel: self.cancel || !self.is_over() });
        }
        let stage = match (stage, event) {
            (Stage::Requested, Event::Created(order)) => Stage::Prepared { order },
            (Stage::Requested, Event::CreationRefused(code)) => Stage::NotCreated { code },
            (stage, Event::Created(_) | Event::CreationRefused(_)) => stage,
            (Stage::Prepared { order } | Stage::Sent { order }, Event::Delivering) => Stage::Sent { order },
            (Stage::Shown { order }, Event::Delivering) => Stage::Shown { order },
            (Stage::Sent { order } | Stage::Shown { order }, Event::Shown) => Stage::Shown { order },
            (Stage::Sent { order } | Stage::Shown { order }, Event::Answered(answer)) => {
                Stage::Decided { order, answer }
            }
            (stage @ Stage::Settled { .. }, Event::Answered(_)) => stage,
            (stage, Event::Answered(answer)) => stage.only_if_equal(&answer)?,
            (Stage::Sent { order } | Stage::Shown { order }, Event::TokenStatus) => Stage::Prepared { order },
            (Stage::Decided { order, answer } | Stage::Submitted { order, answer }, Event::Submitting)
                if !self.cancel =>
            {
                Stage::Submitted { order, answer }
            }
            (stage, Event::Receipt(receipt)) => stage.settle(receipt)?,
            (
                _,
                Event::Delivering
                | Event::Shown
                | Event::TokenStatus
                | Event::Submitting
                | Event::CancelAsked,
            ) => {
                return Err(Code::UnexpectedEvent);
            }
        };
        Ok(Self { stage, cancel: self.cancel })
    }
}

impl Stage {
    /// The answer came again: the same one changes nothing.
    fn only_if_equal(self, again: &[u8]) -> Result<Self, Code> {
        match &self {
            Stage::Decided { answer, .. } | Stage::Submitted { answer, .. } if answer == again => Ok(self),
            _ => Err(Code::UnexpectedEvent),
        }
    }

    fn settle(self, receipt: Vec<u8>) -> Result<Self, Code> {
        match self {
            Stage::Prepared { order } | Stage::Sent { order } | Stage::Shown { order } => {
                Ok(Stage::Settled { order, answer: None, receipt })
            }
            Stage::Decided { order, answer } | Stage::Submitted { order, answer } => {
                Ok(Stage::Settled { order, answer: Some(answer), receipt })
            }
            Stage::Settled { receipt: ref known, .. } if *known == receipt => Ok(self),
            Stage::Settled { .. } | Stage::Requested | Stage::NotCreated { .. } => Err(Code::UnexpectedEvent),
        }
    }
}

#[cfg(test)]
mod tests;
