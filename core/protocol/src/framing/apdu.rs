//! Commands and answers over NFC and USB (section 2.2; ISO/IEC 7816-4).

use alloc::vec::Vec;

use crate::message::{Kind, MAX_BODY};

/// The application's name.
pub const AID: [u8; 9] = [0xf0, b'U', b'S', b'H', b'I', b'E', b'L', b'D', 1];
/// Most data of a short command.
pub const SHORT_COMMAND: usize = 255;
/// Most data of a short answer.
pub const SHORT_ANSWER: usize = 256;

const ISO: u8 = 0x00;
const OURS: u8 = 0x80;
const CHAINED: u8 = 0x90;
const SELECT: u8 = 0xa4;
const ENVELOPE: u8 = 0xc2;
const GET_RESPONSE: u8 = 0xc0;
const BY_NAME: u8 = 0x04;

/// What a phone tells a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// Begin a connection.
    Select,
    /// Go to another application, or a file: there is none.
    SelectAnother,
    /// A message, or a part of one.
    Message {
        /// What the message is: one that a phone may send.
        kind: Kind,
        /// The body, or its next part.
        part: &'a [u8],
        /// Whether further parts follow.
        more: bool,
        /// Whether the answer may be longer than 256 bytes.
        extended: bool,
    },
    /// Is there anything?
    Poll {
        /// Whether the answer may be longer than 256 bytes.
        extended: bool,
    },
    /// The next bytes of an answer.
    GetResponse {
        /// At most so many: 1 to 256.
        most: u16,
    },
}

/// The last two bytes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// Done, and so many bytes wait; 0 for 256 and more.
    More(u8),
    /// The length is wrong.
    WrongLength,
    /// Not selected, or the token ended the connection.
    NoConnection,
    /// No such application.
    NotFound,
    /// P1 or P2.
    WrongParameters,
    /// INS.
    UnknownInstruction,
    /// CLA.
    UnknownClass,
    /// The token failed.
    Failure,
    /// Not one of ours.
    Other(u16),
}

impl Status {
    /// The two bytes as a number.
    #[must_use]
    pub fn word(self) -> u16 {
        match self {
            Self::Ok => 0x9000,
            Self::More(left) => 0x6100 | u16::from(left),
            Self::WrongLength => 0x6700,
            Self::NoConnection => 0x6985,
            Self::NotFound => 0x6a82,
            Self::WrongParameters => 0x6a86,
            Self::UnknownInstruction => 0x6d00,
            Self::UnknownClass => 0x6e00,
            Self::Failure => 0x6f00,
            Self::Other(word) => word,
        }
    }

    /// The status of a number.
    #[must_use]
    pub fn from_word(word: u16) -> Self {
        let [high, low] = word.to_be_bytes();
        match word {
            0x9000 => Self::Ok,
            0x6700 => Self::WrongLength,
            0x6985 => Self::NoConnection,
            0x6a82 => Self::NotFound,
            0x6a86 => Self::WrongParameters,
            0x6d00 => Self::UnknownInstruction,
            0x6e00 => Self::UnknownClass,
            0x6f00 => Self::Failure,
            _ if high == 0x61 => Self::More(low),
            _ => Self::Other(word),
        }
    }
}

/// What a card answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Data before the status.
    pub data: &'a [u8],
    /// How it went.
    pub status: Status,
}

impl<'a> Answer<'a> {
    /// Reads an answer; nothing for fewer bytes than a status has.
    #[must_use]
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (data, word) = bytes.split_last_chunk::<2>()?;
        Some(Self { data, status: Status::from_word(u16::from_be_bytes(*word)) })
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::from(self.data);
        bytes.extend(self.status.word().to_be_bytes());
        bytes
    }
}

