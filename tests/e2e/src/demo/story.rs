//! The story: one day of a customer, from the empty folder to the books of the bank.

mod accompany;
mod order;
mod set;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;
use serde_json::Value;
use ushield_emulator::runner::Key;
use zeroize::Zeroizing;

use super::draw::{Paper, Tone};
use super::failure::Failure;
use super::programs::{Programs, Service};
use super::summary::{Balances, Decision, Meant, Summary, Transfer};
use super::token_face::TokenFace;
use super::typist;
use ushield_protocol::pin::{INITIAL_PIN, PinBlock};

use crate::pages::Page;
use crate::proxy::Proxy;
use accompany::{Plan, Run};
use order::{ACCOUNT, ORDERS, Order};

/// Of the customer, at this bank that lives for minutes.
const PASSWORD: &str = "demo-password-1";
/// What the script changes the PIN to. A person chooses their own.
const SCRIPTED_PIN: &str = "204619";

/// Who presses the token's keys and compares what has to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A script, through the token's HTTP interface.
    Script,
    /// The person at the terminal, or at the token's page in a browser.
    Person,
}

/// What runs, and where.
struct Stage {
    who: Who,
    paper: Arc<Paper>,
    programs: Programs,
    folder: PathBuf,
    _bank: Service,
    _token: Service,
    face: TokenFace,
    line: Proxy,
    /// As the person chose it; it goes to the phone through a pipe.
    pin: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Books {
    balances: BTreeMap<String, i64>,
    orders: Vec<BookedOrder>,
}

#[derive(Deserialize)]
struct BookedOrder {
    order_id: String,
    decision: Option<Decision>,
    executed: bool,
}

/// What one transfer left behind.
struct Made {
    order_id: String,
    cut: bool,
    /// Whether nothing but the exchanges of the protocol's plain case was needed: no further PIN.
    exact: bool,
    pages: Vec<Page>,
    exchanges: usize,
    bytes: usize,
}

/// Plays the story, and writes `summary.json`.
///
/// # Errors
/// Whatever did not happen as it should.
pub async fn play(who: Who) -> Result<(), Failure> {
    let started = Instant::now();
    let paper = Arc::new(Paper::new());
    let mut stage = Stage::set(who, Arc::clone(&paper)).await?;
    stage.pair().await?;
    stage.change_pin().await?;
    stage.download_certificate().await?;
    let before = stage.books().await?.balances;
    let mut made = Vec::new();
    for order in &ORDERS {
        made.push(stage.transfer(order).await?);
    }
    let books = stage.books().await?;
    let balances = Balances { before, after: books.balances.clone() };
    let mut meant: Vec<Meant> = ORDERS.iter().map(Order::meant).collect();
    for (meant, made) in meant.iter_mut().zip(&made) {
        meant.exact = made.exact;
    }
    let summary = summary(made, &books, balances, started)?;
    stage.close(&summary, meant)
}

impl Stage {
    fn home(&self) -> PathBuf {
        self.folder.join("phone")
    }

    /// Opens pairing on the token, compares the digits, confirms on both.
    async fn pair(&mut self) -> Result<(), Failure> {
        self.paper.say(Tone::Title, "\nPairing: six digits on both screens");
        self.open_pairing().await?;
        let phone = self.programs.phone(&self.home(), &["token", "pair"])?;
        self.accompany(phone, &Plan::Pair).await?.expect(0)?;
        self.paper.say(Tone::Good, "  paired: from now on phone and token know each other's keys");
        Ok(())
    }

    /// Pairing mode is entered by keys on the token alone.
    async fn open_pairing(&self) -> Result<(), Failure> {
        let is_open = |page: &Page| page.says("请在手机上开始配对");
        if self.who == Who::Person {
            self.paper.say(Tone::Ask, "  On the token: OK for the menu, OK for its first entry.");
            return self.watch_until(is_open).await;
        }
        let mut shown = self.face.now().await?;
        self.paper.screen(&shown.page);
        for expected in ["OK菜单", "> 配对手机"] {
            if !shown.page.says(expected) {
                let why = format!("it does not say {expected:?}");
                return Err(Failure::Screen { why, page: shown.page });
            }
            shown = self.press(Key::Ok, &shown).await?;
            self.paper.screen(&shown.page);
        }
        if is_open(&shown.page) {
            Ok(())
        } else {
            let why = "pairing mode did not open".to_owned();
            Err(Failure::Screen { why, page: shown.page })
        }
    }

    /// The initial PIN allows nothing but its change.
    async fn change_pin(&mut self) -> Result<(), Failure> {
        self.paper.say(
            Tone::Title,
            &format!("\nThe PIN: {INITIAL_PIN} is every token's first, and allows nothing but its change"),
        );
        if self.who == Who::Person {
            self.pin = loop {
                let pin = typist::secret("  A new PIN, 6 to 12 letters or digits".to_owned()).await?;
                match PinBlock::new(&pin) {
                    Ok(block) if block.is_too_simple() || *pin == *INITIAL_PIN => {
                        self.paper.say(Tone::Bad, "  too simple, or the first one again: choose another");
                    }
                    Ok(_) => break pin,
                    Err(_) => self.paper.say(Tone::Bad, "  a PIN has 6 to 12 letters or digits"),
                }
            };
        }
        let mut phone = self.programs.phone(&self.home(), &["pin", "change"])?;
        phone.give("pin", INITIAL_PIN).await?;
        phone.give("new-pin", &self.pin).await?;
        self.accompany(phone, &Plan::Confirm("修改PIN")).await?.expect(0)?;
        self.paper.say(Tone::Good, "  the PIN is changed");
        Ok(())
    }

