"""Fills the ```hex blocks of docs/protocol.md from a vector file. Usage: python3 document.py VECTORS.json protocol.md

Grammar of a block: lines `label: hex`, the hex going on in following lines that are indented by two spaces (empty for no bytes);
in blocks named pages-*, after `... page n:`, six lines `  |text|` instead, the text of one line of the page between the bars.
"""

import json
import re
import sys

WIDTH = 100


def entry(label, data):
    line, rest = f"{label}:", data
    room = (WIDTH - len(line) - 1) // 2 * 2
    out = [f"{line} {rest[:room]}".rstrip()]
    rest = rest[room:]
    while rest:
        out.append("  " + rest[: WIDTH - 2])
        rest = rest[WIDTH - 2 :]
    return out


def block(*entries):
    return [line for label, data in entries for line in entry(label, data)]


def pages_block(vectors, order_block, name):
    lines = entry("order hash", order_block["hash"])
    for locale, profile in (("zh", 1), ("en", 2)):
        made = next(p for p in vectors["pages"] if p["name"] == name and p["profile"] == profile)
        lines += entry(f"{locale} profile", f"{profile:04x}")
        for number, page in enumerate(made["pages"], 1):
            lines.append(f"{locale} page {number}:")
            lines += [f"  |{line}|" for line in page.split("\n")]
        lines += entry(f"{locale} digest", made["digest"])
    return lines


def signed(vectors, name, private=True):
    made = next(s for s in vectors["statements"] if s["name"] == name)
    key = vectors["keys"][made["key"]]
    keys = [("private", key["private"]), ("public", key["public"])] if private else [("public", key["public"])]
    return [*keys, ("payload", made["payload"]), ("hash", made["hash"]), ("cose", made["cose"])]


def transcript(vectors, name, extra):
    part, keys = vectors[name], vectors["keys"]
    entries = []
    for side, role in (("phone", "initiator"), ("token", "responder")):
        for kind in ("static", "ephemeral"):
            entries.append((f"{side} {kind} private", keys[part[role][kind]]["private"]))
    entries += extra
    for message in part["messages"]:
        entries += [(f"{message['name']} plain", message["plain"]), (message["name"], message["message"])]
    return block(*entries, ("handshake hash", part["handshake_hash"]))


def blocks(vectors):
    statement = lambda name: next(s for s in vectors["statements"] if s["name"] == name)
    pairing, kk, pin = vectors["pairing"], vectors["kk"], vectors["pin"]
    commands = vectors["commands"]
    return {
        "hello": block(("idle", vectors["hello"]["idle"]), ("pairing", vectors["hello"]["pairing"])),
        "kk": transcript(vectors, "kk", [("hello nonce", kk["nonce"]), ("k_hint", kk["k_hint"]), ("hint", kk["hint"])]),
        "pairing": transcript(vectors, "pairing", [
            ("nT", pairing["nT"]), ("nP", pairing["nP"]), ("commitment", pairing["commitment"]),
            ("digits", pairing["digits"].encode().hex()), ("k_hint", pairing["k_hint"]), ("k_adv", pairing["k_adv"]),
            ("maker root", vectors["maker"]["root"]),
        ]),
        "commands": block(*((m["name"], m["plain"]) for m in commands["from_phone"] + commands["from_token"])),
        "pin-block": block(*((b["pin"], b["block"]) for b in pin["blocks"] if "pin" in b)),
        "bankkey": block(*signed(vectors, "bankkey-transfer"), ("key private", vectors["keys"]["order-transfer"]["private"])),
        "order-transfer": block(*signed(vectors, "transfer-realistic")),
        "order-certificate": block(*signed(vectors, "certificate-pay")),
        "authorization": block(*signed(vectors, "authorization")),
        "rejection": block(*signed(vectors, "rejection")),
        "attestation": block(*signed(vectors, "attestation-pay")),
        "device-statement": block(*signed(vectors, "device-statement")),
        "receipt": block(*signed(vectors, "receipt-executed")),
        "pages-transfer": pages_block(vectors, statement("transfer-realistic"), "transfer-realistic"),
        "pages-certificate": pages_block(vectors, statement("certificate-pay"), "certificate-pay"),
    }


def fill(document, contents):
    used = set()

    def one(match):
        used.add(match[1])
        return "\n".join([f"```hex {match[1]}", *contents[match[1]], "```"])

    filled = re.sub(r"^```hex ([a-z-]+)\n.*?^```$", one, document, flags=re.DOTALL | re.MULTILINE)
    assert used == set(contents), used ^ set(contents)
    return filled


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        contents = blocks(json.load(file))
    with open(sys.argv[2], encoding="utf-8") as file:
        filled = fill(file.read(), contents)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(filled)
