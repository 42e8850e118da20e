//! `ushield-bank`: the reference bank from a terminal. Must not decide anything: the library does.

mod args;
mod secret;

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::signal::unix::{SignalKind, signal};
use ushield_bank::admin::{self, Founding, Ledger, NewCustomer};
use ushield_bank::clock::SystemClock;
use ushield_bank::error::{BankError, Causes};
use ushield_bank::{Bank, Config};
use ushield_protocol::key::BankId;
use ushield_protocol::planted;

use crate::args::{Args, Command, CustomerCommand, Serve, TokenCommand};

fn main() -> ExitCode {
    if let Some(why) = planted::refusal() {
        eprintln!("ushield-bank: {why}");
        return ExitCode::FAILURE;
    }
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn"));
    let colour = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(colour).with_env_filter(filter).init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(run(args.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    let text = Causes(error).to_string();
    // Nothing more can be done when not even this can be said.
    let _ = writeln!(std::io::stderr(), "ushield-bank: {text}");
    ExitCode::FAILURE
}

async fn run(command: Command) -> Result<(), BankError> {
    match command {
        Command::Init(init) => {
            let bank_id = BankId::new(&init.bank_id).ok_or_else(|| {
                BankError::Argument("a bank id has 8 or 11 characters of A-Z0-9".to_owned())
            })?;
            let founding = Founding { bank_id, name: init.name, iban_charge: init.iban_charge };
            admin::init(&init.data, &founding, &SystemClock).await
        }
        Command::Customer(CustomerCommand::Add(add)) => {
            let password = secret::password(add.secrets_fd)?;
            let customer = NewCustomer {
                name: add.name,
                account: add.account,
                balance: add.balance,
                currency: add.currency,
                password,
            };
            admin::add_customer(&add.data, &customer, &SystemClock).await
        }
        Command::Token(TokenCommand::HandOut(token)) => {
            let device = read(&token.device)?;
            let root = read(&token.maker_root)?;
            let root = CertificateDer::from_pem_slice(&root)
                .map_err(|_| BankError::Argument("the maker's root is not a PEM certificate".to_owned()))?;
            let id = admin::hand_out(&token.data, &token.customer, &device, &root, &SystemClock).await?;
            print(&format!("{id}"))
        }
        Command::Serve(args) => serve(args).await,
        Command::Ledger(args) => {
            let ledger = admin::read_ledger(&args.data).await?;
            if args.json { print_json(&ledger) } else { print(&table(&ledger)) }
        }
        Command::Orders(args) => {
            let ledger = admin::read_ledger(&args.data).await?;
            if args.json { print_json(&ledger.orders) } else { print(&orders(&ledger)) }
        }
    }
}

async fn serve(args: Serve) -> Result<(), BankError> {
    let file = |source| BankError::File { path: "signal".into(), source };
    let mut terminate = signal(SignalKind::terminate()).map_err(file)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(file)?;
    let bank = Bank::start(Config { listen: args.listen, ..Config::new(args.data) }).await?;
    tracing::info!(url = bank.url(), "listening");
    if let Some(path) = args.ready_file {
        write_ready(&path, bank.url())?;
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    bank.stop().await
}

/// Written whole or not at all: whoever waits for it reads it as soon as it is there.
fn write_ready(path: &Path, url: &str) -> Result<(), BankError> {
    let file = |source| BankError::File { path: path.to_path_buf(), source };
    let part = path.with_extension("part");
    let content = serde_json::json!({ "url": url }).to_string();
    std::fs::write(&part, content).map_err(file)?;
    std::fs::rename(&part, path).map_err(file)
}

fn table(ledger: &Ledger) -> String {
    let mut lines =
        vec!["ACCOUNT                             CUR              MINOR UNITS  CUSTOMER".to_owned()];
    for account in &ledger.accounts {
        let (number, currency, balance) = (&account.number, &account.currency, account.balance);
        lines.push(format!("{number:<36}{currency}  {balance:>23}  {}", account.customer));
    }
    lines.push(String::new());
    lines.push(orders(ledger));
    lines.join("\n")
}

fn orders(ledger: &Ledger) -> String {
    let mut lines =
        vec!["ORDER                                 OPERATION             STATE      REASON".to_owned()];
    for order in &ledger.orders {
        let reason = order.reason.unwrap_or("");
        lines.push(format!("{}  {:<20}  {:<9}  {reason}", order.order_id, order.operation, order.state));
    }
    lines.join("\n")
}

fn read(path: &Path) -> Result<Vec<u8>, BankError> {
    std::fs::read(path).map_err(|source| BankError::File { path: path.to_path_buf(), source })
}

fn print_json(value: &impl serde::Serialize) -> Result<(), BankError> {
    let text = serde_json::to_string_pretty(value).map_err(|_| BankError::Damaged("ledger"))?;
    print(&text)
}

fn print(text: &str) -> Result<(), BankError> {
    writeln!(std::io::stdout(), "{text}")
        .map_err(|source| BankError::File { path: "standard output".into(), source })
}
