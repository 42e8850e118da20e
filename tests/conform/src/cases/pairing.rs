//! Pairing (section 4).

use std::time::Duration;

use tokio::time::Instant;
use ushield_protocol::code::Code;
use ushield_protocol::device::verify_statement;
use ushield_protocol::key::P256Verifier;
use ushield_protocol::message::{Kind, P3, P6, Request, Versions};
use ushield_protocol::noise::{Handshake, Pattern, StaticKey};
use ushield_protocol::pin::PinBlock;

use crate::PIN;
use crate::bench::Bench;
use crate::fit;
use crate::hand::{Key, Wanted};
use crate::line::{Came, PATIENCE};
use crate::miss::{Miss, Step, want};
use crate::phone::{Comparing, Phone};
use crate::report::Skipped;

/// P1 of a new phone.
async fn p1(bench: &mut Bench) -> Step<Vec<u8>> {
    let (key, seed) = (StaticKey::Here(bench.new_phone()?.key), bench.seed()?);
    let p1 =
        Handshake::initiator(Pattern::Xx, &key, &seed).and_then(|mut xx| xx.write(&Versions::OURS.encode()));
    p1.map_err(|code| Miss::wrong("P1", code.name()))
}

pub(super) async fn outside_mode(bench: &mut Bench) -> Step {
    let before = bench.still().await?;
    let (mut line, hello) = bench.connect().await?;
    want(!hello.pairing, "a token whose pairing mode is closed", || "hello says that it is open".to_owned())?;
    line.send(Kind::Pairing, &p1(bench).await?).await;
    line.refused(&[Code::NotPairing, Code::PairingTriesSpent]).await?;
    bench.unchanged(before, "P1 outside pairing mode").await
}

pub(super) async fn flag(bench: &mut Bench) -> Step {
    let (line, hello) = bench.connect().await?;
    line.close().await;
    want(!hello.pairing, "no flag before", || "the flag".to_owned())?;
    bench.setup.hand.open_pairing().await?;
    let (line, hello) = bench.connect().await?;
    line.close().await;
    want(hello.pairing, "the flag of pairing mode", || "none".to_owned())
}

pub(super) async fn commitment(bench: &mut Bench) -> Step {
    // A first try, and the one of `pairing-declined` after it.
    let phone = bench.new_phone()?;
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let mut comparing = bench.compare(&phone).await?;
        want(comparing.opens, "a nonce that opens the commitment", || "another".to_owned())?;
        let nonce = comparing.p4.nonce;
        want(!nonces.contains(&nonce), "a nonce that no pairing had", || "the same one again".to_owned())?;
        nonces.push(nonce);
        comparing.answer(false, None).await?;
        comparing.refused(Code::Declined).await?;
    }
    Ok(())
}

pub(super) async fn declined(bench: &mut Bench) -> Step {
    bench.setup.hand.open_pairing().await?;
    let mut phone = bench.new_phone()?;
    let mut comparing = bench.compare(&phone).await?;
    comparing.answer(false, None).await?;
    comparing.refused(Code::Declined).await?;
    comparing.line.ends().await?;
    phone.pairing = Some((comparing.token, ushield_protocol::secret::Secret::new([0; 32])));
    unknown(bench, &phone).await
}

/// A K1 by this phone is a stranger's.
pub(super) async fn unknown(bench: &mut Bench, phone: &Phone) -> Step {
    let (mut line, hello) = bench.connect().await?;
    let (_, k1) = phone.k1(&hello, &bench.seed()?, Versions::OURS)?;
    line.send(Kind::Connect, &k1).await;
    line.refused(&[Code::UnknownPhone]).await?;
    Ok(())
}

pub(super) async fn identity(bench: &mut Bench) -> Step {
    let phone = bench.new_phone()?;
    let mut comparing = bench.compare(&phone).await?;
    let identity = fit::identity(bench, &comparing)?;
    verify_statement(&comparing.p4.statement, &identity, &comparing.token, &P256Verifier).map_err(
        |refusal| Miss::wrong("a device statement over this handshake's key", refusal.to_string()),
    )?;
    bench.identity = Some(identity);
    bench.press(Key::Cancel).await?;
    comparing.refused(Code::Declined).await?;
    Ok(())
}

pub(super) async fn digits(bench: &mut Bench) -> Step {
    bench.setup.hand.open_pairing().await?;
    let phone = bench.new_phone()?;
    let comparing = bench.compare(&phone).await?;
    bench.must_show(Wanted::Digits(&comparing.digits)).await?;
    let screen = bench.setup.hand.screen().await?.unwrap_or_default();
    want(!screen.contains("Conformance"), "no name beside the digits", || screen.replace('\n', " | "))?;
    comparing.line.close().await;
    Ok(())
}

