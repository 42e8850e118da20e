"""Makes the vectors of lines and their ends (section 10). Usage: python3 lines.py NEW_FILE.json

Beside the vectors of 2026-11-22, whose pages of nine orders an older rule made: their orders are here again, with the pages of today.
"""

import json
import sys

import cose
import orders
import pages
from generate import DEVICE_ID, order_key
from keys import Key
from statements import CERTIFICATE, NOON, TRANSFER, order_map, payload

OLDER = "vectors-2026-11-22.json"
SUPERSEDED = [
    "transfer-name-140-bytes", "transfer-remittance-140-bytes", "transfer-remittance-140-ascii",
    "transfer-name-and-remittance-140", "transfer-runs-of-13", "transfer-space-at-line-end", "transfer-five-lines",
    "transfer-continued-and-next-block-fits", "certificate-customer-english",
]
LINE = "ABCDEFG-HIJKLMN-OPQRSTU-"
RUN_23, RUN_24 = "abcdefghijklmnopqrstuvw", "abcdefghijklmnopqrstuvwx"
CERTIFICATE_FIELDS = {"role": 1, "customer": "张三", "reference": "KH-2026-000117"}


def latin(cells):
    return (LINE + "-ABCD-")[:cells]


def han(cells):
    return "茶" * (cells // 2) + "a" * (cells % 2)


def greek(cells):
    return "Ω" * (cells // 2) + "-" * (cells % 2)


def around_the_end():
    """(name, operation, fields that differ) of one order with a space and one without."""
    for script, head in (("latin", latin), ("han", han)):
        for cells in range(20, 27):
            for what, unit in (("run", "Z9z"), ("wide", "号"), ("sign", "&")):
                name = f"{script}-{cells}-{what}"
                yield name, TRANSFER, {"remittance": head(cells) + " " + unit}, {"remittance": head(cells) + unit}
    for cells in range(22, 26):
        name = f"greek-{cells}"
        yield name, TRANSFER, {"creditor_name": greek(cells) + " Α"}, {"creditor_name": greek(cells) + "Α"}
        name = f"full-width-{cells}"
        yield name, TRANSFER, {"creditor_agent": han(cells) + " Ａ"}, {"creditor_agent": han(cells) + "Ａ"}
    for lines in range(2, 6):
        full = LINE * lines
        yield f"continued-latin-{lines}", TRANSFER, {"remittance": full + " end"}, {"remittance": full + "end"}
        yield f"continued-customer-{lines}", CERTIFICATE, {"customer": full + " 行"}, {"customer": full + "行"}
    yield "continued-han", TRANSFER, {"creditor_name": "浙" * 36 + " 江"}, {"creditor_name": "浙" * 36 + "江"}
    yield "continued-agent", TRANSFER, {"creditor_agent": greek(24) * 2 + " Ω"}, {"creditor_agent": greek(24) * 2 + "Ω"}
    yield "reference", CERTIFICATE, {"reference": LINE + " 7"}, {"reference": LINE + "7"}
    beside = "Z" * 17
    yield "beside-the-label", TRANSFER, {"creditor_name": "A " + beside[2:]}, {"creditor_name": "A" + beside[2:]}
    yield "goes-below-the-label", TRANSFER, {"creditor_name": "A " + beside}, {"creditor_name": "A" + beside}


def labels():
    """(name, operation, fields, fields): a label inside a long text, and the next block's."""
    for locale, label in (("zh", "编号"), ("en", "Reference")):
        rest = "Z" * (23 - pages.cells(label))
        for lines in range(1, 6):
            full = LINE * lines
            yield (f"label-{locale}-{lines}", CERTIFICATE,
                   {"customer": full + label, "reference": rest}, {"customer": full, "reference": f"{label} {rest}"})


def alone():
    """(name, operation, fields) without a twin."""
    yield "run-23-after-a-space", TRANSFER, {"remittance": "茶 " + RUN_23}
    yield "run-23-after-a-full-line", TRANSFER, {"remittance": LINE + " " + RUN_23}
    yield "run-23-then-a-space", TRANSFER, {"remittance": RUN_23 + " Z"}
    yield "run-24-then-a-space", TRANSFER, {"remittance": RUN_24 + " Z"}
    yield "run-24-after-no-space", TRANSFER, {"remittance": "茶" + RUN_24}
    yield "runs-of-23", TRANSFER, {"remittance": " ".join([RUN_23] * 5)}
    yield "every-second-a-space", TRANSFER, {"remittance": "a " * 69 + "b"}
    yield "every-second-a-space-han", TRANSFER, {"remittance": "茶 " * 34 + "叶"}
    yield "longer-than-a-page-exactly", TRANSFER, {"remittance": LINE * 4}
    yield "fills-its-last-page", TRANSFER, {"remittance": "款" * 46}


def refused():
    """(name, operation, fields, field)"""
    yield "remittance", TRANSFER, {"remittance": "茶 " + RUN_24}, "10.12"
    yield "remittance-after-a-full-line", TRANSFER, {"remittance": LINE + " " + RUN_24}, "10.12"
    yield "remittance-after-23", TRANSFER, {"remittance": RUN_23 + " " + RUN_24 + " z"}, "10.12"
    yield "name", TRANSFER, {"creditor_name": "A " + RUN_24}, "10.2"
    yield "agent", TRANSFER, {"creditor_agent": "行 " + RUN_24}, "10.5"
    yield "customer", CERTIFICATE, {"customer": "张 " + RUN_24}, "10.2"
    yield "reference", CERTIFICATE, {"reference": "1 " + RUN_24}, "10.3"


class Maker:
    def __init__(self):
        self.keys = {label: Key(label) for label in ("pay", "order-transfer", "order-certificate")}
        self.made, self.pages = [], []

    def order(self, name, operation, fields):
        base, addressee = (
            (orders.REALISTIC, self.keys["pay"].key_id) if operation == TRANSFER else (CERTIFICATE_FIELDS, DEVICE_ID))
        orders.check(base | fields)
        return orders.order(name, operation, base | fields, addressee, issued=NOON + 6 * orders.DAY)

    def signed(self, order):
        return cose.sign1("order", self.keys[order_key(order)], payload(order_map(order))).hex()

    def add(self, name, order):
        self.made.append({"name": name, "key": order_key(order), "cose": self.signed(order)})
        for profile in (1, 2):
            shown = pages.render(order, profile)
            self.pages.append({
                "name": name, "profile": profile, "count": len(shown), "pages": shown, "digest": pages.digest(shown).hex()})

    def twins(self, cases):
        """Orders that differ in nothing but these fields: one id, two pictures."""
        for name, operation, *both in cases:
            pair = [f"{name}-one", f"{name}-other"]
            for each, fields in zip(pair, both):
                self.add(each, self.order(name, operation, fields))
            yield pair

    def unshowable(self):
        for name, operation, fields, field in refused():
            order = self.order("refused " + name, operation, fields)
            for profile in (1, 2):
                try:
                    pages.render(order, profile)
                except pages.Unshowable:
                    continue
                raise AssertionError(name)
            yield {"name": name, "field": field, "key": order_key(order), "cose": self.signed(order)}


def make_document():
    maker = Maker()
    older = {name: order for name, order, _ in orders.cases(maker.keys["pay"].key_id, DEVICE_ID)}
    for name in SUPERSEDED:
        maker.add(name, older[name])
    twins = [*maker.twins(around_the_end()), *maker.twins(labels())]
    for name, operation, fields in alone():
        maker.add(name, maker.order(name, operation, fields))
    return {
        "about": "Vectors of docs/protocol.md, section 10: lines and their ends. The keys are those of " + OLDER + ".",
        "dated": "2026-11-28",
        "supersedes": {"file": OLDER, "pages": SUPERSEDED},
        "orders": maker.made, "pages": maker.pages, "twins": twins, "unshowable": list(maker.unshowable()),
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], "x", encoding="utf-8") as file:
        json.dump(make_document(), file, ensure_ascii=False, indent=1)
        file.write("\n")
