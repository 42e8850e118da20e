//! Orders given to the token directly, as malware on a paired phone would.

use ushield_e2e::customer::Customer;
use ushield_e2e::scene::transfer;
use ushield_protocol::account::Scheme;
use ushield_protocol::bank_key::{BankKey, Purpose};
use ushield_protocol::cbor::{Field, Reason};
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Tag, sign1};
use ushield_protocol::key::{BankId, DeviceId, Sign as _, SigningKey};
use ushield_protocol::message::{Reply, Request};
use ushield_protocol::order::{Operation, OrderPayload, Transfer};

use crate::Stage;

fn stranger(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32]).unwrap()
}

impl Stage {
    /// Delivered in every form, the order gets this answer at once, and the token is as it was.
    async fn token_refuses(&self, order: Vec<u8>, code: Code) -> Reply {
        let reply = self.malware().await.deliver(order).await;
        assert_eq!(reply.code, code, "{reply:?}");
        self.unharmed(&[]).await;
        reply
    }

    /// Signed by the bank's own key, whatever it says.
    fn signed(&self, payload: &[u8]) -> Vec<u8> {
        sign1(Tag::Order, payload, &self.keys.transfer)
    }

    fn with(&self, change: impl FnOnce(&mut OrderPayload)) -> Vec<u8> {
        let mut payload = self.payload();
        change(&mut payload);
        self.signed(&payload.encode())
    }

    fn with_transfer(&self, change: impl FnOnce(&mut Transfer)) -> Vec<u8> {
        self.with(|payload| {
            if let Operation::Transfer(transfer) = &mut payload.operation {
                change(transfer);
            }
        })
    }
}

fn at(reply: &Reply, reason: Reason, field: Field) {
    let refusal = reply.to_refusal();
    assert_eq!((refusal.reason, refusal.field), (Some(reason), Some(field)), "{reply:?}");
}

#[tokio::test]
async fn an_order_that_is_right_is_shown() {
    // Without this, every refusal below would say nothing.
    let stage = Stage::open().await;
    let payload = stage.payload();
    let mut malware = stage.malware().await;
    let reply = malware.deliver(stage.signed(&payload.encode())).await;
    assert_eq!(reply, Reply::event(Code::Shown, Vec::new()));
    assert!(stage.token.hand().page().number().is_some());
    malware.cancel(payload.id).await;
    drop(malware);
    stage.unharmed(&[]).await;
}

#[tokio::test]
async fn order_for_another_token() {
    let stage = Stage::open().await;
    let order = stage.with(|payload| payload.addressee = DeviceId::from([9; 16]).into());
    stage.token_refuses(order, Code::WrongAddressee).await;
    // Nor is the device addressed where the key must be.
    let device = stage.token.device().device_id;
    stage.token_refuses(stage.with(|payload| payload.addressee = device.into()), Code::WrongAddressee).await;
}

#[tokio::test]
async fn order_signed_by_another_banks_key() {
    let stage = Stage::open().await;
    let order = sign1(Tag::Order, &stage.payload().encode(), &stranger(1));
    stage.token_refuses(order.clone(), Code::UnknownOrderKey).await;
    // Its statement does not get in: another root, or another bank's name under any root.
    let statement = |bank: &str, root: &SigningKey| {
        BankKey {
            bank: BankId::new(bank).unwrap(),
            epoch: 900,
            key: stranger(1).public_key(),
            purposes: vec![Purpose::TRANSFER],
            not_before: stage.now() - 10,
            not_after: stage.now() + 1000,
        }
        .sign(root)
    };
    for (statement, code) in [
        (statement("USHDCNBJ", &stranger(2)), Code::BadSignature),
        (statement("OTHRCNBJ", &stranger(2)), Code::BadSignature),
        (statement("OTHRCNBJ", &stage.keys.root), Code::WrongBank),
    ] {
        let mut malware = stage.malware().await;
        assert_eq!(malware.ask(&Request::BankKey { statement }).await.code, code);
        assert_eq!(malware.deliver(order.clone()).await.code, Code::UnknownOrderKey);
    }
    stage.unharmed(&[]).await;
}

