//! Orders that a token refuses (section 11, in its sequence).

use ushield_protocol::account::Scheme;
use ushield_protocol::cbor::{Field, Reason};
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::key::{BankId, Sign, SigningKey};
use ushield_protocol::message::Request;
use ushield_protocol::order::{Addressee, Operation, OrderPayload, Transfer};

use super::certificate::bank_keys;
use super::review::{reject, show_transfer};
use crate::bench::{BEFORE, Bench, sign_with};
use crate::miss::{Miss, Step, want};
use crate::phone::{Channel, say};

/// Sends an order; the result's code is one of these.
async fn refused(bench: &mut Bench, channel: &mut Channel, order: Vec<u8>, codes: &[Code]) -> Step {
    channel.send(&Request::Order { pin: Some(bench.pin_block()?), order }).await?;
    let reply = channel.result().await?;
    let names: Vec<&str> = codes.iter().map(|code| code.name()).collect();
    want(codes.contains(&reply.code), &format!("result {}", names.join(" or ")), || say(&reply))
}

/// n of P-256, big-endian.
const ORDER_OF_CURVE: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The other signature that the same key and message have: n - s in place of s.
fn high_s(order: &[u8]) -> Vec<u8> {
    let mut bytes = order.to_vec();
    let mut borrow = 0i32;
    for (byte, n) in bytes.iter_mut().rev().zip(ORDER_OF_CURVE.iter().rev()).take(32) {
        let difference = i32::from(*n) - i32::from(*byte) - borrow;
        borrow = i32::from(difference < 0);
        *byte = u8::try_from(difference.rem_euclid(256)).unwrap_or(0);
    }
    bytes
}

pub(super) async fn malformed(bench: &mut Bench) -> Step {
    bank_keys(bench)?;
    let (_, good) = bench.signed_transfer().await?;
    let mut channel = bench.channel().await?;
    let cut = good.get(..good.len().saturating_sub(1)).unwrap_or_default().to_vec();
    let longer = [good.as_slice(), &[0]].concat();
    // 84 4d: the protected header is 13 bytes long; a0 behind it is the empty map.
    let mut header = good.clone();
    let mut map = good.clone();
    if let (Some(alg), Some(empty)) = (header.get_mut(4), map.get_mut(15)) {
        (*alg, *empty) = (0x27, 0xa1);
    }
    for bad in [vec![0xff], vec![0x80], cut, longer, header, map] {
        refused(bench, &mut channel, bad, &[Code::Malformed]).await?;
    }
    refused(bench, &mut channel, high_s(&good), &[Code::Malformed, Code::BadSignature]).await?;
    refused(bench, &mut channel, vec![0x84; 1025], &[Code::Malformed, Code::TooLarge]).await
}

pub(super) async fn unknown_key(bench: &mut Bench) -> Step {
    let order = bench.transfer().await?;
    let order = sign_with(&order, &bench.new_key()?)?;
    let mut channel = bench.channel().await?;
    refused(bench, &mut channel, order, &[Code::UnknownOrderKey]).await
}

