//! What the database refuses, whatever a program asks of it.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::client::{ACCOUNT, World, key, transfer};

async fn open(world: &World) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(world.data().join("bank.sqlite")).foreign_keys(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn refused(db: &mut SqliteConnection, sql: &str, by: &str) {
    let error = db.execute(AssertSqlSafe(sql.to_owned())).await.expect_err(sql).to_string();
    assert!(error.contains(by), "{sql}: {error}");
}

async fn done(db: &mut SqliteConnection, sql: &str) {
    db.execute(AssertSqlSafe(sql.to_owned())).await.expect(sql);
}

#[tokio::test]
async fn a_wrong_sum_is_impossible() {
    let (world, token, session) = World::with_token().await;
    let order = world.create(&session, &key(), &transfer(500)).await;
    world.answer(&order.order_id, token.approve(order.order.as_bytes())).await;
    let db = &mut open(&world).await;
    // Balances move by sealed entries only.
    refused(
        db,
        &format!("UPDATE accounts SET balance = balance + 1 WHERE number = '{ACCOUNT}'"),
        "sum of its postings",
    )
    .await;
    refused(db, "INSERT INTO accounts (number, currency, balance) VALUES ('X', 'CNY', 5)", "begins at zero")
        .await;
    refused(db, &format!("DELETE FROM accounts WHERE number = '{ACCOUNT}'"), "not deleted").await;
    // What is booked stays.
    refused(db, "UPDATE postings SET amount = amount + 1", "does not change").await;
    refused(db, "DELETE FROM postings", "not deleted").await;
    refused(db, "DELETE FROM entries", "not deleted").await;
    refused(db, "UPDATE entries SET sealed = 0", "only sealed").await;
    refused(
        db,
        &format!("INSERT INTO postings (entry, line, account, amount) VALUES (1, 9, '{ACCOUNT}', 5)"),
        "joins an open entry",
    )
    .await;
    // An entry that does not balance is never sealed, and an open one counts for nothing.
    let posting = |line: u8, account: &str, amount: i64| {
        format!(
            "INSERT INTO postings (entry, line, account, amount) VALUES (100, {line}, '{account}', {amount})"
        )
    };
    refused(db, "INSERT INTO entries (id, currency, booked, sealed) VALUES (99, 'CNY', 0, 1)", "begins open")
        .await;
    done(db, "INSERT INTO entries (id, currency, booked) VALUES (100, 'CNY', 0)").await;
    refused(db, "UPDATE entries SET sealed = 1 WHERE id = 100", "balances to zero").await;
    done(db, &posting(0, ACCOUNT, 100)).await;
    refused(db, "UPDATE entries SET sealed = 1 WHERE id = 100", "balances to zero").await;
    done(db, &posting(1, "bank:clearing:CNY", -99)).await;
    refused(db, "UPDATE entries SET sealed = 1 WHERE id = 100", "balances to zero").await;
    assert_eq!(world.balance(ACCOUNT).await, 1_000_000 - 500);
    done(db, &posting(2, "bank:clearing:CNY", -1)).await;
    done(db, "UPDATE entries SET sealed = 1 WHERE id = 100").await;
    assert_eq!(world.balance(ACCOUNT).await, 1_000_000 - 400);
    // No customer's balance below zero, no posting in another currency.
    done(db, "INSERT INTO entries (id, currency, booked) VALUES (101, 'CNY', 0)").await;
    done(db, &posting(0, ACCOUNT, -2_000_000).replace("(100,", "(101,")).await;
    done(db, &posting(1, "bank:clearing:CNY", 2_000_000).replace("(100,", "(101,")).await;
    refused(db, "UPDATE entries SET sealed = 1 WHERE id = 101", "no_overdraft").await;
    done(db, "INSERT INTO entries (id, currency, booked) VALUES (102, 'USD', 0)").await;
    refused(db, &posting(0, ACCOUNT, 1).replace("(100,", "(102,"), "account's currency").await;
}

#[tokio::test]
async fn an_order_ends_once_and_executed_means_paid() {
    let (world, token, session) = World::with_token().await;
    let one = world.create(&session, &key(), &transfer(500)).await;
    world.create(&session, &key(), &transfer(600)).await;
    world.answer(&one.order_id, token.approve(one.order.as_bytes())).await;
    let db = &mut open(&world).await;
    refused(db, "UPDATE orders SET state = 'executed' WHERE state = 'open'", "has moved its money").await;
    refused(db, "UPDATE orders SET state = 'cancelled' WHERE state = 'executed'", "ends once").await;
    refused(db, "UPDATE orders SET state = 'open' WHERE state = 'executed'", "ends once").await;
    refused(db, "UPDATE orders SET amount = 1", "does not change").await;
    refused(db, "UPDATE orders SET key_watermark = 99", "does not change").await;
    refused(db, "DELETE FROM orders", "not deleted").await;
    refused(
        db,
        "INSERT INTO entries (order_id, currency, booked) SELECT order_id, 'CNY', 0 FROM orders WHERE state = 'executed'",
        "ended order",
    )
    .await;
    refused(db, "UPDATE receipts SET ended = 0", "does not change").await;
    refused(db, "DELETE FROM receipts", "not deleted").await;
    refused(db, "UPDATE replies SET body = x'00'", "does not change").await;
    refused(db, "DELETE FROM authorizations", "not deleted").await;
    refused(
        db,
        "INSERT INTO receipts (order_id, outcome, reason, ended, receipt)
         SELECT order_id, 'executed', 0, 0, x'00' FROM orders WHERE state = 'open'",
        "how its order ended",
    )
    .await;
    done(db, "UPDATE token_keys SET status = 'frozen'").await;
    refused(db, "UPDATE token_keys SET status = 'active'", "frozen").await;
}

#[tokio::test]
async fn secrets_are_stored_as_hashes_only() {
    let world = World::new().await;
    let session = world.sign_in("li").await;
    let mut everything = Vec::new();
    for name in ["bank.sqlite", "bank.sqlite-wal"] {
        everything.extend(std::fs::read(world.data().join(name)).unwrap());
    }
    let holds = |text: &str| everything.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("argon2id"), "the search finds what is there");
    assert!(!holds(crate::client::PASSWORD) && !holds(&session));
}
