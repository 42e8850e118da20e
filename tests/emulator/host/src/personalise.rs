//! What the maker does once: keys inside, device certificate, the bank's root, and the description for the bank.

use serde::Deserialize;
use ushield_protocol::{
    device::{DeviceIdentity, MakerRoot},
    key::{BankId, DeviceId, P256Verifier, PublicKey, hex},
    render::{Locale, Profile},
    text,
};

use crate::{
    device::{self, Device},
    entropy::Source,
    failure::Failure,
    flash::{Image, Memory},
    maker::Maker,
    token,
};

/// The longest name of a token, in bytes.
const MAX_NAME: usize = 32;

/// The bank that a token will serve, as the bank's own program writes it.
#[derive(Debug, Clone, Deserialize)]
pub struct BankTrust {
    /// BIC.
    #[serde(deserialize_with = "read_bank_id")]
    pub bank_id: BankId,
    /// The bank's name, for people.
    pub name: String,
    /// The bank's root key, compressed.
    #[serde(deserialize_with = "device::read_public_key")]
    pub root: PublicKey,
}

fn read_bank_id<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BankId, D::Error> {
    let text = String::deserialize(from)?;
    BankId::new(&text)
        .ok_or_else(|| serde::de::Error::custom("bank_id is a BIC: 8 or 11 characters of A-Z and 0-9"))
}

/// What a token is given beside its keys.
#[derive(Debug, Clone)]
pub struct Personality {
    /// Which token it is.
    pub device_id: DeviceId,
    /// The name that it gives itself.
    pub name: Name,
    /// The language of its screen.
    pub locale: Locale,
    /// The bank that it will serve.
    pub bank: BankTrust,
}

/// A token's name: 1 to 32 bytes of text that its own screen can show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Takes a name.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn new(name: &str) -> Result<Self, String> {
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(format!("a name has 1 to {MAX_NAME} bytes, this one {}", name.len()));
        }
        text::check(name).map_err(|error| format!("the screen cannot show this name: {}", error.name()))?;
        Ok(Self(name.to_owned()))
    }

    /// The name of a token that was given none: the end of its device id, as printed on its case.
    #[must_use]
    pub fn of_device(device: &DeviceId) -> Self {
        let id = hex(device.as_bytes());
        let end = id.get(id.len().saturating_sub(4)..).unwrap_or_default();
        Self(format!("U-Shield {end}"))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes a token: its flash, and what its maker tells the bank.
///
/// # Errors
/// [`Failure::Certificate`], or [`Failure::Token`] when the token logic refuses.
pub fn personalise(
    personality: &Personality,
    maker: &Maker,
    mut entropy: Source,
) -> Result<(Image, Device), Failure> {
    let flash = Image::erased();
    let keys = token::Keys::generate(&mut entropy)?;
    let chain = maker.certify(&personality.device_id, &keys.device_public_key())?;
    let roots: Vec<MakerRoot> = MakerRoot::from_der(maker.root_der()).into_iter().collect();
    let identity = DeviceIdentity::verify(&chain, &roots, None, &P256Verifier).map_err(Failure::Chain)?;
    token::personalise(Memory::in_memory(flash.clone()), personality, keys, &chain, entropy)?;
    let device = Device {
        device_id: identity.device,
        brand: identity.brand,
        model: identity.model,
        firmware: token::FIRMWARE,
        profile: profile(personality.locale).number(),
        name: personality.name.0.clone(),
        chain,
        device_public_key: identity.key,
    };
    Ok((flash, device))
}

/// The render profile of a language.
#[must_use]
pub fn profile(locale: Locale) -> Profile {
    match locale {
        Locale::Zh => Profile::Zh1,
        Locale::En => Profile::En1,
    }
}
