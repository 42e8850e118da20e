//! The pairing code on every face, through a decoder that no one here wrote.

use std::time::Duration;

use ushield_emulator::emulator::Emulator;
use ushield_protocol::pairing_code::PairingCode;
use ushield_token::{Key, Symbol};

use crate::support::{get, press, start};

/// A grey picture.
struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Grey {
    fn of_png(png: &[u8]) -> Self {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.color_type, png::ColorType::Grayscale);
        Self { width: info.width as usize, height: info.height as usize, pixels }
    }

    fn codes(&self) -> Vec<String> {
        let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(self.width, self.height, |x, y| {
            self.pixels[y * self.width + x]
        });
        prepared.detect_grids().iter().filter_map(|grid| Some(grid.decode().ok()?.1)).collect()
    }
}

async fn showing_a_code() -> (Emulator, Symbol) {
    let token = start().await;
    for key in [Key::Ok, Key::Ok, Key::Down] {
        token.press(key).await.unwrap();
    }
    let code = token.screen().code.clone().expect("a code");
    (token, code)
}

#[tokio::test]
async fn every_face_shows_the_same_code() {
    let (token, code) = showing_a_code().await;
    let json = get(token.http(), "/screen").await.json();
    let rows: Vec<String> = serde_json::from_value(json["code"].clone()).unwrap();
    let grid = rqrr::SimpleGrid::from_func(Symbol::SIDE, |x, y| rows[y].as_bytes()[x] == b'1');
    let text = rqrr::Grid::new(grid).decode().unwrap().1;
    assert!(PairingCode::parse(&text).is_ok());
    for scale in [1, 2, 4, 16] {
        let png = get(token.http(), &format!("/screen.png?scale={scale}")).await.body;
        assert_eq!(Grey::of_png(&png).codes(), [text.as_str()], "scale {scale}");
    }
    for (y, row) in rows.iter().enumerate() {
        for (x, module) in row.bytes().enumerate() {
            assert_eq!(module == b'1', code.is_dark(x, y));
            assert_eq!(module == b'1', token.screen().picture.is_dark(4 + 3 * x + 1, 4 + 3 * y + 1));
        }
    }
    // The words beside it, the code in no text.
    assert!(json["text"].as_str().unwrap().contains("请用手机扫描"), "{json}");
    let after = press(token.http(), "up").await.json();
    assert!(after["code"].is_null());
    assert!(Grey::of_png(&get(token.http(), "/screen.png").await.body).codes().is_empty());
}

#[tokio::test]
async fn the_code_is_gone_with_the_mode() {
    let (token, _) = showing_a_code().await;
    token.advance(Duration::from_secs(180)).await.unwrap();
    assert!(token.screen().code.is_none());
}
