//! Hello, handshake payloads, commands and replies. The Noise transcripts themselves: `src/noise/vectors.rs`.

use ushield_protocol::code::Code;
use ushield_protocol::cose::Sign1;
use ushield_protocol::key::{BankId, DeviceId, OrderId, PhoneId, hex};
use ushield_protocol::message::{
    Hello, Info, P3, P4, P5, P6, PhoneEntry, Reply, ReplyClass, Request, Role, State, StateFlags, Versions,
    certificates, connect_hint, decode_certificates, decode_phones, encode_phones, pairing_commitment,
    pairing_digits,
};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::refusal::Refusal;
use ushield_protocol::secret::Secret;

use crate::support::{BANK, array, bytes, list, public_key, statement, text, vectors};

#[test]
fn hello_reads_and_writes() {
    let hello = &vectors()["hello"];
    assert_eq!(Versions::OURS.encode().as_slice(), bytes(&hello["versions"]));
    for (name, pairing) in [("idle", false), ("pairing", true)] {
        let expected =
            Hello { versions: Versions::OURS, pairing, extended: false, nonce: array(&hello["nonce"]) };
        assert_eq!(Hello::decode(&bytes(&hello[name])), Ok(expected));
        assert_eq!(expected.encode(), bytes(&hello[name]));
    }
}

fn plain(part: &str, name: &str) -> Vec<u8> {
    let messages = list(&vectors()[part]["messages"]);
    bytes(&messages.iter().find(|message| message["name"] == name).unwrap()["plain"])
}

#[test]
fn pairing_payloads_read_and_write() {
    let pairing = &vectors()["pairing"];
    let (n_t, n_p) = (array(&pairing["nT"]), array(&pairing["nP"]));
    assert_eq!(pairing_commitment(&n_t).as_bytes().as_slice(), plain("pairing", "P2"));
    assert_eq!(pairing_commitment(&n_t).as_bytes().as_slice(), bytes(&pairing["commitment"]));
    let digits = pairing_digits(&array(&pairing["handshake_hash"]), &n_p, &n_t);
    assert_eq!(format!("{digits:06}"), text(&pairing["digits"]));

    let p3 = P3 { versions: Versions::OURS, nonce: n_p, name: text(&pairing["phone_name"]).to_owned() };
    assert_eq!(P3::decode(&plain("pairing", "P3")).as_ref(), Ok(&p3));
    assert_eq!(p3.encode(), plain("pairing", "P3"));

    for (pin_needed, wire) in [(false, plain("pairing", "P4")), (true, bytes(&pairing["p4_second_phone"]))] {
        let p4 = P4 {
            nonce: n_t,
            versions: Versions::OURS,
            pin_needed,
            statement: bytes(&statement("device-statement")["cose"]),
            chain: list(&vectors()["maker"]["chain"]).iter().map(bytes).collect(),
            name: text(&pairing["token_name"]).to_owned(),
        };
        assert_eq!(P4::decode(&wire).as_ref(), Ok(&p4));
        assert_eq!(p4.encode(), wire);
    }

    let p5 = [
        (plain("pairing", "P5"), true, None),
        (bytes(&pairing["p5_no"]), false, None),
        (bytes(&pairing["p5_with_pin"]), true, Some("204619")),
    ];
    for (wire, confirmed, pin) in p5 {
        let read = P5::decode(&wire).unwrap();
        assert_eq!(read.confirmed, confirmed);
        let block = pin.map(|pin| *PinBlock::new(pin).unwrap().expose());
        assert_eq!(read.pin.as_ref().map(|block| *block.expose()), block);
        assert_eq!(*read.encode(), wire);
    }

    let wire = plain("pairing", "P6");
    let P6::Paired { k_hint, k_adv, tries } = P6::decode(&wire).unwrap() else { panic!("not paired") };
    assert_eq!((k_hint.expose().as_slice(), tries), (bytes(&pairing["k_hint"]).as_slice(), 5));
    assert_eq!(k_adv.expose().as_slice(), bytes(&pairing["k_adv"]));
    assert_eq!(*P6::Paired { k_hint, k_adv, tries }.encode(), wire);
    let declined = bytes(&pairing["p6_declined"]);
    let P6::Refused { refusal, tries: 5 } = P6::decode(&declined).unwrap() else { panic!("not refused") };
    assert_eq!(refusal, Refusal::from(Code::Declined));
    assert_eq!(*P6::Refused { refusal, tries: 5 }.encode(), declined);
}

#[test]
fn reconnect_payloads_read_and_write() {
    let kk = &vectors()["kk"];
    let k1 = bytes(&list(&kk["messages"])[0]["message"]);
    let hint = connect_hint(&Secret::new(array(&kk["k_hint"])), &array(&kk["nonce"]), &k1[4..37]);
    assert_eq!(hint.as_slice(), bytes(&kk["hint"]));
    assert_eq!(hint, k1[..4]);
    let state = State {
        versions: Versions::OURS,
        flags: StateFlags { pay: true, ..StateFlags::default() },
        tries: 5,
        firmware: 0x0100,
        profile: 1,
        max_order: 1024,
        pay: *public_key("pay").short_key_id().as_bytes(),
        phones: 1,
    };
    assert_eq!(State::decode(&plain("kk", "K2")), Ok(state));
    assert_eq!(state.encode(), plain("kk", "K2"));
    let lengths: Vec<usize> =
        list(&kk["messages"]).iter().map(|message| bytes(&message["message"]).len()).collect();
    assert_eq!(lengths, [57, 73, 398, 18, 254]);
    assert!(lengths.iter().sum::<usize>() <= 850);
}