impl<'a> Command<'a> {
    /// Reads a command; what is refused is refused with this status.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Status> {
        let [class, instruction, p1, p2, rest @ ..] = bytes else { return Err(Status::WrongLength) };
        let body = Body::decode(rest);
        match (*class, *instruction) {
            (ISO, SELECT) => {
                let name = body.map(|body| body.data);
                let ours = *p1 == BY_NAME && matches!(p2, 0x00 | 0x0c) && name == Ok(&AID);
                Ok(if ours { Self::Select } else { Self::SelectAnother })
            }
            (ISO, GET_RESPONSE) => match (p1, p2, body?) {
                (0, 0, Body { data: [], most: Some(most), extended: false }) => {
                    Ok(Self::GetResponse { most })
                }
                (0, 0, _) => Err(Status::WrongLength),
                _ => Err(Status::WrongParameters),
            },
            (OURS | CHAINED, ENVELOPE) => Self::envelope(*class == CHAINED, *p1, *p2, body?),
            (ISO | OURS | CHAINED, _) => Err(Status::UnknownInstruction),
            _ => Err(Status::UnknownClass),
        }
    }

    fn envelope(more: bool, p1: u8, p2: u8, body: Body<'a>) -> Result<Self, Status> {
        let Body { data, most, extended } = body;
        let whole = most == Some(0) || (most == Some(256) && !extended);
        let kind = Kind::from_number(p1).filter(|kind| p1 == 0 || kind.from_phone());
        match (kind, p2, more, data) {
            (None, ..) | (_, 1.., ..) => Err(Status::WrongParameters),
            (Some(Kind::Hello), _, false, []) if whole => Ok(Self::Poll { extended }),
            (Some(Kind::Hello), ..) => Err(Status::WrongLength),
            (Some(kind), _, true, part) if part.len() == SHORT_COMMAND && most.is_none() && !extended => {
                Ok(Self::Message { kind, part, more, extended })
            }
            (Some(kind), _, false, part @ [_, ..]) if part.len() <= MAX_BODY && whole => {
                Ok(Self::Message { kind, part, more, extended })
            }
            _ => Err(Status::WrongLength),
        }
    }
}

/// What follows P2. `most` of an extended command is 0 for all that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Body<'a> {
    data: &'a [u8],
    most: Option<u16>,
    extended: bool,
}

impl<'a> Body<'a> {
    /// The seven cases of ISO/IEC 7816-4, 5.2.
    fn decode(rest: &'a [u8]) -> Result<Self, Status> {
        let short = |most: &u8| if *most == 0 { 256 } else { u16::from(*most) };
        let (data, most, extended) = match rest {
            [] => (&[][..], None, false),
            [most] => (&[][..], Some(short(most)), false),
            [0, high, low] => (&[][..], Some(u16::from_be_bytes([*high, *low])), true),
            [0, high, low, rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                match rest.split_at_checked(length) {
                    Some((data, [])) if length > 0 => (data, None, true),
                    Some((data, [high, low])) if length > 0 => {
                        (data, Some(u16::from_be_bytes([*high, *low])), true)
                    }
                    _ => return Err(Status::WrongLength),
                }
            }
            [length, rest @ ..] => match rest.split_at_checked(usize::from(*length)) {
                Some((data, [])) if *length > 0 => (data, None, false),
                Some((data, [most])) if *length > 0 => (data, Some(short(most)), false),
                _ => return Err(Status::WrongLength),
            },
        };
        Ok(Self { data, most, extended })
    }
}

/// Begins a connection.
#[must_use]
pub fn select() -> Vec<u8> {
    let mut command = Vec::from([ISO, SELECT, BY_NAME, 0, 9]);
    command.extend(AID);
    command.push(0);
    command
}

