//! Calls of known size, to be measured from the host's side.

use std::sync::Arc;

use ushield_client::catalogue::{Catalogue, Language};
use ushield_client::customer::{Customer as _, Moment};

use crate::event::Ending;
use crate::operation::Operation;

/// An object whose methods cost nothing on this side.
#[derive(Debug, uniffi::Object)]
pub struct Probe;

/// A record of four fields.
#[derive(Clone, Debug, uniffi::Record)]
pub struct FourFields {
    /// A number.
    pub number: u64,
    /// A text of 16 bytes.
    pub text: String,
    /// Whether.
    pub flag: bool,
    /// 16 bytes.
    pub bytes: Vec<u8>,
}

/// The empty call: the unit.
#[uniffi::export]
pub fn probe_empty() {}

#[uniffi::export]
impl Probe {
    /// A probe.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::new(Self)
    }

    /// A method.
    pub fn method(&self, number: u32) -> u32 {
        number
    }

    /// A record of four fields.
    pub fn record(&self) -> FourFields {
        FourFields { number: 1, text: "0123456789abcdef".to_owned(), flag: true, bytes: vec![7; 16] }
    }

    /// An operation that tells so many moments, as fast as they can be told.
    pub fn events(&self, count: u32) -> Arc<Operation> {
        Operation::begin(Arc::new(Catalogue::new(Language::En)), |person| async move {
            for _ in 0..count {
                person.tell(&Moment::Submitting);
            }
            Ok(Ending::Done)
        })
    }
}
