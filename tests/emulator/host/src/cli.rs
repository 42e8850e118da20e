//! The options of `ushield-token`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use ushield_protocol::{
    key::{DeviceId, unhex},
    render,
};

/// A software U-Shield: a token with a screen and four keys, for development and tests.
///
/// It behaves as docs/protocol.md says a token does, but it keeps its keys in a file: whoever reads that file has them.
/// Never use it for real money.
#[derive(Debug, Parser)]
#[command(name = "ushield-token", version, max_term_width = 110, arg_required_else_help = true, after_long_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Print results and errors as one line of JSON each.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done · 2 an option cannot be used · 3 no token in --state, one already, or a file that does not hold what \
it should · 4 another process has the folder · 5 an address cannot be listened on · 6 a file cannot be read or written \
· 7 no usable terminal · 70 a defect, or the system is out of something";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a token: keys inside, certified by the maker, trusting one bank.
    ///
    /// This is the maker's work. It leaves the token's flash image and device.json in --state; device.json goes to the
    /// bank, which records the device id when it hands the token out. Bank and phone trust the maker by root.pem.
    Personalise(Personalise),
    /// Switch a token on.
    ///
    /// Phones connect to --listen. --http shows the screen and takes keys, for people (open / in a browser) and for
    /// scripts: GET /screen, /screen.txt, /screen.png?scale=4; GET /screen?after=SERIAL waits up to 25 s for the next
    /// screen; POST /key/ok, cancel, up, down with the header `X-UShield: 1`. /key/ok?serial=SERIAL presses only if that
    /// screen is still shown, else it answers 409.
    Run(Run),
}

#[derive(Debug, Args)]
pub(crate) struct Personalise {
    /// Folder of the token; created if missing. A token in it is never overwritten.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// Folder of the maker's development CA (root.key, root.pem); made if missing.
    #[arg(long, value_name = "DIR")]
    pub(crate) maker: PathBuf,
    /// The bank's identity and root key, as the bank's program writes it:
    /// {"bank_id": BIC, "name": text, "root": 66 hex digits}.
    #[arg(long, value_name = "FILE")]
    pub(crate) bank_trust: PathBuf,
    /// The token's id, 32 lower-case hex digits; random if not given.
    #[arg(long, value_name = "HEX", value_parser = device_id)]
    pub(crate) device_id: Option<DeviceId>,
    /// The token's name, 1 to 32 bytes; "U-Shield" and the end of the device id if not given.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Language of the token's screen.
    #[arg(long, value_enum, default_value_t = Locale::Zh)]
    pub(crate) locale: Locale,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Folder of the token.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// Where phones connect; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7340")]
    pub(crate) listen: SocketAddr,
    /// Where the screen is shown and keys are taken; port 0 takes any free one. Whoever reaches this address can press
    /// the keys, so keep it to this machine.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7341")]
    pub(crate) http: SocketAddr,
    /// Also be the card in a virtual reader of this machine: plug into vpcd of vsmartcard, and again whenever it is there. Its second
    /// reader is at 127.0.0.1:35964. Where nobody is there, or another card is in the reader, nothing is said.
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:35963")]
    pub(crate) vpcd: Option<String>,
    /// Also be a GATT server over Bluetooth LE: plug into a radio that another process lends, and again whenever it is there.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) gatt: Option<String>,
    /// The same on a radio of this machine, where the program was built for it: Linux, BlueZ.
    #[arg(long, value_name = "RADIO", num_args = 0..=1, default_missing_value = "hci0")]
    pub(crate) ble: Option<String>,
    /// Draw the screen in this terminal and take its keys: Enter for OK, Esc for C, arrows to turn pages, p for pixels,
    /// q to switch off. auto: where standard input and output are a terminal.
    #[arg(long, value_enum, default_value_t = FaceKind::Auto)]
    pub(crate) face: FaceKind,
    /// Give the HTTP face a power switch, for tests: POST /power/cut takes the power away, /power/cut?at=N in the middle of
    /// the Nth write to the flash from then on, POST /power/on gives it back. Whoever reaches --http can use it.
    #[arg(long)]
    pub(crate) test_power: bool,
    /// Write the addresses to this file, as one line of JSON, once both can be connected to.
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FaceKind {
    Auto,
    Terminal,
    None,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Locale {
    /// Chinese, render profile 1.
    Zh,
    /// English, render profile 2.
    En,
}

impl From<Locale> for render::Locale {
    fn from(locale: Locale) -> Self {
        match locale {
            Locale::Zh => Self::Zh,
            Locale::En => Self::En,
        }
    }
}

fn device_id(text: &str) -> Result<DeviceId, &'static str> {
    let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    unhex(text)
        .filter(|_| lower)
        .and_then(|bytes| DeviceId::from_slice(&bytes))
        .ok_or("32 lower-case hex digits are needed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn vpcd_has_an_address_of_its_own() {
        let parse = |more: &[&str]| {
            let args = ["ushield-token", "run", "--state", "x"].iter().chain(more);
            match Cli::try_parse_from(args).unwrap().command {
                Command::Run(run) => run.vpcd,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(parse(&[]), None);
        assert_eq!(parse(&["--vpcd"]).as_deref(), Some("127.0.0.1:35963"));
        assert_eq!(parse(&["--vpcd", "reader:35964", "--face", "none"]).as_deref(), Some("reader:35964"));
    }

    #[test]
    fn device_ids_are_32_lower_case_digits() {
        assert!(device_id("00112233445566778899aabbccddeeff").is_ok());
        for bad in [
            "",
            "00112233445566778899AABBCCDDEEFF",
            "00112233445566778899aabbccddee",
            "0011223344556677889gaabbccddeeff",
        ] {
            assert!(device_id(bad).is_err(), "{bad}");
        }
    }
}
