//! Everything that was ever said, said again: in every state, of this session and of others of the same keys. Nothing is taken twice.

use ushield_protocol::code::Code;
use ushield_protocol::key::P256Verifier;
use ushield_protocol::message::{Hello, P6, Reply, Request};
use ushield_protocol::noise::Transport;
use ushield_protocol::pin::PinBlock;
use ushield_protocol::secret::Secret;
use ushield_session::channel::{Channel, connect};
use ushield_session::pairing::{ExpectP2, ExpectP4, ExpectP6, start};

use crate::channel::{connected, finish};
use crate::delivery::{pay, payload, transfer};
use crate::token::{AfterP2, AfterP3, NOW, Token, hello, phone, phone_dh, record, roots, seed};

/// A message and where it was said: the session's seed and its number there.
type Said = (u8, usize, Vec<u8>);

/// Both sides between two messages of a pairing. Numbers 0 to 5 are P1 to P6.
struct Pairing {
    said: Vec<Vec<u8>>,
    phone: Phone,
    token: TokenSide,
}

enum Phone {
    P2(ExpectP2),
    P4(ExpectP4),
    P6(ExpectP6),
    Done,
}

enum TokenSide {
    P1,
    P3(AfterP2),
    P5(AfterP3),
    Done,
}

/// A pairing up to its message of this number, which was said and not heard.
fn pairing(n: u8, upto: usize) -> Pairing {
    let token = Token::new();
    let (expect, p1) = start(phone(), &hello(), seed(n)).unwrap();
    let mut said = vec![p1];
    if upto == 0 {
        return Pairing { said, phone: Phone::P2(expect), token: TokenSide::P1 };
    }
    let (after, p2) = token.p2(&said[0], n, None);
    said.push(p2);
    if upto == 1 {
        return Pairing { said, phone: Phone::P2(expect), token: TokenSide::P3(after) };
    }
    let need = expect.handle(&said[1], [n; 16]).unwrap();
    let shared = phone_dh().agree(&need.point()).unwrap();
    let (expect, p3) = need.provide(shared).unwrap();
    said.push(p3);
    if upto == 2 {
        return Pairing { said, phone: Phone::P4(expect), token: TokenSide::P3(after) };
    }
    let mut after = after.p3(&said[2]);
    let p4 = token.p4(&after).encode();
    said.push(after.transport.seal(&p4).unwrap());
    if upto == 3 {
        return Pairing { said, phone: Phone::P4(expect), token: TokenSide::P5(after) };
    }
    let compare = expect.handle(&said[3], &roots(), NOW, &P256Verifier).unwrap();
    let (expect, p5) = compare.confirm(None).unwrap();
    said.push(p5);
    if upto == 4 {
        return Pairing { said, phone: Phone::P6(expect), token: TokenSide::P5(after) };
    }
    after.transport.open(&said[4]).unwrap();
    let p6 = P6::Paired { k_hint: Secret::new([0xca; 32]), k_adv: Secret::new([0xcb; 32]), tries: 5 };
    said.push(after.transport.seal(&p6.encode()).unwrap());
    if upto == 5 {
        return Pairing { said, phone: Phone::P6(expect), token: TokenSide::Done };
    }
    expect.handle(&said[5]).unwrap();
    Pairing { said, phone: Phone::Done, token: TokenSide::Done }
}

impl Pairing {
    /// What becomes of a message at the phone.
    fn phone_takes(self, message: &[u8]) -> bool {
        match self.phone {
            Phone::P2(expect) => expect.handle(message, [9; 16]).is_ok(),
            Phone::P4(expect) => expect.handle(message, &roots(), NOW, &P256Verifier).is_ok(),
            Phone::P6(expect) => expect.handle(message).is_ok(),
            Phone::Done => false,
        }
    }

    fn token_takes(self, message: &[u8], recorded: &[Said]) -> bool {
        match self.token {
            // Anybody may begin with any P1. What counts is whether somebody can go on.
            TokenSide::P1 => recorded.iter().any(|(_, _, next)| {
                let begun = Token::new().take_p1(message, 90, None);
                begun.is_some_and(|(after, _)| after.take_p3(next).is_some())
            }),
            TokenSide::P3(after) => after.take_p3(message).is_some(),
            TokenSide::P5(mut after) => after.transport.open(message).is_ok(),
            TokenSide::Done => false,
        }
    }
}

/// A hello as no other session has it.
fn hello_of(n: u8) -> Hello {
    Hello { nonce: [n; 8], ..hello() }
}

/// What is said behind K1 and K2: an order, its events, the PIN, the approval. Each by whom, and its plaintext.
fn talk() -> Vec<(bool, Vec<u8>)> {
    let order = crate::delivery::order(1, transfer());
    let answer =
        ushield_protocol::cose::sign1(ushield_protocol::cose::Tag::Approve, &payload(&order), &pay());
    let pin = PinBlock::new("204619").unwrap();
    let by_phone = |request: Request| (true, request.encode().to_vec());
    let by_token = |reply: Reply| (false, reply.encode());
    vec![
        by_phone(Request::Order { pin: None, order: order.bytes().to_vec() }),
        by_token(Reply::event(Code::Shown, Vec::new())),
        by_token(Reply::event(Code::PinNeeded, Vec::new())),
        by_phone(Request::Pin { pin }),
        by_token(Reply::ok(answer)),
        by_phone(Request::Collect { order: order.id() }),
        by_token(Reply::status(Code::NotFound)),
    ]
}

