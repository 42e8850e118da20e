//! The token that is wanted, found among those that are in reach. A place says nothing of the token there: only the token itself does.

use ushield_protocol::code::Code;
use ushield_protocol::message::Hello;

use crate::client::Client;
use crate::customer::{Customer, LinkEvent, Moment};
use crate::error::{Detail, Error};
use crate::ports::{Connector, Link, Medium, Millis, Spot, Wanted};
use crate::reach::THERE;
use crate::records::TokenRecord;
use crate::token::Wire;

/// A radio that is off may be switched on within this time.
const SWITCHED_ON: Millis = Millis(30_000);
/// Between two looks at it.
const LOOK: Millis = Millis(1_000);
/// So many tokens that are not the one are asked.
const MOST: u32 = 4;
/// So many places with something else are looked at.
const MOST_PLACES: u32 = 16;

/// One search, over as many tokens as come into question.
pub(crate) struct Search<'a, 'p> {
    client: &'a Client,
    connector: &'p dyn Connector,
    customer: &'p dyn Customer,
    wanted: Wanted,
    begun: Millis,
    /// Why the last one was not it.
    refused: Option<Error>,
    asked: u32,
    looked: u32,
}

impl<'a, 'p> Search<'a, 'p> {
    pub(crate) fn new(
        client: &'a Client,
        connector: &'p dyn Connector,
        customer: &'p dyn Customer,
        wanted: Wanted,
    ) -> Self {
        let begun = client.clock().monotonic();
        Self { client, connector, customer, wanted, begun, refused: None, asked: 0, looked: 0 }
    }

    /// Connects to the next token that comes into question and takes its hello.
    pub(crate) async fn next(&mut self) -> Result<(Wire<'a>, Hello), Error> {
        if self.looked == 0 {
            self.customer.tell(&Moment::Connecting { link: self.connector.describe() });
        }
        loop {
            // What was said before the right one was not there says more than that it is not there.
            let link = match self.reach().await {
                Ok(link) => link,
                Err(error) => return Err(self.refused.take().unwrap_or(error)),
            };
            let spot = link.at();
            if let Some(Spot { others: others @ 1.., .. }) = &spot {
                let found = others.saturating_add(1);
                self.customer.tell(&Moment::Link(LinkEvent::SeveralTokens { found }));
            }
            let mut wire = Wire::new(self.client, link, self.begun);
            match wire.hello().await {
                Ok(hello) => return Ok((wire, hello)),
                // Whoever else sits there: a card of another kind, another program's port, a token that serves another phone.
                Err(error)
                    if matches!(
                        error.code(),
                        Code::TokenNotFound | Code::TokenTimeout | Code::TokenMisbehaved | Code::Busy
                    ) =>
                {
                    self.pass(spot, error)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A connection. What only the customer can switch on is waited for a little.
    async fn reach(&self) -> Result<Box<dyn Link>, Error> {
        let clock = self.client.clock();
        let begun = clock.monotonic();
        let mut told = None;
        loop {
            let error = match self.connector.connect(&self.wanted).await {
                Ok(link) => return Ok(link),
                Err(error) => error,
            };
            let event = match error.code() {
                Code::RadioOff => LinkEvent::RadioOff,
                Code::RadioForbidden => LinkEvent::RadioForbidden,
                Code::NoReader => LinkEvent::NoReader,
                _ => return Err(error),
            };
            let patience = SWITCHED_ON.min(self.wanted.patience());
            if self.refused.is_some() || clock.monotonic().since(begun) >= patience {
                return Err(error);
            }
            if told.as_ref() != Some(&event) {
                self.customer.tell(&Moment::Link(event.clone()));
                told = Some(event);
            }
            clock.sleep(LOOK).await;
        }
    }

    /// What is there is not the one: the search goes on elsewhere, where there is an elsewhere.
    ///
    /// # Errors
    /// What it said, when there is none.
    fn pass(&mut self, spot: Option<Spot>, error: Error) -> Result<(), Error> {
        self.looked += 1;
        match spot {
            Some(Spot { place, .. }) if self.looked < MOST_PLACES && self.asked < MOST => {
                self.wanted.pass_over(place);
                // A token's own word goes before that of whatever else was there.
                let known = self.refused.take().filter(|known| known.code() != Code::TokenNotFound);
                self.refused = Some(known.unwrap_or(error));
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// As above, of a token that refused: the customer is told, and has to exchange it.
    ///
    /// # Errors
    /// What it said, when there is no elsewhere.
    pub(crate) fn pass_token(
        &mut self,
        spot: Option<Spot>,
        error: Error,
        name: Option<String>,
    ) -> Result<(), Error> {
        self.asked += 1;
        self.pass(spot, error)?;
        self.wanted.expect_exchange();
        self.customer.tell(&Moment::Link(LinkEvent::WrongToken { name }));
        Ok(())
    }

    /// As above, of a token that takes no phone now: another one that does is there already, or none is.
    ///
    /// # Errors
    /// What it said, when there is no elsewhere.
    pub(crate) fn pass_unready(&mut self, spot: Option<Spot>, error: Error) -> Result<(), Error> {
        self.asked += 1;
        self.pass(spot, error)?;
        self.wanted.wait(THERE);
        Ok(())
    }

    /// As above, of a token that does not know this phone by the pairing of the one that is wanted. The customer is told which it is.
    pub(crate) async fn pass_stranger(
        &mut self,
        spot: Option<Spot>,
        error: Error,
        wanted: &TokenRecord,
    ) -> Result<(), Error> {
        // A card was laid there by hand, and a stream's address was given. Whoever is in the air would learn how many pairings there are.
        let other = match &spot {
            Some(Spot { medium: Medium::Card | Medium::Stream, place, .. }) => {
                self.whose(place, wanted).await
            }
            _ => None,
        };
        let error = match &other {
            Some(token) => {
                let device = Detail::Device(token.pairing.device);
                Error::new(Code::WrongToken).with_detail(device).caused_by(error)
            }
            None => error,
        };
        self.pass_token(spot, error, other.map(|token| token.pairing.name))
    }

    /// Another token of this phone's, if that is what is there.
    async fn whose(&self, place: &str, wanted: &TokenRecord) -> Option<TokenRecord> {
        let mut others = self.client.tokens().ok()?;
        others.retain(|token| token.pairing.device != wanted.pairing.device);
        self.client.whose_at(self.connector, place, &others).await
    }
}
