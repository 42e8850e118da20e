//! This machine's own radio, by BlueZ. It advertises under the machine's address, which does not change with every connection, and a
//! phone that is connected and asks for nothing is not seen: what section 2.1 says of both needs a radio that is the token's alone.

use std::{collections::VecDeque, sync::Arc};

use bluer::{
    Adapter, Address, Session, Uuid,
    adv::{Advertisement, AdvertisementHandle},
    gatt::local::{
        Application, Characteristic, CharacteristicNotifier, CharacteristicNotify,
        CharacteristicNotifyMethod, CharacteristicRead, CharacteristicWrite, CharacteristicWriteMethod,
        ReqError, Service,
    },
};
use futures::{FutureExt, StreamExt};
use tokio::sync::{Semaphore, mpsc, oneshot};
use ushield_protocol::framing::advertisement::{Advertised, COMPANY, IN, INFO, OUT, SERVICE};

use super::{Action, Event, Radio};
use crate::{failure::Failure, runner::Handle};

/// Requests that wait while the token is busy with one.
const WAITING: usize = 16;

/// A radio that is on.
#[derive(Debug)]
pub(crate) struct Own(Adapter);

/// What BlueZ asks or says.
enum Asked {
    Read { by: Address, mtu: u16, answer: oneshot::Sender<Vec<u8>> },
    Written { by: Address, value: Vec<u8> },
    Subscribed(CharacteristicNotifier),
    Gone(Address),
}

impl Own {
    /// The radio with this name.
    pub(crate) async fn open(name: &str) -> Result<Self, Failure> {
        let problem = |problem: String| Failure::Option { option: "--ble", problem };
        let open = async { Session::new().await?.adapter(name) };
        let adapter = open.await.map_err(|error| problem(format!("{name}: {error}; is BlueZ running?")))?;
        match adapter.is_powered().await {
            Ok(true) => Ok(Self(adapter)),
            Ok(false) => Err(problem(format!("{name} is off; switch it on: bluetoothctl power on"))),
            Err(error) => Err(problem(format!("{name}: {error}"))),
        }
    }

    /// Serves until the task is dropped, or BlueZ is gone.
    pub(crate) async fn serve(self, token: Handle, place: Arc<Semaphore>) {
        let (heard, events) = mpsc::channel(1);
        let (actions, doing) = mpsc::channel(1);
        let (ask, asked) = mpsc::channel(WAITING);
        let Ok(_served) = self.0.serve_gatt_application(application(&ask)).await else { return };
        let server =
            Server { adapter: self.0, ask, phone: None, reads: VecDeque::new(), out: None, on_air: None };
        tokio::select! {
            () = super::serve(Radio { events, actions }, token, place) => {}
            () = server.serve(asked, doing, heard) => {}
        }
    }
}

/// The service of section 2.1.
fn application(ask: &mpsc::Sender<Asked>) -> Application {
    let characteristic = |uuid| Characteristic { uuid: Uuid::from_u128(uuid), ..Characteristic::default() };
    let (reads, writes, notifies) = (ask.clone(), ask.clone(), ask.clone());
    let read = CharacteristicRead {
        read: true,
        fun: Box::new(move |request| {
            let ask = reads.clone();
            async move {
                let (answer, answered) = oneshot::channel();
                let asked = Asked::Read { by: request.device_address, mtu: request.mtu, answer };
                ask.send(asked).await.map_err(|_| ReqError::Failed)?;
                let value = answered.await.map_err(|_| ReqError::NotPermitted)?;
                value.get(usize::from(request.offset)..).map(<[u8]>::to_vec).ok_or(ReqError::InvalidOffset)
            }
            .boxed()
        }),
        ..CharacteristicRead::default()
    };
    let write = CharacteristicWrite {
        write_without_response: true,
        method: CharacteristicWriteMethod::Fun(Box::new(move |value, request| {
            let ask = writes.clone();
            async move {
                let asked = Asked::Written { by: request.device_address, value };
                ask.send(asked).await.map_err(|_| ReqError::Failed)
            }
            .boxed()
        })),
        ..CharacteristicWrite::default()
    };
    let notify = CharacteristicNotify {
        notify: true,
        method: CharacteristicNotifyMethod::Fun(Box::new(move |notifier| {
            let ask = notifies.clone();
            // Without a server there is nobody to notify.
            async move { drop(ask.send(Asked::Subscribed(notifier)).await) }.boxed()
        })),
        ..CharacteristicNotify::default()
    };
    let characteristics = vec![
        Characteristic { write: Some(write), ..characteristic(IN) },
        Characteristic { notify: Some(notify), ..characteristic(OUT) },
        Characteristic { read: Some(read), ..characteristic(INFO) },
    ];
    let (uuid, primary) = (Uuid::from_u128(SERVICE), true);
    Application {
        services: vec![Service { uuid, primary, characteristics, ..Service::default() }],
        ..Application::default()
    }
}