/// A session in which so many messages behind K2 were heard; the next was said.
struct Session {
    said: Vec<Vec<u8>>,
    phone: Channel,
    token: Transport,
}

fn session(n: u8, heard: usize) -> Session {
    let need = connect(&record(), &hello_of(n), seed(n)).unwrap();
    let shared = phone_dh().agree(&need.point()).unwrap();
    let (expect, k1) = need.provide(shared).unwrap();
    let (mut token, k2) = Token::new().take_k1(&k1, &hello_of(n), n).unwrap();
    let (mut phone, _) = finish(expect, &k2).unwrap();
    let mut said = vec![k1, k2];
    for (at, (by_phone, plain)) in talk().into_iter().take(heard + 1).enumerate() {
        let sealed = match by_phone {
            true => phone.seal(&Request::decode(&plain).unwrap()).unwrap(),
            false => token.seal(&plain).unwrap(),
        };
        if at < heard {
            match by_phone {
                true => assert_eq!(*token.open(&sealed).unwrap(), plain),
                false => assert_eq!(phone.open(&sealed).unwrap().encode(), plain),
            }
        }
        said.push(sealed);
    }
    Session { said, phone, token }
}

/// A pairing, a session and a second session of the same keys, both directions.
fn recorded() -> Vec<Said> {
    let whole = [(20, pairing(20, 6).said), (21, session(21, 7).said), (22, session(22, 7).said)];
    let numbered = |(n, said): (u8, Vec<Vec<u8>>)| {
        said.into_iter().enumerate().map(move |(at, message)| (n, at, message))
    };
    whole.into_iter().flat_map(numbered).collect()
}

#[test]
fn nothing_that_was_said_is_taken_in_any_state_of_a_pairing() {
    let old = recorded();
    let (mut states, mut injected) = (0, 0);
    // A new pairing, and the recorded one going on.
    for n in [20, 30] {
        for upto in 0..6 {
            let own = pairing(n, upto).said.into_iter().enumerate().map(|(at, message)| (n, at, message));
            let old = old.iter().filter(|(whose, ..)| *whose != n).cloned();
            let others: Vec<Said> = old.chain(own).collect();
            for (whose, at, message) in &others {
                // The message that is under way is the one that may be taken, by whom it is meant for.
                let under_way = (*whose, *at) == (n, upto);
                let (to_phone, to_token) = (under_way && upto % 2 == 1, under_way && upto % 2 == 0);
                let phone = pairing(n, upto).phone_takes(message);
                let token = pairing(n, upto).token_takes(message, &others);
                assert_eq!(phone, to_phone, "phone in {n} at {upto}: message {at} of {whose}");
                // Behind P1 nothing but a new P3 goes on; there is none among these.
                let p1 = upto == 0;
                assert_eq!(token, to_token && !p1, "token in {n} at {upto}: message {at} of {whose}");
                injected += 2;
            }
            states += 2;
        }
    }
    println!("pairing: {injected} injections of {} messages into {states} states", old.len());
    assert!(states == 24 && injected > 500);
}

#[test]
fn nothing_that_was_said_is_taken_in_any_state_of_a_session() {
    let old = recorded();
    let (mut states, mut injected) = (0, 0);
    for n in [21, 31] {
        for heard in 0..talk().len() {
            let own = session(n, heard).said.into_iter().enumerate().map(|(at, message)| (n, at, message));
            let by_phone = talk()[heard].0;
            let others = old.iter().filter(|(whose, ..)| *whose != n).cloned().chain(own);
            for (whose, at, message) in others {
                let under_way = (whose, at) == (n, heard + 2);
                let taken = |ours: bool| under_way && by_phone != ours;
                let Session { said, mut phone, mut token } = session(n, heard);
                let opened = phone.open(&message);
                assert_eq!(opened.is_ok(), taken(true), "phone in {n} at {heard}: message {at} of {whose}");
                if let Err(error) = opened {
                    // It is over: not even what was under way opens any more, and nothing is sealed.
                    assert_eq!(error.code(), Code::ChannelBroken);
                    assert!(phone.open(&said[heard + 2]).is_err() && phone.seal(&Request::Info).is_err());
                }
                let opened = token.open(&message).is_ok();
                assert_eq!(opened, taken(false), "token in {n} at {heard}: message {at} of {whose}");
                injected += 2;
            }
            states += 2;
        }
        // K1 and K2, where they are awaited.
        let fresh = connect(&record(), &hello_of(40), seed(40)).unwrap();
        let shared = phone_dh().agree(&fresh.point()).unwrap();
        drop(fresh.provide(shared).unwrap());
        for (whose, at, message) in
            old.iter().cloned().chain((0..9).map(|at| (n, at, session(n, 7).said[at].clone())))
        {
            let need = connect(&record(), &hello_of(40), seed(40)).unwrap();
            let shared = phone_dh().agree(&need.point()).unwrap();
            let (expect, _) = need.provide(shared).unwrap();
            assert!(finish(expect, &message).is_err(), "phone awaits K2: message {at} of {whose}");
            let answer = Token::new().take_k1(&message, &hello_of(40), 40);
            assert!(answer.is_none(), "token awaits K1: message {at} of {whose}");
            injected += 2;
        }
        states += 2;
    }
    println!("session: {injected} injections of {} messages into {states} states", old.len());
    assert!(states == 32 && injected > 700);
}

