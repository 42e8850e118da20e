//! The options of `ushield`.

mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use ushield_client::catalogue::Language;
use ushield_protocol::account::Scheme;
use ushield_protocol::currency::Currency;
use ushield_protocol::key::{DeviceId, OrderId, PhoneId};

pub(crate) use values::LinkAddress;

const EXIT_CODES: &str = "\
Exit codes:
   0  done; for an order: executed
   2  an option, its value, or a file that it names cannot be used, whoever found that out; the message names the option
  10  retry: the same again may work; also when the outcome of an order is still unknown (`ushield resume`)
  11  wait: it may work later
  12  act: someone has to do something first (too little money in the account, no certificate yet); the message says what
  13  terminal: this will not work
  20  the order was rejected on the token
  21  the order expired
  22  the order was cancelled
  23  the bank refused the order

Secrets (PIN, password) are typed without echo, or come as lines through --secrets-fd. Never from arguments or the environment.
Without --home, everything is kept in $XDG_DATA_HOME/ushield, ~/.local/share/ushield (Linux), ~/Library/Application
Support/ushield (macOS), %LOCALAPPDATA%\\ushield (Windows), and in ~/.ushield where there is none of these.";

/// Pay with a U-Shield: what you approve is what its screen shows.
///
/// The token shows payee, account and amount on its own screen and signs only after its OK key; this program carries orders
/// from the bank to the token and the signed answer back. It can be stopped at any moment: `ushield resume` goes on.
///
/// A first day:
///   ushield init --bank https://bank.example --bank-ca tls-ca.pem --trust trust.json \
///       --maker-root root.pem --customer li --phone "Li's laptop" --token tcp:127.0.0.1:7340
///   ushield token pair
///   ushield pin change
///   ushield certificate download
///   ushield transfer --from 6222021001116245702 --to 6217001210024455220 --name 韩梅梅 \
///       --agent 中国建设银行 --amount 1234.50 --currency CNY
#[derive(Debug, Parser)]
#[command(name = "ushield", version, max_term_width = 110, arg_required_else_help = true)]
#[command(verbatim_doc_comment, after_long_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Folder of this phone's data, for its owner alone. See the end of --help for the default.
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) home: Option<PathBuf>,
    /// One JSON object on standard output; what happens meanwhile as JSON lines {"moment": ...} on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Language of messages; by default that of LC_ALL, LC_MESSAGES or LANG.
    #[arg(long, global = true, value_enum)]
    pub(crate) lang: Option<Lang>,
    /// Where the token is; by default where `init` said, and with `any` on whichever link it is found first.
    #[arg(long, global = true, value_name = values::LINK_FORM)]
    pub(crate) link: Option<LinkAddress>,
    /// Which token, by its device id; needed when several are paired.
    #[arg(long, global = true, value_name = "HEX", value_parser = values::device_id)]
    pub(crate) device: Option<DeviceId>,
    /// Read secrets from this file descriptor: lines pin=..., new-pin=..., password=..., token-digits=...; each is used once,
    /// in their order, and read only when it is needed.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) secrets_fd: Option<u32>,
    /// Colours; auto: on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto)]
    pub(crate) color: Colour,
    /// Say on standard error what the program does; twice: everything. Never contains a secret, a name or an account.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// A language of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set this phone up for one customer of one bank.
    ///
    /// Needs what the bank hands out over a way that you trust: trust.json (who the bank is, its root key), its TLS authority, and
    /// the root certificates of the token makers that it works with. Signs in at the end.
    ///
    /// Example: ushield init --bank https://bank.example --bank-ca tls-ca.pem --trust trust.json --maker-root root.pem
    /// --customer li --phone "Li's laptop"
    Init(Init),
    /// Sign in to the bank.
    ///
    /// The session is kept until it ends; other commands ask for the password by themselves when they need a session.
    ///
    /// Example: ushield sign-in
    SignIn,
    /// Show your accounts.
    ///
    /// Example: ushield accounts --json
    Accounts,
    /// Pair with tokens, list them, forget them.
    #[command(subcommand)]
    Token(TokenCommand),
    /// The token's PIN.
    #[command(subcommand)]
    Pin(PinCommand),
    /// The certificates of the token's keys.
    #[command(subcommand)]
    Certificate(CertificateCommand),
    /// Transfer money.
    ///
    /// The bank issues the order; this program shows the pages that the token will show, sends it there and waits. Read every page
    /// on the token and press OK or C there. Ctrl-C takes the order back; a second Ctrl-C leaves at once, and nothing is lost.
    ///
    /// Example: ushield transfer --from 6222021001116245702 --to 6217001210024455220 --name 韩梅梅 --agent 中国建设银行
    /// --amount 1234.50 --currency CNY --text 货款
    Transfer(Transfer),
    /// Go on with every order that is not over.
    ///
    /// Submits answers that the bank has not confirmed, delivers what the token has not decided, repeats cancels, and takes over orders
    /// that are open at the bank. Exits with the first error, or else with the first outcome that is not `executed`. Ctrl-C stops at
    /// once and takes nothing back: every order stays as it is, and `ushield cancel` takes one back.
    ///
    /// Example: ushield resume
    Resume {
        /// Show what the exchange with the token cost, message by message.
        #[arg(long)]
        cost: bool,
    },
    /// Show the orders that this phone knows.
    ///
    /// Also while another `ushield` works; so do `token list` and `certificate show`.
    ///
    /// Example: ushield history --limit 10
    History {
        /// At most so many, newest first.
        #[arg(long, value_name = "N", value_parser = values::limit)]
        limit: Option<usize>,
    },
    /// Take an order back.
    ///
    /// At the token and at the bank. The bank's receipt says how the order really ended. Exits with 0 when it was cancelled, with 13 when
    /// it had been executed before.
    ///
    /// Example: ushield cancel 18f234df-2d91-4724-890c-d2e45466180d
    Cancel {
        /// The order, as `history` shows it.
        #[arg(value_name = "ORDER", value_parser = values::order_id)]
        order: OrderId,
    },
    /// Try a token against the protocol, for those who make one.
    ///
    /// Runs the protocol's cases, good and hostile, and names for each the rule of docs/token.md that it stands for. The token is one
    /// for tests: it must serve the bank whose keys are in --keys, have its initial PIN or the one that an earlier run left, and
    /// pairing mode closed. You are told which key to press when; the software token's own keys are pressed through --face.
    /// Exits with 0 when all that was asked for passed, with 13 when the token failed or something could not be tried, with 2 when an
    /// option is not this token's, with 10 when the token went away. Needs no set-up.
    ///
    /// Example: ushield conform --token tcp:127.0.0.1:7340 --keys bank --maker root.pem --face http://127.0.0.1:7341
    Conform(Conform),
    /// Print completions for a shell.
    ///
    /// Example: ushield completions bash > ~/.local/share/bash-completion/completions/ushield
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Conform {
    /// Where the token is.
    #[arg(long, value_name = values::LINK_FORM)]
    pub(crate) token: LinkAddress,
    /// Data folder of the bank that the token serves, as `ushield-bank init` made it: keys/root.key, transfer.key, certificate.key.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) keys: PathBuf,
    /// Root certificate of the token's maker, PEM.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) maker: PathBuf,
    /// The software token's HTTP face, whose keys are pressed and whose screen is read.
    #[arg(long, value_name = "http://ADDRESS:PORT")]
    pub(crate) face: Option<String>,
    /// Also what takes minutes: about twenty-five more.
    #[arg(long)]
    pub(crate) slow: bool,
    /// Also what spends PIN tries down to the last one; locks the PIN in the end, for good.
    #[arg(long)]
    pub(crate) destructive: bool,
    /// Also what takes the token's power away; with --face the software token needs its --test-power.
    #[arg(long)]
    pub(crate) power: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Address of the bank.
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) bank: String,
    /// TLS authority of the bank, PEM. No other is trusted.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bank_ca: PathBuf,
    /// The bank's identity and root key: {"bank_id": BIC, "name": text, "root": 66 hex digits}.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) trust: PathBuf,
    /// Root certificate of a token maker, PEM; may be given several times.
    #[arg(long, value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) maker_root: Vec<PathBuf>,
    /// The name that you sign in with.
    #[arg(long, value_name = "NAME")]
    pub(crate) customer: String,
    /// Name of this phone, as tokens list it.
    #[arg(long, value_name = "NAME")]
    pub(crate) phone: String,
    /// Where the token is; remembered.
    #[arg(long, value_name = values::LINK_FORM, default_value = "any")]
    pub(crate) token: LinkAddress,
    /// Do not sign in.
    #[arg(long)]
    pub(crate) no_sign_in: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// List the tokens that this phone is paired with, and what is in reach on every link.
    ///
    /// A token that advertises is recognised by that; any other is connected to for a moment and asked.
    ///
    /// Example: ushield token list --live
    List {
        /// Look again and again, until Ctrl-C.
        #[arg(long)]
        live: bool,
        /// Only what is paired, without a look around.
        #[arg(long, conflicts_with = "live")]
        paired: bool,
    },
    /// Pair with a token.
    ///
    /// Open pairing mode in the token's menu first. Then compare the six digits on both screens. Nothing confirms
    /// for you; a program that drives this one reads the token's screen and answers with a line token-digits=NNNNNN, what
    /// stands there, or token-digits=no, through --secrets-fd or standard input, after the moment `compare-digits`.
    ///
    /// Example: ushield token pair
    ///
    /// Or show the code on the token (the down key in its pairing mode), take a photo of the screen, and name it with --qr:
    /// there are no digits to compare then. Press OK on the token when this program says so, and not before.
    ///
    /// Example: ushield token pair --qr photo.jpg
    Pair {
        /// A picture (PNG, JPEG) of the code on the token's screen. Each code serves one attempt.
        #[arg(long, value_name = "PICTURE", value_hint = ValueHint::FilePath)]
        qr: Option<PathBuf>,
        /// Three tries were spent, and you have opened the token's pairing mode anew.
        #[arg(long)]
        mode_opened_again: bool,
    },
    /// Show what the token says of itself, and the phones that it knows.
    ///
    /// Example: ushield token info
    Info,
    /// Have the token forget a phone; it asks for OK on its screen.
    ///
    /// Example: ushield token forget --phone 0011223344556677
    Forget {
        /// Which phone, as `token info` lists it; this one by default.
        #[arg(long, value_name = "ID", value_parser = values::phone_id)]
        phone: Option<PhoneId>,
        /// Forget the token on this phone alone, for one that is lost or was reset.
        #[arg(long, conflicts_with = "phone")]
        here: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PinCommand {
    /// Change the PIN; the token asks for OK and compares then.
    ///
    /// Through --secrets-fd: a line pin=..., then a line new-pin=...
    ///
    /// Example: ushield pin change
    Change,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CertificateCommand {
    /// Get a certificate from the bank for a key that the token makes.
    ///
    /// The token shows who the certificate is for and asks for OK. What was begun is resumed by the same command.
    ///
    /// Example: ushield certificate download --role pay
    Download {
        /// Of which key.
        #[arg(long, value_enum, default_value_t = Role::Pay)]
        role: Role,
    },
    /// Show a certificate.
    ///
    /// Example: ushield certificate show --on-token
    Show {
        /// Of which key.
        #[arg(long, value_enum, default_value_t = Role::Pay)]
        role: Role,
        /// Read it from the token, not from this phone.
        #[arg(long)]
        on_token: bool,
        /// Print the chain in PEM below what is in the certificate.
        #[arg(long)]
        pem: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Transfer {
    /// The payee's account.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) to: String,
    /// The payee's name.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// The payee's bank.
    #[arg(long, value_name = "BANK")]
    pub(crate) agent: String,
    /// Amount, as 1234.50; no more digits behind the point than the currency has.
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    pub(crate) amount: String,
    /// Currency, as CNY (ISO 4217).
    #[arg(long, value_name = "CODE", value_parser = values::currency)]
    pub(crate) currency: Currency,
    /// Your account.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) from: String,
    /// How the payee's account is to be read; the check digits of `iban` and `card` are checked.
    #[arg(long, value_parser = values::scheme, default_value = "domestic", value_name = "domestic|iban|card")]
    pub(crate) scheme: Scheme,
    /// Text for the payee.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) text: String,
    /// When to execute it; at once by default.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = values::date)]
    pub(crate) date: Option<u32>,
    /// Place it beside this open order of the same payee, account and amount, instead of going on with that one.
    #[arg(long, value_name = "ORDER", value_parser = values::order_id)]
    pub(crate) beside: Option<OrderId>,
    /// Show what the exchange with the token cost, message by message.
    #[arg(long)]
    pub(crate) cost: bool,
}

/// Role of a token's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Approves money.
    Pay,
    /// Approves logins.
    Login,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Zh => Self::Zh,
            Lang::En => Self::En,
        }
    }
}

impl From<Role> for ushield_bank_api::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Pay => Self::Pay,
            Role::Login => Self::Login,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn options_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_option_takes_a_secret_or_confirms_for_the_human() {
        fn names(command: &clap::Command, found: &mut Vec<String>) {
            found.extend(command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)));
            command.get_subcommands().for_each(|below| names(below, found));
        }
        let mut found = Vec::new();
        names(&Cli::command(), &mut found);
        assert!(found.iter().any(|name| name == "secrets-fd"));
        for word in ["pin", "password", "yes", "confirm", "equal", "force", "assume"] {
            assert!(!found.iter().any(|name| name.split('-').any(|part| part == word)), "{word}");
        }
    }
}
