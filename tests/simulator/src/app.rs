//! A phone's app, as a bank would write it: sets up, signs in, pairs, gets its certificate, pays, goes on where it stopped.

mod besides;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use ushield_bank_api::{Password, Role};
use ushield_client::{Client, Customer, Error, HistoryEntry, Moment, PinReason, SetupRequest, Status};
use ushield_protocol::code::Code;
use ushield_protocol::order::Operation;
use ushield_protocol::pin::PinBlock;
use zeroize::Zeroizing;

use crate::exhaustive::deeds::Deed;
use crate::fault::Doing;
use crate::person::PIN;
use crate::ports::Ports;
use crate::scene::PASSWORD;
use crate::screen::{Seen, read};
use crate::world::Event;

/// The customer in front of one phone.
struct AtPhone(Ports);

#[async_trait]
impl Customer for AtPhone {
    fn tell(&self, moment: &Moment) {
        let mut world = self.0.shared.world();
        if !world.lives(self.0.phone, self.0.life) {
            return;
        }
        world.say(&format!("phone {} says {}", self.0.phone, moment.name()));
        if matches!(moment, Moment::ReviewOnToken { .. }) {
            let now = world.now;
            world.phones[self.0.phone].shown.push(now);
        }
        if matches!(moment, Moment::StoringCertificate) {
            world.phones[self.0.phone].doing = Doing::Installing;
        }
        let pursued = world.phones[self.0.phone].pursued;
        let wish = pursued.and_then(|goal| world.person.nature.goals[goal].takes_back_at);
        if wish == Some(moment.name()) {
            if let Some(goal) = pursued {
                world.person.nature.goals[goal].takes_back_at = None;
            }
            let delay = world.person.takes(0, 3_000);
            world.after(delay, Event::WantBack { phone: self.0.phone });
        }
    }

    async fn pin(&self, reason: PinReason) -> Result<PinBlock, Error> {
        let delay = self.0.shared.world().person.takes(1_500, 5_000);
        self.0.sleep(delay).await;
        let mut world = self.0.shared.world();
        world.person.deeds.count(Deed::TypesPin);
        let pin = match reason {
            PinReason::New => PIN,
            _ => {
                let screen = world.token.serial;
                let (pin, right) = world.person.types(screen);
                let counts = right && matches!(reason, PinReason::Approve | PinReason::WrongBefore { .. });
                let now = world.now;
                world.phones[self.0.phone].right_pins.extend(counts.then_some(now));
                pin
            }
        };
        Ok(PinBlock::new(pin)?)
    }

