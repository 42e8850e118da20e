//! Counts what a link carries: messages and bytes, by kind and direction.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ushield_client::Error;
use ushield_client::ports::{Connector, Link};
use ushield_protocol::message::Kind;

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Phone to token.
    Sent,
    /// Token to phone.
    Received,
}

/// How much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Messages.
    pub messages: u64,
    /// Bytes of their bodies; framing is the link's own.
    pub bytes: u64,
}

/// Counts by direction and kind.
pub type Counts = BTreeMap<(Direction, Kind), Count>;

/// The counters of all connections of a connector. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<Mutex<Counts>>);

impl Counters {
    /// Counters at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was counted so far.
    #[must_use]
    pub fn read(&self) -> Counts {
        self.counts().clone()
    }

    /// What was counted so far; counting begins again at zero.
    #[must_use]
    pub fn take(&self) -> Counts {
        std::mem::take(&mut *self.counts())
    }

    fn count(&self, direction: Direction, kind: Kind, body: &[u8]) {
        let mut counts = self.counts();
        let count = counts.entry((direction, kind)).or_default();
        count.messages = count.messages.saturating_add(1);
        count.bytes = count.bytes.saturating_add(u64::try_from(body.len()).unwrap_or(u64::MAX));
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connector or link that is counted.
#[derive(Clone, Debug)]
pub struct Counted<T> {
    inner: T,
    counters: Counters,
}

impl<T> Counted<T> {
    /// Counts what `inner` carries.
    #[must_use]
    pub fn new(inner: T, counters: Counters) -> Self {
        Self { inner, counters }
    }
}

#[async_trait]
impl<C: Connector> Connector for Counted<C> {
    async fn connect(&self) -> Result<Box<dyn Link>, Error> {
        let link = self.inner.connect().await?;
        Ok(Box::new(Counted::new(link, self.counters.clone())))
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

#[async_trait]
impl<L: Link> Link for Counted<L> {
    async fn send(&mut self, kind: Kind, body: &[u8]) -> Result<(), Error> {
        self.inner.send(kind, body).await?;
        self.counters.count(Direction::Sent, kind, body);
        Ok(())
    }

    async fn receive(&mut self) -> Result<(Kind, Vec<u8>), Error> {
        let (kind, body) = self.inner.receive().await?;
        self.counters.count(Direction::Received, kind, &body);
        Ok((kind, body))
    }

    async fn close(&mut self) {
        self.inner.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_connections_are_counted_and_failures_are_not() {
        let (connector, mut listener) = crate::queue::channel();
        let counters = Counters::new();
        let connector = Counted::new(connector, counters.clone());
        for _ in 0..2 {
            let mut phone = connector.connect().await.unwrap();
            let mut token = listener.accept().await.unwrap();
            phone.send(Kind::Connect, &[0; 57]).await.unwrap();
            assert!(phone.send(Kind::Hello, &[0; 9]).await.is_err());
            token.receive().await.unwrap();
            token.send(Kind::Sealed, &[0; 18]).await.unwrap();
            token.send(Kind::Sealed, &[0; 252]).await.unwrap();
            phone.receive().await.unwrap();
            phone.receive().await.unwrap();
        }
        let counts = counters.take();
        let expected = [
            ((Direction::Sent, Kind::Connect), Count { messages: 2, bytes: 114 }),
            ((Direction::Received, Kind::Sealed), Count { messages: 4, bytes: 540 }),
        ];
        assert_eq!(counts, BTreeMap::from(expected));
        assert_eq!(counters.read(), Counts::new());
    }
}
