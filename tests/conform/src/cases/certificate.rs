//! Certificates (sections 5, 8.5 and 11).

use ushield_protocol::code::Code;
use ushield_protocol::device::certified_key;
use ushield_protocol::key::Sign;
use ushield_protocol::message::{Request, Role, certificates, decode_certificates};
use ushield_protocol::order::OrderPayload;
use ushield_protocol::render::Notices;

use super::review::{reject, walk};
use crate::bench::Bench;
use crate::hand::Key;
use crate::judge::Shown;
use crate::miss::{Miss, Step, want};
use crate::report::Skipped;

/// Only where no earlier run has left a certificate.
async fn needs_none(bench: &mut Bench) -> Step {
    let info = bench.info().await?;
    if info.pay.is_some() { Err(Skipped::NotFresh.into()) } else { bank_keys(bench) }
}

pub(super) fn bank_keys(bench: &Bench) -> Step {
    if bench.bank_keys { Ok(()) } else { Err(Skipped::Needs("bank-key-taken").into()) }
}

pub(super) async fn missing(bench: &mut Bench) -> Step {
    needs_none(bench).await?;
    let key = bench.new_key()?.public_key().key_id();
    let order = bench.transfer_to(key).await?;
    let order = bench.sign(&order)?;
    let mut channel = bench.channel().await?;
    let pin = Some(bench.pin_block()?);
    channel.ask(&Request::Order { pin, order }, Code::NoCertificate).await?;
    Ok(())
}

pub(super) async fn rejected(bench: &mut Bench) -> Step {
    needs_none(bench).await?;
    let order = bench.download(Role::Pay).await?;
    let bytes = bench.sign(&order)?;
    let pages = bench.pages(&bytes, &Notices::default()).await?;
    let mut channel = bench.channel().await?;
    bench.show(&mut channel, &bytes, None).await?;
    reject(bench, &mut channel, &order, &pages).await
}

async fn attest(bench: &mut Bench) -> Step<(OrderPayload, Vec<u8>)> {
    let order = bench.download(Role::Pay).await?;
    let bytes = bench.sign(&order)?;
    let pages = bench.pages(&bytes, &Notices::default()).await?;
    let mut channel = bench.channel().await?;
    let pin = Some(bench.pin_block()?);
    bench.show(&mut channel, &bytes, pin).await?;
    walk(bench, &pages).await?;
    bench.press(Key::Ok).await?;
    let answer = channel.result_is(Code::Ok).await?;
    let via = bench.phone()?.id();
    let attestation = bench.judge_attestation(&answer, &Shown { order: &order, pages: &pages, via }).await?;
    want(attestation.role == Role::Pay, "role pay", || format!("{:?}", attestation.role))?;
    bench.requests.push(attestation.request);
    Ok((order, answer))
}

pub(super) async fn attested(bench: &mut Bench) -> Step {
    needs_none(bench).await?;
    attest(bench).await.map(|_| ())
}

pub(super) async fn redelivered(bench: &mut Bench) -> Step {
    needs_none(bench).await?;
    let (order, answer) = attest(bench).await?;
    let (bytes, id) = (bench.sign(&order)?, order.id);
    let mut channel = bench.channel().await?;
    for request in [Request::Order { pin: None, order: bytes }, Request::Collect { order: id }] {
        let again = channel.ask(&request, Code::Ok).await?;
        want(again == answer, "the same attestation", || format!("another answer of {} bytes", again.len()))?;
    }
    Ok(())
}

fn issued(certificate: Option<Vec<u8>>) -> Step<Vec<u8>> {
    let certificate = certificate.ok_or_else(|| Miss::wrong("a request that can be certified", "another"))?;
    Ok(certificates(&[certificate]))
}

pub(super) async fn foreign(bench: &mut Bench) -> Step {
    needs_none(bench).await?;
    let request = bench.requests.last().cloned().ok_or(Skipped::Needs("certificate-attested"))?;
    let foreign = issued(bench.authority.issue_over(&bench.new_key()?.public_key()))?;
    let own = issued(bench.authority.issue(&request))?;
    let mut channel = bench.channel().await?;
    for (role, chain) in
        [(Role::Pay, foreign), (Role::Login, own), (Role::Pay, certificates(&[vec![0x30, 0x00]]))]
    {
        channel.ask(&Request::PutCertificate { role, chain }, Code::WrongCertificate).await?;
    }
    channel.ask(&Request::PutCertificate { role: Role::Pay, chain: vec![0x80] }, Code::Malformed).await?;
    channel.ask(&Request::GetCertificate { role: Role::Pay }, Code::NoCertificate).await?;
    Ok(())
}

