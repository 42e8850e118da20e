use ushield_bank_api::{Accounts, Problem, route};
use ushield_protocol::code::Code;

use crate::client::{ACCOUNT, PASSWORD, World, problem};

#[tokio::test]
async fn a_customer_sees_only_their_accounts() {
    let world = World::new().await;
    let session = world.sign_in("li").await;
    let accounts: Accounts = world.get(&session, route::ACCOUNTS).await.json().await.unwrap();
    let [account] = accounts.accounts.as_slice() else { panic!("one account") };
    assert_eq!((account.number.as_str(), account.balance, account.exponent), (ACCOUNT, 1_000_000, 2));
}

#[tokio::test]
async fn a_wrong_password_costs_tries_and_a_wait_that_ends() {
    let world = World::new().await;
    for left in [4, 3, 2, 1, 0] {
        let reply = world.try_sign_in("li", "wrong password").await;
        assert_eq!(reply.status().as_u16(), 401);
        assert_eq!(reply.headers()["www-authenticate"], "Bearer");
        let problem: Problem = reply.json().await.unwrap();
        assert_eq!((problem.code(), problem.tries_left), (Some(Code::WrongPassword), Some(left)));
    }
    // The right password is not even compared while the wait lasts, and a try does not make it longer.
    world.clock.advance(29);
    for _ in 0..3 {
        let reply = world.try_sign_in("li", PASSWORD).await;
        assert_eq!(problem(reply).await, (429, Code::TooManyAttempts, None));
    }
    // Another customer is not touched.
    world.sign_in("wang").await;
    world.clock.advance(1);
    world.sign_in("li").await;
    // Success has cleared the count.
    let reply: Problem = world.try_sign_in("li", "wrong password").await.json().await.unwrap();
    assert_eq!(reply.tries_left, Some(4));
}

#[tokio::test]
async fn invented_names_do_not_make_the_bank_forget_a_customers_failures() {
    use sqlx::{Connection as _, Executor as _};
    let world = World::new().await;
    for _ in 0..5 {
        world.try_sign_in("li", "wrong password").await;
    }
    // Newer than li's, and more than are kept.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.data().join("bank.sqlite"));
    let mut db = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    db.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
         INSERT INTO attempts (name_hash, failed, wait_till, last) SELECT randomblob(32), 1, 0, 1800000001 FROM n",
    )
    .await
    .unwrap();
    world.clock.advance(2);
    world.try_sign_in("invented", "wrong password").await;
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM attempts").fetch_one(&mut db).await.unwrap();
    assert!(left <= 10_002, "{left}");
    let reply = world.try_sign_in("li", PASSWORD).await;
    assert_eq!(problem(reply).await, (429, Code::TooManyAttempts, None));
}

#[tokio::test]
async fn garbage_cannot_lock_a_customer_out_for_good() {
    let world = World::new().await;
    for _ in 0..40 {
        world.try_sign_in("li", "garbage garbage").await;
        world.clock.advance(60);
    }
    // However long it went on, the longest wait is fifteen minutes.
    world.clock.advance(15 * 60);
    world.sign_in("li").await;
}

#[tokio::test]
async fn a_name_that_is_no_customers_looks_like_a_wrong_password() {
    let world = World::new().await;
    assert_eq!(problem(world.try_sign_in("nobody", PASSWORD).await).await.1, Code::WrongPassword);
}

#[tokio::test]
async fn a_session_ends_and_a_made_up_one_is_none() {
    let world = World::new().await;
    let session = world.sign_in("li").await;
    let refused = (401, Code::NotSignedIn, None);
    assert_eq!(problem(world.get("made-up", route::ACCOUNTS).await).await, refused);
    let none = world.http.get(world.url(route::ACCOUNTS)).send().await.unwrap();
    assert_eq!(problem(none).await, refused);
    world.clock.advance(15 * 60 - 1);
    assert!(world.get(&session, route::ACCOUNTS).await.status().is_success());
    world.clock.advance(1);
    assert_eq!(problem(world.get(&session, route::ACCOUNTS).await).await, refused);
}
