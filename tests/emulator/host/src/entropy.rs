//! Where the token's randomness comes from: the operating system, or a seed that replays a test.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A source of random bytes.
#[derive(Debug)]
pub enum Source {
    /// The operating system's generator.
    System,
    /// The same bytes again for the same seed: for tests alone, every key made from it is known.
    Seeded(Seeded),
}

/// SHA-256 over seed and counter.
pub struct Seeded {
    seed: [u8; 32],
    block: u64,
}

impl std::fmt::Debug for Seeded {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Seeded(..)")
    }
}

impl Source {
    /// A source that repeats itself for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Seeded { seed: Sha256::digest(seed.to_be_bytes()).into(), block: 0 })
    }

    /// Fills `out`.
    ///
    /// # Errors
    /// The operating system's generator failed; `out` must not be used.
    pub fn fill(&mut self, out: &mut [u8]) -> std::io::Result<()> {
        match self {
            Self::System => getrandom::fill(out).map_err(|error| std::io::Error::other(error.to_string())),
            Self::Seeded(seeded) => {
                for part in out.chunks_mut(32) {
                    let block = Zeroizing::new(<[u8; 32]>::from(
                        Sha256::new()
                            .chain_update(seeded.seed)
                            .chain_update(seeded.block.to_be_bytes())
                            .finalize(),
                    ));
                    seeded.block = seeded.block.wrapping_add(1);
                    for (to, from) in part.iter_mut().zip(block.iter()) {
                        *to = *from;
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(source: &mut Source) -> [u8; 80] {
        let mut out = [0; 80];
        source.fill(&mut out).unwrap();
        out
    }

    #[test]
    fn a_seed_repeats_and_another_does_not() {
        let mut first = Source::seeded(1);
        let start = bytes(&mut first);
        assert_eq!(start, bytes(&mut Source::seeded(1)));
        assert_ne!(start, bytes(&mut first));
        assert_ne!(start, bytes(&mut Source::seeded(2)));
        assert_ne!(start[..32], start[32..64]);
    }

    #[test]
    fn the_system_does_not_repeat() {
        assert_ne!(bytes(&mut Source::System), bytes(&mut Source::System));
    }
}
