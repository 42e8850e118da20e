"""The host's ports as the generated interface has them: values are copied, nothing is decided."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from . import _ffi
from ._bridge import Ask, Work, translated
from ._ports import BankHttp, Card, Clock, HttpRequest, Keystore, OverCard, OverPackets, Packets, Radio, Seen, Wanted


class _Port:
    def __init__(self, host: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._host, self._loop = host, loop

    def _ask(self, work: Work, *, certain: bool = False, undo: Work | None = None) -> Any:
        return Ask(self._loop, work, certain, undo)


class BankPort(_Port, _ffi.BankHttp):
    _host: BankHttp

    def call(self, request: _ffi.HttpRequest) -> Any:
        async def work() -> _ffi.HttpResponse:
            headers = [(header.name, header.value) for header in request.headers]
            asked = HttpRequest(request.method.name, request.path, headers, request.body)
            answer = await self._host.call(asked)
            return _ffi.HttpResponse(status=answer.status, content_type=answer.content_type, body=_bytes(answer.body))

        return self._ask(work)


class KeystorePort(_Port, _ffi.Keystore):
    _host: Keystore

    def create_dh(self, name: str) -> Any:
        async def work() -> bytes:
            return _bytes(await self._host.create_dh(name))

        return self._ask(work)

    def agree(self, name: str, point: bytes) -> Any:
        async def work() -> bytes:
            return _bytes(await self._host.agree(name, point))

        return self._ask(work)

    def sealing_key(self) -> Any:
        async def work() -> bytes:
            return _bytes(await self._host.sealing_key())

        return self._ask(work)


class ClockPort(_ffi.Clock):
    def __init__(self, host: Clock) -> None:
        self._host = host

    def unix_seconds(self) -> int:
        try:
            return _u64(self._host.unix_seconds())
        except BaseException as raised:
            raise translated(raised, _ffi.ClockError) from None

    def elapsed_millis(self) -> int:
        try:
            return _u64(self._host.elapsed_millis())
        except BaseException as raised:
            raise translated(raised, _ffi.ClockError) from None


class RadioPort(_Port, _ffi.Radio):
    _host: Radio

    def connect(self, wanted: _ffi.Wanted) -> Any:
        stood: list[OverPackets | OverCard] = []

        async def work() -> _ffi.Connected:
            connecting = asyncio.current_task()

            async def give_up() -> None:
                await wanted.given_up()
                if connecting is not None:
                    connecting.cancel()

            # The core waits for the end of an attempt that it gives up: cancelled from there, a connection could be lost on its way.
            giving_up = asyncio.ensure_future(give_up())
            try:
                stood.append(await self._host.connect(Wanted(wanted)))
                return _connected(stood[0], self._loop)
            finally:
                giving_up.cancel()

        async def undo() -> None:
            for stands in stood:
                # Whatever the host says of it, nobody has it.
                with contextlib.suppress(Exception):
                    await (stands.packets.disconnect() if isinstance(stands, OverPackets) else stands.card.release())

        return self._ask(work, undo=undo)

    def look(self) -> Any:
        async def work() -> list[_ffi.SeenToken]:
            return [_seen(seen) for seen in await self._host.look()]

        return self._ask(work)


class PacketsPort(_Port, _ffi.Packets):
    _host: Packets

    def info(self) -> Any:
        async def work() -> bytes:
            return _bytes(await self._host.info())

        return self._ask(work)

    def write(self, value: bytes) -> Any:
        return self._ask(lambda: self._host.write(value))

    def notified(self) -> Any:
        async def work() -> bytes:
            return _bytes(await self._host.notified())

        return self._ask(work)

    def disconnect(self) -> Any:
        return self._ask(lambda: self._host.disconnect(), certain=True)


class CardPort(_Port, _ffi.Card):
    _host: Card

    def transceive(self, command: bytes) -> Any:
        async def work() -> bytes:
            return _bytes(await self._host.transceive(command))

        return self._ask(work)

    def release(self) -> Any:
        return self._ask(lambda: self._host.release(), certain=True)


def _bytes(value: Any) -> bytes:
    """What is no bytes is refused here: what the generated code would make of it is another thing."""
    return bytes(memoryview(value))


def _u64(value: int) -> int:
    _ffi._UniffiFfiConverterUInt64.check_lower(value)
    return value


def _connected(stands: OverPackets | OverCard, loop: asyncio.AbstractEventLoop) -> _ffi.Connected:
    if isinstance(stands, OverPackets):
        via: Any = _ffi.Via.PACKETS(PacketsPort(stands.packets, loop), stands.mtu)
    else:
        via = _ffi.Via.CARD(CardPort(stands.card, loop), stands.extended)
    connected = _ffi.Connected(via=via, place=stands.place, others=stands.others)
    # Before the connection is registered on the way over: one that is refused half-way would stay so.
    _ffi._UniffiFfiConverterTypeConnected.check_lower(connected)
    stands.place.encode()
    return connected


def _seen(seen: Seen) -> _ffi.SeenToken:
    advertised = None if seen.advertised is None else _bytes(seen.advertised)
    return _ffi.SeenToken(medium=seen.medium, place=seen.place, advertised=advertised, signal=seen.signal)
