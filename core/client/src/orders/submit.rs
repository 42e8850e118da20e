//! The token's answer on its way to the bank, and the bank's receipt on its way back.

use ushield_bank_api::OrderState;
use ushield_protocol::code::{Class, Code};
use ushield_protocol::order::{Operation, Order, Verified};
use ushield_protocol::receipt::Outcome;
use ushield_session::order_life::{Event, Next, Stage};

use crate::client::Client;
use crate::customer::{Customer, Moment};
use crate::error::Error;
use crate::records::OrderRecord;

impl Client {
    pub(super) async fn submit(
        &self,
        customer: &dyn Customer,
        record: OrderRecord,
    ) -> Result<OrderRecord, Error> {
        // What is cancelled meanwhile is not submitted: it goes the way of the cancel.
        let record = self.change(&record, |stored| match stored.life.next() {
            Next::Submit => {
                let life = stored.life.apply(Event::Submitting)?;
                Ok(OrderRecord { life, ..stored.clone() })
            }
            Next::Cancel { .. } | Next::Nothing => Ok(stored.clone()),
            Next::Create | Next::Deliver => Err(Error::new(Code::UnexpectedEvent)),
        })?;
        let (Next::Submit, Stage::Submitted { answer, .. }, Some(id)) =
            (record.life.next(), record.life.stage(), record.id)
        else {
            return Ok(record);
        };
        customer.tell(&Moment::Submitting);
        match self.bank().submit(&id, answer).await {
            Ok(reply) => {
                // A certificate that does not hold is one thing, the order's end another.
                let kept = match reply.certificate {
                    Some(chain) => self.keep_certificate(&record, chain),
                    None => Ok(()),
                };
                let settled = self.settle(record, reply.receipt.into_bytes()).await?;
                kept.map(|()| settled)
            }
            // Not an end: only a receipt is. The order may have ended in another way meanwhile.
            Err(error) if error.class() == Class::Terminal && error.code() != Code::BankUntrusted => {
                match self.receipt_at_bank(&record).await {
                    Ok(Some(receipt)) => self.settle(record, receipt).await,
                    Ok(None) | Err(_) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn receipt_at_bank(&self, record: &OrderRecord) -> Result<Option<Vec<u8>>, Error> {
        let id = record.id.ok_or(Error::new(Code::UnexpectedEvent))?;
        let order = self.heeding(self.bank().order(&self.session()?, &id).await)?;
        match order.state {
            OrderState::Open => Ok(None),
            _ => Ok(order.receipt.map(ushield_bank_api::Base64Url::into_bytes)),
        }
    }

    /// The order's end, by its receipt. A certificate that was issued is left to be stored on the token, in the same step.
    pub(super) async fn settle(&self, record: OrderRecord, receipt: Vec<u8>) -> Result<OrderRecord, Error> {
        let order = self.own_order(&record)?;
        let judged = self.verified_receipt(&receipt, order.id(), order.hash()).await?;
        let issued = judged.outcome == Outcome::Executed
            && matches!(order.payload().operation, Operation::CertificateDownload(_));
        self.change(&record, |stored| {
            let certificate_due = stored.certificate_due || (issued && !stored.life.is_over());
            let life = stored.life.apply(Event::Receipt(receipt))?;
            Ok(OrderRecord { life, certificate_due, ..stored.clone() })
        })
    }

    pub(super) fn own_order(&self, record: &OrderRecord) -> Result<Order<Verified>, Error> {
        let bytes = record.life.order().ok_or(Error::new(Code::UnexpectedEvent))?;
        self.stored_order(bytes)
    }
}
