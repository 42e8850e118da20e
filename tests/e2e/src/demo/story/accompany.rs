//! While the phone works: its moments are told, the token's screens are drawn, and keys are pressed, by script or person.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use ushield_emulator::runner::Key;
use ushield_protocol::message::Kind;

use super::order::Expected;
use super::{Stage, Who};
use crate::demo::draw::Tone;
use crate::demo::failure::Failure;
use crate::demo::programs::Phone;
use crate::demo::summary::Decision;
use crate::demo::token_face::Shown;
use crate::demo::typist::{self, Typed, Typist};
use crate::pages::{Ask, Page};
use crate::proxy::{Seen, Way};

/// A script meets nobody who thinks: longer silence is a defect.
const SILENCE: Duration = Duration::from_secs(20);
/// An answer is on the link as soon as the token says that it has answered.
const LOST: Duration = Duration::from_secs(3);

/// What has to happen on the token while a command of the phone runs.
pub(super) enum Plan {
    /// The digits, equal to the phone's; OK.
    Pair,
    /// A question with this title; OK.
    Confirm(&'static str),
    /// An order: all pages, compared; then OK or C.
    Order(Expected),
    /// Nothing: the token returns the answer that it has.
    Collect,
    /// Nothing: no token is needed.
    Nothing,
}

/// How a command ran.
pub(super) struct Run {
    command: String,
    /// Exit code and result; none when it was killed.
    ended: Option<(i32, Value)>,
    shown: Shown,
    order_id: Option<String>,
    digits: Option<String>,
    reviewed: bool,
    pages: BTreeMap<u8, Page>,
    /// Whether no further PIN was needed.
    pub(super) exact: bool,
}

impl Run {
    /// Its result, when it ended with this exit code.
    pub(super) fn expect(self, code: i32) -> Result<Value, Failure> {
        self.one_of(&[code])
    }

    /// Its result, when the order ended as it should; a person may have decided otherwise.
    pub(super) fn ended_as(self, who: Who, decision: Decision) -> Result<Value, Failure> {
        match (who, decision) {
            (Who::Person, _) => self.one_of(&[0, 20]),
            (Who::Script, Decision::Approved) => self.one_of(&[0]),
            (Who::Script, Decision::Rejected) => self.one_of(&[20]),
        }
    }

    fn one_of(self, codes: &[i32]) -> Result<Value, Failure> {
        match self.ended {
            Some((code, result)) if codes.contains(&code) => Ok(result),
            Some((code, result)) => {
                let status = format!("exit code {code}");
                Err(Failure::Program { command: self.command, status, said: result.to_string() })
            }
            None => Err(Failure::Silence(format!("the end of `{}`", self.command))),
        }
    }

    /// Whether the link was cut and the process killed.
    pub(super) fn was_cut(&self) -> bool {
        self.ended.is_none()
    }

    /// The order that the token showed.
    pub(super) fn order_id(&self) -> Result<String, Failure> {
        self.order_id.clone().ok_or_else(|| Failure::Silence(format!("an order of `{}`", self.command)))
    }

    /// The pages of the order that were shown, in their order.
    pub(super) fn pages(&self) -> Vec<Page> {
        self.pages.values().cloned().collect()
    }
}

impl Stage {
    /// Runs a command of the phone to its end, or to the moment at which the plan cuts it off.
    pub(super) async fn accompany(&self, mut phone: Phone, plan: &Plan) -> Result<Run, Failure> {
        self.paper.say(Tone::Faint, &format!("  $ {}", phone.command()));
        let mut run = Run {
            command: phone.command().to_owned(),
            ended: None,
            shown: self.face.now().await?,
            order_id: None,
            digits: None,
            reviewed: false,
            pages: BTreeMap::new(),
            exact: true,
        };
        if self.who == Who::Script && run.shown.page.ask() == Ask::Acknowledge {
            // While a message stands on the screen the token asks nothing else.
            run.shown = self.press(Key::Ok, &run.shown).await?;
        }
        let mut cuts = matches!(plan, Plan::Order(expected) if expected.cut);
        let mut held = None;
        let mut typist = self.typist()?;
        loop {
            let event = {
                let next = next_event(&mut phone, self, run.shown.serial, typist.as_mut());
                match self.who {
                    Who::Person => next.await?,
                    Who::Script => timeout(SILENCE, next).await.map_err(|_| {
                        Failure::Silence(format!("anything from `{}` or the token", run.command))
                    })??,
                }
            };
            match event {
                Event::Ended => break,
                Event::Moment(moment) => {
                    if asks_the_person(&moment) {
                        typist = None;
                    }
                    self.told(&mut phone, &mut run, plan, &moment).await?;
                    if typist.is_none() {
                        typist = self.typist()?;
                    }
                }
                Event::Screen(shown) => self.saw(&mut run, shown),
                Event::Typed(Typed::Leave) => return Err(Failure::Left),
                // The link closes when the phone has heard of the review; who is faster waits for that.
                Event::Typed(Typed::Token(key @ (Key::Ok | Key::Cancel))) if cuts && !run.reviewed => {
                    held = Some((key, run.shown.serial));
                }
                Event::Typed(Typed::Token(key)) => {
                    let shown = self.face.press(key, run.shown.serial).await?;
                    self.saw(&mut run, shown);
                }
            }
            if let Some((key, seen)) = held.take_if(|_| run.reviewed) {
                let shown = self.face.press(key, seen).await?;
                self.saw(&mut run, shown);
            }
            if self.who == Who::Script {
                self.act(&mut run, plan).await?;
            }
            if cuts && run.reviewed && is_over(&run.shown.page) {
                cuts = false;
                if self.answer_is_lost(&run.shown.page).await {
                    self.line.cut();
                    phone.kill().await?;
                    return Ok(run);
                }
                self.line.heal();
            }
        }
        drop(typist);
        run.ended = Some(phone.end().await?);
        Ok(run)
    }

