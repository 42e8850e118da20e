//! An order as a list of blocks: label and value, in the order of section 10.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::layout::Block;
use super::{COLUMNS, Locale, Notices, PaidBefore, Unshowable};
use crate::account::Scheme;
use crate::cbor::Field;
use crate::key::OrderId;
use crate::message::Role;
use crate::order::{Amount, CertificateDownload, NameCheck, Operation, OrderPayload, Transfer};
use crate::planted::{self, Bug};
use crate::text;

/// The title line's left part.
pub(super) fn title(payload: &OrderPayload, locale: Locale) -> &'static str {
    match (&payload.operation, locale) {
        (Operation::Transfer(_), Locale::Zh) => "转账",
        (Operation::Transfer(_), Locale::En) => "TRANSFER",
        (Operation::CertificateDownload(_), Locale::Zh) => "下载证书",
        (Operation::CertificateDownload(_), Locale::En) => "CERTIFICATE",
    }
}

/// The blocks of an order.
pub(super) fn of(
    payload: &OrderPayload,
    locale: Locale,
    notices: &Notices,
) -> Result<Vec<Block>, Unshowable> {
    let say = Say(locale);
    let mut blocks = Vec::new();
    match &payload.operation {
        Operation::Transfer(transfer) => {
            if let Some(before) = &notices.paid_before {
                blocks.push(say.paid_before(before, payload.issued));
            }
            say.transfer(transfer, &mut blocks)?;
        }
        Operation::CertificateDownload(download) => say.certificate(download, &mut blocks)?,
    }
    blocks.push(say.field("银行", "Bank", payload.bank.to_string()));
    blocks.push(say.lines("订单", "Order", order_id(&payload.id)));
    Ok(blocks)
}

struct Say(Locale);

impl Say {
    fn transfer(&self, transfer: &Transfer, blocks: &mut Vec<Block>) -> Result<(), Unshowable> {
        if let Some(order) = &transfer.beside {
            let mut lines = vec![self.pick("另一笔相同订单未完成:", "ANOTHER ORDER IS OPEN:")];
            lines.extend(order_id(order));
            blocks.push(Block::unlabelled(lines));
        }
        blocks.push(self.field("金额", "Amount", transfer.amount.to_string()));
        blocks.push(self.text("收款人", "Payee", &transfer.creditor_name, 2)?);
        let (zh, en) = match transfer.scheme {
            Scheme::Domestic => ("账号", "Account"),
            Scheme::Iban => ("IBAN", "IBAN"),
            Scheme::Card => ("卡号", "Card"),
        };
        if !planted::on(Bug::FieldNotRendered) {
            blocks.push(self.lines(zh, en, account(&transfer.creditor_account)));
        }
        blocks.push(self.text("开户行", "Payee bank", &transfer.creditor_agent, 5)?);
        blocks.push(self.field("户名核对", "Name check", self.name_check(transfer.name_check)));
        let charges = transfer.charges.and_then(|minor| Amount::new(minor, transfer.amount.currency()));
        if let Some(charges) = charges {
            blocks.push(self.field("手续费", "Charges", charges.to_string()));
        }
        blocks.push(self.lines("付款账号", "From", account(&transfer.debtor_account)));
        let date = match transfer.execution_date {
            None => self.pick("立即", "at once"),
            Some(date) => format!("{:04}-{:02}-{:02}", date / 10_000, date / 100 % 100, date % 100),
        };
        blocks.push(self.field("执行日期", "Date", date));
        if !transfer.remittance.is_empty() {
            blocks.push(self.text("附言", "Remittance", &transfer.remittance, 12)?);
        }
        Ok(())
    }

    fn certificate(&self, download: &CertificateDownload, blocks: &mut Vec<Block>) -> Result<(), Unshowable> {
        let role = match download.role {
            Role::Pay => self.pick("付款签名", "payments"),
            Role::Login => self.pick("登录", "login"),
        };
        blocks.push(self.field("用途", "Use", role));
        blocks.push(self.text("客户", "Customer", &download.customer, 2)?);
        blocks.push(self.text("编号", "Reference", &download.reference, 3)?);
        Ok(())
    }

