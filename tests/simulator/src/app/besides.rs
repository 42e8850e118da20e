//! What an app is asked for besides: to take an order or a request back, to take over what is open at the bank, two calls at once.

use futures::future::join;
use ushield_client::{Error, Report};
use ushield_protocol::key::OrderId;

use super::{App, is_over, names};
use crate::goal::Nature;

/// A call that begins while an order is run.
#[derive(Clone, Copy, Debug)]
enum Beside {
    Resume,
    RunAgain,
    Cancel,
    Adopt,
}

impl App {
    /// Runs an order; by the seed's choice another call begins while it runs.
    pub(super) async fn run_order(&self, id: OrderId) -> Result<Report, Error> {
        let run = self.client.run_order(&self.ports, &self.customer, id);
        if !self.chance(|nature| nature.beside) {
            return run.await;
        }
        let (beside, delay) = {
            let mut world = self.ports.shared.world();
            let mut calls = vec![Beside::Resume, Beside::RunAgain, Beside::Adopt];
            if world.person.nature.takes_back > 0 {
                calls.push(Beside::Cancel);
            }
            let longest = *world.rng.pick(&[0, 100, 2_000, 10_000, 60_000]);
            (*world.rng.pick(&calls), world.rng.within(0, longest))
        };
        let other = async {
            self.ports.sleep(delay).await;
            self.begins(beside, id).await;
        };
        join(run, other).await.0
    }

    async fn begins(&self, beside: Beside, id: OrderId) {
        self.say(&format!("is asked for {beside:?} beside {id:?}"));
        let (ports, customer) = (&self.ports, &self.customer);
        let ended = match beside {
            Beside::Resume => self.client.resume(ports, customer).await.map(drop),
            Beside::RunAgain => self.client.run_order(ports, customer, id).await.map(drop),
            Beside::Cancel => {
                self.wishes();
                self.client.cancel_order(ports, customer, id).await.map(drop)
            }
            Beside::Adopt => self.client.adopt().await.map(drop),
        };
        let end = ended.as_ref().map_or_else(|error| error.code().name(), |()| "done");
        self.say(&format!("{beside:?}: {end}"));
    }

    /// The person looks at the history and takes something back that is not over.
    pub(super) async fn changes_their_mind(&self) -> Result<(), Error> {
        if !self.chance(|nature| nature.takes_back) {
            return Ok(());
        }
        let history = self.client.history().await?;
        let open: Vec<_> = history.iter().filter(|entry| !is_over(entry)).collect();
        if open.is_empty() {
            return Ok(());
        }
        let entry = *self.ports.shared.world().rng.pick(&open);
        self.say(&format!("is asked to take {:?} back", entry.id));
        self.wishes();
        let (ports, customer) = (&self.ports, &self.customer);
        match entry.id {
            Some(id) => self.client.cancel_order(ports, customer, id).await.map(drop),
            None => {
                // Who takes the request back does not ask for the payment again.
                let has_order = |text: &str| history.iter().any(|entry| names(entry, text));
                for goal in &mut self.ports.shared.world().person.nature.goals {
                    let asks = goal.phone == ports.phone && goal.asked;
                    goal.over |= asks && !has_order(&goal.transfer.remittance_text);
                }
                self.client.cancel_request(ports, customer, entry.creation).await.map(drop)
            }
        }
    }

    /// Orders that are open at the bank, of the other phone too.
    pub(super) async fn takes_over(&self) -> Result<(), Error> {
        if !self.chance(|nature| nature.adopts) {
            return Ok(());
        }
        let adopted = self.client.adopt().await?;
        self.say(&format!("takes over {:?}, not {:?}", adopted.orders, adopted.refused));
        Ok(())
    }

    /// Whether the person does this now; none of it after the faults have ended, when they help.
    fn chance(&self, of: impl FnOnce(&Nature) -> u64) -> bool {
        let mut world = self.ports.shared.world();
        let permille = of(&world.person.nature);
        permille > 0 && world.quiet.is_none() && world.rng.permille(permille)
    }

    fn wishes(&self) {
        self.ports.shared.world().phones[self.ports.phone].wishes += 1;
    }
}
