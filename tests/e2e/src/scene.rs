//! A bank, its customer, tokens and phones in one process, over TLS and TCP on free ports.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use ushield_bank::admin::{self, Founding, Ledger, LedgerOrder, NewCustomer};
use ushield_bank::clock::FakeClock;
use ushield_bank::{Bank, Config};
use ushield_bank_api::{AccountScheme, Transfer};
use ushield_client::SetupRequest;
use ushield_emulator::entropy::Source;
use ushield_emulator::maker::Maker;
use ushield_emulator::personalise::{BankTrust, Name, Personality, personalise};
use ushield_protocol::key::{BankId, DeviceId, OrderId};
use ushield_protocol::render::Locale;

use crate::customer::Customer;
use crate::phone::{Phone, World, password};
use crate::ports::TestClock;
use crate::token::Token;

/// The customer's name at the bank.
pub const CUSTOMER: &str = "张三";
/// The customer's account.
pub const ACCOUNT: &str = "6222021001116245702";
/// Its first balance: 50,000.00 CNY.
pub const BALANCE: i64 = 5_000_000;

/// The stage. Dropping it ends everything.
pub struct Scene {
    /// The bank.
    pub bank: Bank,
    /// The time of bank and phones.
    pub clock: Arc<FakeClock>,
    /// The maker of the tokens.
    pub maker: Maker,
    folder: TempDir,
}

impl Scene {
    /// A bank, a token with PIN and certificate, and the phone that is paired with it.
    pub async fn ready() -> (Self, Token, Phone) {
        let scene = Self::open().await;
        let token = scene.token().await;
        let phone = scene.with_certificate(&token).await;
        (scene, token, phone)
    }

