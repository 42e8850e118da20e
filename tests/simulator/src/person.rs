//! The person: looks at the token's screen, reads, presses keys, and remembers what was confirmed.
//!
//! What they read is their own reading of the screen's characters, and what they want is their own list: neither comes from the renderer.

use std::collections::{BTreeMap, BTreeSet};

use ushield_token::Key;

use crate::exhaustive::deeds::Deeds;
use crate::goal::{Act, Goal, Nature};
use crate::rng::Rng;
use crate::screen::{Reading, Seen, read};
use crate::world::{Event, World};

/// The PIN of a new token.
pub const INITIAL: &str = "12345678";
/// The PIN that the person chooses.
pub const PIN: &str = "246819";
/// A PIN that it never is.
pub const WRONG: &str = "975310";

/// An OK on the last page of an order, all pages having been read.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// What was read, without spaces.
    pub text: String,
    /// The payment that it was for; nothing for a certificate.
    pub goal: Option<usize>,
}

/// The person.
#[derive(Debug)]
pub struct Person {
    rng: Rng,
    /// What they want and how they are.
    pub nature: Nature,
    reading: Reading,
    act: Option<Act>,
    reject_at: usize,
    looks: u32,
    quiet: bool,
    /// Phones that are to be paired.
    pub to_pair: BTreeSet<usize>,
    /// Phones on which a change of the PIN was asked for.
    pub to_change: BTreeSet<usize>,
    /// A phone does not find the token: they will press a key of it.
    pub to_wake: bool,
    /// They believe that the PIN was changed.
    pub changed: bool,
    /// Whether the PIN that was typed last is the one they believe in; nothing since it was used.
    pub typed: Option<bool>,
    /// The screen that stood there when it was typed.
    typed_at: u64,
    /// Tries that the token said were left, last.
    pub tries: u8,
    /// OK was pressed since for a PIN that they believe in.
    maybe_right: bool,
    oks: u64,
    cuts: u64,
    /// What was confirmed, by the number on the screen.
    pub confirmed: BTreeMap<String, Confirmation>,
    /// What the token said it had approved after that, and when.
    pub approved: BTreeMap<String, u64>,
    /// How often C was pressed on an order.
    pub rejected: u64,
    /// What they did.
    pub deeds: Deeds,
    /// When they pressed OK or C on an order.
    pub decided: Vec<u64>,
}

impl Person {
    /// The person of a seed.
    #[must_use]
    pub fn new(seed: u64, nature: Nature) -> Self {
        Self {
            rng: Rng::new(seed, 5),
            nature,
            reading: Reading::default(),
            act: None,
            reject_at: 1,
            looks: 0,
            quiet: false,
            to_pair: BTreeSet::new(),
            to_change: BTreeSet::new(),
            to_wake: false,
            changed: false,
            typed: None,
            tries: 5,
            maybe_right: false,
            typed_at: 0,
            oks: 0,
            cuts: 0,
            confirmed: BTreeMap::new(),
            approved: BTreeMap::new(),
            rejected: 0,
            deeds: Deeds::default(),
            decided: Vec::new(),
        }
    }

    /// No faults any more: who is there now helps.
    pub fn begin_quiet(&mut self) {
        self.quiet = true;
        self.act = None;
    }

    /// A PIN to type while this screen stands there, and whether they believe in it.
    pub fn types(&mut self, screen: u64) -> (&'static str, bool) {
        self.typed_at = screen;
        let right = self.quiet || self.tries < 3 || !self.rng.permille(self.nature.mistypes);
        self.typed = Some(right);
        let believed = if self.changed { PIN } else { INITIAL };
        (if right { believed } else { WRONG }, right)
    }

    /// So long it takes them, in milliseconds.
    pub fn takes(&mut self, low: u64, high: u64) -> u64 {
        self.rng.within(low, high)
    }

    fn decide(&mut self, of: usize) -> Act {
        self.reject_at = usize::try_from(self.rng.within(1, u64::try_from(of).unwrap_or(1))).unwrap_or(1);
        if self.quiet {
            return if self.nature.stays { Act::Approve } else { Act::WalkAway };
        }
        if !self.rng.permille(self.nature.moody) {
            return Act::Approve;
        }
        *self.rng.pick(&[Act::Reject, Act::Impatient, Act::TooLate, Act::WalkAway])
    }

    /// The number of the order that they read last.
    #[must_use]
    pub fn order_read(&self) -> Option<String> {
        self.reading.order()
    }

    /// Whether there is another payment that is the same on purpose. It need not be the earlier one: an order that was taken back on one
    /// phone may be open on another, and be shown after its repetition was paid.
    fn may_have_paid_alike(&self, goal: usize) -> bool {
        let goals = &self.nature.goals;
        goals[goal].repeats.is_some() || goals.iter().any(|other| other.repeats == Some(goal))
    }

