//! What a restarted token is, as phones and a customer find it out. Every question is put to a copy of its own.

use ushield_protocol::authorization::AuthorizationPayload;
use ushield_protocol::code::Code;
use ushield_protocol::cose::Sign1;
use ushield_protocol::key::{Hash, OrderId};
use ushield_protocol::message::{Kind, Reply, Request, Role, State as Hello};
use ushield_protocol::pin::INITIAL_PIN;
use ushield_token::flash::Model;
use ushield_token::{Key, Token};

use super::super::world::{NOW, PIN, Phone, Saved, World, order_with, pin_change};

/// The PIN that a change sets, and the one that questions set on their copies.
pub(crate) const NEW_PIN: &str = "Zx81q7";
const ASKING_PIN: &str = "975311";

/// The next statement of a chain: its counter, and what it says of the one before.
type Next = Result<(u32, Hash), Code>;

/// All that the promises are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// The idle screen: number of phones, and whether the PIN is locked or the initial one.
    pub(crate) idle: String,
    /// What pairing outside the mode is told.
    pub(crate) pairing: Option<Code>,
    /// Which of the phones are known.
    pub(crate) known: Vec<bool>,
    pub(crate) tries: Option<u8>,
    /// The PIN that is right; none when it is locked.
    pub(crate) pin: Option<&'static str>,
    pub(crate) answers: Vec<Option<Vec<u8>>>,
    pub(crate) chains: [Option<Vec<u8>>; 2],
    pub(crate) approval: Next,
    pub(crate) rejection: Next,
    /// What an order of some time ago is told, which shows the floor.
    pub(crate) old_order: Option<Code>,
    /// What other statements of the first two epochs are told.
    pub(crate) epochs: [Option<Code>; 2],
}

/// Who asks, and about what.
pub(crate) struct Asker<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) saved: &'a Saved,
    pub(crate) phones: &'a [Phone],
    pub(crate) orders: &'a [OrderId],
}

