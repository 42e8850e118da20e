//! Records at rest: AES-256-GCM under a key of the key store, keys hidden by HMAC.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use ushield_protocol::code::Code;
use ushield_protocol::planted::{self, Bug};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::ports::{Entropy, SealingKey};

/// Largest record, key included: far above any, far below what hurts.
const MAX_RECORD: usize = 1 << 20;

/// A record's name in the database: says nothing of its key.
pub(super) type Name = [u8; 32];

/// Seals and opens records.
pub(super) struct Sealer {
    seal: LessSafeKey,
    mac: hmac::Key,
    schema: u8,
}

/// A record, opened.
pub(super) struct Record {
    pub(super) key: Vec<u8>,
    pub(super) value: Zeroizing<Vec<u8>>,
}

impl Sealer {
    /// Two keys for two uses from one, for one schema: a record of another does not open.
    pub(super) fn new(key: &SealingKey, schema: u8) -> Result<Self, Error> {
        let unusable = |_| Error::new(Code::StoreFailure);
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"USHIELD-STORE-v1").extract(key.expose());
        let seal = UnboundKey::from(root.expand(&[b"seal"], &AES_256_GCM).map_err(unusable)?);
        let mac = hmac::Key::from(root.expand(&[b"name"], hmac::HMAC_SHA256).map_err(unusable)?);
        Ok(Self { seal: LessSafeKey::new(seal), mac, schema })
    }

    /// The name of a key in a table.
    pub(super) fn name(&self, table: u8, key: &[u8]) -> Name {
        if planted::on(Bug::StoreNamesInClear) {
            return std::array::from_fn(|at| key.get(at).copied().unwrap_or_default());
        }
        self.tag(&[b"name", &[table], key])
    }

    /// A row's share of the sum over all rows.
    pub(super) fn share(&self, table: u8, name: &Name, sealed: &[u8]) -> [u8; 32] {
        self.tag(&[b"row", &[table], name, sealed])
    }

    /// Seals a record for its place. A fresh nonce each time.
    pub(super) fn seal(
        &self,
        table: u8,
        key: &[u8],
        value: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<(Name, Vec<u8>), Error> {
        let too_large = || Error::new(Code::BadInput);
        let key_len = u8::try_from(key.len()).map_err(|_| too_large())?;
        if value.len() > MAX_RECORD {
            return Err(too_large());
        }
        let name = self.name(table, key);
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        let mut body = Zeroizing::new(Vec::with_capacity(1 + key.len() + value.len()));
        body.push(key_len);
        body.extend(key);
        body.extend(value);
        let tag = self
            .seal
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(self.place(table, &name)),
                &mut body,
            )
            .map_err(|_| Error::new(Code::StoreFailure))?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + body.len() + tag.as_ref().len());
        sealed.extend(nonce);
        sealed.extend(body.iter());
        sealed.extend(tag.as_ref());
        Ok((name, sealed))
    }

    /// Opens a record of this place, or says that it is none.
    pub(super) fn open(&self, table: u8, name: &Name, sealed: &[u8]) -> Result<Record, Error> {
        self.try_open(table, name, sealed).ok_or(Error::new(Code::StoreCorrupt))
    }

    fn try_open(&self, table: u8, name: &Name, sealed: &[u8]) -> Option<Record> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = Zeroizing::new(body.to_vec());
        let opened = self
            .seal
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(self.place(table, name)),
                &mut body,
            )
            .ok()?;
        let (key_len, rest) = opened.split_first()?;
        let (key, value) = rest.split_at_checked(usize::from(*key_len))?;
        Some(Record { key: key.to_vec(), value: Zeroizing::new(value.to_vec()) })
    }

    /// Binds a value to schema, table and key, so that rows cannot change places.
    fn place(&self, table: u8, name: &Name) -> Vec<u8> {
        if planted::on(Bug::StorePlaceUnbound) {
            return b"USHIELD-STORE".to_vec();
        }
        [b"USHIELD-STORE", [self.schema, table].as_slice(), name].concat()
    }

    fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.mac);
        for part in parts {
            context.update(part);
        }
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nonces of a test: each its own.
    struct Nonces(std::sync::atomic::AtomicU8);

    impl Entropy for Nonces {
        fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
            out.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            Ok(())
        }
    }

    fn sealer(key: u8, schema: u8) -> Sealer {
        Sealer::new(&SealingKey::new(Zeroizing::new([key; 32])), schema).unwrap()
    }

    #[test]
    fn a_record_opens_in_its_own_place_alone() {
        let (ours, nonces) = (sealer(1, 1), Nonces(0.into()));
        let (name, sealed) = ours.seal(4, b"key", b"value", &nonces).unwrap();
        let record = ours.open(4, &name, &sealed).unwrap();
        assert_eq!(
            (record.key.as_slice(), record.value.as_slice()),
            (b"key".as_slice(), b"value".as_slice())
        );
        let elsewhere = [
            ours.open(5, &name, &sealed),
            ours.open(4, &ours.name(4, b"other"), &sealed),
            sealer(1, 2).open(4, &name, &sealed),
            sealer(2, 1).open(4, &name, &sealed),
        ];
        for result in elsewhere {
            assert_eq!(result.err().unwrap().code(), Code::StoreCorrupt);
        }
    }

    #[test]
    fn every_bit_of_a_sealed_record_counts() {
        let (ours, nonces) = (sealer(1, 1), Nonces(0.into()));
        let (name, sealed) = ours.seal(4, b"key", b"value", &nonces).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(ours.open(4, &name, &flipped).is_err(), "bit {bit}");
        }
        for end in 0..sealed.len() {
            assert!(ours.open(4, &name, &sealed[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn the_same_record_is_never_sealed_to_the_same_bytes() {
        let (ours, nonces) = (sealer(1, 1), Nonces(0.into()));
        let (name, first) = ours.seal(4, b"key", b"value", &nonces).unwrap();
        let (again, second) = ours.seal(4, b"key", b"value", &nonces).unwrap();
        assert_eq!(name, again);
        assert_ne!(first, second);
    }

    #[test]
    fn names_differ_by_table_key_and_sealing_key() {
        let names = [
            sealer(1, 1).name(4, b"key"),
            sealer(1, 1).name(5, b"key"),
            sealer(1, 1).name(4, b"ley"),
            sealer(2, 1).name(4, b"key"),
        ];
        let distinct: std::collections::BTreeSet<_> = names.into_iter().collect();
        assert_eq!(distinct.len(), 4);
    }
}
