"""Makes the vectors of docs/protocol.md. Usage: python3 generate.py NEW_FILE.json

Shares no code with the Rust crates. Deterministic: the same file every time, and it refuses to overwrite one.
"""

import json
import sys

import bad
import certificates
import cose
import orders
import pages
import pin
import text
import transcripts
from keys import H, Key, random
from statements import (
    NOON, attestation, authorization, bankkey, device_statement, order_map, payload, readable, receipt,
)

LABELS = [
    "device", "dh", "pay", "login", "next-pay", "phone", "other-phone", "root", "other-root", "order-transfer",
    "order-certificate", "order-both", "order-other", "receipt", "maker-root", "maker-issuer", "maker-stranger", "bank-ca",
    "phone-e-xx", "token-e-xx", "phone-e-kk", "token-e-kk",
]
DEVICE_ID = random("device id", 16)


class World:
    """All keys, and the statements that other parts of the vectors need."""

    def __init__(self):
        self.keys = {label: Key(label) for label in LABELS}
        self.device_id = DEVICE_ID
        self.statements = []
        self.by_name = {}
        self.cases = list(orders.cases(self.keys["pay"].key_id, DEVICE_ID))
        self.via = H(self.keys["phone"].public)[:8]

    def state(self, name, tag, key, fields):
        made = cose.statement(name, tag, self.keys[key], payload(fields), readable(fields))
        self.statements.append(made)
        self.by_name[name] = made | {"map": fields, "raw": bytes.fromhex(made["cose"])}
        return self.by_name[name]


def order_key(order):
    return "order-transfer" if order["operation"] == 1 else "order-certificate"


def make_statements(world):
    keys = world.keys
    for name, key, purposes, epoch in [
        ("bankkey-transfer", "order-transfer", [1], 7), ("bankkey-certificate", "order-certificate", [5], 7),
        ("bankkey-both", "order-both", [1, 5], 8), ("bankkey-reset", "order-other", [8, 12], 1),
        ("bankkey-receipt", "receipt", [0], 3), ("bankkey-epoch-most", "order-both", [2, 3, 4, 6, 7, 9, 10, 11], 2**32 - 1),
    ]:
        world.state(name, "bankkey", "root", bankkey(keys[key], purposes, epoch))
    world.state("bankkey-one-second", "bankkey", "root", bankkey(keys["order-both"], [1], 9) | {9: bankkey(keys["order-both"], [1])[8] + 1})
    world.state("bankkey-bank-id-11", "bankkey", "root", bankkey(keys["order-both"], [1], 7, bank="USHDCNBJXXX"))
    shown = {}
    for name, order, before in world.cases:
        world.state(name, "order", order_key(order), order_map(order))
        shown[name] = pages.render(order, 1, before)
    world.orders = {name: order for name, order, _ in world.cases}
    previous = {}
    for index, (name, tag, key, order_name, counter) in enumerate([
        ("authorization", "approve", "pay", "transfer-realistic", None), ("authorization-second", "approve", "pay", "transfer-iban-22", None),
        ("authorization-third", "approve", "pay", "transfer-charges", None), ("authorization-counter-65535", "approve", "pay", "transfer-beside", 65_535),
        ("authorization-counter-most", "approve", "pay", "transfer-date", 2**32 - 1),
        ("rejection", "reject", "device", "transfer-name-no-match", None), ("rejection-second", "reject", "device", "certificate-login", None),
    ]):
        order = world.orders[order_name]
        last_hash, last = previous.get(key, (bytes(32), 0))
        counter = counter or last + 1
        fields = authorization(
            order, bytes.fromhex(world.by_name[order_name]["hash"]), pages.digest(shown[order_name]), len(shown[order_name]), counter,
            last_hash, 0 if tag == "reject" else 1 + index % 2, world.via, random("nonce " + name, 8))
        made = world.state(name, tag, key, fields)
        previous[key] = bytes.fromhex(made["hash"]), counter
    login = authorization(
        {"operation": 4, "id": orders.uuid4("login")}, random("login order hash", 32), random("login pages", 32), 2, 1, bytes(32), 1, world.via,
        random("nonce login", 8))
    world.state("login-approval", "login", "login", login)
    for role, name in ((1, "pay"), (2, "login")):
        case = f"certificate-{name}"
        request = certificates.request(certificates.subject_of(DEVICE_ID, name), keys[name])
        world.state("attestation-" + name, "attest", "device", attestation(
            world.orders[case], bytes.fromhex(world.by_name[case]["hash"]), pages.digest(shown[case]), len(shown[case]), 1, role,
            keys[name].public, request, world.via))
    world.state("device-statement", "device", "device", device_statement(DEVICE_ID, keys["dh"].public))
    for index, (outcome, name, reason) in enumerate([
        (1, "executed", 0), (2, "rejected", 0), (3, "expired", 0), (4, "cancelled", 0), (5, "refused", 0x102)]):
        case = world.cases[index][0]
        world.state("receipt-" + name, "receipt", "receipt", receipt(
            world.orders[case]["id"], bytes.fromhex(world.by_name[case]["hash"]), outcome, NOON + 95 + 60 * index, reason))


