#!/usr/bin/env python3
"""Makes assets/font.png and assets/font.ranges from GNU Unifont and the normative glyph set.

    make-font.py UNIFONT.hex UNIFONT_JP.hex ../../vectors/glyph-set-1.txt assets

Both .hex files are those of GNU Unifont 15.0.01 (Debian package `unifont`). Needs Python 3.8 and nothing else.
The output is a function of the three inputs: running it again must leave the committed files unchanged.

font.png is a table, not a picture to look at: 1 bit, one glyph a row, 256 pixels = 32 bytes: the 16 rows of the
glyph's left half, then the 16 rows of its right half (this order compresses best). Rows follow font.ranges.
"""
import re
import struct
import sys
import zlib

# In Unifont's main file these share a picture with another character of the set: the customer could not tell
# them apart. The Japanese variant of Unifont has a drawing of its own for each.
FROM_JP = (0x6669, 0x69E9)


def hex_font(path):
    glyphs = {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            code, bits = line.strip().split(":")
            glyphs[int(code, 16)] = bytes.fromhex(bits)
    return glyphs


def ranges(path):
    """Lines of `4E00..9FEF` or `00D7`, with or without `U+`; `#` starts a comment."""
    result = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            text = line.split("#")[0].strip()
            if not text:
                continue
            match = re.fullmatch(r"(?:U\+)?([0-9A-Fa-f]{4,6})(?:(?:\.\.|-)(?:U\+)?([0-9A-Fa-f]{4,6}))?", text)
            if not match:
                sys.exit(f"{path}: not a range: {line!r}")
            first = int(match[1], 16)
            last = int(match[2] or match[1], 16)
            if last < first or (result and first <= result[-1][1]):
                sys.exit(f"{path}: out of order: {line!r}")
            result.append((first, last))
    return result


def halves(code, bits):
    """Left and right half, 16 bytes each. ASCII has a left half only; other narrow glyphs are centred."""
    if len(bits) == 16:
        if code < 0x7F:
            return bits, bytes(16)
        rows = [byte << 4 for byte in bits]
    else:
        rows = [bits[2 * y] << 8 | bits[2 * y + 1] for y in range(16)]
    if code < 0x7F:
        sys.exit(f"U+{code:04X} is wide")
    return bytes(row >> 8 for row in rows), bytes(row & 0xFF for row in rows)


def png(rows):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 256, len(rows), 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9)
    data = packer.compress(b"".join(b"\0" + row for row in rows)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    font, japanese = hex_font(sys.argv[1]), hex_font(sys.argv[2])
    covered = ranges(sys.argv[3])
    rows = []
    for first, last in covered:
        for code in range(first, last + 1):
            bits = (japanese if code in FROM_JP else font).get(code)
            if bits is None:
                sys.exit(f"Unifont has no U+{code:04X}")
            rows.append(b"".join(halves(code, bits)))
    with open(f"{sys.argv[4]}/font.png", "wb") as out:
        out.write(png(rows))
    with open(f"{sys.argv[4]}/font.ranges", "w", encoding="ascii", newline="\n") as out:
        out.write("".join(f"{first:04X}..{last:04X}\n" for first, last in covered))


main()
