//! A thousand orders at the lowest log level: no PIN, key, password, name, account or text of theirs is in what is written down.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};

use tracing_subscriber::fmt::MakeWriter;
use ushield_bank_api::{AccountScheme, Problem, Transfer};
use ushield_client::catalogue::{Catalogue, Language};
use ushield_client::store::{OpenOptions, SqliteStore};
use ushield_client::{Error, ports::HttpResponse};
use ushield_e2e::evil::SeededEntropy;
use ushield_protocol::code::Code;
use ushield_protocol::pairing_code::PairingCode;
use ushield_secrets::needles::Needles;
use ushield_secrets::scene::{Conduct, Options, Phone, Secrets, World, run};
use ushield_token::Key;
use zeroize::Zeroizing;

/// Stores one after the other, each with its phone, token and bank: a client reads all orders of its store for each.
const STORES: u64 = 10;
const ORDERS: u64 = 100;
const CUSTOMER: &str = "诸葛孔明先生";
const PHONE: &str = "Zhuge's phone";
const DEBTOR: &str = "6222021001116245702";
const BANK_SAYS: &str = "Zhuge Kongming may not pay this";

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

static PANICS: OnceLock<Arc<Mutex<String>>> = OnceLock::new();

/// An order of its own payee, account and text.
fn transfer(number: u64) -> Transfer {
    Transfer {
        creditor_name: format!("收款人乙丙{number:05}"),
        creditor_account: format!("62170012{number:011}"),
        remittance_text: format!("canary 货款 {number:06}"),
        debtor_account: DEBTOR.to_owned(),
        account_scheme: AccountScheme::Domestic,
        creditor_agent: "示例银行".to_owned(),
        ..World::a_transfer(10_000 + number)
    }
}

/// Everything that an application could write down of an error.
fn write_error(out: &mut String, error: &Error) {
    write!(out, "{error} {error:?} {error:#?} {:?} {:?}", error.place(), error.detail()).unwrap();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(out, " because {error} {error:?}").unwrap();
        cause = error.source();
    }
    for language in [Language::Zh, Language::En] {
        writeln!(out, " {:?}", Catalogue::new(language).text(error)).unwrap();
    }
}