    /// Whether the answer has left the token and was held back on the link. A person at the token's own page may have been faster
    /// than the link was closed: then nothing is cut.
    async fn answer_is_lost(&self, page: &Page) -> bool {
        let held_back = |message: &Seen| !message.passed && message.kind == Some(Kind::Sealed);
        let lost = self.line.until(|seen| seen.iter().any(held_back));
        page.ask() == Ask::PinWrong || timeout(LOST, lost).await.is_ok()
    }

    fn typist(&self) -> Result<Option<Typist>, Failure> {
        (self.who == Who::Person).then(|| Typist::listen(&self.paper)).transpose()
    }

    /// A person's keys, until the token shows what is wanted.
    pub(super) async fn watch_until(&self, wanted: impl Fn(&Page) -> bool) -> Result<(), Failure> {
        let mut shown = self.face.now().await?;
        let mut typist = Typist::listen(&self.paper)?;
        self.paper.screen(&shown.page);
        while !wanted(&shown.page) {
            let next = tokio::select! {
                next = self.face.after(shown.serial) => next?,
                typed = typist.next() => match typed {
                    Typed::Leave => return Err(Failure::Left),
                    Typed::Token(key) => self.face.press(key, shown.serial).await?,
                },
            };
            if next.serial != shown.serial {
                self.paper.screen(&next.page);
            }
            shown = next;
        }
        Ok(())
    }

    /// A new screen: drawn, and kept when it is a page of an order.
    fn saw(&self, run: &mut Run, shown: Shown) {
        if shown.serial != run.shown.serial {
            self.paper.screen(&shown.page);
            run.shown = shown;
        }
        if let Some((at, _)) = run.shown.page.number() {
            run.pages.insert(at, run.shown.page.clone());
        }
    }

    /// The phone says something.
    async fn told(
        &self,
        phone: &mut Phone,
        run: &mut Run,
        plan: &Plan,
        moment: &Value,
    ) -> Result<(), Failure> {
        let text = |member: &str| moment.get(member).and_then(Value::as_str).unwrap_or_default();
        let name = text("moment");
        match name {
            "compare-digits" => return self.compare(phone, run, text("digits")).await,
            "press-ok-on-token" => self.say(Tone::Ask, "asks you to answer on the token"),
            "review-on-token" => {
                run.reviewed = true;
                run.order_id = Some(text("order_id").to_owned());
                self.say(Tone::Ask, "asks you to read every page on the token and to press OK or C there");
                let shown = self.face.now().await?;
                self.saw(run, shown);
                if matches!(plan, Plan::Order(expected) if expected.cut) && self.who == Who::Person {
                    self.line.swallow(Way::ToPhone);
                }
            }
            "pin-needed" | "pin-wrong" => {
                if self.who == Who::Script {
                    let why = format!("the phone was told {name}");
                    return Err(Failure::Screen { why, page: run.shown.page.clone() });
                }
                run.exact = false;
                let pin = typist::secret("  PIN".to_owned()).await?;
                phone.give("pin", &pin).await?;
            }
            "pages" => {}
            "settled" => {
                self.say(Tone::Plain, &format!("has the bank's signed receipt: {}", text("outcome")))
            }
            other => self.say(Tone::Faint, other),
        }
        Ok(())
    }

    fn say(&self, tone: Tone, text: &str) {
        self.paper.say(tone, &format!("  phone: {text}"));
    }

