//! Operation 1: transfer (section 8.3), in ISO 20022's terms.

use alloc::string::String;
use core::fmt;

use crate::account::{self, Scheme};
use crate::cbor::{DecodeError, Field, Fields, Reader, Reason, Writer};
use crate::code::Code;
use crate::currency::Currency;
use crate::key::OrderId;
use crate::refusal::Refusal;
use crate::text;

/// Highest amount in minor units: 15 digits fit one line of the screen, whatever the exponent.
const MAX_AMOUNT: u64 = 999_999_999_999_999;
/// The outer key under which an operation's fields stand.
const FIELDS: u8 = 10;

/// Money: minor units of a currency, never a float.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    minor: u64,
    currency: Currency,
}

impl Amount {
    /// 1..999,999,999,999,999 minor units.
    #[must_use]
    pub fn new(minor: u64, currency: Currency) -> Option<Self> {
        (1..=MAX_AMOUNT).contains(&minor).then_some(Self { minor, currency })
    }

    /// Minor units.
    #[must_use]
    pub fn minor(&self) -> u64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }
}

/// `CNY 1,234.50`, as on the screen.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = usize::from(self.currency.exponent());
        let digits = alloc::format!("{:0>width$}", self.minor, width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        write!(f, "{} ", self.currency.code())?;
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at) % 3 == 0 {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        if fraction.is_empty() { Ok(()) } else { write!(f, ".{fraction}") }
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Amount")
    }
}

/// What the creditor's bank said about the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameCheck {
    /// Not asked.
    NotChecked,
    /// The account's name.
    Match,
    /// Nearly the account's name.
    CloseMatch,
    /// Another name.
    NoMatch,
}

impl NameCheck {
    const ALL: [Self; 4] = [Self::NotChecked, Self::Match, Self::CloseMatch, Self::NoMatch];

    /// The number in an order.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::NotChecked => 0,
            Self::Match => 1,
            Self::CloseMatch => 2,
            Self::NoMatch => 3,
        }
    }
}

/// A transfer. Its Debug form shows no customer data.
#[derive(Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Account that pays.
    pub debtor_account: String,
    /// Name of the payee.
    pub creditor_name: String,
    /// Account that is paid, without separators.
    pub creditor_account: String,
    /// How that account is to be read.
    pub scheme: Scheme,
    /// The payee's bank.
    pub creditor_agent: String,
    /// Instructed amount.
    pub amount: Amount,
    /// Charges, in the same currency.
    pub charges: Option<u64>,
    /// Result of the name check.
    pub name_check: NameCheck,
    /// YYYYMMDD; `None` = at once.
    pub execution_date: Option<u32>,
    /// Remittance information; may be empty.
    pub remittance: String,
    /// The open order with the same four values that this one is placed beside.
    pub beside: Option<OrderId>,
}

