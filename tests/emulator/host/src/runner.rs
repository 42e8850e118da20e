//! The token's own thread: one event after the other goes in, pages and messages come out.
//!
//! The token logic has no clock and no threads. Here it gets the time with every call and is woken at its deadlines.

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc as async_mpsc, oneshot, watch};

use ushield_protocol::framing::advertisement::Advertised;
pub use ushield_token::Key;
use ushield_token::{Advertising, Millis, Output};

use crate::{failure::Failure, frame::Message, screen::Screen};

/// A token as the thread drives it.
pub(crate) trait Machine {
    fn connected(&mut self, now: Millis);
    fn disconnected(&mut self, now: Millis);
    fn receive(&mut self, message: Message, now: Millis);
    fn key(&mut self, key: Key, now: Millis);
    fn tick(&mut self, now: Millis);
    fn next_deadline(&self) -> Option<Millis>;
    /// What a radio is to advertise. Asked only where there is one.
    fn advertising(&mut self, _now: Millis) -> Advertising {
        Advertising::default()
    }
    fn poll(&mut self) -> Option<Output>;
    /// Whether it has power.
    fn is_on(&self) -> bool;
    /// Takes the power away: now, or at a flash operation to come.
    fn cut_power(&mut self, at: Option<u32>);
    /// Gives it back: the token starts on its flash as it is.
    fn switch_on(&mut self, now: Millis) -> Result<(), Failure>;
}

/// What is done to the power switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Off: at once, or in the middle of the flash operation with this number, counted from 1 from now on.
    Cut(Option<u32>),
    /// On. Where it was on it is switched off before.
    On,
}

/// Where the token's time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// The machine's monotonic clock.
    Real,
    /// Stands still until it is moved by hand: for tests.
    Manual,
}

/// One connection among all that there ever were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connection(u64);

enum Event {
    Connect {
        to_phone: async_mpsc::UnboundedSender<Message>,
        connection: oneshot::Sender<Connection>,
    },
    Receive {
        from: Connection,
        message: Message,
        done: oneshot::Sender<()>,
    },
    Disconnect {
        connection: Connection,
    },
    Press {
        key: Key,
        seen: u64,
        done: oneshot::Sender<Result<(), Unheard>>,
    },
    /// Somebody looks at what is advertised.
    Radio {
        done: oneshot::Sender<()>,
    },
    Advance {
        by: Duration,
        done: oneshot::Sender<()>,
    },
    Switch {
        switch: Switch,
        done: oneshot::Sender<bool>,
    },
    Stop,
}

/// The token's thread has ended: it was stopped, or it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token has stopped")]
pub struct Stopped;

/// Why a key press did not reach the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unheard {
    /// The display changed before the press was taken: it was meant for another screen.
    #[error("the screen changed before the key was pressed; look at it again")]
    ScreenChanged,
    /// There is no token any more.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The power is off.
    #[error("the power is off")]
    Off,
}

/// The way to the token's thread.
#[derive(Debug, Clone)]
pub struct Handle {
    events: mpsc::Sender<Event>,
    screen: Screen,
    air: Arc<watch::Sender<Option<Advertised>>>,
}

/// The thread itself.
#[derive(Debug)]
pub(crate) struct Runner {
    handle: Handle,
    thread: thread::JoinHandle<()>,
    /// Never sent to; closed when the thread ends, by a defect too.
    alive: async_mpsc::Receiver<()>,
}

