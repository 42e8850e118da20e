//! Section 2.2: the whole of it over commands and answers, written by hand.

use ushield_protocol::code::Code;
use ushield_protocol::message::{Hello, Kind, Request, Role};
use ushield_protocol::pin::INITIAL_PIN;
use ushield_token::framing::Card;
use ushield_token::{Key, Output};

use super::world::{PIN, Phone, World, order_with};

/// A reader on the card that the token is.
pub(crate) struct Reader {
    card: Card,
    /// What was exchanged, for counting.
    commands: Vec<Vec<u8>>,
    answers: Vec<Vec<u8>>,
    /// The kind of the last message to the token: the token's messages are of the same.
    kind: Kind,
}

/// The link of the world, where it has a reader.
impl World {
    /// Lays the token on a reader.
    fn lay_on(&mut self, extended: bool) {
        let (commands, answers) = (vec![], vec![]);
        self.reader = Some(Reader { card: Card::new(extended), commands, answers, kind: Kind::Hello });
        self.disconnected = true;
    }

    /// Takes it away.
    fn take_away(&mut self) {
        let reader = self.reader.as_mut().unwrap();
        reader.card.leave(&mut self.token, self.now);
        self.disconnected = true;
    }

    fn exchange(&mut self, command: &[u8]) -> (Vec<u8>, [u8; 2]) {
        let reader = self.reader.as_mut().unwrap();
        let answer = reader.card.serve(&mut self.token, command, self.now);
        reader.commands.push(command.to_vec());
        reader.answers.push(answer.clone());
        let (data, status) = answer.split_last_chunk::<2>().unwrap();
        if *status == [0x69, 0x85] {
            self.disconnected = true;
        }
        (data.to_vec(), *status)
    }

    /// An answer with its rest.
    fn fetch(&mut self, command: &[u8]) -> Option<(Kind, Vec<u8>)> {
        let (mut data, mut status) = self.exchange(command);
        while let [0x61, left] = status {
            let (more, next) = self.exchange(&[0x00, 0xc0, 0x00, 0x00, left]);
            data.extend(more);
            status = next;
        }
        let kind = self.reader.as_ref().unwrap().kind;
        match (status, data.len()) {
            ([0x69, 0x85], 0) | ([0x90, 0x00], 0) => None,
            ([0x90, 0x00], 1) => Some((Kind::Refusal, data)),
            ([0x90, 0x00], _) => Some((kind, data)),
            other => panic!("{other:02x?}"),
        }
    }

    pub(crate) fn begin(&mut self) {
        if self.reader.is_none() {
            return self.token.connected(self.now);
        }
        let (hello, status) = self.exchange(b"\x00\xa4\x04\x00\x09\xf0USHIELD\x01\x00");
        assert_eq!((hello.len(), status), (13, [0x90, 0x00]));
        self.hello = Some(Hello::decode(&hello).unwrap());
    }

    pub(crate) fn hand_over(&mut self, kind: Kind, body: &[u8]) -> Option<(Kind, Vec<u8>)> {
        if self.reader.is_none() {
            self.token.receive(kind.number(), body, self.now);
            return None;
        }
        self.reader.as_mut().unwrap().kind = kind;
        let parts: Vec<&[u8]> = body.chunks(255).collect();
        let (last, before) = parts.split_last().unwrap();
        for part in before {
            let command = [&[0x90, 0xc2, kind.number(), 0x00, 255][..], part].concat();
            assert_eq!(self.exchange(&command), (vec![], [0x90, 0x00]));
        }
        self.fetch(&[&[0x80, 0xc2, kind.number(), 0x00, last.len() as u8][..], last, &[0]].concat())
    }

    /// What the token wants, where the world has no reader; else that is the card's.
    pub(crate) fn said(&mut self) -> Option<Output> {
        match &mut self.reader {
            None => self.token.poll(),
            Some(reader) => {
                reader.card.hear(&mut self.token, self.now);
                None
            }
        }
    }

    /// Asks the card for another message.
    pub(crate) fn ask_card(&mut self) -> Option<(Kind, Vec<u8>)> {
        self.reader.as_ref()?;
        self.fetch(&[0x80, 0xc2, 0x00, 0x00, 0x00])
    }
}

/// Paired, PIN changed and certified over a reader from the first byte on.
fn ready(extended: bool) -> (World, Phone) {
    let mut world = World::new();
    let mut phone = Phone::new(0x41);
    world.lay_on(extended);
    world.pair(&mut phone);
    world.change_pin(INITIAL_PIN, PIN);
    world.certify(&phone, Role::Pay);
    world.dismiss();
    (world, phone)
}

#[test]
fn from_pairing_to_an_approved_transfer() {
    for extended in [false, true] {
        let (mut world, phone) = ready(extended);
        assert_eq!(world.hello.unwrap().extended, extended);
        assert_eq!(world.reconnect(&phone).tries, 5);
        let (_, answer) = world.approve_transfer(|_| {});
        world.approval(&answer);
    }
}

