//! `ushield transfer`.

use serde_json::json;
use ushield_bank_api::{AccountScheme, Transfer as Request};
use ushield_client::Error;
use ushield_protocol::account::Scheme;
use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;

use crate::amount::{self, BadAmount};
use crate::args::Transfer;
use crate::failure::{AtOrder, Failure};
use crate::output::Answer;
use crate::output::{Output, Tone, page};
use crate::report;
use crate::session::{Context, Session};

pub(super) async fn run(context: &Context, options: Transfer) -> Result<Answer, Failure> {
    let with_cost = options.cost;
    let request = request(context.output(), options)?;
    let session = context.open().await?;
    session.token()?;
    let id = create(&session, &request).await.map_err(not_created)?;
    let pages = preview(&session, id).await?;
    let report = session.run_order(id).await?;
    let answer = report::answer(session.output(), &report, &pages, with_cost);
    Ok(report::with_air(session.output(), answer, &session.ways.traffic.so_far(), with_cost))
}

/// The request, with the amount in minor units.
fn request(output: &Output, options: Transfer) -> Result<Request, Failure> {
    let amount = amount::parse(&options.amount, options.currency);
    let amount = amount.map_err(|bad| Failure::usage("--amount", reason(output, &options, bad)))?;
    Ok(Request {
        device_id: None,
        debtor_account: options.from,
        creditor_name: options.name,
        creditor_account: options.to,
        account_scheme: match options.scheme {
            Scheme::Domestic => AccountScheme::Domestic,
            Scheme::Iban => AccountScheme::Iban,
            Scheme::Card => AccountScheme::Card,
        },
        creditor_agent: options.agent,
        amount,
        currency: options.currency.code().to_owned(),
        execution_date: options.date,
        remittance_text: options.text,
        beside: options.beside,
    })
}

fn reason(output: &Output, options: &Transfer, bad: BadAmount) -> String {
    let currency = options.currency.code();
    match bad {
        BadAmount::Form => output.words.fill("amount-form", &[("amount", &options.amount)]),
        BadAmount::Fraction { exponent } => {
            let values = [
                ("amount", options.amount.as_str()),
                ("currency", currency),
                ("digits", &exponent.to_string()),
            ];
            output.words.fill("amount-fraction", &values)
        }
        BadAmount::Range => output.words.fill("amount-range", &[("amount", &options.amount)]),
    }
}

/// Has the bank make the order. Without a session the client checks the request before it says so: the password is asked for last.
async fn create(session: &Session, request: &Request) -> Result<OrderId, Error> {
    let ask = || session.client.create_transfer(&session.customer, session.device, request);
    if session.client.is_signed_in()? {
        session.ensure_signed_in().await?;
        return ask().await;
    }
    match ask().await {
        Err(error) if error.code() == Code::NotSignedIn => {}
        made => return made,
    }
    session.sign_in().await?;
    ask().await
}

/// What the client keeps is said, and also where it had nothing to keep yet: the catalogue's texts speak of going on.
fn not_created(error: Error) -> Failure {
    match error.code() {
        Code::BankUnreachable | Code::BankFailure if error.request().is_none() => {
            Failure::Client { error, order: Some(AtOrder::Nothing) }
        }
        _ => Failure::from(error).kept(),
    }
}

/// Shows the pages that the token will show. A token that this phone has not been connected to has not said how it shows them: that is no reason
/// to stop, since it is about to be.
async fn preview(session: &Session, id: OrderId) -> Result<Vec<String>, Failure> {
    let output = session.output();
    let pages: Vec<String> = match session.client.preview(id).await {
        Ok(pages) => pages.iter().map(str::to_owned).collect(),
        Err(error) if error.code() == Code::ProfileUnknown => {
            let json =
                json!({"moment": "no-preview", "order_id": id.to_string(), "code": error.code().name()});
            output.event(&json, &output.words.fill("no-preview", &[]), Tone::Plain);
            return Ok(Vec::new());
        }
        Err(error) => return Err(session.failed(error, id)),
    };
    let json = json!({"moment": "pages", "order_id": id.to_string(), "pages": pages});
    let drawn = page::draw(pages.iter().map(String::as_str), output.width());
    let title = output.words.fill("pages", &[("order", &id.to_string())]);
    output.event(&json, &format!("{title}\n{drawn}"), Tone::Plain);
    Ok(pages)
}