#[tokio::test]
async fn order_with_another_keys_signature_under_a_known_kid() {
    let stage = Stage::open().await;
    let payload = stage.payload().encode();
    let (ours, theirs) = (stage.signed(&payload), sign1(Tag::Order, &payload, &stranger(3)));
    let forged = [&ours[..ours.len() - 64], &theirs[theirs.len() - 64..]].concat();
    stage.token_refuses(forged, Code::BadSignature).await;
    // Nor does what was signed as something else.
    let receipt = sign1(Tag::Receipt, &payload, &stage.keys.transfer);
    stage.token_refuses(receipt, Code::BadSignature).await;
}

#[tokio::test]
async fn order_by_a_key_without_that_operation() {
    let stage = Stage::open().await;
    let order = sign1(Tag::Order, &stage.payload().encode(), &stage.keys.certificate);
    stage.token_refuses(order, Code::OperationNotAllowed).await;
    // The receipt key signs no order, even when the token is told of it.
    let statement = BankKey {
        bank: BankId::new("USHDCNBJ").unwrap(),
        epoch: 900,
        key: stage.keys.receipt.public_key(),
        purposes: vec![Purpose::RECEIPT],
        not_before: stage.now() - 10,
        not_after: stage.now() + 1000,
    }
    .sign(&stage.keys.root);
    stage.malware().await.ask(&Request::BankKey { statement }).await;
    let order = sign1(Tag::Order, &stage.payload().encode(), &stage.keys.receipt);
    let reply = stage.malware().await.deliver(order).await;
    assert!(matches!(reply.code, Code::OperationNotAllowed | Code::UnknownOrderKey), "{reply:?}");
    stage.unharmed(&[]).await;
}

#[tokio::test]
async fn wrong_bank() {
    let stage = Stage::open().await;
    let order = stage.with(|payload| payload.bank = BankId::new("OTHRCNBJ").unwrap());
    stage.token_refuses(order, Code::WrongBank).await;
}

#[tokio::test]
async fn issued_outside_validity() {
    let stage = Stage::open().await;
    let order = stage.with(|payload| {
        payload.issued += 365 * 86_400;
        payload.expires += 365 * 86_400;
    });
    stage.token_refuses(order, Code::IssuedOutsideValidity).await;
}

#[tokio::test]
async fn expired_by_the_tokens_floor() {
    let stage = Stage::open().await;
    let old = stage.with(|_| {});
    // Time passes, and the customer decides a newer order: now the token knows.
    stage.scene.clock.advance(3600);
    stage.phone.sign_in().await;
    let customer = Customer::new(stage.token.hand());
    stage.phone.transfer(&customer, &transfer(500)).await.unwrap();
    let reply = stage.malware().await.deliver(old).await;
    assert_eq!(reply.code, Code::OrderExpired);
    stage.unharmed(&[500]).await;
}

#[tokio::test]
async fn unknown_field() {
    let stage = Stage::open().await;
    let mut payload = stage.payload().encode();
    payload[0] = 0xab;
    payload.extend([0x0b, 0x01]);
    let reply = stage.token_refuses(stage.signed(&payload), Code::Malformed).await;
    at(&reply, Reason::UnknownField, Field::outer(11));

    let mut payload = stage.payload().encode();
    let head = payload.windows(2).position(|window| window == [0x0a, 0xab]).unwrap();
    payload[head + 1] = 0xac;
    payload.extend([0x0e, 0x01]);
    let reply = stage.token_refuses(stage.signed(&payload), Code::Malformed).await;
    at(&reply, Reason::UnknownField, Field::inner(10, 14));
}

#[tokio::test]
async fn name_with_bidirectional_or_zero_width_characters() {
    let stage = Stage::open().await;
    for bad in [
        "张\u{202e}三",
        "张三\u{2066}",
        "\u{200f}张三",
        "张\u{200b}三",
        "张\u{200d}三",
        "\u{feff}张三",
        "Zhаng",
    ] {
        let order = stage.with_transfer(|transfer| transfer.creditor_name = bad.to_owned());
        let reply = stage.token_refuses(order, Code::Malformed).await;
        at(&reply, Reason::BadValue, Field::inner(10, 2));
    }
}

