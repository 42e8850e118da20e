//! What a token advertises (section 2.1): only a phone that is paired with it knows whose it is.

use alloc::vec::Vec;

use crate::mac;
use crate::secret::Secret;

/// The GATT service, as a number: `e5a10001-7cd2-4e0f-9b3a-5553484c4401`.
pub const SERVICE: u128 = 0xe5a1_0001_7cd2_4e0f_9b3a_5553_484c_4401;
/// Fragments to the token: write without response.
pub const IN: u128 = 0xe5a1_0002_7cd2_4e0f_9b3a_5553_484c_4401;
/// Fragments to the phone: notify.
pub const OUT: u128 = 0xe5a1_0003_7cd2_4e0f_9b3a_5553_484c_4401;
/// The hello: read.
pub const INFO: u128 = 0xe5a1_0004_7cd2_4e0f_9b3a_5553_484c_4401;
/// Company of the manufacturer data, until one is assigned.
pub const COMPANY: u16 = 0xffff;

const TAG: &[u8] = b"USHIELD-ADV-v1";
const FLAGS: [u8; 3] = [2, 1, 6];
const UUIDS: [u8; 2] = [17, 7];
const DATA: [u8; 2] = [9, 0xff];

/// The manufacturer data behind the company: who may feel meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advertised {
    /// For the one phone that knows the key.
    Paired {
        /// Random, never zero.
        r: [u8; 3],
        /// Its MAC, cut to three bytes.
        mac: [u8; 3],
    },
    /// For everybody: no phone is paired yet, or pairing mode is open.
    Open {
        /// Whether pairing mode is open.
        pairing: bool,
    },
}

impl Advertised {
    /// For the phone with this key; nothing for the `r` that must be drawn again.
    #[must_use]
    pub fn to(k_adv: &Secret<32>, r: [u8; 3]) -> Option<Self> {
        (r != [0; 3]).then(|| Self::Paired { r, mac: mac_of(k_adv, r) })
    }

    /// Whether it is by the token with which a phone shares this key: wrong once in 2^24 times.
    #[must_use]
    pub fn is_by(&self, k_adv: &Secret<32>) -> bool {
        match self {
            Self::Paired { r, mac } => mac::equal(mac, &mac_of(k_adv, *r)),
            Self::Open { .. } => false,
        }
    }

    /// Six bytes.
    #[must_use]
    pub fn encode(self) -> [u8; 6] {
        match self {
            Self::Paired { r: [a, b, c], mac: [d, e, f] } => [a, b, c, d, e, f],
            Self::Open { pairing } => [0, 0, 0, 0, 0, u8::from(pairing)],
        }
    }

    /// Takes manufacturer data without the company; nothing for what no token says.
    #[must_use]
    pub fn decode(data: &[u8]) -> Option<Self> {
        match *data {
            [0, 0, 0, 0, 0, pairing @ 0..=1] => Some(Self::Open { pairing: pairing == 1 }),
            [0, 0, 0, _, _, _] => None,
            [a, b, c, d, e, f] => Some(Self::Paired { r: [a, b, c], mac: [d, e, f] }),
            _ => None,
        }
    }

    /// The whole advertisement, 31 bytes.
    #[must_use]
    pub fn advertisement(self) -> Vec<u8> {
        let mut bytes = Vec::from(FLAGS);
        bytes.extend(UUIDS);
        bytes.extend(SERVICE.to_le_bytes());
        bytes.extend(DATA);
        bytes.extend(COMPANY.to_le_bytes());
        bytes.extend(self.encode());
        bytes
    }
}

fn mac_of(k_adv: &Secret<32>, r: [u8; 3]) -> [u8; 3] {
    let [a, b, c, ..] = mac::hmac_sha256(k_adv.expose(), &[TAG, &r]);
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_paired_phone_recognises_it() {
        let (ours, theirs) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let advertised = Advertised::to(&ours, [1, 2, 3]).unwrap();
        assert!(advertised.is_by(&ours) && !advertised.is_by(&theirs));
        assert_eq!(Advertised::to(&ours, [0; 3]), None);
        assert!(!Advertised::Open { pairing: true }.is_by(&ours));
    }

    #[test]
    fn it_fills_an_advertisement_and_is_read_back() {
        let all = [
            Advertised::to(&Secret::new([1; 32]), [0, 0, 9]).unwrap(),
            Advertised::Open { pairing: false },
            Advertised::Open { pairing: true },
        ];
        for advertised in all {
            assert_eq!(advertised.advertisement().len(), 31);
            assert_eq!(Advertised::decode(&advertised.encode()), Some(advertised));
        }
        for bad in [&[0, 0, 0, 0, 0, 2][..], &[0, 0, 0, 1, 0, 0], &[1, 2, 3, 4, 5], &[]] {
            assert_eq!(Advertised::decode(bad), None);
        }
    }
}
