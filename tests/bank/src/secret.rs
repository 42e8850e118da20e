//! Secrets from a prompt or a file descriptor; never from arguments or the environment.

use std::fs::File;
use std::io::Read as _;

use ushield_bank::error::BankError;
use ushield_bank_api::Password;
use zeroize::Zeroizing;

/// No password is longer.
const MAX: u64 = 1024;

/// A password: the first line of the descriptor, or typed twice.
pub(crate) fn password(secrets_fd: Option<u32>) -> Result<Password, BankError> {
    let bytes = match secrets_fd {
        Some(fd) => first_line(fd)?,
        None => typed()?,
    };
    Password::new(bytes).ok_or_else(|| BankError::Argument("the password is not UTF-8 text".to_owned()))
}

fn first_line(fd: u32) -> Result<Zeroizing<Vec<u8>>, BankError> {
    let path = std::path::PathBuf::from(format!("/dev/fd/{fd}"));
    let failed = |source| BankError::File { path: path.clone(), source };
    let file = File::open(&path).map_err(failed)?;
    let mut content = Zeroizing::new(Vec::with_capacity(1024));
    file.take(MAX).read_to_end(&mut content).map_err(failed)?;
    let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.is_empty() {
        return Err(BankError::Argument(format!("file descriptor {fd} gave no password")));
    }
    Ok(Zeroizing::new(line.to_vec()))
}

fn typed() -> Result<Zeroizing<Vec<u8>>, BankError> {
    let ask = |prompt: &str| {
        let typed = rpassword::prompt_password(prompt);
        let failed = |source| BankError::File { path: "terminal".into(), source };
        typed.map(|text| Zeroizing::new(text.into_bytes())).map_err(failed)
    };
    let first = ask("Password of the customer: ")?;
    let again = ask("Once more: ")?;
    if first == again { Ok(first) } else { Err(BankError::Argument("the passwords differ".to_owned())) }
}
