use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use fluent_bundle::FluentResource;
use ushield_protocol::cbor::{Field, Reason};
use ushield_protocol::key::{DeviceId, OrderId};
use ushield_protocol::refusal::Refusal;

use super::*;
use crate::error::{Doubt, Holder};

/// Every text that there is: names of messages, and of attributes behind a dot.
fn ids(language: Language) -> BTreeSet<String> {
    // A line of a text is indented; what is not is a message, a comment or empty.
    let mut ids = BTreeSet::new();
    let mut message = String::new();
    for line in language.source().lines() {
        let text = line.trim_start();
        let name = text.split_once(" = ").map(|(name, _)| name);
        if line.starts_with(|c: char| c.is_ascii_lowercase()) {
            message = name.unwrap().to_owned();
            assert!(ids.insert(message.clone()), "{message} twice");
        } else if text.starts_with('.') {
            assert!(ids.insert(format!("{message}{}", name.unwrap())), "{message}{text} twice");
        }
    }
    ids
}

fn order() -> OrderId {
    OrderId::from_random([7; 16])
}

fn moments() -> Vec<Moment> {
    let (order, link) = (order(), "TCP 127.0.0.1:7601".to_owned());
    let mut moments = vec![
        Moment::Connecting { link: Some(link) },
        Moment::Connecting { link: None },
        Moment::Connected,
        Moment::Reconnecting { attempt: 2 },
        Moment::Resuming { order },
        Moment::CreatingOrder,
        Moment::OpenOrderFound { order },
        Moment::ReviewOnToken { order, pages: 3 },
        Moment::PinNeeded,
        Moment::PinWrong { tries: 4 },
        Moment::LastTry,
        Moment::Approved,
        Moment::Rejected,
        Moment::Submitting,
        Moment::Unknown { order },
        Moment::Cancelling,
        Moment::StoringCertificate,
    ];
    moments.extend(LINK_EVENTS.map(Moment::Link));
    let name = Some("U-Shield 01".to_owned());
    moments.push(Moment::Link(LinkEvent::WrongToken { name }));
    moments.extend(SCREENS.map(|screen| Moment::PressOkOnToken { screen }));
    moments.extend(Outcome::ALL.map(|outcome| Moment::Settled { order, outcome }));
    moments
}

const LINK_EVENTS: [LinkEvent; 6] = [
    LinkEvent::RadioOff,
    LinkEvent::RadioForbidden,
    LinkEvent::NoReader,
    LinkEvent::SeveralTokens { found: 2 },
    LinkEvent::WrongToken { name: None },
    LinkEvent::TagLost,
];

const SCREENS: [TokenScreen; 4] =
    [TokenScreen::Pairing, TokenScreen::PairingByCode, TokenScreen::PinChange, TokenScreen::Forget];

const REASONS: [PinReason; 5] = [
    PinReason::Approve,
    PinReason::WrongBefore { tries: 3 },
    PinReason::SecondPhone,
    PinReason::Current,
    PinReason::New,
];

fn statuses() -> Vec<Status> {
    let mut statuses = vec![
        Status::Requested,
        Status::Open,
        Status::Decided,
        Status::Unknown,
        Status::NotCreated(Code::BadRequest),
    ];
    statuses.extend(Outcome::ALL.map(Status::Ended));
    statuses
}

/// Every error that a text could be asked for: each code with each kind of argument, and with none.
fn errors() -> Vec<Error> {
    let holder = Detail::Holder(Holder { pid: 4711, program: "ushield".to_owned() });
    let details = [
        None,
        Some(holder),
        Some(Detail::SetAside(PathBuf::from("PATH"))),
        Some(Detail::Path(PathBuf::from("PATH"))),
        Some(Detail::Host("bank.example:8443".to_owned())),
        Some(Detail::Device([5; 16].into())),
    ];
    let mut errors = Vec::new();
    for code in Code::ALL {
        for detail in details.clone() {
            let error = Error::new(*code);
            errors.push(detail.map_or(error.clone(), |detail| error.with_detail(detail)));
        }
        errors.extend([0, 1, 2, 5].map(|tries| Error::new(*code).with_tries_left(tries)));
        errors.push(Error::new(*code).at("creditor_account"));
        let field = Field::inner(10, 14);
        errors.extend(Doubt::ALL.map(|doubt| Error::new(*code).with_doubt(doubt)));
        errors.push(Refusal { code: *code, field: Some(field), reason: Some(Reason::UnknownField) }.into());
    }
    errors
}