/// 1,000 messages in each direction.
struct Long {
    phone: Transport,
    token: Transport,
    /// By the phone, by the token.
    said: [Vec<Vec<u8>>; 2],
}

impl Long {
    const MESSAGES: usize = 1_000;

    fn new() -> Self {
        use ushield_protocol::noise::{Handshake, Pattern, StaticKey};
        let begin = |ours: u8, peer: u8, phone: bool| {
            let pattern = Pattern::Kk { peer: crate::token::dh(peer).public_key() };
            let key = StaticKey::Here(crate::token::dh(ours));
            let make = if phone { Handshake::initiator } else { Handshake::responder };
            make(pattern, &key, &seed(ours)).unwrap()
        };
        let (mut phone, mut token) = (begin(0x11, 0x22, true), begin(0x22, 0x11, false));
        token.read(&phone.write(&[]).unwrap()).unwrap();
        phone.read(&token.write(&[]).unwrap()).unwrap();
        let (mut phone, mut token) = (phone.into_transport().unwrap(), token.into_transport().unwrap());
        let plain = |at: usize| [at.to_be_bytes().as_slice(), &[7; 12]].concat();
        let said = |by: &mut Transport| (0..Self::MESSAGES).map(|at| by.seal(&plain(at)).unwrap()).collect();
        let said = [said(&mut phone), said(&mut token)];
        Self { phone, token, said }
    }

    /// Every message into every state but its own; then its own. How many were refused, or the first that was not.
    fn replay(self) -> Result<usize, (usize, usize)> {
        let Self { mut phone, mut token, said: [by_phone, by_token] } = self;
        let mut refused = 0;
        for (hears, said, own) in [(&mut token, &by_phone, &by_token), (&mut phone, &by_token, &by_phone)] {
            for state in 0..Self::MESSAGES {
                for message in (0..Self::MESSAGES).filter(|message| *message != state) {
                    if hears.open(&said[message]).is_ok() {
                        return Err((message, state));
                    }
                    refused += 1;
                }
                // What it has said itself is not what it hears.
                assert!(hears.open(&own[state]).is_err());
                refused += 1;
                let opened = hears.open(&said[state]).unwrap();
                assert_eq!(opened[..8], state.to_be_bytes(), "in order, after all that");
            }
        }
        Ok(refused)
    }
}

#[test]
fn no_message_of_a_thousand_opens_anywhere_but_in_its_place() {
    let refused = Long::new().replay().expect("a message out of its place opened");
    println!("{refused} replays, skips and reflections of 2 x {} messages refused", Long::MESSAGES);
    assert_eq!(refused, 2 * Long::MESSAGES * Long::MESSAGES);
}

#[test]
fn garbage_neither_opens_nor_moves_the_numbering_and_the_phones_channel_ends_with_it() {
    const FRAMES: usize = 100_000;
    let Long { mut token, said: [by_phone, _], .. } = Long::new();
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = || {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise
    };
    let mut refused = 0;
    for at in 0..FRAMES {
        let length = draw() as usize % 80;
        let garbage: Vec<u8> = (0..length).map(|_| draw() as u8).collect();
        assert!(token.open(&garbage).is_err(), "frame {at}");
        refused += 1;
        if at % 1_000 == 999 {
            // The next in order still opens, and only that one.
            assert!(token.open(&by_phone[at / 1_000]).is_ok());
        }
    }
    println!("{refused} frames of garbage refused");

    let (mut channel, mut token) = connected(50);
    assert!(channel.open(&[0; 30]).is_err());
    assert!(channel.open(&token.seal(&Reply::ok(Vec::new()).encode()).unwrap()).is_err());
}

/// An answer of another session, in a channel that stands: it is for its own order alone.
#[test]
fn a_recorded_answer_is_no_answer_to_another_order() {
    let answered = crate::delivery::delivery(transfer());
    let recorded = talk().into_iter().rev().nth(2).unwrap().1;
    let reply = Reply::decode(&recorded).unwrap();
    assert!(answered.handle(&reply, &P256Verifier).is_ok());
    let keys = crate::delivery::keys();
    for n in 2..=100 {
        let other = ushield_session::delivery::Delivery::new(crate::delivery::order(n, transfer()), keys);
        assert_eq!(other.handle(&reply, &P256Verifier).unwrap_err().code(), Code::WrongAuthorization);
    }
}
