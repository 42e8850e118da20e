//! Pages and digests of the second renderer, in both profiles.

use ushield_protocol::cbor::Field;
use ushield_protocol::code::Code;
use ushield_protocol::key::{OrderId, hex};
use ushield_protocol::order::Order;
use ushield_protocol::refusal::Refusal;
use ushield_protocol::render::{Notices, PaidBefore, Profile, pages};

use crate::reading::{named_key, order};
use crate::support::{Both, array, bank, bytes, list, text, vectors};

#[test]
fn every_order_is_shown_as_the_second_renderer_shows_it() {
    let (mut warned, mut profiles) = (0, [0, 0]);
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
        assert_eq!(shown.iter().collect::<Vec<_>>(), expected, "{} {number}", case["name"]);
        assert_eq!(u64::from(shown.count()), case["count"].as_u64().unwrap());
        assert_eq!(hex(shown.digest().as_bytes()), text(&case["digest"]), "{} {number}", case["name"]);
        assert_eq!(shown.page(0), expected.first().copied());
        assert_eq!(shown.page(shown.count()), None);
    }
    assert_eq!((profiles, warned), ([77, 77], 14));
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
