//! One runner for each order, and one writer for its record: what another call wrote meanwhile is never overwritten.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{Either, Shared, select};
use ushield_protocol::code::Code;
use ushield_session::order_life::Event;

use crate::client::Client;
use crate::error::Error;
use crate::ports::{Change, Table};
use crate::records::OrderRecord;

/// The orders that are being run, by creation key.
#[derive(Default)]
pub(crate) struct Lanes {
    lanes: Mutex<BTreeMap<[u8; 16], Weak<Lane>>>,
    /// Held only from the reading of a record to its writing, never while something is waited for.
    records: Mutex<()>,
}

/// The lane of one order.
pub(crate) struct Lane {
    turn: futures::lock::Mutex<()>,
    ring: Mutex<Option<oneshot::Sender<()>>>,
    cancelled: Shared<oneshot::Receiver<()>>,
}

impl Lane {
    fn new() -> Self {
        let (ring, cancelled) = oneshot::channel();
        Self {
            turn: futures::lock::Mutex::new(()),
            ring: Mutex::new(Some(ring)),
            cancelled: cancelled.shared(),
        }
    }

    /// Waits until nobody else runs the order.
    pub(crate) async fn turn(&self) -> futures::lock::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The turn, if nobody runs the order.
    pub(crate) fn free_turn(&self) -> Option<futures::lock::MutexGuard<'_, ()>> {
        self.turn.try_lock()
    }

    /// The work's end; nothing when another call cancelled the order first. The work is then dropped.
    pub(crate) async fn unless_cancelled<T>(&self, work: impl Future<Output = T> + Send) -> Option<T> {
        match select(Box::pin(work), self.cancelled.clone()).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }

    /// Returns when another call has cancelled the order.
    pub(crate) async fn cancelled(&self) {
        // The other end lives as long as the lane.
        let _ = self.cancelled.clone().await;
    }
}

impl Client {
    pub(crate) fn lane(&self, record: &OrderRecord) -> Arc<Lane> {
        let mut lanes = held(&self.lanes().lanes);
        if let Some(lane) = lanes.get(&record.creation).and_then(Weak::upgrade) {
            return lane;
        }
        lanes.retain(|_, lane| lane.strong_count() > 0);
        let lane = Arc::new(Lane::new());
        lanes.insert(record.creation, Arc::downgrade(&lane));
        lane
    }

    /// Makes the customer's cancel durable, then wakes the call that runs the order.
    pub(super) fn mark_cancelled(&self, record: &OrderRecord) -> Result<OrderRecord, Error> {
        let marked = self.apply(record, Event::CancelAsked)?;
        let lane = held(&self.lanes().lanes).get(&record.creation).and_then(Weak::upgrade);
        if let Some(ring) = lane.and_then(|lane| held(&lane.ring).take()) {
            // Who runs it may have ended.
            let _ = ring.send(());
        }
        Ok(marked)
    }

    /// Applies an event to the record as it is stored now, and makes the new state durable. What did not change is not written.
    pub(super) fn apply(&self, record: &OrderRecord, event: Event) -> Result<OrderRecord, Error> {
        self.change(record, |stored| {
            let life = stored.life.apply(event)?;
            Ok(OrderRecord { life, ..stored.clone() })
        })
    }

    /// Changes the record as it is stored now.
    pub(super) fn change(
        &self,
        record: &OrderRecord,
        change: impl FnOnce(&OrderRecord) -> Result<OrderRecord, Error>,
    ) -> Result<OrderRecord, Error> {
        let _one_writer = held(&self.lanes().records);
        let stored = self.stored_record(&record.creation)?.ok_or(Error::new(Code::UnknownOrder))?;
        let changed = change(&stored)?;
        if changed != stored {
            self.store().put(Table::Order, &changed.creation, &changed.encode())?;
        }
        Ok(changed)
    }

    /// The record as it is stored now.
    pub(super) fn again(&self, record: &OrderRecord) -> Result<OrderRecord, Error> {
        self.stored_record(&record.creation)?.ok_or(Error::new(Code::UnknownOrder))
    }

    /// Removes a request that ended in another order, and takes its cancel along.
    pub(super) fn merge(&self, request: &OrderRecord, into: &OrderRecord) -> Result<OrderRecord, Error> {
        let _one_writer = held(&self.lanes().records);
        let cancelled = self.again(request)?.life.cancelled();
        let mut stored = self.again(into)?;
        let mut changes = vec![Change::delete(Table::Order, &request.creation)];
        if cancelled && !stored.life.cancelled() {
            stored.life = stored.life.apply(Event::CancelAsked)?;
            changes.push(Change::put(Table::Order, &stored.creation, &stored.encode()));
        }
        self.store().commit(&changes)?;
        Ok(stored)
    }

    fn stored_record(&self, creation: &[u8; 16]) -> Result<Option<OrderRecord>, Error> {
        let stored = self.store().get(Table::Order, creation)?;
        stored.map(|record| OrderRecord::decode(&record)).transpose()
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done under these can be half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
