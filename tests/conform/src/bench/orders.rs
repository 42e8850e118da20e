//! The bank's orders, and their way to the token.

use std::time::Duration;

use tokio::time::sleep;
use ushield_protocol::account::Scheme;
use ushield_protocol::code::Code;
use ushield_protocol::currency::Currency;
use ushield_protocol::key::{KeyId, OrderId, Sign};
use ushield_protocol::message::{Kind, Reply, ReplyClass, Request, Role};
use ushield_protocol::order::{
    Addressee, Amount, CertificateDownload, NameCheck, Operation, Order, OrderPayload, Transfer,
};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::render::{self, Notices, Pages};

use super::Bench;
use crate::hand::Key;
use crate::line::Came;
use crate::miss::{Miss, Step, want};
use crate::phone::{Channel, say};

/// Seconds between the times at which two orders are issued: of the orders that are kept, all but fifteen have expired.
const STEP: u64 = 100;
/// An order's life.
const LIFE: u64 = 900;

impl Bench {
    /// The time of the next order.
    pub(crate) fn tick(&mut self) -> u64 {
        self.time = self.time.saturating_add(STEP);
        self.time
    }

    pub(crate) async fn order(
        &mut self,
        to: impl Into<Addressee>,
        operation: Operation,
    ) -> Step<OrderPayload> {
        let issued = self.tick();
        Ok(OrderPayload {
            bank: self.bank().await?,
            addressee: to.into(),
            id: OrderId::from_random(self.random()?),
            challenge: self.random()?,
            issued,
            expires: issued.saturating_add(LIFE),
            operation,
        })
    }

    /// A transfer that the token can approve, unlike any other.
    pub(crate) async fn transfer(&mut self) -> Step<OrderPayload> {
        let pay = self.pay()?.key_id();
        self.transfer_to(pay).await
    }

    pub(crate) async fn transfer_to(&mut self, addressee: KeyId) -> Step<OrderPayload> {
        let minor = 100_000 + u64::from(u32::from_be_bytes(self.random()?));
        let transfer = a_transfer(minor).ok_or_else(|| Miss::wrong("an amount", "none"))?;
        self.order(addressee, Operation::Transfer(transfer)).await
    }

    pub(crate) async fn download(&mut self, role: Role) -> Step<OrderPayload> {
        let device = self.device().await?;
        let (customer, reference) = ("李雷".to_owned(), "CONFORM-1".to_owned());
        self.order(device, Operation::CertificateDownload(CertificateDownload { role, customer, reference }))
            .await
    }

    /// Signed by the key that the operation has.
    pub(crate) fn sign(&self, order: &OrderPayload) -> Step<Vec<u8>> {
        let key = match order.operation {
            Operation::Transfer(_) => &self.setup.bank.transfer,
            Operation::CertificateDownload(_) => &self.setup.bank.certificate,
        };
        sign_with(order, key)
    }

    pub(crate) async fn signed_transfer(&mut self) -> Step<(OrderPayload, Vec<u8>)> {
        let order = self.transfer().await?;
        let bytes = self.sign(&order)?;
        Ok((order, bytes))
    }

    /// The pages that the token has to show.
    pub(crate) async fn pages(&mut self, order: &[u8], notices: &Notices) -> Step<Pages> {
        let profile = self.profile().await?;
        let order = Order::receive(order).and_then(Order::trust_own);
        let order = order.map_err(|refusal| Miss::wrong("an order", refusal.to_string()))?;
        render::pages(&order, profile, notices).map_err(|error| Miss::wrong("pages", error.field.to_string()))
    }

    /// Delivers an order that must be shown. While a message stands on the screen the token is busy.
    pub(crate) async fn show(&mut self, channel: &mut Channel, order: &[u8], pin: Option<PinBlock>) -> Step {
        let order = Request::Order { pin, order: order.to_vec() };
        let reply = self.while_busy(channel, &order).await?;
        want((reply.class, reply.code) == (ReplyClass::Event, Code::Shown), "event shown", || say(&reply))
    }

    /// Asks a question that the token puts to the customer; it is busy while a message stands. The first reply, if one comes at
    /// once.
    pub(crate) async fn put(&mut self, channel: &mut Channel, request: &Request) -> Step {
        self.setup.hand.dismiss().await?;
        for _ in 0..8 {
            channel.send(request).await?;
            match channel.line.next(crate::line::QUIET).await? {
                Came::Nothing => return Ok(()),
                Came::Message(Kind::Sealed, body) => {
                    let plain = channel
                        .transport
                        .open(&body)
                        .map_err(|_| Miss::wrong("a sealed message", "another"))?;
                    let reply =
                        Reply::decode(&plain).map_err(|_| Miss::wrong("a reply", "bytes that are none"))?;
                    let busy = (reply.class, reply.code) == (ReplyClass::Result, Code::Busy);
                    want(busy, "a question on the token's screen", || say(&reply))?;
                    sleep(Duration::from_secs(1)).await;
                }
                came => return Err(Miss::wrong("a question on the token's screen", came.say())),
            }
        }
        Err(Miss::wrong("a message on the screen that gives way after 5 s", "result busy"))
    }

    async fn while_busy(&mut self, channel: &mut Channel, request: &Request) -> Step<Reply> {
        for attempt in 0..8 {
            channel.send(request).await?;
            let body = channel.line.take(Kind::Sealed).await?;
            let plain =
                channel.transport.open(&body).map_err(|_| Miss::wrong("a sealed message", "another"))?;
            let reply = Reply::decode(&plain).map_err(|_| Miss::wrong("a reply", "bytes that are none"))?;
            if (reply.class, reply.code) != (ReplyClass::Result, Code::Busy) {
                return Ok(reply);
            }
            match attempt {
                0 => self.setup.hand.dismiss().await?,
                _ => sleep(Duration::from_secs(1)).await,
            }
        }
        Err(Miss::wrong("a message on the screen that gives way after 5 s", "result busy"))
    }

    /// Delivers, reads, presses OK: the answer.
    pub(crate) async fn approve(&mut self, channel: &mut Channel, order: &[u8]) -> Step<(Vec<u8>, Pages)> {
        let pages = self.pages(order, &Notices::default()).await?;
        let pin = Some(self.pin_block()?);
        self.show(channel, order, pin).await?;
        self.turn_pages(&pages).await?;
        self.press(Key::Ok).await?;
        Ok((channel.result_is(Code::Ok).await?, pages))
    }
}

/// Signed by any key.
pub(crate) fn sign_with(order: &OrderPayload, key: &impl Sign) -> Step<Vec<u8>> {
    order.sign(key).map_err(|refusal| Miss::wrong("an order that can be signed", refusal.to_string()))
}

/// The transfer of every case; only the amount differs.
pub(crate) fn a_transfer(minor: u64) -> Option<Transfer> {
    Some(Transfer {
        debtor_account: "6222020200112233445".to_owned(),
        creditor_name: "北京示例科技有限公司".to_owned(),
        creditor_account: "6217001234567890123".to_owned(),
        scheme: Scheme::Domestic,
        creditor_agent: "示例银行北京分行".to_owned(),
        amount: Amount::new(minor, Currency::from_code("CNY")?)?,
        charges: None,
        name_check: NameCheck::Match,
        execution_date: None,
        remittance: "十一月货款".to_owned(),
        beside: None,
    })
}
