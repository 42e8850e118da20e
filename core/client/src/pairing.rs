//! Pairing with a token by digits or by its code, up to three tries that the customer starts.

use ushield_protocol::code::Code;
use ushield_protocol::device::MakerRoot;
use ushield_protocol::key::{DeviceId, P256Verifier};
use ushield_protocol::message::{Hello, Kind};
use ushield_protocol::noise::Seed;
use ushield_protocol::pairing_code::PairingCode;
use ushield_protocol::pin::PinBlock;
use ushield_session::pairing::{
    self, Compare, Digits, ExpectP2, ExpectP4, ExpectP6, MAX_TRIES, Method, NeedDh, Phone,
};

use crate::client::{Client, ONLY};
use crate::customer::{Customer, Moment, PinReason, TokenScreen};
use crate::error::{Doubt, Error};
use crate::ports::{Change, Connector, Millis, Table, Wanted};
use crate::records::TokenRecord;
use crate::retry::Attempts;
use crate::search::Search;
use crate::token::{DH_KEY, Limit, MACHINE, Wire, agree};

/// The token shows its digits for 60 s, and is silent meanwhile.
const HUMAN: Limit = Limit { whole: Millis(75_000), silence: Millis(75_000) };

/// P1 of one way to pair.
type Begin<'f, M> =
    dyn Fn(Phone, &Hello, Seed) -> Result<(ExpectP2<M>, Vec<u8>), ushield_session::Error> + Send + Sync + 'f;

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
        let begin = |phone, hello: &Hello, seed| pairing::start(phone, hello, seed);
        let (wire, expect, p4, roots) =
            self.pair_until_p4(connector, customer, mode_opened_again, &begin).await?;
        let compare = expect.handle(&p4, &roots, self.clock().now().0, &P256Verifier)?;
        Ok(PendingPairing { client: self, wire, compare })
    }

    /// Pairs by the code that the customer scanned from the token's screen: nothing is compared. The customer presses OK on the
    /// token, and is told to when the token has proved itself. The code is used up, whatever comes of it.
    ///
    /// `mode_opened_again` as in [`Client::pair`].
    ///
    /// # Errors
    /// `wrong-token` when the code is another token's, `pairing-code-spent` when the token shows another one by now, and those of
    /// [`Client::pair`] and [`PendingPairing::confirm`].
    pub async fn pair_by_code(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        code: PairingCode,
        mode_opened_again: bool,
    ) -> Result<TokenRecord, Error> {
        let begin = |phone, hello: &Hello, seed| pairing::start_with_code(phone, hello, seed, code.clone());
        let (wire, expect, p4, roots) =
            self.pair_until_p4(connector, customer, mode_opened_again, &begin).await?;
        let verified = expect.handle(&p4, &roots, self.clock().now().0, &P256Verifier)?;
        let pin = pin_for(customer, verified.pin_needed()).await?;
        let (expect, p5) = verified.answer(pin)?;
        self.finish_pairing(wire, customer, TokenScreen::PairingByCode, expect, &p5).await
    }

    /// P1 to P4: P4 is here, and not judged yet.
    async fn pair_until_p4<M: Method>(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        mode_opened_again: bool,
        begin: &Begin<'_, M>,
    ) -> Result<(Wire<'_>, ExpectP4<M>, Vec<u8>, Vec<MakerRoot>), Error> {
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
            match self.begin_pairing(connector, customer, phone, begin).await {
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
        let roots = setup.makers.iter().filter_map(|der| MakerRoot::from_der(der)).collect();
        Ok((wire, expect, p4, roots))
    }

    /// What comes before P3, with the token that is open for it among those that are there. By code that is the one that the code is of.
    async fn begin_pairing<M: Method>(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        phone: Phone,
        begin: &Begin<'_, M>,
    ) -> Result<(Wire<'_>, NeedDh<M>), Error> {
        let mut search = Search::new(self, connector, customer, Wanted::to_pair());
        loop {
            let (wire, hello) = search.next().await?;
            let spot = wire.at();
            match self.begin_pairing_with(wire, &hello, &phone, begin).await {
                Err(error)
                    if matches!(
                        error.code(),
                        Code::NotPairing | Code::WrongToken | Code::PairingCodeSpent
                    ) =>
                {
                    search.pass_unready(spot, error)?
                }
                begun => return begun,
            }
        }
    }

    async fn begin_pairing_with<'a, M: Method>(
        &'a self,
        mut wire: Wire<'a>,
        hello: &Hello,
        phone: &Phone,
        begin: &Begin<'_, M>,
    ) -> Result<(Wire<'a>, NeedDh<M>), Error> {
        let (expect, p1) = begin(phone.clone(), hello, self.seed()?)?;
        wire.send(Kind::Pairing, &p1).await?;
        let p2 = wire.expect(Kind::Pairing, MACHINE).await?;
        // nP is drawn now, after the commitment has arrived.
        Ok((wire, expect.handle(&p2, self.random()?)?))
    }

    /// P5 to the record. The token waits for its own OK.
    async fn finish_pairing(
        &self,
        mut wire: Wire<'_>,
        customer: &dyn Customer,
        screen: TokenScreen,
        expect: ExpectP6,
        p5: &[u8],
    ) -> Result<TokenRecord, Error> {
        wire.send(Kind::Pairing, p5).await?;
        customer.tell(&Moment::PressOkOnToken { screen });
        let p6 = wire.expect(Kind::Pairing, HUMAN).await;
        let p6 = p6.map_err(|error| error.in_doubt(Doubt::Pairing))?;
        let pairing = expect.handle(&p6)?;
        let token = TokenRecord { pairing, profile: None };
        self.store().commit(&[
            Change::put(Table::Token, token.pairing.device.as_bytes(), &token.encode()),
            Change::delete(Table::Pairing, ONLY),
        ])?;
        wire.close().await;
        Ok(token)
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
        let Self { client, wire, compare } = self;
        let pin = pin_for(customer, compare.pin_needed()).await?;
        let (expect, p5) = compare.confirm(pin)?;
        client.finish_pairing(wire, customer, TokenScreen::Pairing, expect, &p5).await
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

/// A further phone needs the token's PIN.
async fn pin_for(customer: &dyn Customer, needed: bool) -> Result<Option<PinBlock>, Error> {
    Ok(match needed {
        true => Some(customer.pin(PinReason::SecondPhone).await?),
        false => None,
    })
}
