//! Signed statements through the entry points that a token, a phone or a bank uses.

use serde_json::{Map, Value, json};
use ushield_protocol::account::Scheme;
use ushield_protocol::attestation::Attestation;
use ushield_protocol::authorization::{About, Authorization, AuthorizationPayload, Decision};
use ushield_protocol::bank_key::BankKey;
use ushield_protocol::code::Code;
use ushield_protocol::cose::{Sign1, Tag, sign1};
use ushield_protocol::device::{DeviceIdentity, sign_statement, verify_statement};
use ushield_protocol::key::{BankId, DeviceId, Hash, PublicKey, VerifySignature, hex};
use ushield_protocol::order::{Operation, Order, OrderPayload, Received, Transfer, Verified};
use ushield_protocol::receipt::Receipt;
use ushield_protocol::refusal::Refusal;

use crate::support::{array, bank, bytes, public_key, signing_key, statement, text, vectors};

/// A statement that was accepted: its fields as the vectors write them, and the same signed again.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) fields: Value,
    pub(crate) again: Vec<u8>,
}

pub(crate) fn tag(name: &str) -> Tag {
    Tag::ALL.into_iter().find(|tag| tag.as_bytes() == name.as_bytes()).unwrap()
}

/// Takes a statement as its one verifier does; `key` is the label of the key that must have signed it.
pub(crate) fn accept(
    tag: Tag,
    key: &str,
    cose: &[u8],
    verifier: &impl VerifySignature,
) -> Result<Accepted, Refusal> {
    let by = public_key(key);
    let signer = signing_key(key);
    let (fields, again) = match tag {
        Tag::BankKey => {
            let read = BankKey::verify(cose, &bank_of_key(cose), &by, verifier)?;
            (bank_key_fields(&read), read.sign(&signer))
        }
        Tag::Order => {
            let order = Order::receive(cose)?;
            let key = named_key(key, &bank_of_order(&order));
            let read = order.verify(&key, verifier)?;
            (order_fields(read.payload()), read.payload().sign(&signer)?)
        }
        Tag::Approve | Tag::Login | Tag::Reject => {
            let decision = Decision::ALL.into_iter().find(|decision| decision.tag() == tag).unwrap();
            let read = Authorization::receive(cose)?.verify(decision, &by, verifier)?;
            assert_eq!(read.decision(), decision);
            (authorization_fields(read.payload()), sign1(tag, &read.payload().encode(), &signer))
        }
        Tag::Attest => {
            let (read, _) = Attestation::verify(cose, &by, verifier)?;
            (attestation_fields(&read), sign1(tag, &read.encode(), &signer))
        }
        Tag::Device => {
            let identity = identity(by);
            let dh = public_key("dh");
            verify_statement(cose, &identity, &dh, verifier)?;
            let fields =
                json!({ "1": 1, "2": 1, "3": hex(identity.device.as_bytes()), "4": hex(dh.as_bytes()) });
            (fields, sign_statement(identity.device, &dh, &signer))
        }
        Tag::Receipt => {
            let read = Receipt::verify(cose, &named_key(key, &bank()), verifier)?;
            (receipt_fields(&read), read.sign(&signer))
        }
    };
    Ok(Accepted { fields, again })
}

pub(crate) fn identity(key: PublicKey) -> DeviceIdentity {
    let device = DeviceId::from(array(&vectors()["device_id"]));
    DeviceIdentity { device, brand: String::new(), model: String::new(), key }
}

/// The `BANKKEY` of a bank key by its label, said of `bank`.
pub(crate) fn named_key(label: &str, bank: &BankId) -> BankKey {
    let name = match label {
        "order-transfer" => "bankkey-transfer",
        "order-certificate" => "bankkey-certificate",
        "receipt" => "bankkey-receipt",
        _ => panic!("no statement for {label}"),
    };
    let key = BankKey::decode(&bytes(&statement(name)["payload"])).unwrap();
    BankKey { bank: bank.clone(), ..key }
}

/// An order of the vectors by the name of its statement.
pub(crate) fn order(name: &str, verifier: &impl VerifySignature) -> Order<Verified> {
    let made = statement(name);
    let order = Order::receive(&bytes(&made["cose"])).unwrap();
    let key = named_key(text(&made["key"]), &bank_of_order(&order));
    order.verify(&key, verifier).unwrap()
}

fn bank_of_key(cose: &[u8]) -> BankId {
    let key = Sign1::parse(cose).ok().and_then(|message| BankKey::decode(message.payload()).ok());
    key.map_or(bank(), |key| key.bank)
}