#[test]
fn every_file_is_read_without_an_error() {
    for language in Language::ALL {
        let result = FluentResource::try_new(language.source().to_owned());
        assert!(result.is_ok(), "{language:?}: {:?}", result.err().map(|(_, errors)| errors));
        assert_eq!(Catalogue::new(language).bundle.locales, [language.tag()]);
    }
}

#[test]
fn every_name_has_its_texts_in_both_languages_and_no_text_is_left_over() {
    let mut expected = BTreeSet::new();
    for code in Code::ALL {
        expected.extend([
            code.name().to_owned(),
            format!("{}.what", code.name()),
            format!("{}.remedy", code.name()),
        ]);
    }
    for doubt in Doubt::ALL {
        let id = format!("doubt-{}", doubt.name());
        expected.extend([format!("{id}.what"), format!("{id}.remedy"), id]);
    }
    expected.extend(moments().iter().map(|moment| format!("moment-{}", moment.name())));
    expected.extend(SCREENS.iter().map(|screen| format!("screen-{}", screen.name())));
    expected.extend(statuses().iter().map(|status| format!("status-{}", status.name())));
    expected.extend(
        ["approve", "wrong-before", "second-phone", "current", "new"].map(|name| format!("ask-{name}")),
    );
    for language in Language::ALL {
        let (places, texts): (BTreeSet<_>, BTreeSet<_>) =
            ids(language).into_iter().partition(|id| id.starts_with("place-"));
        assert_eq!(texts, expected, "{language:?}");
        // Inputs are named by whoever refuses them; here both languages must know the same.
        assert_eq!(places, ids(Language::En).into_iter().filter(|id| id.starts_with("place-")).collect());
    }
}

#[test]
fn every_text_can_be_said_with_what_is_known_and_without() {
    for language in Language::ALL {
        let catalogue = Catalogue::new(language);
        let say = |id: &str, attribute: Option<&str>, args: &FluentArgs<'_>| {
            let mut errors = Vec::new();
            let text = catalogue.try_format(id, attribute, args, &mut errors).unwrap();
            assert!(errors.is_empty(), "{language:?} {id} {attribute:?}: {errors:?}");
            let strange = text.is_empty()
                || text.contains(['{', '}', '$'])
                || text.replace("none was checked", "").contains(NONE);
            assert!(!strange, "{language:?} {id} {attribute:?}: {text}");
        };
        for error in errors() {
            let args = catalogue.arguments(&error);
            for attribute in [None, Some("what"), Some("remedy")] {
                say(error.code().name(), attribute, &args);
            }
            if let Some(doubt) = error.doubt() {
                let text = catalogue.text(&error);
                let body = format!("doubt-{}", doubt.name());
                for (attribute, text) in [("what", text.what), ("remedy", text.remedy)] {
                    say(&body, Some(attribute), &args);
                    assert!(!text.contains(&body), "{text}");
                }
            }
        }
        let mut said: Vec<String> = moments().iter().map(|moment| catalogue.moment(moment)).collect();
        said.extend(REASONS.map(|reason| catalogue.ask_pin(reason)));
        let named = REASONS.map(|reason| catalogue.ask_pin_of(Some("U-Shield 01"), reason));
        assert!(named.iter().all(|text| text.contains("U-Shield 01")), "{named:?}");
        said.extend(named);
        said.extend(statuses().into_iter().map(|status| catalogue.status(status)));
        for text in said {
            assert!(
                text.contains(' ') || language == Language::Zh || !text.contains('-'),
                "{text} is a name"
            );
            assert!(!text.contains(['{', '$']), "{text}");
        }
    }
}

