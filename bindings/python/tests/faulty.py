"""Hosts that raise, hang or answer nonsense, in one method."""

import asyncio
import enum
import time
from dataclasses import dataclass, replace
from typing import Any

from ushield import OverCard, OverPackets


class Kind(enum.Enum):
    RAISES = enum.auto()
    #: As when the host's own task is cancelled.
    CANCELS_ITSELF = enum.auto()
    NOTHING = enum.auto()
    A_NUMBER = enum.auto()
    A_LIST = enum.auto()
    HANGS = enum.auto()


#: What the host says, and what must not be found anywhere.
SAID = "canary of the host"


class Boom(Exception):
    """Says a secret."""


@dataclass
class Fault:
    """What goes wrong in a method, how often it did, and how many calls hang or were cancelled in it."""

    method: str
    kind: Kind
    on: bool = True
    #: Calls that pass before.
    passes: int = 0
    calls: int = 0
    hanging: int = 0
    cancelled: int = 0

    def strikes(self, method: str) -> bool:
        if not self.on or method != self.method:
            return False
        self.calls += 1
        return self.calls > self.passes

    def answer(self) -> Any:
        match self.kind:
            case Kind.RAISES:
                raise Boom(SAID)
            case Kind.CANCELS_ITSELF:
                raise asyncio.CancelledError(SAID)
            case Kind.NOTHING:
                return None
            case Kind.A_NUMBER:
                return -7
            case _:
                return [SAID]

    async def answer_late(self) -> Any:
        if self.kind is not Kind.HANGS:
            return self.answer()
        self.hanging += 1
        try:
            return await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.hanging -= 1


class Faulty:
    """A port with a fault; so are the connections that come from it."""

    def __init__(self, host: object, fault: Fault) -> None:
        self._host, self._fault = host, fault

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._host, name)

        async def call(*arguments: Any) -> Any:
            if self._fault.strikes(name):
                if name in ("disconnect", "release"):
                    # It is over all the same: a radio that stays connected is another fault.
                    await member()
                return await self._fault.answer_late()
            answer = await member(*arguments)
            if isinstance(answer, OverPackets):
                return replace(answer, packets=Faulty(answer.packets, self._fault))
            if isinstance(answer, OverCard):
                return replace(answer, card=Faulty(answer.card, self._fault))
            return answer

        return call


class SystemClock:
    """The system's clocks, with a fault."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def unix_seconds(self) -> int:
        return self._fault.answer() if self._fault.strikes("unix_seconds") else int(time.time())

    def elapsed_millis(self) -> int:
        return self._fault.answer() if self._fault.strikes("elapsed_millis") else time.monotonic_ns() // 1_000_000
