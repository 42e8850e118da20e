"""PIN blocks and the rules of a new PIN: protocol.md section 6."""


def block(pin):
    return (bytes([len(pin)]) + pin.encode()).ljust(32, b"\0")


def too_simple(pin):
    steps = {ord(b) - ord(a) for a, b in zip(pin, pin[1:])}
    return steps in ({0}, {1}, {-1})


GOOD = ["12345678", "204619", "aB3xY9", "Zz00Zz00Zz00", "907142", "000001"]
SIMPLE = ["111111", "aaaaaaaaaaaa", "123456", "012345678", "654321", "9876543210", "abcdef", "FEDCBA", "ABCDEFGHIJKL", "000000"]
NOT_SIMPLE = ["112233", "123457", "135790", "123321", "890123", "abcdeF", "aAaAaA", "121212"]


def vectors():
    wrong = {
        "length-5": b"\x0512345", "length-13": b"\x0d1234567890123", "length-0": b"", "length-255": b"\xff123456",
        "padding": b"\x06204619" + bytes(24) + b"\x01", "padding-first": b"\x062046191", "space": b"\x06 04619",
        "punctuation": b"\x0620461-", "nul-inside": b"\x062046\x0019", "not-ascii": b"\x07\xc3\xa9204619"[:9],
        "length-too-long-for-content": b"\x07204619",
    }
    blocks = [{"pin": pin, "block": block(pin).hex()} for pin in GOOD]
    blocks += [{"name": name, "block": data.ljust(32, b"\0").hex(), "refusal": "malformed"} for name, data in wrong.items()]
    blocks += [{"name": "31-bytes", "block": block("204619")[:31].hex(), "refusal": "malformed"},
               {"name": "33-bytes", "block": (block("204619") + b"\0").hex(), "refusal": "malformed"}]
    assert all(map(too_simple, SIMPLE)) and not any(map(too_simple, NOT_SIMPLE))
    return {
        "blocks": blocks,
        "too_simple": SIMPLE,
        "not_too_simple": NOT_SIMPLE,
        "bad_format": ["", "12345", "1234567890123", "12 456", "12345é", "１２３４５６", "12345\u0000"],
    }
