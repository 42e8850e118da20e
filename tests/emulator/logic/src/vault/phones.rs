//! Pairing records and pairing tries (section 4).

use alloc::string::String;
use alloc::vec::Vec;

use ushield_protocol::key::{PhoneId, PublicKey};
use ushield_protocol::secret::Secret;

use super::record::Fields;
use super::{Kind, Vault};
use crate::compare;
use crate::hal::Board;
use crate::store::{Entry, StoreFault};

/// Most pairing records.
pub(crate) const MAX_PHONES: usize = 8;
/// Tries before pairing mode closes.
pub(crate) const PAIRING_TRIES: u8 = 3;

/// A pairing record.
pub(crate) struct Phone {
    pub(crate) key: PublicKey,
    pub(crate) name: String,
    pub(crate) k_hint: Secret<32>,
    pub(crate) k_adv: Secret<32>,
    /// Nothing of its first KK has been opened yet.
    pub(crate) provisional: bool,
}

impl Phone {
    pub(crate) fn id(&self) -> PhoneId {
        self.key.phone_id()
    }
}

impl<B: Board> Vault<B> {
    fn read_phone(&self, entry: &Entry) -> Result<Phone, StoreFault> {
        let value = crate::store::value(&self.board, entry);
        let mut fields = Fields(&value);
        Ok(Phone {
            provisional: fields.byte()? != 0,
            key: PublicKey::from_slice(&fields.take::<33>()?).ok_or(StoreFault::Corrupt)?,
            k_hint: Secret::new(fields.take()?),
            k_adv: Secret::new(fields.take()?),
            name: core::str::from_utf8(fields.rest()).map(String::from).map_err(|_| StoreFault::Corrupt)?,
        })
    }

    /// Every record: id and name.
    pub(crate) fn phones(&self) -> Result<Vec<(PhoneId, String)>, StoreFault> {
        self.all(Kind::Phone)
            .map(|entry| self.read_phone(&entry).map(|phone| (phone.id(), phone.name)))
            .collect()
    }

    pub(crate) fn phone_count(&self) -> usize {
        self.count(Kind::Phone)
    }

    pub(crate) fn phone(&self, id: &PhoneId) -> Result<Option<Phone>, StoreFault> {
        self.find(Kind::Phone, id.as_bytes()).map(|entry| self.read_phone(&entry)).transpose()
    }

    /// The records that a hint selects; before any key agreement.
    pub(crate) fn phones_of_hint(
        &self,
        hint: [u8; 4],
        nonce: &[u8; 8],
        ephemeral: &[u8],
    ) -> Result<Vec<Phone>, StoreFault> {
        let mut phones = Vec::new();
        for entry in self.all(Kind::Phone) {
            let k_hint = Secret::new(self.part(&entry, 1 + 33)?);
            if compare::hint(&k_hint, nonce, ephemeral, hint) {
                phones.push(self.read_phone(&entry)?);
            }
        }
        Ok(phones)
    }

    /// Confirmed records, but for that of this key. Provisional ones are nobody's yet, and go when another phone pairs.
    pub(crate) fn others_than(&self, key: Option<&PublicKey>) -> Result<usize, StoreFault> {
        let mut count = 0;
        for entry in self.all(Kind::Phone) {
            let phone = self.read_phone(&entry)?;
            count += usize::from(!phone.provisional && Some(&phone.key) != key);
        }
        Ok(count)
    }

    /// Stores the record of a phone that has just paired. Every other provisional one goes first, so that nobody who paired
    /// before comes in beside it; a phone that pairs again stays what it was.
    pub(crate) fn pair_phone(&mut self, phone: Phone) -> Result<Phone, StoreFault> {
        let mut stale = Vec::new();
        let mut provisional = true;
        for entry in self.all(Kind::Phone) {
            let known = self.read_phone(&entry)?;
            match known.key == phone.key {
                true => provisional = known.provisional,
                false if known.provisional => stale.push(known.id()),
                false => {}
            }
        }
        for id in stale {
            self.forget_phone(&id)?;
        }
        let phone = Phone { provisional, ..phone };
        self.put_phone(&phone)?;
        Ok(phone)
    }

    fn put_phone(&mut self, phone: &Phone) -> Result<(), StoreFault> {
        let parts: [&[u8]; 5] = [
            &[u8::from(phone.provisional)],
            phone.key.as_bytes(),
            phone.k_hint.expose(),
            phone.k_adv.expose(),
            phone.name.as_bytes(),
        ];
        self.put(Kind::Phone, phone.id().as_bytes(), &parts)
    }

    /// A sealed message of its KK was opened.
    pub(crate) fn confirm_phone(&mut self, id: &PhoneId) -> Result<(), StoreFault> {
        match self.phone(id)? {
            Some(phone) if phone.provisional => self.put_phone(&Phone { provisional: false, ..phone }),
            _ => Ok(()),
        }
    }

    pub(crate) fn forget_phone(&mut self, id: &PhoneId) -> Result<(), StoreFault> {
        self.delete(Kind::Phone, id.as_bytes())
    }

    /// Pairing tries since the mode was opened or a pairing succeeded.
    pub(crate) fn pairing_tries(&self) -> Result<u8, StoreFault> {
        match self.find(Kind::PairingTries, &[]) {
            Some(entry) => self.part(&entry, 0).map(|[tries]| tries),
            None => Ok(0),
        }
    }

    pub(crate) fn count_pairing_try(&mut self) -> Result<u8, StoreFault> {
        let tries = self.pairing_tries()?.saturating_add(1);
        self.put(Kind::PairingTries, &[], &[&[tries]])?;
        Ok(tries)
    }

    pub(crate) fn clear_pairing_tries(&mut self) -> Result<(), StoreFault> {
        self.delete(Kind::PairingTries, &[])
    }
}
