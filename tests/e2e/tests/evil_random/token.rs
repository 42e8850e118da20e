//! A token that answers with whatever its dice say, with all its true keys and with none: the client never panics, never advances an order
//! but as its table allows, submits nothing that is not this order's answer, and works with an honest token at once.

use std::sync::Arc;

use ushield_bank_api::Role;
use ushield_client::Error;
use ushield_e2e::evil::{Dice, Maker, Mischief, ScriptedToken, drive};
use ushield_protocol::code::Code;
use ushield_protocol::key::Sign as _;

use crate::play::{Caught, Count, Play, play, report, seeds};

/// Sequences over one phone; the last of them ends with a look at everything.
const PER_WORLD: u64 = 16;

/// A call of the client's while the token lies.
async fn act(played: &mut Play, token: &ScriptedToken, certified: bool) -> Result<(), Error> {
    let kind = if certified { played.dice.below(20) } else { 20 };
    if kind <= 9 {
        let id = played.create().await?;
        return played.world.client.run_order(token, &played.world.person, id).await.map(|_| ());
    }
    let (client, person) = (&played.world.client, &played.world.person);
    match kind {
        10 | 11 => client.resume(token, person).await.map(|_| ()),
        12 => match played.open_order().await {
            Some(id) => client.cancel_order(token, person, id).await.map(|_| ()),
            None => client.token_info(token, person, None).await.map(|_| ()),
        },
        13 | 14 => client.token_info(token, person, None).await.map(|_| ()),
        15 => client.change_pin(token, person, None).await,
        16 => client.certificate_on_token(token, person, None, Role::Pay).await.map(|_| ()),
        17 => client.forget_phone(token, person, None, None).await,
        18 | 19 => {
            token.open_pairing();
            let pending = client.pair(token, person, true).await?;
            // The customer compares, whatever the token says.
            match Some(pending.digits().to_string()) == token.digits() {
                true => pending.confirm(person).await.map(|_| ()),
                false => pending.differ().await,
            }
        }
        _ => client.download_certificate(token, person, None, Role::Pay).await.map(|_| ()),
    }
}

/// An honest token is there again: it is paired with if it has to be, and answers.
async fn works(played: &Play, must_pair: bool) {
    let world = &played.world;
    let must_pair = must_pair || world.client.tokens().unwrap().is_empty();
    if must_pair && let Err(error) = world.pair().await {
        played.witness.objects(format!("pairing with an honest token: {error:?}"));
    }
    match world.client.token_info(&world.token, &world.person, None).await {
        Ok((info, _)) if info.device == world.token.device() => {}
        other => played.witness.objects(format!("an honest token's info: {other:?}")),
    }
}

/// One call with a lying token, and then an honest one. Whether this phone can go on.
fn sequence(
    played: &mut Play,
    mischief: &Mischief,
    counterfeit: &ScriptedToken,
    seed: u64,
    last: bool,
) -> bool {
    played.dice.reseed(seed);
    let pay = played.world.token.pay_key().public_key();
    let certified = played.world.bank.certified().is_some();
    let known = played.world.client.tokens().unwrap();
    let kept = known.first().and_then(|token| played.world.client.certificate(token, Role::Pay).ok()?);
    played.witness.judges(kept.is_some());
    let token = if played.dice.percent(15) { counterfeit.clone() } else { played.world.token.clone() };
    let has_keys = token.device() == played.world.token.device();
    mischief.seize(&token, has_keys);
    let wishes = ["connected", "review-on-token", "pin-needed", "pin-wrong", "approved", "submitting"];
    if played.dice.percent(20) {
        played.world.person.cancels_when(wishes[played.dice.below(wishes.len())]);
    }
    played.world.person.gives_up_after(played.dice.below(12));
    let before = played.world.client.tokens().unwrap();
    played.may_run_full();
    if drive(act(played, &token, certified)).is_none() {
        played.witness.objects("it never ends".to_owned());
    }
    token.repent();
    played.honest_again();
    played.witness.judges(kept.is_some());
    played.told_the_truth();
    // The secrets of a pairing are the token's to make: after one with a liar the customer pairs anew.
    let must_pair = paired_anew(played, &before);
    let checked = drive(async {
        played.stay_signed_in().await.unwrap();
        works(played, must_pair).await;
        if last || played.dice.percent(10) || !certified {
            played.comes_to_an_end().await;
            played.shows_the_truth().await;
            played.executed_once();
        }
        // A device key that attested another key has hurt its owner alone: the bank certified that one.
        let hurt = played.world.bank.certified().is_some_and(|certified| certified != pay);
        if last && !hurt {
            if played.world.bank.certified().is_none() {
                played.world.certificate().await;
            }
            played.pays().await;
            played.knows_what_was_executed().await;
        }
        !hurt
    });
    checked.unwrap_or_else(|| {
        played.witness.objects("with honest sides it never ends".to_owned());
        false
    })
}

/// Whether the phone's pairing is another one than before, or the token's may be.
fn paired_anew(played: &Play, before: &[ushield_client::TokenRecord]) -> bool {
    let after = played.world.client.tokens().unwrap();
    let same = before.len() == after.len()
        && before.iter().zip(&after).all(|(before, after)| before.pairing == after.pairing);
    // The token had its own OK and the phone never heard of it.
    let probe = drive(played.world.client.token_info(&played.world.token, &played.world.person, None));
    !same || matches!(probe, Some(Err(error)) if error.code() == Code::UnknownPhone)
}

pub(crate) fn sequences(seeds: std::ops::Range<u64>) -> Result<Count, Caught> {
    let stage = std::cell::RefCell::new(None);
    let untrusted = Maker::new("Nobody's maker");
    let new = |number: u64| {
        let played = Play::new(number % 8, !number.is_multiple_of(8), |bank, _| bank);
        let dice: Arc<Dice> = Arc::clone(&played.dice);
        let counterfeit = ScriptedToken::new(&untrusted, 1_000);
        *stage.borrow_mut() = Some((Mischief::new(dice, Arc::clone(&played.witness)), counterfeit));
        played
    };
    play(seeds, PER_WORLD, new, |played, seed, last| {
        let stage = stage.borrow();
        let (mischief, counterfeit) = stage.as_ref().unwrap();
        sequence(played, mischief, counterfeit, seed, last)
    })
}

/// Half of the sequences: the other half is played beside it.
fn half(from: u64) {
    ushield_protocol::stand_in::enable(true);
    let count = report("lying token", sequences(seeds(from, 50_000)));
    assert!(count.executed > 0 && count.tally.verified > 0 && count.tally.unreadable > 0);
    ushield_protocol::stand_in::enable(false);
}

#[test]
fn a_lying_token_gets_nowhere() {
    half(0);
}

#[test]
fn a_lying_token_gets_nowhere_with_other_seeds() {
    half(500_000);
}

#[test]
fn a_lying_token_gets_nowhere_with_real_cryptography() {
    let count = report("lying token, real cryptography", sequences(seeds(1_000_000, 3_000)));
    assert!(count.executed > 0 && count.tally.verified > 0 && count.tally.unreadable > 0);
}
