//! Whatever phones, customer, time and power do in whatever order: only what was read to the end and confirmed with the
//! right PIN is approved, only what was refused by key is rejected, answers never change, and the display gets pages.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use ushield_protocol::authorization::{Authorization, Decision};
use ushield_protocol::code::Code;
use ushield_protocol::key::{P256Verifier, PublicKey};
use ushield_protocol::message::{Kind, Reply, ReplyClass, Request};
use ushield_protocol::order::OrderPayload;
use ushield_protocol::text;
use ushield_token::Key;

use super::world::{PIN, Phone, World, order_with, pin};

const WRONG: &str = "111222";

#[derive(Clone, Debug)]
enum Action {
    Press(Key),
    ReadAll,
    Wait(u64),
    Reconnect(usize),
    Disconnect,
    Order(usize, Option<bool>),
    Pin(bool),
    Cancel(usize),
    Collect(usize),
    Command(Vec<u8>),
    Message(u8, Vec<u8>),
    Reboot,
}

fn action() -> impl Strategy<Value = Action> {
    let key =
        prop_oneof![4 => Just(Key::Ok), 1 => Just(Key::Cancel), 1 => Just(Key::Up), 4 => Just(Key::Down)];
    let order = 0usize..3;
    prop_oneof![
        10 => key.prop_map(Action::Press),
        4 => Just(Action::ReadAll),
        2 => (0u64..130).prop_map(Action::Wait),
        4 => (0usize..2).prop_map(Action::Reconnect),
        1 => Just(Action::Disconnect),
        8 => (order.clone(), proptest::option::of(any::<bool>())).prop_map(|(at, pin)| Action::Order(at, pin)),
        3 => any::<bool>().prop_map(Action::Pin),
        1 => order.clone().prop_map(Action::Cancel),
        2 => order.prop_map(Action::Collect),
        1 => proptest::collection::vec(any::<u8>(), 0..80).prop_map(Action::Command),
        1 => (0u8..7, proptest::collection::vec(any::<u8>(), 0..80)).prop_map(|(kind, body)| Action::Message(kind, body)),
        1 => Just(Action::Reboot),
    ]
}

/// What the test knows that the token may do.
#[derive(Default)]
struct Oracle {
    shown: Option<usize>,
    confirmed: BTreeSet<usize>,
    refused: BTreeSet<usize>,
    answers: BTreeMap<usize, Vec<u8>>,
}

struct Run {
    world: World,
    phones: Vec<Phone>,
    orders: Vec<(OrderPayload, Vec<u8>)>,
    pay: PublicKey,
    oracle: Oracle,
}

impl Run {
    fn new() -> Self {
        let (mut world, first) = World::ready();
        let pay = world.pay_key();
        let orders = (0..3).map(|_| world.a_transfer()).collect();
        let mut second = Phone::new(2);
        world.disconnect();
        world.pair(&mut second);
        Self { world, phones: vec![first, second], orders, pay, oracle: Oracle::default() }
    }

    fn is_connected(&self) -> bool {
        self.world.channel.is_some() && !self.world.disconnected
    }

    fn ask(&mut self, request: &[u8], order: Option<usize>) {
        if !self.is_connected() {
            return;
        }
        self.world.request_bytes(request);
        self.replies(order);
    }

    /// Looks at everything that came; `order` is what was asked for.
    fn replies(&mut self, order: Option<usize>) {
        while let Some((kind, body)) = self.world.take() {
            let Some(channel) = self.world.channel.as_mut().filter(|_| kind == Kind::Sealed) else {
                continue;
            };
            let Ok(plaintext) = channel.open(&body) else { continue };
            let reply = Reply::decode(&plaintext).unwrap();
            if (reply.class, reply.code) == (ReplyClass::Event, Code::Shown) {
                self.oracle.shown = order;
            }
            if reply.code == Code::Ok && reply.body.len() > 150 {
                let signed = Authorization::receive(&reply.body).unwrap().payload().about.order;
                let at = self.orders.iter().position(|(order, _)| order.id == signed).unwrap();
                let first = self.oracle.answers.entry(at).or_insert_with(|| reply.body.clone());
                assert_eq!(*first, reply.body, "an answer never changes");
            }
        }
    }

    fn press(&mut self, key: Key) {
        let screen = self.world.screen();
        if let Some(shown) = self.oracle.shown {
            if key == Key::Ok && (screen.contains("OK approve") || screen.contains("ONE TRY IS LEFT")) {
                self.oracle.confirmed.insert(shown);
            }
            if key == Key::Cancel && screen.contains("C reject") {
                self.oracle.refused.insert(shown);
            }
        }
        self.world.press(key);
        self.replies(None);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Press(key) => self.press(key),
            Action::ReadAll => (0..6).for_each(|_| self.press(Key::Down)),
            Action::Wait(seconds) => {
                self.world.wait(seconds);
                self.replies(None);
            }
            Action::Reconnect(at) => {
                let phone = self.phones[at].clone();
                let nonce = self.world.connect().nonce;
                let (mut handshake, k1) = self.world.k1(&phone, &nonce);
                self.world.send(Kind::Connect, &k1);
                if let Some((Kind::Connect, k2)) = self.world.take() {
                    handshake.read(&k2).unwrap();
                    self.world.channel = Some(handshake.into_transport().unwrap());
                }
            }
            Action::Disconnect => self.world.disconnect(),
            Action::Order(at, block) => {
                let block = block.map(|right| if right { PIN } else { WRONG });
                self.ask(&order_with(block, &self.orders[at].1).encode(), Some(at));
            }
            Action::Pin(right) => self.ask(&pin(if right { PIN } else { WRONG }).encode(), None),
            Action::Cancel(at) => self.ask(&Request::Cancel { order: self.orders[at].0.id }.encode(), None),
            Action::Collect(at) => self.ask(&Request::Collect { order: self.orders[at].0.id }.encode(), None),
            Action::Command(bytes) => self.ask(&bytes, None),
            Action::Message(kind, body) => {
                self.world.token.receive(kind, &body, self.world.now);
                self.world.pump();
                self.replies(None);
            }
            Action::Reboot => self.world.reboot(),
        }
    }

    /// What the token has in the end is what was decided, and no more.
    fn check(&mut self) {
        self.world.reboot();
        for at in 0..2 {
            self.act(Action::Reconnect(at));
            for order in 0..3 {
                self.act(Action::Collect(order));
            }
        }
        for (order, answer) in &self.oracle.answers {
            let decided = |decision, key: &PublicKey| {
                Authorization::receive(answer).unwrap().verify(decision, key, &P256Verifier).is_ok()
            };
            let by_device = self.world.rejecting_key();
            if decided(Decision::Approved, &self.pay) {
                assert!(self.oracle.confirmed.contains(order), "approved without OK on the last page");
            } else {
                assert!(decided(Decision::Rejected, &by_device));
                assert!(self.oracle.refused.contains(order), "rejected without C");
            }
        }
        for page in self.world.board.pages.borrow().iter() {
            let lines: Vec<&str> = page.split('\n').collect();
            assert_eq!(lines.len(), 6, "{page}");
            assert!(lines.iter().all(|line| line.chars().map(text::width).sum::<usize>() <= 24), "{page}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_what_was_decided_is_signed(actions in proptest::collection::vec(action(), 1..60)) {
        let mut run = Run::new();
        for action in actions {
            run.act(action);
        }
        run.check();
    }
}