pub(super) async fn bad_signature(bench: &mut Bench) -> Step {
    let (order, good) = bench.signed_transfer().await?;
    let mut channel = bench.channel().await?;
    // One bit of the payload: of the challenge, which no other check looks at.
    let mut altered = good.clone();
    let at = find(&good, &order.challenge).ok_or_else(|| Miss::wrong("a challenge in the order", "none"))?;
    if let Some(byte) = altered.get_mut(at) {
        *byte ^= 1;
    }
    // The same by another key that says that it is the bank's.
    let forged =
        sign_with(&order, &Impostor { key: bench.new_key()?, claims: bench.setup.bank.transfer.clone() })?;
    for bad in [altered, forged] {
        refused(bench, &mut channel, bad, &[Code::BadSignature]).await?;
    }
    Ok(())
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// Signs with its own key and names another one.
struct Impostor {
    key: SigningKey,
    claims: SigningKey,
}

impl Sign for Impostor {
    fn public_key(&self) -> ushield_protocol::key::PublicKey {
        self.claims.public_key()
    }

    fn sign(&self, message: &[u8]) -> ushield_protocol::key::Signature {
        self.key.sign(message)
    }
}

pub(super) async fn bad_payload(bench: &mut Bench) -> Step {
    bank_keys(bench)?;
    let good = bench.transfer().await?;
    let with = |change: &dyn Fn(&mut Transfer)| {
        let mut order = good.clone();
        if let Operation::Transfer(transfer) = &mut order.operation {
            change(transfer);
        }
        order.encode()
    };
    let long_lived = OrderPayload { expires: good.issued + 901, ..good.clone() }.encode();
    let never = OrderPayload { expires: good.issued, ..good.clone() }.encode();
    let trailing = [good.encode().as_slice(), &[0]].concat();
    let bad = [
        (
            with(&|transfer| transfer.creditor_name = "韩\u{202e}梅梅".to_owned()),
            Reason::BadValue,
            Field::inner(10, 2),
        ),
        (
            with(&|transfer| transfer.creditor_name = "账号 621700".to_owned()),
            Reason::BadValue,
            Field::inner(10, 2),
        ),
        (with(&|transfer| transfer.scheme = Scheme::Iban), Reason::BadValue, Field::inner(10, 3)),
        (with(&|transfer| transfer.remittance = " 货款".to_owned()), Reason::BadValue, Field::inner(10, 12)),
        (
            with(&|transfer| transfer.execution_date = Some(20_270_230)),
            Reason::BadValue,
            Field::inner(10, 11),
        ),
        (long_lived, Reason::BadValue, Field::outer(8)),
        (never, Reason::BadValue, Field::outer(8)),
        (trailing, Reason::Trailing, Field::outer(10)),
    ];
    let mut channel = bench.channel().await?;
    for (payload, reason, field) in bad {
        let order = sign1(Tag::Order, &payload, &bench.setup.bank.transfer);
        channel.send(&Request::Order { pin: None, order }).await?;
        let reply = channel.result().await?;
        let refusal = reply.to_refusal();
        let right = refusal.code == Code::Malformed && refusal.reason == Some(reason);
        // What follows the map belongs to no field.
        let right = right && (refusal.field == Some(field) || reason == Reason::Trailing);
        let expected = format!("malformed: {} in field {field}", reason.name());
        want(right, &expected, || say(&reply))?;
    }
    Ok(())
}

pub(super) async fn wrong_bank(bench: &mut Bench) -> Step {
    let mut order = bench.transfer().await?;
    order.bank = BankId::new("CONFXX99XXX").ok_or_else(|| Miss::wrong("a bank id", "none"))?;
    let order = bench.sign(&order)?;
    let mut channel = bench.channel().await?;
    refused(bench, &mut channel, order, &[Code::WrongBank]).await
}

pub(super) async fn wrong_addressee(bench: &mut Bench) -> Step {
    bench.pay()?;
    let other = bench.new_key()?.public_key().key_id();
    let order = bench.transfer_to(other).await?;
    let order = bench.sign(&order)?;
    let mut channel = bench.channel().await?;
    refused(bench, &mut channel, order, &[Code::WrongAddressee]).await
}

pub(super) async fn outside_validity(bench: &mut Bench) -> Step {
    let mut order = bench.transfer().await?;
    order.issued = bench.setup.now.saturating_sub(BEFORE + 1);
    order.expires = order.issued + 900;
    let order = bench.sign(&order)?;
    let mut channel = bench.channel().await?;
    refused(bench, &mut channel, order, &[Code::IssuedOutsideValidity]).await
}

pub(super) async fn not_allowed(bench: &mut Bench) -> Step {
    let order = bench.transfer().await?;
    let order = sign_with(&order, &bench.setup.bank.certificate)?;
    let mut channel = bench.channel().await?;
    refused(bench, &mut channel, order, &[Code::OperationNotAllowed]).await
}

/// Two faults in one order. The first in section 11 is told, and with it nothing that a later step knows.
pub(super) async fn in_sequence(bench: &mut Bench) -> Step {
    bench.pay()?;
    let mut channel = bench.channel().await?;
    let (decided, _, pages) = show_transfer(bench, &mut channel).await?;
    reject(bench, &mut channel, &decided, &pages).await?;
    let good = bench.transfer().await?;
    let (transfer, certificate) = (bench.setup.bank.transfer.clone(), bench.setup.bank.certificate.clone());
    let other_bank = BankId::new("CONFXX99XXX").ok_or_else(|| Miss::wrong("a bank id", "none"))?;
    let other_key = Addressee::from(bench.new_key()?.public_key().key_id());
    let early = bench.setup.now.saturating_sub(BEFORE + 1);
    let long_ago = good.issued.saturating_sub(2_000);
    let with_text = |order: OrderPayload, text: &str| {
        let mut order = order;
        if let Operation::Transfer(transfer) = &mut order.operation {
            transfer.remittance = text.to_owned();
        }
        order
    };
    let at = |issued: u64| OrderPayload { issued, expires: issued + 900, ..good.clone() };
    let unshowable = |order| with_text(order, "ABCDEFGHIJKLMNOPQRSTUVWXY");
    let impostor = Impostor { key: bench.new_key()?, claims: transfer.clone() };
    let orders = [
        (sign1(Tag::Order, &with_text(good.clone(), " x").encode(), &impostor), Code::BadSignature),
        (
            sign1(
                Tag::Order,
                &with_text(OrderPayload { bank: other_bank.clone(), ..good.clone() }, " x").encode(),
                &transfer,
            ),
            Code::Malformed,
        ),
        (
            sign_with(&OrderPayload { bank: other_bank, addressee: other_key, ..good.clone() }, &transfer)?,
            Code::WrongBank,
        ),
        (sign_with(&OrderPayload { addressee: other_key, ..at(early) }, &transfer)?, Code::WrongAddressee),
        (sign_with(&at(early), &certificate)?, Code::IssuedOutsideValidity),
        (
            sign_with(&OrderPayload { id: decided.id, ..good.clone() }, &certificate)?,
            Code::OperationNotAllowed,
        ),
        (sign_with(&OrderPayload { id: decided.id, ..at(long_ago) }, &transfer)?, Code::OrderIdReused),
        (sign_with(&unshowable(at(long_ago)), &transfer)?, Code::OrderExpired),
    ];
    for (order, code) in orders {
        refused(bench, &mut channel, order, &[code]).await?;
    }
    let (running, _, pages) = show_transfer(bench, &mut channel).await?;
    refused(bench, &mut channel, sign_with(&unshowable(good), &transfer)?, &[Code::Busy]).await?;
    reject(bench, &mut channel, &running, &pages).await
}

async fn too_wide(bench: &mut Bench) -> Step<Vec<u8>> {
    let mut order = bench.transfer().await?;
    if let Operation::Transfer(transfer) = &mut order.operation {
        transfer.remittance = "ABCDEFGHIJKLMNOPQRSTUVWXY".to_owned();
    }
    bench.sign(&order)
}

pub(super) async fn unshowable(bench: &mut Bench) -> Step {
    let order = too_wide(bench).await?;
    let mut channel = bench.channel().await?;
    channel.send(&Request::Order { pin: Some(bench.pin_block()?), order }).await?;
    let reply = channel.result().await?;
    let right = (reply.code, reply.body.as_slice()) == (Code::Unshowable, &[10, 12]);
    want(right, "unshowable in field 10.12", || say(&reply))
}

pub(super) async fn unseen(bench: &mut Bench) -> Step {
    let before = bench.still().await?;
    if before.is_none() {
        return Err(crate::report::Skipped::NoScreen.into());
    }
    let order = bench.transfer().await?;
    let forged = Impostor { key: bench.new_key()?, claims: bench.setup.bank.transfer.clone() };
    let orders = [
        sign_with(&order, &forged)?,
        sign_with(&order, &bench.new_key()?)?,
        too_wide(bench).await?,
        vec![0x80],
    ];
    for order in orders {
        let mut channel = bench.channel().await?;
        channel.send(&Request::Order { pin: Some(bench.pin_block()?), order }).await?;
        let reply = channel.result().await?;
        want(reply.code != Code::Ok, "a refusal", || say(&reply))?;
        channel.line.close().await;
        bench.unchanged(before.clone(), "an order that is refused").await?;
    }
    Ok(())
}
