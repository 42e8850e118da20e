"""Reads the symbol of a pairing code off a screen's modules: ISO/IEC 18004, version 3, alphanumeric, unharmed (protocol.md, 4.1)."""

from collections.abc import Callable, Iterator, Sequence

SIDE = 29
DATA_CODEWORDS = 44
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
MASKS: tuple[Callable[[int, int], int], ...] = (
    lambda y, x: (y + x) % 2,
    lambda y, x: y % 2,
    lambda y, x: x % 3,
    lambda y, x: (y + x) % 3,
    lambda y, x: (y // 2 + x // 3) % 2,
    lambda y, x: y * x % 2 + y * x % 3,
    lambda y, x: (y * x % 2 + y * x % 3) % 2,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2,
)


def read_code(rows: Sequence[str]) -> bytearray:
    """The code for `UShield.pair_by_code`, from `code` of what the software token's `/screen` says: `1` for dark, rows from above."""
    dark = [[module == "1" for module in row] for row in rows]
    # Of the format, row 8: two bits of the level, three of the mask, exclusive-or 10101.
    mask = MASKS[int("".join(str(int(dark[8][x])) for x in (2, 3, 4)), 2) ^ 0b101]
    bits = "".join(str(int(dark[y][x] ^ (mask(y, x) == 0))) for y, x in _places())[: DATA_CODEWORDS * 8]
    mode, count, at = int(bits[:4], 2), int(bits[4:13], 2), 13
    if mode != 2:
        raise ValueError(f"mode {mode}")
    text = ""
    while len(text) < count:
        size = 11 if count - len(text) > 1 else 6
        value = int(bits[at : at + size], 2)
        text += ALPHABET[value // 45] + ALPHABET[value % 45] if size == 11 else ALPHABET[value]
        at += size
    return bytearray(text.encode())


def _places() -> Iterator[tuple[int, int]]:
    """Where data is, in its order: up and down in columns of two, from the right."""
    upwards = True
    for right in (*range(SIDE - 1, 6, -2), 5, 3, 1):
        for step in range(SIDE):
            y = SIDE - 1 - step if upwards else step
            yield from ((y, x) for x in (right, right - 1) if not _is_fixed(y, x))
        upwards = not upwards


def _is_fixed(y: int, x: int) -> bool:
    """Finders with their format, timing, alignment."""
    corner = (y < 9 and (x < 9 or x >= SIDE - 8)) or (y >= SIDE - 8 and x < 9)
    return corner or y == 6 or x == 6 or (20 <= y <= 24 and 20 <= x <= 24)
