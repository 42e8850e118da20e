//! While the customer reads: what is on the air, and what a keep-alive is good for.

use ushield_simulator::exhaustive::case::Blow;
use ushield_simulator::exhaustive::cases::{holes, on_the_link};
use ushield_simulator::exhaustive::report::{all, free};
use ushield_simulator::exhaustive::{Case, Flow, Played};
use ushield_simulator::link::{End, Hole, Sent, Way};

/// So much longer a slow reader takes for a page.
const A_PAGE: u64 = 20_000;
/// First byte of a start of a sealed message, of a keep-alive, of an ACK.
const START: u8 = 0xb0;
const KEEP_ALIVE: u8 = 0xd0;
const ACK: u8 = 0xf0;
const KIND: u8 = 0xf0;
/// Between two keep-alives, at least.
const PACE: u64 = 2_000;

fn slow(mtu: u16) -> Flow {
    Flow { lingers: A_PAGE, ..Flow::over(&[Way::Packets(mtu)]) }
}

/// What was sent between the phone's acknowledgement that the order is on the token, and the customer's decision.
fn meanwhile(played: &Played, shown: u64, decided: u64) -> Vec<Sent> {
    let acknowledged = |sent: &&Sent| sent.at >= shown && sent.to == End::Token && sent.kind & KIND == ACK;
    let from = played.sent.iter().position(|sent| acknowledged(&sent)).unwrap() + 1;
    played.sent[from..].iter().copied().take_while(|sent| sent.at < decided).collect()
}

/// The phone sends nothing; the token three bytes at most every two seconds.
#[test]
fn nothing_is_asked_while_the_customer_reads() {
    for mtu in [23, 185] {
        let flow = slow(mtu);
        let free = free(&flow);
        assert_eq!((free.shown.len(), free.decided.len()), (2, 2), "a certificate and a payment");
        for (shown, decided) in free.shown.iter().zip(&free.decided) {
            let sent = meanwhile(&free, *shown, *decided);
            let to_token = sent.iter().filter(|sent| sent.to == End::Token).count();
            let others =
                sent.iter().filter(|sent| (sent.kind & KIND, sent.length) != (KEEP_ALIVE, 3)).count();
            let paces = sent.windows(2).map(|two| two[1].at - two[0].at);
            let seconds = (decided - shown) / 1_000;
            let bytes: usize = sent.iter().map(|sent| sent.length).sum();
            println!("MTU {mtu}: {} keep-alives, {bytes} B in {seconds} s of reading", sent.len());
            assert_eq!((to_token, others), (0, 0), "{sent:?}");
            assert!(paces.min().unwrap() >= PACE, "{sent:?}");
            // They do come: the phone would not wait without them.
            assert!(u64::try_from(sent.len()).unwrap() * PACE / 1_000 > seconds - 5, "{}", sent.len());
        }
    }
}

/// Every fault at every fragment, and holes, while the customer takes minutes: nothing that is late meets a connection that is over.
#[test]
fn a_slow_reader_is_asked_once() {
    let flow = slow(185);
    let free = free(&flow);
    let cases = [on_the_link(&free), holes(&free, &[12_000])].concat();
    all("MTU 185, slow reader", &flow, &free, &cases, |_, _| Vec::new());
}

/// `shown` is lost with its repetitions: the token's next keep-alive says that there is something that the phone lacks.
#[test]
fn a_keep_alive_tells_of_what_was_lost() {
    let flow = slow(185);
    let free = free(&flow);
    let last = free.sent.last().unwrap().connection;
    let (shown, decided) = (*free.shown.last().unwrap(), *free.decided.last().unwrap());
    let is_shown = |sent: &Sent| {
        sent.connection == last && sent.to == End::Phone && sent.kind & KIND == START && sent.at < shown
    };
    let at = free.sent.iter().rposition(is_shown).unwrap();
    // One repetition is lost as well, or all five.
    for (length, within) in [(1_500, 2_500), (16_000, 30_000)] {
        let hole = Hole { length, to: Some(End::Phone), only: Some(free.sent[at].kind) };
        let played = flow.play(&Case::one(Blow::Hole(u64::try_from(at).unwrap() + 1, hole)));
        assert_eq!((&played.end, &played.deeds), (&free.end, &free.deeds));
        let told = *played.shown.last().unwrap();
        println!("lost for {length} ms: known {} ms after it was sent", told - free.sent[at].at);
        assert!(told - free.sent[at].at < within, "after {} ms", told - free.sent[at].at);
        assert!(told < decided);
    }
}
