//! Every worked example of `docs/protocol.md`, through the code.

use ushield_protocol::code::Code;
use ushield_protocol::cose::{Sign1, Tag};
use ushield_protocol::device::{DeviceIdentity, MakerRoot, verify_statement};
use ushield_protocol::key::{PublicKey, Sign, SigningKey, hex};
use ushield_protocol::message::{
    Hello, Info, P3, P4, P5, P6, Reply, Request, State, Versions, certificates, connect_hint,
    decode_certificates, decode_phones, encode_phones, pairing_commitment, pairing_digits,
};
use ushield_protocol::noise::DhSecret;
use ushield_protocol::order::{Order, Verified};
use ushield_protocol::pin::PinBlock;
use ushield_protocol::render::{Notices, Profile, pages};
use ushield_protocol::secret::Secret;

use crate::blocks::{Block, blocks};
use crate::reading::{accept, hash_of, order};
use crate::support::{Both, bytes, file, list, text, vectors};

#[test]
fn every_example_of_the_document_holds() {
    let blocks = blocks(&file("docs/protocol.md"));
    let mut checked = 0;
    for (name, block) in blocks {
        match name.as_str() {
            "hello" => hello(&block),
            "kk" => kk(&block),
            "pairing" => pairing(&block),
            "pairing-code" => crate::pairing_code::example(&block),
            "commands" => commands(&block),
            "pin-block" => pin_block(&block),
            "bankkey" => bank_key(&block),
            "order-transfer" => statement(&block, Tag::Order, "order-transfer"),
            "order-certificate" => statement(&block, Tag::Order, "order-certificate"),
            "authorization" => statement(&block, Tag::Approve, "pay"),
            "rejection" => statement(&block, Tag::Reject, "device"),
            "attestation" => statement(&block, Tag::Attest, "device"),
            "device-statement" => statement(&block, Tag::Device, "device"),
            "receipt" => statement(&block, Tag::Receipt, "receipt"),
            "pages-transfer" => shown(&block, &order("transfer-realistic", &Both)),
            "pages-certificate" => shown(&block, &order("certificate-pay", &Both)),
            "advertisement" => crate::links::advertisement(&block),
            "fragments" => crate::links::fragments(&block),
            "apdus" => crate::links::apdus(&block),
            other => panic!("nobody checks block {other}"),
        }
        block.finish();
        checked += 1;
    }
    assert_eq!(checked, 19);
}

fn hello(block: &Block) {
    let idle = Hello::decode(&block.bytes("idle")).unwrap();
    let pairing = Hello::decode(&block.bytes("pairing")).unwrap();
    assert!(!idle.pairing && pairing.pairing);
    assert_eq!(pairing, Hello { pairing: true, ..idle });
    assert_eq!(idle.versions, Versions::OURS);
    assert_eq!((idle.encode(), pairing.encode()), (block.bytes("idle"), block.bytes("pairing")));
}

/// The transcript's Noise messages, byte by byte, are checked inside the crate (`src/noise/vectors.rs`), where an
/// ephemeral key can be given: here the block is the transcript that is checked there.
fn transcript(block: &Block, name: &str) {
    let part = &vectors()[name];
    for (side, role) in [("phone", "initiator"), ("token", "responder")] {
        for kind in ["static", "ephemeral"] {
            let key = &vectors()["keys"][text(&part[role][kind])];
            let private = block.array(&format!("{side} {kind} private"));
            assert_eq!(private.as_slice(), bytes(&key["private"]));
            let public = DhSecret::from_bytes(&private).unwrap().public_key();
            assert_eq!(public.as_bytes().as_slice(), bytes(&key["public"]));
        }
    }
    for message in list(&part["messages"]) {
        let name = text(&message["name"]);
        assert_eq!(block.bytes(name), bytes(&message["message"]), "{name}");
        assert_eq!(block.bytes(&format!("{name} plain")), bytes(&message["plain"]), "{name}");
    }
    assert_eq!(block.bytes("handshake hash"), bytes(&part["handshake_hash"]));
}

