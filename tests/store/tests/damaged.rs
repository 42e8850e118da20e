//! One record that no program can read does not keep the others away, and it is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use futures::executor::block_on;
use ushield_bank_api::Transfer;
use ushield_client::Status;
use ushield_client::ports::{Store as _, Table};
use ushield_e2e::evil::{Conduct, World, transfer};
use ushield_protocol::code::Code;
use ushield_protocol::receipt::Outcome;

/// Three transfers, open; the record of the second is overwritten.
async fn damaged() -> World {
    let world = World::ready(1).await;
    for amount in [100, 200, 300] {
        let asked = Transfer { amount, ..transfer() };
        world.client.create_transfer(&world.person, None, &asked).await.unwrap();
    }
    let history = world.client.history().await.unwrap();
    let second = history.iter().find(|entry| {
        let order = entry.order.as_ref().unwrap();
        matches!(&order.payload().operation, ushield_protocol::order::Operation::Transfer(transfer) if transfer.amount.minor() == 200)
    });
    world.store.put(Table::Order, &second.unwrap().creation, b"of a program that was never written").unwrap();
    world
}

#[test]
fn the_history_shows_the_others_and_tells_of_the_one() {
    block_on(async {
        let world = damaged().await;
        let history = world.client.history().await.unwrap();
        assert_eq!(history.len(), 4, "the certificate's and three");
        let (bad, good): (Vec<_>, Vec<_>) = history.iter().partition(|entry| entry.problem.is_some());
        assert_eq!((bad.len(), good.len()), (1, 3));
        assert_eq!(bad[0].problem.as_ref().unwrap().code(), Code::StoreCorrupt);
        assert_eq!((bad[0].status, bad[0].id), (Status::Unknown, None), "never shown as failed");
    });
}

#[test]
fn resuming_ends_the_others_tells_of_the_one_and_adopting_brings_it_back() {
    block_on(async {
        let world = damaged().await;
        world.token.conduct(Conduct::Approve);
        let results = world.client.resume(&world.token, &world.person).await.unwrap();
        let (ended, told): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, result)| result.is_ok());
        assert_eq!((ended.len(), told.len()), (2, 1));
        assert_eq!(told[0].1.as_ref().unwrap_err().code(), Code::StoreCorrupt);
        let amounts: Vec<u64> = world.bank.executed().into_iter().map(|(_, amount)| amount).collect();
        assert_eq!(amounts, [100, 300]);

        // The bank still has it.
        let adopted = world.client.adopt().await.unwrap();
        assert_eq!(adopted.orders.len(), 1);
        let report = world.run(adopted.orders[0]).await.unwrap();
        assert_eq!(report.receipt.outcome, Outcome::Executed);
        let amounts: Vec<u64> = world.bank.executed().into_iter().map(|(_, amount)| amount).collect();
        assert_eq!(amounts, [100, 300, 200]);
    });
}