pub(super) async fn ok_before_answer(bench: &mut Bench) -> Step {
    let phone = bench.new_phone()?;
    let mut comparing = bench.compare(&phone).await?;
    bench.press(Key::Ok).await?;
    comparing.line.quiet("nothing for an OK before P5").await?;
    let pin = pin_for(bench, &comparing)?;
    comparing.answer(true, pin).await?;
    comparing.line.quiet("nothing for P5 while OK was pressed before it").await?;
    bench.press(Key::Cancel).await?;
    comparing.refused(Code::Declined).await?;
    Ok(())
}

pub(super) async fn bad_name(bench: &mut Bench) -> Step {
    bench.setup.hand.open_pairing().await?;
    let before = bench.setup.hand.screen().await?;
    for name in ["", "x23456789x123456789x123456789x123", "\u{202e}012345"] {
        let (phone, line) = (bench.new_phone()?, bench.pairing_line().await?);
        let bad = |p3: P3| P3 { name: name.to_owned(), ..p3 }.encode();
        let mut opening = phone.open_pairing(line, &bench.seed()?, bad, bench.random()?).await?;
        opening.line.refused(&[Code::Malformed]).await?;
        if let (Some(before), Some(now)) = (&before, bench.setup.hand.screen().await?) {
            let digits = now.lines().any(|line| line.trim().len() == 6 && line.trim().parse::<u32>().is_ok());
            want(!digits || *before == now, "no digits", || now.replace('\n', " | "))?;
        }
    }
    Ok(())
}

/// Drops a pairing after P4.
async fn drop_one(bench: &mut Bench) -> Step {
    let phone = bench.new_phone()?;
    let (line, hello) = bench.connect().await?;
    want(hello.pairing, "pairing mode open before the third try", || "it is closed".to_owned())?;
    let opening = phone.open_pairing(line, &bench.seed()?, |p3| p3.encode(), bench.random()?).await?;
    opening.compare().await?.line.close().await;
    Ok(())
}

async fn spent(bench: &mut Bench) -> Step {
    let (mut line, hello) = bench.connect().await?;
    want(!hello.pairing, "pairing mode closed after three tries", || "it is open".to_owned())?;
    line.send(Kind::Pairing, &p1(bench).await?).await;
    line.refused(&[Code::PairingTriesSpent]).await?;
    Ok(())
}

pub(super) async fn tries(bench: &mut Bench) -> Step {
    bench.setup.hand.open_pairing().await?;
    for _ in 0..3 {
        drop_one(bench).await?;
    }
    spent(bench).await
}

pub(super) async fn tries_over_restart(bench: &mut Bench) -> Step {
    bench.setup.hand.open_pairing().await?;
    for _ in 0..2 {
        drop_one(bench).await?;
    }
    let phone = bench.new_phone()?;
    let comparing = bench.compare(&phone).await?;
    bench.setup.hand.restart().await?;
    comparing.line.close().await;
    spent(bench).await
}

pub(super) fn pin_for(bench: &Bench, comparing: &Comparing) -> Step<Option<PinBlock>> {
    if comparing.p4.pin_needed { bench.pin_block().map(Some) } else { Ok(None) }
}

/// The whole of it: the phone holds its pairing afterwards.
async fn pair(bench: &mut Bench, phone: &mut Phone) -> Step {
    let mut comparing = bench.compare(phone).await?;
    let pin = pin_for(bench, &comparing)?;
    comparing.answer(true, pin).await?;
    finish(bench, phone, comparing).await
}

/// OK, and P6.
async fn finish(bench: &mut Bench, phone: &mut Phone, mut comparing: Comparing) -> Step {
    // The answer has to be there: OK counts only then, and nothing says that it is.
    comparing.line.quiet("nothing between P5 and OK").await?;
    bench.press(Key::Ok).await?;
    match comparing.p6().await? {
        P6::Paired { k_hint, .. } => phone.pairing = Some((comparing.token, k_hint)),
        // A PIN that neither its maker nor a run has set: a try is gone, and nobody who drives the run can know it.
        P6::Refused { refusal, .. } if refusal.code == Code::PinWrong && bench.phone.is_none() => {
            return Err(fit::Unfit::Used { code: refusal.code.to_string() }.into());
        }
        P6::Refused { refusal, .. } => return Err(Miss::wrong("P6 ok", format!("P6 {}", refusal.code))),
    }
    comparing.line.close().await;
    Ok(())
}

