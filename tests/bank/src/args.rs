//! The commands and their arguments.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The reference bank: accounts in double entry, signed orders, decisions over authorizations.
#[derive(Debug, Parser)]
#[command(name = "ushield-bank", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Found a bank in a new folder: keys, TLS authority, database, trust.json, tls-ca.pem.
    Init(Init),
    /// Customers.
    #[command(subcommand)]
    Customer(CustomerCommand),
    /// Tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Serve the HTTP interface until SIGTERM or SIGINT.
    Serve(Serve),
    /// Print balances, orders, decisions and postings.
    Ledger(Report),
    /// Print orders and what became of them.
    Orders(Report),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// Folder of the bank; made if it is not there.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// BIC: 8 or 11 characters of A-Z0-9.
    #[arg(long)]
    pub(crate) bank_id: String,
    /// Name for people.
    #[arg(long)]
    pub(crate) name: String,
    /// What a transfer to an IBAN costs, in minor units.
    #[arg(long, default_value_t = 0)]
    pub(crate) iban_charge: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CustomerCommand {
    /// Take a customer with one account. The password comes from a prompt or from --secrets-fd.
    Add(AddCustomer),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddCustomer {
    /// The name that the customer signs in with; the token shows it.
    pub(crate) name: String,
    /// Folder of the bank.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Account number: 1 to 34 characters of 0-9A-Z.
    #[arg(long)]
    pub(crate) account: String,
    /// First balance in minor units.
    #[arg(long)]
    pub(crate) balance: u64,
    /// ISO 4217 code.
    #[arg(long, default_value = "CNY")]
    pub(crate) currency: String,
    /// File descriptor whose first line is the password.
    #[arg(long)]
    pub(crate) secrets_fd: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Hand a token to a customer: certificates are issued to this device id only.
    HandOut(HandOut),
}

#[derive(Debug, clap::Args)]
pub(crate) struct HandOut {
    /// Folder of the bank.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// The customer who gets it.
    #[arg(long)]
    pub(crate) customer: String,
    /// device.json of the token's maker.
    #[arg(long)]
    pub(crate) device: PathBuf,
    /// Root certificate of the token's maker, PEM.
    #[arg(long)]
    pub(crate) maker_root: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Folder of the bank.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8443")]
    pub(crate) listen: SocketAddr,
    /// File to write {"url": ...} to as soon as the bank answers.
    #[arg(long)]
    pub(crate) ready_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// Folder of the bank.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
