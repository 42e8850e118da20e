//! The commands: each takes its options to the client and its result to the output.

mod certificate;
mod conform;
mod history;
mod init;
mod pin;
mod reach;
mod resume;
mod token;
mod transfer;

use serde_json::json;
use ushield_client::{Error, Report};
use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;
use ushield_protocol::receipt::Outcome;

use crate::amount;
use crate::args::{CertificateCommand, Command, PinCommand, TokenCommand};
use crate::failure::Failure;
use crate::output::Answer;
use crate::output::table::{Align, table};
use crate::picture;
use crate::report;
use crate::session::{Context, Session};

/// Runs a command.
pub(crate) async fn run(context: &Context, command: Command) -> Result<Answer, Failure> {
    match command {
        Command::Init(options) => init::run(context, options).await,
        Command::SignIn => sign_in(&context.open().await?).await,
        Command::Accounts => accounts(&context.open().await?).await,
        Command::Token(TokenCommand::List { live, paired }) => {
            let look = if live { context.watch().await? } else { context.look().await? };
            reach::list(&look, live, paired).await
        }
        Command::Token(TokenCommand::Pair { qr: Some(picture), mode_opened_again }) => {
            let code = picture::code_of("--qr", &picture, &context.output().words).await?;
            token::pair_by_code(&context.open().await?, code, mode_opened_again).await
        }
        Command::Token(TokenCommand::Pair { qr: None, mode_opened_again }) => {
            token::pair(&context.open().await?, mode_opened_again).await
        }
        Command::Token(TokenCommand::Info) => token::info(&context.open().await?).await,
        Command::Token(TokenCommand::Forget { phone, here }) => {
            token::forget(&context.open().await?, phone, here).await
        }
        Command::Pin(PinCommand::Change) => pin::change(&context.open().await?).await,
        Command::Certificate(CertificateCommand::Download { role }) => {
            certificate::download(&context.open().await?, role).await
        }
        Command::Certificate(CertificateCommand::Show { role, on_token: true, pem }) => {
            certificate::show_on_token(&context.open().await?, role, pem).await
        }
        Command::Certificate(CertificateCommand::Show { role, on_token: false, pem }) => {
            certificate::show(&context.look().await?, role, pem)
        }
        Command::Transfer(options) => transfer::run(context, options).await,
        Command::Resume { cost } => resume::run(&context.open().await?, cost).await,
        Command::History { limit } => history::run(&context.look().await?, limit).await,
        Command::Cancel { order } => cancel(&context.open().await?, order).await,
        Command::Conform(options) => conform::run(context, options).await,
        // Needs no folder: see `main`.
        Command::Completions { .. } => Ok(Answer::done(json!({}), "")),
    }
}

/// Recorded and told to the token before anything is asked: a cancel must not wait for a password.
async fn cancel(session: &Session, order: OrderId) -> Result<Answer, Failure> {
    let cancelled = match cancel_once(session, order).await {
        Err(error) if error.code() == Code::NotSignedIn => {
            session.sign_in().await.map_err(|error| session.failed(error, order))?;
            cancel_once(session, order).await
        }
        cancelled => cancelled,
    };
    let output = session.output();
    let failed = |error: Error| match error.code() {
        // There is no such order: nothing to go on with.
        Code::UnknownOrder => Failure::from(error),
        _ => session.failed(error, order),
    };
    let Some(report) = cancelled.map_err(failed)? else {
        return Ok(Answer::done(json!({"order_id": null}), output.words.say("request-taken-back")));
    };
    let mut answer = report::answer(output, &report, &[], false);
    answer.text = report::text_of(output, &report, Outcome::Cancelled, false);
    if report.receipt.outcome != Outcome::Cancelled {
        answer.text = format!("{}\n{}", output.words.say("too-late-to-cancel"), answer.text);
    }
    Ok(Answer { exit: report::exit_of_cancel(report.receipt.outcome), ..answer })
}

/// An order by its id; what has none yet by its request's, as `history` shows it.
async fn cancel_once(session: &Session, order: OrderId) -> Result<Option<Report>, Error> {
    match session.client.cancel_order(&*session.connector, &session.customer, order).await {
        Err(error) if error.code() == Code::UnknownOrder => {
            let request = *order.as_bytes();
            session.client.cancel_request(&*session.connector, &session.customer, request).await
        }
        cancelled => cancelled.map(Some),
    }
}

async fn sign_in(session: &Session) -> Result<Answer, Failure> {
    session.sign_in().await?;
    let customer = session.client.setup()?.customer;
    let text = session.output().words.fill("signed-in", &[("customer", &customer)]);
    Ok(Answer::done(json!({"signed_in": true, "customer": customer}), text))
}

async fn accounts(session: &Session) -> Result<Answer, Failure> {
    session.ensure_signed_in().await?;
    let accounts = session.client.accounts().await?;
    let words = &session.output().words;
    let columns = [(words.say("account"), Align::Left), (words.say("balance"), Align::Right)];
    let rows: Vec<[String; 2]> = accounts
        .accounts
        .iter()
        .map(|account| {
            [account.number.clone(), amount::show(account.balance, account.exponent, &account.currency)]
        })
        .collect();
    Ok(Answer::done(json!({"accounts": accounts.accounts}), table(columns, &rows)))
}