    async fn download_certificate(&mut self) -> Result<(), Failure> {
        let title =
            "\nThe certificate: the token makes a key, the bank certifies it to the token that it handed out";
        self.paper.say(Tone::Title, title);
        let mut phone = self.programs.phone(&self.home(), &["certificate", "download"])?;
        phone.give("pin", &self.pin).await?;
        let plan = Plan::Order(order::certificate());
        let result = self.accompany(phone, &plan).await?.expect(0)?;
        let key = result.get("key_id").and_then(Value::as_str).unwrap_or_default();
        self.paper.say(Tone::Good, &format!("  certified: payments are signed by key {key}"));
        Ok(())
    }

    async fn transfer(&self, order: &'static Order) -> Result<Made, Failure> {
        self.paper.say(Tone::Title, &format!("\n{}", order.title));
        if self.who == Who::Person {
            self.paper.say(Tone::Ask, order.asks);
        }
        self.line.forget();
        let mut phone = self.programs.phone(&self.home(), &order.arguments())?;
        phone.give("pin", &self.pin).await?;
        let plan = Plan::Order(order.plan());
        let run = self.accompany(phone, &plan).await?;
        let (order_id, pages) = (run.order_id()?, run.pages());
        let (cut, mut exact) = (run.was_cut(), run.exact);
        let result = if cut {
            let run = self.resume(&order_id).await?;
            exact = exact && run.exact;
            order::only(&run.ended_as(self.who, order.decision)?, &order_id)?
        } else {
            run.ended_as(self.who, order.decision)?
        };
        let (exchanges, bytes) = order::cost(&self.line.messages(), &result)?;
        let outcome = result.get("outcome").and_then(Value::as_str).unwrap_or("?");
        let tone = if outcome == "executed" { Tone::Good } else { Tone::Plain };
        let said = format!("  the bank's receipt: {outcome} · {exchanges} exchanges, {bytes} bytes");
        self.paper.say(tone, &said);
        Ok(Made { order_id, cut, exact, pages, exchanges, bytes })
    }

    /// A new process of the phone goes on with what the killed one left behind.
    async fn resume(&self, order_id: &str) -> Result<Run, Failure> {
        let what = "the token has answered, the answer was lost on the way, and the phone's process is dead";
        self.paper.say(Tone::Bad, &format!("  link cut, process killed: {what}"));
        let books = self.books().await?;
        let booked = books.orders.iter().find(|booked| booked.order_id == order_id);
        match booked {
            Some(BookedOrder { decision: None, executed: false, .. }) => {
                self.paper.say(Tone::Plain, "  the bank has heard of no decision, and no money has moved");
            }
            _ => {
                return Err(Failure::Deviations(vec![
                    "the answer got through although the link was cut".to_owned(),
                ]));
            }
        }
        self.line.heal();
        self.line.forget();
        self.paper.say(Tone::Plain, "  a new process goes on where the dead one stopped");
        let phone = self.programs.phone(&self.home(), &["resume"])?;
        self.accompany(phone, &Plan::Collect).await
    }

    /// The bank's books, from its database.
    async fn books(&self) -> Result<Books, Failure> {
        let bank = self.folder.join("bank");
        let arguments = ["ledger", "--data", &bank.to_string_lossy(), "--json"];
        let said = self.programs.run("ushield-bank", &arguments, None).await?;
        serde_json::from_str(&said).map_err(|_| Failure::Nonsense { who: "the bank", what: said })
    }

    /// Writes the summary and judges it.
    fn close(&self, summary: &Summary, mut meant: Vec<Meant>) -> Result<(), Failure> {
        let path = self.folder.join("summary.json");
        let text = serde_json::to_string_pretty(summary)
            .map_err(|error| Failure::system("write the summary")(error.into()))?;
        fs::write(&path, text + "\n").map_err(Failure::system(format!("write {}", path.display())))?;
        if self.who == Who::Person {
            // A person decides as they like; the money has to follow.
            for (meant, transfer) in meant.iter_mut().zip(&summary.transfers) {
                meant.decision = transfer.decision;
            }
        }
        self.paper.say(Tone::Title, "\nThe bank's books");
        for (account, before) in &summary.balances.before {
            let after = summary.balances.after.get(account).copied().unwrap_or_default();
            let moved = after.saturating_sub(*before);
            self.paper.say(Tone::Plain, &format!("  {account:<22}{before:>12} -> {after:>12}  ({moved:+})"));
        }
        let deviations = summary.deviations(ACCOUNT, &meant);
        if !deviations.is_empty() {
            return Err(Failure::Deviations(deviations));
        }
        let executed = summary.transfers.iter().filter(|transfer| transfer.executed).count();
        let done = format!(
            "\n{executed} transfers executed, each exactly once, in {} s. {}",
            summary.seconds,
            path.display()
        );
        self.paper.say(Tone::Good, &done);
        Ok(())
    }
}

fn summary(made: Vec<Made>, books: &Books, balances: Balances, started: Instant) -> Result<Summary, Failure> {
    let mut transfers = Vec::new();
    for made in made {
        let booked = books.orders.iter().find(|booked| booked.order_id == made.order_id);
        let booked = booked.and_then(|booked| Some((booked.decision?, booked.executed)));
        let lost = || Failure::Nonsense { who: "the bank", what: format!("nothing of {}", made.order_id) };
        let (decision, executed) = booked.ok_or_else(lost)?;
        transfers.push(Transfer {
            order_id: made.order_id.clone(),
            decision,
            executed,
            cut: made.cut,
            exchanges: made.exchanges,
            bytes: made.bytes,
            pages: made.pages.iter().map(|page| page.text().to_owned()).collect(),
        });
    }
    let seconds = u64::try_from(started.elapsed().as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
    Ok(Summary { transfers, balances, seconds })
}
