"""Errors: what the catalogue says of them, and what a host raises."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from . import _ffi
from ._checks import Unusable

R = TypeVar("R")


class UShieldError(Exception):
    """A call that failed, as the catalogue's data. Holds no PIN, key, account or name: it may be logged.

    Attributes:
        code: act on it, or on the class of the exception; never on a text.
        number: the code's stable number.
        name: the code's stable name, in kebab case.
        fault: who can change it.
        title: for the customer, in the phone's language, in a few words.
        what: for the customer: what happened.
        remedy: for the customer: what to do now.
        tries_left: attempts that are left.
        place: what is at fault inside an input or a message, by name.
        request: the id of the request that is kept although it has no order yet, for `cancel_request`.
        doubt: what the token may have done although the call failed; `what` and `remedy` say so too.
        causes: why, for a log: the nearest cause first, the cause of each behind it.
    """

    def __init__(self, problem: _ffi.Problem) -> None:
        super().__init__(" at ".join(filter(None, (problem.name, problem.place))))
        self.code: _ffi.Code = problem.code
        self.number: int = problem.number
        self.name: str = problem.name
        self.fault: _ffi.Fault = problem.fault
        self.title: str = problem.title
        self.what: str = problem.what
        self.remedy: str = problem.remedy
        self.tries_left: int | None = problem.tries_left
        self.place: str | None = problem.place
        self.request: str | None = problem.request
        self.doubt: _ffi.Doubt | None = problem.doubt
        self.causes: tuple[str, ...] = tuple(problem.causes)


class RetryError(UShieldError):
    """The same again may work."""


class WaitError(UShieldError):
    """It may work later without anyone doing anything."""


class ActError(UShieldError):
    """Someone has to do something first."""


class TerminalError(UShieldError):
    """This will not work, however often it is tried."""


_CLASSES: dict[_ffi.Class, type[UShieldError]] = {
    _ffi.Class.RETRY: RetryError,
    _ffi.Class.WAIT: WaitError,
    _ffi.Class.ACT: ActError,
    _ffi.Class.TERMINAL: TerminalError,
}


def error(problem: _ffi.Problem) -> UShieldError:
    """A problem as the exception of its class."""
    return _CLASSES[problem._class](problem)


def called(call: Callable[[], R]) -> R:
    """What a call returns. It fails with an exception of this package, without the one behind it, which may hold the whole input."""
    try:
        return call()
    except (_ffi.Failure, _ffi.InternalError, TypeError, ValueError) as raised:
        ours = _as_ours(raised)
    raise ours


async def answered(call: Callable[[], Awaitable[R]]) -> R:
    """As `called`, for what is awaited."""
    try:
        return await call()
    except (_ffi.Failure, _ffi.InternalError, TypeError, ValueError) as raised:
        ours = _as_ours(raised)
    raise ours


def _as_ours(raised: Exception) -> Exception:
    if isinstance(raised, Unusable):
        return raised
    if isinstance(raised, _ffi.InternalError):
        # What the core says of itself when it panics may hold anything.
        return RuntimeError("a defect of the core")
    if not isinstance(raised, _ffi.Failure):
        return ValueError("an argument of a type, a range or a character that cannot be handed over")
    problem: _ffi.Problem = getattr(raised, "problem")  # noqa: B009  Of every variant, as no type says.
    return error(problem)


class HostError(Exception):
    """What a host raises by agreement. Whatever else it raises is known by its type alone; what it says is not kept."""


class TokenNotFound(HostError):
    """No token is there."""


class LinkLost(HostError):
    """The token was there and went away."""


class RadioOff(HostError):
    """Bluetooth or NFC is switched off."""


class RadioForbidden(HostError):
    """This program may not use it."""


class NoReader(HostError):
    """There is no card reader."""


class BankUnreachable(HostError):
    """No response was received; whether the bank acted is unknown."""


class BankUntrusted(HostError):
    """The other end is not the bank: its certificate is not by the bank's CA."""


class KeystoreRefused(HostError):
    """The key store refused, or there is no such key."""
