//! The bank's key statements: verified under the root, cached, never going back.

use ushield_protocol::bank_key::{BankKey, Purpose};
use ushield_protocol::code::Code;
use ushield_protocol::cose::Sign1;
use ushield_protocol::key::{Hash, OrderId, RingVerifier, ShortKeyId};
use ushield_protocol::order::{Order, Verified};
use ushield_protocol::receipt::Receipt;

use crate::client::Client;
use crate::error::Error;
use crate::ports::{Change, Table};

impl Client {
    /// Verifies an order as the bank signed it, fetching the key's statement where it is not known yet.
    pub(crate) async fn verified_order(&self, bytes: &[u8]) -> Result<Order<Verified>, Error> {
        let received = Order::receive(bytes).map_err(bank_lied)?;
        let (_, key) = self.bank_key(received.kid()).await?;
        received.verify(&key, &RingVerifier).map_err(Error::from)
    }

    /// Verifies a receipt and that it is for this very order.
    pub(crate) async fn verified_receipt(
        &self,
        bytes: &[u8],
        id: OrderId,
        hash: Hash,
    ) -> Result<Receipt, Error> {
        let kid = Sign1::parse(bytes).ok().and_then(|message| message.kid());
        let (_, key) = self.bank_key(kid.ok_or(Code::BankLied)?).await?;
        let receipt = Receipt::verify(bytes, &key, &RingVerifier).map_err(bank_lied)?;
        if receipt.order == id && receipt.order_hash == hash && key.is_valid_at(receipt.ended) {
            Ok(receipt)
        } else {
            Err(Error::new(Code::BankLied))
        }
    }

    /// The statement that names a key, and what it says.
    pub(crate) async fn bank_key(&self, kid: ShortKeyId) -> Result<(Vec<u8>, BankKey), Error> {
        if let Some(found) = self.cached_key(kid)? {
            return Ok(found);
        }
        self.fetch_keys().await?;
        self.cached_key(kid)?.ok_or(Error::new(Code::UnknownOrderKey))
    }

    fn cached_key(&self, kid: ShortKeyId) -> Result<Option<(Vec<u8>, BankKey)>, Error> {
        let Some(statement) = self.store().get(Table::BankKey, kid.as_bytes())? else { return Ok(None) };
        let setup = self.setup()?;
        let key = BankKey::verify(&statement, &setup.bank, &setup.root, &RingVerifier)
            .map_err(|refusal| Error::new(Code::StoreCorrupt).caused_by(refusal))?;
        Ok(Some((statement.to_vec(), key)))
    }

    /// Asks the bank for its statements and keeps those that verify and do not go back in epoch.
    async fn fetch_keys(&self) -> Result<(), Error> {
        let setup = self.setup()?;
        let mut known = self.known_keys()?;
        let mut changes = Vec::new();
        for statement in self.bank().bank().await?.statements {
            let statement = statement.into_bytes();
            let key =
                BankKey::verify(&statement, &setup.bank, &setup.root, &RingVerifier).map_err(bank_lied)?;
            // An epoch never falls, and says one thing only.
            let falls = |purpose: &Purpose| {
                known
                    .iter()
                    .filter(|known| known.allows(*purpose))
                    .any(|known| known.epoch > key.epoch || (known.epoch == key.epoch && *known != key))
            };
            if !key.purposes.iter().all(falls) {
                changes.push(Change::put(Table::BankKey, key.key_id().as_bytes(), &statement));
                known.push(key);
            }
        }
        self.store().commit(&changes)
    }

    /// Statements of keys that sign orders, as a token takes them.
    pub(crate) fn order_key_statements(&self) -> Result<Vec<Vec<u8>>, Error> {
        let statements = self.store().list(Table::BankKey)?;
        let keys = self.known_keys()?;
        let for_orders = statements.iter().zip(keys).filter(|(_, key)| !key.allows(Purpose::RECEIPT));
        Ok(for_orders.map(|((_, statement), _)| statement.to_vec()).collect())
    }

    fn known_keys(&self) -> Result<Vec<BankKey>, Error> {
        let setup = self.setup()?;
        let statements = self.store().list(Table::BankKey)?;
        statements
            .iter()
            .map(|(_, statement)| {
                BankKey::verify(statement, &setup.bank, &setup.root, &RingVerifier)
                    .map_err(|refusal| Error::new(Code::StoreCorrupt).caused_by(refusal))
            })
            .collect()
    }
}

/// A statement of the bank that does not hold: the cause keeps what exactly.
fn bank_lied(refusal: ushield_protocol::refusal::Refusal) -> Error {
    match refusal.code {
        Code::Malformed | Code::TooLarge => Error::new(Code::BankLied).caused_by(refusal),
        _ => Error::from(refusal),
    }
}
