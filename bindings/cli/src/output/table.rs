//! Tables whose columns align, wide characters included.

use unicode_width::UnicodeWidthStr;

/// Where a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table: a line of titles, and a line for each row. Two spaces between columns, none at a line's end.
pub(crate) fn table<const N: usize>(columns: [(String, Align); N], rows: &[[String; N]]) -> String {
    let titles = columns.each_ref().map(|(title, _)| title.clone());
    let mut widths = titles.each_ref().map(|title| title.width());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |cells: &[String; N]| {
        let cells: Vec<String> = cells
            .iter()
            .zip(widths)
            .zip(&columns)
            .map(|((cell, width), (_, align))| pad(cell, width, *align))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    std::iter::once(&titles).chain(rows).map(line).collect::<Vec<_>>().join("\n")
}

/// Names and values, one pair a line.
pub(crate) fn pairs(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let line = |(name, value): &(String, String)| format!("{}  {value}", pad(name, width, Align::Left));
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Text with spaces up to a width in cells; longer text stays whole.
pub(crate) fn pad(text: &str, width: usize, align: Align) -> String {
    let spaces = " ".repeat(width.saturating_sub(text.width()));
    match align {
        Align::Left => format!("{text}{spaces}"),
        Align::Right => format!("{spaces}{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_cells_not_by_characters() {
        let rows =
            [["韩梅梅".to_owned(), "CNY 1.00".to_owned()], ["Li".to_owned(), "CNY 1,234.50".to_owned()]];
        let table = table([("收款人".to_owned(), Align::Left), ("金额".to_owned(), Align::Right)], &rows);
        assert_eq!(table, "收款人          金额\n韩梅梅      CNY 1.00\nLi      CNY 1,234.50");
    }

    #[test]
    fn names_and_values_align() {
        let rows = [("订单".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        assert_eq!(pairs(&rows), "订单  1\na     2");
    }
}
