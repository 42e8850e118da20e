//! A token on a modelled board, a phone on the protocol's own handshakes, a bank with its keys, and the maker.

use std::collections::VecDeque;
use std::rc::Rc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, DnValue, IsCa, Issuer,
    KeyPair, PublicKeyData, SignatureAlgorithm,
};
use ushield_protocol::account::Scheme;
use ushield_protocol::authorization::{Authorization, Decision, Verified};
use ushield_protocol::bank_key::{BankKey, Purpose};
use ushield_protocol::code::Code;
use ushield_protocol::currency::Currency;
use ushield_protocol::device::{DeviceIdentity, MakerRoot, verify_statement};
use ushield_protocol::key::{
    BankId, DeviceId, KeyId, OrderId, P256Verifier, PhoneId, PublicKey, Sign, SigningKey,
};
use ushield_protocol::message::{
    Hello, Info, Kind, P1_BY_CODE, P3, P4, P5, P6, Reply, ReplyClass, Request, Role, State, Versions,
    certificates, connect_hint, pairing_commitment, pairing_digits,
};
use ushield_protocol::noise::{DhSecret, Handshake, Pattern, Seed, StaticKey, Transport};
use ushield_protocol::order::{Amount, CertificateDownload, NameCheck, Operation, OrderPayload, Transfer};
use ushield_protocol::pin::{INITIAL_PIN, PinBlock};
use ushield_protocol::render::Profile;
use ushield_protocol::secret::Secret;
use ushield_token::flash::Model;
use ushield_token::{Key, MIN_PAGES, Millis, Output, Personalisation, Token, personalise};

pub(crate) use super::board::{Broken, FlashOperation, TestBoard};

pub(crate) const PIN: &str = "246819";
pub(crate) const NOW: u64 = 1_800_000_000;

struct Point(Vec<u8>);

impl PublicKeyData for Point {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }
    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

fn issuer() -> (Issuer<'static, KeyPair>, Vec<u8>) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "Root");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let root = params.self_signed(&key).unwrap().der().to_vec();
    (Issuer::new(params, key), root)
}

/// The bank: its root, one order key, its certificate authority.
#[derive(Clone)]
pub(crate) struct Bank {
    pub(crate) id: BankId,
    pub(crate) root: SigningKey,
    pub(crate) key: SigningKey,
    pub(crate) ca: Rc<Issuer<'static, KeyPair>>,
    orders: u8,
}

pub(crate) fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).unwrap()
}

impl Bank {
    fn new() -> Self {
        let id = BankId::new("USHDCNBJXXX").unwrap();
        Self { id, root: key(0x21), key: key(0x22), ca: Rc::new(issuer().0), orders: 0 }
    }

    pub(crate) fn statement(&self, epoch: u32) -> BankKey {
        BankKey {
            bank: self.id.clone(),
            epoch,
            key: self.key.public_key(),
            purposes: vec![Purpose::TRANSFER, Purpose::CERTIFICATE_DOWNLOAD],
            not_before: NOW - 10_000,
            not_after: NOW + 80 * 86_400,
        }
    }

    pub(crate) fn order(
        &mut self,
        addressee: impl Into<ushield_protocol::order::Addressee>,
        operation: Operation,
    ) -> OrderPayload {
        self.orders = self.orders.wrapping_add(1);
        OrderPayload {
            bank: self.id.clone(),
            addressee: addressee.into(),
            id: OrderId::from_random([self.orders; 16]),
            challenge: [self.orders; 32],
            issued: NOW,
            expires: NOW + 900,
            operation,
        }
    }

    pub(crate) fn transfer(&mut self, pay: KeyId) -> OrderPayload {
        self.order(pay, Operation::Transfer(a_transfer()))
    }

    pub(crate) fn download(&mut self, device: DeviceId, role: Role) -> OrderPayload {
        let (customer, reference) = ("李雷".to_owned(), "K-2026-1".to_owned());
        self.order(device, Operation::CertificateDownload(CertificateDownload { role, customer, reference }))
    }

