//! The bank's key statements: verified under the root, cached, never going back.

use std::sync::{Mutex, PoisonError};

use ushield_protocol::bank_key::{BankKey, Purpose};
use ushield_protocol::cbor::{DecodeError, Reader, Reason};
use ushield_protocol::code::Code;
use ushield_protocol::cose::Sign1;
use ushield_protocol::key::{BankId, Hash, OrderId, P256Verifier, PublicKey, ShortKeyId};
use ushield_protocol::order::{Order, Received, Verified};
use ushield_protocol::planted::{self, Bug};
use ushield_protocol::receipt::{Outcome, Receipt};
use ushield_protocol::refusal::Refusal;
use zeroize::Zeroizing;

use crate::client::Client;
use crate::error::Error;
use crate::ports::{Change, Records, Table};

/// A statement as the bank's root signed it, and what it says.
type Statement = (Vec<u8>, BankKey);

/// Statements that were verified. They hold as long as the store has the same and the root is the same: a history of many orders
/// verifies them once.
#[derive(Default)]
pub(crate) struct VerifiedKeys(Mutex<Option<Known>>);

struct Known {
    bank: BankId,
    root: PublicKey,
    stored: Records,
    statements: Vec<Statement>,
}

impl Client {
    /// Verifies an order as the bank signed it, fetching statements once where none that is known covers it.
    pub(crate) async fn verified_order(&self, bytes: &[u8]) -> Result<Order<Verified>, Error> {
        let received = Order::receive(bytes).map_err(bank_lied)?;
        match self.order_by_known_keys(&received)? {
            Err(refusal) if is_about_statements(refusal.code) => {}
            judged => return judged.map_err(Error::from),
        }
        self.fetch_keys().await?;
        self.order_by_known_keys(&received)?.map_err(Error::from)
    }

    /// The same for an order that is new to this phone: the key that signed it must not be superseded.
    pub(crate) async fn verified_new_order(&self, bytes: &[u8]) -> Result<Order<Verified>, Error> {
        let order = self.verified_order(bytes).await?;
        let purpose = order.payload().operation.purpose();
        let known = self.known_keys()?;
        let for_purpose = || known.iter().map(|(_, key)| key).filter(|key| key.allows(purpose));
        let of_signer = for_purpose().filter(|key| key.key_id() == order.kid()).map(|key| key.epoch).max();
        let newest = for_purpose().map(|key| key.epoch).max();
        if of_signer == newest { Ok(order) } else { Err(Error::new(Code::EpochFallen)) }
    }

    /// An order out of the store. It was verified when it came: a statement that is not there any more does not make it doubtful.
    pub(crate) fn stored_order(&self, bytes: &[u8]) -> Result<Order<Verified>, Error> {
        let received = Order::receive(bytes).map_err(corrupt)?;
        match self.order_by_known_keys(&received)? {
            Err(refusal) if is_about_statements(refusal.code) => received.trust_own().map_err(corrupt),
            judged => judged.map_err(Error::from),
        }
    }

    fn order_by_known_keys(
        &self,
        order: &Order<Received>,
    ) -> Result<Result<Order<Verified>, Refusal>, Error> {
        self.judge(order.kid(), |key| order.clone().verify(key, &P256Verifier))
    }

    /// Verifies a receipt and that it is for this very order.
    pub(crate) async fn verified_receipt(
        &self,
        bytes: &[u8],
        id: OrderId,
        hash: Hash,
    ) -> Result<Receipt, Error> {
        let kid = Sign1::parse(bytes).ok().and_then(|message| message.kid()).ok_or(Code::BankLied)?;
        let receipt = match self.receipt_by_known_keys(bytes, kid)? {
            Err(refusal) if is_about_statements(refusal.code) => {
                self.fetch_keys().await?;
                self.receipt_by_known_keys(bytes, kid)?
            }
            judged => judged,
        };
        is_for(receipt.map_err(bank_lied)?, id, hash).ok_or(Error::new(Code::BankLied))
    }