def make_pages(world):
    for name, order, before in world.cases:
        for profile in (1, 2):
            made = pages.render(order, profile, before)
            yield {
                "name": name, "profile": profile, "order": name,
                "paid_before": before and {"order_id": before["id"].hex(), "issued": before["issued"]},
                "count": len(made), "pages": made, "digest": pages.digest(made).hex(),
            }


def make_unshowable(world):
    keys = world.keys
    for index, (name, changes, field) in enumerate([
        ("run-of-25", {"creditor_name": "ABCDEFGHIJKLMNOPQRSTUVWXY"}, "10.2"),
        ("remittance-run-of-140", {"remittance": "a" * 140}, "10.12"),
        ("agent-run-of-70", {"creditor_agent": "9" * 70}, "10.5"),
        ("run-of-25-after-han", {"remittance": "茶" + "a" * 25 + "茶"}, "10.12"),
    ]):
        order = orders.order("unshowable " + name, 1, orders.REALISTIC | changes, keys["pay"].key_id)
        try:
            pages.render(order, 1)
        except pages.Unshowable:
            made = payload(order_map(order))
            yield {"name": name, "field": field, "payload": made.hex(), "cose": cose.sign1("order", keys["order-transfer"], made).hex()}
            continue
        raise AssertionError(name)


def make_bad(world):
    keys, by_name = world.keys, world.by_name
    realistic = by_name["transfer-realistic"]["map"]
    download = by_name["certificate-pay"]["map"]
    simple = [
        ("bankkey", "bankkey", "root", by_name["bankkey-transfer"]["map"]),
        ("order", "order", "order-transfer", realistic),
        ("authorization", "approve", "pay", by_name["authorization-second"]["map"]),
        ("attestation", "attest", "device", by_name["attestation-pay"]["map"]),
        ("device-statement", "device", "device", by_name["device-statement"]["map"]),
        ("receipt", "receipt", "receipt", by_name["receipt-executed"]["map"]),
    ]
    with_charges = realistic | {10: realistic[10] | {9: 1500}}
    payloads, envelopes, signatures = [], [], []
    for kind, tag, key, fields in simple:
        payloads += bad.statement(kind, tag, keys[key], fields)
        good = payload(fields)
        envelopes += [
            {"statement": kind, "name": name, "reasons": reasons, "cose": data.hex()}
            for name, data, reasons in bad.envelopes(tag, keys[key], good)]
        signatures += [
            {"statement": kind, "tag": cose.TAGS[tag].decode(), "key": key, "name": name, "cose": data.hex()}
            for name, data in bad.signatures(tag, keys[key], good)]
    for base, key, values, optional in (
        (with_charges, "order-transfer", "transfer", (9, 13)), (download, "order-certificate", "certificate", ())):
        wrap = lambda inner, base=base: payload(base | {10: bad.Raw(inner)})
        for made in bad.statement("order", "order", keys[key], base[10], wrap, "10.", optional, values):
            payloads.append(made | {"name": f"{values}-{made['name']}"})
    payloads += bad_points(world)
    return {"payloads": payloads, "envelopes": envelopes, "signatures": signatures}


def bad_points(world):
    """A public key inside a statement that is no point of the curve, and a rejection with a PIN."""
    keys, by_name = world.keys, world.by_name
    point = bad.POINTS_BAD["not-on-the-curve"]
    for kind, tag, key, source, changes, field in [
        ("bankkey", "bankkey", "root", "bankkey-transfer", {5: H(point)[:8], 6: point}, "6"),
        ("attestation", "attest", "device", "attestation-pay", {11: point}, "11"),
        ("device-statement", "device", "device", "device-statement", {4: point}, "4"),
        ("authorization", "reject", "device", "rejection", {9: 1}, "9"),
    ]:
        made = payload(by_name[source]["map"] | changes)
        yield {"statement": kind, "name": "changed-" + field, "reason": "bad-value", "field": field, "or": [],
               "payload": made.hex(), "cose": cose.sign1(tag, keys[key], made).hex()}


