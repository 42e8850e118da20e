//! The client for hosts in Kotlin, Python and Swift. Must not decide anything: it moves values and events between [`ushield_client`] and the host.
//!
//! Whatever takes time runs on threads of its own ([`runtime`]); the caller's thread only asks whether it is done. Callbacks are made from
//! those threads. A host that throws, takes for ever or answers nonsense gets an error of the catalogue.

mod alive;
mod event;
mod failure;
mod flows;
mod host;
mod operation;
mod person;
#[cfg(any(debug_assertions, feature = "probe"))]
mod probe;
mod runtime;
mod shield;
mod value;

pub use alive::live_objects;
pub use event::{Ending, Event, PinReason, Resumed, Step, TokenScreen};
pub use failure::{Class, Code, Doubt, Failure, Fault, Problem};
pub use host::bank::{BankError, BankHttp, HttpMethod, HttpRequest, HttpResponse};
pub use host::clock::{Clock, ClockError};
pub use host::keystore::{Keystore, KeystoreError};
pub use host::radio::{
    Card, Connected, LinkError, LinkMedium, Packets, Radio, SeenToken, Via, Wanted, WantedFit,
};
pub use operation::Operation;
pub use shield::UShield;
pub use value::{
    Account, Adopted, CertificateRole, Config, HistoryEntry, InReach, NameCheck, OrderContent, OrderOutcome,
    OrderStatus, PairedPhone, Receipt, RefusedOrder, Report, StorePlace, Token, TokenState, Transfer,
    TransferScheme, Trust, Whose, read_trust,
};

#[cfg(any(debug_assertions, feature = "probe"))]
use probe::Counting as Memory;
#[cfg(not(any(debug_assertions, feature = "probe")))]
use std::alloc::System as Memory;

// What was freed holds no secret any more: PINs and passwords cross the boundary in buffers that nobody else wipes.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<Memory> = zeroizing_alloc::ZeroAlloc(Memory);

uniffi::setup_scaffolding!("ushield");
