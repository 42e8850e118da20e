#![allow(clippy::as_conversions, reason = "geometry of small pictures")]

use std::path::PathBuf;

use proptest::prelude::*;
use ushield_client::catalogue::Language;

use super::*;

/// What stands on the screen of `code.png`, as ZXing and OpenCV read it.
const CODE: &str = "USHIELD:1TE6TUFL3TXUUYPCGRKERSLFDGLNA4Y5Z6P2NSBCBAH5MM3IWNX2A";

fn picture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/pictures")).join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(picture(name)).unwrap()
}

fn text(bytes: &[u8]) -> Result<String, Unread> {
    code_in(bytes).map(|code| (*code.to_text()).clone())
}

/// The token's own picture, in several kinds of PNG, and photos that OpenCV made of it.
#[test]
fn the_code_is_read_from_screenshots_and_photos() {
    for name in [
        "code.png",
        "code-palette.png",
        "code-transparent.png",
        "photo.jpg",
        "photo-upside-down-progressive.jpg",
        "photo-turned-grey.jpg",
    ] {
        assert_eq!(text(&bytes(name)), Ok(CODE.to_owned()), "{name}");
    }
}

#[test]
fn a_code_bright_on_dark_is_read_too() {
    let screen = Grey::of_png(&bytes("code.png")).unwrap();
    let turned: Vec<u8> = screen.pixels.iter().map(|pixel| !pixel).collect();
    let turned = Grey::new(screen.width, screen.height, turned.into()).unwrap();
    assert_eq!(*search(&turned).unwrap().to_text(), CODE);
}

#[test]
fn what_cannot_be_used_is_said_by_name() {
    for (name, unread) in [
        ("digits.jpg", Unread::NoCode),
        ("two-codes.png", Unread::SeveralCodes),
        ("other-code.png", Unread::Other(Code::BadPairingCode)),
        ("other-version.png", Unread::Other(Code::UnknownVersion)),
    ] {
        assert_eq!(text(&bytes(name)), Err(unread), "{name}");
    }
    assert_eq!(text(b""), Err(Unread::NoPicture));
    assert_eq!(text(b"GIF89a"), Err(Unread::NoPicture));
    for name in ["code.png", "photo.jpg"] {
        let whole = bytes(name);
        assert_eq!(text(&whole[..60]), Err(Unread::Damaged), "{name}");
    }
}

#[test]
fn every_reason_has_words_in_both_languages() {
    let reasons = [
        Unread::TooLarge,
        Unread::NoPicture,
        Unread::Damaged,
        Unread::NoCode,
        Unread::SeveralCodes,
        Unread::Other(Code::BadPairingCode),
        Unread::Other(Code::UnknownVersion),
    ];
    for language in Language::ALL {
        let words = Words::new(language);
        let mut said: Vec<String> = reasons.iter().map(|reason| reason.say(&words)).collect();
        assert!(said.iter().all(|text| !text.starts_with("picture-")), "{said:?}");
        said.sort();
        said.dedup();
        assert_eq!(said.len(), reasons.len());
    }
}

