//! A process's own writable memory, searched for canaries.

use std::fs::{self, File};
use std::hint::black_box;
use std::os::unix::fs::FileExt;

use zeroize::Zeroize;

use crate::canary::Canary;

/// How much is read at once.
const CHUNK: usize = 1 << 18;
/// More than any case's stack grows to.
const STACK: usize = 512 * 1024;

/// How often a canary was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Outside stacks: heap, statics, mappings.
    pub heap: usize,
    /// On the stack.
    pub stack: usize,
}

/// What was searched.
#[derive(Clone, Copy, Debug, Default)]
pub struct Searched {
    /// Mappings.
    pub mappings: usize,
    /// Bytes.
    pub bytes: usize,
}

/// Searches for canaries. Its buffer is the one place that it leaves out.
#[derive(Debug)]
pub struct Searcher {
    buffer: Vec<u8>,
}

impl Default for Searcher {
    fn default() -> Self {
        Self { buffer: vec![0; CHUNK] }
    }
}

impl Searcher {
    /// Counts each canary in all memory that this process can write.
    ///
    /// # Panics
    /// Without `/proc`.
    pub fn search(&mut self, canaries: &[Canary]) -> (Vec<Found>, Searched) {
        let mut found = vec![Found::default(); canaries.len()];
        let mut searched = Searched::default();
        let mut by_head: Vec<Vec<usize>> = vec![Vec::new(); 1 << 16];
        for (index, canary) in canaries.iter().enumerate() {
            by_head[usize::from(u16::from_be_bytes(canary.head()))].push(index);
        }
        let overlap = canaries.iter().map(Canary::length).max().unwrap_or(1) - 1;
        let memory = File::open("/proc/self/mem").expect("Linux");
        let maps = fs::read_to_string("/proc/self/maps").expect("Linux");
        for (start, end, stack) in maps.lines().filter_map(writable) {
            searched.mappings += 1;
            let mut at = start;
            while at < end {
                let length = CHUNK.min(end - at);
                let own = self.buffer.as_ptr().addr();
                let Ok(read) = memory.read_at(&mut self.buffer[..length], at as u64) else { break };
                if read == 0 {
                    break;
                }
                // The buffer holds what was read: hits inside it are its own.
                let skipped = |offset: usize| (own..own + CHUNK).contains(&(at + offset));
                for (offset, head) in self.buffer[..read].windows(2).enumerate() {
                    for index in &by_head[usize::from(u16::from_be_bytes([head[0], head[1]]))] {
                        if canaries[*index].begins(&self.buffer[offset..read]) && !skipped(offset) {
                            let found = &mut found[*index];
                            *if stack { &mut found.stack } else { &mut found.heap } += 1;
                        }
                    }
                }
                searched.bytes += read;
                let last = at + read >= end || read <= overlap;
                at += if last { read } else { read - overlap };
            }
        }
        self.buffer.fill(0);
        (found, searched)
    }
}

/// Start, end and whether it is the main thread's stack.
fn writable(line: &str) -> Option<(usize, usize, bool)> {
    let mut words = line.split_whitespace();
    let (range, rights) = (words.next()?, words.next()?);
    if !rights.starts_with("rw") || line.contains("[vvar") {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    Some((number(start)?, number(end)?, line.ends_with("[stack]")))
}

/// Overwrites what returned calls have left on the stack.
#[inline(never)]
pub fn wipe_dead_stack() {
    let mut bytes = [0x5au8; STACK];
    bytes.zeroize();
    black_box(&mut bytes);
}
