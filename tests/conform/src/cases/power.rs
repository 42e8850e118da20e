//! What the power takes away in the middle of a write (section 11), as far as it shows from outside.

use ushield_protocol::code::Code;
use ushield_protocol::message::{Reply, ReplyClass, Request};

use super::pin::WRONG;
use crate::bench::Bench;
use crate::hand::Key;
use crate::judge::Shown;
use crate::line::{Came, PATIENCE};
use crate::miss::{Miss, Step, want};
use crate::phone::{Channel, block, say};
use crate::report::Skipped;

/// The operations at which the power goes: each later than the one before, until an act is over earlier.
fn operations() -> impl Iterator<Item = u32> {
    std::iter::successors(Some((1u32, 2u32)), |(a, b)| Some((*b, a.checked_add(*b)?)))
        .map(|(a, _)| a)
        .take(20)
}

/// OK, with the power going at this operation: what came before the end, if anything did.
async fn ok_and_cut(bench: &mut Bench, channel: &mut Channel, operation: u32) -> Step<(Option<Reply>, bool)> {
    if !bench.setup.hand.cut_power_at(operation).await? {
        return Err(Skipped::NoSwitch.into());
    }
    bench.press(Key::Ok).await?;
    let first = match channel.line.next(PATIENCE).await? {
        Came::Message(_, body) => Some(channel.open(&body)?),
        Came::End | Came::Nothing => None,
    };
    let off = match &first {
        Some(reply) if reply.class == ReplyClass::Result => false,
        _ => channel.line.next(crate::line::QUIET).await? == Came::End,
    };
    bench.setup.hand.restart().await?;
    Ok((first, off))
}

pub(super) async fn approval(bench: &mut Bench) -> Step {
    bench.pay()?;
    for (cuts, operation) in operations().enumerate() {
        let mut channel = bench.channel().await?;
        let (order, bytes) = bench.signed_transfer().await?;
        let pages = bench.pages(&bytes, &Default::default()).await?;
        let pin = Some(bench.pin_block()?);
        bench.show(&mut channel, &bytes, pin).await?;
        bench.turn_pages(&pages).await?;
        let (released, _) = ok_and_cut(bench, &mut channel, operation).await?;
        drop(channel);
        let via = bench.phone()?.id();
        let shown = Shown { order: &order, pages: &pages, via };
        let mut channel = bench.channel().await?;
        let request = Request::Collect { order: order.id };
        channel.send(&request).await?;
        let kept = channel.result().await?;
        match (&released, kept.code) {
            // The answer left: it is the one that is kept.
            (Some(reply), _) => {
                want(reply.code == Code::Ok, "result ok", || say(reply))?;
                want(kept.body == reply.body, "the answer that was released", || say(&kept))?;
                bench.judge_approval(&kept.body, &shown).await?;
                want(cuts > 0, "a power cut before the end", || "none in a whole approval".to_owned())?;
                return Ok(());
            }
            (None, Code::Ok) => bench.judge_approval(&kept.body, &shown).await?,
            // Nothing was decided: it is shown again, and the customer's no ends it.
            (None, Code::NotFound) => {
                bench.show(&mut channel, &bytes, None).await?;
                super::review::reject(bench, &mut channel, &order, &pages).await?;
            }
            (None, _) => return Err(Miss::wrong("the answer, or not-found", say(&kept))),
        }
    }
    Err(Miss::wrong("an approval of fewer than ten thousand writes", "no end of them"))
}

pub(super) async fn tries(bench: &mut Bench) -> Step {
    bench.pay()?;
    let mut cuts = 0;
    for operation in operations() {
        let mut channel = bench.channel().await?;
        let before = channel.state.tries;
        let (order, bytes) = bench.signed_transfer().await?;
        let pages = bench.pages(&bytes, &Default::default()).await?;
        bench.show(&mut channel, &bytes, Some(block(WRONG)?)).await?;
        bench.turn_pages(&pages).await?;
        let (told, off) = ok_and_cut(bench, &mut channel, operation).await?;
        drop(channel);
        let mut channel = bench.channel().await?;
        let after = channel.state.tries;
        let least = before.saturating_sub(1);
        let right = if told.is_some() { after == least } else { after == least || after == before };
        let expected = format!("{least} tries left, or {before} where nothing was told");
        want(right, &expected, || after.to_string())?;
        cuts += u32::from(off);
        // Nothing of it was decided, and the right PIN gives the tries back.
        bench.show(&mut channel, &bytes, Some(bench.pin_block()?)).await?;
        bench.turn_pages(&pages).await?;
        bench.press(Key::Ok).await?;
        let answer = channel.result_is(Code::Ok).await?;
        let via = bench.phone()?.id();
        bench.judge_approval(&answer, &Shown { order: &order, pages: &pages, via }).await?;
        if !off {
            return want(cuts > 0, "a power cut before the end", || "none in a whole comparison".to_owned());
        }
    }
    Err(Miss::wrong("a comparison of fewer than ten thousand writes", "no end of them"))
}
