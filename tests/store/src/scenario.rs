//! What customers do with a phone, so that it can be begun again after any death: they look at the screen and do what is left to do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ushield_bank_api::{Password, Role};
use ushield_client::{Error, HistoryEntry, Status};
use ushield_e2e::evil::bank::PASSWORD;
use ushield_e2e::evil::{Conduct, Step, World, transfer};
use ushield_protocol::code::Code;
use ushield_protocol::key::OrderId;
use ushield_protocol::message::Reply;
use ushield_protocol::order::Operation;
use ushield_protocol::receipt::Outcome;
use zeroize::Zeroizing;

use crate::life::Phone;

/// A story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// A new phone, and a transfer that is approved.
    Approve,
    /// A transfer that is rejected on the token.
    Reject,
    /// A transfer that is taken back while the token shows it.
    Cancel,
    /// A transfer that is asked for before there is a certificate: the bank makes none.
    Refused,
    /// A transfer that is asked for twice while the first is open: one order.
    AskedTwice,
    /// The token gives the review up once; the second delivery is approved.
    Withdrawn,
    /// The bank forgets the session before the transfer.
    SignedOut,
    /// The phone forgets the token and is paired again before the transfer.
    Forgotten,
    /// The token does not take its certificate at first.
    CertificateDropped,
    /// The store was lost with a transfer open at the bank.
    Adopted,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Scenario::Approve,
        Scenario::Reject,
        Scenario::Cancel,
        Scenario::Refused,
        Scenario::AskedTwice,
        Scenario::Withdrawn,
        Scenario::SignedOut,
        Scenario::Forgotten,
        Scenario::CertificateDropped,
        Scenario::Adopted,
    ];

    /// How the transfer ends; nothing where the bank makes none.
    #[must_use]
    pub fn end(self) -> Option<Outcome> {
        match self {
            Scenario::Refused => None,
            Scenario::Reject => Some(Outcome::Rejected),
            Scenario::Cancel => Some(Outcome::Cancelled),
            _ => Some(Outcome::Executed),
        }
    }
}

/// A story in its world, over as many lives of the phone as it takes.
#[derive(Debug)]
pub struct Story {
    /// The world.
    pub world: World,
    scenario: Scenario,
    /// What happens once has happened.
    once: AtomicBool,
    asked: AtomicUsize,
    lives: AtomicUsize,
}

impl Story {
    /// The world of a story, before the phone is switched on.
    ///
    /// # Panics
    /// When the world cannot be made.
    #[must_use]
    pub fn new(scenario: Scenario, seed: u64) -> Self {
        let world = World::new(seed);
        if scenario == Scenario::Adopted {
            // The phone's first store, which is lost: the world's own client.
            futures::executor::block_on(async {
                world.set_up();
                world.sign_in().await;
                world.pair().await.unwrap();
                world.certificate().await;
                world.create().await.unwrap();
            });
        }
        let (once, asked, lives) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
        Self { world, scenario, once, asked, lives }
    }

    /// Everything that is left to do, from the start of the program.
    ///
    /// # Errors
    /// The client's; there should be none.
    pub async fn go_on(&self, phone: &Phone) -> Result<(), Error> {
        self.prepare(phone).await?;
        self.begin(phone).await?;
        self.finish(phone).await
    }

    /// The same without asking for anything: with what the store and the bank know.
    ///
    /// # Errors
    /// The client's; there should be none.
    pub async fn go_on_with_what_is_known(&self, phone: &Phone) -> Result<(), Error> {
        self.prepare(phone).await?;
        let adopted = phone.client.adopt().await?;
        assert_eq!(adopted.refused.len(), 0, "{adopted:?}");
        self.finish(phone).await
    }

    async fn prepare(&self, phone: &Phone) -> Result<(), Error> {
        let (world, client) = (&self.world, &phone.client);
        let first = self.lives.fetch_add(1, Ordering::SeqCst) == 0;
        client.set_up(&world.setup())?;
        if !client.is_signed_in()? {
            self.sign_in(phone).await?;
        }
        if self.scenario == Scenario::Refused {
            return self.pair(phone, first).await;
        }
        self.pair(phone, first).await?;
        if self.scenario == Scenario::Forgotten && !self.once.load(Ordering::SeqCst) {
            client.forget_here(None)?;
            self.once.store(true, Ordering::SeqCst);
            self.pair(phone, first).await?;
        }
        if client.certificate(&client.token(None)?, Role::Pay)?.is_none() {
            world.token.conduct(Conduct::Approve);
            if self.scenario == Scenario::CertificateDropped && !self.once.swap(true, Ordering::SeqCst) {
                let mut once = true;
                world.token.lie(Step::Result, move |honest| {
                    let lied = Reply::status(Code::WrongCertificate).encode();
                    if std::mem::take(&mut once) { lied } else { honest }
                });
            }
            match self.download(phone).await {
                Err(error) if error.code() == Code::WrongCertificate => self.download(phone).await?,
                result => result?,
            }
        }
        Ok(())
    }

