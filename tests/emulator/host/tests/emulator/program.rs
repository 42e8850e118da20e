//! `ushield-token` as a process: files, lock, restart, exit codes.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;
use ushield_emulator::{device::Device, flash};
use ushield_protocol::{
    device::{DeviceIdentity, MakerRoot},
    key::{P256Verifier, Sign, SigningKey, hex},
};

use crate::support::request;

pub(crate) struct Folder(TempDir);

impl Folder {
    /// A folder with a bank's trust file in it.
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let root = SigningKey::from_bytes(&[5; 32]).unwrap().public_key();
        let trust =
            serde_json::json!({"bank_id": "DEMOCNBJ", "name": "示例银行", "root": hex(root.as_bytes())});
        fs::write(folder.path("bank.json"), trust.to_string()).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn personalise(&self, more: &[&str]) -> Output {
        let mut command = program();
        command
            .arg("personalise")
            .arg("--state")
            .arg(self.path("token"))
            .arg("--maker")
            .arg(self.path("maker"));
        command.arg("--bank-trust").arg(self.path("bank.json")).args(more).output().unwrap()
    }

    /// The maker's root certificate, DER.
    pub(crate) fn maker_root(&self) -> Vec<u8> {
        let pem = fs::read_to_string(self.path("maker/root.pem")).unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        base64::Engine::decode(&base64::prelude::BASE64_STANDARD, body).unwrap()
    }

    fn run(&self, more: &[&str]) -> Command {
        let mut command = program();
        command
            .arg("run")
            .arg("--state")
            .arg(self.path("token"))
            .args(["--face", "none", "--json"])
            .args(more);
        command
    }

    pub(crate) fn start(&self) -> Running {
        self.start_with(&[])
    }