impl Transfer {
    pub(super) fn write(&self, writer: Writer) -> Writer {
        let count = 11 + u64::from(self.charges.is_some()) + u64::from(self.beside.is_some());
        let mut writer = writer
            .map(count)
            .key(1)
            .text(&self.debtor_account)
            .key(2)
            .text(&self.creditor_name)
            .key(3)
            .text(&self.creditor_account)
            .key(4)
            .uint(u64::from(self.scheme.number()))
            .key(5)
            .text(&self.creditor_agent)
            .key(6)
            .uint(self.amount.minor)
            .key(7)
            .text(self.amount.currency.code())
            .key(8)
            .uint(u64::from(self.amount.currency.exponent()));
        if let Some(charges) = self.charges {
            writer = writer.key(9).uint(charges);
        }
        writer = writer
            .key(10)
            .uint(u64::from(self.name_check.number()))
            .key(11)
            .uint(u64::from(self.execution_date.unwrap_or(0)))
            .key(12)
            .text(&self.remittance);
        match self.beside {
            Some(order) => writer.key(13).bytes(order.as_bytes()),
            None => writer,
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let map = reader.map(13)?;
        Self::read_fields(reader, map).map_err(|refusal| {
            // Seen from the order, everything here stands under its field 10.
            let field = refusal.field.map(|field| Field::inner(FIELDS, field.key));
            Refusal { field, ..refusal }
        })
    }

    fn read_fields(reader: &mut Reader<'_>, mut map: Fields) -> Result<Self, Refusal> {
        map.required(reader, 1)?;
        let debtor_account = account_field(reader, 1, Scheme::Domestic)?;
        map.required(reader, 2)?;
        let creditor_name = name_field(reader, 2, 140)?;
        map.required(reader, 3)?;
        let creditor_account = String::from(reader.text(1, 34)?);
        map.required(reader, 4)?;
        let scheme = reader.uint()?;
        let scheme = Scheme::from_number(scheme).ok_or(reader.error(Reason::BadValue))?;
        check_account(&creditor_account, 3, scheme)?;
        map.required(reader, 5)?;
        let creditor_agent = name_field(reader, 5, 70)?;
        map.required(reader, 6)?;
        let minor = reader.uint_in(1..=MAX_AMOUNT)?;
        map.required(reader, 7)?;
        let currency = Currency::from_code(reader.text(3, 3)?)
            .ok_or(Refusal::at(Code::UnknownCurrency, Field::outer(7)))?;
        map.required(reader, 8)?;
        if reader.uint()? != u64::from(currency.exponent()) {
            return Err(Refusal::at(Code::BadExponent, Field::outer(8)));
        }
        let amount = Amount::new(minor, currency).ok_or(DecodeError::at(Reason::BadValue, 6))?;
        let charges = match map.optional(reader, 9)? {
            true => Some(reader.uint_in(1..=MAX_AMOUNT)?),
            false => None,
        };
        map.required(reader, 10)?;
        let name_check = usize::try_from(reader.uint()?).ok().and_then(|at| NameCheck::ALL.get(at));
        let name_check = *name_check.ok_or(reader.error(Reason::BadValue))?;
        map.required(reader, 11)?;
        let date = u32::try_from(reader.uint()?).ok().filter(|date| *date == 0 || is_date(*date));
        let date = date.ok_or(reader.error(Reason::BadValue))?;
        let execution_date = (date != 0).then_some(date);
        map.required(reader, 12)?;
        let remittance = text_field(reader, 12, 0, 140)?;
        let beside = match map.optional(reader, 13)? {
            true => Some(OrderId::from_slice(reader.bytes(16, 16)?).ok_or(reader.error(Reason::BadValue))?),
            false => None,
        };
        map.finish(reader)?;
        Ok(Self {
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
        })
    }
}

impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transfer")
    }
}

pub(super) fn text_field(
    reader: &mut Reader<'_>,
    key: u8,
    min: usize,
    max: usize,
) -> Result<String, Refusal> {
    let value = reader.text(min, max)?;
    text::check(value).map_err(|_| Refusal::at(Code::BadText, Field::outer(key)))?;
    Ok(String::from(value))
}

/// A name may not hold an account: its lines stand above the account's own, and look like them.
fn name_field(reader: &mut Reader<'_>, key: u8, max: usize) -> Result<String, Refusal> {
    let value = text_field(reader, key, 1, max)?;
    match text::check_name(&value) {
        Ok(()) => Ok(value),
        Err(_) => Err(Refusal::at(Code::BadText, Field::outer(key))),
    }
}

fn account_field(reader: &mut Reader<'_>, key: u8, scheme: Scheme) -> Result<String, Refusal> {
    let value = reader.text(1, 34)?;
    check_account(value, key, scheme)?;
    Ok(String::from(value))
}

fn check_account(value: &str, key: u8, scheme: Scheme) -> Result<(), Refusal> {
    account::check(value, scheme).map_err(|code| match code {
        Code::BadCheckDigits => Refusal::at(code, Field::outer(key)),
        _ => DecodeError::at(Reason::BadValue, key).into(),
    })
}

/// Whether YYYYMMDD is a date of the Gregorian calendar from 2000 to 2999.
#[must_use]
pub fn is_date(date: u32) -> bool {
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (2000..3000).contains(&year) && (1..=days).contains(&day)
}
