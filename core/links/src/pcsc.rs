//! Tokens in card readers, over NFC and USB: PC/SC (protocol.md, section 2.2).

mod reader;

use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::pcsc::{Context, ReaderState, Scope, State};
use async_trait::async_trait;
use ushield_client::Error;
use ushield_client::error::Detail;
use ushield_client::ports::{Connected, Radio};
use ushield_protocol::code::Code;

use self::reader::Reader;

/// A card is waited for so long: somebody has to fetch it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks whether anybody still waits.
const LOOK: Duration = Duration::from_millis(250);
const MOST_READERS: usize = 16;

/// Card readers of this machine.
#[derive(Clone, Debug)]
pub struct PcscRadio {
    reader: Option<String>,
}

impl PcscRadio {
    /// Any reader, or the ones in whose name `reader` occurs.
    #[must_use]
    pub fn new(reader: Option<String>) -> Self {
        Self { reader }
    }

    fn means(&self, name: &CStr) -> bool {
        self.reader.as_ref().is_none_or(|part| name.to_string_lossy().contains(part))
    }

    fn readers(&self, context: &Context) -> Result<Vec<CString>, Error> {
        let names = context.list_readers_owned().map_err(|error| self.no_reader(error))?;
        Ok(names.into_iter().filter(|name| self.means(name)).take(MOST_READERS).collect())
    }

    fn no_reader(&self, cause: ::pcsc::Error) -> Error {
        let error = Error::new(Code::NoReader).caused_by(cause);
        match &self.reader {
            Some(reader) => error.with_detail(Detail::Host(reader.clone())),
            None => error,
        }
    }

    /// Waits for a card that is a U-Shield. Blocks.
    fn find(&self, given_up: &AtomicBool) -> Result<Reader, Error> {
        let context = Context::establish(Scope::User).map_err(|error| self.no_reader(error))?;
        let until = Instant::now() + PATIENCE;
        let mut refused = Vec::new();
        loop {
            let readers = self.readers(&context)?;
            if readers.is_empty() {
                return Err(self.no_reader(::pcsc::Error::NoReadersAvailable));
            }
            let mut states: Vec<ReaderState> =
                readers.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect();
            // With nothing known it returns at once.
            context.get_status_change(LOOK, &mut states).map_err(|error| self.no_reader(error))?;
            let present: Vec<&ReaderState> =
                states.iter().filter(|state| state.event_state().contains(State::PRESENT)).collect();
            // With one card the link's own SELECT says what it is.
            let choose = present.len() > 1;
            for state in present {
                let seen = (state.name().to_owned(), state.event_count());
                if refused.contains(&seen) {
                    continue;
                }
                match Reader::open(&context, state.name(), choose) {
                    Ok(reader) => return Ok(reader),
                    // Another kind of card: it is not asked again while it lies there.
                    Err(error) if error.code() == Code::TokenNotFound => refused.push(seen),
                    // It went away, or another program holds it.
                    Err(_) => {}
                }
            }
            if given_up.load(Ordering::Relaxed) || Instant::now() >= until {
                return Err(Error::new(Code::TokenNotFound));
            }
            std::thread::sleep(LOOK);
        }
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
    async fn connect(&self) -> Result<Connected, Error> {
        let given_up = Arc::new(AtomicBool::new(false));
        let _waits = GivesUp(Arc::clone(&given_up));
        let radio = self.clone();
        let found = tokio::task::spawn_blocking(move || radio.find(&given_up)).await;
        let reader = found.map_err(|error| Error::new(Code::LinkLost).caused_by(error))??;
        Ok(Connected::Card(Arc::new(reader)))
    }

    fn describe(&self) -> String {
        match &self.reader {
            Some(reader) => format!("PC/SC {reader}"),
            None => "PC/SC".to_owned(),
        }
    }
}
