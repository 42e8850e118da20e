//! Pages and digests of the second renderer, in both profiles.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use ushield_protocol::cbor::Field;
use ushield_protocol::code::Code;
use ushield_protocol::key::{OrderId, hex};
use ushield_protocol::order::{Order, Verified};
use ushield_protocol::refusal::Refusal;
use ushield_protocol::render::{Notices, Pages, PaidBefore, Profile, pages};

use crate::reading::{named_key, order};
use crate::shown::ink;
use crate::support::{Both, array, bank, bytes, lines, list, text, vectors};

/// Orders whose pages in the older vectors are of the rule before `docs/adr/0004`: the newer vectors hold those of today.
const SUPERSEDED: &[&str] = &[
    "transfer-name-140-bytes",
    "transfer-remittance-140-bytes",
    "transfer-remittance-140-ascii",
    "transfer-name-and-remittance-140",
    "transfer-runs-of-13",
    "transfer-space-at-line-end",
    "transfer-five-lines",
    "transfer-continued-and-next-block-fits",
    "certificate-customer-english",
];

/// These pages, and the digest over them.
fn same(shown: &Pages, case: &Value) -> bool {
    let expected: Vec<&str> = list(&case["pages"]).iter().map(text).collect();
    let same = shown.iter().eq(expected.iter().copied());
    assert_eq!(hex(shown.digest().as_bytes()) == text(&case["digest"]), same, "{}", case["name"]);
    assert_eq!(expected.len() as u64, case["count"].as_u64().unwrap());
    same
}

fn profile(case: &Value) -> Profile {
    Profile::from_number(u16::try_from(case["profile"].as_u64().unwrap()).unwrap()).unwrap()
}

/// An order of the newer vectors, and the key that signed it.
fn signed(case: &Value) -> Order<Verified> {
    Order::receive(&bytes(&case["cose"]))
        .unwrap()
        .verify(&named_key(text(&case["key"]), &bank()), &Both)
        .unwrap()
}

#[test]
fn every_order_is_shown_as_the_second_renderer_shows_it() {
    let (mut warned, mut profiles, mut superseded) = (0, [0, 0], 0);
    for case in list(&vectors()["pages"]) {
        let number = u16::try_from(case["profile"].as_u64().unwrap()).unwrap();
        let profile = Profile::from_number(number).unwrap();
        let before = &case["paid_before"];
        let paid_before = before.is_object().then(|| PaidBefore {
            order: OrderId::from_slice(&array::<16>(&before["order_id"])).unwrap(),
            issued: before["issued"].as_u64().unwrap(),
        });
        warned += usize::from(paid_before.is_some());
        profiles[usize::from(number) - 1] += 1;

        let shown = pages(&order(text(&case["order"]), &Both), profile, &Notices { paid_before }).unwrap();
        let expected: Vec<&str> = list(&case["pages"]).iter().map(text).collect();
        if SUPERSEDED.contains(&text(&case["name"])) {
            assert!(!same(&shown, case), "{} {number} is superseded no more", case["name"]);
            superseded += 1;
            continue;
        }
        assert_eq!(shown.iter().collect::<Vec<_>>(), expected, "{} {number}", case["name"]);
        assert!(same(&shown, case));
        assert_eq!(shown.page(0), expected.first().copied());
        assert_eq!(shown.page(shown.count()), None);
    }
    assert_eq!((profiles, warned, superseded), ([77, 77], 14, 2 * SUPERSEDED.len()));
}

#[test]
fn lines_end_as_the_second_renderer_ends_them() {
    let listed: Vec<&str> = list(&lines()["supersedes"]["pages"]).iter().map(text).collect();
    assert_eq!(listed, SUPERSEDED);
    let mut orders = BTreeMap::new();
    for case in list(&lines()["orders"]) {
        orders.insert(text(&case["name"]), signed(case));
    }
    for name in SUPERSEDED {
        assert_eq!(orders[name].payload(), order(name, &Both).payload(), "{name}: the order is as it was");
    }
    let (mut shown, mut seen) = (BTreeMap::new(), BTreeSet::new());
    for case in list(&lines()["pages"]) {
        let (name, profile) = (text(&case["name"]), profile(case));
        let made = pages(&orders[name], profile, &Notices::default()).unwrap();
        let expected: Vec<&str> = list(&case["pages"]).iter().map(text).collect();
        assert_eq!(made.iter().collect::<Vec<_>>(), expected, "{name} {profile:?}");
        assert!(same(&made, case));
        assert!(made.iter().flat_map(|page| page.split('\n')).all(|line| !line.ends_with(' ')), "{name}");
        shown.insert((name, profile.number()), made);
    }
    for twins in list(&lines()["twins"]) {
        for profile in [1, 2] {
            let [one, other] = [0, 1].map(|at| &shown[&(text(&twins[at]), profile)]);
            assert!(!ink(one).eq(ink(other)), "{twins} look alike");
            seen.insert((text(&twins[0]), profile));
        }
    }
    assert_eq!((orders.len(), shown.len(), seen.len()), (165, 330, 146));
}

#[test]
fn a_unit_that_fits_no_line_with_its_space_is_refused_with_its_field() {
    let cases = list(&lines()["unshowable"]);
    for case in cases {
        let (key, sub) = text(&case["field"]).split_once('.').unwrap();
        let field = Field::inner(key.parse().unwrap(), sub.parse().unwrap());
        let order = signed(case);
        for profile in [Profile::Zh1, Profile::En1] {
            let refused = pages(&order, profile, &Notices::default()).unwrap_err();
            assert_eq!(Refusal::from(refused), Refusal::at(Code::Unshowable, field), "{}", case["name"]);
        }
    }
    assert_eq!(cases.len(), 7);
}

#[test]
fn what_cannot_be_shown_is_refused_with_its_field() {
    let cases = list(&vectors()["unshowable"]);
    let mut earlier = 0;
    for case in cases {
        let order = Order::receive(&bytes(&case["cose"])).unwrap();
        let (key, sub) = text(&case["field"]).split_once('.').unwrap();
        let field = Field::inner(key.parse().unwrap(), sub.parse().unwrap());
        let order = match order.verify(&named_key("order-transfer", &bank()), &Both) {
            Ok(order) => order,
            // The vectors are older than the rule that a name holds few digits: refused one step earlier.
            Err(refusal) => {
                assert_eq!(refusal, Refusal::at(Code::BadText, field), "{}", case["name"]);
                earlier += 1;
                continue;
            }
        };
        for profile in [Profile::Zh1, Profile::En1] {
            let refused = pages(&order, profile, &Notices::default()).unwrap_err();
            assert_eq!(refused.field, field, "{}", case["name"]);
            assert_eq!(Refusal::from(refused), Refusal::at(Code::Unshowable, field));
        }
    }
    assert_eq!((cases.len(), earlier), (4, 1));
}
