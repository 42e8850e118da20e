//! Review and decision (sections 6, 10 and 11).

use std::time::Duration;

use tokio::time::Instant;
use ushield_protocol::code::Code;
use ushield_protocol::message::Request;
use ushield_protocol::order::{Operation, OrderPayload};
use ushield_protocol::render::{Notices, Pages, PaidBefore};

use crate::bench::Bench;
use crate::hand::{Key, Wanted};
use crate::judge::Shown;
use crate::line::{Came, PATIENCE};
use crate::miss::{Miss, Step, want};
use crate::phone::Channel;
use crate::report::Skipped;

/// A transfer of its own, on its first page.
pub(super) async fn show_transfer(
    bench: &mut Bench,
    channel: &mut Channel,
) -> Step<(OrderPayload, Vec<u8>, Pages)> {
    let (order, bytes) = bench.signed_transfer().await?;
    let pages = bench.pages(&bytes, &Notices::default()).await?;
    let pin = Some(bench.pin_block()?);
    bench.show(channel, &bytes, pin).await?;
    Ok((order, bytes, pages))
}

/// C, and the rejection.
pub(super) async fn reject(
    bench: &mut Bench,
    channel: &mut Channel,
    order: &OrderPayload,
    pages: &Pages,
) -> Step {
    bench.press(Key::Cancel).await?;
    let answer = channel.result_is(Code::Ok).await?;
    let via = bench.phone()?.id();
    bench.judge_rejection(&answer, &Shown { order, pages, via }).await
}

/// Reads every page down to the last, and each must be the renderer's.
pub(super) async fn walk(bench: &mut Bench, pages: &Pages) -> Step {
    for (at, page) in pages.iter().enumerate() {
        if at > 0 {
            bench.press(Key::Down).await?;
        }
        bench.must_show(Wanted::Page(page)).await?;
    }
    Ok(())
}

pub(super) async fn pages(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, _, pages) = show_transfer(bench, &mut channel).await?;
    walk(bench, &pages).await?;
    bench.press(Key::Down).await?;
    for page in (0..pages.count()).rev() {
        bench.must_show(Wanted::Page(pages.page(page).unwrap_or_default())).await?;
        bench.press(Key::Up).await?;
    }
    reject(bench, &mut channel, &order, &pages).await
}

/// Not by the renderer, which could leave the same out: every value must stand in lines 2 to 5, whole.
pub(super) async fn fields(bench: &mut Bench) -> Step {
    if bench.still().await?.is_none() {
        return Err(Skipped::NoScreen.into());
    }
    let mut channel = bench.channel().await?;
    let (order, _, pages) = show_transfer(bench, &mut channel).await?;
    let mut seen = String::new();
    loop {
        let page = bench.setup.hand.screen().await?.unwrap_or_default();
        seen.extend(page.lines().skip(1).take(4).flat_map(str::chars).filter(|c| !c.is_whitespace()));
        let (at, of) =
            page.lines().next().and_then(|line| line.rsplit(' ').next()?.split_once('/')).unwrap_or_default();
        let (at, of): (u8, u8) = (at.parse().unwrap_or(0), of.parse().unwrap_or(0));
        want(at > 0, "n/N at the end of line 1", || page.replace('\n', " | "))?;
        if at >= of {
            break;
        }
        bench.press(Key::Down).await?;
    }
    let Operation::Transfer(transfer) = &order.operation else {
        return Err(Miss::wrong("a transfer", "another"));
    };
    let values = [
        ("amount", transfer.amount.to_string()),
        ("payee", transfer.creditor_name.clone()),
        ("payee's account", transfer.creditor_account.clone()),
        ("payee's bank", transfer.creditor_agent.clone()),
        ("debtor's account", transfer.debtor_account.clone()),
        ("remittance", transfer.remittance.clone()),
        ("bank", order.bank.to_string()),
        ("order id", order.id.to_string()),
    ];
    for (what, value) in values {
        let value: String = value.chars().filter(|c| !c.is_whitespace()).collect();
        want(seen.contains(&value), &format!("{what} {value} on the screen"), || seen.clone())?;
    }
    reject(bench, &mut channel, &order, &pages).await
}

