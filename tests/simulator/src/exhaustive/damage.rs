//! What can become of a message's bytes.

/// Damage to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The byte at this place is another one.
    Byte(usize),
    /// It ends after so many bytes.
    End(usize),
}

impl Damage {
    /// Every byte once, every length once.
    pub fn all(length: usize) -> impl Iterator<Item = Self> {
        (0..length).map(Self::Byte).chain((0..length).map(Self::End))
    }

    /// The message, damaged.
    #[must_use]
    pub fn of(self, mut body: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Byte(at) => {
                if let Some(byte) = body.get_mut(at) {
                    // Each place has its own bits, and never none.
                    *byte ^= u8::try_from(at * 37 % 255).unwrap_or(0) + 1;
                }
            }
            Self::End(length) => body.truncate(length),
        }
        body
    }
}
