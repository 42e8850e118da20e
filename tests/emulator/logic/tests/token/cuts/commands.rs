//! Every command that writes, and where it is cut.

use ushield_protocol::attestation::Attestation;
use ushield_protocol::code::Code;
use ushield_protocol::key::{P256Verifier, Sign};
use ushield_protocol::message::{Request, Role};
use ushield_protocol::pin::INITIAL_PIN;
use ushield_token::Key;

use super::super::world::{NOW, PIN, Phone, World, order_with, pin_change};
use super::state::NEW_PIN;
use super::{Apart, Command, Stage};

const WRONG: &str = "111222";

/// Makes a command when its turn comes.
pub(crate) type Make = Box<dyn Fn() -> Command>;

fn command(
    name: &'static str,
    (world, phones): (World, Vec<Phone>),
    prepare: impl Fn(&mut Stage<'_>) + 'static,
    act: impl Fn(&mut Stage<'_>) + 'static,
) -> Command {
    let (prepare, act) = (Box::new(prepare), Box::new(act));
    Command { name, saved: world.save(), phones, prepare, act, apart: &[], writes: true }
}

fn ready() -> (World, Vec<Phone>) {
    let (world, phone) = World::ready();
    (world, vec![phone])
}

/// Paired, PIN changed, the bank's key known.
fn uncertified() -> (World, Vec<Phone>) {
    let mut world = World::new();
    let mut phone = Phone::new(0x41);
    world.pair(&mut phone);
    world.change_pin(INITIAL_PIN, PIN);
    let statement = world.bank.statement(1);
    assert_eq!(world.give_bank_key(&statement), Code::Ok);
    (world, vec![phone])
}

/// So many wrong PINs have been compared.
fn after_wrong_pins(count: usize) -> (World, Vec<Phone>) {
    let (mut world, phones) = ready();
    for _ in 0..count {
        world.request(&pin_change(WRONG, NEW_PIN));
        world.press(Key::Ok);
        world.result();
        world.dismiss();
    }
    (world, phones)
}

/// With room for no more than one of `act`'s records before a compaction.
fn nearly_full(act: impl Fn(&mut World)) -> (World, Vec<Phone>) {
    let (mut world, phones) = ready();
    let erases = |world: &mut World| {
        let saved = world.save();
        world.restore(&saved);
        world.reconnect(&phones[0]);
        act(world);
        let erased = |operation: &_| matches!(operation, super::FlashOperation::Erase(_));
        let erases = world.board.trace.borrow().iter().any(erased);
        world.restore(&saved);
        world.reconnect(&phones[0]);
        erases
    };
    let mut pins = [PIN, NEW_PIN].into_iter().cycle();
    let mut change = |world: &mut World, times: usize| {
        for _ in 0..times {
            let pin = pins.next().unwrap();
            world.change_pin(pin, if pin == PIN { NEW_PIN } else { PIN });
        }
    };
    change(&mut world, 1_000);
    while !erases(&mut world) {
        change(&mut world, 2);
    }
    (world, phones)
}

/// Every approval that is kept, all of them past for the next order.
fn full() -> (World, Vec<Phone>) {
    let (mut world, phones) = ready();
    for number in 0..63 {
        world.approve_transfer(|order| {
            order.id = ushield_protocol::key::OrderId::from_random([number + 100; 16]);
            (order.issued, order.expires) = (NOW - 5_000, NOW - 4_900);
        });
    }
    (world, phones)
}

fn connect(stage: &mut Stage<'_>, phone: &Phone) {
    stage.world.reconnect(phone);
}

/// Connected by the first phone.
fn reader() -> Phone {
    let (_, phone) = World::ready();
    phone
}

/// A transfer is read to its end, with this PIN delivered.
fn read(phone: Phone, pin: Option<&'static str>) -> impl Fn(&mut Stage<'_>) + 'static {
    move |stage| {
        connect(stage, &phone);
        let (order, bytes) = stage.world.a_transfer();
        stage.orders.push(order.id);
        stage.world.request(&order_with(pin, &bytes));
        stage.world.event(Code::Shown);
        stage.world.read_all();
    }
}

fn press(keys: &'static [Key]) -> impl Fn(&mut Stage<'_>) + 'static {
    move |stage| stage.world.press_all(keys)
}

