use std::sync::{Arc, Mutex};

use ushield_protocol::message::Kind;

use super::*;
use crate::{
    font::Font,
    screen::{self, Panel},
};

/// Records what it is told, echoes messages, redraws at each of them and at Down, and has a deadline every 10 ms after the last event.
struct Recorder {
    panel: Panel,
    log: Arc<Mutex<Vec<String>>>,
    outputs: VecDeque<Output>,
    deadline: Option<Millis>,
    on: bool,
}

/// The switch, the log and the display of a token to be.
fn recorder() -> (Recorder, Arc<Mutex<Vec<String>>>, Screen) {
    let (panel, screen) = screen::display(Arc::new(Font::load().unwrap()));
    let recorder =
        Recorder { panel, log: Arc::default(), outputs: VecDeque::new(), deadline: None, on: true };
    let log = Arc::clone(&recorder.log);
    (recorder, log, screen)
}

impl Recorder {
    fn note(&mut self, what: String) {
        self.log.lock().unwrap().push(what);
    }
}

impl Machine for Recorder {
    fn is_on(&self) -> bool {
        self.on
    }
    fn cut_power(&mut self, _: Option<u32>) {
        self.on = false;
        // What it says while it loses its power.
        self.outputs.push_back(Output::Send { kind: Kind::Refusal, body: vec![] });
    }
    fn switch_on(&mut self, now: Millis) -> Result<(), Failure> {
        self.note(format!("on {}", now.0));
        self.on = true;
        Ok(())
    }
    fn connected(&mut self, now: Millis) {
        self.note(format!("connected {}", now.0));
        self.outputs.push_back(Output::Send { kind: Kind::Hello, body: vec![] });
        self.deadline = Some(now.plus(10));
    }
    fn disconnected(&mut self, now: Millis) {
        self.note(format!("disconnected {}", now.0));
        self.deadline = None;
    }
    fn receive(&mut self, message: Message, now: Millis) {
        self.note(format!("receive {:?} {}", message.kind, now.0));
        self.panel.show("\n\n\n\n\n").unwrap();
        let ends = message.kind == Kind::Pairing;
        self.outputs.push_back(Output::Send { kind: message.kind, body: message.body });
        if ends {
            self.outputs.push_back(Output::Disconnect);
        }
    }
    fn key(&mut self, key: Key, now: Millis) {
        self.note(format!("{key:?} {}", now.0));
        if key == Key::Down {
            self.panel.show("\n\n\n\n\n").unwrap();
        }
    }
    fn tick(&mut self, now: Millis) {
        self.note(format!("tick {}", now.0));
        if let Some(deadline) = self.deadline.filter(|deadline| *deadline <= now) {
            self.deadline = (deadline.0 < 30).then_some(deadline.plus(10));
        }
    }
    fn next_deadline(&self) -> Option<Millis> {
        self.deadline
    }
    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}

async fn start() -> (Runner, Handle, Arc<Mutex<Vec<String>>>) {
    let (recorder, log, screen) = recorder();
    let runner = Runner::start(|_| Ok(recorder), Time::Manual, screen).await.unwrap();
    let handle = runner.handle();
    (runner, handle, log)
}

fn message(kind: Kind) -> Message {
    Message { kind, body: vec![1] }
}

#[tokio::test]
async fn deadlines_are_met_one_by_one_when_the_clock_moves() {
    let (runner, handle, log) = start().await;
    let _served = handle.connect().await.unwrap();
    handle.advance(Duration::from_millis(25)).await.unwrap();
    handle.press(Key::Up).await.unwrap();
    handle.advance(Duration::from_millis(75)).await.unwrap();
    runner.stop().unwrap();
    let expected = ["connected 0", "tick 10", "tick 20", "tick 25", "Up 25", "tick 30", "tick 100"];
    assert_eq!(*log.lock().unwrap(), expected);
}

