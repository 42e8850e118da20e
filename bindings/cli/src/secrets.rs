//! Secrets that come through a file descriptor, line by line, only when they are needed.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use ushield_client::Error;
use ushield_protocol::code::Code;
use zeroize::Zeroizing;

/// No line is longer.
pub(crate) const MAX_LINE: usize = 1024;

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Pin,
    NewPin,
    Password,
    TokenDigits,
}

impl Name {
    const ALL: [Name; 4] = [Name::Pin, Name::NewPin, Name::Password, Name::TokenDigits];

    /// As it stands before `=`.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Name::Pin => "pin",
            Name::NewPin => "new-pin",
            Name::Password => "password",
            Name::TokenDigits => "token-digits",
        }
    }
}

/// A value, wiped when dropped.
pub(crate) type Value = Zeroizing<Vec<u8>>;

/// Lines `name=value`. A line that is not needed yet waits; each is used once.
pub(crate) struct Secrets(Mutex<Source>);

struct Source {
    input: Box<dyn Read + Send>,
    waiting: Vec<(Name, Value)>,
}

impl Secrets {
    /// The lines of an open descriptor of this process: a pipe or a file.
    ///
    /// # Errors
    /// It is not open for reading.
    pub(crate) fn open(fd: u32) -> io::Result<Self> {
        // The way without `unsafe`: the system opens what the descriptor stands for.
        File::open(format!("/dev/fd/{fd}")).map(Self::new)
    }

    pub(crate) fn new(input: impl Read + Send + 'static) -> Self {
        Self(Mutex::new(Source { input: Box::new(input), waiting: Vec::new() }))
    }

    /// The next value of this name; none when the lines have ended. Blocks until one of the two is known.
    ///
    /// # Errors
    /// `bad-input` at `secrets-fd` for a line that is not `name=value` with a known name.
    pub(crate) fn next(&self, name: Name) -> Result<Option<Value>, Error> {
        let mut source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = source.waiting.iter().position(|(waiting, _)| *waiting == name) {
            return Ok(Some(source.waiting.remove(at).1));
        }
        loop {
            match source.line()? {
                None => return Ok(None),
                Some((found, value)) if found == name => return Ok(Some(value)),
                Some(other) => source.waiting.push(other),
            }
        }
    }

    /// Forgets values of this name that came too early to be an answer.
    pub(crate) fn forget(&self, name: Name) {
        let mut source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        source.waiting.retain(|(waiting, _)| *waiting != name);
    }
}

impl Source {
    fn line(&mut self) -> Result<Option<(Name, Value)>, Error> {
        loop {
            // Never grows, so that no copy is left behind; byte by byte, so that no buffer holds the next secret.
            let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
            let mut byte = Zeroizing::new([0_u8; 1]);
            let ended = loop {
                match self.input.read(&mut *byte) {
                    Ok(0) => break true,
                    Ok(_) if *byte == [b'\n'] => break false,
                    Ok(_) if line.len() == MAX_LINE => return Err(malformed()),
                    Ok(_) => line.extend_from_slice(&*byte),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(malformed().caused_by(error)),
                }
            };
            let text = line.strip_suffix(b"\r").unwrap_or(&line);
            match (text.is_empty(), ended) {
                (true, true) => return Ok(None),
                (true, false) => {}
                (false, _) => return parse(text).map(Some).ok_or_else(malformed),
            }
        }
    }
}

fn parse(line: &[u8]) -> Option<(Name, Value)> {
    Name::ALL.into_iter().find_map(|name| {
        let value = line.strip_prefix(name.text().as_bytes())?.strip_prefix(b"=")?;
        Some((name, Zeroizing::new(value.to_vec())))
    })
}

fn malformed() -> Error {
    Error::new(Code::BadInput).at("secrets-fd")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn secrets(text: &'static str) -> Secrets {
        Secrets::new(Cursor::new(text))
    }

    #[test]
    fn lines_are_used_once_in_their_order() {
        let secrets = secrets("pin=111222\npassword=a=b \r\npin=333444\n\nnew-pin=555666");
        let next = |name| secrets.next(name).unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap());
        assert_eq!(next(Name::NewPin).as_deref(), Some("555666"));
        assert_eq!(next(Name::Pin).as_deref(), Some("111222"));
        assert_eq!(next(Name::Pin).as_deref(), Some("333444"));
        assert_eq!(next(Name::Pin), None);
        assert_eq!(next(Name::Password).as_deref(), Some("a=b "));
        assert_eq!(next(Name::Password), None);
    }

    #[test]
    fn nothing_is_read_before_it_is_needed() {
        struct OneLine(Cursor<&'static [u8]>);
        impl Read for OneLine {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                let read = self.0.read(out)?;
                if read == 0 { Err(io::Error::other("read past the line that was needed")) } else { Ok(read) }
            }
        }
        let secrets = Secrets::new(OneLine(Cursor::new(b"pin=111222\n")));
        assert!(secrets.next(Name::Pin).unwrap().is_some());
        assert!(secrets.next(Name::Pin).is_err());
    }

    #[test]
    fn an_answer_that_came_before_its_question_is_forgotten() {
        let secrets = secrets("token-digits=111111\npin=111222\ntoken-digits=no\n");
        assert!(secrets.next(Name::Pin).unwrap().is_some());
        secrets.forget(Name::TokenDigits);
        assert_eq!(secrets.next(Name::TokenDigits).unwrap().unwrap().as_slice(), b"no");
    }

    #[test]
    fn other_lines_are_refused_without_being_repeated() {
        for bad in ["pin 111222", "PIN=111222", "pincode=1", "=1", "111222"] {
            let error = Secrets::new(Cursor::new(bad)).next(Name::Pin).unwrap_err();
            assert_eq!(error.code(), Code::BadInput);
            assert!(!format!("{error} {error:?}").contains("111222"));
        }
        let long = format!("pin={}", "1".repeat(MAX_LINE));
        assert!(Secrets::new(Cursor::new(long)).next(Name::Pin).is_err());
    }
}
