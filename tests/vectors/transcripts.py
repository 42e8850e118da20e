"""hello, pairing (Noise XX), reconnect (Noise KK) and commands: protocol.md sections 2 to 5."""

import certificates
import cose
import pin
from cbor import encode
from keys import H, mac, random
from noise import Handshake
from statements import BANK, fields_map

VERSIONS = bytes.fromhex("01010001")
NONCE = random("hello nonce", 8)
PHONE_NAME = "小明的手机"
TOKEN_NAME = "U-Shield 01"
FIRMWARE = 0x0100
K_HINT = random("k_hint", 32)
K_ADV = random("k_adv", 32)


def hello():
    return {
        "versions": VERSIONS.hex(), "nonce": NONCE.hex(), "idle": (VERSIONS + b"\0" + NONCE).hex(),
        "pairing": (VERSIONS + b"\x01" + NONCE).hex(),
    }


def listed(name, message, plain):
    return {"name": name, "plain": plain.hex(), "message": message.hex(), "length": len(message)}


def pairing(world):
    keys = world.keys
    phone = Handshake("XX", True, keys["phone"], keys["phone-e-xx"])
    token = Handshake("XX", False, keys["dh"], keys["token-e-xx"])
    n_t, n_p = random("nT", 32), random("nP", 16)
    commitment = H(b"USHIELD-PAIR-COMMIT-v1" + n_t)
    steps = []

    def handshake(name, sender, receiver, plain):
        message = sender.write(plain)
        assert receiver.read(message) == plain
        steps.append(listed(name, message, plain) | {"h": sender.h.hex()})

    handshake("P1", phone, token, VERSIONS)
    handshake("P2", token, phone, commitment)
    handshake("P3", phone, token, VERSIONS + n_p + PHONE_NAME.encode())
    assert phone.h == token.h and token.rs == keys["phone"].public and phone.rs == keys["dh"].public
    digits = int.from_bytes(mac(phone.h, b"USHIELD-PAIR-DIGITS-v1" + n_p + n_t)[:8], "big") % 10**6
    (phone_out, phone_in), (token_out, token_in) = phone.split(), token.split()
    statement = world.by_name["device-statement"]["raw"]
    p4 = encode({1: n_t, 2: VERSIONS, 3: 0, 4: statement, 5: world.chain, 6: TOKEN_NAME})
    for name, out, into, plain in [
        ("P4", token_out, phone_in, p4),
        ("P5", phone_out, token_in, b"\x01\x00" + bytes(32)),
        ("P6", token_out, phone_in, b"\x00\x05" + K_HINT + K_ADV),
    ]:
        message = out.seal(plain)
        assert into.open(message) == plain
        steps.append(listed(name, message, plain))
    return {
        "initiator": {"static": "phone", "ephemeral": "phone-e-xx"}, "responder": {"static": "dh", "ephemeral": "token-e-xx"},
        "nT": n_t.hex(), "nP": n_p.hex(), "commitment": commitment.hex(), "phone_name": PHONE_NAME, "token_name": TOKEN_NAME,
        "handshake_hash": phone.h.hex(), "digits": f"{digits:06}", "k_hint": K_HINT.hex(), "k_adv": K_ADV.hex(),
        "phone_to_token_key": phone_out.key.hex(), "token_to_phone_key": token_out.key.hex(), "messages": steps,
        "p4_second_phone": encode({1: n_t, 2: VERSIONS, 3: 1, 4: statement, 5: world.chain, 6: TOKEN_NAME}).hex(),
        "p5_no": (b"\x00\x00" + bytes(32)).hex(), "p5_with_pin": (b"\x01\x01" + pin.block("204619")).hex(),
        "p6_declined": b"\x19\x05".hex(),
    }


def state(pay, flags=0x04, tries=5, phones=1):
    return (
        VERSIONS + bytes([flags, tries]) + FIRMWARE.to_bytes(2, "big") + (1).to_bytes(2, "big") + (1024).to_bytes(2, "big")
        + pay + bytes([phones]) + bytes(3)
    )