#[test]
fn a_thousand_orders_leave_no_canary() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let panics = PANICS.get_or_init(Arc::default).clone();
    let said = panics.clone();
    std::panic::set_hook(Box::new(move |panic| writeln!(said.lock().unwrap(), "{panic}").unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let (mut needles, mut errors, mut out) = (Needles::default(), 0, String::new());
    tracing::subscriber::with_default(subscriber, || {
        set_aside(folder.path(), &mut out);
        for store in 0..STORES {
            errors += orders(&folder.path().join(store.to_string()), store, &mut needles, &mut out);
        }
    });
    let orders = STORES * ORDERS;
    drop(std::panic::take_hook());
    let log = log.0.lock().unwrap().clone();
    let panics = panics.lock().unwrap().clone();
    let lines = log.split(|byte| *byte == b'\n').count() - 1;
    let mut hits = Vec::new();
    for (what, text) in [("log", log.as_slice()), ("written", out.as_bytes()), ("panics", panics.as_bytes())]
    {
        hits.extend(needles.found_in(text).into_iter().map(|name| format!("{what}: {name}")));
    }
    let (found, files) = needles.found_below(folder.path());
    hits.extend(found.into_iter().map(|name| format!("files: {name}")));
    println!(
        "{orders} orders, {errors} errors, {lines} log lines, {} panics, {files} files, {} forms searched in {} bytes: {} hits",
        panics.lines().count() / 2,
        needles.forms(),
        needles.bytes,
        hits.len()
    );
    assert!(errors >= 100 && lines >= 1 && files >= 2 && panics.contains("fell over"), "it was provoked");
    assert!(hits.is_empty(), "{hits:#?}");
}

/// A store that is corrupt: the client logs that it sets it aside.
fn set_aside(folder: &std::path::Path, out: &mut String) {
    let secrets = Secrets::of(77);
    let phone = Phone::new(secrets.get("phone-dh"), secrets.get("sealing-key"));
    let options = OpenOptions::new(folder.join("corrupt"), "canaries");
    for _ in 0..2 {
        let entropy = Arc::new(SeededEntropy::new(7));
        let (store, opened) = SqliteStore::open(&options, phone.sealing(), entropy).unwrap();
        drop(store);
        writeln!(out, "{opened:?}").unwrap();
        std::fs::write(folder.join("corrupt/store/data.db"), CUSTOMER.repeat(10)).unwrap();
    }
    // What was planted there is no find.
    std::fs::remove_dir_all(folder.join("corrupt")).unwrap();
}

/// One scene: how many errors. Everything that is written goes to `out`.
fn orders(folder: &std::path::Path, store_number: u64, needles: &mut Needles, out: &mut String) -> u64 {
    let mut secrets = Secrets::of(77);
    let phone = Arc::new(Phone::new(secrets.get("phone-dh"), secrets.get("sealing-key")));
    let options = OpenOptions::new(folder.join("store"), "canaries");
    let (store, opened) =
        SqliteStore::open(&options, phone.sealing(), Arc::new(SeededEntropy::new(7))).unwrap();
    let who = Options { customer: CUSTOMER.to_owned(), phone: PHONE.to_owned(), seed: 7 };
    writeln!(out, "{opened:?} {phone:?} {:?}", phone.sealing()).unwrap();
    let world = World::new(&secrets, phone, Arc::new(store), &who);
    let mut errors = 0;
    let mut note = |out: &mut String, result: Result<String, Error>| match result {
        Ok(text) => writeln!(out, "{text}").unwrap(),
        Err(error) => {
            errors += 1;
            write_error(out, &error);
        }
    };
    world.set_up().unwrap();
    let wrong = run(world.sign_in(secrets.get("wrong-password")));
    note(out, wrong.map(|()| String::new()));
    run(world.make_ready(&secrets)).unwrap();
    let record = world.client.token(None).unwrap();
    secrets.learn("k-hint", record.pairing.k_hint.expose());
    secrets.learn("k-adv", record.pairing.k_adv.expose());
    writeln!(out, "{record:?} {:?} {:?}", world.client.setup().unwrap(), world.client).unwrap();

    for canary in secrets.all() {
        needles.bytes(&canary.name, &canary.reveal());
    }
    for (name, text) in
        [("customer", CUSTOMER), ("phone", PHONE), ("debtor", DEBTOR), ("bank's text", BANK_SAYS)]
    {
        needles.text(name, text);
    }
    // The common part of every order's texts: whichever one it is, it is found.
    for (name, text) in [("payee", "收款人乙丙"), ("account", "6217001200000"), ("remittance", "canary 货款")]
    {
        needles.text(name, text);
    }

    for number in store_number * ORDERS..(store_number + 1) * ORDERS {
        let asked = transfer(number);
        let (pin, wrong) = (secrets.get("pin"), secrets.get("wrong-pin"));
        world.token.conduct(Conduct::Approve);
        world.person.types(&[pin]);
        world.person.panics_when(None);
        world.store.heal();
        world.token.leave_messages_alone();
        world.gate.bank.repent();
        match number % 20 {
            1 => world.token.conduct(Conduct::Reject),
            3 => world.person.types(&[wrong, pin]),
            5 => world.store.fail_after((number / 20 % 6) as usize, Code::DiskFull),
            7 => world.token.change_message((number / 20 % 3) as usize),
            9 => world.token.conduct(Conduct::Leave),
            11 => world.person.types(&[]),
            13 => world.person.panics_when(Some("review-on-token")),
            15 => world.gate.bank.answers(move |_, response| {
                // A refusal that names people; a reply cut short; something else altogether.
                let problem = Problem::new(Code::InsufficientFunds, BANK_SAYS).with_field("transfer.amount");
                Ok(match number / 20 % 3 {
                    0 => HttpResponse {
                        status: 422,
                        content_type: Some("application/problem+json".to_owned()),
                        body: Zeroizing::new(serde_json::to_vec(&problem).unwrap()),
                    },
                    1 => HttpResponse {
                        body: Zeroizing::new(response.body[..response.body.len() / 2].to_vec()),
                        ..response
                    },
                    _ => HttpResponse {
                        body: Zeroizing::new(format!("[\"{BANK_SAYS}\"]").into_bytes()),
                        ..response
                    },
                })
            }),
            17 => world.gate.bank.lie(|lies| {
                lies.payload = Some(Box::new(|payload| payload.expires += 100_000));
            }),
            _ => {}
        }
        writeln!(out, "{asked:?}").unwrap();
        let ran = catch_unwind(AssertUnwindSafe(|| run(world.transfer(&asked))));
        match ran {
            Ok(result) => note(out, result.map(|report| format!("{report:?} {:?}", report.receipt))),
            Err(payload) => writeln!(out, "{:?}", payload.downcast_ref::<String>()).unwrap(),
        }
        for moment in world.person.take_told() {
            writeln!(out, "{moment:?}").unwrap();
        }
        for request in world.gate.take_requests() {
            writeln!(out, "{request}").unwrap();
        }
        // The token lets go of an order that was left.
        world.clock.advance(400);
        world.token.catch_up();
    }
    world.gate.bank.repent();
    world.store.heal();
    let history = run(world.client.history()).unwrap();
    writeln!(out, "{history:?} {:?} {:?}", world.token, world.person).unwrap();
    for entry in &history {
        writeln!(out, "{:?} {:?} {:?}", entry.order, entry.receipt, entry.problem).unwrap();
    }
    let (info, phones) = run(world.client.token_info(&world.token, &world.person, None)).unwrap();
    writeln!(out, "{info:?} {}", phones.len()).unwrap();
    assert!(world.token.take_seen().contains("6217 0012"), "the canaries were in play");
    errors
}

/// The 16 bytes at the end of a code's text.
fn secret_of(text: &str) -> Vec<u8> {
    let digit = |c: u8| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|d| *d == c).unwrap();
    let bits: Vec<usize> =
        text.bytes().skip(9).flat_map(|c| (0..5).rev().map(move |bit| digit(c) >> bit & 1)).collect();
    let byte = |bits: &[usize]| u8::try_from(bits.iter().fold(0, |byte, bit| byte << 1 | bit)).unwrap();
    bits.chunks_exact(8).map(byte).collect::<Vec<u8>>().split_off(16)
}