    /// The digits of the phone against those on the token's screen.
    async fn compare(&self, phone: &mut Phone, run: &mut Run, digits: &str) -> Result<(), Failure> {
        self.say(Tone::Ask, &format!("shows {digits}: compare it with the token"));
        let mut shown = self.face.now().await?;
        while shown.page.digits().is_none() {
            shown = self.face.after(shown.serial).await?;
        }
        self.saw(run, shown);
        run.digits = Some(digits.to_owned());
        let equal = match self.who {
            Who::Script => run.shown.page.digits() == Some(digits),
            Who::Person => typist::yes_or_no("  Are they equal?".to_owned()).await?,
        };
        let read = run.shown.page.digits().filter(|_| equal).unwrap_or("no").to_owned();
        phone.give("token-digits", &read).await?;
        if equal {
            return Ok(());
        }
        let why = format!("the phone shows {digits}");
        Err(Failure::Screen { why, page: run.shown.page.clone() })
    }

    /// The script's hand: presses the key that the plan and the screen call for, on that very screen.
    async fn act(&self, run: &mut Run, plan: &Plan) -> Result<(), Failure> {
        while let Some(key) =
            wanted(run, plan).map_err(|why| Failure::Screen { why, page: run.shown.page.clone() })?
        {
            if matches!(plan, Plan::Order(expected) if expected.cut) && key == Key::Ok {
                self.line.swallow(Way::ToPhone);
            }
            let shown = self.press(key, &run.shown).await?;
            self.saw(run, shown);
        }
        Ok(())
    }

    /// Presses a key on the screen that was read; a screen follows.
    pub(super) async fn press(&self, key: Key, seen: &Shown) -> Result<Shown, Failure> {
        let shown = self.face.press(key, seen.serial).await?;
        if shown.serial == seen.serial { Err(Failure::Key(key)) } else { Ok(shown) }
    }
}

/// The key that the screen calls for by the plan; nothing when it is not yet the time; or why the screen is wrong.
fn wanted(run: &Run, plan: &Plan) -> Result<Option<Key>, String> {
    let page = &run.shown.page;
    match (plan, page.ask()) {
        (_, Ask::PinMissing | Ask::PinWrong | Ask::LastTry) => Err("the PIN is not in order".to_owned()),
        (Plan::Pair, Ask::Confirm) => match page.digits() == run.digits.as_deref() && run.digits.is_some() {
            true => Ok(Some(Key::Ok)),
            false => Err(format!("the phone shows {:?}", run.digits)),
        },
        (Plan::Confirm(title), Ask::Confirm) if page.says(title) => Ok(Some(Key::Ok)),
        (Plan::Order(_), Ask::TurnPage) if run.reviewed => in_turn(run).map(|()| Some(Key::Down)),
        (Plan::Order(expected), Ask::Decide) if run.reviewed => {
            in_turn(run)?;
            expected.check(&run.pages(), run.order_id.as_deref().unwrap_or_default())?;
            Ok(Some(match expected.decision {
                Decision::Approved => Key::Ok,
                Decision::Rejected => Key::Cancel,
            }))
        }
        (Plan::Order(_), Ask::TurnPage | Ask::Decide) => Ok(None),
        (_, Ask::TurnPage | Ask::Decide | Ask::Confirm) => Err("it asks what nobody asked for".to_owned()),
        (_, Ask::Acknowledge | Ask::Nothing) => Ok(None),
    }
}

/// Every page up to the one on the screen has been seen.
fn in_turn(run: &Run) -> Result<(), String> {
    let (at, of) = run.shown.page.number().unwrap_or_default();
    let complete = (1..=at).all(|page| run.pages.get(&page).and_then(Page::number) == Some((page, of)));
    if complete { Ok(()) } else { Err(format!("page {at} of {of} came out of turn")) }
}

/// Whether the token has ended the review, or cannot go on with it without its phone.
fn is_over(page: &Page) -> bool {
    matches!(page.ask(), Ask::Acknowledge | Ask::Nothing | Ask::PinWrong)
}

/// Moments in which the person types something that is not for the token.
fn asks_the_person(moment: &Value) -> bool {
    let name = moment.get("moment").and_then(Value::as_str);
    matches!(name, Some("compare-digits" | "pin-needed" | "pin-wrong"))
}

enum Event {
    Ended,
    Moment(Value),
    Screen(Shown),
    Typed(Typed),
}

async fn next_event(
    phone: &mut Phone,
    stage: &Stage,
    serial: u64,
    typist: Option<&mut Typist>,
) -> Result<Event, Failure> {
    let typed = async {
        match typist {
            Some(typist) => typist.next().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        moment = phone.moment() => Ok(moment?.map_or(Event::Ended, Event::Moment)),
        shown = stage.face.after(serial) => Ok(Event::Screen(shown?)),
        typed = typed => Ok(Event::Typed(typed)),
    }
}
