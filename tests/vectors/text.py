"""Text, accounts and currencies: protocol.md section 9, read from the two normative lists beside this file."""

import pathlib
import re
import unicodedata

FOLDER = pathlib.Path(__file__).parent


def _glyphs():
    found = set()
    for line in (FOLDER / "glyph-set-1.txt").read_text("ascii").splitlines():
        if not line.startswith("#"):
            first, last = (int(part, 16) for part in line.split(".."))
            found.update(range(first, last + 1))
    return found


GLYPHS = _glyphs()
CURRENCIES = {
    code: int(exponent)
    for code, exponent in (line.split() for line in (FOLDER / "currencies.txt").read_text("ascii").splitlines())
}


def within(point, *bounds):
    return any(first <= point <= last for first, last in bounds)


def refusal_of_character(character):
    point = ord(character)
    if unicodedata.category(character) == "Cc" or within(point, (0x2028, 0x2029)):
        return "control"
    if within(point, (0x61C, 0x61C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069)):
        return "bidi"
    if within(
        point,
        (0xAD, 0xAD), (0x34F, 0x34F), (0x200B, 0x200D), (0x2060, 0x2064), (0xFEFF, 0xFEFF), (0xFE00, 0xFE0F),
        (0xE0000, 0xE0FFF),
    ):
        return "zero-width"
    return None if point in GLYPHS else "not-showable"


def script(character):
    """None for what is common to all scripts."""
    point = ord(character)
    if within(point, (0x3040, 0x30FF)):
        return "Kana"
    if within(point, (0x3100, 0x312F)):
        return "Bopomofo"
    if not unicodedata.category(character).startswith("L"):
        return None
    if within(point, (0x370, 0x3FF)):
        return "Greek"
    if within(point, (0x400, 0x4FF)):
        return "Cyrillic"
    name = unicodedata.name(character)
    if name.startswith(("LATIN ", "FULLWIDTH LATIN ")):
        return "Latin"
    return "Han" if name.startswith("CJK ") else None


ALLOWED = [{"Latin", "Han", "Kana"}, {"Latin", "Han", "Bopomofo"}, {"Greek"}, {"Cyrillic"}]


def refusal(text):
    for character in text:
        reason = refusal_of_character(character)
        if reason:
            return reason
    if text != text.strip(" ") or "  " in text:
        return "spaces"
    scripts = {script(character) for character in text} - {None}
    return None if any(scripts <= allowed for allowed in ALLOWED) else "mixed-scripts"


def look_alike(text):
    return any(
        script(character) in ("Greek", "Cyrillic")
        or within(ord(character), (0xFF10, 0xFF19), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A), (0x2160, 0x217F))
        for character in text
    )


def iban_remainder(account):
    digits = "".join(str(int(c, 36)) for c in account[4:] + account[:4])
    return int(digits) % 97


def make_iban(country, bban):
    return f"{country}{98 - iban_remainder(country + '00' + bban):02}{bban}"


def luhn(digits):
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def make_card(prefix):
    return next(prefix + str(d) for d in range(10) if luhn(prefix + str(d)))


def account_refusal(account, scheme):
    if not re.fullmatch("[0-9A-Z]{1,34}", account):
        return "bad-value"
    if scheme == 2:
        if not re.fullmatch("[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}", account):
            return "bad-value"
        return None if iban_remainder(account) == 1 else "bad-check-digits"
    if scheme == 3:
        if not re.fullmatch("[0-9]{12,19}", account):
            return "bad-value"
        return None if luhn(account) else "bad-check-digits"
    return None
