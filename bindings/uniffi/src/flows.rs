//! What takes a person's time, each as an [`Operation`].

use std::sync::Arc;

use ushield_client::Error;
use ushield_protocol::code::Code;
use ushield_protocol::pairing_code::PairingCode;

use crate::event::{Ending, Resumed, Step};
use crate::failure::Problem;
use crate::host::radio::Radio;
use crate::operation::Operation;
use crate::person::Person;
use crate::shield::{Core, UShield};
use crate::value::{
    CertificateRole, PairedPhone, Report, Token, Transfer, creation, device_id, order_id, phone_id,
};

type Radios = Vec<Arc<dyn Radio>>;

impl UShield {
    fn begin<F>(&self, work: impl FnOnce(Arc<Core>, Arc<Person>) -> F) -> Arc<Operation>
    where
        F: Future<Output = Result<Ending, Error>> + Send + 'static,
    {
        let begun = |person| {
            let work = self.core().map(|core| Arc::clone(&core).until_closed(work(core, person)));
            async move { work?.await }
        };
        Operation::begin(Arc::clone(&self.texts), begun)
    }
}

#[uniffi::export]
impl UShield {
    /// Pairs with the token whose pairing mode is open, by digits on both screens.
    ///
    /// `mode_opened_again` is the customer's word that they opened it anew after three tries were spent. Ends with [`Ending::Paired`].
    pub fn pair(&self, radios: Radios, mode_opened_again: bool) -> Arc<Operation> {
        self.begin(|core, person| async move {
            let connector = core.connector(radios);
            let pending = core.client.pair(&*connector, &*person, mode_opened_again).await?;
            let shown = Step::DigitsShown {
                digits: pending.digits().to_string(),
                name: pending.name().to_owned(),
                brand: pending.brand().to_owned(),
            };
            if !person.compare(shown).await? {
                pending.differ().await?;
                return Err(Error::new(Code::DigitsDiffer));
            }
            let token = pending.confirm(&*person).await?;
            Ok(Ending::Paired { token: Token::from(&token) })
        })
    }

    /// Pairs by the text of the QR code that the customer scanned from the token's screen, ASCII; it holds a secret of one use. Ends with [`Ending::Paired`].
    pub fn pair_by_code(&self, radios: Radios, code: Vec<u8>, mode_opened_again: bool) -> Arc<Operation> {
        let code = zeroize::Zeroizing::new(code);
        self.begin(|core, person| async move {
            let connector = core.connector(radios);
            let text = std::str::from_utf8(&code).map_err(|_| Code::BadPairingCode)?;
            let code = PairingCode::parse(text)?;
            let token = core.client.pair_by_code(&*connector, &*person, code, mode_opened_again).await?;
            Ok(Ending::Paired { token: Token::from(&token) })
        })
    }

    /// Changes the PIN. Ends with [`Ending::Done`].
    pub fn change_pin(&self, radios: Radios, token: Option<String>) -> Arc<Operation> {
        self.begin(|core, person| async move {
            let device = device_id(token.as_deref())?;
            core.client.change_pin(&*core.connector(radios), &*person, device).await?;
            Ok(Ending::Done)
        })
    }

    /// Has the token forget a phone, this one by default. Ends with [`Ending::Done`].
    pub fn forget_phone(
        &self,
        radios: Radios,
        token: Option<String>,
        phone: Option<String>,
    ) -> Arc<Operation> {
        self.begin(|core, person| async move {
            let (device, phone) = (device_id(token.as_deref())?, phone_id(phone.as_deref())?);
            core.client.forget_phone(&*core.connector(radios), &*person, device, phone).await?;
            Ok(Ending::Done)
        })
    }

    /// What the token says of itself, and the phones that it knows. Ends with [`Ending::TokenState`].
    pub fn token_state(&self, radios: Radios, token: Option<String>) -> Arc<Operation> {
        self.begin(|core, person| async move {
            let device = device_id(token.as_deref())?;
            let (info, phones) = core.client.token_info(&*core.connector(radios), &*person, device).await?;
            let phones = phones.iter().map(PairedPhone::from).collect();
            Ok(Ending::TokenState { state: (&info).into(), phones })
        })
    }

