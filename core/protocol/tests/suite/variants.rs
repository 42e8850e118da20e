//! The same order with one field changed: into another order's, or by one character or step.

use ushield_protocol::account::Scheme;
use ushield_protocol::key::{BankId, OrderId};
use ushield_protocol::message::Role;
use ushield_protocol::order::{Amount, CertificateDownload, NameCheck, Operation, Transfer};
use ushield_protocol::render::{Notices, PaidBefore};

use crate::shown::Case;

/// SplitMix64: the same numbers every time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// The other's value, or this one with one character inserted, removed, replaced or exchanged with its neighbour.
    fn text(&mut self, value: &str, other: &str, alphabet: &[char]) -> String {
        if self.below(4) == 0 {
            return other.to_owned();
        }
        let mut characters: Vec<char> = value.chars().collect();
        let at = self.below(characters.len() + 1);
        let c = self.pick(alphabet);
        match self.below(4) {
            0 => characters.insert(at, c),
            1 if at < characters.len() => drop(characters.remove(at)),
            2 if at + 1 < characters.len() => characters.swap(at, at + 1),
            _ if at < characters.len() => characters[at] = c,
            _ => characters.push(c),
        }
        characters.into_iter().collect()
    }

    /// The other's value, or one unit more or less, or one digit changed.
    fn number(&mut self, value: u64, other: u64) -> u64 {
        let place = 10u64.pow(self.below(15) as u32);
        match self.below(4) {
            0 => other,
            1 => value + 1,
            2 => value.saturating_sub(1),
            _ => value - value / place % 10 * place + (value / place + 1) % 10 * place,
        }
    }

    fn id(&mut self, id: OrderId) -> OrderId {
        let mut bytes = *id.as_bytes();
        bytes[self.below(16)] ^= 1 << self.below(8);
        OrderId::from_random(bytes)
    }
}

/// Letters of the labels, what looks alike, what breaks lines.
const TEXT: &[char] = &[
    'a', 'O', '0', 'l', '1', 'I', ' ', '-', '.', ',', '，', '甲', '账', '号', '续', '(', ')', '!', 'ü', 'ɑ',
    'Ａ',
];
const ACCOUNT: &[char] = &['0', '1', '7', '9', 'A', 'O', 'Z'];

/// `case` with one field changed, once for every field. What no token would show is among them.
pub(crate) fn variants(case: &Case, other: &Case, dice: &mut Dice) -> Vec<(&'static str, Case)> {
    let mut made = Vec::new();
    let mut push = |field, variant: Case| made.push((field, variant));
    let with = |operation| Case {
        order: ushield_protocol::order::OrderPayload { operation, ..case.order.clone() },
        ..case.clone()
    };
    match &case.order.operation {
        Operation::Transfer(transfer) => {
            let other = match &other.order.operation {
                Operation::Transfer(other) => other,
                Operation::CertificateDownload(_) => transfer,
            };
            for (field, variant) in of_transfer(transfer, other, dice) {
                push(field, with(Operation::Transfer(variant)));
            }
            for (field, paid_before) in of_notice(case, dice) {
                push(field, Case { notices: Notices { paid_before }, ..case.clone() });
            }
        }
        Operation::CertificateDownload(download) => {
            for (field, variant) in of_certificate(download, dice) {
                push(field, with(Operation::CertificateDownload(variant)));
            }
        }
    }
    let (mut bank, mut id) = (case.clone(), case.clone());
    if let Some(changed) =
        BankId::new(&dice.text(case.order.bank.as_str(), other.order.bank.as_str(), ACCOUNT))
    {
        bank.order.bank = changed;
    }
    id.order.id = dice.id(case.order.id);
    push("bank id", bank);
    push("order id", id);
    made.retain(|(_, variant)| variant != case);
    made
}

fn of_transfer(from: &Transfer, other: &Transfer, dice: &mut Dice) -> Vec<(&'static str, Transfer)> {
    let mut made = Vec::new();
    let mut push = |field, change: &dyn Fn(&mut Transfer)| {
        let mut variant = from.clone();
        change(&mut variant);
        made.push((field, variant));
    };
    let debtor = dice.text(&from.debtor_account, &other.debtor_account, ACCOUNT);
    push("debtor account", &|to| to.debtor_account = debtor.clone());
    let name = dice.text(&from.creditor_name, &other.creditor_name, TEXT);
    push("creditor name", &|to| to.creditor_name = name.clone());
    let agent = dice.text(&from.creditor_agent, &other.creditor_agent, TEXT);
    push("creditor agent", &|to| to.creditor_agent = agent.clone());
    let remittance = dice.text(&from.remittance, &other.remittance, TEXT);
    push("remittance", &|to| to.remittance = remittance.clone());
    // Where check digits stand in the way, another whole account of the same scheme.
    let account = match from.scheme {
        Scheme::Domestic => dice.text(&from.creditor_account, &other.creditor_account, ACCOUNT),
        _ => other.creditor_account.clone(),
    };
    push("creditor account", &|to| to.creditor_account = account.clone());
    let scheme = dice.pick(&[Scheme::Domestic, Scheme::Iban, Scheme::Card]);
    push("scheme", &|to| to.scheme = scheme);
    let minor = dice.number(from.amount.minor(), other.amount.minor());
    let amount = Amount::new(minor, from.amount.currency());
    push("amount", &|to| to.amount = amount.unwrap_or(from.amount));
    let currency = Amount::new(from.amount.minor(), other.amount.currency());
    push("currency", &|to| to.amount = currency.unwrap_or(from.amount));
    let charges = match (from.charges, dice.below(4)) {
        (Some(_), 0) => None,
        (Some(charges), _) => Some(dice.number(charges, other.charges.unwrap_or(1))),
        (None, _) => Some(other.charges.unwrap_or(1)),
    };
    push("charges", &|to| to.charges = charges);
    let check =
        dice.pick(&[NameCheck::NotChecked, NameCheck::Match, NameCheck::CloseMatch, NameCheck::NoMatch]);
    push("name check", &|to| to.name_check = check);
    let date = match (from.execution_date, dice.below(4)) {
        (Some(_), 0) => None,
        (Some(date), way) => Some(if way == 1 { date + 1 } else { date - [1, 100, 10_000][dice.below(3)] }),
        (None, _) => other.execution_date,
    };
    push("execution date", &|to| to.execution_date = date);
    let beside = match (from.beside, dice.below(4)) {
        (Some(_), 0) => None,
        (Some(id), _) => Some(dice.id(id)),
        (None, _) => other.beside,
    };
    push("beside", &|to| to.beside = beside);
    made
}