fn request(request: Request) -> impl Fn(&mut Stage<'_>) + 'static {
    move |stage| stage.world.request(&request)
}

fn connected(phone: Phone) -> impl Fn(&mut Stage<'_>) + 'static {
    move |stage| connect(stage, &phone)
}

/// The digits stand on both sides, and the phone has said yes.
fn comparing(pin: Option<&'static str>) -> impl Fn(&mut Stage<'_>) + 'static {
    move |stage| {
        stage.world.open_pairing();
        stage.world.connect();
        let mut session = stage.world.pair_until_digits(&Phone::new(2));
        stage.world.send_p5(&mut session, true, pin);
        stage.session = Some(session);
    }
}

/// A certificate order is read to its end.
fn read_download(phone: Phone) -> impl Fn(&mut Stage<'_>) + 'static {
    move |stage| {
        connect(stage, &phone);
        let order = stage.world.bank.download(stage.world.device, Role::Pay);
        stage.orders.push(order.id);
        let bytes = stage.world.bank.sign(&order);
        stage.world.show(&bytes);
        stage.world.read_all();
    }
}

/// The request for a certificate, of an order that was approved.
fn attested() -> (World, Vec<Phone>, Request) {
    let (mut world, phones) = uncertified();
    let order = world.bank.download(world.device, Role::Pay);
    let bytes = world.bank.sign(&order);
    let answer = world.approve(&bytes);
    let (made, _) = Attestation::verify(&answer, &world.device_key.public_key(), &P256Verifier).unwrap();
    let put = Request::PutCertificate { role: Role::Pay, chain: world.bank.issue(&made.request) };
    (world, phones, put)
}

/// All of them. Each makes its world only when it is asked for.
pub(crate) fn commands() -> Vec<Make> {
    let mut all: Vec<Make> = Vec::new();
    all.extend(pairing());
    all.extend(money());
    all.extend(pins());
    all.extend(keys());
    all.extend(long());
    all
}

fn with(apart: &'static [Apart], command: Command) -> Command {
    Command { apart, ..command }
}

fn pairing() -> Vec<Make> {
    const PAIRED: &[Apart] = &[Apart::Known, Apart::Pairing];
    vec![
        Box::new(|| {
            let tried = |stage: &mut Stage<'_>| {
                stage.world.open_pairing();
                for _ in 0..2 {
                    stage.world.connect();
                    stage.world.pair_until_digits(&Phone::new(2));
                    stage.world.disconnect();
                }
                stage.world.connect();
                stage.session = Some(stage.world.pair_until_p3(&Phone::new(2)));
            };
            let p3 = |stage: &mut Stage<'_>| {
                let p3 = stage.session.as_ref().unwrap().p3.clone();
                stage.world.send(ushield_protocol::message::Kind::Pairing, &p3);
            };
            command("third P3", ready(), tried, p3)
        }),
        Box::new(|| {
            let phones = vec![Phone::new(2)];
            with(
                PAIRED,
                command("OK for a first phone", (World::new(), phones), comparing(None), press(&[Key::Ok])),
            )
        }),
        Box::new(|| {
            let (world, mut phones) = ready();
            phones.push(Phone::new(2));
            with(
                PAIRED,
                command("OK for a second phone", (world, phones), comparing(Some(PIN)), press(&[Key::Ok])),
            )
        }),
        Box::new(|| {
            let act = press(&[Key::Ok]);
            command("OK for a second phone, wrong PIN", ready(), comparing(Some(WRONG)), act)
        }),
        Box::new(|| {
            let (mut world, mut phones) = ready();
            let mut second = Phone::new(2);
            world.open_pairing();
            world.connect();
            let mut session = world.pair_until_digits(&second);
            world.finish_pairing(&mut second, &mut session);
            phones.push(second.clone());
            command("first KK of a phone", (world, phones), connected(second), request(Request::Info))
        }),
        Box::new(|| {
            let (mut world, phones) = ready();
            world.open_pairing();
            for _ in 0..3 {
                world.connect();
                world.pair_until_digits(&Phone::new(2));
                world.disconnect();
            }
            command("pairing mode opened", (world, phones), |_| (), press(&[Key::Ok, Key::Ok]))
        }),
        Box::new(|| {
            let (mut world, mut phones) = ready();
            let mut second = Phone::new(2);
            world.pair(&mut second);
            let forget = Request::Forget { phone: second.id() };
            phones.push(second);
            let first = phones[0].clone();
            let ask = move |stage: &mut Stage<'_>| {
                connect(stage, &first);
                stage.world.request(&forget);
            };
            command("forget", (world, phones), ask, press(&[Key::Ok]))
        }),
        Box::new(|| {
            let ask = press(&[Key::Ok, Key::Down, Key::Ok, Key::Ok]);
            command("forget by key", ready(), ask, press(&[Key::Ok]))
        }),
    ]
}

fn money() -> Vec<Make> {
    vec![
        Box::new(|| {
            let phone = reader();
            let deliver = move |stage: &mut Stage<'_>| {
                connect(stage, &phone);
                let (order, bytes) = stage.world.a_transfer();
                stage.world.show(&bytes);
                stage.world.request(&Request::Cancel { order: order.id });
            };
            Command { writes: false, ..command("order shown and cancelled", ready(), |_| (), deliver) }
        }),
        Box::new(|| command("approval", ready(), read(reader(), Some(PIN)), press(&[Key::Ok]))),
        Box::new(|| {
            let (mut world, phones) = ready();
            world.approve_transfer(|_| {});
            command("second approval", (world, phones), read(reader(), Some(PIN)), press(&[Key::Ok]))
        }),
        Box::new(|| command("rejection", ready(), read(reader(), None), press(&[Key::Cancel]))),
        Box::new(|| {
            let (mut world, phones) = ready();
            let (_, bytes) = world.a_transfer();
            world.show(&bytes);
            world.press(Key::Cancel);
            command("second rejection", (world, phones), read(reader(), None), press(&[Key::Cancel]))
        }),
    ]
}

