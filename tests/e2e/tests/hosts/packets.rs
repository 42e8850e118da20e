//! A host with Bluetooth LE, over the software token's bridge to a radio: an op and its data (`tests/emulator/host/src/gatt/bridge.rs`).

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use ushield_client::Error;
use ushield_client::ports::{Connected, Fit, Medium, Packets, Radio, Seen, Via, Wanted};
use ushield_protocol::code::Code;

use crate::system::Plug;

/// A radio, and the MTU that it agrees on.
pub(crate) struct Air(pub(crate) Plug, pub(crate) u16);

#[async_trait]
impl Radio for Air {
    async fn connect(&self, wanted: &Wanted) -> Result<Connected, Error> {
        let (mut air, patience) = (self.0.air.clone(), Duration::from_millis(wanted.patience().0));
        let fits = air.wait_for(|data| wanted.is_at("air") && wanted.fits(data) != Fit::No);
        let found = tokio::time::timeout(patience, fits).await;
        found.map_err(|_| Error::new(Code::TokenNotFound))?.map_err(|_| Error::new(Code::RadioOff))?;
        self.0.say(&[1])?;
        self.0.say(&[&[2], &self.1.to_be_bytes()[..]].concat())?;
        self.0.say(&[4, 1])?;
        let via = Via::Packets(Arc::new(Gatt(self.0.clone(), self.1)));
        Ok(Connected { via, place: "air".to_owned(), others: 0 })
    }

    async fn look(&self) -> Result<Vec<Seen>, Error> {
        let (place, advertised) = ("air".to_owned(), Some(self.0.air.borrow().clone()));
        Ok(vec![Seen { medium: Medium::Ble, place, advertised, signal: None }])
    }
}

/// A connection.
struct Gatt(Plug, u16);

impl Drop for Gatt {
    fn drop(&mut self) {
        let _ = self.0.say(&[7]);
    }
}

#[async_trait]
impl Packets for Gatt {
    fn mtu(&self) -> u16 {
        self.1
    }

    async fn info(&self) -> Result<Vec<u8>, Error> {
        self.0.say(&[3])?;
        loop {
            // Else it is of the connection before.
            if let [129, hello @ ..] = &self.0.hear().await?[..] {
                return Ok(hello.to_vec());
            }
        }
    }

    async fn write(&self, value: Vec<u8>) -> Result<(), Error> {
        self.0.say(&[&[5], &value[..]].concat())
    }

    async fn notified(&self) -> Result<Vec<u8>, Error> {
        match &self.0.hear().await?[..] {
            [130, value @ ..] => self.0.say(&[6]).map(|()| value.to_vec()),
            _ => Err(Error::new(Code::LinkLost)),
        }
    }

    async fn disconnect(&self) {
        let _ = self.0.say(&[7]);
    }
}
