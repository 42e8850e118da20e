//! A phone to be killed: goes on with what its store has, then orders one transfer after the other. Token and bank are behind its pipes. Must not run
//! by itself: the test `kills` starts it.
#![allow(clippy::unwrap_used, reason = "a test's process stops at the first surprise")]

use std::path::Path;
use std::sync::Arc;

use ushield_bank_api::Transfer;
use ushield_client::ports::Keystore as _;
use ushield_client::{Client, Error, Ports};
use ushield_e2e::evil::{ManualClock, MemoryKeystore, Person, SeededEntropy, transfer};
use ushield_store_faults::content::{Content, open};
use ushield_store_faults::wire::{Parts, Pipe, Tag, Telling, encode};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().unwrap();
    let folder = argument();
    let [keys, seed, amount, orders] = [0; 4].map(|_: u64| argument().parse::<u64>().unwrap());
    let pipe = Pipe::default();
    let done = futures::executor::block_on(live(Path::new(&folder), keys, seed, amount, orders, &pipe));
    match done {
        Ok(()) => pipe.tell(Tag::Done, &Parts::new()),
        Err(error) => pipe.tell(Tag::Failed, &vec![format!("{error:?}").into_bytes()]),
    }
}

async fn live(
    folder: &Path,
    keys: u64,
    seed: u64,
    amount: u64,
    orders: u64,
    pipe: &Pipe,
) -> Result<(), Error> {
    let (store, opened) = open(folder, seed)?;
    let mut started = vec![format!("{opened:?}").into_bytes()];
    started.extend(encode(&Content::of(&store)?.as_changes()));
    pipe.tell(Tag::Started, &started);
    let keystore = MemoryKeystore::new(keys);
    keystore.create_dh("dh").await?;
    let client = Client::new(Ports {
        bank: Arc::new(pipe.clone()),
        store: Arc::new(Telling { store, pipe: pipe.clone() }),
        keystore: Arc::new(keystore),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(seed)),
    });
    let person = Person::new();
    for (_, result) in client.resume(pipe, &person).await? {
        result?;
    }
    for n in 0..orders {
        let asked = Transfer { amount: amount + n, ..transfer() };
        let order = client.create_transfer(&person, None, &asked).await?;
        client.run_order(pipe, &person, order).await?;
    }
    Ok(())
}
