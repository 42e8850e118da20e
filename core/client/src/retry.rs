//! Another attempt, where a moment later the same may work. Must not repeat what a person would have to do again.

use ushield_protocol::code::Code;

use crate::client::Client;
use crate::customer::{Customer, LinkEvent, Moment};
use crate::error::Error;
use crate::ports::Millis;

/// How often a broken link or an unreachable bank is tried again before the caller is told.
const ATTEMPTS: u32 = 4;
/// The first wait between attempts; each further one is twice as long.
const BACK_OFF: Millis = Millis(500);

/// Attempts at one step.
#[derive(Debug, Default)]
pub(crate) struct Attempts(u32);

impl Attempts {
    /// Whether there is another one after this error. Waits for its time.
    pub(crate) async fn another(&mut self, client: &Client, customer: &dyn Customer, error: &Error) -> bool {
        if !is_passing(error) || self.0 + 1 >= ATTEMPTS {
            return false;
        }
        self.0 += 1;
        customer.tell(&match error.code() {
            Code::TagLost => Moment::Link(LinkEvent::TagLost),
            _ => Moment::Reconnecting { attempt: self.0 },
        });
        client.clock().sleep(Millis(BACK_OFF.0 << self.0)).await;
        true
    }
}

/// Whether the same step may work in a moment, without anyone doing anything.
fn is_passing(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::LinkLost
            | Code::TagLost
            | Code::TokenTimeout
            | Code::ChannelBroken
            | Code::BankUnreachable
            | Code::BankFailure
            | Code::InProgress
    )
}
