use alloc::string::String;

use proptest::prelude::*;
use unicode_normalization::is_nfc;

use super::*;

#[test]
fn each_refusal_has_its_name() {
    let cases = [
        ("a\nb", TextError::Control),
        ("a\u{2028}b", TextError::Control),
        ("a\u{202e}b", TextError::Bidi),
        ("a\u{200b}b", TextError::ZeroWidth),
        ("a\u{feff}", TextError::ZeroWidth),
        ("a\u{1f600}", TextError::NotShowable),
        ("e\u{301}", TextError::NotShowable),
        (" a", TextError::Spaces),
        ("a ", TextError::Spaces),
        ("a  b", TextError::Spaces),
        ("pаypal", TextError::MixedScripts),
        ("Αlpha", TextError::MixedScripts),
    ];
    for (text, error) in cases {
        assert_eq!(check(text), Err(error), "{text:?}");
    }
}

#[test]
fn ordinary_names_pass_and_look_alikes_are_marked() {
    for (text, marked) in [
        ("北京某某科技有限公司", false),
        ("Müller 张伟 (ACME) Co., Ltd.", false),
        ("ООО Рога", true),
        ("トヨタ自動車 Toyota", false),
    ] {
        assert_eq!(check(text), Ok(()), "{text}");
        assert_eq!(has_look_alikes(text), marked, "{text}");
    }
    assert!(has_look_alikes("ＡＢＣ"));
    assert!(has_look_alikes("Ⅳ"));
}

#[test]
fn a_name_holds_no_account() {
    for name in ["7-Eleven 便利店", "杭州第二中学 (2026)", "二〇二六年基金会", "No. 12345"] {
        assert_eq!(check_name(name), Ok(()), "{name}");
    }
    for name in ["龙井茶业账号 6217 0012", "ACME ６２１７００", "a1b2c3d4e5f6", "①②③④⑤⑥"]
    {
        assert_eq!(check_name(name), Err(TextError::Digits), "{name}");
    }
    assert_eq!(check("账号 6217 0012"), Ok(()), "another text may");
}

#[test]
fn the_set_is_closed_under_nfc() {
    for (first, last) in glyph_set::RANGES {
        for code in *first..=*last {
            let c = char::from_u32(code).unwrap();
            assert!(is_nfc(&String::from(c)), "{code:04x}");
            assert!(!c.is_control());
        }
    }
}

proptest! {
    #[test]
    fn a_text_that_passes_is_nfc(text in "\\PC{0,40}") {
        if check(&text).is_ok() {
            prop_assert!(is_nfc(&text));
        }
    }
}