    fn goal_of(&self, text: &str) -> Option<usize> {
        self.nature.goals.iter().position(|goal| says(text, goal).is_empty())
    }
}

/// What of a payment the text does not say.
#[must_use]
pub fn says(text: &str, goal: &Goal) -> Vec<&'static str> {
    let transfer = &goal.transfer;
    let plain = |part: &str| part.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let parts = [
        ("amount", format!("{}{}", transfer.currency, decimal(transfer.amount))),
        ("payee", transfer.creditor_name.clone()),
        ("account", transfer.creditor_account.clone()),
        ("payee's bank", transfer.creditor_agent.clone()),
        ("own account", transfer.debtor_account.clone()),
        ("remittance text", transfer.remittance_text.clone()),
    ];
    parts.iter().filter(|(_, part)| !text.contains(&plain(part))).map(|(name, _)| *name).collect()
}

/// `1234567` is 12,345.67.
fn decimal(minor: u64) -> String {
    let whole = (minor / 100).to_string();
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped}.{:02}", minor % 100)
}

impl World {
    /// The person looks at the token soon.
    pub fn look_again(&mut self) {
        self.person.looks = 0;
        let delay = self.person.takes(300, 1_200);
        self.after(delay, Event::Look { serial: self.token.serial });
    }

    /// A phone does not find the token.
    pub fn wakes(&mut self) {
        if self.token.is_on() && self.token.serving.is_none() && self.advertised().is_none() {
            self.person.to_wake = true;
            self.look_again();
        }
    }

    /// The person looks.
    pub fn look(&mut self, serial: u64) {
        let quiet_and_gone = self.person.quiet && !self.person.nature.stays;
        if serial != self.token.serial || quiet_and_gone || self.person.looks > 60 {
            return;
        }
        self.person.looks += 1;
        let seen = read(&self.token.screen);
        self.compare_tries();
        let (key, next) = self.reacts(&seen);
        if let Some(key) = key {
            self.person.deeds.key(&seen, key);
            if matches!((&seen, key), (Seen::Page(..), Key::Ok | Key::Cancel)) {
                self.person.decided.push(self.now);
            }
            self.person.maybe_right |= key == Key::Ok && self.person.typed == Some(true);
            self.press(key);
        }
        if self.token.serial == serial
            && let Some(next) = next
        {
            self.after(next, Event::Look { serial });
        }
    }

    /// The key to press, and when to look again if nothing changes.
    fn reacts(&mut self, seen: &Seen) -> (Option<Key>, Option<u64>) {
        let soon = Some(self.person.takes(700, 2_000));
        if matches!(seen, Seen::Idle | Seen::Notice | Seen::Approved | Seen::Off) {
            self.person.act = None;
        }
        match seen {
            Seen::Off => (None, None),
            Seen::Idle if std::mem::take(&mut self.person.to_wake) => (Some(Key::Cancel), soon),
            Seen::Idle if self.person.to_pair.is_empty() => (None, None),
            Seen::Idle => (Some(Key::Ok), soon),
            Seen::Menu(_) if self.person.to_pair.is_empty() => (Some(Key::Cancel), soon),
            Seen::Menu(item) if item == "PAIR A PHONE" => (Some(Key::Ok), soon),
            Seen::Menu(_) => (Some(Key::Up), soon),
            Seen::PairingMode if self.person.to_pair.is_empty() => (Some(Key::Cancel), soon),
            Seen::PairingMode => (None, soon),
            Seen::Digits(digits, offered) => {
                let phone = self.token.serving.and_then(|number| self.links.phone_of(number));
                let shown = phone.and_then(|phone| self.phones[phone].digits.clone());
                match (offered, shown) {
                    (true, Some(shown)) if shown == *digits => {
                        self.person.oks += 1;
                        (Some(Key::Ok), soon)
                    }
                    (_, Some(shown)) if shown != *digits => (Some(Key::Cancel), soon),
                    _ => (None, soon),
                }
            }
            Seen::PinChange if self.person.to_change.is_empty() => (Some(Key::Cancel), soon),
            Seen::PinChange => {
                self.person.oks += 1;
                (Some(Key::Ok), soon)
            }
            Seen::PinMissing | Seen::PinWrong if self.person.typed.is_some() => (Some(Key::Ok), soon),
            Seen::PinMissing | Seen::PinWrong => (None, soon),
            Seen::LastTry if self.person.typed == Some(true) => {
                self.person.oks += 1;
                (Some(Key::Ok), soon)
            }
            Seen::LastTry => {
                // On the way to an approval it is a rejection.
                self.person.rejected += 1;
                (Some(Key::Cancel), soon)
            }
            Seen::Approved => {
                self.saw_approval();
                (self.person.rng.permille(500).then_some(Key::Ok), soon)
            }
            Seen::Notice => (self.person.rng.permille(700).then_some(Key::Ok), soon),
            Seen::Failure => {
                self.violation("the token says that it has failed".to_owned());
                self.power_lost();
                (None, None)
            }
            Seen::Page(page, of) => self.reads(*page, *of),
        }
    }

