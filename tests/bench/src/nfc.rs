//! A model of a card at a reader: ISO/IEC 14443-3 and -4, type A, FSC and FSD 256. No waiting-time extension, nothing is lost, the card
//! answers as soon as it may.

/// Billionths of a second.
pub type Nanos = u64;

/// Data of a block of 256 bytes, and what is around it: PCB and CRC.
const DATA: usize = 253;
const AROUND: usize = 3;
/// A byte with its parity, and start and end of a frame, in elementary times.
const BYTE: u64 = 9;
const ENDS: u64 = 2;
/// Carrier in kHz; an elementary time at 106 kbit/s in its periods; the pause between two frames in them.
const CARRIER: u64 = 13_560;
const ELEMENTARY: u64 = 128;
const PAUSE: u64 = 1_172;

/// What a connection is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Antenna {
    /// 1, 2, 4 or 8 times 106 kbit/s.
    pub times: u64,
    /// The phone's time for each block that it sends, in microseconds.
    pub host: u64,
}

impl Antenna {
    /// Microseconds for commands and their answers, each by its length.
    #[must_use]
    pub fn exchanges(&self, exchanges: &[(usize, usize)]) -> u64 {
        let nanos: Nanos = exchanges.iter().map(|(command, answer)| self.exchange(*command, *answer)).sum();
        nanos / 1_000
    }

    fn exchange(&self, command: usize, answer: usize) -> Nanos {
        let (sent, heard) = (blocks(command), blocks(answer));
        let mut time = 0;
        // Each block but the last is acknowledged by one without data.
        for data in &sent {
            time += self.host * 1_000 + self.frame(*data);
        }
        time += self.frame(0) * (u64::try_from(sent.len()).unwrap() - 1);
        for data in &heard {
            time += self.frame(*data);
        }
        time + (self.host * 1_000 + self.frame(0)) * (u64::try_from(heard.len()).unwrap() - 1)
    }

    /// A block and the pause after it.
    fn frame(&self, data: usize) -> Nanos {
        let elementary = u64::try_from(data + AROUND).unwrap() * BYTE + ENDS;
        (elementary * ELEMENTARY / self.times + PAUSE) * 1_000_000 / CARRIER
    }
}

/// Lengths of the blocks of a chain.
fn blocks(length: usize) -> Vec<usize> {
    (0..length).step_by(DATA).map(|from| DATA.min(length - from)).collect()
}
