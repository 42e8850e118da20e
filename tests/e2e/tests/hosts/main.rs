//! Hosts that only move bytes: at most 60 lines each, and the whole path runs over them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

mod card;
mod packets;
mod system;

use std::sync::Arc;

use ushield_client::ports::{Connector, Radio};
use ushield_client::radio::RadioConnector;
use ushield_e2e::customer::{Customer, Will};
use ushield_e2e::phone::Phone;
use ushield_e2e::ports::TestClock;
use ushield_e2e::scene::{Scene, transfer};
use ushield_e2e::token::Token;
use ushield_emulator::runner::Key;
use ushield_links::system::SystemClock;
use ushield_links::tcp::TcpConnector;
use ushield_protocol::receipt::Outcome;

use crate::card::Reader;
use crate::packets::Air;
use crate::system::{Plug, Socket};

/// Lines of a host that are neither blank nor comment.
const MOST_LINES: usize = 60;

#[test]
fn a_host_is_sixty_lines_at_most() {
    for (name, source) in [("packets", include_str!("packets.rs")), ("card", include_str!("card.rs"))] {
        let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
        let lines = lines.count();
        println!("{name}: {lines} lines");
        assert!(lines <= MOST_LINES, "{name} has {lines} lines");
    }
}

/// A token that is at a radio and in a reader, and both plugs.
async fn token(scene: &Scene) -> (Token, Plug, Plug) {
    let mut token = scene.token().await;
    let (radio, reader) = (Socket::open().await, Socket::open().await);
    token.plug_into(radio.address(), reader.address()).await;
    (token, radio.plugged(true).await, reader.plugged(false).await)
}

fn over_packets(radio: &Plug, mtu: u16) -> Box<dyn Connector> {
    let air: Arc<dyn Radio> = Arc::new(Air(radio.clone(), mtu));
    // The token's fragments go by real time, so that the phone's have to.
    Box::new(RadioConnector::new(air, Arc::new(SystemClock::new())))
}

fn over_card(scene: &Scene, reader: &Plug, extended: bool) -> Box<dyn Connector> {
    let reader: Arc<dyn Radio> = Arc::new(Reader(reader.clone(), extended));
    // A clock of its own: its pauses between polls pass at once, and count towards nobody's limit.
    Box::new(RadioConnector::new(reader, Arc::new(TestClock::new(Arc::clone(&scene.clock)))))
}

/// Pairing, PIN change, certificate, transfer: all over the one link.
async fn whole_path(scene: &Scene, token: &Token, link: Box<dyn Connector>) {
    let mut phone = scene.phone("小张的手机", token).await;
    phone.link = link;
    let before = token.line.connections();
    phone.pair(&Customer::new(token.hand())).await.unwrap();
    phone.change_pin(&Customer::new(token.hand())).await.unwrap();
    phone.download_certificate(&Customer::new(token.hand())).await.unwrap();
    let customer = Customer::new(token.hand());
    let report = phone.transfer(&customer, &transfer(1_234_567)).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    assert_eq!(customer.orders_read().len(), 1);
    assert_eq!(token.line.connections(), before, "nothing went over TCP");
    scene.moved(&[1_234_567]).await;
}

#[tokio::test]
async fn the_whole_path_over_packets() {
    for mtu in [23, 185, 517] {
        let scene = Scene::open().await;
        let (token, radio, _reader) = token(&scene).await;
        whole_path(&scene, &token, over_packets(&radio, mtu)).await;
    }
}

#[tokio::test]
async fn the_whole_path_over_a_card() {
    for extended in [false, true] {
        let scene = Scene::open().await;
        let (token, _radio, reader) = token(&scene).await;
        whole_path(&scene, &token, over_card(&scene, &reader, extended)).await;
    }
}

/// Makes a link anew.
type Way<'a> = &'a dyn Fn() -> Box<dyn Connector>;

/// Sends an order over the phone's link, and walks away when it is on the token's screen.
async fn begin(phone: &Phone, token: &Token, amount: u64) {
    let customer = Customer::new(token.hand()).who(Will::Watch);
    let order = phone.order(&customer, &transfer(amount)).await.unwrap();
    tokio::select! {
        ended = phone.finish(&customer, order) => panic!("nobody has decided: {ended:?}"),
        () = customer.told("review-on-token") => {}
    }
}

#[tokio::test]
async fn one_pairing_serves_all_links_and_an_order_changes_between_them() {
    let scene = Scene::open().await;
    let (token, radio, reader) = token(&scene).await;
    let tcp = || -> Box<dyn Connector> { Box::new(TcpConnector::new(token.line.address().to_string())) };
    let packets = || over_packets(&radio, 185);
    let card = || over_card(&scene, &reader, false);
    let mut phone = scene.phone("小张的手机", &token).await;
    phone.link = packets();
    phone.pair(&Customer::new(token.hand())).await.unwrap();
    phone.link = card();
    phone.change_pin(&Customer::new(token.hand())).await.unwrap();
    phone.link = tcp();
    phone.download_certificate(&Customer::new(token.hand())).await.unwrap();

    let mut amounts = Vec::new();
    let ways: [(&str, Way); 3] = [("packets", &packets), ("card", &card), ("TCP", &tcp)];
    for (from, first) in &ways {
        for (to, second) in &ways {
            let amount = 100 + u64::try_from(amounts.len()).unwrap();
            amounts.push(amount);
            phone.link = first();
            begin(&phone, &token, amount).await;
            let shown = token.hand().page();
            assert!(shown.number().is_some(), "{from} to {to}: {shown:?}");
            phone.link = second();
            let report = phone.resume(&Customer::new(token.hand())).await;
            let report = report.unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
            assert_eq!(report.receipt.outcome, Outcome::Executed, "{from} to {to}");
        }
    }
    scene.moved(&amounts).await;

    // Decided while no link stands, and fetched over another one.
    phone.link = card();
    begin(&phone, &token, 1_000).await;
    token.hand().read_order().await;
    token.hand().press(Key::Ok).await;
    phone.link = packets();
    let customer = Customer::watching(&token);
    let report = phone.resume(&customer).await.unwrap();
    assert_eq!(report.receipt.outcome, Outcome::Executed);
    assert!(customer.orders_read().is_empty() && customer.asked_for_pin().is_empty());
    amounts.push(1_000);
    scene.moved(&amounts).await;
}
