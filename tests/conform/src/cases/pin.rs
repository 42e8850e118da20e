//! The PIN (section 6).

use std::time::Duration;

use tokio::time::{Instant, sleep};
use ushield_protocol::code::Code;
use ushield_protocol::message::{Request, Role};
use ushield_protocol::order::OrderPayload;
use ushield_protocol::pin::{INITIAL_PIN, PinBlock};
use ushield_protocol::render::{Notices, Pages};

use super::review::reject;
use crate::PIN;
use crate::bench::Bench;
use crate::hand::Key;
use crate::judge::Shown;
use crate::miss::{Step, want};
use crate::phone::{Channel, block};
use crate::report::Skipped;

/// No token of a run has this PIN.
pub(super) const WRONG: &str = "90v215";
/// The message of a wrong PIN gives way to the last page within.
const MESSAGE: Duration = Duration::from_secs(6);

pub(super) async fn initial_refuses(bench: &mut Bench) -> Step {
    bench.phone()?;
    if bench.pin_was_initial != Some(true) {
        return Err(Skipped::NotFresh.into());
    }
    let order = bench.download(Role::Pay).await?;
    let order = bench.sign(&order)?;
    let before = bench.still().await?;
    let mut channel = bench.channel().await?;
    let pin = Some(bench.pin_block()?);
    channel.ask(&Request::Order { pin, order }, Code::PinInitial).await?;
    bench.unchanged(before, "an order under the initial PIN").await
}

fn change_to(bench: &Bench, new: &str) -> Step<Request> {
    Ok(Request::PinChange { old: bench.pin_block()?, new: block(new)? })
}

pub(super) async fn change_refused(bench: &mut Bench) -> Step {
    let before = bench.still().await?;
    let mut channel = bench.channel().await?;
    for simple in ["111111", "456789", "fedcba"] {
        channel.ask(&change_to(bench, simple)?, Code::PinTooSimple).await?;
    }
    // The initial PIN is too simple itself.
    if bench.pin != INITIAL_PIN {
        channel.ask(&change_to(bench, bench.pin)?, Code::PinUnchanged).await?;
    }
    bench.unchanged(before, "a new PIN that is refused").await
}

pub(super) async fn question_ends(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let change = change_to(bench, "x4y7z1")?;
    bench.put(&mut channel, &change).await?;
    channel.line.close().await;
    sleep(Duration::from_millis(500)).await;
    bench.press(Key::Ok).await?;
    // What the OK took away was a message; nothing of the token's is to be opened by a further one.
    bench.setup.hand.dismiss().await?;
    let before = bench.pin_was_initial == Some(true) && bench.pin == INITIAL_PIN;
    let channel = bench.channel().await?;
    want(channel.state.flags.pin_initial == before, "the PIN as it was", || "another one".to_owned())
}

async fn change_once(bench: &mut Bench, new: &'static str) -> Step {
    let mut channel = bench.channel().await?;
    let change = change_to(bench, new)?;
    bench.put(&mut channel, &change).await?;
    bench.press(Key::Ok).await?;
    channel.result_is(Code::Ok).await?;
    bench.pin = new;
    Ok(())
}

pub(super) async fn change(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let initial = channel.state.flags.pin_initial;
    let change = change_to(bench, "x4y7z1")?;
    bench.put(&mut channel, &change).await?;
    bench.press(Key::Cancel).await?;
    channel.result_is(Code::Declined).await?;
    channel.line.close().await;
    let channel = bench.channel().await?;
    want(channel.state.flags.pin_initial == initial, "the PIN as it was", || "another one".to_owned())?;
    channel.line.close().await;
    if bench.pin == PIN {
        change_once(bench, "x4y7z1").await?;
    }
    change_once(bench, PIN).await?;
    let channel = bench.channel().await?;
    want(!channel.state.flags.pin_initial, "a PIN that is not the initial one", || {
        "the initial one".to_owned()
    })?;
    want(channel.state.tries == 5, "five tries", || channel.state.tries.to_string())
}

pub(super) async fn needed(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, bytes) = bench.signed_transfer().await?;
    let pages = bench.pages(&bytes, &Notices::default()).await?;
    bench.show(&mut channel, &bytes, None).await?;
    bench.turn_pages(&pages).await?;
    bench.press(Key::Ok).await?;
    channel.event(Code::PinNeeded).await?;
    channel.send(&Request::Pin { pin: bench.pin_block()? }).await?;
    channel.quiet("nothing for a PIN that came after OK").await?;
    bench.press(Key::Ok).await?;
    let answer = channel.result_is(Code::Ok).await?;
    let via = bench.phone()?.id();
    bench.judge_approval(&answer, &Shown { order: &order, pages: &pages, via }).await
}

