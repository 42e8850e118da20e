//! Framing over Bluetooth LE, NFC and USB, against the second implementation and the document.

use serde_json::Value;
use ushield_protocol::framing::advertisement::Advertised;
use ushield_protocol::framing::apdu::{self, Answer, Command, SHORT_ANSWER, Status};
use ushield_protocol::framing::fragment::{ALL, Fragment, Number, WriteSize, part};
use ushield_protocol::message::Kind;
use ushield_protocol::secret::Secret;

use crate::blocks::Block;
use crate::support::{array, bytes, file, list, text};

fn made() -> Value {
    serde_json::from_str(&file("tests/vectors/links-2026-11-28.json")).unwrap()
}

fn number(value: &Value) -> Number {
    Number::new(u8::try_from(value.as_u64().unwrap()).unwrap())
}

fn kind(value: &Value) -> Kind {
    Kind::from_number(u8::try_from(value.as_u64().unwrap()).unwrap()).unwrap()
}

fn all_parts(size: WriteSize, numbers: (Number, Number), message: (Kind, &[u8])) -> Vec<Vec<u8>> {
    (0..ALL).map_while(|index| part(size, numbers, message, index)).collect()
}

#[test]
fn every_message_is_cut_as_the_second_implementation_cuts_it() {
    let made = made();
    for case in list(&made["fragments"]) {
        let size = WriteSize::new(usize::try_from(case["write"].as_u64().unwrap()).unwrap()).unwrap();
        let numbers = (number(&case["number"]), number(&case["acknowledges"]));
        let (kind, body) = (kind(&case["kind"]), bytes(&case["body"]));
        let expected: Vec<Vec<u8>> = list(&case["fragments"]).iter().map(bytes).collect();
        assert_eq!(all_parts(size, numbers, (kind, &body)), expected);
        assert_eq!(size.fragments(body.len()), expected.len());
        for (index, value) in expected.iter().enumerate() {
            let place = size.place(u8::try_from(index).unwrap(), body.len()).unwrap();
            let carried = &body[place];
            match Fragment::decode(value).unwrap() {
                Fragment::Start { number, kind: k, acknowledges, length, bytes } => {
                    assert_eq!((index, k, number, acknowledges), (0, kind, numbers.0, numbers.1));
                    assert_eq!((usize::from(length), bytes), (body.len(), carried));
                }
                Fragment::Continuation { number, index: i, bytes } => {
                    assert_eq!((usize::from(i), number, bytes), (index, numbers.0, carried));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    for case in list(&made["signals"]) {
        let number_ = number(&case["number"]);
        let expected = match text(&case["name"]) {
            "keep-alive" => {
                Fragment::KeepAlive { last: number_, acknowledges: number(&case["acknowledges"]) }
            }
            "nack" => Fragment::Nack {
                number: number_,
                index: u8::try_from(case["index"].as_u64().unwrap()).unwrap(),
            },
            _ => Fragment::Ack { number: number_ },
        };
        assert_eq!(Fragment::decode(&bytes(&case["bytes"])), Ok(expected));
        assert_eq!(expected.encode(), bytes(&case["bytes"]));
    }
}

#[test]
fn every_command_and_answer_is_the_second_implementations() {
    let made = made();
    assert_eq!(apdu::select(), bytes(&made["select"]));
    assert_eq!(apdu::poll(false), bytes(&made["poll"]));
    for case in list(&made["messages"]) {
        let (kind, body) = (kind(&case["kind"]), bytes(&case["body"]));
        let short: Vec<Vec<u8>> = list(&case["short"]).iter().map(bytes).collect();
        assert_eq!(apdu::message(kind, &body, false), short);
        assert_eq!(apdu::message(kind, &body, true), [bytes(&case["extended"])]);
        let taken = short.iter().flat_map(|command| match Command::decode(command) {
            Ok(Command::Message { kind: k, part, extended: false, .. }) if k == kind => part,
            other => panic!("{other:?}"),
        });
        assert_eq!(taken.copied().collect::<Vec<u8>>(), body);
    }
    for case in list(&made["answers"]) {
        let mut data = Vec::new();
        let mut left = None;
        for exchange in list(&case["exchanges"]) {
            assert_eq!(exchange["command"].as_str().is_some(), left.is_some());
            if let Some(left) = left {
                assert_eq!(apdu::get_response(left), bytes(&exchange["command"]));
            }
            let answer = bytes(&exchange["answer"]);
            let answer = Answer::decode(&answer).unwrap();
            assert!(answer.data.len() <= SHORT_ANSWER);
            data.extend(answer.data);
            left = match answer.status {
                Status::More(left) => Some(left),
                status => {
                    assert_eq!(status, Status::Ok);
                    None
                }
            };
        }
        assert_eq!((data, left), (bytes(&case["data"]), None));
    }
}

#[test]
fn the_advertisement_is_the_second_implementations() {
    let made = made();
    let case = &made["advertisement"];
    let advertised = Advertised::to(&Secret::new(array(&case["k_adv"])), array(&case["r"])).unwrap();
    assert_eq!(advertised.encode().as_slice(), bytes(&case["tag"]));
    assert_eq!(advertised.advertisement(), bytes(&case["paired"]));
    assert_eq!(Advertised::Open { pairing: false }.advertisement(), bytes(&case["open"]));
    assert_eq!(Advertised::Open { pairing: true }.advertisement(), bytes(&case["pairing"]));
}

pub(crate) fn advertisement(block: &Block) {
    let key = Secret::new(block.array("k_adv"));
    let advertised = Advertised::to(&key, block.array("r")).unwrap();
    assert_eq!(advertised.advertisement(), block.bytes("paired"));
    assert!(Advertised::decode(&block.bytes("paired")[25..]).unwrap().is_by(&key));
    assert_eq!(Advertised::Open { pairing: false }.advertisement(), block.bytes("no phone"));
    assert_eq!(Advertised::Open { pairing: true }.advertisement(), block.bytes("pairing mode"));
}

pub(crate) fn fragments(block: &Block) {
    let size = WriteSize::new(usize::from(u16::from_be_bytes(block.array("write size")))).unwrap();
    let [kind] = block.array("kind");
    let ([n], [a]) = (block.array("number"), block.array("acknowledges"));
    let (n, a) = (Number::new(n), Number::new(a));
    let body = block.bytes("body");
    let parts = all_parts(size, (n, a), (Kind::from_number(kind).unwrap(), &body));
    for (index, part) in parts.iter().enumerate() {
        assert_eq!(*part, block.bytes(&format!("fragment {index}")));
    }
    let keep_alive = Fragment::KeepAlive { last: n, acknowledges: a };
    assert_eq!(keep_alive.encode(), block.bytes("keep-alive, last 5, acknowledges 2"));
    assert_eq!(Fragment::Nack { number: n, index: 1 }.encode(), block.bytes("NACK of message 5, fragment 1"));
    assert_eq!(Fragment::Nack { number: n, index: ALL }.encode(), block.bytes("NACK of all of message 5"));
    assert_eq!(Fragment::Ack { number: n }.encode(), block.bytes("ACK of message 5"));
}

pub(crate) fn apdus(block: &Block) {
    assert_eq!(apdu::select(), block.bytes("select"));
    assert_eq!(apdu::poll(false), block.bytes("poll"));
    let body = block.bytes("message of 256");
    let short = apdu::message(Kind::Sealed, &body, false);
    assert_eq!(short, [block.bytes("short command 0"), block.bytes("short command 1")]);
    assert_eq!(apdu::message(Kind::Sealed, &body, true), [block.bytes("extended command")]);
    let whole = block.bytes("answer of 400");
    let (first, rest) = whole.split_at(SHORT_ANSWER);
    let first = Answer { data: first, status: Status::More(144) };
    assert_eq!(first.encode(), block.bytes("first answer"));
    assert_eq!(apdu::get_response(144), block.bytes("GET RESPONSE"));
    assert_eq!(Answer { data: rest, status: Status::Ok }.encode(), block.bytes("second answer"));
}
