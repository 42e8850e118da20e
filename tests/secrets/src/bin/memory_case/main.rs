//! One case in a process of its own: secrets come in masked, counts go out.

#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod handshake;
#[cfg(target_os = "linux")]
mod json;
#[cfg(target_os = "linux")]
mod types;

#[cfg(target_os = "linux")]
fn main() {
    use std::io::Read;

    use ushield_secrets::scene::Secrets;

    let case = std::env::args().nth(1).expect("a case");
    let mut lines = String::new();
    std::io::stdin().read_to_string(&mut lines).expect("canaries");
    // What a panic says is the case's output too: nothing of it may be a secret, and it need not be seen here.
    std::panic::set_hook(Box::new(|_| {}));
    let mut look = Look::new(Secrets::parse(&lines));
    match case.as_str() {
        "control" => types::control(&mut look),
        "types" => types::success(&mut look),
        "types-error" => types::error(&mut look),
        "types-panic" => types::panic(&mut look),
        "json" => json::all(&mut look),
        "handshake" => handshake::success(&mut look),
        "handshake-error" => handshake::error(&mut look),
        "handshake-panic" => handshake::panic(&mut look),
        "client" => client::success(&mut look),
        "client-error" => client::error(&mut look),
        "client-panic" => client::panic(&mut look),
        "client-cancel" => client::dropped(&mut look),
        other => panic!("no case {other}"),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {}

/// Searches and writes down what it found.
#[cfg(target_os = "linux")]
struct Look {
    secrets: ushield_secrets::scene::Secrets,
    searcher: ushield_secrets::memory::Searcher,
}

#[cfg(target_os = "linux")]
impl Look {
    fn new(secrets: ushield_secrets::scene::Secrets) -> Self {
        Self { secrets, searcher: ushield_secrets::memory::Searcher::default() }
    }

    /// A line for each canary: phase, name, count outside stacks, count on the dead stack, count on the stack once that is
    /// overwritten; and the bytes searched.
    #[inline(never)]
    fn at(&mut self, phase: &str) {
        let (before, _) = self.searcher.search(self.secrets.all());
        ushield_secrets::memory::wipe_dead_stack();
        let (after, searched) = self.searcher.search(self.secrets.all());
        for (canary, (before, after)) in self.secrets.all().iter().zip(before.iter().zip(&after)) {
            println!(
                "{phase} {} {} {} {} {}",
                canary.name, after.heap, before.stack, after.stack, searched.bytes
            );
        }
    }
}
