use std::sync::{Arc, Mutex};

use super::*;

/// Records what it is told, echoes messages, and has a deadline every 10 ms after the last event.
#[derive(Clone, Default)]
struct Recorder {
    log: Arc<Mutex<Vec<String>>>,
    outputs: VecDeque<Output>,
    deadline: Option<Millis>,
}

impl Recorder {
    fn note(&mut self, what: String) {
        self.log.lock().unwrap().push(what);
    }
}

impl Machine for Recorder {
    fn connected(&mut self, now: Millis) {
        self.note(format!("connected {now}"));
        self.outputs.push_back(Output::Send(Message { kind: 0, body: vec![] }));
        self.deadline = now.checked_add(10);
    }
    fn disconnected(&mut self, now: Millis) {
        self.note(format!("disconnected {now}"));
        self.deadline = None;
    }
    fn receive(&mut self, message: &Message, now: Millis) {
        self.note(format!("receive {} {now}", message.kind));
        self.outputs.push_back(Output::Send(message.clone()));
        if message.kind == 9 {
            self.outputs.push_back(Output::Disconnect);
        }
    }
    fn key(&mut self, key: Key, now: Millis) {
        self.note(format!("{key:?} {now}"));
    }
    fn tick(&mut self, now: Millis) {
        self.note(format!("tick {now}"));
        if let Some(deadline) = self.deadline.filter(|deadline| *deadline <= now) {
            self.deadline = (deadline < 30).then_some(deadline + 10);
        }
    }
    fn next_deadline(&self) -> Option<Millis> {
        self.deadline
    }
    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}

fn start() -> (Runner, Handle, Arc<Mutex<Vec<String>>>) {
    let recorder = Recorder::default();
    let log = Arc::clone(&recorder.log);
    let runner = Runner::start(recorder, Time::Manual).unwrap();
    let handle = runner.handle();
    (runner, handle, log)
}

fn message(kind: u8) -> Message {
    Message { kind, body: vec![1] }
}

#[tokio::test]
async fn deadlines_are_met_one_by_one_when_the_clock_moves() {
    let (runner, handle, log) = start();
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
    let (runner, handle, log) = start();
    let (first, mut from_token) = handle.connect().await.unwrap();
    handle.receive(first, message(9)).await.unwrap();
    assert_eq!(from_token.recv().await.unwrap().kind, 0);
    assert_eq!(from_token.recv().await.unwrap().kind, 9, "what was said before the end arrives");
    assert_eq!(from_token.recv().await, None, "the token disconnected");
    let (second, _from_token) = handle.connect().await.unwrap();
    handle.receive(first, message(2)).await.unwrap();
    handle.disconnect(first);
    handle.receive(second, message(3)).await.unwrap();
    handle.disconnect(second);
    runner.stop().unwrap();
    let expected = ["connected 0", "receive 9 0", "connected 0", "receive 3 0", "disconnected 0"];
    assert_eq!(*log.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_stopped_token_says_so() {
    let (runner, handle, _log) = start();
    runner.stop().unwrap();
    assert_eq!(handle.press(Key::Ok).await, Err(Stopped));
    assert!(handle.connect().await.is_err());
}

#[tokio::test]
async fn a_real_clock_wakes_the_token() {
    let recorder = Recorder::default();
    let log = Arc::clone(&recorder.log);
    let runner = Runner::start(recorder, Time::Real).unwrap();
    let _served = runner.handle().connect().await.unwrap();
    // Ends by itself after the third deadline; a token that is never woken would hang here and fail by the harness.
    while log.lock().unwrap().iter().filter(|line| line.starts_with("tick")).count() < 3 {
        tokio::task::yield_now().await;
    }
    runner.stop().unwrap();
}