impl Runner {
    /// Starts the thread and, on it, the token. The token never leaves its thread.
    pub(crate) async fn start<M: Machine>(
        switch_on: impl FnOnce(Millis) -> Result<M, Failure> + Send + 'static,
        time: Time,
        screen: Screen,
    ) -> Result<Self, Failure> {
        let (events, inbox) = mpsc::channel();
        let (living, alive) = async_mpsc::channel(1);
        let (started, result) = oneshot::channel();
        let seen = screen.clone();
        let air = Arc::new(watch::Sender::new(None));
        let shown = Arc::clone(&air);
        let run = move || {
            let _living: async_mpsc::Sender<()> = living;
            let clock = match time {
                Time::Real => Clock::Real(Instant::now()),
                Time::Manual => Clock::Manual(Duration::ZERO),
            };
            let machine = match switch_on(clock.now()) {
                Ok(machine) => machine,
                Err(failure) => return drop(started.send(Err(failure))),
            };
            if started.send(Ok(())).is_ok() {
                let (screen, air) = (seen, shown);
                Loop { machine, clock, screen, air, on_air: None, served: None, connections: 0 }.run(&inbox);
            }
        };
        let thread = thread::Builder::new().name("token".into()).spawn(run).map_err(Failure::System)?;
        result.await.map_err(|_| Failure::Stopped)??;
        Ok(Self { handle: Handle { events, screen, air }, thread, alive })
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits for the thread to end by itself, which it should not.
    pub(crate) async fn ended(&mut self) {
        self.alive.recv().await;
    }

    /// Ends the thread after the event in hand, and waits for that. The token is then dropped, as by a power cut.
    pub(crate) fn stop(self) -> Result<(), Stopped> {
        let told = self.handle.events.send(Event::Stop);
        self.thread.join().map_err(|_| Stopped)?;
        told.map_err(|_| Stopped)
    }
}

impl Handle {
    /// Presses a key on the screen that is shown now; returns when the token has taken it and drawn what follows.
    ///
    /// # Errors
    /// [`Unheard`].
    pub async fn press(&self, key: Key) -> Result<(), Unheard> {
        self.press_on(key, self.screen.now().serial).await
    }

    /// Presses a key on the screen with the serial `seen`. On any other screen it is not heard: a key that was pressed
    /// before a page was drawn never counts for that page.
    ///
    /// # Errors
    /// [`Unheard`].
    pub async fn press_on(&self, key: Key, seen: u64) -> Result<(), Unheard> {
        self.ask(|done| Event::Press { key, seen, done }).await?
    }

    /// The power switch, for tests. Whether the power is on afterwards.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn switch(&self, switch: Switch) -> Result<bool, Stopped> {
        self.ask(|done| Event::Switch { switch, done }).await
    }

    /// Moves a manual clock forward, waking the token at each of its deadlines on the way. A real clock takes no notice.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn advance(&self, by: Duration) -> Result<(), Stopped> {
        self.ask(|done| Event::Advance { by, done }).await
    }

    /// What a radio is to advertise, from now on.
    pub(crate) async fn advertised(&self) -> Result<watch::Receiver<Option<Advertised>>, Stopped> {
        let air = self.air.subscribe();
        self.ask(|done| Event::Radio { done }).await?;
        Ok(air)
    }

    /// A phone is there. What the token sends comes out of the receiver, which ends when the token disconnects.
    pub(crate) async fn connect(
        &self,
    ) -> Result<(Connection, async_mpsc::UnboundedReceiver<Message>), Stopped> {
        let (to_phone, outgoing) = async_mpsc::unbounded_channel();
        let connection = self.ask(|connection| Event::Connect { to_phone, connection }).await?;
        Ok((connection, outgoing))
    }

    /// Hands over a message; returns when the token has dealt with it, so that a phone cannot pile them up.
    pub(crate) async fn receive(&self, from: Connection, message: Message) -> Result<(), Stopped> {
        self.ask(|done| Event::Receive { from, message, done }).await
    }

    /// The phone is gone. Nothing happens when the token ended that connection itself.
    pub(crate) fn disconnect(&self, connection: Connection) {
        // Without a token there is nobody who would need to know.
        let _ = self.events.send(Event::Disconnect { connection });
    }

    async fn ask<T>(&self, event: impl FnOnce(oneshot::Sender<T>) -> Event) -> Result<T, Stopped> {
        let (answer, answered) = oneshot::channel();
        self.events.send(event(answer)).map_err(|_| Stopped)?;
        answered.await.map_err(|_| Stopped)
    }
}

enum Clock {
    Real(Instant),
    Manual(Duration),
}