pub(super) async fn ok_before_last_page(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, _, pages) = show_transfer(bench, &mut channel).await?;
    for page in 1..pages.count() {
        bench.press(Key::Ok).await?;
        channel.quiet(&format!("nothing for OK on page {page} of {}", pages.count())).await?;
        bench.press(Key::Down).await?;
    }
    reject(bench, &mut channel, &order, &pages).await
}

pub(super) async fn ok_buffered(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, _, pages) = show_transfer(bench, &mut channel).await?;
    bench.press(Key::Ok).await?;
    for _ in 1..pages.count() {
        bench.press(Key::Down).await?;
    }
    channel.quiet("nothing on the last page for an OK before it").await?;
    // The last page drawn once more, after all have been.
    bench.press(Key::Up).await?;
    bench.press(Key::Ok).await?;
    bench.press(Key::Down).await?;
    channel.quiet("nothing on the last page for an OK before it").await?;
    reject(bench, &mut channel, &order, &pages).await
}

async fn approve_one(bench: &mut Bench) -> Step<(OrderPayload, Vec<u8>, Vec<u8>)> {
    let mut channel = bench.channel().await?;
    let (order, bytes) = bench.signed_transfer().await?;
    let (answer, pages) = bench.approve(&mut channel, &bytes).await?;
    let via = bench.phone()?.id();
    bench.judge_approval(&answer, &Shown { order: &order, pages: &pages, via }).await?;
    Ok((order, bytes, answer))
}

pub(super) async fn approved(bench: &mut Bench) -> Step {
    approve_one(bench).await.map(|_| ())
}

pub(super) async fn chain(bench: &mut Bench) -> Step {
    if bench.pay_chain.0.is_none() {
        return Err(Skipped::Needs("review-approved").into());
    }
    for _ in 0..2 {
        approve_one(bench).await?;
    }
    Ok(())
}

async fn identical(channel: &mut Channel, order: &OrderPayload, bytes: &[u8], answer: &[u8]) -> Step {
    for request in [Request::Order { pin: None, order: bytes.to_vec() }, Request::Collect { order: order.id }]
    {
        let again = channel.ask(&request, Code::Ok).await?;
        want(again == answer, "the identical answer", || format!("another one of {} bytes", again.len()))?;
    }
    Ok(())
}

pub(super) async fn redelivered(bench: &mut Bench) -> Step {
    let (order, bytes, answer) = approve_one(bench).await?;
    let mut channel = bench.channel().await?;
    identical(&mut channel, &order, &bytes, &answer).await?;
    // A second signature over the same payload is the same order.
    let again = bench.sign(&order)?;
    identical(&mut channel, &order, &again, &answer).await
}

pub(super) async fn collected_by_other(bench: &mut Bench) -> Step {
    let second = bench.second()?;
    let (order, bytes, answer) = approve_one(bench).await?;
    let mut channel = bench.channel_of(&second).await?;
    identical(&mut channel, &order, &bytes, &answer).await
}

pub(super) async fn redelivered_after_restart(bench: &mut Bench) -> Step {
    let (order, bytes, answer) = approve_one(bench).await?;
    bench.setup.hand.restart().await?;
    let mut channel = bench.channel().await?;
    identical(&mut channel, &order, &bytes, &answer).await
}

pub(super) async fn rejected(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, bytes, pages) = show_transfer(bench, &mut channel).await?;
    bench.press(Key::Cancel).await?;
    let answer = channel.result_is(Code::Ok).await?;
    let via = bench.phone()?.id();
    bench.judge_rejection(&answer, &Shown { order: &order, pages: &pages, via }).await?;
    identical(&mut channel, &order, &bytes, &answer).await
}

