//! Messages over what a phone's system offers: framing, repair and polling are here, so that a host only moves bytes.

mod any;
mod cards;
mod packets;
mod traffic;

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::{Either, select};
use ushield_protocol::code::Code;

pub use self::any::{AnyOf, EachWay};
pub use self::traffic::{Air, Traffic};
use crate::error::Error;
use crate::ports::{Clock, Connected, Connector, Link, Medium, Millis, Radio, Seen, Spot, Via, Wanted};

/// A system that has not taken or answered anything for so long has lost the connection (sections 2.1 and 2.2).
const STALLED: Millis = Millis(15_000);

/// What the host does, unless it takes too long. Dropping it loses nothing that the host's own future does not lose.
async fn in_time<T>(
    clock: &dyn Clock,
    host: impl Future<Output = Result<T, Error>> + Send + Unpin,
) -> Result<T, Error> {
    match select(host, clock.sleep(STALLED)).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => Err(Error::new(Code::LinkLost)),
    }
}

/// Connects over a radio of the host's.
#[derive(Clone)]
pub struct RadioConnector {
    radio: Arc<dyn Radio>,
    clock: Arc<dyn Clock>,
    traffic: Traffic,
}

impl std::fmt::Debug for RadioConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RadioConnector({})", self.radio.describe().unwrap_or_default())
    }
}

impl RadioConnector {
    /// Over this radio; timers are by this clock.
    #[must_use]
    pub fn new(radio: Arc<dyn Radio>, clock: Arc<dyn Clock>) -> Self {
        Self { radio, clock, traffic: Traffic::default() }
    }

    /// Counts together with another one.
    #[must_use]
    pub fn counting(self, traffic: Traffic) -> Self {
        Self { traffic, ..self }
    }

    /// What has gone over the air in all connections so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.traffic.clone()
    }
}

#[async_trait]
impl Connector for RadioConnector {
    async fn connect(&self, wanted: &Wanted) -> Result<Box<dyn Link>, Error> {
        let Connected { via, place, others } = self.radio.connect(wanted).await?;
        let medium = match &via {
            Via::Packets(_) => Medium::Ble,
            Via::Card(_) => Medium::Card,
        };
        let (clock, traffic) = (Arc::clone(&self.clock), self.traffic.clone());
        let spot = Spot { medium, place, others };
        Ok(match via {
            Via::Packets(packets) => {
                Box::new(packets::PacketLink::open(packets, clock, traffic, spot).await?)
            }
            Via::Card(card) => Box::new(cards::CardLink::open(card, clock, traffic, spot)),
        })
    }

    async fn look(&self) -> Result<Vec<Seen>, Error> {
        self.radio.look().await
    }

    fn describe(&self) -> Option<String> {
        self.radio.describe()
    }
}