#[test]
fn what_is_known_is_said() {
    let english = Catalogue::new(Language::En);
    let chinese = Catalogue::new(Language::Zh);
    let holder = Detail::Holder(Holder { pid: 4711, program: "ushield".to_owned() });
    let device = DeviceId::from([0xd5; 16]);
    let cases: [(Error, &str); 8] = [
        (Error::new(Code::StoreLocked).with_detail(holder), "ushield (4711)"),
        (
            Error::new(Code::StoreCorrupt).with_detail(Detail::SetAside("/d/store.corrupt-1".into())),
            "/d/store.corrupt-1",
        ),
        (Error::new(Code::StoreFailure).with_detail(Detail::Path("/d/store".into())), "/d/store"),
        (Error::new(Code::KeystoreFailure).with_detail(Detail::Path("/k/keys".into())), "/k/keys"),
        (
            Error::new(Code::TokenNotFound).with_detail(Detail::Host("127.0.0.1:7601".into())),
            "127.0.0.1:7601",
        ),
        (Error::new(Code::BankUnreachable).with_detail(Detail::Host("bank.example".into())), "bank.example"),
        (Error::new(Code::NotPaired).with_detail(Detail::Device(device)), "d5d5d5d5"),
        (DECODE.into(), "10.14: unknown-field"),
    ];
    for (error, expected) in cases {
        for catalogue in [&english, &chinese] {
            let text = catalogue.text(&error);
            assert!(text.what.contains(expected), "{expected} in {text:?}");
        }
    }
    for (tries, en, zh) in [(1, "One try", "1 次"), (3, "3 tries", "3 次"), (0, "locked now", "现已锁定")]
    {
        let error = Error::new(Code::PinWrong).with_tries_left(tries);
        assert!(english.text(&error).what.contains(en), "{tries}");
        assert!(chinese.text(&error).what.contains(zh), "{tries}");
    }
}

const DECODE: ushield_protocol::cbor::DecodeError =
    ushield_protocol::cbor::DecodeError { reason: Reason::UnknownField, field: Field::inner(10, 14) };

#[test]
fn an_input_is_called_by_its_name_and_a_strange_one_as_it_came() {
    let error = Error::new(Code::BadCheckDigits).at("creditor_account");
    assert!(Catalogue::new(Language::En).text(&error).what.contains("the payee's account"));
    assert!(Catalogue::new(Language::Zh).text(&error).what.contains("收款账号"));
    let error = Error::new(Code::BadInput).at("frobnication_level");
    assert!(Catalogue::new(Language::En).text(&error).what.contains("frobnication_level"));
}

#[test]
fn no_argument_steers_a_terminal() {
    let error = Error::new(Code::StoreFailure).with_detail(Detail::Path("/d/\u{1b}[2J\nx".into()));
    let text = Catalogue::new(Language::En).text(&error);
    assert!(!text.what.contains(['\u{1b}', '\n']), "{text:?}");
}

#[test]
fn titles_differ_so_that_a_person_can_tell_errors_apart() {
    for language in Language::ALL {
        let catalogue = Catalogue::new(language);
        let mut titles: BTreeMap<String, Code> = BTreeMap::new();
        for code in Code::ALL {
            let other = titles.insert(catalogue.title(*code), *code);
            assert_eq!(other, None, "{language:?}: {code}");
        }
    }
}

#[test]
fn an_unknown_end_is_never_called_a_failure() {
    for (language, words) in [(Language::En, ["failed.", "fail "]), (Language::Zh, ["失败。", "已失败"])]
    {
        let catalogue = Catalogue::new(language);
        for code in
            [Code::BankUnreachable, Code::BankFailure, Code::LinkLost, Code::TokenTimeout, Code::Interrupted]
        {
            let text = catalogue.text(&Error::new(code));
            let all = [text.title, text.what, text.remedy].concat();
            assert!(!words.iter().any(|word| all.contains(word)), "{all}");
        }
    }
    let unknown = Moment::Unknown { order: order() };
    assert!(Catalogue::new(Language::En).moment(&unknown).contains("has not failed"));
    assert!(Catalogue::new(Language::Zh).moment(&unknown).contains("并不是失败"));
}

#[test]
fn a_tag_chooses_a_language() {
    for (tag, language) in [
        ("zh", Language::Zh),
        ("zh-CN", Language::Zh),
        ("ZH_cn.UTF-8", Language::Zh),
        ("zh-Hans-CN", Language::Zh),
        ("en-GB", Language::En),
        ("zha", Language::En),
        ("C", Language::En),
        ("", Language::En),
    ] {
        assert_eq!(Language::from_tag(tag), language, "{tag}");
    }
}
