//! What the person wants to pay, and how they behave.

use ushield_bank_api::{AccountScheme, Transfer};

use crate::rng::Rng;

/// The customer's account.
pub const ACCOUNT: &str = "6222021001116245702";
/// What is on it at first, in minor units.
pub const BALANCE: u64 = 500_000_000;
/// Accounts of the payees: one at this bank, one elsewhere.
pub const PAYEES: [(&str, &str, &str); 3] = [
    ("杭州西湖龙井茶业有限公司", "6217001210024455220", "中国建设银行杭州分行"),
    ("Zhang San", "6222020200112233445", "U-Shield Demo Bank"),
    ("深圳市南山区科技园物业管理有限公司", "6226090000000123", "招商银行深圳分行"),
];

/// What the person does when the token shows an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Reads it and presses OK on the last page.
    Approve,
    /// Presses C somewhere.
    Reject,
    /// Presses OK on every page, then C on the last one.
    Impatient,
    /// Presses keys when the token has given up.
    TooLate,
    /// Does nothing.
    WalkAway,
}

/// A payment that the person wants.
#[derive(Clone, Debug)]
pub struct Goal {
    /// On which phone.
    pub phone: usize,
    /// What.
    pub transfer: Transfer,
    /// The payment that it repeats, on purpose.
    pub repeats: Option<usize>,
    /// Wants it back as soon as the phone says this.
    pub takes_back_at: Option<&'static str>,
    /// The person said once that they want it.
    pub asked: bool,
    /// Nothing is left to do for it.
    pub over: bool,
}

/// What a seed makes of the person.
#[derive(Clone, Debug)]
pub struct Nature {
    /// Payments.
    pub goals: Vec<Goal>,
    /// How many phones.
    pub phones: usize,
    /// In 1,000: types a wrong PIN.
    pub mistypes: u64,
    /// In 1,000: does something else than to approve.
    pub moody: u64,
    /// Is there to press keys after the faults have ended.
    pub stays: bool,
    /// In 1,000 looks at the history: takes back an order that is not over, or a request that has no order yet.
    pub takes_back: u64,
    /// In 1,000 looks: takes over what is open at the bank.
    pub adopts: u64,
    /// In 1,000 payments that are run: asks the app for something else meanwhile.
    pub beside: u64,
    /// So many milliseconds more for each page of an order.
    pub lingers: u64,
}

impl Nature {
    /// The person of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 4);
        let phones = if rng.permille(250) { 2 } else { 1 };
        let count = rng.within(1, 3);
        let mut goals: Vec<Goal> = Vec::new();
        for number in 0..count {
            let repeats = (number > 0 && rng.permille(200)).then(|| goals.len() - 1);
            let mut goal = match repeats {
                Some(before) => goals[before].clone(),
                None => a_goal(&mut rng, phones),
            };
            goal.repeats = repeats;
            goal.transfer.remittance_text = format!("Invoice {number} of {}", seed % 1000);
            goal.takes_back_at = rng.permille(220).then(|| {
                *rng.pick(&["creating-order", "connected", "review-on-token", "approved", "submitting"])
            });
            goals.push(goal);
        }
        let mut more = Rng::new(seed, 8);
        Self {
            goals,
            phones,
            mistypes: *rng.pick(&[0, 0, 60, 250]),
            moody: *rng.pick(&[0, 100, 400]),
            stays: rng.permille(700),
            takes_back: *more.pick(&[0, 0, 50, 250]),
            adopts: *more.pick(&[0, 0, 150, 500]),
            beside: *more.pick(&[0, 0, 250, 700]),
            lingers: 0,
        }
    }

    /// The person of a seed, who changes their mind about nothing and is there until the end.
    #[must_use]
    pub fn honest(seed: u64) -> Self {
        let mut nature = Self { moody: 0, stays: true, takes_back: 0, ..Self::of(seed) };
        nature.goals.iter_mut().for_each(|goal| goal.takes_back_at = None);
        nature
    }

    /// One who wants so many payments on one phone, reads well and presses OK.
    #[must_use]
    pub fn plain(payments: u64) -> Self {
        let mut rng = Rng::new(0, 4);
        let goals = (0..payments).map(|number| {
            let mut goal = a_goal(&mut rng, 1);
            goal.transfer.remittance_text = format!("Invoice {number}");
            goal
        });
        Self {
            goals: goals.collect(),
            phones: 1,
            mistypes: 0,
            moody: 0,
            stays: true,
            takes_back: 0,
            adopts: 0,
            beside: 0,
            lingers: 0,
        }
    }
}

fn a_goal(rng: &mut Rng, phones: usize) -> Goal {
    let (name, account, agent) = *rng.pick(&PAYEES);
    let transfer = Transfer {
        debtor_account: ACCOUNT.to_owned(),
        creditor_name: name.to_owned(),
        creditor_account: account.to_owned(),
        account_scheme: AccountScheme::Domestic,
        creditor_agent: agent.to_owned(),
        amount: rng.within(1, 20_000_000),
        currency: "CNY".to_owned(),
        execution_date: None,
        remittance_text: String::new(),
        beside: None,
        device_id: None,
    };
    let phone = if phones == 2 && rng.permille(500) { 1 } else { 0 };
    Goal { phone, transfer, repeats: None, takes_back_at: None, asked: false, over: false }
}
