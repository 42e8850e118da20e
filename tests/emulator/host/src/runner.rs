//! The token's own thread: one event after the other goes in, pages and messages come out.
//!
//! The token logic has no clock and no threads. Here it gets the time with every call and is woken at its deadlines.

use std::{
    collections::VecDeque,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc as async_mpsc, oneshot};

use crate::frame::Message;

/// Milliseconds since the token was switched on.
pub(crate) type Millis = u64;

/// The four keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// OK.
    Ok,
    /// C.
    Cancel,
    /// Up.
    Up,
    /// Down.
    Down,
}

/// What the token wants to happen on its link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Send this to the phone.
    Send(Message),
    /// End the connection.
    Disconnect,
}

/// A token as the thread drives it.
pub(crate) trait Machine: Send + 'static {
    fn connected(&mut self, now: Millis);
    fn disconnected(&mut self, now: Millis);
    fn receive(&mut self, message: &Message, now: Millis);
    fn key(&mut self, key: Key, now: Millis);
    fn tick(&mut self, now: Millis);
    fn next_deadline(&self) -> Option<Millis>;
    fn poll(&mut self) -> Option<Output>;
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
    Connect { to_phone: async_mpsc::UnboundedSender<Message>, connection: oneshot::Sender<Connection> },
    Receive { from: Connection, message: Message, done: oneshot::Sender<()> },
    Disconnect { connection: Connection },
    Press { key: Key, done: oneshot::Sender<()> },
    Advance { by: Duration, done: oneshot::Sender<()> },
    Stop,
}

/// The token's thread has ended: it was stopped, or it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token has stopped")]
pub struct Stopped;

/// The way to the token's thread.
#[derive(Debug, Clone)]
pub struct Handle(mpsc::Sender<Event>);

/// The thread itself.
#[derive(Debug)]
pub(crate) struct Runner {
    handle: Handle,
    thread: thread::JoinHandle<()>,
}

impl Runner {
    /// Starts the thread.
    pub(crate) fn start(machine: impl Machine, time: Time) -> std::io::Result<Self> {
        let (events, inbox) = mpsc::channel();
        let thread = thread::Builder::new().name("token".into()).spawn(move || {
            let start = Instant::now();
            let clock = match time {
                Time::Real => Clock::Real(start),
                Time::Manual => Clock::Manual(Duration::ZERO),
            };
            Loop { machine, clock, served: None, connections: 0 }.run(&inbox);
        })?;
        Ok(Self { handle: Handle(events), thread })
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends the thread after the event in hand, and waits for that. The token is then dropped, as by a power cut.
    pub(crate) fn stop(self) -> Result<(), Stopped> {
        let told = self.handle.0.send(Event::Stop);
        self.thread.join().map_err(|_| Stopped)?;
        told.map_err(|_| Stopped)
    }
}

impl Handle {
    /// Presses a key; returns when the token has taken it and drawn what follows.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn press(&self, key: Key) -> Result<(), Stopped> {
        self.ask(|done| Event::Press { key, done }).await
    }

    /// Moves a manual clock forward, waking the token at each of its deadlines on the way. A real clock takes no notice.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn advance(&self, by: Duration) -> Result<(), Stopped> {
        self.ask(|done| Event::Advance { by, done }).await
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
        let _ = self.0.send(Event::Disconnect { connection });
    }

    async fn ask<T>(&self, event: impl FnOnce(oneshot::Sender<T>) -> Event) -> Result<T, Stopped> {
        let (answer, answered) = oneshot::channel();
        self.0.send(event(answer)).map_err(|_| Stopped)?;
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
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }
}

struct Loop<M> {
    machine: M,
    clock: Clock,
    served: Option<(Connection, async_mpsc::UnboundedSender<Message>)>,
    connections: u64,
}

impl<M: Machine> Loop<M> {
    fn run(mut self, inbox: &mpsc::Receiver<Event>) {
        loop {
            match self.wait(inbox) {
                Ok(Event::Stop) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Ok(event) => self.take(event),
                Err(mpsc::RecvTimeoutError::Timeout) => self.tick(),
            }
        }
    }

    fn wait(&self, inbox: &mpsc::Receiver<Event>) -> Result<Event, mpsc::RecvTimeoutError> {
        match (&self.clock, self.machine.next_deadline()) {
            (Clock::Real(_), Some(deadline)) => {
                inbox.recv_timeout(Duration::from_millis(deadline.saturating_sub(self.clock.now())))
            }
            _ => Ok(inbox.recv()?),
        }
    }

    /// The one asked may have stopped waiting; that changes nothing for the token.
    fn take(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
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
                    self.machine.receive(&message, now);
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
            Event::Press { key, done } => {
                self.machine.key(key, now);
                self.pump();
                let _ = done.send(());
            }
            Event::Advance { by, done } => {
                self.advance(by);
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
        while let Some(at) = self.machine.next_deadline().map(Duration::from_millis).filter(|at| *at <= end) {
            if let Clock::Manual(now) = &mut self.clock {
                *now = at.max(*now);
            }
            self.tick();
            // A deadline that a tick leaves in place would keep the clock here for ever.
            if self.machine.next_deadline().map(Duration::from_millis).is_some_and(|next| next <= at) {
                break;
            }
        }
        self.clock = Clock::Manual(end);
        self.tick();
    }

    fn pump(&mut self) {
        let mut outputs = VecDeque::new();
        while let Some(output) = self.machine.poll() {
            outputs.push_back(output);
        }
        for output in outputs {
            match output {
                Output::Send(message) => {
                    if let Some((_, to_phone)) = &self.served {
                        // A phone that is gone is reported by its reader.
                        let _ = to_phone.send(message);
                    }
                }
                Output::Disconnect => self.served = None,
            }
        }
    }
}

#[cfg(test)]
mod tests;
