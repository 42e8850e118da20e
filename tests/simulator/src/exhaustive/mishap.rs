//! What can happen to a command to a card.

use crate::exhaustive::damage::Damage;

/// It happens once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The card is lost before the command arrives.
    Before,
    /// The command has arrived; the card is lost before the answer does.
    During,
    /// The card is lost after the answer.
    After,
    /// The card stays, and the answer never comes.
    Silent,
    /// The answer has this status word.
    Word(u16),
    /// The command's bytes are damaged.
    Command(Damage),
    /// The answer's bytes are damaged.
    Answer(Damage),
}

impl Mishap {
    /// The card is lost.
    pub const LOST: [Self; 3] = [Self::Before, Self::During, Self::After];
    /// Every status word of section 2.2, and one of nobody's.
    pub const WORDS: [u16; 11] =
        [0x9000, 0x6100, 0x6110, 0x6700, 0x6985, 0x6a82, 0x6a86, 0x6d00, 0x6e00, 0x6f00, 0x6281];

    /// Which kind it is, for counts.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Before => "card lost before",
            Self::During => "card lost during",
            Self::After => "card lost after",
            Self::Silent => "no answer",
            Self::Word(_) => "other status word",
            Self::Command(Damage::Byte(_)) => "command's byte corrupted",
            Self::Command(Damage::End(_)) => "command truncated",
            Self::Answer(Damage::Byte(_)) => "answer's byte corrupted",
            Self::Answer(Damage::End(_)) => "answer truncated",
        }
    }

    /// Whether bytes are other ones.
    #[must_use]
    pub fn alters(self) -> bool {
        matches!(self, Self::Word(_) | Self::Command(_) | Self::Answer(_))
    }

    /// The command as it arrives.
    #[must_use]
    pub fn of_command(self, command: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Command(damage) => damage.of(command),
            _ => command,
        }
    }

    /// The answer as it arrives.
    #[must_use]
    pub fn of_answer(self, mut answer: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Answer(damage) => damage.of(answer),
            Self::Word(word) => {
                answer.truncate(answer.len().saturating_sub(2));
                answer.extend(word.to_be_bytes());
                answer
            }
            _ => answer,
        }
    }
}