def reconnect(world):
    keys = world.keys
    phone = Handshake("KK", True, keys["phone"], keys["phone-e-kk"], keys["dh"].public)
    token = Handshake("KK", False, keys["dh"], keys["token-e-kk"], keys["phone"].public)
    steps = []
    noise1 = phone.write(VERSIONS)
    hint = mac(K_HINT, NONCE + noise1[:33])[:4]
    assert token.read(noise1) == VERSIONS
    steps.append(listed("K1", hint + noise1, VERSIONS) | {"h": phone.h.hex()})
    plain = state(keys["pay"].short_id)
    noise2 = token.write(plain)
    assert phone.read(noise2) == plain
    steps.append(listed("K2", noise2, plain) | {"h": token.h.hex()})
    assert phone.h == token.h
    (phone_out, phone_in), (token_out, token_in) = phone.split(), token.split()
    order = world.by_name["transfer-realistic"]["raw"]
    answer = world.by_name["authorization"]["raw"]
    for name, out, into, plain in [
        ("T1", phone_out, token_in, b"\x06\x01" + pin.block("204619") + order),
        ("shown", token_out, phone_in, b"\x01\x01"),
        ("T2", token_out, phone_in, b"\x02\x00" + answer),
    ]:
        message = out.seal(plain)
        assert into.open(message) == plain
        steps.append(listed(name, message, plain))
    lengths = {step["name"]: step["length"] for step in steps}
    return {
        "nonce": NONCE.hex(), "k_hint": K_HINT.hex(), "hint": hint.hex(), "pin": "204619",
        "initiator": {"static": "phone", "ephemeral": "phone-e-kk"}, "responder": {"static": "dh", "ephemeral": "token-e-kk"},
        "handshake_hash": phone.h.hex(), "phone_to_token_key": phone_out.key.hex(), "token_to_phone_key": token_out.key.hex(),
        "messages": steps, "lengths": lengths | {"order": len(order), "authorization": len(answer), "sum": sum(lengths.values())},
    }


def commands(world):
    keys, by_name = world.keys, world.by_name
    block = pin.block("204619")
    order, order_id = by_name["transfer-realistic"]["raw"], world.orders["transfer-realistic"]["id"]
    bank_ca = certificates.certificate(certificates.BANK_CA, keys["bank-ca"], certificates.BANK_CA, keys["bank-ca"], True)
    own = certificates.certificate(
        certificates.subject_of(world.device_id, "pay"), keys["pay"], certificates.BANK_CA, keys["bank-ca"], False)
    chain = encode([own, bank_ca])
    info = {1: world.device_id, 2: FIRMWARE, 3: 1, 4: TOKEN_NAME, 5: BANK, 6: 4, 7: 5, 8: keys["pay"].key_id, 9: b"", 10: 1, 11: 0}
    phones = [{1: world.via, 2: PHONE_NAME, 3: 1}, {1: H(keys["other-phone"].public)[:8], 2: "Tablet", 3: 0}]
    from_phone = [
        ("info", b"\x01"), ("phones", b"\x02"), ("forget", b"\x03" + world.via),
        ("pin-change", b"\x04" + pin.block("12345678") + block), ("bank-key", b"\x05" + by_name["bankkey-transfer"]["raw"]),
        ("order", b"\x06\x01" + block + order), ("order without block", b"\x06\x00" + bytes(32) + order), ("pin", b"\x07" + block),
        ("cancel", b"\x08" + order_id), ("collect", b"\x09" + order_id), ("put-certificate", b"\x0a\x01" + chain),
        ("get-certificate", b"\x0b\x01"),
    ]
    result = lambda status, body=b"": bytes([2, status]) + body
    from_token = [
        ("result info", result(0, encode(info))), ("result phones", result(0, encode(phones))), ("result empty", result(0)),
        ("result order", result(0, by_name["authorization"]["raw"])), ("result rejected", result(0, by_name["rejection"]["raw"])),
        ("result first certificate", result(0, by_name["attestation-pay"]["raw"])), ("result get-certificate", result(0, chain)),
        ("event shown", b"\x01\x01"), ("event pin-needed", b"\x01\x02"), ("event pin-wrong", b"\x01\x03\x03"), ("event last-try", b"\x01\x04"),
        ("result waiting", result(0x05)), ("result malformed", result(0x10, bytes([11, 10, 6]))), ("result unknown-command", result(0x11)),
        ("result busy", result(0x17)), ("result pin-locked", result(0x21)), ("result unknown-order-key", result(0x31)),
        ("result unshowable", result(0x39, bytes([10, 2]))), ("result not-found", result(0x52)),
    ]
    bad = [
        ("empty", b""), ("unknown-command-00", b"\0"), ("unknown-command-0c", b"\x0c"), ("unknown-command-ff", b"\xff"),
        ("info with body", b"\x01\0"), ("forget short", b"\x03" + bytes(7)), ("forget long", b"\x03" + bytes(9)),
        ("order presence 2", b"\x06\x02" + block + order), ("order cut in block", b"\x06\x01" + block[:31]),
        ("order absent block not zero", b"\x06\x00" + block + order), ("order empty", b"\x06\x01" + block),
        ("pin short", b"\x07" + block[:31]), ("cancel short", b"\x08" + order_id[:15]), ("role 0", b"\x0b\x00"), ("role 3", b"\x0b\x03"),
        ("pin-change short", b"\x04" + block), ("put-certificate no array", b"\x0a\x01\xa0"),
    ]
    as_list = lambda items: [{"name": name, "plain": plain.hex()} for name, plain in items]
    return {
        "info": {str(k): v.hex() if isinstance(v, bytes) else v for k, v in info.items()}, "bank_ca": bank_ca.hex(), "certificate": own.hex(),
        "from_phone": as_list(from_phone), "from_token": as_list(from_token), "bad_from_phone": as_list(bad),
    }
