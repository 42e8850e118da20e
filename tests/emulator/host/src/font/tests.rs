use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// The normative list, read here by a parser of its own.
fn glyph_set() -> BTreeSet<char> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/glyph-set-1.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let mut set = BTreeSet::new();
    for line in text.lines().map(|line| line.split('#').next().unwrap().trim()) {
        if line.is_empty() {
            continue;
        }
        let (first, last) = line.split_once("..").unwrap_or((line, line));
        let code = |part: &str| u32::from_str_radix(part.trim_start_matches("U+"), 16).unwrap();
        set.extend((code(first)..=code(last)).map(|code| char::from_u32(code).unwrap()));
    }
    set
}

#[test]
fn covers_exactly_the_glyph_set() {
    let font = Font::load().unwrap();
    let set = glyph_set();
    assert!(set.len() > 27_000, "{}", set.len());
    assert_eq!(font.characters().collect::<BTreeSet<_>>(), set);
    for character in set {
        assert!(font.glyph(character).is_some(), "U+{:04X}", u32::from(character));
    }
}

#[test]
fn only_spaces_are_blank() {
    let font = Font::load().unwrap();
    let blank: Vec<char> = font.characters().filter(|c| font.glyph(*c).unwrap().is_blank()).collect();
    assert!(blank.iter().all(|c| c.is_whitespace()), "{blank:?}");
}

#[test]
fn ascii_takes_one_cell_and_everything_else_two() {
    let font = Font::load().unwrap();
    for character in font.characters() {
        let narrow = matches!(font.glyph(character), Some(Glyph::Narrow(_)));
        assert_eq!(narrow, character.is_ascii(), "{character}");
    }
}

#[test]
fn what_is_not_in_the_set_has_no_glyph() {
    let font = Font::load().unwrap();
    for character in
        ['\0', '\n', '\u{7f}', '\u{a0}', '\u{200b}', '\u{202e}', '\u{feff}', '\u{1f600}', '\u{10ffff}']
    {
        assert_eq!(font.glyph(character), None, "U+{:04X}", u32::from(character));
    }
}

/// Two ideographs with one picture are two payees that a customer cannot tell apart. These pairs are Unifont's own;
/// the list may get shorter, never longer.
#[test]
fn pictures_of_letters_and_ideographs_differ() {
    let font = Font::load().unwrap();
    let mut seen: BTreeMap<Glyph, Vec<char>> = BTreeMap::new();
    // Greek and Cyrillic share pictures by nature; the pages mark them as look-alikes.
    let marked = |c: char| matches!(c, '\u{370}'..='\u{4ff}');
    for character in font.characters().filter(|c| c.is_alphanumeric() && !marked(*c)) {
        seen.entry(font.glyph(character).unwrap()).or_default().push(character);
    }
    let alike: Vec<String> = seen.into_values().filter(|v| v.len() > 1).map(|v| v.iter().collect()).collect();
    assert_eq!(alike, ["㬺幐", "㘽㦳"]);
}

#[test]
fn damaged_assets_are_errors() {
    assert!(decode(&TABLE[..TABLE.len() / 2]).is_err());
    assert!(decode(b"not a picture").is_err());
    for bad in ["4E00", "4E00..", "4F00..4E00", "4E00..4E01\n4E01..4E02", "x..y"] {
        assert!(parse_ranges(bad).is_err(), "{bad}");
    }
}
