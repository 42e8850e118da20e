//! Customers sign in.

use ushield_bank_api::{Session, SessionRequest};
use ushield_protocol::key::sha256;
use zeroize::Zeroizing;

use super::Model;
use super::tables::SessionRow;
use crate::error::BankError;
use crate::session::{self, Customer, FORGET, LIFE, not_signed_in, wrong_password};

impl Model {
    pub(super) fn sign_in(
        &mut self,
        request: &SessionRequest,
        now: u64,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Session, BankError> {
        let mut bytes = Zeroizing::new([0; 32]);
        random(bytes.as_mut_slice());
        self.attempts.retain(|_, attempts| attempts.last >= now.saturating_sub(FORGET));
        let name = sha256(&[request.customer.as_bytes()]);
        let before = self.attempts.get(&name).copied().unwrap_or_default();
        let (after, left) = before.one_more(now)?;
        self.attempts.insert(name, after);
        let password = sha256(&[request.password.expose().as_bytes()]);
        let known = |customer: &&super::Customer| customer.name == request.customer;
        let customer = self.customers.iter().find(known).filter(|customer| customer.password == password);
        let customer = customer.ok_or_else(|| wrong_password(left))?.id;
        let (session, kept) = session::open(&bytes)?;
        self.attempts.remove(&name);
        self.sessions.retain(|_, session| session.expires > now);
        self.sessions.insert(kept, SessionRow { customer, expires: now.saturating_add(LIFE) });
        Ok(session)
    }

    /// The customer of a session.
    pub(super) fn customer(&self, token: &str, now: u64) -> Result<Customer, BankError> {
        let session = self.sessions.get(&sha256(&[token.as_bytes()]));
        let session = session.filter(|session| session.expires > now).ok_or_else(not_signed_in)?;
        let customer = self.customers.iter().find(|customer| customer.id == session.customer);
        let customer = customer.ok_or(BankError::Damaged("customer"))?;
        Ok(Customer { id: customer.id, name: customer.name.clone() })
    }
}
