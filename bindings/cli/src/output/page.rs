//! Pages of the token's screen, drawn as it shows them.

use ushield_protocol::render::COLUMNS;

use super::table::{Align, pad};

/// Cells of a drawn page.
const WIDTH: usize = COLUMNS + 2;

/// Pages in frames, as many beside each other as `width` cells take.
pub(crate) fn draw<'a>(pages: impl Iterator<Item = &'a str>, width: usize) -> String {
    let frames: Vec<Vec<String>> = pages.map(frame).collect();
    let beside = ((width + 1) / (WIDTH + 1)).max(1);
    let rows = frames.chunks(beside).map(|row| {
        let height = row.iter().map(Vec::len).max().unwrap_or(0);
        let line = |at| row.iter().filter_map(|frame| frame.get(at)).map(String::as_str).collect::<Vec<_>>();
        (0..height).map(|at| line(at).join(" ")).collect::<Vec<_>>().join("\n")
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn frame(page: &str) -> Vec<String> {
    let rule = "─".repeat(COLUMNS);
    let lines = page.split('\n').map(|line| format!("│{}│", pad(line, COLUMNS, Align::Left)));
    std::iter::once(format!("┌{rule}┐")).chain(lines).chain([format!("└{rule}┘")]).collect()
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    const PAGE: &str =
        "转账                 1/5\n收款人\n杭州西湖龙井茶业有限公司\n\n\n↓下页             C拒绝";

    #[test]
    fn every_line_of_a_frame_is_as_wide() {
        for lines in [draw([PAGE].into_iter(), 80), draw([PAGE; 3].into_iter(), 80)] {
            assert_eq!(lines.lines().count(), 8);
            let widths: Vec<usize> = lines.lines().map(UnicodeWidthStr::width).collect();
            assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
        }
    }

    #[test]
    fn pages_stand_beside_each_other_where_there_is_room() {
        for (width, lines) in [(20, 32), (26, 32), (52, 32), (53, 16), (80, 16), (107, 8)] {
            assert_eq!(draw([PAGE; 4].into_iter(), width).lines().count(), lines, "{width}");
        }
        assert_eq!(draw(std::iter::empty(), 80), "");
    }
}