fn public(block: &Block, label: &str) -> PublicKey {
    DhSecret::from_bytes(&block.array(label)).unwrap().public_key()
}

fn kk(block: &Block) {
    transcript(block, "kk");
    let (k1, k2) = (block.bytes("K1"), block.bytes("K2"));
    let hint = connect_hint(&Secret::new(block.array("k_hint")), &block.array("hello nonce"), &k1[4..37]);
    assert_eq!(hint, block.array("hint"));
    assert_eq!(hint, k1[..4]);
    assert_eq!(k1[4..37], *public(block, "phone ephemeral private").as_bytes());
    assert_eq!(k2[..33], *public(block, "token ephemeral private").as_bytes());
    assert_eq!(block.bytes("K1 plain"), Versions::OURS.encode());
    let state = State::decode(&block.bytes("K2 plain")).unwrap();
    assert_eq!(state.encode(), block.bytes("K2 plain"));
    let Ok(Request::Order { pin: Some(pin), order }) = Request::decode(&block.bytes("T1 plain")) else {
        panic!("T1 is no order")
    };
    assert_eq!(pin.expose(), PinBlock::new("204619").unwrap().expose());
    assert!(accept(Tag::Order, "order-transfer", &order, &Both).is_ok());
    assert_eq!(Reply::decode(&block.bytes("shown plain")), Ok(Reply::event(Code::Shown, Vec::new())));
    let answer = Reply::decode(&block.bytes("T2 plain")).unwrap();
    assert!(accept(Tag::Approve, "pay", &answer.body, &Both).is_ok());
    assert_eq!([57, 73, 398, 18, 254], ["K1", "K2", "T1", "shown", "T2"].map(|name| block.bytes(name).len()));
}

fn pairing(block: &Block) {
    transcript(block, "pairing");
    let (n_t, n_p) = (block.array("nT"), block.array("nP"));
    assert_eq!(pairing_commitment(&n_t).as_bytes(), &block.array("commitment"));
    assert_eq!(block.bytes("P2 plain"), block.bytes("commitment"));
    let digits = pairing_digits(&block.array("handshake hash"), &n_p, &n_t);
    assert_eq!(format!("{digits:06}").as_bytes(), block.bytes("digits"));

    assert_eq!(block.bytes("P1 plain"), Versions::OURS.encode());
    let p3 = P3::decode(&block.bytes("P3 plain")).unwrap();
    assert_eq!((p3.versions, p3.nonce), (Versions::OURS, n_p));
    assert_eq!(p3.encode(), block.bytes("P3 plain"));

    let p4 = P4::decode(&block.bytes("P4 plain")).unwrap();
    assert_eq!((p4.versions, p4.nonce, p4.pin_needed), (Versions::OURS, n_t, false));
    assert_eq!(p4.encode(), block.bytes("P4 plain"));
    let root = MakerRoot::from_der(&block.bytes("maker root")).unwrap();
    let identity = DeviceIdentity::verify(&p4.chain, &[root], Some(1_795_320_000), &Both).unwrap();
    verify_statement(&p4.statement, &identity, &public(block, "token static private"), &Both).unwrap();
    let other = verify_statement(&p4.statement, &identity, &public(block, "phone static private"), &Both);
    assert_eq!(other.unwrap_err().code, Code::BadDeviceStatement);

    let p5 = P5::decode(&block.bytes("P5 plain")).unwrap();
    assert!(p5.confirmed && p5.pin.is_none());
    assert_eq!(*p5.encode(), block.bytes("P5 plain"));
    let Ok(P6::Paired { k_hint, k_adv, tries: 5 }) = P6::decode(&block.bytes("P6 plain")) else {
        panic!("P6 says no")
    };
    assert_eq!((*k_hint.expose(), *k_adv.expose()), (block.array("k_hint"), block.array("k_adv")));
}

