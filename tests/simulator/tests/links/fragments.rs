//! Every fragment of the flow lost, doubled, swapped, late, cut off, corrupted at each byte, ended at each length; two at once.

use ushield_simulator::exhaustive::cases::{
    alterations, cards_lost, first_of_the_transfer, holes, on_the_link, pairs_on_the_link, stuck,
};
use ushield_simulator::exhaustive::report::{all, free};
use ushield_simulator::exhaustive::verdict::unmended;
use ushield_simulator::exhaustive::{Case, Flow, Played};
use ushield_simulator::link::Way;

/// The smallest MTU, and the one that phones agree on.
const MTUS: [u16; 2] = [23, 185];
/// Shorter than the three seconds of a first message, longer than them, and both shorter than the phone's patience.
const HOLES: [u64; 2] = [2_500, 12_000];

fn nothing(_: &Case, _: &Played) -> Vec<String> {
    Vec::new()
}

/// What is lost, doubled, swapped or late is mended on its connection. A cut makes a new one.
#[test]
fn every_fault_at_every_fragment() {
    for mtu in MTUS {
        let flow = Flow::over(&[Way::Packets(mtu)]);
        let free = free(&flow);
        let (cuts, others): (Vec<_>, Vec<_>) =
            on_the_link(&free).into_iter().partition(|case| case.class().starts_with("cut"));
        all(&format!("MTU {mtu}, single faults"), &flow, &free, &others, |_, played| unmended(&free, played));
        all(&format!("MTU {mtu}, cuts"), &flow, &free, &cuts, nothing);
    }
}

/// Calls that wait for a message are dropped every few milliseconds: in the middle of a write, of a message, of an exchange with a card.
#[test]
fn a_call_that_is_dropped_loses_nothing() {
    let ways = [Way::Packets(23), Way::Packets(185), Way::Card(false), Way::Card(true)];
    for way in ways {
        for patience in [11, 240, 3, 1] {
            let flow = Flow { patience: Some(patience), ..Flow::over(&[way]) };
            let patient = free(&Flow::over(&[way]));
            let dropped = free(&flow);
            assert_eq!(
                (&dropped.end, &dropped.deeds),
                (&patient.end, &patient.deeds),
                "{way:?}, {patience} ms"
            );
            assert_eq!(dropped.made, patient.made);
        }
        let flow = Flow { patience: Some(7), ..Flow::over(&[way]) };
        let free = free(&flow);
        let cases = [on_the_link(&free), cards_lost(&free)].concat();
        all(&format!("{way:?}, dropped"), &flow, &free, &cases, nothing);
    }
}

#[test]
fn every_byte_and_every_length_of_every_fragment() {
    for mtu in MTUS {
        let flow = Flow::over(&[Way::Packets(mtu)]);
        let free = free(&flow);
        all(&format!("MTU {mtu}, alterations"), &flow, &free, &alterations(&free), nothing);
    }
}

/// From every fragment on nothing arrives for a while, or the phone's system takes nothing any more.
#[test]
fn a_link_that_goes_deaf_or_takes_nothing_recovers() {
    for mtu in MTUS {
        let flow = Flow::over(&[Way::Packets(mtu)]);
        let free = free(&flow);
        all(&format!("MTU {mtu}, holes"), &flow, &free, &holes(&free, &HOLES), nothing);
        all(&format!("MTU {mtu}, stuck"), &flow, &free, &stuck(&free), nothing);
    }
}

#[test]
fn all_pairs_of_faults_in_the_flow_at_mtu_185() {
    let flow = Flow::over(&[Way::Packets(185)]);
    let free = free(&flow);
    all("MTU 185, pairs", &flow, &free, &pairs_on_the_link(&flow, &free, 1), nothing);
}

#[test]
fn all_pairs_of_faults_in_the_transfer_at_mtu_23() {
    let flow = Flow::over(&[Way::Packets(23)]);
    let free = free(&flow);
    let pairs = pairs_on_the_link(&flow, &free, first_of_the_transfer(&free));
    all("MTU 23, pairs in the transfer", &flow, &free, &pairs, nothing);
}
