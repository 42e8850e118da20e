"""The second page renderer: protocol.md section 10, renderer 1, profiles 1 (zh) and 2 (en)."""

import re

from keys import H
from text import look_alike

CELLS = 24
CONTENT = 4
MOST = 32

WORDS = {
    "zh": {
        "transfer": "转账", "certificate": "下载证书", "next": "↓下页", "approve": "OK确认", "reject": "C拒绝",
        "continued": "(续)", "look-alike": " !形近字",
        "amount": "金额", "name": "收款人", "accounts": {1: "账号", 2: "IBAN", 3: "卡号"}, "agent": "开户行",
        "check": "户名核对", "checks": ["未核对", "一致", "近似", "不一致"], "charges": "手续费", "debtor": "付款账号",
        "date": "执行日期", "at once": "立即", "remittance": "附言", "bank": "银行", "order": "订单",
        "use": "用途", "uses": {1: "付款签名", 2: "登录"}, "customer": "客户", "reference": "编号",
        "paid": "注意 重复付款?", "earlier": "早{}分钟的订单已批准", "later": "晚{}分钟的订单已批准",
        "beside": "另一笔相同订单未完成:",
    },
    "en": {
        "transfer": "TRANSFER", "certificate": "CERTIFICATE", "next": "↓next", "approve": "OK approve",
        "reject": "C reject", "continued": " (cont.)", "look-alike": " !look-alike",
        "amount": "Amount", "name": "Payee", "accounts": {1: "Account", 2: "IBAN", 3: "Card"}, "agent": "Payee bank",
        "check": "Name check", "checks": ["not checked", "match", "close match", "NO MATCH"], "charges": "Charges",
        "debtor": "From", "date": "Date", "at once": "at once", "remittance": "Remittance", "bank": "Bank",
        "order": "Order", "use": "Use", "uses": {1: "payments", 2: "login"}, "customer": "Customer",
        "reference": "Reference",
        "paid": "PAID BEFORE? Approved:", "earlier": "order {} min earlier", "later": "order {} min later",
        "beside": "ANOTHER ORDER IS OPEN:",
    },
}
LOCALES = {1: "zh", 2: "en"}


class Unshowable(Exception):
    pass


def cells(line):
    return sum(1 if "\x20" <= c <= "\x7e" else 2 for c in line)


def break_text(value):
    lines, line = [], ""
    for unit in re.findall(" ?(?:[0-9A-Za-z]+|[^ ])", value, re.DOTALL):
        if cells(unit) > CELLS:
            raise Unshowable("unit")
        if cells(line) + cells(unit) > CELLS:
            lines.append(line)
            line = ""
        line += unit
    return [*lines, line]


def account_lines(account):
    groups = [account[i : i + 4] for i in range(0, len(account), 4)]
    return [" ".join(groups[i : i + 5]) for i in range(0, len(groups), 5)]


def amount_text(currency, exponent, amount):
    digits = str(amount).rjust(exponent + 1, "0")
    whole, fraction = (digits[:-exponent], "." + digits[-exponent:]) if exponent else (digits, "")
    return f"{currency} {int(whole):,}{fraction}"


def uuid_lines(order_id):
    h = order_id.hex()
    return [f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-", h[20:]]


def date_text(words, date):
    text = str(date)
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if date else words["at once"]


def block(label, value_lines, mark=""):
    """(label, lines). One line where label, a space and the value fit it and the value is not marked."""
    one = f"{label} {value_lines[0]}"
    if len(value_lines) == 1 and not mark and cells(one) <= CELLS:
        return label, [one]
    return label, [label + mark, *value_lines]


def text_block(words, label, value):
    mark = words["look-alike"] if look_alike(value) else ""
    if not mark and cells(f"{label} {value}") <= CELLS:
        break_text(value)
        return label, [f"{label} {value}"]
    return block(label, break_text(value), mark)


def closing_blocks(words, order):
    return [
        block(words["bank"], [order["bank"]]),
        block(words["order"], uuid_lines(order["id"])),
    ]


def transfer_blocks(words, order, paid_before):
    t = order["fields"]
    blocks = []
    if paid_before:
        difference = order["issued"] - paid_before["issued"]
        when = words["later" if difference < 0 else "earlier"].format(abs(difference) // 60)
        blocks.append((None, [words["paid"], when, *uuid_lines(paid_before["id"])]))
    if "beside" in t:
        blocks.append((None, [words["beside"], *uuid_lines(t["beside"])]))
    money = lambda amount: [amount_text(t["currency"], t["exponent"], amount)]
    blocks += [
        block(words["amount"], money(t["amount"])),
        text_block(words, words["name"], t["creditor_name"]),
        block(words["accounts"][t["scheme"]], account_lines(t["creditor_account"])),
        text_block(words, words["agent"], t["creditor_agent"]),
        block(words["check"], [words["checks"][t["name_check"]]]),
    ]
    if "charges" in t:
        blocks.append(block(words["charges"], money(t["charges"])))
    blocks += [
        block(words["debtor"], account_lines(t["debtor_account"])),
        block(words["date"], [date_text(words, t["execution_date"])]),
    ]
    if t["remittance"]:
        blocks.append(text_block(words, words["remittance"], t["remittance"]))
    return blocks + closing_blocks(words, order)


def certificate_blocks(words, order):
    c = order["fields"]
    return [
        block(words["use"], [words["uses"][c["role"]]]),
        text_block(words, words["customer"], c["customer"]),
        text_block(words, words["reference"], c["reference"]),
        *closing_blocks(words, order),
    ]


def lay_out(words, blocks):
    pages, open_page = [], False
    for label, lines in blocks:
        if len(lines) <= CONTENT:
            if not open_page or len(pages[-1]) + len(lines) > CONTENT:
                pages.append([])
            pages[-1] += lines
            open_page = True
            continue
        pages.append(lines[:CONTENT])
        for start in range(CONTENT, len(lines), CONTENT - 1):
            pages.append([label + words["continued"], *lines[start : start + CONTENT - 1]])
        open_page = False
    return pages


def spread(left, right):
    return left + " " * (CELLS - cells(left) - cells(right)) + right


def render(order, profile, paid_before=None):
    words = WORDS[LOCALES[profile]]
    if order["operation"] == 1:
        title, blocks = words["transfer"], transfer_blocks(words, order, paid_before)
    else:
        title, blocks = words["certificate"], certificate_blocks(words, order)
    contents = lay_out(words, blocks)
    if len(contents) > MOST:
        raise Unshowable("pages")
    pages = []
    for index, content in enumerate(contents, 1):
        left = words["approve" if index == len(contents) else "next"]
        lines = [
            spread(title, f"{index}/{len(contents)}"),
            *content, *[""] * (CONTENT - len(content)),
            spread(left, words["reject"]),
        ]
        assert len(lines) == 6 and all(cells(line) <= CELLS for line in lines), lines
        pages.append("\n".join(lines))
    return pages


def digest(pages):
    return H(b"".join(page.encode() + b"\x0c" for page in pages))
