//! A running token: its thread, its link and its HTTP face, for the program and for tests in process.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

use crate::{
    device::Device,
    entropy::Source,
    failure::Failure,
    flash::Memory,
    font::Font,
    gatt, http,
    runner::{Handle, Key, Runner, Stopped, Time, Unheard},
    screen::{self, Frame, Screen},
    tcp, terminal,
    token::SoftToken,
    vpcd,
};

/// Any free port of this machine's own address.
pub const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// What a token runs on.
#[derive(Debug)]
pub struct Config {
    /// The flash of a personalised token.
    pub flash: Memory,
    /// What the maker wrote down about it; told at `/device`.
    pub device: Device,
    /// Randomness.
    pub entropy: Source,
    /// Clock.
    pub time: Time,
    /// Where phones connect.
    pub listen: SocketAddr,
    /// Where the HTTP face listens.
    pub http: SocketAddr,
    /// Whether the HTTP face has a power switch: for tests alone.
    pub test_power: bool,
    /// Where vpcd waits for a card, if the token is to be one: host and port.
    pub vpcd: Option<String>,
    /// Where a Bluetooth LE radio waits for a GATT server, if the token is to be one: host and port.
    pub gatt: Option<String>,
    /// The Bluetooth LE radio of this machine on which the token is to be one: `hci0`.
    pub ble: Option<String>,
}

impl Config {
    /// A token in a test's process: any free ports, a clock that stands still until it is moved, a seed.
    #[must_use]
    pub fn for_test(flash: Memory, device: Device, seed: u64) -> Self {
        let entropy = Source::seeded(seed);
        let (listen, http) = (ANY_PORT, ANY_PORT);
        Self {
            flash,
            device,
            entropy,
            time: Time::Manual,
            listen,
            http,
            vpcd: None,
            gatt: None,
            ble: None,
            test_power: false,
        }
    }
}

/// A running token. Dropping it is switching it off.
#[derive(Debug)]
pub struct Emulator {
    listen: SocketAddr,
    http: SocketAddr,
    screen: Screen,
    runner: Runner,
    tasks: JoinSet<()>,
}

impl Emulator {
    /// Switches a token on.
    ///
    /// # Errors
    /// [`Failure::Listen`] when an address cannot be had, [`Failure::Token`] when the flash holds no token.
    pub async fn start(config: Config) -> Result<Self, Failure> {
        let link = listen("--listen", config.listen).await?;
        let face = listen("--http", config.http).await?;
        let local = |listener: &TcpListener| listener.local_addr().map_err(Failure::System);
        let (listen, http) = (local(&link)?, local(&face)?);
        let (panel, screen) = screen::display(Arc::new(Font::load()?));
        let device = serde_json::to_value(&config.device)
            .map_err(|error| Failure::System(std::io::Error::from(error)))?;
        let runner = Runner::start(
            move |now| SoftToken::boot(config.flash, panel, config.entropy, now),
            config.time,
            screen.clone(),
        )
        .await?;
        let faces = http::Face { screen: screen.clone(), token: runner.handle(), device: Arc::new(device) };
        let router = http::router(faces, http.ip().is_loopback(), config.test_power);
        let mut tasks = JoinSet::new();
        let place = Arc::new(Semaphore::new(1));
        tasks.spawn(tcp::serve(link, runner.handle(), Arc::clone(&place)));
        if let Some(reader) = config.vpcd {
            tasks.spawn(vpcd::serve(reader, runner.handle(), Arc::clone(&place)));
        }
        if let Some(radio) = config.gatt {
            tasks.spawn(gatt::bridge::serve(radio, runner.handle(), Arc::clone(&place)));
        }
        if let Some(radio) = config.ble {
            let served = own_radio(&radio, runner.handle(), place).await?;
            tasks.spawn(served);
        }
        // axum's server retries what can be retried and ends with its task.
        tasks.spawn(async move { drop(axum::serve(face, router).await) });
        Ok(Self { listen, http, screen, runner, tasks })
    }

    /// Where phones connect.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.listen
    }

    /// Where the HTTP face listens.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Keys and clock, for use from several tasks.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.runner.handle()
    }

    /// Presses a key; returns when the token has taken it and drawn what follows.
    ///
    /// # Errors
    /// [`Unheard`].
    pub async fn press(&self, key: Key) -> Result<(), Unheard> {
        self.handle().press(key).await
    }

    /// Moves the clock of a token that was started with [`Time::Manual`].
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn advance(&self, by: Duration) -> Result<(), Stopped> {
        self.handle().advance(by).await
    }

    /// What the display shows now.
    #[must_use]
    pub fn screen(&self) -> Arc<Frame> {
        self.screen.now()
    }

    /// The display, for use from several tasks.
    #[must_use]
    pub fn display(&self) -> Screen {
        self.screen.clone()
    }

    /// The terminal face: runs until the person quits or `quit` is set.
    ///
    /// # Errors
    /// [`Failure::Terminal`].
    pub fn terminal_face(&self, quit: &Arc<AtomicBool>) -> impl Future<Output = Result<(), Failure>> + use<> {
        let (screen, token, quit) = (self.display(), self.handle(), Arc::clone(quit));
        async move {
            let ended = terminal::spawn(screen, token, quit).map_err(Failure::System)?;
            ended.await.map_err(|_| Failure::Stopped)?.map_err(Failure::Terminal)
        }
    }

    /// Waits until the token's thread ends by itself, which only a defect makes it do.
    pub async fn failed(&mut self) -> Failure {
        self.runner.ended().await;
        Failure::Stopped
    }

    /// Switches the token off between two events, and waits until it has let go of flash and ports.
    ///
    /// # Errors
    /// [`Failure::Stopped`] when it had ended by itself.
    pub async fn stop(mut self) -> Result<(), Failure> {
        self.tasks.shutdown().await;
        let stopped = tokio::task::spawn_blocking(|| self.runner.stop()).await;
        stopped.map_err(|_| Failure::Stopped)?.map_err(|_| Failure::Stopped)
    }
}

#[cfg(all(feature = "ble", target_os = "linux"))]
async fn own_radio(
    name: &str,
    token: Handle,
    place: Arc<Semaphore>,
) -> Result<impl Future<Output = ()> + use<>, Failure> {
    Ok(gatt::bluez::Own::open(name).await?.serve(token, place))
}

#[cfg(not(all(feature = "ble", target_os = "linux")))]
async fn own_radio(_: &str, _: Handle, _: Arc<Semaphore>) -> Result<std::future::Ready<()>, Failure> {
    let problem = "this program was built without Bluetooth: on Linux, \
                   cargo build -p ushield-emulator --features ble"
        .to_owned();
    Err(Failure::Option { option: "--ble", problem })
}

async fn listen(option: &'static str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|cause| Failure::Listen { option, address, cause })
}
