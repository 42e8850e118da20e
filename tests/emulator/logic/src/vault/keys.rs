//! Private keys and certificates. A key is read from flash when it is used, and forgotten again.

use alloc::vec::Vec;

use ushield_protocol::code::Code;
use ushield_protocol::device::{certified_key, sign_statement};
use ushield_protocol::key::{KeyId, OrderId, PublicKey, Sign, SigningKey};
use ushield_protocol::message::{Role, decode_certificates};
use ushield_protocol::noise::{DhSecret, StaticKey};
use ushield_protocol::refusal::Refusal;
use zeroize::Zeroizing;

use super::{Kind, Vault, small};
use crate::hal::{Board, EntropyFault};
use crate::store::{Entry, StoreFault};

/// Where the public key stands behind the private one.
const PUBLIC: usize = 32;
const CHAIN: usize = 32 + 33;
/// After so many bad draws the generator is broken.
const KEY_DRAWS: usize = 8;

impl<B: Board> Vault<B> {
    fn secret(&self, kind: Kind, key: &[u8], from: usize) -> Result<Zeroizing<[u8; 32]>, StoreFault> {
        let entry = self.find(kind, key).ok_or(StoreFault::Corrupt)?;
        self.part(&entry, from).map(Zeroizing::new)
    }

    pub(crate) fn device_key(&self) -> Result<SigningKey, StoreFault> {
        SigningKey::from_bytes(&*self.secret(Kind::Secrets, &[], 0)?).ok_or(StoreFault::Corrupt)
    }

    fn dh_secret(&self) -> Result<DhSecret, StoreFault> {
        DhSecret::from_bytes(&*self.secret(Kind::Secrets, &[], 32)?).ok_or(StoreFault::Corrupt)
    }

    pub(crate) fn dh_key(&self) -> Result<StaticKey, StoreFault> {
        self.dh_secret().map(StaticKey::Here)
    }

    /// The static key that the phone will meet.
    pub(crate) fn dh_public(&self) -> Result<PublicKey, StoreFault> {
        Ok(self.dh_secret()?.public_key())
    }

    /// The statement over `dh`, and the maker's chain.
    pub(crate) fn device_statement(&self) -> Result<(Vec<u8>, Vec<Vec<u8>>), StoreFault> {
        let statement = sign_statement(self.me.device, &self.dh_secret()?.public_key(), &self.device_key()?);
        let chain = self.get(Kind::MakerChain, &[]).ok_or(StoreFault::Corrupt)?;
        Ok((statement, decode_certificates(&chain).map_err(|_| StoreFault::Corrupt)?))
    }

    fn certificate(&self, role: Role) -> Option<Entry> {
        self.find(Kind::Certificate, &small(role.number()))
    }

    fn public_at(&self, entry: &Entry, from: usize) -> Result<PublicKey, StoreFault> {
        PublicKey::from_slice(&self.part::<33>(entry, from)?).ok_or(StoreFault::Corrupt)
    }

    /// The certified key of a role.
    pub(crate) fn role_key(&self, role: Role) -> Result<SigningKey, StoreFault> {
        SigningKey::from_bytes(&*self.secret(Kind::Certificate, &small(role.number()), 0)?)
            .ok_or(StoreFault::Corrupt)
    }

    /// Its id; none without a certificate.
    pub(crate) fn role_key_id(&self, role: Role) -> Result<Option<KeyId>, StoreFault> {
        match self.certificate(role) {
            Some(entry) => Ok(Some(self.public_at(&entry, PUBLIC)?.key_id())),
            None => Ok(None),
        }
    }

    /// The stored chain, as `put-certificate` brought it.
    pub(crate) fn certificate_chain(&self, role: Role) -> Option<Vec<u8>> {
        let entry = self.certificate(role)?;
        let mut chain = alloc::vec![0; entry.len().saturating_sub(CHAIN)];
        entry.read(&self.board, CHAIN, &mut chain);
        Some(chain)
    }

    /// A new key. Random bytes that are no key are drawn again; from a generator that works they come once in 2^32 times.
    pub(super) fn make_key(&mut self) -> Result<(Zeroizing<[u8; 32]>, SigningKey), EntropyFault> {
        for _ in 0..KEY_DRAWS {
            let bytes = Zeroizing::new(self.random()?);
            if let Some(key) = SigningKey::from_bytes(&bytes) {
                return Ok((bytes, key));
            }
        }
        Err(EntropyFault)
    }

    /// Keeps a key that was made for an order until its certificate comes.
    pub(super) fn put_pending_key(
        &mut self,
        order: &OrderId,
        role: Role,
        secret: &Zeroizing<[u8; 32]>,
    ) -> Result<(), StoreFault> {
        let public = SigningKey::from_bytes(secret).ok_or(StoreFault::Corrupt)?.public_key();
        self.put(
            Kind::PendingKey,
            order.as_bytes(),
            &[&[role.number()], secret.as_slice(), public.as_bytes()],
        )
    }

    pub(super) fn forget_pending_key(&mut self, order: &[u8; 16]) -> Result<(), StoreFault> {
        self.delete(Kind::PendingKey, order)
    }

    /// Stores a certificate over a key that was made here for this role; from then on the key is the role's, and for good
    /// once it has signed.
    pub(crate) fn put_certificate(
        &mut self,
        role: Role,
        chain: &[u8],
    ) -> Result<Result<(), Refusal>, StoreFault> {
        let certificates = match decode_certificates(chain) {
            Ok(certificates) => certificates,
            Err(error) => return Ok(Err(error.into())),
        };
        let Some(certified) = certificates.first().and_then(|der| certified_key(der)) else {
            return Ok(Err(Code::WrongCertificate.into()));
        };
        let Some(secret) = self.key_made(role, &certified)? else {
            return Ok(Err(Code::WrongCertificate.into()));
        };
        if let Some(stored) = self.certificate_chain(role) {
            let stored = decode_certificates(&stored).map_err(|_| StoreFault::Corrupt)?;
            // The same again after a lost reply: no phone wears the flash out with it.
            if stored.first() == certificates.first() {
                return Ok(Ok(()));
            }
            if self.is_certificate_final(role)? {
                return Ok(Err(Code::CertificateExists.into()));
            }
        }
        let value: [&[u8]; 3] = [secret.as_slice(), certified.as_bytes(), chain];
        self.put(Kind::Certificate, &small(role.number()), &value)?;
        Ok(Ok(()))
    }

    /// Whether the certified key has signed a decision. Before that another certificate may take the place of the one
    /// here: the token cannot judge it, and anyone can make one over a key that he has seen.
    pub(crate) fn is_certificate_final(&self, role: Role) -> Result<bool, StoreFault> {
        match self.role_key_id(role)? {
            Some(key) => self.has_signed(role, &key),
            None => Ok(false),
        }
    }

    /// The private key of a public one that was made here for this role. The keys of other orders stay until the answers
    /// that told of them go.
    fn key_made(&self, role: Role, certified: &PublicKey) -> Result<Option<Zeroizing<[u8; 32]>>, StoreFault> {
        if let Some(entry) = self.certificate(role)
            && self.public_at(&entry, PUBLIC)? == *certified
        {
            return self.part(&entry, 0).map(|bytes| Some(Zeroizing::new(bytes)));
        }
        for entry in self.all(Kind::PendingKey) {
            if self.part(&entry, 0)? == [role.number()] && self.public_at(&entry, 1 + PUBLIC)? == *certified {
                return self.part(&entry, 1).map(|bytes| Some(Zeroizing::new(bytes)));
            }
        }
        Ok(None)
    }
}
