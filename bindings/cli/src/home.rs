//! The folder of this phone's data: what is in it, and how a client is made of it.
//!
//! `config.json` and `bank-ca.pem` for the adapters, `data/` with the sealed store, `keys/` with its key.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ushield_client::error::Detail;
use ushield_client::ports::{Keystore, Store};
use ushield_client::store::{OpenOptions, Opened, SqliteStore, StoreLook};
use ushield_client::{Client, Error, Ports};
use ushield_links::http::{HttpsBank, Limits};
use ushield_links::keystore::FileKeystore;
use ushield_links::system::{OsEntropy, SystemClock};
use ushield_protocol::code::Code;

const CONFIG: &str = "config.json";
const BANK_CA: &str = "bank-ca.pem";

/// What the adapters need to know; everything else is in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Address of the bank.
    pub(crate) bank: String,
    /// Where the token is.
    pub(crate) link: String,
}

/// The folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// The folder that was named, or the platform's; none where there is no such place.
    pub(crate) fn find(named: Option<PathBuf>) -> Option<Self> {
        named
            .or_else(|| {
                default_folder(std::env::consts::OS, |name| std::env::var_os(name).map(PathBuf::from))
            })
            .map(Self)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// What `init` wrote.
    ///
    /// # Errors
    /// `not-set-up` before `init`; `store-failure` for a file that cannot be read or is not as written.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        let path = self.0.join(CONFIG);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Error::new(Code::NotSetUp)),
            read => read.map_err(|error| failure(&path, error))?,
        };
        serde_json::from_slice(&text).map_err(|error| damaged(&path).caused_by(error))
    }

    /// Writes what the adapters need. The last step of `init`: without it there is no set-up.
    ///
    /// # Errors
    /// `disk-full`, `store-failure`.
    pub(crate) fn write_config(&self, config: &Config, bank_ca: &[u8]) -> Result<(), Error> {
        write_whole(&self.0, BANK_CA, bank_ca)?;
        let path = self.0.join(CONFIG);
        let text = serde_json::to_vec_pretty(config).map_err(|error| damaged(&path).caused_by(error))?;
        write_whole(&self.0, CONFIG, &text)
    }

    /// The bank's TLS authority, as `init` copied it.
    ///
    /// # Errors
    /// `store-failure`.
    pub(crate) fn bank_ca(&self) -> Result<Vec<u8>, Error> {
        let path = self.0.join(BANK_CA);
        fs::read(&path).map_err(|error| failure(&path, error))
    }

    /// Makes the folder where it is missing, for its owner alone.
    ///
    /// # Errors
    /// `disk-full`, `store-failure`.
    fn make(&self) -> Result<(), Error> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.0).map_err(|error| failure(&self.0, error))
    }

    /// A client over this folder, which is made where it is missing, and what opening its store found.
    ///
    /// # Errors
    /// `store-*`, `keystore-failure`, `bad-input` for an address or authority of the bank that cannot be used.
    pub(crate) async fn client(&self, bank: &str, bank_ca: &[u8]) -> Result<(Client, Opened), Error> {
        let bank = HttpsBank::new(bank, bank_ca, Limits::default())?;
        self.make()?;
        let keystore = self.keystore()?;
        let key = keystore.sealing_key().await?;
        let (store, opened) = SqliteStore::open(&self.store(), &key, Arc::new(OsEntropy))?;
        Ok((client(bank, Arc::new(store), keystore), opened))
    }

    /// A client that sees what the store holds now, whoever has it open, and cannot write to it.
    ///
    /// # Errors
    /// As [`Home::client`], but `store-locked` only while the other one writes without a pause.
    pub(crate) async fn look(&self, bank: &str, bank_ca: &[u8]) -> Result<Client, Error> {
        let bank = HttpsBank::new(bank, bank_ca, Limits::default())?;
        let keystore = self.keystore()?;
        let key = keystore.sealing_key().await?;
        let store = StoreLook::open(&self.store(), &key, &OsEntropy)?;
        Ok(client(bank, Arc::new(store), keystore))
    }

    fn store(&self) -> OpenOptions {
        OpenOptions::new(self.0.join("data"), "ushield")
    }

    fn keystore(&self) -> Result<FileKeystore, Error> {
        let data = self.0.join("data");
        let keys = self.0.join("keys").join("keys");
        // A store without its key is no damaged store: a new key would set a healthy one aside.
        if data.join("store").exists() && !keys.exists() {
            return Err(Error::new(Code::KeystoreFailure).with_detail(Detail::Path(keys)));
        }
        FileKeystore::open(self.0.join("keys"), &data, Arc::new(OsEntropy))
    }
}