    pub(crate) fn start_with(&self, more: &[&str]) -> Running {
        let mut process = self
            .run(&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        Running { process, ready }
    }
}

pub(crate) struct Running {
    process: Child,
    ready: serde_json::Value,
}

impl Running {
    pub(crate) fn http(&self) -> std::net::SocketAddr {
        self.ready["http"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap()
    }

    pub(crate) fn listen(&self) -> std::net::SocketAddr {
        self.ready["listen"].as_str().unwrap().parse().unwrap()
    }

    fn device_id(&self) -> serde_json::Value {
        let http = self.http();
        request(http, "GET /device", &[("Host", &http.to_string())]).json()["device_id"].clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ushield-token"))
}

fn assert_fails(output: &Output, code: i32, names: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.contains(names), "{names} is not named in: {error}");
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_personalised_token_is_described_by_a_chain_that_its_makers_root_ends() {
    let folder = Folder::new();
    let id = "00112233445566778899aabbccddeeff";
    let output = folder.personalise(&["--device-id", id, "--name", "我的U盾", "--locale", "en", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((line["event"].as_str(), line["device_id"].as_str()), (Some("personalised"), Some(id)));
    let json = fs::read(folder.path("token/device.json")).unwrap();
    let device: Device = serde_json::from_slice(&json).unwrap();
    assert_eq!((device.name.as_str(), device.profile), ("我的U盾", 2));
    let roots = [MakerRoot::from_der(&folder.maker_root()).unwrap()];
    let identity = DeviceIdentity::verify(&device.chain, &roots, None, &P256Verifier).unwrap();
    assert_eq!(hex(identity.device.as_bytes()), id);
    assert_eq!((identity.device, identity.key), (device.device_id, device.device_public_key));
    assert_eq!(fs::metadata(folder.path("token/token.flash")).unwrap().len(), flash::SIZE as u64);
    #[cfg(unix)]
    for secret in ["token/token.flash", "maker/root.key"] {
        assert_eq!(mode(&folder.path(secret)), 0o600, "{secret}");
    }
}

#[test]
fn a_token_is_never_overwritten() {
    let folder = Folder::new();
    assert!(folder.personalise(&[]).status.success());
    let before = fs::read(folder.path("token/token.flash")).unwrap();
    assert_fails(&folder.personalise(&[]), 3, "token here already");
    assert!(fs::read(folder.path("token/token.flash")).unwrap() == before);
}

#[test]
fn two_tokens_of_one_maker_differ_and_share_its_root() {
    let folder = Folder::new();
    assert!(folder.personalise(&[]).status.success());
    let root = fs::read(folder.path("maker/root.pem")).unwrap();
    fs::rename(folder.path("token"), folder.path("first")).unwrap();
    assert!(folder.personalise(&[]).status.success());
    assert_eq!(fs::read(folder.path("maker/root.pem")).unwrap(), root);
    let id =
        |name: &str| -> Device { serde_json::from_slice(&fs::read(folder.path(name)).unwrap()).unwrap() };
    let (first, second) = (id("first/device.json"), id("token/device.json"));
    assert_ne!(first.device_id, second.device_id);
    assert_ne!(first.device_public_key, second.device_public_key);
}

#[test]
fn wrong_input_names_the_option_or_file() {
    let folder = Folder::new();
    assert_fails(&folder.personalise(&["--device-id", "00"]), 2, "--device-id");
    assert_fails(&folder.personalise(&["--name", "a\u{202e}b"]), 2, "--name");
    assert_fails(&folder.personalise(&["--name", &"长".repeat(11)]), 2, "--name");
    for trust in ["", "{}", r#"{"bank_id":"democnbj","name":"x","root":"00"}"#] {
        fs::write(folder.path("bank.json"), trust).unwrap();
        assert_fails(&folder.personalise(&[]), 3, "bank.json");
    }
    fs::remove_file(folder.path("bank.json")).unwrap();
    assert_fails(&folder.personalise(&[]), 6, "bank.json");
    assert!(!folder.path("token/token.flash").exists());
    assert_fails(&folder.run(&[]).output().unwrap(), 3, "personalise --state");
}

#[test]
fn a_killed_token_comes_back_as_itself() {
    let folder = Folder::new();
    assert!(folder.personalise(&[]).status.success());
    let first = folder.start();
    let (id, screen) = (first.device_id(), text(&first));
    drop(first);
    let flash = fs::read(folder.path("token/token.flash")).unwrap();
    let second = folder.start();
    assert_eq!((second.device_id(), text(&second)), (id, screen));
    assert_eq!(fs::read(folder.path("token/token.flash")).unwrap().len(), flash.len());
}

fn text(token: &Running) -> String {
    let http = token.http();
    request(http, "GET /screen.txt", &[("Host", &http.to_string())]).text().to_owned()
}

#[test]
fn a_second_process_is_refused_and_told_who_has_it() {
    let folder = Folder::new();
    assert!(folder.personalise(&[]).status.success());
    let first = folder.start();
    let second = folder.run(&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]).output().unwrap();
    assert_fails(&second, 4, &format!("process {}", first.process.id()));
    assert_fails(&folder.personalise(&[]), 4, "in use by process");
    drop(first);
    drop(folder.start());
}

#[test]
fn damaged_files_are_named_and_left_alone() {
    let folder = Folder::new();
    assert!(folder.personalise(&[]).status.success());
    let file = folder.path("token/token.flash");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert_fails(&folder.run(&[]).output().unwrap(), 3, "token.flash");
    assert_eq!(fs::read(&file).unwrap().len(), whole.len() - 1);
    fs::write(&file, &whole).unwrap();
    fs::write(folder.path("token/device.json"), "{}").unwrap();
    assert_fails(&folder.run(&[]).output().unwrap(), 3, "device.json");
}

#[test]
fn a_taken_port_names_its_option() {
    let folder = Folder::new();
    assert!(folder.personalise(&[]).status.success());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_fails(
        &folder.run(&["--listen", &address, "--http", "127.0.0.1:0"]).output().unwrap(),
        5,
        "--listen",
    );
    assert_fails(
        &folder.run(&["--http", &address, "--listen", "127.0.0.1:0"]).output().unwrap(),
        5,
        "--http",
    );
}

#[test]
fn the_ready_file_says_what_the_ready_line_says() {
    let folder = Folder::new();
    assert!(folder.personalise(&[]).status.success());
    let ready_file = folder.path("ready.json");
    let mut process = folder
        .run(&[
            "--listen",
            "127.0.0.1:0",
            "--http",
            "127.0.0.1:0",
            "--ready-file",
            ready_file.to_str().unwrap(),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(process.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let token = Running { ready: serde_json::from_str(&line).unwrap(), process };
    // The file is written right after the line; the first answer over HTTP is not earlier than that is promised.
    while !ready_file.exists() {
        std::thread::yield_now();
    }
    assert_eq!(fs::read_to_string(&ready_file).unwrap(), line);
    assert_eq!(token.ready["event"], "ready");
    drop(token);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[cfg(unix)]
#[test]
fn a_token_that_is_told_to_end_ends_well() {
    let folder = Folder::new();
    assert!(folder.personalise(&[]).status.success());
    for signal in ["-TERM", "-INT"] {
        let mut token = folder.start();
        // Signal handlers stand once a request has been answered: the program waits for both at once.
        token.device_id();
        assert!(
            Command::new("kill").arg(signal).arg(token.process.id().to_string()).status().unwrap().success()
        );
        assert!(token.process.wait().unwrap().success(), "{signal}");
    }
}