/// Codes that were used, guessed and refused: what the secret is, and what follows from it, is nowhere but on the screen.
#[test]
fn a_pairing_by_code_leaves_no_canary() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let folder = tempfile::tempdir().unwrap();
    let (mut needles, mut out) = (Needles::default(), String::new());
    tracing::subscriber::with_default(subscriber, || {
        let secrets = Secrets::of(78);
        let phone = Arc::new(Phone::new(secrets.get("phone-dh"), secrets.get("sealing-key")));
        let options = OpenOptions::new(folder.path().join("store"), "canaries");
        let entropy = Arc::new(SeededEntropy::new(7));
        let (store, _) = SqliteStore::open(&options, phone.sealing(), entropy).unwrap();
        let who = Options { customer: CUSTOMER.to_owned(), phone: PHONE.to_owned(), seed: 8 };
        let world = World::new(&secrets, phone, Arc::new(store), &who);
        world.set_up().unwrap();
        world.token.open_pairing();
        world.token.press(Key::Down);
        let mut scan = |out: &mut String| {
            let text = world.token.code().expect("a code");
            let code = PairingCode::parse(&text).unwrap();
            needles.text("code", &text);
            needles.text("code's end", &text[35..]);
            needles.bytes("secret", &secret_of(&text));
            needles.bytes("psk", code.psk().expose());
            writeln!(out, "{code:?} {:?} {:?}", world.token, world.client).unwrap();
            code
        };
        let first = scan(&mut out);
        let guess = PairingCode::parse(&first.to_text().replace(&first.to_text()[40..], &"A".repeat(21)));
        let pair = |code| run(world.client.pair_by_code(&world.token, &world.person, code, false));
        for code in [guess.unwrap(), first] {
            write_error(&mut out, &pair(code).unwrap_err());
        }
        let right = scan(&mut out);
        writeln!(out, "{:?}", pair(right).unwrap()).unwrap();
        for moment in world.person.take_told() {
            writeln!(out, "{moment:?}").unwrap();
        }
        writeln!(out, "{}", world.token.take_seen()).unwrap();
    });
    let log = log.0.lock().unwrap().clone();
    let mut hits = needles.found_in(&log);
    hits.extend(needles.found_in(out.as_bytes()));
    let (found, files) = needles.found_below(folder.path());
    hits.extend(found);
    println!(
        "{} forms searched in {} bytes, {files} files: {} hits",
        needles.forms(),
        needles.bytes,
        hits.len()
    );
    assert!(files >= 1 && out.contains("PairingByCode") && out.contains("pairing-code-spent"), "{out}");
    assert!(hits.is_empty(), "{hits:#?}");
}

#[test]
fn a_leak_of_each_kind_is_found() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let secrets = Secrets::of(77);
    let mut needles = Needles::default();
    let pin = secrets.get("pin").reveal();
    needles.bytes("pin", &pin);
    needles.text("payee", "收款人乙丙");
    tracing::subscriber::with_default(subscriber, || {
        tracing::trace!(pin = ?pin.as_slice(), payee = ?transfer(3).creditor_name, "as somebody could write it");
    });
    let mut found = needles.found_in(&log.0.lock().unwrap());
    found.sort();
    assert_eq!(found, ["payee (raw)", "pin (list)"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spool"), [b"xx".as_slice(), &pin].concat()).unwrap();
    assert_eq!(needles.found_below(folder.path()), (vec!["pin (raw)".to_owned()], 1));
    let wrapped = Error::new(Code::BankFailure).caused_by(io::Error::other("收款人乙丙00003"));
    let mut out = String::new();
    write_error(&mut out, &wrapped);
    assert_eq!(needles.found_in(out.as_bytes()), ["payee (raw)"]);
}
