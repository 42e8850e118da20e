//! Taking an order back: the mark first, then the token, then the bank, whose receipt says how it really ended.

use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;
use ushield_protocol::message::Request;
use ushield_protocol::planted::{self, Bug};
use ushield_session::order_life::Stage;

use super::Report;
use crate::client::Client;
use crate::customer::Customer;
use crate::error::Error;
use crate::ports::{Connector, Millis, Wanted};
use crate::records::OrderRecord;
use crate::token::TokenSession;

/// A token that shall be told of a cancel is there, or the bank's word has to do.
const AT_HAND: Millis = Millis(5_000);

impl Client {
    /// Takes an order back, here, at the token and at the bank. Durable first: from then on nothing of it is submitted. The receipt says how it really ended.
    ///
    /// A call that runs the order takes it back at once, wherever it waits.
    ///
    /// # Errors
    /// `unknown-order`, `not-signed-in`, `bank-*`; the cancel is repeated by [`Client::resume`].
    pub async fn cancel_order(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        id: OrderId,
    ) -> Result<Report, Error> {
        self.mark_cancelled(&self.order_record(id)?)?;
        self.run_order(connector, customer, id).await
    }

    /// Takes a request back whose order is not here yet. The bank may have made one: it is asked, and that order cancelled.
    /// Nothing where there is none.
    ///
    /// # Errors
    /// `unknown-order` where no such request is; as [`Client::cancel_order`].
    pub async fn cancel_request(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        creation: [u8; 16],
    ) -> Result<Option<Report>, Error> {
        let record = self.order_records()?.into_iter().find(|record| record.creation == creation);
        let record = self.mark_cancelled(&record.ok_or(Error::new(Code::UnknownOrder))?)?;
        match self.request_order(customer, record).await?.id {
            Some(id) => self.run_order(connector, customer, id).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn cancel_step(
        &self,
        token: Option<&dyn Connector>,
        customer: &dyn Customer,
        record: OrderRecord,
    ) -> Result<OrderRecord, Error> {
        let id = record.id.ok_or(Error::new(Code::UnexpectedEvent))?;
        if planted::on(Bug::SubmittedAfterCancel)
            && let Stage::Decided { answer, .. } = record.life.stage()
        {
            let _ = self.bank().submit(&id, answer).await;
        }
        if let Some(connector) = token {
            // The bank's word ends the order; a token that is away only goes on showing until its time is up.
            if let Err(error) = self.cancel_at_token(connector, customer, &record).await {
                tracing::debug!(code = error.code().name(), "the token could not be told of the cancel");
            }
        }
        let reply = self.heeding(self.bank().cancel(&self.session()?, &id).await)?;
        self.settle(record, reply.receipt.into_bytes()).await
    }

    async fn cancel_at_token(
        &self,
        connector: &dyn Connector,
        customer: &dyn Customer,
        record: &OrderRecord,
    ) -> Result<(), Error> {
        let token = self.token(record.device)?;
        // The bank is waiting for its turn.
        let mut wanted = Wanted::paired(&token.pairing);
        wanted.wait(AT_HAND);
        let mut session = TokenSession::open_wanted(self, connector, customer, &token, wanted).await?;
        let order = record.id.ok_or(Error::new(Code::UnexpectedEvent))?;
        let told = session.exchange(&Request::Cancel { order }).await;
        session.close().await;
        told.map(|_| ())
    }
}
