//! Reads an order back from its pages, by section 10 alone: no code of the renderer's.
//!
//! It sees what eyes see: no blanks at the ends of lines. Every way to read the pages is looked for. Pages that can be read in two
//! ways would be the same for two orders.

/// Content lines of a page.
const ROWS: usize = 4;
const CELLS: usize = 24;

/// A field's name and its value, without separators.
pub(crate) type Fields = Vec<(&'static str, String)>;

/// What a block's value is.
#[derive(Clone, Copy)]
enum Kind {
    /// Free text of at most so many bytes.
    Text(usize),
    Account,
    Amount,
    OrderId,
    Date,
    Bank,
    /// One of these, by position.
    Choice(&'static [[&'static str; 2]]),
}

/// A block: field name, labels in both languages, what it holds, and whether it may be missing.
struct Row {
    name: &'static str,
    labels: &'static [[&'static str; 2]],
    kind: Kind,
    optional: bool,
}

const fn row(name: &'static str, labels: &'static [[&'static str; 2]], kind: Kind) -> Row {
    Row { name, labels, kind, optional: false }
}

const fn optional(name: &'static str, labels: &'static [[&'static str; 2]], kind: Kind) -> Row {
    Row { name, labels, kind, optional: true }
}

const NAME_CHECK: Kind = Kind::Choice(&[
    ["未核对", "not checked"],
    ["一致", "match"],
    ["近似", "close match"],
    ["不一致", "NO MATCH"],
]);

/// Section 10's table. A label's position in its row is part of the value: it says how the account is meant.
const TRANSFER: [Row; 11] = [
    row("amount", &[["金额", "Amount"]], Kind::Amount),
    row("creditor name", &[["收款人", "Payee"]], Kind::Text(140)),
    row("creditor account", &[["账号", "Account"], ["IBAN", "IBAN"], ["卡号", "Card"]], Kind::Account),
    row("creditor agent", &[["开户行", "Payee bank"]], Kind::Text(70)),
    row("name check", &[["户名核对", "Name check"]], NAME_CHECK),
    optional("charges", &[["手续费", "Charges"]], Kind::Amount),
    row("debtor account", &[["付款账号", "From"]], Kind::Account),
    row("execution date", &[["执行日期", "Date"]], Kind::Date),
    optional("remittance", &[["附言", "Remittance"]], Kind::Text(140)),
    row("bank id", &[["银行", "Bank"]], Kind::Bank),
    row("order id", &[["订单", "Order"]], Kind::OrderId),
];

const CERTIFICATE: [Row; 5] = [
    row("role", &[["用途", "Use"]], Kind::Choice(&[["付款签名", "payments"], ["登录", "login"]])),
    row("customer", &[["客户", "Customer"]], Kind::Text(140)),
    row("reference", &[["编号", "Reference"]], Kind::Text(35)),
    row("bank id", &[["银行", "Bank"]], Kind::Bank),
    row("order id", &[["订单", "Order"]], Kind::OrderId),
];

/// Every way to read these pages as an order. `language` is 0 for Chinese, 1 for English.
pub(crate) fn read<'a>(pages: impl Iterator<Item = &'a str>, language: usize) -> Vec<Fields> {
    let pages: Vec<Vec<&str>> =
        pages.map(|page| page.split('\n').map(|line| line.trim_end_matches(' ')).collect()).collect();
    let titles = [["转账", "TRANSFER"], ["下载证书", "CERTIFICATE"]].map(|title| title[language]);
    let Some(title) = titles.iter().position(|title| frame(&pages, title, language)) else { return vec![] };
    let content: Option<Vec<Vec<&str>>> = pages.iter().map(|page| content(page)).collect();
    let Some(pages) = content else { return vec![] };
    let reader = Reader { pages, language };
    let mut found = Vec::new();
    match title {
        0 => {
            for (at, fields) in reader.notices() {
                reader.rows(&TRANSFER, at, fields, &mut found);
            }
        }
        _ => reader.rows(&CERTIFICATE, Place::default(), Vec::new(), &mut found),
    }
    found
}

/// Whether title, page numbers and keys are as they must be, and every line fits.
fn frame(pages: &[Vec<&str>], title: &str, language: usize) -> bool {
    let ends = |line: &str, left: &str, right: &str| {
        let gap = CELLS.checked_sub(cells(left) + cells(right));
        gap.is_some_and(|gap| line == format!("{left}{}{right}", " ".repeat(gap)))
    };
    let reject = ["C拒绝", "C reject"][language];
    (1..=32).contains(&pages.len())
        && pages.iter().enumerate().all(|(at, page)| {
            let last = at + 1 == pages.len();
            let key = if last { ["OK确认", "OK approve"] } else { ["↓下页", "↓next"] }[language];
            page.len() == ROWS + 2
                && page.iter().all(|line| cells(line) <= CELLS)
                && ends(page[0], title, &format!("{}/{}", at + 1, pages.len()))
                && ends(page[ROWS + 1], key, reject)
        })
}

/// The lines that are used; no empty line stands between them.
fn content<'a>(page: &[&'a str]) -> Option<Vec<&'a str>> {
    let lines: Vec<&str> = page[1..=ROWS].iter().copied().take_while(|line| !line.is_empty()).collect();
    let rest_is_empty = page[1 + lines.len()..=ROWS].iter().all(|line| line.is_empty());
    (!lines.is_empty() && rest_is_empty).then_some(lines)
}

