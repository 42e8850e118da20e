//! Records of the store, in strict CBOR: what is not exactly as written is `store-corrupt`.

use ushield_protocol::cbor::{DecodeError, Reader, Reason, Writer};
use ushield_protocol::code::Code;
use ushield_protocol::key::{BankId, DeviceId, OrderId, PublicKey};
use ushield_session::order_life::OrderLife;
use ushield_session::record::PairingRecord;
use zeroize::Zeroizing;

use crate::error::Error;

/// What the client was set up with. Its Debug form names the bank alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Setup {
    /// The bank.
    pub bank: BankId,
    /// Its name, to be shown.
    pub bank_name: String,
    /// Its root key.
    pub root: PublicKey,
    /// Certificates of the makers' roots, DER.
    pub makers: Vec<Vec<u8>>,
    /// The customer's name at the bank.
    pub customer: String,
    /// The phone's name, as tokens list it.
    pub phone: String,
}

/// A paired token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// The pairing.
    pub pairing: PairingRecord,
    /// The number of its render profile, once it has said it.
    pub profile: Option<u16>,
}

/// An order in this client.
#[derive(Clone, PartialEq, Eq)]
pub struct OrderRecord {
    /// Client's key of the creation; also the record's key.
    pub creation: [u8; 16],
    /// The request, JSON.
    pub request: Vec<u8>,
    /// When the customer asked for it, Unix seconds.
    pub asked: u64,
    /// The order's id, once there is one.
    pub id: Option<OrderId>,
    /// The token that it was or will be delivered to.
    pub device: Option<DeviceId>,
    /// Its life.
    pub life: OrderLife,
    /// The bank has issued a certificate for it, and the token is not known to have stored that.
    pub certificate_due: bool,
}

impl std::fmt::Debug for OrderRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OrderRecord({:?})", self.id)
    }
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Setup({})", self.bank)
    }
}

impl Setup {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new()
            .map(6)
            .key(1)
            .text(self.bank.as_str())
            .key(2)
            .text(&self.bank_name)
            .key(3)
            .bytes(self.root.as_bytes())
            .key(4)
            .array(u64::try_from(self.makers.len()).unwrap_or(u64::MAX));
        for maker in &self.makers {
            writer = writer.bytes(maker);
        }
        writer.key(5).text(&self.customer).key(6).text(&self.phone).into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        stored(Self::read(bytes))
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut map = reader.map(6)?;
        map.required(&mut reader, 1)?;
        let bank = BankId::new(reader.text(8, 11)?).ok_or(reader.error(Reason::BadValue))?;
        map.required(&mut reader, 2)?;
        let bank_name = reader.text(0, 140)?.to_owned();
        map.required(&mut reader, 3)?;
        let root = PublicKey::from_slice(reader.bytes(33, 33)?).ok_or(reader.error(Reason::BadValue))?;
        map.required(&mut reader, 4)?;
        let mut makers = Vec::new();
        for _ in 0..reader.array(0, 64)? {
            makers.push(reader.bytes(1, 4096)?.to_vec());
        }
        map.required(&mut reader, 5)?;
        let customer = reader.text(1, 140)?.to_owned();
        map.required(&mut reader, 6)?;
        let phone = reader.text(1, 32)?.to_owned();
        map.finish(&mut reader)?;
        reader.end()?;
        Ok(Self { bank, bank_name, root, makers, customer, phone })
    }
}

impl TokenRecord {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let pairing = self.pairing.encode();
        let writer = Writer::with_capacity(pairing.len() + 16)
            .map(1 + u64::from(self.profile.is_some()))
            .key(1)
            .bytes(&pairing);
        Zeroizing::new(match self.profile {
            Some(profile) => writer.key(2).uint(u64::from(profile)).into_bytes(),
            None => writer.into_bytes(),
        })
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        stored(Self::read(bytes))
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut map = reader.map(2)?;
        map.required(&mut reader, 1)?;
        let pairing = PairingRecord::decode(reader.bytes(1, 1024)?)?;
        let profile = match map.optional(&mut reader, 2)? {
            true => {
                let number = reader.uint()?;
                Some(u16::try_from(number).map_err(|_| reader.error(Reason::BadValue))?)
            }
            false => None,
        };
        map.finish(&mut reader)?;
        reader.end()?;
        Ok(Self { pairing, profile })
    }
}

impl OrderRecord {
    /// A value of [`crate::ports::Table::Order`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let optional = [self.id.is_some(), self.device.is_some(), self.certificate_due];
        let count = optional.into_iter().fold(4, |count, there| count + u64::from(there));
        let mut writer = Writer::new()
            .map(count)
            .key(1)
            .bytes(&self.creation)
            .key(2)
            .bytes(&self.request)
            .key(3)
            .uint(self.asked);
        if let Some(id) = &self.id {
            writer = writer.key(4).bytes(id.as_bytes());
        }
        if let Some(device) = &self.device {
            writer = writer.key(5).bytes(device.as_bytes());
        }
        writer = writer.key(6).bytes(&self.life.encode());
        if self.certificate_due {
            writer = writer.key(7).uint(1);
        }
        writer.into_bytes()
    }

    /// Reads a value of [`crate::ports::Table::Order`].
    ///
    /// # Errors
    /// `store-corrupt`.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        stored(Self::read(bytes))
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut map = reader.map(7)?;
        map.required(&mut reader, 1)?;
        let creation = reader.array_of()?;
        map.required(&mut reader, 2)?;
        let request = reader.bytes(0, 8192)?.to_vec();
        map.required(&mut reader, 3)?;
        let asked = reader.uint()?;
        let id = match map.optional(&mut reader, 4)? {
            true => Some(OrderId::from_slice(reader.bytes(16, 16)?).ok_or(reader.error(Reason::BadValue))?),
            false => None,
        };
        let device = match map.optional(&mut reader, 5)? {
            true => Some(DeviceId::from(reader.array_of()?)),
            false => None,
        };
        map.required(&mut reader, 6)?;
        let life = OrderLife::decode(reader.bytes(1, 16_384)?)?;
        let certificate_due = map.optional(&mut reader, 7)?;
        if certificate_due && reader.uint()? != 1 {
            return Err(reader.error(Reason::BadValue));
        }
        map.finish(&mut reader)?;
        reader.end()?;
        Ok(Self { creation, request, asked, id, device, life, certificate_due })
    }
}

/// A record that cannot be read is a corrupt store, with the place.
fn stored<T>(result: Result<T, DecodeError>) -> Result<T, Error> {
    result.map_err(|error| Error::new(Code::StoreCorrupt).caused_by(error))
}