/// The commands that carry a message, in order: one with extended length, else as many as 255 bytes each need.
#[must_use]
pub fn message(kind: Kind, body: &[u8], extended: bool) -> Vec<Vec<u8>> {
    if extended {
        let mut command = Vec::from([OURS, ENVELOPE, kind.number(), 0, 0]);
        command.extend(u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
        command.extend(body);
        command.extend([0, 0]);
        return Vec::from([command]);
    }
    let count = body.len().div_ceil(SHORT_COMMAND);
    let parts = body.chunks(SHORT_COMMAND).enumerate();
    parts
        .map(|(index, part)| {
            let last = index.saturating_add(1) == count;
            let length = u8::try_from(part.len()).unwrap_or(u8::MAX);
            let class = if last { OURS } else { CHAINED };
            let mut command = Vec::from([class, ENVELOPE, kind.number(), 0, length]);
            command.extend(part);
            command.extend(last.then_some(0));
            command
        })
        .collect()
}

/// Asks whether there is anything.
#[must_use]
pub fn poll(extended: bool) -> Vec<u8> {
    let mut command = Vec::from([OURS, ENVELOPE, 0, 0, 0]);
    command.extend(extended.then_some([0, 0]).into_iter().flatten());
    command
}

/// Asks for the bytes that `61 xx` announced.
#[must_use]
pub fn get_response(left: u8) -> Vec<u8> {
    Vec::from([ISO, GET_RESPONSE, 0, 0, left])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(kind: Kind, body: &[u8], extended: bool) -> Vec<u8> {
        let mut taken = Vec::new();
        let commands = message(kind, body, extended);
        for (index, command) in commands.iter().enumerate() {
            let last = index + 1 == commands.len();
            match Command::decode(command).unwrap() {
                Command::Message { kind: k, part, more, extended: e } => {
                    assert_eq!((k, more, e), (kind, !last, extended));
                    taken.extend(part);
                }
                other => panic!("{other:?}"),
            }
        }
        taken
    }

    #[test]
    fn what_the_phone_says_the_card_reads() {
        assert_eq!(Command::decode(&select()), Ok(Command::Select));
        assert_eq!(Command::decode(&poll(false)), Ok(Command::Poll { extended: false }));
        assert_eq!(Command::decode(&poll(true)), Ok(Command::Poll { extended: true }));
        assert_eq!(Command::decode(&get_response(0)), Ok(Command::GetResponse { most: 256 }));
        assert_eq!(Command::decode(&get_response(7)), Ok(Command::GetResponse { most: 7 }));
        for length in [1, 57, 254, 255, 256, 509, 510, 511, 4_095, 4_096] {
            let body: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            for extended in [false, true] {
                assert_eq!(joined(Kind::Sealed, &body, extended), body);
            }
        }
        assert_eq!(message(Kind::Sealed, &[0; 510], false).len(), 2);
        assert_eq!(message(Kind::Sealed, &[0; 511], false).len(), 3);
    }

    #[test]
    fn a_stranger_is_told_what_is_wrong() {
        let of = Command::decode;
        assert_eq!(of(&[0, 0xa4, 4, 0, 2, 0x3f, 0, 0]), Ok(Command::SelectAnother));
        assert_eq!(of(&[0, 0xa4, 0, 0x0c, 2, 0x3f, 0]), Ok(Command::SelectAnother));
        assert_eq!(of(&[0, 0xa4, 4, 0]), Ok(Command::SelectAnother));
        assert_eq!(of(&[0, 0xa4, 4, 0, 9, 1]), Ok(Command::SelectAnother));
        assert_eq!(of(&[0, 0xca, 0, 0, 0]), Err(Status::UnknownInstruction));
        assert_eq!(of(&[0x80, 0xca, 0, 0, 0]), Err(Status::UnknownInstruction));
        assert_eq!(of(&[0xa0, 0xc2, 0, 0, 0]), Err(Status::UnknownClass));
        assert_eq!(of(&[0x80, 0xc2, 5, 0, 1, 1, 0]), Err(Status::WrongParameters));
        assert_eq!(of(&[0x80, 0xc2, 4, 0, 1, 1, 0]), Err(Status::WrongParameters));
        assert_eq!(of(&[0x80, 0xc2, 1, 1, 1, 1, 0]), Err(Status::WrongParameters));
        assert_eq!(of(&[0x80, 0xc2, 1, 0, 0]), Err(Status::WrongLength));
        assert_eq!(of(&[0x80, 0xc2, 1, 0, 1, 1]), Err(Status::WrongLength));
        assert_eq!(of(&[0x80, 0xc2, 1, 0, 1, 1, 9]), Err(Status::WrongLength));
        assert_eq!(of(&[0x80, 0xc2, 0, 0, 1, 1, 0]), Err(Status::WrongLength));
        assert_eq!(of(&[0x90, 0xc2, 0, 0, 0]), Err(Status::WrongLength));
        assert_eq!(of(&[0x90, 0xc2, 1, 0, 1, 1]), Err(Status::WrongLength));
        assert_eq!(of(&[0, 0xc0, 0, 0]), Err(Status::WrongLength));
        assert_eq!(of(&[0, 0xc0, 1, 0, 0]), Err(Status::WrongParameters));
        assert_eq!(of(&[0x80, 0xc2, 1]), Err(Status::WrongLength));
        assert_eq!(of(&[]), Err(Status::WrongLength));
    }

    #[test]
    fn every_word_is_read_back() {
        for word in 0..=u16::MAX {
            assert_eq!(Status::from_word(word).word(), word);
            let bytes = Answer { data: b"x", status: Status::from_word(word) }.encode();
            assert_eq!(Answer::decode(&bytes).unwrap().status.word(), word);
        }
        assert_eq!(Answer::decode(&[0x90]), None);
        assert_eq!(Answer::decode(&[0x90, 0]), Some(Answer { data: b"", status: Status::Ok }));
    }
}
