//! Pairing with a token, up to three tries that the customer starts.

use ushield_protocol::code::Code;
use ushield_protocol::device::MakerRoot;
use ushield_protocol::key::{DeviceId, RingVerifier};
use ushield_protocol::message::{Hello, Kind};
use ushield_session::pairing::{self, Compare, Digits, MAX_TRIES, NeedDh, Phone};

use crate::client::{Client, ONLY};
use crate::customer::{Customer, Moment, PinReason, TokenScreen};
use crate::error::Error;
use crate::ports::{Change, Connector, Millis, Table, Wanted};
use crate::records::TokenRecord;
use crate::retry::Attempts;
use crate::search::Search;
use crate::token::{DH_KEY, Limit, MACHINE, Wire, agree};

/// The token shows its digits for 60 s, and is silent meanwhile.
const HUMAN: Limit = Limit { whole: Millis(75_000), silence: Millis(75_000) };

/// The digits are on both screens: the customer compares them.
#[must_use = "the customer has to say whether the digits are equal"]
pub struct PendingPairing<'a> {
    client: &'a Client,
    wire: Wire<'a>,
    compare: Compare,
}

impl std::fmt::Debug for PendingPairing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PendingPairing")
    }
}

impl Client {
    /// Begins to pair. The token's pairing mode has to be open, which takes keys on it.
    ///
    /// `mode_opened_again` is the customer's word that they opened it anew after three tries were spent.
    ///
    /// # Errors
    /// `not-pairing`, `pairing-tries-spent`, `bad-commitment`, `untrusted-maker`, `bad-device-statement`, codes of the link.
    pub async fn pair<'a>(
        &'a self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        mode_opened_again: bool,
    ) -> Result<PendingPairing<'a>, Error> {
        let setup = self.setup()?;
        if mode_opened_again {
            self.store().delete(Table::Pairing, ONLY)?;
        }
        let tries = self.pairing_tries()?;
        if tries >= MAX_TRIES {
            return Err(Error::new(Code::PairingTriesSpent));
        }
        let key = self.keystore().create_dh(DH_KEY).await?;
        let mut attempts = Attempts::default();
        let (mut wire, need) = loop {
            let phone = Phone { name: setup.phone.clone(), key };
            match self.begin_pairing(connector, customer, phone).await {
                Ok(begun) => break begun,
                // No try is spent and nobody has decided anything: the mode is open, and the phone begins again by itself.
                Err(error) if attempts.another(self, customer, &error).await => {}
                Err(error) => return Err(error),
            }
        };
        let shared = agree(self, &need.point()).await?;
        let (expect, p3) = need.provide(shared)?;
        // Every abort after P3 is a try: counted, durably, before P3 leaves.
        self.store().put(Table::Pairing, ONLY, &[tries + 1])?;
        wire.send(Kind::Pairing, &p3).await?;
        let p4 = wire.expect(Kind::Pairing, MACHINE).await?;
        let roots: Vec<MakerRoot> = setup.makers.iter().filter_map(|der| MakerRoot::from_der(der)).collect();
        let compare = expect.handle(&p4, &roots, self.clock().now().0, &RingVerifier)?;
        Ok(PendingPairing { client: self, wire, compare })
    }

    /// What comes before P3, with the token that is open for it among those that are there.
    async fn begin_pairing(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        phone: Phone,
    ) -> Result<(Wire<'_>, NeedDh), Error> {
        let mut search = Search::new(self, connector, customer, Wanted::to_pair());
        loop {
            let (wire, hello) = search.next().await?;
            let spot = wire.at();
            match self.begin_pairing_with(wire, &hello, &phone).await {
                Err(error) if error.code() == Code::NotPairing => search.pass(spot, error)?,
                begun => return begun,
            }
        }
    }

    async fn begin_pairing_with<'a>(
        &'a self,
        mut wire: Wire<'a>,
        hello: &Hello,
        phone: &Phone,
    ) -> Result<(Wire<'a>, NeedDh), Error> {
        let (expect, p1) = pairing::start(phone.clone(), hello, self.seed()?)?;
        wire.send(Kind::Pairing, &p1).await?;
        let p2 = wire.expect(Kind::Pairing, MACHINE).await?;
        // nP is drawn now, after the commitment has arrived.
        Ok((wire, expect.handle(&p2, self.random()?)?))
    }

    fn pairing_tries(&self) -> Result<u8, Error> {
        match self.store().get(Table::Pairing, ONLY)?.as_deref().map(Vec::as_slice) {
            None => Ok(0),
            Some([tries]) => Ok(*tries),
            Some(_) => Err(Error::new(Code::StoreCorrupt)),
        }
    }
}

impl PendingPairing<'_> {
    /// What this phone shows.
    #[must_use]
    pub fn digits(&self) -> Digits {
        self.compare.digits()
    }

    /// The token, by its maker's certificate.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.compare.identity().device
    }

    /// The brand, by its maker's certificate.
    #[must_use]
    pub fn brand(&self) -> &str {
        &self.compare.identity().brand
    }

    /// The token's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.compare.name()
    }

    /// The customer found the digits equal. The token wants its own OK.
    ///
    /// # Errors
    /// `declined`, `pin-wrong`, `phones-full`, `timed-out`, codes of the link and the store.
    pub async fn confirm(self, customer: &dyn Customer) -> Result<TokenRecord, Error> {
        let Self { client, mut wire, compare } = self;
        let pin = match compare.pin_needed() {
            true => Some(customer.pin(PinReason::SecondPhone).await?),
            false => None,
        };
        let (expect, p5) = compare.confirm(pin)?;
        wire.send(Kind::Pairing, &p5).await?;
        customer.tell(&Moment::PressOkOnToken { screen: TokenScreen::Pairing });
        let p6 = wire.expect(Kind::Pairing, HUMAN).await?;
        let pairing = expect.handle(&p6)?;
        let token = TokenRecord { pairing, profile: None };
        client.store().commit(&[
            Change::put(Table::Token, token.pairing.device.as_bytes(), &token.encode()),
            Change::delete(Table::Pairing, ONLY),
        ])?;
        wire.close().await;
        Ok(token)
    }

    /// The customer found them different: someone may be in between.
    ///
    /// # Errors
    /// Codes of the link; the answer to the customer is `digits-differ`.
    pub async fn differ(self) -> Result<(), Error> {
        let Self { mut wire, compare, .. } = self;
        let p5 = compare.differ()?;
        wire.send(Kind::Pairing, &p5).await?;
        wire.close().await;
        Ok(())
    }
}