impl Clock {
    fn now(&self) -> Millis {
        let since = match self {
            Self::Real(start) => start.elapsed(),
            Self::Manual(now) => *now,
        };
        Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

struct Loop<M> {
    machine: M,
    clock: Clock,
    screen: Screen,
    air: Arc<watch::Sender<Option<Advertised>>>,
    /// When what is advertised may change by itself.
    on_air: Option<Millis>,
    served: Option<(Connection, async_mpsc::UnboundedSender<Message>)>,
    connections: u64,
}

impl<M: Machine> Loop<M> {
    fn run(mut self, inbox: &mpsc::Receiver<Event>) {
        loop {
            match self.wait(inbox) {
                Ok(Event::Stop) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Ok(Event::Switch { switch: Switch::On, done }) => {
                    self.served = None;
                    // Flash that holds no token any more: the thread ends, as for any defect.
                    if self.machine.switch_on(self.clock.now()).is_err() {
                        return;
                    }
                    self.pump();
                    let _ = done.send(true);
                }
                Ok(event) => self.take(event),
                Err(mpsc::RecvTimeoutError::Timeout) => self.tick(),
            }
        }
    }

    fn wait(&self, inbox: &mpsc::Receiver<Event>) -> Result<Event, mpsc::RecvTimeoutError> {
        match (&self.clock, self.next_deadline()) {
            (Clock::Real(_), Some(deadline)) => {
                inbox.recv_timeout(Duration::from_millis(deadline.0.saturating_sub(self.clock.now().0)))
            }
            _ => Ok(inbox.recv()?),
        }
    }

    /// The one asked may have stopped waiting; that changes nothing for the token.
    fn take(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            // Who connects, or waits for an answer, finds nobody.
            Event::Connect { .. } if !self.machine.is_on() => {}
            Event::Press { done, .. } if !self.machine.is_on() => {
                let _ = done.send(Err(Unheard::Off));
            }
            Event::Switch { switch, done } => {
                if let Switch::Cut(at) = switch {
                    self.machine.cut_power(at);
                }
                self.pump();
                let _ = done.send(self.machine.is_on());
            }
            Event::Connect { to_phone, connection } => {
                self.connections = self.connections.saturating_add(1);
                let id = Connection(self.connections);
                self.served = Some((id, to_phone));
                self.machine.connected(now);
                self.pump();
                let _ = connection.send(id);
            }
            Event::Receive { from, message, done } => {
                if self.serves(from) {
                    self.machine.receive(message, now);
                    self.pump();
                }
                let _ = done.send(());
            }
            Event::Disconnect { connection } => {
                if self.serves(connection) {
                    self.served = None;
                    self.machine.disconnected(now);
                    self.pump();
                }
            }
            Event::Press { key, seen, done } => {
                let heard = self.screen.now().serial == seen;
                if heard {
                    self.machine.key(key, now);
                    self.pump();
                }
                let _ = done.send(if heard { Ok(()) } else { Err(Unheard::ScreenChanged) });
            }
            Event::Advance { by, done } => {
                self.advance(by);
                let _ = done.send(());
            }
            Event::Radio { done } => {
                self.pump();
                let _ = done.send(());
            }
            Event::Stop => {}
        }
    }

    fn serves(&self, connection: Connection) -> bool {
        self.served.as_ref().is_some_and(|(served, _)| *served == connection)
    }

    fn tick(&mut self) {
        self.machine.tick(self.clock.now());
        self.pump();
    }

    fn advance(&mut self, by: Duration) {
        let Clock::Manual(start) = self.clock else { return };
        let end = start.saturating_add(by);
        while let Some(at) = self.deadline().filter(|at| *at <= end) {
            if let Clock::Manual(now) = &mut self.clock {
                *now = at.max(*now);
            }
            self.tick();
            // A deadline that a tick leaves in place would keep the clock here for ever.
            if self.deadline().is_some_and(|next| next <= at) {
                break;
            }
        }
        self.clock = Clock::Manual(end);
        self.tick();
    }

    fn next_deadline(&self) -> Option<Millis> {
        [self.machine.next_deadline(), self.on_air].into_iter().flatten().min()
    }

    fn deadline(&self) -> Option<Duration> {
        self.next_deadline().map(|at| Duration::from_millis(at.0))
    }

    fn pump(&mut self) {
        let mut outputs = VecDeque::new();
        while let Some(output) = self.machine.poll() {
            outputs.push_back(output);
        }
        if !self.machine.is_on() {
            // What was on its way is lost.
            self.served = None;
            self.advertise(Advertising::default());
            return;
        }
        for output in outputs {
            match output {
                Output::Send { kind, body } => {
                    if let Some((_, to_phone)) = &self.served {
                        // A phone that is gone is reported by its reader.
                        let _ = to_phone.send(Message { kind, body });
                    }
                }
                Output::Disconnect => self.served = None,
            }
        }
        // A token without a radio draws nothing for it.
        if self.air.receiver_count() > 0 {
            let advertising = self.machine.advertising(self.clock.now());
            self.advertise(advertising);
        }
    }

    fn advertise(&mut self, Advertising { what, until }: Advertising) {
        self.on_air = until;
        self.air.send_if_modified(|on_air| std::mem::replace(on_air, what) != what);
    }
}

#[cfg(test)]
mod tests;
