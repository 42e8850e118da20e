//! Account numbers and their check digits (section 9).

use crate::code::Code;

/// How an account number is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// A domestic account number, without a check.
    Domestic,
    /// IBAN (ISO 13616).
    Iban,
    /// Card number (ISO/IEC 7812-1).
    Card,
}

impl Scheme {
    /// The number in an order.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Scheme::Domestic => 1,
            Scheme::Iban => 2,
            Scheme::Card => 3,
        }
    }

    /// The scheme of a number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Scheme::Domestic),
            2 => Some(Scheme::Iban),
            3 => Some(Scheme::Card),
            _ => None,
        }
    }
}

/// Checks an account number: characters, length, and the check digits of its scheme.
pub fn check(account: &str, scheme: Scheme) -> Result<(), Code> {
    let characters = account.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if account.is_empty() || account.len() > 34 || !characters {
        return Err(Code::BadInput);
    }
    match scheme {
        Scheme::Domestic => Ok(()),
        Scheme::Iban => iban(account),
        Scheme::Card => card(account),
    }
}

/// ISO 7064 MOD 97-10 over the account with its first four characters moved behind.
fn iban(account: &str) -> Result<(), Code> {
    let (head, body) = account.split_at_checked(4).ok_or(Code::BadCheckDigits)?;
    let form = matches!(head.as_bytes(), [a, b, c, d]
        if a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_digit() && d.is_ascii_digit());
    if !form || body.len() < 11 {
        return Err(Code::BadCheckDigits);
    }
    let remainder = body.chars().chain(head.chars()).try_fold(0u32, |rest, c| {
        let value = c.to_digit(36)?;
        Some((rest * if value > 9 { 100 } else { 10 } + value) % 97)
    });
    if remainder == Some(1) { Ok(()) } else { Err(Code::BadCheckDigits) }
}

/// Luhn.
fn card(account: &str) -> Result<(), Code> {
    if !(12..=19).contains(&account.len()) {
        return Err(Code::BadCheckDigits);
    }
    let sum = account.chars().rev().enumerate().try_fold(0u32, |sum, (at, c)| {
        let digit = c.to_digit(10)?;
        let doubled = digit * 2;
        Some(sum + if at % 2 == 0 { digit } else { doubled / 10 + doubled % 10 })
    });
    match sum {
        Some(sum) if sum % 10 == 0 => Ok(()),
        _ => Err(Code::BadCheckDigits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits() {
        for good in ["GB82WEST12345698765432", "DE89370400440532013000", "MT84MALT011000012345MTLCAST001S"] {
            assert_eq!(check(good, Scheme::Iban), Ok(()), "{good}");
        }
        for bad in ["GB82WEST12345698765433", "DE00", "8289370400440532013000", "GB28WEST12345698765432"] {
            assert_eq!(check(bad, Scheme::Iban), Err(Code::BadCheckDigits), "{bad}");
        }
        assert_eq!(check("4111111111111111", Scheme::Card), Ok(()));
        assert_eq!(check("4111111111111112", Scheme::Card), Err(Code::BadCheckDigits));
        assert_eq!(check("411111111A1111", Scheme::Card), Err(Code::BadCheckDigits));
        assert_eq!(check("6222021234567890123", Scheme::Domestic), Ok(()));
        for bad in ["", "6222 0212", "abc", "12345678901234567890123456789012345", "６２２２"] {
            assert_eq!(check(bad, Scheme::Domestic), Err(Code::BadInput), "{bad}");
        }
    }
}
