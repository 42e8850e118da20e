//! What a transfer costs on the link.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    missing_docs,
    reason = "a test's report is where it stopped"
)]

use ushield_e2e::customer::Customer;
use ushield_e2e::demo::summary::{EXCHANGES, MAX_BYTES};
use ushield_e2e::proxy::Way;
use ushield_e2e::scene::{Scene, transfer};
use ushield_protocol::message::Kind;

#[tokio::test]
async fn reconnect_unlock_and_authorize_are_two_exchanges_and_850_bytes() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.with_certificate(&token).await;
    for amount in [1_234_567, 1_234_568] {
        token.line.forget();
        let report = phone.transfer(&Customer::new(token.hand()), &transfer(amount)).await.unwrap();
        let messages: Vec<_> = token
            .line
            .messages()
            .iter()
            .filter_map(|message| Some((message.way, message.kind?, message.body.len())))
            .filter(|(_, kind, _)| !matches!(kind, Kind::Hello | Kind::KeepAlive))
            .collect();
        let names = ["K1", "K2", "T1", "event", "T2"];
        for (name, (way, kind, bytes)) in names.iter().zip(&messages) {
            println!("{name:<6} {way:?} {kind:?} {bytes} B");
        }
        let ways: Vec<_> = messages.iter().map(|(way, kind, _)| (*way, *kind)).collect();
        assert_eq!(
            ways,
            [
                (Way::ToToken, Kind::Connect),
                (Way::ToPhone, Kind::Connect),
                (Way::ToToken, Kind::Sealed),
                (Way::ToPhone, Kind::Sealed),
                (Way::ToPhone, Kind::Sealed),
            ]
        );
        let sizes: Vec<usize> = messages.iter().map(|(_, _, bytes)| *bytes).collect();
        assert_eq!((sizes[0], sizes[1], sizes[3]), (57, 73, 18));
        assert!(sizes[4] <= 256, "T2 fits one short APDU's answer: {} B", sizes[4]);
        let bytes: usize = sizes.iter().sum();
        println!("{EXCHANGES} exchanges, {bytes} B");
        assert!(bytes <= MAX_BYTES, "{bytes} B");
        // The client counts the same.
        assert_eq!((report.cost.exchanges(), report.cost.bytes()), (EXCHANGES, bytes));
    }
    scene.moved(&[1_234_567, 1_234_568]).await;
}

#[tokio::test]
async fn waiting_costs_a_bare_keep_alive_every_two_seconds_at_most() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.with_certificate(&token).await;
    let customer = Customer::new(token.hand()).who(ushield_e2e::customer::Will::Watch);
    token.line.forget();
    let person = async {
        customer.told("review-on-token").await;
        token.pass(std::time::Duration::from_secs(60)).await;
        token.hand().read_order().await;
        token.hand().press(ushield_emulator::runner::Key::Cancel).await;
    };
    let wanted = transfer(100);
    let (report, ()) = tokio::join!(phone.transfer(&customer, &wanted), person);
    let cost = report.unwrap().cost;
    let alive = token.line.counts().get(&(Way::ToPhone, Kind::KeepAlive)).copied().unwrap_or_default();
    assert!((1..=30).contains(&alive.messages), "{alive:?}");
    assert_eq!(alive.bytes, 0);
    assert_eq!(cost.exchanges(), EXCHANGES);
    assert!(cost.bytes() <= MAX_BYTES);
}

/// An order key that the token has never seen: the statement, and the order once more, in the same connection.
#[tokio::test]
async fn an_unknown_order_key_costs_its_statement_and_asks_nobody_twice() {
    let scene = Scene::open().await;
    let token = scene.token().await;
    let phone = scene.with_pin(&token).await;
    token.line.forget();
    let customer = Customer::new(token.hand());
    let report = phone.download_certificate(&customer).await.unwrap().unwrap();
    assert_eq!(report.cost.exchanges(), 4, "K1, order, statement, order");
    assert_eq!(customer.asked_for_pin().len(), 1);
    let first = token.line.messages().iter().map(|message| message.connection).min();
    let sent = token.line.messages();
    let sent = sent.iter().filter(|message| Some(message.connection) == first && message.way == Way::ToToken);
    assert_eq!(sent.count(), 4);

    // From then on it is known, and so are the keys of what the certificate is for.
    let report = phone.transfer(&Customer::new(token.hand()), &transfer(100)).await.unwrap();
    assert_eq!(report.cost.exchanges(), EXCHANGES);
    scene.moved(&[100]).await;
}
