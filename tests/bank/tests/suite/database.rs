//! What the database refuses, whatever a program asks of it.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::client::{ACCOUNT, OTHER_ACCOUNT, World, key, transfer};

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

/// Without foreign keys, so that nothing but the guards themselves can refuse.
async fn open_unguarded(world: &World) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(world.data().join("bank.sqlite")).foreign_keys(false);
    SqliteConnection::connect_with(&options).await.unwrap()
}

const ORDER_COLUMNS: &str = "customer, device_id, key_id, operation, profile, issued, expires, key_watermark,
    device_watermark, debtor_account, creditor_account, scheme, currency, amount, state, bytes";
const SAME_ORDER: &str = "customer, device_id, key_id, operation, profile, issued, expires, key_watermark,
    device_watermark, debtor_account, creditor_account, scheme, currency, amount, 'open', bytes";

#[tokio::test]
async fn nothing_is_replaced_by_any_of_its_keys() {
    let (world, token, session) = World::with_token().await;
    let one = world.create(&session, &key(), &transfer(500)).await;
    world.answer(&one.order_id, token.approve(one.order.as_bytes())).await;
    let two = world.create(&session, &key(), &transfer(600)).await;
    let db = &mut open_unguarded(&world).await;
    done(db, "UPDATE token_keys SET status = 'frozen' WHERE role = 'pay'").await;
    let executed = "FROM orders WHERE state = 'executed' AND operation = 1";
    let frozen = "FROM token_keys WHERE status = 'frozen'";
    let statements = [
        // No balance begins again.
        (format!("INTO accounts (number, customer, currency) SELECT number, customer, currency FROM accounts WHERE number = '{ACCOUNT}'"), "an account"),
        (format!("INTO accounts (rowid, number, currency) SELECT rowid, 'X', 'CNY' FROM accounts WHERE number = '{ACCOUNT}'"), "an account"),
        // No order opens again: by id, by hash, by place.
        (format!("INTO orders (order_id, order_hash, {ORDER_COLUMNS}) SELECT order_id, randomblob(32), {SAME_ORDER} {executed}"), "an order"),
        (format!("INTO orders (order_id, order_hash, {ORDER_COLUMNS}) SELECT randomblob(16), order_hash, {SAME_ORDER} {executed}"), "an order"),
        (format!("INTO orders (rowid, order_id, order_hash, {ORDER_COLUMNS}) SELECT rowid, randomblob(16), randomblob(32), {SAME_ORDER} {executed}"), "an order"),
        // No key thaws: by id, by public key, by role, by order, by place.
        (format!("INTO token_keys SELECT key_id, device_id, 'login', randomblob(33), 'active', randomblob(16), chain, since {frozen}"), "a key"),
        (format!("INTO token_keys SELECT randomblob(16), device_id, 'login', public_key, 'active', randomblob(16), chain, since {frozen}"), "a key"),
        (format!("INTO token_keys SELECT randomblob(16), device_id, role, randomblob(33), 'active', randomblob(16), chain, since {frozen}"), "a key"),
        (format!("INTO token_keys SELECT randomblob(16), device_id, 'login', randomblob(33), 'active', order_id, chain, since {frozen}"), "a key"),
        (format!("INTO token_keys (rowid, key_id, device_id, role, public_key, status, order_id, chain, since) SELECT rowid, randomblob(16), device_id, 'login', randomblob(33), 'active', randomblob(16), chain, since {frozen}"), "a key"),
        // No sealed entry opens again, and none of its postings goes.
        ("INTO entries (id, currency, booked) SELECT id, currency, booked FROM entries WHERE sealed = 1".to_owned(), "an entry"),
        ("INTO entries (order_id, currency, booked) SELECT order_id, currency, booked FROM entries WHERE order_id IS NOT NULL".to_owned(), "an entry"),
        ("INTO postings (rowid, entry, line, account, amount) SELECT rowid, 999, 0, account, 1 FROM postings".to_owned(), "a posting"),
        // Nor what was answered, received, promised.
        ("INTO replies SELECT payload_hash, 200, 'x', x'00' FROM replies".to_owned(), "a reply"),
        ("INTO replies (rowid, payload_hash, status, media_type, body) SELECT rowid, randomblob(32), 200, 'x', x'00' FROM replies".to_owned(), "a reply"),
        ("INTO creations SELECT customer, creation_key, x'00', order_id, 200, x'00', 0 FROM creations".to_owned(), "a creation"),
        ("INTO devices SELECT device_id, 2, brand, model, firmware, profile, 0 FROM devices".to_owned(), "a token"),
        ("INTO bank_keys SELECT key_name, epoch, not_before, not_after, x'00' FROM bank_keys".to_owned(), "a statement"),
        ("INTO customers SELECT 1, 'x', 'y'".to_owned(), "a customer"),
        ("INTO customers SELECT 99, 'li', 'y'".to_owned(), "a customer"),
        ("INTO authorizations SELECT * FROM authorizations".to_owned(), "an authorization"),
        ("INTO receipts SELECT * FROM receipts".to_owned(), "a receipt"),
        ("INTO outbox SELECT id, x'00', 'x', 0 FROM outbox".to_owned(), "an outbox row"),
        ("INTO settings SELECT name, 'x' FROM settings".to_owned(), "a setting"),
    ];
    for (statement, what) in statements {
        refused(db, &format!("INSERT OR REPLACE {statement}"), &format!("{what} is not replaced")).await;
    }
    // An update that puts one row in another's place.
    for (table, by) in [
        ("accounts", "does not change"),
        ("orders", "does not change"),
        ("token_keys", "keeps its certificate"),
        ("devices", "does not change"),
        ("entries", "only sealed"),
        ("replies", "does not change"),
    ] {
        refused(db, &format!("UPDATE OR REPLACE {table} SET rowid = rowid + 1"), by).await;
    }
    refused(db, "UPDATE OR REPLACE token_keys SET order_id = (SELECT order_id FROM token_keys WHERE role = 'pay') WHERE role = 'device'", "keeps its certificate").await;
    for (table, what) in [
        ("replies", "a reply"),
        ("token_keys", "a key"),
        ("devices", "a token"),
        ("customers", "a customer"),
        ("bank_keys", "a statement"),
        ("settings", "a setting"),
    ] {
        refused(db, &format!("DELETE FROM {table}"), &format!("{what} is not deleted")).await;
    }
    assert_eq!(world.balance(ACCOUNT).await, 1_000_000 - 500);
    let ledger = world.ledger().await;
    let state = |id: &ushield_protocol::key::OrderId| {
        ledger.orders.iter().find(|order| order.order_id == id.to_string()).unwrap().state.clone()
    };
    assert_eq!((state(&one.order_id).as_str(), state(&two.order_id).as_str()), ("executed", "open"));
}