/// The next line: a page, and how much of it is read.
#[derive(Clone, Copy, Default, PartialEq)]
struct Place {
    page: usize,
    row: usize,
}

struct Reader<'a> {
    pages: Vec<Vec<&'a str>>,
    language: usize,
}

impl<'a> Reader<'a> {
    /// A block of `count` lines where the layout puts it, without the labels that are repeated, and where the next one may begin.
    fn take(&self, from: Place, count: usize, label: &str) -> Option<(Vec<&'a str>, Place)> {
        let fits = from.row + count <= ROWS;
        let mut at = if fits || from.row == 0 {
            from
        } else if from.row == self.pages.get(from.page)?.len() {
            Place { page: from.page + 1, row: 0 }
        } else {
            return None;
        };
        let mut lines = Vec::with_capacity(count);
        while lines.len() < count {
            if at.row == ROWS {
                at = Place { page: at.page + 1, row: 1 };
                if *self.pages.get(at.page)?.first()?
                    != format!("{label}{}", ["(续)", " (cont.)"][self.language])
                {
                    return None;
                }
            }
            lines.push(*self.pages.get(at.page)?.get(at.row)?);
            at.row += 1;
        }
        if count > ROWS {
            // Its last page holds nothing else.
            if at.row != self.pages.get(at.page)?.len() {
                return None;
            }
            at = Place { page: at.page + 1, row: 0 };
        }
        Some((lines, at))
    }

    /// The blocks before a transfer's amount, if there are any.
    fn notices(&self) -> Vec<(Place, Fields)> {
        let mut ways = vec![(Place::default(), Vec::new())];
        if let Some((lines, at)) = self.take(Place::default(), 4, "")
            && lines[0] == ["注意 重复付款?", "PAID BEFORE? Approved:"][self.language]
            && let Some(minutes) = minutes(lines[1], self.language)
            && let Some(id) = order_id(&lines[2..])
        {
            ways.push((at, vec![("paid before", format!("{minutes} {id}"))]));
        }
        for (at, fields) in ways.clone() {
            if let Some((lines, at)) = self.take(at, 3, "")
                && lines[0] == ["另一笔相同订单未完成:", "ANOTHER ORDER IS OPEN:"][self.language]
                && let Some(id) = order_id(&lines[1..])
            {
                ways.push((at, [fields, vec![("beside", id)]].concat()));
            }
        }
        ways
    }

    fn rows(&self, rows: &[Row], at: Place, fields: Fields, found: &mut Vec<Fields>) {
        let Some((row, rest)) = rows.split_first() else {
            // Nothing may be left over.
            if at == (Place { page: self.pages.len(), row: 0 })
                || at.page + 1 == self.pages.len() && at.row == self.pages[at.page].len()
            {
                found.push(fields);
            }
            return;
        };
        if row.optional {
            self.rows(rest, at, fields.clone(), found);
        }
        for (meaning, labels) in row.labels.iter().enumerate() {
            for (value, at) in self.values(at, labels[self.language], row.kind) {
                let value = if row.labels.len() > 1 { format!("{meaning} {value}") } else { value };
                self.rows(rest, at, [fields.as_slice(), &[(row.name, value)]].concat(), found);
            }
        }
    }

    /// Every value that may stand here under this label, and where it ends.
    fn values(&self, from: Place, label: &str, kind: Kind) -> Vec<(String, Place)> {
        let mut values = Vec::new();
        if let Some((lines, at)) = self.take(from, 1, label)
            && let Some(rest) = lines[0].strip_prefix(label).and_then(|rest| rest.strip_prefix(' '))
            && let Some(value) = self.value(kind, &[rest])
            && !marked(kind, &value)
        {
            values.push((value, at));
        }
        let mark = [" !形近字", " !look-alike"][self.language];
        for count in 2..=self.pages.len() * ROWS {
            let Some((lines, at)) = self.take(from, count, label) else { continue };
            let has_mark = match lines[0].strip_prefix(label) {
                Some("") => false,
                Some(rest) if rest == mark => true,
                _ => continue,
            };
            if let Some(value) = self.value(kind, &lines[1..])
                && marked(kind, &value) == has_mark
                && (has_mark || count > 2 || cells(label) + 1 + cells(lines[1]) > CELLS)
            {
                values.push((value, at));
            }
        }
        values
    }

