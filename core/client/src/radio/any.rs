//! Several ways at once: the token is wherever it is.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::future::{join_all, select_all};
use ushield_protocol::code::Code;

use crate::error::Error;
use crate::ports::{Clock, Connector, Link, Millis, Seen, Wanted};

/// A way that failed at once may work in a moment, while others are still searching.
const AGAIN: Millis = Millis(1_000);

/// Connects by the way on which the token is found first.
#[derive(Clone)]
pub struct AnyOf {
    ways: Vec<Arc<dyn Connector>>,
    clock: Arc<dyn Clock>,
}

/// What each way said last, where it has failed.
type Failures = Mutex<Vec<Option<Error>>>;

impl AnyOf {
    /// These ways.
    #[must_use]
    pub fn new(ways: Vec<Arc<dyn Connector>>, clock: Arc<dyn Clock>) -> Self {
        Self { ways, clock }
    }

    /// One way, again and again, until all have failed at least once. What is more than "not there" ends the search at once.
    async fn search(
        &self,
        at: usize,
        way: &dyn Connector,
        wanted: &Wanted,
        failures: &Failures,
    ) -> Result<Box<dyn Link>, Error> {
        loop {
            let error = match way.connect(wanted).await {
                Ok(link) => return Ok(link),
                Err(error) => error,
            };
            if rank(&error).is_none() {
                return Err(error);
            }
            if let Some(all) = note(failures, at, error) {
                return Err(self.together(all));
            }
            self.clock.sleep(AGAIN).await;
        }
    }

    /// One error for all: where a way could look and found nothing, that; else what the customer can switch on. The others are its cause.
    fn together(&self, mut failures: Vec<Error>) -> Error {
        if failures.len() == 1 {
            return failures.pop().unwrap_or(Error::new(Code::TokenNotFound));
        }
        let code = failures.iter().max_by_key(|error| rank(error)).map_or(Code::TokenNotFound, Error::code);
        let name = |(number, way): (usize, &Arc<dyn Connector>)| {
            way.describe().unwrap_or_else(|| format!("way {number}"))
        };
        let ways = (1..).zip(&self.ways).map(name);
        Error::new(code).caused_by(EachWay(ways.zip(failures).collect()))
    }
}

/// Writes down that a way has failed; what all said, once all have.
fn note(failures: &Failures, at: usize, error: Error) -> Option<Vec<Error>> {
    let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(failure) = failures.get_mut(at) {
        *failure = Some(error);
    }
    failures.iter().cloned().collect()
}

/// How much is known by an error of a search; nothing for one that is none of these.
fn rank(error: &Error) -> Option<u8> {
    match error.code() {
        Code::NoReader => Some(0),
        Code::RadioForbidden => Some(1),
        Code::RadioOff => Some(2),
        Code::TokenNotFound => Some(3),
        _ => None,
    }
}

/// What each way said, as the cause of the one error for all.
#[derive(Debug)]
pub struct EachWay(Vec<(String, Error)>);

impl EachWay {
    /// What caused this error, if it was a search on several ways.
    #[must_use]
    pub fn behind(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }

    /// The ways, as [`Connector::describe`] names them, each with its error.
    #[must_use]
    pub fn ways(&self) -> &[(String, Error)] {
        &self.0
    }
}

impl fmt::Display for EachWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (way, error)) in self.0.iter().enumerate() {
            let between = if number == 0 { "" } else { "; " };
            write!(f, "{between}{way}: {error}")?;
            let mut cause = std::error::Error::source(error);
            while let Some(why) = cause {
                write!(f, ": {why}")?;
                cause = why.source();
            }
        }
        Ok(())
    }
}

impl std::error::Error for EachWay {}

impl fmt::Debug for AnyOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyOf({})", self.describe().unwrap_or_default())
    }
}

#[async_trait]
impl Connector for AnyOf {
    async fn connect(&self, wanted: &Wanted) -> Result<Box<dyn Link>, Error> {
        let failures = Mutex::new(vec![None; self.ways.len()]);
        let search = |(at, way): (usize, &Arc<dyn Connector>)| {
            let (way, failures) = (Arc::clone(way), &failures);
            Box::pin(async move { self.search(at, &*way, wanted, failures).await })
        };
        let searches: Vec<_> = self.ways.iter().enumerate().map(search).collect();
        if searches.is_empty() {
            return Err(Error::new(Code::TokenNotFound));
        }
        select_all(searches).await.0
    }