/// Every table is guarded, one that is added later too, except the two whose rows come and go.
#[tokio::test]
async fn every_table_is_guarded_against_replacement() {
    let world = World::new().await;
    let db = &mut open(&world).await;
    let unguarded: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master t WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '%migrations'
           AND NOT EXISTS (SELECT 1 FROM sqlite_master g WHERE g.type = 'trigger' AND g.tbl_name = t.name
                           AND g.name = t.name || '_are_not_replaced') ORDER BY name",
    )
    .fetch_all(db)
    .await
    .unwrap();
    assert_eq!(unguarded, ["attempts", "sessions"]);
}

#[tokio::test]
async fn an_orders_money_flows_from_its_debtor_and_then_it_is_executed() {
    let (world, _, session) = World::with_token().await;
    let order = world.create(&session, &key(), &transfer(500)).await;
    let id = ushield_protocol::key::hex(order.order_id.as_bytes());
    let db = &mut open(&world).await;
    let clearing = "bank:clearing:CNY";
    let mut entry = 100;
    // Backwards, too little, from somebody else as well, to somebody else.
    for postings in [
        vec![(ACCOUNT, 500), (clearing, -500)],
        vec![(ACCOUNT, -499), (clearing, 499)],
        vec![(ACCOUNT, -500), (OTHER_ACCOUNT, -1), (clearing, 500), ("bank:income:CNY", 1)],
        vec![(ACCOUNT, -500), (OTHER_ACCOUNT, 500)],
        vec![(OTHER_ACCOUNT, -500), (clearing, 500)],
    ] {
        entry += 1;
        done(db, "BEGIN").await;
        post(db, entry, &id, &postings).await;
        refused(db, &format!("UPDATE entries SET sealed = 1 WHERE id = {entry}"), "from debtor to creditor")
            .await;
        done(db, "ROLLBACK").await;
    }
    post(db, 200, &id, &[(ACCOUNT, -500), (clearing, 500)]).await;
    done(db, "UPDATE entries SET sealed = 1 WHERE id = 200").await;
    for state in ["rejected", "expired", "cancelled", "refused"] {
        let sql = format!("UPDATE orders SET state = '{state}' WHERE order_id = x'{id}'");
        refused(db, &sql, "has moved money").await;
    }
    done(db, &format!("UPDATE orders SET state = 'executed' WHERE order_id = x'{id}'")).await;
}

/// An entry that was begun while its order was open cannot be sealed after the order's end.
#[tokio::test]
async fn an_entry_begun_before_its_orders_end_stays_open() {
    let (world, _, session) = World::with_token().await;
    let order = world.create(&session, &key(), &transfer(500)).await;
    let id = ushield_protocol::key::hex(order.order_id.as_bytes());
    let db = &mut open(&world).await;
    post(db, 100, &id, &[(ACCOUNT, -500), ("bank:clearing:CNY", 500)]).await;
    done(db, &format!("UPDATE orders SET state = 'cancelled' WHERE order_id = x'{id}'")).await;
    refused(db, "UPDATE entries SET sealed = 1 WHERE id = 100", "from debtor to creditor").await;
}

async fn post(db: &mut SqliteConnection, entry: u32, order: &str, postings: &[(&str, i64)]) {
    done(
        db,
        &format!(
            "INSERT INTO entries (id, order_id, currency, booked) VALUES ({entry}, x'{order}', 'CNY', 0)"
        ),
    )
    .await;
    for (line, (account, amount)) in postings.iter().enumerate() {
        done(db, &format!("INSERT INTO postings VALUES ({entry}, {line}, '{account}', {amount})")).await;
    }
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
