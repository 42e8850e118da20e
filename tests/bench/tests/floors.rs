//! The model's times against floors by hand (docs/link-cost.md) and against floors that are known from elsewhere. No clock is read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test's report is where it stopped"
)]

use ushield_bench::ble::{LONG_PDU, PDU, Radio};
use ushield_bench::floors::{ble_floors, bodies, nfc_floors};
use ushield_bench::flow::{Bodies, Commands, Fragmented};
use ushield_bench::nfc::Antenna;

/// At least the floor, at most 1.3 times.
fn held(what: &str, model: u64, floor: u64) {
    assert!(model * 10 <= floor * 13, "{what}: {model} us, floor {floor} us");
    // The floor's figures are rounded to hundredths of a millisecond.
    assert!(model + 5 >= floor, "{what}: {model} us is less than can be, {floor} us");
}

#[test]
fn the_floors_are_those_of_the_real_messages() {
    let Bodies { hello, k1, k2, t1, shown, t2 } = Bodies::counted();
    assert_eq!(bodies(), [hello, k1, k2, t1, shown, t2]);
}

#[test]
fn bluetooth_takes_at_most_a_third_more_than_the_floor() {
    let hello = bodies()[0];
    let floors = ble_floors();
    assert_eq!(floors.len(), 18, "MTU, PDU, interval");
    for mtu in [23, 185, 517] {
        let counted = Fragmented::counted(mtu);
        for floor in floors.iter().filter(|floor| floor.mtu == mtu) {
            let taken = Radio { interval: floor.interval, pdu: floor.pdu }.transfer(hello, &counted);
            held(&format!("{floor:?}"), taken.time, floor.time);
            assert!(taken.fullest < floor.interval, "{floor:?}: an event is shorter than what is sent in it");
        }
    }
}

#[test]
fn nfc_takes_at_most_a_third_more_than_the_floor() {
    let floors = nfc_floors();
    assert_eq!(floors.len(), 8, "bit rate, the phone's own time");
    for extended in [false, true] {
        let counted = Commands::counted(extended);
        for floor in &floors {
            let antenna = Antenna { times: floor.times, host: floor.host };
            held(
                &format!("{floor:?}, extended: {extended}"),
                antenna.exchanges(&counted.exchanges),
                floor.time,
            );
        }
    }
}

/// Figures in milliseconds that others have computed for 350 bytes out and 64 to 120 back; they are rounded.
#[test]
fn the_models_agree_with_floors_known_from_elsewhere() {
    for (size, pdu, known) in [(182, LONG_PDU, [11, 22, 45]), (20, PDU, [49, 98, 195])] {
        for (interval, known) in [7_500, 15_000, 30_000].into_iter().zip(known) {
            let time = Radio { interval, pdu }.exchange(size, 350, 120).time;
            assert!(time.abs_diff(known * 1_000) <= 500, "{size} {interval}: {time} us, known {known} ms");
        }
    }
    for (times, [least, most]) in [(1, [370, 420]), (2, [190, 210]), (4, [100, 110]), (8, [50, 56])] {
        let antenna = Antenna { times, host: 0 };
        let [short, long] = [64, 120].map(|back| antenna.exchanges(&[(350, back)]));
        for (time, known) in [(short, least), (long, most)] {
            assert!(
                time.abs_diff(known * 100) <= known * 5 + 500,
                "{times}: {time} us, known {known} / 10 ms"
            );
        }
    }
}
