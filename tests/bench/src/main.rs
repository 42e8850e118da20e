//! Prints the tables of `make bench`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a table is printed or it is not")]

use ushield_bench::ble::{LONG_PDU, PDU, Radio};
use ushield_bench::floors::{ble_floors, nfc_floors};
use ushield_bench::flow::{Bodies, Commands, Fragmented};
use ushield_bench::ms;
use ushield_bench::nfc::Antenna;

fn main() {
    let bodies = Bodies::counted();
    println!("COUNTED: one transfer, the shipped client and the token's logic in one process");
    println!("bodies: {bodies:?}, {} B together, 2 exchanges", bodies.sum());
    println!(
        "  link             units          bytes  of them headers  ACKs alone  keep-alives or empty polls"
    );
    let fragmented = [23, 185, 517].map(|mtu| (mtu, Fragmented::counted(mtu)));
    for (mtu, counted) in &fragmented {
        let bytes = counted.bytes();
        println!(
            "  BLE, MTU {mtu:<7} {:>3} fragments  {:>5}  {:>15}  {:>10}  {}",
            counted.fragments(),
            bytes + bodies.hello,
            bytes + bodies.hello - bodies.sum(),
            counted.acknowledgements,
            counted.keep_alives
        );
    }
    let commands = [false, true].map(|extended| (extended, Commands::counted(extended)));
    for (extended, counted) in &commands {
        println!(
            "  NFC, {:<11} {:>3} commands   {:>5}  {:>15}  {:>10}  {}",
            if *extended { "extended" } else { "short" },
            counted.exchanges.len(),
            counted.bytes(),
            counted.bytes() - bodies.sum(),
            "",
            counted.polls
        );
    }

    println!();
    println!(
        "MODELLED, not measured: ms without the customer and the token's signature; floors by hand, docs/link-cost.md"
    );
    println!("  BLE: MTU  PDU  interval  events  model   floor   model / floor");
    for floor in ble_floors() {
        let (_, counted) = fragmented.iter().find(|(mtu, _)| *mtu == floor.mtu).expect("counted");
        let taken = Radio { interval: floor.interval, pdu: floor.pdu }.transfer(bodies.hello, counted);
        println!(
            "       {:>3}  {:>3}  {:>8}  {:>6}  {:>6}  {:>6}  {:.2}",
            floor.mtu,
            floor.pdu,
            ms(floor.interval),
            taken.events,
            ms(taken.time),
            ms(floor.time),
            ratio(taken.time, floor.time)
        );
    }
    println!("  NFC: kbit/s  phone's time a block  short   extended  floor   short / floor");
    for floor in nfc_floors() {
        let antenna = Antenna { times: floor.times, host: floor.host };
        let [short, extended] =
            [0, 1].map(|at: usize| antenna.exchanges(&commands.get(at).unwrap().1.exchanges));
        println!(
            "       {:>6}  {:>20}  {:>6}  {:>8}  {:>6}  {:.2}",
            floor.times * 106,
            ms(floor.host),
            ms(short),
            ms(extended),
            ms(floor.time),
            ratio(short, floor.time)
        );
    }

    println!();
    println!(
        "Floors known from elsewhere, for one exchange of 350 B out and 120 B back, beside the same model"
    );
    println!("  BLE, write without response and notify:");
    for (mtu, size, pdu, known) in
        [("at least 185", 182, LONG_PDU, ["11", "22", "45"]), ("23", 20, PDU, ["49", "98", "195"])]
    {
        for (interval, known) in [7_500, 15_000, 30_000].iter().zip(known) {
            let time = Radio { interval: *interval, pdu }.exchange(size, 350, 120).time;
            println!("       MTU {mtu:<12}  {:>4} ms  model {:>6}  known {known}", ms(*interval), ms(time));
        }
    }
    println!("  NFC, on air:");
    for (times, known) in [1, 2, 4, 8].iter().zip(["37-42", "19-21", "10-11", "5-5.6"]) {
        let time = Antenna { times: *times, host: 0 }.exchanges(&[(350, 120)]);
        println!("       {:>3} kbit/s  model {:>6}  known {known}", times * 106, ms(time));
    }
    println!(
        "  A signed transfer without the human, signature included: NFC at 424 kbit/s 90-150, BLE at 15 ms 85"
    );
}

fn ratio(model: u64, floor: u64) -> f64 {
    let [model, floor] = [model, floor].map(|time| f64::from(u32::try_from(time).unwrap_or(u32::MAX)));
    model / floor
}
