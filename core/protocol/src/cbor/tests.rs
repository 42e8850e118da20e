use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn read(bytes: &[u8]) -> Result<(u64, Vec<u8>), DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut map = reader.map(3)?;
    map.required(&mut reader, 1)?;
    let number = reader.uint()?;
    map.required(&mut reader, 2)?;
    let value = reader.bytes(1, 4)?.to_vec();
    if map.optional(&mut reader, 3)? {
        reader.text(0, 3)?;
    }
    map.finish(&mut reader)?;
    reader.end()?;
    Ok((number, value))
}

#[test]
fn each_deviation_is_refused_by_name_and_field() {
    let cases: &[(&[u8], Reason, u8)] = &[
        (&[0xa2, 1, 0x18, 5, 2, 0x41, 0], Reason::NonMinimal, 1),
        (&[0xa2, 1, 5, 2, 0x58, 1, 0], Reason::NonMinimal, 2),
        (&[0xb8, 2, 1, 5, 2, 0x41, 0], Reason::NonMinimal, 0),
        (&[0xbf, 1, 5, 2, 0x41, 0, 0xff], Reason::WrongType, 0),
        (&[0xa2, 1, 5, 2, 0x5f, 0x41, 0, 0xff], Reason::WrongType, 2),
        (&[0xa1, 1, 5], Reason::MissingField, 2),
        (&[0xa2, 1, 5, 3, 0x60], Reason::MissingField, 2),
        (&[0xa3, 1, 5, 2, 0x41, 0, 4, 0], Reason::UnknownField, 4),
        (&[0xa3, 1, 5, 2, 0x41, 0, 2, 0], Reason::Duplicate, 2),
        (&[0xa3, 1, 5, 2, 0x41, 0, 1, 0], Reason::OutOfOrder, 1),
        (&[0xa2, 1, 5, 2, 0x45, 0, 0, 0, 0, 0], Reason::TooLong, 2),
        (&[0xa2, 1, 5, 2, 0x40], Reason::TooShort, 2),
        (&[0xa2, 1, 5, 2, 0x41, 0, 0], Reason::Trailing, 2),
        (&[0xa3, 1, 5, 2, 0x41, 0, 3, 0x61, 0xff], Reason::BadText, 3),
        (&[0xa2, 1, 0x20, 2, 0x41, 0], Reason::WrongType, 1),
        (&[0xa2, 1, 5, 2, 0x42, 0], Reason::Truncated, 2),
        (&[], Reason::Truncated, 0),
    ];
    for (bytes, reason, key) in cases {
        assert_eq!(read(bytes), Err(DecodeError::at(*reason, *key)), "{bytes:02x?}");
    }
    assert_eq!(read(&[0xa2, 1, 5, 2, 0x41, 7]), Ok((5, vec![7])));
}

proptest! {
    #[test]
    fn no_input_panics_and_what_is_read_is_canonical(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok((number, value)) = read(&bytes) {
            let head = Writer::new().map(2).key(1).uint(number).key(2).bytes(&value).into_bytes();
            prop_assert_eq!(&bytes[1..head.len()], &head[1..]);
        }
    }

    #[test]
    fn what_is_written_is_read(number in any::<u64>(), value in proptest::collection::vec(any::<u8>(), 1..5)) {
        let bytes = Writer::new().map(2).key(1).uint(number).key(2).bytes(&value).into_bytes();
        prop_assert_eq!(read(&bytes), Ok((number, value)));
    }
}
