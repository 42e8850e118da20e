use alloc::string::ToString;
use std::vec;

use ushield_protocol::key::{BankId, DeviceId, Sign, SigningKey};
use ushield_protocol::render::Profile;

use super::*;

fn me(locale: Locale) -> Identity {
    Identity {
        device: DeviceId::from([0xab; 16]),
        name: "W".repeat(32),
        brand: "U".repeat(24),
        bank: BankId::new("USHDCNBJXXX").unwrap(),
        root: SigningKey::from_bytes(&[1; 32]).unwrap().public_key(),
        profile: if locale == Locale::Zh { Profile::Zh1 } else { Profile::En1 },
        firmware: 0xffff,
    }
}

fn every_screen(locale: Locale) -> Vec<String> {
    let screens = Screens::new(locale);
    let (me, name, id) = (me(locale), "W".repeat(32), PhoneId::from([0xab; 8]));
    let mut pages = vec![
        screens.idle(&me, 8, PinState { initial: true, tries: 5 }),
        screens.idle(&me, 8, PinState { initial: false, tries: 0 }),
        screens.phone(None, 0, 0),
        screens.phone(Some((&id, &name)), 7, 8),
        screens.about(&me),
        screens.pairing_mode(0),
        screens.pairing_mode(2),
        screens.code(0),
        screens.code(2),
        screens.by_code(false),
        screens.by_code(true),
        screens.digits(7, false),
        screens.digits(7, true),
        screens.pin_change(),
        screens.forget(&id, &name),
        screens.pin_missing(),
        screens.pin_wrong(4),
        screens.last_try(true),
        screens.last_try(false),
        screens.failure(),
    ];
    pages.extend((0..3).map(|at| screens.menu(at)));
    let notices = [
        Notice::Approved,
        Notice::KeyMade,
        Notice::Rejected,
        Notice::Cancelled,
        Notice::TimedOut,
        Notice::LinkLost,
        Notice::PinChanged,
        Notice::PinWrong(4),
        Notice::PinLocked,
        Notice::Paired(name),
        Notice::PairingTriesSpent,
        Notice::PhonesFull,
        Notice::Forgotten,
        Notice::NotDone,
    ];
    pages.extend(notices.into_iter().map(|notice| screens.notice(&notice)));
    pages
}

/// The display takes six lines of at most 24 cells from its glyph set, and shows a fault instead of anything else.
#[test]
fn every_screen_fits_the_display() {
    for locale in [Locale::Zh, Locale::En] {
        for page in every_screen(locale) {
            assert_eq!(page.split('\n').count(), ROWS, "{page}");
            for line in page.split('\n') {
                assert!(cells(line) <= COLUMNS, "{line}");
                for word in line.split(' ') {
                    assert_eq!(text::check(word), Ok(()), "{line}");
                }
            }
        }
    }
}

/// Own words are never cut: what `fit` takes away would show here.
#[test]
fn no_word_is_longer_than_its_line() {
    for locale in [Locale::Zh, Locale::En] {
        let w = Words::of(locale);
        let texts = [
            w.pairing_mode,
            w.change_pin_text,
            w.pin_missing,
            w.last_try,
            w.approved,
            w.key_made,
            w.rejected,
            w.cancelled,
            w.timed_out,
            w.link_lost,
            w.pin_changed,
            w.locked,
            w.paired,
            w.pairing_tries_spent,
            w.phones_full,
            w.forgotten,
            w.not_done,
            w.failure_text,
            w.wait_for_phone,
            w.phone_says_ok,
            &[w.pin_locked, w.pin_initial, w.digits_equal, w.confirm_on_phone, w.pin_again, w.forget],
        ];
        for line in texts.iter().flat_map(|text| text.iter()) {
            assert!(cells(line) <= COLUMNS, "{line}");
        }
        for text in texts.iter().take(20) {
            assert!(text.len() <= ROWS - 2, "{text:?}");
        }
        for (left, right) in [
            (w.select_key, w.back_key),
            (w.forget_key, w.back_key),
            (w.page_key, w.reject_key),
            (w.try_key, w.reject_key),
            (w.yes_key, w.no_key),
            (w.code_key, w.back_key),
        ] {
            assert!(cells(left) + cells(right) < COLUMNS, "{left} {right}");
        }
    }
}

#[test]
fn digits_are_six_with_leading_zeros() {
    let page = Screens::new(Locale::En).digits(42, true);
    assert!(page.contains(" 000042"), "{page}");
    assert_eq!(Screens::new(Locale::Zh).menu(1).split('\n').nth(2).unwrap().to_string(), "> 手机");
}

/// However long the name: what tells two phones apart is there, in the list and in the question.
#[test]
fn a_phone_is_shown_with_its_id() {
    let (id, name) = (PhoneId::from([0xab; 8]), "W".repeat(32));
    for locale in [Locale::Zh, Locale::En] {
        let screens = Screens::new(locale);
        for page in [screens.phone(Some((&id, &name)), 0, 1), screens.forget(&id, &name)] {
            assert!(page.contains("abababababababab"), "{page}");
        }
    }
}

/// The symbol covers the left half: nothing is written there, and every word beside it is whole.
#[test]
fn a_code_has_its_half_to_itself() {
    for locale in [Locale::Zh, Locale::En] {
        let (screens, w) = (Screens::new(locale), Words::of(locale));
        for (tries, count) in [(0, 5), (2, 6)] {
            let page = screens.code(tries);
            let words: Vec<&str> = page.split('\n').filter(|line| !line.is_empty()).collect();
            assert_eq!(words.len(), count);
            for line in words {
                let (left, right) = line.split_at(HALF);
                assert_eq!(left.trim(), "");
                assert!(!right.starts_with(' ') && cells(right) <= COLUMNS - HALF, "{line}");
            }
            assert!(page.contains(w.digits_key) && page.contains(w.back_key));
            assert_eq!(page.contains("2/3"), tries == 2);
        }
    }
}