    fn value(&self, kind: Kind, lines: &[&str]) -> Option<String> {
        match (kind, lines) {
            (Kind::Text(max), _) => text(lines).filter(|value| value.len() <= max),
            (Kind::Account, _) => account(lines),
            (Kind::Amount, [line]) => amount(line),
            (Kind::OrderId, _) => order_id(lines),
            (Kind::Date, [line]) if *line == ["立即", "at once"][self.language] => Some("0".to_owned()),
            (Kind::Date, [line]) => date(line),
            (Kind::Bank, [line]) => {
                let fits = matches!(line.len(), 8 | 11) && line.bytes().all(is_account);
                fits.then(|| (*line).to_owned())
            }
            (Kind::Choice(choices), [line]) => {
                choices.iter().position(|choice| choice[self.language] == *line).map(|at| at.to_string())
            }
            _ => None,
        }
    }
}

/// Widths 1.
fn cells(line: &str) -> usize {
    line.chars().map(|c| if (' '..='~').contains(&c) { 1 } else { 2 }).sum()
}

fn is_account(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

/// Joins free text.
fn text(lines: &[&str]) -> Option<String> {
    let value = lines.concat();
    let spaces = value.starts_with(' ') || value.ends_with(' ') || value.contains("  ");
    let fits = lines.windows(2).all(|pair| continues(pair[0], pair[1]));
    (fits && !value.is_empty() && !spaces).then_some(value)
}

/// Whether a line of free text may follow: the one before holds as much as fits, and no run of letters and digits is broken. A
/// space at its beginning goes with what is behind it.
fn continues(line: &str, next: &str) -> bool {
    let is_run = |c: char| c.is_ascii_alphanumeric();
    let behind = next.strip_prefix(' ').unwrap_or(next);
    let run = behind.find(|c| !is_run(c)).unwrap_or(behind.len());
    let first = behind.chars().next().map_or(0, char::len_utf8);
    let broken = is_run(next.chars().next().unwrap_or(' ')) && line.ends_with(is_run);
    let unit = next.len() - behind.len() + run.max(first);
    !broken && cells(line) + cells(&next[..unit]) > CELLS
}

/// Whether a value must carry the look-alike mark (section 9).
fn marked(kind: Kind, value: &str) -> bool {
    let confusing = |c| {
        matches!(c,
            '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{4ff}' | '\u{251}' | '\u{261}' | '\u{ff10}'..='\u{ff19}'
            | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' | '\u{2160}'..='\u{217f}')
    };
    matches!(kind, Kind::Text(_)) && value.chars().any(confusing)
}

/// Groups of four, five to a line; only the last group is shorter, and only the last line.
fn account(lines: &[&str]) -> Option<String> {
    let (last, full) = lines.split_last()?;
    let groups: Vec<&str> = last.split(' ').collect();
    let (end, whole) = groups.split_last()?;
    let fits = full.iter().all(|line| cells(line) == CELLS && line.split(' ').all(|group| group.len() == 4))
        && groups.len() <= 5
        && whole.iter().all(|group| group.len() == 4)
        && (1..=4).contains(&end.len());
    let number: String = lines.concat().split(' ').collect();
    (fits && number.len() <= 34 && number.bytes().all(is_account)).then_some(number)
}

/// `CNY 12,345.67` as `CNY 1234567 2`: currency, minor units, decimals.
fn amount(line: &str) -> Option<String> {
    let (code, number) = line.split_once(' ')?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let fits = code.len() == 3
        && code.bytes().all(|byte| byte.is_ascii_uppercase())
        && (1..=3).contains(&groups[0].len())
        && groups[1..].iter().all(|group| group.len() == 3)
        && (whole == "0" || !whole.starts_with('0'))
        && number.contains('.') != fraction.is_empty();
    let digits = groups.concat() + fraction;
    let minor: u64 = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    fits.then(|| format!("{code} {minor} {}", fraction.len()))
}

/// 24 characters, then 12: `8-4-4-4-12` in lower-case hex.
fn order_id(lines: &[&str]) -> Option<String> {
    let [head, tail] = lines else { return None };
    let joined = format!("{head}{tail}");
    let groups: Vec<usize> = joined.split('-').map(str::len).collect();
    let hex = |c: char| matches!(c, '0'..='9' | 'a'..='f' | '-');
    (head.len() == CELLS && groups == [8, 4, 4, 4, 12] && joined.chars().all(hex)).then_some(joined)
}

fn date(line: &str) -> Option<String> {
    let groups: Vec<&str> = line.split('-').collect();
    let fits = groups.iter().map(|group| group.len()).eq([4, 2, 2]);
    let digits = groups.concat();
    (fits && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

/// Which way, and how many minutes.
fn minutes(line: &str, language: usize) -> Option<String> {
    let forms = [
        ("-", ["早", "order "], ["分钟的订单已批准", " min earlier"]),
        ("+", ["晚", "order "], ["分钟的订单已批准", " min later"]),
    ];
    forms.into_iter().find_map(|(sign, before, behind)| {
        let minutes = line.strip_prefix(before[language])?.strip_suffix(behind[language])?;
        let number: u64 = minutes.parse().ok()?;
        (number.to_string() == minutes).then(|| format!("{sign}{minutes}"))
    })
}