#[test]
fn one_tap() {
    let (mut world, phone) = ready(false);
    let (_, order) = world.a_transfer();
    world.take_away();
    world.reader.as_mut().unwrap().commands.clear();
    world.reconnect(&phone);
    world.show(&order);
    assert_eq!(world.reader.as_ref().unwrap().commands.len(), 4, "SELECT, K1, T1 in two");
    assert!(world.take().is_none(), "a poll: nothing yet");
    // The card answers at once, whatever the customer does, and keep-alives are none.
    world.wait(30);
    assert!(world.take().is_none());
    world.read_all();
    world.press(Key::Ok);
    assert_eq!(world.result().code, Code::Ok);
    let reader = world.reader.as_ref().unwrap();
    assert_eq!(reader.commands.len(), 8, "four polls: two found nothing, then T2, then no more");
    assert!(reader.answers.iter().all(|answer| answer.len() <= 258));
}

#[test]
fn two_taps() {
    let (mut world, phone) = ready(false);
    let pay = world.pay();
    let order = world.bank.transfer(pay);
    let bytes = world.bank.sign(&order);
    world.reconnect(&phone);
    world.show(&bytes);
    world.take_away();
    assert!(world.shows("TRANSFER") || world.screen().contains('/'), "the token goes on showing");
    world.read_all();
    world.press(Key::Ok);
    world.reader.as_mut().unwrap().commands.clear();
    world.reconnect(&phone);
    let answer = world.ask(&Request::Collect { order: order.id }).body;
    assert_eq!(
        world.reader.as_ref().unwrap().commands.len(),
        4,
        "SELECT, K1, collect, and a poll that finds nothing"
    );
    world.approval(&answer);
}

#[test]
fn a_stranger_is_told_so_and_then_nothing() {
    let (mut world, mut phone) = ready(false);
    phone.pairing.as_mut().unwrap().1 = ushield_protocol::secret::Secret::new([9; 32]);
    let nonce = world.connect().nonce;
    let (_, k1) = world.k1(&phone, &nonce);
    world.send(Kind::Connect, &k1);
    assert_eq!(world.take_refusal(), Some(Code::UnknownPhone));
    for command in [&[0x80, 0xc2, 0, 0, 0][..], &[0x80, 0xc2, 2, 0, 1, 9, 0], &[0x90, 0xc2, 3, 0, 1, 9, 0]] {
        let (data, status) = world.exchange(command);
        assert!(data.is_empty() && (status == [0x69, 0x85] || status == [0x67, 0x00]), "{command:02x?}");
    }
    world.connect();
}

#[test]
fn three_seconds_are_three_seconds() {
    let mut world = World::new();
    world.lay_on(false);
    world.connect();
    world.wait(2);
    assert_eq!(world.exchange(&[0x80, 0xc2, 0, 0, 0]).1, [0x90, 0x00]);
    world.wait(1);
    assert_eq!(world.exchange(&[0x80, 0xc2, 0, 0, 0]).1, [0x69, 0x85]);
}

#[test]
fn a_select_ends_the_connection_before() {
    let (mut world, phone) = ready(false);
    world.reconnect(&phone);
    let sealed = world.channel.as_mut().unwrap().seal(&Request::Info.encode()).unwrap();
    let nonce = world.hello.unwrap().nonce;
    world.begin();
    assert_ne!(world.hello.unwrap().nonce, nonce);
    assert_eq!(world.hand_over(Kind::Sealed, &sealed), None);
    assert_eq!(world.exchange(&[0x80, 0xc2, 0, 0, 0]).1, [0x69, 0x85]);
}

#[test]
fn a_token_that_fails_answers_6f00() {
    let (mut world, _) = ready(false);
    world.board.broken.set(Some(super::world::Broken::Entropy));
    let select = b"\x00\xa4\x04\x00\x09\xf0USHIELD\x01\x00";
    for _ in 0..2 {
        assert_eq!(world.exchange(select), (vec![], [0x6f, 0x00]));
        assert_eq!(world.exchange(&[0x80, 0xc2, 0, 0, 0]).1, [0x69, 0x85]);
    }
}

#[test]
fn a_phone_that_fetches_less_than_is_said_is_hung_up_on() {
    let (mut world, phone) = ready(false);
    world.reconnect(&phone);
    let pay = world.pay();
    let mut rounds = 0;
    while !world.disconnected && rounds < 20 {
        let order = world.bank.transfer(pay);
        let bytes = world.bank.sign(&order);
        // `shown` for the order; two results for the end of it, of which one is fetched.
        world.request(&order_with(None, &bytes));
        world.request(&Request::Cancel { order: order.id });
        rounds += 1;
        world.dismiss();
    }
    assert_eq!(rounds, 8, "one more waits after each, and eight are too many with two more");
    assert!(world.exchange(&[0x80, 0xc2, 0, 0, 0]).1 == [0x69, 0x85]);
    assert!(world.reconnect(&phone).flags.pay);
}