#[tokio::test]
async fn exponent_that_does_not_fit_its_currency() {
    let stage = Stage::open().await;
    for other in [&b"\x63CNY\x08\x00"[..], b"\x63CNY\x08\x03", b"\x63JPY\x08\x02"] {
        let payload = stage.payload().encode();
        let at_byte = payload.windows(6).position(|window| window == b"\x63CNY\x08\x02").unwrap();
        let payload = [&payload[..at_byte], other, &payload[at_byte + 6..]].concat();
        let reply = stage.token_refuses(stage.signed(&payload), Code::Malformed).await;
        at(&reply, Reason::BadValue, Field::inner(10, 8));
    }
}

#[tokio::test]
async fn account_that_fails_its_check_digits() {
    let stage = Stage::open().await;
    for (scheme, account) in [(Scheme::Iban, "GB82WEST12345698765433"), (Scheme::Card, "4111111111111112")] {
        let order = stage.with_transfer(|transfer| {
            transfer.scheme = scheme;
            transfer.creditor_account = account.to_owned();
        });
        let reply = stage.token_refuses(order, Code::Malformed).await;
        at(&reply, Reason::BadValue, Field::inner(10, 3));
    }
}

#[tokio::test]
async fn what_no_page_can_show() {
    let stage = Stage::open().await;
    let order = stage.with_transfer(|transfer| transfer.remittance = "A".repeat(25));
    let reply = stage.token_refuses(order, Code::Unshowable).await;
    assert_eq!(reply.to_refusal().field, Some(Field::inner(10, 12)));
}

#[tokio::test]
async fn a_known_id_with_another_content() {
    let stage = Stage::open().await;
    let customer = Customer::new(stage.token.hand());
    let report = stage.phone.transfer(&customer, &transfer(600)).await.unwrap();
    let order = stage.with(|payload| payload.id = report.order);
    assert_eq!(stage.malware().await.deliver(order).await.code, Code::OrderIdReused);
    stage.unharmed(&[600]).await;
}

#[tokio::test]
async fn a_certificate_order_for_a_token_that_has_one() {
    let stage = Stage::open().await;
    // A certificate is final once its key has signed.
    let customer = Customer::new(stage.token.hand());
    stage.phone.transfer(&customer, &transfer(100)).await.unwrap();
    stage.token.hand().acknowledge().await;
    let device = stage.token.device().device_id;
    let mut payload = stage.payload();
    payload.addressee = device.into();
    payload.operation = Operation::CertificateDownload(ushield_protocol::order::CertificateDownload {
        role: ushield_protocol::message::Role::Pay,
        customer: "张三".to_owned(),
        reference: "KH-1".to_owned(),
    });
    let order = sign1(Tag::Order, &payload.encode(), &stage.keys.certificate);
    let reply = stage.malware().await.deliver(order).await;
    assert_eq!(reply.code, Code::CertificateExists, "{reply:?}");
    stage.unharmed(&[100]).await;
}

#[tokio::test]
async fn a_second_order_is_busy_and_replaces_nothing() {
    let stage = Stage::open().await;
    let (first, second) = (stage.payload(), stage.payload());
    let mut malware = stage.malware().await;
    assert_eq!(malware.deliver(stage.signed(&first.encode())).await.code, Code::Shown);
    let page = stage.token.hand().page();
    assert_eq!(malware.deliver(stage.signed(&second.encode())).await.code, Code::Busy);
    assert_eq!(format!("{:?}", stage.token.hand().page()), format!("{page:?}"), "the first is still shown");
    malware.cancel(first.id).await;
    drop(malware);
    stage.unharmed(&[]).await;
}

#[tokio::test]
async fn a_pin_without_an_ok_is_never_compared() {
    let stage = Stage::open().await;
    for _ in 0..6 {
        let payload = stage.payload();
        let mut malware = stage.malware().await;
        assert_eq!(malware.deliver(stage.signed(&payload.encode())).await.code, Code::Shown);
        let pin = ushield_protocol::pin::PinBlock::new("999000").unwrap();
        malware.send(&Request::Pin { pin }).await;
        malware.cancel(payload.id).await;
        // That the phone took it back stands there until it was read.
        stage.token.hand().acknowledge().await;
    }
    stage.unharmed(&[]).await;
}
