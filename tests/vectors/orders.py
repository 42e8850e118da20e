"""The orders whose pages are in the vectors. Each is valid; what is special about it is its name."""

from keys import random, uuid4
from statements import BANK, CERTIFICATE, DAY, NOON, TRANSFER
from text import account_refusal, make_card, make_iban, refusal

MOST_AMOUNT = 999_999_999_999_999
REALISTIC = {
    "debtor_account": "6222021001116245702",
    "creditor_name": "杭州西湖龙井茶业有限公司",
    "creditor_account": "6217001210024455220",
    "scheme": 1,
    "creditor_agent": "中国建设银行杭州分行",
    "amount": 1_234_567,
    "currency": "CNY",
    "exponent": 2,
    "name_check": 1,
    "execution_date": 0,
    "remittance": "货款 合同2026-1107号",
}
SHORT = REALISTIC | {
    "debtor_account": "10020030040050",
    "creditor_name": "张三",
    "creditor_account": "622848001",
    "creditor_agent": "ICBC",
    "amount": 100,
    "remittance": "",
}
DE = make_iban("DE", "500105175407324931")
MALTA = make_iban("MT", "MALT011000012345MTLCAST001S")
LONGEST_IBAN = make_iban("LC", "HEMM" + "0001000100120012000230151234"[:26])
CARD = make_card("622588013777891234")
SHORT_CARD = make_card("50123456789")


def without(fields, *names):
    return {key: value for key, value in fields.items() if key not in names}


def sheet(character, count):
    return character * count


TRANSFERS = [
    ("realistic", REALISTIC, {}),
    ("short-lines", SHORT, {}),
    ("iban-22", {"creditor_account": DE, "scheme": 2, "creditor_name": "Müller GmbH", "currency": "EUR"}, {}),
    ("iban-31", {"creditor_account": MALTA, "scheme": 2, "currency": "EUR"}, {}),
    ("iban-34", {"creditor_account": LONGEST_IBAN, "scheme": 2, "currency": "USD"}, {}),
    ("card-19", {"creditor_account": CARD, "scheme": 3}, {}),
    ("card-12", {"creditor_account": SHORT_CARD, "scheme": 3}, {}),
    ("account-1-character", {"creditor_account": "7"}, {}),
    ("account-16-fills-the-line", {"creditor_account": "1234567890123456"}, {}),
    ("account-17-goes-below", {"creditor_account": "12345678901234567"}, {}),
    ("account-20-five-groups", {"creditor_account": "12345678901234567890"}, {}),
    ("account-21-second-line", {"creditor_account": "123456789012345678901"}, {}),
    ("account-letters-34", {"creditor_account": "ABCDEFGHIJKLMNOPQRSTUVWXYZ01234567"}, {}),
    ("exponent-0", {"currency": "JPY", "exponent": 0, "amount": 1_500_000}, {}),
    ("exponent-0-most", {"currency": "KRW", "exponent": 0, "amount": MOST_AMOUNT}, {}),
    ("exponent-2-least", {"amount": 1}, {}),
    ("exponent-2-most", {"amount": MOST_AMOUNT, "charges": MOST_AMOUNT}, {}),
    ("exponent-2-one-group", {"amount": 99_999}, {}),
    ("exponent-2-two-groups", {"amount": 100_000}, {}),
    ("exponent-3", {"currency": "KWD", "exponent": 3, "amount": 1_234_567}, {}),
    ("exponent-3-most", {"currency": "BHD", "exponent": 3, "amount": MOST_AMOUNT}, {}),
    ("exponent-4", {"currency": "CLF", "exponent": 4, "amount": 7}, {}),
    ("exponent-4-most", {"currency": "UYW", "exponent": 4, "amount": MOST_AMOUNT}, {}),
    ("charges", {"charges": 1500}, {}),
    ("charges-long", {"charges": 123_456_789_012}, {}),
    ("name-not-checked", {"name_check": 0}, {}),
    ("name-close-match", {"name_check": 2}, {}),
    ("name-no-match", {"name_check": 3}, {}),
    ("date", {"execution_date": 20261231}, {}),
    ("date-leap-day", {"execution_date": 20280229}, {}),
    ("beside", {"beside": uuid4("the open one")}, {}),
    ("paid-before-3-min-earlier", {}, {"paid_before": -185}),
    ("paid-before-same-second", {}, {"paid_before": 0}),
    ("paid-before-59-s", {}, {"paid_before": -59}),
    ("paid-before-a-day-earlier", {}, {"paid_before": -DAY}),
    ("paid-before-later", {}, {"paid_before": 240}),
    ("paid-before-59-s-later", {}, {"paid_before": 59}),
    ("paid-before-and-beside", {"beside": uuid4("the open one")}, {"paid_before": -720}),
    ("look-alike-greek", {"creditor_name": "ΑΡΡΙΕ"}, {}),
    ("look-alike-greek-lower", {"remittance": "νομοι 12"}, {}),
    ("look-alike-cyrillic", {"creditor_name": "АРРЛЕ"}, {}),
    ("look-alike-full-width-letters", {"creditor_name": "Ｂank ａ"}, {}),
    ("look-alike-full-width-digit", {"remittance": "合同１号"}, {}),
    ("look-alike-roman-numeral", {"creditor_name": "李Ⅳ", "creditor_agent": "第ⅹ分行"}, {}),
    ("look-alike-agent-long", {"creditor_agent": "Аб " * 13 + "Аб"}, {}),
    ("look-alike-continued", {"remittance": "Привет мир " * 6 + "Привет"}, {}),
    ("full-width-sign-is-no-look-alike", {"creditor_name": "甲（乙）＆丙"}, {}),
    ("name-140-bytes", {"creditor_name": sheet("浙", 46) + "AB"}, {}),
    ("remittance-140-bytes", {"remittance": sheet("费", 46) + "12"}, {}),
    ("remittance-140-ascii", {"remittance": "Invoice 2026-1107 " * 7 + "paid in full."}, {}),
    ("name-and-remittance-140", {"creditor_name": sheet("浙", 46) + "AB", "remittance": "ab " * 46 + "cd"}, {}),
    ("agent-70-bytes", {"creditor_agent": sheet("行", 23) + "A"}, {}),
    ("run-of-24", {"creditor_name": "ABCDEFGHIJKLMNOPQRSTUVWX"}, {}),
    ("run-moves-to-next-line", {"creditor_name": "上海ABCDEFGHIJKLMNOPQRSTUV茶行"}, {}),
    ("runs-of-13", {"remittance": "abcdefghijklm " * 9 + "nopqrstuvwxyz"}, {}),
    ("run-after-wide-leaves-a-cell", {"remittance": "a" + sheet("茶", 11) + "叶b水"}, {}),
    ("space-at-line-end", {"remittance": "ABCDEFGHIJKLMNOPQRSTUVW XYZ"}, {}),
    ("space-at-line-start", {"remittance": "ABCDEFGHIJKLMNOPQRSTUVWX YZ"}, {}),
    ("wide-does-not-fit-last-cell", {"remittance": "ABCDEFGHIJKLMNOPQRSTUVW茶YZ"}, {}),
    ("punctuation-breaks", {"remittance": "a.b,c-d/e:f;g(h)i+j=k_l*m'n\"o!p?q@r#s$t%u&v<w>x~y"}, {}),
    ("value-fits-beside-label-exactly", {"creditor_name": "ABCDEFGHIJKLMNOPQ", "remittance": "abcdefghijklmnopqrs"}, {}),
    ("value-one-too-long-for-label", {"creditor_name": "ABCDEFGHIJKLMNOPQR", "remittance": "abcdefghijklmnopqrst"}, {}),
    ("four-lines", {"remittance": sheet("款", 36)}, {}),
    ("five-lines", {"remittance": sheet("款", 37)}, {}),
    ("continued-and-next-block-fits", {"remittance": sheet("款", 46)}, {}),
    ("kana-and-han", {"creditor_name": "株式会社トヨタ·カローラ"}, {}),
    ("bopomofo-and-han", {"creditor_name": "ㄅㄆㄇ公司"}, {}),
    ("pinyin-letters", {"creditor_name": "Lǐ Míng"}, {}),
    ("extension-a-and-new-han", {"creditor_name": "㐀䶵鿯"}, {}),
    ("symbols", {"remittance": "①㈠℃№※→★■「」…—￥€"}, {}),
    ("bank-id-11", {}, {"bank": "USHDCNBJXXX"}),
    ("remittance-empty", {"remittance": ""}, {}),
]
CERTIFICATES = [
    ("pay", {"role": 1, "customer": "张三", "reference": "KH-2026-000117"}, {}),
    ("login", {"role": 2, "customer": "张三", "reference": "KH-2026-000117"}, {}),
    ("customer-140", {"role": 1, "customer": sheet("客", 46) + "A1", "reference": "A" * 24 + "-" + "B" * 10}, {}),
    ("customer-look-alike", {"role": 2, "customer": "Иванов Пётр", "reference": "Ａ1"}, {}),
    ("customer-english", {"role": 1, "customer": "Anna Schmidt and Partners, Notaries", "reference": "1"}, {}),
]


