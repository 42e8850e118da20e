//! Bytes and identifiers as JSON text.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes as base64url without padding. Other alphabets, padding and left-over bits are refused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Base64Url(pub Vec<u8>);

/// Base64url of `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Bytes of a base64url text.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

impl Base64Url {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, owned.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl From<Vec<u8>> for Base64Url {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Base64Url {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

/// Only the length: orders hold names and accounts.
impl fmt::Debug for Base64Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64Url({} bytes)", self.0.len())
    }
}

impl Serialize for Base64Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        decode(&text).map(Self).ok_or_else(|| serde::de::Error::custom("not base64url without padding"))
    }
}

/// An order id in its text form, `8-4-4-4-12`: `#[serde(with = "order_id")]`.
pub mod order_id {
    use serde::{Deserialize, Deserializer, Serializer};
    use ushield_protocol::key::OrderId;

    /// Writes the text form.
    pub fn serialize<S: Serializer>(id: &OrderId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    /// Takes the text form of a UUIDv4.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OrderId, D::Error> {
        let text = String::deserialize(deserializer)?;
        OrderId::parse(&text).ok_or_else(|| serde::de::Error::custom("not a UUIDv4 in lower case"))
    }
}

/// The same, where it may be absent: `#[serde(with = "optional_order_id", default)]`.
pub mod optional_order_id {
    use serde::{Deserialize, Deserializer, Serializer};
    use ushield_protocol::key::OrderId;

    /// Writes the text form.
    pub fn serialize<S: Serializer>(id: &Option<OrderId>, serializer: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => serializer.collect_str(id),
            None => serializer.serialize_none(),
        }
    }

    /// Takes the text form of a UUIDv4, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OrderId>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        OrderId::parse(&text).map(Some).ok_or_else(|| serde::de::Error::custom("not a UUIDv4 in lower case"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_taken_encodes_to_the_same_text(text in "[A-Za-z0-9_=+/-]{0,12}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }

        #[test]
        fn bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }

    #[test]
    fn padding_and_the_other_alphabet_are_refused() {
        assert_eq!(decode("AA=="), None);
        assert_eq!(decode("+/8"), None);
        assert_eq!(decode("AB"), None);
    }
}
