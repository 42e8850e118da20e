"""Framing over Bluetooth LE, NFC and USB: protocol.md sections 2.1 and 2.2, written from the document alone.

Usage: python3 links.py NEW.json [protocol.md]     makes the vectors, and fills the document's blocks advertisement, fragments and apdus.
"""

import json
import re
import sys

from document import block
from keys import mac, random

AID = b"\xf0USHIELD\x01"
SERVICE = bytes.fromhex("e5a100017cd24e0f9b3a5553484c4401")
SEALED = 3


def fragments(write, kind, number, acknowledges, body):
    """The writes that carry a message."""
    first = body[: write - 3]
    word = acknowledges << 12 | len(body) % 4096
    out = [bytes([0b1_000_0000 | kind << 4 | number]) + word.to_bytes(2, "big") + first]
    rest = body[len(first) :]
    for index in range(1, 255):
        if not rest:
            return out
        out.append(bytes([number, index]) + rest[: write - 2])
        rest = rest[write - 2 :]
    raise ValueError("too long")


def keep_alive(last, acknowledges):
    return bytes([0b1_101_0000 | last]) + (acknowledges << 12).to_bytes(2, "big")


def nack(number, index):
    return bytes([0b1_110_0000 | number, index])


def ack(number):
    return bytes([0b1_111_0000 | number])


def advertisement(data):
    return bytes.fromhex("020106") + bytes([17, 7]) + SERVICE[::-1] + bytes.fromhex("09ffffff") + data


def tag(key, r):
    return r + mac(key, b"USHIELD-ADV-v1" + r)[:3]


def select():
    return bytes.fromhex("00a40400") + bytes([len(AID)]) + AID + b"\0"


def message(kind, body, extended=False):
    if extended:
        return [bytes([0x80, 0xC2, kind, 0, 0]) + len(body).to_bytes(2, "big") + body + b"\0\0"]
    parts = [body[at : at + 255] for at in range(0, len(body), 255)]
    out = [bytes([0x90, 0xC2, kind, 0, len(part)]) + part for part in parts[:-1]]
    return out + [bytes([0x80, 0xC2, kind, 0, len(parts[-1])]) + parts[-1] + b"\0"]


def answer(data):
    """An answer, and what GET RESPONSE brings: pairs of (command or nothing, data and status)."""
    head, rest = data[:256], data[256:]
    out = [(None, head)]
    statuses = []
    while rest:
        left = min(len(rest), 256) % 256
        statuses.append(bytes([0x61, left]))
        out.append((bytes([0x00, 0xC0, 0, 0, left]), rest[:256]))
        rest = rest[256:]
    statuses.append(b"\x90\x00")
    return [(command, part + status) for (command, part), status in zip(out, statuses)]


def made():
    adv, r = random("k_adv of links", 32), random("r of links", 3)
    bodies = {length: random(f"body of {length}", length) for length in (1, 17, 18, 35, 36, 76, 255, 256, 400, 510, 511, 4096)}
    return {
        "advertisement": {
            "k_adv": adv.hex(), "r": r.hex(), "tag": tag(adv, r).hex(), "paired": advertisement(tag(adv, r)).hex(),
            "open": advertisement(bytes(6)).hex(), "pairing": advertisement(bytes(5) + b"\1").hex(),
        },
        "fragments": [
            {"write": write, "kind": kind, "number": number, "acknowledges": acknowledges, "body": body.hex(),
             "fragments": [f.hex() for f in fragments(write, kind, number, acknowledges, body)]}
            for write in (20, 182, 512) for body in bodies.values()
            for kind, number, acknowledges in ((1, 0, 15), (SEALED, 5, 2))
        ],
        "signals": [
            *({"name": "keep-alive", "number": n, "acknowledges": a, "bytes": keep_alive(n, a).hex()} for n in range(16) for a in range(16)),
            *({"name": "nack", "number": n, "index": i, "bytes": nack(n, i).hex()} for n in range(16) for i in (0, 1, 228, 255)),
            *({"name": "ack", "number": n, "bytes": ack(n).hex()} for n in range(16)),
        ],
        "select": select().hex(),
        "poll": "80c2000000",
        "messages": [
            {"kind": kind, "body": body.hex(), "short": [c.hex() for c in message(kind, body)], "extended": message(kind, body, True)[0].hex()}
            for body in bodies.values() for kind in (1, 2, SEALED)
        ],
        "answers": [
            {"data": body.hex(), "exchanges": [{"command": c and c.hex(), "answer": a.hex()} for c, a in answer(body)]}
            for body in bodies.values()
        ],
    }


def blocks(vectors):
    adv = vectors["advertisement"]
    example = next(f for f in vectors["fragments"] if f["write"] == 20 and len(f["body"]) == 2 * 36 and f["number"] == 5)
    long = next(m for m in vectors["messages"] if len(m["body"]) == 2 * 256 and m["kind"] == SEALED)
    told = next(a for a in vectors["answers"] if len(a["data"]) == 2 * 400)
    return {
        "advertisement": block(("k_adv", adv["k_adv"]), ("r", adv["r"]), ("paired", adv["paired"]), ("no phone", adv["open"]), ("pairing mode", adv["pairing"])),
        "fragments": block(
            ("write size", f"{20:04x}"), ("kind", "03"), ("number", "05"), ("acknowledges", "02"), ("body", example["body"]),
            *((f"fragment {i}", f) for i, f in enumerate(example["fragments"])),
            ("keep-alive, last 5, acknowledges 2", keep_alive(5, 2).hex()), ("NACK of message 5, fragment 1", nack(5, 1).hex()),
            ("NACK of all of message 5", nack(5, 255).hex()), ("ACK of message 5", ack(5).hex()),
        ),
        "apdus": block(
            ("select", vectors["select"]), ("poll", vectors["poll"]), ("message of 256", long["body"]),
            *((f"short command {i}", c) for i, c in enumerate(long["short"])), ("extended command", long["extended"]),
            ("answer of 400", told["data"]),
            *((f"{'GET RESPONSE' if e['command'] else 'first'}{'' if e['command'] else ' answer'}", e["command"] or e["answer"]) for e in told["exchanges"]),
            ("second answer", told["exchanges"][1]["answer"]),
        ),
    }


def fill(document, contents):
    for name, lines in contents.items():
        filled, count = re.subn(rf"^```hex {name}\n.*?^```$", lambda _: "\n".join([f"```hex {name}", *lines, "```"]), document, flags=re.DOTALL | re.MULTILINE)
        assert count == 1, name
        document = filled
    return document


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    vectors = made()
    with open(sys.argv[1], "x", encoding="utf-8") as file:
        json.dump(vectors, file, indent=1)
        file.write("\n")
    if len(sys.argv) == 3:
        with open(sys.argv[2], encoding="utf-8") as file:
            filled = fill(file.read(), blocks(vectors))
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            file.write(filled)