    /// A receipt out of the store. It was verified when it came, as [`Client::stored_order`] says of orders.
    pub(crate) fn stored_receipt(&self, bytes: &[u8], id: OrderId, hash: Hash) -> Result<Receipt, Error> {
        let kid = Sign1::parse(bytes).ok().and_then(|message| message.kid());
        let kid = kid.ok_or(Error::new(Code::StoreCorrupt))?;
        let receipt = match self.receipt_by_known_keys(bytes, kid)? {
            Err(refusal) if is_about_statements(refusal.code) => as_stored(bytes).map_err(Refusal::from),
            judged => judged,
        };
        is_for(receipt.map_err(corrupt)?, id, hash).ok_or(Error::new(Code::StoreCorrupt))
    }

    fn receipt_by_known_keys(
        &self,
        bytes: &[u8],
        kid: ShortKeyId,
    ) -> Result<Result<Receipt, Refusal>, Error> {
        self.judge(kid, |key| {
            if planted::on(Bug::ReceiptUnverified) {
                return as_stored(bytes).map_err(Refusal::from);
            }
            let receipt = Receipt::verify(bytes, key, &P256Verifier)?;
            match key.is_valid_at(receipt.ended) {
                true => Ok(receipt),
                false => Err(Code::IssuedOutsideValidity.into()),
            }
        })
    }

    /// What the known statements of a key say, the newest first: the first that agrees decides, else the newest one's refusal.
    fn judge<T>(
        &self,
        kid: ShortKeyId,
        by: impl Fn(&BankKey) -> Result<T, Refusal>,
    ) -> Result<Result<T, Refusal>, Error> {
        let mut refused = None;
        for (_, key) in self.statements_of(kid)? {
            match by(&key) {
                Ok(agreed) => return Ok(Ok(agreed)),
                Err(refusal) => refused = refused.or(Some(refusal)),
            }
        }
        Ok(Err(refused.unwrap_or(Code::UnknownOrderKey.into())))
    }

    /// The statement of a key to give to a token: the newest, or the newest that covers a time.
    pub(crate) async fn statement_for(&self, kid: ShortKeyId, at: Option<u64>) -> Result<Vec<u8>, Error> {
        let find = || -> Result<Option<Vec<u8>>, Error> {
            let covers = |key: &BankKey| at.is_none_or(|at| key.is_valid_at(at));
            Ok(self.statements_of(kid)?.into_iter().find(|(_, key)| covers(key)).map(|(bytes, _)| bytes))
        };
        if let Some(found) = find()? {
            return Ok(found);
        }
        self.fetch_keys().await?;
        let unknown = self.statements_of(kid)?.is_empty();
        let missing = if unknown { Code::UnknownOrderKey } else { Code::IssuedOutsideValidity };
        find()?.ok_or(Error::new(missing))
    }

    /// Asks the bank for its statements and keeps those that verify and do not go back in epoch. None that is known is ever
    /// removed: receipts and open orders of its time go by it.
    pub(crate) async fn fetch_keys(&self) -> Result<(), Error> {
        let setup = self.setup()?;
        let mut said = Vec::new();
        for statement in self.bank().bank().await?.statements {
            let statement = statement.into_bytes();
            let key =
                BankKey::verify(&statement, &setup.bank, &setup.root, &P256Verifier).map_err(bank_lied)?;
            said.push((statement, key));
        }
        // Those of one reply do not supersede each other before they are known.
        said.sort_by_key(|(_, key)| key.epoch);
        let mut known: Vec<BankKey> = self.known_keys()?.into_iter().map(|(_, key)| key).collect();
        let mut changes = Vec::new();
        for (statement, key) in said {
            // An epoch never falls, and says one thing only.
            let falls = |purpose: &Purpose| {
                known
                    .iter()
                    .filter(|known| known.allows(*purpose))
                    .any(|known| known.epoch > key.epoch || (known.epoch == key.epoch && *known != key))
            };
            if !known.contains(&key) && !key.purposes.iter().any(falls) {
                changes.push(Change::put(Table::BankKey, &name(&key), &statement));
                known.push(key);
            }
        }
        self.store().commit(&changes)
    }

    /// Statements of keys that sign orders, as a token takes them: older ones first.
    pub(crate) fn order_key_statements(&self) -> Result<Vec<Vec<u8>>, Error> {
        let mut keys = self.known_keys()?;
        keys.retain(|(_, key)| !key.allows(Purpose::RECEIPT));
        keys.sort_by_key(|(_, key)| key.epoch);
        Ok(keys.into_iter().map(|(statement, _)| statement).collect())
    }

