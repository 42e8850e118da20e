//! Every bit of every message of both handshakes, flipped on its way; every message cut and lengthened: nobody completes with a view
//! that is not the other side's.

use ushield_protocol::key::{P256Verifier, PublicKey, Sign as _};
use ushield_protocol::message::{Hello, P5, P6, Reply, Request, State, Versions};
use ushield_protocol::secret::Secret;
use ushield_protocol::stand_in;
use ushield_session::channel::connect;
use ushield_session::pairing::start;

use crate::token::{NOW, Token, hello, phone, phone_dh, record, roots, seed, state};

/// What happens to the message of this number on its way.
type Wire<'a> = &'a mut dyn FnMut(usize, Vec<u8>) -> Vec<u8>;

/// What a side has when it is done. Of the hello nothing is in it: nobody vouches for it.
#[derive(Debug, PartialEq)]
struct Paired {
    phone: PublicKey,
    phone_name: String,
    phone_versions: Versions,
    token: PublicKey,
    device: PublicKey,
    token_name: String,
    digits: String,
    k_hint: [u8; 32],
    k_adv: [u8; 32],
}

#[derive(Debug, PartialEq)]
struct Connected {
    state: State,
    request: u8,
    reply: Reply,
}

/// How far both sides came.
struct Outcome<V> {
    phone: Option<V>,
    token: Option<V>,
    /// The hello as the phone heard it: the control looks at it, the protocol does not.
    heard: Option<Hello>,
}

/// Hello and P1 to P6 are messages 0 to 6.
fn pair(wire: Wire<'_>) -> Outcome<Paired> {
    let mut out = Outcome { phone: None, token: None, heard: None };
    try_pair(wire, &mut out);
    out
}

fn try_pair(wire: Wire<'_>, out: &mut Outcome<Paired>) -> Option<()> {
    let token = Token::new();
    let heard = Hello::decode(&wire(0, hello().encode())).ok()?;
    out.heard = Some(heard);
    let (expect, p1) = start(phone(), &heard, seed(1)).ok()?;
    let (after, p2) = token.take_p1(&wire(1, p1), 1, None)?;
    let need = expect.handle(&wire(2, p2), [0xa7; 16]).ok()?;
    let shared = phone_dh().agree(&need.point())?;
    let (expect, p3) = need.provide(shared).ok()?;
    let mut after = after.take_p3(&wire(3, p3))?;
    let p4 = token.p4(&after).encode();
    let p4 = after.transport.seal(&p4).ok()?;
    let compare = expect.handle(&wire(4, p4), &roots(), NOW, &P256Verifier).ok()?;
    // The customer compares.
    let (on_phone, on_token) = (compare.digits().to_string(), format!("{:06}", after.digits));
    assert_eq!(on_phone, on_token, "digits are shown that differ: one of both would have had to notice");
    let (expect, p5) = compare.confirm(None).ok()?;
    let p5 = P5::decode(&after.transport.open(&wire(5, p5)).ok()?).ok()?;
    if !p5.confirmed || p5.pin.is_some() {
        return None;
    }
    let (k_hint, k_adv) = ([0xca; 32], [0xcb; 32]);
    let p6 = P6::Paired { k_hint: Secret::new(k_hint), k_adv: Secret::new(k_adv), tries: 5 };
    out.token = Some(Paired {
        phone: after.phone,
        phone_name: after.p3.name.clone(),
        phone_versions: after.p3.versions,
        token: token.dh.public_key(),
        device: token.device.public_key(),
        token_name: "U-Shield 66".to_owned(),
        digits: on_token,
        k_hint,
        k_adv,
    });
    let p6 = after.transport.seal(&p6.encode()).ok()?;
    let record = expect.handle(&wire(6, p6)).ok()?;
    out.phone = Some(Paired {
        phone: record.phone,
        phone_name: phone().name,
        phone_versions: Versions::OURS,
        token: record.dh,
        device: record.device_key,
        token_name: record.name,
        digits: on_phone,
        k_hint: *record.k_hint.expose(),
        k_adv: *record.k_adv.expose(),
    });
    Some(())
}

/// Hello, K1, K2, a sealed command and its reply are messages 0 to 4. The token takes the phone for confirmed at the command.
fn reconnect(wire: Wire<'_>) -> Outcome<Connected> {
    let mut out = Outcome { phone: None, token: None, heard: None };
    try_reconnect(wire, &mut out);
    out
}

