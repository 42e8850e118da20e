//! What stands for a phone's system: the end of a local socket at which the software token's bridge to a radio, or vpcd's card, plugs in.
//! Both speak `length u16 || bytes`; what the bytes mean is the hosts' matter.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc, watch};
use ushield_client::Error;
use ushield_protocol::code::Code;

/// Of the bridge's ops: what the token advertises, and where in it the company ends.
const ADVERTISE: u8 = 131;
const COMPANY_END: usize = 25;

/// Where something will plug in.
pub(crate) struct Socket(TcpListener);

impl Socket {
    pub(crate) async fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Waits for the token's bridge to a radio, or for its card.
    pub(crate) async fn plugged(self, is_radio: bool) -> Plug {
        Plug::new(self.0.accept().await.unwrap().0, is_radio)
    }
}

/// Something is plugged in. Clones are the same.
#[derive(Clone)]
pub(crate) struct Plug {
    to: Arc<std::net::TcpStream>,
    heard: Arc<Mutex<mpsc::UnboundedReceiver<Vec<u8>>>>,
    /// What is advertised: the manufacturer's data behind the company, as systems give them.
    pub(crate) air: watch::Receiver<Vec<u8>>,
}

impl Plug {
    fn new(stream: TcpStream, is_radio: bool) -> Self {
        stream.set_nodelay(true).unwrap();
        let stream = stream.into_std().unwrap();
        let mut from = TcpStream::from_std(stream.try_clone().unwrap()).unwrap();
        let ((said, heard), (advertised, air)) = (mpsc::unbounded_channel(), watch::channel(Vec::new()));
        tokio::spawn(async move {
            while let Ok(length) = from.read_u16().await {
                let mut bytes = vec![0; length.into()];
                if from.read_exact(&mut bytes).await.is_err() {
                    return;
                }
                // Nobody need listen.
                match bytes.split_first() {
                    Some((&ADVERTISE, data)) if is_radio => {
                        drop(advertised.send(data.get(COMPANY_END..).unwrap_or_default().to_vec()));
                    }
                    _ => drop(said.send(bytes)),
                }
            }
        });
        Self { to: Arc::new(stream), heard: Arc::new(Mutex::new(heard)), air }
    }

    /// Hands bytes over; a socket takes that little at once.
    pub(crate) fn say(&self, bytes: &[u8]) -> Result<(), Error> {
        let length = u16::try_from(bytes.len()).map_err(|_| Error::new(Code::BadInput))?.to_be_bytes();
        let written = (&*self.to).write_all(&[&length, bytes].concat());
        written.map_err(|_| Error::new(Code::LinkLost))
    }

    /// Waits for what comes next. May be dropped: nothing is lost.
    pub(crate) async fn hear(&self) -> Result<Vec<u8>, Error> {
        self.heard.lock().await.recv().await.ok_or(Error::new(Code::LinkLost))
    }
}
