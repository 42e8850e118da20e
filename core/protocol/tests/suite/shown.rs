//! What is shown is what is signed: every field of any order is read back from its pages, in one way only, and an order that differs
//! in one field, or in one character of it, has pages that look different: blanks at the ends of lines are not seen, and not compared.

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use ushield_protocol::account::Scheme;
use ushield_protocol::key::{BankId, Hash, OrderId, sha256};
use ushield_protocol::order::{Operation, OrderPayload};
use ushield_protocol::planted::{Bug, plant};
use ushield_protocol::render::{Notices, Pages, PaidBefore, Profile, pages};

use crate::bank::{Bank, approved};
use crate::generators::{order_id, own, payload};
use crate::page_reader::{Fields, read};
use crate::support::Both;
use crate::variants::{Dice, twins, variants};

const ORDERS: usize = 100_000;
const THREADS: usize = 2;
/// In the order of the reader's languages.
const PROFILES: [Profile; 2] = [Profile::Zh1, Profile::En1];

/// An order, and what the token knows beside it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) order: OrderPayload,
    pub(crate) notices: Notices,
}

impl Case {
    /// Its pages in both languages; none where a token would refuse it.
    fn show(&self) -> Option<[Pages; 2]> {
        let order = own(&self.order)?;
        let [zh, en] = PROFILES.map(|profile| pages(&order, profile, &self.notices));
        Some([zh.ok()?, en.ok()?])
    }
}

/// What the screen has to say, named as the reader names it.
fn said(case: &Case) -> Fields {
    let mut fields = Fields::new();
    if let (Some(before), Operation::Transfer(_)) = (&case.notices.paid_before, &case.order.operation) {
        let sign = if before.issued > case.order.issued { '+' } else { '-' };
        let minutes = before.issued.abs_diff(case.order.issued) / 60;
        fields.push(("paid before", format!("{sign}{minutes} {}", before.order)));
    }
    match &case.order.operation {
        Operation::Transfer(transfer) => {
            fields.extend(transfer.beside.map(|id| ("beside", id.to_string())));
            let currency = transfer.amount.currency();
            let money = |minor: u64| format!("{} {minor} {}", currency.code(), currency.exponent());
            let scheme = match transfer.scheme {
                Scheme::Domestic => 0,
                Scheme::Iban => 1,
                Scheme::Card => 2,
            };
            fields.extend([
                ("amount", money(transfer.amount.minor())),
                ("creditor name", transfer.creditor_name.clone()),
                ("creditor account", format!("{scheme} {}", transfer.creditor_account)),
                ("creditor agent", transfer.creditor_agent.clone()),
                ("name check", transfer.name_check.number().to_string()),
            ]);
            fields.extend(transfer.charges.map(|charges| ("charges", money(charges))));
            fields.push(("debtor account", transfer.debtor_account.clone()));
            fields.push(("execution date", transfer.execution_date.unwrap_or(0).to_string()));
            if !transfer.remittance.is_empty() {
                fields.push(("remittance", transfer.remittance.clone()));
            }
        }
        Operation::CertificateDownload(download) => fields.extend([
            ("role", (download.role.number() - 1).to_string()),
            ("customer", download.customer.clone()),
            ("reference", download.reference.clone()),
        ]),
    }
    fields.extend([("bank id", case.order.bank.to_string()), ("order id", case.order.id.to_string())]);
    fields
}

/// What was looked at.
#[derive(Default)]
struct Seen {
    orders: usize,
    pairs: BTreeMap<&'static str, usize>,
    shapes: BTreeMap<&'static str, usize>,
    /// Pictures, and what they say.
    pictures: BTreeMap<Hash, Fields>,
}

impl Seen {
    /// An order is read back, in one way only.
    fn order(&mut self, case: &Case, shown: &[Pages; 2]) -> Result<(), String> {
        let fields = said(case);
        for (language, pages) in shown.iter().enumerate() {
            let read = read(pages.iter(), language);
            if read != [fields.clone()] {
                return Err(format!("{pages:#?} says {read:?} and not {fields:?}"));
            }
            self.picture(picture(pages), fields.clone())?;
        }
        self.orders += 1;
        self.shape(case, &shown[0]);
        Ok(())
    }

