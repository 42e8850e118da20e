//! The bank in memory, for simulation: the same decisions over rows that a clone snapshots. Must not have a clock, randomness or I/O of its
//! own, and decides nothing itself: it reads rows, calls [`creation`](crate::creation) and [`decision`](crate::decision), and writes.
//!
//! A power cut before the commit is the clone from before the request; one after it is the model as it is, with the reply thrown away.
//! The database's constraints and triggers have no counterpart here: what they would stop, this bank does.
//! Passwords are kept as plain SHA-256, since no model has a customer's password.

mod answers;
mod orders;
mod reading;
mod sessions;
mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;

use ushield_bank_api::{Accounts, Bank, Base64Url, Certificate, Certificates, KeyStatus, Trust};
use ushield_protocol::key::{BankId, DeviceId, Hash, PublicKey, RingVerifier, Sign as _, sha256};
use ushield_protocol::render::Profile;

pub use self::reading::OrderView;
use self::tables::{
    Account, Attempted, Created, Customer, Device, Entry, IssuedOrder, SessionRow, TokenKeyRow,
};
use crate::admin::{ACCOUNT_TAKEN, Founding, KEY_TAKEN, NAME_TAKEN, NO_CUSTOMER, NewCustomer, TOKEN_TAKEN};
use crate::bank_keys::{self, Statement};
use crate::certificate::Ca;
use crate::creation::Issuer;
use crate::decision::{Authority, Reply};
use crate::error::BankError;
use crate::keys::Keys;
use crate::ledger::{self, Posting, clearing, income, opening};
use crate::replies::{document, healthy, ok};
use crate::request::{Call, Request};
use crate::session::Attempts;

/// A bank in memory.
#[derive(Clone)]
pub struct Model {
    fixed: Arc<Fixed>,
    statements: Vec<Statement>,
    customers: Vec<Customer>,
    attempts: BTreeMap<Hash, Attempts>,
    sessions: BTreeMap<Hash, SessionRow>,
    accounts: BTreeMap<String, Account>,
    entries: Vec<Entry>,
    devices: Vec<Device>,
    keys: Vec<TokenKeyRow>,
    orders: Vec<IssuedOrder>,
    creations: BTreeMap<(i64, String), Created>,
    answers: Vec<Attempted>,
    replies: BTreeMap<Hash, Reply>,
}

/// What never changes.
struct Fixed {
    bank: BankId,
    name: String,
    iban_charge: Option<u64>,
    keys: Keys,
    ca: Ca,
}

impl Fixed {
    fn authority(&self) -> Authority<'_, RingVerifier> {
        Authority { bank: &self.bank, receipt_key: &self.keys.receipt, ca: &self.ca, verifier: &RingVerifier }
    }

    fn issuer(&self) -> Issuer<'_> {
        Issuer {
            bank: &self.bank,
            iban_charge: self.iban_charge,
            transfer: &self.keys.transfer,
            certificate: &self.keys.certificate,
        }
    }
}

impl Model {
    /// Founds a bank with these keys.
    pub fn new(founding: &Founding, keys: Keys, now: u64) -> Result<Self, BankError> {
        founding.check()?;
        let ca = Ca::new(keys.ca.clone(), founding.bank_id.as_str(), now)?;
        let (bank, name) = (founding.bank_id.clone(), founding.name.clone());
        let fixed = Fixed { bank, name, iban_charge: Founding::charge(founding.iban_charge), keys, ca };
        let statements = bank_keys::due(&fixed.bank, &fixed.keys, &[], now)?;
        Ok(Self {
            fixed: Arc::new(fixed),
            statements,
            customers: Vec::new(),
            attempts: BTreeMap::new(),
            sessions: BTreeMap::new(),
            accounts: BTreeMap::new(),
            entries: Vec::new(),
            devices: Vec::new(),
            keys: Vec::new(),
            orders: Vec::new(),
            creations: BTreeMap::new(),
            answers: Vec::new(),
            replies: BTreeMap::new(),
        })
    }

    /// Takes a customer.
    pub fn add_customer(&mut self, new: &NewCustomer) -> Result<(), BankError> {
        let currency = new.check()?;
        let currency = currency.code();
        if self.customers.iter().any(|customer| customer.name == new.name) {
            return Err(BankError::Argument(NAME_TAKEN.to_owned()));
        }
        if self.accounts.contains_key(&new.account) {
            return Err(BankError::Argument(ACCOUNT_TAKEN.to_owned()));
        }
        let id = i64::try_from(self.customers.len()).map_err(|_| BankError::Damaged("number"))?;
        let password = sha256(&[new.password.expose().as_bytes()]);
        self.customers.push(Customer { id, name: new.name.clone(), password });
        let account = |customer| Account { customer, currency: currency.to_owned(), balance: 0 };
        self.accounts.insert(new.account.clone(), account(Some(id)));
        for own in [opening(currency), clearing(currency), income(currency)] {
            self.accounts.entry(own).or_insert_with(|| account(None));
        }
        if let Some(postings) = ledger::first_balance(&new.account, currency, new.balance)? {
            self.post(None, postings.to_vec());
        }
        Ok(())
    }

