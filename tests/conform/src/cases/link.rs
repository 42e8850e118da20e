//! Links and strangers (section 2).

use std::time::Duration;
use ushield_client::ports::Wanted;

use tokio::time::Instant;
use ushield_protocol::code::Code;
use ushield_protocol::message::{Kind, MAX_BODY};

use crate::bench::Bench;
use crate::line::{Came, Line, Stream, ends_after, frame};
use crate::miss::{Miss, Step, want};
use crate::report::Skipped;

pub(super) async fn hello_form(bench: &mut Bench) -> Step {
    let (mut line, _) = bench.connect().await?;
    line.quiet("one hello").await?;
    line.close().await;
    let mut line = Line::new(bench.setup.connector.connect(&Wanted::any()).await?);
    let body = match line.first().await? {
        Came::Message(Kind::Hello, body) => body,
        came => return Err(Miss::wrong("hello", came.say())),
    };
    let [lowest, highest, suites_high, suites_low, flags, nonce @ ..] = body.as_slice() else {
        return Err(Miss::wrong("13 bytes", format!("{} bytes", body.len())));
    };
    want(nonce.len() == 8, "13 bytes", || format!("{} bytes", body.len()))?;
    let versions = (*lowest..=*highest).contains(&1) && suites_low & 1 == 1;
    want(versions, "version 1 and suite 1", || {
        format!("{lowest}..{highest}, suites {suites_high:02x}{suites_low:02x}")
    })?;
    want(flags & !1 == 0, "flags 1 to 7 zero", || format!("{flags:02x}"))
}

pub(super) async fn hello_nonce(bench: &mut Bench) -> Step {
    let mut nonces = Vec::new();
    for _ in 0..3 {
        let (line, hello) = bench.connect().await?;
        line.close().await;
        want(!nonces.contains(&hello.nonce), "a nonce that no connection had", || "one again".to_owned())?;
        nonces.push(hello.nonce);
    }
    Ok(())
}

pub(super) async fn wrong_kind(bench: &mut Bench) -> Step {
    let before = bench.still().await?;
    let (mut line, _) = bench.connect().await?;
    line.send(Kind::Sealed, &[0x5a; 64]).await;
    line.ends().await?;
    bench.unchanged(before, "a sealed message without a channel").await
}

async fn stream(bench: &mut Bench) -> Step<Box<dyn Stream>> {
    // The connection before has ended for the token, too.
    let (line, _) = bench.connect().await?;
    line.close().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let streams = bench.setup.streams.clone().ok_or(Skipped::NoStream)?;
    Ok(streams.open().await?)
}

pub(super) async fn foreign_kind(bench: &mut Bench) -> Step {
    for kind in [0u8, 4, 5, 6, 0x7f, 0xff] {
        let stream = stream(bench).await?;
        ends_after(stream, &frame(1, kind, &[0]), &format!("kind {kind}")).await?;
    }
    Ok(())
}

pub(super) async fn oversize(bench: &mut Bench) -> Step {
    let body = vec![0x5a; MAX_BODY + 1];
    for kind in [Kind::Pairing, Kind::Connect, Kind::Sealed] {
        let stream = stream(bench).await?;
        let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
        ends_after(stream, &frame(length, kind.number(), &body), "4,097 bytes").await?;
    }
    Ok(())
}

pub(super) async fn second_connection(bench: &mut Bench) -> Step {
    let (mut first, _) = bench.connect().await?;
    let mut second = Line::new(bench.setup.connector.connect(&Wanted::any()).await?);
    second.refused(&[Code::Busy]).await?;
    first.send(Kind::Connect, &[0x5a; 57]).await;
    first.refused(&[Code::UnknownPhone]).await?;
    Ok(())
}

pub(super) async fn stranger_garbage(bench: &mut Bench) -> Step {
    let before = bench.still().await?;
    let noise: [u8; 57] = bench.random()?;
    let tries: [(Kind, &[u8], &[Code]); 4] = [
        (Kind::Connect, &noise, &[Code::UnknownPhone]),
        (Kind::Connect, &[], &[Code::Malformed, Code::UnknownPhone]),
        (Kind::Connect, &[1, 2, 3], &[Code::Malformed, Code::UnknownPhone]),
        (Kind::Pairing, &noise, &[Code::Malformed, Code::NotPairing, Code::PairingTriesSpent]),
    ];
    for (kind, body, codes) in tries {
        let (mut line, _) = bench.connect().await?;
        line.send(kind, body).await;
        line.refused(codes).await?;
    }
    bench.unchanged(before, "a stranger").await
}

pub(super) async fn stranger_silent(bench: &mut Bench) -> Step {
    let before = bench.still().await?;
    let (mut line, _) = bench.connect().await?;
    let start = Instant::now();
    line.ends().await?;
    let waited = start.elapsed();
    let right = (Duration::from_millis(2_500)..Duration::from_millis(3_800)).contains(&waited);
    want(right, "the end after 3 s", || format!("after {} ms", waited.as_millis()))?;
    bench.unchanged(before, "a stranger").await
}
