//! Passwords and sessions through JSON, as client and bank write and read them: long ones, and ones with characters that JSON
//! writes otherwise.

use std::hint::black_box;

use ushield_bank_api::{Password, Session, SessionRequest};
use zeroize::Zeroizing;

use super::Look;

/// More than any first buffer of a JSON writer.
const LONG: usize = 600;

/// The password with something behind it, in memory of exactly its size.
fn password(look: &Look, behind: &str, times: usize) -> Password {
    let secret = look.secrets.get("password").reveal();
    let mut bytes = Zeroizing::new(Vec::with_capacity(secret.len() + behind.len() * times));
    bytes.extend_from_slice(&secret);
    (0..times).for_each(|_| bytes.extend_from_slice(behind.as_bytes()));
    Password::new(bytes).unwrap()
}

/// Counts what is written.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// As `core/client/src/bank.rs` does it: into memory that need not grow.
fn written(password: Password) {
    let request = SessionRequest { customer: "li".to_owned(), password };
    let mut length = Length(0);
    serde_json::to_writer(&mut length, &request).unwrap();
    let mut body = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *body, &request).unwrap();
    black_box(&body);
}

/// A session's JSON in memory that is wiped, with so much in front of and behind the secret.
fn reply(look: &Look, before: &str, behind: &str, times: usize) -> Zeroizing<Vec<u8>> {
    let secret = look.secrets.get("session").reveal();
    let mut json =
        Zeroizing::new(Vec::with_capacity(64 + before.len() + secret.len() + behind.len() * times));
    json.extend_from_slice(b"{\"token\":\"");
    json.extend_from_slice(before.as_bytes());
    json.extend_from_slice(&secret);
    (0..times).for_each(|_| json.extend_from_slice(behind.as_bytes()));
    json.extend_from_slice(b"\",\"expires_in\":900}");
    json
}

pub(crate) fn all(look: &mut Look) {
    look.at("before");
    written(password(look, "", 0));
    look.at("written-short");
    written(password(look, "x", LONG));
    look.at("written-long");
    written(password(look, "x\"", LONG));
    look.at("written-escaped");
    let json = reply(look, "", "", 0);
    black_box(serde_json::from_slice::<Session>(&json).unwrap());
    drop(json);
    look.at("read-short");
    let json = reply(look, "", "x", LONG);
    black_box(serde_json::from_slice::<Session>(&json).unwrap());
    drop(json);
    look.at("read-long");
    // The allocator's own words, over the beginning of what is free, miss the secret.
    let json = reply(look, &("x".repeat(64) + "\\u0041"), "", 0);
    black_box(serde_json::from_slice::<Session>(&json).unwrap());
    drop(json);
    look.at("known-read-escaped");
}
