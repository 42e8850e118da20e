//! One pairing serves over every link: the next connection may be made over another one than the last.

use ushield_simulator::exhaustive::case::Blow;
use ushield_simulator::exhaustive::mishap::Mishap;
use ushield_simulator::exhaustive::report::{all, free};
use ushield_simulator::exhaustive::{Case, Flow, Played};
use ushield_simulator::fault::Fault;
use ushield_simulator::link::Way;

const WAYS: [Way; 3] = [Way::Stream, Way::Packets(185), Way::Card(false)];

/// Pairing, PIN and certificate, the order's delivery, and what follows after a cut.
fn over(ways: [Way; 4]) -> (Flow, Played, u64) {
    let [pairing, certificate, delivery, after] = ways;
    // The certificate's connections are counted in the run without a fault.
    let plain = free(&Flow::over(&[pairing, certificate]));
    let middle = usize::try_from(plain.made).unwrap() - 2;
    let ways = [vec![pairing], vec![certificate; middle], vec![delivery, after]].concat();
    let flow = Flow::over(&ways);
    let free = free(&flow);
    assert_eq!(free.made, plain.made);
    let last = free.made;
    (flow, free, last)
}

fn cuts(free: &Played, connection: u64) -> Vec<Case> {
    let sent = (1..).zip(&free.sent).filter(|(_, sent)| sent.connection == connection);
    let cut = sent.flat_map(|(number, _)| {
        [Fault::CutBefore, Fault::CutAfter].map(|fault| Case::one(Blow::Link(number, fault)))
    });
    let exchanged = (1..).zip(&free.exchanged).filter(|(_, exchanged)| exchanged.connection == connection);
    let lost =
        exchanged.flat_map(|(number, _)| Mishap::LOST.map(|mishap| Case::one(Blow::Command(number, mishap))));
    cut.chain(lost).collect()
}

/// Each way of pairing, with each way of certificate, delivery and finish: the order's connection is cut everywhere, and what is left is done
/// over the last one.
#[test]
fn one_pairing_serves_over_all_links() {
    for pairing in WAYS {
        for certificate in WAYS {
            for delivery in WAYS {
                for after in WAYS {
                    let ways = [pairing, certificate, delivery, after];
                    let (flow, free, last) = over(ways);
                    let cases = cuts(&free, last);
                    all(&format!("{ways:?}"), &flow, &free, &cases, |_, _| Vec::new());
                    let finished = cases.iter().filter(|case| flow.play(case).made > last).count();
                    assert!(finished > cases.len() / 2, "{finished} of {} go on elsewhere", cases.len());
                }
            }
        }
    }
}
