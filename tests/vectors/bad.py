"""Bad inputs. Each says what refuses it; `or` holds further readings of protocol.md that a strict reader may have."""

import struct

import cbor
import cose
import text
from cbor import Raw, encode, pairs_map
from keys import N, P, H, high_s
from statements import DAY, NOON, at

FFFF = 0xFFFFFFFFFFFFFFFF


def pairs(fields):
    return sorted(fields.items())


def replaced(fields, key, value):
    return pairs_map([(k, value if k == key else v) for k, v in pairs(fields)])


def wrong_types(value):
    yield "negative", Raw(b"\x20")
    yield "null", Raw(b"\xf6")
    yield "true", Raw(b"\xf5")
    yield "float", Raw(b"\xfb" + struct.pack(">d", 1.0))
    yield "tag", Raw(b"\xc1" + encode(value))
    if isinstance(value, int):
        yield "bytes", encode(value).rjust(8, b"\0")
    elif isinstance(value, bytes):
        yield "text", "a" * len(value)
        yield "array", list(value[:3])
    elif isinstance(value, str):
        yield "bytes", value.encode()
    elif isinstance(value, list):
        yield "map", Raw(pairs_map([(i, v) for i, v in enumerate(value)]))
        yield "uint", 1
    else:
        yield "array", list(value)
        yield "uint", 1
    if not isinstance(value, int):
        yield "zero", 0


def non_minimal(value):
    """The same value under every longer head."""
    if isinstance(value, int):
        major, argument, rest = 0, value, b""
    elif isinstance(value, dict):
        major, argument, rest = 5, len(value), encode(value)[1:]
    elif isinstance(value, list):
        major, argument, rest = 4, len(value), encode(value)[1:]
    else:
        rest = value if isinstance(value, bytes) else value.encode()
        major, argument = (2 if isinstance(value, bytes) else 3), len(rest)
    for size in (1, 2, 4, 8):
        if (24 if size == 1 else 1 << 4 * size) > argument:
            yield size, Raw(cbor.long_head(major, argument, size) + rest)


def indefinite(value):
    if isinstance(value, bytes):
        return Raw(b"\x5f" + encode(value) + b"\xff")
    if isinstance(value, str):
        return Raw(b"\x7f" + encode(value) + b"\xff")
    if isinstance(value, list):
        return Raw(b"\x9f" + b"".join(map(encode, value)) + b"\xff")
    if isinstance(value, dict):
        return Raw(b"\xbf" + pairs_map(pairs(value))[1:] + b"\xff")
    return None


def of_shape(fields, optional=(), prefix=""):
    """Inputs that every map of the protocol refuses: (name, payload, reason, field, other readings)."""
    items, count = pairs(fields), len(fields)
    name = lambda key: f"{prefix}{key}"
    last = items[-1][0]
    yield "unknown-field", pairs_map([*items, (last + 40, 0)]), "unknown-field", name(last + 40), []
    yield "unknown-field-0", pairs_map([(0, 0), *items]), "unknown-field", name(0), [["missing-field", name(1)]]
    for key, _ in items:
        if key not in optional:
            left = [item for item in items if item[0] != key]
            yield f"missing-{key}", pairs_map(left), "missing-field", name(key), []
    swapped = [items[1], items[0], *items[2:]]
    yield "out-of-order", pairs_map(swapped), "out-of-order", name(items[0][0]), [
        ["missing-field", name(items[0][0])], ["out-of-order", name(items[1][0])]]
    yield "duplicate", pairs_map([items[0], *items]), "duplicate", name(items[0][0]), []
    yield "duplicate-last", pairs_map([*items, items[-1]]), "duplicate", name(last), []
    yield "count-too-high", pairs_map(items, count + 1), "truncated", None, [["unknown-field", None]]
    yield "count-too-low", pairs_map(items, count - 1), "missing-field", name(last), [["trailing", None]]
    first = Raw(b"\x18\x01") if items[0][0] == 1 else None
    yield "key-non-minimal", pairs_map([(first, items[0][1]), *items[1:]]), "non-minimal", name(1), [
        ["non-minimal", None], ["non-minimal", prefix.rstrip(".") or None]]
    yield "key-is-text", pairs_map([("1", items[0][1]), *items[1:]]), "wrong-type", name(1), [
        ["wrong-type", None], ["wrong-type", prefix.rstrip(".") or None]]
    for key, value in items:
        for kind, wrong in wrong_types(value):
            yield f"wrong-type-{key}-{kind}", replaced(fields, key, wrong), "wrong-type", name(key), []
        for size, longer in non_minimal(value):
            yield f"non-minimal-{key}-{size}", replaced(fields, key, longer), "non-minimal", name(key), []
        endless = indefinite(value)
        if endless:
            yield f"indefinite-{key}", replaced(fields, key, endless), "wrong-type", name(key), [["non-minimal", name(key)]]
        if isinstance(value, bytes) and len(value) in (8, 16, 32, 33):
            yield f"too-short-{key}", replaced(fields, key, value[:-1]), "too-short", name(key), []
            yield f"too-long-{key}", replaced(fields, key, value + b"\0"), "too-long", name(key), []
            yield f"empty-{key}", replaced(fields, key, b""), "too-short", name(key), []
        if isinstance(value, str) and value:
            for kind, junk in (("ff", b"\xff"), ("overlong", b"\xc0\xaf"), ("surrogate", b"\xed\xa0\x80"), ("cut", b"\xe4\xb8")):
                size = len(value.encode())
                bad = (value.encode() * 2)[: size - len(junk)] if size > len(junk) else b""
                bad = bytes(b & 0x7F for b in bad).replace(b"\0", b"a") + junk
                item = Raw(cbor.head(3, len(bad)) + bad)
                if size >= len(junk):
                    yield f"bad-text-{key}-{kind}", replaced(fields, key, item), "bad-text", name(key), []