pub(super) async fn stored(bench: &mut Bench) -> Step {
    let mut channel = bench.channel().await?;
    if channel.state.flags.pay {
        // An earlier run's: the other cases go on with it.
        let chain = channel.ask(&Request::GetCertificate { role: Role::Pay }, Code::Ok).await?;
        bench.pay = decode_certificates(&chain).ok().and_then(|chain| certified_key(chain.first()?));
        return Err(Skipped::NotFresh.into());
    }
    let request = bench.requests.last().cloned().ok_or(Skipped::Needs("certificate-attested"))?;
    let chain = issued(bench.authority.issue(&request))?;
    for _ in 0..2 {
        channel.ask(&Request::PutCertificate { role: Role::Pay, chain: chain.clone() }, Code::Ok).await?;
    }
    let kept = channel.ask(&Request::GetCertificate { role: Role::Pay }, Code::Ok).await?;
    want(kept == chain, "the chain as it came", || format!("{} bytes", kept.len()))?;
    let own = decode_certificates(&chain).ok().and_then(|chain| certified_key(chain.first()?));
    let key = own.ok_or_else(|| Miss::wrong("a key in the certificate", "none"))?;
    channel.line.close().await;
    let channel = bench.channel().await?;
    let expected = key.short_key_id();
    let state = channel.state;
    want(state.flags.pay && state.pay == *expected.as_bytes(), &format!("pay {expected} in K2"), || {
        format!("{:02x?}", state.pay)
    })?;
    bench.pay = Some(key);
    Ok(())
}

/// The key of the attestation before the last one, and back to the last one's.
pub(super) async fn replaced(bench: &mut Bench) -> Step {
    let key = bench.pay()?;
    let [.., before, last] = bench.requests.as_slice() else { return Err(Skipped::NotFresh.into()) };
    let chains = [issued(bench.authority.issue(before))?, issued(bench.authority.issue(last))?];
    let mut channel = bench.channel().await?;
    for chain in chains {
        channel.ask(&Request::PutCertificate { role: Role::Pay, chain: chain.clone() }, Code::Ok).await?;
        let kept = channel.ask(&Request::GetCertificate { role: Role::Pay }, Code::Ok).await?;
        want(kept == chain, "the certificate that took the place", || format!("{} bytes", kept.len()))?;
    }
    channel.line.close().await;
    let state = bench.channel().await?.state;
    let expected = key.short_key_id();
    want(state.pay == *expected.as_bytes(), &format!("pay {expected} in K2"), || {
        format!("{:02x?}", state.pay)
    })
}

pub(super) async fn is_final(bench: &mut Bench) -> Step {
    bench.pay()?;
    if bench.pay_chain.0.is_none() {
        return Err(Skipped::Needs("review-approved").into());
    }
    let order = bench.download(Role::Pay).await?;
    let order = bench.sign(&order)?;
    let mut channel = bench.channel().await?;
    let pin = Some(bench.pin_block()?);
    channel.ask(&Request::Order { pin, order }, Code::CertificateExists).await?;
    let kept = channel.ask(&Request::GetCertificate { role: Role::Pay }, Code::Ok).await?;
    channel.ask(&Request::PutCertificate { role: Role::Pay, chain: kept }, Code::Ok).await?;
    let chain = issued(bench.authority.issue_over(&bench.pay()?))?;
    channel.ask(&Request::PutCertificate { role: Role::Pay, chain }, Code::CertificateExists).await?;
    // Over the other key that it made for this role, too.
    if let Some(other) = bench.requests.first().filter(|_| bench.requests.len() > 1) {
        let chain = issued(bench.authority.issue(other))?;
        channel.send(&Request::PutCertificate { role: Role::Pay, chain }).await?;
        let reply = channel.result().await?;
        // A key that is not used any more may have been wiped.
        let refused = matches!(reply.code, Code::CertificateExists | Code::WrongCertificate);
        want(refused, "certificate-exists", || crate::phone::say(&reply))?;
    }
    Ok(())
}
