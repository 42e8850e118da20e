//! The transfers of the story, and what their pages have to say.

use serde_json::Value;
use ushield_protocol::message::Kind;

use crate::demo::failure::Failure;
use crate::demo::summary::{Decision, Meant};
use crate::pages::Page;
use crate::proxy::{Seen, Way};

/// BIC.
pub(super) const BANK_ID: &str = "USHDCNBJ";
/// The customer's name at the bank.
pub(super) const CUSTOMER: &str = "张三";
/// The customer's account.
pub(super) const ACCOUNT: &str = "6222021001116245702";
/// Its first balance in minor units.
pub(super) const BALANCE: i64 = 5_000_000;

/// A transfer as it is meant.
pub(super) struct Order {
    pub(super) title: &'static str,
    pub(super) asks: &'static str,
    payee: &'static str,
    account: &'static str,
    agent: &'static str,
    /// As typed.
    amount: &'static str,
    /// As the token has to show it.
    shown: &'static str,
    minor: i64,
    text: &'static str,
    pub(super) decision: Decision,
    pub(super) cut: bool,
}

/// (a), (b) and (c).
pub(super) static ORDERS: [Order; 3] = [
    Order {
        title: "A transfer: read on the token's screen, approved there",
        asks: "  Read every page on the token and press OK on the last one.",
        payee: "杭州西湖龙井茶业有限公司",
        account: "6217001210024455220",
        agent: "中国建设银行杭州分行",
        amount: "12345.67",
        shown: "CNY 12,345.67",
        minor: 1_234_567,
        text: "货款 合同2026-1107号",
        decision: Decision::Approved,
        cut: false,
    },
    Order {
        title: "A transfer that the customer does not want: rejected on the token",
        asks: "  Press C on the token (Esc): you do not want this one.",
        payee: "云南普洱茶贸易有限公司",
        account: "6228480402564890018",
        agent: "中国农业银行昆明分行",
        amount: "9999.00",
        shown: "CNY 9,999.00",
        minor: 999_900,
        text: "不认识的收款人",
        decision: Decision::Rejected,
        cut: false,
    },
    Order {
        title: "A transfer whose answer never reaches the phone: approved, link cut, phone killed, resumed",
        asks: "  Read every page on the token and press OK on the last one.",
        payee: "苏州碧螺春茶叶合作社",
        account: "6212261202011584349",
        agent: "中国工商银行苏州分行",
        amount: "2600.50",
        shown: "CNY 2,600.50",
        minor: 260_050,
        text: "春茶预付款",
        decision: Decision::Approved,
        cut: true,
    },
];

/// What an order's pages have to say, and what is decided.
pub(super) struct Expected {
    parts: Vec<String>,
    pub(super) decision: Decision,
    pub(super) cut: bool,
}

impl Order {
    /// Arguments of `ushield`.
    pub(super) fn arguments(&self) -> [&'static str; 15] {
        [
            "transfer",
            "--from",
            ACCOUNT,
            "--to",
            self.account,
            "--name",
            self.payee,
            "--agent",
            self.agent,
            "--amount",
            self.amount,
            "--currency",
            "CNY",
            "--text",
            self.text,
        ]
    }

    /// What its pages have to say: what was ordered, in the words of the protocol, made up here and not taken from the phone.
    pub(super) fn plan(&self) -> Expected {
        let parts = [
            format!("金额 {}", self.shown),
            format!("收款人 {}", self.payee),
            format!("账号 {}", self.account),
            format!("开户行 {}", self.agent),
            "户名核对 未核对".to_owned(),
            format!("付款账号 {ACCOUNT}"),
            "执行日期 立即".to_owned(),
            format!("附言 {}", self.text),
            format!("银行 {BANK_ID}"),
            "订单".to_owned(),
        ];
        Expected { parts: parts.map(|part| squeeze(&part)).into(), decision: self.decision, cut: self.cut }
    }

    /// What has to come of it.
    pub(super) fn meant(&self) -> Meant {
        Meant { amount: self.minor, decision: self.decision, cut: self.cut, exact: true }
    }
}

