//! Calls of known size and the memory that is held here, to be measured from the host's side.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

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

static BYTES: AtomicI64 = AtomicI64::new(0);

/// The system's memory, counted.
pub(crate) struct Counting;

fn count(layout: Layout, sign: i64) {
    let size = i64::try_from(layout.size()).unwrap_or(i64::MAX);
    BYTES.fetch_add(size.saturating_mul(sign), Ordering::Relaxed);
}

// SAFETY: All is done by the system's; counting neither allocates nor unwinds.
#[expect(unsafe_code, reason = "an allocator is")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: The caller's promises are handed on.
        let memory = unsafe { System.alloc(layout) };
        if !memory.is_null() {
            count(layout, 1);
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(layout, -1);
        // SAFETY: As above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Bytes that this library holds, but for what its C allocates.
#[uniffi::export]
pub fn probe_live_bytes() -> i64 {
    BYTES.load(Ordering::Relaxed)
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
