//! Noise: static and ephemeral keys, what they agree on, channel keys, and plaintexts with a PIN in them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ushield_protocol::code::Code;
use ushield_protocol::key::PublicKey;
use ushield_protocol::message::{Request, Versions};
use ushield_protocol::noise::{DhSecret, Handshake, Pattern, Seed, StaticKey, Transport};
use ushield_protocol::pin::PinBlock;
use ushield_secrets::scene::Secrets;

use super::Look;

struct Ends {
    phone: Transport,
    token: Transport,
}

fn dh(secrets: &Secrets, name: &str) -> DhSecret {
    DhSecret::from_bytes(secrets.get(name).reveal().as_slice().try_into().unwrap()).unwrap()
}

fn seed(secrets: &Secrets, name: &str) -> Seed {
    Seed::from_slice(&secrets.get(name).reveal()).unwrap()
}

/// A reconnect as `session` and the token do it: the phone's key is elsewhere, and its handshake is done again for every agreement.
fn reconnect(secrets: &Secrets, damage: usize) -> Result<Ends, Code> {
    let (phone, token) = (dh(secrets, "phone-dh"), dh(secrets, "token-dh"));
    let (phone_seed, token_seed) = (seed(secrets, "seed-phone"), seed(secrets, "seed-token"));
    let pattern = Pattern::Kk { peer: token.public_key() };
    let ss = phone.agree(&token.public_key()).unwrap();
    let first = |agreements| {
        let key = StaticKey::Elsewhere { public: phone.public_key(), agreements };
        let mut handshake = Handshake::initiator(pattern, &key, &phone_seed)?;
        let k1 = handshake.write(&Versions::OURS.encode())?;
        Ok::<_, Code>((handshake, k1))
    };
    let (_, mut k1) = first(vec![(token.public_key(), ss.clone())])?;
    if damage == 1 {
        k1[40] ^= 1;
    }
    let back = Pattern::Kk { peer: phone.public_key() };
    let mut theirs = Handshake::responder(back, &StaticKey::Here(token.clone()), &token_seed)?;
    theirs.read(&k1)?;
    let mut k2 = theirs.write(&[7; 24])?;
    let point = PublicKey::from_slice(&k2[..33]).unwrap();
    if damage == 2 {
        k2[40] ^= 1;
    }
    let se = phone.agree(&point).unwrap();
    let (mut ours, _) = first(vec![(token.public_key(), ss), (point, se)])?;
    ours.read(&k2)?;
    Ok(Ends { phone: ours.into_transport()?, token: theirs.into_transport()? })
}

/// A PIN through the channel.
fn order(secrets: &Secrets, ends: &mut Ends, damage: bool) -> Result<usize, Code> {
    let pin = PinBlock::new(std::str::from_utf8(&secrets.get("pin").reveal()).unwrap()).ok();
    let mut sealed = ends.phone.seal(&Request::Order { pin, order: vec![7; 300] }.encode())?;
    if damage {
        sealed[20] ^= 1;
    }
    let plaintext = ends.token.open(&sealed)?;
    Request::decode(&plaintext).map_err(|refusal| refusal.code)?;
    Ok(plaintext.len())
}

pub(crate) fn success(look: &mut Look) {
    look.at("before");
    let mut ends = Box::new(reconnect(&look.secrets, 0).unwrap());
    look.at("alive-channel");
    for _ in 0..3 {
        order(&look.secrets, &mut ends, false).unwrap();
    }
    look.at("after-sealed");
    drop(ends);
    look.at("after");
}

pub(crate) fn error(look: &mut Look) {
    for damage in [1, 2] {
        assert!(reconnect(&look.secrets, damage).is_err());
    }
    let mut ends = Box::new(reconnect(&look.secrets, 0).unwrap());
    assert_eq!(order(&look.secrets, &mut ends, true), Err(Code::ChannelBroken));
    drop(ends);
    look.at("after");
}

pub(crate) fn panic(look: &mut Look) {
    let secrets = look.secrets.clone();
    let fell = catch_unwind(AssertUnwindSafe(|| {
        let mut ends = Box::new(reconnect(&secrets, 0).unwrap());
        order(&secrets, &mut ends, false).unwrap();
        assert!(secrets.all().is_empty(), "in the middle");
    }));
    assert!(fell.is_err());
    look.at("after");
}