    /// Hands a token to a customer: from now on the bank issues certificates to this device id.
    pub fn hand_out(
        &mut self,
        customer: &str,
        device: DeviceId,
        device_key: PublicKey,
        profile: Profile,
        now: u64,
    ) -> Result<(), BankError> {
        let taken = |text: &str| Err(BankError::Argument(text.to_owned()));
        let Some(customer) = self.customers.iter().find(|known| known.name == customer) else {
            return taken(NO_CUSTOMER);
        };
        if self.devices.iter().any(|known| known.device == device) {
            return taken(TOKEN_TAKEN);
        }
        if self.keys.iter().any(|known| known.key == device_key) {
            return taken(KEY_TAKEN);
        }
        self.devices.push(Device { device, customer: customer.id, profile, handed_out: now });
        self.keys.push(TokenKeyRow {
            key: device_key,
            device,
            role: None,
            active: true,
            since: now,
            certified: None,
        });
        Ok(())
    }

    /// What phones and tokens are given.
    #[must_use]
    pub fn trust(&self) -> Trust {
        Trust::new(&self.fixed.bank, &self.fixed.name, &self.fixed.keys.root.public_key())
    }

    /// Answers a request. `random` is drawn from for sessions and orders alone.
    pub fn serve(&mut self, request: &Request<'_>, now: u64, random: &mut dyn FnMut(&mut [u8])) -> Reply {
        let reply = Call::of(request).and_then(|call| self.call(call, now, random));
        reply.unwrap_or_else(BankError::into_reply)
    }

    fn call(
        &mut self,
        call: Call<'_>,
        now: u64,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Reply, BankError> {
        match call {
            Call::SignIn(request) => ok(201, &self.sign_in(&request, now, random)?),
            Call::Bank => ok(200, &self.bank(now)),
            Call::Accounts { session } => ok(200, &self.accounts_of(session, now)?),
            Call::Create { session, key, request } => self.create(session, key, &request, now, random),
            Call::Orders { session, state } => ok(200, &self.list_orders(session, state, now)?),
            Call::Order { session, order } => ok(200, &self.show_order(session, &order, now)?),
            Call::Authorize { order, answer } => self.authorize(&order, answer, now),
            Call::Cancel { session, order } => self.cancel(session, &order, now),
            Call::Certificates { session } => ok(200, &self.certificates(session, now)?),
            Call::Document => Ok(document()),
            Call::Health => Ok(healthy()),
        }
    }

    fn bank(&self, now: u64) -> Bank {
        let statements = bank_keys::served(self.statements.clone(), now);
        let statements = statements.into_iter().map(Base64Url).collect();
        Bank { bank_id: self.fixed.bank.to_string(), name: self.fixed.name.clone(), statements }
    }

    fn accounts_of(&self, session: &str, now: u64) -> Result<Accounts, BankError> {
        let customer = self.customer(session, now)?;
        let own = self.accounts.iter().filter(|(_, account)| account.customer == Some(customer.id));
        let shown = |(number, account): (&String, &Account)| {
            ledger::shown(number.clone(), account.currency.clone(), account.balance)
        };
        Ok(Accounts { accounts: own.map(shown).collect::<Result<_, _>>()? })
    }

    fn certificates(&self, session: &str, now: u64) -> Result<Certificates, BankError> {
        let customer = self.customer(session, now)?;
        let own = |device: DeviceId| {
            self.devices.iter().any(|row| row.device == device && row.customer == customer.id)
        };
        let shown = |row: &TokenKeyRow| -> Option<(u64, Certificate)> {
            let (role, (order, chain)) = (row.role?, row.certified.as_ref()?);
            let certificate = Certificate {
                role,
                key_id: row.key.key_id().to_string(),
                device_id: row.device.to_string(),
                status: if row.active { KeyStatus::Active } else { KeyStatus::Frozen },
                order_id: *order,
                chain: chain.iter().cloned().map(Base64Url).collect(),
            };
            own(row.device).then_some((row.since, certificate))
        };
        let mut found: Vec<(u64, Certificate)> = self.keys.iter().filter_map(shown).collect();
        found.sort_by_key(|(since, _)| *since);
        Ok(Certificates { certificates: found.into_iter().map(|(_, certificate)| certificate).collect() })
    }

    fn post(&mut self, order: Option<ushield_protocol::key::OrderId>, postings: Vec<Posting>) {
        for posting in &postings {
            if let Some(account) = self.accounts.get_mut(&posting.account) {
                account.balance = account.balance.saturating_add(posting.amount);
            }
        }
        self.entries.push(Entry { order, postings });
    }
}
