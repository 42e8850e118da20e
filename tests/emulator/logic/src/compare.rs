//! The token's comparisons of secrets. None takes longer for a guess that is nearly right: `make test-valgrind` runs these very
//! functions on poisoned memory.

use ushield_protocol::mac;
use ushield_protocol::message::connect_hint;
use ushield_protocol::pin::PinBlock;
use ushield_protocol::secret::Secret;
use zeroize::Zeroizing;

/// What is stored of a PIN: salted, never the block.
pub(crate) fn pin_code(salt: &[u8; 32], block: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(mac::hmac_sha256(salt, &[b"USHIELD-PIN", block]))
}

/// A PIN that was typed, against what is stored (section 6).
#[must_use]
pub fn pin(block: &PinBlock, salt: &[u8; 32], stored: &[u8; 32]) -> bool {
    mac::equal(pin_code(salt, block.expose()).as_slice(), stored)
}

/// A new PIN against the one that is given as the old one (section 6).
#[must_use]
pub fn same_pin(old: &PinBlock, new: &PinBlock) -> bool {
    mac::equal(old.expose(), new.expose())
}

/// The hint of a K1 against what a phone's key makes of the connection (section 3).
#[must_use]
pub fn hint(k_hint: &Secret<32>, nonce: &[u8; 8], ephemeral: &[u8], hint: [u8; 4]) -> bool {
    mac::equal(&connect_hint(k_hint, nonce, ephemeral), &hint)
}
