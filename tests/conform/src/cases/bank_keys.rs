//! `BANKKEY` statements (sections 8.1 and 11).

use ushield_protocol::code::Code;
use ushield_protocol::key::BankId;
use ushield_protocol::message::Request;

use crate::bench::{BEFORE, Bench};
use crate::fit;
use crate::miss::{Miss, Step, want};
use crate::phone::say;

pub(super) async fn wrong_root(bench: &mut Bench) -> Step {
    fit::keys(bench).await?;
    let bank = bench.bank().await?;
    let stranger = bench.new_key()?;
    let [statement, _] = bench.setup.bank.statements(&bank, bench.epoch, bench.setup.now);
    let mut altered = statement.sign(&bench.setup.bank.root);
    if let Some(byte) = altered.get_mut(20) {
        *byte ^= 1;
    }
    let mut channel = bench.channel().await?;
    channel.ask(&Request::BankKey { statement: statement.sign(&stranger) }, Code::BadSignature).await?;
    for statement in [altered, statement.encode()] {
        channel.send(&Request::BankKey { statement }).await?;
        let reply = channel.result().await?;
        let refused = matches!(reply.code, Code::BadSignature | Code::Malformed);
        want(refused, "bad-signature or malformed", || say(&reply))?;
    }
    Ok(())
}

pub(super) async fn wrong_bank(bench: &mut Bench) -> Step {
    let other = BankId::new("CONFXX99XXX").ok_or_else(|| Miss::wrong("a bank id", "none"))?;
    let [statement, _] = bench.setup.bank.statements(&other, bench.epoch, bench.setup.now);
    let statement = statement.sign(&bench.setup.bank.root);
    let mut channel = bench.channel().await?;
    channel.ask(&Request::BankKey { statement }, Code::WrongBank).await?;
    Ok(())
}

pub(super) async fn taken(bench: &mut Bench) -> Step {
    let bank = bench.bank().await?;
    let from = bench.setup.now.saturating_sub(BEFORE);
    let statements = bench.setup.bank.statements(&bank, bench.epoch, from);
    let mut channel = bench.channel().await?;
    for statement in statements.iter().chain(&statements) {
        let statement = statement.sign(&bench.setup.bank.root);
        channel.ask(&Request::BankKey { statement }, Code::Ok).await?;
    }
    bench.bank_keys = true;
    Ok(())
}

pub(super) async fn epochs(bench: &mut Bench) -> Step {
    let bank = bench.bank().await?;
    let from = bench.setup.now.saturating_sub(BEFORE);
    let mut channel = bench.channel().await?;
    let lower = bench.setup.bank.statements(&bank, bench.epoch.saturating_sub(1), from);
    let other = bench.setup.bank.statements(&bank, bench.epoch, from.saturating_sub(1));
    for statement in lower.iter().chain(&other) {
        let statement = statement.sign(&bench.setup.bank.root);
        channel.ask(&Request::BankKey { statement }, Code::EpochFallen).await?;
    }
    Ok(())
}