    /// The certificate that the token itself has stored. Ends with [`Ending::Certificate`].
    pub fn certificate_on_token(
        &self,
        radios: Radios,
        token: Option<String>,
        role: CertificateRole,
    ) -> Arc<Operation> {
        self.begin(|core, person| async move {
            let (connector, device) = (core.connector(radios), device_id(token.as_deref())?);
            let chain = core.client.certificate_on_token(&*connector, &*person, device, role.into()).await?;
            Ok(Ending::Certificate { chain })
        })
    }

    /// Orders a first certificate, has it approved on the token, and stores it there and here. Ends with [`Ending::Stored`].
    pub fn download_certificate(
        &self,
        radios: Radios,
        token: Option<String>,
        role: CertificateRole,
    ) -> Arc<Operation> {
        self.begin(|core, person| async move {
            let (connector, device) = (core.connector(radios), device_id(token.as_deref())?);
            let report = core.client.download_certificate(&*connector, &*person, device, role.into()).await?;
            Ok(Ending::Stored { report: report.map(|report| Report::new(&report, &core.texts)) })
        })
    }

    /// Asks the bank for a transfer order, to be delivered to a paired token. Ends with [`Ending::Ordered`]; show its
    /// [`UShield::preview`], then [`UShield::run_order`].
    pub fn order_transfer(&self, token: Option<String>, transfer: Transfer) -> Arc<Operation> {
        self.begin(|core, person| async move {
            let (device, transfer) = (device_id(token.as_deref())?, transfer.request()?);
            let id = core.client.create_transfer(&*person, device, &transfer).await?;
            Ok(Ending::Ordered { order: id.to_string() })
        })
    }

    /// Has an order approved on its token and returns the answer to the bank. Ends with [`Ending::Settled`].
    pub fn run_order(&self, radios: Radios, order: String) -> Arc<Operation> {
        self.begin(|core, person| async move {
            let (connector, id) = (core.connector(radios), order_id(&order)?);
            let report = core.client.run_order(&*connector, &*person, id).await?;
            Ok(Ending::Settled { report: Report::new(&report, &core.texts) })
        })
    }

    /// Goes on with every order that is not over, after a process has died or a link was lost. Ends with [`Ending::Resumed`].
    pub fn resume(&self, radios: Radios) -> Arc<Operation> {
        self.begin(|core, person| async move {
            let results = core.client.resume(&*core.connector(radios), &*person).await?;
            let resumed = results.into_iter().map(|(order, result)| {
                let order = order.map(|id| id.to_string());
                match result {
                    Ok(report) => {
                        Resumed { order, report: Some(Report::new(&report, &core.texts)), problem: None }
                    }
                    Err(error) => {
                        Resumed { order, report: None, problem: Some(Problem::new(&error, &core.texts)) }
                    }
                }
            });
            Ok(Ending::Resumed { orders: resumed.collect() })
        })
    }

    /// Takes an order back, here, at the token and at the bank; the receipt says how it really ended. Ends with [`Ending::Settled`].
    pub fn cancel_order(&self, radios: Radios, order: String) -> Arc<Operation> {
        self.begin(|core, person| async move {
            let (connector, id) = (core.connector(radios), order_id(&order)?);
            let report = core.client.cancel_order(&*connector, &*person, id).await?;
            Ok(Ending::Settled { report: Report::new(&report, &core.texts) })
        })
    }

    /// Takes a request back whose order is not here yet. Ends with [`Ending::Stored`], with a report where the bank had made an order.
    pub fn cancel_request(&self, radios: Radios, request: String) -> Arc<Operation> {
        self.begin(|core, person| async move {
            let (connector, creation) = (core.connector(radios), creation(&request)?);
            let report = core.client.cancel_request(&*connector, &*person, creation).await?;
            Ok(Ending::Stored { report: report.map(|report| Report::new(&report, &core.texts)) })
        })
    }
}