pub(super) async fn reject_on_missing(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, bytes) = bench.signed_transfer().await?;
    let pages = bench.pages(&bytes, &Notices::default()).await?;
    bench.show(&mut channel, &bytes, None).await?;
    bench.turn_pages(&pages).await?;
    bench.press(Key::Ok).await?;
    channel.event(Code::PinNeeded).await?;
    reject(bench, &mut channel, &order, &pages).await
}

pub(super) async fn only_at_ok(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let tries = channel.state.tries;
    let (order, bytes) = bench.signed_transfer().await?;
    let pages = bench.pages(&bytes, &Notices::default()).await?;
    bench.show(&mut channel, &bytes, Some(block(WRONG)?)).await?;
    for _ in 0..6 {
        channel.send(&Request::Pin { pin: block(WRONG)? }).await?;
        channel.quiet("nothing for a PIN before OK").await?;
        bench.show(&mut channel, &bytes, Some(block(WRONG)?)).await?;
    }
    channel.line.close().await;
    let mut channel = bench.channel().await?;
    let left = channel.state.tries;
    want(left == tries, &format!("{tries} tries left"), || left.to_string())?;
    bench.show(&mut channel, &bytes, None).await?;
    reject(bench, &mut channel, &order, &pages).await
}

/// A transfer under a wrong PIN, on its last page.
async fn shown_with_wrong(bench: &mut Bench) -> Step<(Channel, OrderOnLastPage)> {
    let mut channel = bench.channel().await?;
    want(channel.state.tries == 5, "five tries", || channel.state.tries.to_string())?;
    let (order, bytes) = bench.signed_transfer().await?;
    let pages = bench.pages(&bytes, &Notices::default()).await?;
    bench.show(&mut channel, &bytes, Some(block(WRONG)?)).await?;
    bench.turn_pages(&pages).await?;
    Ok((channel, OrderOnLastPage { order, pages }))
}

struct OrderOnLastPage {
    order: OrderPayload,
    pages: Pages,
}

/// OK compares a wrong PIN: so many tries are left. The message of it stands now, and gives way to the last page.
async fn wrong_once(bench: &mut Bench, channel: &mut Channel, left: u8) -> Step {
    bench.press(Key::Ok).await?;
    let body = channel.event(Code::PinWrong).await?;
    want(body == [left], &format!("{left} tries left"), || format!("{body:?}"))
}

async fn send_quietly(channel: &mut Channel, pin: PinBlock) -> Step {
    channel.send(&Request::Pin { pin }).await?;
    channel.quiet("nothing for a further PIN before a further OK").await
}

async fn approve_after(bench: &mut Bench, channel: &mut Channel, shown: OrderOnLastPage) -> Step {
    bench.press(Key::Ok).await?;
    let answer = channel.result_is(Code::Ok).await?;
    let via = bench.phone()?.id();
    bench.judge_approval(&answer, &Shown { order: &shown.order, pages: &shown.pages, via }).await
}

async fn five_tries(bench: &mut Bench) -> Step {
    let channel = bench.channel().await?;
    want(channel.state.tries == 5, "five tries again", || channel.state.tries.to_string())
}

pub(super) async fn one_comparison(bench: &mut Bench) -> Step {
    let (mut channel, shown) = shown_with_wrong(bench).await?;
    wrong_once(bench, &mut channel, 4).await?;
    sleep(MESSAGE).await;
    // The block is used up, and on the last page another one waits for its OK.
    bench.press(Key::Ok).await?;
    channel.event(Code::PinNeeded).await?;
    send_quietly(&mut channel, bench.pin_block()?).await?;
    send_quietly(&mut channel, block(WRONG)?).await?;
    wrong_once(bench, &mut channel, 3).await?;
    // So it does while the message stands.
    send_quietly(&mut channel, block(WRONG)?).await?;
    send_quietly(&mut channel, bench.pin_block()?).await?;
    sleep(MESSAGE).await;
    approve_after(bench, &mut channel, shown).await?;
    channel.line.close().await;
    five_tries(bench).await
}

pub(super) async fn last_try(bench: &mut Bench) -> Step {
    let (mut channel, shown) = shown_with_wrong(bench).await?;
    for left in [4, 3, 2, 1] {
        wrong_once(bench, &mut channel, left).await?;
        send_quietly(&mut channel, if left == 1 { bench.pin_block()? } else { block(WRONG)? }).await?;
        sleep(MESSAGE).await;
    }
    bench.press(Key::Ok).await?;
    channel.event(Code::LastTry).await?;
    channel.quiet("nothing before a further OK").await?;
    approve_after(bench, &mut channel, shown).await?;
    channel.line.close().await;
    five_tries(bench).await
}

