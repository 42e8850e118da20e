//! Random orders that a bank could issue.

use proptest::prelude::*;
use ushield_protocol::account::{self, Scheme};
use ushield_protocol::bank_key::{BankKey, MAX_TIME, MAX_VALIDITY, Purpose};
use ushield_protocol::cbor::Writer;
use ushield_protocol::currency::Currency;
use ushield_protocol::key::{BankId, DeviceId, KeyId, OrderId, Sign, SigningKey};
use ushield_protocol::message::Role;
use ushield_protocol::order::{
    Addressee, Amount, CertificateDownload, MAX_LIFE, MAX_MONEY_LIFE, NameCheck, Operation, Order,
    OrderPayload, Transfer, Verified, is_date,
};
use ushield_protocol::text;

/// Alphabets that may stand together, spaces and labels of the screen among them.
const LATIN: &[&str] = &[
    "a",
    "Z",
    "0",
    "7",
    "9",
    " ",
    "-",
    ".",
    "(",
    "&",
    "张",
    "三",
    "公司",
    "，",
    "㐀",
    "ü",
    "①",
    "トヨタ",
    "Ａ",
    "Ⅳ",
    "ɑ",
    "Account",
    "收款人",
    "账号 ",
    "银行",
    "123456789012345678901234",
];
const GREEK: &[&str] = &["Α", "β", "Ω", "1", "7", " ", "-", "，"];
const CYRILLIC: &[&str] = &["П", "р", "Я", "1", "9", " ", ".", "№"];

/// Text of `min..=max` bytes that can be shown: no run over a line's length, with the space before it.
fn line(min: usize, max: usize) -> impl Strategy<Value = String> {
    let alphabet = prop_oneof![6 => Just(LATIN), 1 => Just(GREEK), 1 => Just(CYRILLIC)];
    (alphabet, proptest::collection::vec(any::<prop::sample::Index>(), 0..60), min..=max).prop_map(
        move |(alphabet, picks, length)| {
            let mut value = String::new();
            for c in picks.iter().flat_map(|pick| pick.get(alphabet).chars()) {
                let run = value.chars().rev().take_while(char::is_ascii_alphanumeric).count();
                let behind_space = value[..value.len() - run].ends_with(' ');
                let broken = c.is_ascii_alphanumeric() && run + usize::from(behind_space) == 24;
                let space = c == ' ' && (value.is_empty() || value.ends_with(' '));
                if !broken && !space && value.len() + c.len_utf8() <= length {
                    value.push(c);
                }
            }
            let mut value = value.trim_end().to_owned();
            if value.len() < min {
                value.push('甲');
            }
            assert_eq!(text::check(&value), Ok(()), "{value:?}");
            value
        },
    )
}

/// A text with as many digits as a name may have: the others become dashes, which go with every script.
fn name(max: usize) -> impl Strategy<Value = String> {
    line(1, max).prop_map(|value| {
        let mut digits = 0;
        let few = |c: char| {
            let digit = text::check_name(&c.to_string().repeat(6)) == Err(text::TextError::Digits);
            digits += usize::from(digit);
            if digit && digits > text::MAX_NAME_DIGITS { '-' } else { c }
        };
        value.chars().map(few).collect()
    })
}

fn domestic() -> impl Strategy<Value = String> {
    "[0-9A-Z]{1,34}"
}

fn creditor() -> impl Strategy<Value = (String, Scheme)> {
    let checked = |value: String, scheme| account::check(&value, scheme).is_ok().then_some((value, scheme));
    let iban = ("[A-Z]{2}", "[0-9A-Z]{11,30}").prop_map(move |(country, rest)| {
        let with = |digits: u32| checked(format!("{country}{digits:02}{rest}"), Scheme::Iban);
        (2..99).find_map(with).unwrap()
    });
    let card = "[0-9]{11,18}".prop_map(move |head| {
        (0..10).find_map(|digit| checked(format!("{head}{digit}"), Scheme::Card)).unwrap()
    });
    prop_oneof![2 => domestic().prop_map(|value| (value, Scheme::Domestic)), 1 => iban, 1 => card]
}

