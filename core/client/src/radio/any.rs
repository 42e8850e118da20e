//! Several ways at once: the token is wherever it is.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::select_all;
use ushield_protocol::code::Code;

use crate::error::Error;
use crate::ports::{Connector, Link, Seen, Wanted};

/// Connects by the way on which the token is found first.
#[derive(Clone)]
pub struct AnyOf(Vec<Arc<dyn Connector>>);

impl AnyOf {
    /// These ways.
    #[must_use]
    pub fn new(ways: Vec<Arc<dyn Connector>>) -> Self {
        Self(ways)
    }
}

impl std::fmt::Debug for AnyOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AnyOf({})", self.describe())
    }
}

#[async_trait]
impl Connector for AnyOf {
    async fn connect(&self, wanted: &Wanted) -> Result<Box<dyn Link>, Error> {
        let mut tries: Vec<_> = self.0.iter().map(|way| way.connect(wanted)).collect();
        let mut worst = None;
        while !tries.is_empty() {
            let (tried, _, others) = select_all(tries).await;
            match tried {
                Ok(link) => return Ok(link),
                Err(error) => worst = Some(worse(worst, error)),
            }
            tries = others;
        }
        Err(worst.unwrap_or(Error::new(Code::TokenNotFound)))
    }

    /// What any of them sees. An error only where all have one.
    async fn look(&self) -> Result<Vec<Seen>, Error> {
        let mut looks: Vec<_> = self.0.iter().map(|way| way.look()).collect();
        let (mut seen, mut worst, mut looked) = (Vec::new(), None, false);
        while !looks.is_empty() {
            let (look, _, others) = select_all(looks).await;
            match look {
                Ok(found) => {
                    looked = true;
                    seen.extend(found);
                }
                Err(error) => worst = Some(worse(worst, error)),
            }
            looks = others;
        }
        match worst {
            Some(error) if !looked => Err(error),
            _ => Ok(seen),
        }
    }

    fn describe(&self) -> String {
        let ways: Vec<String> = self.0.iter().map(|way| way.describe()).collect();
        ways.join(", ")
    }
}

/// The error of which the customer should hear: what they can switch on before what only is not there.
fn worse(known: Option<Error>, error: Error) -> Error {
    let weight = |error: &Error| match error.code() {
        Code::NoReader => 0,
        Code::TokenNotFound => 1,
        Code::RadioForbidden => 2,
        Code::RadioOff => 3,
        _ => 4,
    };
    match known {
        Some(known) if weight(&known) >= weight(&error) => known,
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use ushield_protocol::message::Kind;

    use super::*;
    use crate::ports::Medium;

    /// A way that fails, that waits for ever, or that connects.
    enum Way {
        Fails(Code),
        Waits,
        Connects,
    }

    struct Nothing;

    #[async_trait]
    impl Link for Nothing {
        async fn send(&mut self, _: Kind, _: &[u8]) -> Result<(), Error> {
            Ok(())
        }
        async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
            Err(Error::new(Code::LinkLost))
        }
        async fn close(&mut self) {}
    }

    #[async_trait]
    impl Connector for Way {
        async fn connect(&self, _: &Wanted) -> Result<Box<dyn Link>, Error> {
            match self {
                Way::Fails(code) => Err(Error::new(*code)),
                Way::Waits => std::future::pending().await,
                Way::Connects => Ok(Box::new(Nothing)),
            }
        }
        async fn look(&self) -> Result<Vec<Seen>, Error> {
            match self {
                Way::Fails(code) => Err(Error::new(*code)),
                _ => Ok(vec![Seen {
                    medium: Medium::Card,
                    place: "r".to_owned(),
                    advertised: None,
                    signal: None,
                }]),
            }
        }
        fn describe(&self) -> String {
            "way".to_owned()
        }
    }

    fn any(ways: Vec<Way>) -> AnyOf {
        let shared = |way| -> Arc<dyn Connector> { Arc::new(way) };
        AnyOf::new(ways.into_iter().map(shared).collect())
    }

    #[test]
    fn the_first_that_finds_it_wins_and_the_worst_error_is_told() {
        let connect = |ways| any(ways).connect(&Wanted::any()).now_or_never();
        assert!(connect(vec![Way::Fails(Code::NoReader), Way::Waits, Way::Connects]).unwrap().is_ok());
        assert!(connect(vec![Way::Fails(Code::NoReader), Way::Waits]).is_none());
        let off = vec![Way::Fails(Code::RadioOff), Way::Fails(Code::TokenNotFound)];
        assert_eq!(connect(off).unwrap().err().unwrap().code(), Code::RadioOff);
        assert_eq!(connect(vec![]).unwrap().err().unwrap().code(), Code::TokenNotFound);
    }

    #[test]
    fn a_look_shows_what_any_sees() {
        let look = |ways| any(ways).look().now_or_never().unwrap();
        assert_eq!(look(vec![Way::Fails(Code::RadioOff), Way::Connects]).unwrap().len(), 1);
        assert_eq!(look(vec![Way::Fails(Code::NoReader)]).unwrap_err().code(), Code::NoReader);
    }
}