struct Server {
    adapter: Adapter,
    ask: mpsc::Sender<Asked>,
    phone: Option<Address>,
    reads: VecDeque<oneshot::Sender<Vec<u8>>>,
    out: Option<CharacteristicNotifier>,
    on_air: Option<AdvertisementHandle>,
}

impl Server {
    async fn serve(
        mut self,
        mut asked: mpsc::Receiver<Asked>,
        mut doing: mpsc::Receiver<Action>,
        heard: mpsc::Sender<Event>,
    ) {
        let mut events = VecDeque::new();
        loop {
            tokio::select! {
                room = heard.reserve(), if !events.is_empty() => {
                    let (Ok(room), Some(event)) = (room, events.pop_front()) else { return };
                    room.send(event);
                }
                one = asked.recv(), if events.len() < WAITING => {
                    let Some(one) = one else { return };
                    self.hear(one, &mut events);
                }
                action = doing.recv() => {
                    let Some(action) = action else { return };
                    self.act(action, &mut events).await;
                }
            }
        }
    }

    /// BlueZ does not say that a phone is connected, but that it asks.
    fn is_served(&mut self, by: Address, mtu: Option<u16>, events: &mut VecDeque<Event>) -> bool {
        if self.phone.is_none() && mtu.is_some() {
            self.phone = Some(by);
            self.on_air = None;
            events.push_back(Event::Connected);
            events.extend(mtu.map(Event::Mtu));
            if self.out.as_ref().is_some_and(|out| !out.is_stopped()) {
                events.push_back(Event::Subscribed(true));
            }
            tokio::spawn(watch(self.adapter.clone(), by, self.ask.clone()));
        }
        self.phone == Some(by)
    }

    fn hear(&mut self, asked: Asked, events: &mut VecDeque<Event>) {
        match asked {
            Asked::Read { by, mtu, answer } => {
                if self.is_served(by, Some(mtu), events) {
                    self.reads.push_back(answer);
                    events.push_back(Event::InfoRead);
                }
            }
            Asked::Written { by, value } => {
                if self.is_served(by, None, events) {
                    events.push_back(Event::Written(value));
                }
            }
            Asked::Subscribed(out) => {
                self.out = Some(out);
                events.extend(self.phone.map(|_| Event::Subscribed(true)));
            }
            Asked::Gone(address) => {
                if self.phone == Some(address) {
                    self.phone = None;
                    self.reads.clear();
                    events.push_back(Event::Disconnected);
                }
            }
        }
    }

    async fn act(&mut self, action: Action, events: &mut VecDeque<Event>) {
        match action {
            Action::Info(hello) => {
                // An empty one is no hello: the read fails.
                if let Some(answer) = self.reads.pop_front().filter(|_| !hello.is_empty()) {
                    let _ = answer.send(hello);
                }
            }
            Action::Notify(value) => {
                // One that fails is lost, as on air.
                if let Some(out) = &mut self.out {
                    let _ = out.notify(value).await;
                }
                events.push_back(Event::Notified);
            }
            Action::Advertise(what) => {
                self.on_air = None;
                if let (Some(what), None) = (what, self.phone) {
                    // Who is not heard is looked for again.
                    self.on_air = self.adapter.advertise(advertisement(what)).await.ok();
                }
            }
            Action::Disconnect => match self.phone {
                Some(address) => {
                    let adapter = self.adapter.clone();
                    tokio::spawn(async move { adapter.device(address)?.disconnect().await });
                }
                None => events.push_back(Event::Disconnected),
            },
        }
    }
}

fn advertisement(what: Advertised) -> Advertisement {
    Advertisement {
        service_uuids: [Uuid::from_u128(SERVICE)].into(),
        manufacturer_data: [(COMPANY, what.encode().to_vec())].into(),
        discoverable: Some(true),
        ..Advertisement::default()
    }
}

/// Tells when this phone is gone.
async fn watch(adapter: Adapter, phone: Address, ask: mpsc::Sender<Asked>) {
    let gone = async {
        let device = adapter.device(phone)?;
        let mut events = device.events().await?;
        // Whatever changes, and at first.
        while device.is_connected().await? && events.next().await.is_some() {}
        bluer::Result::Ok(())
    };
    // A device that BlueZ does not know any more is gone too.
    let _ = gone.await;
    let _ = ask.send(Asked::Gone(phone)).await;
}
