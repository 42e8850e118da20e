//! What every sequence starts from: a token with three phones, and orders good and bad.

use ushield_protocol::key::{DeviceId, Hash, KeyId, OrderId, PublicKey, sha256};
use ushield_protocol::message::{Request, Role};
use ushield_protocol::order::{Amount, Operation, Order, OrderPayload};
use ushield_protocol::render::{self, Notices, Profile};

use super::super::world::{NOW, Phone, Saved, World, key};

/// An order as phones have it, and its pages if the token may show it.
pub(super) struct Offer {
    pub(super) id: OrderId,
    pub(super) hash: Hash,
    pub(super) bytes: Vec<u8>,
    pub(super) pages: Option<(Vec<String>, Hash)>,
}

/// Everything that a sequence starts from.
pub(crate) struct Ground {
    pub(super) world: World,
    pub(super) saved: Saved,
    pub(super) phones: Vec<Phone>,
    pub(super) stranger: Phone,
    pub(super) offers: Vec<Offer>,
    pub(super) statements: Vec<Vec<u8>>,
    pub(super) chain: Vec<u8>,
    /// First messages of earlier connections.
    pub(super) recorded: Vec<Vec<u8>>,
    pub(super) pay: PublicKey,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let (mut world, first) = World::ready();
        let mut phones = vec![first];
        for byte in [2, 3] {
            let mut phone = Phone::new(byte);
            world.disconnect();
            world.pair(&mut phone);
            phones.push(phone);
        }
        let pay = world.pay_key();
        let chain = world.ask(&Request::GetCertificate { role: Role::Pay }).body;
        let mut recorded = Vec::new();
        for phone in &phones {
            let nonce = world.connect().nonce;
            recorded.push(world.k1(phone, &nonce).1);
        }
        let stranger = Phone { pairing: phones[0].pairing.clone(), ..Phone::new(9) };
        let offers = offers(&mut world, pay.key_id());
        let statement = world.bank.statement(1);
        let later = {
            let mut it = world.bank.statement(2);
            it.not_after -= 1;
            it
        };
        let statements =
            vec![statement.sign(&world.bank.root), later.sign(&world.bank.root), later.sign(&key(0x5a))];
        Self { saved: world.save(), world, phones, stranger, offers, statements, chain, recorded, pay }
    }
}

/// So many of them may be shown; they come first.
pub(super) const VALID: u64 = 6;

/// Orders of the bank, and what a phone makes of them.
fn offers(world: &mut World, pay: KeyId) -> Vec<Offer> {
    let mut offers = Vec::new();
    let mut add = |bytes: Vec<u8>, valid: bool| {
        let order = Order::receive(&bytes);
        let (hash, payload) = match order {
            Ok(order) => (order.hash(), order.trust_own().ok()),
            Err(_) => (sha256(&[&bytes]), None),
        };
        let pages = payload.as_ref().filter(|_| valid).map(|order| {
            let pages = render::pages(order, Profile::En1, &Notices { paid_before: None }).unwrap();
            (pages.iter().map(str::to_owned).collect(), pages.digest())
        });
        let id = payload.map_or(OrderId::from_random([0; 16]), |order| order.id());
        offers.push(Offer { id, hash, bytes, pages });
    };
    let mut amount = 100_000;
    let mut transfer = |world: &mut World, change: &dyn Fn(&mut OrderPayload)| {
        let mut order = world.bank.transfer(pay);
        amount += 1;
        let Operation::Transfer(it) = &mut order.operation else { unreachable!() };
        it.amount = Amount::new(amount, it.amount.currency()).unwrap();
        change(&mut order);
        order
    };
    let mut first = None;
    for _ in 0..3 {
        let order = transfer(world, &|_| {});
        add(world.bank.sign(&order), true);
        first = first.or(Some(order));
    }
    let first = first.unwrap();
    let later = transfer(world, &|order| (order.issued, order.expires) = (NOW + 4_000, NOW + 4_900));
    add(world.bank.sign(&later), true);
    // The same id, other content.
    let reused = transfer(world, &|order| order.id = first.id);
    add(world.bank.sign(&reused), true);
    let download = world.bank.download(world.device, Role::Login);
    add(world.bank.sign(&download), true);
    // Not by the bank: another key, a changed byte, another token's, another bank's.
    let forged = transfer(world, &|_| {});
    let mut resigned = world.bank.sign(&forged);
    let mut altered = resigned.clone();
    let mut other_bank = world.bank.clone();
    other_bank.key = key(0x5b);
    let by_other = other_bank.sign(&forged);
    let end = resigned.len() - 64;
    resigned[end..].copy_from_slice(&by_other[by_other.len() - 64..]);
    add(by_other, false);
    add(resigned, false);
    let at = altered.windows(4).position(|window| window == b"USHD").unwrap();
    // By two bits: a phone that flips one does not find the way back to what the bank signed.
    altered[at + 4] ^= 0x03;
    add(altered, false);
    let foreign = transfer(world, &|order| order.addressee = KeyId::from([7; 16]).into());
    add(world.bank.sign(&foreign), false);
    let elsewhere = world.bank.download(DeviceId::from([0xd2; 16]), Role::Login);
    add(world.bank.sign(&elsewhere), false);
    offers
}