/// The order for the certificate.
pub(super) fn certificate() -> Expected {
    let parts = [
        "用途 付款签名".to_owned(),
        format!("客户 {CUSTOMER}"),
        "编号".to_owned(),
        format!("银行 {BANK_ID}"),
    ];
    Expected { parts: parts.map(|part| squeeze(&part)).into(), decision: Decision::Approved, cut: false }
}

impl Expected {
    /// Whether the pages say all of it, in this order, and end with the order's id.
    pub(super) fn check(&self, pages: &[Page], order_id: &str) -> Result<(), String> {
        let said: String = pages.iter().flat_map(Page::content).map(squeeze).collect();
        let id = squeeze(order_id);
        let mut rest = said.as_str();
        for part in self.parts.iter().chain([&id]) {
            let at =
                rest.find(part.as_str()).ok_or_else(|| format!("its pages say {said:?}, not {part:?}"))?;
            rest = rest.get(at.saturating_add(part.len())..).unwrap_or_default();
        }
        if rest.is_empty() { Ok(()) } else { Err(format!("behind the order's id its pages say {rest:?}")) }
    }
}

/// Without the spaces and line breaks of the layout.
fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// The one order of a resume's result.
pub(super) fn only(result: &Value, order_id: &str) -> Result<Value, Failure> {
    match result.get("orders").and_then(Value::as_array).map(Vec::as_slice) {
        Some([one]) if one.get("order_id").and_then(Value::as_str) == Some(order_id) => Ok(one.clone()),
        _ => Err(Failure::Nonsense { who: "the phone", what: result.to_string() }),
    }
}

/// Exchanges and bytes of K1, K2, T1, event and T2: counted on the line, and the phone has to have counted the same.
pub(super) fn cost(seen: &[Seen], result: &Value) -> Result<(usize, usize), Failure> {
    let counted =
        |message: &&Seen| matches!(message.kind, Some(Kind::Connect | Kind::Sealed)) && message.passed;
    let exchanges = seen.iter().filter(counted).filter(|message| message.way == Way::ToToken).count();
    let bytes = seen.iter().filter(counted).map(|message| message.body.len()).sum();
    let said = |member: &str| result.pointer(&format!("/cost/{member}")).and_then(Value::as_u64);
    let number = |count: usize| u64::try_from(count).ok();
    if said("exchanges") == number(exchanges) && said("bytes") == number(bytes) {
        return Ok((exchanges, bytes));
    }
    let says = result.get("cost").unwrap_or(&Value::Null);
    let differs = format!("the line carried {exchanges} exchanges and {bytes} bytes, the phone says {says}");
    Err(Failure::Deviations(vec![differs]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "18f234df-2d91-4724-890c-d2e45466180d";

    fn pages(amount: &str, account: &str) -> Vec<Page> {
        let lines = [
            format!("转账 1/4\n金额 {amount}\n收款人\n杭州西湖龙井茶业有限公司\n\n"),
            format!("转账 2/4\n账号\n{account}\n开户行\n中国建设银行杭州分行\n"),
            "转账 3/4\n户名核对 未核对\n付款账号\n6222 0210 0111 6245 702\n执行日期 立即\n".to_owned(),
            "转账 4/4\n附言\n货款 合同2026-1107号\n银行 USHDCNBJ\n\n".to_owned(),
            "转账 5/5\n订单\n18f234df-2d91-4724-890c-\nd2e45466180d\n\n".to_owned(),
        ];
        lines.map(Page::new).into()
    }

    #[test]
    fn pages_that_say_what_was_ordered_pass_and_others_do_not() {
        let [first, ..] = &ORDERS;
        let plan = first.plan();
        let good = pages("CNY 12,345.67", "6217 0012 1002 4455 220");
        assert_eq!(plan.check(&good, ID), Ok(()));
        for (amount, account) in [
            ("CNY 12,345.68", "6217 0012 1002 4455 220"),
            ("CNY 112,345.67", "6217 0012 1002 4455 220"),
            ("CNY 12,345.67", "6217 0012 1002 4455 221"),
            ("CNY 12,345.67", "6217 0012 1002 4455"),
        ] {
            assert!(plan.check(&pages(amount, account), ID).is_err(), "{amount} {account}");
        }
        assert!(plan.check(&good, "28f234df-2d91-4724-890c-d2e45466180d").is_err());
        assert!(plan.check(good.get(1..).unwrap_or_default(), ID).is_err());
    }
}
