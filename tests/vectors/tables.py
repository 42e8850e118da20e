"""Derives glyph-set-1.txt and currencies.txt (protocol.md section 9). Usage: python3 tables.py OUTPUT_FOLDER

Like the vectors, both files are normative once committed: this script shows how they were made,
and refuses to overwrite them.
"""

import hashlib
import pathlib
import sys
import unicodedata

# ISO 4217 list one, currencies and funds, amendments up to 179 and the euro in Bulgaria (2026-01-01).
EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD"
    " CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP"
    " GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD"
    " MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP"
    " PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT"
    " TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}


def currencies():
    table = {code: exponent for exponent, codes in EXPONENTS.items() for code in codes.split()}
    return dict(sorted(table.items()))


def double_byte_part():
    for lead in range(0x81, 0xFF):
        for trail in [*range(0x40, 0x7F), *range(0x80, 0xFF)]:
            yield bytes([lead, trail]).decode("gb18030")


def glyph_set():
    found = set(range(0x20, 0x7F)) | set(range(0x3400, 0x4DB6)) | set(range(0x4E00, 0x9FF0))
    for character in double_byte_part():
        private = unicodedata.category(character) == "Co"
        changed = unicodedata.normalize("NFC", character) != character
        if not private and not changed and character != "\u3000":
            found.add(ord(character))
    return sorted(found)


def ranges(points):
    start = previous = points[0]
    for point in [*points[1:], None]:
        if point != previous + 1:
            yield start, previous
            start = point
        previous = point


def write(path, text):
    with open(path, "x", encoding="ascii") as file:
        file.write(text)


def main(folder):
    points = glyph_set()
    joined = "".join(map(chr, points))
    assert unicodedata.normalize("NFC", joined) == joined
    assert not any(unicodedata.category(c) in {"Cc", "Cn", "Co", "Cs", "Mn", "Mc", "Me"} for c in joined)
    digest = hashlib.sha256(joined.encode()).hexdigest()
    lines = [f"{first:04X}..{last:04X}" for first, last in ranges(points)]
    header = [
        "# Glyph set 1 (docs/protocol.md, section 9)",
        f"# {len(points)} characters in {len(lines)} ranges, both ends included",
        "# SHA-256 of all of them in ascending order, as one UTF-8 text:",
        f"# {digest}",
    ]
    write(folder / "glyph-set-1.txt", "\n".join(header + lines) + "\n")
    write(folder / "currencies.txt", "".join(f"{code} {n}\n" for code, n in currencies().items()))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