#[test]
fn commands_read_and_write() {
    let block = |pin: &str| PinBlock::new(pin).unwrap();
    let order_id =
        OrderId::from_slice(&array::<16>(&statement("transfer-realistic")["fields"]["5"])).unwrap();
    let order = bytes(&statement("transfer-realistic")["cose"]);
    let own = bytes(&vectors()["commands"]["certificate"]);
    let chain = certificates(&[own, bytes(&vectors()["commands"]["bank_ca"])]);
    let expected = |name: &str| match name {
        "info" => Request::Info,
        "phones" => Request::Phones,
        "forget" => Request::Forget { phone: public_key("phone").phone_id() },
        "pin-change" => Request::PinChange { old: block("12345678"), new: block("204619") },
        "bank-key" => Request::BankKey { statement: bytes(&statement("bankkey-transfer")["cose"]) },
        "order" => Request::Order { pin: Some(block("204619")), order: order.clone() },
        "order without block" => Request::Order { pin: None, order: order.clone() },
        "pin" => Request::Pin { pin: block("204619") },
        "cancel" => Request::Cancel { order: order_id },
        "collect" => Request::Collect { order: order_id },
        "put-certificate" => Request::PutCertificate { role: Role::Pay, chain: chain.clone() },
        "get-certificate" => Request::GetCertificate { role: Role::Pay },
        _ => panic!("unknown command {name}"),
    };
    let cases = list(&vectors()["commands"]["from_phone"]);
    for case in cases {
        let wire = bytes(&case["plain"]);
        let name = text(&case["name"]);
        assert_eq!(*expected(name).encode(), wire, "{name}");
        let read = Request::decode(&wire).unwrap();
        assert_eq!(std::mem::discriminant(&read), std::mem::discriminant(&expected(name)), "{name}");
        assert_eq!(*read.encode(), wire, "{name}");
    }
    assert_eq!(cases.len(), 12);
}

#[test]
fn bad_commands_are_refused() {
    let cases = list(&vectors()["commands"]["bad_from_phone"]);
    for case in cases {
        let name = text(&case["name"]);
        let code = match Request::decode(&bytes(&case["plain"])) {
            Err(refusal) => refusal.code,
            // The chain is a body of its own and is read by whoever stores it.
            Ok(Request::PutCertificate { chain, .. }) => {
                Refusal::from(decode_certificates(&chain).unwrap_err()).code
            }
            Ok(other) => panic!("{name}: {other:?}"),
        };
        let unknown = name.starts_with("unknown-command");
        assert_eq!(code, if unknown { Code::UnknownCommand } else { Code::Malformed }, "{name}");
    }
    assert_eq!(cases.len(), 17);
}

#[test]
fn replies_read_and_write() {
    let cases = list(&vectors()["commands"]["from_token"]);
    for case in cases {
        let (name, wire) = (text(&case["name"]), bytes(&case["plain"]));
        let reply = Reply::decode(&wire).unwrap();
        assert_eq!(reply.encode(), wire, "{name}");
        check_reply(name, &reply);
    }
    assert_eq!(cases.len(), 19);
}

fn check_reply(name: &str, reply: &Reply) {
    let (kind, rest) = name.split_once(' ').unwrap();
    let class = if kind == "event" { ReplyClass::Event } else { ReplyClass::Result };
    assert_eq!(reply.class, class, "{name}");
    if let Some(code) = Code::from_name(rest) {
        assert_eq!(reply.code, code, "{name}");
        match code {
            Code::PinWrong => assert_eq!(reply, &Reply::event(code, vec![3])),
            Code::Malformed | Code::Unshowable => assert_eq!(&Reply::refusal(&reply.to_refusal()), reply),
            _ => assert!(reply.body.is_empty(), "{name}"),
        }
        return;
    }
    assert_eq!(reply.code, Code::Ok, "{name}");
    let messages = || Sign1::parse_sequence(&reply.body, 2).unwrap();
    let said = |name: &str| assert_eq!(messages(), [bytes(&statement(name)["cose"])]);
    match rest {
        "info" => check_info(&reply.body),
        "phones" => check_phones(&reply.body),
        "empty" => assert!(reply.body.is_empty()),
        "order" => said("authorization"),
        "rejected" => said("rejection"),
        "first certificate" => said("attestation-pay"),
        "get-certificate" => {
            let chain = decode_certificates(&reply.body).unwrap();
            let commands = &vectors()["commands"];
            assert_eq!(chain, [bytes(&commands["certificate"]), bytes(&commands["bank_ca"])]);
            assert_eq!(certificates(&chain), reply.body);
        }
        _ => panic!("unknown reply {name}"),
    }
}

fn check_info(body: &[u8]) {
    let info = Info {
        device: DeviceId::from(array(&vectors()["device_id"])),
        firmware: 256,
        profile: 1,
        name: "U-Shield 01".to_owned(),
        bank: BankId::new(BANK).unwrap(),
        flags: StateFlags { pay: true, ..StateFlags::default() },
        tries: 5,
        pay: Some(public_key("pay").key_id()),
        login: None,
        phones: 1,
        approvals: 0,
    };
    assert_eq!(hex(info.pay.unwrap().as_bytes()), text(&vectors()["commands"]["info"]["8"]));
    assert_eq!(Info::decode(body).as_ref(), Ok(&info));
    assert_eq!(info.encode(), body);
}

fn check_phones(body: &[u8]) {
    let entry = |label: &str, name: &str, this| {
        let id: PhoneId = public_key(label).phone_id();
        PhoneEntry { id, name: name.to_owned(), this }
    };
    let phones = [entry("phone", "小明的手机", true), entry("other-phone", "Tablet", false)];
    assert_eq!(decode_phones(body).unwrap(), phones);
    assert_eq!(encode_phones(&phones), body);
}