fn bank_of_order(order: &Order<Received>) -> BankId {
    order.clone().trust_own().map_or(bank(), |order| order.payload().bank.clone())
}

fn fields(entries: impl IntoIterator<Item = (u8, Value)>) -> Value {
    Value::Object(Map::from_iter(entries.into_iter().map(|(key, value)| (key.to_string(), value))))
}

fn head(rest: impl IntoIterator<Item = (u8, Value)>) -> Value {
    fields([(1, json!(1)), (2, json!(1))].into_iter().chain(rest))
}

fn bank_key_fields(key: &BankKey) -> Value {
    let purposes: Vec<u8> = key.purposes.iter().map(|purpose| purpose.number()).collect();
    head([
        (3, json!(key.bank.as_str())),
        (4, json!(key.epoch)),
        (5, json!(hex(key.key_id().as_bytes()))),
        (6, json!(hex(key.key.as_bytes()))),
        (7, json!(purposes)),
        (8, json!(key.not_before)),
        (9, json!(key.not_after)),
    ])
}

fn order_fields(order: &OrderPayload) -> Value {
    let inner = match &order.operation {
        Operation::Transfer(transfer) => transfer_fields(transfer),
        Operation::CertificateDownload(download) => fields([
            (1, json!(download.role.number())),
            (2, json!(download.customer)),
            (3, json!(download.reference)),
        ]),
    };
    head([
        (3, json!(order.bank.as_str())),
        (4, json!(hex(order.addressee.as_bytes()))),
        (5, json!(hex(order.id.as_bytes()))),
        (6, json!(hex(&order.challenge))),
        (7, json!(order.issued)),
        (8, json!(order.expires)),
        (9, json!(order.operation.number())),
        (10, inner),
    ])
}

fn transfer_fields(transfer: &Transfer) -> Value {
    let scheme = match transfer.scheme {
        Scheme::Domestic => 1,
        Scheme::Iban => 2,
        Scheme::Card => 3,
    };
    let mut entries = vec![
        (1, json!(transfer.debtor_account)),
        (2, json!(transfer.creditor_name)),
        (3, json!(transfer.creditor_account)),
        (4, json!(scheme)),
        (5, json!(transfer.creditor_agent)),
        (6, json!(transfer.amount.minor())),
        (7, json!(transfer.amount.currency().code())),
        (8, json!(transfer.amount.currency().exponent())),
        (10, json!(transfer.name_check.number())),
        (11, json!(transfer.execution_date.unwrap_or(0))),
        (12, json!(transfer.remittance)),
    ];
    entries.extend(transfer.charges.map(|charges| (9, json!(charges))));
    entries.extend(transfer.beside.map(|order| (13, json!(hex(order.as_bytes())))));
    fields(entries)
}

fn about_fields(about: &About) -> [(u8, Value); 7] {
    [
        (3, json!(about.operation)),
        (4, json!(hex(about.order.as_bytes()))),
        (5, json!(hex(about.order_hash.as_bytes()))),
        (6, json!(hex(about.pages.as_bytes()))),
        (7, json!(about.profile)),
        (8, json!(about.page_count)),
        (9, json!(about.uv.number())),
    ]
}

fn authorization_fields(payload: &AuthorizationPayload) -> Value {
    head(about_fields(&payload.about).into_iter().chain([
        (10, json!(payload.counter)),
        (11, json!(hex(payload.previous.as_bytes()))),
        (12, json!(payload.firmware)),
        (13, json!(hex(payload.via.as_bytes()))),
        (14, json!(hex(&payload.nonce))),
    ]))
}

fn attestation_fields(attestation: &Attestation) -> Value {
    head(about_fields(&attestation.about).into_iter().chain([
        (10, json!(attestation.role.number())),
        (11, json!(hex(attestation.key.as_bytes()))),
        (12, json!(hex(&attestation.request))),
        (13, json!(attestation.firmware)),
        (14, json!(hex(attestation.via.as_bytes()))),
    ]))
}

fn receipt_fields(receipt: &Receipt) -> Value {
    head([
        (3, json!(receipt.bank.as_str())),
        (4, json!(hex(receipt.order.as_bytes()))),
        (5, json!(hex(receipt.order_hash.as_bytes()))),
        (6, json!(receipt.outcome.number())),
        (7, json!(receipt.ended)),
        (8, json!(receipt.reason.map_or(0, Code::number))),
    ])
}

/// Hash of a payload, as hex.
pub(crate) fn hash_of(hash: Hash) -> String {
    hex(hash.as_bytes())
}
