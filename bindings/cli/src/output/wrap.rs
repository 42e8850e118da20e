//! Lines broken where words end, so that a terminal does not break them inside one.

use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter, fill};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Marks that stand before a line's text.
const MARKS: [&str; 4] = ["→ ", "← ", "✗ ", "✔ "];

/// `text` in lines of at most `width` cells; what goes on stands below where its line begins. Drawings, and what has colours already,
/// stay as they are.
pub(crate) fn wrap(text: &str, width: usize) -> String {
    text.split('\n').map(|line| wrap_line(line, width)).collect::<Vec<_>>().join("\n")
}

fn wrap_line(line: &str, width: usize) -> String {
    let drawn = line.contains(['\u{1b}', '│', '─', '█']);
    let body = line.trim_start_matches(' ');
    let indent = line.len() - body.len();
    let marked = MARKS.iter().any(|mark| body.starts_with(mark));
    let hanging = indent + if marked { 2 } else { 0 };
    if drawn || line.width() <= width || hanging + 20 > width {
        return line.to_owned();
    }
    let (first, rest) = (" ".repeat(indent), " ".repeat(hanging));
    let options = Options::new(width)
        .initial_indent(&first)
        .subsequent_indent(&rest)
        .word_separator(WordSeparator::Custom(words))
        .word_splitter(WordSplitter::NoHyphenation);
    fill(body, options)
}

/// What is typed as it stands, between back quotes, is one word. Words end at spaces, and after a wide character unless punctuation follows it.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut ends = Vec::new();
    let mut command = false;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        command ^= c == '`';
        if command {
            continue;
        }
        let end = at + c.len_utf8();
        let next = chars.peek().map(|(_, next)| *next);
        let after_space = c == ' ' && next.is_some_and(|next| next != ' ');
        let wide = |c: char| c.width() == Some(2);
        let after_wide = wide(c)
            && !"（“《".contains(c)
            && next.is_some_and(|next| next != ' ' && !"，。；：、？！）”》".contains(next));
        let before_wide =
            !wide(c) && next.is_some_and(|next| wide(next) && !"，。；：、？！）”》".contains(next));
        if after_space || after_wide || (before_wide && !"(“".contains(c)) {
            ends.push(end);
        }
    }
    ends.push(line.len());
    let mut begin = 0;
    Box::new(ends.into_iter().filter_map(move |end| {
        let word = line.get(begin..end)?;
        begin = end;
        Some(Word::from(word))
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_ends_with_a_word_and_goes_on_below_its_beginning() {
        let text = "  → Bring the token near again, press any key on it, and look at the light.";
        assert_eq!(
            wrap(text, 40),
            "  → Bring the token near again, press\n    any key on it, and look at the\n    light."
        );
        let order = "  Order 18f234df-2d91-4724-890c-d2e45466180d is not over";
        assert_eq!(wrap(order, 42), "  Order\n  18f234df-2d91-4724-890c-d2e45466180d is\n  not over");
    }

    #[test]
    fn a_command_stays_whole() {
        let text = "Every order stays as it is: `ushield cancel` takes one back";
        assert_eq!(wrap(text, 38), "Every order stays as it is:\n`ushield cancel` takes one back");
    }

    #[test]
    fn chinese_breaks_between_characters_and_not_before_punctuation() {
        let wrapped = wrap("  请把U盾重新贴近，然后继续。请把U盾重新贴近，然后继续。", 30);
        assert!(wrapped.lines().count() > 1);
        for line in wrapped.lines() {
            assert!(line.width() <= 30 && !line.trim_start().starts_with(['，', '。']), "{line}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_wider(text in "( {0,2}[a-z我们，。]{1,12}){1,20}", width in 40..100_usize) {
            let wrapped = wrap(&text, width);
            let plain = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(plain(&wrapped), plain(&text));
            prop_assert!(wrapped.lines().all(|line| line.width() <= width));
        }
    }
}
