//! CRC-32 (ISO/IEC 8802-3), by nibbles: sixteen words of table.

const TABLE: [u32; 16] = [
    0x0000_0000,
    0x1db7_1064,
    0x3b6e_20c8,
    0x26d9_30ac,
    0x76dc_4190,
    0x6b6b_51f4,
    0x4db2_6158,
    0x5005_713c,
    0xedb8_8320,
    0xf00f_9344,
    0xd6d6_a3e8,
    0xcb61_b38c,
    0x9b64_c2b0,
    0x86d3_d2d4,
    0xa00a_e278,
    0xbdbd_f21c,
];

/// A checksum in the making.
pub(super) struct Checksum(u32);

impl Checksum {
    pub(super) fn new() -> Self {
        Self(u32::MAX)
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            for nibble in [u32::from(byte & 0x0f), u32::from(byte >> 4)] {
                let at = usize::try_from((self.0 ^ nibble) & 0x0f).unwrap_or(0);
                self.0 = TABLE.get(at).copied().unwrap_or(0) ^ (self.0 >> 4);
            }
        }
    }

    /// Never the value of an erased word: what was not written is never right.
    pub(super) fn finish(self) -> u32 {
        if self.0 == 0 { 0 } else { !self.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_value() {
        let mut sum = Checksum::new();
        sum.update(b"123456789");
        assert_eq!(sum.finish(), 0xcbf4_3926);
    }

    #[test]
    fn an_erased_word_is_never_right() {
        assert_eq!(Checksum(0).finish(), 0);
        assert_ne!(Checksum(u32::MAX).finish(), u32::MAX);
    }
}
