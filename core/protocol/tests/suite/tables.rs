//! The tables and lists of `docs/protocol.md` that the code repeats.

use std::collections::BTreeSet;

use ushield_protocol::cbor::Reason;
use ushield_protocol::code::Code;
use ushield_protocol::cose::Tag;
use ushield_protocol::message::Kind;

use crate::support::file;

fn section(title: &str) -> String {
    let document = file("docs/protocol.md");
    let (_, rest) = document.split_once(&format!("\n## {title}")).unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

fn rows(section: &str) -> impl Iterator<Item = Vec<&str>> {
    section
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn section_14_is_the_catalogue() {
    let section = section("14. ");
    let listed: Vec<_> = rows(&section)
        .filter(|row| row[0].starts_with("0x"))
        .map(|row| (u16::from_str_radix(&row[0][2..], 16).unwrap(), row[1], row[2], row[3]))
        .collect();
    let known: Vec<_> = Code::ALL
        .iter()
        .map(|code| {
            let class = format!("{:?}", code.class()).to_lowercase();
            (code.number(), code.name(), class, format!("{:?}", code.fault()).to_lowercase())
        })
        .collect();
    assert_eq!(listed.len(), known.len());
    for (row, (number, name, class, fault)) in listed.iter().zip(&known) {
        assert_eq!(*row, (*number, *name, class.as_str(), fault.as_str()));
    }
    assert!(listed.len() > 80);
    for code in Code::ALL {
        assert_eq!(Code::from_number(code.number()), Some(*code));
        assert_eq!(Code::from_name(code.name()), Some(*code));
        assert_eq!(code.wire().is_some(), code.number() < 0x80);
        assert_eq!(code.wire().and_then(Code::from_wire), code.wire().map(|_| *code));
    }
}

#[test]
fn section_1_lists_the_tags() {
    let section = section("1. ");
    let listed: BTreeSet<&str> = rows(&section)
        .filter_map(|row| row.last().copied())
        .flat_map(quoted)
        .filter(|tag| tag.starts_with("USHIELD-"))
        .collect();
    // Reserved: nothing signs or verifies a root's successor yet.
    let known = Tag::ALL.iter().map(|tag| std::str::from_utf8(tag.as_bytes()).unwrap());
    assert_eq!(listed, known.chain(["USHIELD-ROOT-v1"]).collect());
    assert_eq!(listed.len(), 9);
}

#[test]
fn section_7_lists_the_reasons() {
    let section = section("7. ");
    let (_, list) = section.split_once("and with the field:").unwrap();
    let listed: Vec<&str> = quoted(list.split('.').next().unwrap());
    let known: Vec<&str> = Reason::ALL[1..].iter().map(|reason| reason.name()).collect();
    assert_eq!(listed, known);
    for (at, reason) in Reason::ALL.iter().enumerate() {
        assert_eq!(usize::from(reason.number()), at);
    }
}

#[test]
fn section_2_lists_the_kinds() {
    let section = section("2. ");
    let listed: Vec<(u8, bool)> =
        rows(&section).filter_map(|row| Some((row[0].parse().ok()?, row[2] == "both"))).collect();
    let known: Vec<(u8, bool)> = Kind::ALL.iter().map(|kind| (kind.number(), kind.from_phone())).collect();
    assert_eq!(listed, known);
    for number in 0..=u8::MAX {
        assert_eq!(Kind::from_number(number).map(Kind::number), (number < 6).then_some(number));
    }
}
