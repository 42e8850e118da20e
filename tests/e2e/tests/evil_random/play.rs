//! What both kinds of sequences need: a phone under the witness's eyes, and what has to be true after each of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ushield_bank_api::Password;
use ushield_client::ports::BankHttp;
use ushield_client::store::MemoryStore;
use ushield_client::{Error, Moment, Status};
use ushield_e2e::evil::bank::PASSWORD;
use ushield_e2e::evil::{Conduct, Dice, ScriptedBank, Tally, Truth, Witness, World, drive, transfer};
use ushield_protocol::code::Code;
use ushield_protocol::key::{OrderId, Sign as _};
use ushield_protocol::order::Operation;
use ushield_protocol::receipt::Outcome;
use zeroize::Zeroizing;

/// A phone with a token and a bank, watched.
pub(crate) struct Play {
    pub(crate) world: World,
    pub(crate) witness: Arc<Witness>,
    pub(crate) dice: Arc<Dice>,
    amount: u64,
}

/// What went by in many sequences.
#[derive(Default)]
pub(crate) struct Count {
    pub(crate) sequences: u64,
    pub(crate) worlds: u64,
    pub(crate) executed: usize,
    pub(crate) tally: Tally,
}

/// A sequence that was not as it should be.
pub(crate) struct Caught {
    pub(crate) seed: u64,
    pub(crate) count: Count,
    pub(crate) violations: Vec<String>,
}

impl Play {
    /// A phone that is paired, and has the token's certificate if it shall.
    pub(crate) fn new(
        seed: u64,
        certified: bool,
        front: impl FnOnce(Arc<ScriptedBank>, Arc<Dice>) -> Arc<dyn BankHttp>,
    ) -> Self {
        let dice = Arc::new(Dice::new(seed));
        let mut witness = None;
        let world = World::between(seed, Arc::new(MemoryStore::new()), |store, bank| {
            let watching = Arc::new(Witness::new(store, front(bank, Arc::clone(&dice))));
            witness = Some(Arc::clone(&watching));
            (watching.clone(), watching)
        });
        let play = Self { world, witness: witness.unwrap(), dice, amount: 1_000 };
        let truth = Truth {
            receipts: play.world.bank.receipts(),
            device: play.world.token.device_key().public_key(),
            pay: play.world.token.pay_key().public_key(),
        };
        play.witness.knows(truth);
        drive(async {
            play.world.set_up();
            play.world.sign_in().await;
            play.world.pair().await.unwrap();
            if certified {
                play.world.certificate().await;
            }
        })
        .expect("honest sides come to an end");
        play
    }

    /// A transfer of an amount that no other one has: so each can be told by it.
    pub(crate) async fn create(&mut self) -> Result<OrderId, Error> {
        self.amount += 1;
        let asked = ushield_bank_api::Transfer { amount: self.amount, ..transfer() };
        self.world.client.create_transfer(&self.world.person, None, &asked).await
    }

    /// Signs in where the session is over.
    pub(crate) async fn stay_signed_in(&self) -> Result<(), Error> {
        if self.world.client.is_signed_in()? {
            return Ok(());
        }
        let password = Password::new(Zeroizing::new(PASSWORD.as_bytes().to_vec())).unwrap();
        self.world.client.sign_in(password).await
    }

    /// One that is not over, if there is one.
    pub(crate) async fn open_order(&self) -> Option<OrderId> {
        let history = self.world.client.history().await.ok()?;
        let open: Vec<OrderId> =
            history.iter().filter(|entry| !over(entry.status)).filter_map(|entry| entry.id).collect();
        (!open.is_empty()).then(|| *self.dice.one(&open))
    }

    /// With both sides honest again every order comes to its end: by going on, or by being taken back.
    pub(crate) async fn comes_to_an_end(&self) {
        let (client, person, token) = (&self.world.client, &self.world.person, &self.world.token);
        if self.dice.percent(30) {
            // The customer has had enough, and takes everything back first.
            for entry in client.history().await.unwrap() {
                if let Some(id) = entry.id.filter(|_| !over(entry.status)) {
                    let _ = client.cancel_order(token, person, id).await;
                }
            }
        }
        if let Err(error) = client.resume(token, person).await {
            self.witness.objects(format!("resume: {error:?}"));
        }
        for entry in client.history().await.unwrap() {
            let Some(id) = entry.id.filter(|_| !over(entry.status)) else { continue };
            // The bank does not take the answer that a lying token gave; the customer takes the order back.
            if let Err(error) = client.cancel_order(token, person, id).await {
                self.witness.objects(format!("{id:?} cannot be taken back: {error:?}"));
            }
        }
        for entry in client.history().await.unwrap() {
            if !over(entry.status) {
                self.witness.objects(format!("{:?} stays {:?}", entry.id, entry.status));
            }
        }
    }

    /// A transfer with both sides honest.
    pub(crate) async fn pays(&mut self) {
        let paid = match self.create().await {
            Ok(id) => self.world.run(id).await,
            Err(error) => Err(error),
        };
        match paid {
            Ok(report) if report.receipt.outcome == Outcome::Executed => {}
            other => self.witness.objects(format!("an honest transfer: {other:?}")),
        }
    }

