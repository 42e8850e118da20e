use super::*;

const TRANSFER: &str = "转账                 1/3\n金额 CNY 1,234,567.89\n收款人 上海示例贸易\n账号\n6222 0212 3456 7890 123\n↓下页             C拒绝";

fn decode(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.bit_depth, png::BitDepth::One);
    (info.width, info.height, pixels)
}

/// tests/transfer-page.png was looked at once, character by character, against the page's text.
#[test]
fn a_known_page_looks_as_it_did_when_a_person_read_it() {
    let picture = Picture::of_page(TRANSFER, &Font::load().unwrap()).unwrap();
    let drawn = picture.png(1).unwrap();
    let expected = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transfer-page.png")).unwrap();
    assert_eq!(decode(&drawn), decode(&expected));
    assert_eq!(decode(&drawn).0, 192);
    assert_eq!(decode(&drawn).1, 96);
}

#[test]
fn scaling_repeats_pixels() {
    let picture = Picture::of_page(TRANSFER, &Font::load().unwrap()).unwrap();
    let (width, height, pixels) = decode(&picture.png(4).unwrap());
    assert_eq!((width, height), (768, 384));
    for y in 0..384_usize {
        for x in 0..768_usize {
            let dark = pixels[y * 96 + x / 8] & (0x80 >> (x % 8)) == 0;
            assert_eq!(dark, picture.is_dark(x / 4, y / 4), "{x},{y}");
        }
    }
}

#[test]
fn a_page_that_does_not_fit_is_refused_and_never_cut() {
    let font = Font::load().unwrap();
    let page = |line: &str| format!("{line}\n\n\n\n\n");
    assert_eq!(Picture::of_page("", &font), Err(PageFault::Lines(1)));
    assert_eq!(Picture::of_page(&format!("{}\n", page("")), &font), Err(PageFault::Lines(7)));
    assert!(Picture::of_page(&page(&"a".repeat(24)), &font).is_ok());
    assert_eq!(Picture::of_page(&page(&"a".repeat(25)), &font), Err(PageFault::TooWide(1)));
    assert!(Picture::of_page(&page(&"付".repeat(12)), &font).is_ok());
    assert_eq!(Picture::of_page(&page(&"付".repeat(13)), &font), Err(PageFault::TooWide(1)));
    // Half of a wide character would fit.
    assert_eq!(Picture::of_page(&page(&format!("a{}", "付".repeat(12))), &font), Err(PageFault::TooWide(1)));
    assert_eq!(Picture::of_page(&page("a\u{202e}b"), &font), Err(PageFault::NoGlyph('\u{202e}')));
}

#[test]
fn pixels_are_where_the_cells_say() {
    let font = Font::load().unwrap();
    // A full block fills its two cells' width in Unifont's left-centred narrow form.
    let picture = Picture::of_page("\n  付\n\n\n\n", &font).unwrap();
    let Some(Glyph::Wide(left, right)) = font.glyph('付') else { panic!("narrow") };
    for y in 0..ROWS {
        for x in 0..WIDTH {
            let expected = match (x / 8, y / 16) {
                (2, 1) => left[y % 16] & (0x80 >> (x % 8)) != 0,
                (3, 1) => right[y % 16] & (0x80 >> (x % 8)) != 0,
                _ => false,
            };
            assert_eq!(picture.is_dark(x, y), expected, "{x},{y}");
        }
    }
    assert!(!picture.is_dark(WIDTH, 0) && !picture.is_dark(0, ROWS));
    assert!(picture.inverted().is_dark(0, 0));
}