impl Asker<'_> {
    /// Whether a phone is let in, and what it is told then.
    fn enter(&mut self, flash: &Model, phone: &Phone) -> Option<Hello> {
        self.world.restore_with(self.saved, flash.clone());
        phone.pairing.as_ref()?;
        let nonce = self.world.connect().nonce;
        let (mut handshake, k1) = self.world.k1(phone, &nonce);
        self.world.send(Kind::Connect, &k1);
        let (Kind::Connect, k2) = self.world.take()? else { return None };
        let hello = Hello::decode(&handshake.read(&k2).unwrap()).unwrap();
        self.world.channel = Some(handshake.into_transport().unwrap());
        Some(hello)
    }

    /// P1 from a stranger, outside pairing mode.
    fn stranger(&mut self, flash: &Model) -> Option<Code> {
        self.world.restore_with(self.saved, flash.clone());
        self.world.connect();
        let p1 = self.world.p1(&Phone::new(0x6f)).1;
        self.world.send(Kind::Pairing, &p1);
        self.world.take_refusal()
    }

    pub(crate) fn state(&mut self, flash: &Model) -> State {
        let pairing = self.stranger(flash);
        let idle = self.world.screen();
        let phones: Vec<Phone> = self.phones.to_vec();
        let hellos: Vec<Option<Hello>> = phones.iter().map(|phone| self.enter(flash, phone)).collect();
        let known = hellos.iter().map(Option::is_some).collect();
        let mut state = State {
            idle,
            pairing,
            known,
            tries: None,
            pin: None,
            answers: vec![None; self.orders.len()],
            chains: [None, None],
            approval: Err(Code::NotPaired),
            rejection: Err(Code::NotPaired),
            old_order: None,
            epochs: [None, None],
        };
        let Some(at) = hellos.iter().position(Option::is_some) else {
            // Nobody to ask by: that a phone can pair is what is left to see.
            self.world.restore_with(self.saved, flash.clone());
            self.world.pair(&mut Phone::new(0x6e));
            return state;
        };
        let phone = &phones[at];
        state.tries = hellos[at].as_ref().map(|hello| hello.tries);
        self.enter(flash, phone);
        for (order, answer) in self.orders.to_vec().iter().zip(&mut state.answers) {
            *answer = stored(self.world.ask(&Request::Collect { order: *order }));
        }
        for (role, chain) in [Role::Pay, Role::Login].into_iter().zip(&mut state.chains) {
            *chain = stored(self.world.ask(&Request::GetCertificate { role }));
        }
        for (number, told) in [1, 2].into_iter().zip(&mut state.epochs) {
            self.enter(flash, phone);
            let mut statement = self.world.bank.statement(number);
            statement.not_after += 1;
            *told = Some(self.world.give_bank_key(&statement));
        }
        state.pin = [PIN, INITIAL_PIN, NEW_PIN].into_iter().find(|pin| {
            self.enter(flash, phone);
            self.world.request(&pin_change(pin, ASKING_PIN));
            self.press_ok_twice();
            self.last_reply().code == Code::Ok
        });
        if state.chains[0].is_some() {
            self.decide(flash, phone, &mut state);
        }
        state
    }

    /// What the next decisions look like.
    fn decide(&mut self, flash: &Model, phone: &Phone, state: &mut State) {
        self.enter(flash, phone);
        let bytes = self.asking_order(NOW - 3_000);
        self.world.request(&order_with(None, &bytes));
        state.old_order = Some(self.last_reply().code);
        for key in [Key::Ok, Key::Cancel] {
            let Some(pin) = state.pin else { break };
            self.enter(flash, phone);
            let bytes = self.asking_order(NOW + 500_000);
            self.world.request(&order_with(Some(pin), &bytes));
            let told = self.last_reply();
            let next = if told.code == Code::Shown {
                (1..self.world.page_count()).for_each(|_| self.world.press(Key::Down));
                match key {
                    Key::Ok => self.press_ok_twice(),
                    _ => self.world.press(key),
                }
                let reply = self.last_reply();
                let payload = Sign1::parse(&reply.body).ok();
                let payload = payload.and_then(|it| AuthorizationPayload::decode(it.payload()).ok());
                payload.map(|payload| (payload.counter, payload.previous)).ok_or(reply.code)
            } else {
                Err(told.code)
            };
            match key {
                Key::Ok => state.approval = next,
                _ => state.rejection = next,
            }
        }
    }

    /// An order that no command was about: the bank of a saved world would give it an id that was decided.
    fn asking_order(&mut self, issued: u64) -> Vec<u8> {
        let (mut order, _) = self.world.a_transfer();
        order.id = OrderId::from_random([0xee; 16]);
        (order.issued, order.expires) = (issued, issued + 900);
        self.world.bank.sign(&order)
    }

    /// OK, and OK again if the last try is asked for.
    fn press_ok_twice(&mut self) {
        self.world.press(Key::Ok);
        if self.world.shows("ONE TRY IS LEFT") {
            self.world.press(Key::Ok);
        }
    }

    fn last_reply(&mut self) -> Reply {
        let mut last = None;
        while let Some(reply) = self.world.reply() {
            last = Some(reply);
        }
        last.unwrap()
    }
}

fn stored(reply: Reply) -> Option<Vec<u8>> {
    (reply.code == Code::Ok).then_some(reply.body)
}

/// Starts the token on a flash that lost its power: the flash as mended, or that it cannot be read.
pub(crate) fn mend(mut flash: Model) -> Result<Model, String> {
    flash.reboot();
    let board = super::super::world::TestBoard::new(flash, 7);
    let token = Token::boot(board, ushield_token::Millis(0)).map_err(|fault| format!("no start: {fault}"))?;
    Ok(std::rc::Rc::into_inner(token.into_board().flash).unwrap().into_inner())
}
