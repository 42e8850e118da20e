//! The worked examples of `docs/protocol.md`: blocks "hex NAME" of `label: hex`, or of page lines between bars.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use ushield_protocol::key::unhex;

/// One example. Each entry has to be taken: what is not looked at would not be checked.
pub(crate) struct Block {
    name: String,
    entries: BTreeMap<String, String>,
    taken: RefCell<BTreeSet<String>>,
}

impl Block {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), entries: BTreeMap::new(), taken: RefCell::default() }
    }

    /// Takes an entry's bytes.
    pub(crate) fn bytes(&self, label: &str) -> Vec<u8> {
        unhex(&self.page(label)).unwrap_or_else(|| panic!("{}: {label} is not hex", self.name))
    }

    /// Takes an entry of fixed length.
    pub(crate) fn array<const N: usize>(&self, label: &str) -> [u8; N] {
        self.bytes(label).try_into().unwrap_or_else(|_| panic!("{}: {label} is not {N} bytes", self.name))
    }

    /// Takes an entry's text: a page, or hex.
    pub(crate) fn page(&self, label: &str) -> String {
        self.taken.borrow_mut().insert(label.to_owned());
        self.entries.get(label).unwrap_or_else(|| panic!("{}: no {label}", self.name)).clone()
    }

    /// Labels in alphabetical order.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Ends the check: every entry has been taken.
    pub(crate) fn finish(self) {
        let left: Vec<&String> =
            self.entries.keys().filter(|label| !self.taken.borrow().contains(*label)).collect();
        assert!(left.is_empty(), "{}: nobody checks {left:?}", self.name);
    }
}

/// The blocks of a document by name.
pub(crate) fn blocks(document: &str) -> BTreeMap<String, Block> {
    let mut blocks = BTreeMap::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("```hex ") else { continue };
        let block = read(name, lines.by_ref().take_while(|line| *line != "```"));
        assert!(blocks.insert(name.to_owned(), block).is_none(), "two blocks {name}");
    }
    blocks
}

fn read<'a>(name: &str, lines: impl Iterator<Item = &'a str>) -> Block {
    let mut block = Block::new(name);
    let mut label = String::new();
    for line in lines {
        if let Some(rest) = line.strip_prefix("  ") {
            let entry = block.entries.get_mut(&label).expect("a label first");
            match rest.strip_prefix('|').and_then(|rest| rest.strip_suffix('|')) {
                Some(row) => {
                    assert!(is_page(&label), "{name}: {label} is no page");
                    entry.push_str(row);
                    entry.push('\n');
                }
                None => entry.push_str(rest),
            }
        } else {
            let (head, hex) = line.split_once(':').expect("label: hex");
            label = head.to_owned();
            assert!(
                block.entries.insert(label.clone(), hex.trim().to_owned()).is_none(),
                "{name}: two {label}"
            );
        }
    }
    for (label, entry) in &mut block.entries {
        if is_page(label) {
            assert_eq!(entry.pop(), Some('\n'), "{name}: {label} is empty");
            assert_eq!(entry.split('\n').count(), 6, "{name}: {label}");
        }
    }
    block
}

fn is_page(label: &str) -> bool {
    label.rsplit(' ').nth(1) == Some("page")
}
