"""Pairing by code: protocol.md, section 4.1, written from the document alone.

Usage: python3 pairing-code.py NEW.json [protocol.md]     makes the vectors, and fills the document's block pairing-code.
"""

import json
import os
import sys
from base64 import b32encode

from document import block
from keys import H, Key, random
from links import fill
from noise import Handshake

OLDER = "vectors-2026-11-22.json"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def text(fingerprint, secret, version="1"):
    return f"USHIELD:{version}" + b32encode(fingerprint + secret).decode().rstrip("=")


def codes(dh):
    secrets = [("random", random("secret of a code", 16)), ("zeros", bytes(16)), ("ones", b"\xff" * 16)]
    return [
        {"name": name, "fingerprint": H(dh)[:16].hex(), "secret": secret.hex(), "text": text(H(dh)[:16], secret),
         "psk": H(b"USHIELD-PAIR-CODE-v1" + secret).hex()}
        for name, secret in secrets
    ]


def refused(good):
    """Texts that are no code of version 1, each with its refusal."""
    bad, other = "bad-pairing-code", "unknown-version"
    last = ALPHABET[ALPHABET.index(good[-1]) | 1]
    for name, one, code in [
        ("empty", "", bad), ("prefix", "USHIELD:", bad), ("version alone", "USHIELD:1", bad), ("short", good[:-1], bad),
        ("long", good + "A", bad), ("padded", good + "====", bad), ("line end", good + "\n", bad), ("blank before", " " + good, bad),
        ("small letters", good.lower(), bad), ("small scheme", good.replace("USHIELD", "ushield"), bad),
        ("one small letter", good[:20] + "a" + good[21:], bad), ("0 for O", good[:20] + "0" + good[21:], bad),
        ("1 for I", good[:20] + "1" + good[21:], bad), ("8 for B", good[:20] + "8" + good[21:], bad),
        ("blank inside", good[:20] + " " + good[21:], bad), ("not ASCII", good[:20] + "Å" + good[22:], bad),
        ("last bits", good[:-1] + last, bad), ("all last bits", good[:-1] + "7", bad),
        ("another code", "https://bank.example/login?code=4F2A", bad), ("another scheme", good.replace("USHIELD", "USHEILD"), bad),
        ("version 2", good.replace(":1", ":2"), other), ("version 0", good.replace(":1", ":0"), other),
        ("version A", good.replace(":1", ":A"), other), ("version 2, of another length", "USHIELD:2ABC", other),
        ("version a", good.replace(":1", ":a"), bad), ("version ?", good.replace(":1", ":?"), bad),
    ]:
        assert one != good, name
        yield {"name": name, "text": one, "refusal": code}


def handshake(older, code):
    keys = {label: Key(label) for label in ("phone", "dh", "phone-e-code", "token-e-code")}
    psk = bytes.fromhex(code["psk"])
    phone = Handshake("XXpsk3", True, keys["phone"], keys["phone-e-code"], psk=psk)
    token = Handshake("XXpsk3", False, keys["dh"], keys["token-e-code"], psk=psk)
    steps = []
    plain = {message["name"]: bytes.fromhex(message["plain"]) for message in older["pairing"]["messages"]}
    for name, sender, receiver in [("P1", phone, token), ("P2", token, phone), ("P3", phone, token)]:
        message = sender.write(plain[name])
        assert receiver.read(message) == plain[name]
        body = b"\1" + message if name == "P1" else message
        steps.append({"name": name, "plain": plain[name].hex(), "message": body.hex(), "length": len(body), "h": sender.h.hex()})
    assert phone.h == token.h and token.rs == keys["phone"].public and phone.rs == keys["dh"].public
    (phone_out, phone_in), (token_out, token_in) = phone.split(), token.split()
    for name, out, into in [("P4", token_out, phone_in), ("P5", phone_out, token_in), ("P6", token_out, phone_in)]:
        message = out.seal(plain[name])
        assert into.open(message) == plain[name]
        steps.append({"name": name, "plain": plain[name].hex(), "message": message.hex(), "length": len(message)})
    return {
        "initiator": {"static": "phone", "ephemeral": "phone-e-code"}, "responder": {"static": "dh", "ephemeral": "token-e-code"},
        "handshake_hash": phone.h.hex(), "phone_to_token_key": phone_out.key.hex(), "token_to_phone_key": token_out.key.hex(),
        "messages": steps, "keys": {label: key.entry() for label, key in keys.items()},
    }


def made():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), OLDER), encoding="utf-8") as file:
        older = json.load(file)
    good = codes(Key("dh").public)
    return {
        "about": "Vectors of docs/protocol.md, section 4.1: pairing by code. What is sealed is that of " + OLDER + ".",
        "dated": "2026-11-29", "codes": good, "refused": list(refused(good[0]["text"])), "pairing": handshake(older, good[0]),
    }


def example(vectors):
    code, part = vectors["codes"][0], vectors["pairing"]
    private = lambda role, kind: part["keys"][part[role][kind]]["private"]
    messages = {message["name"]: message["message"] for message in part["messages"]}
    return block(
        ("token static private", private("responder", "static")), ("token ephemeral private", private("responder", "ephemeral")),
        ("phone static private", private("initiator", "static")), ("phone ephemeral private", private("initiator", "ephemeral")),
        ("fingerprint", code["fingerprint"]), ("secret", code["secret"]), ("text", code["text"].encode().hex()), ("psk", code["psk"]),
        *((name, messages[name]) for name in ("P1", "P2", "P3")), ("handshake hash", part["handshake_hash"]),
    )


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    vectors = made()
    with open(sys.argv[1], "x", encoding="utf-8") as file:
        json.dump(vectors, file, ensure_ascii=False, indent=1)
        file.write("\n")
    if len(sys.argv) == 3:
        with open(sys.argv[2], encoding="utf-8") as file:
            filled = fill(file.read(), {"pairing-code": example(vectors)})
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            file.write(filled)
