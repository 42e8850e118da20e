//! Looks for secrets where none may be. Must not hold a secret whole itself, and must not mend what it finds.
//!
//! [`memory`] searches a process's own memory, [`needles`] texts and files, [`valgrind`] says to valgrind which bytes are
//! secret. [`scene`] has the shipped client, the shipped token logic and a bank in one process.

pub mod canary;
#[cfg(target_os = "linux")]
pub mod memory;
pub mod needles;
pub mod scene;
pub mod valgrind;