    /// The statements of one key, the newest first.
    fn statements_of(&self, kid: ShortKeyId) -> Result<Vec<Statement>, Error> {
        let mut keys = self.known_keys()?;
        keys.retain(|(_, key)| key.key_id() == kid);
        keys.sort_by_key(|(_, key)| std::cmp::Reverse(key.epoch));
        Ok(keys)
    }

    fn known_keys(&self) -> Result<Vec<Statement>, Error> {
        let stored = self.store().list(Table::BankKey)?;
        if stored.is_empty() {
            return Ok(Vec::new());
        }
        let setup = self.setup()?;
        // It is replaced as a whole, and holds by itself.
        let mut verified = self.verified_keys().0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = verified
            .as_ref()
            .filter(|known| known.stored == stored && known.bank == setup.bank && known.root == setup.root)
        {
            return Ok(known.statements.clone());
        }
        let verify = |(_, statement): &(_, Zeroizing<Vec<u8>>)| -> Result<Statement, Error> {
            let key = BankKey::verify(statement, &setup.bank, &setup.root, &P256Verifier)
                .map_err(|refusal| Error::new(Code::StoreCorrupt).caused_by(refusal))?;
            Ok((statement.to_vec(), key))
        };
        let statements: Vec<Statement> = stored.iter().map(verify).collect::<Result<_, _>>()?;
        let (bank, root) = (setup.bank, setup.root);
        *verified = Some(Known { bank, root, stored, statements: statements.clone() });
        Ok(statements)
    }
}

/// One record for each epoch of a key: a renewal is not written over the statement that covers the time before it.
fn name(key: &BankKey) -> Vec<u8> {
    [key.key_id().as_bytes().as_slice(), &key.epoch.to_be_bytes()].concat()
}

/// Whether another statement over the same key could say otherwise.
fn is_about_statements(code: Code) -> bool {
    matches!(code, Code::UnknownOrderKey | Code::IssuedOutsideValidity | Code::OperationNotAllowed)
}

fn is_for(receipt: Receipt, id: OrderId, hash: Hash) -> Option<Receipt> {
    (receipt.order == id && receipt.order_hash == hash).then_some(receipt)
}

/// The content of a receipt whose statement is gone. Only for what comes out of the sealed store.
fn as_stored(bytes: &[u8]) -> Result<Receipt, DecodeError> {
    let message = Sign1::parse(bytes)?;
    let mut reader = Reader::new(message.payload());
    let mut map = reader.map(8)?;
    for version in 1..=2 {
        map.required(&mut reader, version)?;
        reader.uint()?;
    }
    map.required(&mut reader, 3)?;
    let bank = BankId::new(reader.text(8, 11)?).ok_or(reader.error(Reason::BadValue))?;
    map.required(&mut reader, 4)?;
    let order = OrderId::from_slice(reader.bytes(16, 16)?).ok_or(reader.error(Reason::BadValue))?;
    map.required(&mut reader, 5)?;
    let order_hash = Hash::from(reader.array_of()?);
    map.required(&mut reader, 6)?;
    let number = reader.uint()?;
    let outcome = Outcome::ALL.into_iter().find(|outcome| u64::from(outcome.number()) == number);
    let outcome = outcome.ok_or(reader.error(Reason::BadValue))?;
    map.required(&mut reader, 7)?;
    let ended = reader.uint()?;
    map.required(&mut reader, 8)?;
    let reason = u16::try_from(reader.uint()?).ok().filter(|number| *number != 0);
    map.finish(&mut reader)?;
    reader.end()?;
    Ok(Receipt { bank, order, order_hash, outcome, ended, reason: reason.and_then(Code::from_number) })
}

/// A statement of the bank that does not hold: the cause keeps what exactly.
fn bank_lied(refusal: Refusal) -> Error {
    match refusal.code {
        Code::Malformed | Code::TooLarge => Error::new(Code::BankLied).caused_by(refusal),
        _ => Error::from(refusal),
    }
}

/// What was verified before and does not hold any more was changed in the store.
fn corrupt(refusal: Refusal) -> Error {
    Error::new(Code::StoreCorrupt).caused_by(refusal)
}
