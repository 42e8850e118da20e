//! A host with a card reader, over vpcd's protocol: a byte switches the card, another one asks for its ATR, the rest are commands.

use std::sync::Arc;

use async_trait::async_trait;
use ushield_client::Error;
use ushield_client::ports::{Card, Connected, Medium, Radio, Seen, Via, Wanted};
use ushield_protocol::code::Code;

use crate::system::Plug;

/// A reader with a card in it, and whether it sends commands of extended length.
#[derive(Clone)]
pub(crate) struct Reader(pub(crate) Plug, pub(crate) bool);

#[async_trait]
impl Radio for Reader {
    async fn connect(&self, wanted: &Wanted) -> Result<Connected, Error> {
        if !wanted.is_at("reader") {
            return Err(Error::new(Code::TokenNotFound));
        }
        // Reset, and the ATR: what was answered to nobody comes before it.
        self.0.say(&[2])?;
        self.0.say(&[4])?;
        while self.0.hear().await?.first() != Some(&0x3b) {}
        let card = Arc::new(Inserted(self.clone()));
        Ok(Connected { via: Via::Card(card), place: "reader".to_owned(), others: 0 })
    }

    async fn look(&self) -> Result<Vec<Seen>, Error> {
        let place = "reader".to_owned();
        Ok(vec![Seen { medium: Medium::Card, place, advertised: None, signal: None }])
    }
}

/// The card.
struct Inserted(Reader);

impl Drop for Inserted {
    fn drop(&mut self) {
        let _ = self.0.0.say(&[0]);
    }
}

#[async_trait]
impl Card for Inserted {
    fn extended(&self) -> bool {
        self.0.1
    }

    async fn transceive(&self, command: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.0.0.say(&command)?;
        self.0.0.hear().await
    }

    async fn release(&self) {
        let _ = self.0.0.say(&[0]);
    }
}
