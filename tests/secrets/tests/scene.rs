//! The scene itself works: otherwise nothing that is not found in it says anything.

use std::sync::Arc;

use ushield_client::store::MemoryStore;
use ushield_protocol::receipt::Outcome;
use ushield_secrets::scene::{Conduct, Options, Phone, Secrets, World, run};

#[test]
fn a_transfer_is_approved_one_rejected_and_a_wrong_pin_told() {
    let secrets = Secrets::of(1);
    let phone = Arc::new(Phone::new(secrets.get("phone-dh"), secrets.get("sealing-key")));
    let options = Options { customer: "customer".to_owned(), phone: "phone".to_owned(), seed: 1 };
    let world = World::new(&secrets, phone, Arc::new(MemoryStore::new()), &options);
    run(async {
        world.make_ready(&secrets).await.unwrap();
        world.person.types(&[secrets.get("pin")]);
        let report = world.transfer(&World::a_transfer(1)).await.unwrap();
        assert_eq!(report.receipt.outcome, Outcome::Executed);
        world.person.types(&[secrets.get("wrong-pin"), secrets.get("pin")]);
        let report = world.transfer(&World::a_transfer(2)).await.unwrap();
        assert_eq!(report.receipt.outcome, Outcome::Executed);
        assert!(world.person.take_told().iter().any(|moment| moment.name() == "pin-wrong"));
        world.token.conduct(Conduct::Reject);
        world.person.types(&[secrets.get("pin")]);
        let report = world.transfer(&World::a_transfer(3)).await.unwrap();
        assert_eq!(report.receipt.outcome, Outcome::Rejected);
    });
}
