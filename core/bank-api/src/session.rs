//! Signing in.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<Vec<u8>>);

        impl $name {
            /// Takes UTF-8 text.
            #[must_use]
            pub fn new(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
                std::str::from_utf8(&bytes).is_ok().then(|| Self(bytes))
            }

            /// The secret text, for the one place that needs it.
            #[must_use]
            pub fn expose(&self) -> &str {
                std::str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.expose())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self(Zeroizing::new(String::deserialize(deserializer)?.into_bytes())))
            }
        }
    };
}

secret! {
    /// A customer's password. Zeroized when dropped; never shown.
    Password
}
secret! {
    /// A session's bearer token. Zeroized when dropped; never shown.
    SessionToken
}

/// `POST /v1/sessions`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// The name that the customer signs in with.
    pub customer: String,
    /// The password.
    pub password: Password,
}

/// Not even whose it is.
impl fmt::Debug for SessionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionRequest(customer of {} bytes)", self.customer.len())
    }
}

/// A session.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Goes behind `Bearer ` in the header `Authorization`.
    pub token: SessionToken,
    /// Seconds until it is worth nothing.
    pub expires_in: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_written_but_never_shown() {
        let request: SessionRequest =
            serde_json::from_str(r#"{"customer":"li","password":"correct horse"}"#).unwrap();
        assert_eq!(request.password.expose(), "correct horse");
        assert_eq!(format!("{request:?}"), "SessionRequest(customer of 2 bytes)");
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"customer":"li","password":"correct horse"}"#
        );
    }

    #[test]
    fn an_unknown_field_is_refused() {
        assert!(serde_json::from_str::<SessionRequest>(r#"{"customer":"a","password":"b","c":1}"#).is_err());
    }
}
