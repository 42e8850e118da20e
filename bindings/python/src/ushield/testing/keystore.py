"""Keys in Python: P-256 by the book, in a time that depends on the key. For tests alone."""

import json
import os
import secrets
from pathlib import Path

from .. import KeystoreRefused

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
Point = tuple[int, int]
G: Point = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def _add(one: Point | None, other: Point | None) -> Point | None:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, P) if one == other else (y2 - y1) * pow(x2 - x1, -1, P)
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def multiply(scalar: int, point: Point) -> Point:
    """A multiple of a point of the curve's, for 0 < scalar < its order."""
    result: Point | None = None
    for bit in f"{scalar:b}":
        result = _add(_add(result, result), point if bit == "1" else None)
    assert result is not None  # noqa: S101  The order is prime.
    return result


class MemoryKeystore:
    """Keys that are gone with the process."""

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._seal = secrets.token_bytes(32)

    async def create_dh(self, name: str) -> bytes:
        if name not in self._keys:
            self._keys[name] = secrets.randbelow(ORDER - 1) + 1
            self._keep()
        x, y = multiply(self._keys[name], G)
        return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")

    async def agree(self, name: str, point: bytes) -> bytes:
        x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
        if name not in self._keys or (y * y - x * x * x + 3 * x - B) % P != 0:
            raise KeystoreRefused
        return multiply(self._keys[name], (x, y))[0].to_bytes(32, "big")

    async def sealing_key(self) -> bytes:
        return self._seal

    def _keep(self) -> None:
        """Makes the keys durable."""


class FileKeystore(MemoryKeystore):
    """Keys in a file of mode 0600: whoever reads it has them."""

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self._path = Path(path)
        if self._path.exists():
            kept = json.loads(self._path.read_text(encoding="ascii"))
            self._seal = bytes.fromhex(kept["seal"])
            self._keys = {name: int(key, 16) for name, key in kept["keys"].items()}
        self._keep()

    def _keep(self) -> None:
        kept = {"seal": self._seal.hex(), "keys": {name: f"{key:064x}" for name, key in self._keys.items()}}
        fresh = self._path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(json.dumps(kept))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