pub(super) async fn id_reused(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, _, pages) = show_transfer(bench, &mut channel).await?;
    let mut other = bench.transfer().await?;
    other.id = order.id;
    let other = bench.sign(&other)?;
    channel.ask(&Request::Order { pin: None, order: other.clone() }, Code::OrderIdReused).await?;
    reject(bench, &mut channel, &order, &pages).await?;
    channel.ask(&Request::Order { pin: None, order: other }, Code::OrderIdReused).await?;
    Ok(())
}

pub(super) async fn expired(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let mut old = bench.transfer().await?;
    let (order, _, pages) = show_transfer(bench, &mut channel).await?;
    reject(bench, &mut channel, &order, &pages).await?;
    old.issued = order.issued - 1_501;
    old.expires = old.issued + 900;
    let old = bench.sign(&old)?;
    channel.ask(&Request::Order { pin: None, order: old }, Code::OrderExpired).await?;
    Ok(())
}

pub(super) async fn floor_by_decision(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let mut future = bench.transfer().await?;
    future.issued += 2_000;
    future.expires += 2_000;
    let bytes = bench.sign(&future)?;
    bench.show(&mut channel, &bytes, None).await?;
    channel.send(&Request::Cancel { order: future.id }).await?;
    channel.result_is(Code::Cancelled).await?;
    channel.result_is(Code::Ok).await?;
    let (order, _, pages) = show_transfer(bench, &mut channel).await?;
    reject(bench, &mut channel, &order, &pages).await
}

pub(super) async fn paid_before(bench: &mut Bench) -> Step {
    let (before, _, _) = approve_one(bench).await?;
    let mut order = bench.transfer().await?;
    order.operation = before.operation.clone();
    let bytes = bench.sign(&order)?;
    let notices = Notices { paid_before: Some(PaidBefore { order: before.id, issued: before.issued }) };
    let pages = bench.pages(&bytes, &notices).await?;
    let mut channel = bench.channel().await?;
    bench.show(&mut channel, &bytes, None).await?;
    walk(bench, &pages).await?;
    // What it signs must say so, too.
    reject(bench, &mut channel, &order, &pages).await
}

pub(super) async fn keep_alive(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, _, pages) = show_transfer(bench, &mut channel).await?;
    channel.line.keep_alives.clear();
    let came = channel.line.next(Duration::from_secs(9)).await?;
    want(came == Came::Nothing, "nothing but keep-alives", || came.say())?;
    let times = channel.line.keep_alives.clone();
    for (first, second) in times.iter().zip(times.iter().skip(1)) {
        let apart = second.duration_since(*first);
        want(apart >= Duration::from_millis(1_800), "2 s between two", || {
            format!("{} ms", apart.as_millis())
        })?;
    }
    want(times.len() <= 5, "at most one per 2 s", || times.len().to_string())?;
    reject(bench, &mut channel, &order, &pages).await
}

pub(super) async fn ten_minutes(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, bytes, pages) = show_transfer(bench, &mut channel).await?;
    let start = Instant::now();
    let until = Duration::from_secs(596);
    while let Some(left) = until.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
        let came = channel.line.next(left.min(Duration::from_secs(100))).await?;
        want(came == Came::Nothing, "nothing for 596 s", || came.say())?;
        if start.elapsed() < until {
            bench.press(Key::Down).await?;
        }
    }
    channel.result_is(Code::TimedOut).await?;
    bench.show(&mut channel, &bytes, None).await?;
    reject(bench, &mut channel, &order, &pages).await
}

pub(super) async fn times_out(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, bytes, pages) = show_transfer(bench, &mut channel).await?;
    let start = Instant::now();
    let came = channel.line.next(Duration::from_secs(116)).await?;
    want(came == Came::Nothing, "nothing for 116 s", || came.say())?;
    channel.result_is(Code::TimedOut).await?;
    let waited = start.elapsed();
    want(waited < Duration::from_secs(120) + PATIENCE, "the end after 120 s", || {
        format!("{} s", waited.as_secs())
    })?;
    // Nothing was decided: the same order is shown again.
    bench.show(&mut channel, &bytes, None).await?;
    reject(bench, &mut channel, &order, &pages).await
}
