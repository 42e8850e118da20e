"""What a host brings: the way to the bank, keys, time, and ways to a token. Hosts move bytes and decide nothing.

All are called on the event loop on which the client was opened or the operation begun, but for the clock. A call that takes too long is
given up and its task cancelled. What is raised beside the exceptions that are named becomes an error of the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from . import _ffi
from ._ffi import LinkMedium, WantedFit


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. Its headers and body hold secrets.

    Attributes:
        method: GET or POST.
        path: path and query, to be put behind `https://host:port`.
        headers: all headers that matter, but for `Host` and `Content-Length`. ASCII.
    """

    method: str
    path: str = field(repr=False)
    headers: Sequence[tuple[str, bytes]] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response, of any status.

    Attributes:
        content_type: the header `Content-Type`, as it came.
    """

    status: int
    content_type: str | None
    body: bytes = field(repr=False)


class BankHttp(Protocol):
    """One HTTPS exchange with the one bank that this client knows.

    Verify the bank's certificate against the bank's own CA, follow no redirect, use no cache, log no header and no body, and never
    repeat a request: the core does that where it may.
    """

    async def call(self, request: HttpRequest) -> HttpResponse:
        """Sends a request once. Raises `BankUnreachable`, `BankUntrusted`."""
        ...


class Keystore(Protocol):
    """Keys of this phone, named by the core; durable when a call returns. All raise `KeystoreRefused`."""

    async def create_dh(self, name: str) -> bytes:
        """The public key of the P-256 key `name`, made if it is not there yet: SEC 1, 33 or 65 bytes."""
        ...

    async def agree(self, name: str, point: bytes) -> bytes:
        """ECDH of the key `name` and `point` (SEC 1, 65 bytes): the x-coordinate, 32 bytes."""
        ...

    async def sealing_key(self) -> bytes:
        """32 random bytes, made at first and the same for ever: they seal the store."""
        ...


class Clock(Protocol):
    """Time. Called on threads of the core's; both answer at once."""

    def unix_seconds(self) -> int:
        """The wall clock. May jump."""
        ...

    def elapsed_millis(self) -> int:
        """Of a clock that never goes back and goes on while the machine sleeps."""
        ...


class Packets(Protocol):
    """A GATT connection to a token (protocol.md, section 2.1). All raise `LinkLost`."""

    async def info(self) -> bytes:
        """Reads the characteristic `info`."""
        ...

    async def write(self, value: bytes) -> None:
        """Writes to `in`, without response; returns when it is taken."""
        ...

    async def notified(self) -> bytes:
        """Waits for the next notification of `out`. Asked for one at a time. Fails as soon as the connection is over."""
        ...

    async def disconnect(self) -> None:
        """Ends the connection; what waits in `notified` fails then. Called once."""
        ...


class Card(Protocol):
    """A card in a field or a reader (protocol.md, section 2.2). All raise `LinkLost`."""

    async def transceive(self, command: bytes) -> bytes:
        """Transmits a command and waits for the whole answer, status word at its end. Asked for one at a time."""
        ...

    async def release(self) -> None:
        """The card is not needed any more. Called once."""
        ...


@dataclass(frozen=True, slots=True)
class OverPackets:
    """A connection over Bluetooth LE, with `out` subscribed.

    Attributes:
        mtu: the ATT MTU that was agreed on: 23 at least.
        place: the device's address: the same as long as the token stays there.
        others: how many further tokens were there that fit as well.
    """

    packets: Packets
    mtu: int
    place: str
    others: int = 0


@dataclass(frozen=True, slots=True)
class OverCard:
    """A card that can be spoken to.

    Attributes:
        place: the reader's name.
        extended: whether the reader sends commands of extended length.
    """

    card: Card
    place: str
    extended: bool = False
    others: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """A token in reach, or what may be one.

    Attributes:
        place: as in the connection.
        advertised: manufacturer data behind the company. A card advertises nothing.
        signal: dBm.
    """

    medium: LinkMedium
    place: str
    advertised: bytes | None = None
    signal: int | None = None


class Wanted:
    """Which token a connection is wanted to."""

    def __init__(self, inner: _ffi.Wanted) -> None:
        self._inner = inner

    def fits(self, advertised: bytes) -> WantedFit:
        """Whether a token that advertises these bytes may be the one: manufacturer data behind the company."""
        return self._inner.fits(advertised)

    def is_at(self, place: str) -> bool:
        """Whether a token at this place comes into question."""
        return self._inner.is_at(place)

    @property
    def patience(self) -> float:
        """How many seconds to search for it before `TokenNotFound`."""
        return self._inner.patience_millis() / 1_000


class Radio(Protocol):
    """Finds a token and connects to it: one radio, one antenna or one reader."""

    async def connect(self, wanted: Wanted) -> OverPackets | OverCard:
        """One attempt, no longer than `wanted.patience`. When it is cancelled, it ends what it began.

        Raises `TokenNotFound`, `LinkLost`, `RadioOff`, `RadioForbidden`, `NoReader`.
        """
        ...

    async def look(self) -> Sequence[Seen]:
        """What is in reach now, and all that was heard of it in some seconds.

        A token that several phones are paired with advertises something for each in turn, a second each, and is there once for each: with
        one of them, it may seem to be another's. Raises as `connect`.
        """
        ...
