//! A personalised token in memory, and a small HTTP client that sends exactly the headers it is told.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use ushield_emulator::{
    device::Device,
    emulator::{Config, Emulator},
    entropy::Source,
    flash::{Image, Memory},
    maker::Maker,
    personalise::{BankTrust, Name, Personality, personalise},
};
use ushield_protocol::{
    key::{BankId, DeviceId, Sign, SigningKey},
    render::Locale,
};

pub(crate) fn token() -> (Image, Device) {
    let personality = Personality {
        device_id: DeviceId::from([7; 16]),
        name: Name::new("测试 U-Shield").unwrap(),
        locale: Locale::Zh,
        bank: BankTrust {
            bank_id: BankId::new("DEMOCNBJ").unwrap(),
            name: "Demo Bank".into(),
            root: SigningKey::from_bytes(&[5; 32]).unwrap().public_key(),
        },
    };
    personalise(&personality, &Maker::generate().unwrap(), Source::seeded(1)).unwrap()
}

pub(crate) async fn start() -> Emulator {
    start_with(false).await
}

pub(crate) async fn start_with(test_power: bool) -> Emulator {
    let (flash, device) = token();
    let config = Config::for_test(Memory::in_memory(flash), device, 2);
    Emulator::start(Config { test_power, ..config }).await.unwrap()
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn serial(&self) -> u64 {
        self.json()["serial"].as_u64().unwrap()
    }
}

/// One request, its headers given in full but for `Connection`.
pub(crate) fn request(to: SocketAddr, line: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut text = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{text}\r\n").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: BTreeMap<_, _> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Answer { status, headers, body: bytes[end + 4..].to_vec() }
}

pub(crate) async fn get(to: SocketAddr, path: &str) -> Answer {
    let line = format!("GET {path}");
    tokio::task::spawn_blocking(move || request(to, &line, &[("Host", &to.to_string())])).await.unwrap()
}

pub(crate) async fn send(to: SocketAddr, line: &str, headers: &[(&str, &str)]) -> Answer {
    let line = line.to_owned();
    let headers: Vec<(String, String)> =
        headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    tokio::task::spawn_blocking(move || {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        request(to, &line, &headers)
    })
    .await
    .unwrap()
}

pub(crate) async fn press(to: SocketAddr, key: &str) -> Answer {
    send(to, &format!("POST /key/{key}"), &[("Host", &to.to_string()), ("X-UShield", "1")]).await
}