    pub(crate) fn sign(&self, order: &OrderPayload) -> Vec<u8> {
        order.sign(&self.key).unwrap()
    }

    /// What `put-certificate` carries: a certificate over a request.
    pub(crate) fn issue(&self, request: &[u8]) -> Vec<u8> {
        if ushield_protocol::stand_in::on() {
            // Nobody else verifies what stands in for the request's signature: only its key is used.
            let head = [0x03, 0x42, 0x00, 0x04];
            let at = request.windows(head.len()).position(|window| window == head).unwrap() + 3;
            let point = Point(request[at..at + 65].to_vec());
            let issued = CertificateParams::default().signed_by(&point, &self.ca).unwrap();
            return certificates(&[issued.der().to_vec()]);
        }
        let request = CertificateSigningRequestParams::from_der(&request.to_vec().into()).unwrap();
        certificates(&[request.signed_by(&self.ca).unwrap().der().to_vec()])
    }
}

pub(crate) fn a_transfer() -> Transfer {
    Transfer {
        debtor_account: "6222020200112233445".to_owned(),
        creditor_name: "北京示例科技有限公司".to_owned(),
        creditor_account: "6217001234567890123".to_owned(),
        scheme: Scheme::Domestic,
        creditor_agent: "示例银行北京分行".to_owned(),
        amount: Amount::new(123_456, Currency::from_code("CNY").unwrap()).unwrap(),
        charges: None,
        name_check: NameCheck::Match,
        execution_date: None,
        remittance: "十一月货款".to_owned(),
        beside: None,
    }
}

/// A phone with its own key and its pairing.
#[derive(Clone)]
pub(crate) struct Phone {
    pub(crate) key: DhSecret,
    pub(crate) pairing: Option<(PublicKey, Secret<32>)>,
    pub(crate) k_adv: Option<Secret<32>>,
}

impl Phone {
    pub(crate) fn new(byte: u8) -> Self {
        Self { key: DhSecret::from_bytes(&[byte; 32]).unwrap(), pairing: None, k_adv: None }
    }

    pub(crate) fn id(&self) -> PhoneId {
        self.key.public_key().phone_id()
    }
}

/// A pairing session, as the phone has it.
pub(crate) struct Session {
    pub(crate) transport: Transport,
    pub(crate) p3: Vec<u8>,
    commitment: [u8; 32],
    hash: [u8; 32],
    pub(crate) digits: u32,
    pub(crate) pin_needed: bool,
    pub(crate) token: PublicKey,
}

/// A world to come back to: what it does next is the same every time.
#[derive(Clone)]
pub(crate) struct Saved {
    pub(crate) flash: Model,
    bank: Bank,
    maker: MakerRoot,
    seeds: u8,
}

/// Everything, and the phone's end of the one connection.
pub(crate) struct World {
    pub(crate) token: Token<TestBoard>,
    pub(crate) board: TestBoard,
    pub(crate) now: Millis,
    pub(crate) bank: Bank,
    pub(crate) device: DeviceId,
    pub(crate) device_key: SigningKey,
    pub(crate) maker: MakerRoot,
    pub(crate) hello: Option<Hello>,
    pub(crate) channel: Option<Transport>,
    pub(crate) disconnected: bool,
    inbox: VecDeque<(Kind, Vec<u8>)>,
    seeds: u8,
    pub(crate) reader: Option<super::card::Reader>,
}

impl World {
    /// A token as it leaves the maker.
    pub(crate) fn new() -> Self {
        Self::with_profile(Profile::En1)
    }