def order(label, operation, fields, addressee, bank=BANK, issued=NOON, life=900):
    return {
        "bank": bank, "addressee": addressee, "id": uuid4(label), "challenge": random("challenge: " + label, 32),
        "issued": issued, "expires": issued + life, "operation": operation, "fields": fields,
    }


def check(fields):
    """The cases are good orders: refuse to make a vector of one that is not."""
    for name in ("creditor_name", "creditor_agent", "remittance", "customer", "reference"):
        value = fields.get(name, "")
        assert refusal(value) is None, (name, value, refusal(value))
        limit = {"creditor_agent": 70, "reference": 35}.get(name, 140)
        assert len(value.encode()) <= limit, (name, len(value.encode()))
    if "scheme" in fields:
        assert account_refusal(fields["creditor_account"], fields["scheme"]) is None, fields
        assert account_refusal(fields["debtor_account"], 1) is None


def cases(pay_id, device_id):
    """(name, order, paid_before or None)"""
    for index, (name, changes, extra) in enumerate(TRANSFERS):
        fields = REALISTIC | changes
        check(fields)
        issued = NOON + 60 * index
        made = order("transfer " + name, TRANSFER, fields, pay_id, extra.get("bank", BANK), issued)
        before = None
        if "paid_before" in extra:
            before = {"id": uuid4("paid before " + name), "issued": issued + extra["paid_before"]}
        yield "transfer-" + name, made, before
    for name, fields, _ in CERTIFICATES:
        check(fields)
        yield "certificate-" + name, order(
            "certificate " + name, CERTIFICATE, fields, device_id, life=7 * DAY), None