    async fn sign_in(&self, phone: &Phone) -> Result<(), Error> {
        let password = Password::new(Zeroizing::new(PASSWORD.as_bytes().to_vec())).unwrap();
        phone.client.sign_in(password).await
    }

    async fn pair(&self, phone: &Phone, first: bool) -> Result<(), Error> {
        if phone.client.tokens()?.is_empty() {
            let world = &self.world;
            world.token.open_pairing();
            let pending = phone.client.pair(&*phone.link, &world.person, !first).await?;
            pending.confirm(&world.person).await?;
        }
        Ok(())
    }

    async fn download(&self, phone: &Phone) -> Result<(), Error> {
        let world = &self.world;
        phone.client.download_certificate(&*phone.link, &world.person, None, Role::Pay).await.map(drop)
    }

    async fn begin(&self, phone: &Phone) -> Result<(), Error> {
        let (world, client) = (&self.world, &phone.client);
        match self.scenario {
            Scenario::Adopted => client.adopt().await.map(drop),
            Scenario::SignedOut => {
                if !self.once.swap(true, Ordering::SeqCst) {
                    world.bank.ends_sessions();
                }
                match self.ask(phone).await {
                    Err(error) if error.code() == Code::NotSignedIn => {
                        self.sign_in(phone).await?;
                        self.ask(phone).await
                    }
                    asked => asked,
                }
            }
            Scenario::Refused => match self.ask(phone).await {
                Err(error) if error.code() == Code::NoCertificate => Ok(()),
                asked => asked,
            },
            Scenario::AskedTwice => {
                self.ask(phone).await?;
                let open = |entry: &HistoryEntry| matches!(entry.status, Status::Open | Status::Requested);
                if self.asked.load(Ordering::SeqCst) < 3 && self.transfers(phone).await?.iter().any(open) {
                    self.create(phone).await?;
                }
                Ok(())
            }
            _ => self.ask(phone).await,
        }
    }

    /// Asks for the transfer unless the history has one: a request without an order is gone on with.
    async fn ask(&self, phone: &Phone) -> Result<(), Error> {
        let known = self.transfers(phone).await?;
        match known.is_empty() || known.iter().any(|entry| entry.status == Status::Requested) {
            true => self.create(phone).await,
            false => Ok(()),
        }
    }

    async fn create(&self, phone: &Phone) -> Result<(), Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let world = &self.world;
        phone.client.create_transfer(&world.person, None, &transfer()).await.map(drop)
    }

    async fn finish(&self, phone: &Phone) -> Result<(), Error> {
        let world = &self.world;
        let withdraws = self.scenario == Scenario::Withdrawn && !self.once.load(Ordering::SeqCst);
        world.token.conduct(match self.scenario {
            Scenario::Reject => Conduct::Reject,
            Scenario::Cancel => Conduct::Wait,
            _ if withdraws => {
                Conduct::Say(vec![Reply::event(Code::Shown, Vec::new()), Reply::status(Code::TimedOut)])
            }
            _ => Conduct::Approve,
        });
        if self.scenario == Scenario::Cancel {
            world.person.cancels_when("review-on-token");
        }
        let mut results = phone.client.resume(&*phone.link, &world.person).await?;
        if withdraws {
            self.once.store(true, Ordering::SeqCst);
            world.token.conduct(Conduct::Approve);
            results = phone.client.resume(&*phone.link, &world.person).await?;
        }
        // What the token did not take was dropped here, and is fetched and stored again.
        let is_dropped = |result: &Result<_, Error>| {
            self.scenario == Scenario::CertificateDropped
                && result.as_ref().is_err_and(|error| error.code() == Code::WrongCertificate)
        };
        if results.iter().any(|(_, result)| is_dropped(result)) {
            self.download(phone).await?;
            results = phone.client.resume(&*phone.link, &world.person).await?;
        }
        for (order, result) in results {
            match result {
                // The bank answered the repeated request with the first one's order, and that is over by now.
                Err(error) if order.is_none() && self.may_be_interrupted(error.code()) => {}
                other => drop(other?),
            }
        }
        Ok(())
    }

    fn may_be_interrupted(&self, code: Code) -> bool {
        self.scenario == Scenario::AskedTwice && code == Code::Interrupted
    }

    /// Whether this is the repeated request, ended without an order of its own (protocol.md, section 13).
    #[must_use]
    pub fn is_ended_repetition(&self, entry: &HistoryEntry) -> bool {
        matches!(entry.status, Status::NotCreated(code) if self.may_be_interrupted(code))
    }

    /// What the history has besides certificates.
    ///
    /// # Errors
    /// The client's.
    pub async fn transfers(&self, phone: &Phone) -> Result<Vec<HistoryEntry>, Error> {
        let mut history = phone.client.history().await?;
        // A certificate's request has its order before anyone asks for a transfer.
        history.retain(|entry| {
            entry
                .order
                .as_ref()
                .is_none_or(|order| matches!(order.payload().operation, Operation::Transfer(_)))
        });
        Ok(history)
    }

    /// What the bank executed.
    #[must_use]
    pub fn executed(&self) -> Vec<OrderId> {
        self.world.bank.executed().into_iter().map(|(id, _)| id).collect()
    }
}
