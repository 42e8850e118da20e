//! What a reader says of itself: PC/SC Specifications 2.02, part 10, 2.2 (features) and 2.6.14 (TLV properties).

use ::pcsc::{Card, ctl_code};

/// `FEATURE_GET_TLV_PROPERTIES`.
const GET_TLV_PROPERTIES: u8 = 0x12;
/// `PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize`.
const MAX_APDU_DATA_SIZE: u8 = 0x0a;
/// A reader of short APDUs says 256; the largest data of an extended one are 65,536 bytes.
const SHORT: u32 = 256;
const MOST: usize = 256;

/// Whether the reader announces that it sends commands of extended length. One that says nothing does not.
pub(super) fn sends_extended(card: &Card) -> bool {
    let (mut features, mut properties) = ([0; MOST], [0; MOST]);
    // `CM_IOCTL_GET_FEATURE_REQUEST`.
    let Ok(features) = card.control(ctl_code(3400), &[], &mut features) else { return false };
    // Control codes are big-endian, the values of properties little-endian.
    let Some(code) = find(features, GET_TLV_PROPERTIES).and_then(|value| value.try_into().ok()) else {
        return false;
    };
    let code = u32::from_be_bytes(code);
    let Ok(properties) = card.control(code.into(), &[], &mut properties) else { return false };
    let size = find(properties, MAX_APDU_DATA_SIZE).and_then(|value| value.try_into().ok());
    size.is_some_and(|size| u32::from_le_bytes(size) > SHORT)
}

/// The value of a tag in `tag u8 || length u8 || value`, repeated.
fn find(mut properties: &[u8], tag: u8) -> Option<&[u8]> {
    while let Some(([found, length], rest)) = properties.split_first_chunk::<2>() {
        let (value, rest) = rest.split_at_checked(usize::from(*length))?;
        if *found == tag {
            return Some(value);
        }
        properties = rest;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_found_behind_others_and_never_beyond_the_end() {
        let properties = [1, 1, 9, MAX_APDU_DATA_SIZE, 4, 0, 0, 1, 0];
        assert_eq!(find(&properties, MAX_APDU_DATA_SIZE), Some(&[0, 0, 1, 0][..]));
        assert_eq!(find(&properties, 7), None);
        for cut in 0..properties.len() {
            let found = find(&properties[..cut], MAX_APDU_DATA_SIZE);
            assert_eq!(found, None, "{cut}");
        }
    }
}
