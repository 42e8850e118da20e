//! Amounts between text and minor units; never through a float.

use ushield_protocol::currency::Currency;
use ushield_protocol::order::Amount;

/// Why an amount is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadAmount {
    /// Not digits with at most one point between them.
    Form,
    /// More digits behind the point than the currency has.
    Fraction {
        /// How many it has.
        exponent: u8,
    },
    /// Zero, or more than an order can hold.
    Range,
}

/// Minor units of `text`: digits, and behind a point at most as many as the currency has.
pub(crate) fn parse(text: &str, currency: Currency) -> Result<u64, BadAmount> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(BadAmount::Form),
        Some(parts) => parts,
        None => (text, ""),
    };
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let padded = whole.len() > 1 && whole.starts_with('0');
    if whole.is_empty() || padded || !is_number(whole) || !is_number(fraction) {
        return Err(BadAmount::Form);
    }
    let exponent = usize::from(currency.exponent());
    let missing =
        exponent.checked_sub(fraction.len()).ok_or(BadAmount::Fraction { exponent: currency.exponent() })?;
    let digits = [whole, fraction, &"0".repeat(missing)].concat();
    let minor = digits.parse().map_err(|_| BadAmount::Range)?;
    Amount::new(minor, currency).map(|amount| amount.minor()).ok_or(BadAmount::Range)
}

/// `CNY 1,234.50`; any number of minor units.
pub(crate) fn show(minor: u64, exponent: u8, currency: &str) -> String {
    let exponent = usize::from(exponent);
    let digits = format!("{minor:0>width$}", width = exponent + 1);
    let (whole, fraction) = digits.split_at(digits.len() - exponent);
    let mut shown = format!("{currency} ");
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    if !fraction.is_empty() {
        shown.push('.');
        shown.push_str(fraction);
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::from_code(code).unwrap()
    }

    #[test]
    fn by_the_exponent_of_the_currency() {
        for (text, code, minor) in [
            ("1234.50", "CNY", 123_450),
            ("1234.5", "CNY", 123_450),
            ("1234", "CNY", 123_400),
            ("0.01", "CNY", 1),
            ("500", "JPY", 500),
            ("1.234", "KWD", 1_234),
            ("9999999999999.99", "CNY", 999_999_999_999_999),
        ] {
            assert_eq!(parse(text, currency(code)), Ok(minor), "{text} {code}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for bad in [
            "", ".", ".5", "5.", "1,234.50", "1 234", "-1", "+1", "1e3", "1.2.3", "０.５", "007", "0x10",
            " 1",
        ] {
            assert_eq!(parse(bad, currency("CNY")), Err(BadAmount::Form), "{bad}");
        }
        assert_eq!(parse("1.234", currency("CNY")), Err(BadAmount::Fraction { exponent: 2 }));
        assert_eq!(parse("1.0", currency("JPY")), Err(BadAmount::Fraction { exponent: 0 }));
        for bad in ["0", "0.00", "10000000000000.00", "99999999999999999999999999"] {
            assert_eq!(parse(bad, currency("CNY")), Err(BadAmount::Range), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(minor in 1..=999_999_999_999_999_u64, at in any::<proptest::sample::Index>()) {
            let all: Vec<Currency> = Currency::all().collect();
            let currency = *at.get(&all);
            let shown = show(minor, currency.exponent(), currency.code());
            prop_assert_eq!(&shown, &Amount::new(minor, currency).unwrap().to_string());
            let plain: String = shown.chars().skip(4).filter(|c| *c != ',').collect();
            prop_assert_eq!(parse(&plain, currency), Ok(minor));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,24}") {
            if let Ok(minor) = parse(&text, currency("CNY")) {
                let whole = text.split('.').next().unwrap().parse::<u64>().unwrap();
                prop_assert_eq!(minor / 100, whole);
            }
        }
    }
}
