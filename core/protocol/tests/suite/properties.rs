//! Any order: what is signed is read, and what is read is shown whole and unlike any other.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ushield_protocol::key::{BankId, DeviceId, Hash, OrderId, SigningKey};
use ushield_protocol::message::Role;
use ushield_protocol::order::{CertificateDownload, Operation, Order, OrderPayload, Transfer};
use ushield_protocol::render::{COLUMNS, Notices, Pages, PaidBefore, Profile, ROWS, pages};
use ushield_protocol::text;

use crate::generators::{key_for, order_id, own, payload, transfer};
use crate::shown::{ink, picture};
use crate::support::Both;

const PROFILES: [Profile; 2] = [Profile::Zh1, Profile::En1];

fn show(order: &OrderPayload, profile: Profile) -> Pages {
    pages(&own(order).unwrap(), profile, &Notices::default()).unwrap()
}

/// Content lines of all pages in order, without the labels that are repeated on further pages.
fn content(pages: &Pages) -> Vec<String> {
    let of_page = |page: &str| -> Vec<String> {
        // A space at the end of a line is not seen, and lost.
        let lines: Vec<&str> = page.split('\n').map(|line| line.trim_end_matches(' ')).collect();
        assert_eq!(lines.len(), ROWS);
        let content = &lines[1..ROWS - 1];
        let repeated = content[0].ends_with("(续)") || content[0].ends_with(" (cont.)");
        content[usize::from(repeated)..].iter().map(|line| (*line).to_owned()).collect()
    };
    pages.iter().flat_map(of_page).collect()
}

fn account_lines(account: &str) -> String {
    let groups: Vec<String> =
        account.as_bytes().chunks(4).map(|group| String::from_utf8(group.to_vec()).unwrap()).collect();
    groups.chunks(5).map(|line| line.join(" ")).collect()
}

/// What the screen has to say, in its order; free text apart, since it must not be broken inside a run.
fn said(order: &OrderPayload) -> (Vec<String>, Vec<String>) {
    let (mut values, mut texts) = (Vec::new(), Vec::new());
    match &order.operation {
        Operation::Transfer(transfer) => {
            values.extend(transfer.beside.map(|id| id.to_string()));
            values.push(transfer.amount.to_string());
            values.push(transfer.creditor_name.clone());
            values.push(account_lines(&transfer.creditor_account));
            values.push(transfer.creditor_agent.clone());
            values.push(account_lines(&transfer.debtor_account));
            values.extend(transfer.execution_date.map(|date| {
                let digits = format!("{date:08}");
                format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..])
            }));
            values.push(transfer.remittance.clone());
            texts = vec![
                transfer.creditor_name.clone(),
                transfer.creditor_agent.clone(),
                transfer.remittance.clone(),
                transfer.amount.to_string(),
            ];
        }
        Operation::CertificateDownload(download) => {
            values.extend([download.customer.clone(), download.reference.clone()]);
            texts.extend([download.customer.clone(), download.reference.clone()]);
        }
    }
    values.extend([order.bank.to_string(), order.id.to_string()]);
    (values, texts)
}

