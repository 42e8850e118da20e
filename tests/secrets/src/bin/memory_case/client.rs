//! The shipped client over its store on a disk, and the shipped token logic: a life of each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ushield_client::store::{OpenOptions, SqliteStore};
use ushield_e2e::evil::SeededEntropy;
use ushield_protocol::code::Code;
use ushield_secrets::scene::{Conduct, Options, Phone, Secrets, World, run};

use super::Look;

fn world(secrets: &Secrets, folder: &std::path::Path) -> World {
    let phone = Arc::new(Phone::new(secrets.get("phone-dh"), secrets.get("sealing-key")));
    let options = OpenOptions::new(folder.join("store"), "case");
    let (store, _) = SqliteStore::open(&options, phone.sealing(), Arc::new(SeededEntropy::new(7))).unwrap();
    let options = Options { customer: "customer".to_owned(), phone: "phone".to_owned(), seed: 7 };
    World::new(secrets, phone, Arc::new(store), &options)
}

/// The keys of the pairing, from where they lie.
fn learn(look: &mut Look, world: &World) {
    let record = world.client.token(None).unwrap();
    look.secrets.learn("k-hint", record.pairing.k_hint.expose());
    look.secrets.learn("k-adv", record.pairing.k_adv.expose());
}

fn code(result: Result<impl Sized, ushield_client::Error>) -> Code {
    result.map(|_| ()).unwrap_err().code()
}

pub(crate) fn success(look: &mut Look) {
    let folder = tempfile::tempdir().unwrap();
    let world = world(&look.secrets, folder.path());
    run(world.make_ready(&look.secrets)).unwrap();
    learn(look, &world);
    // The keys are in the token's flash, in the key store; nothing of PIN, password and session is anywhere.
    look.at("living");
    let [pin, wrong, next] = ["pin", "wrong-pin", "next-pin"].map(|name| look.secrets.get(name).clone());
    world.person.types(&[&pin]);
    run(world.transfer(&World::a_transfer(1))).unwrap();
    look.at("living-approved");
    world.person.types(&[&wrong, &pin]);
    run(world.transfer(&World::a_transfer(2))).unwrap();
    world.token.conduct(Conduct::Reject);
    world.person.types(&[&pin]);
    run(world.transfer(&World::a_transfer(3))).unwrap();
    world.token.conduct(Conduct::Approve);
    world.person.types(&[&pin, &next]);
    run(world.client.change_pin(&world.token, &world.person, None)).unwrap();
    run(world.client.accounts()).unwrap();
    run(world.client.history()).unwrap();
    run(world.client.token_info(&world.token, &world.person, None)).unwrap();
    run(world.client.forget_phone(&world.token, &world.person, None, None)).unwrap();
    look.at("living-later");
    drop(world);
    look.at("after");
}

pub(crate) fn error(look: &mut Look) {
    let folder = tempfile::tempdir().unwrap();
    let world = world(&look.secrets, folder.path());
    world.set_up().unwrap();
    assert_eq!(code(run(world.sign_in(look.secrets.get("wrong-password")))), Code::WrongPassword);
    run(world.make_ready(&look.secrets)).unwrap();
    learn(look, &world);
    let [pin, wrong, worse] = ["pin", "wrong-pin", "worse-pin"].map(|name| look.secrets.get(name).clone());
    let mut errors = 1;
    // A message of the token's is changed, at each place of the conversation.
    for number in 0..4 {
        world.token.change_message(number);
        world.person.types(&[&pin]);
        errors += usize::from(run(world.transfer(&World::a_transfer(10 + number as u64))).is_err());
    }
    world.token.leave_messages_alone();
    // The link breaks while the token holds the block.
    world.token.conduct(Conduct::Leave);
    world.person.types(&[&pin]);
    errors += usize::from(run(world.transfer(&World::a_transfer(20))).is_err());
    // Nobody presses a key.
    world.token.conduct(Conduct::Wait);
    world.person.types(&[&pin]);
    errors += usize::from(run(world.transfer(&World::a_transfer(21))).is_err());
    world.token.conduct(Conduct::Approve);
    // The disk is full at each step.
    for commits in 0..6 {
        world.store.fail_after(commits, Code::DiskFull);
        world.person.types(&[&pin]);
        errors += usize::from(run(world.transfer(&World::a_transfer(30 + commits as u64))).is_err());
        world.store.heal();
    }
    world.clock.advance(3600);
    world.token.catch_up();
    look.at("living");
    // Wrong PINs until it locks; the fifth after a warning.
    world.person.types(&[&wrong, &worse, &wrong, &worse, &wrong]);
    errors += usize::from(run(world.transfer(&World::a_transfer(40))).is_err());
    println!("# {errors} errors");
    look.at("living-locked");
    drop(world);
    look.at("after");
}

pub(crate) fn panic(look: &mut Look) {
    for (number, moment) in ["connected", "review-on-token", "pin-wrong", "approved", "submitting", "settled"]
        .into_iter()
        .enumerate()
    {
        let folder = tempfile::tempdir().unwrap();
        let world = world(&look.secrets, folder.path());
        run(world.make_ready(&look.secrets)).unwrap();
        if number == 0 {
            learn(look, &world);
        }
        world.person.types(&[look.secrets.get("wrong-pin"), look.secrets.get("pin")]);
        world.person.panics_when(Some(moment));
        let fell = catch_unwind(AssertUnwindSafe(|| run(world.transfer(&World::a_transfer(1))).is_ok()));
        assert!(fell.is_err(), "{moment}");
        drop(fell);
        drop(world);
    }
    look.at("after");
}

/// The application drops the call while the token shows the order and holds the block.
pub(crate) fn dropped(look: &mut Look) {
    let folder = tempfile::tempdir().unwrap();
    let world = world(&look.secrets, folder.path());
    run(world.make_ready(&look.secrets)).unwrap();
    learn(look, &world);
    look.at("living");
    world.token.conduct(Conduct::Wait);
    world.person.types(&[look.secrets.get("pin")]);
    let transfer = World::a_transfer(1);
    let mut call = Box::pin(world.transfer(&transfer));
    let mut context = Context::from_waker(Waker::noop());
    let mut polls = 0;
    let shown = loop {
        let Poll::Pending = call.as_mut().poll(&mut context) else { panic!("it waits for a key") };
        polls += 1;
        if world.person.take_told().iter().any(|moment| moment.name() == "review-on-token") {
            break true;
        }
        assert!(polls < 100, "it is shown");
    };
    assert!(shown);
    look.at("alive-pin");
    drop(call);
    // The token keeps a block for 60 s without a key.
    world.clock.advance(61);
    world.token.catch_up();
    look.at("living-after");
    drop(world);
    look.at("after");
}
