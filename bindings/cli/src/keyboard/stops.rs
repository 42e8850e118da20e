//! Ctrl-Z and what follows it: the shell has the terminal meanwhile, and gives it back with modes of its own choice.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::output::Output;

/// How long a stop that was asked for may take to come.
const STOPS_WITHIN: Duration = Duration::from_millis(200);

/// How soon a program that the shell took behind notices that it is in front again: the shell says so only to one that was stopped.
const LOOK: Duration = Duration::from_millis(200);

/// Gives the terminal back at every stop from now on, and takes it again after it.
pub(crate) fn watch(output: &Arc<Output>) {
    let output = Arc::clone(output);
    if output.keyboard.is_none() {
        return;
    }
    // Without these a signal does what it always does.
    let (Ok(mut stop), Ok(mut goes_on)) = (
        signal(SignalKind::from_raw(Signal::TSTP.as_raw())),
        signal(SignalKind::from_raw(Signal::CONT.as_raw())),
    ) else {
        return;
    };
    tokio::spawn(async move {
        let Some(keyboard) = &output.keyboard else { return };
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_ours = true;
        loop {
            tokio::select! {
                Some(()) = stop.recv() => {
                    output.stop_waiting();
                    keyboard.pause();
                    // Stops as the one that was caught would have: not where no shell is there to let it go on.
                    let _ = kill_process(getpid(), Signal::TTIN);
                    let _ = timeout(STOPS_WITHIN, goes_on.recv()).await;
                }
                Some(()) = goes_on.recv() => {}
                _ = look.tick() => {
                    let is_ours = keyboard.is_ours();
                    if std::mem::replace(&mut was_ours, is_ours) || !is_ours {
                        continue;
                    }
                }
            }
            keyboard.again();
        }
    });
}