    /// The disk may be full after some more commits.
    pub(crate) fn may_run_full(&self) {
        if self.dice.percent(15) {
            self.world.store.fail_after(self.dice.below(10), Code::DiskFull);
        }
    }

    /// Both sides are honest, there is room on the disk, and the person does what they should.
    pub(crate) fn honest_again(&self) {
        self.world.store.heal();
        self.world.token.repent();
        self.world.token.conduct(Conduct::Approve);
        self.world.person.cancels_nothing();
        self.world.person.gives_up_after(usize::MAX);
    }

    /// What the person was told of ends is true.
    pub(crate) fn told_the_truth(&self) {
        for moment in self.world.person.moments() {
            if let Moment::Settled { order, outcome } = moment
                && self.witness.end_of(order) != Some(outcome)
            {
                self.witness.objects(format!("{order:?} is said to be {outcome:?}"));
            }
        }
        self.world.person.forget();
    }

    /// The history says what the receipts say, and the receipts what the bank says.
    pub(crate) async fn shows_the_truth(&self) {
        for entry in self.world.client.history().await.unwrap() {
            self.witness.sees(entry.id, entry.status);
            if let (Some(id), Status::Ended(outcome)) = (entry.id, entry.status)
                && self.world.bank.end_of(id) != Some(outcome)
            {
                self.witness.objects(format!("{id:?} is {outcome:?} here and not at the bank"));
            }
            if let Some(problem) = entry.problem {
                self.witness.objects(format!("{:?} has a problem: {problem:?}", entry.id));
            }
        }
    }

    /// Nothing was executed twice: no order, no amount.
    pub(crate) fn executed_once(&self) {
        let mut executed = self.world.bank.executed();
        let all = executed.len();
        executed.sort_by_key(|(_, amount)| *amount);
        executed.dedup_by_key(|(_, amount)| *amount);
        if executed.len() != all {
            self.witness.objects("an amount was executed twice".to_owned());
        }
    }

    /// Whatever was executed is executed in the phone's history too.
    pub(crate) async fn knows_what_was_executed(&self) {
        let history = self.world.client.history().await.unwrap();
        for (id, _) in self.world.bank.executed() {
            let entry = history.iter().find(|entry| entry.id == Some(id));
            let transfer =
                entry.and_then(|entry| entry.order.as_ref()).map(|order| &order.payload().operation);
            if !matches!(transfer, Some(Operation::Transfer(_)))
                || entry.map(|entry| entry.status) != Some(Status::Ended(Outcome::Executed))
            {
                self.witness.objects(format!("{id:?} was executed; the phone says {entry:?}"));
            }
        }
    }
}

fn over(status: Status) -> bool {
    matches!(status, Status::Ended(_) | Status::NotCreated(_))
}

/// So many seeds, or as many as `USHIELD_SEQUENCES` says: more for a soak, fewer while something is changed.
pub(crate) fn seeds(from: u64, many: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("USHIELD_SEQUENCES").ok().and_then(|asked| asked.parse().ok());
    from..from + asked.unwrap_or(many)
}

/// Plays sequences until there are enough of them or one is not as it should be: what was wrong, and in which.
pub(crate) fn play(
    seeds: std::ops::Range<u64>,
    per_world: u64,
    new: impl Fn(u64) -> Play,
    sequence: impl Fn(&mut Play, u64, bool) -> bool,
) -> Result<Count, Caught> {
    let mut count = Count::default();
    let mut open: Option<(Play, u64)> = None;
    for seed in seeds {
        let (mut played, left) = open.take().unwrap_or_else(|| {
            count.worlds += 1;
            (new(count.worlds), per_world)
        });
        count.sequences += 1;
        let last = left <= 1;
        let goes_on = catch_unwind(AssertUnwindSafe(|| sequence(&mut played, seed, last)));
        let (mut violations, tally) = played.witness.verdict();
        count.tally.add(tally);
        let goes_on = goes_on.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or(panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            violations.push(format!("panic: {}", text.unwrap_or_default()));
            false
        });
        if !violations.is_empty() {
            return Err(Caught { seed, count, violations });
        }
        if goes_on && !last {
            open = Some((played, left - 1));
        } else {
            count.executed += played.world.bank.executed().len();
        }
    }
    Ok(count)
}

/// Says what was played, or what went wrong.
#[track_caller]
pub(crate) fn report(name: &str, played: Result<Count, Caught>) -> Count {
    match played {
        Ok(count) => {
            println!(
                "{name}: {} sequences in {} worlds, {} transfers executed; {:?}",
                count.sequences, count.worlds, count.executed, count.tally
            );
            count
        }
        Err(Caught { seed, count, violations }) => {
            panic!(
                "{name}: after {} sequences in {} worlds, seed {seed}: {violations:#?}",
                count.sequences, count.worlds
            )
        }
    }
}