/// The warning itself, its order, and its minutes; less than a minute is not shown.
fn of_notice(case: &Case, dice: &mut Dice) -> Vec<(&'static str, Option<PaidBefore>)> {
    match case.notices.paid_before {
        None => {
            let warning = PaidBefore { order: dice.id(case.order.id), issued: case.order.issued };
            vec![("paid before", Some(warning))]
        }
        Some(before) => {
            let apart = before.issued.abs_diff(case.order.issued);
            let mut made = vec![
                ("paid before", None),
                ("paid before: order", Some(PaidBefore { order: dice.id(before.order), ..before })),
            ];
            if before.issued > case.order.issued {
                made.push(("paid before: when", Some(PaidBefore { issued: before.issued + 60, ..before })));
                if let Some(issued) = case.order.issued.checked_sub(apart) {
                    made.push(("paid before: when", Some(PaidBefore { issued, ..before })));
                }
            } else if let Some(issued) = before.issued.checked_sub(60) {
                made.push(("paid before: when", Some(PaidBefore { issued, ..before })));
            }
            made
        }
    }
}

fn of_certificate(from: &CertificateDownload, dice: &mut Dice) -> Vec<(&'static str, CertificateDownload)> {
    let role = if from.role == Role::Pay { Role::Login } else { Role::Pay };
    let customer = dice.text(&from.customer, &from.reference, TEXT);
    let reference = dice.text(&from.reference, &from.customer, TEXT);
    vec![
        ("role", CertificateDownload { role, ..from.clone() }),
        ("customer", CertificateDownload { customer, ..from.clone() }),
        ("reference", CertificateDownload { reference, ..from.clone() }),
    ]
}

/// 24 cells that no line breaks.
const LINE: &str = "AB-CDEF-GHIJKLMN-OPQRST-";

/// One order twice: with a space around a line's end and without, or with a label at a text's end or at the beginning of the next.
pub(crate) fn twins(case: &Case, dice: &mut Dice) -> (&'static str, Case, Case) {
    let (mut one, mut other) = (case.clone(), case.clone());
    let field = match (&mut one.order.operation, &mut other.order.operation) {
        (Operation::Transfer(one), Operation::Transfer(other)) => {
            let (field, to) = match dice.below(3) {
                0 => ("space in the name", [&mut one.creditor_name, &mut other.creditor_name]),
                1 => ("space in the bank's name", [&mut one.creditor_agent, &mut other.creditor_agent]),
                _ => ("space in the remittance", [&mut one.remittance, &mut other.remittance]),
            };
            let [one, other] = to;
            (*one, *other) = around_an_end(dice);
            field
        }
        (Operation::CertificateDownload(one), Operation::CertificateDownload(other)) => match dice.below(3) {
            0 => {
                (one.customer, other.customer) = around_an_end(dice);
                "space in the customer"
            }
            1 => {
                (one.reference, other.reference) = around_an_end(dice);
                "space in the reference"
            }
            _ => {
                let (label, rest) = dice.pick(&[("编号", 19), ("Reference", 14)]);
                (other.customer, one.reference) = (LINE.repeat(1 + dice.below(5)), "Z".repeat(rest));
                one.customer = format!("{}{label}", other.customer);
                other.reference = format!("{label} {}", one.reference);
                "label in the customer"
            }
        },
        _ => unreachable!("two of one order"),
    };
    (field, one, other)
}

/// Full lines or none, then 18 to 25 cells, then a space or none and what may or may not fit behind it.
fn around_an_end(dice: &mut Dice) -> (String, String) {
    let mut head = LINE.repeat(dice.below(4));
    let filler = dice.pick(&[&['a', '-'][..], &['茶', '，'], &['Ω', '-'], &['Ａ', 'b']]);
    for _ in 0..9 + dice.below(17) {
        head.push(dice.pick(filler));
    }
    let tail = match dice.below(5) {
        0 => "甲".to_owned(),
        1 => "Ω".to_owned(),
        2 => dice.pick(&["&", "(续)", "- a"]).to_owned(),
        _ => "z".repeat(1 + dice.below(23)),
    };
    (format!("{head} {tail}"), format!("{head}{tail}"))
}