    fn picture(&mut self, picture: Hash, fields: Fields) -> Result<(), String> {
        let twin = self.pictures.entry(picture).or_insert_with(|| fields.clone());
        if *twin == fields { Ok(()) } else { Err(format!("{twin:?} and {fields:?} look alike")) }
    }

    /// One that differs in one field looks different in both languages.
    fn pair(&mut self, field: &'static str, shown: &[Pages; 2], variant: &[Pages; 2]) -> Result<(), String> {
        for (one, other) in shown.iter().zip(variant) {
            if ink(one).eq(ink(other)) {
                return Err(format!("{field} makes no difference: {one:#?}"));
            }
        }
        *self.pairs.entry(field).or_default() += 1;
        Ok(())
    }

    /// What the random orders are like: a test that never saw a long field has not tested one.
    fn shape(&mut self, case: &Case, shown: &Pages) {
        let mut saw = |shape, is: bool| *self.shapes.entry(shape).or_default() += usize::from(is);
        saw("paid before", shown.page(0).is_some_and(|page| page.contains("注意 重复付款?")));
        saw("over 10 pages", shown.count() > 10);
        match &case.order.operation {
            Operation::Transfer(transfer) => {
                saw("transfers", true);
                for (exponent, name) in
                    ["exponent 0", "", "exponent 2", "exponent 3", "exponent 4"].iter().enumerate()
                {
                    if !name.is_empty() {
                        saw(name, usize::from(transfer.amount.currency().exponent()) == exponent);
                    }
                }
                saw("domestic", transfer.scheme == Scheme::Domestic);
                saw("IBAN", transfer.scheme == Scheme::Iban);
                saw("card", transfer.scheme == Scheme::Card);
                saw("charges", transfer.charges.is_some());
                saw("dated", transfer.execution_date.is_some());
                saw("beside", transfer.beside.is_some());
                saw("longest name", transfer.creditor_name.len() >= 138);
                saw("longest bank", transfer.creditor_agent.len() >= 68);
                saw("longest remittance", transfer.remittance.len() >= 138);
                saw("longest account", transfer.creditor_account.len() == 34);
                let name = &transfer.creditor_name;
                let latin = name.chars().any(|c| c.is_ascii_alphabetic());
                saw("Han and Latin", latin && name.chars().any(|c| ('\u{4e00}'..='\u{9fef}').contains(&c)));
            }
            Operation::CertificateDownload(download) => {
                saw("certificates", true);
                saw("longest customer", download.customer.len() >= 138);
                saw("longest reference", download.reference.len() >= 33);
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.orders += other.orders;
        for (to, from) in [(&mut self.pairs, other.pairs), (&mut self.shapes, other.shapes)] {
            for (name, count) in from {
                *to.entry(name).or_default() += count;
            }
        }
        for (seen, fields) in other.pictures {
            self.picture(seen, fields).unwrap();
        }
    }
}

/// What of the pages can be seen.
pub(crate) fn ink(pages: &Pages) -> impl Iterator<Item = &str> {
    pages.iter().flat_map(|page| page.split('\n')).map(|line| line.trim_end_matches(' '))
}

/// A picture's name.
pub(crate) fn picture(pages: &Pages) -> Hash {
    let parts: Vec<&[u8]> = ink(pages).flat_map(|line| [line.as_bytes(), b"\n"]).collect();
    sha256(&parts)
}

/// Random orders of a bank.
fn cases(seed: u8) -> impl Iterator<Item = Case> {
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, &[seed; 16]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let paid = proptest::option::of((order_id(), 0..=2 * PaidBefore::WINDOW));
    let strategy = (payload(), paid, 0..4u8);
    std::iter::from_fn(move || {
        let (mut order, paid, twin) = strategy.new_tree(&mut runner).ok()?.current();
        // Every fourth is the same but for its operation's fields, so that two orders could have the same pages.
        if twin == 0 {
            order.bank = BankId::new("USHDCNBJ")?;
            order.id = OrderId::from_random([2; 16]);
        }
        let paid_before = paid.map(|(id, apart)| PaidBefore {
            order: id,
            issued: (order.issued + apart).saturating_sub(PaidBefore::WINDOW),
        });
        Some(Case { order, notices: Notices { paid_before } })
    })
}

/// Looks at so many orders, each beside what differs from it in one field; else says after how many there was a fault.
fn look_at(orders: usize, seed: u8) -> Result<Seen, (usize, String)> {
    let (mut seen, mut dice) = (Seen::default(), Dice(seed.into()));
    let mut before: Option<Case> = None;
    for (at, case) in cases(seed).take(orders).enumerate() {
        let fault = |why| (at + 1, why);
        let shown = case.show().ok_or_else(|| fault(format!("cannot be shown: {case:?}")))?;
        seen.order(&case, &shown).map_err(fault)?;
        let beside = before.as_ref().map(|other| variants(&case, other, &mut dice));
        for (field, variant) in beside.unwrap_or_default() {
            // Each way to differ, for every other order.
            if dice.below(2) == 0
                && let Some(other) = variant.show()
            {
                seen.pair(field, &shown, &other).map_err(fault)?;
            }
        }
        let (field, one, other) = twins(&case, &mut dice);
        if let (Some(one), Some(other)) = (one.show(), other.show()) {
            seen.pair(field, &one, &other).map_err(fault)?;
        }
        before = Some(case);
    }
    Ok(seen)
}

#[test]
fn every_order_is_read_back_from_its_pages_and_no_other_has_them() {
    let looking: Vec<_> =
        (1..=THREADS).map(|seed| std::thread::spawn(move || look_at(ORDERS / THREADS, seed as u8))).collect();
    let mut seen = Seen::default();
    for thread in looking {
        match thread.join().unwrap() {
            Ok(more) => seen.add(more),
            Err((after, why)) => panic!("after {after} orders: {why}"),
        }
    }
    let Seen { orders, pairs, shapes, .. } = seen;
    println!(
        "{orders} orders read back in 2 languages; {} pairs with one difference, each seen",
        pairs.values().sum::<usize>()
    );
    println!("pairs: {pairs:?}");
    println!("shapes: {shapes:?}");
    assert_eq!((orders, pairs.len()), (ORDERS, 26));
    assert!(pairs.values().chain(shapes.values()).all(|count| *count >= 100));
}

/// Token and bank leave the account out alike: their digests agree, and the bank finds nothing wrong.
#[test]
fn an_account_that_is_not_shown_is_noticed() {
    plant(Some(Bug::FieldNotRendered));
    let bank = Bank::new("transfer-realistic");
    let finding = ushield_protocol::verify::authorization(&approved(&bank.answer()), &bank, &Both).unwrap();
    let read = look_at(ORDERS, 1).map(|seen| seen.orders);
    let pair = cases(1).zip(cases(2)).enumerate().find_map(|(at, (case, other))| {
        let (shown, mut seen) = (case.show()?, Seen::default());
        variants(&case, &other, &mut Dice(1)).iter().find_map(|(field, variant)| {
            seen.pair(field, &shown, &variant.show()?).err().map(|_| (at + 1, *field))
        })
    });
    plant(None);
    assert_eq!(finding.objection, None);
    let (after, why) = read.unwrap_err();
    assert!(after <= 20 && why.contains(" says [] and not "), "{after} {why}");
    let (pair, field) = pair.unwrap();
    assert!(pair <= 20 && matches!(field, "creditor account" | "scheme"), "{pair} {field}");
    println!(
        "the account left out is noticed by order {after}, and by the pair of order {pair} that differs in {field}"
    );
}

/// The digests of two such orders differ, so that token and bank notice nothing; the customer cannot tell one from the other.
#[test]
fn a_space_that_is_not_seen_is_noticed() {
    plant(Some(Bug::TrailingSpace));
    let read = look_at(ORDERS, 1).map(|seen| seen.orders);
    let mut dice = Dice(1);
    let pair = cases(1).enumerate().find_map(|(at, case)| {
        let (field, one, other) = twins(&case, &mut dice);
        let why = Seen::default().pair(field, &one.show()?, &other.show()?).err()?;
        let digests = [&one, &other].map(|twin| twin.show().unwrap().map(|pages| pages.digest()));
        Some((at + 1, field, why, digests))
    });
    plant(None);
    let (after, why) = read.unwrap_err();
    assert!(after <= 100, "{after} {why}");
    let (pair, field, why, [one, other]) = pair.unwrap();
    assert!(pair <= 100 && why.contains("makes no difference") && one != other, "{pair} {why}");
    println!("a space at a line's end is noticed by order {after}, and by pair {pair} ({field})");
}
