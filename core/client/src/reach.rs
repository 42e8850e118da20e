//! What is in reach, and whose it is.

use ushield_protocol::code::Code;
use ushield_protocol::framing::advertisement::Advertised;
use ushield_protocol::message::Hello;

use crate::client::Client;
use crate::error::Error;
use crate::ports::{Connector, Medium, Millis, Seen, Wanted};
use crate::records::TokenRecord;
use crate::token::{TokenSession, Wire};

/// A token that was just seen is there, or has gone.
pub(crate) const THERE: Millis = Millis(2_000);

/// A token in reach.
#[derive(Clone, Debug)]
pub struct InReach {
    /// How.
    pub medium: Medium,
    /// Where: the device's address, the reader's name.
    pub place: String,
    /// Strength of its signal, dBm.
    pub signal: Option<i16>,
    /// Whose it is.
    pub whose: Whose,
}

/// Whose a token is, as far as this phone can tell.
#[derive(Clone, Debug)]
pub enum Whose {
    /// This phone's: it is paired with it.
    Ours(Box<TokenRecord>),
    /// Anybody's: its pairing mode is open.
    PairingMode,
    /// Nobody's yet: it knows no phone.
    Unpaired,
    /// It does not know this phone.
    Others,
    /// It serves another phone just now, and says nothing.
    Busy,
}

impl Whose {
    /// The stable name, in kebab case.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Whose::Ours(_) => "paired",
            Whose::PairingMode => "pairing-mode",
            Whose::Unpaired => "unpaired",
            Whose::Others => "others",
            Whose::Busy => "busy",
        }
    }
}

impl Client {
    /// Looks around on these ways, for some seconds. A token that advertises is recognised by that; any other is connected to and asked.
    ///
    /// # Errors
    /// `radio-off`, `radio-forbidden`, `no-reader` where that holds for all ways; what kept a stream's address from being a token's,
    /// where nothing else is there; `store-*`.
    pub async fn in_reach(&self, connector: &dyn Connector) -> Result<Vec<InReach>, Error> {
        let tokens = self.tokens()?;
        let mut found: Vec<InReach> = Vec::new();
        let mut silent = None;
        for Seen { medium, place, advertised, signal } in connector.look().await? {
            let whose = match advertised.as_deref() {
                Some(advertised) => {
                    Advertised::decode(advertised).map(|advertised| judge(&tokens, advertised))
                }
                None => match self.ask(connector, &place, &tokens).await {
                    Ok(whose) => Some(whose),
                    Err(error) => {
                        // A card may be anything; to an address somebody expects a token.
                        silent = silent.or((medium == Medium::Stream).then_some(error));
                        None
                    }
                },
            };
            let Some(whose) = whose else { continue };
            // One that is paired with several phones advertises to each in turn; ours is the turn that counts.
            match found.iter_mut().find(|known| known.medium == medium && known.place == place) {
                Some(known) if matches!(whose, Whose::Ours(_)) => known.whose = whose,
                Some(_) => {}
                None => found.push(InReach { medium, place, signal, whose }),
            }
        }
        match silent {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    /// Whose the token at this place is; why there is none.
    async fn ask(
        &self,
        connector: &dyn Connector,
        place: &str,
        tokens: &[TokenRecord],
    ) -> Result<Whose, Error> {
        let whose = match self.greet(connector, Wanted::any().only_at(place)).await {
            Ok((_, hello)) if hello.pairing => Whose::PairingMode,
            Ok(_) => Whose::Others,
            Err(error) if error.code() == Code::Busy => return Ok(Whose::Busy),
            Err(error) => return Err(error),
        };
        let ours = self.whose_at(connector, place, tokens).await;
        Ok(ours.map_or(whose, |token| Whose::Ours(Box::new(token))))
    }

    /// Which of these tokens is at this place: it proves it.
    pub(crate) async fn whose_at(
        &self,
        connector: &dyn Connector,
        place: &str,
        tokens: &[TokenRecord],
    ) -> Option<TokenRecord> {
        for token in tokens {
            let wanted = Wanted::paired(&token.pairing).only_at(place);
            let (wire, hello) = self.greet(connector, wanted).await.ok()?;
            if let Ok(session) = TokenSession::authenticate(self, wire, &hello, token).await {
                session.close().await;
                return Some(token.clone());
            }
        }
        None
    }

    async fn greet(&self, connector: &dyn Connector, mut wanted: Wanted) -> Result<(Wire<'_>, Hello), Error> {
        wanted.wait(THERE);
        let begun = self.clock().monotonic();
        let mut wire = Wire::new(self, connector.connect(&wanted).await?, begun);
        let hello = wire.hello().await?;
        Ok((wire, hello))
    }
}

fn judge(tokens: &[TokenRecord], advertised: Advertised) -> Whose {
    match advertised {
        Advertised::Open { pairing: true } => Whose::PairingMode,
        Advertised::Open { pairing: false } => Whose::Unpaired,
        Advertised::Paired { .. } => tokens
            .iter()
            .find(|token| advertised.is_by(&token.pairing.k_adv))
            .map_or(Whose::Others, |token| Whose::Ours(Box::new(token.clone()))),
    }
}
