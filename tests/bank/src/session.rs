//! Customers, passwords and sessions.

#[cfg(feature = "server")]
mod gate;
#[cfg(feature = "server")]
mod sign_in;

use std::fmt;

use ushield_bank_api::bytes::encode;
use ushield_bank_api::{Problem, Session, SessionToken};
use ushield_protocol::code::Code;
use ushield_protocol::key::{Hash, sha256};
use zeroize::Zeroizing;

use crate::error::BankError;

#[cfg(feature = "server")]
pub(crate) use self::gate::Gate;
#[cfg(feature = "server")]
pub(crate) use self::sign_in::{customer, hash_password, sign_in};

/// A session lives fifteen minutes.
pub(crate) const LIFE: u64 = 15 * 60;
/// Wrong passwords before the first wait.
const TRIES: u64 = 5;
/// The first wait; every further one is twice as long, up to `LONGEST_WAIT`.
const FIRST_WAIT: u64 = 30;
/// Short enough that nobody can lock a customer out for good by guessing.
const LONGEST_WAIT: u64 = 15 * 60;
/// After this time without a wrong password all is forgotten.
pub(crate) const FORGET: u64 = 24 * 3600;

/// A customer, signed in.
#[derive(Clone)]
pub struct Customer {
    /// Row.
    pub id: i64,
    /// Signs in with it; also shown on the token.
    pub name: String,
}

/// Not even whose it is.
impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Customer({})", self.id)
    }
}

/// Wrong passwords under a name.
#[derive(Clone, Copy, Default)]
pub(crate) struct Attempts {
    pub(crate) failed: u64,
    pub(crate) wait_till: u64,
    /// When the last one was.
    pub(crate) last: u64,
}

impl Attempts {
    /// Counts a try as wrong before it is compared; with it, the tries left if it fails, or how long to wait.
    pub(crate) fn one_more(self, now: u64) -> Result<(Self, u8), BankError> {
        // A try in the waiting time is not compared and does not make it longer.
        if now < self.wait_till {
            let wait = self.wait_till - now;
            let text = format!("Too many wrong passwords. Try again in {wait} s.");
            return Err(BankError::problem(Code::TooManyAttempts, text));
        }
        let failed = self.failed.saturating_add(1);
        let wait = match failed.checked_sub(TRIES) {
            None => 0,
            Some(over) => (FIRST_WAIT << over.min(5)).min(LONGEST_WAIT),
        };
        let wait_till = if wait == 0 { 0 } else { now.saturating_add(wait) };
        let left = u8::try_from(TRIES.saturating_sub(failed)).unwrap_or(0);
        Ok((Self { failed, wait_till, last: now }, left))
    }
}

/// A new session of 32 random bytes, and what is kept of it.
pub(crate) fn open(random: &[u8; 32]) -> Result<(Session, Hash), BankError> {
    let text = Zeroizing::new(encode(random).into_bytes());
    let kept = sha256(&[&text]);
    let token = SessionToken::new(text).ok_or(BankError::Damaged("session token"))?;
    Ok((Session { token, expires_in: LIFE }, kept))
}

/// The password is not the customer's, or there is no such customer.
pub(crate) fn wrong_password(tries_left: u8) -> BankError {
    let text = "Customer and password do not belong together.";
    Problem::new(Code::WrongPassword, text).with_tries_left(tries_left).into()
}

/// There is no session, or it has ended.
pub(crate) fn not_signed_in() -> BankError {
    BankError::problem(Code::NotSignedIn, "Sign in first: there is no session, or it has ended.")
}
