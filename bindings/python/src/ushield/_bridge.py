"""Calls of the core's to the host, from its threads to the host's event loop.

It takes the place of what uniffi generates for that, which prints the host's exceptions, knows one event loop for all, wakes none when a
call is given up, and never answers when a task is cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from . import _errors, _ffi

Work = Callable[[], Coroutine[Any, Any, Any]]

# As generated, classes get these variants where no type checker sees it.
_LINK: Any = _ffi.LinkError
_BANK: Any = _ffi.BankError
_KEYS: Any = _ffi.KeystoreError

_EXPECTED: dict[type, type[Exception]] = {
    _errors.TokenNotFound: _LINK.TokenNotFound,
    _errors.LinkLost: _LINK.Lost,
    _errors.RadioOff: _LINK.RadioOff,
    _errors.RadioForbidden: _LINK.RadioForbidden,
    _errors.NoReader: _LINK.NoReader,
    _errors.BankUnreachable: _BANK.Unreachable,
    _errors.BankUntrusted: _BANK.Untrusted,
    _errors.KeystoreRefused: _KEYS.Refused,
}


def translated(raised: BaseException, kind: Any) -> Exception:
    """What was raised, as an error of the interface: an agreed one with the type of what is behind it, or its type's name alone."""
    expected = next((_EXPECTED[base] for base in type(raised).__mro__ if base in _EXPECTED), None)
    if expected is not None and issubclass(expected, kind):
        behind = raised.__cause__ or (None if raised.__suppress_context__ else raised.__context__)
        return expected(None if behind is None else type(behind).__name__)
    unexpected: Exception = kind.Unexpected(type(raised).__name__)
    return unexpected


@dataclass(frozen=True, slots=True)
class Ask:
    """What a port's method returns to the bridge: work, and the loop for it.

    `certain` is done also when nobody waits for it any more before it begins; `undo` takes back what the work came to and nobody took.
    """

    loop: asyncio.AbstractEventLoop
    work: Work
    certain: bool = False
    undo: Work | None = None


#: Undone just now: a loop holds its tasks only weakly.
_UNDOING: set[asyncio.Task[None]] = set()


class _Call:
    """A call of the host's. It is answered exactly once, whatever happens: an answer that never comes is memory that is never freed."""

    def __init__(self, ask: Ask, succeed: Any, fail: Any, kind: Any, lower_error: Any) -> None:
        self._ask, self._answered, self._dropped = ask, False, False
        self._succeed, self._fail, self._kind, self._lower_error = succeed, fail, kind, lower_error
        self._task: asyncio.Task[None] | None = None
        self._result: Any = None
        self._raised: BaseException | None = None

    def start(self) -> None:
        """On a thread of the core's."""
        self._on_loop(self._begin)

    def drop(self) -> None:
        """The core does not wait any more, or has what it waited for. On a thread of the core's."""
        self._dropped = True
        self._on_loop(self._cancel)

    def _on_loop(self, what: Callable[[], None]) -> None:
        try:
            self._ask.loop.call_soon_threadsafe(what)
        except RuntimeError as closed:
            # The loop is closed: nothing else runs there any more.
            self._answer_failure(closed)

    def _begin(self) -> None:
        if self._dropped and not self._ask.certain:
            self._answer_failure(asyncio.CancelledError())
            return
        self._task = self._ask.loop.create_task(self._run())
        self._task.add_done_callback(self._end)

    async def _run(self) -> None:
        # Not the task's own result or exception: what shows a task shows them too, and there may be a key in them.
        try:
            self._result = await self._ask.work()
        except (Exception, asyncio.CancelledError) as raised:
            self._raised = raised

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _end(self, task: asyncio.Task[None]) -> None:
        try:
            task.result()
            if self._raised is not None:
                raise self._raised
            if self._dropped:
                # Nobody would free what is in a result that nobody takes.
                raise asyncio.CancelledError
            self._succeed(self._result)
            self._answered = True
        except BaseException as raised:
            self._answer_failure(raised)
            if self._ask.undo is not None:
                undoing = self._ask.loop.create_task(self._ask.undo())
                _UNDOING.add(undoing)
                undoing.add_done_callback(_UNDOING.discard)
        self._task = self._result = self._raised = None

    def _answer_failure(self, raised: BaseException) -> None:
        if not self._answered:
            self._answered = True
            lowered = self._lower_error(translated(raised, self._kind))
            self._fail(_ffi._UniffiRustCallStatus.CALL_ERROR, lowered)


def _call(make_call: Any, out_dropped: Any, succeed: Any, fail: Any, kind: Any, lower_error: Any) -> None:
    call = _Call(make_call(), succeed, fail, kind, lower_error)
    handle = _CALLS.insert(call)
    out_dropped[0] = _ffi._UniffiForeignFutureDroppedCallbackStruct(handle, _dropped)
    call.start()


_CALLS = _ffi._UniffiHandleMap()


@_ffi._UNIFFI_FOREIGN_FUTURE_DROPPED_CALLBACK  # type: ignore[untyped-decorator]
def _dropped(handle: int) -> None:
    _CALLS.remove(handle).drop()


assert hasattr(_ffi, "_uniffi_trait_interface_call_async_with_error")  # noqa: S101  The name that the generated code calls.
_ffi._uniffi_trait_interface_call_async_with_error = _call


def is_held() -> bool:
    """Whether the core holds anything of the host's, or waits for it."""
    ports = ("BankHttp", "Keystore", "Clock", "Radio", "Packets", "Card")
    return bool(_CALLS._map) or any(getattr(_ffi, f"_UniffiFfiConverterType{port}")._handle_map._map for port in ports)