    async fn cancel_wanted(&self) {
        poll_fn(|context| {
            let mut world = self.0.shared.world();
            let side = &mut world.phones[self.0.phone];
            if side.wants_back {
                side.wants_back = false;
                return Poll::Ready(());
            }
            side.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// A client over the ports of a phone.
#[must_use]
pub fn client(ports: &Ports) -> Client {
    Client::new(ushield_client::Ports {
        bank: Arc::new(ports.clone()),
        store: Arc::new(ports.clone()),
        keystore: Arc::new(ports.clone()),
        clock: Arc::new(ports.clone()),
        entropy: Arc::new(ports.clone()),
    })
}

/// One life of an app.
pub struct App {
    ports: Ports,
    client: Client,
    customer: AtPhone,
    setup: SetupRequest,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "App({:?})", self.ports.phone)
    }
}

impl App {
    /// An app that has just been started.
    #[must_use]
    pub fn new(ports: Ports, setup: SetupRequest) -> Self {
        Self { customer: AtPhone(ports.clone()), client: client(&ports), ports, setup }
    }

    /// Lives until everything is over.
    pub async fn live(self) {
        let mut wait = 1_000;
        loop {
            let turned = self.turn().await;
            let history = self.check().await;
            match turned {
                Ok(()) if history.iter().all(is_over) && (self.is_alone() || self.my_goals_are_over()) => {
                    break;
                }
                Ok(()) => {}
                Err(error) => self.stops_at(&error),
            }
            let now = self.ports.shared.world().now;
            if now > crate::run::END {
                break;
            }
            self.become_idle();
            wait = (wait * 2).min(300_000);
            self.ports.sleep(self.rest(wait, &history)).await;
        }
        self.say("has nothing left to do");
        self.become_idle();
    }

    /// So long until the next try: sooner where an order expires in between.
    fn rest(&self, wait: u64, history: &[HistoryEntry]) -> u64 {
        let world = self.ports.shared.world();
        // With nobody at the token only the bank's word can still come.
        let alone =
            world.quiet.is_some_and(|quiet| world.now > quiet + 300_000) && !world.person.nature.stays;
        let wait = match world.quiet {
            None => wait.min(15_000),
            // What needs nobody is tried again soon.
            Some(_) if history.iter().any(needs_nobody) => wait.min(20_000),
            Some(_) if alone => crate::run::END.saturating_sub(world.now) + 1,
            Some(_) => wait,
        };
        let ends = history.iter().filter(|entry| !is_over(entry)).filter_map(|entry| {
            let expires = entry.order.as_ref()?.payload().expires;
            let end = (expires + 8).saturating_sub(crate::world::START) * 1000;
            Some(end.saturating_sub(world.now).max(20_000))
        });
        ends.fold(wait, u64::min)
    }

    /// As far as it gets.
    async fn turn(&self) -> Result<(), Error> {
        self.ports.shared.world().phones[self.ports.phone].busy = true;
        self.client.set_up(&self.setup)?;
        if !self.client.is_signed_in()? {
            self.doing(Doing::SigningIn);
            let password = Password::new(Zeroizing::new(PASSWORD.as_bytes().to_vec()));
            self.client.sign_in(password.ok_or(Error::new(Code::BadInput))?).await?;
        }
        if self.client.tokens()?.is_empty() && !self.is_alone() {
            self.doing(Doing::Pairing);
            self.pair().await?;
        }
        self.changes_their_mind().await?;
        self.takes_over().await?;
        // What is under way comes first: after a death it may need nobody.
        let resumed = self.client.resume(&self.ports, &self.customer).await?;
        for (id, result) in &resumed {
            let end = result
                .as_ref()
                .map_or_else(|error| error.code().name(), |report| report.receipt.outcome.name());
            self.say(&format!("resumed {id:?}: {end}"));
        }
        if !resumed.is_empty() {
            self.check().await;
        }
        if !self.is_alone() {
            self.certificate().await?;
            self.pay().await?;
        }
        Ok(())
    }

    /// A locked token is one for the bank's counter: the person goes there.
    fn stops_at(&self, error: &Error) {
        self.say(&format!("stops at {}", error.code().name()));
        match error.code() {
            Code::PinLocked => self.ports.shared.world().person.nature.stays = false,
            // The token forgot a phone that another one overtook: it says so, and what to do.
            Code::UnknownPhone => self.forgets(),
            // Over the air it does not even say so: it calls its other phones.
            Code::TokenNotFound if self.ports.shared.world().phones[self.ports.phone].stranger => {
                self.forgets()
            }
            _ => {}
        }
    }

    fn forgets(&self) {
        if let Err(error) = self.client.forget_here(None) {
            self.say(&format!("cannot forget: {}", error.code().name()));
        }
    }

    /// Whether the person has gone for good.
    fn is_alone(&self) -> bool {
        let world = self.ports.shared.world();
        world.quiet.is_some() && !world.person.nature.stays
    }

    async fn pair(&self) -> Result<(), Error> {
        let phone = self.ports.phone;
        {
            let mut world = self.ports.shared.world();
            world.person.to_pair.insert(phone);
            world.person.deeds.count(Deed::Pairs);
            world.look_again();
        }
        let paired = self.pair_once().await;
        let mut world = self.ports.shared.world();
        world.phones[phone].digits = None;
        world.person.to_pair.remove(&phone);
        world.look_again();
        paired
    }

    async fn pair_once(&self) -> Result<(), Error> {
        self.screen(40_000, |seen| *seen == Seen::PairingMode).await?;
        let again = match self.client.pair(&self.ports, &self.customer, false).await {
            Err(error) if error.code() == Code::PairingTriesSpent => true,
            begun => return self.compare(begun?).await,
        };
        let begun = self.client.pair(&self.ports, &self.customer, again).await?;
        self.compare(begun).await
    }

    async fn compare(&self, pending: ushield_client::PendingPairing<'_>) -> Result<(), Error> {
        let digits = pending.digits().to_string();
        self.ports.shared.world().phones[self.ports.phone].digits = Some(digits.clone());
        match self.screen(20_000, |seen| matches!(seen, Seen::Digits(..))).await? {
            Seen::Digits(shown, _) if shown == digits => {
                pending.confirm(&self.customer).await?;
                Ok(())
            }
            _ => {
                self.suspects();
                pending.differ().await
            }
        }
    }

    /// The digits differ. Another phone may have come to the token since this one's connection broke.
    fn suspects(&self) {
        let mut world = self.ports.shared.world();
        let served = world.token.serving.and_then(|number| world.links.phone_of(number));
        if served == Some(self.ports.phone) {
            world.violation("the digits differ, and nobody is in between".to_owned());
        }
    }

    /// Waits for the token's screen to show something.
    async fn screen(&self, limit: u64, wanted: impl Fn(&Seen) -> bool) -> Result<Seen, Error> {
        for _ in 0..limit / 500 {
            let seen = read(&self.ports.shared.world().token.screen);
            if wanted(&seen) {
                return Ok(seen);
            }
            self.ports.sleep(500).await;
        }
        Err(Error::new(Code::TokenNotFound))
    }

    async fn certificate(&self) -> Result<(), Error> {
        let phone = self.ports.phone;
        if self.ports.shared.world().phones[phone].has_certificate {
            return Ok(());
        }
        let got = self.client.download_certificate(&self.ports, &self.customer, None, Role::Pay).await;
        match got {
            Err(error) if error.code() == Code::PinInitial => self.change_pin().await?,
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        if self.client.certificate(&self.client.token(None)?, Role::Pay)?.is_some() {
            self.ports.shared.world().phones[phone].has_certificate = true;
            return Ok(());
        }
        Err(Error::new(Code::NoCertificate))
    }

    async fn change_pin(&self) -> Result<(), Error> {
        self.doing(Doing::PinChange);
        let phone = self.ports.phone;
        // The token says that it has its first PIN still, whatever the person believed.
        self.ports.shared.world().person.changed = false;
        self.ports.shared.world().person.to_change.insert(phone);
        let changed = self.client.change_pin(&self.ports, &self.customer, None).await;
        let mut world = self.ports.shared.world();
        world.person.to_change.remove(&phone);
        match &changed {
            Ok(()) => world.person.changed = true,
            // The old one did not hold: an earlier change did, whose answer was lost.
            Err(error) if error.code() == Code::PinWrong && world.person.typed == Some(true) => {
                world.person.changed = !world.person.changed;
            }
            Err(_) => {}
        }
        changed
    }

    /// The payments of this phone, one after the other.
    async fn pay(&self) -> Result<(), Error> {
        let goals = self.ports.shared.world().person.nature.goals.len();
        for number in 0..goals {
            let goal = self.ports.shared.world().person.nature.goals[number].clone();
            if goal.phone != self.ports.phone || goal.over {
                continue;
            }
            let text = &goal.transfer.remittance_text;
            let known = self.client.history().await?.into_iter().find(|entry| names(entry, text));
            let id = match known {
                Some(entry) if is_over(&entry) => None,
                Some(entry) => entry.id,
                // The person asked for it, and the phone ended the request.
                None if goal.asked && self.is_silent().await? => None,
                None if goal.repeats.is_some_and(|before| !self.is_over(before)) => continue,
                None => Some(self.ask(number, &goal.transfer).await?),
            };
            if let Some(id) = id {
                self.ports.shared.world().phones[self.ports.phone].pursued = Some(number);
                let run = self.run_order(id).await;
                self.ports.shared.world().phones[self.ports.phone].pursued = None;
                self.check().await;
                run?;
            }
            self.ports.shared.world().person.nature.goals[number].over = true;
        }
        Ok(())
    }

    async fn ask(
        &self,
        number: usize,
        transfer: &ushield_bank_api::Transfer,
    ) -> Result<ushield_protocol::key::OrderId, Error> {
        {
            let mut world = self.ports.shared.world();
            // A request that waits for its order the app sends again by itself.
            if !std::mem::replace(&mut world.person.nature.goals[number].asked, true) {
                world.person.deeds.count(Deed::Pays);
            }
            world.phones[self.ports.phone].pursued = Some(number);
            world.say(&format!("phone {}: the person wants payment {number}", self.ports.phone));
        }
        let asked = self.client.create_transfer(&self.customer, None, transfer).await;
        self.ports.shared.world().phones[self.ports.phone].pursued = None;
        match asked {
            Err(error) if matches!(error.code(), Code::DiskFull | Code::NotSignedIn) => {
                // Nothing was written: nothing was asked for.
                self.ports.shared.world().person.nature.goals[number].asked = false;
                Err(error)
            }
            asked => asked,
        }
    }

    /// Whether no request waits for its order.
    async fn is_silent(&self) -> Result<bool, Error> {
        Ok(self.client.history().await?.iter().all(|entry| entry.status != Status::Requested))
    }

    fn is_over(&self, goal: usize) -> bool {
        self.ports.shared.world().person.nature.goals[goal].over
    }

    fn my_goals_are_over(&self) -> bool {
        let world = self.ports.shared.world();
        world.person.nature.goals.iter().all(|goal| goal.phone != self.ports.phone || goal.over)
    }

    /// What the phone shows is held against the bank's ledger, and what is open against the time.
    async fn check(&self) -> Vec<HistoryEntry> {
        let history = self.client.history().await.expect("the history out of a store in memory");
        let mut world = self.ports.shared.world();
        let phone = self.ports.phone;
        for entry in &history {
            for text in world.compare_with_bank(phone, entry) {
                world.violation(text);
            }
        }
        world.hold_to_time(phone);
        history
    }

    fn doing(&self, doing: Doing) {
        self.ports.shared.world().phones[self.ports.phone].doing = doing;
    }

    fn become_idle(&self) {
        let mut world = self.ports.shared.world();
        if world.lives(self.ports.phone, self.ports.life) {
            world.phones[self.ports.phone].doing = Doing::Idle;
            world.phones[self.ports.phone].busy = false;
        }
    }

    fn say(&self, text: &str) {
        let phone = self.ports.phone;
        self.ports.shared.world().say(&format!("phone {phone} {text}"));
    }
}

fn is_over(entry: &HistoryEntry) -> bool {
    matches!(entry.status, Status::Ended(_) | Status::NotCreated(_))
}

fn needs_nobody(entry: &HistoryEntry) -> bool {
    matches!(entry.status, Status::Requested | Status::Decided | Status::Unknown)
        || (entry.cancelled && !is_over(entry))
}

/// Whether an entry is the payment with this remittance text.
fn names(entry: &HistoryEntry, text: &str) -> bool {
    let operation = entry.order.as_ref().map(|order| &order.payload().operation);
    matches!(operation, Some(Operation::Transfer(transfer)) if transfer.remittance == text)
}
