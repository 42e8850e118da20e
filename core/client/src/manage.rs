//! A paired token's own affairs: what it is, its phones, its PIN.

use ushield_protocol::code::Code;
use ushield_protocol::key::{DeviceId, PhoneId};
use ushield_protocol::message::{Info, PhoneEntry, Request, decode_phones};
use ushield_protocol::pin::PinBlock;

use crate::client::Client;
use crate::customer::{Customer, Moment, PinReason, TokenScreen};
use crate::error::{Doubt, Error};
use crate::ports::{Change, Connector, Table};
use crate::records::TokenRecord;
use crate::retry::Attempts;
use crate::token::{TokenSession, misbehaved};

/// A change of the PIN, over several connections where one breaks. Lives as long as one call.
#[derive(Default)]
struct PinChange {
    typed: Option<(PinBlock, PinBlock)>,
    /// Set once the token may have been asked.
    asked: Option<Before>,
}

/// What the token said before it was asked.
#[derive(Clone, Copy)]
struct Before {
    initial: bool,
    tries: u8,
}

impl PinChange {
    /// Whether the token can tell what became of it: that another PIN took the place of the present one it cannot.
    fn may_go_on(&self) -> bool {
        self.asked.is_none_or(|before| before.initial)
    }
}

impl Client {
    /// What the token says of itself, and the phones that it knows.
    ///
    /// # Errors
    /// `not-paired`, codes of the link.
    pub async fn token_info(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        device: Option<DeviceId>,
    ) -> Result<(Info, Vec<PhoneEntry>), Error> {
        let token = self.token(device)?;
        let mut session = TokenSession::open(self, connector, customer, &token).await?;
        let info = Info::decode(&session.exchange(&Request::Info).await?).map_err(misbehaved)?;
        if info.device != token.pairing.device {
            return Err(Error::new(Code::TokenMisbehaved));
        }
        let phones = decode_phones(&session.exchange(&Request::Phones).await?).map_err(misbehaved)?;
        session.close().await;
        Ok((info, phones))
    }

    /// Has the token forget a phone, this one by default; it asks for OK. Forgetting this one forgets the token here too.
    ///
    /// # Errors
    /// `declined`, `not-found`, codes of the link; with [`Error::doubt`] where the token may have forgotten it all the same.
    pub async fn forget_phone(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        device: Option<DeviceId>,
        phone: Option<PhoneId>,
    ) -> Result<(), Error> {
        let token = self.token(device)?;
        let own = token.pairing.phone.phone_id();
        let phone = phone.unwrap_or(own);
        let mut session = TokenSession::open(self, connector, customer, &token).await?;
        customer.tell(&Moment::PressOkOnToken { screen: TokenScreen::Forget });
        let forgotten = session.exchange_with_human(customer, &Request::Forget { phone }).await;
        forgotten.map_err(|error| error.in_doubt(Doubt::Forget))?;
        session.close().await;
        if phone == own { self.forget_token(&token) } else { Ok(()) }
    }

    /// Forgets a token on this phone alone, for one that is lost or was reset. It keeps its record of this phone.
    ///
    /// # Errors
    /// `not-paired`, `store-*`.
    pub fn forget_here(&self, device: Option<DeviceId>) -> Result<(), Error> {
        self.forget_token(&self.token(device)?)
    }

    fn forget_token(&self, token: &TokenRecord) -> Result<(), Error> {
        let device = token.pairing.device;
        // Certificates stay: the token keeps its keys, and pairing again finds them.
        self.store().commit(&[Change::delete(Table::Token, device.as_bytes())])
    }

    /// Changes the PIN: the token asks for OK and compares then. Where the connection breaks the PINs are not typed again, as long as the
    /// token can tell whether it has compared them: it can for the initial PIN.
    ///
    /// # Errors
    /// `pin-wrong` with tries left, `pin-locked`, `pin-too-simple`, `pin-unchanged`, `declined`, codes of the link; with
    /// [`Error::doubt`] where the new PIN may hold already.
    pub async fn change_pin(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        device: Option<DeviceId>,
    ) -> Result<(), Error> {
        let token = self.token(device)?;
        let mut change = PinChange::default();
        let mut attempts = Attempts::default();
        loop {
            match self.change_pin_once(connector, customer, &token, &mut change).await {
                Err(error) if change.may_go_on() && attempts.another(self, customer, &error).await => {}
                Err(error) if change.asked.is_some() => return Err(error.in_doubt(Doubt::PinChange)),
                ended => return ended,
            }
        }
    }

    async fn change_pin_once(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        token: &TokenRecord,
        change: &mut PinChange,
    ) -> Result<(), Error> {
        let mut session = TokenSession::open(self, connector, customer, token).await?;
        let (flags, tries) = (session.state().flags, session.state().tries);
        if change.asked.is_some_and(|before| before.initial && !flags.pin_initial) {
            session.close().await;
            return Ok(());
        }
        if flags.pin_locked {
            return Err(Error::new(Code::PinLocked).with_tries_left(0));
        }
        if change.asked.is_some_and(|before| tries < before.tries) {
            return Err(Error::new(Code::PinWrong).with_tries_left(tries));
        }
        let (old, new) = match &change.typed {
            Some(typed) => typed.clone(),
            None => {
                let old = customer.pin(PinReason::Current).await?;
                let new = customer.pin(PinReason::New).await?;
                change.typed.insert((old, new)).clone()
            }
        };
        if new.is_too_simple() {
            return Err(Error::new(Code::PinTooSimple));
        }
        customer.tell(&Moment::PressOkOnToken { screen: TokenScreen::PinChange });
        change.asked = Some(Before { initial: flags.pin_initial, tries });
        session.exchange_with_human(customer, &Request::PinChange { old, new }).await?;
        session.close().await;
        Ok(())
    }
}
