//! Commands (section 5).

use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;
use ushield_protocol::message::{Info, Request, Role, decode_phones};

use crate::bench::Bench;
use crate::miss::{Miss, Step, want};
use crate::phone::{block, say};

pub(super) async fn info_and_phones(bench: &mut Bench) -> Step {
    let phone = bench.phone()?;
    let mut channel = bench.channel().await?;
    let body = channel.ask(&Request::Info, Code::Ok).await?;
    let info =
        Info::decode(&body).map_err(|error| Miss::wrong("info as section 5 has it", error.to_string()))?;
    want(info.encode() == body, "info in its one form", || "other bytes".to_owned())?;
    let state = channel.state;
    let said = (info.flags, info.tries, info.firmware, info.profile, info.phones);
    let before = (state.flags, state.tries, state.firmware, state.profile, state.phones);
    want(said == before, &format!("what K2 said: {before:?}"), || format!("{said:?}"))?;
    if let Some(identity) = &bench.identity {
        want(info.device == identity.device, "the device of the maker's chain", || info.device.to_string())?;
    }
    let body = channel.ask(&Request::Phones, Code::Ok).await?;
    let phones =
        decode_phones(&body).map_err(|error| Miss::wrong("phones as section 5 has it", error.to_string()))?;
    want(phones.len() == usize::from(info.phones), "as many phones as info says", || {
        phones.len().to_string()
    })?;
    let this = phones.iter().filter(|entry| entry.this).map(|entry| entry.id).collect::<Vec<_>>();
    want(this == [phone.id()], "this phone marked, and no other", || format!("{this:?}"))
}

/// Whatever is asked, nobody at the token sees anything of it.
pub(super) async fn asking(bench: &mut Bench) -> Step {
    let before = bench.still().await?;
    let mut channel = bench.channel().await?;
    let pay = if channel.state.flags.pay { Code::Ok } else { Code::NoCertificate };
    let login = if channel.state.flags.login { Code::Ok } else { Code::NoCertificate };
    let asked = [
        (Request::Info, Code::Ok),
        (Request::Phones, Code::Ok),
        (Request::GetCertificate { role: Role::Pay }, pay),
        (Request::GetCertificate { role: Role::Login }, login),
    ];
    let mut answers = Vec::new();
    for _ in 0..2 {
        for (request, code) in &asked {
            answers.push(channel.ask(request, *code).await?);
        }
    }
    let (first, again) = answers.split_at(asked.len());
    want(first == again, "the same answers again", || "others".to_owned())?;
    bench.unchanged(before, "info, phones and get-certificate").await
}

pub(super) async fn unknown(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    for command in [0x00, 0x0c, 0xff] {
        channel.send_bytes(&[command]).await?;
        channel.result_is(Code::UnknownCommand).await?;
    }
    channel.ask(&Request::Info, Code::Ok).await?;
    Ok(())
}

pub(super) async fn malformed(bench: &mut Bench) -> Step {
    let with = |command: u8, body: &[u8]| [&[command], body].concat();
    let pin = *block("246819")?.expose();
    let mut tail = pin;
    tail[31] = 1;
    let mut short = pin;
    short[0] = 5;
    let mut letter = pin;
    letter[1] = b'-';
    let block_then_order =
        |present: u8, block: &[u8; 32]| with(6, &[&[present], block.as_slice(), &[0x84]].concat());
    let bad = [
        vec![],
        with(1, &[0]),
        with(2, &[0]),
        with(3, &[0; 7]),
        with(3, &[0; 9]),
        with(4, &pin),
        with(4, &[pin.as_slice(), &[0; 32]].concat()),
        with(4, &[pin.as_slice(), &tail].concat()),
        with(5, &[]),
        with(5, &[0xff; 40]),
        with(6, &[]),
        with(6, &[0; 33]),
        block_then_order(2, &pin),
        block_then_order(0, &pin),
        block_then_order(1, &[0; 32]),
        block_then_order(1, &short),
        block_then_order(1, &letter),
        with(7, &[]),
        with(7, &[0; 32]),
        with(7, &tail),
        with(8, &[0x40; 15]),
        with(8, &[0; 16]),
        with(9, &[0; 16]),
        with(9, &[0x40; 17]),
        with(10, &[3, 0x81, 0x40]),
        with(10, &[1]),
        with(11, &[]),
        with(11, &[0]),
        with(11, &[1, 0]),
    ];
    let before = bench.still().await?;
    let mut channel = bench.channel().await?;
    for plaintext in &bad {
        channel.send_bytes(plaintext).await?;
        let reply = channel.result().await?;
        let command = plaintext.first().map_or("nothing".to_owned(), |command| format!("{command:02x}"));
        let expected = format!("malformed for command {command} of {} bytes", plaintext.len());
        want(reply.code == Code::Malformed, &expected, || say(&reply))?;
        want(reply.body.len() == 3, "reason, field and sub-field", || format!("{} bytes", reply.body.len()))?;
    }
    channel.ask(&Request::Info, Code::Ok).await?;
    bench.unchanged(before, "malformed commands").await
}

pub(super) async fn pin_without_review(bench: &mut Bench) -> Step {
    let order = OrderId::from_random(bench.random()?);
    let pin = bench.pin_block()?;
    let mut channel = bench.channel().await?;
    for request in [Request::Pin { pin }, Request::Cancel { order }, Request::Collect { order }] {
        channel.ask(&request, Code::NotFound).await?;
    }
    Ok(())
}