pub(super) async fn forgotten(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, bytes) = bench.signed_transfer().await?;
    let pages = bench.pages(&bytes, &Notices::default()).await?;
    let pin = Some(bench.pin_block()?);
    bench.show(&mut channel, &bytes, pin).await?;
    bench.turn_pages(&pages).await?;
    sleep(Duration::from_secs(62)).await;
    bench.press(Key::Ok).await?;
    channel.event(Code::PinNeeded).await?;
    reject(bench, &mut channel, &order, &pages).await
}

/// The keys that are pressed meanwhile keep the review, not the PIN.
pub(super) async fn forgotten_in_use(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, bytes) = bench.signed_transfer().await?;
    let pages = bench.pages(&bytes, &Notices::default()).await?;
    let pin = Some(bench.pin_block()?);
    bench.show(&mut channel, &bytes, pin).await?;
    let start = Instant::now();
    bench.turn_pages(&pages).await?;
    while start.elapsed() < Duration::from_secs(302) {
        channel
            .line
            .next(Duration::from_secs(40))
            .await
            .and_then(|came| want(came == crate::line::Came::Nothing, "nothing before OK", || came.say()))?;
        bench.press(Key::Up).await?;
        bench.press(Key::Down).await?;
    }
    bench.press(Key::Ok).await?;
    channel.event(Code::PinNeeded).await?;
    reject(bench, &mut channel, &order, &pages).await
}

pub(super) async fn not_kept(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, bytes) = bench.signed_transfer().await?;
    let pages = bench.pages(&bytes, &Notices::default()).await?;
    let pin = Some(bench.pin_block()?);
    bench.show(&mut channel, &bytes, pin).await?;
    channel.send(&Request::Cancel { order: order.id }).await?;
    channel.result_is(Code::Cancelled).await?;
    channel.result_is(Code::Ok).await?;
    without_pin(bench, &mut channel, &order, &bytes, &pages).await?;
    let (order, bytes) = bench.signed_transfer().await?;
    let (answer, pages) = bench.approve(&mut channel, &bytes).await?;
    let via = bench.phone()?.id();
    bench.judge_approval(&answer, &Shown { order: &order, pages: &pages, via }).await?;
    let (order, bytes) = bench.signed_transfer().await?;
    let pages = bench.pages(&bytes, &Notices::default()).await?;
    without_pin(bench, &mut channel, &order, &bytes, &pages).await
}

/// An order that brings no PIN, where one was there before.
async fn without_pin(
    bench: &mut Bench,
    channel: &mut Channel,
    order: &OrderPayload,
    bytes: &[u8],
    pages: &Pages,
) -> Step {
    bench.show(channel, bytes, None).await?;
    bench.turn_pages(pages).await?;
    bench.press(Key::Ok).await?;
    channel.event(Code::PinNeeded).await?;
    reject(bench, channel, order, pages).await
}

pub(super) async fn question_times_out(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let change = change_to(bench, "x4y7z1")?;
    bench.put(&mut channel, &change).await?;
    let came = channel.line.next(Duration::from_secs(56)).await?;
    want(came == crate::line::Came::Nothing, "nothing for 56 s", || came.say())?;
    channel.result_is(Code::TimedOut).await?;
    Ok(())
}

pub(super) async fn locked(bench: &mut Bench) -> Step {
    bench.pay()?;
    let (mut channel, _) = shown_with_wrong(bench).await?;
    for left in [4, 3, 2, 1] {
        wrong_once(bench, &mut channel, left).await?;
        send_quietly(&mut channel, block(WRONG)?).await?;
        sleep(MESSAGE).await;
    }
    bench.press(Key::Ok).await?;
    channel.event(Code::LastTry).await?;
    bench.press(Key::Ok).await?;
    let body = channel.event(Code::PinWrong).await?;
    want(body == [0], "no try left", || format!("{body:?}"))?;
    channel.result_is(Code::PinLocked).await?;
    channel.line.close().await;
    sleep(MESSAGE).await;
    let mut channel = bench.channel().await?;
    let state = channel.state;
    want(state.flags.pin_locked && state.tries == 0, "locked, no try left", || format!("{:?}", state.flags))?;
    let before = bench.still().await?;
    let pin = bench.pin_block()?;
    let (_, order) = bench.signed_transfer().await?;
    channel.ask(&Request::Order { pin: Some(pin), order }, Code::PinLocked).await?;
    let change = change_to(bench, "x4y7z1")?;
    channel.ask(&change, Code::PinLocked).await?;
    bench.unchanged(before, "what needs a locked PIN").await
}