fn pins() -> Vec<Make> {
    let ask_change = |old: &'static str| {
        let phone = reader();
        move |stage: &mut Stage<'_>| {
            connect(stage, &phone);
            stage.world.request(&pin_change(old, NEW_PIN));
        }
    };
    vec![
        Box::new(|| command("wrong PIN", ready(), read(reader(), Some(WRONG)), press(&[Key::Ok]))),
        Box::new(|| {
            let state = after_wrong_pins(2);
            command("right PIN after two wrong ones", state, read(reader(), Some(PIN)), press(&[Key::Ok]))
        }),
        Box::new(|| {
            let ok = press(&[Key::Ok, Key::Ok]);
            command("last try, wrong", after_wrong_pins(4), read(reader(), Some(WRONG)), ok)
        }),
        Box::new(|| {
            let ok = press(&[Key::Ok, Key::Ok]);
            command("last try, right", after_wrong_pins(4), read(reader(), Some(PIN)), ok)
        }),
        Box::new(move || command("PIN change", ready(), ask_change(PIN), press(&[Key::Ok]))),
        Box::new(move || command("PIN change, wrong PIN", ready(), ask_change(WRONG), press(&[Key::Ok]))),
        Box::new(|| {
            let mut world = World::new();
            let mut phone = Phone::new(0x41);
            world.pair(&mut phone);
            let first = phone.clone();
            let ask = move |stage: &mut Stage<'_>| {
                connect(stage, &first);
                stage.world.request(&pin_change(INITIAL_PIN, NEW_PIN));
            };
            command("first PIN change", (world, vec![phone]), ask, press(&[Key::Ok]))
        }),
    ]
}

fn keys() -> Vec<Make> {
    vec![
        Box::new(|| {
            let mut world = World::new();
            let mut phone = Phone::new(0x41);
            world.pair(&mut phone);
            world.change_pin(INITIAL_PIN, PIN);
            let statement = world.bank.statement(1).sign(&world.bank.root);
            let act = request(Request::BankKey { statement });
            command("first bank-key", (world, vec![phone.clone()]), connected(phone), act)
        }),
        Box::new(|| {
            let (mut world, phones) = ready();
            world.approve_transfer(|order| (order.issued, order.expires) = (NOW + 5_000, NOW + 5_900));
            let statement = world.bank.statement(2).sign(&world.bank.root);
            let act = request(Request::BankKey { statement });
            command("bank-key of the second epoch", (world, phones), connected(reader()), act)
        }),
        Box::new(|| {
            let (world, phones) = uncertified();
            let prepare = read_download(phones[0].clone());
            command("certificate order", (world, phones), prepare, press(&[Key::Ok]))
        }),
        Box::new(|| {
            let (world, phones, put) = attested();
            let prepare = connected(phones[0].clone());
            command("put-certificate", (world, phones), prepare, request(put))
        }),
        Box::new(|| {
            let (mut world, phones, put) = attested();
            assert_eq!(world.ask(&put).code, Code::Ok);
            let order = world.bank.download(world.device, Role::Pay);
            let bytes = world.bank.sign(&order);
            let answer = world.approve(&bytes);
            let device = world.device_key.public_key();
            let (made, _) = Attestation::verify(&answer, &device, &P256Verifier).unwrap();
            let put = Request::PutCertificate { role: Role::Pay, chain: world.bank.issue(&made.request) };
            let prepare = connected(phones[0].clone());
            command("put-certificate in place of another", (world, phones), prepare, request(put))
        }),
    ]
}

fn long() -> Vec<Make> {
    vec![
        Box::new(|| {
            let prepare = read(reader(), Some(PIN));
            with(&[Apart::Floor], command("approval that evicts", full(), prepare, press(&[Key::Ok])))
        }),
        Box::new(|| {
            let state = nearly_full(|world| world.change_pin(PIN, NEW_PIN));
            let phone = reader();
            let ask = move |stage: &mut Stage<'_>| {
                connect(stage, &phone);
                stage.world.request(&pin_change(PIN, NEW_PIN));
            };
            command("PIN change that compacts", state, ask, press(&[Key::Ok]))
        }),
        Box::new(|| {
            let state = nearly_full(|world| {
                world.approve_transfer(|_| {});
            });
            let prepare = read(reader(), Some(PIN));
            command("approval that compacts", state, prepare, press(&[Key::Ok]))
        }),
    ]
}
