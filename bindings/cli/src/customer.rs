//! The customer at the terminal: told what to do, asked for what only they can give.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::json;
use tokio::task::spawn_blocking;
use ushield_bank_api::Password;
use ushield_client::error::Doubt;
use ushield_client::{Customer, Error, Moment, PinReason, TokenRecord, TokenScreen};
use ushield_protocol::code::Code;
use ushield_protocol::key::{DeviceId, OrderId};
use ushield_protocol::pin::PinBlock;

use crate::interrupt::Interrupts;
use crate::keyboard::Echo;
use crate::moments;
use crate::output::{Output, Tone};
use crate::secrets::{Name, Secrets, Value};

/// Reaches the customer through a terminal, or through a program that drives this one.
#[derive(Clone)]
pub(crate) struct Terminal {
    pub(crate) output: Arc<Output>,
    pub(crate) interrupts: Arc<Interrupts>,
    secrets: Option<Arc<Secrets>>,
    unknown: Arc<Mutex<BTreeSet<OrderId>>>,
    about: Arc<Mutex<About>>,
}

/// What is known of the token while a command runs.
#[derive(Default)]
struct About {
    /// The one that is wanted.
    token: Option<Wanted>,
    /// The token waits for a PIN after OK: OK is to be pressed again then.
    late: bool,
    /// What it was asked for on a screen of its own.
    screen: Option<TokenScreen>,
}

/// The token that a command is about.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) device: DeviceId,
    pub(crate) name: String,
}

impl Terminal {
    pub(crate) fn new(
        output: Arc<Output>,
        interrupts: Arc<Interrupts>,
        secrets: Option<Arc<Secrets>>,
    ) -> Self {
        Self { output, interrupts, secrets, unknown: Arc::default(), about: Arc::default() }
    }

    /// Orders of which the client said that their answer may have reached the bank.
    pub(crate) fn unknown_outcomes(&self) -> MutexGuard<'_, BTreeSet<OrderId>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it is about this token.
    pub(crate) fn is_about(&self, token: &TokenRecord) {
        let (device, name) = (token.pairing.device, token.pairing.name.clone());
        self.about().token = Some(Wanted { device, name });
    }

    /// The token that is wanted, where that is known.
    pub(crate) fn wanted(&self) -> Option<Wanted> {
        self.about().token.clone()
    }

    /// What the token may have done by now, asked on a screen of its own.
    pub(crate) fn doubt(&self) -> Option<Doubt> {
        match self.about().screen? {
            TokenScreen::PinChange => Some(Doubt::PinChange),
            TokenScreen::Pairing | TokenScreen::PairingByCode => Some(Doubt::Pairing),
            TokenScreen::Forget => Some(Doubt::Forget),
            _ => None,
        }
    }

    fn about(&self) -> MutexGuard<'_, About> {
        self.about.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The password, turned into its type at once.
    pub(crate) async fn password(&self) -> Result<Password, Error> {
        let value = match &self.secrets {
            Some(secrets) => self.line(secrets, Name::Password).await?.ok_or(missing(Name::Password))?,
            None => self.typed(&self.output.words.say("password-ask"), Name::Password).await?,
        };
        Password::new(value).ok_or(Error::new(Code::BadInput).at(Name::Password.text()))
    }

    /// Whether the six digits are equal on both screens. A person says so; a program in their place says what stands on the
    /// token's screen, so that nobody can answer before they have looked.
    pub(crate) async fn digits_are_equal(&self, digits: &str) -> Result<bool, Error> {
        if self.output.interactive {
            return self.ask_yes_or_no().await;
        }
        if let Some(secrets) = &self.secrets
            && let Some(value) = self.line(secrets, Name::TokenDigits).await?
        {
            return same_digits(&value, digits);
        }
        let line = stdin_line().await?.ok_or(missing(Name::TokenDigits))?;
        let answer = line.strip_prefix("token-digits=").unwrap_or(&line);
        same_digits(answer.as_bytes(), digits)
    }

    /// An answer that came before the digits were shown answers nothing.
    pub(crate) fn forget_early_answers(&self) {
        if let Some(secrets) = &self.secrets {
            secrets.forget(Name::TokenDigits);
        }
    }

    async fn ask_yes_or_no(&self) -> Result<bool, Error> {
        let question = format!("{} ", self.output.words.say("digits-question"));
        loop {
            let line = self.asked(&question, Echo::On, Name::TokenDigits).await?;
            if let Some(answer) = yes_or_no(&line) {
                return Ok(answer);
            }
        }
    }

    async fn pin_from(&self, secrets: &Arc<Secrets>, reason: PinReason) -> Result<PinBlock, Error> {
        let name = if reason == PinReason::New { Name::NewPin } else { Name::Pin };
        match (self.line(secrets, name).await?, reason) {
            (Some(value), _) => block(&value).map_err(|code| Error::new(code).at(name.text())),
            // Nobody gave a better one: what went wrong is the PIN, not its absence.
            (None, PinReason::WrongBefore { tries }) => {
                Err(Error::new(Code::PinWrong).with_tries_left(tries))
            }
            (None, _) => Err(missing(name)),
        }
    }

    async fn pin_typed_for(&self, reason: PinReason) -> Result<PinBlock, Error> {
        loop {
            let name = self.wanted().map(|token| token.name);
            let question = self.output.words.catalogue.ask_pin_of(name.as_deref(), reason);
            let first = self.pin_typed(&question).await?;
            if reason != PinReason::New {
                return Ok(first);
            }
            let again = self.pin_typed(&self.output.words.say("pin-again")).await?;
            if first.expose() == again.expose() {
                return Ok(first);
            }
            self.output.note(&self.output.words.say("pins-differ"), Tone::Bad);
        }
    }