def outside(fields):
    """Faults around the map."""
    whole = encode(fields)
    items = whole[1:] if len(fields) < 24 else whole[2:]
    yield "map-non-minimal", cbor.long_head(5, len(fields), 1) + items, "non-minimal", None, []
    yield "map-indefinite", b"\xbf" + items + b"\xff", "wrong-type", None, [["non-minimal", None]]
    yield "trailing", whole + b"\0", "trailing", None, []
    yield "trailing-map", whole + b"\xa0", "trailing", None, []
    yield "not-a-map", encode(list(range(3))), "wrong-type", None, []
    yield "tagged", b"\xd8\x18" + whole, "wrong-type", None, []
    yield "empty", b"", "truncated", None, []
    yield "truncated-half", whole[: len(whole) // 2], "truncated", None, []
    yield "truncated-by-one", whole[:-1], "truncated", None, []
    yield "reserved-head", b"\xbc" + items, "wrong-type", None, [["non-minimal", None], ["bad-value", None]]


VALUES = {
    "bankkey": {
        1: [0, 2], 2: [0, 2, FFFF], 4: [0, 1 << 32], 3: ["ushdcnbj", "USHD-NBJ", "USHDCNB "], 5: [bytes(8)],
        7: [[1, 1], [2, 1], [0, 1], [1, 8], [12, 13], [13], [FFFF]], 9: [0, NOON - 10**8, at("2026-11-01T00:00:00") + 90 * DAY + 1, FFFF],
    },
    "order": {
        1: [0, 2], 2: [0, 2], 3: ["ushdcnbj"], 5: [bytes(16), b"\xff" * 16], 9: [0, 13, FFFF],
        8: [NOON, NOON - 1, NOON + 901, FFFF],
    },
    "transfer": {
        1: ["6222 0210", "abc", "A-1"], 3: ["6217001210024455220a", "6217 0012"], 4: [0, 4, FFFF],
        6: [0, 10**15, FFFF], 9: [0, 10**15], 10: [4], 8: [0, 3, 4], 7: ["cny", "XAU", "XXX", "ABC", "C1Y", "BGN"],
        11: [1, 20261301, 20260230, 20270229, 21000229, 20260431, 20260100, 20260001, 99999999, 202612311],
    },
    "certificate": {1: [0, 3]},
    "authorization": {1: [0, 2], 2: [0], 8: [0, 33], 9: [3], 10: [0, 1 << 32], 12: [1 << 16], 3: [0, 13]},
    "attestation": {1: [2], 2: [2], 3: [1, 4, 7], 8: [0, 33], 9: [3], 10: [0, 3], 13: [1 << 16]},
    "device-statement": {1: [0, 2], 2: [0, 2]},
    "receipt": {1: [0, 2], 2: [3], 3: ["ushdcnbj"], 6: [0, 6], 8: [0x102]},
}


def of_lengths(limits, fields, prefix=""):
    """limits: {key: (least, most)} in bytes of text or byte strings."""
    for key, (least, most) in limits.items():
        unit = "9" if isinstance(fields[key], str) else b"9"
        if least:
            yield f"length-{key}-{least - 1}", replaced(fields, key, unit * (least - 1)), "too-short", f"{prefix}{key}", []
        yield f"length-{key}-{most + 1}", replaced(fields, key, unit * (most + 1)), "too-long", f"{prefix}{key}", []


LENGTHS = {
    "bankkey": {3: (8, 11)}, "order": {3: (8, 11)}, "receipt": {3: (8, 11)}, "certificate": {2: (1, 140), 3: (1, 35)},
    "transfer": {1: (1, 34), 2: (1, 140), 3: (1, 34), 5: (1, 70), 7: (3, 3), 12: (0, 140)}, "attestation": {12: (1, 512)},
}


def of_values(kind, fields, prefix=""):
    for key, values in VALUES[kind].items():
        for index, value in enumerate(values):
            yield f"bad-value-{key}-{index}", replaced(fields, key, value), "bad-value", f"{prefix}{key}", []


POINTS_BAD = {
    "not-on-the-curve": b"\x02" + next(
        x.to_bytes(32, "big") for x in range(1, 99) if pow((x**3 - 3 * x + 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B) % P, (P - 1) // 2, P) != 1
    ),
    "x-is-p": b"\x02" + P.to_bytes(32, "big"),
    "x-above-p": b"\x03" + ((1 << 256) - 1).to_bytes(32, "big"),
    "infinity-padded": bytes(33),
    "prefix-04": b"\x04" + H(b"x"),
    "prefix-05": b"\x05" + H(b"x"),
    "prefix-00": b"\x00" + H(b"x"),
    "infinity": b"\0",
    "empty": b"",
    "32-bytes": b"\x02" + bytes(31),
}


def points(good):
    listed = [{"name": name, "point": point.hex(), "good": False} for name, point in POINTS_BAD.items()]
    for key in good:
        flipped = bytes([key.public[0] ^ 1]) + key.public[1:]
        listed += [{"name": key.label, "point": key.public.hex(), "good": True},
                   {"name": key.label + "-negated", "point": flipped.hex(), "good": True},
                   {"name": key.label + "-hybrid-length", "point": (key.public + key.public[1:]).hex(), "good": False}]
    return listed


def signatures(tag, key, payload):
    """Wrong signatures over a good payload."""
    header = cose.protected(tag, key)
    good = key.sign(cose.to_be_signed(tag, header, payload))
    r, s = good[:32], good[32:]
    n, zero = N.to_bytes(32, "big"), bytes(32)
    flipped = good[:-1] + bytes([good[-1] ^ 1])
    made = [
        ("high-s", high_s(good)), ("flipped-bit", flipped), ("r-zero", zero + s), ("s-zero", r + zero), ("r-is-n", n + s),
        ("s-is-n", r + n), ("all-ones", b"\xff" * 64), ("all-zero", bytes(64)), ("swapped", s + r),
    ]
    for name, signature in made:
        yield name, cose.envelope(header, payload, signature)
    for other in cose.TAGS:
        if other != tag:
            yield f"tag-{other}", cose.envelope(header, payload, key.sign(cose.to_be_signed(other, header, payload)))
    changed = payload[:-1] + bytes([payload[-1] ^ 1])
    yield "payload-changed", cose.envelope(header, changed, good)


def envelopes(tag, key, payload):
    """Wrong COSE around a good payload, each signed over the header that it carries."""
    good = cose.protected(tag, key)

    def made(header, unprotected=Raw(b"\xa0"), body=payload):
        return cose.envelope(header, body, key.sign(cose.to_be_signed(tag, header, payload)), unprotected)

    signature = key.sign(cose.to_be_signed(tag, good, payload))
    four = [good, Raw(b"\xa0"), payload, signature]
    other = pairs_map([(1, -7)]) if tag in cose.WITH_KID else pairs_map([(1, -7), (4, key.short_id)])
    yield "tagged", b"\xd2" + encode(four), ["wrong-type"]
    yield "three", encode(four[:3]), ["wrong-type", "too-short", "missing-field", "bad-value"]
    yield "five", encode([*four, b""]), ["wrong-type", "too-long", "unknown-field", "bad-value"]
    yield "array-indefinite", b"\x9f" + encode(four)[1:] + b"\xff", ["wrong-type", "non-minimal"]
    yield "array-non-minimal", b"\x98\x04" + encode(four)[1:], ["non-minimal"]
    yield "trailing", encode(four) + b"\0", ["trailing"]
    yield "truncated", encode(four)[:-1], ["truncated"]
    yield "empty", b"", ["truncated"]
    yield "unprotected-kid", made(good, Raw(pairs_map([(4, key.short_id)]))), ["unknown-field", "too-long", "bad-value"]
    yield "unprotected-bytes", made(good, Raw(b"\x40")), ["wrong-type"]
    yield "payload-null", made(good, body=Raw(b"\xf6")), ["wrong-type"]
    yield "payload-text", made(good, body="a"), ["wrong-type"]
    yield "payload-inline", made(good, body=Raw(payload)), ["wrong-type"]
    yield "header-empty", made(b""), ["missing-field", "too-short", "truncated", "bad-value"]
    yield "header-empty-map", made(b"\xa0"), ["missing-field", "too-short", "bad-value"]
    yield "header-of-the-other-form", made(other), ["missing-field", "unknown-field", "too-long", "too-short", "bad-value"]
    yield "header-inline", encode([Raw(good), Raw(b"\xa0"), payload, signature]), ["wrong-type"]
    yield "algorithm-es384", made(good.replace(b"\x01\x26", b"\x01\x38\x22", 1)), ["bad-value", "wrong-type", "too-long"]
    yield "algorithm-7", made(good.replace(b"\x01\x26", b"\x01\x07", 1)), ["bad-value", "wrong-type"]
    yield "algorithm-non-minimal", made(good.replace(b"\x01\x26", b"\x01\x38\x06", 1)), ["non-minimal", "bad-value", "too-long"]
    yield "header-trailing", made(good + b"\0"), ["trailing", "too-long", "bad-value"]
    if tag in cose.WITH_KID:
        yield "kid-7-bytes", made(pairs_map([(1, -7), (4, key.short_id[:7])])), ["too-short", "bad-value"]
        yield "kid-9-bytes", made(pairs_map([(1, -7), (4, key.short_id + b"\0")])), ["too-long", "bad-value"]
        yield "kid-text", made(pairs_map([(1, -7), (4, "abcdefgh")])), ["wrong-type", "bad-value"]
        yield "header-out-of-order", made(pairs_map([(4, key.short_id), (1, -7)])), ["out-of-order", "missing-field", "bad-value"]
        yield "header-critical", made(pairs_map([(1, -7), (2, [4]), (4, key.short_id)])), ["unknown-field", "too-long", "bad-value"]
    yield "signature-63", encode([*four[:3], signature[:63]]), ["too-short"]
    yield "signature-65", encode([*four[:3], signature + b"\0"]), ["too-long"]
    yield "signature-text", encode([*four[:3], "a" * 64]), ["wrong-type"]


def extra(fields):
    """Transfer faults that need more than one field: (name, payload, reason, field, other readings)."""
    with_charges = pairs(fields | {9: 1500})
    i = next(i for i, (key, _) in enumerate(with_charges) if key == 9)
    swapped = [*with_charges[:i], with_charges[i + 1], with_charges[i], *with_charges[i + 2 :]]
    yield "optional-out-of-order", pairs_map(swapped), "out-of-order", "10.9", []
    yield "optional-duplicate", pairs_map([*with_charges[: i + 1], *with_charges[i:]]), "duplicate", "10.9", []
    yield "beside-short", pairs_map([*pairs(fields), (13, bytes(15))]), "too-short", "10.13", []
    for index, (account, scheme) in enumerate(ACCOUNTS_WRONG):
        wrong = fields | {3: account, 4: scheme}
        yield f"check-digits-{index}", encode(wrong), "bad-value", "10.3", [["too-short", "10.3"], ["too-long", "10.3"]]
    for key in (2, 5, 12):
        for name, value, refusal in TEXTS_WRONG:
            yield f"text-{key}-{name}", replaced(fields, key, value), "bad-value", f"10.{key}", [["bad-text", f"10.{key}"]]


ACCOUNTS_WRONG = [
    ("DE90370400440532013000", 2), ("GB82WEST12345698765433", 2), ("de89370400440532013000", 2), ("D189370400440532013000", 2),
    ("DEA9370400440532013000", 2), ("6225880137778912340", 3), ("4111111111111112", 3), ("41111111111A", 3), ("41111111116", 3),
]
TEXTS_WRONG = [
    ("nul", "a\0b", "control"), ("tab", "a\tb", "control"), ("newline", "a\nb", "control"), ("delete", "a\x7fb", "control"),
    ("next-line", "a\x85b", "control"), ("line-separator", "a\u2028b", "control"), ("paragraph-separator", "a\u2029b", "control"),
    ("rlo", "a\u202eb", "bidi"), ("lre", "a\u202ab", "bidi"), ("lrm", "a\u200eb", "bidi"), ("alm", "a\u061cb", "bidi"),
    ("rli", "a\u2067b", "bidi"), ("pdi", "a\u2069b", "bidi"),
    ("zwsp", "a\u200bb", "zero-width"), ("zwj", "a\u200db", "zero-width"), ("soft-hyphen", "a\u00adb", "zero-width"),
    ("cgj", "a\u034fb", "zero-width"), ("word-joiner", "a\u2060b", "zero-width"), ("bom", "a\ufeffb", "zero-width"),
    ("variation-16", "茶\ufe0f", "zero-width"), ("variation-17", "茶\U000e0100", "zero-width"), ("tag-a", "a\U000e0061", "zero-width"),
    ("emoji", "a\U0001f375", "not-showable"), ("ideographic-space", "张\u3000三", "not-showable"), ("nbsp", "a\u00a0b", "not-showable"),
    ("combining", "e\u0301", "not-showable"), ("private-use", "a\ue000", "not-showable"), ("unassigned", "a\u0378", "not-showable"),
    ("hebrew", "\u05d0", "not-showable"), ("arabic", "\u0627", "not-showable"), ("hangul", "한글", "not-showable"),
    ("compatibility-han", "\uf92c", "not-showable"), ("extension-b", "\U00020000", "not-showable"), ("han-9ff0", "\u9ff0", "not-showable"),
    ("extension-a-4db6", "\u4db6", "not-showable"), ("noncharacter", "a\uffff", "not-showable"), ("en-quad", "a\u2000b", "not-showable"),
    ("final-sigma", "\u03c2", "not-showable"), ("u-umlaut-upper", "\u00dc", "not-showable"), ("half-width-kana", "\uff71", "not-showable"),
    ("replacement", "a\ufffd", "not-showable"), ("leading-space", " a", "spaces"), ("trailing-space", "a ", "spaces"),
    ("double-space", "a  b", "spaces"), ("only-space", " ", "spaces"),
    ("latin-greek", "aβ", "mixed-scripts"), ("latin-cyrillic", "Аpple", "mixed-scripts"), ("han-cyrillic", "张А", "mixed-scripts"),
    ("han-greek", "张α", "mixed-scripts"), ("greek-cyrillic", "ΑА", "mixed-scripts"), ("kana-bopomofo", "アㄅ", "mixed-scripts"),
    ("full-width-latin-greek", "Ａα", "mixed-scripts"), ("kana-cyrillic", "アА", "mixed-scripts"), ("bopomofo-greek", "ㄅα", "mixed-scripts"),
]
TEXTS_GOOD = [
    "a", "张三", "Li 张", "张Ａ", "株式会社トヨタ", "ㄅㄆ李B", "αβγ 12", "Привет, 12", "㐀䶵鿯", "a-b (c) №1", "~!@#$%^&*()_+`",
    "àáèéüńǹ", "ɑɡ", "Ⅳ", "①", "１２３", "€5 ￥6", "ΑΒ-ΓΔ", "，。！", "a b c",
]


def texts():
    for value in TEXTS_GOOD:
        assert text.refusal(value) is None, value
        yield {"text": value, "utf8": value.encode().hex(), "refusal": None, "look_alike": text.look_alike(value)}
    for name, value, refusal in TEXTS_WRONG:
        assert text.refusal(value) == refusal, (name, text.refusal(value))
        yield {"name": name, "utf8": value.encode().hex(), "refusal": refusal}


def statement(kind, tag, key, fields, wrap=lambda payload: payload, prefix="", optional=(), values=None):
    """All bad inputs of one statement type, signed with the right key so that only the named fault is there."""
    values = values or kind
    made = [
        *of_shape(fields, optional, prefix), *of_values(values, fields, prefix),
        *of_lengths(LENGTHS.get(values, {}), fields, prefix),
    ]
    if values == "transfer":
        made += extra(fields)
    if values == "bankkey":
        made.append(("purposes-none", replaced(fields, 7, []), "too-short", "7", [["bad-value", "7"]]))
        made.append(("purposes-17", replaced(fields, 7, list(range(1, 18))), "too-long", "7", [["bad-value", "7"]]))
    if not prefix:
        made += outside(fields)
    for name, inner, reason, field, other in made:
        payload = wrap(inner)
        yield {
            "statement": kind, "name": (f"fields-{name}" if prefix else name), "reason": reason, "field": field,
            "or": other, "payload": payload.hex(), "cose": cose.sign1(tag, key, payload).hex(),
        }