    pub(crate) fn with_profile(profile: Profile) -> Self {
        let (device, device_key, bank) = (DeviceId::from([0xd1; 16]), key(0x31), Bank::new());
        let (maker, root) = issuer();
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "USD");
        params.distinguished_name.push(DnType::CommonName, "U1");
        let serial = DnValue::PrintableString(device.to_string().try_into().unwrap());
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), serial);
        params.is_ca = IsCa::ExplicitNoCa;
        let point = Point(device_key.public_key().to_uncompressed().unwrap());
        let chain = vec![params.signed_by(&point, &maker).unwrap().der().to_vec()];
        let mut board = TestBoard::new(Model::erased(MIN_PAGES), 1);
        let what = Personalisation {
            device,
            name: "U-Shield d1d1".to_owned(),
            brand: "USD".to_owned(),
            device_key: device_key.clone(),
            dh_key: DhSecret::from_bytes(&[0x32; 32]).unwrap(),
            chain,
            bank: bank.id.clone(),
            bank_root: bank.root.public_key(),
            profile,
            firmware: 0x0100,
        };
        personalise(&mut board, &what).unwrap();
        let token = Token::boot(board.clone(), Millis(0)).unwrap();
        Self {
            token,
            board,
            now: Millis(0),
            bank,
            device,
            device_key,
            maker: MakerRoot::from_der(&root).unwrap(),
            hello: None,
            channel: None,
            disconnected: true,
            inbox: VecDeque::new(),
            seeds: 0,
            reader: None,
        }
    }

    /// Paired, PIN changed, bank key known, `pay` certified; the phone is connected.
    pub(crate) fn ready() -> (Self, Phone) {
        let mut world = Self::new();
        let mut phone = Phone::new(0x41);
        world.pair(&mut phone);
        world.change_pin(INITIAL_PIN, PIN);
        world.certify(&phone, Role::Pay);
        world.dismiss();
        (world, phone)
    }

    /// The same state on a copy of the flash, as after a power cut.
    pub(crate) fn reboot(&mut self) {
        let flash = self.board.flash.borrow().clone();
        self.boot_from(flash);
    }

    /// What a restarted token says to a phone.
    pub(crate) fn reboot_state(&mut self, phone: &Phone) -> State {
        self.reboot();
        self.reconnect(phone)
    }

    pub(crate) fn boot_from(&mut self, mut flash: Model) {
        flash.reboot();
        self.seeds = self.seeds.wrapping_add(1);
        self.board = TestBoard::new(flash, 1000 + u64::from(self.seeds));
        self.token = Token::boot(self.board.clone(), self.now).unwrap();
        self.hang_up();
    }

    pub(crate) fn save(&self) -> Saved {
        let mut flash = self.board.flash.borrow().clone();
        flash.reboot();
        Saved { flash, bank: self.bank.clone(), maker: self.maker.clone(), seeds: self.seeds }
    }

    /// Starts the token of a saved world.
    pub(crate) fn restore(&mut self, saved: &Saved) {
        self.restore_with(saved, saved.flash.clone());
    }

    /// The same, on another flash.
    pub(crate) fn restore_with(&mut self, saved: &Saved, flash: Model) {
        (self.bank, self.maker) = (saved.bank.clone(), saved.maker.clone());
        (self.seeds, self.now) = (saved.seeds, Millis(0));
        self.boot_from(flash);
    }

    fn hang_up(&mut self) {
        self.channel = None;
        self.hello = None;
        self.disconnected = true;
        self.inbox.clear();
    }

    pub(crate) fn seed(&mut self) -> Seed {
        self.seeds = self.seeds.wrapping_add(1);
        Seed::new([self.seeds; 32])
    }

    // The link.

    /// Fetches what the token wants.
    pub(crate) fn pump(&mut self) {
        while let Some(output) = self.said() {
            match output {
                Output::Send { kind: Kind::Hello, body } => self.hello = Some(Hello::decode(&body).unwrap()),
                Output::Send { kind, body } => self.inbox.push_back((kind, body)),
                Output::Disconnect => self.disconnected = true,
            }
        }
    }

    pub(crate) fn connect(&mut self) -> Hello {
        if !self.disconnected {
            self.disconnect();
        }
        self.inbox.clear();
        self.channel = None;
        self.disconnected = false;
        self.begin();
        self.pump();
        self.hello.unwrap()
    }

    pub(crate) fn disconnect(&mut self) {
        self.token.disconnected(self.now);
        self.pump();
        self.hang_up();
    }

    pub(crate) fn send(&mut self, kind: Kind, body: &[u8]) {
        let answer = self.hand_over(kind, body);
        self.inbox.extend(answer);
        self.pump();
    }

    /// The next message that is no keep-alive.
    pub(crate) fn take(&mut self) -> Option<(Kind, Vec<u8>)> {
        loop {
            match self.inbox.pop_front().or_else(|| self.ask_card()) {
                Some((Kind::KeepAlive, body)) => assert!(body.is_empty()),
                other => return other,
            }
        }
    }

    pub(crate) fn keep_alives(&mut self) -> usize {
        let before = self.inbox.len();
        self.inbox.retain(|(kind, _)| *kind != Kind::KeepAlive);
        before - self.inbox.len()
    }

    pub(crate) fn take_refusal(&mut self) -> Option<Code> {
        match self.take() {
            Some((Kind::Refusal, body)) => Code::from_wire(body[0]),
            other => panic!("no refusal: {other:?}"),
        }
    }

    // The customer.

    pub(crate) fn press(&mut self, key: Key) {
        self.token.key(key, self.now);
        self.pump();
    }

    pub(crate) fn press_all(&mut self, keys: &[Key]) {
        for key in keys {
            self.press(*key);
        }
    }

    /// Reads a message and takes it away. C does nothing on the idle screen that follows.
    pub(crate) fn dismiss(&mut self) {
        self.press(Key::Cancel);
    }

    /// Time passes; the token is woken at its deadlines.
    pub(crate) fn wait(&mut self, seconds: u64) {
        let end = self.now.plus(seconds * 1000);
        while let Some(at) = self.token.next_deadline().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.token.tick(self.now);
            self.pump();
            assert!(self.token.next_deadline().is_none_or(|next| next > self.now), "a deadline was served");
        }
        self.now = end;
        self.token.tick(self.now);
        self.pump();
    }

    pub(crate) fn screen(&self) -> String {
        self.board.pages.borrow().last().unwrap().clone()
    }

    pub(crate) fn shows(&self, text: &str) -> bool {
        self.screen().contains(text)
    }

    pub(crate) fn drawn(&self) -> usize {
        self.board.pages.borrow().len()
    }

    /// Number of pages of the order on the screen.
    pub(crate) fn page_count(&self) -> usize {
        let screen = self.screen();
        screen.lines().next().unwrap().rsplit('/').next().unwrap().parse().unwrap()
    }

    /// Reads every page, down to the last.
    pub(crate) fn read_all(&mut self) {
        for _ in 1..self.page_count() {
            self.press(Key::Down);
        }
        assert!(self.shows("OK approve"), "{}", self.screen());
    }

    // Pairing.

    pub(crate) fn open_pairing(&mut self) {
        self.press_all(&[Key::Cancel, Key::Cancel, Key::Cancel, Key::Ok, Key::Ok]);
        assert!(self.shows("PAIR A PHONE"), "{}", self.screen());
    }

    pub(crate) fn p1(&mut self, phone: &Phone) -> (Handshake, Vec<u8>) {
        let seed = self.seed();
        let key = StaticKey::Here(phone.key.clone());
        let mut handshake = Handshake::initiator(Pattern::Xx, &key, &seed).unwrap();
        let p1 = handshake.write(&Versions::OURS.encode()).unwrap();
        (handshake, p1)
    }

    /// P1 and P2; P3 is made.
    pub(crate) fn pair_until_p3(&mut self, phone: &Phone) -> Session {
        let (handshake, p1) = self.p1(phone);
        self.go_on_to_p3(handshake, &p1)
    }

    /// The same by code, with the key that follows from it.
    pub(crate) fn pair_by_code_until_p3(&mut self, phone: &Phone, psk: &Secret<32>) -> Session {
        let (seed, key) = (self.seed(), StaticKey::Here(phone.key.clone()));
        let mut handshake = Handshake::initiator(Pattern::XxPsk3, &key, &seed).unwrap();
        handshake.set_psk(psk).unwrap();
        let noise = handshake.write(&Versions::OURS.encode()).unwrap();
        self.go_on_to_p3(handshake, &[&[P1_BY_CODE], noise.as_slice()].concat())
    }

    fn go_on_to_p3(&mut self, mut handshake: Handshake, p1: &[u8]) -> Session {
        self.send(Kind::Pairing, p1);
        let (kind, p2) = self.take().unwrap();
        assert_eq!(kind, Kind::Pairing);
        let commitment = handshake.read(&p2).unwrap().try_into().unwrap();
        let p3 = P3 { versions: Versions::OURS, nonce: [7; 16], name: "Test phone".to_owned() };
        let message = handshake.write(&p3.encode()).unwrap();
        let (hash, token) = (handshake.hash(), handshake.peer().unwrap());
        let transport = handshake.into_transport().unwrap();
        Session { transport, p3: message, commitment, hash, digits: 0, pin_needed: false, token }
    }

    /// P3; whether P4 came.
    pub(crate) fn try_p3(&mut self, session: &mut Session) -> bool {
        self.send(Kind::Pairing, &session.p3);
        let (kind, p4) = self.take().unwrap();
        kind == Kind::Pairing && session.transport.open(&p4).is_ok()
    }

    /// P1 to P4, checked as a phone checks it.
    pub(crate) fn pair_until_digits(&mut self, phone: &Phone) -> Session {
        let mut session = self.pair_until_p3(phone);
        let p4 = self.p4(&mut session);
        session.digits = pairing_digits(&session.hash, &[7; 16], &p4.nonce);
        assert!(self.shows(&format!("{:06}", session.digits)), "{}", self.screen());
        session
    }

    /// P3 out, P4 in, checked as a phone checks it.
    pub(crate) fn p4(&mut self, session: &mut Session) -> P4 {
        self.send(Kind::Pairing, &session.p3);
        let (kind, p4) = self.take().unwrap();
        assert_eq!(kind, Kind::Pairing);
        let p4 = P4::decode(&session.transport.open(&p4).unwrap()).unwrap();
        assert_eq!(*pairing_commitment(&p4.nonce).as_bytes(), session.commitment);
        let identity =
            DeviceIdentity::verify(&p4.chain, std::slice::from_ref(&self.maker), None, &P256Verifier)
                .unwrap();
        verify_statement(&p4.statement, &identity, &session.token, &P256Verifier).unwrap();
        session.pin_needed = p4.pin_needed;
        p4
    }

    pub(crate) fn send_p5(&mut self, session: &mut Session, confirmed: bool, pin: Option<&str>) {
        let pin = pin.map(|pin| PinBlock::new(pin).unwrap());
        let p5 = session.transport.seal(&P5 { confirmed, pin }.encode()).unwrap();
        self.send(Kind::Pairing, &p5);
    }

    pub(crate) fn take_p6(&mut self, session: &mut Session) -> P6 {
        let (kind, p6) = self.take().expect("P6");
        assert_eq!(kind, Kind::Pairing);
        P6::decode(&session.transport.open(&p6).unwrap()).unwrap()
    }

    /// The whole pairing, and a first KK.
    pub(crate) fn pair(&mut self, phone: &mut Phone) {
        self.open_pairing();
        assert!(self.connect().pairing);
        let mut session = self.pair_until_digits(phone);
        self.finish_pairing(phone, &mut session);
        self.dismiss();
        self.reconnect(phone);
        self.info();
    }

    pub(crate) fn finish_pairing(&mut self, phone: &mut Phone, session: &mut Session) {
        let pin = session.pin_needed.then_some(PIN);
        self.send_p5(session, true, pin);
        self.press(Key::Ok);
        match self.take_p6(session) {
            P6::Paired { k_hint, k_adv, .. } => {
                phone.pairing = Some((session.token, k_hint));
                phone.k_adv = Some(k_adv);
            }
            other => panic!("{other:?}"),
        }
    }

    // Channel.

    pub(crate) fn k1(&mut self, phone: &Phone, nonce: &[u8; 8]) -> (Handshake, Vec<u8>) {
        let (token, k_hint) = phone.pairing.clone().unwrap();
        let seed = self.seed();
        let key = StaticKey::Here(phone.key.clone());
        let mut handshake = Handshake::initiator(Pattern::Kk { peer: token }, &key, &seed).unwrap();
        let noise = handshake.write(&Versions::OURS.encode()).unwrap();
        let mut k1 = Vec::from(connect_hint(&k_hint, nonce, &noise[..33]));
        k1.extend_from_slice(&noise);
        (handshake, k1)
    }

    pub(crate) fn reconnect(&mut self, phone: &Phone) -> State {
        let hello = self.connect();
        let (mut handshake, k1) = self.k1(phone, &hello.nonce);
        assert_eq!(k1.len(), 57);
        self.send(Kind::Connect, &k1);
        let (kind, k2) = self.take().unwrap();
        assert_eq!((kind, k2.len()), (Kind::Connect, 73));
        let state = State::decode(&handshake.read(&k2).unwrap()).unwrap();
        self.channel = Some(handshake.into_transport().unwrap());
        state
    }

    pub(crate) fn request(&mut self, request: &Request) {
        self.request_bytes(&request.encode());
    }

    pub(crate) fn request_bytes(&mut self, plaintext: &[u8]) {
        let sealed = self.channel.as_mut().unwrap().seal(plaintext).unwrap();
        self.send(Kind::Sealed, &sealed);
    }

    pub(crate) fn reply(&mut self) -> Option<Reply> {
        let (kind, body) = self.take()?;
        assert_eq!(kind, Kind::Sealed);
        Some(Reply::decode(&self.channel.as_mut().unwrap().open(&body).unwrap()).unwrap())
    }

    /// Takes an event of this code.
    pub(crate) fn event(&mut self, code: Code) -> Vec<u8> {
        let reply = self.reply().unwrap_or_else(|| panic!("no event {code}"));
        assert_eq!((reply.class, reply.code), (ReplyClass::Event, code));
        reply.body
    }

    /// Takes the result; nothing may follow.
    pub(crate) fn result(&mut self) -> Reply {
        let reply = self.reply().expect("a result");
        assert_eq!(reply.class, ReplyClass::Result, "{:?}", reply.code);
        assert!(self.take().is_none(), "one result");
        reply
    }

    pub(crate) fn ask(&mut self, request: &Request) -> Reply {
        self.request(request);
        self.result()
    }

    pub(crate) fn info(&mut self) -> Info {
        Info::decode(&self.ask(&Request::Info).body).unwrap()
    }

    // Flows.

    pub(crate) fn change_pin(&mut self, old: &str, new: &str) {
        self.request(&pin_change(old, new));
        self.press(Key::Ok);
        assert_eq!(self.result().code, Code::Ok);
        assert!(self.shows("The PIN is changed"), "{}", self.screen());
        self.dismiss();
    }

    pub(crate) fn give_bank_key(&mut self, statement: &BankKey) -> Code {
        let statement = statement.sign(&self.bank.root);
        self.ask(&Request::BankKey { statement }).code
    }

    pub(crate) fn certify(&mut self, phone: &Phone, role: Role) {
        if self.channel.is_none() {
            self.reconnect(phone);
        }
        let statement = self.bank.statement(1);
        assert_eq!(self.give_bank_key(&statement), Code::Ok);
        let mut order = self.bank.download(self.device, role);
        order.issued = NOW - 5_000;
        order.expires = NOW;
        let bytes = self.bank.sign(&order);
        let answer = self.approve(&bytes);
        let device = self.device_key.public_key();
        let (attestation, _) =
            ushield_protocol::attestation::Attestation::verify(&answer, &device, &P256Verifier).unwrap();
        let chain = self.bank.issue(&attestation.request);
        assert_eq!(self.ask(&Request::PutCertificate { role, chain }).code, Code::Ok);
    }

    /// A certificate over a key that no token made.
    pub(crate) fn foreign_certificate(&self) -> Vec<u8> {
        let point = Point(key(0x77).public_key().to_uncompressed().unwrap());
        CertificateParams::default().signed_by(&point, &self.bank.ca).unwrap().der().to_vec()
    }

    pub(crate) fn pay(&mut self) -> KeyId {
        self.info().pay.unwrap()
    }

    /// Delivers an order with the right PIN; the first page is shown.
    pub(crate) fn show(&mut self, order: &[u8]) {
        self.request(&order_with(Some(PIN), order));
        self.event(Code::Shown);
    }

    /// Delivers, reads, presses OK.
    pub(crate) fn approve(&mut self, order: &[u8]) -> Vec<u8> {
        self.show(order);
        self.read_all();
        self.press(Key::Ok);
        let reply = self.result();
        assert_eq!(reply.code, Code::Ok);
        reply.body
    }

    /// A transfer, delivered and approved.
    pub(crate) fn approve_transfer(
        &mut self,
        change: impl FnOnce(&mut OrderPayload),
    ) -> (OrderPayload, Vec<u8>) {
        let pay = self.pay();
        let mut order = self.bank.transfer(pay);
        change(&mut order);
        let bytes = self.bank.sign(&order);
        let answer = self.approve(&bytes);
        (order, answer)
    }

    pub(crate) fn a_transfer(&mut self) -> (OrderPayload, Vec<u8>) {
        let pay = self.pay();
        let order = self.bank.transfer(pay);
        let bytes = self.bank.sign(&order);
        (order, bytes)
    }

    pub(crate) fn rejecting_key(&self) -> PublicKey {
        self.device_key.public_key()
    }

    pub(crate) fn pay_key(&mut self) -> PublicKey {
        let reply = self.ask(&Request::GetCertificate { role: Role::Pay });
        let chain = ushield_protocol::message::decode_certificates(&reply.body).unwrap();
        ushield_protocol::device::certified_key(&chain[0]).unwrap()
    }

    pub(crate) fn approval(&mut self, answer: &[u8]) -> Authorization<Verified> {
        let key = self.pay_key();
        Authorization::receive(answer).unwrap().verify(Decision::Approved, &key, &P256Verifier).unwrap()
    }

    pub(crate) fn rejection(&self, answer: &[u8]) -> Authorization<Verified> {
        let key = self.device_key.public_key();
        Authorization::receive(answer).unwrap().verify(Decision::Rejected, &key, &P256Verifier).unwrap()
    }
}

pub(crate) fn order_with(pin: Option<&str>, order: &[u8]) -> Request {
    Request::Order { pin: pin.map(|pin| PinBlock::new(pin).unwrap()), order: order.to_vec() }
}

pub(crate) fn pin_change(old: &str, new: &str) -> Request {
    Request::PinChange { old: PinBlock::new(old).unwrap(), new: PinBlock::new(new).unwrap() }
}

pub(crate) fn pin(pin: &str) -> Request {
    Request::Pin { pin: PinBlock::new(pin).unwrap() }
}