#[tokio::test]
async fn what_a_closed_connection_says_is_not_heard() {
    let (runner, handle, log) = start().await;
    let (first, mut from_token) = handle.connect().await.unwrap();
    handle.receive(first, message(Kind::Pairing)).await.unwrap();
    assert_eq!(from_token.recv().await.unwrap().kind, Kind::Hello);
    assert_eq!(from_token.recv().await.unwrap().kind, Kind::Pairing, "what was said before the end arrives");
    assert_eq!(from_token.recv().await, None, "the token disconnected");
    let (second, _from_token) = handle.connect().await.unwrap();
    handle.receive(first, message(Kind::Connect)).await.unwrap();
    handle.disconnect(first);
    handle.receive(second, message(Kind::Sealed)).await.unwrap();
    handle.disconnect(second);
    runner.stop().unwrap();
    let expected = ["connected 0", "receive Pairing 0", "connected 0", "receive Sealed 0", "disconnected 0"];
    assert_eq!(*log.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_stopped_token_says_so() {
    let (runner, handle, _log) = start().await;
    runner.stop().unwrap();
    assert_eq!(handle.press(Key::Ok).await, Err(Unheard::Stopped(Stopped)));
    assert!(handle.connect().await.is_err());
}

#[tokio::test]
async fn a_real_clock_wakes_the_token() {
    let (recorder, log, screen) = recorder();
    let runner = Runner::start(|_| Ok(recorder), Time::Real, screen).await.unwrap();
    let _served = runner.handle().connect().await.unwrap();
    // Ends by itself after the third deadline; a token that is never woken would hang here and fail by the harness.
    while log.lock().unwrap().iter().filter(|line| line.starts_with("tick")).count() < 3 {
        tokio::task::yield_now().await;
    }
    runner.stop().unwrap();
}

#[tokio::test]
async fn a_token_that_does_not_start_says_why() {
    let (_, _, screen) = recorder();
    let failed = Runner::start(|_| Err::<Recorder, _>(Failure::Stopped), Time::Manual, screen).await;
    assert!(matches!(failed, Err(Failure::Stopped)));
}

#[tokio::test]
async fn a_thread_that_ends_by_itself_is_noticed() {
    struct Breaking;
    impl Machine for Breaking {
        fn connected(&mut self, _: Millis) {}
        fn disconnected(&mut self, _: Millis) {}
        fn receive(&mut self, _: Message, _: Millis) {}
        fn key(&mut self, _: Key, _: Millis) {
            panic!("planted");
        }
        fn tick(&mut self, _: Millis) {}
        fn next_deadline(&self) -> Option<Millis> {
            None
        }
        fn poll(&mut self) -> Option<Output> {
            None
        }
        fn is_on(&self) -> bool {
            true
        }
        fn cut_power(&mut self, _: Option<u32>) {}
        fn switch_on(&mut self, _: Millis) -> Result<(), Failure> {
            Ok(())
        }
    }
    let (_, _, screen) = recorder();
    let mut runner = Runner::start(|_| Ok(Breaking), Time::Manual, screen).await.unwrap();
    assert_eq!(runner.handle().press(Key::Ok).await, Err(Unheard::Stopped(Stopped)));
    runner.ended().await;
    assert_eq!(runner.stop(), Err(Stopped));
}

#[tokio::test]
async fn a_key_pressed_on_an_older_screen_is_not_heard() {
    let (runner, handle, log) = start().await;
    let (phone, _from_token) = handle.connect().await.unwrap();
    handle.receive(phone, message(Kind::Sealed)).await.unwrap();
    assert_eq!(handle.press_on(Key::Ok, 0).await, Err(Unheard::ScreenChanged), "the message redrew it");
    handle.press_on(Key::Down, 1).await.unwrap();
    assert_eq!(handle.press_on(Key::Ok, 1).await, Err(Unheard::ScreenChanged));
    assert_eq!(handle.press_on(Key::Ok, 3).await, Err(Unheard::ScreenChanged));
    handle.press_on(Key::Up, 2).await.unwrap();
    runner.stop().unwrap();
    assert_eq!(*log.lock().unwrap(), ["connected 0", "receive Sealed 0", "Down 0", "Up 0"]);
}

#[tokio::test]
async fn what_a_token_says_while_it_loses_its_power_reaches_nobody() {
    let (recorder, log, screen) = recorder();
    let mut runner = Runner::start(move |_| Ok(recorder), Time::Manual, screen).await.unwrap();
    let handle = runner.handle();
    let (phone, mut outgoing) = handle.connect().await.unwrap();
    assert_eq!(outgoing.recv().await.unwrap().kind, Kind::Hello);
    assert!(!handle.switch(Switch::Cut(None)).await.unwrap());
    assert!(outgoing.recv().await.is_none(), "the connection has ended, and nothing came before");
    handle.receive(phone, Message { kind: Kind::Connect, body: vec![] }).await.unwrap();
    assert_eq!(handle.press(Key::Ok).await, Err(Unheard::Off));
    assert!(handle.connect().await.is_err(), "nobody is there");
    assert!(handle.switch(Switch::On).await.unwrap());
    assert!(handle.press(Key::Ok).await.is_ok() && handle.connect().await.is_ok());
    let log = log.lock().unwrap().clone();
    assert_eq!(log, ["connected 0", "on 0", "Ok 0", "connected 0"]);
    tokio::select! {
        biased;
        () = runner.ended() => panic!("it has ended"),
        () = std::future::ready(()) => {}
    }
}
