//! `device.json`: what the maker tells the bank about a token. Nothing in it is secret.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use ushield_protocol::key::{DeviceId, PublicKey, hex, unhex};

use crate::failure::Failure;

/// A token as its maker hands it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// 32 lower-case hex digits.
    #[serde(serialize_with = "write_hex", deserialize_with = "read_device_id")]
    pub device_id: DeviceId,
    /// `O` of the device certificate.
    pub brand: String,
    /// `CN` of the device certificate.
    pub model: String,
    /// Major version in the high byte, minor in the low one.
    pub firmware: u16,
    /// Render profile (protocol.md, section 10).
    pub profile: u16,
    /// The name that it gives itself.
    pub name: String,
    /// The device certificate first, DER; base64 in the file.
    #[serde(serialize_with = "write_chain", deserialize_with = "read_chain")]
    pub chain: Vec<Vec<u8>>,
    /// Key `device`, compressed, 66 hex digits.
    #[serde(serialize_with = "write_hex", deserialize_with = "read_public_key")]
    pub device_public_key: PublicKey,
}

impl Device {
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, Failure> {
        let mut json =
            serde_json::to_vec_pretty(self).map_err(|error| Failure::System(std::io::Error::from(error)))?;
        json.push(b'\n');
        Ok(json)
    }
}

/// Things that travel as hex digits.
trait Bytes {
    fn bytes(&self) -> &[u8];
}

impl Bytes for DeviceId {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Bytes for PublicKey {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

fn write_hex<S: serde::Serializer>(value: &impl Bytes, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&hex(value.bytes()))
}

fn read_hex<'de, D: serde::Deserializer<'de>, T>(
    from: D,
    parse: impl Fn(&[u8]) -> Option<T>,
    expected: &'static str,
) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    unhex(&text).and_then(|bytes| parse(&bytes)).ok_or_else(|| serde::de::Error::custom(expected))
}

fn read_device_id<'de, D: serde::Deserializer<'de>>(from: D) -> Result<DeviceId, D::Error> {
    read_hex(from, DeviceId::from_slice, "a device id is 32 hex digits")
}

/// 66 hex digits that are a point of the curve.
pub(crate) fn read_public_key<'de, D: serde::Deserializer<'de>>(from: D) -> Result<PublicKey, D::Error> {
    read_hex(from, PublicKey::from_slice, "a public key is 66 hex digits, a compressed point of P-256")
}

fn write_chain<S: serde::Serializer>(chain: &[Vec<u8>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(chain.iter().map(|der| BASE64_STANDARD.encode(der)))
}

fn read_chain<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Vec<u8>>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    texts.iter().map(|text| BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)).collect()
}
