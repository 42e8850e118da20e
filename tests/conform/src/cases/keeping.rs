//! What is kept, and what goes (section 11).

use ushield_protocol::code::Code;
use ushield_protocol::message::Request;

use super::review::{reject, show_transfer};
use crate::bench::{BEFORE, Bench};
use crate::hand::Key;
use crate::miss::{Step, want};
use crate::phone::say;

/// Rejections after which an answer may have gone: the reference keeps 64.
const LATER: usize = 66;

pub(super) async fn evicted(bench: &mut Bench) -> Step {
    bench.pay()?;
    let bank = bench.bank().await?;
    let mut channel = bench.channel().await?;
    let (order, bytes, pages) = show_transfer(bench, &mut channel).await?;
    bench.press(Key::Cancel).await?;
    let answer = channel.result_is(Code::Ok).await?;
    let via = bench.phone()?.id();
    bench.judge_rejection(&answer, &crate::judge::Shown { order: &order, pages: &pages, via }).await?;
    for _ in 0..LATER {
        let (later, _, pages) = show_transfer(bench, &mut channel).await?;
        reject(bench, &mut channel, &later, &pages).await?;
    }
    // The floor lies before the order again.
    bench.epoch = bench.epoch.saturating_add(1);
    let from = bench.setup.now.saturating_sub(BEFORE);
    for statement in bench.setup.bank.statements(&bank, bench.epoch, from) {
        let statement = statement.sign(&bench.setup.bank.root);
        channel.ask(&Request::BankKey { statement }, Code::Ok).await?;
    }
    channel.send(&Request::Order { pin: None, order: bytes }).await?;
    let reply = channel.result().await?;
    let right = reply.code == Code::OrderExpired || (reply.code == Code::Ok && reply.body == answer);
    want(right, "order-expired, or the identical answer", || say(&reply))
}
