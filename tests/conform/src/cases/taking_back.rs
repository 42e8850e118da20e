//! One review at a time, and how it can be taken back (section 11).

use std::time::Duration;

use tokio::time::sleep;
use ushield_protocol::code::Code;
use ushield_protocol::message::{Request, Role};

use super::review::{reject, show_transfer};
use crate::bench::Bench;
use crate::hand::{Key, Wanted};
use crate::miss::{Step, want};
use crate::phone::{Channel, block};

pub(super) async fn second_busy(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, _, pages) = show_transfer(bench, &mut channel).await?;
    let (_, other) = bench.signed_transfer().await?;
    channel.ask(&Request::Order { pin: None, order: other }, Code::Busy).await?;
    bench.must_show(Wanted::Page(pages.page(0).unwrap_or_default())).await?;
    reject(bench, &mut channel, &order, &pages).await
}

pub(super) async fn delivered_again(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, bytes, pages) = show_transfer(bench, &mut channel).await?;
    bench.press(Key::Down).await?;
    let second = pages.page(1).unwrap_or_default();
    channel.send(&Request::Order { pin: None, order: bytes }).await?;
    channel.event(Code::Shown).await?;
    bench.must_show(Wanted::Page(second)).await?;
    reject(bench, &mut channel, &order, &pages).await
}

pub(super) async fn busy(bench: &mut Bench) -> Step {
    let other = bench.phone()?.id();
    let mut channel = bench.channel().await?;
    let (order, _, pages) = show_transfer(bench, &mut channel).await?;
    let requests = [
        Request::Info,
        Request::Phones,
        Request::Forget { phone: other },
        Request::PinChange { old: bench.pin_block()?, new: block("x4y7z1")? },
        Request::BankKey { statement: vec![0x80] },
        Request::GetCertificate { role: Role::Pay },
    ];
    for request in requests {
        channel.ask(&request, Code::Busy).await?;
    }
    channel.ask(&Request::Collect { order: order.id }, Code::Waiting).await?;
    reject(bench, &mut channel, &order, &pages).await
}

pub(super) async fn bank_key(bench: &mut Bench) -> Step {
    let second = bench.second()?;
    let bank = bench.bank().await?;
    let mut channel = bench.channel().await?;
    let (order, bytes, pages) = show_transfer(bench, &mut channel).await?;
    channel.line.close().await;
    let from = bench.setup.now.saturating_sub(crate::bench::BEFORE);
    let [statement, _] = bench.setup.bank.statements(&bank, bench.epoch, from);
    let statement = statement.sign(&bench.setup.bank.root);
    let mut other = bench.channel_of(&second).await?;
    other.ask(&Request::BankKey { statement }, Code::Busy).await?;
    other.line.close().await;
    let mut channel = again(bench, &bytes).await?;
    reject(bench, &mut channel, &order, &pages).await
}

/// The phone that delivered it comes back, and goes on with it.
async fn again(bench: &mut Bench, order: &[u8]) -> Step<Channel> {
    let mut channel = bench.channel().await?;
    let flags = channel.state.flags;
    want(flags.reviewing && flags.reviewing_ours, "flags of a review of this phone's", || {
        format!("{flags:?}")
    })?;
    channel.send(&Request::Order { pin: None, order: order.to_vec() }).await?;
    channel.event(Code::Shown).await?;
    Ok(channel)
}

pub(super) async fn disconnect(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, bytes, pages) = show_transfer(bench, &mut channel).await?;
    channel.line.close().await;
    sleep(Duration::from_millis(500)).await;
    bench.must_show(Wanted::Page(pages.page(0).unwrap_or_default())).await?;
    let mut channel = bench.channel().await?;
    channel.ask(&Request::Collect { order: order.id }, Code::Waiting).await?;
    channel.line.close().await;
    let mut channel = again(bench, &bytes).await?;
    reject(bench, &mut channel, &order, &pages).await
}

/// Cancels what is shown.
async fn cancel(bench: &mut Bench, channel: &mut Channel) -> Step {
    let (order, _, _) = show_transfer(bench, channel).await?;
    channel.send(&Request::Cancel { order: order.id }).await?;
    channel.result_is(Code::Cancelled).await?;
    channel.result_is(Code::Ok).await?;
    channel.ask(&Request::Collect { order: order.id }, Code::NotFound).await?;
    Ok(())
}

pub(super) async fn own(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    cancel(bench, &mut channel).await
}

pub(super) async fn by_other_phone(bench: &mut Bench) -> Step {
    let second = bench.second()?;
    let mut channel = bench.channel().await?;
    let (order, bytes, pages) = show_transfer(bench, &mut channel).await?;
    channel.line.close().await;
    let mut other = bench.channel_of(&second).await?;
    let flags = other.state.flags;
    want(flags.reviewing && !flags.reviewing_ours, "flags of another phone's review", || {
        format!("{flags:?}")
    })?;
    other.ask(&Request::Cancel { order: order.id }, Code::NotFound).await?;
    other.ask(&Request::Pin { pin: bench.pin_block()? }, Code::NotFound).await?;
    other.ask(&Request::Order { pin: None, order: bytes.clone() }, Code::Busy).await?;
    other.line.close().await;
    bench.must_show(Wanted::Page(pages.page(0).unwrap_or_default())).await?;
    let mut channel = again(bench, &bytes).await?;
    reject(bench, &mut channel, &order, &pages).await
}

pub(super) async fn decided(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, _, pages) = show_transfer(bench, &mut channel).await?;
    reject(bench, &mut channel, &order, &pages).await?;
    channel.ask(&Request::Cancel { order: order.id }, Code::AlreadyDecided).await?;
    Ok(())
}

pub(super) async fn message_held(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    cancel(bench, &mut channel).await?;
    let (_, order) = bench.signed_transfer().await?;
    channel.ask(&Request::Order { pin: None, order }, Code::Busy).await?;
    sleep(Duration::from_millis(5_500)).await;
    let (order, bytes) = bench.signed_transfer().await?;
    let pages = bench.pages(&bytes, &ushield_protocol::render::Notices::default()).await?;
    channel.send(&Request::Order { pin: None, order: bytes }).await?;
    channel.event(Code::Shown).await?;
    reject(bench, &mut channel, &order, &pages).await
}

pub(super) async fn after_own_act(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let (order, _, pages) = show_transfer(bench, &mut channel).await?;
    reject(bench, &mut channel, &order, &pages).await?;
    let (order, bytes) = bench.signed_transfer().await?;
    let pages = bench.pages(&bytes, &ushield_protocol::render::Notices::default()).await?;
    channel.send(&Request::Order { pin: None, order: bytes }).await?;
    channel.event(Code::Shown).await?;
    bench.press(Key::Cancel).await?;
    let answer = channel.result_is(Code::Ok).await?;
    let via = bench.phone()?.id();
    bench.judge_rejection(&answer, &crate::judge::Shown { order: &order, pages: &pages, via }).await?;
    let change = Request::PinChange { old: bench.pin_block()?, new: block("x4y7z1")? };
    channel.ask(&change, Code::Busy).await?;
    Ok(())
}
