//! Forgetting phones (sections 4 and 5).

use std::time::Duration;

use tokio::time::sleep;
use ushield_protocol::code::Code;
use ushield_protocol::message::Request;

use super::pairing::unknown;
use crate::bench::Bench;
use crate::hand::Key;
use crate::miss::Step;

pub(super) async fn declined(bench: &mut Bench) -> Step {
    let second = bench.second()?;
    let mut channel = bench.channel().await?;
    bench.put(&mut channel, &Request::Forget { phone: second.id() }).await?;
    bench.press(Key::Cancel).await?;
    channel.result_is(Code::Declined).await?;
    channel.line.close().await;
    bench.channel_of(&second).await?.line.close().await;
    Ok(())
}

pub(super) async fn other(bench: &mut Bench) -> Step {
    let second = bench.second()?;
    let mut channel = bench.channel().await?;
    bench.put(&mut channel, &Request::Forget { phone: second.id() }).await?;
    bench.press(Key::Ok).await?;
    channel.result_is(Code::Ok).await?;
    channel.line.close().await;
    bench.second = None;
    unknown(bench, &second).await?;
    let absent = Request::Forget { phone: second.id() };
    bench.setup.hand.dismiss().await?;
    sleep(Duration::from_millis(5_500)).await;
    let mut channel = bench.channel().await?;
    channel.ask(&absent, Code::NotFound).await?;
    Ok(())
}

pub(crate) async fn this(bench: &mut Bench) -> Step {
    let phone = bench.phone()?;
    let mut channel = bench.channel().await?;
    bench.put(&mut channel, &Request::Forget { phone: phone.id() }).await?;
    bench.press(Key::Ok).await?;
    channel.result_is(Code::Ok).await?;
    channel.line.ends().await?;
    bench.phone = None;
    unknown(bench, &phone).await
}