pub(super) async fn good(bench: &mut Bench) -> Step {
    bench.setup.hand.open_pairing().await?;
    let mut phone = bench.new_phone()?;
    let comparing = bench.compare(&phone).await?;
    // A first phone needs a PIN only where an earlier run changed it.
    bench.pin = if comparing.p4.pin_needed { PIN } else { bench.pin };
    let mut comparing = comparing;
    let pin = pin_for(bench, &comparing)?;
    comparing.answer(true, pin).await?;
    finish(bench, &mut phone, comparing).await?;
    let mut channel = bench.channel_of(&phone).await?;
    channel.ask(&Request::Info, Code::Ok).await?;
    bench.pin_was_initial = Some(channel.state.flags.pin_initial);
    if !channel.state.flags.pin_initial {
        bench.pin = PIN;
    }
    bench.phone = Some(phone);
    channel.line.close().await;
    let (line, hello) = bench.connect().await?;
    line.close().await;
    want(!hello.pairing, "pairing mode closed after a pairing", || "it is open".to_owned())
}

pub(super) async fn pin_initial(bench: &mut Bench) -> Step {
    bench.phone()?;
    if bench.pin_was_initial != Some(true) {
        return Err(Skipped::NotFresh.into());
    }
    bench.setup.hand.open_pairing().await?;
    let (phone, line) = (bench.new_phone()?, bench.pairing_line().await?);
    let mut opening = phone.open_pairing(line, &bench.seed()?, |p3| p3.encode(), bench.random()?).await?;
    opening.line.refused(&[Code::PinInitial]).await?;
    Ok(())
}

pub(super) async fn second_phone(bench: &mut Bench) -> Step {
    bench.phone()?;
    bench.setup.hand.open_pairing().await?;
    let mut phone = bench.new_phone()?;
    let mut comparing = bench.compare(&phone).await?;
    want(comparing.p4.pin_needed, "P4 that asks for the PIN", || "P4 that does not".to_owned())?;
    comparing.answer(true, None).await?;
    comparing.line.refused(&[Code::Malformed]).await?;
    pair(bench, &mut phone).await?;
    let mut channel = bench.channel_of(&phone).await?;
    channel.ask(&Request::Info, Code::Ok).await?;
    bench.second = Some(phone);
    Ok(())
}

pub(super) async fn provisional(bench: &mut Bench) -> Step {
    let mut second = bench.second()?;
    bench.setup.hand.open_pairing().await?;
    let mut never_back = bench.new_phone()?;
    pair(bench, &mut never_back).await?;
    // K1 and K2 alone confirm nothing.
    bench.channel_of(&never_back).await?.line.close().await;
    bench.setup.hand.open_pairing().await?;
    pair(bench, &mut second).await?;
    bench.second = Some(second.clone());
    unknown(bench, &never_back).await?;
    // A phone that pairs again stays confirmed, whatever follows; so does the other one.
    bench.channel_of(&second).await?.line.close().await;
    let mut channel = bench.channel().await?;
    channel.ask(&Request::Info, Code::Ok).await?;
    Ok(())
}

/// Every place is taken, then given back.
pub(super) async fn full(bench: &mut Bench) -> Step {
    let channel = bench.channel().await?;
    let taken = channel.state.phones;
    channel.line.close().await;
    let mut guests = Vec::new();
    for _ in taken..8 {
        bench.setup.hand.open_pairing().await?;
        let mut phone = bench.new_phone()?;
        pair(bench, &mut phone).await?;
        bench.channel_of(&phone).await?.ask(&Request::Info, Code::Ok).await?;
        guests.push(phone.id());
    }
    // A token may say so before it opens the mode.
    let _ = bench.setup.hand.open_pairing().await;
    let (mut line, hello) = bench.connect().await?;
    if hello.pairing {
        let phone = bench.new_phone()?;
        let seed = bench.seed()?;
        let mut opening = phone.open_pairing(line, &seed, |p3| p3.encode(), bench.random()?).await?;
        opening.line.refused(&[Code::PhonesFull]).await?;
    } else {
        line.send(Kind::Pairing, &p1(bench).await?).await;
        line.refused(&[Code::NotPairing, Code::PhonesFull]).await?;
    }
    for phone in guests {
        let mut channel = bench.channel().await?;
        bench.put(&mut channel, &Request::Forget { phone }).await?;
        bench.press(Key::Ok).await?;
        channel.result_is(Code::Ok).await?;
    }
    Ok(())
}

pub(super) async fn times_out(bench: &mut Bench) -> Step {
    bench.phone()?;
    bench.setup.hand.open_pairing().await?;
    let phone = bench.new_phone()?;
    let mut comparing = bench.compare(&phone).await?;
    let start = Instant::now();
    let came = comparing.line.next(Duration::from_secs(56)).await?;
    want(came == Came::Nothing, "nothing for 56 s", || came.say())?;
    comparing.refused(Code::TimedOut).await?;
    let waited = start.elapsed();
    want(waited < Duration::from_secs(60) + PATIENCE, "the end after 60 s", || {
        format!("{} s", waited.as_secs())
    })
}
