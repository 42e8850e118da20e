//! Blocks onto pages of six lines (section 10, layout).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{COLUMNS, Locale, ROWS};
use crate::text;

/// Content lines of a page: all but title and keys.
const CONTENT: usize = ROWS - 2;

/// A label and its value's lines, as they will stand.
pub(super) struct Block {
    label: Option<String>,
    lines: Vec<String>,
}

impl Block {
    /// Label and value; on one line where both fit.
    pub(super) fn labelled(label: String, mut value: Vec<String>) -> Self {
        let joined = match value.as_slice() {
            [only] => Some(format!("{label} {only}")).filter(|line| cells(line) <= COLUMNS),
            _ => None,
        };
        match joined {
            Some(line) => value = alloc::vec![line],
            None => value.insert(0, label.clone()),
        }
        Self { label: Some(label), lines: value }
    }

    /// Label with a mark behind it, and value; never on one line. The mark is not repeated on further pages.
    pub(super) fn marked(label: String, mark: &str, mut value: Vec<String>) -> Self {
        value.insert(0, format!("{label}{mark}"));
        Self { label: Some(label), lines: value }
    }

    /// A value that says itself what it is.
    pub(super) fn unlabelled(lines: Vec<String>) -> Self {
        Self { label: None, lines }
    }
}

/// Lays blocks out.
pub(super) fn pages(title: &str, blocks: &[Block], locale: Locale) -> Vec<String> {
    let contents = contents(blocks, locale);
    let total = contents.len();
    contents
        .into_iter()
        .enumerate()
        .map(|(index, mut content)| {
            content.resize(CONTENT, String::new());
            let mut lines = Vec::with_capacity(ROWS);
            lines.push(justify(title, &format!("{}/{total}", index + 1)));
            lines.append(&mut content);
            lines.push(keys(index + 1 == total, locale));
            lines.join("\n")
        })
        .collect()
}

fn contents(blocks: &[Block], locale: Locale) -> Vec<Vec<String>> {
    let mut pages: Vec<Vec<String>> = Vec::new();
    let mut current: Vec<String> = Vec::new();
    for block in blocks {
        let fits = current.len() + block.lines.len() <= CONTENT;
        if !fits && !current.is_empty() {
            pages.push(core::mem::take(&mut current));
        }
        for line in &block.lines {
            if current.len() == CONTENT {
                pages.push(core::mem::take(&mut current));
                current.extend(block.label.as_ref().map(|label| continued(label, locale)));
            }
            current.push(line.clone());
        }
        // Nothing follows it on its last page: a label inside a long text would look like the next block's.
        if block.lines.len() > CONTENT {
            pages.push(core::mem::take(&mut current));
        }
    }
    if !current.is_empty() {
        pages.push(current);
    }
    pages
}

fn continued(label: &str, locale: Locale) -> String {
    match locale {
        Locale::Zh => format!("{label}(续)"),
        Locale::En => format!("{label} (cont.)"),
    }
}

fn keys(last: bool, locale: Locale) -> String {
    match (last, locale) {
        (false, Locale::Zh) => justify("↓下页", "C拒绝"),
        (true, Locale::Zh) => justify("OK确认", "C拒绝"),
        (false, Locale::En) => justify("↓next", "C reject"),
        (true, Locale::En) => justify("OK approve", "C reject"),
    }
}

fn justify(left: &str, right: &str) -> String {
    let gap = COLUMNS.saturating_sub(cells(left) + cells(right));
    format!("{left}{:gap$}{right}", "")
}

fn cells(line: &str) -> usize {
    line.chars().map(text::width).sum()
}
