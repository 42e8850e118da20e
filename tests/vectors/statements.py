"""Payloads of the signed statements: protocol.md section 8."""

import datetime

import cbor

BANK = "USHDCNBJ"


def at(text):
    """Seconds since 1970 of a UTC time such as 2026-11-22T09:30:00."""
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp())


NOON = at("2026-11-22T04:00:00")
DAY = 86_400
TRANSFER, CERTIFICATE = 1, 5


def bankkey(key, purposes, epoch=7, start=at("2026-11-01T00:00:00"), days=90, bank=BANK):
    return {
        1: 1, 2: 1, 3: bank, 4: epoch, 5: key.short_id, 6: key.public, 7: purposes, 8: start, 9: start + days * DAY,
    }


TRANSFER_KEYS = [
    "debtor_account", "creditor_name", "creditor_account", "scheme", "creditor_agent", "amount", "currency",
    "exponent", "charges", "name_check", "execution_date", "remittance", "beside",
]
CERTIFICATE_KEYS = ["role", "customer", "reference"]


def fields_map(order):
    names = TRANSFER_KEYS if order["operation"] == TRANSFER else CERTIFICATE_KEYS
    return {i: order["fields"][n] for i, n in enumerate(names, 1) if n in order["fields"]}


def order_map(order):
    return {
        1: 1, 2: 1, 3: order["bank"], 4: order["addressee"], 5: order["id"], 6: order["challenge"],
        7: order["issued"], 8: order["expires"], 9: order["operation"], 10: fields_map(order),
    }


def authorization(order, order_hash, digest, count, counter, previous, uv, via, nonce, profile=1, firmware=0x0100):
    return {
        1: 1, 2: 1, 3: order["operation"], 4: order["id"], 5: order_hash, 6: digest, 7: profile, 8: count, 9: uv,
        10: counter, 11: previous, 12: firmware, 13: via, 14: nonce,
    }


def attestation(order, order_hash, digest, count, uv, role, public, request, via, profile=1, firmware=0x0100):
    return {
        1: 1, 2: 1, 3: order["operation"], 4: order["id"], 5: order_hash, 6: digest, 7: profile, 8: count, 9: uv,
        10: role, 11: public, 12: request, 13: firmware, 14: via,
    }


def device_statement(device_id, dh):
    return {1: 1, 2: 1, 3: device_id, 4: dh}


def receipt(order_id, order_hash, outcome, ended, reason=0, bank=BANK):
    return {1: 1, 2: 1, 3: bank, 4: order_id, 5: order_hash, 6: outcome, 7: ended, 8: reason}


def readable(item):
    """A payload map as JSON: byte strings as hex."""
    if isinstance(item, dict):
        return {str(key): readable(value) for key, value in item.items()}
    if isinstance(item, list):
        return [readable(value) for value in item]
    return item.hex() if isinstance(item, bytes) else item


def payload(fields):
    return cbor.encode(fields)
