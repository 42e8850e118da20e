//! What the maker and the bank put in before the customer gets the token.

use alloc::string::String;
use alloc::vec::Vec;

use ushield_protocol::cbor::{DecodeError, Reader, Reason, Writer};
use ushield_protocol::key::{BankId, DeviceId, PublicKey, SigningKey};
use ushield_protocol::message::{certificates, check_name};
use ushield_protocol::noise::DhSecret;
use ushield_protocol::render::Profile;

use super::{Kind, pin};
use crate::hal::Board;
use crate::store::{Draft, Log, StoreFault};
use crate::{Fault, MIN_PAGES};

/// All that a token starts with.
#[derive(Clone, Debug)]
pub struct Personalisation {
    /// Chosen by the maker; also in the device certificate.
    pub device: DeviceId,
    /// Shown on the token and in the phone's list: 1..32 bytes of text.
    pub name: String,
    /// Shown on the token: 1..32 bytes of text.
    pub brand: String,
    /// Private key `device`.
    pub device_key: SigningKey,
    /// Private key `dh`.
    pub dh_key: DhSecret,
    /// The maker's certificates, DER, device certificate first: 1..3 of at most 1,024 bytes.
    pub chain: Vec<Vec<u8>>,
    /// The bank whose orders the token takes.
    pub bank: BankId,
    /// That bank's root.
    pub bank_root: PublicKey,
    /// How the token renders, and its language.
    pub profile: Profile,
    /// Firmware: major, minor.
    pub firmware: u16,
}

/// Writes a new token into the board's flash; whatever was there is gone. It counts as a whole or not at all.
pub fn personalise<B: Board>(board: &mut B, what: &Personalisation) -> Result<(), Fault> {
    if board.pages() < MIN_PAGES {
        return Err(Fault::Store(StoreFault::Size));
    }
    let chain_fits =
        (1..=3).contains(&what.chain.len()) && what.chain.iter().all(|der| (1..=1024).contains(&der.len()));
    if !chain_fits || check_name(&what.name).is_err() || check_name(&what.brand).is_err() {
        return Err(Fault::Personalisation);
    }
    let identity = Identity::from(what).encode();
    let (device, dh) = (what.device_key.expose_bytes(), what.dh_key.expose_bytes());
    let pin = pin::Record::initial(board)?;
    let mut draft = Draft::first(board)?;
    draft.put(board, Kind::Identity.number(), &[], &[&identity])?;
    draft.put(board, Kind::Secrets.number(), &[], &[device.as_slice(), dh.as_slice()])?;
    draft.put(board, Kind::MakerChain.number(), &[], &[&certificates(&what.chain)])?;
    draft.put(board, Kind::Pin.number(), &[], &pin.parts())?;
    draft.put(board, Kind::Tries.number(), &[], &[&[pin::TRIES]])?;
    draft.commit(board)?;
    Ok(())
}

/// Who the token is, kept in RAM: nothing of it is secret.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) device: DeviceId,
    pub(crate) name: String,
    pub(crate) brand: String,
    pub(crate) bank: BankId,
    pub(crate) root: PublicKey,
    pub(crate) profile: Profile,
    pub(crate) firmware: u16,
}

impl From<&Personalisation> for Identity {
    fn from(what: &Personalisation) -> Self {
        Self {
            device: what.device,
            name: what.name.clone(),
            brand: what.brand.clone(),
            bank: what.bank.clone(),
            root: what.bank_root,
            profile: what.profile,
            firmware: what.firmware,
        }
    }
}

impl Identity {
    pub(super) fn load(log: &Log, board: &impl Board) -> Result<Self, StoreFault> {
        let value = log.get(board, Kind::Identity.number(), &[]).ok_or(StoreFault::Corrupt)?;
        Self::decode(&value).map_err(|_| StoreFault::Corrupt)
    }

    fn encode(&self) -> Vec<u8> {
        Writer::new()
            .bytes(self.device.as_bytes())
            .text(&self.name)
            .text(&self.brand)
            .text(self.bank.as_str())
            .bytes(self.root.as_bytes())
            .uint(u64::from(self.profile.number()))
            .uint(u64::from(self.firmware))
            .into_bytes()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let bad = reader.error(Reason::BadValue);
        let short = |value: u64| u16::try_from(value).map_err(|_| bad);
        let identity = Self {
            device: DeviceId::from(reader.array_of()?),
            name: String::from(reader.text(1, 32)?),
            brand: String::from(reader.text(1, 32)?),
            bank: BankId::new(reader.text(8, 11)?).ok_or(bad)?,
            root: PublicKey::from_slice(reader.bytes(33, 33)?).ok_or(bad)?,
            profile: Profile::from_number(short(reader.uint()?)?).ok_or(bad)?,
            firmware: short(reader.uint()?)?,
        };
        reader.end()?;
        Ok(identity)
    }
}