fn amount() -> impl Strategy<Value = Amount> {
    let currencies: Vec<Currency> = Currency::all().collect();
    let minor = prop_oneof![1..=999_999_999_999_999u64, 1..=200_000u64];
    (minor, prop::sample::select(currencies))
        .prop_map(|(minor, currency)| Amount::new(minor, currency).unwrap())
}

pub(crate) fn order_id() -> impl Strategy<Value = OrderId> {
    any::<[u8; 16]>().prop_map(OrderId::from_random)
}

pub(crate) fn transfer() -> impl Strategy<Value = Transfer> {
    let name_check = prop::sample::select(vec![
        NameCheck::NotChecked,
        NameCheck::Match,
        NameCheck::CloseMatch,
        NameCheck::NoMatch,
    ]);
    let date = (2000u32..3000, 1u32..13, 1u32..32).prop_map(|(year, month, day)| {
        let date = year * 10_000 + month * 100 + day;
        if is_date(date) { date } else { date - 5 }
    });
    let texts = (name(140), name(70), line(0, 140));
    let rest = (prop::option::of(1..=999_999_999_999_999u64), name_check, prop::option::of(date));
    (domestic(), creditor(), texts, amount(), rest, prop::option::of(order_id())).prop_map(
        |(
            debtor_account,
            (creditor_account, scheme),
            (creditor_name, creditor_agent, remittance),
            amount,
            rest,
            beside,
        )| {
            let (charges, name_check, execution_date) = rest;
            Transfer {
                debtor_account,
                creditor_name,
                creditor_account,
                scheme,
                creditor_agent,
                amount,
                charges,
                name_check,
                execution_date,
                remittance,
                beside,
            }
        },
    )
}

fn download() -> impl Strategy<Value = CertificateDownload> {
    let role = prop_oneof![Just(Role::Pay), Just(Role::Login)];
    (role, line(1, 140), line(1, 35)).prop_map(|(role, customer, reference)| CertificateDownload {
        role,
        customer,
        reference,
    })
}

pub(crate) fn payload() -> impl Strategy<Value = OrderPayload> {
    let operation = prop_oneof![
        3 => transfer().prop_map(Operation::Transfer),
        1 => download().prop_map(Operation::CertificateDownload),
    ];
    let bank = "[A-Z0-9]{8}([A-Z0-9]{3})?".prop_map(|text| BankId::new(&text).unwrap());
    let issued = prop_oneof![0..MAX_TIME - MAX_LIFE, 1_795_000_000..1_796_000_000u64];
    (bank, any::<[u8; 16]>(), order_id(), any::<[u8; 32]>(), issued, any::<u64>(), operation).prop_map(
        |(bank, addressee, id, challenge, issued, life, operation)| {
            let (addressee, life): (Addressee, u64) = match operation {
                Operation::Transfer(_) => (KeyId::from(addressee).into(), 1 + life % MAX_MONEY_LIFE),
                Operation::CertificateDownload(_) => (DeviceId::from(addressee).into(), 1 + life % MAX_LIFE),
            };
            OrderPayload { bank, addressee, id, challenge, issued, expires: issued + life, operation }
        },
    )
}

/// The statement that lets `key` sign exactly this order.
pub(crate) fn key_for(order: &OrderPayload, key: &SigningKey) -> BankKey {
    BankKey {
        bank: order.bank.clone(),
        epoch: 1,
        key: key.public_key(),
        purposes: vec![Purpose::from_number(u64::from(order.operation.number())).unwrap()],
        not_before: order.issued,
        not_after: order.issued + MAX_VALIDITY,
    }
}

/// An order as the bank's own database holds it: its content is checked, its signature is not. None where a reader refuses it.
pub(crate) fn own(order: &OrderPayload) -> Option<Order<Verified>> {
    let header = [&[0xa2, 0x01, 0x26, 0x04, 0x48][..], &[0; 8]].concat();
    let message = Writer::new().array(4).bytes(&header).map(0).bytes(&order.encode()).bytes(&[1; 64]);
    Order::receive(&message.into_bytes()).ok()?.trust_own().ok()
}