fn runs(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| !c.is_ascii_alphanumeric()).filter(|run| !run.is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn an_order_that_is_signed_is_read(order in payload(), secret in 1u8..=255) {
        let key = SigningKey::from_bytes(&[secret; 32]).unwrap_or(SigningKey::from_bytes(&[1; 32]).unwrap());
        let signed = order.sign(&key).unwrap();
        let read = Order::receive(&signed).unwrap().verify(&key_for(&order, &key), &Both).unwrap();
        prop_assert_eq!(read.payload(), &order);
        prop_assert_eq!(read.payload().encode(), order.encode());
        prop_assert_eq!(read.bytes(), &signed);
        prop_assert_eq!(read.hash(), ushield_protocol::key::sha256(&[&order.encode()]));
    }

    #[test]
    fn nothing_is_lost_on_the_pages(order in payload()) {
        for profile in PROFILES {
            let pages = show(&order, profile);
            let lines = content(&pages);
            let all: String = lines.concat();
            let (values, texts) = said(&order);
            // Each value stands behind the one before it, character by character.
            let mut rest = all.as_str();
            for value in &values {
                let at = rest.find(value.as_str());
                prop_assert!(at.is_some(), "{value:?} is not in {lines:?}");
                rest = &rest[at.unwrap() + value.len()..];
            }
            for run in texts.iter().flat_map(|text| runs(text)) {
                prop_assert!(lines.iter().any(|line| line.contains(run)), "{run:?} is broken in {lines:?}");
            }
        }
    }

    #[test]
    fn pages_have_the_geometry(
        order in payload(), paid in prop::option::of((order_id(), 0..=2 * PaidBefore::WINDOW)),
    ) {
        let paid_before = paid.map(|(id, apart)| PaidBefore {
            order: id,
            issued: (order.issued + apart).saturating_sub(PaidBefore::WINDOW),
        });
        for profile in PROFILES {
            let pages = pages(&own(&order).unwrap(), profile, &Notices { paid_before }).unwrap();
            for (at, page) in pages.iter().enumerate() {
                let widths: Vec<usize> =
                    page.split('\n').map(|line| line.chars().map(text::width).sum()).collect();
                prop_assert_eq!(widths.len(), ROWS);
                prop_assert!(widths.iter().all(|width| *width <= COLUMNS), "{}", page);
                prop_assert_eq!((widths[0], widths[ROWS - 1]), (COLUMNS, COLUMNS));
                let number = format!(" {}/{}\n", at + 1, pages.count());
                prop_assert!(page.contains(&number));
                let last = page.contains("OK确认 ") || page.contains("OK approve ");
                prop_assert_eq!(last, at + 1 == usize::from(pages.count()));
                prop_assert!(!page.ends_with('\n'));
            }
        }
    }

    #[test]
    fn orders_that_differ_on_the_screen_have_different_digests(
        order in payload(), other in transfer(), which in 0usize..12,
    ) {
        let mut changed = order.clone();
        match &mut changed.operation {
            Operation::Transfer(transfer) => replace(transfer, &other, which),
            Operation::CertificateDownload(download) => match which % 3 {
                0 => download.role = if download.role == Role::Pay { Role::Login } else { Role::Pay },
                1 => download.customer = other.creditor_name.clone(),
                _ => download.reference = reference(&other.creditor_agent),
            },
        }
        prop_assume!(changed.encode() != order.encode());
        for profile in PROFILES {
            let (one, other) = (show(&order, profile), show(&changed, profile));
            prop_assert_ne!(one.digest(), other.digest());
            prop_assert!(!ink(&one).eq(ink(&other)), "{one:#?}");
        }
    }
}

/// As much of a text as a reference holds.
fn reference(text: &str) -> String {
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= 35).last();
    text[..end.unwrap_or(0)].trim_end().to_owned()
}

fn replace(transfer: &mut Transfer, other: &Transfer, which: usize) {
    match which {
        0 => transfer.debtor_account = other.debtor_account.clone(),
        1 => transfer.creditor_name = other.creditor_name.clone(),
        2 | 3 => {
            transfer.creditor_account = other.creditor_account.clone();
            transfer.scheme = other.scheme;
        }
        4 => transfer.creditor_agent = other.creditor_agent.clone(),
        5 | 6 => transfer.amount = other.amount,
        7 => transfer.charges = other.charges,
        8 => transfer.name_check = other.name_check,
        9 => transfer.execution_date = other.execution_date,
        10 => transfer.remittance = other.remittance.clone(),
        _ => transfer.beside = other.beside,
    }
}

/// Names that try to look like what follows them: every order of a small world, labels of the screen among the words.
#[test]
fn no_name_counterfeits_another_order() {
    let words = [
        "编号",
        "客户",
        "银行",
        "甲",
        "甲乙丙丁戊己庚辛壬癸子丑",
        "A",
        "ABCDEFGHIJKLMNOPQRSTUVWX",
        "编号 A",
        "银行 USHDCNBJ",
    ];
    let mut texts = vec![String::new()];
    for _ in 0..3 {
        let longer = texts.iter().flat_map(|head| words.map(|word| format!("{head}{word}")));
        texts = texts.iter().cloned().chain(longer).collect();
        texts.sort();
        texts.dedup();
    }
    let fits = |text: &String, max| {
        let short = runs(text).all(|run| run.len() <= COLUMNS);
        !text.is_empty() && text.len() <= max && short && text::check(text).is_ok()
    };
    let references: Vec<&String> = texts.iter().filter(|text| fits(text, 35)).collect();
    let customers: Vec<&String> = texts.iter().filter(|text| fits(text, 140)).collect();
    let mut seen: BTreeMap<Hash, (&String, &String)> = BTreeMap::new();
    // Every customer with some references: the step has no divisor in common with the list.
    for (at, customer) in customers.iter().enumerate() {
        for reference in references.iter().skip(at % 7).step_by(7) {
            let order = OrderPayload {
                bank: BankId::new("USHDCNBJ").unwrap(),
                addressee: DeviceId::from([1; 16]).into(),
                id: OrderId::from_random([2; 16]),
                challenge: [3; 32],
                issued: 1,
                expires: 2,
                operation: Operation::CertificateDownload(CertificateDownload {
                    role: Role::Pay,
                    customer: (*customer).clone(),
                    reference: (*reference).clone(),
                }),
            };
            let twin = seen.insert(picture(&show(&order, Profile::Zh1)), (customer, reference));
            assert_eq!(twin, None, "{customer:?} {reference:?}");
        }
    }
    assert!(seen.len() > 5_000, "{}", seen.len());
}
