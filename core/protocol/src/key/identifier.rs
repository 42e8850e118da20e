//! Identifiers of fixed form: different types, so that none stands in for another.

use alloc::string::String;
use core::fmt;

use super::hex;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Takes exactly [`Self::LEN`] bytes.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl From<[u8; $len]> for $name {
            fn from(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

macro_rules! prefix {
    ($name:ident) => {
        impl $name {
            pub(super) fn prefix_of(hash: &Hash) -> Self {
                let mut bytes = [0; Self::LEN];
                for (to, from) in bytes.iter_mut().zip(hash.as_bytes()) {
                    *to = *from;
                }
                Self(bytes)
            }
        }
    };
}

identifier! {
    /// A SHA-256 value.
    Hash, 32
}
identifier! {
    /// A token, as its maker numbered it.
    DeviceId, 16
}
identifier! {
    /// A token's signing key.
    KeyId, 16
}
identifier! {
    /// A bank's signing key; COSE's `kid`.
    ShortKeyId, 8
}
identifier! {
    /// A phone, by its static key; `via` in what a token signs.
    PhoneId, 8
}
prefix!(KeyId);
prefix!(ShortKeyId);
prefix!(PhoneId);

impl Hash {
    /// All zeros: what the first authorization by a key names as its predecessor.
    pub const ZERO: Self = Self([0; 32]);
}

/// An order: UUIDv4 (RFC 9562), also the UETR.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId([u8; 16]);

impl OrderId {
    /// Makes an id of 16 random bytes: version and variant bits are set.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        let mut bytes = random;
        let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
        *version = (*version & 0x0f) | 0x40;
        *variant = (*variant & 0x3f) | 0x80;
        Self(bytes)
    }

    /// Takes 16 bytes with the version and variant bits of a UUIDv4.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 16] = bytes.try_into().ok()?;
        let id = Self::from_random(bytes);
        (id.0 == bytes).then_some(id)
    }

    /// Takes the text form, `8-4-4-4-12`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = Self::from_slice(&super::unhex(&text.replace('-', ""))?)?;
        (alloc::string::ToString::to_string(&id) == text).then_some(id)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, c) in hex(&self.0).chars().enumerate() {
            if matches!(at, 8 | 12 | 16 | 20) {
                f.write_str("-")?;
            }
            write!(f, "{c}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrderId({self})")
    }
}

/// A bank: BIC of 8 or 11 characters (ISO 9362).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BankId(String);

impl BankId {
    /// Takes 8 or 11 characters of `A-Z0-9`.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = matches!(text.len(), 8 | 11)
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        fits.then(|| Self(String::from(text)))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BankId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BankId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BankId({})", self.0)
    }
}