    /// A page of an order.
    fn reads(&mut self, page: usize, of: usize) -> (Option<Key>, Option<u64>) {
        let screen = self.token.screen.clone();
        let person = &mut self.person;
        let fresh = person.looks == 1;
        if fresh && person.nature.lingers > 0 {
            return (None, Some(person.nature.lingers));
        }
        person.reading.page(page, of, &screen);
        let soon = Some(person.takes(700, 2_000));
        let first = person.act.is_none();
        let act = match person.act {
            Some(act) => act,
            None => person.decide(of),
        };
        person.act = Some(act);
        match act {
            Act::WalkAway => (None, None),
            Act::TooLate if first => (None, Some(person.takes(118_000, 122_000))),
            Act::Reject if page >= person.reject_at => {
                person.rejected += 1;
                (Some(Key::Cancel), soon)
            }
            Act::Impatient if page < of && person.rng.permille(500) => {
                person.oks += 1;
                (Some(Key::Ok), soon)
            }
            Act::Impatient if page == of => {
                person.rejected += 1;
                (Some(Key::Cancel), soon)
            }
            _ if page < of => (Some(Key::Down), soon),
            _ if !person.reading.is_complete() => (Some(Key::Up), soon),
            _ => self.decides(soon),
        }
    }

    /// All pages were read, and the last one stands there.
    fn decides(&mut self, soon: Option<u64>) -> (Option<Key>, Option<u64>) {
        let text = self.person.reading.text();
        let Some(order) = self.person.reading.order() else {
            self.violation(format!("an order without its number on the pages: {text}"));
            return (Some(Key::Cancel), soon);
        };
        let certificate = self.token.screen.starts_with("CERTIFICATE");
        let goal = self.person.goal_of(&text);
        let warned_without_reason =
            self.person.reading.warns() && goal.is_some_and(|goal| !self.person.may_have_paid_alike(goal));
        if !certificate && (goal.is_none() || warned_without_reason) {
            let missing: Vec<_> = self.person.nature.goals.iter().map(|goal| says(&text, goal)).collect();
            self.violation(format!(
                "the pages of {order} are not what anybody asked for; missing {missing:?}: {text}"
            ));
            self.person.rejected += 1;
            return (Some(Key::Cancel), soon);
        }
        self.person.oks += 1;
        self.say(&format!("the person confirms {order}"));
        self.person.confirmed.insert(order, Confirmation { text, goal });
        (Some(Key::Ok), soon)
    }

    fn saw_approval(&mut self) {
        if let Some(order) = self.person.reading.order().filter(|_| self.person.reading.is_complete()) {
            let now = self.now;
            self.person.approved.entry(order).or_insert(now);
        }
        self.right_pin();
    }

    /// The PIN was right: all tries are there again.
    fn right_pin(&mut self) {
        self.person.tries = 5;
        self.person.oks = 0;
        self.person.cuts = self.token.cuts;
    }

    /// Tries on the screen: never more than the ones told before, never fewer than OKs and power cuts can have spent.
    fn compare_tries(&mut self) {
        // The token's screen is believed, whatever a phone says that did not hear it.
        self.person.changed |= self.token.screen.contains("The PIN is changed");
        if self.token.screen.contains("The PIN is changed")
            || self.token.screen.contains("The phone is paired")
        {
            self.right_pin();
        }
        if self.token.screen.contains("The phone is paired")
            && let Some(phone) = self.token.serving.and_then(|number| self.links.phone_of(number))
        {
            // The phone says so in a moment, or asks again.
            self.person.to_pair.remove(&phone);
        }
        let Some(at) = self.token.screen.find("Tries left: ") else { return };
        let left: u8 = self.token.screen[at + 12..].chars().take(1).collect::<String>().parse().unwrap_or(0);
        let cuts = self.token.cuts - self.person.cuts;
        let least = 5u64.saturating_sub(self.person.oks + cuts);
        if std::mem::take(&mut self.person.maybe_right) {
            // It may have been compared, and nobody saw the result: the power went.
            self.person.tries = 5;
        }
        if left > self.person.tries {
            self.violation(format!("tries rose from {} to {left} without a right PIN", self.person.tries));
        }
        if u64::from(left) < least {
            self.violation(format!(
                "{left} tries are left after {} OK and {cuts} power cuts",
                self.person.oks
            ));
        }
        self.person.tries = left;
        // Before the next one arrives, there is nothing to press OK for.
        if self.person.looks == 1 && self.person.typed_at != self.token.serial {
            self.person.typed = None;
        }
    }
}
