//! Bad input against the software token over TCP and the reference bank over HTTPS, each through its public interface.
//!
//! A wrong, locked or initial PIN is in `pin.rs`; counterparts that lie to the phone are in `evil_scripted`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    clippy::unwrap_in_result,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod bank;
mod client;
mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use ushield_bank::keys::Keys;
use ushield_e2e::customer::Customer;
use ushield_e2e::evil::Malware;
use ushield_e2e::phone::Phone;
use ushield_e2e::scene::{ACCOUNT, Scene};
use ushield_e2e::token::Token;
use ushield_links::keystore::FileKeystore;
use ushield_links::system::OsEntropy;
use ushield_links::tcp::TcpConnector;
use ushield_protocol::account::Scheme;
use ushield_protocol::currency::Currency;
use ushield_protocol::key::{BankId, KeyId, OrderId};
use ushield_protocol::order::{Amount, NameCheck, Operation, OrderPayload, Transfer};

/// A scene, its token, a phone that is ready for transfers, and the bank's keys in the wrong hands.
struct Stage {
    scene: Scene,
    token: Token,
    phone: Phone,
    keys: Keys,
    pay: KeyId,
    drawn: AtomicU8,
}

impl Stage {
    async fn open() -> Self {
        let scene = Scene::open().await;
        let token = scene.token().await;
        let phone = scene.with_certificate(&token).await;
        let keys = Keys::open(&scene.bank_folder()).unwrap();
        let watching = Customer::new(token.hand());
        let (info, _) = phone.client.token_info(&*phone.link, &watching, None).await.unwrap();
        Self { scene, token, phone, keys, pay: info.pay.unwrap(), drawn: AtomicU8::new(0) }
    }

    fn now(&self) -> u64 {
        ushield_bank::clock::Clock::now(self.scene.clock.as_ref())
    }

    /// An order as this bank would issue it to this token.
    fn payload(&self) -> OrderPayload {
        let n = self.drawn.fetch_add(1, Ordering::SeqCst);
        OrderPayload {
            bank: BankId::new("USHDCNBJ").unwrap(),
            addressee: self.pay.into(),
            id: OrderId::from_random([n; 16]),
            challenge: [n; 32],
            issued: self.now(),
            expires: self.now() + 900,
            operation: Operation::Transfer(Transfer {
                debtor_account: ACCOUNT.to_owned(),
                creditor_name: "杭州西湖龙井茶业有限公司".to_owned(),
                creditor_account: "6217001210024455220".to_owned(),
                scheme: Scheme::Domestic,
                creditor_agent: "中国建设银行杭州分行".to_owned(),
                amount: Amount::new(7_700 + u64::from(n), Currency::from_code("CNY").unwrap()).unwrap(),
                charges: None,
                name_check: NameCheck::NotChecked,
                execution_date: None,
                remittance: "货款".to_owned(),
                beside: None,
            }),
        }
    }

    async fn malware(&self) -> Malware {
        let record = self.phone.client.token(None).unwrap().pairing;
        let folder = self.phone.store().parent().unwrap().join("keys");
        let keystore = FileKeystore::open(folder, &self.phone.store(), Arc::new(OsEntropy)).unwrap();
        let connector = TcpConnector::new(self.token.line.address().to_string());
        Malware::connect(&connector, &record, &keystore).await
    }

    /// What the client's history says of an order.
    async fn status(&self, id: OrderId) -> &'static str {
        let history = self.phone.client.history().await.unwrap();
        history.iter().find(|entry| entry.id == Some(id)).unwrap().status.name()
    }

    /// Nothing is on the screen, nothing was signed, nothing moved, and the token still works.
    async fn unharmed(&self, amounts: &[u64]) {
        assert!(self.token.hand().page().number().is_none(), "{:?}", self.token.hand().page());
        self.scene.moved(amounts).await;
        let customer = Customer::new(self.token.hand());
        let (info, _) = self.phone.client.token_info(&*self.phone.link, &customer, None).await.unwrap();
        assert_eq!(usize::from(info.approvals), 1 + amounts.len(), "the certificate's, and of each transfer");
        assert_eq!(info.tries, 5);
    }
}