def make_edges(world):
    """Signed orders on which protocol.md is silent or has two readings. All that is promised: no panic, no overflow."""
    keys = world.keys
    realistic, top = order_map(world.orders["transfer-realistic"]), 2**64 - 1
    for name, fields in [
        ("times at the end of u64", realistic | {7: top - 10, 8: top}),
        ("expires + 600 overflows", realistic | {7: top - 900, 8: top - 1}),
        ("issued 0", realistic | {7: 0, 8: 900}),
        ("larger than 1,024 bytes", realistic | {10: realistic[10] | {12: "a " * 400 + "b"}}),
        ("bank id of 9 characters", realistic | {3: "USHDCNBJX"}),
        ("operation 2 with the fields of a transfer", realistic | {9: 2}),
        ("addressee is zero", realistic | {4: bytes(16)}),
        ("beside is the order itself", realistic | {10: realistic[10] | {13: realistic[5]}}),
        ("beside is no UUIDv4", realistic | {10: realistic[10] | {13: bytes(16)}}),
        ("date in the past", realistic | {10: realistic[10] | {11: 10101}}),
        ("Greek with a Roman numeral", realistic | {10: realistic[10] | {2: "ΑⅠ"}}),
        ("Greek with an iteration mark", realistic | {10: realistic[10] | {2: "Α々"}}),
        ("radical like a Han character", realistic | {10: realistic[10] | {2: "⺮"}}),
    ]:
        made = payload(fields)
        yield {"name": name, "payload": made.hex(), "cose": cose.sign1("order", keys["order-transfer"], made).hex()}


def make_accounts():
    good = [(c[1]["creditor_account"], c[1].get("scheme", 1)) for c in orders.TRANSFERS if "creditor_account" in c[1]]
    good += [("GB82WEST12345698765432", 2), ("DE89370400440532013000", 2), ("NO9386011117947", 2), ("4111111111111111", 3),
             ("0000", 1), ("ABC", 1), ("BE" + "71096123456769", 2)]
    for account, scheme in good:
        assert text.account_refusal(account, scheme) is None, account
        yield {"account": account, "scheme": scheme, "refusal": None}
    for account, scheme in [*bad.ACCOUNTS_WRONG, ("", 1), ("A" * 35, 1), ("a1", 1), ("12-34", 1), ("12 34", 1), ("１２", 1), ("NO938601111794", 2)]:
        yield {"account": account, "scheme": scheme, "refusal": text.account_refusal(account, scheme)}


def make_currencies():
    for code, exponent, refusal in [
        ("CNY", 2, None), ("JPY", 0, None), ("KWD", 3, None), ("CLF", 4, None), ("XAF", 0, None), ("CNY", 0, "bad-exponent"),
        ("JPY", 2, "bad-exponent"), ("KWD", 2, "bad-exponent"), ("CLF", 0, "bad-exponent"), ("XXX", 2, "unknown-currency"),
        ("BGN", 2, "unknown-currency"), ("cny", 2, "unknown-currency"), ("CNH", 2, "unknown-currency"),
    ]:
        assert (text.CURRENCIES.get(code) == exponent) == (refusal is None)
        yield {"code": code, "exponent": exponent, "refusal": refusal}


def make_document():
    world = World()
    make_statements(world)
    root, chain = certificates.maker_chain(DEVICE_ID, world.keys)
    world.chain = chain
    return {
        "about": "Vectors of docs/protocol.md, version 1. All keys are derived from labels and protect nothing.",
        "dated": "2026-11-22",
        "device_id": DEVICE_ID.hex(),
        "keys": {label: key.entry() for label, key in world.keys.items()},
        "maker": {
            "root": root.hex(), "chain": [der.hex() for der in chain], "brand": certificates.BRAND, "model": "Software U-Shield",
            "bad_chains": [{"name": n, "chain": [der.hex() for der in c]} for n, c in certificates.bad_chains(DEVICE_ID, world.keys)],
        },
        "statements": world.statements,
        "pages": list(make_pages(world)),
        "unshowable": list(make_unshowable(world)),
        "hello": transcripts.hello(),
        "pairing": transcripts.pairing(world),
        "kk": transcripts.reconnect(world),
        "commands": transcripts.commands(world),
        "pin": pin.vectors(),
        "points": bad.points([world.keys["pay"], world.keys["phone"]]),
        "texts": list(bad.texts()),
        "accounts": list(make_accounts()),
        "currencies": list(make_currencies()),
        "bad": make_bad(world),
        "edges": list(make_edges(world)),
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], "x", encoding="utf-8") as file:
        json.dump(make_document(), file, ensure_ascii=False, indent=1)
        file.write("\n")
