"""COSE_Sign1 as protocol.md section 7 narrows it."""

import cbor
from keys import H

TAGS = {
    "bankkey": b"USHIELD-BANKKEY-v1",
    "order": b"USHIELD-ORDER-v1",
    "approve": b"USHIELD-APPROVE-v1",
    "login": b"USHIELD-LOGIN-v1",
    "reject": b"USHIELD-REJECT-v1",
    "attest": b"USHIELD-ATTEST-v1",
    "device": b"USHIELD-DEVICE-v1",
    "receipt": b"USHIELD-RECEIPT-v1",
}
WITH_KID = {"order", "receipt"}


def protected(tag, key):
    if tag in WITH_KID:
        return cbor.pairs_map([(1, -7), (4, key.short_id)])
    return cbor.pairs_map([(1, -7)])


def to_be_signed(tag, header, payload):
    return cbor.encode(["Signature1", header, TAGS[tag], payload])


def envelope(header, payload, signature, unprotected=cbor.Raw(b"\xa0")):
    return cbor.encode([header, unprotected, payload, signature])


def sign1(tag, key, payload):
    header = protected(tag, key)
    return envelope(header, payload, key.sign(to_be_signed(tag, header, payload)))


def statement(name, tag, key, payload, fields):
    """One signed statement with everything that a test needs to make or check it."""
    header = protected(tag, key)
    signed = to_be_signed(tag, header, payload)
    return {
        "name": name,
        "tag": TAGS[tag].decode(),
        "key": key.label,
        "fields": fields,
        "payload": payload.hex(),
        "hash": H(payload).hex(),
        "to_be_signed": signed.hex(),
        "signature": key.sign(signed).hex(),
        "cose": sign1(tag, key, payload).hex(),
    }
