"""An operation that runs: steps come out as an async iterator, the customer's answers go in."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeAlias, TypeVar

from . import _checks as checks
from . import _ffi
from ._errors import UShieldError, answered, called, error
from ._ffi import Code
from ._types import Event, Moment, PinReason, variant

R = TypeVar("R")
Secret: TypeAlias = bytes | bytearray
#: How many seconds it may take to stop.
_END = 5.0


@contextlib.contextmanager
def spent(secret: Secret) -> Iterator[Any]:
    """A secret for one use. A `bytearray` is handed over without a copy and wiped; `bytes` cannot be wiped in Python."""
    checks.secret(secret)
    if not isinstance(secret, bytearray):
        yield secret
        return
    try:
        yield (ctypes.c_char * len(secret)).from_buffer(secret)
    finally:
        secret[:] = bytes(len(secret))


@dataclass(frozen=True, slots=True)
class Told:
    """Something happened, or the customer has to do something.

    Attributes:
        text: for the customer, in the phone's language.
    """

    event: Event
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PinAsked:
    """The token will need a PIN.

    Attributes:
        prompt: which question this is.
        tries_left: with WRONG_BEFORE.
        text: for the customer.
    """

    prompt: int
    reason: PinReason
    tries_left: int | None
    text: str = field(repr=False)
    _inner: _ffi.Operation = field(repr=False)

    def answer(self, pin: Secret) -> bool:
        """Gives the PIN, 6 to 12 letters and digits in ASCII; a `bytearray` is wiped. False when the question is not open any more.

        Raises `bad-pin-format` for what is no PIN; the question stays open.
        """
        with spent(pin) as given:
            return called(lambda: self._inner.answer_pin(self.prompt, given))

    def refuse(self) -> bool:
        """The customer gives no PIN: the operation ends with `interrupted`."""
        return called(lambda: self._inner.refuse_pin(self.prompt))


@dataclass(frozen=True, slots=True)
class PinDropped:
    """The PIN is not needed any more: take the prompt away."""

    prompt: int


@dataclass(frozen=True, slots=True)
class DigitsShown:
    """Six digits are on both screens: does the customer find them equal?

    Attributes:
        name: the token's.
        brand: by its maker's certificate.
    """

    digits: str = field(repr=False)
    name: str = field(repr=False)
    brand: str = field(repr=False)
    _inner: _ffi.Operation = field(repr=False)

    def same(self) -> bool:
        """They are. False when nobody asks any more."""
        return called(lambda: self._inner.answer_digits(True))

    def differ(self) -> bool:
        """They are not: the pairing ends."""
        return called(lambda: self._inner.answer_digits(False))


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """The operation is over: the last step."""

    result: R


Step: TypeAlias = Told | PinAsked | PinDropped | DigitsShown | Done[R]


class Customer(Protocol):
    """The person, as `Operation.finish` reaches them."""

    async def pin(self, reason: PinReason, text: str) -> Secret | None:
        """The PIN, or None to give none. Cancelled when it is not needed any more. A `bytearray` is wiped."""
        ...

    async def digits_are_equal(self, digits: str, name: str, brand: str) -> bool:
        """Whether the same digits are on both screens."""
        ...

    def tell(self, event: Event, text: str) -> None:
        """Something happened, or the customer has to do something."""
        ...


class Operation(Generic[R]):
    """Something that takes a person's time: a pairing, an order. It has begun.

    Iterate over its steps, or leave that to `finish`. It is stopped when the iterating task is cancelled, when its context is
    left, and when nobody holds it any more. What was promised stays promised: an order that is stopped is gone on with by `UShield.resume`.
    """

    def __init__(self, inner: _ffi.Operation, result: Callable[[Any], R]) -> None:
        self._inner, self._result = inner, result
        self._steps: list[Any] = []
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Step[R]:
        """The next step. Raises `UShieldError` where the operation failed."""
        if not self._steps and not self._over:
            try:
                self._steps = await answered(self._inner.next)
            except asyncio.CancelledError:
                # Steps may be lost on their way.
                self.stop()
                raise
        if not self._steps:
            raise StopAsyncIteration
        step = self._steps.pop(0)
        if isinstance(step, _ffi.Step.FAILED):
            self._over = True
            raise error(step.problem)
        self._over = isinstance(step, _ffi.Step.ENDED)
        return self._lift(step)

    def _lift(self, step: Any) -> Step[R]:
        if isinstance(step, _ffi.Step.TOLD):
            return Told(Event(Moment[variant(step.event)], **vars(step.event)), step.text)
        if isinstance(step, _ffi.Step.PIN_ASKED):
            tries_left = getattr(step.reason, "tries_left", None)
            return PinAsked(step.prompt, PinReason[variant(step.reason)], tries_left, step.text, self._inner)
        if isinstance(step, _ffi.Step.PIN_DROPPED):
            return PinDropped(step.prompt)
        if isinstance(step, _ffi.Step.DIGITS_SHOWN):
            return DigitsShown(step.digits, step.name, step.brand, self._inner)
        return Done(self._result(step.ending))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None) -> None:
        """Stops it, and returns when it is over."""
        self.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END):
                while await answered(self._inner.next):
                    pass

    def cancel_order(self) -> None:
        """Takes the order back, here, at the token and at the bank; the receipt says how it really ended.

        An operation that runs no order does not heed it.
        """
        called(self._inner.cancel_order)

    def stop(self) -> None:
        """Ends it where it stands, with `interrupted` unless it had ended. Nothing is taken back by it."""
        called(self._inner.stop)

    async def finish(self, customer: Customer) -> R:
        """Runs it to its end with this customer. What the customer raises ends it, and is raised here.

        When it returns or raises, the operation is over and every prompt is gone. Once: what is over has no end to run to.
        """
        if self._over:
            raise RuntimeError("the operation is over")
        asked: dict[int, asyncio.Task[None]] = {}
        async with self:
            coming = asyncio.ensure_future(anext(self))
            try:
                while True:
                    await asyncio.wait({coming, *asked.values()}, return_when=asyncio.FIRST_COMPLETED)
                    for prompt in [prompt for prompt, task in asked.items() if task.done()]:
                        asked.pop(prompt).result()
                    if not coming.done():
                        continue
                    step = coming.result()
                    match step:
                        case Done():
                            return step.result
                        case Told():
                            customer.tell(step.event, step.text)
                        case PinAsked():
                            asked[step.prompt] = asyncio.ensure_future(_ask_pin(step, customer))
                        case PinDropped() if step.prompt in asked:
                            asked.pop(step.prompt).cancel()
                        case DigitsShown():
                            # No other step comes until they are compared, but for the end.
                            asked[0] = asyncio.ensure_future(_ask_digits(step, customer))
                    coming = asyncio.ensure_future(anext(self))
            finally:
                prompts = (coming, *asked.values())
                for task in prompts:
                    task.cancel()
                await asyncio.gather(*prompts, return_exceptions=True)


async def _ask_pin(asked: PinAsked, customer: Customer) -> None:
    for slips_left in (2, 1, 0):
        pin = await customer.pin(asked.reason, asked.text)
        if pin is None:
            asked.refuse()
            return
        try:
            asked.answer(pin)
        except UShieldError as slip:
            if slip.code is not Code.BAD_PIN_FORMAT or not slips_left:
                raise
            # What is no PIN at all answers nothing: the question is still open.
            customer.tell(Event(Moment.OTHER), slip.what)
        else:
            return


async def _ask_digits(shown: DigitsShown, customer: Customer) -> None:
    if await customer.digits_are_equal(shown.digits, shown.name, shown.brand):
        shown.same()
    else:
        shown.differ()