    /// Asks until what was typed is a PIN.
    async fn pin_typed(&self, question: &str) -> Result<PinBlock, Error> {
        loop {
            match block(&self.typed(question, Name::Pin).await?) {
                Ok(pin) => return Ok(pin),
                Err(_) => self.output.note(&self.output.words.say("pin-format"), Tone::Bad),
            }
        }
    }

    async fn line(&self, secrets: &Arc<Secrets>, name: Name) -> Result<Option<Value>, Error> {
        let secrets = Arc::clone(secrets);
        spawn_blocking(move || secrets.next(name)).await.map_err(interrupted)?
    }

    /// Typed without echo. Never from a terminal that nobody sits at.
    async fn typed(&self, question: &str, name: Name) -> Result<Value, Error> {
        self.asked(&format!("{question}: "), Echo::Off, name).await
    }

    /// The question goes away when this is dropped: the client asks no more when the token has answered.
    async fn asked(&self, question: &str, echo: Echo, name: Name) -> Result<Value, Error> {
        let keyboard = self.output.keyboard.as_ref().ok_or(missing(name))?;
        self.output.stop_waiting();
        match self.interrupts.question(keyboard.line(question, echo)).await {
            Ok(line) => line.ok_or(missing(name)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(interrupted(error)),
            Err(error) => Err(missing(name).caused_by(error)),
        }
    }
}

#[async_trait]
impl Customer for Terminal {
    fn tell(&self, moment: &Moment) {
        if let Moment::Unknown { order } = moment {
            self.unknown_outcomes().insert(*order);
        }
        match moment {
            Moment::PinNeeded | Moment::PinWrong { .. } => self.about().late = true,
            Moment::PressOkOnToken { screen } => self.about().screen = Some(*screen),
            // The command says which order it is.
            Moment::Resuming { .. } => {
                self.about().late = false;
                return;
            }
            _ => {}
        }
        let (json, text) = (moments::json(moment), self.output.words.catalogue.moment(moment));
        match moments::tone(moment) {
            Some(tone) => self.output.event(&json, &text, tone),
            None => self.output.wait(&json, &text),
        }
    }

    async fn pin(&self, reason: PinReason) -> Result<PinBlock, Error> {
        let pin = match &self.secrets {
            Some(secrets) => self.pin_from(secrets, reason).await?,
            None => self.pin_typed_for(reason).await?,
        };
        if std::mem::take(&mut self.about().late) {
            self.output.wait(&json!({"moment": "pin-given"}), &self.output.words.say("pin-given"));
        }
        Ok(pin)
    }

    async fn cancel_wanted(&self) {
        self.interrupts.cancel_wanted().await;
    }
}

/// The last step from bytes to a type that wipes itself.
fn block(value: &Value) -> Result<PinBlock, Code> {
    PinBlock::new(std::str::from_utf8(value).map_err(|_| Code::BadPinFormat)?)
}

fn missing(name: Name) -> Error {
    Error::new(Code::SecretMissing).at(name.text())
}

fn interrupted(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Code::Interrupted).caused_by(error)
}

/// A line of a program that drives this one; none at the end of the input.
async fn stdin_line() -> Result<Option<String>, Error> {
    let read = || {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|length| (length > 0).then_some(line))
    };
    spawn_blocking(read).await.map_err(interrupted)?.map_err(interrupted)
}

/// What a program read on the token against what this phone shows; `no` where it read none.
fn same_digits(answer: &[u8], digits: &str) -> Result<bool, Error> {
    match answer.trim_ascii() {
        b"no" => Ok(false),
        read if read.len() == 6 && read.iter().all(u8::is_ascii_digit) => Ok(read == digits.as_bytes()),
        _ => Err(Error::new(Code::BadInput).at(Name::TokenDigits.text())),
    }
}

/// A clear answer, in either language.
pub(crate) fn yes_or_no(answer: &[u8]) -> Option<bool> {
    match std::str::from_utf8(answer).ok()?.trim().to_lowercase().as_str() {
        "y" | "yes" | "是" | "相同" => Some(true),
        "n" | "no" | "否" | "不同" => Some(false),
        _ => None,
    }
}

/// The moment at which a driver, or the person, compares.
pub(crate) fn compare_digits(output: &Output, digits: &str, brand: &str, name: &str, device: &str) {
    let json = json!({"moment": "compare-digits", "digits": digits, "brand": brand, "name": name, "device_id": device});
    let values = [("brand", brand), ("name", name), ("device", device)];
    let text = format!(
        "{}\n\n{}\n",
        output.words.fill("digits-intro", &values),
        output.paint_progress(&crate::output::digits::draw(digits), Tone::Strong)
    );
    output.event(&json, &text, Tone::Plain);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_answer_is_one() {
        for (answer, meaning) in [
            ("y", Some(true)),
            (" YES\n", Some(true)),
            ("no", Some(false)),
            ("是", Some(true)),
            ("", None),
            ("ok", None),
            ("1", None),
        ] {
            assert_eq!(yes_or_no(answer.as_bytes()), meaning, "{answer}");
        }
        assert_eq!(yes_or_no(&[0xff]), None);
    }

    #[test]
    fn a_program_says_what_it_read_and_cannot_just_say_yes() {
        assert!(same_digits(b"515526", "515526").unwrap());
        assert!(!same_digits(b"515527", "515526").unwrap());
        assert!(!same_digits(b"no", "515526").unwrap());
        for bad in ["yes", "", "51552", "5155261", "51552x"] {
            assert_eq!(same_digits(bad.as_bytes(), "515526").unwrap_err().code(), Code::BadInput, "{bad}");
        }
    }
}