fn try_reconnect(wire: Wire<'_>, out: &mut Outcome<Connected>) -> Option<()> {
    let token = Token::new();
    let heard = Hello::decode(&wire(0, hello().encode())).ok()?;
    out.heard = Some(heard);
    let need = connect(&record(), &heard, seed(2)).ok()?;
    let shared = phone_dh().agree(&need.point())?;
    let (expect, k1) = need.provide(shared).ok()?;
    let (mut transport, k2) = token.take_k1(&wire(1, k1), &hello(), 2)?;
    let need = expect.handle(&wire(2, k2)).ok()?;
    let shared = phone_dh().agree(&need.point())?;
    let (mut channel, said) = need.provide(shared).ok()?;
    let command = channel.seal(&Request::Info).ok()?;
    let request = *transport.open(&wire(3, command)).ok()?.first()?;
    let reply = Reply::ok(vec![7; 30]);
    out.token = Some(Connected { state: state(), request, reply: reply.clone() });
    let reply = channel.open(&wire(4, transport.seal(&reply.encode()).ok()?)).ok()?;
    out.phone = Some(Connected { state: said, request: Request::Info.encode()[0], reply });
    Some(())
}

/// A change to one message.
#[derive(Clone, Copy, Debug)]
enum Change {
    Flip(usize),
    Cut(usize),
    Append(u8),
}

impl Change {
    fn of(self, mut message: Vec<u8>) -> Vec<u8> {
        match self {
            Change::Flip(bit) => message[bit / 8] ^= 1 << (bit % 8),
            Change::Cut(length) => message.truncate(length),
            Change::Append(byte) => message.push(byte),
        }
        message
    }

    fn all(length: usize) -> Vec<Self> {
        let flips = (0..length * 8).map(Change::Flip);
        let cuts = (0..length).map(Change::Cut);
        flips.chain(cuts).chain([0x00, 0x01, 0x80, 0xff].map(Change::Append)).collect()
    }
}

/// What was counted.
#[derive(Debug, Default)]
struct Counts {
    flips: usize,
    cuts: usize,
    appended: usize,
    /// Changes of the hello that both sides bear, with equal views.
    harmless: usize,
    /// Of those, how many would differ if the phone took the hello's word.
    by_hello: usize,
    /// The token had a record, provisional, of which the phone never heard.
    provisional: usize,
}

/// Every change to every message. `last` is the one behind which the token has what the phone has not yet. Behind the handshake, message
/// `handshake`, key agreements are remembered: what is changed there meets the same ciphers.
fn change_everything<V: PartialEq + std::fmt::Debug>(
    run: fn(Wire<'_>) -> Outcome<V>,
    handshake: usize,
    last: usize,
) -> Counts {
    let mut lengths = Vec::new();
    let honest = run(&mut |_, message: Vec<u8>| {
        lengths.push(message.len());
        message
    });
    assert!(honest.phone.is_some() && honest.phone == honest.token, "as it is, it completes");
    assert_eq!(lengths.len(), last + 1);

    let mut counts = Counts::default();
    for (number, length) in lengths.into_iter().enumerate() {
        stand_in::enable(number > handshake);
        for change in Change::all(length) {
            let out = run(&mut |at, message| if at == number { change.of(message) } else { message });
            match change {
                Change::Flip(_) => counts.flips += 1,
                Change::Cut(_) => counts.cuts += 1,
                Change::Append(_) => counts.appended += 1,
            }
            match (&out.phone, &out.token) {
                (None, None) => {}
                (None, Some(_)) => {
                    assert_eq!(number, last, "{change:?} of message {number}: the token is further");
                    counts.provisional += 1;
                }
                (Some(_), None) => panic!("{change:?} of message {number}: the phone is alone"),
                (Some(phone), Some(token)) => {
                    assert_eq!(phone, token, "{change:?} of message {number}: the views differ");
                    // What was changed was the one message that nobody vouches for.
                    assert_eq!(number, 0, "{change:?} of message {number} was not noticed");
                    counts.harmless += 1;
                    counts.by_hello += usize::from(out.heard != Some(hello()));
                }
            }
        }
    }
    stand_in::enable(false);
    counts
}

#[test]
fn no_changed_pairing_completes_with_differing_views() {
    let counts = change_everything(pair, 3, 6);
    println!("pairing: {counts:?}");
    assert!(counts.flips > 7_000 && counts.cuts > 900 && counts.appended == 7 * 4, "{counts:?}");
    // The control: views that held the hello would differ, and this test would see it.
    assert!(counts.by_hello > 0, "{counts:?}");
}

#[test]
fn no_changed_connection_completes_with_differing_views() {
    let counts = change_everything(reconnect, 2, 4);
    println!("reconnect: {counts:?}");
    assert!(counts.flips > 1_500 && counts.cuts > 200 && counts.appended == 5 * 4, "{counts:?}");
    assert!(counts.by_hello > 0, "{counts:?}");
}
