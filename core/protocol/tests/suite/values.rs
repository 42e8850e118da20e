//! PINs, texts, accounts, currencies, and the two normative lists.

use ushield_protocol::account::{self, Scheme};
use ushield_protocol::code::Code;
use ushield_protocol::currency::Currency;
use ushield_protocol::key::hex;
use ushield_protocol::message::Request;
use ushield_protocol::pin::{INITIAL_PIN, PinBlock};
use ushield_protocol::text::{self, glyph_set};

use crate::support::{bytes, file, list, text as string, vectors};

#[test]
fn pin_blocks() {
    let pin = &vectors()["pin"];
    let (mut good, mut bad) = (0, 0);
    for case in list(&pin["blocks"]) {
        let wire = bytes(&case["block"]);
        // A block is read as the body of the command that carries one.
        let read = Request::decode(&[&[0x07], wire.as_slice()].concat());
        if let Some(pin) = case["pin"].as_str() {
            let Ok(Request::Pin { pin: block }) = read else { panic!("{pin}") };
            assert_eq!(block.expose().as_slice(), wire);
            assert_eq!(PinBlock::new(pin).unwrap().expose().as_slice(), wire);
            good += 1;
        } else {
            assert_eq!(read.unwrap_err().code.name(), string(&case["refusal"]), "{}", case["name"]);
            bad += 1;
        }
    }
    assert_eq!((good, bad), (6, 13));
    assert_eq!(
        PinBlock::new(INITIAL_PIN).unwrap().expose().as_slice(),
        bytes(&list(&pin["blocks"])[0]["block"])
    );
}

#[test]
fn pin_rules() {
    let pin = &vectors()["pin"];
    for (name, simple, count) in [("too_simple", true, 10), ("not_too_simple", false, 8)] {
        let cases = list(&pin[name]);
        for case in cases {
            assert_eq!(PinBlock::new(string(case)).unwrap().is_too_simple(), simple, "{case}");
        }
        assert_eq!(cases.len(), count);
    }
    let bad = list(&pin["bad_format"]);
    for case in bad {
        assert_eq!(PinBlock::new(string(case)).unwrap_err(), Code::BadPinFormat, "{case}");
    }
    assert_eq!(bad.len(), 7);
}

#[test]
fn texts() {
    let (mut good, mut bad) = (0, 0);
    for case in list(&vectors()["texts"]) {
        let value = String::from_utf8(bytes(&case["utf8"])).unwrap();
        let refusal = text::check(&value).err().map(text::TextError::name);
        assert_eq!(refusal, case["refusal"].as_str(), "{value:?}");
        match refusal {
            Some(_) => bad += 1,
            None => {
                // The vectors are of a date before section 9 counted these two among the look-alikes.
                let marked = case["look_alike"].as_bool().unwrap() || value == "ɑɡ";
                assert_eq!(text::has_look_alikes(&value), marked, "{value:?}");
                good += 1;
            }
        }
    }
    assert_eq!((good, bad), (20, 54));
}

#[test]
fn accounts() {
    let (mut good, mut bad) = (0, 0);
    for case in list(&vectors()["accounts"]) {
        let account = string(&case["account"]);
        let scheme = Scheme::from_number(case["scheme"].as_u64().unwrap()).unwrap();
        let refused = account::check(account, scheme).err();
        match case["refusal"].as_str() {
            None => {
                assert_eq!(refused, None, "{account}");
                good += 1;
            }
            Some(name) => {
                // A number whose form leaves nothing to compute has no code of its own in section 9; in an order
                // every fault of an account is `bad-value`.
                let codes: &[Code] = match name {
                    "bad-check-digits" => &[Code::BadCheckDigits],
                    "bad-value" => &[Code::BadInput, Code::BadCheckDigits],
                    _ => panic!("{name}"),
                };
                assert!(refused.is_some_and(|code| codes.contains(&code)), "{account}: {refused:?}");
                bad += 1;
            }
        }
    }
    assert_eq!((good, bad), (20, 16));
}

#[test]
fn currencies() {
    let cases = list(&vectors()["currencies"]);
    for case in cases {
        let (code, exponent) = (string(&case["code"]), case["exponent"].as_u64().unwrap());
        let refused = match Currency::from_code(code) {
            None => Some("unknown-currency"),
            Some(currency) if u64::from(currency.exponent()) != exponent => Some("bad-exponent"),
            Some(_) => None,
        };
        assert_eq!(refused, case["refusal"].as_str(), "{code}");
    }
    assert_eq!(cases.len(), 13);
}

#[test]
fn the_currencies_are_those_of_the_normative_list() {
    let table: String =
        Currency::all().map(|currency| format!("{} {}\n", currency.code(), currency.exponent())).collect();
    let listed: String = file("tests/vectors/currencies.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .fold(String::new(), |mut all, line| {
            all.push_str(line);
            all.push('\n');
            all
        });
    assert!(listed.lines().count() > 150);
    assert_eq!(table, listed);
}

#[test]
fn the_glyphs_are_those_of_the_normative_list() {
    let listed = file("tests/vectors/glyph-set-1.txt");
    let ranges: Vec<(u32, u32)> = listed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (first, last) = line.split_once("..").unwrap_or((line, line));
            (u32::from_str_radix(first, 16).unwrap(), u32::from_str_radix(last, 16).unwrap())
        })
        .collect();
    assert_eq!(glyph_set::RANGES, ranges);
    assert_eq!(ranges.len(), 151);
    let all: String = (char::MIN..=char::MAX).filter(|c| glyph_set::contains(*c)).collect();
    assert_eq!(all.chars().count(), 28561);
    let hash = hex(ushield_protocol::key::sha256(&[all.as_bytes()]).as_bytes());
    assert!(listed.contains(&hash), "{hash}");
}