    fn paid_before(&self, before: &PaidBefore, issued: u64) -> Block {
        let minutes = issued.abs_diff(before.issued) / 60;
        let what = match (self.0, before.issued > issued) {
            (Locale::Zh, false) => format!("早{minutes}分钟的订单已批准"),
            (Locale::Zh, true) => format!("晚{minutes}分钟的订单已批准"),
            (Locale::En, false) => format!("order {minutes} min earlier"),
            (Locale::En, true) => format!("order {minutes} min later"),
        };
        let mut lines = vec![self.pick("注意 重复付款?", "PAID BEFORE? Approved:"), what];
        lines.extend(order_id(&before.order));
        Block::unlabelled(lines)
    }

    fn name_check(&self, check: NameCheck) -> String {
        match check {
            NameCheck::NotChecked => self.pick("未核对", "not checked"),
            NameCheck::Match => self.pick("一致", "match"),
            NameCheck::CloseMatch => self.pick("近似", "close match"),
            NameCheck::NoMatch => self.pick("不一致", "NO MATCH"),
        }
    }

    fn pick(&self, zh: &str, en: &str) -> String {
        String::from(match self.0 {
            Locale::Zh => zh,
            Locale::En => en,
        })
    }

    fn field(&self, zh: &str, en: &str, value: String) -> Block {
        self.lines(zh, en, vec![value])
    }

    fn lines(&self, zh: &str, en: &str, lines: Vec<String>) -> Block {
        Block::labelled(self.pick(zh, en), lines)
    }

    fn text(&self, zh: &str, en: &str, value: &str, key: u8) -> Result<Block, Unshowable> {
        let unshowable = Unshowable { field: Field::inner(10, key) };
        text::check(value).map_err(|_| unshowable)?;
        let lines = wrap(value).ok_or(unshowable)?;
        if text::has_look_alikes(value) {
            Ok(Block::marked(self.pick(zh, en), &self.pick(" !形近字", " !look-alike"), lines))
        } else {
            Ok(self.lines(zh, en, lines))
        }
    }
}

/// Groups of four, at most five to a line; no space at a line's end.
fn account(number: &str) -> Vec<String> {
    let characters: Vec<char> = number.chars().collect();
    let groups: Vec<String> = characters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.chunks(5).map(|line| line.join(" ")).collect()
}

/// 24 characters, then 12.
fn order_id(id: &OrderId) -> Vec<String> {
    let text = id.to_string();
    let (head, tail) = text.split_at_checked(COLUMNS).unwrap_or((&text, ""));
    vec![String::from(head), String::from(tail)]
}

/// Breaks free text between its units; `None` if one is longer than a line. No line ends with a space, where nobody would see it.
fn wrap(value: &str) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for unit in units(value) {
        let width: usize = unit.chars().map(text::width).sum();
        if width > COLUMNS {
            return None;
        }
        if used + width > COLUMNS {
            lines.push(core::mem::take(&mut line));
            used = 0;
        }
        line.push_str(unit);
        used += width;
    }
    lines.push(line);
    Some(lines)
}

/// Maximal runs of `0-9A-Za-z`, and every other character by itself; with the space before it, if there is one.
fn units(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = value;
    core::iter::from_fn(move || {
        let behind = rest.strip_prefix(' ').filter(|_| !planted::on(Bug::TrailingSpace)).unwrap_or(rest);
        let first = behind.chars().next()?;
        let end = match behind.find(|c: char| !c.is_ascii_alphanumeric()) {
            Some(0) => first.len_utf8(),
            Some(end) => end,
            None => behind.len(),
        };
        let (unit, tail) = rest.split_at_checked(rest.len() - behind.len() + end)?;
        rest = tail;
        Some(unit)
    })
}
