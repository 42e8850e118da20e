//! Records at rest: AES-256-GCM under a key of the key store, keys hidden by HMAC.

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use ushield_protocol::code::Code;
use ushield_protocol::mac::hmac_sha256;
use ushield_protocol::planted::{self, Bug};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::ports::{Entropy, SealingKey};

/// Largest record, key included: far above any, far below what hurts.
const MAX_RECORD: usize = 1 << 20;
/// Salt of the derivation, padded to the length of a key as HMAC pads it.
const SALT: [u8; 32] = *b"USHIELD-STORE-v1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// AES-GCM as NIST SP 800-38D recommends it.
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

/// A record's name in the database: says nothing of its key.
pub(super) type Name = [u8; 32];

/// Seals and opens records.
pub(super) struct Sealer {
    seal: Aes256Gcm,
    mac: Zeroizing<[u8; 32]>,
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
        let failed = |_| Error::new(Code::StoreFailure);
        // HKDF-SHA256 (RFC 5869): extract, and one block of expand for each use.
        let root = Zeroizing::new(hmac_sha256(&SALT, &[key.expose()]));
        let expand = |info: &[u8]| Zeroizing::new(hmac_sha256(&root, &[info, &[1]]));
        let seal = Aes256Gcm::new_from_slice(&*expand(b"seal")).map_err(failed)?;
        Ok(Self { seal, mac: expand(b"name"), schema })
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
        let place = self.place(table, &name);
        let tag = self
            .seal
            .encrypt_inout_detached(&nonce.into(), &place, body.as_mut_slice().into())
            .map_err(|_| Error::new(Code::StoreFailure))?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + body.len() + TAG_LEN);
        sealed.extend(nonce);
        sealed.extend(body.iter());
        sealed.extend(tag);
        Ok((name, sealed))
    }

    /// Opens a record of this place, or says that it is none.
    pub(super) fn open(&self, table: u8, name: &Name, sealed: &[u8]) -> Result<Record, Error> {
        self.try_open(table, name, sealed).ok_or(Error::new(Code::StoreCorrupt))
    }

    fn try_open(&self, table: u8, name: &Name, sealed: &[u8]) -> Option<Record> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let (body, tag) = body.split_last_chunk::<TAG_LEN>()?;
        let mut opened = Zeroizing::new(body.to_vec());
        let place = self.place(table, name);
        let buffer = opened.as_mut_slice().into();
        self.seal.decrypt_inout_detached(&(*nonce).into(), &place, buffer, &(*tag).into()).ok()?;
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
        hmac_sha256(&self.mac, parts)
    }
}

#[cfg(test)]
mod tests {
    use ushield_protocol::key::hex;

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

    /// By ring's HKDF, AES-256-GCM and HMAC, under key 07..07, nonce 09..09: what stores of earlier versions hold.
    #[test]
    fn records_are_sealed_as_ever() {
        struct Nine;
        impl Entropy for Nine {
            fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
                out.fill(9);
                Ok(())
            }
        }
        let ours = sealer(7, 1);
        let (name, sealed) = ours.seal(4, b"key", b"value", &Nine).unwrap();
        assert_eq!(hex(&name), "17dd57f78ead0cb3e90761e29e27436c647572d2ea5640157f207fbb4f5e9fa2");
        assert_eq!(
            hex(&sealed),
            "090909090909090909090909f0c16c01ba61112765e82baa352ed160b8c0147a4ddfb914c1"
        );
        let share = ours.share(4, &name, &sealed);
        assert_eq!(hex(&share), "f0d5e404bb9eee85740a3d00f12113f3682c9a2e90106798d37b50f58b22b749");
    }
}
