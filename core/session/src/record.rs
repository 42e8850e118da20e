//! What a phone keeps of a token.

use alloc::string::String;
use core::fmt;

use ushield_protocol::cbor::{DecodeError, Reader, Reason, Writer};
use ushield_protocol::key::{DeviceId, PublicKey};
use ushield_protocol::secret::Secret;
use zeroize::Zeroizing;

/// A pairing, as the phone keeps it (sealed). The phone's own static key stays in the key store.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingRecord {
    /// The token.
    pub device: DeviceId,
    /// The token's static key.
    pub dh: PublicKey,
    /// Key `device`, from the maker's certificate: verifies rejections and attestations.
    pub device_key: PublicKey,
    /// The token's name.
    pub name: String,
    /// Brand, from the maker's chain.
    pub brand: String,
    /// Model, from the maker's chain.
    pub model: String,
    /// The phone's static key in this pairing.
    pub phone: PublicKey,
    /// Key of hints.
    pub k_hint: Secret<32>,
    /// Key of advertisements.
    pub k_adv: Secret<32>,
}

impl PairingRecord {
    /// The bytes to be sealed.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<alloc::vec::Vec<u8>> {
        let texts = self.name.len() + self.brand.len() + self.model.len();
        Zeroizing::new(
            Writer::with_capacity(256 + texts)
                .map(9)
                .key(1)
                .bytes(self.device.as_bytes())
                .key(2)
                .bytes(self.dh.as_bytes())
                .key(3)
                .bytes(self.device_key.as_bytes())
                .key(4)
                .text(&self.name)
                .key(5)
                .text(&self.brand)
                .key(6)
                .text(&self.model)
                .key(7)
                .bytes(self.phone.as_bytes())
                .key(8)
                .bytes(self.k_hint.expose())
                .key(9)
                .bytes(self.k_adv.expose())
                .into_bytes(),
        )
    }

    /// From the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut map = reader.map(9)?;
        map.required(&mut reader, 1)?;
        let device = DeviceId::from(reader.array_of()?);
        map.required(&mut reader, 2)?;
        let dh = key(&mut reader)?;
        map.required(&mut reader, 3)?;
        let device_key = key(&mut reader)?;
        map.required(&mut reader, 4)?;
        let name = String::from(reader.text(1, 64)?);
        map.required(&mut reader, 5)?;
        let brand = String::from(reader.text(1, 64)?);
        map.required(&mut reader, 6)?;
        let model = String::from(reader.text(1, 64)?);
        map.required(&mut reader, 7)?;
        let phone = key(&mut reader)?;
        map.required(&mut reader, 8)?;
        let k_hint = Secret::new(reader.array_of()?);
        map.required(&mut reader, 9)?;
        let k_adv = Secret::new(reader.array_of()?);
        map.finish(&mut reader)?;
        reader.end()?;
        Ok(Self { device, dh, device_key, name, brand, model, phone, k_hint, k_adv })
    }
}

impl fmt::Debug for PairingRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PairingRecord({})", self.device)
    }
}

fn key(reader: &mut Reader<'_>) -> Result<PublicKey, DecodeError> {
    PublicKey::from_slice(reader.bytes(33, 33)?).ok_or(reader.error(Reason::BadValue))
}
