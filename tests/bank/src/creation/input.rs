//! What a customer asked for, checked: an error names the member of the request and the cure.

use ushield_bank_api::AccountScheme;
use ushield_protocol::account::{self, Scheme};
use ushield_protocol::cbor::Field;
use ushield_protocol::code::Code;
use ushield_protocol::currency::Currency;
use ushield_protocol::order::{Amount, NameCheck, Transfer};
use ushield_protocol::refusal::Refusal;
use ushield_protocol::text;

use crate::error::BankError;

pub(super) fn check_transfer(
    iban_charge: Option<u64>,
    request: &ushield_bank_api::Transfer,
) -> Result<Transfer, BankError> {
    let currency = Currency::from_code(&request.currency).ok_or_else(|| {
        BankError::field(
            Code::UnknownCurrency,
            "currency",
            "Not an active ISO 4217 code, three capital letters.",
        )
    })?;
    let amount = Amount::new(request.amount, currency).ok_or_else(|| {
        BankError::field(Code::BadInput, "amount", "Minor units, from 1 to 999,999,999,999,999.")
    })?;
    if request.execution_date.is_some() {
        let text = "This bank executes at once. Leave the date out.";
        return Err(BankError::field(Code::BadInput, "execution_date", text));
    }
    if request.creditor_account == request.debtor_account {
        let text = "The creditor account is the debtor account.";
        return Err(BankError::field(Code::BadInput, "creditor_account", text));
    }
    let (scheme, charges) = match request.account_scheme {
        AccountScheme::Domestic => (Scheme::Domestic, None),
        AccountScheme::Iban => (Scheme::Iban, iban_charge),
        AccountScheme::Card => (Scheme::Card, None),
    };
    Ok(Transfer {
        debtor_account: request.debtor_account.clone(),
        creditor_name: request.creditor_name.clone(),
        creditor_account: request.creditor_account.clone(),
        scheme,
        creditor_agent: request.creditor_agent.clone(),
        amount,
        charges,
        name_check: NameCheck::NotChecked,
        execution_date: None,
        remittance: request.remittance_text.clone(),
        beside: request.beside,
    })
}

/// Texts and account by name of what is wrong with them: the codec would only say which field.
pub(super) fn check_words(transfer: &Transfer) -> Result<(), BankError> {
    let fields = [
        ("creditor_name", &transfer.creditor_name),
        ("creditor_agent", &transfer.creditor_agent),
        ("remittance_text", &transfer.remittance),
    ];
    for (field, value) in fields {
        if let Err(error) = text::check(value) {
            let text = format!("The token cannot show this text safely ({}). Correct it.", error.name());
            return Err(BankError::field(Code::BadText, field, text));
        }
    }
    account::check(&transfer.creditor_account, transfer.scheme).map_err(|code| {
        let text = match code {
            Code::BadCheckDigits => "The account number fails its check digits. Compare it with the payee's.",
            _ => "An account number is 1 to 34 characters of 0-9A-Z.",
        };
        BankError::field(code, "creditor_account", text)
    })
}

/// What the order's own checks refuse, in the request's words.
pub(super) fn input_error(refusal: Refusal) -> BankError {
    let field = refusal.field.and_then(member);
    let detail = match refusal.code {
        Code::BadCheckDigits => {
            "The account number fails its check digits. Compare it with the payee's.".to_owned()
        }
        Code::Unshowable => {
            "The token's screen cannot show this in full. Shorten it or break it up.".to_owned()
        }
        Code::TooLarge => "The order would be larger than a token takes. Shorten its texts.".to_owned(),
        _ => format!("The order cannot say this ({refusal})."),
    };
    let code = if refusal.code == Code::Malformed { Code::BadInput } else { refusal.code };
    match field {
        Some(field) => BankError::field(code, field, detail),
        None => BankError::problem(code, detail),
    }
}

/// The request's member for a field of a transfer order.
fn member(field: Field) -> Option<&'static str> {
    if field.key != 10 {
        return None;
    }
    match field.sub {
        1 => Some("debtor_account"),
        2 => Some("creditor_name"),
        3 => Some("creditor_account"),
        4 => Some("account_scheme"),
        5 => Some("creditor_agent"),
        6 | 9 => Some("amount"),
        7 | 8 => Some("currency"),
        11 => Some("execution_date"),
        12 => Some("remittance_text"),
        13 => Some("beside"),
        _ => None,
    }
}
