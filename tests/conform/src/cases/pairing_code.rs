//! Pairing by code (section 4.1), where the token has codes and the hand can read them.

use ushield_protocol::code::Code;
use ushield_protocol::message::{Kind, P1_BY_CODE};
use ushield_protocol::pairing_code::{PairingCode, psk};
use ushield_protocol::secret::Secret;

use crate::bench::Bench;
use crate::hand::Key;
use crate::miss::{Miss, Step, want};
use crate::phone::Opening;
use crate::report::Skipped;

fn parsed(text: Option<String>) -> Step<PairingCode> {
    let text = text.ok_or(Skipped::NoCode)?;
    PairingCode::parse(&text).map_err(|code| Miss::wrong("a code as section 4.1 has it", code.name()))
}

async fn shown(bench: &mut Bench) -> Step<PairingCode> {
    parsed(bench.setup.hand.show_code().await?)
}

/// P1 to P3 under this key.
async fn until_p3(bench: &mut Bench, key: &Secret<32>) -> Step<Opening> {
    let (phone, line) = (bench.new_phone()?, bench.pairing_line().await?);
    phone.open_pairing_by_code(line, &bench.seed()?, key, bench.random()?).await
}

pub(super) async fn form(bench: &mut Bench) -> Step {
    let mut secrets = Vec::new();
    for _ in 0..3 {
        let code = shown(bench).await?;
        want(!secrets.contains(&code.psk()), "a secret that no code had", || {
            "the same one again".to_owned()
        })?;
        secrets.push(code.psk());
    }
    let code = shown(bench).await?;
    let opening = until_p3(bench, &code.psk()).await?;
    want(code.is_of(&opening.token), "half the hash of P2's static key", || {
        "another fingerprint".to_owned()
    })?;
    opening.compare().await?.line.close().await;
    Ok(())
}

pub(super) async fn spent(bench: &mut Bench) -> Step {
    let first = shown(bench).await?;
    let mut opening = until_p3(bench, &psk(&Secret::new(bench.random()?))).await?;
    opening.line.refused(&[Code::PairingCodeSpent]).await?;
    let second = parsed(bench.setup.hand.code().await?)?;
    want(second.psk() != first.psk(), "another code after a guess", || "the same one".to_owned())?;
    let opening = until_p3(bench, &second.psk()).await?;
    opening.compare().await?.line.close().await;
    let mut opening = until_p3(bench, &second.psk()).await?;
    opening.line.refused(&[Code::PairingCodeSpent]).await?;
    let (line, hello) = bench.connect().await?;
    line.close().await;
    want(!hello.pairing, "pairing mode closed after three tries", || "it is open".to_owned())
}

pub(super) async fn not_shown(bench: &mut Bench) -> Step {
    shown(bench).await?;
    bench.setup.hand.open_pairing().await?;
    if bench.setup.hand.code().await?.is_some() {
        return Err(Skipped::Hand("the token shows its code whenever pairing mode is open".to_owned()).into());
    }
    let mut line = bench.pairing_line().await?;
    let p1 = [P1_BY_CODE; 54];
    line.send(Kind::Pairing, &p1).await;
    line.refused(&[Code::PairingCodeSpent]).await?;
    Ok(())
}

pub(super) async fn answered(bench: &mut Bench) -> Step {
    let code = shown(bench).await?;
    let mut comparing = until_p3(bench, &code.psk()).await?.compare().await?;
    want(comparing.opens, "a nonce that opens the commitment", || "another".to_owned())?;
    bench.press(Key::Ok).await?;
    comparing.line.quiet("nothing for an OK before P5").await?;
    let screen = bench.setup.hand.screen().await?.unwrap_or_default();
    want(!screen.contains("Conformance"), "no name of the phone's", || screen.replace('\n', " | "))?;
    let pin = super::pairing::pin_for(bench, &comparing)?;
    comparing.answer(true, pin).await?;
    comparing.line.quiet("nothing for P5 while OK was pressed before it").await?;
    bench.press(Key::Cancel).await?;
    comparing.refused(Code::Declined).await?;
    Ok(())
}
