//! A token that does as a script says: honest by default, every message replaceable.
//!
//! Its own reading of protocol.md, on the codecs and Noise of `ushield-protocol` alone. It works when it is sent something, and its messages wait in a
//! queue, so that a whole conversation runs in one thread without a runtime.

mod hand;
mod link;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use ushield_client::Error;
use ushield_client::ports::{Connector, Link, Wanted};
use ushield_protocol::code::Code;
use ushield_protocol::key::{DeviceId, OrderId, PublicKey, ShortKeyId, Sign, SigningKey};
use ushield_protocol::message::{Kind, Reply, StateFlags};
use ushield_protocol::noise::DhSecret;
use ushield_protocol::order::{Order, Verified};
use ushield_protocol::secret::Secret;

pub use hand::Hand;
use link::TokenLink;

use super::maker::Maker;
use super::time::SeededEntropy;

/// A message of the token that a script can replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The hello; its plaintext is its body.
    Hello,
    /// P2; its plaintext is the commitment.
    P2,
    /// P4; its plaintext is the map.
    P4,
    /// P6.
    P6,
    /// K2; its plaintext is the state.
    K2,
    /// An event.
    Event,
    /// The result of an order, or of collecting it.
    Answer,
    /// Another result.
    Result,
}

/// What leaves the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
    /// A message.
    Frame(Kind, Vec<u8>),
    /// The end of the link.
    Cut,
}

type Lie = Box<dyn FnMut(Vec<u8>) -> Vec<u8> + Send>;
type FrameLie = Box<dyn FnMut(Kind, Vec<u8>) -> Vec<Out> + Send>;
type Tale = Box<dyn FnMut(Step, Vec<u8>) -> Vec<Vec<u8>> + Send>;
type Answerer = Box<dyn Fn(&mut Hand, &Order<Verified>) -> Vec<u8> + Send>;

/// What the token, and the person who presses its keys, do with an order.
pub enum Conduct {
    /// Shows it; the person reads it and approves.
    Approve,
    /// Shows it; the person rejects it.
    Reject,
    /// Shows it and answers with something.
    Answer(Answerer),
    /// Says these replies and nothing else.
    Say(Vec<Reply>),
    /// Shows it; the person does nothing.
    Wait,
    /// Shows it; the person approves; the link is cut before the answer leaves.
    ApproveThenCut,
    /// The link is cut as the order arrives.
    Cut,
}

/// The scripted token. A clone is the same token.
#[derive(Clone)]
pub struct ScriptedToken(Arc<Mutex<Token>>);

impl std::fmt::Debug for ScriptedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScriptedToken")
    }
}

/// A phone that was paired.
struct PairedPhone {
    key: PublicKey,
    k_hint: Secret<32>,
}

struct Token {
    device: DeviceId,
    dh: DhSecret,
    hand: Hand,
    chain: Vec<Vec<u8>>,
    entropy: SeededEntropy,
    present: bool,
    pairing: bool,
    agrees: bool,
    flags: StateFlags,
    phones: Vec<PairedPhone>,
    bank_keys: Option<Vec<ShortKeyId>>,
    conduct: Conduct,
    cancel_backwards: bool,
    shown: Option<OrderId>,
    answers: BTreeMap<OrderId, Vec<u8>>,
    lies: BTreeMap<Step, Lie>,
    tale: Option<Tale>,
    frames: BTreeMap<Step, FrameLie>,
    seen: Vec<u8>,
    pins: Vec<u8>,
    orders: Vec<Vec<u8>>,
    sent: Vec<(Kind, Vec<u8>)>,
    digits: Option<u32>,
}

impl ScriptedToken {
    /// A token of this maker, unpaired and without a certificate. It takes any order key until told otherwise.
    #[must_use]
    pub fn new(maker: &Maker, seed: u64) -> Self {
        let entropy = SeededEntropy::new(seed ^ 0x746f_6b65_6e00);
        let mut device = [0; 16];
        device.copy_from_slice(&entropy.draw()[..16]);
        let device = DeviceId::from(device);
        let key = SigningKey::from_bytes(&entropy.draw()).unwrap();
        let pay = SigningKey::from_bytes(&entropy.draw()).unwrap();
        let chain = vec![maker.certify(device, &key.public_key())];
        Self(Arc::new(Mutex::new(Token {
            device,
            dh: DhSecret::from_bytes(&entropy.draw()).unwrap(),
            hand: Hand::new(device, key, pay),
            chain,
            entropy,
            present: true,
            pairing: false,
            agrees: true,
            flags: StateFlags::default(),
            phones: Vec::new(),
            bank_keys: None,
            conduct: Conduct::Wait,
            cancel_backwards: false,
            shown: None,
            answers: BTreeMap::new(),
            lies: BTreeMap::new(),
            tale: None,
            frames: BTreeMap::new(),
            seen: Vec::new(),
            pins: Vec::new(),
            orders: Vec::new(),
            sent: Vec::new(),
            digits: None,
        })))
    }

