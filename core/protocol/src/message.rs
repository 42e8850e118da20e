//! Messages between phone and token (sections 2 to 5): kinds, clear payloads, commands and replies.

mod command;
mod handshake;
mod reply;

pub use command::{Request, Role};
pub use handshake::{Hello, MAX_NAME, P3, P4, P5, P6, State, StateFlags, Versions, check_name};
pub use reply::{
    Info, PhoneEntry, Reply, ReplyClass, certificates, decode_certificates, decode_phones, encode_phones,
};

use crate::key::{Hash, OrderId};
use crate::secret::Secret;

/// Largest body of a message.
pub const MAX_BODY: usize = 4096;
/// Version of the protocol that this crate speaks.
pub const VERSION: u8 = 1;
/// Suite of algorithms that this crate speaks: P-256, AES-256-GCM, SHA-256.
pub const SUITE: u8 = 1;

/// What a message is; framing carries it beside the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// Token's first message.
    Hello,
    /// P1 to P6.
    Pairing,
    /// K1, K2.
    Connect,
    /// A Noise transport message.
    Sealed,
    /// One status byte, not authenticated.
    Refusal,
    /// Empty.
    KeepAlive,
}

impl Kind {
    /// Every kind, by number.
    pub const ALL: [Kind; 6] =
        [Kind::Hello, Kind::Pairing, Kind::Connect, Kind::Sealed, Kind::Refusal, Kind::KeepAlive];

    /// The kind of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Kind::Hello => 0,
            Kind::Pairing => 1,
            Kind::Connect => 2,
            Kind::Sealed => 3,
            Kind::Refusal => 4,
            Kind::KeepAlive => 5,
        }
    }

    /// Whether a phone may send it.
    #[must_use]
    pub fn from_phone(self) -> bool {
        matches!(self, Kind::Pairing | Kind::Connect | Kind::Sealed)
    }
}

/// What a P1 by code begins with (section 4.1). A P1 by digits begins with a compressed point, 2 or 3.
pub const P1_BY_CODE: u8 = 1;

/// The Noise message of a P1 by code; `None` for any other P1.
#[must_use]
pub fn p1_by_code(p1: &[u8]) -> Option<&[u8]> {
    match p1 {
        [P1_BY_CODE, noise @ ..] => Some(noise),
        _ => None,
    }
}

/// The token's commitment to its nonce (section 4).
#[must_use]
pub fn pairing_commitment(token_nonce: &[u8; 32]) -> Hash {
    crate::key::sha256(&[b"USHIELD-PAIR-COMMIT-v1", token_nonce])
}

/// The six digits that both sides show (section 4); `handshake_hash` after P3.
#[must_use]
pub fn pairing_digits(handshake_hash: &[u8; 32], phone_nonce: &[u8; 16], token_nonce: &[u8; 32]) -> u32 {
    let mac = crate::mac::hmac_sha256(handshake_hash, &[b"USHIELD-PAIR-DIGITS-v1", phone_nonce, token_nonce]);
    let (head, _) = mac.split_at(8);
    let number = head.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    u32::try_from(number % 1_000_000).unwrap_or(0)
}

/// The hint of K1 (section 3): selects the pairing record, authenticates nothing.
#[must_use]
pub fn connect_hint(k_hint: &Secret<32>, link_nonce: &[u8; 8], ephemeral: &[u8]) -> [u8; 4] {
    let mac = crate::mac::hmac_sha256(k_hint.expose(), &[link_nonce, ephemeral]);
    let [a, b, c, d, ..] = mac;
    [a, b, c, d]
}

pub(crate) fn order_id(bytes: &[u8]) -> Option<OrderId> {
    OrderId::from_slice(bytes)
}