fn client(bank: HttpsBank, store: Arc<dyn Store>, keystore: FileKeystore) -> Client {
    Client::new(Ports {
        bank: Arc::new(bank),
        store,
        keystore: Arc::new(keystore),
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(OsEntropy),
    })
}

/// Where data of a user lies on this platform. A relative path in a variable is ignored, as the XDG specification asks.
fn default_folder(os: &str, variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let home = || absolute("HOME").or_else(|| absolute("USERPROFILE"));
    if let Some(data) = absolute("XDG_DATA_HOME") {
        return Some(data.join("ushield"));
    }
    match os {
        "linux" => home().map(|home| home.join(".local/share/ushield")),
        "macos" => home().map(|home| home.join("Library/Application Support/ushield")),
        "windows" => absolute("LOCALAPPDATA")
            .map(|data| data.join("ushield"))
            .or_else(|| home().map(|home| home.join(".ushield"))),
        _ => home().map(|home| home.join(".ushield")),
    }
}

/// Writes a file beside its place and moves it there: old or new, never half.
fn write_whole(folder: &Path, name: &str, content: &[u8]) -> Result<(), Error> {
    let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
    let mut options = File::options();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&new)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&new, &path));
    written.map_err(|error| failure(&path, error))
}

fn failure(path: &Path, error: io::Error) -> Error {
    let code = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::StoreFailure,
    };
    Error::new(code).with_detail(Detail::Path(path.to_owned())).caused_by(error)
}

fn damaged(path: &Path) -> Error {
    Error::new(Code::StoreFailure).with_detail(Detail::Path(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config { bank: "https://bank.example".to_owned(), link: "tcp:127.0.0.1:7340".to_owned() }
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home(folder.path().join("a/b"));
        assert_eq!(home.config().unwrap_err().code(), Code::NotSetUp);
        home.make().unwrap();
        home.write_config(&config(), b"CA").unwrap();
        assert_eq!((home.config().unwrap(), home.bank_ca().unwrap()), (config(), b"CA".to_vec()));
    }

    #[cfg(unix)]
    #[test]
    fn folder_and_files_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let home = Home(folder.path().join("home"));
        home.make().unwrap();
        home.write_config(&config(), b"CA").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(home.path()), 0o700);
        assert_eq!(mode(&home.path().join(CONFIG)), 0o600);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home(folder.path().to_owned());
        fs::write(folder.path().join(CONFIG), "{").unwrap();
        let error = home.config().unwrap_err();
        assert_eq!(error.code(), Code::StoreFailure);
        assert_eq!(error.detail(), Some(&Detail::Path(folder.path().join(CONFIG))));
    }

    #[test]
    fn each_platform_has_its_place() {
        let at = |os: &str, set: &[(&str, &str)]| {
            default_folder(os, |name| {
                set.iter().find(|(n, _)| *n == name).map(|(_, path)| PathBuf::from(path))
            })
        };
        let home = [("HOME", "/home/li")];
        assert_eq!(at("linux", &home), Some("/home/li/.local/share/ushield".into()));
        assert_eq!(at("macos", &home), Some("/home/li/Library/Application Support/ushield".into()));
        assert_eq!(at("freebsd", &home), Some("/home/li/.ushield".into()));
        assert_eq!(at("linux", &[("HOME", "/h"), ("XDG_DATA_HOME", "/data")]), Some("/data/ushield".into()));
        assert_eq!(
            at("linux", &[("HOME", "/h"), ("XDG_DATA_HOME", "data")]),
            Some("/h/.local/share/ushield".into())
        );
        assert_eq!(at("linux", &[]), None);
    }
}
