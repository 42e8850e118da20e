//! Tokens in card readers, over NFC and USB: PC/SC (protocol.md, section 2.2).

mod properties;
mod reader;

use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::pcsc::{Context, ReaderState, Scope, State};
use async_trait::async_trait;
use ushield_client::Error;
use ushield_client::error::Detail;
use ushield_client::ports::{Connected, Medium, Radio, Seen, Via, Wanted};
use ushield_protocol::code::Code;

use self::reader::Reader;

/// Between two looks whether anybody still waits.
const LOOK: Duration = Duration::from_millis(250);
const MOST_READERS: usize = 16;

/// Card readers of this machine.
#[derive(Clone, Debug)]
pub struct PcscRadio {
    reader: Option<String>,
    extended: bool,
}

impl PcscRadio {
    /// Any reader, or the ones in whose name `reader` occurs; a place, as [`ushield_client::ports::Spot`] has it, is its reader.
    #[must_use]
    pub fn new(reader: Option<String>) -> Self {
        Self { reader: reader.map(without_number), extended: false }
    }

    /// They send commands of extended length, also where they do not say so themselves.
    #[must_use]
    pub fn extended(self) -> Self {
        Self { extended: true, ..self }
    }

    fn means(&self, name: &CStr) -> bool {
        self.reader.as_ref().is_none_or(|part| name.to_string_lossy().contains(part))
    }

    fn readers(&self, context: &Context) -> Result<Vec<CString>, Error> {
        let names = context.list_readers_owned().map_err(|error| self.no_reader(error))?;
        let (mut meant, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| self.means(name));
        meant.truncate(MOST_READERS);
        match (meant.is_empty(), others.is_empty()) {
            (false, _) => Ok(meant),
            (true, true) => Err(self.no_reader(::pcsc::Error::NoReadersAvailable)),
            (true, false) => Err(self.no_reader(OtherReaders(others))),
        }
    }

    fn no_reader(&self, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
        let error = Error::new(Code::NoReader).caused_by(cause);
        match &self.reader {
            Some(reader) => error.with_detail(Detail::Host(reader.clone())),
            None => error,
        }
    }

    /// Waits for a card at a place that is wanted: whether it is a U-Shield, and which, it says itself. Blocks.
    fn find(&self, wanted: &Wanted, given_up: &AtomicBool) -> Result<(Reader, String, usize), Error> {
        let context = Context::establish(Scope::User).map_err(|error| self.no_reader(error))?;
        let until = Instant::now() + Duration::from_millis(wanted.patience().0);
        let mut had_reader = false;
        loop {
            let cards = match self.cards(&context) {
                Ok(cards) => cards,
                // A reader that was there and is unplugged comes back with its card.
                Err(_) if had_reader => Vec::new(),
                Err(error) => return Err(error),
            };
            had_reader = true;
            let there: Vec<&Inserted> = cards.iter().filter(|card| wanted.is_at(&card.place())).collect();
            // One that cannot be opened went away, or another program holds it.
            let open = |card: &&Inserted| Reader::open(&context, &card.reader, self.extended).ok();
            let opened = there.iter().find_map(|card| Some((open(card)?, card.place())));
            if let Some((reader, place)) = opened {
                return Ok((reader, place, there.len().saturating_sub(1)));
            }
            if given_up.load(Ordering::Relaxed) || Instant::now() >= until {
                return Err(Error::new(Code::TokenNotFound));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Cards in their readers.
    fn cards(&self, context: &Context) -> Result<Vec<Inserted>, Error> {
        let readers = self.readers(context)?;
        let mut states: Vec<ReaderState> =
            readers.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect();
        // With nothing known it returns at once.
        context.get_status_change(LOOK, &mut states).map_err(|error| self.no_reader(error))?;
        let present = states.iter().filter(|state| state.event_state().contains(State::PRESENT));
        let inserted =
            |state: &ReaderState| Inserted { reader: state.name().to_owned(), number: state.event_count() };
        Ok(present.map(inserted).collect())
    }
}

/// Readers that are there and not meant.
#[derive(Debug)]
struct OtherReaders(Vec<CString>);

impl std::fmt::Display for OtherReaders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.0.iter().map(|name| name.to_string_lossy()).collect();
        write!(f, "there are {}", names.join(", "))
    }
}

impl std::error::Error for OtherReaders {}

/// A reader's name out of a place, which counts its cards behind it.
fn without_number(place: String) -> String {
    match place.rsplit_once(" #") {
        Some((name, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            name.to_owned()
        }
        _ => place,
    }
}

/// A card, as it was put into its reader.
struct Inserted {
    reader: CString,
    /// Counted by the system: another one after the card was taken out.
    number: u32,
}

impl Inserted {
    /// The name comes from the device: it is shown at terminals.
    fn place(&self) -> String {
        let name: String = self.reader.to_string_lossy().chars().filter(|c| !c.is_control()).collect();
        format!("{name} #{}", self.number)
    }
}

/// Tells the thread that looks for a card that nobody waits any more.
struct GivesUp(Arc<AtomicBool>);

impl Drop for GivesUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Radio for PcscRadio {
    async fn connect(&self, wanted: &Wanted) -> Result<Connected, Error> {
        let given_up = Arc::new(AtomicBool::new(false));
        let _waits = GivesUp(Arc::clone(&given_up));
        let (radio, wanted) = (self.clone(), wanted.clone());
        let found = tokio::task::spawn_blocking(move || radio.find(&wanted, &given_up)).await;
        let (reader, place, others) =
            found.map_err(|error| Error::new(Code::LinkLost).caused_by(error))??;
        Ok(Connected { via: Via::Card(Arc::new(reader)), place, others })
    }

    async fn look(&self) -> Result<Vec<Seen>, Error> {
        let radio = self.clone();
        let look = move || {
            let context = Context::establish(Scope::User).map_err(|error| radio.no_reader(error))?;
            radio.cards(&context)
        };
        let cards = tokio::task::spawn_blocking(look).await;
        let cards = cards.map_err(|error| Error::new(Code::LinkLost).caused_by(error))??;
        let seen = |card: Inserted| Seen {
            medium: Medium::Card,
            place: card.place(),
            advertised: None,
            signal: None,
        };
        Ok(cards.into_iter().map(seen).collect())
    }

    fn describe(&self) -> Option<String> {
        Some(match &self.reader {
            Some(reader) => format!("PC/SC {reader}"),
            None => "PC/SC".to_owned(),
        })
    }
}