    fn token(&self) -> MutexGuard<'_, Token> {
        self.0.lock().unwrap()
    }

    /// The device id.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.token().device
    }

    /// Key `device`.
    #[must_use]
    pub fn device_key(&self) -> SigningKey {
        self.token().hand.device.clone()
    }

    /// Key `pay`.
    #[must_use]
    pub fn pay_key(&self) -> SigningKey {
        self.token().hand.pay.clone()
    }

    /// The static key of its channel.
    #[must_use]
    pub fn dh(&self) -> PublicKey {
        self.token().dh.public_key()
    }

    /// The person opens the pairing mode.
    pub fn open_pairing(&self) {
        self.token().pairing = true;
    }

    /// The person closes the pairing mode.
    pub fn close_pairing(&self) {
        self.token().pairing = false;
    }

    /// Whether the person presses OK when the token shows its digits, or C.
    pub fn agrees(&self, agrees: bool) {
        self.token().agrees = agrees;
    }

    /// The digits that it showed last.
    #[must_use]
    pub fn digits(&self) -> Option<String> {
        self.token().digits.map(|digits| format!("{digits:06}"))
    }

    /// Takes it away, or brings it back.
    pub fn present(&self, present: bool) {
        self.token().present = present;
    }

    /// What happens with the next orders.
    pub fn conduct(&self, conduct: Conduct) {
        self.token().conduct = conduct;
    }

    /// From now on it knows only the order keys whose statements it is given.
    pub fn knows_no_bank_key(&self) {
        self.token().bank_keys = Some(Vec::new());
    }

    /// Answers a cancel before the order that it ends.
    pub fn answers_cancel_first(&self) {
        self.token().cancel_backwards = true;
    }

    /// Replaces the plaintext of a message.
    pub fn lie(&self, step: Step, lie: impl FnMut(Vec<u8>) -> Vec<u8> + Send + 'static) {
        self.token().lies.insert(step, Box::new(lie));
    }

    /// Replaces each sealed reply by any number of others, validly sealed.
    pub fn tells(&self, tale: impl FnMut(Step, Vec<u8>) -> Vec<Vec<u8>> + Send + 'static) {
        self.token().tale = Some(Box::new(tale));
    }

    /// Replaces a message as it leaves, by any number of others.
    pub fn replace(&self, step: Step, lie: impl FnMut(Kind, Vec<u8>) -> Vec<Out> + Send + 'static) {
        self.token().frames.insert(step, Box::new(lie));
    }

    /// Is honest again.
    pub fn repent(&self) {
        let mut token = self.token();
        token.lies.clear();
        token.tale = None;
        token.frames.clear();
        token.cancel_backwards = false;
        token.conduct = Conduct::Approve;
    }

    /// Commands that it received, by number.
    #[must_use]
    pub fn commands(&self) -> Vec<u8> {
        self.token().seen.clone()
    }

    /// Commands about an order that brought it a PIN, by number.
    #[must_use]
    pub fn pins(&self) -> Vec<u8> {
        self.token().pins.clone()
    }

    /// Orders that it received.
    #[must_use]
    pub fn orders(&self) -> Vec<Vec<u8>> {
        self.token().orders.clone()
    }

    /// Everything that left it, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<(Kind, Vec<u8>)> {
        self.token().sent.clone()
    }

    /// Approvals and rejections that it signed in earnest.
    #[must_use]
    pub fn decided(&self) -> usize {
        self.token().answers.len()
    }

    /// What it signed in earnest about an order.
    #[must_use]
    pub fn answer_to(&self, order: OrderId) -> Option<Vec<u8>> {
        self.token().answers.get(&order).cloned()
    }

    /// How many phones it knows.
    #[must_use]
    pub fn phones(&self) -> usize {
        self.token().phones.len()
    }
}

#[async_trait]
impl Connector for ScriptedToken {
    async fn connect(&self, _: &Wanted) -> Result<Box<dyn Link>, Error> {
        if !self.token().present {
            return Err(Error::new(Code::TokenNotFound));
        }
        Ok(Box::new(TokenLink::open(Arc::clone(&self.0))))
    }
}