fn commands(block: &Block) {
    let (mut requests, mut replies) = (0, 0);
    for label in block.labels() {
        let wire = block.bytes(label);
        let Some((class, what)) =
            label.split_once(' ').filter(|(class, _)| ["result", "event"].contains(class))
        else {
            assert_eq!(*Request::decode(&wire).unwrap().encode(), wire, "{label}");
            requests += 1;
            continue;
        };
        let reply = Reply::decode(&wire).unwrap();
        assert_eq!(reply.encode(), wire, "{label}");
        assert_eq!(format!("{:?}", reply.class).to_lowercase(), class);
        let body = &reply.body;
        let signed = |tag, key| {
            let messages = Sign1::parse_sequence(body, 2).unwrap();
            assert_eq!(messages.len(), 1, "{label}");
            assert!(accept(tag, key, messages[0], &Both).is_ok(), "{label}");
        };
        match what {
            "info" => assert_eq!(Info::decode(body).unwrap().encode(), *body),
            "phones" => assert_eq!(encode_phones(&decode_phones(body).unwrap()), *body),
            "empty" => assert!(body.is_empty()),
            "order" => signed(Tag::Approve, "pay"),
            "rejected" => signed(Tag::Reject, "device"),
            "first certificate" => signed(Tag::Attest, "device"),
            "get-certificate" => assert_eq!(certificates(&decode_certificates(body).unwrap()), *body),
            status => assert_eq!(Code::from_name(status), Some(reply.code), "{label}"),
        }
        replies += 1;
    }
    assert_eq!((requests, replies), (12, 19));
}

fn pin_block(block: &Block) {
    let mut pins = 0;
    for pin in block.labels() {
        assert_eq!(PinBlock::new(pin).unwrap().expose(), &block.array(pin), "{pin}");
        assert!(PinBlock::from_bytes(block.array(pin)).is_some_and(|block| block.is_pin()));
        pins += 1;
    }
    assert_eq!(pins, 6);
}

fn bank_key(block: &Block) {
    // The root signs; the other private key is that of the key which the statement names.
    let read = check(block, Tag::BankKey, "root");
    let named = SigningKey::from_bytes(&block.array("key private")).unwrap();
    assert_eq!(read.fields["6"], hex(named.public_key().as_bytes()));
}

fn statement(block: &Block, tag: Tag, key: &str) {
    check(block, tag, key);
}

fn check(block: &Block, tag: Tag, key: &str) -> crate::reading::Accepted {
    let signer = SigningKey::from_bytes(&block.array("private")).unwrap();
    assert_eq!(signer.public_key().as_bytes(), &block.array("public"));
    let cose = block.bytes("cose");
    let message = Sign1::parse(&cose).unwrap();
    assert_eq!(message.payload(), block.bytes("payload"));
    assert_eq!(message.payload_hash().as_bytes(), &block.array("hash"));
    assert!(message.verify(tag, &signer.public_key(), &Both));
    let read = accept(tag, key, &cose, &Both).unwrap();
    assert_eq!(hex(&read.again), hex(&cose));
    read
}

fn shown(block: &Block, order: &Order<Verified>) {
    assert_eq!(hash_of(order.hash()), hex(&block.bytes("order hash")));
    for (locale, profile) in [("zh", Profile::Zh1), ("en", Profile::En1)] {
        assert_eq!(block.bytes(&format!("{locale} profile")), profile.number().to_be_bytes());
        let pages = pages(order, profile, &Notices::default()).unwrap();
        let labels = block.labels().filter(|label| label.starts_with(&format!("{locale} page")));
        assert_eq!(labels.count(), usize::from(pages.count()));
        for (at, page) in pages.iter().enumerate() {
            assert_eq!(page, block.page(&format!("{locale} page {}", at + 1)));
        }
        assert_eq!(pages.digest().as_bytes(), &block.array(&format!("{locale} digest")));
    }
}