    /// What any of them sees. An error only where all have one.
    async fn look(&self) -> Result<Vec<Seen>, Error> {
        let looks = join_all(self.ways.iter().map(|way| way.look())).await;
        let (mut seen, mut failures) = (Vec::new(), Vec::new());
        for look in looks {
            match look {
                Ok(found) => seen.extend(found),
                Err(error) => failures.push(error),
            }
        }
        if failures.len() == self.ways.len() { Err(self.together(failures)) } else { Ok(seen) }
    }

    fn describe(&self) -> Option<String> {
        let ways: Vec<String> = self.ways.iter().filter_map(|way| way.describe()).collect();
        (!ways.is_empty()).then(|| ways.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::FutureExt as _;
    use ushield_protocol::message::Kind;

    use super::*;
    use crate::ports::{Medium, UnixSeconds};

    /// Waits are over as soon as they begin, so often.
    struct Hasty(AtomicU32);

    #[async_trait]
    impl Clock for Hasty {
        fn now(&self) -> UnixSeconds {
            UnixSeconds(0)
        }
        fn monotonic(&self) -> Millis {
            Millis(0)
        }
        async fn sleep(&self, _: Millis) {
            if self.0.fetch_sub(1, Ordering::Relaxed) == 0 {
                std::future::pending::<()>().await;
            }
        }
    }

    /// A way that fails, that waits for ever, that connects, or that connects the third time.
    enum Way {
        Fails(Code),
        Waits,
        Connects,
        Later(AtomicU32),
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
                Way::Later(tries) if tries.fetch_add(1, Ordering::Relaxed) < 2 => {
                    Err(Error::new(Code::TokenNotFound))
                }
                Way::Connects | Way::Later(_) => Ok(Box::new(Nothing)),
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
    }

    fn any(ways: Vec<Way>) -> AnyOf {
        let shared = |way| -> Arc<dyn Connector> { Arc::new(way) };
        AnyOf::new(ways.into_iter().map(shared).collect(), Arc::new(Hasty(AtomicU32::new(9))))
    }

    fn connect(ways: Vec<Way>) -> Option<Result<(), Code>> {
        let connected = any(ways).connect(&Wanted::any()).now_or_never()?;
        Some(connected.map(|_| ()).map_err(|error| error.code()))
    }

    #[test]
    fn the_first_that_finds_it_wins() {
        assert_eq!(connect(vec![Way::Fails(Code::NoReader), Way::Waits, Way::Connects]), Some(Ok(())));
        assert_eq!(connect(vec![Way::Fails(Code::NoReader), Way::Waits]), None);
        // What was not there yet is tried again while another way still searches.
        assert_eq!(connect(vec![Way::Later(AtomicU32::new(0)), Way::Waits]), Some(Ok(())));
        assert_eq!(connect(vec![Way::Fails(Code::LinkLost), Way::Waits]), Some(Err(Code::LinkLost)));
    }

    #[test]
    fn an_error_is_that_of_who_could_look_and_has_the_others_as_its_cause() {
        let code = |codes: &[Code]| connect(codes.iter().copied().map(Way::Fails).collect());
        assert_eq!(code(&[Code::RadioOff, Code::TokenNotFound]), Some(Err(Code::TokenNotFound)));
        assert_eq!(code(&[Code::RadioOff, Code::NoReader]), Some(Err(Code::RadioOff)));
        assert_eq!(code(&[]), Some(Err(Code::TokenNotFound)));
        let both = any(vec![Way::Fails(Code::RadioOff), Way::Fails(Code::NoReader)]);
        let error = both.connect(&Wanted::any()).now_or_never().unwrap().err().unwrap();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "way 1: radio-off; way 2: no-reader");
        let codes = EachWay::behind(&error).unwrap().ways().iter().map(|(_, error)| error.code());
        assert_eq!(codes.collect::<Vec<_>>(), [Code::RadioOff, Code::NoReader]);
    }

    #[test]
    fn a_look_shows_what_any_sees() {
        let look = |ways| any(ways).look().now_or_never().unwrap();
        assert_eq!(look(vec![Way::Fails(Code::RadioOff), Way::Connects]).unwrap().len(), 1);
        assert_eq!(look(vec![Way::Fails(Code::NoReader)]).unwrap_err().code(), Code::NoReader);
    }
}
