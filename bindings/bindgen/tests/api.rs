//! The interface that hosts are written against: every change of it is a change of `bindings/uniffi/api.txt`, and is seen in a review.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

use std::fs;
use std::path::PathBuf;

use ushield_bindgen::api::describe;

/// The library that this test was built beside.
fn library() -> Vec<u8> {
    // Named, so that it is linked and built.
    let _ = ushield_ffi::live_objects();
    let name = format!("{}ushield_ffi{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    fs::read(std::env::current_exe().unwrap().with_file_name(name)).unwrap()
}

#[test]
fn the_interface_is_as_it_is_written_down() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../uniffi/api.txt");
    let now = describe(&library()).unwrap();
    let known = fs::read_to_string(&path).unwrap_or_default();
    if now == known {
        return;
    }
    let added = now.lines().filter(|line| !known.lines().any(|known| known == *line));
    let removed = known.lines().filter(|line| !now.lines().any(|now| now == *line));
    for line in removed {
        println!("- {line}");
    }
    for line in added {
        println!("+ {line}");
    }
    panic!(
        "the interface has changed. If it shall: target/debug/ushield-bindgen api target/debug/deps/libushield_ffi.so > bindings/uniffi/api.txt"
    );
}

#[test]
fn what_is_no_library_has_no_interface() {
    assert!(describe(b"nothing").is_err());
    assert!(describe(&[]).is_err());
}

/// The secrets of the interface go in bytes: a text cannot be wiped, and is logged.
#[test]
fn no_pin_and_no_password_is_a_text() {
    let interface = describe(&library()).unwrap();
    for line in interface.lines() {
        let line = line.to_lowercase();
        for secret in ["pin:", "password:", "secret:", "key:", "radios: [radio], code:"] {
            let texts =
                [format!("{secret} string"), format!("{secret} [string]"), format!("{secret} string?")];
            assert!(!texts.iter().any(|text| line.contains(text)), "{line}");
        }
    }
    assert!(interface.contains("answer_pin(prompt: UInt32, pin: Bytes)"));
    assert!(interface.contains("sign_in(password: Bytes)"));
}