    /// A bank with one customer, and no token yet.
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("bank");
        // The makers' certificates and TLS begin in the present; from here on time stands.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let clock = Arc::new(FakeClock::new(now));
        let founding = Founding {
            bank_id: BankId::new("USHDCNBJ").unwrap(),
            name: "示范银行".to_owned(),
            iban_charge: 0,
        };
        admin::init(&data, &founding, clock.as_ref()).await.unwrap();
        let customer = NewCustomer {
            name: CUSTOMER.to_owned(),
            account: ACCOUNT.to_owned(),
            balance: BALANCE.unsigned_abs(),
            currency: "CNY".to_owned(),
            password: password(),
        };
        admin::add_customer(&data, &customer, clock.as_ref()).await.unwrap();
        let bank = Bank::start(Config { clock: clock.clone(), ..Config::new(&data) }).await.unwrap();
        Self { bank, clock, maker: Maker::generate().unwrap(), folder }
    }

    /// The bank's folder.
    #[must_use]
    pub fn bank_folder(&self) -> PathBuf {
        self.folder.path().join("bank")
    }

    /// The folder of a phone of this name.
    #[must_use]
    pub fn phone_folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new token, handed out to the customer and switched on.
    pub async fn token(&self) -> Token {
        self.token_in(Locale::Zh, 1).await
    }

    /// The same with a language and a number; tokens of different numbers are different ones.
    pub async fn token_in(&self, locale: Locale, number: u8) -> Token {
        let token = self.stray_token(locale, number).await;
        let device = serde_json::to_vec(token.device()).unwrap();
        let root = self.maker.root_der();
        admin::hand_out(&self.bank_folder(), CUSTOMER, &device, root, self.clock.as_ref()).await.unwrap();
        token
    }

    /// A token of this bank that was handed out to nobody.
    pub async fn stray_token(&self, locale: Locale, number: u8) -> Token {
        let trust = self.bank.trust();
        let bank = BankTrust {
            bank_id: trust.bank().unwrap(),
            name: trust.name.clone(),
            root: trust.root_key().unwrap(),
        };
        let device_id = DeviceId::from([number; 16]);
        let personality = Personality { device_id, name: Name::new("U-Shield 01").unwrap(), locale, bank };
        let seed = u64::from(number) << 32;
        let (flash, device) = personalise(&personality, &self.maker, Source::seeded(seed)).unwrap();
        Token::start(flash, device, seed + 1).await
    }

    /// A phone that is set up, signed in and not paired.
    pub async fn phone(&self, name: &str, token: &Token) -> Phone {
        let setup = SetupRequest {
            trust: self.bank.trust(),
            makers: vec![self.maker.root_der().to_vec()],
            customer: CUSTOMER.to_owned(),
            phone: name.to_owned(),
        };
        let world = World {
            bank_url: self.bank.url().to_owned(),
            bank_ca: self.bank.ca_pem().as_bytes().to_vec(),
            setup,
            clock: TestClock::new(Arc::clone(&self.clock)),
        };
        Phone::new(world, &self.phone_folder(name), token).await
    }

    /// A paired phone.
    pub async fn paired(&self, token: &Token) -> Phone {
        let phone = self.phone("小张的手机", token).await;
        phone.pair(&Customer::new(token.hand())).await.unwrap();
        phone
    }

    /// A paired phone, and a token with a PIN of its own.
    pub async fn with_pin(&self, token: &Token) -> Phone {
        let phone = self.paired(token).await;
        phone.change_pin(&Customer::new(token.hand())).await.unwrap();
        phone
    }

    /// A paired phone, and a token with PIN and certificate.
    pub async fn with_certificate(&self, token: &Token) -> Phone {
        let phone = self.with_pin(token).await;
        phone.download_certificate(&Customer::new(token.hand())).await.unwrap();
        phone
    }

    /// The bank's books.
    pub async fn ledger(&self) -> Ledger {
        admin::read_ledger(&self.bank_folder()).await.unwrap()
    }

    /// What the bank knows of an order.
    pub async fn at_bank(&self, order: OrderId) -> LedgerOrder {
        let id = order.to_string();
        self.ledger().await.orders.into_iter().find(|order| order.order_id == id).unwrap()
    }

    /// The balance of the customer's account.
    pub async fn balance(&self) -> i64 {
        self.ledger().await.balances[ACCOUNT]
    }

    /// Whether the books say that exactly these amounts left the customer's account, each once, and nothing was lost.
    pub async fn moved(&self, amounts: &[u64]) {
        let ledger = self.ledger().await;
        let total: i64 = amounts.iter().map(|amount| i64::try_from(*amount).unwrap()).sum();
        assert_eq!(ledger.balances[ACCOUNT], BALANCE - total, "the customer's balance");
        let mut executed: Vec<u64> = ledger
            .orders
            .iter()
            .filter(|order| order.executed && order.operation == "transfer")
            .map(|order| order.amount.unwrap().unsigned_abs())
            .collect();
        let mut expected = amounts.to_vec();
        executed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(executed, expected, "executed transfers");
        for order in &ledger.orders {
            let sum: i64 = order.postings.iter().map(|posting| posting.amount).sum();
            assert_eq!(sum, 0, "postings of {} balance", order.order_id);
            assert!(order.executed || order.postings.is_empty(), "{} moved money", order.order_id);
        }
        assert_eq!(ledger.balances.values().sum::<i64>(), 0, "all accounts balance");
    }
}

impl std::fmt::Debug for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scene")
    }
}

/// A transfer as people make them: Chinese payee, 19-digit account, remittance text.
#[must_use]
pub fn transfer(amount: u64) -> Transfer {
    Transfer {
        debtor_account: ACCOUNT.to_owned(),
        creditor_name: "杭州西湖龙井茶业有限公司".to_owned(),
        creditor_account: "6217001210024455220".to_owned(),
        account_scheme: AccountScheme::Domestic,
        creditor_agent: "中国建设银行杭州分行".to_owned(),
        amount,
        currency: "CNY".to_owned(),
        execution_date: None,
        remittance_text: "货款 合同2026-1107号".to_owned(),
        beside: None,
        device_id: None,
    }
}
