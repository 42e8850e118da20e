//! A person who knows PINs and forgets them as soon as they are typed.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use ushield_client::{Customer, Error, Moment, PinReason};
use ushield_protocol::code::Code;
use ushield_protocol::pin::PinBlock;

use crate::canary::Canary;

/// The person.
#[derive(Debug, Default)]
pub struct Person {
    pins: Mutex<VecDeque<Canary>>,
    told: Mutex<Vec<Moment>>,
    cancels_when: Mutex<Option<&'static str>>,
    panics_when: Mutex<Option<&'static str>>,
}

impl Person {
    /// Types these PINs next, one after the other; then none.
    pub fn types(&self, pins: &[&Canary]) {
        let mut queue = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        queue.clear();
        queue.extend(pins.iter().map(|pin| (*pin).clone()));
    }

    /// Takes an order back when told this.
    pub fn cancels_when(&self, moment: Option<&'static str>) {
        *self.cancels_when.lock().unwrap() = moment;
    }

    /// The application around the client panics when it is told this.
    pub fn panics_when(&self, moment: Option<&'static str>) {
        *self.panics_when.lock().unwrap_or_else(PoisonError::into_inner) = moment;
    }

    /// What they were told since the last time.
    #[must_use]
    pub fn take_told(&self) -> Vec<Moment> {
        std::mem::take(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Customer for Person {
    fn tell(&self, moment: &Moment) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(moment.clone());
        let panics = *self.panics_when.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(panics != Some(moment.name()), "the application fell over at {moment:?}");
    }

    async fn pin(&self, _: PinReason) -> Result<PinBlock, Error> {
        let pin = self.pins.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let pin = pin.ok_or(Error::new(Code::Interrupted))?.reveal();
        Ok(PinBlock::new(std::str::from_utf8(&pin).expect("a PIN is text"))?)
    }

    async fn cancel_wanted(&self) {
        let wanted = *self.cancels_when.lock().unwrap();
        let told = self.told.lock().unwrap().iter().any(|moment| Some(moment.name()) == wanted);
        if !told {
            std::future::pending().await
        }
    }
}