/// A header that promises more than there may be is refused before anything is made for it.
#[test]
fn a_picture_is_measured_before_it_is_decoded() {
    let mut png = Vec::new();
    let encoder = png::Encoder::new(&mut png, 60_000, 60_000);
    encoder.write_header().unwrap().write_chunk(png::chunk::IDAT, b"\x78\x9c").unwrap();
    assert_eq!(text(&png), Err(Unread::TooLarge));
    let mut jpeg = bytes("photo.jpg");
    let at = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    jpeg[at + 5..at + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
    assert!(matches!(text(&jpeg), Err(Unread::TooLarge | Unread::Damaged)));
    assert_eq!(text(&vec![0; 32 * 1024 * 1024 + 1]), Err(Unread::TooLarge));
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named_with_its_option() {
    let words = Words::new(Language::En);
    let failed = code_of("--qr", &picture("none.png"), &words).await.unwrap_err();
    let json = failed.json(&words);
    assert_eq!((json["error"]["flag"].as_str(), failed.exit()), (Some("--qr"), 2));
    assert!(json["error"]["what"].as_str().unwrap().contains("none.png"), "{json}");
    let failed = code_of("--qr", &picture("other-version.png"), &words).await.unwrap_err();
    let json = failed.json(&words);
    assert_eq!((json["error"]["name"].as_str(), failed.exit()), (Some("unknown-version"), 2));
    assert!(code_of("--qr", &picture("photo.jpg"), &words).await.unwrap().to_text().as_str() == CODE);
}

/// The screen in a dark frame on a desk, magnified, turned, blurred over so many pixels, and noisy.
fn photographed(screen: &Grey, zoom: f64, degrees: f64, blur: usize, noise: u32) -> Grey {
    let (width, height) = (screen.width as f64, screen.height as f64);
    let at = |x: f64, y: f64| {
        let inside = |margin: f64| x >= -margin && y >= -margin && x < width + margin && y < height + margin;
        match (inside(0.0), inside(12.0)) {
            (true, _) => 30.0 + f64::from(screen.pixels[y as usize * screen.width + x as usize]) * 0.8,
            (false, true) => 15.0,
            (false, false) => 140.0,
        }
    };
    let side = ((width + 40.0) * zoom * 1.2) as usize;
    let (sin, cos) = degrees.to_radians().sin_cos();
    let middle = side as f64 / 2.0;
    let mut sharp = Vec::new();
    for at_pixel in 0..side * side {
        let (x, y) = ((at_pixel % side) as f64, (at_pixel / side) as f64);
        let (x, y) = ((x - middle) / zoom, (y - middle) / zoom);
        let (x, y) = (x * cos + y * sin + width / 2.0, y * cos - x * sin + height / 2.0);
        let (right, below) = (x - x.floor(), y - y.floor());
        let row = |y| at(x.floor(), y) * (1.0 - right) + at(x.floor() + 1.0, y) * right;
        sharp.push(row(y.floor()) * (1.0 - below) + row(y.floor() + 1.0) * below);
    }
    let mut seed = 1_u32;
    let pixels = (0..side * side).map(|pixel| {
        let (x, y) = (pixel % side, pixel / side);
        let (mut sum, mut count) = (0.0, 0.0);
        for j in y.saturating_sub(blur)..(y + blur + 1).min(side) {
            for i in x.saturating_sub(blur)..(x + blur + 1).min(side) {
                sum += sharp[j * side + i];
                count += 1.0;
            }
        }
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let shift = f64::from((seed >> 8) % (2 * noise + 1)) - f64::from(noise);
        (sum / count + shift).clamp(0.0, 255.0) as u8
    });
    let pixels: Vec<u8> = pixels.collect();
    Grey::new(side, side, pixels.into()).unwrap()
}

/// How well it is read where there is little light around it and a dark frame close by.
#[test]
fn photos_are_read_whatever_way_they_are_held() {
    let screen = Grey::of_png(&bytes("code.png")).unwrap();
    let (mut read, mut taken) = (0, 0);
    for zoom in [2.0, 3.3] {
        for degrees in [4.0, 45.0, -63.0] {
            for (blur, noise) in [(0, 0), (1, 0), (0, 25), (1, 12), (2, 25)] {
                // Out of focus by more than a module.
                if (2 * blur) as f64 >= 3.0 * zoom {
                    continue;
                }
                taken += 1;
                match search(&photographed(&screen, zoom, degrees, blur, noise)) {
                    Ok(code) => {
                        assert_eq!(*code.to_text(), CODE);
                        read += 1;
                    }
                    Err(unread) => assert_eq!(unread, Unread::NoCode),
                }
            }
        }
    }
    println!("{read} of {taken} photos read");
    assert!(read * 100 >= taken * 90, "{read} of {taken} photos read");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any change of a picture is survived, and gives no other code.
    #[test]
    fn a_damaged_picture_is_survived(
        name in prop::sample::select(vec!["code.png", "photo-turned-grey.jpg", "code-palette.png"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut bytes = bytes(name);
        for (at, to) in changes {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        if let Ok(read) = text(&bytes) {
            prop_assert_eq!(read, CODE);
        }
    }

    /// Whatever the pixels are, a decoder of codes does not panic.
    #[test]
    fn any_pixels_are_survived(width in 1..200_usize, height in 1..200_usize, seed: u64, grain in 1..12_usize) {
        let pixel = |at: usize| {
            let (x, y) = (at % width / grain, at / width / grain);
            let mixed = (seed ^ (x as u64) << 32 ^ y as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed >> 56) as u8
        };
        let pixels: Vec<u8> = (0..width * height).map(pixel).collect();
        let _ = search(&Grey::new(width, height, pixels.into()).unwrap());
    }
}
