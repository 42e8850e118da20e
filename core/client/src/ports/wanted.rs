//! Which token a connection is wanted to. Hosts ask, and decide nothing.

use std::fmt;

use ushield_protocol::framing::advertisement::Advertised;
use ushield_protocol::secret::Secret;
use ushield_session::Millis;
use ushield_session::record::PairingRecord;

/// A token is waited for so long: somebody has to fetch it, or to press a key of it.
const FETCHED: Millis = Millis(60_000);
/// And so long where the one that is there is another one, and has to be put away for the right one.
const EXCHANGED: Millis = Millis(15_000);

/// Which token a connection is wanted to.
#[derive(Clone)]
pub struct Wanted {
    token: Token,
    /// Places whose token was asked and is not the one.
    passed: Vec<String>,
    only: Option<String>,
    patience: Millis,
}

#[derive(Clone)]
enum Token {
    Any,
    ToPair,
    /// The one with this key of advertisements.
    Paired(Secret<32>),
}

/// Whether an advertisement is by the token that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It is another one, or no token.
    No,
    /// To be taken when no better one was heard for some seconds.
    Perhaps,
    /// It is.
    Yes,
}

impl Wanted {
    fn of(token: Token) -> Self {
        Self { token, passed: Vec::new(), only: None, patience: FETCHED }
    }

    /// Any token.
    #[must_use]
    pub fn any() -> Self {
        Self::of(Token::Any)
    }

    /// A token to pair with.
    #[must_use]
    pub fn to_pair() -> Self {
        Self::of(Token::ToPair)
    }

    /// The token of this pairing.
    #[must_use]
    pub fn paired(pairing: &PairingRecord) -> Self {
        Self::of(Token::Paired(pairing.k_adv.clone()))
    }

    /// Nowhere but at this place.
    #[must_use]
    pub fn only_at(mut self, place: &str) -> Self {
        self.only = Some(place.to_owned());
        self
    }

    /// Not at this place: what is there is not the one.
    pub(crate) fn pass_over(&mut self, place: String) {
        self.passed.push(place);
    }

    /// The one that was there has to be put away for the right one, which is then quick.
    pub(crate) fn expect_exchange(&mut self) {
        self.patience = self.patience.min(EXCHANGED);
    }

    /// Waits so long for it to come, and no shorter.
    pub(crate) fn wait(&mut self, patience: Millis) {
        self.patience = patience;
    }

    /// Whether a token that advertises these bytes may be the one: manufacturer data behind the company (protocol.md, section 2.1).
    #[must_use]
    pub fn fits(&self, manufacturer_data: &[u8]) -> Fit {
        let Some(advertised) = Advertised::decode(manufacturer_data) else { return Fit::No };
        let open = matches!(advertised, Advertised::Open { .. });
        let pairing = advertised == Advertised::Open { pairing: true };
        match &self.token {
            Token::Any => Fit::Yes,
            Token::ToPair if pairing => Fit::Yes,
            Token::Paired(k_adv) if advertised.is_by(k_adv) => Fit::Yes,
            // It may have forgotten this phone, which only the handshake can say; or nobody has opened its pairing mode yet.
            Token::Paired(_) | Token::ToPair if open => Fit::Perhaps,
            Token::Paired(_) | Token::ToPair => Fit::No,
        }
    }

    /// Whether a token at this place comes into question.
    #[must_use]
    pub fn is_at(&self, place: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == place) && !self.passed.iter().any(|known| known == place)
    }

    /// How long a radio should search for it before it says `token-not-found`.
    #[must_use]
    pub fn patience(&self) -> Millis {
        self.patience
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = match self.token {
            Token::Any => "any",
            Token::ToPair => "to pair",
            Token::Paired(_) => "paired",
        };
        write!(f, "Wanted({token})")
    }
}

#[cfg(test)]
mod tests {
    use ushield_protocol::key::PublicKey;

    use super::*;

    fn pairing() -> PairingRecord {
        let mut point = [0; 33];
        // The generator's x-coordinate (SEC 2, secp256r1).
        let x = [
            0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
            0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
        ];
        point[1..].copy_from_slice(&x);
        point[0] = 3;
        let key = PublicKey::from_slice(&point).unwrap();
        let text = || "t".to_owned();
        PairingRecord {
            device: [1; 16].into(),
            dh: key,
            device_key: key,
            name: text(),
            brand: text(),
            model: text(),
            phone: key,
            k_hint: Secret::new([1; 32]),
            k_adv: Secret::new([2; 32]),
        }
    }

    #[test]
    fn a_phone_takes_its_own_token_and_perhaps_one_that_knows_no_phone() {
        let wanted = Wanted::paired(&pairing());
        let by = |key| Advertised::to(&Secret::new([key; 32]), [7, 8, 9]).unwrap().encode();
        let open = |pairing| Advertised::Open { pairing }.encode();
        assert_eq!((wanted.fits(&by(2)), wanted.fits(&by(1))), (Fit::Yes, Fit::No));
        assert_eq!(wanted.fits(&open(false)), Fit::Perhaps);
        let to_pair = Wanted::to_pair();
        assert_eq!((to_pair.fits(&open(true)), to_pair.fits(&open(false))), (Fit::Yes, Fit::Perhaps));
        assert_eq!(to_pair.fits(&by(2)), Fit::No);
        assert_eq!((Wanted::any().fits(&by(1)), Wanted::any().fits(&[1, 2])), (Fit::Yes, Fit::No));
        assert_eq!(format!("{wanted:?}"), "Wanted(paired)");
    }

    #[test]
    fn what_was_passed_over_is_not_asked_again_and_an_exchange_is_waited_for_less() {
        let mut wanted = Wanted::any();
        assert!(wanted.is_at("a") && wanted.patience() == FETCHED);
        wanted.pass_over("a".to_owned());
        assert!(!wanted.is_at("a") && wanted.is_at("b") && wanted.patience() == FETCHED);
        wanted.expect_exchange();
        assert_eq!(wanted.patience(), EXCHANGED);
        let only = Wanted::to_pair().only_at("b");
        assert!(only.is_at("b") && !only.is_at("a"));
    }
}
