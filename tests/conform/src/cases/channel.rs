//! The secure channel (section 3).

use ushield_protocol::code::Code;
use ushield_protocol::message::{Kind, Request, Versions};
use ushield_protocol::order::MAX_ORDER;

use crate::bench::Bench;
use crate::line::{Came, PATIENCE};
use crate::miss::{Miss, Step, want};

pub(super) async fn state(bench: &mut Bench) -> Step {
    let phone = bench.phone()?;
    let (mut line, hello) = bench.connect().await?;
    let (mut handshake, k1) = phone.k1(&hello, &bench.seed()?, Versions::OURS)?;
    line.send(Kind::Connect, &k1).await;
    let k2 = line.take(Kind::Connect).await?;
    let state = handshake.read(&k2).map_err(|_| Miss::wrong("K2 that opens", "another"))?;
    want(state.len() == 24, "24 bytes", || format!("{} bytes", state.len()))?;
    let zeros = state.get(21..).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0));
    want(zeros, "bytes 21 to 23 zero", || "others".to_owned())?;
    want(state.get(4).is_some_and(|flags| flags & 0xc0 == 0), "flags 6 and 7 zero", || "others".to_owned())?;
    line.close().await;
    let channel = bench.channel().await?;
    let state = &channel.state;
    want(state.versions.agree(Versions::OURS).is_ok(), "version 1, suite 1", || {
        format!("{:?}", state.versions)
    })?;
    want(state.tries <= 5, "at most 5 tries", || state.tries.to_string())?;
    want(matches!(state.profile, 1 | 2), "render profile 1 or 2", || state.profile.to_string())?;
    let largest = usize::from(state.max_order);
    want(largest == MAX_ORDER, "a largest order of 1,024 bytes", || largest.to_string())?;
    want((1..=8).contains(&state.phones), "1 to 8 phones", || state.phones.to_string())?;
    let pay = state.pay != [0; 8];
    want(pay == state.flags.pay, "a key id where pay is certified", || format!("{:?}", state.flags))
}

/// K1 of a paired phone under another hint: a token that tries all its phones finds it all the same, and must not.
pub(super) async fn hint_wrong(bench: &mut Bench) -> Step {
    let phone = bench.phone()?;
    let before = bench.still().await?;
    let (mut line, hello) = bench.connect().await?;
    let (_, mut k1) = phone.k1(&hello, &bench.seed()?, Versions::OURS)?;
    if let Some(first) = k1.first_mut() {
        *first ^= 1;
    }
    line.send(Kind::Connect, &k1).await;
    line.refused(&[Code::UnknownPhone]).await?;
    bench.unchanged(before, "a K1 whose hint matches nobody").await
}

pub(super) async fn recorded(bench: &mut Bench) -> Step {
    let phone = bench.phone()?;
    let (mut line, hello) = bench.connect().await?;
    let (_, k1) = phone.k1(&hello, &bench.seed()?, Versions::OURS)?;
    line.send(Kind::Connect, &k1).await;
    line.take(Kind::Connect).await?;
    line.close().await;
    let (mut line, _) = bench.connect().await?;
    line.send(Kind::Connect, &k1).await;
    line.refused(&[Code::UnknownPhone]).await?;
    Ok(())
}

pub(super) async fn other_key(bench: &mut Bench) -> Step {
    let mut thief = bench.new_phone()?;
    thief.pairing = bench.phone()?.pairing;
    let (mut line, hello) = bench.connect().await?;
    let (_, k1) = thief.k1(&hello, &bench.seed()?, Versions::OURS)?;
    line.send(Kind::Connect, &k1).await;
    line.ends().await
}

pub(super) async fn versions(bench: &mut Bench) -> Step {
    let phone = bench.phone()?;
    for versions in
        [Versions { lowest: 2, highest: 2, suites: 1 }, Versions { lowest: 1, highest: 1, suites: 2 }]
    {
        let (mut line, hello) = bench.connect().await?;
        let (_, k1) = phone.k1(&hello, &bench.seed()?, versions)?;
        line.send(Kind::Connect, &k1).await;
        line.refused(&[Code::UnknownVersion]).await?;
    }
    Ok(())
}

pub(super) async fn sealed_once(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let sealed = seal_info(&mut channel.transport)?;
    channel.line.send(Kind::Sealed, &sealed).await;
    channel.result_is(Code::Ok).await?;
    channel.line.send(Kind::Sealed, &sealed).await;
    let came = channel.line.next(PATIENCE).await?;
    want(came == Came::End, "the end of the connection", || came.say())
}

pub(super) async fn sealed_altered(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    let mut sealed = seal_info(&mut channel.transport)?;
    if let Some(last) = sealed.last_mut() {
        *last ^= 1;
    }
    channel.line.send(Kind::Sealed, &sealed).await;
    let came = channel.line.next(PATIENCE).await?;
    want(came == Came::End, "the end of the connection", || came.say())
}

fn seal_info(transport: &mut ushield_protocol::noise::Transport) -> Step<Vec<u8>> {
    transport.seal(&Request::Info.encode()).map_err(|code| Miss::wrong("a sealed message", code.name()))
}
