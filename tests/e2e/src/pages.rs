//! What a token's screen shows, read as a person reads it.

use std::fmt;

/// Six lines of a screen.
#[derive(Clone, PartialEq, Eq)]
pub struct Page(String);

/// What a page asks of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A page of an order with another one behind it.
    TurnPage,
    /// The last page of an order: approve or reject.
    Decide,
    /// OK was pressed and the token waits for a PIN from the phone.
    PinMissing,
    /// The PIN was wrong; any key goes back to the order.
    PinWrong,
    /// The last try: a further OK uses it.
    LastTry,
    /// A question of the token's own, answered by OK or C: digits, change of the PIN, a phone to forget.
    Confirm,
    /// A message that OK, or any key, takes away.
    Acknowledge,
    /// Nothing.
    Nothing,
}

/// Titles of orders.
const ORDERS: [&str; 4] = ["转账", "TRANSFER", "下载证书", "CERTIFICATE"];

impl Page {
    /// The text of a screen.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, lines joined by U+000A.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.split('\n')
    }

    /// Lines 2 to 5, without the empty ones.
    pub fn content(&self) -> impl Iterator<Item = &str> {
        self.lines().skip(1).take(4).filter(|line| !line.is_empty())
    }

    /// What it says somewhere.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        self.0.contains(text)
    }

    /// Number of this page of an order, and how many there are.
    #[must_use]
    pub fn number(&self) -> Option<(u8, u8)> {
        let mut words = self.lines().next()?.split_whitespace();
        let title = words.next()?;
        let (at, of) = words.next()?.split_once('/')?;
        ORDERS.contains(&title).then_some(())?;
        Some((at.parse().ok()?, of.parse().ok()?))
    }

    /// Six digits that stand alone on a line.
    #[must_use]
    pub fn digits(&self) -> Option<&str> {
        self.content().map(str::trim).find(|line| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit()))
    }

    /// What it asks for.
    #[must_use]
    pub fn ask(&self) -> Ask {
        if let Some((at, of)) = self.number() {
            return if at == of { Ask::Decide } else { Ask::TurnPage };
        }
        let keys = self.lines().nth(5).unwrap_or_default();
        let left = |zh: &str, en: &str| keys.starts_with(zh) || keys.starts_with(en);
        if left("OK用最后一次", "OK use it") {
            Ask::LastTry
        } else if left("OK回到订单", "OK back to order") {
            let wrong = self.says("PIN错误") || self.says("Wrong PIN");
            if wrong { Ask::PinWrong } else { Ask::PinMissing }
        } else if left("OK是", "OK yes") {
            Ask::Confirm
        } else if keys.starts_with("OK知道了") || keys.trim_end() == "OK" {
            Ask::Acknowledge
        } else {
            Ask::Nothing
        }
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_by_their_keys() {
        let order = Page::new("转账                 1/5\n金额 CNY 1.00\n\n\n\n↓下页             C拒绝");
        assert_eq!((order.number(), order.ask()), (Some((1, 5)), Ask::TurnPage));
        let last = Page::new("TRANSFER             5/5\nOrder\n\n\n\nOK approve      C reject");
        assert_eq!((last.number(), last.ask()), (Some((5, 5)), Ask::Decide));
        let phones = Page::new("手机 1/2\n小李的手机\n\n\n\n↑↓下一部 OK删除   C返回");
        assert_eq!((phones.number(), phones.ask()), (None, Ask::Nothing));
        let wrong = Page::new("PIN\nPIN错误\n剩余次数: 3\n请在手机上重新输入\n\nOK回到订单        C拒绝");
        assert_eq!(wrong.ask(), Ask::PinWrong);
        let digits = Page::new(
            "配对手机\n         042817\n小李的手机\n与手机上的数字一致吗?\n\nOK是               C否",
        );
        assert_eq!((digits.digits(), digits.ask()), (Some("042817"), Ask::Confirm));
    }
}
